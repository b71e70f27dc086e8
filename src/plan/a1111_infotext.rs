//! [`Recipe`]: the settings of an edit as text beside a picture, and back.
//!
//! Two forms are written. JSON under [`OWN_KEYWORD`] is complete and exact. The text under
//! [`PARAMETERS_KEYWORD`] is the one AUTOMATIC1111's web UI made common: prompt, a line
//! `Negative prompt: …`, and a line of `Key: value`; other programs read it, and we read theirs. It
//! leaves out what is at its default there, and it cannot say everything.
//!
//! Folders are private: a model is named by the last part of its path only.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::infotext_loras;
use super::lora::LoraUse;
use super::second_pass::SecondPass;
use super::settings::{
    AreaMode, EditSettings, FillMode, Guidance, KeepDetails, Length, MaskMode, SamplerId,
    ScheduleId, Seed, Steps, Strength,
};
use crate::catalog::ModelRef;
use crate::geometry::Extent;
use crate::raster::FileOrigin;
use crate::raster::file::{OWN_KEYWORD, PARAMETERS_KEYWORD, RecipeText};

/// Version of our JSON. Raised when an older program would misread it.
const FORMAT: u64 = 1;

/// What a picture was made with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// Which model.
    pub model: ModelRef,
    /// What was chosen.
    pub settings: EditSettings,
    /// Size of the picture.
    pub extent: Extent,
}

/// Settings found in a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Restored {
    /// The settings; what the file does not say is as it was before.
    pub settings: EditSettings,
    /// Name of the model, as the file says it.
    pub model: Option<String>,
    /// Names of settings in the file that mean nothing here, or whose values are not possible.
    pub ignored: Vec<String>,
}

impl Recipe {
    /// Both forms, to be saved with the picture.
    pub fn text(&self) -> RecipeText {
        RecipeText {
            parameters: self.parameters(),
            json: self.json(),
        }
    }

    /// The form other programs read.
    pub fn parameters(&self) -> String {
        let s = &self.settings;
        let mut pairs: Vec<(&str, String)> = vec![
            ("Steps", s.steps.get().to_string()),
            ("Sampler", common_name(s.sampler).to_owned()),
            ("Schedule type", common_schedule(s.schedule).to_owned()),
            ("CFG scale", s.guidance.get().to_string()),
            ("Seed", s.seed.0.to_string()),
            (
                "Size",
                format!("{}x{}", self.extent.width, self.extent.height),
            ),
            ("Model", self.model.name()),
            ("Denoising strength", s.strength.get().to_string()),
        ];
        if s.image_guidance != EditSettings::default().image_guidance {
            pairs.push((IMAGE_GUIDANCE, s.image_guidance.get().to_string()));
        }
        if s.mask_mode == MaskMode::Stays {
            pairs.push(("Mask mode", NOT_MASKED.to_owned()));
        }
        if let Some(Length::Px(px)) = s.feather {
            pairs.push(("Mask blur", px.to_string()));
        }
        if s.area == AreaMode::Masked {
            pairs.push(("Inpaint area", ONLY_MASKED.to_owned()));
        }
        if let Some(Length::Px(px)) = s.padding {
            pairs.push(("Masked area padding", px.to_string()));
        }
        if let Some(content) = common_fill(s.fill) {
            pairs.push(("Masked content", content.to_owned()));
        }
        if s.keep_details != KeepDetails::Auto {
            pairs.push((KEEP_DETAILS, s.keep_details.id().to_owned()));
        }
        if let Some(size) = s.work_size {
            pairs.push((WORK_SIZE, size.to_string()));
        }
        if s.second_pass != SecondPass::Off {
            pairs.push((SECOND_PASS, s.second_pass.to_string()));
        }
        if s.second_strength != EditSettings::default().second_strength {
            pairs.push((SECOND_STRENGTH, s.second_strength.get().to_string()));
        }
        if let Some(hashes) = infotext_loras::hashes(&s.loras) {
            pairs.push((LORA_HASHES, hashes));
        }
        pairs.push((
            "Version",
            concat!("Overpaint ", env!("CARGO_PKG_VERSION")).to_owned(),
        ));

        let line: Vec<String> = pairs
            .iter()
            .map(|(key, value)| format!("{key}: {}", quoted(value)))
            .collect();
        let mut text = infotext_loras::with_tags(&s.prompt, &s.loras);
        if !s.negative.is_empty() {
            text = format!("{text}\n{NEGATIVE} {}", s.negative);
        }
        format!("{text}\n{}", line.join(", "))
    }

    /// Our own form.
    pub fn json(&self) -> String {
        json!({
            "format": FORMAT,
            "app": "overpaint",
            "version": env!("CARGO_PKG_VERSION"),
            "model": self.model.name(),
            "settings": EditSettings {
                loras: self.settings.loras.iter().map(LoraUse::without_folder).collect(),
                ..self.settings.clone()
            },
        })
        .to_string()
    }
}

impl Restored {
    /// The settings in a file's texts: ours where they can be read, else the common ones. What the
    /// file does not say is taken from `before`.
    pub fn from_file(origin: &FileOrigin, before: &EditSettings) -> Option<Self> {
        let own = origin
            .text(OWN_KEYWORD)
            .and_then(|text| Self::from_json(text, before));
        own.or_else(|| Self::from_parameters(origin.text(PARAMETERS_KEYWORD)?, before))
    }

    /// Reads our own form. A setting that is missing, unknown or not possible harms no other.
    /// `None` when it is not ours or from a later format.
    pub fn from_json(text: &str, before: &EditSettings) -> Option<Self> {
        let recipe: Value = serde_json::from_str(text).ok()?;
        if recipe.get("app")? != "overpaint" || recipe.get("format")?.as_u64()? > FORMAT {
            return None;
        }
        let Value::Object(mut known) = serde_json::to_value(before).ok()? else {
            return None;
        };
        // Files from before there was a choice were made without.
        known.insert("keep_details".to_owned(), KeepDetails::Off.id().into());
        known.insert("second_pass".to_owned(), SecondPass::Off.to_string().into());
        known.insert("work_size".to_owned(), Value::Null);
        known.insert("loras".to_owned(), Value::Array(Vec::new()));
        let mut settings = EditSettings {
            keep_details: KeepDetails::Off,
            work_size: None,
            second_pass: SecondPass::Off,
            loras: Vec::new(),
            ..before.clone()
        };
        let mut ignored = Vec::new();
        for (key, value) in recipe.get("settings")?.as_object()? {
            match with_setting(&mut known, key, value) {
                Some(changed) => settings = changed,
                None => ignored.push(key.clone()),
            }
        }
        Some(Self {
            settings,
            model: recipe
                .get("model")
                .and_then(Value::as_str)
                .map(str::to_owned),
            ignored,
        })
    }

    /// Reads the common form. `None` when the text does not end in a line of settings.
    pub fn from_parameters(text: &str, before: &EditSettings) -> Option<Self> {
        let text = text.trim();
        let (words, last) = text.rsplit_once('\n').unwrap_or(("", text));
        let pairs = pairs_of(last);
        if pairs.len() < 3 {
            return None;
        }
        let mut restored = Self {
            settings: before.clone(),
            model: None,
            ignored: Vec::new(),
        };
        let (prompt, negative) = split_words(words);
        let hashes = pairs.iter().find(|(key, _)| key == LORA_HASHES);
        let hashes = hashes.map(|(_, hashes)| hashes.as_str());
        let (prompt, loras) = infotext_loras::take_tags(&prompt, hashes);
        restored.settings.prompt = prompt;
        restored.settings.loras = loras;
        restored.settings.negative = negative;
        restored.assume_their_defaults(&pairs);
        for (key, value) in &pairs {
            if restored.take(key, value).is_none() {
                restored.ignored.push(key.clone());
            }
        }
        Some(restored)
    }

    /// Their files leave out defaults. Where any mask setting is there, the others are at theirs.
    fn assume_their_defaults(&mut self, pairs: &[(String, String)]) {
        const OF_MASKS: [&str; 5] = [
            "Mask mode",
            "Mask blur",
            "Inpaint area",
            "Masked area padding",
            "Masked content",
        ];
        if pairs
            .iter()
            .any(|(key, _)| OF_MASKS.contains(&key.as_str()))
        {
            self.settings.mask_mode = MaskMode::Changes;
            self.settings.area = AreaMode::Whole;
            self.settings.fill = FillMode::Original;
        }
    }

    /// Takes one setting over; `None` when it means nothing here.
    fn take(&mut self, key: &str, value: &str) -> Option<()> {
        let s = &mut self.settings;
        match key {
            "Steps" => s.steps = Steps::new(value.parse().ok()?).ok()?,
            "Sampler" => {
                let (sampler, schedule) = sampler_of(value)?;
                s.sampler = sampler;
                // Older files have the schedule in the sampler's name, and no key of its own.
                s.schedule = schedule;
            }
            "Schedule type" => s.schedule = schedule_of(value)?,
            "CFG scale" => s.guidance = Guidance::new(value.parse().ok()?).ok()?,
            IMAGE_GUIDANCE => s.image_guidance = Guidance::new(value.parse().ok()?).ok()?,
            "Seed" => s.seed = Seed(value.parse().ok()?),
            "Denoising strength" => s.strength = Strength::new(value.parse().ok()?).ok()?,
            "Model" => self.model = Some(value.to_owned()),
            "Mask mode" if value == NOT_MASKED => s.mask_mode = MaskMode::Stays,
            "Mask blur" => s.feather = Some(pixels(value)?),
            "Inpaint area" if value == ONLY_MASKED => s.area = AreaMode::Masked,
            "Masked area padding" => s.padding = Some(pixels(value)?),
            "Masked content" => s.fill = fill_of(value)?,
            WORK_SIZE => s.work_size = Some(value.parse().ok()?),
            SECOND_PASS => s.second_pass = value.parse().ok()?,
            SECOND_STRENGTH => {
                s.second_strength = Strength::new(value.parse().ok()?).ok()?;
            }
            KEEP_DETAILS => s.keep_details = value.parse().ok()?,
            // Of the picture, not of the edit; and what goes with words of the prompt.
            "Size" | "Version" | LORA_HASHES => {}
            _ => return None,
        }
        Some(())
    }
}

const NEGATIVE: &str = "Negative prompt:";
const NOT_MASKED: &str = "Inpaint not masked";
const ONLY_MASKED: &str = "Only masked";
/// As AUTOMATIC1111's web UI has it.
const IMAGE_GUIDANCE: &str = "Image CFG scale";
const KEEP_DETAILS: &str = "Keep details";
const WORK_SIZE: &str = "Work size";
const SECOND_PASS: &str = "Second pass";
const LORA_HASHES: &str = "Lora hashes";
const SECOND_STRENGTH: &str = "Second pass strength";

/// `known` with one setting replaced, if that makes settings; `known` keeps the change.
fn with_setting(known: &mut Map<String, Value>, key: &str, value: &Value) -> Option<EditSettings> {
    let old = known.get(key)?.clone();
    known.insert(key.to_owned(), value.clone());
    let settings = serde_json::from_value(Value::Object(known.clone())).ok();
    if settings.is_none() {
        known.insert(key.to_owned(), old);
    }
    settings
}

fn common_name(sampler: SamplerId) -> &'static str {
    match sampler {
        SamplerId::Euler => "Euler",
        SamplerId::EulerA => "Euler a",
        SamplerId::Dpmpp2m => "DPM++ 2M",
        SamplerId::Ddim => "DDIM",
        SamplerId::Lcm => "LCM",
    }
}

fn common_schedule(schedule: ScheduleId) -> &'static str {
    match schedule {
        ScheduleId::Model => "Automatic",
        ScheduleId::Karras => "Karras",
    }
}

fn common_fill(fill: FillMode) -> Option<&'static str> {
    match fill {
        FillMode::Auto | FillMode::Original => None,
        FillMode::Blur => Some("fill"),
        // Not a word of theirs; other programs pass over it.
        FillMode::Content => Some("content"),
        FillMode::Noise => Some("latent noise"),
        FillMode::Nothing => Some("latent nothing"),
    }
}

fn fill_of(name: &str) -> Option<FillMode> {
    if name == "original" {
        return Some(FillMode::Original);
    }
    FillMode::ALL
        .iter()
        .copied()
        .find(|fill| common_fill(*fill) == Some(name))
}

fn schedule_of(name: &str) -> Option<ScheduleId> {
    ScheduleId::ALL
        .iter()
        .copied()
        .find(|schedule| common_schedule(*schedule).eq_ignore_ascii_case(name))
}

/// `DPM++ 2M Karras` of older files is a sampler and a schedule.
fn sampler_of(name: &str) -> Option<(SamplerId, ScheduleId)> {
    let (name, schedule) = match name.strip_suffix(" Karras") {
        Some(name) => (name, ScheduleId::Karras),
        None => (name, ScheduleId::Model),
    };
    let sampler = SamplerId::ALL
        .iter()
        .copied()
        .find(|sampler| common_name(*sampler).eq_ignore_ascii_case(name))?;
    Some((sampler, schedule))
}

fn pixels(value: &str) -> Option<Length> {
    value
        .parse()
        .ok()
        .filter(|length| matches!(length, Length::Px(_)))
}

/// A value with a comma, a colon or a line break stands in quotes, as a JSON string.
fn quoted(value: &str) -> String {
    if value.contains([',', ':', '\n', '"']) {
        Value::from(value).to_string()
    } else {
        value.to_owned()
    }
}

/// Prompt and negative prompt.
fn split_words(words: &str) -> (String, String) {
    let mut prompt: Vec<&str> = Vec::new();
    let mut lines = words.split('\n');
    for line in lines.by_ref() {
        if let Some(first) = line.trim_start().strip_prefix(NEGATIVE) {
            let mut negative = vec![first.strip_prefix(' ').unwrap_or(first)];
            negative.extend(lines);
            return (prompt.join("\n"), negative.join("\n"));
        }
        prompt.push(line);
    }
    (prompt.join("\n"), String::new())
}

/// The `Key: value` pairs of a line. What does not look like a pair is passed over.
fn pairs_of(line: &str) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    let mut rest = line;
    while !rest.is_empty() {
        let (key, after) = match rest.split_once(':') {
            Some((key, after)) if is_key(key.trim()) => (key.trim(), after.trim_start()),
            _ => {
                rest = rest.split_once(',').map_or("", |(_, after)| after);
                continue;
            }
        };
        let (value, after) = quoted_value(after).unwrap_or_else(|| {
            let (value, after) = after.split_once(',').unwrap_or((after, ""));
            (value.trim().to_owned(), after)
        });
        pairs.push((key.to_owned(), value));
        rest = after;
    }
    pairs
}

fn is_key(key: &str) -> bool {
    key.len() > 1
        && key.starts_with(|c: char| c.is_alphanumeric() || c == '_')
        && key
            .chars()
            .all(|c| c.is_alphanumeric() || "_ -/".contains(c))
}

/// A JSON string at the start, and what follows the comma after it.
fn quoted_value(text: &str) -> Option<(String, &str)> {
    if !text.starts_with('"') {
        return None;
    }
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<String>();
    let value = stream.next()?.ok()?;
    let after = text.get(stream.byte_offset()..)?.trim_start();
    if after.is_empty() {
        return Some((value, ""));
    }
    after.strip_prefix(',').map(|after| (value, after))
}

#[cfg(test)]
#[path = "a1111_infotext_tests.rs"]
mod tests;

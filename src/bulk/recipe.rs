//! [`BulkRecipe`]: the file that says what is done with every picture of a folder.
//!
//! TOML, so that people can read and write it; its words are the options of `overpaint edit` with `_`
//! for `-`, and the same types read them, so that what is refused there is refused here. What a program
//! does not know it refuses: a misspelt key must not silently mean its default for 200 pictures.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::error::BulkError;
use super::output::{OutputFormat, OutputSection};
use super::template::Template;
use super::words::{self, SeedRule, Word};
use crate::catalog::{ModelCard, STARTER_ID};
use crate::plan::{
    AreaMode, EditSettings, EraseSettings, FillMode, Guidance, KeepDetails, Length, MaskMode,
    PlanError, Put, SamplerId, ScheduleId, SecondPass, Steps, Strength, Task, WorkSize,
};
use crate::raster::FileFormat;
use crate::raster::file::MaskChannel;
use crate::select::Part;

/// The end of a recipe's file name.
pub const RECIPE_ENDING: &str = ".overpaint-recipe.toml";
/// Raised when an older program would misread what a newer one writes.
pub const RECIPE_VERSION: u32 = 1;

/// What is done with every picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BulkRecipe {
    /// [`RECIPE_VERSION`].
    pub version: u32,
    /// What it is for, in its author's words; nothing depends on it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// What is masked.
    #[serde(default)]
    pub mask: MaskSection,
    /// Edit with a model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edit: Option<EditSection>,
    /// Take what is masked out, without a model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erase: Option<EraseSection>,
    /// Put something else behind what is masked, without a model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub background: Option<BackgroundSection>,
    /// What is written.
    #[serde(default)]
    pub output: OutputSection,
}

/// What is masked, and how the mask is refined.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MaskSection {
    /// A part that is selected in each picture.
    #[serde(with = "words::part", skip_serializing_if = "Option::is_none")]
    pub select: Option<Part>,
    /// That person's part only, counted from 1, from left to right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<NonZeroU32>,
    /// A mask's file: with `{stem}` in it one for each picture, from the picture's folder; without,
    /// the same for all, from the recipe's folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mask: Option<String>,
    /// Which channel of the mask's file is read.
    #[serde(with = "words::channel", skip_serializing_if = "Option::is_none")]
    pub mask_channel: Option<MaskChannel>,
    /// What being painted means.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mask_mode: Option<MaskMode>,
    /// Change the whole picture where the mask is empty, instead of leaving it for a look.
    #[serde(skip_serializing_if = "is_false")]
    pub allow_empty_mask: bool,
    /// How far the region is grown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grow: Option<Word<Length>>,
    /// How far the region is shrunk, before it is grown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shrink: Option<Word<Length>>,
    /// Width of the soft band around the region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feather: Option<Word<Length>>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference to the field"
)]
fn is_false(value: &bool) -> bool {
    !value
}

/// Edit with a model. What is left out comes from the task, then from the model's own defaults.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EditSection {
    /// An id of `overpaint models`, or where a model lies, from the recipe's folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// LoRAs to add to the model: `FILE`, or `FILE:WEIGHT`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lora: Vec<String>,
    /// A checkpoint's autoencoder, from the recipe's folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vae: Option<String>,
    /// Mask mode, strength and fill for what people come to do.
    #[serde(with = "words::task", skip_serializing_if = "Option::is_none")]
    pub task: Option<Task>,
    /// What should be there, with places such as `{colour}`, `{stem}`, `{title}`, `{prompt}`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub prompt: String,
    /// What should not.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub negative: String,
    /// Where each picture's own prompt lies: with `{stem}` in it a text file for each picture, from
    /// the picture's folder; without, a table (CSV or TSV), from the recipe's folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompts: Option<String>,
    /// How far the model may imagine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strength: Option<Strength>,
    /// Several strengths, each to a file of its own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub strengths: Vec<Strength>,
    /// Length of the schedule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<Steps>,
    /// How closely the prompt is followed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guidance: Option<Guidance>,
    /// How closely the picture is followed, by models that are told what to change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_guidance: Option<Guidance>,
    /// Which noise.
    pub seed: SeedRule,
    /// How steps are taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sampler: Option<SamplerId>,
    /// Which noise levels they visit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<ScheduleId>,
    /// What the model is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub area: Option<AreaMode>,
    /// Surroundings shown with a masked area.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub padding: Option<Word<Length>>,
    /// What the region holds at the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fill: Option<FillMode>,
    /// Details that the model cannot see.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_details: Option<KeepDetails>,
    /// Work size of the first pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub work_size: Option<Word<WorkSize>>,
    /// Whether the result is drawn again at a larger work size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub second_pass: Option<Word<SecondPass>>,
    /// Denoising strength of a second pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub second_strength: Option<Strength>,
    /// Words for places of the prompt: every combination is made of every picture.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub lists: BTreeMap<String, Vec<String>>,
    /// What the model and the LoRAs are, by the names there (`model_identity`, `LoraRef::identity`): with
    /// it they are found wherever they lie and whatever they are called, and others are refused.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub identities: BTreeMap<String, String>,
}

/// Take what is masked out. All it needs is said by the mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EraseSection {}

/// Put something else behind: the subject, unless the mask says better, stays as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackgroundSection {
    /// What is put behind; a picture lies in the recipe's folder and covers all.
    pub put: Word<Put>,
}

/// What is done with what is masked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Action<'a> {
    /// Edit with a model.
    Edit(&'a EditSection),
    /// Take it out.
    Erase,
    /// Put something else behind it.
    Background(&'a Put),
}

/// Places of an output's name that every picture has.
const OF_NAME: [&str; 5] = ["stem", "from", "ext", "strength", "seed"];
/// Places of a prompt that every picture has.
const OF_PROMPT: [&str; 3] = ["stem", "title", "prompt"];

impl BulkRecipe {
    /// Reads a recipe's text. Everything that can be known without pictures and model is checked.
    pub fn parse(text: &str) -> Result<Self, BulkError> {
        // What a newer program writes is said to be that, not to be full of unknown words.
        let version = toml::from_str::<toml::Table>(text)
            .map_err(|error| BulkError::of_toml(text, &error))?
            .get("version")
            .and_then(toml::Value::as_integer);
        if let Some(version) = version
            && version != i64::from(RECIPE_VERSION)
        {
            return Err(BulkError::Version {
                found: version,
                known: RECIPE_VERSION,
            });
        }
        let recipe: Self =
            toml::from_str(text).map_err(|error| BulkError::of_toml(text, &error))?;
        recipe.check()?;
        Ok(recipe)
    }

    /// Its text.
    pub fn text(&self) -> Result<String, BulkError> {
        toml::to_string_pretty(self).map_err(|error| BulkError::Unwritable(error.to_string()))
    }

    /// What is done.
    pub fn action(&self) -> Result<Action<'_>, BulkError> {
        match (&self.edit, &self.erase, &self.background) {
            (Some(edit), None, None) => Ok(Action::Edit(edit)),
            (None, Some(EraseSection {}), None) => Ok(Action::Erase),
            (None, None, Some(BackgroundSection { put: Word(put) })) => Ok(Action::Background(put)),
            _ => Err(BulkError::OneAction),
        }
    }

    /// Name of the model that is asked for; `None` where none is.
    pub fn model(&self) -> Option<&str> {
        let edit = self.edit.as_ref()?;
        Some(edit.model.as_deref().unwrap_or(STARTER_ID))
    }

    /// Whether it can be used, as far as that is known without pictures and model.
    pub fn check(&self) -> Result<(), BulkError> {
        let action = self.action()?;
        let mask = &self.mask;
        if mask.select.is_some() && mask.mask.is_some() {
            return Err(BulkError::Both("mask.select", "mask.mask"));
        }
        if mask.person.is_some() && self.part().is_none() {
            return Err(BulkError::Needs("mask.person", "mask.select"));
        }
        if let Some(path) = &mask.mask {
            Self::check_places("mask.mask", path, &["stem", "from"], &[])?;
        } else if action == Action::Erase && mask.select.is_none() {
            return Err(BulkError::Needs("erase", "mask.select"));
        }
        if let Some(quality) = self.output.quality.filter(|it| !(1..=100).contains(it)) {
            return Err(BulkError::Quality(quality));
        }
        if let Action::Background(put) = action {
            self.check_background(put)?;
        }
        let mut differing = BTreeSet::new();
        if let Action::Edit(edit) = action {
            edit.check()?;
            differing.extend(edit.lists.keys().map(String::as_str));
            if edit.strengths.len() > 1 {
                differing.insert("strength");
            }
        }
        let Some(name) = &self.output.name else {
            return Ok(());
        };
        let lists = self.edit.as_ref().map(|edit| &edit.lists);
        let lists: Vec<&str> = lists
            .into_iter()
            .flatten()
            .map(|(k, _)| k.as_str())
            .collect();
        let name = Self::check_places("output.name", name, &OF_NAME, &lists)?;
        if !name.has("ext") {
            return Err(BulkError::NameWithout("ext".to_owned()));
        }
        match differing.into_iter().find(|place| !name.has(place)) {
            Some(place) => Err(BulkError::NameWithout(place.to_owned())),
            None => Ok(()),
        }
    }

    /// A matte is neither turned round nor made wider, and a cut-out needs transparency.
    fn check_background(&self, put: &Put) -> Result<(), BulkError> {
        let mask = &self.mask;
        let given = [
            ("mask.mask_mode", mask.mask_mode.is_some()),
            ("mask.grow", mask.grow.is_some()),
            ("mask.feather", mask.feather.is_some()),
        ];
        if let Some((key, _)) = given.into_iter().find(|(_, given)| *given) {
            return Err(BulkError::Both("background", key));
        }
        let jpeg = self.output.format == Some(OutputFormat(FileFormat::Jpeg));
        if *put == Put::Nothing && jpeg {
            return Err(BulkError::Both("background.put", "output.format"));
        }
        Ok(())
    }

    fn check_places(
        key: &'static str,
        text: &str,
        known: &[&str],
        lists: &[&str],
    ) -> Result<Template, BulkError> {
        let template = Template::parse(key, text)?;
        let all = || known.iter().chain(lists);
        let unknown = template.places().find(|name| !all().any(|k| k == name));
        if let Some(name) = unknown.map(str::to_owned) {
            let known: Vec<String> = all().map(|k| format!("{{{k}}}")).collect();
            let known = known.join(", ");
            return Err(BulkError::Place { key, name, known });
        }
        Ok(template)
    }

    /// The part that is selected: the one asked for, or the task's where no mask says better.
    pub fn part(&self) -> Option<Part> {
        let task = self.edit.as_ref().and_then(|edit| edit.task);
        match (self.mask.select, &self.mask.mask) {
            (Some(part), _) => Some(part),
            (None, Some(_)) => None,
            (None, None) if self.background.is_some() => Some(Part::Subject),
            (None, None) => task.and_then(Task::part),
        }
    }

    /// The settings of an edit with that model but prompts, strength and seed, which are each picture's.
    pub fn edit_settings(&self, card: &ModelCard) -> EditSettings {
        let mut settings = EditSettings::default().with_defaults_of(&card.defaults);
        let Some(edit) = &self.edit else {
            return settings;
        };
        if let Some(task) = edit.task {
            task.set(&mut settings);
        }
        let mask = &self.mask;
        set(&mut settings.mask_mode, mask.mask_mode);
        set(&mut settings.grow, mask.grow.map(|Word(grow)| grow));
        set(
            &mut settings.feather,
            mask.feather.map(|Word(feather)| Some(feather)),
        );
        set(&mut settings.steps, edit.steps);
        set(&mut settings.guidance, edit.guidance);
        set(&mut settings.image_guidance, edit.image_guidance);
        set(&mut settings.sampler, edit.sampler);
        set(&mut settings.schedule, edit.schedule);
        set(&mut settings.area, edit.area);
        set(
            &mut settings.padding,
            edit.padding.map(|Word(padding)| Some(padding)),
        );
        set(&mut settings.fill, edit.fill);
        set(&mut settings.keep_details, edit.keep_details);
        set(
            &mut settings.work_size,
            edit.work_size.map(|Word(size)| Some(size)),
        );
        set(
            &mut settings.second_pass,
            edit.second_pass.map(|Word(pass)| pass),
        );
        set(&mut settings.second_strength, edit.second_strength);
        set(&mut settings.strength, edit.strength);
        settings
    }

    /// The settings of an erasure.
    pub fn erase_settings(&self) -> EraseSettings {
        let mut settings = EraseSettings::default();
        set(&mut settings.mask_mode, self.mask.mask_mode);
        set(&mut settings.grow, self.mask.grow.map(|Word(grow)| grow));
        set(
            &mut settings.feather,
            self.mask.feather.map(|Word(feather)| feather),
        );
        settings
    }

    /// The strengths of an edit with that model; each must leave a step to run.
    pub fn strengths(&self, card: &ModelCard) -> Result<Vec<Strength>, PlanError> {
        let settings = self.edit_settings(card);
        let strengths = match &self.edit {
            Some(edit) if !edit.strengths.is_empty() => edit.strengths.clone(),
            _ => vec![settings.strength],
        };
        let idle = |strength: &&Strength| {
            let steps = settings.steps.of_run(**strength, &card.traits);
            steps.executed(**strength) == 0
        };
        match strengths.iter().find(idle) {
            Some(strength) => Err(PlanError::NothingToRun {
                steps: settings.steps.get(),
                strength: strength.get(),
            }),
            None => Ok(strengths),
        }
    }

    /// Name of the file that `source` gives: what is asked for, or what is needed to tell the
    /// variations apart.
    pub(super) fn name_template(&self) -> Result<Template, BulkError> {
        if let Some(name) = &self.output.name {
            return Template::parse("output.name", name);
        }
        let mut name = "{stem}".to_owned();
        if let Some(edit) = &self.edit {
            let lists = edit.lists.iter().filter(|(_, words)| words.len() > 1);
            let strength = (edit.strengths.len() > 1).then_some("strength");
            for place in lists.map(|(list, _)| list.as_str()).chain(strength) {
                name.push_str("-{");
                name.push_str(place);
                name.push('}');
            }
        }
        Template::parse("output.name", &format!("{name}.{{ext}}"))
    }

    /// Which kind of file a picture of that name becomes.
    pub fn format_of(&self, source: &Path) -> FileFormat {
        let own = FileFormat::of_path(source);
        let written = own.filter(|format| FileFormat::WRITABLE.contains(format));
        let asked = self.output.format.map(|OutputFormat(format)| format);
        let keeps_alpha = |format: &FileFormat| *format != FileFormat::Jpeg;
        let cut_out = matches!(self.action(), Ok(Action::Background(Put::Nothing)));
        let written = written.filter(|format| !cut_out || keeps_alpha(format));
        asked.or(written).unwrap_or_default()
    }
}

fn set<T>(setting: &mut T, word: Option<T>) {
    if let Some(value) = word {
        *setting = value;
    }
}

impl EditSection {
    fn check(&self) -> Result<(), BulkError> {
        if self.strength.is_some() && !self.strengths.is_empty() {
            return Err(BulkError::Both("edit.strength", "edit.strengths"));
        }
        if self.prompt.is_empty() && self.prompts.is_none() {
            return Err(BulkError::Needs("edit", "edit.prompt"));
        }
        if let Some(prompts) = &self.prompts {
            BulkRecipe::check_places("edit.prompts", prompts, &["stem", "from"], &[])?;
        }
        let (prompt, negative) = self.templates()?;
        let used = |list: &str| prompt.has(list) || negative.has(list);
        for (list, words) in &self.lists {
            if words.is_empty() {
                return Err(BulkError::EmptyList(list.clone()));
            }
            let is_taken = OF_NAME.iter().chain(&OF_PROMPT).any(|name| name == list);
            if is_taken {
                return Err(BulkError::ListName(list.clone()));
            }
            if !used(list) && self.prompts.is_none() {
                return Err(BulkError::UnusedList(list.clone()));
            }
        }
        if self.prompts.is_none() {
            let lists: Vec<&str> = self.lists.keys().map(String::as_str).collect();
            let known = &OF_PROMPT[..2];
            BulkRecipe::check_places("edit.prompt", &self.prompt, known, &lists)?;
            BulkRecipe::check_places("edit.negative", &self.negative, known, &lists)?;
        }
        Ok(())
    }

    /// Prompt and negative prompt.
    pub(super) fn templates(&self) -> Result<(Template, Template), BulkError> {
        Ok((
            Template::parse("edit.prompt", &self.prompt)?,
            Template::parse("edit.negative", &self.negative)?,
        ))
    }
}

#[cfg(test)]
#[path = "recipe_tests.rs"]
mod tests;

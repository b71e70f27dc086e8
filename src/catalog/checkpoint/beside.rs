//! What lies beside a checkpoint and says how it was trained.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::catalog::PredictionType;
use crate::catalog::facts::{Distillation, Family};

/// The longest such file that is read.
const LONGEST: u64 = 1 << 20;

/// What the files beside a checkpoint say of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Beside {
    pub(super) prediction: Option<PredictionType>,
    pub(super) distillation: Option<Distillation>,
}

/// Files that may say something of the checkpoint at `path`, whether they are there or not.
pub(in crate::catalog) fn places(path: &Path) -> Vec<PathBuf> {
    let mut places: Vec<PathBuf> = ["yaml", "json", "civitai.info"]
        .iter()
        .map(|ending| path.with_extension(ending))
        .collect();
    if let Some(folder) = path.parent() {
        // The same model as a diffusers folder, in one repository with the file.
        if folder.join("model_index.json").is_file() {
            places.push(folder.join("scheduler/scheduler_config.json"));
        }
    }
    places
}

impl Beside {
    /// Reads them.
    pub(super) fn of(path: &Path) -> Self {
        let mut found = Self::default();
        for place in places(path) {
            let is_short = std::fs::metadata(&place).is_ok_and(|file| file.len() <= LONGEST);
            let Some(text) = is_short
                .then(|| std::fs::read_to_string(&place).ok())
                .flatten()
            else {
                continue;
            };
            let said = if place.extension().is_some_and(|ending| ending == "yaml") {
                Self::of_yaml(&text)
            } else {
                Self::of_json(&text)
            };
            found.prediction = found.prediction.or(said.prediction);
            found.distillation = found.distillation.or(said.distillation);
        }
        found
    }

    /// A configuration as the programs that trained Stable Diffusion have it, which AUTOMATIC1111's
    /// web UI reads under the checkpoint's name: `v2-inference-v.yaml` has a `parameterization`, the
    /// others leave it out.
    fn of_yaml(text: &str) -> Self {
        let mut lines = text.lines().map(str::trim);
        let is_config = text.contains("target:") && text.contains("unet_config:");
        let said = lines.find_map(|line| line.strip_prefix("parameterization:"));
        let said = said.map(|value| value.split('#').next().unwrap_or_default());
        let prediction = match said.map(|value| value.trim().trim_matches(['"', '\''])) {
            Some("v") => Some(PredictionType::VPrediction),
            Some("x0") => Some(PredictionType::Sample),
            Some("eps") => Some(PredictionType::Epsilon),
            None if is_config => Some(PredictionType::Epsilon),
            _ => None,
        };
        Self {
            prediction,
            distillation: None,
        }
    }

    /// A scheduler's configuration of diffusers, or what download programs keep of a page of Civitai.
    fn of_json(text: &str) -> Self {
        let value: Value = serde_json::from_str(text).unwrap_or_default();
        let prediction = value.get("prediction_type").cloned();
        let base = value.get("baseModel").and_then(Value::as_str);
        Self {
            prediction: prediction.and_then(|said| serde_json::from_value(said).ok()),
            distillation: base.and_then(Distillation::in_words),
        }
    }
}

/// The side that a model of that family was trained on, in pixels, where nothing says better.
pub(super) fn usual_px(family: Family, prediction: PredictionType) -> u32 {
    match (family, prediction) {
        (Family::Xl, _) => 1024,
        (Family::StableDiffusion2, PredictionType::VPrediction) => 768,
        _ => 512,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::testing::put;

    #[test]
    fn configurations_beside_a_file_say_how_it_was_trained() {
        let room = tempfile::tempdir().unwrap();
        let of = |name: &str, text: &str| {
            put(room.path(), name, text.as_bytes());
            Beside::of(&room.path().join("m.v1.safetensors"))
        };
        assert_eq!(of("n.yaml", "parameterization: v"), Beside::default());
        let v = "model:\n  target: ldm.models.diffusion.ddpm.LatentDiffusion\n  params:\n    parameterization: \"v\" # \
                 2.x\n    unet_config:\n";
        let told = of("m.v1.yaml", v);
        assert_eq!(told.prediction, Some(PredictionType::VPrediction));
        let plain = v.replace("parameterization", "other");
        let told = of("m.v1.yaml", &plain);
        assert_eq!(told.prediction, Some(PredictionType::Epsilon));
        assert_eq!(of("m.v1.yaml", "a: b").prediction, None);
        let told = of("m.v1.json", "{\"prediction_type\": \"v_prediction\"}");
        assert_eq!(told.prediction, Some(PredictionType::VPrediction));
        let told = of("m.v1.civitai.info", "{\"baseModel\": \"SDXL Lightning\"}");
        assert_eq!(told.distillation, Some(Distillation::Lightning));
        assert_eq!(of("m.v1.json", "[").prediction, None);
        // In a diffusers folder its scheduler counts.
        put(room.path(), "model_index.json", b"{}");
        let told = of(
            "scheduler/scheduler_config.json",
            "{\"prediction_type\": \"sample\"}",
        );
        assert_eq!(told.prediction, Some(PredictionType::Sample));
    }
}

//! What shapes cannot tell of a checkpoint: how its answer is to be read, and for how many steps it
//! was made.

use super::unet;
use crate::catalog::tensor_file::{Dtype, TensorFile};
use crate::catalog::{ModelFile, PredictionType};

/// A bias whose spread tells the velocity models of SD 2 from the others: training for one leaves it
/// at about 0.04, for the other above 0.1.
const TELLING: &str = "output_blocks.11.1.transformer_blocks.0.norm1.bias";
const TELLING_STD: f64 = 0.09;

/// How the network's answer is to be read: what the user said, what the file says, a key some
/// trainers leave, for SD 2 the spread of one bias, then the file's name.
pub(super) fn prediction(file: &TensorFile, model: &ModelFile, is_sd2: bool) -> PredictionType {
    if let Some(chosen) = model.prediction {
        return chosen;
    }
    match file.metadata("modelspec.prediction_type") {
        Some("v") => return PredictionType::VPrediction,
        Some("epsilon") => return PredictionType::Epsilon,
        _ => {}
    }
    if file.tensors().contains_key("v_pred") {
        return PredictionType::VPrediction;
    }
    if is_sd2 {
        let spread = spread_of_telling_bias(file);
        return match spread {
            Some(spread) if spread > TELLING_STD => PredictionType::VPrediction,
            _ => PredictionType::Epsilon,
        };
    }
    let name = file_name(file);
    let says_so = ["v-pred", "v_pred", "vpred"]
        .iter()
        .any(|sign| name.contains(sign));
    if says_so {
        PredictionType::VPrediction
    } else {
        PredictionType::Epsilon
    }
}

/// Standard deviation of [`TELLING`], where it is there in numbers that are read quickly.
fn spread_of_telling_bias(file: &TensorFile) -> Option<f64> {
    let stored = file.tensors().get(&format!("{}{TELLING}", unet::PREFIX))?;
    let bytes = file.bytes_of(stored)?;
    let values: Vec<f64> = match stored.dtype {
        Dtype::F32 => bytes
            .as_chunks()
            .0
            .iter()
            .map(|b| f64::from(f32::from_le_bytes(*b)))
            .collect(),
        Dtype::F16 => bytes
            .as_chunks()
            .0
            .iter()
            .map(|b| f64::from(half::f16::from_le_bytes(*b)))
            .collect(),
        Dtype::BF16 => bytes
            .as_chunks()
            .0
            .iter()
            .map(|b| f64::from(half::bf16::from_le_bytes(*b)))
            .collect(),
        _ => return None,
    };
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Some((squares / (count - 1.0)).sqrt())
}

/// True where its schedule ends in noise alone.
pub(super) fn ends_in_noise(file: &TensorFile) -> bool {
    file.tensors().contains_key("ztsnr")
}

/// What a model was distilled to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Distillation {
    /// Latent consistency models.
    Consistency,
    /// Turbo, Lightning, Hyper: few steps from the noisiest on.
    Trailing,
}

impl Distillation {
    /// Told by a layer that only some of them have, then by what the file and its name say.
    pub(super) fn of(file: &TensorFile) -> Option<Self> {
        let guided = format!("{}time_embed.cond_proj.weight", unet::PREFIX);
        if file.tensors().contains_key(&guided) {
            return Some(Self::Consistency);
        }
        let title = file.metadata("modelspec.title").unwrap_or_default();
        let said = format!("{} {}", title.to_lowercase(), file_name(file));
        let words: Vec<&str> = said.split(|c: char| !c.is_ascii_alphabetic()).collect();
        let has = |word: &str| words.contains(&word);
        if has("lcm") {
            Some(Self::Consistency)
        } else if has("turbo") || has("lightning") || has("hyper") {
            Some(Self::Trailing)
        } else {
            None
        }
    }
}

/// The side of the square pictures it was trained on, where that is not its family's.
pub(super) fn native_px(file: &TensorFile, is_xl: bool) -> Option<u32> {
    // Stability's own; what others call turbo was distilled at 1024.
    (is_xl && file_name(file).starts_with("sd_xl_turbo")).then_some(512)
}

fn file_name(file: &TensorFile) -> String {
    let name = file.path().file_stem().unwrap_or_default();
    name.to_string_lossy().to_lowercase()
}

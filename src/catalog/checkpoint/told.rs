//! What shapes cannot tell of a checkpoint: how its answer is to be read, and for how many steps it
//! was made.

use super::beside::{Beside, usual_px};
use super::unet;
use crate::catalog::facts::{Distillation, Facts, Family, Told, ToldBy};
use crate::catalog::tensor_file::{Dtype, TensorFile};
use crate::catalog::{ModelFile, PredictionType};

/// A bias whose spread tells the velocity models of SD 2 from the others: training for one leaves it
/// at about 0.04, for the other above 0.1.
const TELLING: &str = "output_blocks.11.1.transformer_blocks.0.norm1.bias";
const TELLING_STD: f64 = 0.09;

/// What shapes cannot tell of the checkpoint, each by the surest that says anything: what the user
/// chose, what the file says of itself or a key some trainers leave, a configuration beside it, weights,
/// then the file's name.
pub(super) fn facts(file: &TensorFile, model: &ModelFile, family: Family) -> Facts {
    let beside = Beside::of(file.path());
    let prediction = prediction(file, model, family, &beside);
    let distillation = distillation(file, model, &beside);
    let native_px = native_px(file, model, (family, prediction.is));
    Facts {
        family,
        prediction,
        distillation,
        native_px,
    }
}

fn prediction(
    file: &TensorFile,
    model: &ModelFile,
    family: Family,
    beside: &Beside,
) -> Told<PredictionType> {
    use PredictionType::{Epsilon, VPrediction};
    if let Some(chosen) = model.prediction.filter(|_| !model.is_known) {
        return Told::by(ToldBy::Hand, chosen);
    }
    match file.metadata("modelspec.prediction_type") {
        Some("v") => return Told::by(ToldBy::Metadata, VPrediction),
        Some("epsilon") => return Told::by(ToldBy::Metadata, Epsilon),
        _ => {}
    }
    if file.tensors().contains_key("v_pred") {
        return Told::by(ToldBy::Metadata, VPrediction);
    }
    if let Some(said) = beside.prediction {
        return Told::by(ToldBy::Config, said);
    }
    if let Some(known) = model.prediction {
        return Told::by(ToldBy::Checksum, known);
    }
    if family == Family::StableDiffusion2
        && let Some(spread) = spread_of_telling_bias(file)
    {
        let is_v = spread > TELLING_STD;
        return Told::by(ToldBy::Weights, if is_v { VPrediction } else { Epsilon });
    }
    let name = file_name(file);
    let signs = ["v-pred", "v_pred", "vpred"];
    if signs.iter().any(|sign| name.contains(sign)) {
        Told::by(ToldBy::Name, VPrediction)
    } else {
        Told::by(ToldBy::Family, Epsilon)
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

fn distillation(file: &TensorFile, model: &ModelFile, beside: &Beside) -> Told<Distillation> {
    if let Some(chosen) = model.distillation.filter(|_| !model.is_known) {
        return Told::by(ToldBy::Hand, chosen);
    }
    // A layer that only some of them have.
    let guided = format!("{}time_embed.cond_proj.weight", unet::PREFIX);
    if file.tensors().contains_key(&guided) {
        return Told::by(ToldBy::Weights, Distillation::Consistency);
    }
    let title = file.metadata("modelspec.title");
    if let Some(said) = title.and_then(Distillation::in_words) {
        return Told::by(ToldBy::Metadata, said);
    }
    if let Some(said) = beside.distillation {
        return Told::by(ToldBy::Config, said);
    }
    if let Some(known) = model.distillation {
        return Told::by(ToldBy::Checksum, known);
    }
    match Distillation::in_words(&file_name(file)) {
        Some(said) => Told::by(ToldBy::Name, said),
        None => Told::by(ToldBy::Family, Distillation::None),
    }
}

fn native_px(
    file: &TensorFile,
    model: &ModelFile,
    (family, prediction): (Family, PredictionType),
) -> Told<u32> {
    if let Some(px) = model.native_px.filter(|_| !model.is_known) {
        return Told::by(ToldBy::Hand, px);
    }
    // “1024x1024”
    let said = file.metadata("modelspec.resolution");
    let side = said.and_then(|said| said.split('x').next()?.parse().ok());
    if let Some(px) = side.filter(|px| (256..=2048).contains(px)) {
        return Told::by(ToldBy::Metadata, px);
    }
    if let Some(px) = model.native_px {
        return Told::by(ToldBy::Checksum, px);
    }
    // Stability's own; what others call turbo was distilled at 1024.
    if family == Family::Xl && file_name(file).starts_with("sd_xl_turbo") {
        return Told::by(ToldBy::Name, 512);
    }
    Told::by(ToldBy::Family, usual_px(family, prediction))
}

fn file_name(file: &TensorFile) -> String {
    let name = file.path().file_stem().unwrap_or_default();
    name.to_string_lossy().to_lowercase()
}

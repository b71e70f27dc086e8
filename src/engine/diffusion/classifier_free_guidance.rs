//! [`GuidedUnet`]: the U-Net with its prompts, what it is shown beside the latent, and guidance.

use candle_core::{DType, Tensor};

use super::denoise::Predictor;
use super::unet::{Conditioning, Unet};
use crate::engine::{EngineError, Progress};
use crate::plan::Guidance;

/// Classifier-free guidance ([Ho & Salimans 2022](https://arxiv.org/abs/2207.12598), equation 6)
/// with both prompts in one pass; one prompt alone where guidance is off.
#[derive(Debug)]
pub(crate) struct GuidedUnet<'a> {
    pub(crate) unet: &'a Unet,
    /// Of two texts, the negative prompt first; of one where guidance is off.
    pub(crate) given: Conditioning,
    /// Mask and masked picture, (1, 1 + c, h, w), for a model that sees them.
    pub(crate) masked_image: Option<Tensor>,
    pub(crate) guidance: Guidance,
}

impl Predictor for GuidedUnet<'_> {
    fn predict(
        &mut self,
        scaled: &Tensor,
        timestep: f64,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        let input = match &self.masked_image {
            Some(masked_image) => Tensor::cat(&[scaled, masked_image], 1)?,
            None => scaled.clone(),
        };
        if !self.guidance.is_on() {
            let answer = self.unet.predict(&input, timestep, &self.given, progress)?;
            return Ok(answer.to_dtype(DType::F32)?);
        }
        let both = Tensor::cat(&[&input, &input], 0)?;
        let answers = self.unet.predict(&both, timestep, &self.given, progress)?;
        let answers = answers.to_dtype(DType::F32)?;
        let without = answers.narrow(0, 0, 1)?;
        let with = answers.narrow(0, 1, 1)?;
        Ok((&without + (with - &without)?.affine(self.guidance.get(), 0.0)?)?)
    }
}

//! [`GuidedUnet`]: the U-Net with its conditioning and classifier-free guidance.

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
    pub(crate) conditioning: Conditioning,
    /// Mask and masked-image latent, (1, 1 + c, h, w), for an inpainting model.
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
        self.predict_part(scaled, self.masked_image.as_ref(), timestep, progress)
    }
}

impl GuidedUnet<'_> {
    /// The prediction for a part of the latent, with that part of the masked image.
    pub(crate) fn predict_part(
        &self,
        scaled: &Tensor,
        masked_image: Option<&Tensor>,
        timestep: f64,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        let input = match masked_image {
            Some(masked_image) => Tensor::cat(&[scaled, masked_image], 1)?,
            None => scaled.clone(),
        };
        if !self.guidance.is_on() {
            let output = self
                .unet
                .predict(&input, timestep, &self.conditioning, progress)?;
            return Ok(output.to_dtype(DType::F32)?);
        }
        let both = Tensor::cat(&[&input, &input], 0)?;
        let outputs = self
            .unet
            .predict(&both, timestep, &self.conditioning, progress)?;
        let outputs = outputs.to_dtype(DType::F32)?;
        let unconditional = outputs.narrow(0, 0, 1)?;
        let conditional = outputs.narrow(0, 1, 1)?;
        let direction = (conditional - &unconditional)?;
        Ok((&unconditional + direction.affine(self.guidance.get(), 0.0)?)?)
    }
}

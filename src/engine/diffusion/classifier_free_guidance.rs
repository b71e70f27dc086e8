//! [`GuidedUnet`]: the U-Net with its conditioning and classifier-free guidance.

use candle_core::{DType, Tensor};

use super::denoise::Predictor;
use super::unet::{Conditioning, Unet};
use crate::engine::{EngineError, Progress};

/// Guided predictions, all of them from one pass of the network.
#[derive(Debug)]
pub(crate) struct GuidedUnet<'a> {
    pub(crate) unet: &'a Unet,
    /// Of as many texts as `mix` has members.
    pub(crate) conditioning: Conditioning,
    /// What the network reads beside the noisy latent, (1, c, h, w): mask and masked-image latent, or the
    /// latent of the picture that is edited.
    pub(crate) shown: Option<Tensor>,
    pub(crate) mix: Mix,
}

/// How the predictions of one pass are put together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Mix {
    /// One text, whose prediction is the answer.
    Single,
    /// The negative prompt, then the prompt: classifier-free guidance
    /// ([Ho & Salimans 2022](https://arxiv.org/abs/2207.12598), equation 6).
    Text {
        /// Of the prompt, above 1.
        scale: f64,
    },
    /// The negative prompt without the picture, the negative prompt, the prompt
    /// ([Brooks et al. 2023](https://arxiv.org/abs/2211.09800), equation 3).
    TextAndImage {
        /// Of the prompt, above 1.
        scale: f64,
        /// Of the picture, from 1.
        image_scale: f64,
    },
}

impl Mix {
    /// How many predictions it takes.
    pub(crate) fn members(self) -> usize {
        match self {
            Self::Single => 1,
            Self::Text { .. } => 2,
            Self::TextAndImage { .. } => 3,
        }
    }

    /// `shown` for each member.
    fn shown_to_each(self, shown: &Tensor) -> Result<Vec<Tensor>, EngineError> {
        let mut each = vec![shown.clone(); self.members()];
        if let (Self::TextAndImage { .. }, Some(first)) = (self, each.first_mut()) {
            *first = shown.zeros_like()?;
        }
        Ok(each)
    }

    /// The answer from the predictions of all members, (members, c, h, w).
    fn of(self, outputs: &Tensor) -> Result<Tensor, EngineError> {
        let member = |at: usize| outputs.narrow(0, at, 1);
        Ok(match self {
            Self::Single => outputs.clone(),
            Self::Text { scale } => {
                let unconditional = member(0)?;
                let direction = (member(1)? - &unconditional)?;
                (&unconditional + direction.affine(scale, 0.0)?)?
            }
            Self::TextAndImage { scale, image_scale } => {
                let (unconditional, image) = (member(0)?, member(1)?);
                let of_text = (member(2)? - &image)?.affine(scale, 0.0)?;
                let of_image = (image - &unconditional)?.affine(image_scale, 0.0)?;
                ((unconditional + of_text)? + of_image)?
            }
        })
    }
}

impl Predictor for GuidedUnet<'_> {
    fn predict(
        &mut self,
        scaled: &Tensor,
        timestep: f64,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        self.predict_part(scaled, self.shown.as_ref(), timestep, progress)
    }
}

impl GuidedUnet<'_> {
    /// The prediction for a part of the latent, with that part of what is shown.
    pub(crate) fn predict_part(
        &self,
        scaled: &Tensor,
        shown: Option<&Tensor>,
        timestep: f64,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        let members = match shown {
            Some(shown) => self
                .mix
                .shown_to_each(shown)?
                .iter()
                .map(|shown| Ok(Tensor::cat(&[scaled, shown], 1)?))
                .collect::<Result<Vec<_>, EngineError>>()?,
            None => vec![scaled.clone(); self.mix.members()],
        };
        let input = match members.as_slice() {
            [only] => only.clone(),
            several => Tensor::cat(several, 0)?,
        };
        let outputs = self
            .unet
            .predict(&input, timestep, &self.conditioning, progress)?;
        self.mix.of(&outputs.to_dtype(DType::F32)?)
    }
}

//! What the network is told and shown: texts, sizes, masks, pictures.

use candle_core::Tensor;

use super::super::classifier_free_guidance::Mix;
use super::super::text_encoder::EncodedText;
use super::super::unet::{Conditions, PictureSizes, Pooled};
use super::Run;
use crate::engine::nn::tensors::plane_tensor;
use crate::engine::{EngineError, Progress};
use crate::geometry::Extent;

impl Run<'_> {
    /// How the predictions of a step are put together.
    pub(super) fn mix(&self) -> Mix {
        let input = self.input;
        let scale = input.guidance.get();
        match input.guidance.predictions(&self.pipeline.card.traits) {
            1 => Mix::Single,
            2 => Mix::Text { scale },
            _ => Mix::TextAndImage {
                scale,
                image_scale: input.image_guidance.get(),
            },
        }
    }

    /// The texts of all members of the [`mix`](Self::mix).
    pub(super) fn text(&mut self, progress: &mut dyn Progress) -> Result<EncodedText, EngineError> {
        let mix = self.mix();
        let prompt = self.input.prompt.as_str();
        let negative = (mix != Mix::Single).then_some(self.input.negative.as_str());
        self.report.prompts = mix.members() as u32;
        let prompts = std::iter::once(prompt).chain(negative);
        self.report.unknown_words = self.pipeline.unknown_words(prompts)?;
        let mut text =
            self.pipeline
                .encode_prompts(prompt, negative, &mut self.report, progress)?;
        if let Mix::TextAndImage { .. } = mix {
            let negative_twice = |both: &Tensor| Tensor::cat(&[&both.narrow(0, 0, 1)?, both], 0);
            text.tokens = negative_twice(&text.tokens)?;
            text.pooled = text.pooled.as_ref().map(negative_twice).transpose()?;
        }
        Ok(text)
    }

    /// The latent of the input's picture; `None` where nothing of it is needed.
    pub(super) fn image_latent(
        &mut self,
        progress: &mut dyn Progress,
    ) -> Result<Option<Tensor>, EngineError> {
        let input = self.input;
        let needed =
            input.strength.get() < 1.0 || input.mask.is_some() || self.pipeline.fits_previews();
        if !needed {
            return Ok(None);
        }
        let image = &input.image;
        self.pipeline
            .encode_picture(image, &mut self.report, progress)
            .map(Some)
    }

    /// What the network reads beside the noisy latent: of an inpainting model mask and masked-image latent,
    /// (1, 1 + c, h, w); of one that follows instructions the picture's latent as the autoencoder gives it,
    /// not scaled, (1, c, h, w).
    pub(super) fn shown(
        &mut self,
        progress: &mut dyn Progress,
    ) -> Result<Option<Tensor>, EngineError> {
        let traits = &self.pipeline.card.traits;
        if traits.sees_mask() {
            return self.masked_image(progress).map(Some);
        }
        if !traits.follows_instructions() {
            return Ok(None);
        }
        let image = self.input.original.as_ref().unwrap_or(&self.input.image);
        let latent = self
            .pipeline
            .encode_picture(image, &mut self.report, progress)?;
        self.pipeline.unscaled(&latent).map(Some)
    }

    fn masked_image(&mut self, progress: &mut dyn Progress) -> Result<Tensor, EngineError> {
        let traits = &self.pipeline.card.traits;
        let factor = traits.vae_factor as usize;
        let image = &self.input.image;
        // As in training: a hard mask, and grey under it. Without a mask all of it is masked.
        let mask: Vec<bool> = match &self.input.mask {
            Some(mask) => mask.region.iter().map(|&alpha| alpha >= 0.5).collect(),
            None => vec![true; image.pixels.len()],
        };
        let mut masked = image.clone();
        for (pixel, &is_masked) in masked.pixels.iter_mut().zip(&mask) {
            if is_masked {
                *pixel = [0.5; 3];
            }
        }
        let masked = self
            .pipeline
            .encode_picture(&masked, &mut self.report, progress)?;
        // Downsampled to the nearest pixel, as in training, not the mean.
        let width = image.extent.width as usize;
        let rows = mask.chunks_exact(width).step_by(factor);
        let mask: Vec<f32> = rows
            .flat_map(|row| row.iter().step_by(factor))
            .map(|&is_masked| f32::from(u8::from(is_masked)))
            .collect();
        let mask = plane_tensor(mask, self.latent_size, &self.device)?;
        Ok(Tensor::cat(&[&mask, &masked], 1)?)
    }

    /// What the network is told of the picture: a tile is told of as a whole picture of its size, which
    /// is near what the network was trained with.
    pub(super) fn conditions<'t>(&self, text: &'t EncodedText) -> Conditions<'t> {
        let factor = self.pipeline.card.traits.vae_factor;
        let tile = self.input.tiles.first().map(|tile| tile.extent());
        let shown = tile.map_or(self.input.image.extent, |tile| {
            Extent::new(tile.width * factor, tile.height * factor)
        });
        Conditions {
            text: &text.tokens,
            pooled: text.pooled.as_ref().map(|text| Pooled {
                text,
                sizes: PictureSizes::of_whole(shown),
            }),
            guidance: self.input.guidance.get(),
        }
    }
}

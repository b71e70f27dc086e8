//! What the U-Net is told beside the noisy latent: [`Conditions`].

use candle_core::Tensor;

use crate::geometry::{Extent, Point};

/// What the U-Net is told of the picture.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Conditions<'a> {
    /// Embeddings of the texts, `(batch, tokens, width)`.
    pub(crate) text: &'a Tensor,
    /// What an SDXL model wants more.
    pub(crate) pooled: Option<Pooled<'a>>,
    /// The guidance scale, for a network that reads it.
    pub(crate) guidance: f64,
}

/// What an SDXL model is told beside the text's embeddings.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pooled<'a> {
    /// Of the whole texts, `(batch, width)`.
    pub(crate) text: &'a Tensor,
    /// Of the picture.
    pub(crate) sizes: PictureSizes,
}

/// The sizes in pixels that an SDXL model is told
/// ([Podell et al. 2023](https://arxiv.org/abs/2307.01952), section 2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PictureSizes {
    /// Of the picture before it was scaled and cropped.
    pub(crate) original: Extent,
    /// Upper left corner of the crop.
    pub(crate) crop: Point,
    /// Of what the model makes.
    pub(crate) target: Extent,
}

impl PictureSizes {
    /// How many numbers they are.
    pub(crate) const COUNT: usize = 6;

    /// Of a whole picture, as diffusers' pipelines have it.
    pub(crate) fn of_whole(picture: Extent) -> Self {
        Self {
            original: picture,
            crop: Point::default(),
            target: picture,
        }
    }

    /// In the order of training: heights and tops first.
    pub(crate) fn numbers(self) -> [f64; Self::COUNT] {
        [
            f64::from(self.original.height),
            f64::from(self.original.width),
            f64::from(self.crop.y),
            f64::from(self.crop.x),
            f64::from(self.target.height),
            f64::from(self.target.width),
        ]
    }
}

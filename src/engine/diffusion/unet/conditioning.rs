//! What the U-Net is told beside the noisy latent ([`Conditions`]), and what it computes of that once a
//! run ([`Conditioning`]).

use candle_core::Tensor;

use super::blocks::{BlockConditioning, StepConditioning};
use crate::engine::EngineError;
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

/// Keys and values of the text for every cross-attention, and the time shift of every residual block at
/// every timestep of a run.
#[derive(Debug)]
pub(crate) struct Conditioning {
    pub(super) timesteps: Vec<f64>,
    /// Members of the text's batch.
    pub(super) batch: usize,
    /// Rows of time shifts for a timestep: one, or one for each member of the batch.
    pub(super) members: usize,
    pub(super) down: Vec<BlockConditioning>,
    pub(super) mid: BlockConditioning,
    pub(super) up: Vec<BlockConditioning>,
}

impl Conditioning {
    /// The index of `timestep` among the run's.
    pub(super) fn index_of(&self, timestep: f64) -> Result<usize, EngineError> {
        let same = |known: &f64| known.to_bits() == timestep.to_bits();
        let index = self.timesteps.iter().position(same);
        index.ok_or_else(|| EngineError::Internal {
            why: format!("timestep {timestep} is none of the run's"),
        })
    }

    /// The conditioning of block `at` of `blocks`, some of this one's, at that timestep.
    pub(super) fn of_block<'a>(
        &self,
        blocks: &'a [BlockConditioning],
        at: usize,
        timestep_index: usize,
    ) -> Result<StepConditioning<'a>, EngineError> {
        let block = blocks.get(at).ok_or_else(|| EngineError::Internal {
            why: format!("block {at} of a U-Net has no conditioning"),
        })?;
        Ok(StepConditioning {
            block,
            first_row: timestep_index * self.members,
            members: self.members,
        })
    }
}

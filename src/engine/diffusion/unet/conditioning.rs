//! [`Conditioning`]: what the U-Net computes of text and timesteps alone, once a run.

use super::blocks::{BlockConditioning, StepConditioning};
use crate::engine::EngineError;

/// Keys and values of the text for every cross-attention, and the time shift of every residual block at
/// every timestep of a run.
#[derive(Debug)]
pub(crate) struct Conditioning {
    pub(super) timesteps: Vec<f64>,
    /// Members of the text's batch.
    pub(super) batch: usize,
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
}

impl<'a> StepConditioning<'a> {
    /// The conditioning of block `at` of `blocks` at that timestep.
    pub(super) fn of(
        blocks: &'a [BlockConditioning],
        at: usize,
        timestep_index: usize,
    ) -> Result<Self, EngineError> {
        let block = blocks.get(at).ok_or_else(|| EngineError::Internal {
            why: format!("block {at} of a U-Net has no conditioning"),
        })?;
        Ok(Self {
            block,
            timestep_index,
        })
    }
}

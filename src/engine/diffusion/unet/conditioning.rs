//! [`Conditioning`]: what the U-Net computes of its conditions alone, once a run.

use super::blocks::{BlockConditioning, StepConditioning};
use crate::engine::EngineError;

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

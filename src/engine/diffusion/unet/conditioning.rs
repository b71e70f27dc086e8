//! [`Conditioning`]: what does not change from step to step of a run.

use super::blocks::{BlockGiven, StepGiven};
use crate::engine::EngineError;

/// What a run tells the U-Net, made once of its text and its timesteps: keys and values of the text
/// for every attention, and what every residual block adds at each timestep.
#[derive(Debug)]
pub(crate) struct Conditioning {
    pub(super) timesteps: Vec<f64>,
    /// Members of the text's batch.
    pub(super) batch: usize,
    pub(super) down: Vec<BlockGiven>,
    pub(super) mid: BlockGiven,
    pub(super) up: Vec<BlockGiven>,
}

impl Conditioning {
    /// Which of the run's timesteps `timestep` is.
    pub(super) fn place_of(&self, timestep: f64) -> Result<usize, EngineError> {
        let same = |known: &f64| known.to_bits() == timestep.to_bits();
        let place = self.timesteps.iter().position(same);
        place.ok_or_else(|| EngineError::Internal {
            why: format!("timestep {timestep} is none of the run's"),
        })
    }
}

impl<'a> StepGiven<'a> {
    /// What block `at` of `blocks` is given at time number `time`.
    pub(super) fn of(
        blocks: &'a [BlockGiven],
        at: usize,
        time: usize,
    ) -> Result<Self, EngineError> {
        let block = blocks.get(at).ok_or_else(|| EngineError::Internal {
            why: format!("block {at} of a U-Net was given nothing"),
        })?;
        Ok(Self { block, time })
    }
}

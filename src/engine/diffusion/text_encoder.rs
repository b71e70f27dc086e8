//! Skeleton.
use super::weights::Precision;
use crate::catalog::ModelFiles;
use crate::engine::{EngineError, Progress};
use candle_core::{Device, Tensor};

/// CLIP text encoder.
#[derive(Debug)]
pub(crate) struct TextEncoder;

impl TextEncoder {
    pub(crate) fn load(
        _files: &ModelFiles,
        _device: &Device,
        _precision: Precision,
        _progress: &mut dyn Progress,
    ) -> Result<Self, EngineError> {
        Err(EngineError::Internal {
            why: "skeleton".to_owned(),
        })
    }
    pub(crate) fn window(&self) -> usize {
        0
    }
    pub(crate) fn width(&self) -> usize {
        0
    }
    pub(crate) fn encode(
        &self,
        _ids: &[Vec<u32>],
        _progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        Err(EngineError::Internal {
            why: "skeleton".to_owned(),
        })
    }
}

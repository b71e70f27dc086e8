//! Skeleton.
use super::weights::Precision;
use crate::catalog::ModelFiles;
use crate::engine::{EngineError, Progress};
use candle_core::{Device, Tensor};

/// `unet/config.json`.
#[derive(Debug, Clone)]
pub(crate) struct UnetConfig {
    /// Channels it takes.
    pub(crate) in_channels: usize,
    /// Channels it answers with.
    pub(crate) out_channels: usize,
    /// Width of the text it attends to.
    pub(crate) cross_attention_dim: usize,
}

/// The U-Net.
#[derive(Debug)]
pub(crate) struct Unet {
    config: UnetConfig,
}

impl Unet {
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
    pub(crate) fn config(&self) -> &UnetConfig {
        &self.config
    }
    pub(crate) fn predict(
        &self,
        _latent: &Tensor,
        _timestep: f64,
        _text: &Tensor,
        _progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        Err(EngineError::Internal {
            why: "skeleton".to_owned(),
        })
    }
}

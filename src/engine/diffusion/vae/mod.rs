//! Skeleton.
use super::weights::Precision;
use crate::catalog::ModelFiles;
use crate::engine::{EngineError, Progress};
use candle_core::{Device, Tensor};

/// `vae/config.json`.
#[derive(Debug, Clone)]
pub(crate) struct VaeConfig {
    /// Latents are multiplied by this.
    pub(crate) scaling_factor: f64,
    /// Taken from latents before that.
    pub(crate) shift_factor: f64,
    /// Channels of a latent.
    pub(crate) latent_channels: usize,
    /// Pixels per latent pixel along a side.
    pub(crate) factor: usize,
}

/// The autoencoder.
#[derive(Debug)]
pub(crate) struct Vae {
    config: VaeConfig,
}

impl Vae {
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
    pub(crate) fn config(&self) -> &VaeConfig {
        &self.config
    }
    pub(crate) fn encode(
        &self,
        _image: &Tensor,
        _progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        Err(EngineError::Internal {
            why: "skeleton".to_owned(),
        })
    }
    pub(crate) fn decode(
        &self,
        _latent: &Tensor,
        _progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        Err(EngineError::Internal {
            why: "skeleton".to_owned(),
        })
    }
}

//! The network that predicts noise: diffusers' `UNet2DConditionModel`, after
//! [Rombach et al. 2022](https://arxiv.org/abs/2112.10752).

mod blocks;
mod blueprint;
mod config;
mod time;
mod transformer;

use candle_core::{DType, Device, Tensor};

use self::blocks::{Conditioning, DownBlock, MidBlock, UpBlock};
pub(crate) use self::config::UnetConfig;
use self::time::TimeEmbedding;
use super::failure::{all_finite, bad_input};
use super::layers::{Conv2d, ConvShape, GroupNorm};
use super::weights::{Loader, Precision, Weights};
use crate::catalog::ModelFiles;
use crate::engine::{EngineError, Progress};

const WEIGHTS: &[&str] = &[
    "unet/diffusion_pytorch_model.safetensors",
    "unet/diffusion_pytorch_model.fp16.safetensors",
];

/// A U-Net that attends to text.
#[derive(Debug)]
pub(crate) struct Unet {
    config: UnetConfig,
    time: TimeEmbedding,
    conv_in: Conv2d,
    down: Vec<DownBlock>,
    mid: Option<MidBlock>,
    up: Vec<UpBlock>,
    norm_out: GroupNorm,
    conv_out: Conv2d,
    device: Device,
    compute: DType,
}

impl Unet {
    /// Reads the U-Net of a model.
    pub(crate) fn load(
        files: &ModelFiles,
        device: &Device,
        precision: Precision,
        progress: &mut dyn Progress,
    ) -> Result<Self, EngineError> {
        let config = UnetConfig::read(files)?;
        let weights = Weights::open(files, WEIGHTS, device, precision)?;
        let mut from = Loader::new(weights, progress);
        let first = config.first_channels();
        let conv_in = ConvShape::same3(config.in_channels, first);
        let conv_out = ConvShape::same3(first, config.out_channels);
        let count = config.levels.len();
        Ok(Self {
            time: TimeEmbedding::load(&mut from, &config)?,
            conv_in: Conv2d::load(from.scope("conv_in"), conv_in)?,
            down: (0..count)
                .map(|level| DownBlock::load(from.member("down_blocks", level), &config, level))
                .collect::<Result<_, _>>()?,
            mid: MidBlock::load(from.scope("mid_block"), &config)?,
            up: (0..count)
                .map(|at| UpBlock::load(from.member("up_blocks", at), &config, count - 1 - at))
                .collect::<Result<_, _>>()?,
            norm_out: GroupNorm::load(
                from.scope("conv_norm_out"),
                first,
                config.groups,
                config.eps,
            )?,
            conv_out: Conv2d::load(from.scope("conv_out"), conv_out)?,
            config,
            device: device.clone(),
            compute: precision.compute,
        })
    }

    /// What `unet/config.json` says.
    pub(crate) fn config(&self) -> &UnetConfig {
        &self.config
    }

    /// What the network says of a noisy latent `(batch, in_channels, height, width)` at `timestep`
    /// (0…1000, may lie between whole ones) given the text `(batch, tokens, width)`: noise,
    /// velocity or clean latent, as it was trained, `(batch, out_channels, height, width)` f32.
    pub(crate) fn predict(
        &self,
        latent: &Tensor,
        timestep: f64,
        text: &Tensor,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        self.check(latent, text)?;
        progress.checkpoint()?;
        let given = Conditioning {
            time: self
                .time
                .forward(timestep, &self.device, self.compute, progress)?,
            text: text.to_dtype(self.compute)?,
        };
        let mut x = self
            .conv_in
            .forward(&latent.to_dtype(self.compute)?, progress)?;
        let mut skips = vec![x.clone()];
        for block in &self.down {
            x = block.forward(x, &given, &mut skips, progress)?;
        }
        if let Some(mid) = &self.mid {
            x = mid.forward(&x, &given, progress)?;
        }
        for block in &self.up {
            x = block.forward(x, &given, &mut skips, progress)?;
        }
        progress.checkpoint()?;
        let x = self.norm_out.forward_silu(&x)?;
        let y = self.conv_out.forward(&x, progress)?;
        all_finite(&y.contiguous()?)
    }

    fn check(&self, latent: &Tensor, text: &Tensor) -> Result<(), EngineError> {
        let fits = match (latent.dims(), text.dims()) {
            ([batch, channels, height, width], [text_batch, tokens, text_width]) => {
                batch == text_batch
                    && *channels == self.config.in_channels
                    && *text_width == self.config.cross_attention_dim
                    && batch * height * width * tokens > 0
            }
            _ => false,
        };
        if fits {
            return Ok(());
        }
        Err(bad_input(format!(
            "latent {:?} and text {:?} for a U-Net of {} channels and text width {}",
            latent.dims(),
            text.dims(),
            self.config.in_channels,
            self.config.cross_attention_dim
        )))
    }
}

#[cfg(test)]
mod tests;

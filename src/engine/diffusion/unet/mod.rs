//! The network that predicts noise: diffusers' `UNet2DConditionModel`, after
//! [Rombach et al. 2022](https://arxiv.org/abs/2112.10752).

mod blocks;
mod blueprint;
mod conditioning;
mod conditions;
mod config;
mod time_embedding;
mod transformer;

use candle_core::{DType, Device, Tensor};

use self::blocks::{BlockLayers, DownBlock, Embeddings, MidBlock, StepConditioning, UpBlock};
pub(crate) use self::conditioning::Conditioning;
pub(crate) use self::conditions::{Conditions, PictureSizes, Pooled};
pub(crate) use self::config::UnetConfig;
use self::time_embedding::{TimeEmbedding, TimeInputs};
use crate::catalog::ModelFiles;
use crate::engine::nn::failure::{all_finite, bad_input};
use crate::engine::nn::layers::{Conv2d, ConvShape, GroupNorm};
use crate::engine::nn::precision::Precision;
use crate::engine::nn::weights::{KeptWeights, Loader, Weights};
use crate::engine::{EngineError, Progress};

pub(super) const WEIGHTS: &[&str] = &[
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
    /// Reads the U-Net of a model; see [`Loader::keeping`].
    pub(crate) fn load(
        (files, kept): (&ModelFiles, &mut KeptWeights),
        device: &Device,
        precision: Precision,
        progress: &mut dyn Progress,
    ) -> Result<Self, EngineError> {
        let config = UnetConfig::read(files)?;
        let weights = Weights::open(files, WEIGHTS, device, precision)?;
        let mut from = Loader::new(weights, progress).keeping(kept);
        let first = config.first_channels();
        let conv_in = ConvShape::same3(config.in_channels, first);
        let conv_out = ConvShape::same3(first, config.out_channels);
        let count = config.levels.len();
        Ok(Self {
            time: TimeEmbedding::load(&mut from, &config)?,
            conv_in: Conv2d::load(from.scope("conv_in").in_f32(), conv_in)?,
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
            conv_out: Conv2d::load(from.scope("conv_out").in_f32(), conv_out)?,
            config,
            device: device.clone(),
            compute: precision.compute,
        })
    }

    /// What `unet/config.json` says.
    pub(crate) fn config(&self) -> &UnetConfig {
        &self.config
    }

    /// Computes what depends on the conditions and timesteps alone, once a run; timesteps (0…1000) need
    /// not be whole.
    pub(crate) fn condition(
        &self,
        conditions: &Conditions<'_>,
        timesteps: &[f64],
        progress: &mut dyn Progress,
    ) -> Result<Conditioning, EngineError> {
        let width = self.config.cross_attention_dim;
        let text = conditions.text;
        let batch = match text.dims() {
            [batch, tokens, text_width] if *text_width == width && batch * tokens > 0 => *batch,
            other => {
                return Err(bad_input(format!(
                    "text {other:?} for one of width {width}"
                )));
            }
        };
        if timesteps.is_empty() {
            return Err(bad_input("a run without timesteps"));
        }
        progress.checkpoint()?;
        let added = match self.config.added {
            Some(widths) => {
                let embedded = self.time.embed(conditions, (batch, widths), &self.device)?;
                Some(embedded.to_dtype(self.compute)?)
            }
            None => None,
        };
        let time = self
            .time
            .waves(timesteps, &self.device)?
            .to_dtype(self.compute)?;
        let guidance = self.time.guidance_waves(conditions, &self.device)?;
        let guidance = guidance.map(|waves| waves.to_dtype(self.compute));
        let inputs = TimeInputs {
            time,
            guidance: guidance.transpose()?,
            added,
        };
        let embeddings = Embeddings {
            time: &self.time.forward(&inputs, progress)?,
            text: &text.to_dtype(self.compute)?,
        };
        let mut condition = |layers: &BlockLayers| layers.condition(&embeddings, progress);
        let down = self.down.iter().map(|block| condition(&block.layers));
        let down = down.collect::<Result<_, _>>()?;
        let mid = self.mid.as_ref().map(|block| condition(&block.layers));
        let mid = mid.transpose()?.unwrap_or_default();
        let up = self.up.iter().map(|block| condition(&block.layers));
        Ok(Conditioning {
            timesteps: timesteps.to_vec(),
            batch,
            // Texts have embeddings of their own where something of them is added.
            members: self.config.added.map_or(1, |_| batch),
            down,
            mid,
            up: up.collect::<Result<_, _>>()?,
        })
    }

    /// The model output for a noisy latent `(batch, in_channels, height, width)` at `timestep`, one of
    /// those `conditioning` was computed for: noise, velocity or the clean latent, as the model was
    /// trained, `(batch, out_channels, height, width)` f32.
    pub(crate) fn predict(
        &self,
        latent: &Tensor,
        timestep: f64,
        conditioning: &Conditioning,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        self.check(latent, conditioning)?;
        let timestep_index = conditioning.index_of(timestep)?;
        progress.checkpoint()?;
        let mut x = self
            .conv_in
            .forward(&latent.to_dtype(self.compute)?, progress)?;
        let mut skips = vec![x.clone()];
        for (at, block) in self.down.iter().enumerate() {
            let step = conditioning.of_block(&conditioning.down, at, timestep_index)?;
            x = block.forward(x, &step, &mut skips, progress)?;
        }
        if let Some(mid) = &self.mid {
            let step = StepConditioning {
                block: &conditioning.mid,
                first_row: timestep_index * conditioning.members,
                members: conditioning.members,
            };
            x = mid.forward(x, &step, progress)?;
        }
        for (at, block) in self.up.iter().enumerate() {
            let step = conditioning.of_block(&conditioning.up, at, timestep_index)?;
            x = block.forward(x, &step, &mut skips, progress)?;
        }
        progress.checkpoint()?;
        let x = self.norm_out.forward_silu(&x)?;
        let y = self.conv_out.forward(x, progress)?;
        all_finite(&y.contiguous()?)
    }

    fn check(&self, latent: &Tensor, conditioning: &Conditioning) -> Result<(), EngineError> {
        let channels = self.config.in_channels;
        match latent.dims() {
            [batch, of, height, width]
                if *of == channels && *batch == conditioning.batch && height * width > 0 =>
            {
                Ok(())
            }
            other => Err(bad_input(format!(
                "latent {other:?} for a U-Net of {channels} channels and {} texts",
                conditioning.batch
            ))),
        }
    }
}

#[cfg(test)]
mod tests;

//! The time embedding of the U-Net, and what is added to it.

use candle_core::{Device, Tensor};

use super::conditions::Conditions;
use super::config::{AddedWidths, UnetConfig};
use crate::engine::nn::failure::bad_input;
use crate::engine::nn::layers::Linear;
use crate::engine::nn::weights::Loader;
use crate::engine::{EngineError, Progress};

/// A guidance scale is multiplied by this before it is embedded: its embedding was made for timesteps.
const GUIDANCE_SCALE: f64 = 1000.0;

/// Sines and cosines of the timestep ([Vaswani et al. 2017](https://arxiv.org/abs/1706.03762),
/// section 3.5), through two linear layers.
#[derive(Debug)]
pub(super) struct TimeEmbedding {
    width: usize,
    cosine_first: bool,
    freq_shift: f64,
    /// Width and layer of the guidance scale's embedding.
    guidance: Option<(usize, Linear)>,
    layers: TwoLayers,
    /// Of pooled text and sizes.
    added: Option<TwoLayers>,
}

/// What a [`TimeEmbedding`] reads, in the dtype it computes in.
#[derive(Debug)]
pub(super) struct TimeInputs {
    /// `(timesteps, width)`; see [`TimeEmbedding::waves`].
    pub(super) time: Tensor,
    /// `(1, guidance width)`; see [`TimeEmbedding::guidance_waves`].
    pub(super) guidance: Option<Tensor>,
    /// `(batch, width)`; see [`TimeEmbedding::embed`].
    pub(super) added: Option<Tensor>,
}

impl TimeEmbedding {
    pub(super) fn load(from: &mut Loader<'_>, config: &UnetConfig) -> Result<Self, EngineError> {
        let width = config.first_channels();
        let inner = config.time_width;
        let added = config
            .added
            .map(|added| {
                let from = from.scope("add_embedding").in_f32();
                TwoLayers::load(from, added.total(), inner)
            })
            .transpose()?;
        let mut from = from.scope("time_embedding").in_f32();
        let guidance = config
            .guidance_width
            .map(|guidance| {
                let layer = Linear::load_unbiased(from.scope("cond_proj"), guidance, width)?;
                Ok::<_, EngineError>((guidance, layer))
            })
            .transpose()?;
        Ok(Self {
            width,
            cosine_first: config.cosine_first,
            freq_shift: config.freq_shift,
            guidance,
            layers: TwoLayers::load(from, width, inner)?,
            added,
        })
    }

    /// Waves of each timestep, `(timesteps, width)`.
    pub(super) fn waves(&self, timesteps: &[f64], device: &Device) -> Result<Tensor, EngineError> {
        let waves: Vec<f32> = timesteps
            .iter()
            .flat_map(|&time| waves(time, self.width, self.cosine_first, self.freq_shift))
            .collect();
        Ok(Tensor::from_vec(
            waves,
            (timesteps.len(), self.width),
            device,
        )?)
    }

    /// Waves of the guidance scale, `(1, guidance width)`, where it is read: of w = scale − 1, as in
    /// [Luo et al. 2023](https://arxiv.org/abs/2310.04378), sines first.
    pub(super) fn guidance_waves(
        &self,
        conditions: &Conditions<'_>,
        device: &Device,
    ) -> Result<Option<Tensor>, EngineError> {
        let Some((width, _)) = self.guidance else {
            return Ok(None);
        };
        let scaled = (conditions.guidance - 1.0) * GUIDANCE_SCALE;
        let waves = waves(scaled, width, false, 1.0);
        Ok(Some(Tensor::from_vec(waves, (1, width), device)?))
    }

    /// Pooled texts, each with the waves of the picture's sizes, `(batch, width)`.
    pub(super) fn embed(
        &self,
        conditions: &Conditions<'_>,
        (batch, widths): (usize, AddedWidths),
        device: &Device,
    ) -> Result<Tensor, EngineError> {
        let Some(pooled) = conditions.pooled else {
            return Err(bad_input("no pooled text for a U-Net that wants one"));
        };
        if pooled.text.dims() != [batch, widths.pooled] {
            return Err(bad_input(format!(
                "pooled text {:?} for {batch} of width {}",
                pooled.text.dims(),
                widths.pooled
            )));
        }
        let numbers = pooled.sizes.numbers();
        let one = numbers
            .iter()
            .flat_map(|&number| waves(number, widths.number, self.cosine_first, self.freq_shift));
        let one: Vec<f32> = one.collect();
        let length = one.len();
        let sizes = Tensor::from_vec(one, (1, length), device)?.broadcast_as((batch, length))?;
        Ok(Tensor::cat(
            &[&pooled.text.contiguous()?, &sizes.contiguous()?],
            1,
        )?)
    }

    /// Of each timestep, `(timesteps, time width)`, after the SiLU that every residual block begins
    /// with. Where something of each member is added: of each timestep and member, members next to each
    /// other.
    pub(super) fn forward(
        &self,
        inputs: &TimeInputs,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        let mut waves = inputs.time.clone();
        if let (Some((_, layer)), Some(guidance)) = (&self.guidance, &inputs.guidance) {
            waves = waves.broadcast_add(&layer.forward(guidance, progress)?)?;
        }
        let mut embedded = self.layers.forward(&waves, progress)?;
        if let (Some(layers), Some(added)) = (&self.added, &inputs.added) {
            let added = layers.forward(added, progress)?.unsqueeze(0)?;
            embedded = embedded
                .unsqueeze(1)?
                .broadcast_add(&added)?
                .flatten(0, 1)?;
        }
        Ok(embedded.silu()?)
    }
}

/// Two linear layers with a SiLU between them.
#[derive(Debug)]
struct TwoLayers {
    linear1: Linear,
    linear2: Linear,
}

impl TwoLayers {
    fn load(mut from: Loader<'_>, inputs: usize, inner: usize) -> Result<Self, EngineError> {
        Ok(Self {
            linear1: Linear::load(from.scope("linear_1"), inputs, inner)?,
            linear2: Linear::load(from.scope("linear_2"), inner, inner)?,
        })
    }

    fn forward(&self, x: &Tensor, progress: &mut dyn Progress) -> Result<Tensor, EngineError> {
        let inner = self.linear1.forward(x, progress)?.silu()?;
        self.linear2.forward(&inner, progress)
    }
}

/// sin and cos of timestep · 10000^(−i / (half − shift)), i < half = width / 2; an odd width ends
/// with 0. In f32 whatever the network computes in: in f16 the product loses the phase.
fn waves(timestep: f64, width: usize, cosine_first: bool, freq_shift: f64) -> Vec<f32> {
    let half = width / 2;
    let angles = (0..half).map(|i| {
        let exponent = -(10_000f32.ln()) * i as f32 / (half as f64 - freq_shift) as f32;
        timestep as f32 * exponent.exp()
    });
    let (sines, cosines): (Vec<f32>, Vec<f32>) = angles.map(f32::sin_cos).unzip();
    let mut waves = if cosine_first {
        [cosines, sines].concat()
    } else {
        [sines, cosines].concat()
    };
    waves.resize(width, 0.0);
    waves
}

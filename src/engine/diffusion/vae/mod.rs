//! The autoencoder between pictures and latents: diffusers' `AutoencoderKL`, after
//! [Rombach et al. 2022](https://arxiv.org/abs/2112.10752), or its tiny stand-in (`tiny`). Pictures too large for the memory are
//! worked on in tiles.

mod blocks;
mod blueprint;
mod config;
mod tiling;
mod tiny;

use candle_core::{DType, Device, Tensor};

use self::blocks::{Decoder, Encoder};
pub(crate) use self::config::VaeConfig;
use self::tiling::TilePlan;
use self::tiny::{TinyDecoder, TinyEncoder};
use crate::catalog::{self, ModelFiles};
use crate::engine::nn::failure::{all_finite, bad_input};
use crate::engine::nn::layers::{Conv2d, ConvShape};
use crate::engine::nn::precision::Precision;
use crate::engine::nn::weights::{Loader, Weights};
use crate::engine::{EngineError, Progress};

pub(super) const WEIGHTS: &[&str] = &[
    "vae/diffusion_pytorch_model.safetensors",
    "vae/diffusion_pytorch_model.fp16.safetensors",
];

/// Memory the largest picture inside the network may take before the work is cut in tiles. A few of
/// that size live at a time. In Stable Diffusion, 512 MiB are reached at 724 × 724 pixels.
const PICTURE_BUDGET_BYTES: usize = 512 << 20;

/// Turns pictures into latents and back.
#[derive(Debug)]
pub(crate) struct Vae {
    config: VaeConfig,
    networks: Networks,
    device: Device,
    compute: DType,
    budget_bytes: usize,
}

/// Its two halves.
#[derive(Debug)]
enum Networks {
    Kl(Box<KlNetworks>),
    Tiny(Box<(TinyEncoder, TinyDecoder)>),
    /// A tiny one's decoder alone, for previews.
    TinyDecoder(Box<TinyDecoder>),
}

#[derive(Debug)]
struct KlNetworks {
    encoder: Encoder,
    /// Between encoder and latent.
    quant: Option<Conv2d>,
    /// Between latent and decoder.
    post_quant: Option<Conv2d>,
    decoder: Decoder,
}

impl VaeConfig {
    /// How a latent of that size (height, width) is cut, if it must be, where an element has so many
    /// `bytes` and the largest picture inside may take `budget_bytes`.
    fn tile_plan(
        &self,
        (height, width): (usize, usize),
        bytes: usize,
        budget_bytes: usize,
    ) -> Option<TilePlan> {
        let bytes_per_px = self.widest_at_full_size() * bytes;
        let budget_px = budget_bytes / bytes_per_px.max(1);
        TilePlan::new(height, width, budget_px / (self.factor * self.factor))
    }

    /// The tiles (height, width) in which a latent of that size is encoded and decoded in f32; one
    /// where it is done whole.
    pub(crate) fn tile_sizes(&self, (height, width): (usize, usize)) -> Vec<(usize, usize)> {
        match self.tile_plan((height, width), 4, PICTURE_BUDGET_BYTES) {
            None => vec![(height, width)],
            Some(plan) => plan.sizes(),
        }
    }
}

impl KlNetworks {
    fn load(from: &mut Loader<'_>, config: &VaeConfig) -> Result<Self, EngineError> {
        let latent = config.latent_channels;
        let mut conv = |wanted: bool, name: &str, channels: usize| {
            let shape = ConvShape::pointwise(channels, channels);
            wanted
                .then(|| Conv2d::load(from.scope(name).in_f32(), shape))
                .transpose()
        };
        let quant = conv(config.quant_conv, "quant_conv", 2 * latent)?;
        let post_quant = conv(config.post_quant_conv, "post_quant_conv", latent)?;
        Ok(Self {
            quant,
            post_quant,
            encoder: Encoder::load(from.scope("encoder"), config)?,
            decoder: Decoder::load(from.scope("decoder"), config)?,
        })
    }
}

impl Vae {
    /// Reads the autoencoder of a model.
    pub(crate) fn load(
        files: &ModelFiles,
        device: &Device,
        mut precision: Precision,
        progress: &mut dyn Progress,
    ) -> Result<Self, EngineError> {
        let config = VaeConfig::read(files)?;
        if config.force_upcast && precision.compute == DType::F16 {
            // Such a network leaves the range of f16, and gives black pictures.
            precision.compute = DType::F32;
        }
        // Its activations are the largest there are, and few layers follow each other.
        let precision = precision.with_bf16_activations();
        let weights = Weights::open(files, WEIGHTS, device, precision)?;
        let from = Loader::new(weights, progress);
        Self::build(config, from, device, precision.compute)
    }

    fn build(
        config: VaeConfig,
        mut from: Loader<'_>,
        device: &Device,
        compute: DType,
    ) -> Result<Self, EngineError> {
        let networks = if let Some(tiny) = &config.tiny {
            let (picture, latent) = (config.image_channels, config.latent_channels);
            Networks::Tiny(Box::new((
                TinyEncoder::load(from.scope("encoder"), tiny, (picture, latent))?,
                TinyDecoder::load(from.scope("decoder"), tiny, (latent, picture))?,
            )))
        } else {
            Networks::Kl(Box::new(KlNetworks::load(&mut from, &config)?))
        };
        Ok(Self::of(networks, config, device, compute))
    }

    fn of(networks: Networks, config: VaeConfig, device: &Device, compute: DType) -> Self {
        Self {
            networks,
            config,
            device: device.clone(),
            compute,
            budget_bytes: PICTURE_BUDGET_BYTES,
        }
    }

    /// Reads the decoder of a tiny autoencoder, which encodes nothing.
    pub(crate) fn load_decoder(
        decoder: &catalog::TinyDecoder,
        device: &Device,
        precision: Precision,
        progress: &mut dyn Progress,
    ) -> Result<Self, EngineError> {
        let config = VaeConfig::of_decoder(decoder)?;
        let precision = precision.with_bf16_activations();
        let weights = Weights::of(decoder.weights.clone(), device, precision);
        let ends = (config.latent_channels, config.image_channels);
        let Some(tiny) = &config.tiny else {
            return Err(bad_input("a decoder that is not tiny"));
        };
        let mut from = Loader::new(weights, progress);
        let network = TinyDecoder::load(from.scope("decoder"), tiny, ends)?;
        let networks = Networks::TinyDecoder(Box::new(network));
        Ok(Self::of(networks, config, device, precision.compute))
    }

    /// Whether it is the tiny stand-in, which decodes in some percent of a step.
    pub(crate) fn is_tiny(&self) -> bool {
        matches!(self.networks, Networks::Tiny(_))
    }

    /// What `vae/config.json` says.
    pub(crate) fn config(&self) -> &VaeConfig {
        &self.config
    }

    /// The latent `(1, latent_channels, h, w)` f32 of a picture `(1, 3, height, width)` in −1…1
    /// whose sides are multiples of [`factor`](VaeConfig::factor): the mode of the distribution the
    /// encoder gives (nothing is drawn), shifted and scaled as the U-Net is used to.
    pub(crate) fn encode(
        &self,
        image: &Tensor,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        let factor = self.config.factor;
        let (height, width) = match image.dims() {
            [1, channels, height, width]
                if *channels == self.config.image_channels
                    && height % factor == 0
                    && width % factor == 0
                    && height * width > 0 =>
            {
                (height / factor, width / factor)
            }
            dims => return Err(bad_input(format!("a picture {dims:?} to encode"))),
        };
        let image = image.to_dtype(self.compute)?.to_device(&self.device)?;
        let mode = match self.tiles(height, width) {
            None => self.encode_whole(&image, progress)?,
            Some(plan) => plan.run(1, |y, x| {
                let tile = image
                    .narrow(2, y.start * factor, y.len() * factor)?
                    .narrow(3, x.start * factor, x.len() * factor)?;
                self.encode_whole(&tile, progress)
            })?,
        };
        let VaeConfig {
            scaling_factor,
            shift_factor,
            ..
        } = self.config;
        let latent = mode.to_dtype(DType::F32)?.to_device(&self.device)?;
        all_finite(&((latent - shift_factor)? * scaling_factor)?)
    }

    /// The picture `(1, 3, height, width)` f32, about −1…1 and not clamped, of a latent
    /// `(1, latent_channels, h, w)` scaled as [`encode`](Self::encode) gives it.
    pub(crate) fn decode(
        &self,
        latent: &Tensor,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        let (height, width) = match latent.dims() {
            [1, channels, height, width]
                if *channels == self.config.latent_channels && height * width > 0 =>
            {
                (*height, *width)
            }
            dims => return Err(bad_input(format!("a latent {dims:?} to decode"))),
        };
        let factor = self.config.factor;
        let latent = latent.to_dtype(DType::F32)?.to_device(&self.device)?;
        let latent = self.unscaled(&latent)?.to_dtype(self.compute)?;
        let image = match self.tiles(height, width) {
            None => self.decode_whole(&latent, progress)?,
            Some(plan) => plan.run(factor, |y, x| {
                let tile = latent
                    .narrow(2, y.start, y.len())?
                    .narrow(3, x.start, x.len())?;
                self.decode_whole(&tile, progress)
            })?,
        };
        all_finite(&image.to_device(&self.device)?.contiguous()?)
    }

    /// A latent as the encoder gives it and the decoder reads it, from one that is scaled for the U-Net.
    pub(crate) fn unscaled(&self, latent: &Tensor) -> Result<Tensor, EngineError> {
        let VaeConfig {
            scaling_factor,
            shift_factor,
            ..
        } = self.config;
        Ok(((latent / scaling_factor)? + shift_factor)?)
    }

    fn encode_whole(
        &self,
        image: &Tensor,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        let kl = match &self.networks {
            Networks::Kl(kl) => kl,
            Networks::Tiny(tiny) => return tiny.0.forward(image, progress),
            Networks::TinyDecoder(_) => return Err(bad_input("a picture for a decoder")),
        };
        let mut moments = kl.encoder.forward(image, progress)?;
        if let Some(quant) = &kl.quant {
            moments = quant.forward(&moments, progress)?;
        }
        // Mean, then logarithm of the variance. The mode of a normal distribution is its mean.
        Ok(moments
            .narrow(1, 0, self.config.latent_channels)?
            .contiguous()?)
    }

    fn decode_whole(
        &self,
        latent: &Tensor,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        let kl = match &self.networks {
            Networks::Kl(kl) => kl,
            Networks::Tiny(tiny) => return tiny.1.forward(latent, progress),
            Networks::TinyDecoder(decoder) => return decoder.forward(latent, progress),
        };
        match &kl.post_quant {
            Some(conv) => {
                let latent = conv.forward(latent, progress)?;
                kl.decoder.forward(&latent, progress)
            }
            None => kl.decoder.forward(latent, progress),
        }
    }

    /// How to cut a latent of that size, if it must be.
    fn tiles(&self, height: usize, width: usize) -> Option<TilePlan> {
        let bytes = self.compute.size_in_bytes();
        self.config
            .tile_plan((height, width), bytes, self.budget_bytes)
    }
}

#[cfg(test)]
mod tests;

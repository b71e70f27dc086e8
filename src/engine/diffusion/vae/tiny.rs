//! The tiny autoencoder (TAESD): diffusers' `AutoencoderTiny`,
//! after [madebyollin/taesd](https://github.com/madebyollin/taesd).

use candle_core::Tensor;

use super::super::blueprint::{Blueprint, Draft, Grid};
use super::super::model_config::ModelConfig;
use crate::engine::nn::layers::{Conv2d, ConvShape, Fused, PostOps};
use crate::engine::nn::weights::Loader;
use crate::engine::{EngineError, Progress};

/// Keys that would change what is computed, with the only values this program computes.
const ACCEPTED: &[(&str, &[&str])] = &[
    ("act_fn", &["\"relu\""]),
    ("upsampling_scaling_factor", &["2"]),
    ("upsample_fn", &["\"nearest\""]),
];

/// Latents are squeezed softly into ± this before they are decoded.
const LATENT_LIMIT: f64 = 3.0;

/// The architecture of a tiny autoencoder.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TinyConfig {
    /// Channels and blocks of each of the encoder's levels, from the full size down.
    encoder: Vec<(usize, usize)>,
    /// The same of the decoder, from the latent up.
    decoder: Vec<(usize, usize)>,
}

impl TinyConfig {
    /// Reads and checks what is its own. Defaults are those of diffusers.
    pub(super) fn read(file: &ModelConfig) -> Result<Self, EngineError> {
        file.accept_only(ACCEPTED)?;
        let levels = |channels: &str, blocks: &str| {
            let channels = file.count_list(channels)?;
            let blocks = file.counts(blocks, channels.len(), 3)?;
            Ok::<_, EngineError>(channels.into_iter().zip(blocks).collect::<Vec<_>>())
        };
        let config = Self {
            encoder: levels("encoder_block_out_channels", "num_encoder_blocks")?,
            decoder: levels("decoder_block_out_channels", "num_decoder_blocks")?,
        };
        if config.encoder.len() != config.decoder.len() {
            return Err(file.bad("encoder and decoder have different numbers of levels"));
        }
        // What a block gives goes on into the next level's, without a layer between them.
        for levels in [&config.encoder, &config.decoder] {
            if levels.iter().any(|level| level.0 != levels[0].0) {
                return Err(file.unsupported("encoder_block_out_channels"));
            }
        }
        Ok(config)
    }

    /// Levels; each but the last halves the size.
    pub(super) fn levels(&self) -> usize {
        self.encoder.len()
    }

    /// Channels of the widest picture of full size.
    pub(super) fn widest(&self) -> usize {
        let all = self.encoder.iter().chain(&self.decoder);
        all.map(|(channels, _)| *channels).max().unwrap_or(1)
    }

    /// Encoding pictures of that size, whole.
    pub(super) fn encoder_blueprint(
        &self,
        (inputs, latent): (usize, usize),
        picture: Grid,
    ) -> Blueprint {
        Blueprint::drawn(|draft| {
            let mut draft = draft.scope("encoder");
            let (mut at, mut grid) = (0, picture);
            for (level, &(channels, blocks)) in self.encoder.iter().enumerate() {
                if level > 0 {
                    grid = grid.halved(false);
                }
                let ends = (if level == 0 { inputs } else { channels }, channels);
                draw_conv(&mut draft, &mut at, ends, (level == 0, grid));
                draw_blocks(&mut draft, &mut at, channels, (blocks, grid));
            }
            let channels = self.encoder.last().map_or(0, |level| level.0);
            draw_conv(&mut draft, &mut at, (channels, latent), (true, grid));
        })
    }

    /// Decoding latents of that size, whole.
    pub(super) fn decoder_blueprint(
        &self,
        (latent, outputs): (usize, usize),
        size: Grid,
    ) -> Blueprint {
        Blueprint::drawn(|draft| {
            let mut draft = draft.scope("decoder");
            let (mut at, mut grid) = (0, size);
            let first = self.decoder.first().map_or(0, |level| level.0);
            draw_conv(&mut draft, &mut at, (latent, first), (true, grid));
            // The ReLU, which has a number and no weights.
            at += 1;
            for (level, &(channels, blocks)) in self.decoder.iter().enumerate() {
                draw_blocks(&mut draft, &mut at, channels, (blocks, grid));
                let is_last = level + 1 == self.decoder.len();
                if !is_last {
                    // The upsampling has a number, too.
                    at += 1;
                    grid = grid.doubled();
                }
                let ends = (channels, if is_last { outputs } else { channels });
                draw_conv(&mut draft, &mut at, ends, (is_last, grid));
            }
        })
    }
}

fn draw_conv(
    draft: &mut Draft<'_>,
    at: &mut usize,
    ends: (usize, usize),
    (biased, grid): (bool, Grid),
) {
    draft.live(ends.0 + ends.1, grid);
    let name = format!("layers.{at}");
    if biased {
        draft.conv(&name, ends, 3, grid);
    } else {
        draft.conv_unbiased(&name, ends, 3, grid);
    }
    *at += 1;
}

fn draw_blocks(
    draft: &mut Draft<'_>,
    at: &mut usize,
    channels: usize,
    (blocks, grid): (usize, Grid),
) {
    for _ in 0..blocks {
        draft.live(3 * channels, grid);
        let mut block = draft.member("layers", *at);
        for name in ["conv.0", "conv.2", "conv.4"] {
            block.conv(name, (channels, channels), 3, grid);
        }
        *at += 1;
    }
}

/// Pictures to latents.
#[derive(Debug)]
pub(super) struct TinyEncoder {
    /// A convolution, which from the second on halves the size, and blocks.
    levels: Vec<(Conv2d, Vec<Block>)>,
    conv_out: Conv2d,
}

impl TinyEncoder {
    pub(super) fn load(
        mut from: Loader<'_>,
        config: &TinyConfig,
        (inputs, latent): (usize, usize),
    ) -> Result<Self, EngineError> {
        let mut at = 0;
        let mut levels = Vec::new();
        for (level, &(channels, blocks)) in config.encoder.iter().enumerate() {
            let layer = from.member("layers", at);
            let conv = if level == 0 {
                Conv2d::load(layer.in_f32(), ConvShape::same3(inputs, channels))?
            } else {
                let shape = ConvShape {
                    stride: 2,
                    ..ConvShape::same3(channels, channels)
                };
                Conv2d::load_unbiased(layer, shape)?
            };
            at += 1;
            levels.push((conv, load_blocks(&mut from, &mut at, channels, blocks)?));
        }
        let channels = config.encoder.last().map_or(0, |level| level.0);
        let shape = ConvShape::same3(channels, latent);
        Ok(Self {
            levels,
            conv_out: Conv2d::load(from.member("layers", at).in_f32(), shape)?,
        })
    }

    /// `(batch, latent channels, height, width)`.
    pub(super) fn forward(
        &self,
        image: &Tensor,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        // It reads 0…1.
        let mut x = image.affine(0.5, 0.5)?;
        for (conv, blocks) in &self.levels {
            progress.checkpoint()?;
            x = conv.forward(&x, progress)?;
            for block in blocks {
                x = block.forward(&x, progress)?;
            }
        }
        self.conv_out.forward(&x, progress)
    }
}

/// Latents to pictures.
#[derive(Debug)]
pub(super) struct TinyDecoder {
    conv_in: Conv2d,
    /// Blocks, and a convolution at twice the size, or in the last level to the picture.
    levels: Vec<(Vec<Block>, Conv2d)>,
}

impl TinyDecoder {
    pub(super) fn load(
        mut from: Loader<'_>,
        config: &TinyConfig,
        (latent, outputs): (usize, usize),
    ) -> Result<Self, EngineError> {
        let first = config.decoder.first().map_or(0, |level| level.0);
        let shape = ConvShape::same3(latent, first);
        let conv_in = Conv2d::load(from.member("layers", 0).in_f32(), shape)?;
        // After it a ReLU, which has a number.
        let mut at = 2;
        let mut levels = Vec::new();
        for (level, &(channels, blocks)) in config.decoder.iter().enumerate() {
            let blocks = load_blocks(&mut from, &mut at, channels, blocks)?;
            let conv = if level + 1 == config.decoder.len() {
                let shape = ConvShape::same3(channels, outputs);
                Conv2d::load(from.member("layers", at).in_f32(), shape)?
            } else {
                // Before it the upsampling, which has a number.
                at += 1;
                let shape = ConvShape::same3(channels, channels);
                Conv2d::load_unbiased(from.member("layers", at), shape)?
            };
            at += 1;
            levels.push((blocks, conv));
        }
        Ok(Self { conv_in, levels })
    }

    /// `(batch, 3, height, width)`, about −1…1.
    pub(super) fn forward(
        &self,
        latent: &Tensor,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        let limited = latent
            .affine(1.0 / LATENT_LIMIT, 0.0)?
            .tanh()?
            .affine(LATENT_LIMIT, 0.0)?;
        let mut x = self.conv_in.forward_then(&limited, Fused::Relu, progress)?;
        for (index, (blocks, conv)) in self.levels.iter().enumerate() {
            progress.checkpoint()?;
            for block in blocks {
                x = block.forward(&x, progress)?;
            }
            x = if index + 1 == self.levels.len() {
                conv.forward(&x, progress)?
            } else {
                let (_, _, height, width) = x.dims4()?;
                conv.forward_upsampled(&x, (2 * height, 2 * width), progress)?
            };
        }
        Ok(x.affine(2.0, -1.0)?)
    }
}

/// Three convolutions with ReLU between them, a residual connection, and ReLU.
#[derive(Debug)]
struct Block {
    convs: [Conv2d; 3],
}

fn load_blocks(
    from: &mut Loader<'_>,
    at: &mut usize,
    channels: usize,
    count: usize,
) -> Result<Vec<Block>, EngineError> {
    let shape = ConvShape::same3(channels, channels);
    (0..count)
        .map(|_| {
            let mut from = from.member("layers", *at);
            *at += 1;
            let mut conv = |name| Conv2d::load(from.scope(name), shape);
            let convs = [conv("conv.0")?, conv("conv.2")?, conv("conv.4")?];
            Ok(Block { convs })
        })
        .collect()
}

impl Block {
    fn forward(&self, x: &Tensor, progress: &mut dyn Progress) -> Result<Tensor, EngineError> {
        let [first, second, third] = &self.convs;
        let inner = first.forward_then(x, Fused::Relu, progress)?;
        let inner = second.forward_then(&inner, Fused::Relu, progress)?;
        third.forward_then(&inner, PostOps::onto(x).then(Fused::Relu), progress)
    }
}

//! The tiny autoencoder (TAESD) in one file or in one for each half, under its author's names or those of
//! diffusers' `AutoencoderTiny`; after [madebyollin/taesd](https://github.com/madebyollin/taesd).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::catalog::error::{CatalogError, Part};
use crate::catalog::tensor_file::TensorFile;

/// Under which name either half's weights stand for a file of their own.
const SHARDS: [&str; 2] = ["encoder.safetensors", "decoder.safetensors"];

/// A tiny autoencoder as files of a diffusers folder.
#[derive(Debug)]
pub(super) struct TinyVae {
    /// `vae/config.json`.
    pub(super) config: Value,
    /// `vae/diffusion_pytorch_model.safetensors.index.json`.
    pub(super) index: Value,
    /// Its weights, encoder first.
    pub(super) halves: [TensorFile; 2],
}

/// The two networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Half {
    Encoder,
    Decoder,
}

impl TinyVae {
    /// The tiny autoencoder in a file, or in that file and the one of its other half beside it. `None` where the
    /// file holds something else.
    pub(super) fn of(file: &TensorFile) -> Result<Option<Self>, CatalogError> {
        let found = [Half::Encoder, Half::Decoder].map(|half| Network::of(file, half));
        let halves = match found {
            [None, None] => return Ok(None),
            [Some(encoder), Some(decoder)] => [encoder, decoder],
            [Some(encoder), None] => {
                let decoder = other_half(file, Half::Decoder)?;
                [encoder, decoder]
            }
            [None, Some(decoder)] => {
                let encoder = other_half(file, Half::Encoder)?;
                [encoder, decoder]
            }
        };
        let [encoder, decoder] = &halves;
        let config = config(
            encoder.ends,
            [&encoder.levels, &decoder.levels],
            decoder.ends,
        );
        let names = halves.iter().zip(SHARDS).flat_map(|(half, shard)| {
            let names = half.weights.tensors().keys();
            names.map(move |name| (name.clone(), shard))
        });
        let map: BTreeMap<String, &str> = names.collect();
        Ok(Some(Self {
            config: Value::Object(config),
            index: json!({ "weight_map": map }),
            halves: halves.map(|half| half.weights),
        }))
    }

    /// The names of its weights' files in a folder.
    pub(super) const FILES: [&'static str; 2] =
        ["vae/encoder.safetensors", "vae/decoder.safetensors"];
}

/// What a decoder reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::catalog) struct TinyShape {
    pub(in crate::catalog) latent_channels: u32,
    /// Pixels per latent pixel along a side.
    pub(in crate::catalog) factor: u32,
}

/// The decoder of the tiny autoencoder in a file, whether its encoder lies there or not: its shape, its
/// configuration, in which the encoder is the decoder mirrored, and its weights under diffusers' names. `None`
/// where the file holds something else.
pub(in crate::catalog) fn decoder(
    file: &TensorFile,
) -> Option<(TinyShape, Map<String, Value>, TensorFile)> {
    let Network {
        weights,
        ends,
        levels,
    } = Network::of(file, Half::Decoder)?;
    let (latent, pictures) = ends;
    // Others have as many layers, with numbers for names.
    if pictures != 3 || !(1..=7).contains(&levels.len()) {
        return None;
    }
    let shape = TinyShape {
        latent_channels: u32::try_from(latent).ok()?,
        factor: 1 << (levels.len() - 1),
    };
    let config = config((pictures, latent), [&levels, &levels], ends);
    Some((shape, config, weights))
}

/// `vae/config.json` for what goes into and comes out of the encoder, the levels of encoder and decoder, and the
/// decoder's ends.
fn config(
    encoder: (usize, usize),
    levels: [&[Level]; 2],
    decoder: (usize, usize),
) -> Map<String, Value> {
    let channels = levels.map(|half| half.iter().map(|level| level.channels).collect::<Vec<_>>());
    let blocks = levels.map(|half| half.iter().map(|level| level.blocks).collect::<Vec<_>>());
    let config = json!({
        "_class_name": "AutoencoderTiny",
        "act_fn": "relu",
        "in_channels": encoder.0,
        "out_channels": decoder.1,
        "latent_channels": encoder.1,
        "encoder_block_out_channels": channels[0],
        "decoder_block_out_channels": channels[1],
        "num_encoder_blocks": blocks[0],
        "num_decoder_blocks": blocks[1],
        // It was made to give and to read latents as the U-Net has them.
        "scaling_factor": 1.0,
        "shift_factor": 0.0,
    });
    match config {
        Value::Object(config) => config,
        _ => Map::new(),
    }
}

/// The other half of a tiny autoencoder, in the file that is called so.
fn other_half(file: &TensorFile, half: Half) -> Result<Network, CatalogError> {
    let lacks = || CatalogError::Incomplete {
        path: file.path().to_path_buf(),
        part: Part::OtherHalf,
    };
    let path = beside(file.path(), half).ok_or_else(lacks)?;
    let other = TensorFile::open(&path).map_err(|error| match error {
        CatalogError::MissingFile { .. } => lacks(),
        other => other,
    })?;
    Network::of(&other, half).ok_or(CatalogError::Incomplete {
        path,
        part: Part::OtherHalf,
    })
}

/// `taesd_decoder.pth` for `taesd_encoder.pth`, and the other way round.
fn beside(path: &Path, half: Half) -> Option<PathBuf> {
    let (from, to) = match half {
        Half::Encoder => ("decoder", "encoder"),
        Half::Decoder => ("encoder", "decoder"),
    };
    let name = path.file_name()?.to_str()?;
    let at = name.rfind(from)?;
    let (before, behind) = (name.get(..at)?, name.get(at + from.len()..)?);
    Some(path.with_file_name(format!("{before}{to}{behind}")))
}

/// One half.
#[derive(Debug)]
struct Network {
    /// Under diffusers' names.
    weights: TensorFile,
    /// Channels that go in and come out.
    ends: (usize, usize),
    /// In the order they run.
    levels: Vec<Level>,
}

/// What is computed at one size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Level {
    channels: usize,
    blocks: usize,
}

/// A layer that has weights.
#[derive(Debug, Clone, Copy)]
enum Layer {
    Conv {
        ends: (usize, usize),
        is_biased: bool,
    },
    Block {
        channels: usize,
    },
}

impl Network {
    /// That half, if the file holds it.
    fn of(file: &TensorFile, half: Half) -> Option<Self> {
        let tensors = file.tensors();
        // A file of one half has numbers only. The decoder's first layer has no weights.
        let is_lone_half = tensors.contains_key("0.weight") == (half == Half::Encoder);
        let mut weights = BTreeMap::new();
        let mut layers: BTreeMap<usize, Layer> = BTreeMap::new();
        for (name, stored) in tensors {
            let Some((number, rest)) = place(name, half, is_lone_half) else {
                continue;
            };
            let bias = name
                .strip_suffix("weight")
                .map(|stem| format!("{stem}bias"));
            let layer = match (rest, stored.shape.as_slice()) {
                ("weight", &[outputs, inputs, ..]) => Some(Layer::Conv {
                    ends: (inputs, outputs),
                    is_biased: bias.is_some_and(|bias| tensors.contains_key(&bias)),
                }),
                ("conv.0.weight", &[channels, ..]) => Some(Layer::Block { channels }),
                _ => None,
            };
            if let Some(layer) = layer {
                layers.insert(number, layer);
            }
            let part = match half {
                Half::Encoder => "encoder",
                Half::Decoder => "decoder",
            };
            weights.insert(format!("{part}.layers.{number}.{rest}"), stored.clone());
        }
        let layers: Vec<Layer> = layers.into_values().collect();
        let (ends, levels) = match half {
            Half::Encoder => down(&layers)?,
            Half::Decoder => up(&layers)?,
        };
        Some(Self {
            weights: file.with_tensors(weights),
            ends,
            levels,
        })
    }
}

/// Diffusers' number of the layer that a weight is of, and the weight's name in it.
fn place(name: &str, half: Half, is_lone_half: bool) -> Option<(usize, &str)> {
    let part = match half {
        Half::Encoder => "encoder.",
        Half::Decoder => "decoder.",
    };
    let name = name.strip_prefix("taesd_").unwrap_or(name);
    let (is_diffusers, numbered) = match name.strip_prefix(part) {
        Some(below) => match below.strip_prefix("layers.") {
            Some(numbered) => (true, numbered),
            None => (false, below),
        },
        None => (false, is_lone_half.then_some(name)?),
    };
    let (number, rest) = numbered.split_once('.')?;
    let number: usize = number.parse().ok()?;
    // Its author counts the clamp before the decoder as a layer.
    let is_behind_clamp = !is_diffusers && half == Half::Decoder;
    Some((number.checked_sub(usize::from(is_behind_clamp))?, rest))
}

/// The levels of an encoder: each begins with a convolution, and one with a bias is behind the last.
fn down(layers: &[Layer]) -> Option<((usize, usize), Vec<Level>)> {
    let mut levels: Vec<Level> = Vec::new();
    let mut first = None;
    for layer in layers {
        match (*layer, first) {
            (
                Layer::Conv {
                    ends,
                    is_biased: true,
                },
                None,
            ) => {
                first = Some(ends.0);
                levels.push(Level {
                    channels: ends.1,
                    blocks: 0,
                });
            }
            (
                Layer::Conv {
                    ends,
                    is_biased: true,
                },
                Some(inputs),
            ) => {
                return Some(((inputs, ends.1), levels));
            }
            (
                Layer::Conv {
                    ends,
                    is_biased: false,
                },
                Some(_),
            ) => {
                levels.push(Level {
                    channels: ends.1,
                    blocks: 0,
                });
            }
            (Layer::Block { channels }, Some(_)) => {
                let level = levels.last_mut()?;
                *level = Level {
                    channels,
                    blocks: level.blocks + 1,
                };
            }
            _ => return None,
        }
    }
    None
}

/// The levels of a decoder: each ends with a convolution, the last one's with a bias, and one with a bias is
/// before the first.
fn up(layers: &[Layer]) -> Option<((usize, usize), Vec<Level>)> {
    let (first, rest) = layers.split_first()?;
    let Layer::Conv {
        ends: first,
        is_biased: true,
    } = *first
    else {
        return None;
    };
    let mut levels = Vec::new();
    let mut level = Level {
        channels: first.1,
        blocks: 0,
    };
    for layer in rest {
        match *layer {
            Layer::Block { channels } => {
                level = Level {
                    channels,
                    blocks: level.blocks + 1,
                }
            }
            Layer::Conv { ends, is_biased } => {
                levels.push(level);
                if is_biased {
                    return Some(((first.0, ends.1), levels));
                }
                level = Level {
                    channels: ends.1,
                    blocks: 0,
                };
            }
        }
    }
    None
}

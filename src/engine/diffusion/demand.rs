//! [`demands_of`]: what runs of a model ask of the processor, from its configuration alone.

use std::path::Path;
use std::sync::Arc;

use candle_core::Device;

use super::blueprint::{Blueprint, Grid};
use super::costs::{ELEMENT, TOKENS, coding_demand, grid};
use super::engine::EngineOptions;
use super::text_encoder::{Place, TextEncoderConfig};
use super::unet::{self, UnetConfig};
use super::vae::{self, VaeConfig};
use crate::catalog::{self, Library, ModelFiles, ModelRef};
use crate::engine::kernels::FREE_LIST_MAX_BYTES;
use crate::engine::nn::precision::Precision;
use crate::engine::nn::weights::WIDENED_AT_MOST_BYTES;
use crate::engine::{Demands, EngineError, PassDemand, PassShape};
use crate::geometry::Extent;

/// The free list of blocks grows to this many times what a step holds, up to its limit: a step's blocks
/// are of some such many sizes.
const FREE_PER_LIVE: f64 = 4.0;
/// Bytes of a picture's pixel in f32.
const PIXEL: f64 = 12.0;

/// What runs of `model` ask of the processor. `None` on a GPU, which has memory of its own, and for models
/// that cannot be run. `previews_in`: see
/// [`with_previews_in`](super::DiffusionEngine::with_previews_in).
pub fn demands_of(
    model: &ModelRef,
    options: EngineOptions,
    previews_in: Option<&Path>,
) -> Option<Arc<dyn Demands>> {
    if !options.device.is_processor() {
        return None;
    }
    let precision = options.precision.on(&Device::Cpu).ok()?;
    let mut demands = ModelDemands::read(&ModelFiles::of(model), precision).ok()?;
    if let Some(data_dir) = previews_in
        && let Some(decoder) = preview_decoder_of(model, data_dir)
    {
        demands.add_preview_decoder(decoder, precision);
    }
    Some(Arc::new(demands))
}

/// The tiny autoencoder's decoder that makes previews of that model.
fn preview_decoder_of(model: &ModelRef, data_dir: &Path) -> Option<VaeConfig> {
    let card = catalog::open(model).ok()?;
    let found = Library::open(data_dir).preview_autoencoder(&card)?;
    VaeConfig::of_decoder(&found.decoder().ok()?).ok()
}

#[derive(Debug)]
struct ModelDemands {
    unet: UnetConfig,
    vae: VaeConfig,
    /// For previews.
    preview_decoder: Option<VaeConfig>,
    weights_bytes: f64,
    loading_bytes: f64,
}

impl ModelDemands {
    fn read(files: &ModelFiles, precision: Precision) -> Result<Self, EngineError> {
        let unet = UnetConfig::read(files)?;
        let vae = VaeConfig::read(files)?;
        let halves = [
            vae.encoder_blueprint(Grid::NONE),
            vae.decoder_blueprint(Grid::NONE),
        ];
        // In the order in which they are loaded.
        let mut networks = Vec::new();
        for place in Place::of_model(files) {
            let text = TextEncoderConfig::read(files, *place)?.blueprint(0);
            networks.push((place.weights(), vec![text], precision.in_f32()));
        }
        networks.push((
            unet::WEIGHTS,
            vec![unet.blueprint(Grid::NONE, 0)],
            precision,
        ));
        networks.push((vae::WEIGHTS, halves.into(), precision));
        let (mut held, mut most) = (0.0, 0f64);
        for (names, blueprints, precision) in networks {
            let elements: f64 = blueprints.iter().map(elements).sum();
            let file = file_bytes(files, names).unwrap_or(elements * 2.0);
            let in_file = (file / elements).round().clamp(2.0, 4.0);
            let kept = if precision == Precision::BF16 {
                2.0
            } else if file > WIDENED_AT_MOST_BYTES as f64 {
                in_file
            } else {
                4.0
            };
            // While it is read its file is mapped, weight by weight where what was read can be given back,
            // and blocks on the way are kept.
            let on_the_way = (elements * kept / 2.0).min(FREE_LIST_MAX_BYTES as f64);
            let mapped = match files {
                ModelFiles::BuiltIn => file,
                _ if cfg!(unix) => widest(&blueprints) * (in_file + 4.0),
                _ => file,
            };
            most = most.max(held + mapped + elements * kept + on_the_way);
            held += elements * kept;
            if matches!(files, ModelFiles::BuiltIn) {
                // Part of the program, and read.
                held += file;
            }
        }
        Ok(Self {
            unet,
            vae,
            preview_decoder: None,
            weights_bytes: held,
            loading_bytes: most,
        })
    }

    fn add_preview_decoder(&mut self, decoder: VaeConfig, precision: Precision) {
        let bytes = if precision == Precision::BF16 {
            2.0
        } else {
            4.0
        };
        self.weights_bytes += bytes * elements(&decoder.decoder_blueprint(Grid::NONE));
        self.preview_decoder = Some(decoder);
    }

    /// The latent of a picture (height, width).
    fn latent(&self, picture: Extent) -> (usize, usize) {
        let side = |px: u32| (px as usize / self.vae.factor).max(1);
        (side(picture.height), side(picture.width))
    }
}

fn elements(blueprint: &Blueprint) -> f64 {
    let count = |shape: &[usize]| shape.iter().product::<usize>() as f64;
    blueprint
        .weights
        .iter()
        .map(|weight| count(&weight.shape))
        .sum()
}

/// Numbers of the largest weight.
fn widest(blueprints: &[Blueprint]) -> f64 {
    let weights = blueprints.iter().flat_map(|blueprint| &blueprint.weights);
    let counts = weights.map(|weight| weight.shape.iter().product::<usize>());
    counts.max().unwrap_or(0) as f64
}

fn file_bytes(files: &ModelFiles, names: &[&str]) -> Option<f64> {
    let there = names.iter().find(|name| files.contains(name))?;
    files.len(there).ok().map(|bytes| bytes as f64)
}

impl Demands for ModelDemands {
    fn of_pass(&self, shape: &PassShape) -> PassDemand {
        let (height, width) = self.latent(shape.shown);
        let pictures = shape.prompts.max(1) as usize;
        let step = self.unet.blueprint(grid(pictures, height, width), TOKENS);
        let latent = self.latent(shape.work);
        let [encode, decode] = coding_demand(&self.vae, latent);
        let preview = self.preview_decoder.as_ref();
        let preview_peak = preview.map_or(0.0, |decoder| coding_demand(decoder, latent)[1].peak);
        // Both give a picture of the same size.
        let decode_peak = decode.peak.max(preview_peak);
        let pixels = shape.work.area() as f64;
        let step_bytes = step.peak_elements as f64 * ELEMENT;
        // What one network leaves in the free list stays while the next one runs.
        let free = step_bytes * FREE_PER_LIVE + encode.peak.max(decode_peak);
        let free = free.min(FREE_LIST_MAX_BYTES as f64);
        // A decoded picture in planes, joined of tiles, channels last, and as a picture.
        let decode_bytes = decode_peak + 3.0 * PIXEL * pixels;
        let encode_bytes = encode.peak + PIXEL * pixels;
        PassDemand {
            encode_flops: encode.flops,
            step_flops: step.flops as f64,
            decode_flops: decode.flops,
            peak_bytes: step_bytes.max(decode_bytes).max(encode_bytes) + free,
            // Pictures that were encoded stay with their latents, round trips with their originals.
            kept_bytes: f64::from(shape.encodes + 2 * (shape.decodes - 1)) * PIXEL * pixels,
        }
    }

    fn weights_bytes(&self) -> f64 {
        self.weights_bytes
    }

    fn loading_bytes(&self) -> f64 {
        self.loading_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::diffusion::{Part, RandomModel};

    fn shape(side: u32) -> PassShape {
        let extent = Extent::new(side, side);
        PassShape {
            work: extent,
            shown: extent,
            parts: 1,
            steps: 10,
            prompts: 2,
            encodes: 1,
            decodes: 1,
        }
    }

    /// Figures that `overpaint bench --stage … --size 512x512` gave for random weights of that
    /// architecture in bf16, on a Xeon with AVX-512, less the 30 MB of the program.
    #[test]
    fn memory_is_near_what_was_measured() {
        let folder = tempfile::tempdir().unwrap();
        RandomModel::Sd15.write(folder.path(), &[]).unwrap();
        let files = ModelFiles::Folder(folder.path().to_owned());
        let demands = ModelDemands::read(&files, Precision::BF16).unwrap();
        let near = |said: f64, megabytes: f64| {
            assert!(
                (said / 1e6 / megabytes - 1.0).abs() < 0.2,
                "{said} {megabytes}"
            );
        };
        let vae_bytes = 167e6;
        let decoder = demands.vae.decoder_blueprint(grid(1, 64, 64));
        near(decoder.peak_elements as f64 * ELEMENT + vae_bytes, 836.0);
        let encoder = demands.vae.encoder_blueprint(grid(1, 512, 512));
        near(encoder.peak_elements as f64 * ELEMENT + vae_bytes, 652.0);
        let unet_bytes = 1720e6;
        let unet = demands.unet.blueprint(grid(2, 64, 64), TOKENS);
        let live = unet.peak_elements as f64 * ELEMENT;
        near(live + unet_bytes + FREE_LIST_MAX_BYTES as f64, 2387.0);
        // The U-Net by itself took 2215 while it was read, its file leaving memory behind it; the text
        // encoder is held beside it in f32.
        near(demands.loading_bytes, 2215.0 + 492.0);
    }

    #[test]
    fn flops_are_those_of_the_parts() {
        let demands = demands_of(&ModelRef::BuiltIn, EngineOptions::default(), None).unwrap();
        let of = demands.of_pass(&shape(256));
        let part = |part: Part| {
            let flops = part.flops(&ModelRef::BuiltIn, Extent::new(256, 256), 2);
            flops.unwrap() as f64
        };
        assert_eq!(of.step_flops, part(Part::Unet));
        assert_eq!(of.encode_flops, part(Part::VaeEncoder));
        assert_eq!(of.decode_flops, part(Part::VaeDecoder));
        // Beyond the budget tiles overlap, and memory grows with the picture's planes alone.
        let (large, larger) = (demands.of_pass(&shape(2048)), demands.of_pass(&shape(4096)));
        let whole = Part::VaeDecoder.flops(&ModelRef::BuiltIn, Extent::new(4096, 4096), 2);
        assert!(larger.decode_flops < whole.unwrap() as f64 * 2.0);
        assert!(larger.peak_bytes < 4.0 * large.peak_bytes);
        let none = ModelRef::Folder("nowhere".into());
        assert!(demands_of(&none, EngineOptions::default(), None).is_none());
    }
}

//! MobileSAM ([Zhang et al. 2023](https://arxiv.org/abs/2306.14289)), a small Segment Anything
//! ([Kirillov et al. 2023](https://arxiv.org/abs/2304.02643)): a picture is embedded once, and points and a box in it
//! become a mask. The encoders of pictures and the end of the decoder are ours, because they take the time; the
//! encoder of points and the two-way transformer are candle-transformers'. The weights are no part of the program.

mod mask_decoder;
#[cfg(test)]
mod tests;
mod tiny_vit;

use std::path::Path;

use candle_core::{D, DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::segment_anything::prompt_encoder::PromptEncoder;

use self::mask_decoder::MaskDecoder;
use self::tiny_vit::TinyVit;
use super::inputs::{stretched, tensor};
use crate::engine::nn::failure::all_finite;
use crate::engine::nn::precision::Precision;
use crate::engine::nn::weights::{Loader, Weights};
use crate::engine::{EngineError, PictureEmbedding, Progress, Segmenter};
use crate::geometry::Extent;
use crate::raster::RgbF32;
use crate::select::{ClickMap, Clicks};

/// Side of the square the picture lies in, in pixels: its longer side is so long.
const SIDE_PX: u32 = 1024;
/// Pixels of that square for one of the embedding.
const PATCH_PX: u32 = 16;
/// Channels of the embedding.
const WIDTH: usize = 256;
/// Mean and standard deviation of red, green, blue in its training, 0…1.
const MEAN: [f32; 3] = [123.675 / 255.0, 116.28 / 255.0, 103.53 / 255.0];
const DEVIATION: [f32; 3] = [58.395 / 255.0, 57.12 / 255.0, 57.375 / 255.0];

/// The networks.
#[derive(Debug)]
pub(super) struct SegmentAnything {
    encoder: TinyVit,
    prompts: PromptEncoder,
    /// Where each pixel of the embedding lies, as the decoder is told it.
    places: Tensor,
    /// Added to every pixel of the embedding where no mask is refined: (1, 256, 1, 1).
    no_mask: Tensor,
    decoder: MaskDecoder,
}

impl SegmentAnything {
    /// Reads the weights, 40 MB: safetensors, or the file that PyTorch saved.
    pub(super) fn open(path: &Path, progress: &mut dyn Progress) -> Result<Self, EngineError> {
        let weights = Weights::of_file(path, &Device::Cpu, Precision::F32)?;
        let side = (SIDE_PX / PATCH_PX) as usize;
        let whole = SIDE_PX as usize;
        let unreadable = |error: candle_core::Error| EngineError::ModelFile {
            path: path.to_path_buf(),
            why: error.to_string().into(),
        };
        // What candle-transformers' parts are made of.
        let mut theirs = weights.scope("prompt_encoder").all()?;
        theirs.extend(weights.scope("mask_decoder.transformer").all()?);
        let theirs = VarBuilder::from_tensors(theirs, DType::F32, &Device::Cpu);
        let prompts = theirs.pp("prompt_encoder");
        let prompts = PromptEncoder::new(WIDTH, (side, side), (whole, whole), 16, prompts)
            .map_err(unreadable)?;
        let mut from = Loader::new(weights, progress);
        let transformer = theirs.pp("mask_decoder.transformer");
        let (_, dense) = prompts.forward(None, None, None)?;
        Ok(Self {
            encoder: TinyVit::load(from.scope("image_encoder"))?,
            places: prompts.get_dense_pe()?.contiguous()?,
            no_mask: dense.narrow(2, 0, 1)?.narrow(3, 0, 1)?.contiguous()?,
            prompts,
            decoder: MaskDecoder::load(from.scope("mask_decoder"), transformer, unreadable)?,
        })
    }

    /// What the points and the box are to the decoder: (1, tokens, width). A box is two corners, with
    /// embeddings of their own (labels 2 and 3).
    fn tokens(&self, clicks: &Clicks, scale: f32) -> candle_core::Result<Tensor> {
        let device = &Device::Cpu;
        let frame = match clicks.frame {
            Some((from, to)) => {
                let corners = [from.x, from.y, to.x, to.y].map(|at| at * scale);
                let corners = Tensor::new(&corners, device)?.reshape((1, 4))?;
                let (tokens, _) = self.prompts.forward(None, Some(&corners), None)?;
                // The encoder lays both behind each other.
                Some(tokens.reshape((1, 2, WIDTH))?)
            }
            None => None,
        };
        let count = clicks.points.len();
        if count == 0 {
            return match frame {
                Some(frame) => Ok(frame),
                None => Tensor::zeros((1, 0, WIDTH), DType::F32, device),
            };
        }
        let at = clicks.points.iter().flat_map(|(at, _)| [at.x, at.y]);
        let at: Vec<f32> = at.map(|at| at * scale).collect();
        let labels = clicks.points.iter();
        let labels: Vec<f32> = labels
            .map(|(_, is_inside)| if *is_inside { 1.0 } else { 0.0 })
            .collect();
        let at = Tensor::from_vec(at, (1, count, 2), device)?;
        let labels = Tensor::from_vec(labels, (1, count), device)?;
        let (points, _) = self.prompts.forward(Some((&at, &labels)), None, None)?;
        match frame {
            // Beside a box no padding follows the points.
            Some(frame) => Tensor::cat(&[&points.narrow(1, 0, count)?, &frame], 1),
            None => Ok(points),
        }
    }

    /// The logits of each mask, (masks, 256, 256), and how good the network thinks each is.
    fn decode(
        &self,
        embedding: &Tensor,
        tokens: &Tensor,
        many: bool,
        progress: &mut dyn Progress,
    ) -> Result<(Tensor, Vec<f32>), EngineError> {
        let embedding = embedding.broadcast_add(&self.no_mask)?;
        self.decoder
            .forward(&embedding, &self.places, tokens, many, progress)
    }
}

/// The picture's size with its longer side as long as the networks want it.
fn shown(extent: Extent) -> (Extent, f32) {
    let scale = SIDE_PX as f32 / extent.width.max(extent.height).max(1) as f32;
    let side = |of: u32| ((of as f32 * scale).round() as u32).clamp(1, SIDE_PX);
    (Extent::new(side(extent.width), side(extent.height)), scale)
}

impl Segmenter for SegmentAnything {
    fn embed(
        &mut self,
        picture: &RgbF32,
        progress: &mut dyn Progress,
    ) -> Result<PictureEmbedding, EngineError> {
        progress.checkpoint()?;
        let (extent, _) = shown(picture.extent);
        let x = tensor(&stretched(picture, extent)?, |channel, value| {
            let [mean, deviation] = [MEAN, DEVIATION].map(|of| of.get(channel).copied());
            (value - mean.unwrap_or(0.0)) / deviation.unwrap_or(1.0)
        })?;
        // The rest of the square is the mean, below and at the right.
        let missing = |side: u32| (SIDE_PX - side) as usize;
        let x = x.pad_with_zeros(2, 0, missing(extent.height))?;
        let x = x.pad_with_zeros(D::Minus1, 0, missing(extent.width))?;
        progress.checkpoint()?;
        let embedding = all_finite(&self.encoder.forward(&x, progress)?)?;
        progress.checkpoint()?;
        Ok(PictureEmbedding {
            extent: picture.extent,
            numbers: embedding.flatten_all()?.to_vec1()?,
        })
    }

    fn segment(
        &mut self,
        embedding: &PictureEmbedding,
        clicks: &Clicks,
        progress: &mut dyn Progress,
    ) -> Result<ClickMap, EngineError> {
        progress.checkpoint()?;
        let side = (SIDE_PX / PATCH_PX) as usize;
        let (extent, scale) = shown(embedding.extent);
        let numbers = Tensor::from_slice(&embedding.numbers, (1, WIDTH, side, side), &Device::Cpu)?;
        let tokens = self.tokens(clicks, scale)?;
        // One point may mean a thing, a part of it, or what it is part of: the best of three. More is clear.
        let is_open = clicks.frame.is_none() && clicks.points.len() == 1;
        let (masks, scores) = self.decode(&numbers, &tokens, is_open, progress)?;
        let best = scores.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
        let mask = masks.get(best.map_or(0, |(at, _)| at))?;
        let mask = all_finite(&mask)?;
        let side_px = mask.dim(0)?;
        let covered = |of: u32| of as f32 / SIDE_PX as f32;
        Ok(ClickMap {
            side_px,
            covered: (covered(extent.width), covered(extent.height)),
            logits: mask.flatten_all()?.to_vec1()?,
        })
    }
}

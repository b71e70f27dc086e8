//! The mask decoder of Segment Anything ([Kirillov et al. 2023](https://arxiv.org/abs/2304.02643), appendix A): tokens
//! of the clicks and the embedding attend to each other in candle-transformers' two-way transformer; then the
//! embedding is enlarged four times, and each mask is a sum of its channels, weighted by what a token came to.

use candle_core::Tensor;
use candle_nn::VarBuilder;
use candle_transformers::models::segment_anything::transformer::TwoWayTransformer;

use super::WIDTH;
use crate::engine::nn::layers::{Embedding, Fused, LayerNorm, Linear, gelu};
use crate::engine::nn::weights::Loader;
use crate::engine::{EngineError, Progress};

/// Masks it knows: a clear one, then a thing, its part, and what it is part of.
const MASKS: usize = 4;
/// Added to the variance by norms of pictures.
const EPS: f64 = 1e-6;
/// Sizes of the two-way transformer: layers, heads, features within its feed-forward networks.
const TRANSFORMER: (usize, usize, usize) = (2, 8, 2048);
/// A side of the embedding is enlarged so many times, twice.
const ENLARGING: usize = 2;
/// Channels after each enlarging.
const CHANNELS: [usize; 2] = [WIDTH / 4, WIDTH / 8];

/// The mask decoder.
#[derive(Debug)]
pub(super) struct MaskDecoder {
    /// The token that asks for scores, and one for each mask.
    asking: [Tensor; 2],
    transformer: TwoWayTransformer,
    enlarging: [Linear; 2],
    norm: LayerNorm,
    /// From a mask's token to weights of the channels.
    weightings: Vec<Perceptron>,
    scoring: Perceptron,
}

impl MaskDecoder {
    /// `transformer` has the weights of the two-way transformer, `unreadable` says that they are wrong.
    pub(super) fn load(
        mut from: Loader<'_>,
        transformer: VarBuilder<'_>,
        unreadable: impl FnOnce(candle_core::Error) -> EngineError,
    ) -> Result<Self, EngineError> {
        let (layers, heads, inner) = TRANSFORMER;
        let [first, second] = CHANNELS;
        let dtype = transformer.dtype();
        let mut asking =
            |name: &str, count: usize| Embedding::load(from.scope(name), count, WIDTH)?.all(dtype);
        let asking = [asking("iou_token", 1)?, asking("mask_tokens", MASKS)?];
        let mut enlarging = |name: &str, inputs: usize, outputs: usize| {
            Linear::load_enlarging(from.scope(name), inputs, outputs, ENLARGING)
        };
        let enlarging = [
            enlarging("output_upscaling.0", WIDTH, first)?,
            enlarging("output_upscaling.3", first, second)?,
        ];
        let weightings = (0..MASKS)
            .map(|mask| Perceptron::load(from.member("output_hypernetworks_mlps", mask), second))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            asking,
            transformer: TwoWayTransformer::new(layers, WIDTH, heads, inner, transformer)
                .map_err(unreadable)?,
            enlarging,
            norm: LayerNorm::load(from.scope("output_upscaling.1"), first, EPS)?,
            weightings,
            scoring: Perceptron::load(from.scope("iou_prediction_head"), MASKS)?,
        })
    }

    /// The logits of each mask, (masks, 4 h, 4 w), and how good the network thinks each is, of an embedding and its
    /// places, both (1, 256, h, w), and the clicks' tokens, (1, tokens, 256). `many`: three answers, not the clear one.
    pub(super) fn forward(
        &self,
        embedding: &Tensor,
        places: &Tensor,
        clicks: &Tensor,
        many: bool,
        progress: &mut dyn Progress,
    ) -> Result<(Tensor, Vec<f32>), EngineError> {
        let [scores, masks] = &self.asking;
        let tokens = Tensor::cat(&[scores, masks], 0)?.unsqueeze(0)?;
        let tokens = Tensor::cat(&[&tokens, clicks], 1)?;
        let (tokens, pixels) = self.transformer.forward(embedding, places, &tokens)?;
        progress.checkpoint()?;
        let (_, _, height, width) = embedding.dims4()?;
        let channels = self.enlarged(&pixels, progress)?;
        let wanted = if many { 1..MASKS } else { 0..1 };
        let mut weights = Vec::with_capacity(wanted.len());
        for (mask, weighting) in self.weightings.iter().enumerate() {
            if wanted.contains(&mask) {
                weights.push(weighting.forward(&tokens.narrow(1, 1 + mask, 1)?, progress)?);
            }
        }
        let weights = Tensor::cat(&weights, 1)?.squeeze(0)?;
        let masks = weights.matmul(&channels.t()?)?;
        let scores = self.scoring.forward(&tokens.narrow(1, 0, 1)?, progress)?;
        let scores: Vec<f32> = scores.flatten_all()?.to_vec1()?;
        Ok((
            ordered(&masks, (height, width))?,
            scores.get(wanted).unwrap_or_default().to_vec(),
        ))
    }

    /// The channels of every pixel of the enlarged embedding: (16 h w, channels). Pixels lie as the enlargings made
    /// them: the four, or sixteen, of one of the embedding's together.
    fn enlarged(
        &self,
        pixels: &Tensor,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        let [first, second] = &self.enlarging;
        let [channels, narrow] = CHANNELS;
        let x = first.forward(&pixels.contiguous()?, progress)?;
        let x = self.norm.forward(&x.reshape(((), channels))?)?;
        let x = second.forward_then(&gelu(&x.materialized()?)?, Fused::Gelu, progress)?;
        Ok(x.reshape(((), narrow))?)
    }
}

/// Masks, (masks, 16 h w), whose pixels lie as two enlargings made them, row by row: (masks, 4 h, 4 w).
fn ordered(masks: &Tensor, (height, width): (usize, usize)) -> Result<Tensor, EngineError> {
    let (count, by) = (masks.dim(0)?, ENLARGING);
    // Row and column of the embedding, then of the first enlarging, then of the second.
    let masks = masks.reshape(&[count, height, width, by, by, by, by][..])?;
    let masks = masks.permute([0, 1, 3, 5, 2, 4, 6])?.contiguous()?;
    Ok(masks.reshape((count, height * by * by, width * by * by))?)
}

/// Three fully connected layers with ReLU between them.
#[derive(Debug)]
struct Perceptron([Linear; 3]);

impl Perceptron {
    /// From a token to that many numbers.
    fn load(mut from: Loader<'_>, outputs: usize) -> Result<Self, EngineError> {
        let mut layer =
            |index: usize, outputs| Linear::load(from.member("layers", index), WIDTH, outputs);
        Ok(Self([
            layer(0, WIDTH)?,
            layer(1, WIDTH)?,
            layer(2, outputs)?,
        ]))
    }

    fn forward(&self, x: &Tensor, progress: &mut dyn Progress) -> Result<Tensor, EngineError> {
        let Self([first, second, third]) = self;
        let x = first.forward(x, progress)?.relu()?;
        let x = second.forward(&x, progress)?.relu()?;
        third.forward(&x, progress)
    }
}

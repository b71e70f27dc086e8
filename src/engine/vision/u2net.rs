//! U²-Netp ([Qin et al. 2020](https://arxiv.org/abs/2005.09007)): the salient subject of a picture. A U-Net whose
//! stages are U-Nets themselves ("residual U-blocks"). Batch norms are folded into the convolutions.

use candle_core::Tensor;

use super::inputs::{stretched, tensor};
use crate::engine::nn::cpu::channels_of_both;
use crate::engine::nn::failure::all_finite;
use crate::engine::nn::layers::{Conv2d, ConvShape, Fused, add, max_pool, upsampled};
use crate::engine::nn::weights::Loader;
use crate::engine::{EngineError, Progress};
use crate::geometry::Extent;
use crate::raster::RgbF32;
use crate::select::SubjectMap;

/// Side of what it is shown and of its map, in pixels.
pub(super) const SIDE_PX: u32 = 320;
/// Channels between stages.
const WIDTH: usize = 64;
/// Channels within a stage.
const INNER: usize = 16;
/// Mean and standard deviation of red, green, blue in its training.
const MEAN: [f32; 3] = [0.485, 0.456, 0.406];
const DEVIATION: [f32; 3] = [0.229, 0.224, 0.225];

/// How the levels of a stage see farther than one pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// Each level has half the size of the one above; the last one is dilated instead.
    Pooled,
    /// All levels have the same size; their convolutions are dilated, twice as far on each (RSU-4F).
    Dilated,
}

/// The stages in the network's order: name, levels, reach.
const ENCODER: [(&str, usize, Reach); 6] = [
    ("stage1", 7, Reach::Pooled),
    ("stage2", 6, Reach::Pooled),
    ("stage3", 5, Reach::Pooled),
    ("stage4", 4, Reach::Pooled),
    ("stage5", 4, Reach::Dilated),
    ("stage6", 4, Reach::Dilated),
];
/// From the smallest pictures to the largest.
const DECODER: [(&str, usize, Reach); 5] = [
    ("stage5d", 4, Reach::Dilated),
    ("stage4d", 4, Reach::Pooled),
    ("stage3d", 5, Reach::Pooled),
    ("stage2d", 6, Reach::Pooled),
    ("stage1d", 7, Reach::Pooled),
];

/// The network.
#[derive(Debug)]
pub(super) struct U2Net {
    encoder: Vec<ResidualU>,
    decoder: Vec<ResidualU>,
    /// A map from each size, the largest first.
    sides: Vec<Conv2d>,
    /// The map from all of them.
    out: Conv2d,
}

impl U2Net {
    pub(super) fn load(mut from: Loader<'_>) -> Result<Self, EngineError> {
        let mut encoder = Vec::new();
        let mut inputs = 3;
        for (name, levels, reach) in ENCODER {
            encoder.push(ResidualU::load(from.scope(name), inputs, levels, reach)?);
            inputs = WIDTH;
        }
        let mut decoder = Vec::new();
        for (name, levels, reach) in DECODER {
            decoder.push(ResidualU::load(from.scope(name), 2 * WIDTH, levels, reach)?);
        }
        let mut sides = Vec::new();
        for side in 1..=ENCODER.len() {
            let shape = ConvShape::same3(WIDTH, 1);
            sides.push(Conv2d::load(from.scope(&format!("side{side}")), shape)?);
        }
        let shape = ConvShape::pointwise(sides.len(), 1);
        let out = Conv2d::load(from.scope("outconv"), shape)?;
        Ok(Self {
            encoder,
            decoder,
            sides,
            out,
        })
    }

    /// How likely each pixel of a picture, seen at 320 × 320, is part of its subject.
    pub(super) fn subject(
        &self,
        picture: &RgbF32,
        progress: &mut dyn Progress,
    ) -> Result<SubjectMap, EngineError> {
        let extent = Extent::new(SIDE_PX, SIDE_PX);
        let shown = stretched(picture, extent)?;
        let values = shown.pixels.as_flattened().iter();
        let brightest = values.fold(f32::MIN_POSITIVE, |most, value| most.max(*value));
        let x = tensor(&shown, |channel, value| {
            let [mean, deviation] = [MEAN, DEVIATION].map(|of| of.get(channel).copied());
            (value / brightest - mean.unwrap_or(0.0)) / deviation.unwrap_or(1.0)
        })?;
        let logits = all_finite(&self.forward(&x, progress)?)?;
        let likely = candle_nn::ops::sigmoid(&logits)?.flatten_all()?;
        Ok(SubjectMap {
            extent,
            likelihood: likely.to_vec1()?,
        })
    }

    /// Logits (1, 1, h, w) of a picture (1, 3, h, w).
    fn forward(&self, x: &Tensor, progress: &mut dyn Progress) -> Result<Tensor, EngineError> {
        let mut skips: Vec<Tensor> = Vec::new();
        for stage in &self.encoder {
            let x = match skips.last() {
                Some(above) => max_pool(above)?,
                None => x.clone(),
            };
            skips.push(stage.forward(&x, progress)?);
        }
        // What each size came to, the smallest first.
        let mut results: Vec<Tensor> = skips.pop().into_iter().collect();
        for stage in &self.decoder {
            if let (Some(below), Some(skip)) = (results.last(), skips.pop()) {
                let x = channels_of_both(&upsampled(below, &skip)?, &skip)?;
                results.push(stage.forward(&x, progress)?);
            }
        }
        let mut maps: Vec<Tensor> = Vec::new();
        for (side, result) in self.sides.iter().zip(results.iter().rev()) {
            let map = side.forward(result, progress)?;
            maps.push(upsampled(&map, maps.first().unwrap_or(&map))?.contiguous()?);
        }
        self.out.forward(&Tensor::cat(&maps, 1)?, progress)
    }
}

/// A residual U-block (RSU): a small U-Net, whose result is added to what came in.
#[derive(Debug)]
struct ResidualU {
    input: Conv2d,
    /// The largest level first.
    encoder: Vec<Conv2d>,
    /// The smallest level first.
    decoder: Vec<Conv2d>,
    reach: Reach,
}

impl ResidualU {
    fn load(
        mut from: Loader<'_>,
        inputs: usize,
        levels: usize,
        reach: Reach,
    ) -> Result<Self, EngineError> {
        let dilation = |level: usize| match reach {
            Reach::Dilated => 1 << (level - 1),
            Reach::Pooled if level == levels => 2,
            Reach::Pooled => 1,
        };
        let mut convolution = |name: String, inputs, outputs, dilation| {
            let shape = ConvShape {
                dilation,
                padding_before: dilation,
                padding_after: dilation,
                ..ConvShape::same3(inputs, outputs)
            };
            Conv2d::load(from.scope(&name), shape)
        };
        let input = convolution("rebnconvin".to_owned(), inputs, WIDTH, 1)?;
        let mut encoder = Vec::new();
        for level in 1..=levels {
            let inputs = if level == 1 { WIDTH } else { INNER };
            let name = format!("rebnconv{level}");
            encoder.push(convolution(name, inputs, INNER, dilation(level))?);
        }
        let mut decoder = Vec::new();
        for level in (1..levels).rev() {
            let outputs = if level == 1 { WIDTH } else { INNER };
            let name = format!("rebnconv{level}d");
            decoder.push(convolution(name, 2 * INNER, outputs, dilation(level))?);
        }
        Ok(Self {
            input,
            encoder,
            decoder,
            reach,
        })
    }

    fn forward(&self, x: &Tensor, progress: &mut dyn Progress) -> Result<Tensor, EngineError> {
        let residual = self.input.forward_then(x, Fused::Relu, progress)?;
        let mut skips: Vec<Tensor> = Vec::new();
        for (level, convolution) in self.encoder.iter().enumerate() {
            let is_last = level + 1 == self.encoder.len();
            let x = match skips.last() {
                None => residual.clone(),
                Some(above) if self.reach == Reach::Pooled && !is_last => max_pool(above)?,
                Some(above) => above.clone(),
            };
            skips.push(convolution.forward_then(&x, Fused::Relu, progress)?);
        }
        let mut below = skips.pop();
        for convolution in &self.decoder {
            if let (Some(x), Some(skip)) = (&below, skips.pop()) {
                let x = channels_of_both(&upsampled(x, &skip)?, &skip)?;
                below = Some(convolution.forward_then(&x, Fused::Relu, progress)?);
            }
        }
        match below {
            Some(result) => add(&result, &residual),
            None => Ok(residual),
        }
    }
}

//! BlazeBlocks, of which both face networks are made: a depthwise and a pointwise convolution, around which the
//! input goes to be added; then a rectifier.

use candle_core::Tensor;

use crate::engine::nn::layers::{
    Conv2d, ConvShape, DepthwiseConv, Slopes, add, max_pool, rectified, widened,
};
use crate::engine::nn::weights::Loader;
use crate::engine::{EngineError, Progress};

/// Channels in, channels out, stride.
pub(super) type BlockShape = (usize, usize, usize);

/// A block.
#[derive(Debug)]
pub(super) struct Block {
    depthwise: DepthwiseConv,
    pointwise: Conv2d,
    slopes: Option<Slopes>,
    shape: BlockShape,
}

impl Block {
    /// A block of that shape, rectified by PReLU where its slopes are stored, else by ReLU.
    pub(super) fn load(mut from: Loader<'_>, shape: BlockShape) -> Result<Self, EngineError> {
        let (inputs, outputs, stride) = shape;
        let depthwise = ConvShape {
            stride,
            // TensorFlow's SAME: an even picture halved is padded at its far borders only.
            padding_before: usize::from(stride == 1),
            ..ConvShape::same3(inputs, inputs)
        };
        Ok(Self {
            depthwise: DepthwiseConv::load(from.scope("depthwise"), depthwise)?,
            pointwise: Conv2d::load(
                from.scope("pointwise"),
                ConvShape::pointwise(inputs, outputs),
            )?,
            slopes: load_slopes(&mut from, outputs)?,
            shape,
        })
    }

    pub(super) fn forward(
        &self,
        x: &Tensor,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        let (inputs, outputs, stride) = self.shape;
        let mut around = x.clone();
        if stride > 1 {
            around = max_pool(&around)?;
        }
        if outputs > inputs {
            around = widened(&around, outputs)?;
        }
        let through = self.depthwise.forward(x, progress)?;
        let through = self.pointwise.forward(&through, progress)?;
        rectified(&add(&around, &through)?, self.slopes.as_ref())
    }
}

/// The slopes of a rectifier, where it is a PReLU.
pub(super) fn load_slopes(
    from: &mut Loader<'_>,
    channels: usize,
) -> Result<Option<Slopes>, EngineError> {
    if !from.has("slope") {
        return Ok(None);
    }
    Slopes::load(from.scope(""), channels).map(Some)
}

/// Loads `list.0`, `list.1`, … of those shapes.
pub(super) fn load_blocks(
    from: &mut Loader<'_>,
    list: &str,
    shapes: &[BlockShape],
) -> Result<Vec<Block>, EngineError> {
    let shapes = shapes.iter().enumerate();
    shapes
        .map(|(index, shape)| Block::load(from.member(list, index), *shape))
        .collect()
}

/// Through blocks, one after the other.
pub(super) fn through(
    blocks: &[Block],
    x: Tensor,
    progress: &mut dyn Progress,
) -> Result<Tensor, EngineError> {
    blocks
        .iter()
        .try_fold(x, |x, block| block.forward(&x, progress))
}

//! Blocks that both the U-Net and the autoencoder are built of.

use candle_core::Tensor;

use crate::engine::nn::layers::{Conv2d, ConvShape, GroupNorm, Linear, PostOps};
use crate::engine::nn::weights::Loader;
use crate::engine::{EngineError, Progress};

/// Sizes of a [`Resnet`].
#[derive(Debug, Clone, Copy)]
pub(super) struct ResnetShape {
    /// Channels in.
    pub(super) inputs: usize,
    /// Channels out.
    pub(super) outputs: usize,
    /// Width of the time embedding; `None` in an autoencoder.
    pub(super) time_width: Option<usize>,
    /// Groups of its normalisations.
    pub(super) groups: usize,
    /// Their epsilon.
    pub(super) eps: f64,
}

/// A residual block: two convolutions, each after normalisation and SiLU, with a residual connection
/// (through a 1×1 convolution where the number of channels changes).
#[derive(Debug)]
pub(super) struct Resnet {
    norm1: GroupNorm,
    conv1: Conv2d,
    time_projection: Option<Linear>,
    norm2: GroupNorm,
    conv2: Conv2d,
    shortcut: Option<Conv2d>,
}

impl Resnet {
    /// The block of that shape.
    pub(super) fn load(mut from: Loader<'_>, shape: ResnetShape) -> Result<Self, EngineError> {
        let ResnetShape {
            inputs,
            outputs,
            time_width,
            groups,
            eps,
        } = shape;
        let time_projection = time_width
            .map(|width| Linear::load(from.scope("time_emb_proj").in_f32(), width, outputs))
            .transpose()?;
        let shortcut = (inputs != outputs)
            .then(|| {
                let shape = ConvShape::pointwise(inputs, outputs);
                Conv2d::load(from.scope("conv_shortcut"), shape)
            })
            .transpose()?;
        Ok(Self {
            norm1: GroupNorm::load(from.scope("norm1"), inputs, groups, eps)?,
            conv1: Conv2d::load(from.scope("conv1"), ConvShape::same3(inputs, outputs))?,
            time_projection,
            norm2: GroupNorm::load(from.scope("norm2"), outputs, groups, eps)?,
            conv2: Conv2d::load(from.scope("conv2"), ConvShape::same3(outputs, outputs))?,
            shortcut,
        })
    }

    /// What [`forward`](Self::forward) adds at each timestep, `(rows, outputs)`, given their
    /// embeddings after SiLU, `(rows, time width)`; `None` without a time embedding.
    pub(super) fn time_shifts(
        &self,
        embeddings: &Tensor,
        progress: &mut dyn Progress,
    ) -> Result<Option<Tensor>, EngineError> {
        let projection = self.time_projection.as_ref();
        projection
            .map(|projection| projection.forward(embeddings, progress))
            .transpose()
    }

    /// `shift`, `(1, outputs)` or a row for each picture, is added to every pixel after the first convolution.
    ///
    /// `x` is taken by value: in the autoencoder activations are large, and each is freed as soon as it
    /// can be.
    pub(super) fn forward(
        &self,
        x: Tensor,
        shift: Option<&Tensor>,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        progress.checkpoint()?;
        let normal = self.norm1.forward_silu(&x)?;
        let inner = self.conv1.forward_for_norm(normal, shift, progress)?;
        progress.checkpoint()?;
        let normal = self.norm2.forward_silu(&inner)?;
        drop(inner);
        let residual = match &self.shortcut {
            Some(shortcut) => shortcut.forward(&x, progress)?,
            None => x.clone(),
        };
        drop(x);
        self.conv2
            .forward_then(normal, PostOps::onto(&residual), progress)
    }
}

/// Halves the size by a convolution of stride 2.
#[derive(Debug)]
pub(super) struct Downsample {
    conv: Conv2d,
}

impl Downsample {
    /// `padding` on every side; 0 means one row and one column at the far borders, as the
    /// autoencoder has it.
    pub(super) fn load(
        mut from: Loader<'_>,
        channels: usize,
        padding: usize,
    ) -> Result<Self, EngineError> {
        let shape = ConvShape {
            stride: 2,
            padding_before: padding,
            padding_after: padding.max(1),
            ..ConvShape::same3(channels, channels)
        };
        Ok(Self {
            conv: Conv2d::load(from.scope("downsamplers.0.conv"), shape)?,
        })
    }

    /// The picture at half its size.
    pub(super) fn forward(
        &self,
        x: &Tensor,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        progress.checkpoint()?;
        self.conv.forward(x, progress)
    }
}

/// Enlarges by repeating pixels, then a convolution.
#[derive(Debug)]
pub(super) struct Upsample {
    conv: Conv2d,
}

impl Upsample {
    /// For that many channels.
    pub(super) fn load(mut from: Loader<'_>, channels: usize) -> Result<Self, EngineError> {
        let shape = ConvShape::same3(channels, channels);
        Ok(Self {
            conv: Conv2d::load(from.scope("upsamplers.0.conv"), shape)?,
        })
    }

    /// The picture at `size` (height, width), or at twice its own.
    pub(super) fn forward(
        &self,
        x: &Tensor,
        size: Option<(usize, usize)>,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        progress.checkpoint()?;
        let (_, _, height, width) = x.dims4()?;
        let size = size.unwrap_or((2 * height, 2 * width));
        self.conv.forward_upsampled(x, size, progress)
    }
}

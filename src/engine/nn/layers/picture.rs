//! Operators on pictures that have no weights, or one a channel: pooling, enlarging, rectifying, sums. On the
//! processor, in f32: the networks that have them run nowhere else.

use candle_core::Tensor;

use super::super::cpu::{channels_last, isa, picture, tensor, with_numbers};
use super::super::weights::Loader;
use crate::engine::EngineError;
use crate::engine::kernels::{
    DtypeVec, PictureSize, Rectifier, gelu_each, max_pool_halved, rectify, upsample_bilinear,
};

/// The slopes of a PReLU, one a channel.
#[derive(Debug)]
pub(crate) struct Slopes(Vec<f32>);

impl Slopes {
    /// Of so many channels; stored as `slope`.
    pub(crate) fn load(mut from: Loader<'_>, channels: usize) -> Result<Self, EngineError> {
        Ok(Self(from.tensor("slope", &[channels])?.to_vec1()?))
    }
}

/// Both pictures' sum.
pub(crate) fn add(a: &Tensor, b: &Tensor) -> Result<Tensor, EngineError> {
    // Candle adds contiguous tensors many times faster than views.
    let sum = (channels_last(a)? + channels_last(b)?)?;
    Ok(sum.permute((0, 3, 1, 2))?)
}

/// The picture without what is below 0; with slopes, with a share of it.
pub(crate) fn rectified(x: &Tensor, slopes: Option<&Slopes>) -> Result<Tensor, EngineError> {
    let (batch, channels, rows, columns) = x.dims4()?;
    let rectifier = slopes.map_or(Rectifier::Zero, |slopes| Rectifier::Slopes(&slopes.0));
    let numbers = with_numbers([&channels_last(x)?], |[numbers]| {
        let mut numbers = numbers.to_vec();
        rectify(&mut numbers, channels, rectifier);
        Ok(numbers)
    })?;
    picture(DtypeVec::F32(numbers), (batch, rows, columns, channels), x)
}

/// GELU of each number, in its exact form.
pub(crate) fn gelu(x: &Tensor) -> Result<Tensor, EngineError> {
    let x = x.contiguous()?;
    let numbers = with_numbers([&x], |[numbers]| {
        let mut numbers = numbers.to_vec();
        gelu_each(isa(), &mut numbers);
        Ok(numbers)
    })?;
    tensor(DtypeVec::F32(numbers), x.shape(), &x)
}

/// The largest of each 2 × 2 pixels; at odd borders of fewer. One picture at a time.
pub(crate) fn max_pool(x: &Tensor) -> Result<Tensor, EngineError> {
    let (size, numbers) = (size_of(x)?, channels_last(x)?);
    let pooled = with_numbers([&numbers], |[numbers]| Ok(max_pool_halved(numbers, size)))?;
    let shape = (
        1,
        size.rows.div_ceil(2),
        size.columns.div_ceil(2),
        size.channels,
    );
    picture(DtypeVec::F32(pooled), shape, x)
}

/// The picture at the size of `like`, bilinear. One picture at a time.
pub(crate) fn upsampled(x: &Tensor, like: &Tensor) -> Result<Tensor, EngineError> {
    let (size, (_, _, rows, columns)) = (size_of(x)?, like.dims4()?);
    if (size.rows, size.columns) == (rows, columns) {
        return Ok(x.clone());
    }
    let numbers = channels_last(x)?;
    let enlarged = with_numbers([&numbers], |[numbers]| {
        Ok(upsample_bilinear(numbers, size, (rows, columns)))
    })?;
    picture(
        DtypeVec::F32(enlarged),
        (1, rows, columns, size.channels),
        x,
    )
}

/// The picture with channels of zeros behind its own, `channels` in all.
pub(crate) fn widened(x: &Tensor, channels: usize) -> Result<Tensor, EngineError> {
    let more = channels.saturating_sub(x.dim(1)?);
    Ok(x.pad_with_zeros(1, 0, more)?)
}

fn size_of(x: &Tensor) -> Result<PictureSize, EngineError> {
    match x.dims4()? {
        (1, channels, rows, columns) => Ok(PictureSize {
            rows,
            columns,
            channels,
        }),
        (batch, ..) => Err(EngineError::Internal {
            why: format!("{batch} pictures at once"),
        }),
    }
}

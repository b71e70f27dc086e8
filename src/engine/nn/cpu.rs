//! Between candle's tensors and the CPU kernels, which know slices only.
//!
//! The networks' pictures are NCHW, `(batch, channels, height, width)`. On the CPU such a tensor is a
//! permuted view of memory in NHWC (channels last), as the kernels want it: layers pass it on without a
//! copy, and every other operator of candle still works.

use std::ops::Range;

use candle_core::{CpuStorage, DType, Layout, Shape, Storage, Tensor};

use crate::engine::EngineError;
use crate::engine::kernels::{DtypeSlice, DtypeVec, Isa, concat_channels};

/// True where the kernels can compute with `x`: f32 on the CPU, or bf16, which the kernels made.
pub(crate) fn is_on_cpu(x: &Tensor) -> bool {
    x.device().is_cpu() && matches!(x.dtype(), DType::F32 | DType::BF16)
}

/// The kernels' ISA. A wrong choice by environment was refused when the device was opened.
pub(crate) fn isa() -> Isa {
    Isa::chosen().unwrap_or_else(|_| Isa::portable())
}

/// The kernels' ISA for bf16 GEMMs. A wrong choice was refused, as above.
pub(crate) fn isa_with_bf16() -> Isa {
    Isa::chosen_with_bf16().unwrap_or_else(|_| isa())
}

/// `(batch, height, width, channels)` of a picture, contiguous; a copy only where it does not lie
/// so already.
pub(crate) fn channels_last(picture: &Tensor) -> Result<Tensor, EngineError> {
    Ok(picture.permute((0, 2, 3, 1))?.contiguous()?)
}

/// The picture whose numbers are `(batch, height, width, channels)`.
pub(crate) fn picture(
    numbers: DtypeVec,
    shape: (usize, usize, usize, usize),
    like: &Tensor,
) -> Result<Tensor, EngineError> {
    Ok(tensor(numbers, shape, like)?.permute((0, 3, 1, 2))?)
}

/// The tensor of that shape, where `like` is.
pub(crate) fn tensor(
    numbers: DtypeVec,
    shape: impl Into<Shape>,
    like: &Tensor,
) -> Result<Tensor, EngineError> {
    let (shape, device) = (shape.into(), like.device());
    Ok(match numbers {
        DtypeVec::F32(numbers) => Tensor::from_vec(numbers, shape, device)?,
        DtypeVec::Bf16(numbers) => Tensor::from_vec(numbers, shape, device)?,
    })
}

/// Lends the numbers of contiguous f32 tensors on the processor to `work`.
pub(crate) fn with_numbers<const N: usize, T>(
    tensors: [&Tensor; N],
    work: impl FnOnce([&[f32]; N]) -> Result<T, EngineError>,
) -> Result<T, EngineError> {
    let held = tensors.map(Tensor::storage_and_layout);
    let mut numbers = [&[] as &[f32]; N];
    for (numbers, (storage, layout)) in numbers.iter_mut().zip(&held) {
        let (storage, range) = contiguous(storage, layout)?;
        *numbers = storage.as_slice::<f32>()?.get(range).unwrap_or_default();
    }
    work(numbers)
}

/// Lends the numbers of a contiguous tensor on the processor, f32 or bf16, to `work`.
pub(crate) fn with_values<T>(
    tensor: &Tensor,
    work: impl FnOnce(DtypeSlice<'_>) -> Result<T, EngineError>,
) -> Result<T, EngineError> {
    let (storage, layout) = tensor.storage_and_layout();
    let (storage, range) = contiguous(&storage, layout)?;
    work(match storage {
        CpuStorage::BF16(numbers) => DtypeSlice::Bf16(numbers.get(range).unwrap_or_default()),
        other => DtypeSlice::F32(other.as_slice::<f32>()?.get(range).unwrap_or_default()),
    })
}

/// What a contiguous tensor on the processor is stored in, and where there.
fn contiguous<'a>(
    storage: &'a Storage,
    layout: &Layout,
) -> Result<(&'a CpuStorage, Range<usize>), EngineError> {
    match (storage, layout.contiguous_offsets()) {
        (Storage::Cpu(storage), Some((start, end))) => Ok((storage, start..end)),
        _ => Err(EngineError::Internal {
            why: "a kernel of the processor was given a tensor of another place or order"
                .to_owned(),
        }),
    }
}

/// The tokens `(batch, height × width, channels)` of a picture.
pub(crate) fn tokens_of(picture: &Tensor) -> Result<Tensor, EngineError> {
    let (batch, channels, height, width) = picture.dims4()?;
    Ok(channels_last(picture)?.reshape((batch, height * width, channels))?)
}

/// The picture of that many rows and columns whose pixels are `tokens`.
pub(crate) fn picture_of(
    tokens: &Tensor,
    height: usize,
    width: usize,
) -> Result<Tensor, EngineError> {
    let (batch, _, channels) = tokens.dims3()?;
    Ok(tokens
        .reshape((batch, height, width, channels))?
        .permute((0, 3, 1, 2))?)
}

/// Two pictures as one, the channels of `a` before those of `b`.
pub(crate) fn channels_of_both(a: &Tensor, b: &Tensor) -> Result<Tensor, EngineError> {
    if !is_on_cpu(a) {
        return Ok(Tensor::cat(&[a, b], 1)?);
    }
    let (batch, width_a, rows, columns) = a.dims4()?;
    let width_b = b.dim(1)?;
    if b.dims() != [batch, width_b, rows, columns] {
        return Err(EngineError::Internal {
            why: format!("{:?} beside {:?}", a.dims(), b.dims()),
        });
    }
    let both = with_numbers([&channels_last(a)?, &channels_last(b)?], |numbers| {
        Ok(concat_channels(numbers, [width_a, width_b]))
    })?;
    picture(
        DtypeVec::F32(both),
        (batch, rows, columns, width_a + width_b),
        a,
    )
}

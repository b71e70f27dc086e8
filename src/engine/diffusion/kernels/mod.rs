//! Operators that candle has not, or has slowly, on the CPU. Layers choose them where the tensor
//! lies on the CPU in f32; on other devices they compose candle's own.

mod conv2d;
mod group_norm;

use candle_core::{Storage, Tensor};

use crate::engine::EngineError;

pub(super) use conv2d::{ConvGeometry, conv2d};
pub(super) use group_norm::GroupNormOp;

/// Lends the numbers of f32 tensors on the CPU, each made contiguous, to `work`.
pub(super) fn with_numbers<const N: usize, T>(
    tensors: [&Tensor; N],
    work: impl FnOnce([&[f32]; N]) -> Result<T, EngineError>,
) -> Result<T, EngineError> {
    let mut contiguous = Vec::with_capacity(N);
    for tensor in tensors {
        contiguous.push(tensor.contiguous()?);
    }
    let held: Vec<_> = contiguous.iter().map(Tensor::storage_and_layout).collect();
    let mut numbers = [&[] as &[f32]; N];
    for (numbers, (storage, layout)) in numbers.iter_mut().zip(&held) {
        let (Storage::Cpu(storage), Some((start, end))) = (&**storage, layout.contiguous_offsets())
        else {
            return Err(EngineError::Internal {
                why: "a CPU kernel was given a tensor of another device".to_owned(),
            });
        };
        *numbers = storage
            .as_slice::<f32>()?
            .get(start..end)
            .unwrap_or_default();
    }
    work(numbers)
}

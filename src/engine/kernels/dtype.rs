//! Slices and vectors whose dtype, f32 or bf16, is known at run time.

use half::bf16;

use super::isa::Isa;
use super::prefetch::prefetch_l1;

/// A slice to read.
#[derive(Debug, Clone, Copy)]
pub(crate) enum DtypeSlice<'a> {
    /// f32.
    F32(&'a [f32]),
    /// bf16: half the memory for activations that only GEMMs and normalizations read.
    Bf16(&'a [bf16]),
}

impl<'a> DtypeSlice<'a> {
    /// Its length.
    pub(crate) fn len(self) -> usize {
        match self {
            Self::F32(numbers) => numbers.len(),
            Self::Bf16(numbers) => numbers.len(),
        }
    }

    /// The elements `start .. start + len`.
    pub(crate) fn slice(self, start: usize, len: usize) -> Self {
        match self {
            Self::F32(numbers) => Self::F32(&numbers[start..start + len]),
            Self::Bf16(numbers) => Self::Bf16(&numbers[start..start + len]),
        }
    }

    /// Prefetches it into L1.
    pub(crate) fn prefetch_l1(self) {
        match self {
            Self::F32(numbers) => prefetch_l1(numbers),
            Self::Bf16(numbers) => prefetch_l1(numbers),
        }
    }

    /// In f32; widened in `scratch` where it is bf16.
    pub(crate) fn as_f32<'r>(self, isa: Isa, scratch: &'r mut Vec<f32>) -> &'r [f32]
    where
        'a: 'r,
    {
        match self {
            Self::F32(numbers) => numbers,
            Self::Bf16(numbers) => {
                scratch.resize(numbers.len(), 0.0);
                isa.widen_bf16(numbers, scratch);
                scratch
            }
        }
    }
}

/// A computed vector.
#[derive(Debug, Clone)]
pub(crate) enum DtypeVec {
    /// f32.
    F32(Vec<f32>),
    /// bf16; see [`DtypeSlice::Bf16`].
    Bf16(Vec<bf16>),
}

impl DtypeVec {
    /// In f32.
    #[cfg(test)]
    pub(crate) fn into_f32(self) -> Vec<f32> {
        match self {
            Self::F32(numbers) => numbers,
            Self::Bf16(numbers) => numbers.iter().map(|number| number.to_f32()).collect(),
        }
    }
}

//! [`Precision`]: the numbers a network is made of.

use candle_core::DType;

use super::cpu;
use crate::engine::kernels::Isa;

/// In which numbers a network keeps its weights, and in which it computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Precision {
    /// Numbers it computes in.
    pub(crate) compute: DType,
    /// Numbers it keeps.
    pub(crate) storage: Storage,
    /// Numbers our kernels multiply, where they compute.
    pub(crate) products: Products,
    /// True where our kernels' layers pass on rounded numbers to each other, if products are of tiles:
    /// those round what they read anyway, and large pictures take half the memory.
    pub(crate) passes_on_rounded: bool,
}

/// Numbers that our kernels multiply; they are summed in f32, and all else is f32, either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Products {
    /// f32.
    #[default]
    F32,
    /// Weights and what meets them rounded to bf16.
    Bf16,
}

impl Precision {
    /// f32 throughout, but packed weights kept as in the file.
    #[cfg(test)]
    pub(crate) const F32_AS_IN_FILE: Self = Self {
        compute: DType::F32,
        storage: Storage::AsInFile,
        products: Products::F32,
        passes_on_rounded: false,
    };

    /// f16 throughout, as GPUs compute.
    #[cfg(test)]
    pub(crate) const F16: Self = Self {
        compute: DType::F16,
        storage: Storage::BySize,
        products: Products::F32,
        passes_on_rounded: false,
    };

    /// f32 throughout.
    pub(crate) const F32: Self = Self {
        compute: DType::F32,
        storage: Storage::BySize,
        products: Products::F32,
        passes_on_rounded: false,
    };

    /// Products of bf16 in our kernels. Only where the processor has them.
    pub(crate) const BF16: Self = Self {
        products: Products::Bf16,
        ..Self::F32
    };

    /// The same without products of bf16.
    pub(crate) fn in_f32(self) -> Self {
        Self {
            products: Products::F32,
            passes_on_rounded: false,
            ..self
        }
    }

    /// The same, with layers that pass on rounded numbers where products are of such.
    pub(crate) fn passing_on_rounded(self) -> Self {
        Self {
            passes_on_rounded: self.products == Products::Bf16,
            ..self
        }
    }

    /// What our kernels compute with.
    pub(crate) fn isa(self) -> Isa {
        match self.products {
            Products::F32 => cpu::isa().in_f32(),
            Products::Bf16 => cpu::isa_with_bf16(),
        }
    }
}

/// In which numbers weights are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Storage {
    /// In the compute type, converted once, at load: fastest. Where our kernels compute, packed
    /// weights of a large network are kept as in the file all the same; they would take twice the
    /// memory.
    #[default]
    BySize,
    /// Packed weights as in the file.
    #[cfg(test)]
    AsInFile,
}

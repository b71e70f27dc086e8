//! [`Precision`]: the dtypes of a network's weights, activations and GEMMs.

use candle_core::DType;

use super::cpu;
use crate::engine::kernels::Isa;

/// The dtypes a network stores its weights and computes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Precision {
    /// The compute dtype of candle's operators and of activations.
    pub(crate) compute: DType,
    /// The dtype weights are stored in.
    pub(crate) storage: Storage,
    /// The dtype of A and B in our kernels' GEMMs.
    pub(crate) gemm_dtype: GemmDtype,
    /// True where activations between our kernels' layers are bf16 on AMX: the next GEMM rounds them anyway,
    /// and large pictures take half the memory.
    pub(crate) bf16_activations: bool,
}

/// The dtype of A and B in GEMMs; C, and all else, is f32 either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum GemmDtype {
    /// f32.
    #[default]
    F32,
    /// bf16: weights and activations are rounded.
    Bf16,
}

impl Precision {
    /// f32 throughout, but packed weights stored as in the file.
    #[cfg(test)]
    pub(crate) const F32_AS_IN_FILE: Self = Self {
        compute: DType::F32,
        storage: Storage::AsInFile,
        gemm_dtype: GemmDtype::F32,
        bf16_activations: false,
    };

    /// f16 throughout, as GPUs compute.
    #[cfg(test)]
    pub(crate) const F16: Self = Self {
        compute: DType::F16,
        storage: Storage::BySize,
        gemm_dtype: GemmDtype::F32,
        bf16_activations: false,
    };

    /// f32 throughout.
    pub(crate) const F32: Self = Self {
        compute: DType::F32,
        storage: Storage::BySize,
        gemm_dtype: GemmDtype::F32,
        bf16_activations: false,
    };

    /// bf16 GEMMs in our kernels. Only where the processor has them.
    pub(crate) const BF16: Self = Self {
        gemm_dtype: GemmDtype::Bf16,
        ..Self::F32
    };

    /// The same with f32 GEMMs.
    pub(crate) fn in_f32(self) -> Self {
        Self {
            gemm_dtype: GemmDtype::F32,
            bf16_activations: false,
            ..self
        }
    }

    /// The same with bf16 activations where GEMMs are bf16.
    pub(crate) fn with_bf16_activations(self) -> Self {
        Self {
            bf16_activations: self.gemm_dtype == GemmDtype::Bf16,
            ..self
        }
    }

    /// The ISA of our kernels.
    pub(crate) fn isa(self) -> Isa {
        match self.gemm_dtype {
            GemmDtype::F32 => cpu::isa().in_f32(),
            GemmDtype::Bf16 => cpu::isa_with_bf16(),
        }
    }
}

/// The dtype weights are stored in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Storage {
    /// The compute dtype, converted once at load: fastest. Packed weights of a large network are stored as
    /// in the file all the same; they would take twice the memory.
    #[default]
    BySize,
    /// Packed weights as in the file.
    #[cfg(test)]
    AsInFile,
}

//! [`Bf16Isa`] and [`Amx`] where no processor has them; `kernels/unsupported_bf16` has their methods.

use std::convert::Infallible;

/// f32 lanes of AVX-512.
pub(crate) const LANES: usize = 16;

/// The proof that this processor multiplies bf16: there is no value of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bf16Isa(pub(crate) Infallible);

impl Bf16Isa {
    /// As on x86-64.
    pub(crate) fn amx(self) -> Option<Amx> {
        match self.0 {}
    }
}

/// The proof of AMX: there is no value of it either.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Amx(pub(crate) Infallible);

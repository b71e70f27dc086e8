//! Prologue of a GEMM: what its input goes through while it is read, a fused normalization and rounding
//! to bf16, row by row, so that the normalized input is never in memory as a whole.

use std::borrow::Cow;
use std::mem::MaybeUninit;

use half::slice::HalfFloatSliceExt as _;
use pulp::{Simd, WithSimd};

use crate::engine::kernels::dtype::DtypeSlice;
use crate::engine::kernels::isa::{Bf16Isa, Isa};
use crate::engine::kernels::norm::Norm;

/// A of a GEMM: rows of values, or their normalization, computed while they are read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GemmInput<'a> {
    /// Rows or pixels, one after the other.
    pub(crate) values: DtypeSlice<'a>,
    /// Applied to each row.
    pub(crate) norm: Option<Norm<'a>>,
}

impl<'a> GemmInput<'a> {
    /// Without a prologue.
    #[cfg(test)]
    pub(crate) fn plain(values: &'a [f32]) -> Self {
        Self {
            values: DtypeSlice::F32(values),
            norm: None,
        }
    }

    /// The output of the prologue as a whole, in f32.
    pub(crate) fn materialized(&self, isa: Isa) -> Cow<'a, [f32]> {
        match (self.norm, self.values) {
            (Some(norm), values) => norm.apply(isa, values).into(),
            (None, DtypeSlice::F32(numbers)) => numbers.into(),
            (None, DtypeSlice::Bf16(_)) => {
                let mut scratch = Vec::new();
                self.values.as_f32(isa, &mut scratch);
                scratch.into()
            }
        }
    }
}

/// Buffers for one row.
#[derive(Debug, Default)]
pub(crate) struct RowScratch {
    widened: Vec<f32>,
    normalized: Vec<MaybeUninit<f32>>,
}

/// Applies the prologue to rows of an input and rounds them to bf16.
pub(crate) struct RowsToBf16<'a, I> {
    pub(crate) isa: Isa,
    pub(crate) bf16_isa: Bf16Isa,
    pub(crate) input: &'a GemmInput<'a>,
    /// Values of a row.
    pub(crate) width: usize,
    /// Which rows; zeros are written for none.
    pub(crate) rows: I,
    /// Where they go: one every `lda` pairs, of `k_pairs` pairs each.
    pub(crate) to: &'a mut [u32],
    pub(crate) lda: usize,
    pub(crate) k_pairs: usize,
    pub(crate) scratch: &'a mut RowScratch,
}

impl<I: Iterator<Item = Option<usize>>> WithSimd for RowsToBf16<'_, I> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            bf16_isa, width, ..
        } = self;
        let RowScratch {
            widened,
            normalized,
        } = self.scratch;
        normalized.resize(width, MaybeUninit::new(0.0));
        for (row, to) in self.rows.zip(self.to.chunks_exact_mut(self.lda)) {
            let to = &mut to[..self.k_pairs];
            let Some(row) = row else {
                to.fill(0);
                continue;
            };
            let values = self.input.values.slice(row * width, width);
            match (self.input.norm, values) {
                (None, DtypeSlice::F32(values)) => bf16_isa.to_bf16x2(values, to),
                (None, DtypeSlice::Bf16(values)) => {
                    let halves: &mut [u16] = bytemuck::cast_slice_mut(to);
                    let (whole, rest) = halves.split_at_mut(width);
                    whole.copy_from_slice(values.reinterpret_cast());
                    rest.fill(0);
                }
                (Some(Norm::Group(groups)), values) => {
                    groups.pixel_to_bf16(bf16_isa, row, values, to);
                }
                (Some(norm), values) => {
                    let values = values.as_f32(self.isa, widened);
                    bf16_isa.to_bf16x2(norm.normalize_row(simd, row, values, normalized), to);
                }
            }
        }
    }
}

//! Numbers as they lie in memory, and what becomes of them while they are read.

use std::borrow::Cow;
use std::mem::MaybeUninit;

use half::bf16;
use half::slice::HalfFloatSliceExt as _;
use pulp::{Simd, WithSimd};

use super::isa::Isa;
use super::norm::Norm;
use super::pairs::Bf16Isa;
use super::shared::prefetch_l1;

/// Numbers to be read.
#[derive(Debug, Clone, Copy)]
pub(crate) enum DtypeSlice<'a> {
    /// As they were computed.
    F32(&'a [f32]),
    /// Rounded: half the memory for what only products and normalisations read.
    Bf16(&'a [bf16]),
}

impl<'a> DtypeSlice<'a> {
    /// How many there are.
    pub(crate) fn len(self) -> usize {
        match self {
            Self::F32(numbers) => numbers.len(),
            Self::Bf16(numbers) => numbers.len(),
        }
    }

    /// The numbers `start .. start + len`.
    pub(super) fn slice(self, start: usize, len: usize) -> Self {
        match self {
            Self::F32(numbers) => Self::F32(&numbers[start..start + len]),
            Self::Bf16(numbers) => Self::Bf16(&numbers[start..start + len]),
        }
    }

    /// Fetches them into the cache ahead of their use.
    pub(super) fn prefetch_l1(self) {
        match self {
            Self::F32(numbers) => prefetch_l1(numbers),
            Self::Bf16(numbers) => prefetch_l1(numbers),
        }
    }

    /// All of them in f32; `scratch` is for those that are not.
    pub(super) fn as_f32<'r>(self, isa: Isa, scratch: &'r mut Vec<f32>) -> &'r [f32]
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

/// Numbers that were computed.
#[derive(Debug, Clone)]
pub(crate) enum DtypeVec {
    /// As they came.
    F32(Vec<f32>),
    /// Rounded; see [`DtypeSlice::Bf16`].
    Bf16(Vec<bf16>),
}

impl DtypeVec {
    /// In f32.
    #[cfg(test)]
    pub(crate) fn as_f32(self) -> Vec<f32> {
        match self {
            Self::F32(numbers) => numbers,
            Self::Bf16(numbers) => numbers.iter().map(|number| number.to_f32()).collect(),
        }
    }
}

/// What a product reads: rows of numbers, or what a normalisation makes of them while they are read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GemmInput<'a> {
    /// Rows or pixels, one after the other.
    pub(crate) values: DtypeSlice<'a>,
    /// What is made of each.
    pub(crate) norm: Option<Norm<'a>>,
}

impl<'a> GemmInput<'a> {
    /// The numbers as they are.
    #[cfg(test)]
    pub(crate) fn plain(numbers: &'a [f32]) -> Self {
        Self {
            values: DtypeSlice::F32(numbers),
            norm: None,
        }
    }

    /// All that is to be read, in f32.
    pub(super) fn materialized(&self, isa: Isa) -> Cow<'a, [f32]> {
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

/// Room for the numbers of a row on their way.
#[derive(Debug, Default)]
pub(super) struct RowScratch {
    widened: Vec<f32>,
    normal: Vec<MaybeUninit<f32>>,
}

/// Rounds rows of an input to pairs.
pub(super) struct RowsToBf16<'a, I> {
    pub(super) isa: Isa,
    pub(super) bf16_isa: Bf16Isa,
    pub(super) input: &'a GemmInput<'a>,
    /// Numbers of a row.
    pub(super) width: usize,
    /// Which rows; zeros come for none.
    pub(super) rows: I,
    /// Where they go: one every `stride` pairs, of `depth` pairs each.
    pub(super) to: &'a mut [u32],
    pub(super) stride: usize,
    pub(super) depth: usize,
    pub(super) scratch: &'a mut RowScratch,
}

impl<I: Iterator<Item = Option<usize>>> WithSimd for RowsToBf16<'_, I> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            bf16_isa, width, ..
        } = self;
        let RowScratch { widened, normal } = self.scratch;
        normal.resize(width, MaybeUninit::new(0.0));
        for (row, to) in self.rows.zip(self.to.chunks_exact_mut(self.stride)) {
            let to = &mut to[..self.depth];
            let Some(row) = row else {
                to.fill(0);
                continue;
            };
            let values = self.input.values.slice(row * width, width);
            match (self.input.norm, values) {
                (None, DtypeSlice::F32(numbers)) => bf16_isa.to_bf16_pairs(numbers, to),
                (None, DtypeSlice::Bf16(numbers)) => {
                    let halves: &mut [u16] = bytemuck::cast_slice_mut(to);
                    let (numbers_to, rest) = halves.split_at_mut(width);
                    numbers_to.copy_from_slice(numbers.reinterpret_cast());
                    rest.fill(0);
                }
                (Some(Norm::Group(groups)), values) => {
                    groups.pixel_to_bf16(bf16_isa, row, values, to);
                }
                (Some(norm), values) => {
                    let numbers = values.as_f32(self.isa, widened);
                    bf16_isa.to_bf16_pairs(norm.normalize_row(simd, row, numbers, normal), to);
                }
            }
        }
    }
}

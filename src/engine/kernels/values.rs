//! Numbers as they lie in memory, and what becomes of them while they are read.

use std::borrow::Cow;
use std::mem::MaybeUninit;

use half::bf16;
use half::slice::HalfFloatSliceExt as _;
use pulp::{Simd, WithSimd};

use super::instructions::Instructions;
use super::norm::Norm;
use super::pairs::PairProducts;
use super::shared::fetch_ahead;

/// Numbers to be read.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Values<'a> {
    /// As they were computed.
    F32(&'a [f32]),
    /// Rounded: half the memory for what only products and normalisations read.
    Bf16(&'a [bf16]),
}

impl<'a> Values<'a> {
    /// How many there are.
    pub(crate) fn len(self) -> usize {
        match self {
            Self::F32(numbers) => numbers.len(),
            Self::Bf16(numbers) => numbers.len(),
        }
    }

    /// The numbers `start .. start + len`.
    pub(super) fn part(self, start: usize, len: usize) -> Self {
        match self {
            Self::F32(numbers) => Self::F32(&numbers[start..start + len]),
            Self::Bf16(numbers) => Self::Bf16(&numbers[start..start + len]),
        }
    }

    /// Fetches them into the cache ahead of their use.
    pub(super) fn fetch_ahead(self) {
        match self {
            Self::F32(numbers) => fetch_ahead(numbers),
            Self::Bf16(numbers) => fetch_ahead(numbers),
        }
    }

    /// All of them in f32; `room` is for those that are not.
    pub(super) fn widened<'r>(self, instructions: Instructions, room: &'r mut Vec<f32>) -> &'r [f32]
    where
        'a: 'r,
    {
        match self {
            Self::F32(numbers) => numbers,
            Self::Bf16(numbers) => {
                room.resize(numbers.len(), 0.0);
                instructions.widen_bf16(numbers, room);
                room
            }
        }
    }
}

/// Numbers that were computed.
#[derive(Debug, Clone)]
pub(crate) enum Computed {
    /// As they came.
    F32(Vec<f32>),
    /// Rounded; see [`Values::Bf16`].
    Bf16(Vec<bf16>),
}

impl Computed {
    /// In f32.
    #[cfg(test)]
    pub(crate) fn widened(self) -> Vec<f32> {
        match self {
            Self::F32(numbers) => numbers,
            Self::Bf16(numbers) => numbers.iter().map(|number| number.to_f32()).collect(),
        }
    }
}

/// What a product reads: rows of numbers, or what a normalisation makes of them while they are read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Input<'a> {
    /// Rows or pixels, one after the other.
    pub(crate) values: Values<'a>,
    /// What is made of each.
    pub(crate) norm: Option<Norm<'a>>,
}

impl<'a> Input<'a> {
    /// The numbers as they are.
    #[cfg(test)]
    pub(crate) fn plain(numbers: &'a [f32]) -> Self {
        Self {
            values: Values::F32(numbers),
            norm: None,
        }
    }

    /// All that is to be read, in f32.
    pub(super) fn made(&self, instructions: Instructions) -> Cow<'a, [f32]> {
        match (self.norm, self.values) {
            (Some(norm), values) => norm.apply(instructions, values).into(),
            (None, Values::F32(numbers)) => numbers.into(),
            (None, Values::Bf16(_)) => {
                let mut room = Vec::new();
                self.values.widened(instructions, &mut room);
                room.into()
            }
        }
    }
}

/// Room for the numbers of a row on their way.
#[derive(Debug, Default)]
pub(super) struct RowRoom {
    widened: Vec<f32>,
    normal: Vec<MaybeUninit<f32>>,
}

/// Rounds rows of an input to pairs.
pub(super) struct RoundRows<'a, I> {
    pub(super) instructions: Instructions,
    pub(super) products: PairProducts,
    pub(super) input: &'a Input<'a>,
    /// Numbers of a row.
    pub(super) width: usize,
    /// Which rows; zeros come for none.
    pub(super) rows: I,
    /// Where they go: one every `stride` pairs, of `depth` pairs each.
    pub(super) to: &'a mut [u32],
    pub(super) stride: usize,
    pub(super) depth: usize,
    pub(super) room: &'a mut RowRoom,
}

impl<I: Iterator<Item = Option<usize>>> WithSimd for RoundRows<'_, I> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            products, width, ..
        } = self;
        let RowRoom { widened, normal } = self.room;
        normal.resize(width, MaybeUninit::new(0.0));
        for (row, to) in self.rows.zip(self.to.chunks_exact_mut(self.stride)) {
            let to = &mut to[..self.depth];
            let Some(row) = row else {
                to.fill(0);
                continue;
            };
            let values = self.input.values.part(row * width, width);
            match (self.input.norm, values) {
                (None, Values::F32(numbers)) => products.round(numbers, to),
                (None, Values::Bf16(numbers)) => {
                    let halves: &mut [u16] = bytemuck::cast_slice_mut(to);
                    let (numbers_to, rest) = halves.split_at_mut(width);
                    numbers_to.copy_from_slice(numbers.reinterpret_cast());
                    rest.fill(0);
                }
                (Some(Norm::Groups(groups)), values) => {
                    groups.round_pixel(products, row, values, to);
                }
                (Some(norm), values) => {
                    let numbers = values.widened(self.instructions, widened);
                    products.round(norm.of_row(simd, row, numbers, normal), to);
                }
            }
        }
    }
}

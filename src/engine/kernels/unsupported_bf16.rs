//! [`Bf16Isa`] where no processor has them.

use std::convert::Infallible;
use std::mem::MaybeUninit;

use half::bf16;

use super::super::tile::MicroTile;
use super::super::values::DtypeSlice;
use super::{Bf16RowTile, OnlineSoftmax, TapRows};

/// The proof that this processor multiplies pairs of bf16: there is no value of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bf16Isa(Infallible);

/// As on x86-64; none of them can be called.
impl Bf16Isa {
    pub(crate) fn is_fast(self) -> bool {
        match self.0 {}
    }
    pub(crate) fn amx(self) -> Option<Amx> {
        match self.0 {}
    }
    pub(crate) fn mr(self) -> usize {
        match self.0 {}
    }
    pub(crate) fn microkernel(
        self,
        _: usize,
        _: Bf16RowTile<'_>,
        _: &[u32],
        _: &mut MicroTile<'_>,
    ) {
        match self.0 {}
    }
    pub(crate) fn pairs_for(self, _: usize) -> usize {
        match self.0 {}
    }
    pub(crate) fn to_bf16_pairs(self, _: &[f32], _: &mut [u32]) {
        match self.0 {}
    }
    pub(crate) fn to_bf16(self, _: &[f32], _: &mut [MaybeUninit<bf16>]) {
        match self.0 {}
    }
    pub(crate) fn geglu(self, _: &[f32; 32], _: &[f32; 32], _: &mut [MaybeUninit<bf16>; 16]) {
        match self.0 {}
    }
    pub(crate) fn normalize_to_bf16(
        self,
        _: DtypeSlice<'_>,
        _: [&[f32]; 3],
        _: bool,
        _: &mut [u32],
    ) {
        match self.0 {}
    }
    pub(crate) fn shares(self, _: &[f32], _: f32, _: f32, _: &mut [u32]) -> f32 {
        match self.0 {}
    }
    pub(crate) fn interleave_bf16(self, _: &[f32], _: &[f32], _: &mut [u32]) {
        match self.0 {}
    }
    pub(crate) fn interleave_bf16_rows(self, _: &[f32], _: usize, _: &mut [u32], _: usize) {
        match self.0 {}
    }
    pub(crate) fn deinterleave_bf16(self, _: &[u32], _: &mut [f32], _: &mut [f32]) {
        match self.0 {}
    }
    pub(crate) fn fma_rounds(self, _: u64) -> f32 {
        match self.0 {}
    }
    pub(crate) fn flops_per_round(self) -> usize {
        match self.0 {}
    }
}

/// Scores of a tile, as on x86-64.
pub(crate) const SCORES_PER_TILE: usize = 1024;

/// AMX's tiles: there is no value of it either.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Amx(Infallible);

impl Amx {
    pub(crate) fn microkernel(
        self,
        _: usize,
        _: Bf16RowTile<'_>,
        _: &[u32],
        _: &mut MicroTile<'_>,
    ) {
        match self.0 {}
    }
    pub(crate) fn update_row_max(
        self,
        _: &[f32; SCORES_PER_TILE],
        _: usize,
        _: &mut [[f32; 16]; 32],
    ) {
        match self.0 {}
    }
    pub(crate) fn exp_tile(
        self,
        _: &[f32; SCORES_PER_TILE],
        _: usize,
        _: &mut OnlineSoftmax,
        _: &mut [u32],
        _: usize,
    ) {
        match self.0 {}
    }
    pub(crate) fn microkernel_taps(
        self,
        _: usize,
        _: &TapRows<'_>,
        _: &[&[u32]],
        _: &mut MicroTile<'_>,
    ) {
        match self.0 {}
    }
}

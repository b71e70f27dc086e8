//! The methods of [`Bf16Isa`] and [`Amx`] where no processor has the instructions: there are no values of
//! these types, so none can be called.

use std::mem::MaybeUninit;

use half::bf16;

use super::attention::{OnlineSoftmax, SCORES_PER_TILE};
use super::dtype::DtypeSlice;
use super::gemm::{Bf16RowTile, MicroTile, TapRows};
use super::isa::{Amx, Bf16Isa, LANES};

impl Bf16Isa {
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
    pub(crate) fn k_pairs(self, _: usize) -> usize {
        match self.0 {}
    }
    pub(crate) fn to_bf16x2(self, _: &[f32], _: &mut [u32]) {
        match self.0 {}
    }
    pub(crate) fn to_bf16(self, _: &[f32], _: &mut [MaybeUninit<bf16>]) {
        match self.0 {}
    }
    pub(crate) fn geglu(
        self,
        _: &[f32; 2 * LANES],
        _: &[f32; 2 * LANES],
        _: &mut [MaybeUninit<bf16>; LANES],
    ) {
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
    pub(crate) fn exp_to_bf16(self, _: &[f32], _: f32, _: f32, _: &mut [u32]) -> f32 {
        match self.0 {}
    }
    pub(crate) fn vnni_interleave(self, _: &[f32], _: &[f32], _: &mut [u32]) {
        match self.0 {}
    }
    pub(crate) fn vnni_interleave_rows(self, _: &[f32], _: usize, _: &mut [u32], _: usize) {
        match self.0 {}
    }
    pub(crate) fn vnni_deinterleave(self, _: &[u32], _: &mut [f32], _: &mut [f32]) {
        match self.0 {}
    }
    pub(crate) fn fma_rounds(self, _: u64) -> f32 {
        match self.0 {}
    }
    pub(crate) fn flops_per_round(self) -> usize {
        match self.0 {}
    }
}

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
    pub(crate) fn microkernel_taps(
        self,
        _: usize,
        _: &TapRows<'_>,
        _: &[&[u32]],
        _: &mut MicroTile<'_>,
    ) {
        match self.0 {}
    }
    pub(crate) fn update_row_max(
        self,
        _: &[f32; SCORES_PER_TILE],
        _: usize,
        _: &mut [[f32; LANES]; 32],
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
}

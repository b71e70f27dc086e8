//! [`PairProducts`] where no processor has them.

use std::convert::Infallible;
use std::mem::MaybeUninit;

use half::bf16;

use super::super::tile::TileSums;
use super::super::values::Values;
use super::{PairTile, RowsUnderTaps, Shares};

/// The proof that this processor multiplies pairs of bf16: there is no value of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PairProducts(Infallible);

/// As on x86-64; none of them can be called.
impl PairProducts {
    pub(in super::super) fn are_fast(self) -> bool {
        match self.0 {}
    }
    pub(in super::super) fn tiles(self) -> Option<Tiles> {
        match self.0 {}
    }
    pub(in super::super) fn tile_rows(self) -> usize {
        match self.0 {}
    }
    pub(in super::super) fn multiply(
        self,
        _: usize,
        _: PairTile<'_>,
        _: &[u32],
        _: &mut TileSums<'_>,
    ) {
        match self.0 {}
    }
    pub(in super::super) fn pairs_of(self, _: usize) -> usize {
        match self.0 {}
    }
    pub(in super::super) fn round(self, _: &[f32], _: &mut [u32]) {
        match self.0 {}
    }
    pub(in super::super) fn narrow(self, _: &[f32], _: &mut [MaybeUninit<bf16>]) {
        match self.0 {}
    }
    pub(in super::super) fn gate(
        self,
        _: &[f32; 32],
        _: &[f32; 32],
        _: &mut [MaybeUninit<bf16>; 16],
    ) {
        match self.0 {}
    }
    pub(in super::super) fn normalise(self, _: Values<'_>, _: [&[f32]; 3], _: bool, _: &mut [u32]) {
        match self.0 {}
    }
    pub(in super::super) fn shares(self, _: &[f32], _: f32, _: f32, _: &mut [u32]) -> f32 {
        match self.0 {}
    }
    pub(in super::super) fn pair_up(self, _: &[f32], _: &[f32], _: &mut [u32]) {
        match self.0 {}
    }
    pub(in super::super) fn pair_up_lines(self, _: &[f32], _: usize, _: &mut [u32], _: usize) {
        match self.0 {}
    }
    pub(in super::super) fn take_apart(self, _: &[u32], _: &mut [f32], _: &mut [f32]) {
        match self.0 {}
    }
    pub(in super::super) fn multiply_adds(self, _: u64) -> f32 {
        match self.0 {}
    }
    pub(in super::super) fn flops_of_a_round(self) -> usize {
        match self.0 {}
    }
}

/// Scores of a tile, as on x86-64.
pub(crate) const SCORES_OF_A_TILE: usize = 1024;

/// AMX's tiles: there is no value of it either.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tiles(Infallible);

impl Tiles {
    pub(in super::super) fn multiply(
        self,
        _: usize,
        _: PairTile<'_>,
        _: &[u32],
        _: &mut TileSums<'_>,
    ) {
        match self.0 {}
    }
    pub(in super::super) fn keep_largest(
        self,
        _: &[f32; SCORES_OF_A_TILE],
        _: usize,
        _: &mut [[f32; 16]; 32],
    ) {
        match self.0 {}
    }
    pub(in super::super) fn share_out(
        self,
        _: &[f32; SCORES_OF_A_TILE],
        _: usize,
        _: &mut Shares,
        _: &mut [u32],
        _: usize,
    ) {
        match self.0 {}
    }
    pub(in super::super) fn multiply_under_taps(
        self,
        _: usize,
        _: &RowsUnderTaps<'_>,
        _: &[&[u32]],
        _: &mut TileSums<'_>,
    ) {
        match self.0 {}
    }
}

//! Attention by AMX's tiles: 32 queries meet 32 keys at a time, and what becomes of their scores is
//! done while these are in the first cache.

use std::ops::Range;

use super::KvHead;
use super::flash::QueryBlock;
use super::online_softmax::{OnlineSoftmax, SCORES_PER_TILE};
use crate::engine::kernels::gemm::{Bf16RowTile, MicroTile};
use crate::engine::kernels::isa::Amx;

/// Queries, and keys, of a tile.
const TILE: usize = 32;
/// Keys whose shares are gathered before they meet the values.
const KEYS_PER_PASS: usize = 512;
/// Keys among which a query's reference is looked for first.
const FIRST_KEYS: usize = 64;
/// Sums of shares up to which all is well: products with values do not overflow.
const MAX_DENOMINATOR: f32 = 1e18;

/// Scores of a tile: query after query.
type Scores = [f32; SCORES_PER_TILE];

impl QueryBlock {
    /// Puts some queries, of whole tiles, to every key.
    ///
    /// Shares are relative to the largest score of the first keys, not to that of all: any reference
    /// gives the same answer as long as nothing overflows, and one of the keys' own scores does not
    /// let all shares vanish. Where a later score is above it by too much, the largest of all is
    /// looked for.
    pub(crate) fn run_amx(&mut self, amx: Amx, kv: &KvHead, queries: &[&[f32]]) {
        let Some(bf16_isa) = kv.keys.bf16() else {
            return;
        };
        // As powers of two, so that scores need no factor.
        let scale = std::f32::consts::LOG2_E / (self.head_width as f32).sqrt();
        let mut scaled = vec![0.0; self.head_width];
        self.queries
            .begin(bf16_isa, queries.len(), 1, self.head_width);
        for (row, query) in queries.iter().enumerate() {
            for (to, number) in scaled.iter_mut().zip(*query) {
                *to = number * scale;
            }
            self.queries.set(bf16_isa, row, 0, &scaled);
        }
        let keys = kv.keys.outputs();
        let tiles_of_queries = queries.len().div_ceil(TILE);
        self.softmax
            .resize_with(tiles_of_queries, OnlineSoftmax::default);
        self.flash_pass(amx, kv, FIRST_KEYS.min(keys));
        let denominators = &self.denominators[..queries.len()];
        if !denominators.iter().all(|sum| *sum < MAX_DENOMINATOR) {
            self.flash_pass(amx, kv, keys);
        }
    }

    /// The largest score of each query of the tile from `first` on, among the first `keys` keys.
    fn row_max(&self, amx: Amx, kv: &KvHead, first: usize, keys: usize) -> [f32; TILE] {
        let mut row_max = [[f32::NEG_INFINITY; 16]; TILE];
        let mut scores: Scores = [0.0; SCORES_PER_TILE];
        for key in (0..keys).step_by(TILE) {
            let queries = self.queries.tile(first);
            qk_scores(amx, kv, queries, key, &mut scores);
            amx.update_row_max(&scores, TILE.min(keys - key), &mut row_max);
        }
        row_max.map(|row| row.into_iter().fold(f32::NEG_INFINITY, f32::max))
    }

    /// The sums of the values of all keys, each times its share, and of the shares. These are relative
    /// to the largest score among the first `known_keys`.
    fn flash_pass(&mut self, amx: Amx, kv: &KvHead, known_keys: usize) {
        let Some(bf16_isa) = kv.keys.bf16() else {
            return;
        };
        for index in 0..self.softmax.len() {
            self.softmax[index] = OnlineSoftmax {
                row_max: self.row_max(amx, kv, index * TILE, known_keys),
                ..OnlineSoftmax::default()
            };
        }
        let mut scores: Scores = [0.0; SCORES_PER_TILE];
        let keys = kv.keys.outputs();
        for start in (0..keys).step_by(KEYS_PER_PASS) {
            let range = start..keys.min(start + KEYS_PER_PASS);
            for index in 0..self.softmax.len() {
                self.probabilities.begin(bf16_isa, TILE, 1, range.len());
                let tile = &mut self.softmax[index];
                for key in range.clone().step_by(TILE) {
                    let queries = self.queries.tile(index * TILE);
                    qk_scores(amx, kv, queries, key, &mut scores);
                    let (stride, denominators) = self.probabilities.rows_from((key - start) / 2);
                    let here = TILE.min(range.end - key);
                    amx.exp_tile(&scores, here, tile, denominators, stride);
                }
                self.accumulate_pv_amx(amx, kv, &range, index * TILE);
            }
        }
        let denominators = self.softmax.iter().flat_map(|tile| &tile.denominators);
        for (denominator, total) in self.denominators.iter_mut().zip(denominators) {
            *denominator = total.iter().sum();
        }
    }

    /// Adds the values of some keys, each times its share, or writes them where they are the first.
    fn accumulate_pv_amx(&mut self, amx: Amx, kv: &KvHead, keys: &Range<usize>, first: usize) {
        let values = &kv.values;
        for panel in values.panels() {
            let mut sums = MicroTile {
                numbers: &mut self.sums[first * self.stride + panel.first..],
                stride: self.stride,
                accumulate: keys.start > 0,
            };
            let pairs = values.pairs_of(panel, &(0..1), keys);
            amx.microkernel(panel.vectors, self.probabilities.tile(0), pairs, &mut sums);
        }
    }
}

/// The scores of the keys from `key` on.
fn qk_scores(amx: Amx, kv: &KvHead, queries: Bf16RowTile<'_>, key: usize, scores: &mut Scores) {
    let Some(panel) = kv.keys.panels().nth(key / TILE) else {
        return;
    };
    let pairs = kv.keys.pairs_of(panel, &(0..1), &(0..kv.keys.inputs()));
    let mut sums = MicroTile {
        numbers: scores,
        stride: TILE,
        accumulate: false,
    };
    amx.microkernel(panel.vectors, queries, pairs, &mut sums);
}

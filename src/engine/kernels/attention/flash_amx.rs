//! Flash attention on AMX: micro-tiles of 32 queries by 32 keys, whose softmax is computed while the scores
//! are in L1.

use std::ops::Range;

use super::KvHead;
use super::flash::QueryBlock;
use super::online_softmax::{OnlineSoftmax, SCORES_PER_TILE};
use crate::engine::kernels::gemm::{Bf16RowTile, MicroTile};
use crate::engine::kernels::isa::Amx;

/// Queries, and keys, of a micro-tile.
const TILE: usize = 32;
/// Keys of a block, whose probabilities are computed before they are multiplied with V.
const BLOCK_KEYS: usize = 512;
/// Keys among which the row maximum is first looked for.
const ROW_MAX_KEYS: usize = 64;
/// Row sums up to which P · V does not overflow.
const MAX_ROW_SUM: f32 = 1e18;

/// Scores of a micro-tile: query after query.
type Scores = [f32; SCORES_PER_TILE];

impl QueryBlock {
    /// Attends from the queries to every key of a head.
    ///
    /// Probabilities are relative to the row maximum of the first keys, not to that of all: any reference
    /// gives the same result as long as nothing overflows, and one of the query's own scores does not let
    /// all probabilities underflow. So nothing is rescaled. Where later scores are too far above it, a
    /// second pass takes the maximum of all keys.
    pub(crate) fn run_amx(&mut self, amx: Amx, kv: &KvHead, queries: &[&[f32]]) {
        let Some(bf16_isa) = kv.keys.bf16() else {
            return;
        };
        // exp(s / √d) = 2^(s · log₂e / √d); the factor is multiplied into Q.
        let scale = std::f32::consts::LOG2_E / (self.head_dim as f32).sqrt();
        let mut scaled = vec![0.0; self.head_dim];
        self.queries
            .resize(bf16_isa, queries.len(), 1, self.head_dim);
        for (row, query) in queries.iter().enumerate() {
            for (to, number) in scaled.iter_mut().zip(*query) {
                *to = number * scale;
            }
            self.queries.write(bf16_isa, row, 0, &scaled);
        }
        let keys = kv.keys.outputs();
        let query_tiles = queries.len().div_ceil(TILE);
        self.softmax
            .resize_with(query_tiles, OnlineSoftmax::default);
        self.flash_pass(amx, kv, ROW_MAX_KEYS.min(keys));
        let row_sum = &self.row_sum[..queries.len()];
        if !row_sum.iter().all(|sum| *sum < MAX_ROW_SUM) {
            self.flash_pass(amx, kv, keys);
        }
    }

    /// The row maxima of the queries of the tile from `first` on, among the first `keys` keys.
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

    /// Computes acc_o and row_sum over all keys, relative to the row maximum of the first
    /// `row_max_keys`.
    fn flash_pass(&mut self, amx: Amx, kv: &KvHead, row_max_keys: usize) {
        let Some(bf16_isa) = kv.keys.bf16() else {
            return;
        };
        for index in 0..self.softmax.len() {
            self.softmax[index] = OnlineSoftmax {
                row_max: self.row_max(amx, kv, index * TILE, row_max_keys),
                ..OnlineSoftmax::default()
            };
        }
        let mut scores: Scores = [0.0; SCORES_PER_TILE];
        let keys = kv.keys.outputs();
        for start in (0..keys).step_by(BLOCK_KEYS) {
            let range = start..keys.min(start + BLOCK_KEYS);
            for index in 0..self.softmax.len() {
                self.probabilities.resize(bf16_isa, TILE, 1, range.len());
                let softmax = &mut self.softmax[index];
                for key in range.clone().step_by(TILE) {
                    let queries = self.queries.tile(index * TILE);
                    qk_scores(amx, kv, queries, key, &mut scores);
                    let (lda, to) = self.probabilities.columns_from((key - start) / 2);
                    let keys = TILE.min(range.end - key);
                    amx.exp_tile(&scores, keys, softmax, to, lda);
                }
                self.accumulate_pv_amx(amx, kv, &range, index * TILE);
            }
        }
        let partial_sums = self.softmax.iter().flat_map(|tile| &tile.row_sum);
        for (row_sum, partial_sums) in self.row_sum.iter_mut().zip(partial_sums) {
            *row_sum = partial_sums.iter().sum();
        }
    }

    /// O += P · V for a block of keys; O = P · V for the first.
    fn accumulate_pv_amx(&mut self, amx: Amx, kv: &KvHead, keys: &Range<usize>, first: usize) {
        let values = &kv.values;
        for panel in values.panels() {
            let mut acc_o = MicroTile {
                c: &mut self.acc_o[first * self.ldo + panel.first..],
                ldc: self.ldo,
                accumulate: keys.start > 0,
            };
            let pairs = values.vnni_block(panel, &(0..1), keys);
            amx.microkernel(panel.vectors, self.probabilities.tile(0), pairs, &mut acc_o);
        }
    }
}

/// S = Q · Kᵀ for the micro-tile of keys from `key` on.
fn qk_scores(amx: Amx, kv: &KvHead, queries: Bf16RowTile<'_>, key: usize, scores: &mut Scores) {
    let Some(panel) = kv.keys.panels().nth(key / TILE) else {
        return;
    };
    let pairs = kv.keys.vnni_block(panel, &(0..1), &(0..kv.keys.inputs()));
    let mut out = MicroTile {
        c: scores,
        ldc: TILE,
        accumulate: false,
    };
    amx.microkernel(panel.vectors, queries, pairs, &mut out);
}

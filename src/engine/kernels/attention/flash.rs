//! Flash attention in blocks of queries and keys with an online softmax
//! ([Milakov & Gimelshein 2018](https://arxiv.org/abs/1805.02867);
//! [Dao et al. 2022](https://arxiv.org/abs/2205.14135)): the matrix of scores is never in memory as a
//! whole.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::KvHead;
use super::online_softmax::OnlineSoftmax;
use crate::engine::kernels::activation::exp;
use crate::engine::kernels::elementwise::{update, write};
use crate::engine::kernels::gemm::{Bf16Rows, MAX_MR, MicroTile, PackedWeights, PanelData};
use crate::engine::kernels::isa::{Bf16Isa, Isa};
use crate::engine::kernels::output::{MAX_CHUNK, Output};

/// Queries of a block; a multiple of every set's tile rows.
pub(crate) const BLOCK_QUERIES: usize = 96;
/// Keys of a block; a multiple of every set's panels. The scores of a tile of queries, 66 KiB at the
/// most, are used while they are in the nearest caches.
const BLOCK_KEYS: usize = 512;
/// Numbers from one query's scores to the next one's: a line of cache more than they are, so that the
/// rows of a tile do not meet in the same places of the first cache.
const SCORES_STRIDE: usize = BLOCK_KEYS + 16;

/// A block of queries on its way through the keys.
pub(crate) struct QueryBlock {
    pub(super) head_width: usize,
    /// Numbers from one query's sums to the next one's: whole vectors.
    pub(super) stride: usize,
    /// Scores of a tile of queries, then their shares where these are f32.
    pub(super) scores: Vec<f32>,
    /// The queries, where products are of bf16.
    pub(super) queries: Bf16Rows,
    /// Shares of a tile of queries, where products are of bf16.
    pub(super) probabilities: Bf16Rows,
    /// Of each tile of queries, where products are of tiles.
    pub(super) softmax: Vec<OnlineSoftmax>,
    /// Values added up so far, each times its share: `head_width` a query, every `stride`.
    pub(super) sums: Vec<f32>,
    /// The largest score so far.
    pub(super) row_max: [f32; BLOCK_QUERIES],
    /// The sum of shares so far.
    pub(super) denominators: [f32; BLOCK_QUERIES],
}

impl QueryBlock {
    pub(super) fn new(isa: Isa, head_width: usize) -> Self {
        let stride = head_width.next_multiple_of(isa.lanes());
        // Whole tiles of rows are written, the last of which may have no queries left.
        let rows = BLOCK_QUERIES.next_multiple_of(isa.mr());
        Self {
            head_width,
            stride,
            scores: vec![0.0; isa.mr() * SCORES_STRIDE],
            queries: Bf16Rows::default(),
            probabilities: Bf16Rows::default(),
            softmax: Vec::new(),
            sums: vec![0.0; rows * stride],
            row_max: [0.0; BLOCK_QUERIES],
            denominators: [0.0; BLOCK_QUERIES],
        }
    }

    /// Puts the queries to every key.
    pub(super) fn run(&mut self, kv: &KvHead, queries: &[&[f32]]) {
        let bf16_isa = kv.keys.bf16();
        if let Some(tiles) = bf16_isa.and_then(Bf16Isa::amx) {
            return self.run_amx(tiles, kv, queries);
        }
        self.sums.fill(0.0);
        self.row_max.fill(f32::NEG_INFINITY);
        self.denominators.fill(0.0);
        if let Some(bf16_isa) = kv.keys.bf16() {
            self.queries
                .begin(bf16_isa, queries.len(), 1, self.head_width);
            for (row, query) in queries.iter().enumerate() {
                self.queries.set(bf16_isa, row, 0, query);
            }
        }
        let keys = kv.keys.outputs();
        let mr = kv.keys.isa().mr();
        for first in (0..keys).step_by(BLOCK_KEYS) {
            let keys = first..keys.min(first + BLOCK_KEYS);
            for (tile, rows) in queries.chunks(mr).enumerate() {
                let first_query = tile * mr;
                self.qk_scores(&kv.keys, &keys, first_query, rows);
                let bf16_isa = kv.keys.bf16();
                if let Some(bf16_isa) = bf16_isa {
                    self.probabilities
                        .begin(bf16_isa, rows.len(), 1, keys.len());
                }
                kv.keys.isa().run(OnlineSoftmaxStep {
                    block: self,
                    bf16_isa,
                    keys: keys.len(),
                    queries: first_query..first_query + rows.len(),
                });
                self.accumulate_pv(&kv.values, &keys, first_query);
            }
        }
    }

    /// Scores of some keys by a tile of queries.
    fn qk_scores(
        &mut self,
        keys: &PackedWeights,
        range: &Range<usize>,
        first_query: usize,
        queries: &[&[f32]],
    ) {
        let isa = keys.isa();
        let mut widened = Vec::new();
        let panels = keys.panels().filter(|panel| range.contains(&panel.first));
        let mut whole = [queries[queries.len() - 1]; MAX_MR];
        for panel in panels {
            // A panel's last outputs may be no keys, a tile's last rows no queries; there is room for
            // them.
            let mut scores = MicroTile {
                numbers: &mut self.scores[panel.first - range.start..],
                stride: SCORES_STRIDE,
                accumulate: false,
            };
            match keys.panel(panel, &mut widened) {
                PanelData::Pairs(bf16_isa, pairs) => {
                    let rows = self.queries.tile(first_query);
                    bf16_isa.microkernel(panel.vectors, rows, pairs, &mut scores);
                }
                PanelData::F32(numbers) => {
                    whole[..queries.len()].copy_from_slice(queries);
                    let whole = &whole[..isa.mr()];
                    isa.f32_microkernel(panel.vectors, whole, numbers, &mut scores);
                }
            }
        }
    }

    /// Adds the values of some keys, each times its share, for the tile of queries from `first_query`.
    fn accumulate_pv(&mut self, values: &PackedWeights, keys: &Range<usize>, first_query: usize) {
        let isa = values.isa();
        let mut widened = Vec::new();
        for panel in values.panels() {
            let width = panel.vectors * isa.lanes();
            let mut sums = MicroTile {
                numbers: &mut self.sums[first_query * self.stride + panel.first..],
                stride: self.stride,
                accumulate: true,
            };
            match values.panel(panel, &mut widened) {
                PanelData::Pairs(bf16_isa, pairs) => {
                    // Blocks begin at even keys, so that pairs are whole.
                    let len = bf16_isa.pairs_for(keys.len()) * width;
                    let pairs = &pairs[keys.start / 2 * width..][..len];
                    let rows = self.probabilities.tile(0);
                    bf16_isa.microkernel(panel.vectors, rows, pairs, &mut sums);
                }
                PanelData::F32(numbers) => {
                    let numbers = &numbers[keys.start * width..][..keys.len() * width];
                    let mut rows = [&[] as &[f32]; MAX_MR];
                    let scores = self.scores.chunks_exact(SCORES_STRIDE);
                    for (row, scores) in rows.iter_mut().zip(scores) {
                        *row = &scores[..keys.len()];
                    }
                    let rows = &rows[..isa.mr()];
                    isa.f32_microkernel(panel.vectors, rows, numbers, &mut sums);
                }
            }
        }
    }
}

/// Writes a block's answers: the values' sums, by the sum of their shares.
pub(crate) struct NormalizeOutput<'a> {
    pub(crate) block: &'a QueryBlock,
    pub(crate) queries: usize,
    /// Where the first one begins.
    pub(crate) start: usize,
    /// Numbers from one to the next.
    pub(crate) width: usize,
    pub(crate) output: &'a Output<'a>,
}

impl WithSimd for NormalizeOutput<'_> {
    type Output = ();

    #[inline(always)]
    #[expect(unsafe_code, reason = "a head is no slice of the output")]
    fn with_simd<S: Simd>(self, simd: S) {
        let block = self.block;
        for query in 0..self.queries {
            let start = self.start + query * self.width;
            let sums = &block.sums[query * block.stride..][..block.head_width];
            let inverse = simd.splat_f32s(1.0 / block.denominators[query]);
            for (at, sums) in sums.chunks(MAX_CHUNK).enumerate() {
                // SAFETY: every task of `run_blocks` has its own queries of its own head, and a head its
                // own numbers of a token.
                unsafe {
                    let start = start + at * MAX_CHUNK;
                    self.output.write(
                        start,
                        sums.len(),
                        #[inline(always)]
                        |to| {
                            write(
                                simd,
                                to,
                                [sums],
                                #[inline(always)]
                                |[sum]| simd.mul_f32s(sum, inverse),
                            )
                        },
                    );
                }
            }
        }
    }
}

/// Turns the scores of a block of keys into shares, relative to the largest score so far, to which
/// what was added up before is scaled.
struct OnlineSoftmaxStep<'a> {
    block: &'a mut QueryBlock,
    /// Where products are of bf16, shares are written rounded instead of over the scores.
    bf16_isa: Option<Bf16Isa>,
    keys: usize,
    /// Those of a tile.
    queries: Range<usize>,
}

impl WithSimd for OnlineSoftmaxStep<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let QueryBlock {
            head_width,
            stride,
            scores,
            probabilities,
            sums,
            row_max,
            denominators,
            ..
        } = self.block;
        let scale = 1.0 / (*head_width as f32).sqrt();
        let first = self.queries.start;
        let sums = sums.chunks_exact_mut(*stride).skip(first);
        let rows = scores.chunks_exact_mut(SCORES_STRIDE).zip(sums);
        let denominators = row_max.iter_mut().zip(denominators).skip(first);
        let rows = rows.zip(denominators).take(self.queries.len());
        for (row, ((scores, sums), (row_max, denominator))) in rows.enumerate() {
            let scores = &mut scores[..self.keys];
            let before = *row_max;
            *row_max = max_score(simd, scores).max(before);
            let total = match self.bf16_isa {
                Some(bf16_isa) => {
                    bf16_isa.exp_to_bf16(scores, *row_max, scale, probabilities.tap(row, 0))
                }
                None => exp_scores(simd, scores, *row_max, scale),
            };
            if before == *row_max {
                *denominator += total;
                continue;
            }
            let kept = ((before - *row_max) * scale).exp();
            *denominator = *denominator * kept + total;
            let kept = simd.splat_f32s(kept);
            update(
                simd,
                sums,
                [],
                #[inline(always)]
                |sum, []| simd.mul_f32s(sum, kept),
            );
        }
    }
}

#[inline(always)]
fn max_score<S: Simd>(simd: S, values: &[f32]) -> f32 {
    let (vectors, rest) = S::as_simd_f32s(values);
    let mut row_max = simd.splat_f32s(f32::NEG_INFINITY);
    for vector in vectors {
        row_max = simd.max_f32s(row_max, *vector);
    }
    rest.iter()
        .fold(simd.reduce_max_f32s(row_max), |row_max, x| row_max.max(*x))
}

/// Each score becomes exp((score − largest) · scale); returns their sum.
#[inline(always)]
fn exp_scores<S: Simd>(simd: S, scores: &mut [f32], row_max: f32, scale: f32) -> f32 {
    let (row_max, scale) = (simd.splat_f32s(row_max), simd.splat_f32s(scale));
    let (vectors, rest) = S::as_mut_simd_f32s(scores);
    let mut sums = simd.splat_f32s(0.0);
    for vector in vectors {
        *vector = exp_shifted(simd, *vector, row_max, scale);
        sums = simd.add_f32s(sums, *vector);
    }
    let mut total = simd.reduce_sum_f32s(sums);
    if !rest.is_empty() {
        let vector = simd.partial_load_f32s(rest);
        simd.partial_store_f32s(rest, exp_shifted(simd, vector, row_max, scale));
        total += rest.iter().sum::<f32>();
    }
    total
}

#[inline(always)]
fn exp_shifted<S: Simd>(simd: S, qk_scores: S::f32s, row_max: S::f32s, scale: S::f32s) -> S::f32s {
    exp(
        simd,
        simd.mul_f32s(simd.sub_f32s(qk_scores, row_max), scale),
    )
}

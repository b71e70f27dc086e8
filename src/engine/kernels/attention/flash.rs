//! Flash attention, in blocks of queries and of keys with an online softmax
//! ([Milakov & Gimelshein 2018](https://arxiv.org/abs/1805.02867);
//! [Dao et al. 2022](https://arxiv.org/abs/2205.14135)): the matrix of scores S = Q · Kᵀ is never in
//! memory as a whole. Here for every ISA but AMX.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::KvHead;
use super::online_softmax::OnlineSoftmax;
use crate::engine::kernels::activation::exp;
use crate::engine::kernels::elementwise::{update, write};
use crate::engine::kernels::gemm::{Bf16Rows, MAX_MR, MicroTile, PackedWeights, PanelData};
use crate::engine::kernels::isa::{Bf16Isa, Isa};
use crate::engine::kernels::output::{MAX_CHUNK, Output};

/// Queries of a block; a multiple of MR on every ISA.
pub(crate) const BLOCK_QUERIES: usize = 96;
/// Keys of a block; a multiple of NR on every ISA. The scores of MR queries, 66 KiB at the most, are used
/// while they are in L1 and L2.
const BLOCK_KEYS: usize = 512;
/// Leading dimension of the scores: a cache line more than they are, so that the rows of a micro-tile do
/// not fall into the same sets of L1.
const SCORES_STRIDE: usize = BLOCK_KEYS + 16;

/// A block of queries, and the state of its online softmax.
pub(crate) struct QueryBlock {
    pub(super) head_dim: usize,
    /// Leading dimension of `acc_o`: whole vectors.
    pub(super) ldo: usize,
    /// Scores of MR queries, then in f32 their probabilities.
    pub(super) scores: Vec<f32>,
    /// Q in bf16.
    pub(super) queries: Bf16Rows,
    /// Probabilities of MR queries in bf16, not normalized.
    pub(super) probabilities: Bf16Rows,
    /// Of each tile of queries, on AMX.
    pub(super) softmax: Vec<OnlineSoftmax>,
    /// Accumulators of P · V, not normalized: `head_dim` a query, every `ldo`.
    pub(super) acc_o: Vec<f32>,
    /// The largest score of each query so far.
    pub(super) row_max: [f32; BLOCK_QUERIES],
    /// The sum of each query's probabilities so far.
    pub(super) row_sum: [f32; BLOCK_QUERIES],
}

impl QueryBlock {
    pub(super) fn new(isa: Isa, head_dim: usize) -> Self {
        let ldo = head_dim.next_multiple_of(isa.lanes());
        // Whole micro-tiles are written, the last of which may be padding.
        let rows = BLOCK_QUERIES.next_multiple_of(isa.mr());
        Self {
            head_dim,
            ldo,
            scores: vec![0.0; isa.mr() * SCORES_STRIDE],
            queries: Bf16Rows::default(),
            probabilities: Bf16Rows::default(),
            softmax: Vec::new(),
            acc_o: vec![0.0; rows * ldo],
            row_max: [0.0; BLOCK_QUERIES],
            row_sum: [0.0; BLOCK_QUERIES],
        }
    }

    /// Attends from the queries to every key of a head. `biases` is empty, or has for each query what is added
    /// to its score with each key before it is scaled; not on AMX.
    pub(super) fn run(&mut self, kv: &KvHead, queries: &[&[f32]], biases: &[&[f32]]) {
        let bf16_isa = kv.keys.bf16();
        if let Some(amx) = bf16_isa.and_then(Bf16Isa::amx) {
            assert!(biases.is_empty(), "AMX attends without biases");
            return self.run_amx(amx, kv, queries);
        }
        self.acc_o.fill(0.0);
        self.row_max.fill(f32::NEG_INFINITY);
        self.row_sum.fill(0.0);
        if let Some(bf16_isa) = kv.keys.bf16() {
            self.queries
                .resize(bf16_isa, queries.len(), 1, self.head_dim);
            for (row, query) in queries.iter().enumerate() {
                self.queries.write(bf16_isa, row, 0, query);
            }
        }
        let keys = kv.keys.outputs();
        let mr = kv.keys.isa().mr();
        for first in (0..keys).step_by(BLOCK_KEYS) {
            let keys = first..keys.min(first + BLOCK_KEYS);
            for (tile, rows) in queries.chunks(mr).enumerate() {
                let first_query = tile * mr;
                self.qk_scores(&kv.keys, &keys, first_query, rows);
                self.add_biases(&keys, biases.get(first_query..).unwrap_or_default());
                let bf16_isa = kv.keys.bf16();
                if let Some(bf16_isa) = bf16_isa {
                    self.probabilities
                        .resize(bf16_isa, rows.len(), 1, keys.len());
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

    /// S = Q · Kᵀ for MR queries and a block of keys.
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
            // The last columns of a panel and the last rows may be padding; there is room for them.
            let mut scores = MicroTile {
                c: &mut self.scores[panel.first - range.start..],
                ldc: SCORES_STRIDE,
                accumulate: false,
            };
            match keys.panel(panel, &mut widened) {
                PanelData::Vnni(bf16_isa, pairs) => {
                    let rows = self.queries.tile(first_query);
                    bf16_isa.microkernel(panel.vectors, rows, pairs, &mut scores);
                }
                PanelData::F32(k) => {
                    whole[..queries.len()].copy_from_slice(queries);
                    let whole = &whole[..isa.mr()];
                    isa.f32_microkernel(panel.vectors, whole, k, &mut scores);
                }
            }
        }
    }

    /// S += the biases of MR queries, or of those that are left.
    fn add_biases(&mut self, keys: &Range<usize>, biases: &[&[f32]]) {
        let rows = self.scores.chunks_exact_mut(SCORES_STRIDE);
        for (scores, biases) in rows.zip(biases) {
            for (score, bias) in scores.iter_mut().zip(&biases[keys.clone()]) {
                *score += bias;
            }
        }
    }

    /// O += P · V for MR queries from `first_query` and a block of keys.
    fn accumulate_pv(&mut self, values: &PackedWeights, keys: &Range<usize>, first_query: usize) {
        let isa = values.isa();
        let mut widened = Vec::new();
        for panel in values.panels() {
            let width = panel.vectors * isa.lanes();
            let mut acc_o = MicroTile {
                c: &mut self.acc_o[first_query * self.ldo + panel.first..],
                ldc: self.ldo,
                accumulate: true,
            };
            match values.panel(panel, &mut widened) {
                PanelData::Vnni(bf16_isa, pairs) => {
                    // Blocks begin at even keys, so that VNNI pairs are whole.
                    let len = bf16_isa.k_pairs(keys.len()) * width;
                    let pairs = &pairs[keys.start / 2 * width..][..len];
                    let rows = self.probabilities.tile(0);
                    bf16_isa.microkernel(panel.vectors, rows, pairs, &mut acc_o);
                }
                PanelData::F32(v) => {
                    let v = &v[keys.start * width..][..keys.len() * width];
                    let mut rows = [&[] as &[f32]; MAX_MR];
                    let scores = self.scores.chunks_exact(SCORES_STRIDE);
                    for (row, scores) in rows.iter_mut().zip(scores) {
                        *row = &scores[..keys.len()];
                    }
                    let rows = &rows[..isa.mr()];
                    isa.f32_microkernel(panel.vectors, rows, v, &mut acc_o);
                }
            }
        }
    }
}

/// O = acc_o / row_sum: normalizes and stores the output of a block of queries.
pub(crate) struct NormalizeOutput<'a> {
    pub(crate) block: &'a QueryBlock,
    /// Where each query's output begins.
    pub(crate) starts: &'a [usize],
    pub(crate) output: &'a Output<'a>,
}

impl WithSimd for NormalizeOutput<'_> {
    type Output = ();

    #[inline(always)]
    #[expect(unsafe_code, reason = "a head is no slice of the output")]
    fn with_simd<S: Simd>(self, simd: S) {
        let block = self.block;
        for (query, start) in self.starts.iter().enumerate() {
            let acc_o = &block.acc_o[query * block.ldo..][..block.head_dim];
            let inverse = simd.splat_f32s(1.0 / block.row_sum[query]);
            for (at, acc_o) in acc_o.chunks(MAX_CHUNK).enumerate() {
                // SAFETY: every task of `run_blocks` has its own queries of its own head, and a head its
                // own features of a token.
                unsafe {
                    let start = start + at * MAX_CHUNK;
                    self.output.write(
                        start,
                        acc_o.len(),
                        #[inline(always)]
                        |to| {
                            write(
                                simd,
                                to,
                                [acc_o],
                                #[inline(always)]
                                |[acc_o]| simd.mul_f32s(acc_o, inverse),
                            )
                        },
                    );
                }
            }
        }
    }
}

/// A step of the online softmax: the scores of a block of keys become exp(score − row_max), not yet
/// normalized; where row_max grows, row_sum and acc_o are rescaled.
struct OnlineSoftmaxStep<'a> {
    block: &'a mut QueryBlock,
    /// In bf16, probabilities are written rounded instead of over the scores.
    bf16_isa: Option<Bf16Isa>,
    keys: usize,
    /// MR queries.
    queries: Range<usize>,
}

impl WithSimd for OnlineSoftmaxStep<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let QueryBlock {
            head_dim,
            ldo,
            scores,
            probabilities,
            acc_o,
            row_max,
            row_sum,
            ..
        } = self.block;
        let scale = 1.0 / (*head_dim as f32).sqrt();
        let first = self.queries.start;
        let acc_o = acc_o.chunks_exact_mut(*ldo).skip(first);
        let rows = scores.chunks_exact_mut(SCORES_STRIDE).zip(acc_o);
        let state = row_max.iter_mut().zip(row_sum).skip(first);
        let rows = rows.zip(state).take(self.queries.len());
        for (row, ((scores, acc_o), (row_max, row_sum))) in rows.enumerate() {
            let scores = &mut scores[..self.keys];
            let before = *row_max;
            *row_max = max_score(simd, scores).max(before);
            let total = match self.bf16_isa {
                Some(bf16_isa) => {
                    bf16_isa.exp_to_bf16(scores, *row_max, scale, probabilities.tap_mut(row, 0))
                }
                None => exp_scores(simd, scores, *row_max, scale),
            };
            if before == *row_max {
                *row_sum += total;
                continue;
            }
            let rescale = ((before - *row_max) * scale).exp();
            *row_sum = *row_sum * rescale + total;
            let rescale = simd.splat_f32s(rescale);
            update(
                simd,
                acc_o,
                [],
                #[inline(always)]
                |acc_o, []| simd.mul_f32s(acc_o, rescale),
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

/// Each score becomes exp((score − row_max) · scale); returns their sum.
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

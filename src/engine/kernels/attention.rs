//! Attention ([Vaswani et al. 2017](https://arxiv.org/abs/1706.03762), equation 1) in blocks of
//! queries and keys with a running softmax
//! ([Milakov & Gimelshein 2018](https://arxiv.org/abs/1805.02867);
//! [Dao et al. 2022](https://arxiv.org/abs/2205.14135)), so that the matrix of scores is never
//! there as a whole.

mod tiled;

use std::ops::Range;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::activation::{exp, update, write};
use super::isa::Isa;
use super::pack::{PackedWeights, PanelData};
use super::pairs::{Bf16Isa, Bf16Rows, OnlineSoftmax};
use super::shared::{MAX_CHUNK, Output, DisjointOutput, UninitBuffer};
use super::tile::{MAX_MR, MicroTile};
use super::values::DtypeVec;
use crate::engine::{Cancelled, Progress};

/// Queries of a block; a multiple of every set's tile rows.
const BLOCK_QUERIES: usize = 96;
/// Keys of a block; a multiple of every set's panels. The scores of a tile of queries, 66 KiB at the
/// most, are used while they are in the nearest caches.
const BLOCK_KEYS: usize = 512;
/// Numbers from one query's scores to the next one's: a line of cache more than they are, so that the
/// rows of a tile do not meet in the same places of the first cache.
const SCORES_STRIDE: usize = BLOCK_KEYS + 16;
/// Multiplications between two questions whether to stop: some tens of milliseconds on one core.
const MULTIPLICATIONS_PER_CHECKPOINT: usize = 1 << 31;

/// Measures of keys and values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AttentionSizes {
    /// Members of the batch.
    pub(crate) batch: usize,
    /// Heads.
    pub(crate) heads: usize,
    /// Keys and values of each member.
    pub(crate) keys: usize,
    /// Numbers of a head.
    pub(crate) head_width: usize,
}

impl AttentionSizes {
    /// Numbers of a token.
    fn width(&self) -> usize {
        self.heads * self.head_width
    }
}

/// Keys and values in the order in which queries meet them: packed once, asked as often as needed.
#[derive(Debug)]
pub(crate) struct PackedKv {
    sizes: AttentionSizes,
    /// Head after head of one member after the other.
    heads: Vec<Head>,
}

impl PackedKv {
    /// What they are packed for.
    fn isa(&self) -> Isa {
        let head = self.heads.first();
        head.map_or_else(Isa::portable, |head| head.keys.isa())
    }

    /// Keys of each batch member.
    pub(crate) fn keys(&self) -> usize {
        self.sizes.keys
    }

    /// Packs `k` and `v`, both `(batch, keys, heads × head_width)`, for `isa`.
    pub(crate) fn pack(
        isa: Isa,
        sizes: AttentionSizes,
        [k, v]: [&[f32]; 2],
    ) -> Self {
        assert_eq!(k.len(), sizes.batch * sizes.keys * sizes.width());
        assert_eq!(v.len(), k.len());
        let heads = (0..sizes.batch * sizes.heads)
            .into_par_iter()
            .map(|head| Head::pack(isa, &sizes, head, [k, v]))
            .collect();
        Self { sizes, heads }
    }
}

/// softmax(q kᵀ / √head_width) v, head by head. `q` and the result are `(batch, queries, heads ×
/// head_width)`. The result is rounded where products are of tiles: nothing but the layer's last
/// product reads it.
#[expect(unsafe_code, reason = "results that are written in parts")]
pub(crate) fn flash_attention(
    asked: &PackedKv,
    q: &[f32],
    progress: &mut dyn Progress,
) -> Result<DtypeVec, Cancelled> {
    let width = asked.sizes.width();
    if q.is_empty() || asked.keys() == 0 {
        return Ok(DtypeVec::F32(vec![0.0; q.len()]));
    }
    assert!(q.len().is_multiple_of(asked.sizes.batch * width));
    let bf16_isa = asked.isa().bf16();
    Ok(match bf16_isa {
        Some(bf16_isa) if bf16_isa.tiles().is_some() => {
            let mut output = UninitBuffer::new(q.len());
            let shared = DisjointOutput::new(&mut output);
            ask_all(asked, q, &Output::Bf16(bf16_isa, shared), progress)?;
            // SAFETY: as `ask_all` says.
            DtypeVec::Bf16(unsafe { output.assume_init() })
        }
        _ => {
            let mut output = UninitBuffer::new(q.len());
            let shared = Output::F32(DisjointOutput::new(&mut output));
            ask_all(asked, q, &shared, progress)?;
            // SAFETY: as `ask_all` says.
            DtypeVec::F32(unsafe { output.assume_init() })
        }
    })
}

/// Writes every number of the answers.
fn ask_all(
    asked: &PackedKv,
    q: &[f32],
    output: &Output<'_>,
    progress: &mut dyn Progress,
) -> Result<(), Cancelled> {
    let AttentionSizes {
        batch,
        heads,
        keys,
        head_width,
    } = asked.sizes;
    let width = asked.sizes.width();
    let queries = q.len() / (batch * width);
    let blocks = queries.div_ceil(BLOCK_QUERIES);
    let tasks = batch * heads * blocks;
    let work = 2 * BLOCK_QUERIES.min(queries) * keys * head_width;
    let per_round = (MULTIPLICATIONS_PER_CHECKPOINT / work.max(1))
        .max(1)
        .next_multiple_of(rayon::current_num_threads());
    for round in (0..tasks).step_by(per_round) {
        progress.checkpoint()?;
        (round..tasks.min(round + per_round))
            .into_par_iter()
            .for_each_init(
                || Block::new(asked.isa(), head_width),
                |block, task| {
                    let (head, first) = (task / blocks, task % blocks * BLOCK_QUERIES);
                    let count = BLOCK_QUERIES.min(queries - first);
                    let start =
                        (head / heads * queries + first) * width + head % heads * head_width;
                    let rows: Vec<&[f32]> = (0..count)
                        .map(|row| &q[start + row * width..][..head_width])
                        .collect();
                    block.ask(&asked.heads[head], &rows);
                    asked.isa().run(WriteAnswers {
                        block,
                        queries: count,
                        start,
                        width,
                        output,
                    });
                },
            );
    }
    // Every head of every block of queries was a task, which has written the head's numbers of its
    // queries.
    Ok(())
}

/// Keys and values of one head of one member.
#[derive(Debug)]
struct Head {
    keys: PackedWeights,
    values: PackedWeights,
}

impl Head {
    /// Packs head number `head` of `k` and `v`, counted over all members.
    fn pack<'a>(
        isa: Isa,
        sizes: &AttentionSizes,
        head: usize,
        [k, v]: [&'a [f32]; 2],
    ) -> Self {
        let (keys, head_width, width) = (sizes.keys, sizes.head_width, sizes.width());
        let start = head / sizes.heads * keys * width + head % sizes.heads * head_width;
        let (k, v) = (k.get(start..), v.get(start..));
        let (k, v) = (k.unwrap_or_default(), v.unwrap_or_default());
        let row = |numbers: &'a [f32], key: usize| &numbers[key * width..][..head_width];
        Self {
            keys: PackedWeights::pack_nk(isa, [keys, head_width], |key| row(k, key)),
            values: PackedWeights::pack_kn(isa, [head_width, keys], |key| row(v, key)),
        }
    }
}

/// A block of queries on its way through the keys.
struct Block {
    head_width: usize,
    /// Numbers from one query's sums to the next one's: whole vectors.
    stride: usize,
    /// Scores of a tile of queries, then their shares where these are f32.
    scores: Vec<f32>,
    /// The queries, where products are of bf16.
    queries: Bf16Rows,
    /// Shares of a tile of queries, where products are of bf16.
    rounded: Bf16Rows,
    /// Of each tile of queries, where products are of tiles.
    tiles: Vec<OnlineSoftmax>,
    /// Values added up so far, each times its share: `head_width` a query, every `stride`.
    sums: Vec<f32>,
    /// The largest score so far.
    largest: [f32; BLOCK_QUERIES],
    /// The sum of shares so far.
    shares: [f32; BLOCK_QUERIES],
}

impl Block {
    fn new(isa: Isa, head_width: usize) -> Self {
        let stride = head_width.next_multiple_of(isa.lanes());
        // Whole tiles of rows are written, the last of which may have no queries left.
        let rows = BLOCK_QUERIES.next_multiple_of(isa.mr());
        Self {
            head_width,
            stride,
            scores: vec![0.0; isa.mr() * SCORES_STRIDE],
            queries: Bf16Rows::default(),
            rounded: Bf16Rows::default(),
            tiles: Vec::new(),
            sums: vec![0.0; rows * stride],
            largest: [0.0; BLOCK_QUERIES],
            shares: [0.0; BLOCK_QUERIES],
        }
    }

    /// Puts the queries to every key.
    fn ask(&mut self, asked: &Head, queries: &[&[f32]]) {
        let bf16_isa = asked.keys.bf16();
        if let Some(tiles) = bf16_isa.and_then(Bf16Isa::tiles) {
            return self.ask_by_tiles(tiles, asked, queries);
        }
        self.sums.fill(0.0);
        self.largest.fill(f32::NEG_INFINITY);
        self.shares.fill(0.0);
        if let Some(bf16_isa) = asked.keys.bf16() {
            self.queries
                .begin(bf16_isa, queries.len(), 1, self.head_width);
            for (row, query) in queries.iter().enumerate() {
                self.queries.set(bf16_isa, row, 0, query);
            }
        }
        let keys = asked.keys.outputs();
        let mr = asked.keys.isa().mr();
        for first in (0..keys).step_by(BLOCK_KEYS) {
            let keys = first..keys.min(first + BLOCK_KEYS);
            for (tile, rows) in queries.chunks(mr).enumerate() {
                let first_query = tile * mr;
                self.score(&asked.keys, &keys, first_query, rows);
                let bf16_isa = asked.keys.bf16();
                if let Some(bf16_isa) = bf16_isa {
                    self.rounded.begin(bf16_isa, rows.len(), 1, keys.len());
                }
                asked.keys.isa().run(ShareOut {
                    block: self,
                    bf16_isa,
                    keys: keys.len(),
                    queries: first_query..first_query + rows.len(),
                });
                self.add_values(&asked.values, &keys, first_query);
            }
        }
    }

    /// Scores of some keys by a tile of queries.
    fn score(
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
    fn add_values(&mut self, values: &PackedWeights, keys: &Range<usize>, first_query: usize) {
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
                    let rows = self.rounded.tile(0);
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
struct WriteAnswers<'a> {
    block: &'a Block,
    queries: usize,
    /// Where the first one begins.
    start: usize,
    /// Numbers from one to the next.
    width: usize,
    output: &'a Output<'a>,
}

impl WithSimd for WriteAnswers<'_> {
    type Output = ();

    #[inline(always)]
    #[expect(unsafe_code, reason = "a head is no slice of the output")]
    fn with_simd<S: Simd>(self, simd: S) {
        let block = self.block;
        for query in 0..self.queries {
            let start = self.start + query * self.width;
            let sums = &block.sums[query * block.stride..][..block.head_width];
            let inverse = simd.splat_f32s(1.0 / block.shares[query]);
            for (at, sums) in sums.chunks(MAX_CHUNK).enumerate() {
                // SAFETY: every task of `ask_all` has its own queries of its own head, and a head its
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
struct ShareOut<'a> {
    block: &'a mut Block,
    /// Where products are of bf16, shares are written rounded instead of over the scores.
    bf16_isa: Option<Bf16Isa>,
    keys: usize,
    /// Those of a tile.
    queries: Range<usize>,
}

impl WithSimd for ShareOut<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Block {
            head_width,
            stride,
            scores,
            rounded,
            sums,
            largest,
            shares,
            ..
        } = self.block;
        let scale = 1.0 / (*head_width as f32).sqrt();
        let first = self.queries.start;
        let sums = sums.chunks_exact_mut(*stride).skip(first);
        let rows = scores.chunks_exact_mut(SCORES_STRIDE).zip(sums);
        let totals = largest.iter_mut().zip(shares).skip(first);
        let rows = rows.zip(totals).take(self.queries.len());
        for (row, ((scores, sums), (largest, share))) in rows.enumerate() {
            let scores = &mut scores[..self.keys];
            let before = *largest;
            *largest = largest_of(simd, scores).max(before);
            let total = match self.bf16_isa {
                Some(bf16_isa) => bf16_isa.shares(scores, *largest, scale, rounded.tap(row, 0)),
                None => exponentials(simd, scores, *largest, scale),
            };
            if before == *largest {
                *share += total;
                continue;
            }
            let kept = ((before - *largest) * scale).exp();
            *share = *share * kept + total;
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
fn largest_of<S: Simd>(simd: S, values: &[f32]) -> f32 {
    let (vectors, rest) = S::as_simd_f32s(values);
    let mut largest = simd.splat_f32s(f32::NEG_INFINITY);
    for vector in vectors {
        largest = simd.max_f32s(largest, *vector);
    }
    rest.iter()
        .fold(simd.reduce_max_f32s(largest), |largest, x| largest.max(*x))
}

/// Each score becomes exp((score − largest) · scale); returns their sum.
#[inline(always)]
fn exponentials<S: Simd>(simd: S, scores: &mut [f32], largest: f32, scale: f32) -> f32 {
    let (largest, scale) = (simd.splat_f32s(largest), simd.splat_f32s(scale));
    let (vectors, rest) = S::as_mut_simd_f32s(scores);
    let mut sums = simd.splat_f32s(0.0);
    for vector in vectors {
        *vector = share_of(simd, *vector, largest, scale);
        sums = simd.add_f32s(sums, *vector);
    }
    let mut total = simd.reduce_sum_f32s(sums);
    if !rest.is_empty() {
        let vector = simd.partial_load_f32s(rest);
        simd.partial_store_f32s(rest, share_of(simd, vector, largest, scale));
        total += rest.iter().sum::<f32>();
    }
    total
}

#[inline(always)]
fn share_of<S: Simd>(simd: S, score: S::f32s, largest: S::f32s, scale: S::f32s) -> S::f32s {
    exp(simd, simd.mul_f32s(simd.sub_f32s(score, largest), scale))
}

#[cfg(test)]
mod tests;

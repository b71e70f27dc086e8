//! [`TransformedInput`]: A of the GEMMs at every point, tiles of the input transformed.

use rayon::prelude::*;

use super::{BLOCK_CHANNELS, CACHE_LINE, POINTS};
use crate::engine::kernels::gemm::{Bf16RowTile, PackedWeights};
use crate::engine::kernels::isa::Bf16Isa;

/// Transformed tiles in the order in which microkernels read them: block after block of tiles; in each,
/// block after block of channels; in each, point after point, tile after tile. In bf16 pairs where the
/// weights are in VNNI layout.
pub(crate) struct TransformedInput {
    bf16_isa: Option<Bf16Isa>,
    channels: usize,
    /// Tiles of a block, a multiple of MR; the last may be padding.
    block: usize,
    values: Vec<f32>,
    pairs: Vec<u32>,
}

/// The channels `first .. first + count`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ChannelBlock {
    pub(crate) first: usize,
    pub(crate) count: usize,
}

impl ChannelBlock {
    /// The blocks of `channels`, where an element holds `per` values.
    fn all(channels: usize, per: usize) -> impl Iterator<Item = Self> {
        let most = per * BLOCK_CHANNELS;
        (0..channels).step_by(most).map(move |first| Self {
            first,
            count: most.min(channels - first),
        })
    }
}

impl TransformedInput {
    /// Room for `blocks` blocks of `block` tiles for `weights`, whose inputs are an even number.
    pub(crate) fn new(weights: &PackedWeights, blocks: usize, block: usize) -> Self {
        let (channels, bf16_isa) = (weights.inputs(), weights.bf16());
        let (values, pairs) = match bf16_isa {
            None => (blocks * len_of(block, channels, 1), 0),
            Some(_) => (0, blocks * len_of(block, channels, 2)),
        };
        Self {
            bf16_isa,
            channels,
            block,
            values: vec![0.0; values],
            pairs: vec![0; pairs],
        }
    }

    /// The blocks of channels.
    pub(crate) fn channel_blocks(&self) -> impl Iterator<Item = ChannelBlock> {
        ChannelBlock::all(self.channels, if self.bf16_isa.is_some() { 2 } else { 1 })
    }

    /// Transforms the first `count` tiles. `transform` gets a tile, its channels, where to write, and the
    /// stride from one point to the next.
    pub(crate) fn fill(
        &mut self,
        count: usize,
        transform: impl Fn(usize, ChannelBlock, &mut [f32], usize) + Sync,
    ) {
        let (channels, block) = (self.channels, self.block);
        let tiles = |index: usize| {
            let first = index * block;
            (first..count.min(first + block)).enumerate()
        };
        let Some(bf16_isa) = self.bf16_isa else {
            let parts = parts(&mut self.values, block, channels, 1);
            parts.into_par_iter().for_each(|(index, channels, part)| {
                for (at, tile) in tiles(index) {
                    let scratch = &mut part[at * channels.count..];
                    transform(tile, channels, scratch, block * channels.count + CACHE_LINE);
                }
            });
            return;
        };
        let parts = parts(&mut self.pairs, block, channels, 2);
        parts.into_par_iter().for_each_init(
            || vec![0.0; POINTS * 2 * BLOCK_CHANNELS],
            |values, (index, channels, part)| {
                let k_pairs = channels.count / 2;
                for (at, tile) in tiles(index) {
                    transform(tile, channels, values, channels.count);
                    let points = values.chunks_exact(channels.count).take(POINTS);
                    for (point, values) in points.enumerate() {
                        let to = point * (block * k_pairs + CACHE_LINE) + at * k_pairs;
                        bf16_isa.to_bf16x2(values, &mut part[to..][..k_pairs]);
                    }
                }
            },
        );
    }

    /// Rows of A: some channels at a point of the tiles of block `index` from `at` on, of which `rows` are
    /// no padding.
    pub(crate) fn rows(
        &self,
        index: usize,
        channels: ChannelBlock,
        point: usize,
        (at, rows): (usize, usize),
    ) -> TransformedRows<'_> {
        let start = |per: usize| {
            let k_len = channels.count / per;
            index * len_of(self.block, self.channels, per)
                + len_of(self.block, channels.first, per)
                + point * (self.block * k_len + CACHE_LINE)
                + at * k_len
        };
        match self.bf16_isa {
            None => TransformedRows::F32(&self.values[start(1)..]),
            Some(bf16_isa) => TransformedRows::Bf16(
                bf16_isa,
                Bf16RowTile {
                    pairs: &self.pairs[start(2)..],
                    rows,
                    lda: channels.count / 2,
                    k_pairs: channels.count / 2,
                },
            ),
        }
    }
}

/// Elements of some channels of a block of tiles, each of which holds `per` values.
fn len_of(block: usize, channels: usize, per: usize) -> usize {
    POINTS * (block * channels / per + channels.div_ceil(per * BLOCK_CHANNELS) * CACHE_LINE)
}

/// Contiguous rows of A.
pub(crate) enum TransformedRows<'a> {
    F32(&'a [f32]),
    Bf16(Bf16Isa, Bf16RowTile<'a>),
}

/// The contiguous parts: a block of channels of a block of tiles, with the index of the latter. An element
/// holds `per` values.
fn parts<T>(
    all: &mut [T],
    block: usize,
    channels: usize,
    per: usize,
) -> Vec<(usize, ChannelBlock, &mut [T])> {
    let block_len = len_of(block, channels, per);
    let part_len = len_of(block, per * BLOCK_CHANNELS, per);
    let blocks = all.chunks_mut(block_len).enumerate();
    blocks
        .flat_map(|(index, block)| {
            let parts = ChannelBlock::all(channels, per).zip(block.chunks_mut(part_len));
            parts.map(move |(channels, part)| (index, channels, part))
        })
        .collect()
}

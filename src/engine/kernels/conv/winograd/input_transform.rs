//! [`TransformedInput`]: the input of many tiles, transformed.

use rayon::prelude::*;

use super::{BLOCK_CHANNELS, CACHE_LINE, POINTS};
use crate::engine::kernels::gemm::{Bf16RowTile, PackedWeights};
use crate::engine::kernels::isa::Bf16Isa;

/// Tiles of transformed input in the order in which products read them: block after block of tiles,
/// in each block some channels after the others, of these point after point, tile after tile. In
/// pairs of bf16 where the weights are.
pub(crate) struct TransformedInput {
    bf16_isa: Option<Bf16Isa>,
    channels: usize,
    /// Tiles of a block; whole tiles of rows, the last of which may have no tiles left.
    block: usize,
    numbers: Vec<f32>,
    pairs: Vec<u32>,
}

/// The channels `first .. first + count`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ChannelBlock {
    pub(crate) first: usize,
    pub(crate) count: usize,
}

impl ChannelBlock {
    /// All of `channels`, as many at a time as are multiplied at a time, where `per` numbers lie in one.
    fn parts(channels: usize, per: usize) -> impl Iterator<Item = Self> {
        let most = per * BLOCK_CHANNELS;
        (0..channels).step_by(most).map(move |first| Self {
            first,
            count: most.min(channels - first),
        })
    }
}

impl TransformedInput {
    /// Room for `blocks` blocks of `block` tiles of the inputs of `weights`, an even number.
    pub(crate) fn new(weights: &PackedWeights, blocks: usize, block: usize) -> Self {
        let (channels, bf16_isa) = (weights.inputs(), weights.bf16());
        let (numbers, pairs) = match bf16_isa {
            None => (blocks * len_of(block, channels, 1), 0),
            Some(_) => (0, blocks * len_of(block, channels, 2)),
        };
        Self {
            bf16_isa,
            channels,
            block,
            numbers: vec![0.0; numbers],
            pairs: vec![0; pairs],
        }
    }

    /// All channels, as many at a time as are multiplied at a time.
    pub(crate) fn parts(&self) -> impl Iterator<Item = ChannelBlock> {
        ChannelBlock::parts(self.channels, if self.bf16_isa.is_some() { 2 } else { 1 })
    }

    /// Makes the first `count` tiles. `transform` gets a tile, its channels, room, and how many
    /// numbers from one point to the next.
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
            let parts = parts(&mut self.numbers, block, channels, 1);
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
            |numbers, (index, channels, part)| {
                let depth = channels.count / 2;
                for (at, tile) in tiles(index) {
                    transform(tile, channels, numbers, channels.count);
                    let points = numbers.chunks_exact(channels.count).take(POINTS);
                    for (point, numbers) in points.enumerate() {
                        let to = point * (block * depth + CACHE_LINE) + at * depth;
                        bf16_isa.to_bf16_pairs(numbers, &mut part[to..][..depth]);
                    }
                }
            },
        );
    }

    /// A tile of rows of a product: some channels of a point of the tiles of block `index` from `at`
    /// on.
    pub(crate) fn rows(
        &self,
        index: usize,
        channels: ChannelBlock,
        point: usize,
        at: usize,
    ) -> TransformedRows<'_> {
        let start = |per: usize| {
            let depth = channels.count / per;
            index * len_of(self.block, self.channels, per)
                + len_of(self.block, channels.first, per)
                + point * (self.block * depth + CACHE_LINE)
                + at * depth
        };
        match self.bf16_isa {
            None => TransformedRows::WeightDtype(&self.numbers[start(1)..]),
            Some(bf16_isa) => TransformedRows::Pairs(
                bf16_isa,
                Bf16RowTile {
                    pairs: &self.pairs[start(2)..],
                    stride: channels.count / 2,
                    depth: channels.count / 2,
                },
            ),
        }
    }
}

/// What some channels of a block of tiles take, of which `per` numbers lie in one.
fn len_of(block: usize, channels: usize, per: usize) -> usize {
    POINTS * (block * channels / per + channels.div_ceil(per * BLOCK_CHANNELS) * CACHE_LINE)
}

/// Rows of a product, one right after the other.
pub(crate) enum TransformedRows<'a> {
    WeightDtype(&'a [f32]),
    Pairs(Bf16Isa, Bf16RowTile<'a>),
}

/// The parts of blocks that are each contiguous: some channels of all tiles of a block, with the
/// block's index. `per` numbers lie in one of `all`.
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
            let parts = ChannelBlock::parts(channels, per).zip(block.chunks_mut(part_len));
            parts.map(move |(channels, part)| (index, channels, part))
        })
        .collect()
}

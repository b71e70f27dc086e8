//! [`Transformed`]: the input of many tiles, transformed.

use rayon::prelude::*;

use super::super::instructions::Instructions;
use super::super::pack::PackedWeights;
use super::super::pairs::{self, PairProducts, PairTile};
use super::POINTS;

/// Tiles of transformed input: tile after tile, point after point, channel after channel. In pairs
/// of bf16 where the weights are.
pub(super) struct Transformed {
    products: Option<PairProducts>,
    channels: usize,
    /// Numbers or pairs from one tile to the next.
    stride: usize,
    numbers: Vec<f32>,
    pairs: Vec<u32>,
}

/// Some tiles of a [`Transformed`].
#[derive(Clone, Copy)]
pub(super) struct Tiles<'a> {
    of: &'a Transformed,
    first: usize,
    pub(super) count: usize,
}

/// Channels of a point.
#[derive(Debug, Clone, Copy)]
pub(super) struct Channels {
    pub(super) point: usize,
    pub(super) first: usize,
    pub(super) count: usize,
}

impl Transformed {
    /// Room for that many tiles of the inputs of `weights`, of which there must be an even number.
    pub(super) fn new(weights: &PackedWeights, tiles: usize) -> Self {
        let channels = weights.inputs();
        let products = weights.pair_products();
        let len = POINTS * channels / if products.is_some() { 2 } else { 1 };
        // An odd number of cache lines, so that tiles do not meet in the same places of the first
        // cache.
        let stride = (len.div_ceil(pairs::LANES) | 1) * pairs::LANES;
        let (for_numbers, for_pairs) = match products {
            None => (tiles * stride, 0),
            // Whole tiles of rows are read, the last of which may have no tiles left.
            Some(_) => (0, (tiles + pairs::TILE_ROWS) * stride),
        };
        Self {
            products,
            channels,
            stride,
            numbers: vec![0.0; for_numbers],
            pairs: vec![0; for_pairs],
        }
    }

    /// Makes the first `count` tiles: `transform` writes the numbers of one.
    pub(super) fn fill(&mut self, count: usize, transform: impl Fn(usize, &mut [f32]) + Sync) {
        let len = POINTS * self.channels;
        let Some(products) = self.products else {
            let tiles = self.numbers.par_chunks_mut(self.stride).take(count);
            let tiles = tiles.enumerate();
            tiles.for_each(|(at, to)| transform(at, &mut to[..len]));
            return;
        };
        let tiles = self.pairs.par_chunks_mut(self.stride).take(count);
        tiles.enumerate().for_each_init(
            || vec![0.0; len],
            |numbers, (at, to)| {
                transform(at, numbers);
                products.round(numbers, &mut to[..len / 2]);
            },
        );
    }

    /// The tiles `first .. first + count`.
    pub(super) fn tiles(&self, first: usize, count: usize) -> Tiles<'_> {
        Tiles {
            of: self,
            first,
            count,
        }
    }
}

impl Tiles<'_> {
    /// Multiplies some channels of a point of the tiles from `at` on, as many as a tile of a
    /// product has rows, with a transformed kernel of `width` outputs. `paired` is room for its
    /// pairs, made when `at` is 0.
    pub(super) fn multiply(
        &self,
        instructions: Instructions,
        at: usize,
        Channels {
            point,
            first,
            count,
        }: Channels,
        (kernel, paired): (&[f32], &mut Vec<u32>),
        out: &mut [f32],
    ) {
        let of = self.of;
        let width = kernel.len() / count;
        let vectors = width / instructions.lanes();
        let from = point * of.channels + first;
        if let Some(products) = of.products {
            if at == 0 {
                paired.resize(kernel.len() / 2, 0);
                let lines = kernel.chunks_exact(2 * width);
                for (two, to) in lines.zip(paired.chunks_exact_mut(width)) {
                    let (first, second) = two.split_at(width);
                    products.pair_up(first, second, to);
                }
            }
            let rows = PairTile {
                pairs: &of.pairs[(self.first + at) * of.stride + from / 2..],
                stride: of.stride,
                depth: count / 2,
            };
            products.multiply(vectors, rows, paired, out);
            return;
        }
        let mut rows = [&[] as &[f32]; 16];
        let tile_rows = instructions.tile_rows();
        for (row, slice) in rows[..tile_rows].iter_mut().enumerate() {
            let tile = self.first + (at + row).min(self.count - 1);
            *slice = &of.numbers[tile * of.stride + from..][..count];
        }
        instructions.multiply(vectors, &rows[..tile_rows], kernel, out);
    }
}

//! Attention by AMX's tiles: 32 queries meet 32 keys at a time, and what becomes of their scores is
//! done while these are in the first cache.

use std::ops::Range;

use super::super::pairs::{Bf16RowTile, SCORES_PER_TILE, OnlineSoftmax, Amx};
use super::super::tile::MicroTile;
use super::{Block, Head};

/// Queries, and keys, of a tile.
const TILE: usize = 32;
/// Keys whose shares are gathered before they meet the values.
const GATHERED_KEYS: usize = 512;
/// Keys among which a query's reference is looked for first.
const FIRST_KEYS: usize = 64;
/// Sums of shares up to which all is well: products with values do not overflow.
const MOST_OF_ALL_SHARES: f32 = 1e18;

/// Scores of a tile: query after query.
type Scores = [f32; SCORES_PER_TILE];

impl Block {
    /// Puts some queries, of whole tiles, to every key.
    ///
    /// Shares are relative to the largest score of the first keys, not to that of all: any reference
    /// gives the same answer as long as nothing overflows, and one of the keys' own scores does not
    /// let all shares vanish. Where a later score is above it by too much, the largest of all is
    /// looked for.
    pub(super) fn ask_by_tiles(&mut self, tiles: Amx, asked: &Head, queries: &[&[f32]]) {
        let Some(bf16_isa) = asked.keys.bf16() else {
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
        let keys = asked.keys.outputs();
        let tiles_of_queries = queries.len().div_ceil(TILE);
        self.tiles.resize_with(tiles_of_queries, OnlineSoftmax::default);
        self.gather(tiles, asked, FIRST_KEYS.min(keys));
        let shares = &self.shares[..queries.len()];
        if !shares.iter().all(|sum| *sum < MOST_OF_ALL_SHARES) {
            self.gather(tiles, asked, keys);
        }
    }

    /// The largest score of each query of the tile from `first` on, among the first `keys` keys.
    fn references(&self, tiles: Amx, asked: &Head, first: usize, keys: usize) -> [f32; TILE] {
        let mut largest = [[f32::NEG_INFINITY; 16]; TILE];
        let mut scores: Scores = [0.0; SCORES_PER_TILE];
        for key in (0..keys).step_by(TILE) {
            let queries = self.queries.tile(first);
            score(tiles, asked, queries, key, &mut scores);
            tiles.update_row_max(&scores, TILE.min(keys - key), &mut largest);
        }
        largest.map(|row| row.into_iter().fold(f32::NEG_INFINITY, f32::max))
    }

    /// The sums of the values of all keys, each times its share, and of the shares. These are relative
    /// to the largest score among the first `known_keys`.
    fn gather(&mut self, tiles: Amx, asked: &Head, known_keys: usize) {
        let Some(bf16_isa) = asked.keys.bf16() else {
            return;
        };
        for index in 0..self.tiles.len() {
            self.tiles[index] = OnlineSoftmax {
                references: self.references(tiles, asked, index * TILE, known_keys),
                ..OnlineSoftmax::default()
            };
        }
        let mut scores: Scores = [0.0; SCORES_PER_TILE];
        let keys = asked.keys.outputs();
        for start in (0..keys).step_by(GATHERED_KEYS) {
            let range = start..keys.min(start + GATHERED_KEYS);
            for index in 0..self.tiles.len() {
                self.rounded.begin(bf16_isa, TILE, 1, range.len());
                let tile = &mut self.tiles[index];
                for key in range.clone().step_by(TILE) {
                    let queries = self.queries.tile(index * TILE);
                    score(tiles, asked, queries, key, &mut scores);
                    let (stride, shares) = self.rounded.rows_from((key - start) / 2);
                    let here = TILE.min(range.end - key);
                    tiles.exp_tile(&scores, here, tile, shares, stride);
                }
                self.add_shared_values(tiles, asked, &range, index * TILE);
            }
        }
        let totals = self.tiles.iter().flat_map(|tile| &tile.totals);
        for (share, total) in self.shares.iter_mut().zip(totals) {
            *share = total.iter().sum();
        }
    }

    /// Adds the values of some keys, each times its share, or writes them where they are the first.
    fn add_shared_values(&mut self, tiles: Amx, asked: &Head, keys: &Range<usize>, first: usize) {
        let values = &asked.values;
        for panel in values.panels() {
            let mut sums = MicroTile {
                numbers: &mut self.sums[first * self.stride + panel.first..],
                stride: self.stride,
                accumulate: keys.start > 0,
            };
            let pairs = values.pairs_of(panel, &(0..1), keys);
            tiles.microkernel(panel.vectors, self.rounded.tile(0), pairs, &mut sums);
        }
    }
}

/// The scores of the keys from `key` on.
fn score(tiles: Amx, asked: &Head, queries: Bf16RowTile<'_>, key: usize, scores: &mut Scores) {
    let Some(panel) = asked.keys.panels().nth(key / TILE) else {
        return;
    };
    let pairs = asked
        .keys
        .pairs_of(panel, &(0..1), &(0..asked.keys.inputs()));
    let mut sums = MicroTile {
        numbers: scores,
        stride: TILE,
        accumulate: false,
    };
    tiles.microkernel(panel.vectors, queries, pairs, &mut sums);
}

//! Large pictures in overlapping tiles, blended where they overlap.

use std::ops::Range;

use candle_core::{DType, Device, Tensor};

use crate::engine::EngineError;

/// Latent pixels along the side of a tile at the least: below, a tile knows too little of its
/// surroundings.
const MIN_TILE: usize = 16;

/// How a picture is cut, in latent pixels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TilePlan {
    rows: Vec<Range<usize>>,
    columns: Vec<Range<usize>>,
}

impl TilePlan {
    /// Tiles for a latent of that size, none of more than about half of `budget` latent pixels;
    /// `None` where the whole is within the budget.
    pub(super) fn new(height: usize, width: usize, budget: usize) -> Option<Self> {
        if height.saturating_mul(width) <= budget {
            return None;
        }
        let side = ((budget / 2) as f64).sqrt() as usize;
        let side = side.max(MIN_TILE);
        // A long strip is cut across only, as far as the budget allows.
        let across = side.max(budget / 2 / height.max(1)).min(width);
        let along = side.max(budget / 2 / width.max(1)).min(height);
        Some(Self {
            rows: spread(height, along),
            columns: spread(width, across),
        })
    }

    /// Number of tiles.
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.rows.len() * self.columns.len()
    }

    /// Their sizes (height, width).
    pub(super) fn sizes(&self) -> Vec<(usize, usize)> {
        let of_row = |row: &Range<usize>| {
            let height = row.len();
            self.columns
                .iter()
                .map(move |column| (height, column.len()))
        };
        self.rows.iter().flat_map(of_row).collect()
    }

    /// Runs `work` on every tile and joins what it gives: a picture `(1, channels, …)` of `scale`
    /// times the tile's size.
    pub(super) fn run(
        &self,
        scale: usize,
        mut work: impl FnMut(Range<usize>, Range<usize>) -> Result<Tensor, EngineError>,
    ) -> Result<Tensor, EngineError> {
        let row_weights = blend_weights(&self.rows, scale);
        let column_weights = blend_weights(&self.columns, scale);
        let height = end(&self.rows) * scale;
        let width = end(&self.columns) * scale;
        let mut channels = 0;
        let mut joined = Vec::new();
        for (row, row_weights) in self.rows.iter().zip(&row_weights) {
            for (column, column_weights) in self.columns.iter().zip(&column_weights) {
                let tile = work(row.clone(), column.clone())?
                    .to_dtype(DType::F32)?
                    .to_device(&Device::Cpu)?;
                channels = tile.dim(1)?;
                joined.resize(channels * height * width, 0f32);
                let numbers = tile.flatten_all()?.to_vec1::<f32>()?;
                let mut lines = numbers.chunks_exact(column_weights.len());
                for channel in 0..channels {
                    for (y, row_weight) in row_weights.iter().enumerate() {
                        let first = (channel * height + row.start * scale + y) * width;
                        let first = first + column.start * scale;
                        let to = &mut joined[first..first + column_weights.len()];
                        let from = lines.next().unwrap_or_default();
                        for ((to, from), weight) in to.iter_mut().zip(from).zip(column_weights) {
                            *to += from * weight * row_weight;
                        }
                    }
                }
            }
        }
        Ok(Tensor::from_vec(
            joined,
            (1, channels, height, width),
            &Device::Cpu,
        )?)
    }
}

/// Tiles of `size` over `length`, evenly, each overlapping the next by a quarter or more.
fn spread(length: usize, size: usize) -> Vec<Range<usize>> {
    let size = size.clamp(1, length.max(1));
    let step = (size - size / 4).max(1);
    let gaps = (length - size.min(length)).div_ceil(step);
    (0..=gaps)
        .map(|tile| {
            let start = (length - size.min(length)) * tile / gaps.max(1);
            start..start + size.min(length)
        })
        .collect()
}

fn end(tiles: &[Range<usize>]) -> usize {
    tiles.last().map_or(0, |tile| tile.end)
}

/// The blend weight of each tile at each of its pixels, enlarged by `scale`: 1 in the middle, a ramp
/// where it overlaps a neighbour; the weights of all tiles sum to 1 everywhere.
fn blend_weights(tiles: &[Range<usize>], scale: usize) -> Vec<Vec<f32>> {
    let mut blend_weights: Vec<Vec<f64>> = Vec::with_capacity(tiles.len());
    let mut sums = vec![0f64; end(tiles) * scale];
    for (index, tile) in tiles.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|index| tiles.get(index));
        let overlap_before =
            before.map_or(0, |before| before.end.saturating_sub(tile.start)) * scale;
        let overlap_after = tiles
            .get(index + 1)
            .map_or(0, |after| tile.end.saturating_sub(after.start))
            * scale;
        let len = tile.len() * scale;
        let own: Vec<f64> = (0..len)
            .map(|at| ramp(at, overlap_before).min(ramp(len - 1 - at, overlap_after)))
            .collect();
        for (sum, weight) in sums[tile.start * scale..].iter_mut().zip(&own) {
            *sum += weight;
        }
        blend_weights.push(own);
    }
    blend_weights
        .iter()
        .zip(tiles)
        .map(|(own, tile)| {
            own.iter()
                .zip(&sums[tile.start * scale..])
                .map(|(weight, sum)| (weight / sum) as f32)
                .collect()
        })
        .collect()
}

/// From nearly 0 at a tile's border to 1 at the end of the overlap.
fn ramp(distance: usize, overlap: usize) -> f64 {
    if distance < overlap {
        (distance as f64 + 0.5) / overlap as f64
    } else {
        1.0
    }
}

#[cfg(test)]
mod tests;

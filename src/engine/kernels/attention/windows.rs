//! Attention within the windows of a grid of tokens ([Liu et al. 2021](https://arxiv.org/abs/2103.14030)), with a
//! learned bias for each offset between query and key
//! ([Graham et al. 2021](https://arxiv.org/abs/2104.01136), section 4.2). No window is copied: keys and values are
//! packed, and queries read, from where they lie in the grid.

use super::flash::{BLOCK_QUERIES, NormalizeOutput, QueryBlock};
use super::{KvHead, Tasks};
use crate::engine::kernels::gemm::PackedWeights;
use crate::engine::kernels::isa::Isa;
use crate::engine::kernels::output::{DisjointOutput, Output, UninitBuffer};
use crate::engine::{Cancelled, Progress};

/// Attention within windows.
#[derive(Debug)]
pub(crate) struct WindowAttention {
    /// Side of a window, in tokens.
    side: usize,
    heads: usize,
    head_dim: usize,
    /// Added to the scores before they are scaled: `(heads, queries, keys)` of a window.
    biases: Vec<f32>,
}

/// What attends: a grid of tokens, each `(heads, 3, head_dim)`: a head's query, key and value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TokenGrid<'a> {
    /// Rows.
    pub(crate) height: usize,
    /// Columns.
    pub(crate) width: usize,
    /// Row after row.
    pub(crate) tokens: &'a [f32],
    /// The token in the place of those that windows at the lower and right border have beyond the grid.
    pub(crate) beyond: &'a [f32],
}

/// A head of a window, whose first token is in that row and column.
#[derive(Debug, Clone, Copy)]
struct WindowHead {
    row: usize,
    column: usize,
    head: usize,
}

impl WindowAttention {
    /// `offset_biases` are `(heads, side × side)`: one for each number of rows and columns between a query and a
    /// key, in either direction; they are added to the scaled scores.
    pub(crate) fn new(side: usize, [heads, head_dim]: [usize; 2], offset_biases: &[f32]) -> Self {
        let area = side * side;
        assert_eq!(offset_biases.len(), heads * area);
        // The softmax scales scores and biases together.
        let unscaled = (head_dim as f32).sqrt();
        let mut biases = Vec::with_capacity(heads * area * area);
        for of_head in offset_biases.chunks_exact(area.max(1)) {
            for (query, key) in (0..area).flat_map(|query| (0..area).map(move |key| (query, key))) {
                let rows = (query / side).abs_diff(key / side);
                let columns = (query % side).abs_diff(key % side);
                biases.push(of_head[rows * side + columns] * unscaled);
            }
        }
        Self {
            side,
            heads,
            head_dim,
            biases,
        }
    }

    /// What every token of the grid attends to in its window: `(height, width, heads × head_dim)`.
    #[expect(unsafe_code, reason = "a result that is written in parts")]
    pub(crate) fn run(
        &self,
        isa: Isa,
        grid: &TokenGrid<'_>,
        progress: &mut dyn Progress,
    ) -> Result<Vec<f32>, Cancelled> {
        let isa = isa.in_f32();
        let width = self.heads * self.head_dim;
        assert_eq!(grid.tokens.len(), grid.height * grid.width * 3 * width);
        assert_eq!(grid.beyond.len(), 3 * width);
        let mut output = UninitBuffer::new(grid.height * grid.width * width);
        let shared = Output::F32(DisjointOutput::new(&mut output));
        let across = grid.width.div_ceil(self.side);
        let area = self.side * self.side;
        let tasks = Tasks {
            count: grid.height.div_ceil(self.side) * across * self.heads,
            fmas: 2 * area * area * self.head_dim,
        };
        tasks.run((isa, self.head_dim), progress, |block, task| {
            let (window, head) = (task / self.heads, task % self.heads);
            let window = WindowHead {
                row: window / across * self.side,
                column: window % across * self.side,
                head,
            };
            self.attend(isa, grid, &window, block, &shared);
        })?;
        // SAFETY: every head of every window was a task, which has written the head's features of the
        // window's tokens; windows are the whole grid.
        Ok(unsafe { output.assume_init() })
    }

    /// Attends in one head of a window.
    fn attend(
        &self,
        isa: Isa,
        grid: &TokenGrid<'_>,
        &WindowHead { row, column, head }: &WindowHead,
        block: &mut QueryBlock,
        output: &Output<'_>,
    ) {
        let (width, area) = (self.heads * self.head_dim, self.side * self.side);
        // Where each token of the window lies in the grid.
        let places: Vec<Option<usize>> = (0..area)
            .map(|at| (row + at / self.side, column + at % self.side))
            .map(|(row, column)| {
                let is_there = row < grid.height && column < grid.width;
                is_there.then_some(row * grid.width + column)
            })
            .collect();
        // Query, key or value of a token.
        let part = |place: Option<usize>, part: usize| {
            let token = match place {
                Some(place) => &grid.tokens[place * 3 * width..],
                None => grid.beyond,
            };
            &token[(head * 3 + part) * self.head_dim..][..self.head_dim]
        };
        let sizes = [area, self.head_dim];
        let kv = KvHead {
            keys: PackedWeights::pack_nk(isa, sizes, |key| part(places[key], 1)),
            values: PackedWeights::pack_kn(isa, [self.head_dim, area], |key| part(places[key], 2)),
        };
        let queries: Vec<(usize, usize)> = places
            .iter()
            .enumerate()
            .filter_map(|(query, place)| Some((query, (*place)?)))
            .collect();
        for queries in queries.chunks(BLOCK_QUERIES) {
            let rows = queries.iter().map(|(_, place)| part(Some(*place), 0));
            let biases = queries
                .iter()
                .map(|(query, _)| &self.biases[(head * area + query) * area..][..area]);
            let starts = queries
                .iter()
                .map(|(_, place)| place * width + head * self.head_dim);
            block.run(
                &kv,
                &rows.collect::<Vec<&[f32]>>(),
                &biases.collect::<Vec<&[f32]>>(),
            );
            isa.run(NormalizeOutput {
                block,
                starts: &starts.collect::<Vec<usize>>(),
                output,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::kernels::reference::{NeverCancelled, assert_close, numbers};

    /// Its definition, in f64: the grid is filled up with `beyond` to whole windows.
    fn expected(
        (side, heads, head_dim): (usize, usize, usize),
        grid: &TokenGrid<'_>,
        offset_biases: &[f32],
    ) -> Vec<f64> {
        let width = heads * head_dim;
        let mut result = Vec::new();
        for at in 0..grid.height * grid.width * width {
            let (place, head, feature) = (at / width, at % width / head_dim, at % head_dim);
            let (row, column) = (place / grid.width, place % grid.width);
            let part = |row: usize, column: usize, part: usize, feature: usize| {
                let token = if row < grid.height && column < grid.width {
                    &grid.tokens[(row * grid.width + column) * 3 * width..]
                } else {
                    grid.beyond
                };
                f64::from(token[(head * 3 + part) * head_dim + feature])
            };
            let (mut sum, mut total) = (0.0, 0.0);
            for key in 0..side * side {
                let key_row = row / side * side + key / side;
                let key_column = column / side * side + key % side;
                let dot: f64 = (0..head_dim)
                    .map(|i| part(row, column, 0, i) * part(key_row, key_column, 1, i))
                    .sum();
                let offset = row.abs_diff(key_row) * side + column.abs_diff(key_column);
                let bias = f64::from(offset_biases[head * side * side + offset]);
                let weight = (dot / (head_dim as f64).sqrt() + bias).exp();
                total += weight;
                sum += weight * part(key_row, key_column, 2, feature);
            }
            result.push(sum / total);
        }
        result
    }

    #[test]
    fn agrees_with_f64_on_every_instruction_set() {
        // side, heads, head_dim, height, width
        for (side, heads, head_dim, height, width) in [
            (1, 1, 8, 3, 2),
            (3, 2, 5, 3, 3),
            (7, 3, 32, 9, 15),
            (14, 2, 32, 20, 14),
        ] {
            let row = heads * head_dim;
            let tokens: Vec<f32> = numbers(height * width * 3 * row, 1)
                .iter()
                .map(|x| x * 2.0)
                .collect();
            let beyond = numbers(3 * row, 2);
            let biases = numbers(heads * side * side, 3);
            let grid = TokenGrid {
                height,
                width,
                tokens: &tokens,
                beyond: &beyond,
            };
            let expected = expected((side, heads, head_dim), &grid, &biases);
            for isa in Isa::all_with_emulated() {
                let attention = WindowAttention::new(side, [heads, head_dim], &biases);
                let got = attention.run(isa, &grid, &mut NeverCancelled).unwrap();
                let what = format!("{} {side} {height} × {width}", isa.name());
                assert_close(&got, &expected, 2e-6, &what);
            }
        }
    }
}

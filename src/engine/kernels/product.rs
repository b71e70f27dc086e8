//! Products of many rows with packed weights, cut in tiles and shared out among threads.

mod paired;
pub(super) mod tiled;

use std::mem::MaybeUninit;
use std::ops::Range;

use half::bf16;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use self::tiled::Places;
use super::activation::{MAX_LANES, gelu, update, write};
use super::isa::Isa;
use super::pack::{PackedWeights, Panel, PanelData};
use super::pairs::{Bf16Isa, Bf16Rows};
use super::shared::{MAX_CHUNK, Output, DisjointOutput, UninitBuffer};
use super::tile::{MAX_MR, MicroTile};
use super::values::{DtypeVec, GemmInput, DtypeSlice};
use super::widen::widen;
use crate::engine::{Cancelled, Progress};

/// Numbers of the rows a thread works on at a time, so that they stay in its second cache while
/// all panels pass.
const BLOCK_NUMBERS: usize = 1 << 16;
/// Tiles of a block at the least and at the most: enough to make up for reading and widening a
/// panel, not so many that threads wait for the last one.
const BLOCK_TILES: (usize, usize) = (8, 32);
/// Multiplications between two questions whether to stop: some tens of milliseconds on one core.
const MULTIPLICATIONS_PER_CHECKPOINT: usize = 1 << 32;

/// What happens to a sum before it is written.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Epilogue<'a> {
    /// Added to each output; one a row of the weights.
    pub(crate) bias: Option<&'a [f32]>,
    /// Added to the result, number by number; as long as it.
    pub(crate) residual: Option<DtypeSlice<'a>>,
    /// Pairs of vectors of outputs are value and gate: value · gelu(gate) is written. The weights
    /// must be packed in [`geglu_row_order`].
    pub(crate) geglu: bool,
    /// The result may be rounded. It is where products are of tiles, which round what they read anyway.
    pub(crate) bf16_output: bool,
}

impl Epilogue<'_> {
    /// What is added, in f32; `scratch` is for what is not. Nothing where nothing is.
    pub(super) fn residual_in_f32<'r>(
        &'r self,
        isa: Isa,
        scratch: &'r mut Vec<f32>,
    ) -> Option<&'r [f32]> {
        self.residual.map(|residual| residual.as_f32(isa, scratch))
    }
}

/// Which row of a matrix `(2 × outputs, …)`, values before gates, is packed as row `index` for
/// [`Epilogue::geglu`]: vectors of values and of their gates alternate.
///
/// `outputs` must be a multiple of the vectors' `lanes`.
pub(crate) fn geglu_row_order(isa: Isa, outputs: usize, index: usize) -> usize {
    let lanes = isa.lanes();
    let (pair, at) = (index / (2 * lanes), index % (2 * lanes));
    let gate = if at < lanes { 0 } else { outputs };
    gate + pair * lanes + at % lanes
}

/// True when that many outputs can be [`Epilogue::geglu`].
pub(crate) fn can_fuse_geglu(isa: Isa, outputs: usize) -> bool {
    outputs.is_multiple_of(isa.lanes())
}

/// Where the rows of a product are.
pub(super) trait Rows: Sync {
    /// How many there are.
    fn count(&self) -> usize;

    /// Points `slices` at the rows `first .. first + rows` under every tap: all rows under the
    /// first tap, then under the next. `first + rows` is at most the count.
    fn point<'a>(&'a self, first: usize, rows: usize, slices: &mut Vec<&'a [f32]>);
}

/// Rows one after the other.
struct Consecutive<'a> {
    numbers: &'a [f32],
    len: usize,
}

impl Rows for Consecutive<'_> {
    fn count(&self) -> usize {
        self.numbers.len() / self.len.max(1)
    }

    fn point<'a>(&'a self, first: usize, rows: usize, slices: &mut Vec<&'a [f32]>) {
        let rows = &self.numbers[first * self.len..(first + rows) * self.len];
        slices.extend(rows.chunks_exact(self.len));
    }
}

/// x · Wᵀ for rows `x` of as many numbers as the weights have inputs, finished, row after row.
pub(crate) fn linear(
    weights: &PackedWeights,
    x: &GemmInput<'_>,
    epilogue: &Epilogue<'_>,
    progress: &mut dyn Progress,
) -> Result<DtypeVec, Cancelled> {
    assert_eq!(weights.taps(), 1);
    assert!(x.values.len().is_multiple_of(weights.inputs().max(1)));
    let Some(tiles) = tiled::tiles_of(weights) else {
        let rows = Consecutive {
            numbers: &x.materialized(weights.isa()),
            len: weights.inputs(),
        };
        return multiply(weights, &rows, epilogue, progress).map(DtypeVec::F32);
    };
    let places = Places {
        batch: 1,
        rows: x.values.len() / weights.inputs().max(1),
        columns: 1,
        kernel: 1,
        stride: 1,
    };
    let source = tiled::Source {
        input: x,
        place: |_, row, _| Some(row),
    };
    tiled::multiply(tiles, weights, &places, &source, epilogue, progress)
}

/// Room a thread needs.
#[derive(Default)]
struct Scratch<'a> {
    slices: Vec<&'a [f32]>,
    widened: Vec<f32>,
    pairs: Bf16Rows,
    /// Of the tiles of pairs.
    sums: Vec<f32>,
}

/// The rows times the weights, finished, row after row.
#[expect(unsafe_code, reason = "a result that is written in parts")]
pub(super) fn multiply<R: Rows>(
    weights: &PackedWeights,
    rows: &R,
    epilogue: &Epilogue<'_>,
    progress: &mut dyn Progress,
) -> Result<Vec<f32>, Cancelled> {
    let count = rows.count();
    let width = weights.outputs() / if epilogue.geglu { 2 } else { 1 };
    let len = count * width;
    // Or some outputs would never be written.
    assert!(!epilogue.geglu || can_fuse_geglu(weights.isa(), width));
    assert!(
        epilogue
            .bias
            .is_none_or(|bias| bias.len() == weights.outputs())
    );
    assert!(epilogue.residual.is_none_or(|residual| residual.len() == len));
    let depth = weights.taps() * weights.inputs();
    if len == 0 || depth == 0 {
        return Ok(vec![0.0; len]);
    }
    let mut output = UninitBuffer::new(len);
    let panels: Vec<Panel> = weights.panels().collect();
    let block = block_rows(weights, count);
    let blocks = count.div_ceil(block);
    // With few rows, threads share out the panels too.
    let groups = (4 * rayon::current_num_threads())
        .div_ceil(blocks)
        .min(panels.len());
    let group_panels = panels.len().div_ceil(groups);
    let groups = panels.len().div_ceil(group_panels);
    let tasks = blocks * groups;
    let work = depth * block * weights.outputs().div_ceil(groups);
    let per_round = (MULTIPLICATIONS_PER_CHECKPOINT / work)
        .max(1)
        .next_multiple_of(rayon::current_num_threads());
    let product = Product {
        weights,
        rows,
        epilogue,
        target: Target {
            output: Output::F32(DisjointOutput::new(&mut output)),
            width,
        },
    };
    for round in (0..tasks).step_by(per_round) {
        progress.checkpoint()?;
        (round..tasks.min(round + per_round))
            .into_par_iter()
            .for_each_init(Scratch::default, |scratch, task| {
                let first = task / groups * block;
                let rows_of_task = first..count.min(first + block);
                let group = task % groups * group_panels;
                let panels = &panels[group..panels.len().min(group + group_panels)];
                if let Some(bf16_isa) = weights.bf16() {
                    product.of_pairs(bf16_isa, panels, rows_of_task, scratch);
                    return;
                }
                for panel in panels {
                    product.of_panel(*panel, rows_of_task.clone(), scratch);
                }
            });
    }
    // SAFETY: the tasks are all blocks of rows with all groups of panels, and each has written the
    // outputs of its panels in its rows: `width` of them, panels together.
    Ok(unsafe { output.assume_init() })
}

/// Rows of a block.
fn block_rows(weights: &PackedWeights, count: usize) -> usize {
    let mr = weights.isa().mr();
    let fitting = BLOCK_NUMBERS / weights.inputs().max(1) / mr;
    let (least, most) = BLOCK_TILES;
    let tiles = fitting.clamp(least, most);
    // Blocks of about one size, so that no thread gets a crumb at the end.
    let all = count.div_ceil(mr);
    all.div_ceil(all.div_ceil(tiles)) * mr
}

/// Where results go: rows of `width` numbers.
struct Target<'a> {
    output: Output<'a>,
    width: usize,
}

/// Rows times weights, and where the result goes.
struct Product<'a, R> {
    weights: &'a PackedWeights,
    rows: &'a R,
    epilogue: &'a Epilogue<'a>,
    target: Target<'a>,
}

impl<'a, R: Rows> Product<'a, R> {
    /// Some rows times one panel.
    fn of_panel(&self, panel: Panel, range: Range<usize>, scratch: &mut Scratch<'a>) {
        let isa = self.weights.isa();
        let mr = isa.mr();
        // Pairs go another way: `of_pairs`.
        let PanelData::F32(numbers) = self.weights.panel(panel, &mut scratch.widened) else {
            return;
        };
        let mut sums = [0f32; MAX_MR * 2 * MAX_LANES];
        for first in range.clone().step_by(mr) {
            let used = mr.min(range.end - first);
            scratch.slices.clear();
            self.rows.point(first, used, &mut scratch.slices);
            if used < mr {
                pad_rows(&mut scratch.slices, used, mr);
            }
            prefetch(panel, first..first + used, self.epilogue, &self.target);
            let mut tile = MicroTile {
                numbers: &mut sums,
                stride: panel.vectors * isa.lanes(),
                accumulate: false,
            };
            isa.f32_microkernel(panel.vectors, &scratch.slices, numbers, &mut tile);
            self.write(panel, &sums, first..first + used);
        }
    }

    /// Finishes a tile's sums and writes them.
    fn write(&self, panel: Panel, sums: &[f32], rows: Range<usize>) {
        let (isa, rows) = (self.weights.isa(), rows.map(Some));
        apply_epilogue(isa, panel, sums, rows, self.epilogue, &self.target);
    }
}

/// Fetches what a tile's sums will be written to and what is added to them, while they are made.
fn prefetch(
    panel: Panel,
    rows: impl Iterator<Item = usize>,
    epilogue: &Epilogue<'_>,
    target: &Target<'_>,
) {
    let (first, outputs) = if epilogue.geglu {
        (panel.first / 2, panel.outputs / 2)
    } else {
        (panel.first, panel.outputs)
    };
    for row in rows {
        let start = row * target.width + first;
        target.output.prefetch(start, outputs);
        if let Some(residual) = epilogue.residual {
            residual.slice(start, outputs).prefetch_l1();
        }
    }
}

/// Makes a tile of `used` rows a whole one by repeating its last row.
fn pad_rows<'a>(slices: &mut Vec<&'a [f32]>, used: usize, mr: usize) {
    let few: Vec<&'a [f32]> = std::mem::take(slices);
    for rows in few.chunks_exact(used) {
        slices.extend(rows);
        slices.extend(std::iter::repeat_n(rows[used - 1], mr - used));
    }
}

/// Finishes a tile's sums and writes them. `rows` are those of the result that the tile's are; some may
/// be none of them.
fn apply_epilogue(
    isa: Isa,
    panel: Panel,
    sums: &[f32],
    rows: impl IntoIterator<Item = Option<usize>>,
    epilogue: &Epilogue<'_>,
    target: &Target<'_>,
) {
    let lanes = isa.lanes();
    let (first, outputs) = if epilogue.geglu {
        (panel.first / 2, lanes)
    } else {
        (panel.first, panel.outputs)
    };
    let bias = epilogue
        .bias
        .map(|bias| &bias[panel.first..panel.first + panel.outputs]);
    isa.run(Write {
        sums,
        sums_width: panel.vectors * lanes,
        bias: bias.unwrap_or(&NOTHING[..panel.outputs]),
        residual: epilogue.residual,
        geglu: epilogue.geglu,
        rows: rows.into_iter(),
        first,
        outputs,
        target,
    });
}

/// What is added where nothing is; as long as the widest panel.
const NOTHING: [f32; 2 * MAX_LANES] = [0.0; 2 * MAX_LANES];

/// The tile's `rows`, of which the outputs `first .. first + outputs` are written.
struct Write<'a, R> {
    sums: &'a [f32],
    sums_width: usize,
    /// Of the panel's outputs.
    bias: &'a [f32],
    residual: Option<DtypeSlice<'a>>,
    geglu: bool,
    rows: R,
    first: usize,
    outputs: usize,
    target: &'a Target<'a>,
}

impl<R: Iterator<Item = Option<usize>>> WithSimd for Write<'_, R> {
    type Output = ();

    #[inline(always)]
    #[expect(unsafe_code, reason = "a tile is no slice of the output")]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let sums = self.sums.chunks_exact(self.sums_width);
        for (row, sums) in std::iter::zip(&mut self.rows, sums) {
            let Some(row) = row else {
                continue;
            };
            let start = row * self.target.width + self.first;
            let row = Row {
                start,
                sums,
                bias: self.bias,
                residual: self.residual,
                geglu: self.geglu,
            };
            // SAFETY: each task of a product has its own rows and panels, and a panel its own outputs, so
            // no other thread writes these outputs of this row.
            unsafe {
                if let Output::Bf16(bf16_isa, output) = &self.target.output
                    && row.gate(*bf16_isa, output.slice(start, self.outputs))
                {
                    continue;
                }
                self.target.output.write(
                    start,
                    self.outputs,
                    #[inline(always)]
                    |to| row.epilogue(simd, to),
                );
            }
        }
    }
}

/// The sums of a row of a tile.
struct Row<'a> {
    /// Where its outputs are in the result.
    start: usize,
    sums: &'a [f32],
    bias: &'a [f32],
    residual: Option<DtypeSlice<'a>>,
    geglu: bool,
}

impl Row<'_> {
    /// Writes the row's outputs rounded where they are gated and nothing is added; otherwise false.
    #[inline(always)]
    fn gate(&self, bf16_isa: Bf16Isa, to: &mut [MaybeUninit<bf16>]) -> bool {
        if !self.geglu || self.residual.is_some() {
            return false;
        }
        let (Ok(sums), Ok(bias), Ok(to)) =
            (self.sums.try_into(), self.bias.try_into(), to.try_into())
        else {
            return false;
        };
        bf16_isa.geglu(sums, bias, to);
        true
    }

    /// Writes the row's outputs.
    #[inline(always)]
    fn epilogue<'to, S: Simd>(&self, simd: S, to: &'to mut [MaybeUninit<f32>]) -> &'to mut [f32] {
        let to = if self.geglu {
            let (values, gates) = self.sums.split_at(to.len());
            let (value_bias, gate_bias) = self.bias.split_at(to.len());
            write(
                simd,
                to,
                [values, value_bias, gates, gate_bias],
                #[inline(always)]
                |[value, value_bias, gate, gate_bias]| {
                    let value = simd.add_f32s(value, value_bias);
                    simd.mul_f32s(value, gelu(simd, simd.add_f32s(gate, gate_bias)))
                },
            )
        } else {
            write(
                simd,
                to,
                [self.sums, self.bias],
                #[inline(always)]
                |[sum, bias]| simd.add_f32s(sum, bias),
            )
        };
        if let Some(residual) = self.residual {
            let mut scratch = [0.0; MAX_CHUNK];
            let residual = match residual.slice(self.start, to.len()) {
                DtypeSlice::F32(residual) => residual,
                DtypeSlice::Bf16(residual) => widen(residual, &mut scratch[..residual.len()]),
            };
            update(
                simd,
                to,
                [residual],
                #[inline(always)]
                |to, [residual]| simd.add_f32s(to, residual),
            );
        }
        to
    }
}

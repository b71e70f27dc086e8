//! GEMM, C = A · Bᵀ, with a fused prologue and epilogue: linear layers, convolutions and both products of
//! attention.
//!
//! B is packed once in panels of NR = 1 or 2 vectors of outputs (`pack`); a block of rows of A stays in
//! L2 while all panels pass; a microkernel sums a tile of MR × NR in registers along K; the epilogue
//! writes it while it is in L1. Here is the driver for f32; `bf16_driver` cuts K in blocks, `amx_driver`
//! gathers pixels for AMX.

mod amx_driver;
mod amx_gather;
mod bf16_driver;
mod epilogue;
mod microkernel;
mod operands;
mod pack;
mod prologue;

use std::ops::Range;

use rayon::prelude::*;

pub(crate) use self::amx_driver::{OutputGrid, PixelSource, amx_of, gemm_amx};
pub(crate) use self::epilogue::{Epilogue, can_fuse_geglu, geglu_row_order};
use self::epilogue::{Target, apply_epilogue, prefetch_target};
pub(crate) use self::microkernel::MAX_MR;
pub(crate) use self::operands::{Bf16RowTile, Bf16Rows, MicroTile};
pub(crate) use self::pack::{PackedWeights, Panel, PanelData, WeightDtype};
pub(crate) use self::prologue::GemmInput;
use super::dtype::DtypeVec;
use super::elementwise::MAX_LANES;
use super::output::{DisjointOutput, Output, UninitBuffer};
use crate::engine::{Cancelled, Progress};

/// Numbers of the rows a thread works on at a time, so that they stay in its second cache while
/// all panels pass.
const A_BLOCK_NUMBERS: usize = 1 << 16;
/// Tiles of a block at the least and at the most: enough to make up for reading and widening a
/// panel, not so many that threads wait for the last one.
const BLOCK_TILES: (usize, usize) = (8, 32);
/// Multiplications between two questions whether to stop: some tens of milliseconds on one core.
const MULTIPLICATIONS_PER_CHECKPOINT: usize = 1 << 32;

/// Where the rows of a product are.
pub(crate) trait RowSource: Sync {
    /// How many there are.
    fn count(&self) -> usize;

    /// Points `slices` at the rows `first .. first + rows` under every tap: all rows under the
    /// first tap, then under the next. `first + rows` is at most the count.
    fn row_pointers<'a>(&'a self, first: usize, rows: usize, slices: &mut Vec<&'a [f32]>);
}

/// Rows one after the other.
struct ContiguousRows<'a> {
    numbers: &'a [f32],
    len: usize,
}

impl RowSource for ContiguousRows<'_> {
    fn count(&self) -> usize {
        self.numbers.len() / self.len.max(1)
    }

    fn row_pointers<'a>(&'a self, first: usize, rows: usize, slices: &mut Vec<&'a [f32]>) {
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
    let Some(tiles) = amx_of(weights) else {
        let rows = ContiguousRows {
            numbers: &x.materialized(weights.isa()),
            len: weights.inputs(),
        };
        return gemm(weights, &rows, epilogue, progress).map(DtypeVec::F32);
    };
    let grid = OutputGrid {
        batch: 1,
        rows: x.values.len() / weights.inputs().max(1),
        columns: 1,
        kernel: 1,
        stride: 1,
    };
    let source = PixelSource {
        input: x,
        pixel_at: |_, row, _| Some(row),
    };
    gemm_amx(tiles, weights, &grid, &source, epilogue, progress)
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
pub(crate) fn gemm<R: RowSource>(
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
    assert!(
        epilogue
            .residual
            .is_none_or(|residual| residual.len() == len)
    );
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
    let gemm = Gemm {
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
                    gemm.bf16_block(bf16_isa, panels, rows_of_task, scratch);
                    return;
                }
                for panel in panels {
                    gemm.f32_panel(*panel, rows_of_task.clone(), scratch);
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
    let fitting = A_BLOCK_NUMBERS / weights.inputs().max(1) / mr;
    let (least, most) = BLOCK_TILES;
    let tiles = fitting.clamp(least, most);
    // Blocks of about one size, so that no thread gets a crumb at the end.
    let all = count.div_ceil(mr);
    all.div_ceil(all.div_ceil(tiles)) * mr
}

/// Rows times weights, and where the result goes.
struct Gemm<'a, R> {
    weights: &'a PackedWeights,
    rows: &'a R,
    epilogue: &'a Epilogue<'a>,
    target: Target<'a>,
}

impl<'a, R: RowSource> Gemm<'a, R> {
    /// Some rows times one panel.
    fn f32_panel(&self, panel: Panel, range: Range<usize>, scratch: &mut Scratch<'a>) {
        let isa = self.weights.isa();
        let mr = isa.mr();
        // Pairs go another way: `bf16_block`.
        let PanelData::F32(numbers) = self.weights.panel(panel, &mut scratch.widened) else {
            return;
        };
        let mut sums = [0f32; MAX_MR * 2 * MAX_LANES];
        for first in range.clone().step_by(mr) {
            let used = mr.min(range.end - first);
            scratch.slices.clear();
            self.rows.row_pointers(first, used, &mut scratch.slices);
            if used < mr {
                pad_rows(&mut scratch.slices, used, mr);
            }
            prefetch_target(panel, first..first + used, self.epilogue, &self.target);
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

/// Makes a tile of `used` rows a whole one by repeating its last row.
fn pad_rows<'a>(slices: &mut Vec<&'a [f32]>, used: usize, mr: usize) {
    let few: Vec<&'a [f32]> = std::mem::take(slices);
    for rows in few.chunks_exact(used) {
        slices.extend(rows);
        slices.extend(std::iter::repeat_n(rows[used - 1], mr - used));
    }
}

//! GEMM, C (M × N) = A (M × K) · B (K × N), with a fused prologue and epilogue: linear layers,
//! convolutions and both products of attention. M are rows, tokens or pixels; N the outputs of a layer;
//! K its inputs, of a convolution its taps × inputs.
//!
//! B is packed once in panels of NR = 1 or 2 vectors of columns (`pack`); a block of MC rows of A stays
//! in L2 while all panels pass; a microkernel accumulates a micro-tile of MR × NR in registers along K;
//! the epilogue stores it while it is in L1. Here is the driver for f32; `bf16_driver` cuts K in blocks,
//! `amx_driver` gathers pixels for AMX.

mod amx_driver;
mod amx_gather;
mod bf16_driver;
mod epilogue;
mod low_rank;
mod microkernel;
mod operands;
mod pack;
mod prologue;

use std::ops::Range;

use rayon::prelude::*;

pub(crate) use self::amx_driver::{OutputGrid, PixelSource, amx_of, gemm_amx};
pub(crate) use self::epilogue::{Epilogue, can_fuse_geglu, geglu_row_order};
use self::epilogue::{Target, apply_epilogue, prefetch_target};
pub(crate) use self::low_rank::LowRankUpdate;
pub(crate) use self::microkernel::MAX_MR;
#[cfg(not(target_arch = "x86_64"))]
pub(crate) use self::operands::TapRows;
pub(crate) use self::operands::{Bf16RowTile, Bf16Rows, MicroTile};
pub(crate) use self::pack::{PackTarget, PackedWeights, Panel, PanelData, WeightDtype};
pub(crate) use self::prologue::GemmInput;
use super::dtype::DtypeVec;
use super::elementwise::MAX_LANES;
use super::output::{DisjointOutput, Output, UninitBuffer};
use crate::engine::{Cancelled, Progress};

/// Values of a block of A (256 KiB), so that it stays in a core's L2 while all panels pass.
const A_BLOCK_LEN: usize = 1 << 16;
/// MC in micro-tiles, at the least and at the most: enough to amortize reading and widening a panel, not
/// so many that threads wait for the last one.
const MC_TILES: (usize, usize) = (8, 32);
/// Multiply-adds between two checkpoints: some tens of milliseconds on one core.
const FMAS_PER_CHECKPOINT: usize = 1 << 32;

/// The rows of A, wherever they are in memory: a row of an im2col matrix is a slice a tap.
pub(crate) trait RowSource: Sync {
    /// M, the number of rows.
    fn m(&self) -> usize;

    /// Appends the rows `first .. first + rows` to `slices`: all rows under the first tap, then under
    /// the next. `first + rows` is at most M.
    fn row_pointers<'a>(&'a self, first: usize, rows: usize, slices: &mut Vec<&'a [f32]>);
}

/// A row-major matrix.
struct ContiguousRows<'a> {
    values: &'a [f32],
    lda: usize,
}

impl RowSource for ContiguousRows<'_> {
    fn m(&self) -> usize {
        self.values.len() / self.lda.max(1)
    }

    fn row_pointers<'a>(&'a self, first: usize, rows: usize, slices: &mut Vec<&'a [f32]>) {
        let rows = &self.values[first * self.lda..(first + rows) * self.lda];
        slices.extend(rows.chunks_exact(self.lda));
    }
}

/// x · Wᵀ with prologue and epilogue, for rows `x` of as many values as the weights have inputs;
/// row-major.
pub(crate) fn linear(
    weights: &PackedWeights,
    x: &GemmInput<'_>,
    epilogue: &Epilogue<'_>,
    progress: &mut dyn Progress,
) -> Result<DtypeVec, Cancelled> {
    assert_eq!(weights.taps(), 1);
    assert!(x.values.len().is_multiple_of(weights.inputs().max(1)));
    let Some(amx) = amx_of(weights) else {
        let rows = ContiguousRows {
            values: &x.materialized(weights.isa()),
            lda: weights.inputs(),
        };
        return gemm(weights, &rows, epilogue, progress).map(DtypeVec::F32);
    };
    let grid = OutputGrid {
        batch: 1,
        rows: x.values.len() / weights.inputs().max(1),
        columns: 1,
        kernel: 1,
        stride: 1,
        dilation: 1,
    };
    let source = PixelSource {
        input: x,
        pixel_at: |_, row, _| Some(row),
    };
    gemm_amx(amx, weights, &grid, &source, epilogue, progress)
}

/// What a thread works in.
#[derive(Default)]
struct Scratch<'a> {
    a_rows: Vec<&'a [f32]>,
    /// A panel of f16 or bf16, widened.
    b_panel: Vec<f32>,
    /// A block of A for the bf16 microkernel.
    a_bf16: Bf16Rows,
    /// Its micro-tiles of C.
    c: Vec<f32>,
}

/// A (the rows) times B (the weights) with the epilogue; C is row-major.
#[expect(unsafe_code, reason = "a result that is written in parts")]
pub(crate) fn gemm<R: RowSource>(
    weights: &PackedWeights,
    rows: &R,
    epilogue: &Epilogue<'_>,
    progress: &mut dyn Progress,
) -> Result<Vec<f32>, Cancelled> {
    let m = rows.m();
    let ldc = weights.outputs() / if epilogue.geglu { 2 } else { 1 };
    let len = m * ldc;
    // Or some outputs would never be written.
    assert!(!epilogue.geglu || can_fuse_geglu(weights.isa(), ldc));
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
    let k = weights.taps() * weights.inputs();
    if len == 0 || k == 0 {
        return Ok(vec![0.0; len]);
    }
    let mut output = UninitBuffer::new(len);
    let panels: Vec<Panel> = weights.panels().collect();
    let mc = mc_of(weights, m);
    let m_blocks = m.div_ceil(mc);
    // With few blocks of M, threads partition N too.
    let n_parts = (4 * rayon::current_num_threads())
        .div_ceil(m_blocks)
        .min(panels.len());
    let panels_per_part = panels.len().div_ceil(n_parts);
    let n_parts = panels.len().div_ceil(panels_per_part);
    let tasks = m_blocks * n_parts;
    let fmas_per_task = k * mc * weights.outputs().div_ceil(n_parts);
    let tasks_per_checkpoint = (FMAS_PER_CHECKPOINT / fmas_per_task)
        .max(1)
        .next_multiple_of(rayon::current_num_threads());
    let gemm = Gemm {
        weights,
        rows,
        epilogue,
        target: Target {
            output: Output::F32(DisjointOutput::new(&mut output)),
            ldc,
        },
    };
    for start in (0..tasks).step_by(tasks_per_checkpoint) {
        progress.checkpoint()?;
        (start..tasks.min(start + tasks_per_checkpoint))
            .into_par_iter()
            .for_each_init(Scratch::default, |scratch, task| {
                let first_row = task / n_parts * mc;
                let rows_of_task = first_row..m.min(first_row + mc);
                let first_panel = task % n_parts * panels_per_part;
                let panels = &panels[first_panel..panels.len().min(first_panel + panels_per_part)];
                if let Some(bf16_isa) = weights.bf16() {
                    gemm.bf16_block(bf16_isa, panels, rows_of_task, scratch);
                    return;
                }
                for panel in panels {
                    gemm.f32_panel(*panel, rows_of_task.clone(), scratch);
                }
            });
    }
    // SAFETY: the tasks are all blocks of M by all parts of N, and each has written the columns of its
    // panels in its rows: `ldc` of them, panels together.
    Ok(unsafe { output.assume_init() })
}

/// MC: rows of a block of A.
fn mc_of(weights: &PackedWeights, m: usize) -> usize {
    let mr = weights.isa().mr();
    let fitting = A_BLOCK_LEN / weights.inputs().max(1) / mr;
    let (least, most) = MC_TILES;
    let tiles = fitting.clamp(least, most);
    // Blocks of about one size, so that the last is not a small remainder.
    let all = m.div_ceil(mr);
    all.div_ceil(all.div_ceil(tiles)) * mr
}

/// A, B, the epilogue and where C goes.
struct Gemm<'a, R> {
    weights: &'a PackedWeights,
    rows: &'a R,
    epilogue: &'a Epilogue<'a>,
    target: Target<'a>,
}

impl<'a, R: RowSource> Gemm<'a, R> {
    /// Some rows of A times one panel of B (BLIS's macrokernel, its inner loop).
    fn f32_panel(&self, panel: Panel, rows: Range<usize>, scratch: &mut Scratch<'a>) {
        let isa = self.weights.isa();
        let mr = isa.mr();
        // VNNI panels are multiplied by `bf16_block`.
        let PanelData::F32(b) = self.weights.panel(panel, &mut scratch.b_panel) else {
            return;
        };
        let mut c = [0f32; MAX_MR * 2 * MAX_LANES];
        for first in rows.clone().step_by(mr) {
            let used = mr.min(rows.end - first);
            scratch.a_rows.clear();
            self.rows.row_pointers(first, used, &mut scratch.a_rows);
            if used < mr {
                pad_rows(&mut scratch.a_rows, used, mr);
            }
            prefetch_target(panel, first..first + used, self.epilogue, &self.target);
            let mut out = MicroTile {
                c: &mut c,
                ldc: panel.vectors * isa.lanes(),
                accumulate: false,
            };
            isa.f32_microkernel(panel.vectors, &scratch.a_rows, b, &mut out);
            self.finish(panel, &c, first..first + used);
        }
    }

    /// Applies the epilogue to a micro-tile and stores it.
    fn finish(&self, panel: Panel, c: &[f32], rows: Range<usize>) {
        let (isa, rows) = (self.weights.isa(), rows.map(Some));
        apply_epilogue(isa, panel, c, rows, self.epilogue, &self.target);
    }
}

/// Fills `used` rows up to MR by repeating the last one.
fn pad_rows<'a>(a_rows: &mut Vec<&'a [f32]>, used: usize, mr: usize) {
    let few: Vec<&'a [f32]> = std::mem::take(a_rows);
    for rows in few.chunks_exact(used) {
        a_rows.extend(rows);
        a_rows.extend(std::iter::repeat_n(rows[used - 1], mr - used));
    }
}

//! Products by AMX's tiles, which read rows wherever they are, one every so many bytes: pixels are
//! rounded once, with the padding around them, and read there under every place of the kernel.

use std::ops::Range;

use rayon::prelude::*;

use super::MULTIPLICATIONS_PER_CHECKPOINT;
use super::amx_gather::{GROUP, PixelAt, PixelBlock, RowGroup};
pub(crate) use super::amx_gather::{OutputGrid, PixelSource};
use super::epilogue::{Epilogue, Target, apply_epilogue, can_fuse_geglu, prefetch_target};
use super::operands::{MicroTile, TapRows};
use super::pack::{PackedWeights, Panel};
use crate::engine::kernels::dtype::DtypeVec;
use crate::engine::kernels::isa::{Amx, Bf16Isa};
use crate::engine::kernels::output::{DisjointOutput, Output, UninitBuffer};
use crate::engine::kernels::prefetch::prefetch_l2;
use crate::engine::{Cancelled, Progress};

/// Sums of a tile: two registers below each other, two side by side.
const TILE_SUMS: usize = 2 * GROUP * 2 * GROUP;
/// Pixels of a block, where there are as many, of a kernel of one place and of a larger one: weights pass
/// once for each block, and the largest come from memory each time.
const BLOCK_PIXELS: (usize, usize) = (256, 512);
/// Lines of a block of a larger kernel at the least: those above and below are rounded with it.
const LEAST_LINES: usize = 4;
/// Rounded numbers of a block that are multiplied with some panels before the next are (1 MiB), so that
/// they stay in the second cache meanwhile.
const K_BLOCK_NUMBERS: usize = 1 << 19;
/// Pairs of weights (512 KiB) that stay in the second cache, so that each tile can meet all panels
/// before the next does: its results lie together, and its pixels are in the first cache.
const L2_WEIGHT_PAIRS: usize = 1 << 17;
/// Sums of these panels (256 KiB), which wait in the second cache for the next numbers.
const L2_SUMS: usize = 1 << 16;

/// What multiplies the weights' pairs, where that is tiles.
pub(crate) fn amx_of(weights: &PackedWeights) -> Option<Amx> {
    weights.bf16().and_then(Bf16Isa::amx)
}

/// The weights' taps, row after row of a kernel, times what lies under it at every pixel of the
/// result; finished.
#[expect(unsafe_code, reason = "a result that is written in parts")]
pub(crate) fn gemm_amx<P: PixelAt>(
    amx: Amx,
    weights: &PackedWeights,
    grid: &OutputGrid,
    source: &PixelSource<'_, P>,
    epilogue: &Epilogue<'_>,
    progress: &mut dyn Progress,
) -> Result<DtypeVec, Cancelled> {
    let width = weights.outputs() / if epilogue.geglu { 2 } else { 1 };
    let len = grid.batch * grid.rows * grid.columns * width;
    if len == 0 || weights.taps() * weights.inputs() == 0 {
        return Ok(DtypeVec::F32(vec![0.0; len]));
    }
    // Or some outputs would never be written.
    assert!(!epilogue.geglu || can_fuse_geglu(weights.isa(), width));
    let gemm = |output| Gemm {
        amx,
        weights,
        grid,
        source,
        epilogue,
        target: Target { output, width },
    };
    Ok(match weights.bf16() {
        Some(bf16_isa) if epilogue.bf16_output => {
            let mut output = UninitBuffer::new(len);
            let shared = DisjointOutput::new(&mut output);
            gemm(Output::Bf16(bf16_isa, shared)).run(progress)?;
            // SAFETY: `run` has written `width` outputs at every pixel of the result.
            DtypeVec::Bf16(unsafe { output.assume_init() })
        }
        _ => {
            let mut output = UninitBuffer::new(len);
            gemm(Output::F32(DisjointOutput::new(&mut output))).run(progress)?;
            // SAFETY: as above.
            DtypeVec::F32(unsafe { output.assume_init() })
        }
    })
}

/// Lines of a block at the most.
fn most_lines(grid: &OutputGrid) -> usize {
    let (pixels, least) = if grid.kernel > 1 {
        (BLOCK_PIXELS.1, LEAST_LINES)
    } else {
        (BLOCK_PIXELS.0, 1)
    };
    (pixels / grid.columns).max(least)
}

/// Inputs of a part. By the largest block there can be and not by the one there is, whose size depends on
/// the number of threads: parts are the order of a sum.
fn k_block_len(grid: &OutputGrid, inputs: usize) -> usize {
    let lines = most_lines(grid).min(grid.batch * grid.rows);
    let pixels = grid.padded_rows(lines) * grid.padded_columns();
    evenly(inputs, K_BLOCK_NUMBERS / pixels).next_multiple_of(2 * GROUP)
}

/// Lines of a block, of about one size.
fn block_lines(grid: &OutputGrid) -> usize {
    let lines = grid.batch * grid.rows;
    let blocks = lines.div_ceil(most_lines(grid));
    // As many for every thread, where there is more than one for each.
    let threads = rayon::current_num_threads();
    let blocks = if blocks > threads {
        blocks.next_multiple_of(threads)
    } else {
        blocks
    };
    lines.div_ceil(blocks)
}

/// Cuts `len` in as few parts as there can be of at most `most`, of about one size.
fn evenly(len: usize, most: usize) -> usize {
    len.div_ceil(len.div_ceil(most.max(1)).max(1))
}

/// Pixels times weights, and where the result goes.
struct Gemm<'a, P> {
    amx: Amx,
    weights: &'a PackedWeights,
    grid: &'a OutputGrid,
    source: &'a PixelSource<'a, P>,
    epilogue: &'a Epilogue<'a>,
    target: Target<'a>,
}

impl<P: PixelAt> Gemm<'_, P> {
    /// Multiplies, and writes all outputs of every pixel of the result.
    fn run(&self, progress: &mut dyn Progress) -> Result<(), Cancelled> {
        let Self { weights, grid, .. } = *self;
        let lines = grid.batch * grid.rows;
        let panels: Vec<Panel> = weights.panels().collect();
        let block = block_lines(grid);
        let blocks = lines.div_ceil(block);
        let lines_of = |block_index: usize| {
            let first = block_index * block;
            first..lines.min(first + block)
        };
        // With few blocks, threads share out the panels too, and what they read is made before.
        let groups = (4 * rayon::current_num_threads())
            .div_ceil(blocks)
            .min(panels.len());
        let group_panels = panels.len().div_ceil(groups);
        let groups = panels.len().div_ceil(group_panels);
        let mut materialized: Vec<PixelBlock> = Vec::new();
        if groups > 1 {
            materialized.resize_with(blocks, PixelBlock::default);
            for (index, block) in materialized.iter_mut().enumerate() {
                block.make((weights, grid, self.source), lines_of(index), true);
            }
        }
        let tasks = blocks * groups;
        let depth = weights.taps() * weights.inputs();
        let work = depth * block * grid.columns * group_panels * 2 * GROUP;
        let per_round = (MULTIPLICATIONS_PER_CHECKPOINT / work.max(1))
            .max(1)
            .next_multiple_of(rayon::current_num_threads());
        for round in (0..tasks).step_by(per_round) {
            progress.checkpoint()?;
            (round..tasks.min(round + per_round))
                .into_par_iter()
                .for_each_init(<(PixelBlock, Vec<f32>)>::default, |(own, sums), task| {
                    let group = task % groups * group_panels;
                    let panels = &panels[group..panels.len().min(group + group_panels)];
                    let block = materialized.get(task / groups).unwrap_or_else(|| {
                        own.make((weights, grid, self.source), lines_of(task), false);
                        own
                    });
                    self.run_block(block, panels, sums);
                });
        }
        // The tasks are all blocks of lines with all groups of panels, and each has written the outputs of
        // its panels at every pixel of its lines: all of them, panels together.
        Ok(())
    }

    /// A block times some panels. Where a block's numbers are too many for the second cache, some inputs
    /// of all its pixels meet some panels before the next inputs do.
    fn run_block(&self, block: &PixelBlock, panels: &[Panel], sums: &mut Vec<f32>) {
        let inputs = self.weights.inputs();
        let step = k_block_len(self.grid, inputs);
        let parts = inputs.div_ceil(step);
        let amx = block.groups.len().div_ceil(2);
        let waiting = evenly(panels.len(), L2_SUMS / (amx * TILE_SUMS));
        // Where there is one part, the sums of a tile are written before the next tile's are made.
        let grid = if parts > 1 { waiting * amx } else { 1 };
        sums.resize(grid * TILE_SUMS, 0.0);
        let passes = panels.chunks(waiting).flat_map(|panels| {
            let passes =
                (0..parts).flat_map(|part| panels.iter().enumerate().map(move |at| (part, at)));
            passes.map(|(part, (at, panel))| {
                let inputs = part * step..inputs.min((part + 1) * step);
                PanelPass {
                    panel: *panel,
                    pairs: self.weights.tap_slices(*panel, &inputs),
                    inputs,
                    first_place: at * amx,
                    accumulate: part > 0,
                    last: part + 1 == parts,
                }
            })
        });
        let passes: Vec<PanelPass<'_>> = passes.collect();
        let pairs = passes.iter().flat_map(|pass| &pass.pairs);
        if parts == 1 && pairs.map(|pairs| pairs.len()).sum::<usize>() <= L2_WEIGHT_PAIRS {
            for groups in block.groups.chunks(2) {
                for pass in &passes {
                    self.run_tile(block, groups, pass, sums);
                }
            }
            return;
        }
        for (index, pass) in passes.iter().enumerate() {
            let next = passes.get(index + 1).map(|next| &*next.pairs);
            for (tile, groups) in block.groups.chunks(2).enumerate() {
                let place = (pass.first_place + tile) % grid * TILE_SUMS;
                let sums = &mut sums[place..place + TILE_SUMS];
                self.run_tile(block, groups, pass, sums);
                for next in next.unwrap_or_default() {
                    let share = next.len().div_ceil(amx);
                    let first = (tile * share).min(next.len());
                    prefetch_l2(&next[first..next.len().min(first + share)]);
                }
            }
        }
    }

    /// A tile times some inputs of a panel; finished where they are the last.
    fn run_tile(
        &self,
        block: &PixelBlock,
        groups: &[RowGroup],
        pass: &PanelPass<'_>,
        numbers: &mut [f32],
    ) {
        let isa = self.weights.isa();
        let (panel, inputs) = (pass.panel, &pass.inputs);
        let (upper, lower) = (&groups[0], &groups[groups.len() - 1]);
        // Only where sums are added to something: what is but written does not wait.
        if pass.last && self.epilogue.residual.is_some() {
            for group in groups {
                prefetch_target(panel, group.pixels(), self.epilogue, &self.target);
            }
        }
        let rows = TapRows {
            pairs: &block.pairs,
            firsts: [upper, lower].map(|group| group.first * block.stride + inputs.start / 2),
            taps: &block.taps,
            stride: self.grid.stride * block.stride,
            depth: block
                .depth
                .min(inputs.end.div_ceil(2).next_multiple_of(GROUP))
                - inputs.start / 2,
        };
        let width = panel.vectors * isa.lanes();
        let mut sums = MicroTile {
            numbers,
            stride: width,
            accumulate: pass.accumulate,
        };
        self.amx
            .microkernel_taps(panel.vectors, &rows, &pass.pairs, &mut sums);
        if pass.last {
            for (group, sums) in groups.iter().zip(numbers.chunks(GROUP * width)) {
                let outputs = group.outputs;
                apply_epilogue(isa, panel, sums, outputs, self.epilogue, &self.target);
            }
        }
    }
}

/// Some inputs of a panel, when a block's tiles meet them.
struct PanelPass<'a> {
    panel: Panel,
    inputs: Range<usize>,
    /// The panel's, under each tap.
    pairs: Vec<&'a [u32]>,
    /// Where the sums of the block's first tile are.
    first_place: usize,
    /// Whether they are added to those of inputs before them.
    accumulate: bool,
    /// Whether none come after them.
    last: bool,
}

//! The driver of AMX GEMMs. Tiles are loaded from wherever their rows are, one every `lda`: pixels are
//! rounded once, with the padding around them, and read in place under every tap of a convolution.

use std::ops::Range;

use rayon::prelude::*;

use super::FMAS_PER_CHECKPOINT;
pub(crate) use super::amx_gather::{OutputGrid, PixelSource};
use super::amx_gather::{PixelAt, PixelBlock, TILE_ROWS, TileRows};
use super::epilogue::{Epilogue, Target, apply_epilogue, can_fuse_geglu, prefetch_target};
use super::operands::{MicroTile, TapRows};
use super::pack::{PackedWeights, Panel};
use crate::engine::kernels::dtype::DtypeVec;
use crate::engine::kernels::isa::{Amx, Bf16Isa};
use crate::engine::kernels::output::{DisjointOutput, Output, UninitBuffer};
use crate::engine::kernels::prefetch::prefetch_l2;
use crate::engine::{Cancelled, Progress};

/// Values of a micro-tile of C: 32 × 32, four AMX tiles.
const MICRO_TILE_LEN: usize = 2 * TILE_ROWS * 2 * TILE_ROWS;
/// MC in pixels, where there are as many, of a 1 × 1 and of a larger convolution: weights pass once a
/// block, and the largest come from memory each time.
const MC_PIXELS: (usize, usize) = (256, 512);
/// Least rows of pixels in a block of a larger convolution: the rows above and below are rounded with it.
const MIN_BLOCK_ROWS: usize = 4;
/// Most values of a block of A, MC × KC (1 MiB of bf16), so that it stays in L2 while panels pass.
const A_BLOCK_LEN: usize = 1 << 19;
/// Most pairs of B (512 KiB) for which each micro-tile row meets all panels before the next does: B stays
/// in L2, the row's pixels in L1, and its results lie together.
const L2_B_PAIRS: usize = 1 << 17;
/// Most values of C (256 KiB) that wait in L2 for the next block of K.
const L2_C_LEN: usize = 1 << 16;

/// AMX, where the weights are packed for it.
pub(crate) fn amx_of(weights: &PackedWeights) -> Option<Amx> {
    weights.bf16().and_then(Bf16Isa::amx)
}

/// The convolution of `source` by the weights, whose taps are a kernel's row after row, with the
/// epilogue, at every pixel of `grid`. A matrix is a picture of one column and a kernel of one tap.
#[expect(unsafe_code, reason = "a result that is written in parts")]
pub(crate) fn gemm_amx<P: PixelAt>(
    amx: Amx,
    weights: &PackedWeights,
    grid: &OutputGrid,
    source: &PixelSource<'_, P>,
    epilogue: &Epilogue<'_>,
    progress: &mut dyn Progress,
) -> Result<DtypeVec, Cancelled> {
    let ldc = weights.outputs() / if epilogue.geglu { 2 } else { 1 };
    let len = grid.batch * grid.rows * grid.columns * ldc;
    if len == 0 || weights.taps() * weights.inputs() == 0 {
        return Ok(DtypeVec::F32(vec![0.0; len]));
    }
    // Or some outputs would never be written.
    assert!(!epilogue.geglu || can_fuse_geglu(weights.isa(), ldc));
    let gemm = |output| Gemm {
        amx,
        weights,
        grid,
        source,
        epilogue,
        target: Target { output, ldc },
    };
    Ok(match weights.bf16() {
        Some(bf16_isa) if epilogue.bf16_output => {
            let mut output = UninitBuffer::new(len);
            let shared = DisjointOutput::new(&mut output);
            gemm(Output::Bf16(bf16_isa, shared)).run(progress)?;
            // SAFETY: `run` has written `ldc` outputs at every pixel of the result.
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

/// Most rows of pixels in a block.
fn max_block_rows(grid: &OutputGrid) -> usize {
    let (pixels, least) = if grid.kernel > 1 {
        (MC_PIXELS.1, MIN_BLOCK_ROWS)
    } else {
        (MC_PIXELS.0, 1)
    };
    (pixels / grid.columns).max(least)
}

/// KC in inputs under every tap. Computed from the largest block there can be and not from the one there
/// is, whose size depends on the number of threads: blocks of K are the order of summation.
fn kc_of(grid: &OutputGrid, inputs: usize) -> usize {
    let rows = max_block_rows(grid).min(grid.batch * grid.rows);
    let pixels = grid.padded_rows(rows) * grid.padded_columns();
    evenly(inputs, A_BLOCK_LEN / pixels).next_multiple_of(2 * TILE_ROWS)
}

/// Rows of pixels in a block, so that blocks are of about one size.
fn block_rows(grid: &OutputGrid) -> usize {
    let rows = grid.batch * grid.rows;
    let blocks = rows.div_ceil(max_block_rows(grid));
    // As many for every thread, where there is more than one for each.
    let threads = rayon::current_num_threads();
    let blocks = if blocks > threads {
        blocks.next_multiple_of(threads)
    } else {
        blocks
    };
    rows.div_ceil(blocks)
}

/// The size of the fewest parts of `len` that are at most `most` long, of about one size.
fn evenly(len: usize, most: usize) -> usize {
    len.div_ceil(len.div_ceil(most.max(1)).max(1))
}

/// A, B, the epilogue and where C goes.
struct Gemm<'a, P> {
    amx: Amx,
    weights: &'a PackedWeights,
    grid: &'a OutputGrid,
    source: &'a PixelSource<'a, P>,
    epilogue: &'a Epilogue<'a>,
    target: Target<'a>,
}

impl<P: PixelAt> Gemm<'_, P> {
    /// Writes all outputs of every pixel of the result.
    fn run(&self, progress: &mut dyn Progress) -> Result<(), Cancelled> {
        let Self { weights, grid, .. } = *self;
        let rows = grid.batch * grid.rows;
        let panels: Vec<Panel> = weights.panels().collect();
        let rows_per_block = block_rows(grid);
        let m_blocks = rows.div_ceil(rows_per_block);
        let rows_of = |block: usize| {
            let first = block * rows_per_block;
            first..rows.min(first + rows_per_block)
        };
        // With few blocks of M, threads partition N too, and the blocks of A are gathered before.
        let n_parts = (4 * rayon::current_num_threads())
            .div_ceil(m_blocks)
            .min(panels.len());
        let panels_per_part = panels.len().div_ceil(n_parts);
        let n_parts = panels.len().div_ceil(panels_per_part);
        let mut gathered: Vec<PixelBlock> = Vec::new();
        if n_parts > 1 {
            gathered.resize_with(m_blocks, PixelBlock::default);
            for (index, block) in gathered.iter_mut().enumerate() {
                block.gather((weights, grid, self.source), rows_of(index), true);
            }
        }
        let tasks = m_blocks * n_parts;
        let k = weights.taps() * weights.inputs();
        let fmas_per_task = k * rows_per_block * grid.columns * panels_per_part * 2 * TILE_ROWS;
        let tasks_per_checkpoint = (FMAS_PER_CHECKPOINT / fmas_per_task.max(1))
            .max(1)
            .next_multiple_of(rayon::current_num_threads());
        for start in (0..tasks).step_by(tasks_per_checkpoint) {
            progress.checkpoint()?;
            (start..tasks.min(start + tasks_per_checkpoint))
                .into_par_iter()
                .for_each_init(<(PixelBlock, Vec<f32>)>::default, |(own, c), task| {
                    let first_panel = task % n_parts * panels_per_part;
                    let panels =
                        &panels[first_panel..panels.len().min(first_panel + panels_per_part)];
                    let block = gathered.get(task / n_parts).unwrap_or_else(|| {
                        own.gather((weights, grid, self.source), rows_of(task), false);
                        own
                    });
                    self.run_block(block, panels, c);
                });
        }
        // The tasks are all blocks of M by all parts of N, and each has written the outputs of its panels
        // at every pixel of its rows: all of them, panels together.
        Ok(())
    }

    /// A block of A times some panels of B. Where the block is too large for L2, K goes in blocks, for as
    /// many panels at a time as have their part of C in L2.
    fn run_block(&self, block: &PixelBlock, panels: &[Panel], c: &mut Vec<f32>) {
        let inputs = self.weights.inputs();
        let kc = kc_of(self.grid, inputs);
        let k_blocks = inputs.div_ceil(kc);
        let row_tiles = block.tiles.len().div_ceil(2);
        let panels_at_once = evenly(panels.len(), L2_C_LEN / (row_tiles * MICRO_TILE_LEN));
        // With one block of K, a micro-tile goes through the epilogue before the next is computed.
        let micro_tiles = if k_blocks > 1 {
            panels_at_once * row_tiles
        } else {
            1
        };
        c.resize(micro_tiles * MICRO_TILE_LEN, 0.0);
        let passes = panels.chunks(panels_at_once).flat_map(|panels| {
            let passes = (0..k_blocks)
                .flat_map(|k_block| panels.iter().enumerate().map(move |at| (k_block, at)));
            passes.map(|(k_block, (at, panel))| {
                let inputs = k_block * kc..inputs.min((k_block + 1) * kc);
                PanelPass {
                    panel: *panel,
                    b_taps: self.weights.vnni_taps(*panel, &inputs),
                    inputs,
                    first_tile: at * row_tiles,
                    accumulate: k_block > 0,
                    is_last: k_block + 1 == k_blocks,
                }
            })
        });
        let passes: Vec<PanelPass<'_>> = passes.collect();
        let b = passes.iter().flat_map(|pass| &pass.b_taps);
        if k_blocks == 1 && b.map(|b| b.len()).sum::<usize>() <= L2_B_PAIRS {
            for tiles in block.tiles.chunks(2) {
                for pass in &passes {
                    self.run_micro_tile(block, tiles, pass, c);
                }
            }
            return;
        }
        for (index, pass) in passes.iter().enumerate() {
            let next = passes.get(index + 1).map(|next| &*next.b_taps);
            for (row_tile, tiles) in block.tiles.chunks(2).enumerate() {
                let start = (pass.first_tile + row_tile) % micro_tiles * MICRO_TILE_LEN;
                let c = &mut c[start..start + MICRO_TILE_LEN];
                self.run_micro_tile(block, tiles, pass, c);
                for next in next.unwrap_or_default() {
                    let len = next.len().div_ceil(row_tiles);
                    let first = (row_tile * len).min(next.len());
                    prefetch_l2(&next[first..next.len().min(first + len)]);
                }
            }
        }
    }

    /// One or two AMX tiles of rows times a panel, for a block of K; with the epilogue after the last.
    fn run_micro_tile(
        &self,
        block: &PixelBlock,
        tiles: &[TileRows],
        pass: &PanelPass<'_>,
        c: &mut [f32],
    ) {
        let isa = self.weights.isa();
        let (panel, inputs) = (pass.panel, &pass.inputs);
        let (upper, lower) = (&tiles[0], &tiles[tiles.len() - 1]);
        // Only where a residual is read: stores do not wait for memory.
        if pass.is_last && self.epilogue.residual.is_some() {
            for tile in tiles {
                prefetch_target(panel, tile.pixels(), self.epilogue, &self.target);
            }
        }
        let a = TapRows {
            pairs: &block.pairs,
            tile_offsets: [upper, lower].map(|tile| tile.first * block.lda + inputs.start / 2),
            tap_offsets: &block.tap_offsets,
            lda: self.grid.stride * block.lda,
            k_pairs: block
                .k_pairs
                .min(inputs.end.div_ceil(2).next_multiple_of(TILE_ROWS))
                - inputs.start / 2,
        };
        let nr = panel.vectors * isa.lanes();
        let mut out = MicroTile {
            c,
            ldc: nr,
            accumulate: pass.accumulate,
        };
        self.amx
            .microkernel_taps(panel.vectors, &a, &pass.b_taps, &mut out);
        if pass.is_last {
            for (tile, c) in tiles.iter().zip(c.chunks(TILE_ROWS * nr)) {
                let outputs = tile.outputs;
                apply_epilogue(isa, panel, c, outputs, self.epilogue, &self.target);
            }
        }
    }
}

/// A block of A meets a panel for one block of K.
struct PanelPass<'a> {
    panel: Panel,
    inputs: Range<usize>,
    /// The panel's pairs under each tap.
    b_taps: Vec<&'a [u32]>,
    /// Index of the micro-tile of C of the block's first rows.
    first_tile: usize,
    /// False in the first block of K.
    accumulate: bool,
    /// Whether it is the last block of K.
    is_last: bool,
}

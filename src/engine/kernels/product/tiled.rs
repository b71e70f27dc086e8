//! Products by AMX's tiles, which read rows wherever they are, one every so many bytes: pixels are
//! rounded once, with the padding around them, and read there under every place of the kernel.

mod block;

use std::ops::Range;

use rayon::prelude::*;

use self::block::{Block, Group};
use super::super::pack::{PackedWeights, Panel};
use super::super::pairs::{Bf16Isa, TapRows, Amx};
use super::super::shared::{Output, DisjointOutput, UninitBuffer, prefetch_l2};
use super::super::tile::MicroTile;
use super::super::values::{DtypeVec, GemmInput};
use super::{Epilogue, MULTIPLICATIONS_PER_CHECKPOINT, Target, can_fuse_geglu, prefetch, apply_epilogue};
use crate::engine::{Cancelled, Progress};

/// Rows of one register.
const GROUP: usize = 16;
/// Sums of a tile: two registers below each other, two side by side.
const TILE_SUMS: usize = 2 * GROUP * 2 * GROUP;
/// Pixels of a block, where there are as many, of a kernel of one place and of a larger one: weights pass
/// once for each block, and the largest come from memory each time.
const BLOCK_PIXELS: (usize, usize) = (256, 512);
/// Lines of a block of a larger kernel at the least: those above and below are rounded with it.
const LEAST_LINES: usize = 4;
/// Rounded numbers of a block that are multiplied with some panels before the next are (1 MiB), so that
/// they stay in the second cache meanwhile.
const PART_NUMBERS: usize = 1 << 19;
/// Pairs of weights (512 KiB) that stay in the second cache, so that each tile can meet all panels
/// before the next does: its results lie together, and its pixels are in the first cache.
const NEAR_PAIRS: usize = 1 << 17;
/// Sums of these panels (256 KiB), which wait in the second cache for the next numbers.
const WAITING_SUMS: usize = 1 << 16;

/// What is multiplied: rows or pixels, and where in them each place of pictures with padding is.
pub(in super::super) struct Source<'a, P> {
    pub(in super::super) input: &'a GemmInput<'a>,
    /// Of a picture, a row and a column, counted from the padding's first; `None` in the padding.
    pub(in super::super) place: P,
}

/// See [`Source::place`].
pub(in super::super) trait Place:
    Fn(usize, usize, usize) -> Option<usize> + Sync
{
}
impl<P: Fn(usize, usize, usize) -> Option<usize> + Sync> Place for P {}

/// Measures of a result, and what each pixel of it is made of.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Places {
    /// Pictures.
    pub(in super::super) batch: usize,
    /// Rows of each.
    pub(in super::super) rows: usize,
    /// Pixels of a row.
    pub(in super::super) columns: usize,
    /// Side of the kernel; 3 at the most.
    pub(in super::super) kernel: usize,
    /// Pixels of the input from one of the result to the next.
    pub(in super::super) stride: usize,
}

impl Places {
    /// Pixels of a row of the input, with its padding.
    fn padded_columns(&self) -> usize {
        (self.columns - 1) * self.stride + self.kernel
    }

    /// Rows of the input under that many rows of a picture.
    fn padded_rows(&self, rows: usize) -> usize {
        (rows - 1) * self.stride + self.kernel
    }

    /// Some rows of all pictures, one after the other, as rows of one picture each.
    fn pieces(&self, lines: Range<usize>) -> impl Iterator<Item = (usize, Range<usize>)> {
        let rows = self.rows;
        let pictures = lines.start / rows..lines.end.div_ceil(rows);
        pictures.map(move |picture| {
            let first = picture * rows;
            let until = |line: usize| line.clamp(first, first + rows) - first;
            (picture, until(lines.start)..until(lines.end))
        })
    }
}

/// What multiplies the weights' pairs, where that is tiles.
pub(in super::super) fn tiles_of(weights: &PackedWeights) -> Option<Amx> {
    weights.bf16().and_then(Bf16Isa::tiles)
}

/// The weights' taps, row after row of a kernel, times what lies under it at every pixel of the
/// result; finished.
#[expect(unsafe_code, reason = "a result that is written in parts")]
pub(in super::super) fn multiply<P: Place>(
    tiles: Amx,
    weights: &PackedWeights,
    places: &Places,
    source: &Source<'_, P>,
    epilogue: &Epilogue<'_>,
    progress: &mut dyn Progress,
) -> Result<DtypeVec, Cancelled> {
    let width = weights.outputs() / if epilogue.geglu { 2 } else { 1 };
    let len = places.batch * places.rows * places.columns * width;
    if len == 0 || weights.taps() * weights.inputs() == 0 {
        return Ok(DtypeVec::F32(vec![0.0; len]));
    }
    // Or some outputs would never be written.
    assert!(!epilogue.geglu || can_fuse_geglu(weights.isa(), width));
    let product = |output| Product {
        tiles,
        weights,
        places,
        source,
        epilogue,
        target: Target { output, width },
    };
    Ok(match weights.bf16() {
        Some(bf16_isa) if epilogue.bf16_output => {
            let mut output = UninitBuffer::new(len);
            let shared = DisjointOutput::new(&mut output);
            product(Output::Bf16(bf16_isa, shared)).run(progress)?;
            // SAFETY: `run` has written `width` outputs at every pixel of the result.
            DtypeVec::Bf16(unsafe { output.assume_init() })
        }
        _ => {
            let mut output = UninitBuffer::new(len);
            product(Output::F32(DisjointOutput::new(&mut output))).run(progress)?;
            // SAFETY: as above.
            DtypeVec::F32(unsafe { output.assume_init() })
        }
    })
}

/// Lines of a block at the most.
fn most_lines(places: &Places) -> usize {
    let (pixels, least) = if places.kernel > 1 {
        (BLOCK_PIXELS.1, LEAST_LINES)
    } else {
        (BLOCK_PIXELS.0, 1)
    };
    (pixels / places.columns).max(least)
}

/// Inputs of a part. By the largest block there can be and not by the one there is, whose size depends on
/// the number of threads: parts are the order of a sum.
fn part_inputs(places: &Places, inputs: usize) -> usize {
    let lines = most_lines(places).min(places.batch * places.rows);
    let pixels = places.padded_rows(lines) * places.padded_columns();
    evenly(inputs, PART_NUMBERS / pixels).next_multiple_of(2 * GROUP)
}

/// Lines of a block, of about one size.
fn block_lines(places: &Places) -> usize {
    let lines = places.batch * places.rows;
    let blocks = lines.div_ceil(most_lines(places));
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
struct Product<'a, P> {
    tiles: Amx,
    weights: &'a PackedWeights,
    places: &'a Places,
    source: &'a Source<'a, P>,
    epilogue: &'a Epilogue<'a>,
    target: Target<'a>,
}

impl<P: Place> Product<'_, P> {
    /// Multiplies, and writes all outputs of every pixel of the result.
    fn run(&self, progress: &mut dyn Progress) -> Result<(), Cancelled> {
        let Self {
            weights, places, ..
        } = *self;
        let lines = places.batch * places.rows;
        let panels: Vec<Panel> = weights.panels().collect();
        let block = block_lines(places);
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
        let mut materialized: Vec<Block> = Vec::new();
        if groups > 1 {
            materialized.resize_with(blocks, Block::default);
            for (index, block) in materialized.iter_mut().enumerate() {
                block.make(self, lines_of(index), true);
            }
        }
        let tasks = blocks * groups;
        let depth = weights.taps() * weights.inputs();
        let work = depth * block * places.columns * group_panels * 2 * GROUP;
        let per_round = (MULTIPLICATIONS_PER_CHECKPOINT / work.max(1))
            .max(1)
            .next_multiple_of(rayon::current_num_threads());
        for round in (0..tasks).step_by(per_round) {
            progress.checkpoint()?;
            (round..tasks.min(round + per_round))
                .into_par_iter()
                .for_each_init(<(Block, Vec<f32>)>::default, |(own, sums), task| {
                    let group = task % groups * group_panels;
                    let panels = &panels[group..panels.len().min(group + group_panels)];
                    let block = materialized.get(task / groups).unwrap_or_else(|| {
                        own.make(self, lines_of(task), false);
                        own
                    });
                    self.of_block(block, panels, sums);
                });
        }
        // The tasks are all blocks of lines with all groups of panels, and each has written the outputs of
        // its panels at every pixel of its lines: all of them, panels together.
        Ok(())
    }

    /// A block times some panels. Where a block's numbers are too many for the second cache, some inputs
    /// of all its pixels meet some panels before the next inputs do.
    fn of_block(&self, block: &Block, panels: &[Panel], sums: &mut Vec<f32>) {
        let inputs = self.weights.inputs();
        let step = part_inputs(self.places, inputs);
        let parts = inputs.div_ceil(step);
        let tiles = block.groups.len().div_ceil(2);
        let waiting = evenly(panels.len(), WAITING_SUMS / (tiles * TILE_SUMS));
        // Where there is one part, the sums of a tile are written before the next tile's are made.
        let places = if parts > 1 { waiting * tiles } else { 1 };
        sums.resize(places * TILE_SUMS, 0.0);
        let visits = panels.chunks(waiting).flat_map(|panels| {
            let visits =
                (0..parts).flat_map(|part| panels.iter().enumerate().map(move |at| (part, at)));
            visits.map(|(part, (at, panel))| {
                let inputs = part * step..inputs.min((part + 1) * step);
                Visit {
                    panel: *panel,
                    pairs: self.weights.tap_slices(*panel, &inputs),
                    inputs,
                    first_place: at * tiles,
                    accumulate: part > 0,
                    last: part + 1 == parts,
                }
            })
        });
        let visits: Vec<Visit<'_>> = visits.collect();
        let pairs = visits.iter().flat_map(|visit| &visit.pairs);
        if parts == 1 && pairs.map(|pairs| pairs.len()).sum::<usize>() <= NEAR_PAIRS {
            for groups in block.groups.chunks(2) {
                for visit in &visits {
                    self.of_tile(block, groups, visit, sums);
                }
            }
            return;
        }
        for (index, visit) in visits.iter().enumerate() {
            let next = visits.get(index + 1).map(|next| &*next.pairs);
            for (tile, groups) in block.groups.chunks(2).enumerate() {
                let place = (visit.first_place + tile) % places * TILE_SUMS;
                let sums = &mut sums[place..place + TILE_SUMS];
                self.of_tile(block, groups, visit, sums);
                for next in next.unwrap_or_default() {
                    let share = next.len().div_ceil(tiles);
                    let first = (tile * share).min(next.len());
                    prefetch_l2(&next[first..next.len().min(first + share)]);
                }
            }
        }
    }

    /// A tile times some inputs of a panel; finished where they are the last.
    fn of_tile(&self, block: &Block, groups: &[Group], visit: &Visit<'_>, numbers: &mut [f32]) {
        let isa = self.weights.isa();
        let (panel, inputs) = (visit.panel, &visit.inputs);
        let (upper, lower) = (&groups[0], &groups[groups.len() - 1]);
        // Only where sums are added to something: what is but written does not wait.
        if visit.last && self.epilogue.residual.is_some() {
            for group in groups {
                prefetch(panel, group.pixels(), self.epilogue, &self.target);
            }
        }
        let rows = TapRows {
            pairs: &block.pairs,
            firsts: [upper, lower].map(|group| group.first * block.stride + inputs.start / 2),
            taps: &block.taps,
            stride: self.places.stride * block.stride,
            depth: block
                .depth
                .min(inputs.end.div_ceil(2).next_multiple_of(GROUP))
                - inputs.start / 2,
        };
        let width = panel.vectors * isa.lanes();
        let mut sums = MicroTile {
            numbers,
            stride: width,
            accumulate: visit.accumulate,
        };
        self.tiles
            .microkernel_taps(panel.vectors, &rows, &visit.pairs, &mut sums);
        if visit.last {
            for (group, sums) in groups.iter().zip(numbers.chunks(GROUP * width)) {
                let outputs = group.outputs;
                apply_epilogue(
                    isa,
                    panel,
                    sums,
                    outputs,
                    self.epilogue,
                    &self.target,
                );
            }
        }
    }
}

/// Some inputs of a panel, when a block's tiles meet them.
struct Visit<'a> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_the_lines_of_each_picture() {
        let places = Places {
            batch: 3,
            rows: 10,
            columns: 4,
            kernel: 3,
            stride: 1,
        };
        let pieces: Vec<_> = places.pieces(7..21).collect();
        assert_eq!(pieces, [(0, 7..10), (1, 0..10), (2, 0..1)]);
        let pieces: Vec<_> = places.pieces(10..20).collect();
        assert_eq!(pieces, [(1, 0..10)]);
    }
}

//! Products of pairs, part after part of what is summed.

use std::ops::Range;

use super::epilogue::prefetch_target;
use super::operands::MicroTile;
use super::pack::Panel;
use super::{Gemm, RowSource, Scratch};
use crate::engine::kernels::isa::Bf16Isa;

/// Rounded numbers of a part's rows at the most (512 KiB), so that they stay in the second cache
/// while the panels pass.
const K_BLOCK_NUMBERS: usize = 1 << 18;
/// Parts of a tap are cut at multiples of this many inputs: whole vectors of pairs.
const K_STEP: usize = 32;

/// Some taps with all their inputs, or some inputs of one tap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KBlock {
    taps: Range<usize>,
    inputs: Range<usize>,
}

impl KBlock {
    /// All of `taps` taps of `inputs` inputs, for that many rows.
    fn all(taps: usize, inputs: usize, rows: usize) -> Vec<Self> {
        let numbers = (K_BLOCK_NUMBERS / rows.max(1)).max(K_STEP);
        let (taps_at_once, inputs_at_once) = if inputs <= numbers {
            (numbers / inputs.max(1), inputs)
        } else {
            let parts = inputs.div_ceil(numbers);
            (1, inputs.div_ceil(parts).next_multiple_of(K_STEP))
        };
        let until = |first: usize, step: usize, end: usize| first..end.min(first + step);
        (0..taps)
            .step_by(taps_at_once.max(1))
            .flat_map(|tap| {
                (0..inputs)
                    .step_by(inputs_at_once.max(1))
                    .map(move |input| Self {
                        taps: until(tap, taps_at_once, taps),
                        inputs: until(input, inputs_at_once, inputs),
                    })
            })
            .collect()
    }
}

impl<'a, R: RowSource> Gemm<'a, R> {
    /// Some rows times some panels of pairs. Each row is rounded once.
    pub(crate) fn bf16_block(
        &self,
        bf16_isa: Bf16Isa,
        panels: &[Panel],
        range: Range<usize>,
        scratch: &mut Scratch<'a>,
    ) {
        let (mr, lanes) = (bf16_isa.mr(), self.weights.isa().lanes());
        let parts = KBlock::all(self.weights.taps(), self.weights.inputs(), range.len());
        let tiles = range.len().div_ceil(mr);
        // Where there is one part, the sums of a tile are written before the next tile's are made.
        let grid = if parts.len() > 1 {
            panels.len() * tiles
        } else {
            1
        };
        let place_len = mr * 2 * lanes;
        scratch.sums.resize(grid * place_len, 0.0);
        for (index, part) in parts.iter().enumerate() {
            self.round(bf16_isa, part, range.clone(), scratch);
            for (at, panel) in panels.iter().enumerate() {
                let pairs = self.weights.pairs_of(*panel, &part.taps, &part.inputs);
                for tile in 0..tiles {
                    let place = (at * tiles + tile) % grid;
                    let numbers = &mut scratch.sums[place * place_len..][..place_len];
                    let mut sums = MicroTile {
                        numbers,
                        stride: panel.vectors * lanes,
                        accumulate: index > 0,
                    };
                    let first = range.start + tile * mr;
                    let rows = first..range.end.min(first + mr);
                    let last = index + 1 == parts.len();
                    if last {
                        prefetch_target(*panel, rows.clone(), self.epilogue, &self.target);
                    }
                    let tile = scratch.pairs.tile(tile * mr);
                    bf16_isa.microkernel(panel.vectors, tile, pairs, &mut sums);
                    if last {
                        self.write(*panel, numbers, rows);
                    }
                }
            }
        }
    }

    /// Rounds a part of some rows for all the panels they are about to meet.
    fn round(
        &self,
        bf16_isa: Bf16Isa,
        part: &KBlock,
        range: Range<usize>,
        scratch: &mut Scratch<'a>,
    ) {
        scratch
            .pairs
            .begin(bf16_isa, range.len(), part.taps.len(), part.inputs.len());
        let mr = bf16_isa.mr();
        for first in range.clone().step_by(mr) {
            let used = mr.min(range.end - first);
            scratch.slices.clear();
            self.rows.row_pointers(first, used, &mut scratch.slices);
            let slices = &scratch.slices[part.taps.start * used..part.taps.end * used];
            for (at, numbers) in slices.iter().enumerate() {
                let row = first - range.start + at % used;
                let numbers = &numbers[part.inputs.clone()];
                scratch.pairs.set(bf16_isa, row, at / used, numbers);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_all_there_is_once_and_in_order() {
        for (taps, inputs, rows) in [
            (1, 1, 1),
            (9, 320, 384),
            (9, 1280, 384),
            (1, 5120, 300),
            (4, 33, 1 << 20),
        ] {
            let parts = KBlock::all(taps, inputs, rows);
            let mut seen = Vec::new();
            for part in &parts {
                assert!(part.taps.len() == 1 || part.inputs == (0..inputs));
                let fits =
                    part.taps.len() * part.inputs.len() * rows <= K_BLOCK_NUMBERS + rows * K_STEP;
                assert!(fits || part.inputs.len() <= K_STEP, "{part:?}");
                for tap in part.taps.clone() {
                    seen.extend(part.inputs.clone().map(|input| (tap, input)));
                }
            }
            let all: Vec<_> = (0..taps)
                .flat_map(|tap| (0..inputs).map(move |input| (tap, input)))
                .collect();
            assert_eq!(seen, all, "{taps} {inputs} {rows}");
        }
    }
}

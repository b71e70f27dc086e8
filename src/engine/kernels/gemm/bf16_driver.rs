//! The driver of bf16 GEMMs in AVX-512-BF16: K in blocks, so that the rounded block of A stays in L2.

use std::ops::Range;

use super::epilogue::prefetch_target;
use super::operands::MicroTile;
use super::pack::Panel;
use super::{Gemm, RowSource, Scratch};
use crate::engine::kernels::isa::Bf16Isa;

/// Most values of a block of A, MC × KC (512 KiB of bf16), so that it stays in L2 while the panels pass.
const A_BLOCK_LEN: usize = 1 << 18;
/// KC within a tap is a multiple of this many inputs: whole vectors of pairs.
const KC_MULTIPLE: usize = 32;

/// A block of K: some taps with all their inputs, or some inputs of one tap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KBlock {
    taps: Range<usize>,
    inputs: Range<usize>,
}

impl KBlock {
    /// The blocks of K = `taps` × `inputs` for a block of A of `mc` rows.
    fn all(taps: usize, inputs: usize, mc: usize) -> Vec<Self> {
        let kc = (A_BLOCK_LEN / mc.max(1)).max(KC_MULTIPLE);
        let (taps_at_once, inputs_at_once) = if inputs <= kc {
            (kc / inputs.max(1), inputs)
        } else {
            let blocks = inputs.div_ceil(kc);
            (1, inputs.div_ceil(blocks).next_multiple_of(KC_MULTIPLE))
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
    /// A block of rows of A times some panels of B. Each row is rounded once a block of K.
    pub(crate) fn bf16_block(
        &self,
        bf16_isa: Bf16Isa,
        panels: &[Panel],
        rows: Range<usize>,
        scratch: &mut Scratch<'a>,
    ) {
        let (mr, lanes) = (bf16_isa.mr(), self.weights.isa().lanes());
        let k_blocks = KBlock::all(self.weights.taps(), self.weights.inputs(), rows.len());
        let row_tiles = rows.len().div_ceil(mr);
        // With one block of K, a micro-tile goes through the epilogue before the next is computed, so
        // that there is one. With more, all wait for the next block of K.
        let micro_tiles = if k_blocks.len() > 1 {
            panels.len() * row_tiles
        } else {
            1
        };
        let tile_len = mr * 2 * lanes;
        scratch.c.resize(micro_tiles * tile_len, 0.0);
        for (index, k_block) in k_blocks.iter().enumerate() {
            self.round_a(bf16_isa, k_block, rows.clone(), scratch);
            for (at, panel) in panels.iter().enumerate() {
                let b = self
                    .weights
                    .vnni_block(*panel, &k_block.taps, &k_block.inputs);
                for row_tile in 0..row_tiles {
                    let tile = (at * row_tiles + row_tile) % micro_tiles;
                    let c = &mut scratch.c[tile * tile_len..][..tile_len];
                    let mut out = MicroTile {
                        c,
                        ldc: panel.vectors * lanes,
                        accumulate: index > 0,
                    };
                    let first = rows.start + row_tile * mr;
                    let tile_rows = first..rows.end.min(first + mr);
                    let is_last = index + 1 == k_blocks.len();
                    if is_last {
                        prefetch_target(*panel, tile_rows.clone(), self.epilogue, &self.target);
                    }
                    let a = scratch.a_bf16.tile(row_tile * mr);
                    bf16_isa.microkernel(panel.vectors, a, b, &mut out);
                    if is_last {
                        self.finish(*panel, c, tile_rows);
                    }
                }
            }
        }
    }

    /// Rounds a block of A, some rows by a block of K, for all panels.
    fn round_a(
        &self,
        bf16_isa: Bf16Isa,
        k_block: &KBlock,
        rows: Range<usize>,
        scratch: &mut Scratch<'a>,
    ) {
        scratch.a_bf16.resize(
            bf16_isa,
            rows.len(),
            k_block.taps.len(),
            k_block.inputs.len(),
        );
        let mr = bf16_isa.mr();
        for first in rows.clone().step_by(mr) {
            let used = mr.min(rows.end - first);
            scratch.a_rows.clear();
            self.rows.row_pointers(first, used, &mut scratch.a_rows);
            let a_rows = &scratch.a_rows[k_block.taps.start * used..k_block.taps.end * used];
            for (at, values) in a_rows.iter().enumerate() {
                let row = first - rows.start + at % used;
                let values = &values[k_block.inputs.clone()];
                scratch.a_bf16.write(bf16_isa, row, at / used, values);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_k_are_all_there_is_once_and_in_order() {
        for (taps, inputs, rows) in [
            (1, 1, 1),
            (9, 320, 384),
            (9, 1280, 384),
            (1, 5120, 300),
            (4, 33, 1 << 20),
        ] {
            let k_blocks = KBlock::all(taps, inputs, rows);
            let mut seen = Vec::new();
            for block in &k_blocks {
                assert!(block.taps.len() == 1 || block.inputs == (0..inputs));
                let fits = block.taps.len() * block.inputs.len() * rows
                    <= A_BLOCK_LEN + rows * KC_MULTIPLE;
                assert!(fits || block.inputs.len() <= KC_MULTIPLE, "{block:?}");
                for tap in block.taps.clone() {
                    seen.extend(block.inputs.clone().map(|input| (tap, input)));
                }
            }
            let all: Vec<_> = (0..taps)
                .flat_map(|tap| (0..inputs).map(move |input| (tap, input)))
                .collect();
            assert_eq!(seen, all, "{taps} {inputs} {rows}");
        }
    }
}

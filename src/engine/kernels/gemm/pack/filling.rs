//! From rows as they lie in files to panels.

use rayon::prelude::*;

use crate::engine::kernels::isa::Bf16Isa;

/// What a thread packs in.
#[derive(Default)]
pub(super) struct PackScratch {
    /// As they lie in the file.
    pub(super) rows: Vec<f32>,
    /// In f32.
    pub(super) panel: Vec<f32>,
}

/// Inputs that are transposed at a time, in L1 with their part of a panel.
const INPUTS_AT_ONCE: usize = 64;
/// Outputs and inputs of a block that is transposed in registers.
const BLOCK: usize = 4;

/// Rows `(inputs, taps)` of the outputs of a panel become its rows along K, `nr` outputs side by side; zeros in the
/// place of outputs beyond them.
pub(super) fn transpose(rows: &[f32], [taps, inputs]: [usize; 2], nr: usize, panel: &mut [f32]) {
    let k = (taps * inputs).max(1);
    let outputs = rows.len() / k;
    if outputs < nr {
        panel.fill(0.0);
    }
    for tap in 0..taps {
        for first in (0..inputs).step_by(INPUTS_AT_ONCE) {
            let count = INPUTS_AT_ONCE.min(inputs - first);
            let block = &mut panel[(tap * inputs + first) * nr..][..count * nr];
            let mut lane = 0;
            if taps == 1 {
                for four in rows.chunks_exact(BLOCK * k) {
                    transpose_four(four, [k, first], (nr, lane), block);
                    lane += BLOCK;
                }
            }
            for row in rows.chunks_exact(k).skip(lane) {
                let from = row[first * taps..].chunks_exact(taps);
                for (to, from) in block.chunks_exact_mut(nr).zip(from) {
                    to[lane] = from[tap];
                }
                lane += 1;
            }
        }
    }
}

/// The same of four rows, from an input on, side by side from `lane` on: blocks of four inputs, whose numbers the
/// compiler keeps in vectors.
fn transpose_four(
    rows: &[f32],
    [k, first]: [usize; 2],
    (nr, lane): (usize, usize),
    to: &mut [f32],
) {
    let count = to.len() / nr;
    let row = |row: usize| &rows[row * k + first..][..count];
    let (whole, _) = row(0).as_chunks::<BLOCK>();
    let others = [row(1), row(2), row(3)].map(|row| row.as_chunks::<BLOCK>().0);
    let blocks = to.chunks_exact_mut(BLOCK * nr);
    let columns = whole
        .iter()
        .zip(others[0])
        .zip(others[1].iter().zip(others[2]));
    for (to, ((a, b), (c, d))) in blocks.zip(columns) {
        let turned: [[f32; BLOCK]; BLOCK] =
            std::array::from_fn(|input| [a[input], b[input], c[input], d[input]]);
        for (to, column) in to.chunks_exact_mut(nr).zip(&turned) {
            to[lane..lane + BLOCK].copy_from_slice(column);
        }
    }
    for input in count / BLOCK * BLOCK..count {
        let column: [f32; BLOCK] = std::array::from_fn(|output| row(output)[input]);
        to[input * nr + lane..][..BLOCK].copy_from_slice(&column);
    }
}

/// A panel in VNNI layout: every two rows interleaved.
pub(super) fn vnni_panel(
    bf16_isa: Bf16Isa,
    panel: &[f32],
    [taps, inputs]: [usize; 2],
    to: &mut [u32],
) {
    let nr = panel.len() / (taps * inputs);
    let zeros = vec![0.0; nr];
    let to = to.chunks_exact_mut(bf16_isa.k_pairs(inputs) * nr);
    for (tap, to) in panel.chunks_exact(inputs * nr).zip(to) {
        for (two, to) in tap.chunks(2 * nr).zip(to.chunks_exact_mut(nr)) {
            let (first, second) = two.split_at(nr);
            let second = if second.is_empty() { &zeros } else { second };
            bf16_isa.vnni_interleave(first, second, to);
        }
    }
}

/// `len` values, each chunk of which `fill` writes whole, in parallel: in `room` where that is as long, else in new
/// memory, whose zeros the system hands out.
pub(super) fn filled<T: Copy + Default + Send>(
    room: Vec<T>,
    len: usize,
    chunk_len: usize,
    fill: impl Fn(&mut PackScratch, usize, &mut [T]) + Sync,
) -> Vec<T> {
    let mut numbers = room;
    if numbers.len() != len {
        numbers = vec![T::default(); len];
    }
    numbers.par_chunks_mut(chunk_len).enumerate().for_each_init(
        PackScratch::default,
        |scratch, (index, chunk)| {
            fill(scratch, index, chunk);
        },
    );
    numbers
}

//! The bf16 microkernels and conversions against their definitions.

use super::super::operands::Bf16Rows;
use super::*;
use crate::engine::kernels::convert::to_bf16::{pair, values_of};
use crate::engine::kernels::reference::{assert_close, numbers};

#[test]
fn rounds_to_the_nearest_and_ties_to_even() {
    let Some(bf16_isa) = Bf16Isa::all().pop() else {
        return;
    };
    for len in [1, 2, 15, 16, 17, 31, 32, 33, 47, 64, 65] {
        let mut values = numbers(len, 5);
        // Half way between two: down to an even one, up to an even one.
        values[0] = f32::from_bits(0x3f80_8000);
        values[len - 1] = f32::from_bits(0x3f81_8000);
        let mut to = vec![0; len.div_ceil(2)];
        bf16_isa.to_bf16x2(&values, &mut to);
        let line = [values[0]; LANES];
        let mut paired = [0; LANES];
        bf16_isa.vnni_interleave(&line, &[values[len - 1]; LANES], &mut paired);
        assert_eq!(paired, [pair(values[0], values[len - 1]); LANES]);
        let expected: Vec<u32> = values
            .chunks(2)
            .map(|two| pair(two[0], two.get(1).copied().unwrap_or(0.0)))
            .collect();
        assert_eq!(to, expected, "{len}");
    }
    assert_eq!(values_of(pair(1.5, -2.0)), [1.5, -2.0]);
}

#[test]
fn sums_what_a_plain_loop_sums() {
    let mut all = Bf16Isa::all();
    #[cfg(target_os = "linux")]
    all.extend(Bf16Isa::emulated_amx());
    for bf16_isa in all {
        for (taps, inputs, vectors) in [(1, 1, 1), (1, 7, 2), (9, 5, 2), (2, 36, 1), (9, 64, 2)] {
            for used in [1, 4, 5, 8, 9, bf16_isa.mr()] {
                check(bf16_isa, (taps, inputs), vectors, used);
            }
        }
    }
}

fn check(bf16_isa: Bf16Isa, (taps, inputs): (usize, usize), vectors: usize, used: usize) {
    let mr = bf16_isa.mr();
    let width = vectors * LANES;
    let mut rows = Bf16Rows::default();
    rows.resize(bf16_isa, mr + used, taps, inputs);
    let left = numbers(used * taps * inputs, 1);
    for (at, slice) in left.chunks(inputs).enumerate() {
        rows.write(bf16_isa, mr + at / taps, at % taps, slice);
    }
    let weights = numbers(taps * inputs * width, 2);
    let weight = |tap: usize, input: usize, column: usize| {
        let at = (tap * inputs + input) * width + column;
        if input < inputs { weights[at] } else { 0.0 }
    };
    let mut panel = Vec::new();
    for tap in 0..taps {
        for two in 0..bf16_isa.k_pairs(inputs) {
            panel.extend((0..width).map(|column| {
                pair(
                    weight(tap, 2 * two, column),
                    weight(tap, 2 * two + 1, column),
                )
            }));
        }
    }
    // Rows with room between them; a second time onto the first.
    let stride = width + 3;
    let mut out = vec![f32::NAN; mr * stride];
    for accumulate in [false, true] {
        let mut tile = MicroTile {
            c: &mut out,
            ldc: stride,
            accumulate,
        };
        bf16_isa.microkernel(vectors, rows.tile(mr), &panel, &mut tile);
    }
    let rows_of_out = out.chunks_exact(stride).take(used);
    assert!(
        rows_of_out
            .clone()
            .all(|row| row[width..].iter().all(|x| x.is_nan()))
    );
    let out: Vec<f32> = rows_of_out.flat_map(|row| &row[..width]).copied().collect();
    let rounded = |number: f32| f64::from(half::bf16::from_f32(number).to_f32());
    let expected: Vec<f64> = (0..used * width)
        .map(|at| {
            let (row, column) = (at / width, at % width);
            (0..taps * inputs)
                .map(|k| {
                    let number = rounded(left[row * taps * inputs + k]);
                    2.0 * number * rounded(weight(k / inputs, k % inputs, column))
                })
                .sum()
        })
        .collect();
    assert_close(
        &out,
        &expected,
        1e-6,
        &format!("{} {taps} × {inputs}", bf16_isa.name()),
    );
}

#[test]
fn vnni_rows_are_interleaved_and_deinterleaved() {
    let Some(bf16_isa) = Bf16Isa::all().pop() else {
        return;
    };
    let (width, stride) = (2 * LANES, 5 * LANES);
    let lines = numbers(3 * 2 * width, 9);
    let mut pairs = vec![7; 2 * stride + width];
    bf16_isa.vnni_interleave_rows(&lines, width, &mut pairs, stride);
    for (at, two) in lines.chunks_exact(2 * width).enumerate() {
        let (first, second) = two.split_at(width);
        let line = &pairs[at * stride..][..width];
        let expected: Vec<u32> = first
            .iter()
            .zip(second)
            .map(|(a, b)| pair(*a, *b))
            .collect();
        assert_eq!(line, expected);
        let (mut low, mut high) = (vec![0.0; width], vec![0.0; width]);
        bf16_isa.vnni_deinterleave(line, &mut low, &mut high);
        let both: Vec<[f32; 2]> = low.into_iter().zip(high).map(|(a, b)| [a, b]).collect();
        let expected: Vec<[f32; 2]> = line.iter().map(|pair| values_of(*pair)).collect();
        assert_eq!(both, expected);
    }
    assert!(pairs[width..stride].iter().all(|untouched| *untouched == 7));
}

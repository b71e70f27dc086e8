use super::*;
use crate::engine::kernels::gemm::geglu_row_order;
use crate::engine::kernels::reference::{NeverCancelled, assert_close, numbers, phi, tolerance};
use crate::engine::kernels::{
    DtypeSlice, GroupNorm, Isa, LayerNorm, Norm, PackTarget, WeightDtype, linear,
};
use half::bf16;

/// A convolution as its definition says, in f64.
fn expected(
    geometry: &ConvGeometry,
    inputs: usize,
    input: &[f32],
    weight: &[f32],
    bias: &[f32],
) -> Vec<f64> {
    let (rows, columns) = geometry.output_size();
    let kernel = geometry.kernel;
    let mut result = Vec::new();
    for pixel in 0..geometry.batch * rows * columns {
        let (picture, y, x) = (
            pixel / (rows * columns),
            pixel / columns % rows,
            pixel % columns,
        );
        for (output, bias) in bias.iter().enumerate() {
            let sum: f64 = (0..kernel * kernel)
                .map(|tap| {
                    let (dy, dx) = (tap / kernel, tap % kernel);
                    let (dy, dx) = (dy * geometry.dilation, dx * geometry.dilation);
                    let under = (y * geometry.stride + dy, x * geometry.stride + dx);
                    let Some(under) = stored(geometry, picture, under) else {
                        return 0.0;
                    };
                    (0..inputs)
                        .map(|channel| {
                            let number = f64::from(input[under * inputs + channel]);
                            let at = (output * inputs + channel) * kernel * kernel + tap;
                            number * f64::from(weight[at])
                        })
                        .sum()
                })
                .sum();
            result.push(f64::from(*bias) + sum);
        }
    }
    result
}

/// The stored pixel under (row, column), counted from the padding; `None` in the padding.
fn stored(geometry: &ConvGeometry, picture: usize, (row, column): (usize, usize)) -> Option<usize> {
    let (rows, columns) = geometry.input_size();
    let row = row
        .checked_sub(geometry.padding_before)
        .filter(|row| *row < rows)?;
    let column = column
        .checked_sub(geometry.padding_before)
        .filter(|column| *column < columns)?;
    let (row, column) = (
        row * geometry.height / rows,
        column * geometry.width / columns,
    );
    Some((picture * geometry.height + row) * geometry.width + column)
}

fn packed(isa: Isa, [outputs, inputs, kernel]: [usize; 3], weight: &[f32]) -> PackedWeights {
    let taps = kernel * kernel;
    PackedWeights::pack(
        PackTarget::in_f32(isa),
        [outputs, taps, inputs],
        |o, t, i| weight[(o * inputs + i) * taps + t],
    )
}

#[test]
fn agrees_with_its_definition_on_every_instruction_set() {
    // batch, height, width, inputs, outputs, kernel, (stride, dilation), before, after, enlarged
    let cases = [
        (1, 1, 1, 1, 1, 3, (1, 1), 1, 1, None),
        (1, 1, 1, 3, 5, 1, (1, 1), 0, 0, None),
        (2, 5, 7, 4, 33, 3, (1, 1), 1, 1, None),
        (1, 9, 6, 17, 3, 3, (2, 1), 1, 1, None),
        (1, 8, 9, 6, 40, 3, (2, 1), 0, 1, None),
        (3, 4, 3, 8, 70, 1, (1, 1), 0, 0, None),
        (1, 3, 5, 9, 20, 3, (1, 1), 1, 1, Some((6, 10))),
        (2, 3, 4, 5, 16, 3, (1, 1), 1, 1, Some((5, 7))),
        (4, 13, 11, 35, 64, 3, (1, 1), 1, 1, None),
        (2, 11, 9, 32, 40, 3, (1, 2), 2, 2, None),
        (1, 10, 10, 17, 33, 3, (1, 8), 8, 8, None),
        (1, 13, 8, 5, 16, 3, (2, 3), 3, 2, None),
        // Winograd where the channels fill vectors.
        (2, 8, 16, 32, 32, 3, (1, 1), 1, 1, None),
        (2, 9, 15, 48, 33, 3, (1, 1), 1, 1, None),
        (2, 5, 8, 144, 70, 3, (1, 1), 1, 1, Some((9, 17))),
    ];
    for isa in Isa::all_with_emulated() {
        for (
            batch,
            height,
            width,
            inputs,
            outputs,
            kernel,
            (stride, dilation),
            before,
            after,
            upsampled_to,
        ) in cases
        {
            let geometry = ConvGeometry {
                batch,
                height,
                width,
                upsampled_to,
                kernel,
                stride,
                dilation,
                padding_before: before,
                padding_after: after,
            };
            let input = numbers(batch * height * width * inputs, 1);
            let weight = numbers(outputs * inputs * kernel * kernel, 2);
            let bias = numbers(outputs, 3);
            let weights = packed(isa, [outputs, inputs, kernel], &weight);
            let mut expected = expected(&geometry, inputs, &input, &weight, &bias);
            // In half of the cases something rounded is added.
            let residual: Vec<bf16> = numbers(expected.len(), 4)
                .into_iter()
                .map(bf16::from_f32)
                .collect();
            let is_added = height % 2 == 0 || height > 8;
            if is_added {
                for (number, residual) in expected.iter_mut().zip(&residual) {
                    *number += residual.to_f64();
                }
            }
            let epilogue = Epilogue {
                bias: Some(&bias),
                residual: is_added.then_some(DtypeSlice::Bf16(&residual)),
                ..Epilogue::default()
            };
            let progress = &mut NeverCancelled;
            let output = conv2d(
                &geometry,
                &weights,
                &GemmInput::plain(&input),
                &epilogue,
                progress,
            )
            .unwrap()
            .into_f32();
            assert_close(
                &output,
                &expected,
                4.0 * tolerance(isa, 1e-6),
                &format!("{} {geometry:?}", isa.name()),
            );
        }
    }
}

#[test]
fn gelu_comes_after_bias_and_residual() {
    // The last one by Winograd.
    for (side, inputs, outputs, kernel) in [(5, 7, 19, 1), (6, 5, 40, 3), (16, 32, 33, 3)] {
        let geometry = ConvGeometry {
            batch: 1,
            height: side,
            width: side,
            upsampled_to: None,
            kernel,
            stride: 1,
            dilation: 1,
            padding_before: kernel / 2,
            padding_after: kernel / 2,
        };
        let input = numbers(side * side * inputs, 1);
        let weight = numbers(outputs * inputs * kernel * kernel, 2);
        let bias = numbers(outputs, 3);
        let residual = numbers(side * side * outputs, 4);
        let sums = expected(&geometry, inputs, &input, &weight, &bias);
        let sums = std::iter::zip(sums, &residual).map(|(sum, x)| sum + f64::from(*x));
        let expected: Vec<f64> = sums.map(|sum| sum * phi(sum)).collect();
        let epilogue = Epilogue {
            bias: Some(&bias),
            residual: Some(DtypeSlice::F32(&residual)),
            gelu: true,
            ..Epilogue::default()
        };
        for isa in Isa::all_with_emulated() {
            let weights = packed(isa, [outputs, inputs, kernel], &weight);
            let input = GemmInput::plain(&input);
            let output = conv2d(&geometry, &weights, &input, &epilogue, &mut NeverCancelled);
            let (output, most) = (output.unwrap().into_f32(), 4.0 * tolerance(isa, 2e-6));
            assert_close(&output, &expected, most, isa.name());
        }
    }
}

#[test]
fn the_epilogue_is_bias_geglu_and_residual() {
    for isa in Isa::all_with_emulated() {
        let (rows, inputs, outputs) = (29, 10, 3 * isa.lanes());
        let x = numbers(rows * inputs, 1);
        let weight = numbers(2 * outputs * inputs, 2);
        let bias = numbers(2 * outputs, 3);
        let residual = numbers(rows * outputs, 4);
        let order = |index| geglu_row_order(isa, outputs, index);
        let target = PackTarget::in_f32(isa);
        let weights = PackedWeights::pack(target, [2 * outputs, 1, inputs], |o, _, i| {
            weight[order(o) * inputs + i]
        });
        let packed_bias: Vec<f32> = (0..2 * outputs).map(|at| bias[order(at)]).collect();
        let epilogue = Epilogue {
            bias: Some(&packed_bias),
            residual: Some(DtypeSlice::F32(&residual)),
            geglu: true,
            gelu: false,
            bf16_output: false,
        };
        let output = linear(
            &weights,
            &GemmInput::plain(&x),
            &epilogue,
            &mut NeverCancelled,
        )
        .unwrap()
        .into_f32();
        let expected: Vec<f64> = (0..rows * outputs)
            .map(|at| {
                let (row, column) = (at / outputs, at % outputs);
                let dot = |line: usize| {
                    (0..inputs)
                        .map(|i| {
                            f64::from(x[row * inputs + i]) * f64::from(weight[line * inputs + i])
                        })
                        .sum::<f64>()
                        + f64::from(bias[line])
                };
                let gate = dot(outputs + column);
                // The tanh form is within 1e-3 of the exact one, which `activation` tests by itself.
                let inner = (2.0 / std::f64::consts::PI).sqrt() * (gate + 0.044_715 * gate.powi(3));
                dot(column) * 0.5 * gate * (1.0 + inner.tanh()) + f64::from(residual[at])
            })
            .collect();
        assert_close(&output, &expected, tolerance(isa, 1e-3), isa.name());
    }
}

#[test]
fn a_bf16_output_is_the_f32_output_rounded_or_f32() {
    let (rows, inputs) = (35, 10);
    let x = numbers(rows * inputs, 1);
    for isa in Isa::all_with_emulated() {
        for outputs in [1, 7, 2 * isa.lanes(), 2 * isa.lanes() + 5] {
            let weight = numbers(outputs * inputs, 2);
            let rounded: Vec<bf16> = numbers(rows * outputs, 3)
                .into_iter()
                .map(bf16::from_f32)
                .collect();
            let residual: Vec<f32> = rounded.iter().map(|x| x.to_f32()).collect();
            let weights = packed(isa, [outputs, inputs, 1], &weight);
            let cases = [
                (false, DtypeSlice::F32(&residual)),
                (true, DtypeSlice::F32(&residual)),
                (true, DtypeSlice::Bf16(&rounded)),
            ];
            let [as_is, bf16_output, onto_rounded] = cases.map(|(bf16_output, residual)| {
                let epilogue = Epilogue {
                    residual: Some(residual),
                    bf16_output,
                    ..Epilogue::default()
                };
                linear(
                    &weights,
                    &GemmInput::plain(&x),
                    &epilogue,
                    &mut NeverCancelled,
                )
                .unwrap()
            });
            let is_rounded = matches!(bf16_output, DtypeVec::Bf16(_));
            let has_amx = isa.bf16().is_some_and(|bf16_isa| bf16_isa.amx().is_some());
            assert_eq!(is_rounded, has_amx, "{}", isa.name());
            let as_is = as_is.into_f32();
            let expected: Vec<f32> = if is_rounded {
                as_is.iter().map(|x| bf16::from_f32(*x).to_f32()).collect()
            } else {
                as_is
            };
            assert_eq!(bf16_output.into_f32(), expected, "{} {outputs}", isa.name());
            assert_eq!(
                onto_rounded.into_f32(),
                expected,
                "{} {outputs}",
                isa.name()
            );
        }
    }
}

#[test]
fn a_fused_norm_gives_what_a_separate_one_gives() {
    let (batch, height, width, outputs) = (2, 9, 6, 5);
    for isa in Isa::all_with_emulated() {
        for inputs in [1, 6, 40] {
            let x = numbers(batch * height * width * inputs, 1);
            let rounded: Vec<bf16> = x.iter().map(|x| bf16::from_f32(*x)).collect();
            let (scale, bias) = (numbers(inputs, 2), numbers(inputs, 3));
            let weight = numbers(outputs * 9 * inputs, 4);
            let groups = GroupNorm {
                groups: if inputs == 1 { 1 } else { 2 },
                eps: 1e-5,
                weight: &scale,
                bias: &bias,
                silu: inputs == 6,
            };
            let rows = LayerNorm {
                weight: &scale,
                bias: &bias,
                eps: 1e-5,
            };
            for values in [DtypeSlice::F32(&x), DtypeSlice::Bf16(&rounded)] {
                let measured = groups.stats(isa, batch, values);
                let norms = [None, Some(Norm::Group(&measured)), Some(Norm::Layer(rows))];
                for input in norms.map(|norm| GemmInput { values, norm }) {
                    check_as_read(isa, [batch, height, width, outputs], &input, &weight);
                }
            }
        }
    }
}

/// Compares with the convolution of the materialized input.
fn check_as_read(
    isa: Isa,
    [batch, height, width, outputs]: [usize; 4],
    input: &GemmInput<'_>,
    weight: &[f32],
) {
    let materialized = input.materialized(isa);
    let inputs = materialized.len() / (batch * height * width);
    let geometry = ConvGeometry {
        batch,
        height,
        width,
        upsampled_to: None,
        kernel: 3,
        stride: 1,
        dilation: 1,
        padding_before: 1,
        padding_after: 1,
    };
    let weights = packed(isa, [outputs, inputs, 3], weight);
    let epilogue = Epilogue::default();
    let [got, expected] = [input, &GemmInput::plain(&materialized)].map(|input| {
        let output = conv2d(&geometry, &weights, input, &epilogue, &mut NeverCancelled);
        output.unwrap().into_f32()
    });
    // SiLU to fewer digits may round a few numbers to their other neighbour.
    let expected: Vec<f64> = expected.into_iter().map(f64::from).collect();
    assert_close(&got, &expected, 2e-3, isa.name());
}

#[test]
fn long_sums_agree_too() {
    // In bf16, K goes in blocks: some inputs of a tap, and some taps.
    for (rows, inputs, kernel) in [(290, 3001, 1), (130, 700, 3)] {
        let geometry = ConvGeometry {
            batch: 1,
            height: rows,
            width: kernel,
            upsampled_to: None,
            kernel,
            stride: 1,
            dilation: 1,
            padding_before: 0,
            padding_after: 0,
        };
        let bias = numbers(33, 3);
        let input = numbers(rows * kernel * inputs, 4);
        let weight = numbers(bias.len() * kernel * kernel * inputs, 5);
        let expected = expected(&geometry, inputs, &input, &weight, &bias);
        for isa in Isa::all_with_emulated() {
            let weights = packed(isa, [bias.len(), inputs, kernel], &weight);
            let epilogue = Epilogue {
                bias: Some(&bias),
                ..Epilogue::default()
            };
            let progress = &mut NeverCancelled;
            let output = conv2d(
                &geometry,
                &weights,
                &GemmInput::plain(&input),
                &epilogue,
                progress,
            )
            .unwrap()
            .into_f32();
            assert_close(&output, &expected, tolerance(isa, 1e-5), isa.name());
        }
    }
}

#[test]
fn halves_are_widened_exactly() {
    let isa = Isa::chosen().unwrap().in_f32();
    let (rows, inputs, outputs) = (31, 12, 50);
    let x = numbers(rows * inputs, 1);
    // Exact in f16 and in bf16.
    let weight: Vec<f32> = numbers(outputs * inputs, 2)
        .iter()
        .map(|w| (w * 64.0).round() / 64.0)
        .collect();
    let run = |kept| {
        let weights = PackedWeights::pack(
            PackTarget::new(isa, kept),
            [outputs, 1, inputs],
            |o, _, i| weight[o * inputs + i],
        );
        linear(
            &weights,
            &GemmInput::plain(&x),
            &Epilogue::default(),
            &mut NeverCancelled,
        )
        .unwrap()
        .into_f32()
    };
    assert_eq!(run(WeightDtype::F16), run(WeightDtype::F32));
    assert_eq!(run(WeightDtype::Bf16), run(WeightDtype::F32));
}

#[test]
fn the_number_of_threads_does_not_change_a_bit() {
    for isa in Isa::all_with_emulated() {
        check_threads(isa);
    }
}

fn check_threads(isa: Isa) {
    let (rows, inputs, outputs) = (500, 40, 100);
    let x = numbers(rows * inputs, 1);
    let weight = numbers(outputs * inputs, 2);
    let weights = packed(isa, [outputs, inputs, 1], &weight);
    let epilogue = Epilogue::default();
    assert_same_by_threads(isa, || {
        linear(
            &weights,
            &GemmInput::plain(&x),
            &epilogue,
            &mut NeverCancelled,
        )
        .unwrap()
        .into_f32()
    });
    // So large that K goes in blocks, and that blocks of M depend on the number of threads.
    let (height, width, inputs, outputs) = (128, 16, 900, 8);
    let x = numbers(height * width * inputs, 3);
    let weight = numbers(outputs * 9 * inputs, 4);
    let weights = packed(isa, [outputs, inputs, 3], &weight);
    let geometry = ConvGeometry {
        batch: 1,
        height,
        width,
        upsampled_to: None,
        kernel: 3,
        stride: 1,
        dilation: 1,
        padding_before: 1,
        padding_after: 1,
    };
    assert_same_by_threads(isa, || {
        conv2d(
            &geometry,
            &weights,
            &GemmInput::plain(&x),
            &epilogue,
            &mut NeverCancelled,
        )
        .unwrap()
        .into_f32()
    });
}

fn assert_same_by_threads(isa: Isa, gemm: impl Fn() -> Vec<f32> + Sync) {
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(&gemm)
    };
    assert!(run(1) == run(3), "{}", isa.name());
}

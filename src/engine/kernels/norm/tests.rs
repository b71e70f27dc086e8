use super::*;
use crate::engine::kernels::reference::{assert_close, numbers};

#[test]
fn groups_are_normalised_as_in_f64() {
    for isa in Isa::all() {
        for (batch, area, channels, groups, mean) in [
            (1, 1, 4, 2, 0.0),
            (2, 35, 6, 3, 1.0),
            (1, 777, 32, 32, -3.0),
            (2, 300, 40, 8, 1000.0),
        ] {
            let x: Vec<f32> = numbers(batch * area * channels, 1)
                .iter()
                .map(|x| x + mean)
                .collect();
            let (weight, bias) = (numbers(channels, 2), numbers(channels, 3));
            let eps = 1e-5;
            let norm = GroupNorm {
                groups,
                eps,
                weight: &weight,
                bias: &bias,
                silu: channels > 6,
            };
            let measured = norm.stats(isa, batch, DtypeSlice::F32(&x));
            let output = Norm::Group(&measured).apply(isa, DtypeSlice::F32(&x));
            let members = channels / groups;
            let expected: Vec<f64> = (0..x.len())
                .map(|at| {
                    let (picture, channel) = (at / (area * channels), at % channels);
                    let group: Vec<f64> = (0..area * members)
                        .map(|i| {
                            let (pixel, member) = (i / members, i % members);
                            let channel = channel / members * members + member;
                            f64::from(x[(picture * area + pixel) * channels + channel])
                        })
                        .collect();
                    let mean = group.iter().sum::<f64>() / group.len() as f64;
                    let variance =
                        group.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / group.len() as f64;
                    let normal = (f64::from(x[at]) - mean) / (variance + eps).sqrt();
                    let y = normal * f64::from(weight[channel]) + f64::from(bias[channel]);
                    if norm.silu { y / (1.0 + (-y).exp()) } else { y }
                })
                .collect();
            // Around 1000, the input itself has but four digits of the deviation.
            let most = if mean == 1000.0 { 1e-4 } else { 2e-6 };
            assert_close(
                &output,
                &expected,
                most,
                &format!("{} {channels}", isa.name()),
            );
        }
    }
}

#[test]
fn rows_are_normalised_as_in_f64() {
    for isa in Isa::all() {
        for (rows, width) in [(1, 1), (3, 7), (300, 40), (2, 1280)] {
            let x: Vec<f32> = numbers(rows * width, 1)
                .iter()
                .map(|x| 5.0 * x + 2.0)
                .collect();
            let (weight, bias) = (numbers(width, 2), numbers(width, 3));
            let norm = LayerNorm {
                weight: &weight,
                bias: &bias,
                eps: 1e-5,
            };
            let output = Norm::Layer(norm).apply(isa, DtypeSlice::F32(&x));
            let expected: Vec<f64> = (0..x.len())
                .map(|at| {
                    let row = &x[at / width * width..][..width];
                    let mean = row.iter().map(|x| f64::from(*x)).sum::<f64>() / width as f64;
                    let variance = row
                        .iter()
                        .map(|x| (f64::from(*x) - mean).powi(2))
                        .sum::<f64>()
                        / width as f64;
                    (f64::from(x[at]) - mean) / (variance + 1e-5).sqrt()
                        * f64::from(weight[at % width])
                        + f64::from(bias[at % width])
                })
                .collect();
            assert_close(&output, &expected, 2e-6, &format!("{} {width}", isa.name()));
        }
    }
}

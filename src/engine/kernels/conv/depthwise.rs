//! Depthwise convolution: each channel by its own kernel, no sums over channels.

use rayon::prelude::*;

use super::geometry::ConvGeometry;
use super::implicit_gemm::PixelIndex;

/// Convolves `input`, `(batch, height, width, channels)`, to `(batch, rows, columns, channels)`. `weights` is
/// `(taps, channels)`, the kernel's taps row after row; `bias` has a number a channel.
pub(crate) fn depthwise(
    geometry: &ConvGeometry,
    weights: &[f32],
    bias: &[f32],
    input: &[f32],
) -> Vec<f32> {
    let (rows, columns) = geometry.output_size();
    let ConvGeometry {
        kernel,
        stride,
        dilation,
        ..
    } = *geometry;
    let channels = bias.len();
    assert_eq!(weights.len(), kernel * kernel * channels);
    let pixels = geometry.batch * geometry.height * geometry.width;
    assert_eq!(input.len(), pixels * channels);
    let index = PixelIndex::of(geometry);
    let mut output = vec![0.0; geometry.batch * rows * columns * channels];
    if output.is_empty() {
        return output;
    }
    let lines = output.par_chunks_mut(columns * channels).enumerate();
    lines.for_each(|(line, to)| {
        let (picture, y) = (line / rows, line % rows);
        for (x, to) in to.chunks_exact_mut(channels).enumerate() {
            to.copy_from_slice(bias);
            for (tap, weights) in weights.chunks_exact(channels).enumerate() {
                let (dy, dx) = (tap / kernel * dilation, tap % kernel * dilation);
                let Some(pixel) = index.pixel(picture, y * stride + dy, x * stride + dx) else {
                    continue;
                };
                let from = &input[pixel * channels..][..channels];
                for ((sum, value), weight) in to.iter_mut().zip(from).zip(weights) {
                    *sum += value * weight;
                }
            }
        }
    });
    output
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::kernels::reference::numbers;

    /// Its definition, in f64.
    fn expected(geometry: &ConvGeometry, weights: &[f32], bias: &[f32], input: &[f32]) -> Vec<f64> {
        let (rows, columns) = geometry.output_size();
        let (kernel, channels) = (geometry.kernel, bias.len());
        let mut result = Vec::new();
        for at in 0..geometry.batch * rows * columns * channels {
            let (pixel, channel) = (at / channels, at % channels);
            let (picture, y, x) = (
                pixel / (rows * columns),
                pixel / columns % rows,
                pixel % columns,
            );
            let mut sum = f64::from(bias[channel]);
            for tap in 0..kernel * kernel {
                let along = |at: usize, tap: usize, len: usize| {
                    let at = at * geometry.stride + tap * geometry.dilation;
                    at.checked_sub(geometry.padding_before)
                        .filter(|at| *at < len)
                };
                let row = along(y, tap / kernel, geometry.height);
                let column = along(x, tap % kernel, geometry.width);
                if let (Some(row), Some(column)) = (row, column) {
                    let pixel = (picture * geometry.height + row) * geometry.width + column;
                    let product =
                        input[pixel * channels + channel] * weights[tap * channels + channel];
                    sum += f64::from(product);
                }
            }
            result.push(sum);
        }
        result
    }

    #[test]
    fn agrees_with_its_definition() {
        // batch, height, width, channels, kernel, stride, dilation, before, after
        for (batch, height, width, channels, kernel, stride, dilation, before, after) in [
            (1, 1, 1, 1, 3, 1, 1, 1, 1),
            (2, 7, 5, 24, 3, 1, 1, 1, 1),
            (1, 8, 6, 17, 3, 2, 1, 0, 1),
            (1, 9, 9, 3, 5, 2, 1, 1, 2),
            (1, 9, 12, 8, 3, 1, 3, 3, 3),
        ] {
            let geometry = ConvGeometry {
                batch,
                height,
                width,
                upsampled_to: None,
                kernel,
                stride,
                dilation,
                padding_before: before,
                padding_after: after,
            };
            let input = numbers(batch * height * width * channels, 1);
            let weights = numbers(kernel * kernel * channels, 2);
            let bias = numbers(channels, 3);
            let got = depthwise(&geometry, &weights, &bias, &input);
            let expected = expected(&geometry, &weights, &bias, &input);
            assert_eq!(got.len(), expected.len());
            for (got, expected) in got.iter().zip(&expected) {
                assert!((f64::from(*got) - expected).abs() < 1e-5, "{geometry:?}");
            }
        }
    }
}

//! Depthwise convolution: each channel by its own kernel, no sums over channels.

use std::mem::MaybeUninit;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::geometry::ConvGeometry;
use super::implicit_gemm::PixelIndex;
use crate::engine::kernels::activation::gelu;
use crate::engine::kernels::elementwise::{update, write};
use crate::engine::kernels::isa::Isa;
use crate::engine::kernels::output::UninitBuffer;

/// A kernel for each channel, and what follows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DepthwiseFilter<'a> {
    /// `(taps, channels)`, the kernel's taps row after row.
    pub(crate) weights: &'a [f32],
    /// One a channel.
    pub(crate) bias: &'a [f32],
    /// GELU of the result.
    pub(crate) gelu: bool,
}

/// Convolves `input`, `(batch, height, width, channels)`, to `(batch, rows, columns, channels)`.
#[expect(unsafe_code, reason = "a result that is written in parts")]
pub(crate) fn depthwise(
    isa: Isa,
    geometry: &ConvGeometry,
    filter: &DepthwiseFilter<'_>,
    input: &[f32],
) -> Vec<f32> {
    let (rows, columns) = geometry.output_size();
    let channels = filter.bias.len();
    assert_eq!(
        filter.weights.len(),
        geometry.kernel * geometry.kernel * channels
    );
    let pixels = geometry.batch * geometry.height * geometry.width;
    assert_eq!(input.len(), pixels * channels);
    let index = PixelIndex::of(geometry);
    let len = geometry.batch * rows * columns * channels;
    if len == 0 {
        return Vec::new();
    }
    let mut output = UninitBuffer::new(len);
    let lines = output.elements().par_chunks_mut(columns * channels);
    lines.enumerate().for_each(|(line, to)| {
        isa.run(Line {
            geometry,
            filter,
            input,
            index: &index,
            picture: line / rows,
            y: line % rows,
            to,
        });
    });
    // SAFETY: the lines are all of it, and every pixel of each was written.
    unsafe { output.assume_init() }
}

/// A row of pixels.
struct Line<'a> {
    geometry: &'a ConvGeometry,
    filter: &'a DepthwiseFilter<'a>,
    input: &'a [f32],
    index: &'a PixelIndex<'a>,
    picture: usize,
    y: usize,
    to: &'a mut [MaybeUninit<f32>],
}

impl WithSimd for Line<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let ConvGeometry {
            kernel,
            stride,
            dilation,
            ..
        } = *self.geometry;
        let channels = self.filter.bias.len();
        for (x, to) in self.to.chunks_exact_mut(channels).enumerate() {
            let sums = write(simd, to, [self.filter.bias], |[bias]| bias);
            let taps = self.filter.weights.chunks_exact(channels);
            for (tap, weights) in taps.enumerate() {
                let (dy, dx) = (tap / kernel * dilation, tap % kernel * dilation);
                let (row, column) = (self.y * stride + dy, x * stride + dx);
                let Some(pixel) = self.index.pixel(self.picture, row, column) else {
                    continue;
                };
                let from = &self.input[pixel * channels..][..channels];
                update(
                    simd,
                    sums,
                    [from, weights],
                    #[inline(always)]
                    |sum, [value, weight]| simd.mul_add_f32s(value, weight, sum),
                );
            }
            if self.filter.gelu {
                update(
                    simd,
                    sums,
                    [],
                    #[inline(always)]
                    |sum, []| gelu(simd, sum),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::kernels::reference::{numbers, phi};

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
            let expected = expected(&geometry, &weights, &bias, &input);
            for (isa, gelu) in Isa::all()
                .into_iter()
                .flat_map(|isa| [(isa, false), (isa, true)])
            {
                let filter = DepthwiseFilter {
                    weights: &weights,
                    bias: &bias,
                    gelu,
                };
                let got = depthwise(isa, &geometry, &filter, &input);
                assert_eq!(got.len(), expected.len());
                for (got, expected) in got.iter().zip(&expected) {
                    let expected = if gelu {
                        expected * phi(*expected)
                    } else {
                        *expected
                    };
                    let what = isa.name();
                    assert!(
                        (f64::from(*got) - expected).abs() < 1e-5,
                        "{what} {geometry:?}"
                    );
                }
            }
        }
    }
}

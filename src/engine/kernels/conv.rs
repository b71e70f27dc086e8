//! Convolution as products of pixels with panels of weights: what lies under the kernel is pointed
//! at, never copied.

use super::pack::PackedWeights;
use super::product::{Finish, Rows, multiply};
use crate::engine::{Cancelled, Progress};

/// Measures of a convolution of pictures `(batch, height, width, channels)`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConvGeometry {
    /// Pictures.
    pub(crate) batch: usize,
    /// Rows of the input as it is stored.
    pub(crate) height: usize,
    /// Columns of the input as it is stored.
    pub(crate) width: usize,
    /// Rows and columns the input is enlarged to, by repeating pixels, before it is convolved.
    pub(crate) enlarged: Option<(usize, usize)>,
    /// Side of the kernel.
    pub(crate) kernel: usize,
    /// Input pixels from one output pixel to the next.
    pub(crate) stride: usize,
    /// Zeros above and left of the (enlarged) input.
    pub(crate) padding_before: usize,
    /// Zeros below and right of it.
    pub(crate) padding_after: usize,
}

impl ConvGeometry {
    /// Rows and columns of what is convolved.
    fn input_size(&self) -> (usize, usize) {
        self.enlarged.unwrap_or((self.height, self.width))
    }

    /// Rows and columns of the output.
    pub(crate) fn output_size(&self) -> (usize, usize) {
        let along = |len: usize| {
            let padded = len + self.padding_before + self.padding_after;
            padded
                .checked_sub(self.kernel)
                .map_or(0, |rest| rest / self.stride + 1)
        };
        let (height, width) = self.input_size();
        (along(height), along(width))
    }
}

/// Convolves `input` and writes `(batch, rows, columns, outputs)`, finished. The taps of the
/// weights are the kernel's places, row after row.
pub(crate) fn conv2d(
    geometry: &ConvGeometry,
    weights: &PackedWeights,
    input: &[f32],
    finish: &Finish<'_>,
    output: &mut [f32],
    progress: &mut dyn Progress,
) -> Result<(), Cancelled> {
    let (rows, columns) = geometry.output_size();
    let channels = weights.inputs();
    assert_eq!(weights.taps(), geometry.kernel * geometry.kernel);
    assert_eq!(
        input.len(),
        geometry.batch * geometry.height * geometry.width * channels
    );
    let (from_rows, from_columns) = geometry.input_size();
    let under = UnderKernel {
        geometry,
        input,
        channels,
        rows,
        columns,
        stored_row: nearest(from_rows, geometry.height),
        stored_column: nearest(from_columns, geometry.width),
        zeros: vec![0.0; channels],
    };
    multiply(weights, &under, finish, output, progress)
}

/// For each of `len` enlarged lines, the stored line (of `stored`) it repeats.
fn nearest(len: usize, stored: usize) -> Vec<usize> {
    (0..len).map(|line| line * stored / len.max(1)).collect()
}

/// The input under the kernel at every output pixel.
struct UnderKernel<'a> {
    geometry: &'a ConvGeometry,
    input: &'a [f32],
    channels: usize,
    rows: usize,
    columns: usize,
    stored_row: Vec<usize>,
    stored_column: Vec<usize>,
    zeros: Vec<f32>,
}

impl Rows for UnderKernel<'_> {
    fn count(&self) -> usize {
        self.geometry.batch * self.rows * self.columns
    }

    fn point<'a>(&'a self, first: usize, rows: usize, slices: &mut Vec<&'a [f32]>) {
        let ConvGeometry {
            height,
            width,
            kernel,
            stride,
            padding_before,
            ..
        } = *self.geometry;
        let area = self.rows * self.columns;
        for dy in 0..kernel {
            for dx in 0..kernel {
                let (mut picture, mut y, mut x) = (
                    first / area,
                    first % area / self.columns,
                    first % self.columns,
                );
                for _ in 0..rows {
                    // Above or left of the input the subtraction wraps round to a number that is
                    // in no table either.
                    let row = (y * stride + dy).wrapping_sub(padding_before);
                    let column = (x * stride + dx).wrapping_sub(padding_before);
                    slices.push(
                        match (self.stored_row.get(row), self.stored_column.get(column)) {
                            (Some(row), Some(column)) => {
                                let pixel = (picture * height + row) * width + column;
                                &self.input[pixel * self.channels..][..self.channels]
                            }
                            _ => &self.zeros,
                        },
                    );
                    x += 1;
                    if x == self.columns {
                        (x, y) = (0, y + 1);
                    }
                    if y == self.rows {
                        (y, picture) = (0, picture + 1);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;

//! Convolution as products of pixels with panels of weights: what lies under the kernel is pointed
//! at, never copied.

use super::pack::PackedWeights;
use super::product::tiled::{self, Places};
use super::product::{Epilogue, Rows, multiply};
use super::values::{DtypeVec, GemmInput};
use super::winograd;
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
    pub(crate) upsampled_to: Option<(usize, usize)>,
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
        self.upsampled_to.unwrap_or((self.height, self.width))
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

/// Convolves `input` to `(batch, rows, columns, outputs)`, finished. The taps of the
/// weights are the kernel's places, row after row.
pub(crate) fn conv2d(
    geometry: &ConvGeometry,
    weights: &PackedWeights,
    input: &GemmInput<'_>,
    epilogue: &Epilogue<'_>,
    progress: &mut dyn Progress,
) -> Result<DtypeVec, Cancelled> {
    let (rows, columns) = geometry.output_size();
    let channels = weights.inputs();
    assert_eq!(weights.taps(), geometry.kernel * geometry.kernel);
    assert_eq!(
        input.values.len(),
        geometry.batch * geometry.height * geometry.width * channels
    );
    let places = PixelIndex::of(geometry);
    if let Some(tiles) = tiled::tiles_of(weights) {
        let measures = Places {
            batch: geometry.batch,
            rows,
            columns,
            kernel: geometry.kernel,
            stride: geometry.stride,
        };
        let source = tiled::Source {
            input,
            place: |picture, row, column| places.pixel(picture, row, column),
        };
        return tiled::multiply(tiles, weights, &measures, &source, epilogue, progress);
    }
    let under = Im2col {
        geometry,
        input: &input.materialized(weights.isa()),
        channels,
        rows,
        columns,
        places,
        zeros: vec![0.0; channels],
    };
    let output = if winograd::pays(geometry, weights, epilogue) {
        winograd::convolve(weights, &under, geometry.batch, epilogue, progress)
    } else {
        multiply(weights, &under, epilogue, progress)
    };
    output.map(DtypeVec::F32)
}

/// Which stored pixel is where, counted from the padding before the enlarged picture.
struct PixelIndex<'a> {
    geometry: &'a ConvGeometry,
    /// Of each row of the enlarged picture.
    rows: Vec<usize>,
    /// Of each column.
    columns: Vec<usize>,
}

impl<'a> PixelIndex<'a> {
    fn of(geometry: &'a ConvGeometry) -> Self {
        let (rows, columns) = geometry.input_size();
        Self {
            geometry,
            rows: nearest(rows, geometry.height),
            columns: nearest(columns, geometry.width),
        }
    }

    /// `None` in the padding.
    fn pixel(&self, picture: usize, row: usize, column: usize) -> Option<usize> {
        let ConvGeometry {
            height,
            width,
            padding_before,
            ..
        } = *self.geometry;
        // In the padding before the picture the subtraction wraps round to a number that is in
        // no table either.
        let row = self.rows.get(row.wrapping_sub(padding_before))?;
        let column = self.columns.get(column.wrapping_sub(padding_before))?;
        Some((picture * height + row) * width + column)
    }
}

/// For each of `len` enlarged lines, the stored line (of `stored`) it repeats.
fn nearest(len: usize, stored: usize) -> Vec<usize> {
    (0..len).map(|line| line * stored / len.max(1)).collect()
}

/// The input under the kernel at every output pixel.
pub(super) struct Im2col<'a> {
    geometry: &'a ConvGeometry,
    input: &'a [f32],
    channels: usize,
    rows: usize,
    columns: usize,
    places: PixelIndex<'a>,
    zeros: Vec<f32>,
}

impl Im2col<'_> {
    /// Rows and columns of the output.
    pub(super) fn output_size(&self) -> (usize, usize) {
        (self.rows, self.columns)
    }

    /// Points `pixels` at the `side` × `side` pixels of which the first lies under the kernel's
    /// first place at output pixel (`y`, `x`) of a picture; row after row.
    pub(super) fn window<'a>(
        &'a self,
        picture: usize,
        y: usize,
        x: usize,
        side: usize,
        pixels: &mut [&'a [f32]],
    ) {
        for (at, pixel) in pixels.iter_mut().enumerate() {
            *pixel = self.pixel(picture, y + at / side, x + at % side);
        }
    }

    /// The channels of a pixel, in rows and columns of the enlarged picture counted from its
    /// padding; zeros outside of it.
    fn pixel(&self, picture: usize, row: usize, column: usize) -> &[f32] {
        match self.places.pixel(picture, row, column) {
            Some(pixel) => &self.input[pixel * self.channels..][..self.channels],
            None => &self.zeros,
        }
    }
}

impl Rows for Im2col<'_> {
    fn count(&self) -> usize {
        self.geometry.batch * self.rows * self.columns
    }

    fn point<'a>(&'a self, first: usize, rows: usize, slices: &mut Vec<&'a [f32]>) {
        let ConvGeometry { kernel, stride, .. } = *self.geometry;
        let area = self.rows * self.columns;
        for dy in 0..kernel {
            for dx in 0..kernel {
                let (mut picture, mut y, mut x) = (
                    first / area,
                    first % area / self.columns,
                    first % self.columns,
                );
                for _ in 0..rows {
                    slices.push(self.pixel(picture, y * stride + dy, x * stride + dx));
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

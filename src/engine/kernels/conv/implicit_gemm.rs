//! Implicit GEMM: the im2col matrix of a convolution is never made; its rows are slices of pixels
//! wherever they lie, after the indirect convolution of [Dukhan 2019](https://arxiv.org/abs/1907.02129).

use super::geometry::ConvGeometry;
use crate::engine::kernels::gemm::RowSource;

/// Maps pixels of the upsampled and padded picture to stored ones.
pub(crate) struct PixelIndex<'a> {
    geometry: &'a ConvGeometry,
    /// The stored row of each upsampled one.
    rows: Vec<usize>,
    /// The stored column of each upsampled one.
    columns: Vec<usize>,
}

impl<'a> PixelIndex<'a> {
    pub(crate) fn of(geometry: &'a ConvGeometry) -> Self {
        let (rows, columns) = geometry.input_size();
        Self {
            geometry,
            rows: nearest(rows, geometry.height),
            columns: nearest(columns, geometry.width),
        }
    }

    /// `None` in the padding.
    pub(crate) fn pixel(&self, picture: usize, row: usize, column: usize) -> Option<usize> {
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

/// Nearest-neighbour upsampling from `stored` to `len` rows or columns: the index each repeats.
fn nearest(len: usize, stored: usize) -> Vec<usize> {
    (0..len).map(|at| at * stored / len.max(1)).collect()
}

/// The im2col matrix, never made: a row is the input under the kernel at an output pixel.
pub(crate) struct Im2col<'a> {
    geometry: &'a ConvGeometry,
    input: &'a [f32],
    channels: usize,
    rows: usize,
    columns: usize,
    index: PixelIndex<'a>,
    zeros: Vec<f32>,
}

impl<'a> Im2col<'a> {
    /// The matrix of a convolution of `input`, of `channels` values a pixel.
    pub(crate) fn new(
        geometry: &'a ConvGeometry,
        input: &'a [f32],
        index: PixelIndex<'a>,
        channels: usize,
    ) -> Self {
        let (rows, columns) = geometry.output_size();
        Self {
            geometry,
            input,
            channels,
            rows,
            columns,
            index,
            zeros: vec![0.0; channels],
        }
    }

    /// Rows and columns of the output.
    pub(crate) fn output_size(&self) -> (usize, usize) {
        (self.rows, self.columns)
    }

    /// Points `pixels` at the `side` × `side` input pixels of which the first lies under the first tap at
    /// output pixel (`y`, `x`) of a picture; row after row.
    pub(crate) fn window<'p>(
        &'p self,
        picture: usize,
        y: usize,
        x: usize,
        side: usize,
        pixels: &mut [&'p [f32]],
    ) {
        for (at, pixel) in pixels.iter_mut().enumerate() {
            *pixel = self.pixel(picture, y + at / side, x + at % side);
        }
    }

    /// The channels of a pixel of the upsampled and padded picture; zeros in the padding.
    fn pixel(&self, picture: usize, row: usize, column: usize) -> &[f32] {
        match self.index.pixel(picture, row, column) {
            Some(pixel) => &self.input[pixel * self.channels..][..self.channels],
            None => &self.zeros,
        }
    }
}

impl RowSource for Im2col<'_> {
    fn m(&self) -> usize {
        self.geometry.batch * self.rows * self.columns
    }

    fn row_pointers<'a>(&'a self, first: usize, rows: usize, slices: &mut Vec<&'a [f32]>) {
        let ConvGeometry {
            kernel,
            stride,
            dilation,
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
                    slices.push(self.pixel(
                        picture,
                        y * stride + dy * dilation,
                        x * stride + dx * dilation,
                    ));
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

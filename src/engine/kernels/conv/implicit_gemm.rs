//! Implicit GEMM: the im2col matrix of a convolution is never made; its rows are slices of pixels
//! wherever they lie, after the indirect convolution of [Dukhan 2019](https://arxiv.org/abs/1907.02129).

use super::geometry::ConvGeometry;
use crate::engine::kernels::gemm::RowSource;

/// Which stored pixel is where, counted from the padding before the enlarged picture.
pub(crate) struct PixelIndex<'a> {
    geometry: &'a ConvGeometry,
    /// Of each row of the enlarged picture.
    rows: Vec<usize>,
    /// Of each column.
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

/// For each of `len` enlarged lines, the stored line (of `stored`) it repeats.
fn nearest(len: usize, stored: usize) -> Vec<usize> {
    (0..len).map(|line| line * stored / len.max(1)).collect()
}

/// The input under the kernel at every output pixel.
pub(crate) struct Im2col<'a> {
    geometry: &'a ConvGeometry,
    input: &'a [f32],
    channels: usize,
    rows: usize,
    columns: usize,
    grid: PixelIndex<'a>,
    zeros: Vec<f32>,
}

impl<'a> Im2col<'a> {
    /// The matrix of a convolution of `input`, of `channels` numbers a pixel.
    pub(crate) fn new(
        geometry: &'a ConvGeometry,
        input: &'a [f32],
        grid: PixelIndex<'a>,
        channels: usize,
    ) -> Self {
        let (rows, columns) = geometry.output_size();
        Self {
            geometry,
            input,
            channels,
            rows,
            columns,
            grid,
            zeros: vec![0.0; channels],
        }
    }

    /// Rows and columns of the output.
    pub(crate) fn output_size(&self) -> (usize, usize) {
        (self.rows, self.columns)
    }

    /// Points `pixels` at the `side` × `side` pixels of which the first lies under the kernel's
    /// first place at output pixel (`y`, `x`) of a picture; row after row.
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

    /// The channels of a pixel, in rows and columns of the enlarged picture counted from its
    /// padding; zeros outside of it.
    fn pixel(&self, picture: usize, row: usize, column: usize) -> &[f32] {
        match self.grid.pixel(picture, row, column) {
            Some(pixel) => &self.input[pixel * self.channels..][..self.channels],
            None => &self.zeros,
        }
    }
}

impl RowSource for Im2col<'_> {
    fn count(&self) -> usize {
        self.geometry.batch * self.rows * self.columns
    }

    fn row_pointers<'a>(&'a self, first: usize, rows: usize, slices: &mut Vec<&'a [f32]>) {
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

//! Convolution as products of matrices.
//!
//! The output is cut in tiles of pixels. For each, the input under every place of the kernel is
//! laid out as rows of a small matrix (copies of runs of the input, since pictures are stored
//! channel by channel), which the weights, as they are stored, are multiplied with.

use gemm::Parallelism;
use rayon::prelude::*;

use crate::engine::{Cancelled, Progress};

/// Numbers of a tile's matrix: 1 MiB, so that it stays in the second cache while it is used.
const TILE_NUMBERS: usize = 1 << 18;
/// Pixels of a tile at the least; below, packing the weights costs more than multiplying.
const MIN_TILE_PX: usize = 128;
/// Multiplications between two questions whether to stop: some tens of milliseconds on one core.
const MULTIPLICATIONS_PER_CHECKPOINT: usize = 1 << 30;

/// Measures of a convolution.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConvGeometry {
    /// Pictures.
    pub(crate) batch: usize,
    /// Channels in.
    pub(crate) inputs: usize,
    /// Channels out.
    pub(crate) outputs: usize,
    /// Rows of the input.
    pub(crate) height: usize,
    /// Columns of the input.
    pub(crate) width: usize,
    /// Side of the kernel.
    pub(crate) kernel: usize,
    /// Input pixels from one output pixel to the next.
    pub(crate) stride: usize,
    /// Zeros around the input.
    pub(crate) padding: usize,
}

impl ConvGeometry {
    /// Rows and columns of the output.
    pub(crate) fn output_size(&self) -> (usize, usize) {
        let along = |len: usize| {
            let padded = len + 2 * self.padding;
            padded
                .checked_sub(self.kernel)
                .map_or(0, |rest| rest / self.stride + 1)
        };
        (along(self.height), along(self.width))
    }

    /// Numbers the kernel covers: rows of a tile's matrix.
    fn depth(&self) -> usize {
        self.inputs * self.kernel * self.kernel
    }
}

/// Convolves `(batch, inputs, height, width)` with `(outputs, inputs, kernel, kernel)` and adds a
/// number to each output channel. The slices must have the lengths the geometry says.
pub(crate) fn conv2d(
    geometry: &ConvGeometry,
    input: &[f32],
    weight: &[f32],
    bias: &[f32],
    progress: &mut dyn Progress,
) -> Result<Vec<f32>, Cancelled> {
    let (rows, columns) = geometry.output_size();
    let area = rows * columns;
    let (outputs, depth) = (geometry.outputs, geometry.depth());
    let in_len = geometry.inputs * geometry.height * geometry.width;
    assert_eq!(input.len(), geometry.batch * in_len);
    assert_eq!(weight.len(), outputs * depth);
    assert_eq!(bias.len(), outputs);

    let mut output = Vec::with_capacity(geometry.batch * outputs * area);
    for _ in 0..geometry.batch {
        for bias in bias {
            output.resize(output.len() + area, *bias);
        }
    }
    if input.is_empty() || output.is_empty() {
        return Ok(output);
    }
    let threads = rayon::current_num_threads();
    let fitting = (TILE_NUMBERS / depth).max(MIN_TILE_PX);
    let tile_px = fitting
        .min(area.div_ceil(threads).max(MIN_TILE_PX))
        .min(area);
    let tiles_each = area.div_ceil(tile_px);
    let tiles = geometry.batch * tiles_each;
    let parallelism = if tiles < threads {
        Parallelism::Rayon(threads)
    } else {
        Parallelism::None
    };
    let per_round = MULTIPLICATIONS_PER_CHECKPOINT / (outputs * depth * tile_px);
    let per_round = per_round.max(1).next_multiple_of(threads);
    let target = Target(output.as_mut_ptr());
    for round in (0..tiles).step_by(per_round) {
        progress.checkpoint()?;
        (round..tiles.min(round + per_round))
            .into_par_iter()
            .for_each_init(Vec::new, |columns_of_tile, tile| {
                let picture = tile / tiles_each;
                let first = tile % tiles_each * tile_px;
                let count = tile_px.min(area - first);
                let input = &input[picture * in_len..(picture + 1) * in_len];
                let (right, right_stride) = if geometry.is_pointwise() {
                    (&input[first..], area)
                } else {
                    lay_out(geometry, input, first..first + count, columns_of_tile);
                    (columns_of_tile.as_slice(), count)
                };
                let offset = picture * outputs * area + first;
                multiply(
                    weight,
                    Right {
                        numbers: right,
                        stride: right_stride,
                    },
                    [outputs, count, depth],
                    target.at(offset, area),
                    parallelism,
                );
            });
    }
    Ok(output)
}

impl ConvGeometry {
    /// True where the input itself is the matrix.
    fn is_pointwise(&self) -> bool {
        self.kernel == 1 && self.stride == 1 && self.padding == 0
    }
}

/// Writes what lies under the kernel at the output pixels `pixels`: one row for each input channel
/// and place in the kernel, in the order of the weights.
fn lay_out(
    geometry: &ConvGeometry,
    input: &[f32],
    pixels: std::ops::Range<usize>,
    matrix: &mut Vec<f32>,
) {
    let ConvGeometry {
        height,
        width,
        kernel,
        stride,
        padding,
        ..
    } = *geometry;
    let (_, columns) = geometry.output_size();
    let count = pixels.len();
    matrix.resize(geometry.depth() * count, 0.0);
    for (index, row) in matrix.chunks_exact_mut(count).enumerate() {
        let channel = &input[index / (kernel * kernel) * height * width..][..height * width];
        let (dy, dx) = (index / kernel % kernel, index % kernel);
        let mut rest = row;
        let mut at = pixels.start;
        while at < pixels.end {
            let (y, x) = (at / columns, at % columns);
            let len = (columns - x).min(pixels.end - at);
            let (run, after) = rest.split_at_mut(len);
            rest = after;
            at += len;
            match (y * stride + dy).checked_sub(padding) {
                Some(y) if y < height => {
                    let line = &channel[y * width..(y + 1) * width];
                    lay_out_run(line, run, x * stride + dx, stride, padding);
                }
                _ => run.fill(0.0),
            }
        }
    }
}

/// One run of output pixels: every `stride`-th of `line` from `first − padding`, 0 outside of it.
fn lay_out_run(line: &[f32], run: &mut [f32], first: usize, stride: usize, padding: usize) {
    let before = padding
        .saturating_sub(first)
        .div_ceil(stride)
        .min(run.len());
    let (zeros, run) = run.split_at_mut(before);
    zeros.fill(0.0);
    let start = (first + before * stride).saturating_sub(padding);
    let inside = line.len().saturating_sub(start).div_ceil(stride);
    let (run, zeros) = run.split_at_mut(inside.min(run.len()));
    zeros.fill(0.0);
    if stride == 1 {
        let len = run.len();
        run.copy_from_slice(line.get(start..start + len).unwrap_or_default());
    } else if !run.is_empty() {
        for (to, from) in run.iter_mut().zip(line[start..].iter().step_by(stride)) {
            *to = *from;
        }
    }
}

/// The output, shared by the threads that write their own tiles of it.
#[derive(Clone, Copy)]
struct Target(*mut f32);

#[expect(
    unsafe_code,
    reason = "tiles of a picture are no slices, so they cannot be lent out"
)]
// SAFETY: the pointer is only handed to `multiply`, each time for another tile.
unsafe impl Send for Target {}
#[expect(unsafe_code, reason = "as above")]
// SAFETY: as above.
unsafe impl Sync for Target {}

/// A tile of the output: its first number, and how far its rows (channels) are apart.
#[derive(Clone, Copy)]
struct Tile {
    first: *mut f32,
    stride: usize,
}

impl Target {
    fn at(self, offset: usize, stride: usize) -> Tile {
        Tile {
            first: self.0.wrapping_add(offset),
            stride,
        }
    }
}

/// The right-hand matrix: rows `stride` apart.
#[derive(Clone, Copy)]
struct Right<'a> {
    numbers: &'a [f32],
    stride: usize,
}

/// Adds `left` · `right` to a tile; `[rows, columns, depth]` are the sizes of the product.
#[expect(unsafe_code, reason = "gemm takes pointers")]
fn multiply(
    left: &[f32],
    right: Right<'_>,
    [rows, columns, depth]: [usize; 3],
    tile: Tile,
    parallelism: Parallelism,
) {
    assert!(left.len() >= rows * depth);
    assert!(right.numbers.len() >= (depth - 1) * right.stride + columns);
    // SAFETY: both operands are long enough, as just checked. The tile lies within the output:
    // `conv2d` gives tiles of `columns` numbers inside an area of `stride` for each of `rows`
    // channels of one picture. Tiles do not overlap, and the output outlives the loop over them.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            depth,
            tile.first,
            1,
            tile.stride as isize,
            true,
            left.as_ptr(),
            1,
            depth as isize,
            right.numbers.as_ptr(),
            1,
            right.stride as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            parallelism,
        );
    }
}

#[cfg(test)]
mod tests;

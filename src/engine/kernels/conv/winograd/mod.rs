//! Winograd convolution: 3 × 3 with a quarter of the multiplications.
//!
//! Winograd's minimal filtering F(4 × 4, 3 × 3) after
//! [Lavin & Gray 2015](https://arxiv.org/abs/1509.09308): a tile of 6 × 6 input pixels and a
//! filter are each transformed to 36 values a channel, one for each point of the tile; a GEMM at every point
//! sums over the channels; the inverse transform gives 4 × 4 output pixels. The matrices are made as in
//! section 4.2, of other interpolation points.
//!
//! In bf16 the transforms are rounded for the GEMMs, which costs some four times the rounding of a plain
//! convolution: 0.8 to 1.3 hundredths of a result (relative L2) of random values.
//!
//! Filters are transformed anew for every block of tiles, but for neighbours where there are few channels:
//! kept, they would need four to eight times the memory of the weights.

mod filter_transform;
mod input_transform;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use self::filter_transform::TransformedFilters;
use self::input_transform::{TransformedInput, TransformedRows};
use super::geometry::ConvGeometry;
use super::implicit_gemm::Im2col;
use crate::engine::kernels::activation::gelu;
use crate::engine::kernels::elementwise::write_vector;
use crate::engine::kernels::gemm::{Epilogue, MAX_MR, MicroTile, PackedWeights, Panel};
use crate::engine::kernels::isa::Isa;
use crate::engine::kernels::output::{DisjointOutput, UninitBuffer};
use crate::engine::{Cancelled, Progress};

/// Side of an output tile.
const OUTPUT_SIDE: usize = 4;
/// Side of the input tile under it.
const INPUT_SIDE: usize = OUTPUT_SIDE + 2;
/// Points of a transformed tile or filter, a channel.
const POINTS: usize = INPUT_SIDE * INPUT_SIDE;
/// The points 0, ±NEAR, ±FAR and infinity: with them transformed values are of one magnitude, so that
/// rounding them to bf16 costs half of what it does with the paper's 0, ±1, ±2, and in f32 less too.
const NEAR: f32 = 0.75;
const FAR: f32 = 1.5;
/// Most tiles (M of the GEMMs) that share a transformed filter.
const BLOCK_TILES: usize = 96;
/// Channels (K of the GEMMs) of a block of transformed filters, twice as many in bf16: it stays in L2.
const BLOCK_CHANNELS: usize = 64;
/// Values of transformed input in memory at a time (16 MiB: they pass once for every panel).
const ROUND_LEN: usize = 1 << 22;
/// Values, or pairs, of a cache line. A tile's values lie in the matrices of all points, which are as long
/// as a way of L1 or a multiple of it; one line more, and they do not fall into the same set.
const CACHE_LINE: usize = 16;
/// Fewer tiles than this are not worth transforming the filters for.
const LEAST_TILES: usize = 16;

/// True where this is the faster way to convolve.
pub(crate) fn is_faster(
    geometry: &ConvGeometry,
    weights: &PackedWeights,
    epilogue: &Epilogue<'_>,
) -> bool {
    let (rows, columns) = geometry.output_size();
    let tiles = geometry.batch * rows.div_ceil(OUTPUT_SIDE) * columns.div_ceil(OUTPUT_SIDE);
    geometry.kernel == 3
        && geometry.stride == 1
        && geometry.dilation == 1
        && (geometry.padding_before, geometry.padding_after) == (1, 1)
        && weights.inputs().is_multiple_of(weights.isa().lanes())
        && weights.inputs() >= 32
        && weights.outputs() >= 32
        && tiles >= LEAST_TILES
        && !epilogue.geglu
}

/// Convolves `under` by the weights, with the epilogue. Only where it [`is_faster`].
#[expect(unsafe_code, reason = "a result that is written in parts")]
pub(crate) fn convolve(
    weights: &PackedWeights,
    under: &Im2col<'_>,
    batch: usize,
    epilogue: &Epilogue<'_>,
    progress: &mut dyn Progress,
) -> Result<Vec<f32>, Cancelled> {
    let (rows, columns) = under.output_size();
    let len = batch * rows * columns * weights.outputs();
    assert!(
        epilogue
            .bias
            .is_none_or(|bias| bias.len() == weights.outputs())
    );
    let mut scratch = Vec::new();
    let residual = epilogue.residual_in_f32(weights.isa(), &mut scratch);
    assert!(residual.is_none_or(|residual| residual.len() == len));
    let across = columns.div_ceil(OUTPUT_SIDE);
    let each = rows.div_ceil(OUTPUT_SIDE) * across;
    let place = |tile: usize| {
        let (picture, tile) = (tile / each, tile % each);
        (
            picture,
            tile / across * OUTPUT_SIDE,
            tile % across * OUTPUT_SIDE,
        )
    };
    let tiles = batch * each;
    let mr = weights.isa().mr();
    let block = tiles.min(BLOCK_TILES).next_multiple_of(mr);
    let block_len = POINTS * block * weights.inputs();
    let per_round = (ROUND_LEN / block_len).clamp(1, tiles.div_ceil(block));
    let mut transformed = TransformedInput::new(weights, per_round, block);
    let panels: Vec<Panel> = weights.panels().collect();
    let mut output = UninitBuffer::new(len);
    let shared = DisjointOutput::new(&mut output);
    for first in (0..tiles).step_by(per_round * block) {
        let count = (per_round * block).min(tiles - first);
        progress.checkpoint()?;
        transformed.fill(count, |at, channels, to, stride| {
            let (picture, y, x) = place(first + at);
            let mut pixels = [&[] as &[f32]; POINTS];
            under.window(picture, y, x, INPUT_SIDE, &mut pixels);
            weights.isa().run(TransformInput {
                pixels: pixels.map(|pixel| &pixel[channels.first..][..channels.count]),
                to,
                stride,
            });
        });
        let blocks = count.div_ceil(block);
        // Some panels at a time, so that a run can be stopped between them.
        for panels in panels.chunks(panels_per_checkpoint(blocks * block_len)) {
            progress.checkpoint()?;
            (0..panels.len() * blocks).into_par_iter().for_each_init(
                Scratch::default,
                |scratch, task| {
                    let (panel, index) = (panels[task / blocks], task % blocks);
                    let start = index * block;
                    let used = block.min(count - start);
                    let rows_used = used.next_multiple_of(mr);
                    scratch.multiply(weights, panel, &transformed, (index, used));
                    for at in 0..used {
                        let (picture, y, x) = place(first + start + at);
                        let target = Target {
                            output: &shared,
                            residual,
                            width: weights.outputs(),
                            first: (picture * rows + y) * columns + x,
                            columns,
                            tile_rows: OUTPUT_SIDE.min(rows - y),
                            tile_columns: OUTPUT_SIDE.min(columns - x),
                        };
                        let isa = weights.isa();
                        scratch.store(isa, panel, (at, rows_used), epilogue, &target);
                    }
                },
            );
        }
    }
    // SAFETY: every panel of every block of tiles was a task, which has written the panel's outputs
    // of its tiles' pixels; tiles are all pixels, panels all outputs.
    Ok(unsafe { output.assume_init() })
}

/// Panels between two checkpoints, for that many values of input: some tens of milliseconds of work.
fn panels_per_checkpoint(input_len: usize) -> usize {
    ((1 << 31) / (input_len * 32).max(1)).max(2)
}

/// What a thread works in, for one panel and one block of tiles.
#[derive(Default)]
struct Scratch {
    filters: TransformedFilters,
    /// C of the GEMMs: point after point, tile after tile, the panel's outputs.
    c: Vec<f32>,
}

impl Scratch {
    /// The GEMMs of a panel by `used` tiles, rounded up to a multiple of MR, of block `index` of the input.
    fn multiply(
        &mut self,
        weights: &PackedWeights,
        panel: Panel,
        input: &TransformedInput,
        (index, used): (usize, usize),
    ) {
        let isa = weights.isa();
        let width = panel.vectors * isa.lanes();
        let mr = isa.mr();
        let tiles = used.next_multiple_of(mr);
        let point_len = tiles * width;
        self.c.resize(POINTS * (point_len + CACHE_LINE), 0.0);
        for channels in input.channel_blocks() {
            self.filters.fill(weights, panel, channels);
            let points = self.c.chunks_exact_mut(point_len + CACHE_LINE);
            for (point, c) in points.enumerate() {
                let micro_tiles = c[..point_len].chunks_exact_mut(mr * width);
                for (at, c) in micro_tiles.enumerate() {
                    let accumulate = channels.first > 0;
                    let mut out = MicroTile {
                        c,
                        ldc: width,
                        accumulate,
                    };
                    match input.rows(index, channels, point, (at * mr, used - at * mr)) {
                        TransformedRows::F32(rows) => {
                            let b = self.filters.values(point);
                            let mut slices = [&[] as &[f32]; MAX_MR];
                            let rows = rows.chunks_exact(channels.count);
                            for (slice, row) in slices[..mr].iter_mut().zip(rows) {
                                *slice = row;
                            }
                            let rows = &slices[..mr];
                            isa.f32_microkernel(panel.vectors, rows, b, &mut out);
                        }
                        TransformedRows::Bf16(bf16_isa, rows) => {
                            let b = self.filters.pairs(point);
                            bf16_isa.microkernel(panel.vectors, rows, b, &mut out);
                        }
                    }
                }
            }
        }
    }

    /// Transforms tile `at` of `tiles` back and stores it.
    fn store(
        &self,
        isa: Isa,
        panel: Panel,
        (at, tiles): (usize, usize),
        epilogue: &Epilogue<'_>,
        target: &Target<'_>,
    ) {
        isa.run(StoreTile {
            c: &self.c,
            at,
            tiles,
            panel,
            epilogue,
            target,
        });
    }
}

/// The input transform Bᵀ d B of a tile, channel by channel.
struct TransformInput<'a> {
    pixels: [&'a [f32]; POINTS],
    /// Point after point, `stride` apart.
    to: &'a mut [f32],
    stride: usize,
}

impl WithSimd for TransformInput<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let pixels = self.pixels.map(|pixel| S::as_simd_f32s(pixel).0);
        let (to, _) = S::as_mut_simd_f32s(self.to);
        let stride = self.stride / S::F32_LANES;
        let zero = simd.splat_f32s(0.0);
        for vector in 0..pixels[0].len() {
            let mut half = [[zero; INPUT_SIDE]; INPUT_SIDE];
            for column in 0..INPUT_SIDE {
                let line = std::array::from_fn(
                    #[inline(always)]
                    |row| pixels[row * INPUT_SIDE + column][vector],
                );
                half[column] = input_line(simd, line);
            }
            for row in 0..INPUT_SIDE {
                let line = std::array::from_fn(
                    #[inline(always)]
                    |column| half[column][row],
                );
                let line = input_line(simd, line);
                for column in 0..INPUT_SIDE {
                    to[(row * INPUT_SIDE + column) * stride + vector] = line[column];
                }
            }
        }
    }
}

/// Bᵀ d: the coefficients of Π (x − q) over the other points q, for each point.
#[inline(always)]
fn input_line<S: Simd>(simd: S, d: [S::f32s; INPUT_SIDE]) -> [S::f32s; INPUT_SIDE] {
    let times = |factor: f32, a, b| simd.mul_add_f32s(simd.splat_f32s(factor), a, b);
    let scaled = |factor: f32, a| simd.mul_f32s(simd.splat_f32s(factor), a);
    let (near, far) = (NEAR * NEAR, FAR * FAR);
    let near_even = times(-far, d[2], d[4]);
    let near_odd = scaled(NEAR, times(-far, d[1], d[3]));
    let far_even = times(-near, d[2], d[4]);
    let far_odd = scaled(FAR, times(-near, d[1], d[3]));
    [
        times(near * far, d[0], times(-near - far, d[2], d[4])),
        simd.add_f32s(near_even, near_odd),
        simd.sub_f32s(near_even, near_odd),
        simd.add_f32s(far_even, far_odd),
        simd.sub_f32s(far_even, far_odd),
        times(near * far, d[1], times(-near - far, d[3], d[5])),
    ]
}

/// Where an output tile lies.
struct Target<'a> {
    output: &'a DisjointOutput<'a>,
    /// See [`Epilogue::residual`].
    residual: Option<&'a [f32]>,
    /// Outputs of a pixel.
    width: usize,
    /// The tile's first pixel.
    first: usize,
    /// Pixels of a row.
    columns: usize,
    /// Less than a tile's at the borders.
    tile_rows: usize,
    /// As above.
    tile_columns: usize,
}

/// The output transform Aᵀ m A of one tile, the epilogue and the store.
struct StoreTile<'a> {
    c: &'a [f32],
    at: usize,
    tiles: usize,
    panel: Panel,
    epilogue: &'a Epilogue<'a>,
    target: &'a Target<'a>,
}

impl WithSimd for StoreTile<'_> {
    type Output = ();

    #[inline(always)]
    #[expect(unsafe_code, reason = "a tile is no slice of the output")]
    #[expect(clippy::needless_range_loop, reason = "it names lines of columns")]
    fn with_simd<S: Simd>(self, simd: S) {
        let Panel {
            first,
            outputs,
            vectors,
        } = self.panel;
        let (c, _) = S::as_simd_f32s(self.c);
        let point_len = self.tiles * vectors + CACHE_LINE / S::F32_LANES;
        let zero = simd.splat_f32s(0.0);
        for vector in 0..vectors {
            let mut half = [[zero; OUTPUT_SIDE]; INPUT_SIDE];
            for (column, half) in half.iter_mut().enumerate() {
                let line = std::array::from_fn(
                    #[inline(always)]
                    |row| {
                        let point = row * INPUT_SIDE + column;
                        c[point * point_len + self.at * vectors + vector]
                    },
                );
                *half = output_line(simd, line);
            }
            let first = first + vector * S::F32_LANES;
            let outputs = S::F32_LANES.min(self.panel.first + outputs - first);
            let some = |numbers: &[f32]| simd.partial_load_f32s(&numbers[..outputs]);
            let bias = self.epilogue.bias.map(|bias| some(&bias[first..]));
            let bias = bias.unwrap_or(zero);
            for row in 0..self.target.tile_rows {
                let line = std::array::from_fn(
                    #[inline(always)]
                    |column| half[column][row],
                );
                let line = output_line(simd, line);
                for (column, y) in line.into_iter().enumerate().take(self.target.tile_columns) {
                    let pixel = self.target.first + row * self.target.columns + column;
                    let start = pixel * self.target.width + first;
                    let mut y = simd.add_f32s(y, bias);
                    if let Some(residual) = self.target.residual {
                        y = simd.add_f32s(y, some(&residual[start..]));
                    }
                    if self.epilogue.gelu {
                        y = gelu(simd, y);
                    }
                    // SAFETY: each task of `convolve` has its own tiles and its own panel, and tiles
                    // do not overlap, so no other thread writes these outputs of this pixel, nor does
                    // this one while the part lives.
                    let to = unsafe { self.target.output.slice(start, outputs) };
                    write_vector(simd, to, y);
                }
            }
        }
    }
}

/// Aᵀ m: powers of the points.
#[inline(always)]
fn output_line<S: Simd>(simd: S, m: [S::f32s; INPUT_SIDE]) -> [S::f32s; OUTPUT_SIDE] {
    let times = |factor: f32, a, b| simd.mul_add_f32s(simd.splat_f32s(factor), a, b);
    let scaled = |factor: f32, a| simd.mul_f32s(simd.splat_f32s(factor), a);
    let near_sum = simd.add_f32s(m[1], m[2]);
    let near_difference = simd.sub_f32s(m[1], m[2]);
    let far_sum = simd.add_f32s(m[3], m[4]);
    let far_difference = simd.sub_f32s(m[3], m[4]);
    let cubes = scaled(NEAR * NEAR * NEAR, near_difference);
    let cubes = times(FAR * FAR * FAR, far_difference, cubes);
    [
        simd.add_f32s(m[0], simd.add_f32s(near_sum, far_sum)),
        times(FAR, far_difference, scaled(NEAR, near_difference)),
        times(FAR * FAR, far_sum, scaled(NEAR * NEAR, near_sum)),
        simd.add_f32s(m[5], cubes),
    ]
}

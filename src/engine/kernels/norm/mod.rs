//! Group and layer normalization.

#[cfg(target_arch = "x86_64")]
mod bf16;

use std::mem::MaybeUninit;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::activation::silu;
use super::dtype::DtypeSlice;
use super::elementwise::{update, write};
use super::isa::{Bf16Isa, Isa};
use super::output::UninitBuffer;

/// Pixels or tokens of a task, and of a partial sum.
const ROWS_PER_TASK: usize = 256;

/// A normalization of rows: pixels or tokens.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Norm<'a> {
    /// Of pixels, by the statistics of their picture's channel groups.
    Group(&'a GroupNormStats),
    /// Of each token by itself.
    Layer(LayerNorm<'a>),
}

impl Norm<'_> {
    /// Channels of a row.
    fn width(&self) -> usize {
        match self {
            Self::Group(groups) => groups.channels,
            Self::Layer(norm) => norm.weight.len(),
        }
    }

    /// Normalizes all rows.
    #[expect(unsafe_code, reason = "a result that is written in parts")]
    pub(crate) fn apply(self, isa: Isa, x: DtypeSlice<'_>) -> Vec<f32> {
        let width = self.width();
        assert!(x.len().is_multiple_of(width.max(1)));
        let mut output = UninitBuffer::new(x.len());
        output
            .elements()
            .par_chunks_mut(ROWS_PER_TASK * width.max(1))
            .enumerate()
            .for_each(|(piece, to)| {
                isa.run(NormalizeRows {
                    isa,
                    norm: self,
                    first: piece * ROWS_PER_TASK,
                    from: x.slice(piece * ROWS_PER_TASK * width, to.len()),
                    to,
                });
            });
        // SAFETY: every row was in a piece, all numbers of which were written.
        unsafe { output.assume_init() }
    }

    /// Normalizes row `index`, which is `from`.
    #[inline(always)]
    pub(crate) fn normalize_row<'to, S: Simd>(
        self,
        simd: S,
        index: usize,
        from: &[f32],
        to: &'to mut [MaybeUninit<f32>],
    ) -> &'to mut [f32] {
        match self {
            Self::Group(groups) => groups.normalize_pixel(simd, index, from, to),
            Self::Layer(norm) => norm.normalize_row(simd, from, to),
        }
    }
}

/// Some rows, the first of which has index `first`.
struct NormalizeRows<'a> {
    isa: Isa,
    norm: Norm<'a>,
    first: usize,
    from: DtypeSlice<'a>,
    to: &'a mut [MaybeUninit<f32>],
}

impl WithSimd for NormalizeRows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let width = self.norm.width();
        let mut scratch = Vec::new();
        for (at, to) in self.to.chunks_exact_mut(width).enumerate() {
            let from = self.from.slice(at * width, width);
            let from = from.as_f32(self.isa, &mut scratch);
            self.norm.normalize_row(simd, self.first + at, from, to);
        }
    }
}

/// Parameters of a group normalization ([Wu & He 2018](https://arxiv.org/abs/1803.08494)).
#[derive(Debug, Clone, Copy)]
pub(crate) struct GroupNorm<'a> {
    /// Groups the channels are divided in.
    pub(crate) groups: usize,
    /// Added to the variance.
    pub(crate) eps: f64,
    /// One a channel.
    pub(crate) weight: &'a [f32],
    /// One a channel.
    pub(crate) bias: &'a [f32],
    /// SiLU after it.
    pub(crate) silu: bool,
}

/// A group normalization with the statistics of some pictures, folded to (x − shift) · scale + offset for
/// each channel.
#[derive(Debug)]
pub(crate) struct GroupNormStats {
    channels: usize,
    /// Pixels of a picture.
    area: usize,
    silu: bool,
    /// Shift, scale and offset of every channel, for each picture.
    pictures: Vec<[Vec<f32>; 3]>,
}

impl GroupNormStats {
    /// Normalizes pixel `index`, whose channels are `from`, and rounds it to bf16 pairs.
    pub(crate) fn pixel_to_bf16(
        &self,
        bf16_isa: Bf16Isa,
        index: usize,
        from: DtypeSlice<'_>,
        to: &mut [u32],
    ) {
        let transform = &self.pictures[index / self.area];
        let transform = transform.each_ref().map(Vec::as_slice);
        bf16_isa.normalize_to_bf16(from, transform, self.silu, to);
    }

    #[inline(always)]
    fn normalize_pixel<'to, S: Simd>(
        &self,
        simd: S,
        index: usize,
        from: &[f32],
        to: &'to mut [MaybeUninit<f32>],
    ) -> &'to mut [f32] {
        let [shift, scale, offset] = &self.pictures[index / self.area];
        let given = [from, shift, scale, offset];
        if self.silu {
            write(
                simd,
                to,
                given,
                #[inline(always)]
                |[x, shift, scale, offset]| {
                    let x = simd.sub_f32s(x, shift);
                    silu(simd, simd.mul_add_f32s(x, scale, offset))
                },
            )
        } else {
            write(
                simd,
                to,
                given,
                #[inline(always)]
                |[x, shift, scale, offset]| {
                    simd.mul_add_f32s(simd.sub_f32s(x, shift), scale, offset)
                },
            )
        }
    }
}

impl GroupNorm<'_> {
    /// The statistics (mean and variance) of each group of each picture of `x`, `(batch, area, channels)`.
    ///
    /// They are summed in f32 over short runs, relative to the picture's first pixel (so that a large
    /// mean does not eat the digits of a small deviation), and put together in f64 after
    /// [Chan et al. 1979](http://i.stanford.edu/pub/cstr/reports/cs/tr/79/773/CS-TR-79-773.pdf).
    pub(crate) fn stats(&self, isa: Isa, batch: usize, x: DtypeSlice<'_>) -> GroupNormStats {
        let channels = self.weight.len();
        assert_eq!(self.bias.len(), channels);
        assert!(self.groups > 0 && channels.is_multiple_of(self.groups));
        assert!(x.len().is_multiple_of((batch * channels).max(1)));
        let picture_len = x.len() / batch.max(1);
        let pictures = if picture_len == 0 { 0 } else { batch };
        GroupNormStats {
            channels,
            area: picture_len / channels.max(1),
            silu: self.silu,
            pictures: (0..pictures)
                .map(|picture| self.picture_stats(isa, x.slice(picture * picture_len, picture_len)))
                .collect(),
        }
    }

    /// Shift, scale and offset of every channel of a picture.
    fn picture_stats(&self, isa: Isa, x: DtypeSlice<'_>) -> [Vec<f32>; 3] {
        let channels = self.weight.len();
        let mut pivot = Vec::new();
        let pivot = x.slice(0, channels).as_f32(isa, &mut pivot);
        let pieces: Vec<(Vec<f32>, Vec<f32>)> = (0..x.len().div_ceil(ROWS_PER_TASK * channels))
            .into_par_iter()
            .map(|piece| {
                let start = piece * ROWS_PER_TASK * channels;
                let mut sums = vec![0f32; channels];
                let mut squares = vec![0f32; channels];
                isa.run(PivotedSums {
                    isa,
                    pixels: x.slice(start, (x.len() - start).min(ROWS_PER_TASK * channels)),
                    pivot,
                    sums: &mut sums,
                    squares: &mut squares,
                });
                (sums, squares)
            })
            .collect();
        let mut sums = vec![0f64; channels];
        let mut squares = vec![0f64; channels];
        for (piece_sums, piece_squares) in &pieces {
            for channel in 0..channels {
                sums[channel] += f64::from(piece_sums[channel]);
                squares[channel] += f64::from(piece_squares[channel]);
            }
        }
        let area = (x.len() / channels) as f64;
        let members = channels / self.groups;
        let mut transform = [(); 3].map(|()| vec![0f32; channels]);
        let [shift, scale, offset] = &mut transform;
        for group in 0..self.groups {
            let range = group * members..(group + 1) * members;
            let mean_of = |channel: usize| f64::from(pivot[channel]) + sums[channel] / area;
            let mean = range.clone().map(mean_of).sum::<f64>() / members as f64;
            let around = |channel: usize| {
                let inside = squares[channel] - sums[channel] * sums[channel] / area;
                inside.max(0.0) + area * (mean_of(channel) - mean).powi(2)
            };
            let variance = range.clone().map(around).sum::<f64>() / (area * members as f64);
            let inverse_deviation = 1.0 / (variance + self.eps).sqrt();
            for channel in range {
                let channel_scale = f64::from(self.weight[channel]) * inverse_deviation;
                shift[channel] = mean as f32;
                scale[channel] = channel_scale as f32;
                // What rounding the mean left over.
                let rest = (mean - f64::from(mean as f32)) * channel_scale;
                offset[channel] = (f64::from(self.bias[channel]) - rest) as f32;
            }
        }
        transform
    }
}

/// Adds each channel's distances from its pivot, and their squares.
struct PivotedSums<'a> {
    isa: Isa,
    pixels: DtypeSlice<'a>,
    pivot: &'a [f32],
    sums: &'a mut [f32],
    squares: &'a mut [f32],
}

impl WithSimd for PivotedSums<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let channels = self.pivot.len();
        let mut scratch = Vec::new();
        for pixel in 0..self.pixels.len() / channels {
            let pixel = self.pixels.slice(pixel * channels, channels);
            let pixel = pixel.as_f32(self.isa, &mut scratch);
            update(
                simd,
                self.sums,
                [pixel, self.pivot],
                #[inline(always)]
                |sum, [x, pivot]| simd.add_f32s(sum, simd.sub_f32s(x, pivot)),
            );
            update(
                simd,
                self.squares,
                [pixel, self.pivot],
                #[inline(always)]
                |sum, [x, pivot]| {
                    let apart = simd.sub_f32s(x, pivot);
                    simd.mul_add_f32s(apart, apart, sum)
                },
            );
        }
    }
}

/// Layer normalization ([Ba et al. 2016](https://arxiv.org/abs/1607.06450)) of rows as long as
/// `weight` and `bias`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LayerNorm<'a> {
    /// One a number of a row.
    pub(crate) weight: &'a [f32],
    /// One a number of a row.
    pub(crate) bias: &'a [f32],
    /// Added to the variance.
    pub(crate) eps: f32,
}

impl LayerNorm<'_> {
    #[inline(always)]
    fn normalize_row<'to, S: Simd>(
        self,
        simd: S,
        from: &[f32],
        to: &'to mut [MaybeUninit<f32>],
    ) -> &'to mut [f32] {
        let width = self.weight.len();
        let mean = sum(simd, from, |x| x) / width as f32;
        let centre = simd.splat_f32s(mean);
        // Numbers beyond the row's end come as 0 and must stay out of the sum.
        let squares = sum(
            simd,
            from,
            #[inline(always)]
            |x| {
                let apart = simd.sub_f32s(x, centre);
                simd.mul_f32s(apart, apart)
            },
        ) - padding_lanes::<S>(width) as f32 * mean * mean;
        let variance = (squares / width as f32).max(0.0);
        let scale = simd.splat_f32s(1.0 / (variance + self.eps).sqrt());
        write(
            simd,
            to,
            [from, self.weight, self.bias],
            #[inline(always)]
            |[x, weight, bias]| {
                let x = simd.mul_f32s(simd.sub_f32s(x, centre), scale);
                simd.mul_add_f32s(x, weight, bias)
            },
        )
    }
}

/// Lanes by which a row of that width is padded to whole vectors.
#[inline(always)]
fn padding_lanes<S: Simd>(width: usize) -> usize {
    width.next_multiple_of(S::F32_LANES) - width
}

/// The sum of `f` over the values, filled up with zeros to whole vectors.
#[inline(always)]
fn sum<S: Simd>(simd: S, values: &[f32], f: impl Fn(S::f32s) -> S::f32s) -> f32 {
    let (vectors, rest) = S::as_simd_f32s(values);
    let mut sums = simd.splat_f32s(0.0);
    for vector in vectors {
        sums = simd.add_f32s(sums, f(*vector));
    }
    if !rest.is_empty() {
        sums = simd.add_f32s(sums, f(simd.partial_load_f32s(rest)));
    }
    simd.reduce_sum_f32s(sums)
}

#[cfg(test)]
mod tests;

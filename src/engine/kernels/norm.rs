//! Normalisations.

use std::mem::MaybeUninit;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::activation::{silu, update, write};
use super::instructions::Instructions;
use super::shared::Unwritten;

/// Pixels or tokens of a piece of work, and of a partial sum.
const PIECE: usize = 256;

/// Measures of a group normalisation ([Wu & He 2018](https://arxiv.org/abs/1803.08494)).
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
    /// x · sigmoid(x) on the result.
    pub(crate) silu: bool,
}

/// Normalises each picture of `x`, `(batch, area, channels)`, group by group.
///
/// Mean and variance are summed in f32 over short runs, relative to the picture's first pixel (so
/// that a large mean does not eat the digits of a small deviation), and put together in f64 after
/// [Chan et al. 1979](http://i.stanford.edu/pub/cstr/reports/cs/tr/79/773/CS-TR-79-773.pdf).
#[expect(unsafe_code, reason = "a result that is written in parts")]
pub(crate) fn group_norm(
    instructions: Instructions,
    norm: &GroupNorm<'_>,
    batch: usize,
    x: &[f32],
) -> Vec<f32> {
    let channels = norm.weight.len();
    assert_eq!(norm.bias.len(), channels);
    assert!(norm.groups > 0 && channels.is_multiple_of(norm.groups));
    assert!(x.len().is_multiple_of((batch * channels).max(1)));
    let picture_len = x.len() / batch.max(1);
    if picture_len == 0 {
        return Vec::new();
    }
    let mut output = Unwritten::new(x.len());
    for (x, output) in x
        .chunks_exact(picture_len)
        .zip(output.numbers().chunks_exact_mut(picture_len))
    {
        let (shift, scale, offset) = transform(instructions, norm, x);
        output
            .par_chunks_mut(PIECE * channels)
            .zip(x.par_chunks(PIECE * channels))
            .for_each(|(to, from)| {
                instructions.run(Apply {
                    shift: &shift,
                    scale: &scale,
                    offset: &offset,
                    silu: norm.silu,
                    to,
                    from,
                });
            });
    }
    // SAFETY: every pixel of every picture was in a piece, all channels of which were written.
    unsafe { output.written() }
}

/// (x − shift) · scale + offset for some pixels, channel by channel, then SiLU.
struct Apply<'a> {
    shift: &'a [f32],
    scale: &'a [f32],
    offset: &'a [f32],
    silu: bool,
    to: &'a mut [MaybeUninit<f32>],
    from: &'a [f32],
}

impl WithSimd for Apply<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let channels = self.shift.len();
        let pixels = self.to.chunks_exact_mut(channels);
        for (to, from) in pixels.zip(self.from.chunks_exact(channels)) {
            let given = [from, self.shift, self.scale, self.offset];
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
                );
            } else {
                write(
                    simd,
                    to,
                    given,
                    #[inline(always)]
                    |[x, shift, scale, offset]| {
                        simd.mul_add_f32s(simd.sub_f32s(x, shift), scale, offset)
                    },
                );
            }
        }
    }
}

/// Shift, scale and offset of every channel of a picture.
fn transform(
    instructions: Instructions,
    norm: &GroupNorm<'_>,
    x: &[f32],
) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
    let channels = norm.weight.len();
    let pivot = &x[..channels];
    let pieces: Vec<(Vec<f32>, Vec<f32>)> = x
        .par_chunks(PIECE * channels)
        .map(|piece| {
            let mut sums = vec![0f32; channels];
            let mut squares = vec![0f32; channels];
            instructions.run(AddUp {
                pixels: piece,
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
    let members = channels / norm.groups;
    let mut shift = vec![0f32; channels];
    let mut scale = vec![0f32; channels];
    let mut offset = vec![0f32; channels];
    for group in 0..norm.groups {
        let range = group * members..(group + 1) * members;
        let mean_of = |channel: usize| f64::from(pivot[channel]) + sums[channel] / area;
        let mean = range.clone().map(mean_of).sum::<f64>() / members as f64;
        let around = |channel: usize| {
            let inside = squares[channel] - sums[channel] * sums[channel] / area;
            inside.max(0.0) + area * (mean_of(channel) - mean).powi(2)
        };
        let variance = range.clone().map(around).sum::<f64>() / (area * members as f64);
        let inverse_deviation = 1.0 / (variance + norm.eps).sqrt();
        for channel in range {
            let channel_scale = f64::from(norm.weight[channel]) * inverse_deviation;
            shift[channel] = mean as f32;
            scale[channel] = channel_scale as f32;
            // What rounding the mean left over.
            let rest = (mean - f64::from(mean as f32)) * channel_scale;
            offset[channel] = (f64::from(norm.bias[channel]) - rest) as f32;
        }
    }
    (shift, scale, offset)
}

/// Adds each channel's distances from its pivot, and their squares.
struct AddUp<'a> {
    pixels: &'a [f32],
    pivot: &'a [f32],
    sums: &'a mut [f32],
    squares: &'a mut [f32],
}

impl WithSimd for AddUp<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for pixel in self.pixels.chunks_exact(self.pivot.len()) {
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

/// Layer normalisation ([Ba et al. 2016](https://arxiv.org/abs/1607.06450)) of rows as long as
/// `weight` and `bias`.
#[expect(unsafe_code, reason = "a result that is written in parts")]
pub(crate) fn layer_norm(
    instructions: Instructions,
    weight: &[f32],
    bias: &[f32],
    eps: f32,
    x: &[f32],
) -> Vec<f32> {
    let width = weight.len();
    assert_eq!(bias.len(), width);
    assert!(x.len().is_multiple_of(width.max(1)));
    let mut output = Unwritten::new(x.len());
    output
        .numbers()
        .par_chunks_mut(PIECE * width.max(1))
        .zip(x.par_chunks(PIECE * width.max(1)))
        .for_each(|(to, from)| {
            instructions.run(Rows {
                weight,
                bias,
                eps,
                to,
                from,
            });
        });
    // SAFETY: every row was in a piece, all numbers of which were written.
    unsafe { output.written() }
}

/// Rows to be normalised, each as long as the weight.
struct Rows<'a> {
    weight: &'a [f32],
    bias: &'a [f32],
    eps: f32,
    to: &'a mut [MaybeUninit<f32>],
    from: &'a [f32],
}

impl WithSimd for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let width = self.weight.len();
        let rows = self.to.chunks_exact_mut(width);
        for (to, from) in rows.zip(self.from.chunks_exact(width)) {
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
            ) - filled_up::<S>(width) as f32 * mean * mean;
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
            );
        }
    }
}

/// Numbers a row of that width lacks to whole vectors.
#[inline(always)]
fn filled_up<S: Simd>(width: usize) -> usize {
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

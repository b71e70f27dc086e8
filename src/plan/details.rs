//! Details of the original that a model cannot see, laid over its enlarged result.
//!
//! A model is shown a picture smaller than it is, and its autoencoder loses more. With O the
//! original, o the original at work size, R the round trip of o through the autoencoder, Y the
//! result, all but O at work size, and U enlargement, what is shown is
//!
//! > O + (U(Y′) − U(o)) − k · (O − U(o)),  Y′ = Y + (1 − k) · (o − R)
//!
//! k (0…1) being the share of the details that is let go: 0 where the result has the structure of
//! the round trip, 1 where it has another. Where Y = R this is O, bit for bit.
//!
//! Structure is compared by local normalised correlation, so that a wall at night keeps its windows
//! although all its numbers have changed.

use super::settings::KeepDetails;
use crate::geometry::Extent;
use crate::raster::RgbF32;

/// Below this variance there is no structure to speak of: four levels of 255, squared.
const NOISE: f32 = 16.0 / (255.0 * 255.0);
/// Structure is what a Gaussian of this many work pixels takes away.
const STRUCTURE_SIGMA: f32 = 3.0;
/// It is compared under a Gaussian of this many work pixels.
const WINDOW_SIGMA: f32 = 2.0;
/// Contrast of details grows with that of the result, up to here.
const MOST_GAIN: f32 = 1.15;

/// What is needed beside the original to keep its details, all at work size.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Details {
    /// The result with what the autoencoder lost put back.
    pub(super) result: RgbF32,
    /// The share of what was lost by size that is let go, in all three channels.
    pub(super) let_go: RgbF32,
}

impl Details {
    /// Compares the result with the round trip of the original; all have the same size.
    pub(super) fn new(
        original: &RgbF32,
        round_trip: &RgbF32,
        result: &RgbF32,
        keep: KeepDetails,
    ) -> Self {
        let extent = original.extent;
        let let_go = let_go(extent, &lumas(round_trip), &lumas(result), keep);
        let pixels = result.pixels.iter().zip(&round_trip.pixels);
        let pixels = pixels.zip(&original.pixels).zip(&let_go);
        let pixels = pixels
            .map(|(((y, r), o), k)| {
                let channel = |i: usize| {
                    let of = |pixel: &[f32; 3]| pixel.get(i).copied().unwrap_or_default();
                    of(o) + (of(y) - of(r)) - k * (of(o) - of(r))
                };
                [channel(0), channel(1), channel(2)]
            })
            .collect();
        Self {
            result: RgbF32 { extent, pixels },
            let_go: RgbF32 {
                extent,
                pixels: let_go.into_iter().map(|k| [k; 3]).collect(),
            },
        }
    }
}

/// One pixel as it is shown: `original` in the picture's own profile, and `result` and `seen` (the
/// enlarged Y′ and o) in it too.
pub(super) fn detailed(
    original: [f32; 3],
    result: [f32; 3],
    seen: [f32; 3],
    let_go: [f32; 3],
) -> [f32; 3] {
    let [r, g, b] = original;
    let [result_r, result_g, result_b] = result;
    let [seen_r, seen_g, seen_b] = seen;
    let [k, ..] = let_go.map(|k| k.clamp(1.0 - MOST_GAIN, 1.0));
    let channel = |o: f32, y: f32, seen: f32| o + (y - seen) - k * (o - seen);
    [
        channel(r, result_r, seen_r),
        channel(g, result_g, seen_g),
        channel(b, result_b, seen_b),
    ]
}

fn lumas(picture: &RgbF32) -> Vec<f32> {
    let luma = |[r, g, b]: &[f32; 3]| 0.299 * r + 0.587 * g + 0.114 * b;
    picture.pixels.iter().map(luma).collect()
}

fn let_go(extent: Extent, before: &[f32], after: &[f32], keep: KeepDetails) -> Vec<f32> {
    let from = match keep {
        KeepDetails::Off | KeepDetails::Auto => 0.35,
        KeepDetails::More => 0.2,
    };
    let structure = |values: &[f32]| -> Vec<f32> {
        let smooth = blurred(values, extent, STRUCTURE_SIGMA);
        values.iter().zip(&smooth).map(|(v, s)| v - s).collect()
    };
    let (before, after) = (structure(before), structure(after));
    let product = |a: &[f32], b: &[f32]| {
        let products: Vec<f32> = a.iter().zip(b).map(|(a, b)| a * b).collect();
        blurred(&products, extent, WINDOW_SIGMA)
    };
    let common = product(&before, &after);
    let (before, after) = (product(&before, &before), product(&after, &after));
    let triples = common.iter().zip(&before).zip(&after);
    triples
        .map(|((c, b), a)| {
            let mut alike = (c + NOISE / 2.0) / ((b + NOISE) * (a + NOISE)).sqrt();
            if *b < NOISE && *a < NOISE {
                alike = alike.max(0.75);
            }
            let share = smooth_step((alike - from) / 0.39);
            let gain = ((a + NOISE) / (b + NOISE)).sqrt().min(MOST_GAIN);
            1.0 - share * gain
        })
        .collect()
}

/// 0 up to 0, 1 from 1 on, 3 x² − 2 x³ between.
fn smooth_step(x: f32) -> f32 {
    let x = x.clamp(0.0, 1.0);
    x * x * (3.0 - 2.0 * x)
}

/// A Gaussian blur; the picture goes on with its border pixels.
fn blurred(values: &[f32], extent: Extent, sigma: f32) -> Vec<f32> {
    let radius = (sigma * 3.0).ceil() as usize;
    let weights: Vec<f32> = (0..=radius)
        .map(|i| (-0.5 * (i as f32 / sigma).powi(2)).exp())
        .collect();
    let sum = 2.0 * weights.iter().sum::<f32>() - 1.0;
    let weights: Vec<f32> = weights.iter().map(|w| w / sum).collect();
    let across = blurred_rows(values, extent.width as usize, &weights);
    let turned = transposed(&across, extent.width as usize);
    let down = blurred_rows(&turned, extent.height as usize, &weights);
    transposed(&down, extent.height as usize)
}

fn blurred_rows(values: &[f32], width: usize, weights: &[f32]) -> Vec<f32> {
    let radius = weights.len().saturating_sub(1);
    let mut result = Vec::with_capacity(values.len());
    let mut padded = Vec::with_capacity(width + 2 * radius);
    for row in values.chunks_exact(width.max(1)) {
        let (Some(first), Some(last)) = (row.first(), row.last()) else {
            continue;
        };
        padded.clear();
        padded.extend(std::iter::repeat_n(*first, radius));
        padded.extend_from_slice(row);
        padded.extend(std::iter::repeat_n(*last, radius));
        result.extend(padded.windows(2 * radius + 1).map(|window| {
            let centre = window.get(radius).copied().unwrap_or_default();
            let mut sum = centre * weights.first().copied().unwrap_or_default();
            let pairs = window.iter().zip(window.iter().rev());
            for ((left, right), weight) in pairs.zip(weights.iter().skip(1).rev()) {
                sum += (left + right) * weight;
            }
            sum
        }));
    }
    result
}

fn transposed(values: &[f32], width: usize) -> Vec<f32> {
    (0..width)
        .flat_map(|x| values.iter().skip(x).step_by(width.max(1)).copied())
        .collect()
}

#[cfg(test)]
#[path = "details_tests.rs"]
mod tests;

//! [`Smooth`]: what has no detail, kept small and read between its pixels.

use rayon::prelude::*;

use crate::geometry::{Extent, Rect};

/// A colour with how much it counts.
pub(super) type Weighted = [f32; 4];

/// Colours without detail at a small size.
#[derive(Debug, Clone)]
pub(super) struct Smooth {
    pub(super) extent: Extent,
    pub(super) colours: Vec<[f32; 3]>,
    /// Pixels of the picture to one of these.
    pub(super) side_px: (f32, f32),
}

impl Smooth {
    /// The colours of a rectangle of the picture.
    pub(super) fn colours(&self, rect: Rect) -> Vec<[f32; 3]> {
        let place = |at: i32, side: f32, len: u32| {
            let at = ((at as f32 + 0.5) / side - 0.5).clamp(0.0, len.saturating_sub(1) as f32);
            let low = at as usize;
            (
                low,
                (low + 1).min(len.saturating_sub(1) as usize),
                at - low as f32,
            )
        };
        let width = self.extent.width as usize;
        let columns = rect.x..rect.right();
        let columns: Vec<_> = columns
            .map(|x| place(x, self.side_px.0, self.extent.width))
            .collect();
        let get = |row: usize, column: usize| {
            let at = row * width + column;
            self.colours.get(at).copied().unwrap_or_default()
        };
        let mut made = Vec::with_capacity(rect.extent().len());
        for y in rect.y..rect.bottom() {
            let (upper, lower, down) = place(y, self.side_px.1, self.extent.height);
            for (left, right, across) in &columns {
                let above = between(get(upper, *left), get(upper, *right), *across);
                let below = between(get(lower, *left), get(lower, *right), *across);
                made.push(between(above, below, down));
            }
        }
        made
    }
}

fn between(a: [f32; 3], b: [f32; 3], share: f32) -> [f32; 3] {
    let mut mixed = a;
    for (value, b) in mixed.iter_mut().zip(b) {
        *value += (b - *value) * share;
    }
    mixed
}

/// Blurs colours by a Gaussian of that standard deviation, each counting as much as its weight
/// (normalised convolution, Knutsson & Westin 1993). Beyond the borders nothing counts. Where nothing
/// near counts, colours are those of the surroundings from ever farther away.
pub(super) fn blurred(pixels: &[Weighted], extent: Extent, sigma: f64) -> Vec<[f32; 3]> {
    /// What a filled pixel counts.
    const FILLED: f32 = 1e-4;
    let filled = filled(pixels, extent);
    let counted = pixels.iter().zip(filled).map(|([r, g, b, weight], far)| {
        let weight = weight.max(0.0);
        let [far_r, far_g, far_b] = far.map(|value| value * FILLED);
        [
            r * weight + far_r,
            g * weight + far_g,
            b * weight + far_b,
            weight + FILLED,
        ]
    });
    let kernel = gaussian(sigma);
    let width = extent.width as usize;
    let along = along_rows(&counted.collect::<Vec<_>>(), width, &kernel);
    let turned = transposed(&along, width);
    let along = along_rows(&turned, extent.height as usize, &kernel);
    let blurred = transposed(&along, extent.height as usize);
    let colours = blurred.into_iter();
    colours
        .map(|[r, g, b, weight]| [r, g, b].map(|sum| sum / weight.max(f32::MIN_POSITIVE)))
        .collect()
}

fn gaussian(sigma: f64) -> Vec<f32> {
    let reach = (3.0 * sigma).ceil().max(1.0) as i32;
    let value = |at: i32| (-f64::from(at * at) / (2.0 * sigma * sigma).max(1e-6)).exp();
    (-reach..=reach).map(|at| value(at) as f32).collect()
}

fn along_rows(pixels: &[Weighted], width: usize, kernel: &[f32]) -> Vec<Weighted> {
    let mut made = vec![[0.0; 4]; pixels.len()];
    let reach = kernel.len() / 2;
    let rows = made
        .par_chunks_mut(width.max(1))
        .zip(pixels.par_chunks(width.max(1)));
    rows.for_each(|(made, row)| {
        for (x, made) in made.iter_mut().enumerate() {
            let first = x.saturating_sub(reach);
            let skipped = reach.saturating_sub(x);
            let near = row.iter().skip(first).zip(kernel.iter().skip(skipped));
            for (pixel, weight) in near {
                for (sum, value) in made.iter_mut().zip(pixel) {
                    *sum += value * weight;
                }
            }
        }
    });
    made
}

fn transposed(pixels: &[Weighted], width: usize) -> Vec<Weighted> {
    let mut turned = Vec::with_capacity(pixels.len());
    for x in 0..width {
        turned.extend(pixels.iter().skip(x).step_by(width.max(1)).copied());
    }
    turned
}

/// The colours, and where nothing counts those of ever larger surroundings (pull-push).
fn filled(pixels: &[Weighted], extent: Extent) -> Vec<[f32; 3]> {
    let is_done = pixels.iter().all(|[.., weight]| *weight > 0.0);
    if is_done || extent.area() <= 1 {
        return pixels.iter().map(|[r, g, b, _]| [*r, *g, *b]).collect();
    }
    let half = Extent::new(extent.width.div_ceil(2), extent.height.div_ceil(2));
    let mut sums = vec![[0f32; 4]; half.len()];
    let width = extent.width.max(1) as usize;
    let coarse = |at: usize| (at / width / 2) * half.width as usize + at % width / 2;
    for (at, [r, g, b, weight]) in pixels.iter().enumerate() {
        if let Some(sum) = sums.get_mut(coarse(at)) {
            let counted = [r * weight, g * weight, b * weight, *weight];
            for (sum, value) in sum.iter_mut().zip(counted) {
                *sum += value;
            }
        }
    }
    let means = sums.into_iter().map(|[r, g, b, weight]| {
        let share = 1.0 / weight.max(f32::MIN_POSITIVE);
        [r * share, g * share, b * share, weight.min(1.0)]
    });
    let coarser = Smooth {
        extent: half,
        colours: filled(&means.collect::<Vec<_>>(), half),
        side_px: (2.0, 2.0),
    };
    let around = coarser.colours(Rect::of(extent));
    let pixels = pixels.iter().zip(around);
    pixels
        .map(|([r, g, b, weight], around)| between(around, [*r, *g, *b], weight.min(1.0)))
        .collect()
}

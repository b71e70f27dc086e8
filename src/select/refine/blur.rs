//! Blurring with a Gaussian, along the rows and then along the columns.

use super::PartOf;

/// How far it looks.
pub(super) fn reach(sigma: f32) -> u32 {
    (sigma * 3.0).ceil() as u32
}

/// The part blurred; beyond the border of the picture its outermost pixels go on.
pub(super) fn gaussian(part: &PartOf<'_>, sigma: f32) -> Vec<u8> {
    let reach = reach(sigma) as i32;
    let weights = weights(sigma, reach);
    let rect = part.rect;
    let width = rect.width as usize;
    let rows: Vec<Vec<f32>> = (rect.y - reach..rect.bottom() + reach)
        .map(|y| blurred_row(part, y, &weights))
        .collect();
    let mut result = Vec::with_capacity(rect.extent().len());
    let mut sums = vec![0f32; width];
    for y in 0..rect.height as usize {
        sums.fill(0.0);
        for (row, weight) in rows.iter().skip(y).zip(&weights) {
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum += weight * value;
            }
        }
        result.extend(sums.iter().map(|sum| (sum + 0.5) as u8));
    }
    result
}

/// From the farthest at the left to the farthest at the right; together 1.
fn weights(sigma: f32, reach: i32) -> Vec<f32> {
    let weight = |at: i32| (-((at * at) as f32) / (2.0 * sigma * sigma)).exp();
    let weights: Vec<f32> = (-reach..=reach).map(weight).collect();
    let sum: f32 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / sum).collect()
}

fn blurred_row(part: &PartOf<'_>, y: i32, weights: &[f32]) -> Vec<f32> {
    let row = part.row(y);
    let reach = (weights.len() / 2) as i32;
    let last = row.len().saturating_sub(1) as i32;
    let first = part.left() as i32 - reach;
    let count = part.rect.width as i32 + 2 * reach;
    let line: Vec<f32> = (first..first + count)
        .map(|x| f32::from(row.get(x.clamp(0, last) as usize).copied().unwrap_or(0)))
        .collect();
    let mut sums = vec![0f32; part.rect.width as usize];
    for (shift, weight) in weights.iter().enumerate() {
        let line = line.get(shift..).unwrap_or_default();
        for (sum, value) in sums.iter_mut().zip(line) {
            *sum += weight * value;
        }
    }
    sums
}

//! What the region holds before the model starts: its surroundings, blurred or continued into it.

use super::error::PlanError;
use super::settings::FillMode;
use crate::completion::{Checkpoint, CompletionError, Hole, complete};
use crate::geometry::{Extent, Rect};
use crate::raster::RgbF32;

/// Fills the unknown pixels (`unknown` > 0) as `fill` says. Where too little is left to be continued,
/// they are filled as for a blur: a start for a model need not be perfect.
pub(super) fn fill_region(
    picture: &mut RgbF32,
    unknown: &[f32],
    fill: FillMode,
    checkpoint: &mut Checkpoint<'_>,
) -> Result<(), PlanError> {
    if fill == FillMode::Content {
        let hole = Hole {
            rect: Rect::of(picture.extent),
            inside: unknown.iter().map(|u| *u > 0.0).collect(),
        };
        match complete(picture, &hole, checkpoint) {
            Ok(()) => return Ok(()),
            Err(CompletionError::Cancelled) => return Err(PlanError::Cancelled),
            Err(CompletionError::TooLittleLeft) => {}
        }
    }
    fill_from_surroundings(picture, unknown);
    Ok(())
}

/// One level of the pyramid: colours times weight, and the weight.
struct Level {
    extent: Extent,
    pixels: Vec<[f32; 4]>,
}

/// Replaces the unknown pixels (`unknown` > 0, partly where it is a fraction) by colours that flow
/// in from the known ones, coarse to fine. Where nothing is known the picture stays as it is.
///
/// Push–pull over an image pyramid: Gortler, Grzeszczuk, Szeliski & Cohen, "The Lumigraph",
/// SIGGRAPH 1996, section 3.4.
fn fill_from_surroundings(picture: &mut RgbF32, unknown: &[f32]) {
    if unknown.iter().all(|u| *u > 0.0) {
        return;
    }
    let known = |([r, g, b], u): (&[f32; 3], &f32)| {
        let w = if *u > 0.0 { 0.0 } else { 1.0 };
        [r * w, g * w, b * w, w]
    };
    let mut levels = vec![Level {
        extent: picture.extent,
        pixels: picture.pixels.iter().zip(unknown).map(known).collect(),
    }];
    while let Some(finer) = levels.last() {
        if finer.extent.area() <= 1 {
            break;
        }
        let coarser = pull(finer);
        levels.push(coarser);
    }
    let Some(mut filled) = levels.pop() else {
        return;
    };
    while let Some(mut finer) = levels.pop() {
        push(&filled, &mut finer);
        filled = finer;
    }
    for ((pixel, unknown), [r, g, b, w]) in
        picture.pixels.iter_mut().zip(unknown).zip(filled.pixels)
    {
        if *unknown > 0.0 && w > 0.0 {
            *pixel = [r / w, g / w, b / w];
        }
    }
}

/// The next coarser level: sums of 2 × 2, weights limited to 1.
fn pull(finer: &Level) -> Level {
    let extent = Extent::new(
        finer.extent.width.div_ceil(2),
        finer.extent.height.div_ceil(2),
    );
    let mut pixels = vec![[0f32; 4]; extent.len()];
    let width = finer.extent.width.max(1) as usize;
    for (y, row) in finer.pixels.chunks_exact(width).enumerate() {
        for (x, pixel) in row.iter().enumerate() {
            if let Some(sum) = pixels.get_mut(y / 2 * extent.width as usize + x / 2) {
                for (sum, value) in sum.iter_mut().zip(pixel) {
                    *sum += value;
                }
            }
        }
    }
    for pixel in &mut pixels {
        let [.., weight] = *pixel;
        if weight > 1.0 {
            *pixel = pixel.map(|v| v / weight);
        }
    }
    Level { extent, pixels }
}

/// Adds to each pixel of `to` what its weight lacks, interpolated from the coarser level.
fn push(from: &Level, to: &mut Level) {
    let (width, height) = (from.extent.width as usize, from.extent.height as usize);
    let taps = |i: usize, length: usize| {
        // Centre of fine pixel i in coarse pixels, minus half: its left neighbour and the share of
        // the right one.
        let at = i as f32 / 2.0 - 0.25;
        let left = at.floor();
        let share = at - left;
        let last = length.saturating_sub(1);
        let clamp = |v: f32| (v.max(0.0) as usize).min(last);
        (clamp(left), clamp(left + 1.0), share)
    };
    let fine_width = to.extent.width.max(1) as usize;
    debug_assert!(height > 0, "a pyramid level has pixels");
    for (y, row) in to.pixels.chunks_exact_mut(fine_width).enumerate() {
        let (top, bottom, share_y) = taps(y, height);
        for (x, pixel) in row.iter_mut().enumerate() {
            let [.., weight] = *pixel;
            if weight >= 1.0 {
                continue;
            }
            let (left, right, share_x) = taps(x, width);
            let mut mixed = [0f32; 4];
            for (row, share_y) in [(top, 1.0 - share_y), (bottom, share_y)] {
                for (column, share_x) in [(left, 1.0 - share_x), (right, share_x)] {
                    let Some(coarse) = from.pixels.get(row * width + column) else {
                        continue;
                    };
                    for (sum, value) in mixed.iter_mut().zip(coarse) {
                        *sum += value * share_x * share_y;
                    }
                }
            }
            let [.., mixed_weight] = mixed;
            if mixed_weight > 0.0 {
                for (value, mixed) in pixel.iter_mut().zip(mixed) {
                    *value += mixed / mixed_weight * (1.0 - weight);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hole_takes_the_colours_around_it_and_the_rest_stays() {
        let extent = Extent::new(37, 23);
        let mut picture = RgbF32::filled(extent, [0.2, 0.4, 0.6]);
        let mut unknown = vec![0.0; extent.len()];
        for y in 5..20 {
            for x in 8..30 {
                picture.pixels[y * 37 + x] = [9.0, 9.0, 9.0];
                unknown[y * 37 + x] = 1.0;
            }
        }
        fill_from_surroundings(&mut picture, &unknown);
        for pixel in &picture.pixels {
            for (value, wanted) in pixel.iter().zip([0.2, 0.4, 0.6]) {
                assert!((value - wanted).abs() < 1e-5, "{pixel:?}");
            }
        }
    }

    #[test]
    fn a_hole_between_two_colours_goes_from_one_to_the_other() {
        let extent = Extent::new(64, 8);
        let mut picture = RgbF32::filled(extent, [0.0; 3]);
        let mut unknown = vec![0.0; extent.len()];
        for y in 0..8 {
            for x in 0..64 {
                picture.pixels[y * 64 + x] = if x < 32 { [0.0; 3] } else { [1.0; 3] };
                unknown[y * 64 + x] = if (8..56).contains(&x) { 1.0 } else { 0.0 };
            }
        }
        fill_from_surroundings(&mut picture, &unknown);
        let row: Vec<f32> = (0..64).map(|x| picture.pixels[4 * 64 + x][0]).collect();
        assert!(row[12] < 0.3 && row[52] > 0.7, "{row:?}");
        assert!((row[31] - 0.5).abs() < 0.2, "{row:?}");
    }

    #[test]
    fn without_surroundings_the_picture_stays() {
        let mut picture = RgbF32::filled(Extent::new(5, 5), [0.3; 3]);
        fill_from_surroundings(&mut picture, &[1.0; 25]);
        assert_eq!(picture, RgbF32::filled(Extent::new(5, 5), [0.3; 3]));
    }
}

//! Scaling between picture size and work size, exact at pixel centres.

pub(super) use crate::raster::scale::Frame;

use super::PlanError;
use crate::geometry::Extent;
use crate::raster::RgbF32;
use crate::raster::scale::{FilterType, Unscalable, scale_rgb, scale_rgba8};

/// Scales what `source` shows in `frame` to `extent`. Lanczos where the picture gets smaller,
/// Catmull-Rom (which rings less) where it grows. Values may overshoot 0…1 slightly.
pub(super) fn resample(source: &RgbF32, frame: Frame, extent: Extent) -> Result<RgbF32, PlanError> {
    let filter = if frame.width > f64::from(extent.width) {
        FilterType::Lanczos3
    } else {
        FilterType::CatmullRom
    };
    scale_rgb(source, frame, extent, filter).map_err(failed)
}

/// As [`resample`], but bilinear and in eight bits: for previews, which must be quick and never
/// overshoot.
pub(super) fn enlarge_rgba8(
    pixels: &[[u8; 4]],
    source: Extent,
    frame: Frame,
    extent: Extent,
) -> Result<Vec<[u8; 4]>, PlanError> {
    scale_rgba8(pixels, source, frame, extent, FilterType::Bilinear).map_err(failed)
}

fn failed(Unscalable(why): Unscalable) -> PlanError {
    PlanError::Scaling(why)
}

/// Average of `values` over each cell of a grid, cells being `side` pixels wide (any fraction) with
/// the first corner at `(left, top)`. `visit` gets the cell's number (row-major) and an iterator over
/// `(index of the pixel, area of the overlap)`. Cells that lie outside take the nearest pixels.
pub(super) fn visit_cells(
    extent: Extent,
    (left, top): (f64, f64),
    side: f64,
    cells: Extent,
    mut visit: impl FnMut(usize, &mut dyn Iterator<Item = (usize, f64)>),
) {
    let columns: Vec<_> = (0..cells.width)
        .map(|i| overlaps(left, side, i, extent.width))
        .collect();
    for cell_y in 0..cells.height {
        let rows = overlaps(top, side, cell_y, extent.height);
        for (cell_x, columns) in columns.iter().enumerate() {
            let mut pixels = rows.iter().flat_map(|(y, share_y)| {
                columns
                    .iter()
                    .map(move |(x, share_x)| (y * extent.width as usize + x, share_x * share_y))
            });
            visit(cell_y as usize * cells.width as usize + cell_x, &mut pixels);
        }
    }
}

/// The pixels of a line of `length` that cell `i` overlaps, and by how much.
fn overlaps(first: f64, side: f64, i: u32, length: u32) -> Vec<(usize, f64)> {
    // Shares below this are rounding errors, not pixels.
    const LEAST: f64 = 1e-6;
    let from = first + f64::from(i) * side;
    let (from, to) = (from.max(0.0), (from + side).min(f64::from(length)));
    if to - from <= LEAST {
        let nearest = if from <= 0.0 {
            0
        } else {
            length.saturating_sub(1)
        };
        return vec![(nearest as usize, 1.0)];
    }
    (from.floor() as usize..to.ceil() as usize)
        .map(|x| (x, to.min(x as f64 + 1.0) - from.max(x as f64)))
        .filter(|(_, share)| *share > LEAST)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ramp_keeps_its_place_through_both_directions() {
        // A linear ramp is reproduced exactly by a transform that is exact at pixel centres.
        let extent = Extent::new(120, 90);
        let ramp = |x: u32, y: u32| [(x as f32 + 0.5) / 120.0, (y as f32 + 0.5) / 90.0, 0.5];
        let source = RgbF32 {
            extent,
            pixels: (0..90)
                .flat_map(|y| (0..120).map(move |x| ramp(x, y)))
                .collect(),
        };
        for (work, scale) in [(Extent::new(48, 36), 0.4), (Extent::new(300, 225), 2.5)] {
            let all = Frame {
                left: 0.0,
                top: 0.0,
                width: 120.0,
                height: 90.0,
            };
            let there = resample(&source, all, work).unwrap();
            let part = Frame {
                left: 30.0 * scale,
                top: 20.0 * scale,
                width: 60.0 * scale,
                height: 50.0 * scale,
            };
            let back = resample(&there, part, Extent::new(60, 50)).unwrap();
            for y in 5..45u32 {
                for x in 5..55u32 {
                    let got = back.pixels[(y * 60 + x) as usize];
                    let wanted = ramp(x + 30, y + 20);
                    for (g, w) in got.iter().zip(wanted) {
                        assert!(
                            (g - w).abs() < 2e-3,
                            "{x},{y} at scale {scale}: {got:?} {wanted:?}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn cells_share_out_every_pixel_once() {
        let extent = Extent::new(10, 7);
        let mut area = vec![0.0; extent.len()];
        visit_cells(extent, (0.0, 0.0), 2.7, Extent::new(4, 3), |_, pixels| {
            for (i, share) in pixels {
                area[i] += share;
            }
        });
        assert!(area.iter().all(|a| (a - 1.0).abs() < 1e-9), "{area:?}");
    }
}

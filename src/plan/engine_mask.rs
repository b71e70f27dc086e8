//! [`engine_mask`]: the maps of a mask at the sizes an engine works in.

use super::composite_alpha::{FULL, RegionMaps};
use super::layout::Layout;
use super::request::{EngineMask, LatentFill};
use super::resample::visit_cells;
use crate::geometry::{Extent, Rect};

/// The maps at the engine's sizes.
///
/// A latent pixel any part of which is in the region counts as in it, with the mean opacity of the
/// part that is; elsewhere it has the mean of the ramp.
pub(super) fn engine_mask(
    maps: &RegionMaps,
    layout: &Layout,
    vae_factor: u32,
    fill: LatentFill,
) -> EngineMask {
    let factor = vae_factor.max(1);
    let latent = Extent::new(layout.work.width / factor, layout.work.height / factor);
    let origin = (
        f64::from(layout.crop.x - maps.rect.x),
        f64::from(layout.crop.y - maps.rect.y),
    );
    let mut latent_strength = vec![0.0; latent.len()];
    let covered = CoveredCells::new(maps, layout);
    let cell_px = f64::from(factor) / layout.scale;
    visit_cells(maps.extent(), origin, cell_px, latent, |cell, pixels| {
        let value = if covered.holds(cell, latent, cell_px) {
            mean_strength(maps, pixels)
        } else {
            0.0
        };
        if let Some(slot) = latent_strength.get_mut(cell) {
            *slot = value;
        }
    });
    let mut region = vec![0.0; layout.work.len()];
    let pixel_px = 1.0 / layout.scale;
    visit_cells(
        maps.extent(),
        origin,
        pixel_px,
        layout.work,
        |cell, pixels| {
            if covered.holds(cell, layout.work, pixel_px)
                && touches_region(maps, pixels)
                && let Some(slot) = region.get_mut(cell)
            {
                *slot = 1.0;
            }
        },
    );
    EngineMask {
        latent_extent: latent,
        latent_strength,
        region,
        fill,
    }
}

/// Which cells of a grid over the work picture meet the maps at all. Cells in the mirrored rest of
/// the work picture belong to the border pixels they continue.
struct CoveredCells {
    maps: Rect,
    crop: Rect,
}

impl CoveredCells {
    const fn new(maps: &RegionMaps, layout: &Layout) -> Self {
        Self {
            maps: maps.rect,
            crop: layout.crop,
        }
    }

    fn holds(&self, cell: usize, cells: Extent, side_px: f64) -> bool {
        let column = cell % cells.width.max(1) as usize;
        let row = cell / cells.width.max(1) as usize;
        let meets = |i: usize, crop_start: i32, crop_side: u32, start: i32, end: i32| {
            let last = f64::from(crop_side) - 1e-3;
            let from = (i as f64 * side_px).min(last) + f64::from(crop_start);
            let to = ((i + 1) as f64 * side_px).min(f64::from(crop_side)) + f64::from(crop_start);
            from < f64::from(end) - 1e-6 && to > f64::from(start) + 1e-6
        };
        let (maps, crop) = (self.maps, self.crop);
        meets(column, crop.x, crop.width, maps.x, maps.right())
            && meets(row, crop.y, crop.height, maps.y, maps.bottom())
    }
}

fn touches_region(maps: &RegionMaps, mut pixels: &mut dyn Iterator<Item = (usize, f64)>) -> bool {
    let in_region = |(i, _)| maps.in_region.get(i).is_some_and(|is_in| *is_in);
    Iterator::any(&mut pixels, in_region)
}

fn mean_strength(maps: &RegionMaps, pixels: &mut dyn Iterator<Item = (usize, f64)>) -> f32 {
    let (mut inside, mut inside_area, mut all, mut all_area) = (0.0, 0.0, 0.0, 0.0);
    for (i, share) in pixels {
        let strength = maps.strength.get(i).copied().unwrap_or(0);
        let value = f64::from(strength) / f64::from(FULL) * share;
        all += value;
        all_area += share;
        if maps.in_region.get(i).is_some_and(|is_in| *is_in) {
            inside += value;
            inside_area += share;
        }
    }
    if inside_area > 0.0 {
        (inside / inside_area) as f32
    } else if all_area > 0.0 {
        (all / all_area) as f32
    } else {
        0.0
    }
}

//! Mask → region → two maps: which pixels may change, how much of the result is shown there
//! (composite alpha) and how far the model may go there (strength map).

use super::distance::nearest_sites;
use super::settings::MaskMode;
use crate::geometry::{Extent, Rect};
use crate::raster::{Mask, MaskKind, snapped_to_ends};

/// Which part of the picture may change, as a box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegionBounds {
    /// All of it: nothing is painted.
    Everything,
    /// The smallest box around the part that may change, before growing.
    Box(Rect),
    /// Nothing: everything is painted, and what is painted stays.
    Nothing,
}

/// The [`RegionBounds`] of a mask. Cost: one look at each pixel.
pub fn region_bounds(painted: Option<&Mask>, mode: MaskMode) -> RegionBounds {
    let Some(mask) = painted else {
        return RegionBounds::Everything;
    };
    let mut bounds = Rect::default();
    let mut anything_painted = false;
    let extent = mask.extent();
    for y in 0..extent.height {
        let (mut first, mut last) = (None, 0);
        mask.visit_row(y, 0..extent.width, |x, coverages| {
            anything_painted |= coverages.iter().any(|c| snapped_to_ends(*c) > 0);
            let changes = |c: &u8| change_of(*c, mode) > 0;
            if let Some(i) = coverages.iter().position(changes) {
                first.get_or_insert(x + i as u32);
            }
            if let Some(i) = coverages.iter().rposition(changes) {
                last = x + i as u32;
            }
        });
        if let Some(first) = first {
            let row = Rect::new(first as i32, y as i32, last - first + 1, 1);
            bounds = bounds.union(row);
        }
    }
    match (anything_painted, bounds.is_empty()) {
        (false, _) => RegionBounds::Everything,
        (true, true) => RegionBounds::Nothing,
        (true, false) => RegionBounds::Box(bounds),
    }
}

/// The one polarity: 255 = may change. Everything behind this function knows only this, and the
/// ends of a mask are the same for all of it.
pub(super) const fn change_of(painted: u8, mode: MaskMode) -> u8 {
    let painted = snapped_to_ends(painted);
    match mode {
        MaskMode::Changes => painted,
        MaskMode::Stays => 255 - painted,
    }
}

/// The two maps over one rectangle of the picture, row-major, full = 65535.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RegionMaps {
    /// Which part of the picture they cover: the region, grown, with its feather band.
    pub(super) rect: Rect,
    /// Which pixels are in the region, grown.
    pub(super) in_region: Vec<bool>,
    /// Composite alpha: how far the nearest pixel of the region fades in, with a linear ramp in the
    /// band, 0 beyond. Pixels at 0 stay bit-identical.
    pub(super) alpha: Vec<u16>,
    /// Local share of the denoising strength: the mask's opacity in the region, times the ramp in
    /// the band.
    pub(super) strength: Vec<u16>,
    /// Of a matte: how much of what stays each pixel is, 0…255.
    pub(super) kept: Option<Vec<u8>>,
}

/// Full scale of the maps.
pub(super) const FULL: u16 = u16::MAX;

impl RegionMaps {
    /// The maps of a mask of that kind; a matte has no feather, as its own band is soft.
    pub(super) fn of_kind(
        kind: MaskKind,
        (painted, mode): (&Mask, MaskMode),
        rect: Rect,
        (grow_px, feather_px): (f64, f64),
    ) -> Self {
        match kind {
            MaskKind::Strength => Self::new(painted, mode, rect, (grow_px, feather_px)),
            MaskKind::Matte => Self::of_matte(painted, mode, rect, grow_px),
        }
    }

    /// The maps of a matte: all that is not wholly kept is shown fully and may change fully, because
    /// what it holds in the soft band is mixed from the result and what is kept. Growing moves the
    /// edge, where half is kept, and what lies behind it changes wholly.
    fn of_matte(painted: &Mask, mode: MaskMode, rect: Rect, grow_px: f64) -> Self {
        let change = painted.crop(rect).into_iter().map(|c| change_of(c, mode));
        let mut change: Vec<u8> = change.collect();
        if grow_px > 0.0 {
            let is_site: Vec<bool> = change.iter().map(|c| *c >= 128).collect();
            let nearest = nearest_sites(rect.extent(), &is_site);
            for (change, squared) in change.iter_mut().zip(&nearest.squared) {
                let grown = ramp(f64::from(*squared).sqrt(), grow_px - 0.5, 1.0) * 255.0;
                *change = (*change).max(grown.round() as u8);
            }
        }
        let full = |change: &u8| if *change > 0 { FULL } else { 0 };
        Self {
            rect,
            in_region: change.iter().map(|change| *change > 0).collect(),
            alpha: change.iter().map(full).collect(),
            strength: change.iter().map(full).collect(),
            kept: Some(change.into_iter().map(|change| 255 - change).collect()),
        }
    }

    /// The maps of a painted mask, over `rect`, which must hold the region grown and feathered as far as
    /// it lies in the picture.
    pub(super) fn new(
        painted: &Mask,
        mode: MaskMode,
        rect: Rect,
        (grow_px, feather_px): (f64, f64),
    ) -> Self {
        let change: Vec<u8> = painted
            .crop(rect)
            .into_iter()
            .map(|c| change_of(c, mode))
            .collect();
        let is_site: Vec<bool> = change.iter().map(|c| *c > 0).collect();
        let nearest = nearest_sites(rect.extent(), &is_site);
        drop(is_site);
        let mut in_region = Vec::with_capacity(change.len());
        let mut alpha = Vec::with_capacity(change.len());
        let mut strength = Vec::with_capacity(change.len());
        for (squared, site) in nearest.squared.iter().zip(&nearest.site) {
            let distance_px = f64::from(*squared).sqrt();
            let ramp = ramp(distance_px, grow_px, feather_px);
            let opacity = change.get(*site as usize).copied().unwrap_or(0);
            in_region.push(distance_px <= grow_px);
            alpha.push((ramp * fade(opacity) * f64::from(FULL)).round() as u16);
            strength.push((ramp * f64::from(opacity) * 257.0).round() as u16);
        }
        Self {
            rect,
            in_region,
            alpha,
            strength,
            kept: None,
        }
    }

    /// Size of the maps.
    pub(super) fn extent(&self) -> Extent {
        self.rect.extent()
    }
}

/// How far the result is shown where the mask is `change` strong, 0…1. Paint too thin for the model
/// to change anything replaces nothing either, so a soft brush has no rim of re-encoded pixels.
fn fade(change: u8) -> f64 {
    /// The last coverage that shows nothing, and the first one that shows the result fully.
    const NOTHING: f64 = 8.0;
    const FULLY: f64 = 64.0;
    ((f64::from(change) - NOTHING) / (FULLY - NOTHING)).clamp(0.0, 1.0)
}

/// 1 up to `grow_px` from the region, then linearly down to 0 at `grow_px + feather_px`.
fn ramp(distance_px: f64, grow_px: f64, feather_px: f64) -> f64 {
    if distance_px <= grow_px {
        1.0
    } else if feather_px > 0.0 && distance_px.is_finite() {
        (1.0 - (distance_px - grow_px) / feather_px).max(0.0)
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raster::Tiled;

    fn mask_with(extent: Extent, rect: Rect, value: u8) -> Mask {
        let mut mask = Tiled::filled(extent, 0);
        mask.update(rect, |_, _| value);
        mask
    }

    #[test]
    fn bounds_follow_the_mode() {
        let extent = Extent::new(700, 300);
        let painted = Rect::new(250, 100, 300, 20);
        let mask = mask_with(extent, painted, 90);
        let changes = region_bounds(Some(&mask), MaskMode::Changes);
        assert_eq!(changes, RegionBounds::Box(painted));
        let stays = region_bounds(Some(&mask), MaskMode::Stays);
        assert_eq!(stays, RegionBounds::Box(Rect::of(extent)));
        let full = Tiled::filled(extent, 255);
        assert_eq!(
            region_bounds(Some(&full), MaskMode::Stays),
            RegionBounds::Nothing
        );
        let left = mask_with(extent, Rect::new(0, 0, 400, 300), 255);
        let right = region_bounds(Some(&left), MaskMode::Stays);
        assert_eq!(right, RegionBounds::Box(Rect::new(400, 0, 300, 300)));
        for mode in [MaskMode::Changes, MaskMode::Stays] {
            let blank = Tiled::filled(extent, 0);
            assert_eq!(region_bounds(Some(&blank), mode), RegionBounds::Everything);
            assert_eq!(region_bounds(None, mode), RegionBounds::Everything);
        }
    }

    #[test]
    fn alpha_is_full_when_grown_and_ramps_in_the_band() {
        let extent = Extent::new(40, 1);
        let mask = mask_with(extent, Rect::new(10, 0, 1, 1), 128);
        let maps = RegionMaps::new(&mask, MaskMode::Changes, Rect::of(extent), (2.0, 4.0));
        let alpha: Vec<f64> = maps.alpha.iter().map(|a| f64::from(*a) / 65535.0).collect();
        let wanted = [
            (10, 1.0),
            (12, 1.0),
            (8, 1.0),
            (13, 0.75),
            (14, 0.5),
            (15, 0.25),
            (16, 0.0),
            (4, 0.0),
        ];
        for (x, value) in wanted {
            assert!((alpha[x] - value).abs() < 1e-4, "at {x}: {}", alpha[x]);
        }
        // Half-opaque paint is fully shown but halves the strength.
        assert_eq!(maps.strength[10], 128 * 257);
        assert_eq!(maps.strength[14], 64 * 257);
    }

    #[test]
    fn a_matte_is_shown_fully_wherever_anything_may_change() {
        let extent = Extent::new(40, 1);
        let mut mask = Tiled::filled(extent, 0);
        mask.update(Rect::of(extent), |at, _| {
            ((at.x - 10) * 20).clamp(0, 255) as u8
        });
        let maps = |mode, grow_px| {
            let painted = (&mask, mode);
            RegionMaps::of_kind(MaskKind::Matte, painted, Rect::of(extent), (grow_px, 9.0))
        };
        let stays = maps(MaskMode::Stays, 0.0);
        let kept = stays.kept.unwrap();
        for x in 0..40 {
            let painted = snapped_to_ends(mask.get(x, 0).unwrap());
            let x = x as usize;
            assert_eq!(kept[x], painted);
            let shown = if painted < 255 { FULL } else { 0 };
            assert_eq!((stays.alpha[x], stays.strength[x]), (shown, shown));
            assert_eq!(stays.in_region[x], shown == FULL);
        }
        // The other way round the same is kept that was changed.
        let changes = maps(MaskMode::Changes, 0.0).kept.unwrap();
        assert!(changes.iter().zip(&kept).all(|(a, b)| *a == 255 - b));
        // Half is kept at 16; four pixels farther it is now the edge.
        let grown = maps(MaskMode::Stays, 4.0).kept.unwrap();
        assert_eq!((grown[16], grown[19], grown[24]), (0, 0, 255));
    }

    #[test]
    fn ends_count_as_nothing_and_as_everything() {
        let extent = Extent::new(60, 40);
        let rect = Rect::new(20, 10, 9, 7);
        for (floor, top) in [(0, 255), (1, 254), (8, 247)] {
            let mut mask = Tiled::filled(extent, floor);
            mask.update(rect, |_, _| top);
            let changes = region_bounds(Some(&mask), MaskMode::Changes);
            assert_eq!(changes, RegionBounds::Box(rect), "{floor} {top}");
            let inverted = mask.map(|c| 255 - c);
            let stays = region_bounds(Some(&inverted), MaskMode::Stays);
            assert_eq!(stays, RegionBounds::Box(rect), "{floor} {top}");
            let maps = |mask, mode| RegionMaps::new(mask, mode, Rect::of(extent), (0.0, 3.0));
            let clean = mask_with(extent, rect, 255);
            let wanted = maps(&clean, MaskMode::Changes);
            assert_eq!(maps(&mask, MaskMode::Changes), wanted);
            assert_eq!(maps(&inverted, MaskMode::Stays), wanted);
        }
        let faint = Tiled::filled(extent, 8);
        let nothing = region_bounds(Some(&faint), MaskMode::Changes);
        assert_eq!(nothing, RegionBounds::Everything);
        let nearly_full = Tiled::filled(extent, 247);
        let all_kept = region_bounds(Some(&nearly_full), MaskMode::Stays);
        assert_eq!(all_kept, RegionBounds::Nothing);
    }

    #[test]
    fn a_soft_brush_fades_in_without_a_rim() {
        let extent = Extent::new(90, 1);
        let mut mask = Tiled::filled(extent, 0);
        mask.update(Rect::of(extent), |at, _| {
            ((at.x - 10) * 4).clamp(0, 255) as u8
        });
        let maps = RegionMaps::new(&mask, MaskMode::Changes, Rect::of(extent), (0.0, 4.0));
        let steps: Vec<u16> = maps.alpha.windows(2).map(|w| w[1].abs_diff(w[0])).collect();
        // One step of the brush is 4 of the 56 coverages over which it fades.
        let most = u32::from(FULL) * 4 / 56 + 1;
        assert!(steps.iter().all(|s| u32::from(*s) <= most), "{steps:?}");
        assert!(maps.alpha.is_sorted());
        assert_eq!((maps.alpha[8], maps.alpha[26]), (0, FULL));
        let region: Vec<usize> = (0..90).filter(|x| maps.in_region[*x]).collect();
        assert_eq!(region, (13..90).collect::<Vec<_>>());
    }
}

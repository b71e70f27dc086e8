//! [`Layout`]: which part of the picture the model is shown and at which size. Arithmetic only, so
//! the canvas can show it while the user paints.

use serde::{Deserialize, Serialize};

use super::PlanError;
use super::region::RegionBounds;
use super::settings::{AreaMode, EditSettings, Length};
use super::work_size::WorkSize;
use crate::catalog::ModelTraits;
use crate::geometry::{Extent, Rect};

/// Share of the picture up to which `auto` shows the model only the region's surroundings.
const AUTO_AREA_SHARE: f64 = 0.6;
/// Default padding: share of the diagonal of the region's box, and its least value in pixels.
const PADDING: (Length, f64) = (Length::Percent(12.0), 32.0);
/// Default feather as a share of that diagonal; at least one latent pixel (8 px for Stable Diffusion,
/// 4 px for the built-in model), because a narrower band would be lost in the latent.
const FEATHER: Length = Length::Percent(2.0);
/// A small crop is enlarged at most this much.
const MAX_ENLARGEMENT: f64 = 4.0;
/// Very long crops may take up to this many times the model's native area.
const MAX_AREA: f64 = 2.0;

/// How an edit lies in its picture.
///
/// One exact transform serves both directions: a position in the work picture is `scale` times its
/// distance from the crop's upper left corner, pixel borders on pixel borders. Columns and rows of
/// the work picture beyond the crop's mirror it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Layout {
    /// What the model is shown; inside the picture.
    pub crop: Rect,
    /// Size of the picture the model works on.
    pub work: Extent,
    /// Work pixels per picture pixel; the same along both sides.
    pub scale: f64,
    /// Box of the part that may change, before growing; `None` is the whole picture.
    pub region: Option<Rect>,
    /// Everything that can change: the region grown and feathered, inside the picture.
    pub touched: Rect,
    /// How far the region is grown.
    pub grow_px: f64,
    /// Width of the feather band.
    pub feather_px: f64,
    /// Surroundings shown around the band; 0 where the whole picture is shown.
    pub padding_px: f64,
    /// Steps that will run.
    pub executed_steps: u32,
}

/// Lays an edit out in a picture of size `extent`.
pub fn layout(
    extent: Extent,
    region: RegionBounds,
    settings: &EditSettings,
    traits: &ModelTraits,
) -> Result<Layout, PlanError> {
    if extent.is_empty() {
        return Err(PlanError::EmptyPicture);
    }
    let schedule = settings.steps.of_run(settings.strength, traits);
    let executed_steps = schedule.executed(settings.strength);
    if executed_steps == 0 {
        return Err(PlanError::NothingToRun {
            steps: settings.steps.get(),
            strength: settings.strength.get(),
        });
    }
    let picture = Rect::of(extent);
    let region = match region {
        RegionBounds::Everything => None,
        RegionBounds::Box(rect) => Some(rect),
        RegionBounds::Nothing => return Err(PlanError::EverythingKept),
    };
    let diagonal_px = region.map_or(0.0, Rect::diagonal);
    let grow_px = region.map_or(0.0, |_| settings.grow.resolve_px(diagonal_px));
    let feather_px = region.map_or(0.0, |_| match settings.feather {
        Some(length) => length.resolve_px(diagonal_px),
        None => FEATHER
            .resolve_px(diagonal_px)
            .max(f64::from(traits.vae_factor)),
    });
    let touched = region.map_or(picture, |rect| {
        rect.expanded((grow_px + feather_px).ceil() as u32)
            .intersect(picture)
    });
    let padding_px = settings.padding.map_or_else(
        || PADDING.0.resolve_px(diagonal_px).max(PADDING.1),
        |length| length.resolve_px(diagonal_px),
    );
    let padded = touched
        .expanded(padding_px.ceil() as u32)
        .shifted_inside(picture);
    let whole = match settings.area {
        AreaMode::Whole => true,
        AreaMode::Masked => false,
        AreaMode::Auto => padded.extent().area() as f64 >= AUTO_AREA_SHARE * extent.area() as f64,
    };
    let shown = if whole || region.is_none() {
        picture
    } else {
        padded
    };
    let (crop, work, scale) = fit(shown, picture, traits, settings.work_size);
    Ok(Layout {
        crop,
        work,
        scale,
        region,
        touched,
        grow_px,
        feather_px,
        padding_px: if crop == picture { 0.0 } else { padding_px },
        executed_steps,
    })
}

/// Chooses work size and scale for what is to be shown, and widens it into the picture as far as
/// the work size has room.
///
/// The area comes near the model's native one, both sides are multiples of its size multiple, the
/// scale is the same along both. The rest that the multiples leave is filled with more of the
/// picture where there is more, and mirrored only where there is not.
///
/// An `own` work size takes the place of the native area, and of the limits that suit the model.
fn fit(
    shown: Rect,
    picture: Rect,
    traits: &ModelTraits,
    own: Option<WorkSize>,
) -> (Rect, Extent, f64) {
    let multiple = f64::from(traits.size_multiple_px.max(1));
    let native_area = f64::from(traits.native_px).powi(2);
    let shown = at_least_one_multiple(shown, picture, multiple, native_area);
    let (width, height) = (f64::from(shown.width), f64::from(shown.height));
    let usual = (native_area / (width * height)).sqrt();
    let ideal = own.map_or(usual, |own| own.scale((width, height), usual));
    let nearest = |side: f64| (side * ideal / multiple).round().max(1.0) * multiple;
    let mut scale = (nearest(width) / width).min(nearest(height) / height);
    if own.is_none() {
        scale = scale.min(MAX_ENLARGEMENT);
        let area =
            whole_multiples(width, scale, multiple) * whole_multiples(height, scale, multiple);
        if area > MAX_AREA * native_area {
            scale *= MAX_AREA * native_area / area;
        }
    }
    let work_width = whole_multiples(width, scale, multiple);
    let work_height = whole_multiples(height, scale, multiple);
    let room = Rect::new(
        shown.x,
        shown.y,
        ((work_width / scale + 1e-6).floor() as u32).clamp(shown.width, picture.width),
        ((work_height / scale + 1e-6).floor() as u32).clamp(shown.height, picture.height),
    );
    let centred = Rect {
        x: room.x - ((room.width - shown.width) / 2) as i32,
        y: room.y - ((room.height - shown.height) / 2) as i32,
        ..room
    };
    let work = Extent::new(work_width as u32, work_height as u32);
    (centred.shifted_inside(picture), work, scale)
}

/// A side at that scale, up to a whole number of multiples.
pub(super) fn whole_multiples(side: f64, scale: f64, multiple: f64) -> f64 {
    // A hair less than the side, so that rounding errors do not add a whole multiple.
    ((side * scale - 1e-6) / multiple).ceil().max(1.0) * multiple
}

/// Widens a strip so narrow that at native area it would be thinner than one size multiple, as far
/// as the picture allows.
fn at_least_one_multiple(shown: Rect, picture: Rect, multiple: f64, native_area: f64) -> Rect {
    let longest = f64::from(shown.width.max(shown.height));
    // side · scale ≥ multiple with scale = sqrt(native / (side · longest)).
    let least = (multiple * multiple * longest / native_area).ceil() as u32;
    let grown = |side: u32| least.saturating_sub(side).div_ceil(2);
    let (by_x, by_y) = (grown(shown.width), grown(shown.height));
    Rect::new(
        shown.x.saturating_sub_unsigned(by_x),
        shown.y.saturating_sub_unsigned(by_y),
        shown.width + 2 * by_x,
        shown.height + 2 * by_y,
    )
    .shifted_inside(picture)
}

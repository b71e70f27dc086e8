//! [`erase`]: what is painted is taken out of the picture, without a model.

use serde::{Deserialize, Serialize};

use super::composite_alpha::{RegionBounds, RegionMaps, region_bounds};
use super::error::PlanError;
use super::settings::{Length, MaskMode};
use crate::completion::{self, Checkpoint, CompletionError, Hole};
use crate::geometry::Rect;
use crate::raster::{Mask, Patch, Picture, Pixmap, Tiled};
use crate::text::{Explain, Message, error_speaks};

/// What the user chooses for erasing.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EraseSettings {
    /// What being painted means: `Changes` erases it, `Stays` erases everything else.
    pub mask_mode: MaskMode,
    /// How far the region is grown first.
    pub grow: Length,
    /// Width of the soft band outside the region. It is filled too, and blended into what was there.
    pub feather: Length,
}

impl Default for EraseSettings {
    fn default() -> Self {
        Self {
            mask_mode: MaskMode::default(),
            grow: Length::Px(0.0),
            feather: Length::Px(0.0),
        }
    }
}

/// One erasure, complete. Cheap to make and to clone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EraseRequest {
    /// The visible picture.
    pub source: Picture,
    /// What is painted; has the size of the source.
    pub painted: Mask,
    /// What was chosen.
    pub settings: EraseSettings,
}

/// Why nothing was erased.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum EraseError {
    /// Nothing is painted.
    NothingPainted,
    /// Mask and picture do not go together, or everything is kept.
    Plan(PlanError),
    /// The hole cannot be filled, or it was cancelled.
    Completion(CompletionError),
}

impl EraseError {
    /// True when it was asked to stop.
    pub fn is_cancelled(&self) -> bool {
        *self == Self::Completion(CompletionError::Cancelled)
    }
}

impl From<CompletionError> for EraseError {
    fn from(error: CompletionError) -> Self {
        Self::Completion(error)
    }
}

impl Explain for EraseError {
    fn message(&self) -> Message {
        match self {
            Self::NothingPainted => Message::new("plan-erase-nothing-painted"),
            Self::Plan(error) => error.message(),
            Self::Completion(error) => error.message(),
        }
    }
}

error_speaks!(EraseError);

/// Fills what is painted from its surroundings. The patch has the picture's depth and profile; its
/// alpha is that of any other edit, so that beyond grow and feather every bit stays.
pub fn erase(request: &EraseRequest, checkpoint: &mut Checkpoint<'_>) -> Result<Patch, EraseError> {
    let settings = &request.settings;
    let extent = request.source.extent();
    if request.painted.extent() != extent {
        return Err(EraseError::Plan(PlanError::MaskSize {
            mask: request.painted.extent(),
            picture: extent,
        }));
    }
    let region = match region_bounds(Some(&request.painted), settings.mask_mode) {
        RegionBounds::Everything => return Err(EraseError::NothingPainted),
        RegionBounds::Nothing => return Err(EraseError::Plan(PlanError::EverythingKept)),
        RegionBounds::Box(rect) => rect,
    };
    let diagonal_px = region.diagonal();
    let grow_px = settings.grow.resolve_px(diagonal_px);
    let feather_px = settings.feather.resolve_px(diagonal_px);
    let touched = region
        .expanded((grow_px + feather_px).ceil() as u32)
        .intersect(Rect::of(extent));
    let maps = RegionMaps::new(
        &request.painted,
        settings.mask_mode,
        touched,
        (grow_px, feather_px),
    );
    let hole = Hole {
        rect: touched,
        inside: maps.alpha.iter().map(|alpha| *alpha > 0).collect(),
    };
    let mut filled = request.source.pixels.clone();
    completion::complete(&mut filled, &hole, checkpoint)?;
    Ok(Patch {
        rect: touched,
        pixels: with_alpha(&filled, touched, &maps.alpha),
    })
}

/// A part of a picture with another alpha; pixels that show nothing become all zeros.
fn with_alpha(filled: &Pixmap, rect: Rect, alpha: &[u16]) -> Pixmap {
    match filled {
        Pixmap::Rgba8(plane) => {
            let mut pixels = plane.crop(rect);
            for (pixel, alpha) in pixels.iter_mut().zip(alpha) {
                let [r, g, b, _] = *pixel;
                let alpha = ((u32::from(*alpha) + 128) / 257) as u8;
                *pixel = if alpha == 0 { [0; 4] } else { [r, g, b, alpha] };
            }
            Pixmap::Rgba8(Tiled::from_pixels(rect.extent(), &pixels, [0; 4]))
        }
        Pixmap::Rgba16(plane) => {
            let mut pixels = plane.crop(rect);
            for (pixel, alpha) in pixels.iter_mut().zip(alpha) {
                let [r, g, b, _] = *pixel;
                *pixel = if *alpha == 0 {
                    [0; 4]
                } else {
                    [r, g, b, *alpha]
                };
            }
            Pixmap::Rgba16(Tiled::from_pixels(rect.extent(), &pixels, [0; 4]))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Extent;
    use crate::raster::{Profile, draw_patch};

    fn striped(extent: Extent) -> Picture {
        let mut pixels = Tiled::filled(extent, [0u8; 4]);
        pixels.update(Rect::of(extent), |at, _| {
            let light = if at.x.rem_euclid(8) < 4 { 200 } else { 40 };
            [light, light / 2, 255 - light, 255]
        });
        Picture {
            pixels: Pixmap::Rgba8(pixels),
            profile: Profile::Srgb,
        }
    }

    fn request(feather_px: f64) -> EraseRequest {
        let source = striped(Extent::new(90, 70));
        let mut painted = Tiled::filled(source.extent(), 0);
        painted.update(Rect::new(30, 20, 20, 16), |_, _| 255);
        EraseRequest {
            source,
            painted,
            settings: EraseSettings {
                feather: Length::Px(feather_px),
                ..EraseSettings::default()
            },
        }
    }

    #[test]
    fn what_is_painted_goes_and_the_rest_keeps_its_bits() {
        for feather_px in [0.0, 5.0] {
            let mut request = request(feather_px);
            let clean = request.source.clone();
            let Pixmap::Rgba8(plane) = &mut request.source.pixels else {
                panic!("8 bits")
            };
            plane.update(Rect::new(32, 22, 14, 10), |_, _| [255, 0, 0, 255]);
            let patch = erase(&request, &mut |_| Ok(())).unwrap();
            let mut result = request.source.pixels.clone();
            draw_patch(&mut result, &patch, 255);
            assert_eq!(result, clean.pixels, "feather {feather_px}");
        }
    }

    #[test]
    fn nothing_painted_and_everything_kept_are_said() {
        let mut nothing = request(0.0);
        nothing.painted = Tiled::filled(nothing.source.extent(), 0);
        let error = erase(&nothing, &mut |_| Ok(())).unwrap_err();
        assert_eq!(error, EraseError::NothingPainted);
        let mut kept = request(0.0);
        kept.painted = Tiled::filled(kept.source.extent(), 255);
        kept.settings.mask_mode = MaskMode::Stays;
        let error = erase(&kept, &mut |_| Ok(())).unwrap_err();
        assert_eq!(error, EraseError::Plan(PlanError::EverythingKept));
        let mut other = request(0.0);
        other.painted = Tiled::filled(Extent::new(3, 3), 255);
        assert!(matches!(
            erase(&other, &mut |_| Ok(())),
            Err(EraseError::Plan(PlanError::MaskSize { .. }))
        ));
    }

    #[test]
    fn the_whole_picture_cannot_be_made_of_nothing() {
        let mut all = request(0.0);
        all.painted = Tiled::filled(all.source.extent(), 255);
        let error = erase(&all, &mut |_| Ok(())).unwrap_err();
        assert_eq!(
            error,
            EraseError::Completion(CompletionError::TooLittleLeft)
        );
        assert!(!error.is_cancelled());
    }
}

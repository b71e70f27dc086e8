//! From pixels to colours of the screen: pictures of either depth, masks as a tint.

use eframe::egui::Color32;

use super::textures::Shade;
use crate::plan::MaskMode;
use crate::raster::DisplayTransform;
use crate::ui::theme::{self, MaskTint, MaskView, Tokens};

/// Pictures: through their profile to sRGB, premultiplied.
pub(super) struct PictureShade<'a> {
    /// The way from the picture's profile to the screen.
    pub display: &'a DisplayTransform,
    /// Changes with the document and its profile.
    pub version: u64,
}

impl PictureShade<'_> {
    fn finish(&self, mut pixels: Vec<[u8; 4]>, colours: &mut Vec<Color32>) {
        // A profile that cannot be used was refused when the picture was opened; should it fail
        // here all the same, the numbers are shown as if they were sRGB.
        _ = self.display.to_srgb8(&mut pixels);
        colours.extend(pixels.into_iter().map(premultiplied));
    }
}

impl Shade<[u8; 4]> for PictureShade<'_> {
    fn shade(&self, pixels: &[[u8; 4]], colours: &mut Vec<Color32>) {
        if self.display.is_identity() {
            colours.extend(pixels.iter().copied().map(premultiplied));
        } else {
            self.finish(pixels.to_vec(), colours);
        }
    }

    fn version(&self) -> u64 {
        self.version
    }
}

impl Shade<[u16; 4]> for PictureShade<'_> {
    fn shade(&self, pixels: &[[u16; 4]], colours: &mut Vec<Color32>) {
        let narrow = |v: u16| ((u32::from(v) + 128) / 257) as u8;
        self.finish(
            pixels.iter().map(|pixel| pixel.map(narrow)).collect(),
            colours,
        );
    }

    fn version(&self) -> u64 {
        self.version
    }
}

fn premultiplied([r, g, b, a]: [u8; 4]) -> Color32 {
    if a == 255 {
        Color32::from_rgba_premultiplied(r, g, b, a)
    } else {
        Color32::from_rgba_unmultiplied(r, g, b, a)
    }
}

/// Masks: the tint of what is painted. Lightly painted parts, which change less, are paler and
/// shift towards yellow, like heat.
pub(super) struct MaskShade {
    by_coverage: [Color32; 256],
    version: u64,
}

impl MaskShade {
    /// The tint of a mode in a theme.
    pub(super) fn new(mode: MaskMode, tint: &MaskTint, view: MaskView, t: &Tokens) -> Self {
        let full = tint.of(mode);
        let opacity = tint.opacity;
        let shade = |coverage: u8| {
            let share = f32::from(coverage) / 255.0;
            let mix = |cool: u8, hot: u8| {
                (f32::from(cool) + (f32::from(hot) - f32::from(cool)) * share).round() as u8
            };
            let colour = Color32::from_rgba_premultiplied(
                mix(t.warn.r(), full.r()),
                mix(t.warn.g(), full.g()),
                mix(t.warn.b(), full.b()),
                255,
            );
            theme::faded(colour, opacity * share.powf(0.7))
        };
        let percent = (opacity * 100.0).round() as u64;
        let place = MaskView::ALL.iter().position(|other| *other == view);
        Self {
            by_coverage: std::array::from_fn(|coverage| match (view, coverage as u8) {
                (MaskView::Tint, coverage) => shade(coverage),
                // The line around it is all that is seen.
                (MaskView::Ants, _) => Color32::TRANSPARENT,
                (MaskView::BlackWhite, c) => Color32::from_rgba_premultiplied(c, c, c, 255),
                (MaskView::OnBlack, c) => Color32::from_black_alpha(255 - c),
            }),
            version: u64::from(u32::from_le_bytes(full.to_array()))
                | percent << 32
                | (place.unwrap_or_default() as u64) << 40,
        }
    }
}

impl Shade<u8> for MaskShade {
    fn shade(&self, pixels: &[u8], colours: &mut Vec<Color32>) {
        let tint = |coverage: &u8| {
            self.by_coverage
                .get(usize::from(*coverage))
                .copied()
                .unwrap_or_default()
        };
        colours.extend(pixels.iter().map(tint));
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn is_blank(&self, pixels: &[u8]) -> bool {
        // What is not painted is drawn too, where the mask takes the picture's place.
        let is_clear = |coverage: u8| self.by_coverage.get(usize::from(coverage));
        let is_clear = |coverage: u8| is_clear(coverage) == Some(&Color32::TRANSPARENT);
        is_clear(0) && (is_clear(255) || pixels.iter().all(|coverage| *coverage == 0))
    }
}

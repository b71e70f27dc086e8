//! [`AutoTint`]: which colours of the mask are seen on a picture. Red paint on a red dress is not.

use eframe::egui::Color32;

use crate::document::DocumentId;
use crate::editor::OpenDocument;
use crate::geometry::Extent;
use crate::plan::MaskMode;
use crate::raster::{Pixmap, snapped_to_ends};
use crate::select::colour_distance;
use crate::ui::theme::{MASK_OPACITY, MaskTint, TintColours, Tokens};

/// Places of the picture that are looked at, along each side.
const PLACES: u32 = 40;
/// This share of the places may show the tint less well.
const LEAST_SEEN: usize = 5;
/// A tint that changes colours by that much is seen well; OKLab, black and white being 100 apart.
const WELL_SEEN: f32 = 9.0;
/// Colours are changed only for others that are seen better by this factor.
const BETTER: f32 = 1.25;

/// Which colours are seen on the picture in front, kept until it, its mask or its mode change.
#[derive(Debug, Default)]
pub(in crate::ui) struct AutoTint {
    chosen: TintColours,
    follows: Option<(DocumentId, MaskMode, u64, u64)>,
}

impl AutoTint {
    /// What was chosen last.
    pub(in crate::ui) const fn colours(&self) -> TintColours {
        self.chosen
    }

    /// Looks at the picture, where it is painted or, where it is not, everywhere.
    pub(in crate::ui) fn follow(&mut self, open: &OpenDocument, t: &Tokens) {
        let (revisions, mode) = (open.document().revisions(), open.settings().mask_mode);
        let now = (open.id(), mode, revisions.visible, revisions.mask);
        if self.follows == Some(now) {
            return;
        }
        let is_other = self.follows.is_none_or(|(id, ..)| id != open.id());
        self.follows = Some(now);
        let colours = sampled(open);
        let first = if is_other {
            TintColours::Theme
        } else {
            self.chosen
        };
        self.chosen = best_seen(&colours, first, |tint| {
            MaskTint::new(t, tint, MASK_OPACITY).of(mode)
        });
    }
}

/// The colours that stay, unless others are seen clearly better.
fn best_seen(
    picture: &[[u8; 3]],
    now: TintColours,
    colour_of: impl Fn(TintColours) -> Color32,
) -> TintColours {
    let seen = |tint: TintColours| least_difference(picture, colour_of(tint));
    let is_seen = seen(now);
    if is_seen >= WELL_SEEN {
        return now;
    }
    let rated = TintColours::FIXED.iter().map(|tint| (*tint, seen(*tint)));
    let best = rated.max_by(|a, b| a.1.total_cmp(&b.1));
    best.filter(|(_, difference)| *difference > is_seen * BETTER)
        .map_or(now, |(tint, _)| tint)
}

/// By how much a tint changes nearly all of the colours, at least.
fn least_difference(picture: &[[u8; 3]], tint: Color32) -> f32 {
    let differences = picture.iter().map(|colour| {
        let mixed = [tint.r(), tint.g(), tint.b()];
        let mut tinted = *colour;
        for (under, over) in tinted.iter_mut().zip(mixed) {
            let share = MASK_OPACITY;
            *under = (f32::from(*under) * (1.0 - share) + f32::from(over) * share) as u8;
        }
        colour_distance(*colour, tinted)
    });
    let mut differences: Vec<f32> = differences.collect();
    differences.sort_by(f32::total_cmp);
    let place = differences.len() / LEAST_SEEN;
    differences.get(place).copied().unwrap_or(f32::INFINITY)
}

/// Colours of the picture where it is painted; of all of it, where hardly any of the places are. In the numbers
/// of its own profile, which is near enough.
fn sampled(open: &OpenDocument) -> Vec<[u8; 3]> {
    let (mask, picture) = (open.document().mask(), open.document().visible());
    let Extent { width, height } = open.document().extent();
    let at = |place: u32, side: u32| {
        ((2 * place + 1) * side.min(1 << 24) / (2 * PLACES)).min(side.saturating_sub(1))
    };
    let places = (0..PLACES).flat_map(|row| (0..PLACES).map(move |column| (column, row)));
    let (mut painted, mut all) = (Vec::new(), Vec::new());
    for (column, row) in places {
        let (x, y) = (at(column, width), at(row, height));
        let Some(colour) = pixel(&picture.pixels, x, y) else {
            continue;
        };
        all.push(colour);
        if mask
            .get(x, y)
            .is_some_and(|value| snapped_to_ends(value) > 0)
        {
            painted.push(colour);
        }
    }
    if painted.len() < 4 { all } else { painted }
}

fn pixel(pixels: &Pixmap, x: u32, y: u32) -> Option<[u8; 3]> {
    let [r, g, b, _] = match pixels {
        Pixmap::Rgba8(plane) => plane.get(x, y)?,
        Pixmap::Rgba16(plane) => plane.get(x, y)?.map(|value| (value >> 8) as u8),
    };
    Some([r, g, b])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_change_only_where_they_are_not_seen() {
        let hue = |tint: TintColours| match tint {
            TintColours::Magenta => Color32::from_rgba_premultiplied(229, 67, 200, 255),
            TintColours::Yellow => Color32::from_rgba_premultiplied(242, 194, 48, 255),
            _ => Color32::from_rgba_premultiplied(255, 106, 90, 255),
        };
        let best = |colour: [u8; 3], now| best_seen(&[colour; 50], now, hue);
        let (theme, yellow) = (TintColours::Theme, TintColours::Yellow);
        assert_eq!(best([128; 3], theme), theme, "grey");
        assert_eq!(best([20, 90, 200], theme), theme, "blue");
        assert_ne!(best([240, 90, 80], theme), theme, "red");
        assert_ne!(best([240, 190, 60], yellow), yellow, "yellow");
        assert_eq!(best([128; 3], yellow), yellow, "what is seen stays");
        assert_eq!(best_seen(&[], theme, hue), theme);
    }
}

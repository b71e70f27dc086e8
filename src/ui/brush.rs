//! [`BrushSize`]: how large the brush is on each picture. It is kept as a share of the picture, so that
//! it is as handy on a photograph of 24 megapixels as on a small drawing.

use crate::document::DocumentId;
use crate::editor::{BrushTip, OpenDocument};

/// Smallest and largest brush, in pixels of the picture.
pub(super) const RANGE_PX: std::ops::RangeInclusive<f32> = 1.0..=2000.0;
/// Share of the picture's short side, until another is chosen.
const FIRST_SHARE: f32 = 1.0 / 20.0;

/// How large the brush is, as a share of the picture's short side.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct BrushSize {
    share: f32,
    /// The picture that the brush was made for, and its short side in pixels.
    picture: Option<(DocumentId, f32)>,
}

impl Default for BrushSize {
    fn default() -> Self {
        Self {
            share: FIRST_SHARE,
            picture: None,
        }
    }
}

impl BrushSize {
    /// Makes the brush as large as suits the picture in front, when that is another than before.
    pub(super) fn follow(&mut self, tip: &mut BrushTip, open: &OpenDocument) {
        let extent = open.document().extent();
        let picture = Some((open.id(), extent.width.min(extent.height).max(1) as f32));
        if self.picture != picture {
            self.picture = picture;
            tip.diameter_px = self.px(self.share);
        }
    }

    /// Makes the brush `px` pixels wide, kept in range; the size that is kept from here on.
    pub(super) fn set(&mut self, tip: &mut BrushTip, px: f32) {
        tip.diameter_px = px.clamp(*RANGE_PX.start(), *RANGE_PX.end());
        if let Some((_, short_px)) = self.picture {
            self.share = tip.diameter_px / short_px;
        }
    }

    /// What the brush begins with on the picture in front.
    pub(super) fn first_px(&self) -> f32 {
        self.px(FIRST_SHARE)
    }

    fn px(&self, share: f32) -> f32 {
        let px = self.picture.map_or(0.0, |(_, short_px)| short_px * share);
        px.round().clamp(*RANGE_PX.start(), *RANGE_PX.end())
    }

    /// Size, hardness and opacity as they are remembered.
    pub(super) fn to_text(self, tip: &BrushTip) -> String {
        format!("{} {} {}", self.share, tip.hardness, tip.opacity)
    }

    /// The way back; `None` where the text is none of ours.
    pub(super) fn of_text(text: &str) -> Option<(Self, BrushTip)> {
        let numbers: Vec<f32> = text.split(' ').map_while(|n| n.parse().ok()).collect();
        let &[share, hardness, opacity] = numbers.as_slice() else {
            return None;
        };
        let in_range = share > 0.0 && share <= *RANGE_PX.end();
        let shares = [hardness, opacity].iter().all(|n| (0.0..=1.0).contains(n));
        (in_range && shares).then(|| {
            let size = Self {
                share,
                picture: None,
            };
            let tip = BrushTip {
                hardness,
                opacity: opacity.max(0.05),
                ..BrushTip::default()
            };
            (size, tip)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_chosen_comes_back() {
        let mut tip = BrushTip {
            hardness: 0.35,
            opacity: 0.7,
            ..BrushTip::default()
        };
        let mut size = BrushSize {
            picture: Some((DocumentId(1), 512.0)),
            ..BrushSize::default()
        };
        assert_eq!(size.first_px(), 26.0);
        size.set(&mut tip, 79.0);
        let (again, brush) = BrushSize::of_text(&size.to_text(&tip)).unwrap();
        assert_eq!((brush.hardness, brush.opacity), (0.35, 0.7));
        let again = BrushSize {
            picture: size.picture,
            ..again
        };
        assert_eq!(again.px(again.share), 79.0);
        for nonsense in ["", "0.1", "0 0.5 0.5", "NaN 0.5 0.5", "0.1 2 0.5", "a b c"] {
            assert_eq!(BrushSize::of_text(nonsense), None, "{nonsense}");
        }
    }
}

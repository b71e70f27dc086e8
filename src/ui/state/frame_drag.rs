//! [`FrameDrag`]: a rectangle or an ellipse being dragged, with what held keys make of it. As in Photoshop,
//! keys held when the button goes down say what becomes of the mask there was; held during the drag, Shift
//! makes it a square or a circle, Alt draws it from its middle, and the space bar moves it.

use eframe::egui::Modifiers;

use super::Tool;
use crate::document::DocumentId;
use crate::geometry::{PointF, Rect};
use crate::raster::Shape;
use crate::select::Combination;

/// A rectangle or an ellipse being dragged.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::ui) struct FrameDrag {
    /// Where it is drawn.
    pub document: DocumentId,
    /// Else a rectangle.
    pub is_ellipse: bool,
    /// What becomes of the mask there was.
    pub how: Combination,
    from: PointF,
    to: PointF,
    /// Whether Shift and Alt bend the shape: they do not before they were let go once, where they were
    /// held for something else.
    counts: (bool, bool),
    is_square: bool,
    is_from_middle: bool,
}

impl FrameDrag {
    /// The button goes down. `bends` says that keys held already bend the shape, because there is no mask
    /// that they could mean.
    pub(in crate::ui) fn begin(
        document: DocumentId,
        tool: Tool,
        (at, held): (PointF, Modifiers),
        how: Combination,
        bends: bool,
    ) -> Self {
        let mut drag = Self {
            document,
            is_ellipse: tool == Tool::Ellipse,
            how,
            from: at,
            to: at,
            counts: (bends, bends),
            is_square: false,
            is_from_middle: false,
        };
        drag.follow_keys(held);
        drag
    }

    /// Keys are held, or are let go.
    pub(in crate::ui) fn follow_keys(&mut self, held: Modifiers) {
        self.counts.0 |= !held.shift;
        self.counts.1 |= !held.alt;
        self.is_square = self.counts.0 && held.shift;
        self.is_from_middle = self.counts.1 && held.alt;
    }

    /// The pointer moves; `moves` the whole shape.
    pub(in crate::ui) fn drag_to(&mut self, at: PointF, moves: bool) {
        if moves {
            let (x, y) = (at.x - self.to.x, at.y - self.to.y);
            self.from = PointF::new(self.from.x + x, self.from.y + y);
        }
        self.to = at;
    }

    /// Two opposite corners.
    pub(in crate::ui) fn corners(&self) -> (PointF, PointF) {
        let (mut x, mut y) = (self.to.x - self.from.x, self.to.y - self.from.y);
        if self.is_square {
            let side = x.abs().max(y.abs());
            (x, y) = (side.copysign(x), side.copysign(y));
        }
        let to = PointF::new(self.from.x + x, self.from.y + y);
        if self.is_from_middle {
            (PointF::new(self.from.x - x, self.from.y - y), to)
        } else {
            (self.from, to)
        }
    }

    /// What it has become; `None` where it is too small to hold a pixel.
    pub(in crate::ui) fn shape(&self) -> Option<Shape> {
        let (a, b) = self.corners();
        let rect = pixels_between(a, b);
        if rect.is_empty() {
            return None;
        }
        Some(if self.is_ellipse {
            Shape::Ellipse(a, b)
        } else {
            Shape::Rect(rect)
        })
    }
}

/// The pixels between two corners, each at the border of pixels that lies nearest.
pub(in crate::ui) fn pixels_between(a: PointF, b: PointF) -> Rect {
    Rect::from_borders(
        a.x.min(b.x).round() as i32,
        a.y.min(b.y).round() as i32,
        a.x.max(b.x).round() as i32,
        a.y.max(b.y).round() as i32,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: Modifiers = Modifiers {
        alt: true,
        ..Modifiers::SHIFT
    };

    fn dragged(held_first: Modifiers, bends: bool, then: &[Modifiers]) -> (PointF, PointF) {
        let from = PointF::new(100.0, 50.0);
        let begun = (from, held_first);
        let mut drag = FrameDrag::begin(
            DocumentId(1),
            Tool::Rectangle,
            begun,
            Combination::Add,
            bends,
        );
        drag.drag_to(PointF::new(120.0, 40.0), false);
        for held in then {
            drag.follow_keys(*held);
        }
        drag.corners()
    }

    fn corners(list: [f32; 4]) -> (PointF, PointF) {
        (PointF::new(list[0], list[1]), PointF::new(list[2], list[3]))
    }

    #[test]
    fn keys_held_during_the_drag_bend_the_shape() {
        let (none, shift, alt) = (Modifiers::NONE, Modifiers::SHIFT, Modifiers::ALT);
        let plain = corners([100.0, 50.0, 120.0, 40.0]);
        let square = corners([100.0, 50.0, 120.0, 30.0]);
        let middle = corners([80.0, 60.0, 120.0, 40.0]);
        let both = corners([80.0, 70.0, 120.0, 30.0]);
        for (first, bends, then, wanted) in [
            (none, false, &[none][..], plain),
            (none, false, &[shift], square),
            (none, false, &[alt], middle),
            (none, false, &[BOTH], both),
            (none, false, &[shift, none], plain),
            // What was held first means the mask, until it is let go.
            (shift, false, &[shift], plain),
            (shift, false, &[none, shift], square),
            (shift, false, &[BOTH], middle),
            (BOTH, false, &[BOTH], plain),
            // Without a mask there is nothing else that it could mean.
            (shift, true, &[shift], square),
            (alt, true, &[alt], middle),
        ] {
            assert_eq!(dragged(first, bends, then), wanted, "{first:?} {then:?}");
        }
    }

    #[test]
    fn the_space_bar_moves_the_shape() {
        let begun = (PointF::new(10.0, 10.0), Modifiers::NONE);
        let mut drag =
            FrameDrag::begin(DocumentId(1), Tool::Ellipse, begun, Combination::Add, false);
        assert_eq!(drag.shape(), None, "a click draws nothing");
        drag.drag_to(PointF::new(30.0, 20.0), false);
        drag.drag_to(PointF::new(35.0, 40.0), true);
        drag.drag_to(PointF::new(36.0, 40.0), false);
        let (a, b) = (PointF::new(15.0, 30.0), PointF::new(36.0, 40.0));
        assert_eq!(drag.shape(), Some(Shape::Ellipse(a, b)));
    }
}

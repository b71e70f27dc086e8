//! Painting the mask: strokes, shapes, and the mask as a whole.

use super::Editor;
use crate::document::{DocumentId, EditLabel};
use crate::geometry::PointF;
pub use crate::raster::Brush as BrushTip;
use crate::raster::{MaskKind, Shape, Stroke, Tiled};
use crate::select::{Combination, Part, with_shape};

/// A position of the pointer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StrokePoint {
    /// Where in the picture.
    pub at: PointF,
    /// 0…1; 1 for a mouse.
    pub pressure: f32,
}

impl Editor {
    pub(super) fn stroke_begin(&mut self, id: DocumentId, brush: BrushTip, at: StrokePoint) {
        self.with_document(id, |open| {
            open.document.begin(if brush.erase {
                EditLabel::Erase
            } else {
                EditLabel::Paint
            });
            let stroke = &mut open.stroke;
            open.document.change(|state| {
                let (begun, _) = Stroke::begin(&mut state.mask, brush, at.at, at.pressure);
                *stroke = Some(begun);
            });
        });
    }

    pub(super) fn stroke_to(&mut self, id: DocumentId, at: StrokePoint) {
        self.with_document(id, |open| {
            if let Some(stroke) = &mut open.stroke {
                open.document.change(|state| {
                    stroke.extend(&mut state.mask, at.at, at.pressure);
                });
            }
        });
    }

    pub(super) fn stroke_end(&mut self, id: DocumentId) {
        self.with_document(id, |open| {
            if open.stroke.take().is_some() {
                open.document.commit();
            }
        });
    }

    pub(super) fn stroke_abort(&mut self, id: DocumentId) {
        self.with_document(id, |open| {
            if open.stroke.take().is_some() {
                open.document.abort();
            }
        });
    }

    pub(super) fn draw_shape(
        &mut self,
        id: DocumentId,
        shape: &Shape,
        (how, opacity): (Combination, f32),
    ) {
        let label = match shape {
            Shape::Rect(_) => EditLabel::FillRectangle,
            Shape::Ellipse(..) => EditLabel::FillEllipse,
            Shape::Polygon(_) => EditLabel::FillLasso,
        };
        self.with_document(id, |open| {
            let is_new = how == Combination::Replace;
            if is_new {
                open.selected = None;
            }
            open.stroke = None;
            open.document.edit(label, |state| {
                state.mask = with_shape(&state.mask, shape, how, opacity);
                if is_new {
                    // What is drawn by hand is painted.
                    state.mask_kind = MaskKind::Strength;
                }
            });
        });
    }

    pub(super) fn invert_mask(&mut self, id: DocumentId) {
        self.edit(id, EditLabel::InvertMask, |state| {
            state.mask = state.mask.map(|old| 255 - old);
        });
        // What was selected is now all but that.
        self.with_document(id, |open| {
            open.selected = open.selected.map(|part| match part {
                Part::Background => Part::Subject,
                _ => Part::Background,
            });
        });
    }

    pub(super) fn set_mask_kind(&mut self, id: DocumentId, kind: MaskKind) {
        self.edit(id, EditLabel::MaskKind, |state| state.mask_kind = kind);
    }

    pub(super) fn clear_mask(&mut self, id: DocumentId) {
        self.edit(id, EditLabel::ClearMask, |state| {
            state.mask = Tiled::filled(state.extent(), 0);
            // What comes next is painted.
            state.mask_kind = MaskKind::Strength;
        });
    }
}

//! Painting the mask: strokes, rectangles, lassos, and the mask as a whole.

use super::Editor;
use crate::document::{DocumentId, EditLabel};
use crate::geometry::{PointF, Rect};
use crate::raster::{Mask, Tiled};

/// What a stroke is drawn with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BrushTip {
    /// Across, in pixels of the picture.
    pub diameter_px: f32,
    /// 0 (soft to the middle) … 1 (hard edge).
    pub hardness: f32,
    /// 0…1: how strongly it paints; the local share of the denoising strength.
    pub opacity: f32,
    /// Takes paint away instead.
    pub erase: bool,
}

impl Default for BrushTip {
    fn default() -> Self {
        Self {
            diameter_px: 48.0,
            hardness: 0.8,
            opacity: 1.0,
            erase: false,
        }
    }
}

/// A position of the pointer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StrokePoint {
    /// Where in the picture.
    pub at: PointF,
    /// 0…1; 1 for a mouse.
    pub pressure: f32,
}

/// What a shape is filled with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fill {
    /// 0…1.
    pub opacity: f32,
    /// Takes paint away instead.
    pub erase: bool,
}

/// A stroke under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stroke {
    brush: BrushTip,
    last: StrokePoint,
}

impl Editor {
    pub(super) fn stroke_begin(&mut self, id: DocumentId, brush: BrushTip, at: StrokePoint) {
        self.with_document(id, |open| {
            let label = if brush.erase {
                EditLabel::Erase
            } else {
                EditLabel::Paint
            };
            open.document.begin(label);
            open.document
                .change(|state| draw_segment(&mut state.mask, &brush, at, at));
            open.stroke = Some(Stroke { brush, last: at });
        });
    }

    pub(super) fn stroke_to(&mut self, id: DocumentId, at: StrokePoint) {
        self.with_document(id, |open| {
            let Some(stroke) = &mut open.stroke else {
                return;
            };
            let (brush, from) = (stroke.brush, stroke.last);
            stroke.last = at;
            open.document
                .change(|state| draw_segment(&mut state.mask, &brush, from, at));
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

    pub(super) fn fill_rect(&mut self, id: DocumentId, rect: Rect, fill: Fill) {
        let coverage = coverage_of(fill.opacity);
        self.edit(id, EditLabel::FillRectangle, |state| {
            state
                .mask
                .update(rect, |_, old| laid(old, coverage, fill.erase));
        });
    }

    pub(super) fn fill_lasso(&mut self, id: DocumentId, points: &[PointF], fill: Fill) {
        let coverage = coverage_of(fill.opacity);
        self.edit(id, EditLabel::FillLasso, |state| {
            fill_polygon(&mut state.mask, points, |old| {
                laid(old, coverage, fill.erase)
            });
        });
    }

    pub(super) fn invert_mask(&mut self, id: DocumentId) {
        self.edit(id, EditLabel::InvertMask, |state| {
            state.mask = state.mask.map(|old| 255 - old);
        });
    }

    pub(super) fn clear_mask(&mut self, id: DocumentId) {
        self.edit(id, EditLabel::ClearMask, |state| {
            state.mask = Tiled::filled(state.extent(), 0);
        });
    }
}

fn coverage_of(opacity: f32) -> u8 {
    (opacity.clamp(0.0, 1.0) * 255.0).round() as u8
}

/// Paint never makes less, the eraser never makes more; doing it twice is doing it once, so a
/// stroke that crosses itself stays even.
const fn laid(old: u8, coverage: u8, erase: bool) -> u8 {
    let keeps = 255 - coverage;
    if erase {
        if old < keeps { old } else { keeps }
    } else if old > coverage {
        old
    } else {
        coverage
    }
}

/// Lays the brush along a line: each pixel gets what the nearest point of the line gives it, so the
/// look of a stroke does not depend on how often the pointer reports.
fn draw_segment(mask: &mut Mask, brush: &BrushTip, from: StrokePoint, to: StrokePoint) {
    let radius =
        |point: StrokePoint| (brush.diameter_px * 0.5 * point.pressure.clamp(0.0, 1.0)).max(0.5);
    let reach = radius(from).max(radius(to)) + 1.0;
    let rect = Rect::from_borders(
        (from.at.x.min(to.at.x) - reach).floor() as i32,
        (from.at.y.min(to.at.y) - reach).floor() as i32,
        (from.at.x.max(to.at.x) + reach).ceil() as i32,
        (from.at.y.max(to.at.y) + reach).ceil() as i32,
    );
    let (dx, dy) = (to.at.x - from.at.x, to.at.y - from.at.y);
    let length_squared = dx * dx + dy * dy;
    let hardness = brush.hardness.clamp(0.0, 1.0);
    mask.update(rect, |at, old| {
        let centre = PointF::new(at.x as f32 + 0.5, at.y as f32 + 0.5);
        let along = (centre.x - from.at.x) * dx + (centre.y - from.at.y) * dy;
        let t = if length_squared > 0.0 {
            (along / length_squared).clamp(0.0, 1.0)
        } else {
            0.0
        };
        let radius = radius(from) + (radius(to) - radius(from)) * t;
        let distance = centre.distance(from.at.lerp(to.at, t));
        // Full inside the hard core, then down to nothing at the radius; never steeper than one
        // pixel, which smooths a hard edge.
        let fall = (radius * (1.0 - hardness)).max(1.0);
        let share = ((radius + 0.5 - distance) / fall).clamp(0.0, 1.0);
        let smooth = share * share * (3.0 - 2.0 * share);
        laid(old, coverage_of(brush.opacity * smooth), brush.erase)
    });
}

/// Changes the pixels whose centre lies inside the closed line, by the even-odd rule.
fn fill_polygon(mask: &mut Mask, points: &[PointF], change: impl Fn(u8) -> u8) {
    let extent = mask.extent();
    let Some(last) = points.last() else {
        return;
    };
    let edges: Vec<(PointF, PointF)> =
        std::iter::once((*last, points.first().copied().unwrap_or(*last)))
            .chain(
                points
                    .windows(2)
                    .filter_map(|pair| Some((*pair.first()?, *pair.last()?))),
            )
            .collect();
    let bottom = points.iter().fold(0.0f32, |most, p| most.max(p.y));
    let top = points.iter().fold(bottom, |least, p| least.min(p.y));
    let rows = top.floor().max(0.0) as u32..(bottom.ceil().max(0.0) as u32).min(extent.height);
    for y in rows {
        let centre = y as f32 + 0.5;
        let mut crossings: Vec<f32> = edges
            .iter()
            .filter(|(a, b)| (a.y <= centre) != (b.y <= centre))
            .map(|(a, b)| a.x + (centre - a.y) / (b.y - a.y) * (b.x - a.x))
            .collect();
        crossings.sort_by(f32::total_cmp);
        for pair in crossings.chunks_exact(2) {
            if let [left, right] = pair {
                let (left, right) = ((left - 0.5).ceil() as i32, (right - 0.5).ceil() as i32);
                let row = Rect::from_borders(left, y as i32, right, y as i32 + 1);
                mask.update(row, |_, old| change(old));
            }
        }
    }
}

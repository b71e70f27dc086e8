//! [`PaintedOutline`]: the line around what is painted. It is black and white, so that the mask is seen
//! on every picture, also where its tint has the picture's own colour.

use eframe::egui::{Color32, Painter, Pos2, Shape, Stroke};

use crate::document::DocumentId;
use crate::editor::OpenDocument;
use crate::geometry::{PointF, Rect as PixelRect};
use crate::plan::{Lines, RegionBounds, Sites, painted_outline};
use crate::raster::{Mask, TILE_PX};
use crate::ui::view_transform::ViewTransform;

/// Side of a cell in pixels of the screen, at least.
const CELL_PX: f32 = 1.5;

/// Lengths of the dashes and of the gaps of ants, in points.
const ANT: f32 = 4.0;
/// A longer outline, in points of its lines, does not move: it would keep the processor busy.
const MOST_ANTS: usize = 6000;

/// How the line around what is painted looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::ui) enum Outline {
    /// White on black.
    Line,
    /// Dashes, which have gone so far along it, in points.
    Ants(f32),
}

/// The line around what is painted, kept until mask or view change.
#[derive(Debug, Default)]
pub(in crate::ui) struct PaintedOutline {
    sites: Sites,
    lines: Lines,
    follows: Option<(DocumentId, PixelRect, u32, Mask)>,
}

impl PaintedOutline {
    /// Draws it over the picture.
    pub(in crate::ui) fn draw(
        &mut self,
        painter: &Painter,
        open: &OpenDocument,
        transform: &ViewTransform,
        look: Outline,
    ) {
        if open.region() == RegionBounds::Everything {
            return;
        }
        self.follow(open, transform);
        let picture = transform.view_rect(PixelRect::of(open.document().extent()));
        let painter = painter.with_clip_rect(painter.clip_rect().intersect(picture.expand(1.0)));
        let in_view = |line: &Vec<PointF>| -> Vec<Pos2> {
            let points = line.iter().map(|point| transform.view_from_image(*point));
            points.collect()
        };
        let lines: Vec<Vec<Pos2>> = self.lines.iter().map(in_view).collect();
        if let Outline::Ants(gone) = look {
            return ants(&painter, lines, gone);
        }
        for (width, colour) in [
            (4.0, Color32::from_black_alpha(210)),
            (1.75, Color32::WHITE),
        ] {
            let stroke = Stroke::new(width, colour);
            painter.extend(lines.iter().map(|line| Shape::line(line.clone(), stroke)));
        }
    }

    fn follow(&mut self, open: &OpenDocument, transform: &ViewTransform) {
        let mask = open.document().mask();
        let picture = PixelRect::of(mask.extent());
        let cell_px = ((CELL_PX / transform.zoom).ceil().max(1.0) as u32).next_power_of_two();
        let corner = transform.image_from_view(transform.canvas.min);
        let far_corner = transform.image_from_view(transform.canvas.max);
        // In whole tiles, so that moving the picture seldom asks for another part.
        let step = TILE_PX.max(cell_px) as i32;
        let down = |at: f32| (at.floor() as i32).div_euclid(step) * step;
        let seen = PixelRect::from_borders(
            down(corner.x),
            down(corner.y),
            down(far_corner.x) + step,
            down(far_corner.y) + step,
        );
        let seen = seen.intersect(picture);
        let same = self.follows.as_ref().is_some_and(|(id, part, cell, was)| {
            (*id, *part, *cell) == (open.id(), seen, cell_px)
                && was.extent() == mask.extent()
                && mask.changed_tiles(was).is_empty()
        });
        if !same {
            self.lines = painted_outline(&mut self.sites, mask, seen, cell_px);
            self.follows = Some((open.id(), seen, cell_px, mask.clone()));
        }
    }
}

/// Black dashes on a white line.
fn ants(painter: &Painter, lines: Vec<Vec<Pos2>>, gone: f32) {
    let points: usize = lines.iter().map(Vec::len).sum();
    let gone = if points > MOST_ANTS { 0.0 } else { gone };
    for line in lines {
        let offset = gone.rem_euclid(2.0 * ANT);
        let dashes = Shape::dashed_line_with_offset(
            &line,
            Stroke::new(1.5, Color32::BLACK),
            &[ANT],
            &[ANT],
            offset,
        );
        painter.add(Shape::line(line, Stroke::new(1.5, Color32::WHITE)));
        painter.extend(dashes);
    }
}

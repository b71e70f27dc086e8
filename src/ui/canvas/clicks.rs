//! Selecting by clicks on the canvas: presses become points and boxes, and are seen there.

use eframe::egui::{Painter, Stroke, StrokeKind, Ui};

use crate::editor::{Command, OpenDocument};
use crate::geometry::PointF;
use crate::plan::RegionBounds;
use crate::select::Clicks;
use crate::ui::context::Desk;
use crate::ui::state::{Drag, Tool};
use crate::ui::theme;
use crate::ui::view_transform::ViewTransform;

/// A drag shorter than this, in points, is a click.
const CLICK: f32 = 5.0;
/// Radius of a point as it is shown, in points.
const RADIUS: f32 = 4.0;

/// The button was let go: a click, or a box around the thing.
pub(super) fn finish(
    desk: &mut Desk<'_>,
    open: &OpenDocument,
    (from, to): (PointF, PointF),
    (is_inside, zoom): (bool, f32),
) {
    let document = open.id();
    let clicks = if from.distance(to) * zoom >= CLICK && is_inside {
        let corners = (
            PointF::new(from.x.min(to.x), from.y.min(to.y)),
            PointF::new(from.x.max(to.x), from.y.max(to.y)),
        );
        desk.state.clicks.frame(document, corners)
    } else {
        let is_empty = open.region() == RegionBounds::Everything;
        let waits = desk.editor.is_clicking(document);
        let point = (to, is_inside);
        desk.state.clicks.point(document, point, is_empty && !waits)
    };
    desk.send(Command::ClickSelect { document, clicks });
}

/// Draws what was said of the thing, and the box being dragged.
pub(super) fn draw(ui: &Ui, desk: &Desk<'_>, open: &OpenDocument, transform: &ViewTransform) {
    if desk.state.tool != Tool::Click {
        return;
    }
    let painter = ui.painter().with_clip_rect(transform.canvas);
    let t = theme::tokens(ui);
    if let Some(clicks) = desk.state.clicks.of(open.id()) {
        draw_clicks(&painter, clicks, transform, t);
    }
    if let Drag::Click { from, to, .. } = &desk.state.drag {
        draw_frame(&painter, (*from, *to), transform, t);
    }
}

fn draw_clicks(painter: &Painter, clicks: &Clicks, transform: &ViewTransform, t: &theme::Tokens) {
    if let Some(corners) = clicks.frame {
        draw_frame(painter, corners, transform, t);
    }
    for (at, is_inside) in &clicks.points {
        let at = transform.view_from_image(*at);
        let ink = if *is_inside { t.good } else { t.bad };
        painter.circle(at, RADIUS, ink, Stroke::new(1.5, t.on_accent));
    }
}

fn draw_frame(
    painter: &Painter,
    (from, to): (PointF, PointF),
    transform: &ViewTransform,
    t: &theme::Tokens,
) {
    let (a, b) = (
        transform.view_from_image(from),
        transform.view_from_image(to),
    );
    let frame = eframe::egui::Rect::from_two_pos(a, b);
    painter.rect_stroke(
        frame,
        0.0,
        Stroke::new(3.0, t.on_accent),
        StrokeKind::Middle,
    );
    painter.rect_stroke(frame, 0.0, Stroke::new(1.0, t.accent), StrokeKind::Middle);
}

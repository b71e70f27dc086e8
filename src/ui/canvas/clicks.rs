//! Selecting by clicks on the canvas: presses become points and boxes, and are seen there.

use eframe::egui::{Painter, Rect, Spinner, Stroke, StrokeKind, Ui, Vec2};

use crate::editor::{Command, OpenDocument};
use crate::geometry::PointF;
use crate::select::Clicks;
use crate::ui::context::Desk;
use crate::ui::state::{Drag, Tool};
use crate::ui::theme;
use crate::ui::view_transform::ViewTransform;

/// A drag shorter than this, in points, is a click.
const CLICK: f32 = 5.0;
/// Radius of a point as it is shown, in points.
const RADIUS: f32 = 4.0;
/// Radius of what turns around the newest one while it is being answered, in points.
const WAITING: f32 = 11.0;

/// The button was let go: a click, or a box around the thing.
pub(super) fn finish(
    desk: &mut Desk<'_>,
    open: &OpenDocument,
    (from, to): (PointF, PointF),
    (is_inside, zoom): (bool, f32),
) {
    let document = open.id();
    let extent = open.document().extent();
    let (width, height) = (extent.width as f32, extent.height as f32);
    let clicks = if from.distance(to) * zoom >= CLICK && is_inside {
        let within = |at: PointF| PointF::new(at.x.clamp(0.0, width), at.y.clamp(0.0, height));
        let (from, to) = (within(from), within(to));
        // Nothing of the picture is left in it.
        if (from.x - to.x).abs() < 1.0 || (from.y - to.y).abs() < 1.0 {
            return;
        }
        Clicks::frame(from, to)
    } else {
        if !(0.0..width).contains(&to.x) || !(0.0..height).contains(&to.y) {
            return;
        }
        let mut clicks = desk.editor.clicks(document).cloned().unwrap_or_default();
        clicks.points.push((to, is_inside));
        clicks
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
    if let Some(clicks) = desk.editor.clicks(open.id()) {
        draw_clicks(&painter, clicks, transform, t);
        let newest = clicks.points.last().map(|(at, _)| *at);
        let newest = newest.or_else(|| clicks.frame.map(|(_, to)| to));
        if let Some(at) = newest.filter(|_| desk.editor.is_clicking(open.id())) {
            let around = Vec2::splat(2.0 * WAITING);
            let around = Rect::from_center_size(transform.view_from_image(at), around);
            Spinner::new()
                .color(t.accent)
                .paint_at(ui, around.intersect(transform.canvas));
        }
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
    let frame = Rect::from_two_pos(a, b);
    painter.rect_stroke(
        frame,
        0.0,
        Stroke::new(3.0, t.on_accent),
        StrokeKind::Middle,
    );
    painter.rect_stroke(frame, 0.0, Stroke::new(1.0, t.accent), StrokeKind::Middle);
}

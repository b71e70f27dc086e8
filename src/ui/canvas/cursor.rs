//! What the pointer shows on the canvas: the shape being dragged, the outline of the brush.

use eframe::egui::{
    Color32, CursorIcon, Key, Painter, Pos2, Response, Shape, Stroke, StrokeKind, Ui, Vec2,
};

use super::tools::next_corner;
use crate::editor::OpenDocument;
use crate::geometry::PointF;
use crate::select::Combination;
use crate::ui::context::Desk;
use crate::ui::selecting;
use crate::ui::state::{Drag, FrameDrag, PolygonDrag, Tool, pixels_between};
use crate::ui::theme;
use crate::ui::view_transform::ViewTransform;

/// Points of the line that stands for an ellipse.
const ROUND: usize = 96;
/// Where the sign of what becomes of the mask stands beside the pointer, in points across and down.
const SIGN_AT: f32 = 11.0;

/// Draws the shape being dragged and the outline of the brush.
pub(super) fn draw(ui: &Ui, desk: &Desk<'_>, response: &Response, transform: &ViewTransform) {
    let painter = ui.painter().with_clip_rect(transform.canvas);
    match &desk.state.drag {
        Drag::Frame(drag) => draw_frame(&painter, drag, transform),
        Drag::Lasso(points, _) => draw_loop(&painter, points, transform),
        Drag::Polygon(drag) => {
            let bound = ui.input(|i| i.modifiers.shift);
            let next = desk.state.pointer_at;
            let next = next.map(|at| next_corner(&drag.corners, at, bound));
            draw_polygon(&painter, drag, next, transform);
        }
        Drag::Scribble(..)
        | Drag::Click { .. }
        | Drag::Idle
        | Drag::Stroke(..)
        | Drag::Erase(..)
        | Drag::Brush(..)
        | Drag::Split => {}
    }
    draw_cursor(ui, desk, response, transform);
}

fn draw_frame(painter: &Painter, drag: &FrameDrag, transform: &ViewTransform) {
    let (a, b) = drag.corners();
    if !drag.is_ellipse {
        let rect = transform.view_rect(pixels_between(a, b));
        for (width, colour) in double_line() {
            painter.rect_stroke(rect, 0.0, Stroke::new(width, colour), StrokeKind::Middle);
        }
        return;
    }
    let middle = a.lerp(b, 0.5);
    let (across, down) = ((b.x - a.x) / 2.0, (b.y - a.y) / 2.0);
    let point = |at: usize| {
        let angle = at as f32 / ROUND as f32 * std::f32::consts::TAU;
        let at = PointF::new(
            middle.x + across * angle.cos(),
            middle.y + down * angle.sin(),
        );
        transform.view_from_image(at)
    };
    let line: Vec<Pos2> = (0..ROUND).map(point).collect();
    for (width, colour) in double_line() {
        painter.add(Shape::closed_line(line.clone(), Stroke::new(width, colour)));
    }
}

/// A line, and fainter the way back to where it began.
fn draw_loop(painter: &Painter, points: &[PointF], transform: &ViewTransform) {
    let places = points.iter().map(|p| transform.view_from_image(*p));
    let line: Vec<Pos2> = places.collect();
    for (width, colour) in double_line() {
        painter.add(Shape::line(line.clone(), Stroke::new(width, colour)));
        if let (Some(first), Some(last)) = (line.first(), line.last()) {
            let back = Stroke::new(width, theme::faded(colour, 0.4));
            painter.line_segment([*last, *first], back);
        }
    }
}

fn draw_polygon(
    painter: &Painter,
    drag: &PolygonDrag,
    next: Option<PointF>,
    transform: &ViewTransform,
) {
    let mut points = drag.corners.clone();
    points.extend(next);
    draw_loop(painter, &points, transform);
    for (number, corner) in drag.corners.iter().enumerate() {
        // The first one closes the line.
        let radius = if number == 0 { 4.5 } else { 2.5 };
        let at = transform.view_from_image(*corner);
        painter.circle(
            at,
            radius,
            Color32::WHITE,
            Stroke::new(1.0, Color32::from_black_alpha(200)),
        );
    }
}

/// The sign at the crosshair of what becomes of the mask.
fn draw_sign(painter: &Painter, at: Pos2, how: Combination) {
    let middle = at + Vec2::splat(SIGN_AT);
    let arms: &[[Vec2; 2]] = match how {
        Combination::Replace => return,
        Combination::Add => &[
            [Vec2::new(-4.0, 0.0), Vec2::new(4.0, 0.0)],
            [Vec2::new(0.0, -4.0), Vec2::new(0.0, 4.0)],
        ],
        Combination::Subtract => &[[Vec2::new(-4.0, 0.0), Vec2::new(4.0, 0.0)]],
        Combination::Intersect => &[
            [Vec2::new(-3.0, -3.0), Vec2::new(3.0, 3.0)],
            [Vec2::new(-3.0, 3.0), Vec2::new(3.0, -3.0)],
        ],
    };
    for (width, colour) in double_line() {
        for [from, to] in arms {
            painter.line_segment([middle + *from, middle + *to], Stroke::new(width, colour));
        }
    }
}

/// A dark line below a light one can be seen on any picture.
fn double_line() -> [(f32, Color32); 2] {
    [(3.0, Color32::from_black_alpha(140)), (1.0, Color32::WHITE)]
}

fn draw_cursor(ui: &Ui, desk: &Desk<'_>, response: &Response, transform: &ViewTransform) {
    let Some(hover) = response.hover_pos().filter(|_| response.hovered()) else {
        return;
    };
    let (space, alt) = ui.input(|i| (i.key_down(Key::Space), i.modifiers.alt));
    if space || desk.state.tool == Tool::Hand {
        let dragged = response.dragged();
        ui.set_cursor_icon(if dragged {
            CursorIcon::Grabbing
        } else {
            CursorIcon::Grab
        });
        return;
    }
    if matches!(desk.state.drag, Drag::Split) {
        ui.set_cursor_icon(CursorIcon::ResizeHorizontal);
        return;
    }
    if desk.state.tool == Tool::Click {
        let clicking = |open: &OpenDocument| desk.editor.is_clicking(open.id());
        ui.set_cursor_icon(if desk.open().is_some_and(clicking) {
            CursorIcon::Progress
        } else {
            CursorIcon::Crosshair
        });
        return;
    }
    if desk.state.tool.draws_shapes() || desk.state.tool == Tool::Wand {
        let is_busy = desk
            .open()
            .is_some_and(|open| desk.editor.is_making_mask(open.id()));
        ui.set_cursor_icon(if is_busy {
            CursorIcon::Progress
        } else {
            CursorIcon::Crosshair
        });
        let how = match &desk.state.drag {
            Drag::Frame(drag) => drag.how,
            Drag::Lasso(_, how) => *how,
            Drag::Polygon(drag) => drag.how,
            _ => {
                let held = selecting::held(ui.input(|i| i.modifiers));
                held.unwrap_or_else(|| desk.state.tools.combination(desk.state.tool))
            }
        };
        let painter = ui.painter().with_clip_rect(transform.canvas);
        draw_sign(&painter, hover, how);
        return;
    }
    let center = match &desk.state.drag {
        Drag::Brush(from, _) => *from,
        _ => hover,
    };
    let painter = ui.painter().with_clip_rect(transform.canvas);
    let radius = transform.view_from_image_length(desk.state.brush.diameter_px / 2.0);
    ui.set_cursor_icon(CursorIcon::None);
    if radius < 3.0 {
        for (width, colour) in double_line() {
            for direction in [Vec2::X, Vec2::Y] {
                let arms = [center - direction * 7.0, center + direction * 7.0];
                painter.line_segment(arms, Stroke::new(width, colour));
            }
        }
        return;
    }
    for (width, colour) in double_line() {
        painter.circle_stroke(center, radius, Stroke::new(width, colour));
    }
    let hard = radius * desk.state.brush.hardness;
    if desk.state.brush.hardness < 0.95 && hard > 2.0 {
        painter.circle_stroke(
            center,
            hard,
            Stroke::new(1.0, theme::faded(Color32::WHITE, 0.45)),
        );
    }
    if let Some(sign) = brush_sign(desk, alt) {
        // A bar says that paint is taken away.
        draw_sign(&painter, center - Vec2::splat(SIGN_AT), sign);
    }
}

/// What a brush does that does not simply paint.
fn brush_sign(desk: &Desk<'_>, alt: bool) -> Option<Combination> {
    match (desk.state.tool, &desk.state.drag) {
        (Tool::SmartBrush, Drag::Scribble(_, scribble)) => Some(scribble.is_inside),
        (Tool::SmartBrush, _) => Some(alt == desk.state.tools.scribbles_outside),
        (Tool::Eraser, _) => Some(false),
        _ => alt.then_some(false),
    }
    .map(|adds| {
        if adds {
            Combination::Add
        } else {
            Combination::Subtract
        }
    })
}

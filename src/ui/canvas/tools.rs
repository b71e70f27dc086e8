//! The pointer on the canvas: strokes from every position of a frame, shapes, brush size.

use eframe::egui::{Event, Key, Modifiers, PointerButton, Pos2, Response, Ui, Vec2};

use super::clicks;
use crate::editor::{BrushTip, Command, OpenDocument, StrokePoint};
use crate::geometry::{Point, PointF};
use crate::plan::RegionBounds;
use crate::raster::Shape;
use crate::select::{Combination, Scribble};
use crate::ui::context::Desk;
use crate::ui::selecting;
use crate::ui::state::{Drag, FrameDrag, PolygonDrag, Tool};
use crate::ui::view_transform::ViewTransform;

/// A corner set this near to the first one, in points, closes the polygon.
pub(super) const CLOSES_WITHIN: f32 = 8.0;
/// A second press within this time, in seconds, closes it too.
const DOUBLE_CLICK_SECS: f64 = 0.4;

/// What goes with a position of the pointer.
#[derive(Clone, Copy)]
struct Hand {
    held: Modifiers,
    pressure: f32,
    space: bool,
    /// Seconds since the start of the window.
    now: f64,
}

/// Does what the pointer asks for in this frame.
pub(super) fn handle(
    ui: &Ui,
    desk: &mut Desk<'_>,
    open: &OpenDocument,
    response: &Response,
    transform: &ViewTransform,
) {
    let (events, mut hand) = ui.input(|i| {
        let hand = Hand {
            held: i.modifiers,
            pressure: 1.0,
            space: i.key_down(Key::Space),
            now: i.time,
        };
        (i.events.clone(), hand)
    });
    forget_elsewhere(desk, open);
    if let Drag::Frame(drag) = &mut desk.state.drag {
        drag.follow_keys(hand.held);
    }
    let paints = response.hovered() && !hand.space && desk.state.tool != Tool::Hand;
    let writing = ui.ctx().text_edit_focused();
    for event in events {
        match event {
            Event::Touch {
                force: Some(force), ..
            } => hand.pressure = force.clamp(0.05, 1.0),
            Event::PointerButton {
                pos,
                button: PointerButton::Primary,
                pressed: true,
                modifiers,
            } if paints => {
                // In a slow frame the keys may have been let go since.
                hand.held = modifiers;
                begin(desk, open, transform, pos, hand);
            }
            Event::PointerButton {
                pos,
                button: PointerButton::Secondary,
                pressed: true,
                ..
            } if response.hovered() && hand.held.alt => {
                desk.state.drag = Drag::Brush(pos, desk.state.brush);
            }
            Event::PointerMoved(pos) => extend(desk, transform, pos, hand),
            Event::PointerButton { pressed: false, .. } => finish(desk, open, transform),
            Event::Key {
                key, pressed: true, ..
            } if !writing => press_key(desk, key),
            _ => {}
        }
    }
    desk.state.pointer_at = response
        .hover_pos()
        .map(|pos| transform.image_from_view(pos));
}

/// A polygon that was begun in another picture, or with another tool, is given up.
fn forget_elsewhere(desk: &mut Desk<'_>, open: &OpenDocument) {
    let tool = desk.state.tool;
    let is_elsewhere = |drag: &PolygonDrag| drag.document != open.id() || tool != Tool::Polygon;
    if matches!(&desk.state.drag, Drag::Polygon(drag) if is_elsewhere(drag)) {
        desk.state.drag = Drag::Idle;
    }
}

fn press_key(desk: &mut Desk<'_>, key: Key) {
    match (key, &desk.state.drag) {
        (Key::Escape, _) => abort(desk),
        (Key::Enter, Drag::Polygon(_)) => close_polygon(desk),
        (Key::Backspace | Key::Delete, Drag::Polygon(_)) => _ = remove_corner(desk),
        _ => {}
    }
}

/// What becomes of the mask, by the keys held when the button goes down.
fn how(desk: &Desk<'_>, open: &OpenDocument, held: Modifiers) -> Combination {
    let by_itself = desk.state.tools.combination(desk.state.tool);
    // Without a mask keys mean the shape.
    if is_painted(open) {
        selecting::held(held).unwrap_or(by_itself)
    } else {
        by_itself
    }
}

fn is_painted(open: &OpenDocument) -> bool {
    open.region() != RegionBounds::Everything
}

fn begin(
    desk: &mut Desk<'_>,
    open: &OpenDocument,
    transform: &ViewTransform,
    pos: Pos2,
    hand: Hand,
) {
    if matches!(desk.state.drag, Drag::Split) {
        return;
    }
    let document = open.id();
    let at = transform.image_from_view(pos);
    let pressure = hand.pressure;
    if desk.state.tool == Tool::Erase {
        desk.state.of(document).show_result(None);
        let line = vec![StrokePoint { at, pressure }];
        desk.state.drag = Drag::Erase(document, desk.state.brush, line);
        return;
    }
    // Painting is about the picture, not about a result over it.
    desk.state.of(document).show_result(None);
    // Nobody can paint what cannot be seen.
    desk.state.show_mask(document, true);
    let how = how(desk, open, hand.held);
    match desk.state.tool {
        Tool::Brush | Tool::Eraser => {
            let brush = BrushTip {
                erase: desk.state.tool == Tool::Eraser || hand.held.alt,
                ..desk.state.brush
            };
            desk.state.drag = Drag::Stroke(document, pressure);
            desk.send(Command::StrokeBegin {
                document,
                brush,
                at: StrokePoint { at, pressure },
            });
        }
        Tool::Rectangle | Tool::Ellipse => {
            let tool = desk.state.tool;
            let begun = (at, hand.held);
            let bends = !is_painted(open);
            desk.state.drag = Drag::Frame(FrameDrag::begin(document, tool, begun, how, bends));
        }
        Tool::Lasso => desk.state.drag = Drag::Lasso(vec![at], how),
        Tool::Polygon => set_corner(desk, open, transform, (at, how), hand),
        Tool::Click => {
            desk.state.drag = Drag::Click {
                document,
                from: at,
                to: at,
                is_inside: !hand.held.alt,
            };
        }
        Tool::Wand => desk.send(Command::UseWand {
            document,
            at: Point::new(at.x.floor() as i32, at.y.floor() as i32),
            wand: desk.state.tools.wand_takes.wand(),
            how,
        }),
        Tool::SmartBrush => {
            let scribble = Scribble {
                line: vec![at],
                width_px: desk.state.brush.diameter_px,
                is_inside: hand.held.alt == desk.state.tools.scribbles_outside,
            };
            desk.state.drag = Drag::Scribble(document, scribble);
        }
        Tool::Erase | Tool::Hand => {}
    }
}

/// The first corner of a polygon, the next one, or its end.
fn set_corner(
    desk: &mut Desk<'_>,
    open: &OpenDocument,
    transform: &ViewTransform,
    (at, how): (PointF, Combination),
    hand: Hand,
) {
    let Drag::Polygon(drag) = &mut desk.state.drag else {
        desk.state.drag = Drag::Polygon(PolygonDrag {
            document: open.id(),
            corners: vec![at],
            how,
            set_at: hand.now,
        });
        return;
    };
    let is_near = |corner: Option<&PointF>| {
        let view = |point: PointF| transform.view_from_image(point);
        corner.is_some_and(|corner| view(*corner).distance(view(at)) <= CLOSES_WITHIN)
    };
    let is_twice = hand.now - drag.set_at <= DOUBLE_CLICK_SECS && is_near(drag.corners.last());
    let is_round = drag.corners.len() > 2 && is_near(drag.corners.first());
    if is_twice || is_round {
        close_polygon(desk);
    } else {
        let next = next_corner(&drag.corners, at, hand.held.shift);
        drag.corners.push(next);
        drag.set_at = hand.now;
    }
}

/// Where the next corner of a line would be: with `is_bound` at a multiple of 45° from the last one.
pub(super) fn next_corner(corners: &[PointF], at: PointF, is_bound: bool) -> PointF {
    let Some(last) = corners.last().filter(|_| is_bound) else {
        return at;
    };
    let way = Vec2::new(at.x - last.x, at.y - last.y);
    let step = std::f32::consts::FRAC_PI_4;
    let along = Vec2::angled((way.angle() / step).round() * step);
    let length = way.dot(along);
    PointF::new(last.x + along.x * length, last.y + along.y * length)
}

fn close_polygon(desk: &mut Desk<'_>) {
    if let Drag::Polygon(drag) = std::mem::take(&mut desk.state.drag) {
        draw_polygon(desk, drag.document, drag.corners, drag.how);
    }
}

/// Takes the last corner of a polygon away; false where none is being drawn.
pub(in crate::ui) fn remove_corner(desk: &mut Desk<'_>) -> bool {
    let Drag::Polygon(drag) = &mut desk.state.drag else {
        return false;
    };
    drag.corners.pop();
    if drag.corners.is_empty() {
        desk.state.drag = Drag::Idle;
    }
    true
}

fn draw_polygon(
    desk: &mut Desk<'_>,
    document: crate::document::DocumentId,
    points: Vec<PointF>,
    how: Combination,
) {
    if points.len() > 2 {
        draw_shape(desk, document, Shape::Polygon(points), how);
    }
}

fn draw_shape(
    desk: &mut Desk<'_>,
    document: crate::document::DocumentId,
    shape: Shape,
    how: Combination,
) {
    let opacity = desk.state.brush.opacity;
    desk.send(Command::DrawShape {
        document,
        shape,
        how,
        opacity,
    });
}

fn extend(desk: &mut Desk<'_>, transform: &ViewTransform, pos: Pos2, hand: Hand) {
    let at = transform.image_from_view(pos);
    let pressure = hand.pressure;
    match &mut desk.state.drag {
        Drag::Stroke(document, last_pressure) => {
            *last_pressure = pressure;
            let document = *document;
            desk.send(Command::StrokeTo {
                document,
                at: StrokePoint { at, pressure },
            });
        }
        Drag::Erase(.., line) => {
            let far_enough = line.last().is_none_or(|last| last.at.distance(at) >= 0.5);
            if far_enough {
                line.push(StrokePoint { at, pressure });
            }
        }
        Drag::Scribble(_, scribble) => {
            let far_enough = scribble
                .line
                .last()
                .is_none_or(|last| last.distance(at) >= 0.5);
            if far_enough {
                scribble.line.push(at);
            }
        }
        Drag::Frame(drag) => drag.drag_to(at, hand.space),
        Drag::Click { to, .. } => *to = at,
        Drag::Lasso(points, _) => {
            let far_enough = points.last().is_none_or(|last| last.distance(at) >= 0.5);
            if far_enough {
                points.push(at);
            }
        }
        Drag::Brush(from, tip) => {
            let moved = pos - *from;
            let wider = moved.x * 2.0 * transform.pixels_per_point / transform.zoom;
            let (from_px, from_hardness) = (tip.diameter_px, tip.hardness);
            desk.state.set_brush_px(from_px + wider);
            desk.state.brush.hardness = (from_hardness - moved.y / 200.0).clamp(0.0, 1.0);
        }
        Drag::Split => {
            let share = (pos.x - transform.canvas.left()) / transform.canvas.width().max(1.0);
            desk.state.split = Some(share.clamp(0.0, 1.0));
        }
        Drag::Polygon(_) | Drag::Idle => {}
    }
}

fn finish(desk: &mut Desk<'_>, open: &OpenDocument, transform: &ViewTransform) {
    if matches!(desk.state.drag, Drag::Polygon(_)) {
        return;
    }
    match std::mem::take(&mut desk.state.drag) {
        Drag::Stroke(document, _) => desk.send(Command::StrokeEnd { document }),
        Drag::Erase(document, brush, line) => desk.send(Command::EraseAlong {
            document,
            brush,
            line,
        }),
        Drag::Frame(drag) => {
            if let Some(shape) = drag.shape() {
                draw_shape(desk, drag.document, shape, drag.how);
            }
        }
        Drag::Scribble(document, scribble) => {
            desk.send(Command::Scribble { document, scribble });
        }
        Drag::Click {
            document,
            from,
            to,
            is_inside,
        } if document == open.id() => {
            let per_px = transform.zoom / transform.pixels_per_point;
            clicks::finish(desk, open, (from, to), (is_inside, per_px));
        }
        Drag::Lasso(points, how) => draw_polygon(desk, open.id(), points, how),
        Drag::Click { .. } | Drag::Polygon(_) | Drag::Brush(..) | Drag::Split | Drag::Idle => {}
    }
}

/// Ends the drag as if it had never begun.
fn abort(desk: &mut Desk<'_>) {
    if let Drag::Stroke(document, _) = std::mem::take(&mut desk.state.drag) {
        desk.send(Command::StrokeAbort { document });
    }
}

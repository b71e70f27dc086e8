//! The pointer on the canvas: strokes from every position of a frame, shapes, brush size, and the
//! outlines that show what will happen.

use eframe::egui::{
    Color32, CursorIcon, Event, Key, PointerButton, Pos2, Response, Shape, Stroke, StrokeKind, Ui,
    Vec2,
};

use crate::editor::{BrushTip, Command, Fill, OpenDocument, StrokePoint};
use crate::geometry::{PointF, Rect as PixelRect};
use crate::ui::context::Desk;
use crate::ui::state::{Drag, Tool};
use crate::ui::theme;
use crate::ui::view_transform::ViewTransform;

/// Does what the pointer asks for in this frame.
pub(super) fn handle(
    ui: &Ui,
    desk: &mut Desk<'_>,
    open: &OpenDocument,
    response: &Response,
    transform: &ViewTransform,
) {
    let (events, modifiers, space) =
        ui.input(|i| (i.events.clone(), i.modifiers, i.key_down(Key::Space)));
    let paints = response.hovered() && !space && desk.state.tool != Tool::Hand;
    let mut pressure = 1.0;
    for event in events {
        match event {
            Event::Touch {
                force: Some(force), ..
            } => pressure = force.clamp(0.05, 1.0),
            Event::PointerButton {
                pos,
                button: PointerButton::Primary,
                pressed: true,
                ..
            } if paints => {
                begin(desk, open, transform, pos, (modifiers.alt, pressure));
            }
            Event::PointerButton {
                pos,
                button: PointerButton::Secondary,
                pressed: true,
                ..
            } if response.hovered() && modifiers.alt => {
                desk.state.drag = Drag::Brush(pos, desk.state.brush);
            }
            Event::PointerMoved(pos) => extend(desk, transform, pos, pressure),
            Event::PointerButton { pressed: false, .. } => finish(desk, open, modifiers.alt),
            Event::Key {
                key: Key::Escape,
                pressed: true,
                ..
            } => abort(desk),
            _ => {}
        }
    }
    desk.state.pointer_at = response
        .hover_pos()
        .map(|pos| transform.image_from_view(pos));
}

fn begin(
    desk: &mut Desk<'_>,
    open: &OpenDocument,
    transform: &ViewTransform,
    pos: Pos2,
    (alt, pressure): (bool, f32),
) {
    if matches!(desk.state.drag, Drag::Split) {
        return;
    }
    let document = open.id();
    let at = transform.image_from_view(pos);
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
    match desk.state.tool {
        Tool::Brush | Tool::Eraser => {
            let brush = BrushTip {
                erase: desk.state.tool == Tool::Eraser || alt,
                ..desk.state.brush
            };
            desk.state.drag = Drag::Stroke(document, pressure);
            desk.send(Command::StrokeBegin {
                document,
                brush,
                at: StrokePoint { at, pressure },
            });
        }
        Tool::Rectangle => desk.state.drag = Drag::Rectangle(at, at),
        Tool::Lasso => desk.state.drag = Drag::Lasso(vec![at]),
        Tool::Erase | Tool::Hand => {}
    }
}

fn extend(desk: &mut Desk<'_>, transform: &ViewTransform, pos: Pos2, pressure: f32) {
    let at = transform.image_from_view(pos);
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
        Drag::Rectangle(_, to) => *to = at,
        Drag::Lasso(points) => {
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
        Drag::Idle => {}
    }
}

fn finish(desk: &mut Desk<'_>, open: &OpenDocument, erase: bool) {
    let document = open.id();
    let fill = Fill {
        opacity: desk.state.brush.opacity,
        erase,
    };
    match std::mem::take(&mut desk.state.drag) {
        Drag::Stroke(document, _) => desk.send(Command::StrokeEnd { document }),
        Drag::Erase(document, brush, line) => desk.send(Command::EraseAlong {
            document,
            brush,
            line,
        }),
        Drag::Rectangle(from, to) => {
            let rect = pixels_between(from, to);
            if !rect.is_empty() {
                desk.send(Command::FillRect {
                    document,
                    rect,
                    fill,
                });
            }
        }
        Drag::Lasso(points) if points.len() > 2 => {
            desk.send(Command::FillLasso {
                document,
                points,
                fill,
            });
        }
        Drag::Lasso(_) | Drag::Brush(..) | Drag::Split | Drag::Idle => {}
    }
}

/// Ends the drag as if it had never begun.
fn abort(desk: &mut Desk<'_>) {
    if let Drag::Stroke(document, _) = std::mem::take(&mut desk.state.drag) {
        desk.send(Command::StrokeAbort { document });
    }
}

/// The pixels a rectangle touches.
fn pixels_between(a: PointF, b: PointF) -> PixelRect {
    PixelRect::from_borders(
        a.x.min(b.x).round() as i32,
        a.y.min(b.y).round() as i32,
        a.x.max(b.x).round() as i32,
        a.y.max(b.y).round() as i32,
    )
}

/// Draws the shape being dragged and the outline of the brush.
pub(super) fn draw(ui: &Ui, desk: &Desk<'_>, response: &Response, transform: &ViewTransform) {
    let painter = ui.painter().with_clip_rect(transform.canvas);
    match &desk.state.drag {
        Drag::Rectangle(from, to) => {
            let rect = transform.view_rect(pixels_between(*from, *to));
            for (width, colour) in double_line() {
                painter.rect_stroke(rect, 0.0, Stroke::new(width, colour), StrokeKind::Middle);
            }
        }
        Drag::Lasso(points) => {
            let line: Vec<Pos2> = points
                .iter()
                .map(|p| transform.view_from_image(*p))
                .collect();
            for (width, colour) in double_line() {
                painter.add(Shape::line(line.clone(), Stroke::new(width, colour)));
                if let (Some(first), Some(last)) = (line.first(), line.last()) {
                    painter.line_segment(
                        [*last, *first],
                        Stroke::new(width, theme::faded(colour, 0.4)),
                    );
                }
            }
        }
        Drag::Idle | Drag::Stroke(..) | Drag::Erase(..) | Drag::Brush(..) | Drag::Split => {}
    }
    draw_cursor(ui, desk, response, transform);
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
    if matches!(desk.state.tool, Tool::Rectangle | Tool::Lasso) {
        ui.set_cursor_icon(CursorIcon::Crosshair);
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
    if alt || desk.state.tool == Tool::Eraser {
        // A bar says that paint is taken away.
        for (width, colour) in double_line() {
            painter.line_segment(
                [center - Vec2::X * 5.0, center + Vec2::X * 5.0],
                Stroke::new(width, colour),
            );
        }
    }
}

//! What is being painted over to be erased, and what is being erased; scribbles of the smart brush, until the
//! mask follows them: lines of their own look, which are no mask.

use eframe::egui::{Color32, Painter, Pos2, Shape, Stroke, Ui};

use crate::document::DocumentId;
use crate::editor::{BrushTip, StrokePoint};
use crate::geometry::PointF;
use crate::select::Scribble;
use crate::ui::context::Desk;
use crate::ui::state::Drag;
use crate::ui::theme;
use crate::ui::view_transform::ViewTransform;

/// How dark a line is while it is drawn, and while it is worked on.
const DRAWN: f32 = 0.62;
const WORKED_ON: f32 = 0.38;

/// Draws the lines of the document in front.
pub(super) fn draw(
    ui: &Ui,
    painter: &Painter,
    desk: &Desk<'_>,
    document: DocumentId,
    transform: &ViewTransform,
) {
    let ink = theme::tokens(ui).bad;
    let of_document = desk.editor.erasures().iter();
    for erasure in of_document.filter(|erasure| erasure.document == document) {
        let colour = theme::faded(ink, WORKED_ON);
        line(
            painter,
            transform,
            (&erasure.stroke, &erasure.brush),
            colour,
        );
    }
    if let Drag::Erase(of, brush, points) = &desk.state.drag
        && *of == document
    {
        line(
            painter,
            transform,
            (points, brush),
            theme::faded(ink, DRAWN),
        );
    }
    for waiting in desk.editor.scribbles(document) {
        scribble(ui, painter, (waiting, WORKED_ON), transform);
    }
    if let Drag::Scribble(of, drawn) = &desk.state.drag
        && *of == document
    {
        scribble(ui, painter, (drawn, DRAWN), transform);
    }
}

/// Green for what belongs to the mask, red for what does not.
fn scribble(
    ui: &Ui,
    painter: &Painter,
    (scribble, dark): (&Scribble, f32),
    transform: &ViewTransform,
) {
    let t = theme::tokens(ui);
    let ink = if scribble.is_inside { t.good } else { t.bad };
    let at = |point: &PointF| StrokePoint {
        at: *point,
        pressure: 1.0,
    };
    let points: Vec<StrokePoint> = scribble.line.iter().map(at).collect();
    let tip = BrushTip {
        diameter_px: scribble.width_px,
        ..BrushTip::default()
    };
    line(painter, transform, (&points, &tip), theme::faded(ink, dark));
}

fn line(
    painter: &Painter,
    transform: &ViewTransform,
    (points, brush): (&[StrokePoint], &BrushTip),
    colour: Color32,
) {
    let width = transform.view_from_image_length(brush.diameter_px).max(1.0);
    let places: Vec<Pos2> = points
        .iter()
        .map(|point| transform.view_from_image(point.at))
        .collect();
    let (Some(first), Some(last)) = (places.first().copied(), places.last().copied()) else {
        return;
    };
    painter.circle_filled(first, width / 2.0, colour);
    if last.distance(first) > 0.5 {
        painter.add(Shape::line(places, Stroke::new(width, colour)));
        painter.circle_filled(last, width / 2.0, colour);
    }
}

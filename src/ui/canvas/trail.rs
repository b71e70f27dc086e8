//! What is being painted over to be erased, and what is being erased: a line of its own look, which is
//! no mask.

use eframe::egui::{Color32, Painter, Pos2, Shape, Stroke, Ui};

use crate::document::DocumentId;
use crate::editor::{BrushTip, StrokePoint};
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

//! The card of a mask being refined: five numbers, which the mask follows, and the end.

use eframe::egui::{Ui, vec2};

use crate::document::DocumentId;
use crate::editor::Command;
use crate::select::Refinement;
use crate::ui::context::Desk;
use crate::ui::icons;
use crate::ui::theme::space;
use crate::ui::widgets::{self, Number};

/// Width of the card's inside, in points.
const WIDTH: f32 = 264.0;

/// Draws it.
pub(super) fn card(ui: &mut Ui, desk: &mut Desk<'_>, document: DocumentId, refinement: Refinement) {
    ui.set_width(WIDTH);
    ui.spacing_mut().item_spacing = vec2(space::S, space::XS);
    let mut new = refinement;
    length(ui, desk, "ui-refine-holes", &mut new.fill_holes_px);
    length(ui, desk, "ui-refine-specks", &mut new.drop_specks_px);
    length(ui, desk, "ui-refine-smooth", &mut new.smooth_px);
    let most = f64::from(Refinement::MOST_PX);
    let mut grow = f64::from(new.grow_px);
    number(ui, desk, ("ui-refine-grow", -most..=most, 0), &mut grow);
    new.grow_px = grow.round() as i32;
    let mut feather = f64::from(new.feather_px);
    number(ui, desk, ("ui-refine-feather", 0.0..=most, 1), &mut feather);
    new.feather_px = feather as f32;
    if new != refinement {
        desk.send(Command::Refine {
            document,
            refinement: new,
        });
    }
    ui.add_space(space::XS);
    let mut end = None;
    let [apply, cancel] = ["ui-refine-apply", "ui-refine-cancel"].map(|key| desk.text(key));
    ui.horizontal(|ui| {
        if widgets::quiet_button(ui, icons::CLOSE, &cancel).clicked() {
            end = Some(false);
        }
        widgets::at_right(ui, |ui| {
            if widgets::primary_button(ui, icons::ACCEPT, &apply, 116.0, 30.0).clicked() {
                end = Some(true);
            }
        });
    });
    if let Some(keep) = end {
        desk.send(Command::EndRefining { document, keep });
    }
}

fn length(ui: &mut Ui, desk: &Desk<'_>, key: &str, px: &mut u32) {
    let mut value = f64::from(*px);
    number(
        ui,
        desk,
        (key, 0.0..=f64::from(Refinement::MOST_PX), 0),
        &mut value,
    );
    *px = value.round() as u32;
}

fn number(
    ui: &mut Ui,
    desk: &Desk<'_>,
    (key, range, decimals): (&str, std::ops::RangeInclusive<f64>, usize),
    value: &mut f64,
) {
    let (name, tooltip) = (desk.text(key), desk.text(&format!("{key}-tip")));
    let reset = desk.text("ui-refine-reset");
    let field = Number {
        name: &name,
        tooltip: &tooltip,
        range,
        speed: 0.25,
        notch: 1.0,
        decimals,
        unit: " px",
        reset: Some((0.0, &reset)),
    };
    if let Some(new) = widgets::number(ui, *value, &field) {
        *value = new;
    }
}

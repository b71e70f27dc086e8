//! Headings, sections, cards and lines of explanation.

use eframe::egui::{
    self, CornerRadius, Frame, InnerResponse, Margin, Response, RichText, Stroke, Ui,
};

use crate::ui::icons::Icon;
use crate::ui::theme::{self, RADIUS_CARD, space, text_size};

/// The title of a part of a panel.
pub fn heading(ui: &mut Ui, text: &str) -> Response {
    ui.label(RichText::new(text).family(theme::semibold()))
}

/// A line that explains, in smaller and quieter letters.
pub fn hint(ui: &mut Ui, text: &str) -> Response {
    let t = theme::tokens(ui);
    ui.add(egui::Label::new(RichText::new(text).size(text_size::SMALL).color(t.muted)).wrap())
}

/// An icon with words behind it, both in one colour.
pub fn icon_label(ui: &mut Ui, icon: Icon, text: &str, colour: egui::Color32) -> Response {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = space::XS + 2.0;
        ui.label(
            RichText::new(icon.0)
                .family(theme::icon_family())
                .size(text_size::ICON_SMALL)
                .color(colour),
        );
        ui.add(egui::Label::new(RichText::new(text).size(text_size::SMALL).color(colour)).wrap())
    })
    .inner
}

/// A line that opens and closes what is below it. Returns true when it was pressed.
pub fn section(ui: &mut Ui, icon: Icon, text: &str, tooltip: &str) -> bool {
    let t = theme::tokens(ui);
    let sign = RichText::new(icon.0)
        .family(theme::icon_family())
        .size(text_size::ICON_SMALL)
        .color(t.muted);
    ui.add(
        egui::Button::new((sign, RichText::new(text).family(theme::semibold())))
            .frame_when_inactive(false),
    )
    .accessible_name(text)
    .on_hover_text(tooltip)
    .clicked()
}

/// A raised area with a thin outline.
pub fn card<R>(ui: &mut Ui, contents: impl FnOnce(&mut Ui) -> R) -> InnerResponse<R> {
    let t = theme::tokens(ui);
    Frame::NONE
        .fill(t.raised)
        .stroke(Stroke::new(1.0, t.line))
        .corner_radius(CornerRadius::same(RADIUS_CARD))
        .inner_margin(Margin::same(space::M as i8))
        .show(ui, contents)
}

//! Headings, sections, cards and lines of explanation.

use eframe::egui::{
    self, CornerRadius, Frame, InnerResponse, Margin, Response, RichText, Stroke, Ui,
};

use crate::ui::icons::Icon;
use crate::ui::theme::{self, RADIUS_CARD, size, space, text_size};

/// The title of a part of a panel.
pub(crate) fn heading(ui: &mut Ui, text: &str) -> Response {
    ui.label(RichText::new(text).family(theme::semibold()))
}

/// A line that explains, in smaller and quieter letters.
pub(crate) fn hint(ui: &mut Ui, text: &str) -> Response {
    let t = theme::tokens(ui);
    ui.add(egui::Label::new(RichText::new(text).size(text_size::SMALL).color(t.muted)).wrap())
}

/// A key as it lies on a keyboard.
pub(crate) fn key_cap(ui: &mut Ui, text: &str) -> Response {
    let t = theme::tokens(ui);
    let words = RichText::new(text).size(text_size::SMALL).color(t.muted);
    let cap = Frame::NONE
        .fill(t.raised)
        .stroke(Stroke::new(1.0, t.line))
        .corner_radius(CornerRadius::same(4))
        .inner_margin(Margin::symmetric(5, 0));
    cap.show(ui, |ui| ui.label(words)).inner
}

/// Words on one line of at most `width` points, with … where the rest is left out.
pub(crate) fn one_line(
    painter: &egui::Painter,
    text: &str,
    font: egui::FontId,
    ink: egui::Color32,
    width: f32,
) -> std::sync::Arc<egui::Galley> {
    let mut job = egui::text::LayoutJob::simple_singleline(text.to_owned(), font, ink);
    job.wrap = egui::text::TextWrapping::truncate_at_width(width.max(0.0));
    painter.layout_job(job)
}

/// A text for places of one line: without breaks, and not longer than such a line.
pub(crate) fn on_one_line(text: &str) -> String {
    const MOST_CHARS: usize = 60;
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match words.char_indices().nth(MOST_CHARS) {
        Some((end, _)) => format!("{}…", words.get(..end).unwrap_or(&words).trim_end()),
        None => words,
    }
}

/// A row of one height: a name at the left, cut short if it must be, and fields at the right.
pub(crate) fn row<R>(
    ui: &mut Ui,
    name: impl Into<egui::WidgetText>,
    tooltip: &str,
    fields: impl FnOnce(&mut Ui) -> R,
) -> R {
    let name = name.into();
    let whole = egui::vec2(ui.available_width(), size::CONTROL);
    let layout = egui::Layout::left_to_right(egui::Align::Center);
    ui.allocate_ui_with_layout(whole, layout, |ui| {
        ui.set_min_size(whole);
        ui.spacing_mut().item_spacing.x = space::S;
        super::sides(
            ui,
            &mut (),
            |ui, ()| {
                ui.add(egui::Label::new(name).truncate())
                    .on_hover_text(tooltip);
            },
            |ui, ()| fields(ui),
        )
    })
    .inner
}

/// An icon with words behind it, both in one colour.
pub(crate) fn icon_label(ui: &mut Ui, icon: Icon, text: &str, colour: egui::Color32) -> Response {
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
pub(crate) fn section(ui: &mut Ui, icon: Icon, text: &str, tooltip: &str) -> bool {
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
pub(crate) fn card<R>(ui: &mut Ui, contents: impl FnOnce(&mut Ui) -> R) -> InnerResponse<R> {
    let t = theme::tokens(ui);
    Frame::NONE
        .fill(t.raised)
        .stroke(Stroke::new(1.0, t.line))
        .corner_radius(CornerRadius::same(RADIUS_CARD))
        .inner_margin(Margin::same(space::M as i8))
        .show(ui, contents)
}

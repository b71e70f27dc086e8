//! Denoising strength, with what it means, and the steps that will run.

use eframe::egui::{self, CornerRadius, RichText, Slider, SliderClamping, Ui, vec2};

use crate::document::DocumentId;
use crate::plan::{Pass, Steps, Strength};
use crate::text::Message;
use crate::ui::context::Desk;
use crate::ui::theme::{self, size, text_size};
use crate::ui::widgets;

/// The part of the range that keeps details.
const RECOMMENDED: std::ops::RangeInclusive<f64> = 0.3..=0.5;
/// What a double-click goes back to while no model is known.
const FIRST: f64 = 0.5;

/// Draws the slider, its meaning and the steps.
pub(super) fn strength_ui(ui: &mut Ui, desk: &mut Desk<'_>, document: DocumentId) {
    let Some(open) = desk.editor.document(document) else {
        return;
    };
    let settings = open.settings();
    let mut value = settings.strength.get();
    let card = desk.editor.model_card();
    let first = card.map_or(FIRST, |card| card.defaults.strength);
    let tooltip = desk.text("ui-strength-tip");
    let name = RichText::new(desk.text("ui-strength")).family(theme::semibold());
    widgets::row(ui, name, &tooltip, |ui| {
        let field = egui::DragValue::new(&mut value)
            .range(0.01..=1.0)
            .speed(0.005)
            .fixed_decimals(2);
        let response = ui
            .add_sized(vec2(60.0, size::CONTROL), field)
            .accessible_name(desk.text("ui-strength-number"))
            .on_hover_text(tooltip.as_ref());
        value = (value + 0.05 * widgets::wheel_notches(ui, &response)).clamp(0.01, 1.0);
        if widgets::resets(ui, &response) {
            value = first;
        }
    });
    // Closer together than the rest, and only here.
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        let band = slider(ui, desk, &mut value, first);
        ends(ui, desk, band);
        widgets::hint(ui, &desk.text(meaning(value)));
    });
    if let Ok(strength) = Strength::new((value * 100.0).round() / 100.0) {
        desk.set(document, |settings| settings.strength = strength);
    }
    steps(ui, desk, document);
}

/// What the two ends of the slider stand for, and which numbers the band marks.
fn ends(ui: &mut Ui, desk: &Desk<'_>, band: egui::Rangef) {
    let line = ui.horizontal(|ui| {
        ui.spacing_mut().interact_size.y = 14.0;
        ui.set_height(14.0);
        let t = theme::tokens(ui);
        let small = |text: &str| RichText::new(text).size(text_size::SMALL).color(t.muted);
        ui.label(small(&desk.text("ui-strength-keeps")));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.label(small(&desk.text("ui-strength-imagines")));
        });
    });
    let middle = egui::pos2(band.center(), line.response.rect.center().y);
    let text = format!("{}–{}", RECOMMENDED.start(), RECOMMENDED.end());
    let font = egui::FontId::proportional(text_size::SMALL);
    let ink = theme::tokens(ui).good;
    ui.painter()
        .text(middle, egui::Align2::CENTER_CENTER, text, font, ink);
}

/// What a strength does, in words.
fn meaning(value: f64) -> &'static str {
    match value {
        v if v < 0.3 => "ui-strength-means-touch",
        v if v <= 0.5 => "ui-strength-means-details",
        v if v <= 0.7 => "ui-strength-means-shapes",
        v if v < 0.95 => "ui-strength-means-loose",
        _ => "ui-strength-means-anew",
    }
}

/// The slider over a band that marks the recommended part; where the band lies from left to right.
fn slider(ui: &mut Ui, desk: &Desk<'_>, value: &mut f64, first: f64) -> egui::Rangef {
    let width = ui.available_width();
    ui.spacing_mut().slider_width = width;
    ui.spacing_mut().interact_size.y = 20.0;
    let t = theme::tokens(ui);
    // The part of the rail behind the handle is the accent's, as on every slider.
    ui.visuals_mut().selection.bg_fill = t.accent;
    let band = ui.painter().add(egui::Shape::Noop);
    let slider = Slider::new(value, 0.05..=1.0)
        .show_value(false)
        .step_by(0.01)
        // Else it rounds in every frame what was written elsewhere, which would be a change.
        .clamping(SliderClamping::Edits)
        .trailing_fill(true);
    let response = ui.add(slider).accessible_name(desk.text("ui-strength"));
    let response = response.on_hover_text(desk.text("ui-strength-tip"));
    *value = (*value + 0.05 * widgets::wheel_notches(ui, &response)).clamp(0.01, 1.0);
    // Sliders only listen to drags.
    if response.interact(egui::Sense::click()).double_clicked() {
        *value = first;
    }
    // The handle's middle travels between these two, as in egui's slider.
    let ends = response.rect.x_range().shrink(response.rect.height() / 2.5);
    let x = |share: f64| egui::lerp(ends.min..=ends.max, ((share - 0.05) / 0.95) as f32);
    let rect = egui::Rect::from_min_max(
        egui::pos2(x(*RECOMMENDED.start()), response.rect.center().y - 8.0),
        egui::pos2(x(*RECOMMENDED.end()), response.rect.center().y + 8.0),
    );
    let shape = egui::Shape::rect_filled(rect, CornerRadius::same(4), theme::faded(t.good, 0.35));
    ui.painter().set(band, shape);
    rect.x_range()
}

fn steps(ui: &mut Ui, desk: &mut Desk<'_>, document: DocumentId) {
    let Some(open) = desk.editor.document(document) else {
        return;
    };
    let settings = open.settings();
    let mut count = settings.steps.get();
    let schedule = match desk.editor.model_card() {
        Some(card) => settings.steps.of_run(settings.strength, &card.traits),
        None => settings.steps,
    };
    let executed = schedule.executed(settings.strength);
    let (name, tooltip) = (desk.text("ui-steps"), desk.text("ui-steps-tip"));
    let default = desk
        .editor
        .model_card()
        .map_or(count, |card| card.defaults.steps);
    widgets::row(ui, name.as_ref(), &tooltip, |ui| {
        let t = theme::tokens(ui);
        let passes = desk.editor.later_passes(document);
        let (text, about) = runs_of(&passes, executed, schedule.get());
        let colour = if executed == 0 { t.bad } else { t.muted };
        let text = RichText::new(desk.say(&text))
            .size(text_size::SMALL)
            .color(colour);
        ui.label(text).on_hover_text(desk.say(&about));
        let field = egui::DragValue::new(&mut count).range(1..=150).speed(0.1);
        let response = ui
            .add_sized(vec2(60.0, size::CONTROL), field)
            .accessible_name(name.as_ref())
            .on_hover_text(tooltip.as_ref());
        count = count
            .saturating_add_signed(widgets::wheel_notches(ui, &response).round() as i32)
            .clamp(1, 150);
        if widgets::resets(ui, &response) {
            count = default;
        }
    });
    if count != settings.steps.get()
        && let Ok(steps) = Steps::new(count)
    {
        desk.set(document, |settings| settings.steps = steps);
    }
}

/// How many steps run, in how many passes: in short, and explained.
fn runs_of(passes: &[Pass], executed: u32, of: u32) -> (Message, Message) {
    let said = |key| Message::new(key).with("run", executed).with("of", of);
    let Some(last) = passes.last() else {
        return (said("ui-runs-of"), Message::new("ui-runs-of-tip"));
    };
    let more: u32 = passes.iter().map(|pass| pass.layout.executed_steps).sum();
    let about = Message::new("ui-runs-of-then-tip")
        .with("more", more)
        .with("size", last.layout.work.to_string())
        .with("passes", passes.len())
        .with("tiles", last.tiles.len().max(1));
    (said("ui-runs-of-then").with("more", more), about)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recommended_band_is_said_to_keep_details() {
        for value in [0.3, 0.4, 0.5] {
            assert!(RECOMMENDED.contains(&value));
            assert_eq!(meaning(value), "ui-strength-means-details");
        }
        assert_ne!(meaning(0.29), meaning(0.3));
        assert_ne!(meaning(0.51), meaning(0.5));
    }
}

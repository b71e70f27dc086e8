//! The guide of the first start: paint, say, generate; then the other way round.

use eframe::egui::{self, Align2, Area, CornerRadius, Frame, Id, Margin, RichText, Stroke, vec2};

use crate::editor::{OpenDocument, RunState};
use crate::plan::{MaskMode, RegionBounds};
use crate::text::Message;
use crate::ui::context::Desk;
use crate::ui::theme::{self, space, text_size};
use crate::ui::{icons, widgets};

/// The steps: what they are called, what to do.
const STEPS: [(&str, &str); 4] = [
    ("ui-guide-paint", "ui-guide-paint-about"),
    ("ui-guide-say", "ui-guide-say-about"),
    ("ui-guide-generate", "ui-guide-generate-about"),
    ("ui-guide-next", "ui-guide-next-about"),
];

/// Draws the guide over the lower left corner of the canvas, if it is open.
pub fn guide_ui(ctx: &egui::Context, desk: &mut Desk<'_>, canvas: egui::Rect) {
    let Some(step) = desk.state.guide_step else {
        return;
    };
    if desk.state.comparison.is_some() {
        return;
    }
    let step = advance(desk, step);
    desk.state.guide_step = Some(step);
    Area::new(Id::unique("guide"))
        .order(egui::Order::Middle)
        .fixed_pos(canvas.left_bottom() + vec2(space::M, -space::M))
        .pivot(Align2::LEFT_BOTTOM)
        .constrain_to(canvas)
        .accessible_name(desk.text("ui-guide"))
        .show(ctx, |ui| {
            let t = theme::tokens(ui);
            let frame = Frame::NONE
                .fill(t.panel)
                .stroke(Stroke::new(1.0, t.accent))
                .corner_radius(CornerRadius::same(theme::RADIUS_CARD))
                .inner_margin(Margin::same(14))
                .shadow(egui::Shadow {
                    offset: [0, 6],
                    blur: 20,
                    spread: 0,
                    color: egui::Color32::from_black_alpha(80),
                });
            frame.show(ui, |ui| {
                ui.set_width(300.0_f32.min(canvas.width() - 60.0));
                step_ui(ui, desk, step);
            });
        });
}

/// A step is done when what it asks for has happened.
fn advance(desk: &mut Desk<'_>, step: usize) -> usize {
    let Some(open) = desk.editor.active() else {
        return step;
    };
    let painted = open.region() != RegionBounds::Everything;
    let said = !open.settings().prompt.trim().is_empty();
    let ran = desk
        .editor
        .runs()
        .iter()
        .any(|run| matches!(run.state, RunState::Finished(_)));
    match step {
        0 if painted && !desk.state.drag.is_painting() => 1,
        1 if said && painted => 2,
        2 if ran => 3,
        _ => step,
    }
}

fn step_ui(ui: &mut egui::Ui, desk: &mut Desk<'_>, step: usize) {
    let t = theme::tokens(ui);
    let Some((title, about)) = STEPS.get(step) else {
        return;
    };
    ui.horizontal(|ui| {
        let number = Message::new("ui-guide-step")
            .with("step", step + 1)
            .with("of", STEPS.len());
        ui.label(
            RichText::new(desk.say(&number))
                .size(text_size::SMALL)
                .color(t.accent),
        );
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let close = desk.text("ui-guide-close");
            let sign = RichText::new(icons::CLOSE.0)
                .family(theme::icon_family())
                .size(13.0)
                .color(t.muted);
            let button = egui::Button::new(sign)
                .frame_when_inactive(false)
                .min_size(vec2(22.0, 22.0));
            if ui
                .add(button)
                .accessible_name(close.as_ref())
                .on_hover_text(close)
                .clicked()
            {
                dismiss(desk);
            }
        });
    });
    ui.label(
        RichText::new(desk.text(title))
            .family(theme::semibold())
            .size(text_size::HEADING),
    );
    ui.add(egui::Label::new(RichText::new(desk.text(about)).color(t.muted)).wrap());
    ui.add_space(space::XS);
    suggestions(ui, desk, step);
    ui.horizontal(|ui| {
        if step > 0 && ui.button(desk.text("ui-guide-back").as_ref()).clicked() {
            desk.state.guide_step = Some(step - 1);
        }
        let last = step + 1 == STEPS.len();
        let next = desk.text(if last {
            "ui-guide-done"
        } else {
            "ui-guide-skip"
        });
        if ui.button(next.as_ref()).clicked() {
            if last {
                dismiss(desk);
            } else {
                desk.state.guide_step = Some(step + 1);
            }
        }
    });
}

/// Prompts that fit the sample portrait, to press instead of writing.
fn suggestions(ui: &mut egui::Ui, desk: &mut Desk<'_>, step: usize) {
    let keys: &[&str] = match step {
        0 => return shortcut_to_paint(ui, desk),
        1 => &["ui-guide-prompt-night", "ui-guide-prompt-room"],
        3 => &["ui-guide-prompt-clothes"],
        _ => return,
    };
    let Some(document) = desk.open().map(OpenDocument::id) else {
        return;
    };
    ui.horizontal_wrapped(|ui| {
        for key in keys {
            let prompt = desk.text(key);
            if widgets::chip(ui, &prompt, false).clicked() {
                desk.set(document, |settings| settings.prompt = prompt.into_owned());
            }
        }
    });
}

/// “Paint the person, keep it” is the shortest way to a new background.
fn shortcut_to_paint(ui: &mut egui::Ui, desk: &mut Desk<'_>) {
    let Some(open) = desk.editor.active() else {
        return;
    };
    let (document, stays) = (open.id(), open.settings().mask_mode == MaskMode::Stays);
    let text = desk.text("ui-guide-stays");
    if widgets::chip(ui, &text, stays).clicked() {
        let mode = if stays {
            MaskMode::Changes
        } else {
            MaskMode::Stays
        };
        desk.set(document, |settings| settings.mask_mode = mode);
    }
}

fn dismiss(desk: &mut Desk<'_>) {
    desk.state.guide_step = None;
    desk.prefer(|preferences| preferences.guide_dismissed = true);
}

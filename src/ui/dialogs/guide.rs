//! The guide of the first start: paint, say, generate; then the other way round.

use eframe::egui::{self, Align, Frame, Layout, Margin, Panel, RichText, Stroke, Ui, vec2};

use crate::editor::{OpenDocument, RunState};
use crate::plan::{MaskMode, RegionBounds};
use crate::text::Message;
use crate::ui::arrangement::Room;
use crate::ui::context::Desk;
use crate::ui::theme::{self, size, space, text_size};
use crate::ui::{icons, widgets};

/// The steps: what they are called, what to do.
const STEPS: [(&str, &str); 4] = [
    ("ui-guide-paint", "ui-guide-paint-about"),
    ("ui-guide-say", "ui-guide-say-about"),
    ("ui-guide-generate", "ui-guide-generate-about"),
    ("ui-guide-next", "ui-guide-next-about"),
];

/// How long nothing is painted or written until a step is taken for done, in seconds.
const REST_SECS: f64 = 1.5;
/// Width of the number and name of a step, in points.
const TITLE_WIDTH: f32 = 112.0;
/// Least height, in points: two lines of text and one of chips.
const HEIGHT: f32 = 92.0;
/// The same under a line with the title, where there is little room.
const LOW_HEIGHT: f32 = 104.0;
/// Below this width of the words, in points, the title stands above them.
const NARROW: f32 = 460.0;

/// Draws the guide as a strip under the canvas, if it is open. It has a place of its own, so that it
/// never covers what one is to paint on.
pub(crate) fn guide_ui(ui: &mut Ui, desk: &mut Desk<'_>, room: Room) {
    let Some(step) = desk.state.guide_step else {
        return;
    };
    if desk.state.comparison.is_some() || desk.open().is_none() {
        return;
    }
    let step = advance(ui.ctx(), desk, step);
    desk.state.guide_step = Some(step);
    let t = theme::tokens(ui);
    let (above, height) = match room {
        Room::Enough => (space::M, HEIGHT),
        Room::Little => (space::S, LOW_HEIGHT),
        Room::Least => (space::XS, 0.0),
    };
    let frame = Frame::NONE
        .fill(t.panel)
        .inner_margin(Margin::symmetric(space::L as i8, above as i8));
    let strip = Panel::bottom("guide")
        .resizable(false)
        // The same for every step, so that the picture does not jump.
        .min_size(height)
        .frame(frame)
        .show(ui, |ui| match room {
            Room::Enough => step_ui(ui, desk, step),
            Room::Little | Room::Least => low_step_ui(ui, desk, step, room),
        });
    let rect = strip.response.rect;
    // A line in the colour of what is to be done next.
    ui.painter()
        .hline(rect.x_range(), rect.top(), Stroke::new(2.0, t.accent));
}

/// A step is done when what it asks for has happened.
fn advance(ctx: &egui::Context, desk: &mut Desk<'_>, step: usize) -> usize {
    let Some(open) = desk.editor.active() else {
        return step;
    };
    let painted = open.region() != RegionBounds::Everything;
    let now = (open.document().serial(), open.settings().prompt.clone());
    let (serial, prompt, since) = &mut desk.state.guide_saw;
    if desk.state.drag.is_painting() || (*serial, prompt.as_str()) != (now.0, now.1.as_str()) {
        (*serial, *prompt, *since) = (now.0, now.1, ctx.time());
        ctx.request_repaint_after_secs(REST_SECS as f32);
    }
    let rests = ctx.time() - *since >= REST_SECS;
    let said = !open.settings().prompt.trim().is_empty();
    let ran = desk
        .editor
        .runs()
        .iter()
        .any(|run| matches!(run.state, RunState::Finished(_)));
    match step {
        // Not at the first dab or letter: who goes on painting or writing has not finished.
        0 if painted && rests => 1,
        1 if said && painted && rests => 2,
        2 if ran => 3,
        _ => step,
    }
}

fn step_ui(ui: &mut Ui, desk: &mut Desk<'_>, step: usize) {
    let Some((title, about)) = STEPS.get(step) else {
        return;
    };
    let words = |ui: &mut Ui, desk: &mut Desk<'_>| {
        ui.add(egui::Label::new(desk.text(about)).wrap());
        suggestions(ui, desk, step);
    };
    ui.with_layout(Layout::right_to_left(Align::Min), |ui| {
        step_buttons(ui, desk, step);
        ui.add_space(space::S);
        // The words are given what the buttons leave.
        let rest = ui.available_width();
        ui.allocate_ui_with_layout(vec2(rest, 0.0), Layout::top_down(Align::Min), |ui| {
            if rest < NARROW {
                ui.horizontal(|ui| step_title(ui, desk, step, title));
                return words(ui, desk);
            }
            ui.horizontal_top(|ui| {
                ui.spacing_mut().item_spacing.x = space::L;
                ui.vertical(|ui| {
                    ui.set_width(TITLE_WIDTH);
                    ui.spacing_mut().item_spacing.y = 2.0;
                    step_title(ui, desk, step, title);
                });
                ui.vertical(|ui| words(ui, desk));
            });
        });
    });
}

/// A step in a window with little room: its title in one line with the buttons, and below it the
/// words, if there is room for them.
fn low_step_ui(ui: &mut Ui, desk: &mut Desk<'_>, step: usize, room: Room) {
    let Some((title, about)) = STEPS.get(step) else {
        return;
    };
    let about = desk.text(about);
    ui.spacing_mut().item_spacing.y = space::XS;
    let buttons = Layout::right_to_left(Align::Center);
    ui.allocate_ui_with_layout(vec2(ui.available_width(), size::CONTROL), buttons, |ui| {
        step_buttons(ui, desk, step);
        let rest = ui.available_rect_before_wrap();
        let left_to_right = Layout::left_to_right(Align::Center);
        let builder = egui::UiBuilder::new().max_rect(rest).layout(left_to_right);
        ui.scope_builder(builder, |ui| {
            let number = RichText::new(format!("{}/{}", step + 1, STEPS.len()));
            ui.label(number.color(theme::tokens(ui).accent));
            let title = RichText::new(desk.text(title)).family(theme::semibold());
            let title = ui.add(egui::Label::new(title).truncate());
            if room == Room::Least {
                title.on_hover_text(about.as_ref());
            }
        });
    });
    if room > Room::Least {
        widgets::hint(ui, &about);
        suggestions(ui, desk, step);
    }
}

/// Which step it is, and what it is called.
fn step_title(ui: &mut Ui, desk: &Desk<'_>, step: usize, title: &str) {
    let number = Message::new("ui-guide-step")
        .with("step", step + 1)
        .with("of", STEPS.len());
    let number = RichText::new(desk.say(&number)).size(text_size::SMALL);
    ui.label(number.color(theme::tokens(ui).accent));
    let title = RichText::new(desk.text(title))
        .family(theme::semibold())
        .size(text_size::HEADING);
    ui.add(egui::Label::new(title).wrap());
}

/// Back, next, close.
fn step_buttons(ui: &mut Ui, desk: &mut Desk<'_>, step: usize) {
    ui.spacing_mut().item_spacing.x = space::S;
    let close = desk.text("ui-guide-close");
    if widgets::icon_button_small(ui, icons::CLOSE, &close, None)
        .on_hover_text(close.as_ref())
        .clicked()
    {
        dismiss(desk);
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
    if step > 0 && ui.button(desk.text("ui-guide-back").as_ref()).clicked() {
        desk.state.guide_step = Some(step - 1);
    }
}

/// Prompts that fit the sample portrait, to press instead of writing.
fn suggestions(ui: &mut Ui, desk: &mut Desk<'_>, step: usize) {
    let keys: &[&str] = match step {
        0 => return shortcut_to_paint(ui, desk),
        1 => &["ui-guide-prompt-night", "ui-guide-prompt-room"],
        3 => &["ui-guide-prompt-clothes"],
        _ => return,
    };
    let Some(document) = desk.open().map(OpenDocument::id) else {
        return;
    };
    widgets::chip_row(ui, |ui| {
        for key in keys {
            let prompt = desk.text(key);
            if widgets::chip(ui, &prompt, false).clicked() {
                desk.set(document, |settings| settings.prompt = prompt.into_owned());
            }
        }
    });
}

/// “Paint the person, keep it” is the shortest way to a new background.
fn shortcut_to_paint(ui: &mut Ui, desk: &mut Desk<'_>) {
    let Some(open) = desk.editor.active() else {
        return;
    };
    let (document, stays) = (open.id(), open.settings().mask_mode == MaskMode::Stays);
    let text = desk.text("ui-guide-stays");
    if widgets::chip_row(ui, |ui| widgets::chip(ui, &text, stays)).clicked() {
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

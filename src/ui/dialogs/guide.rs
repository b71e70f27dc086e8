//! The guide of the first start: paint, say, generate; then the other way round.

use eframe::egui::{self, Align, Frame, Layout, Margin, Panel, RichText, Stroke, Ui, vec2};

use super::guide_words::{self, Words};
use crate::editor::{OpenDocument, RunState};
use crate::plan::{MaskMode, RegionBounds};
use crate::text::Message;
use crate::ui::context::Desk;
use crate::ui::room::Room;
use crate::ui::state::GuideSeen as Seen;
use crate::ui::theme::{self, size, space, text_size};
use crate::ui::{icons, widgets};

/// What the steps are called.
const STEPS: [&str; 4] = [
    "ui-guide-paint",
    "ui-guide-say",
    "ui-guide-generate",
    "ui-guide-next",
];

/// What has been done in the picture in front.
#[derive(Debug, Clone, Copy)]
struct Done {
    painted: bool,
    said: bool,
    ran: bool,
}

impl Done {
    /// Whether a step has nothing more to wait for.
    fn allows_next(self, step: usize) -> bool {
        match step {
            0 => self.painted,
            1 => self.said,
            2 => self.ran,
            _ => true,
        }
    }
}

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
    if desk.state.comparison.is_some() {
        return;
    }
    let Some(now) = advance(ui.ctx(), desk) else {
        return;
    };
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
            Room::Enough => step_ui(ui, desk, now),
            Room::Little | Room::Least => low_step_ui(ui, desk, now, room),
        });
    let rect = strip.response.rect;
    // A line in the colour of what is to be done next.
    ui.painter()
        .hline(rect.x_range(), rect.top(), Stroke::new(2.0, t.accent));
}

/// Looks at what was done since, and goes on or back.
fn advance(ctx: &egui::Context, desk: &mut Desk<'_>) -> Option<(usize, Done)> {
    let open = desk.editor.active()?;
    let is_painting = desk.state.drag.is_painting();
    let guide = desk.state.guide.as_mut()?;
    let runs = desk.editor.runs().iter();
    if guide.saw.is_none() {
        guide.runs_before = runs.clone().map(|run| run.job.0).max().unwrap_or_default();
    }
    let results = runs.filter(|run| {
        let is_new = run.document == open.id() && run.job.0 > guide.runs_before;
        is_new && matches!(run.state, RunState::Finished(_))
    });
    let now = Seen {
        document: open.id(),
        serial: open.document().serial(),
        prompt: open.settings().prompt.clone(),
        results: results.count(),
    };
    let done = Done {
        painted: open.region() != RegionBounds::Everything,
        said: !now.prompt.trim().is_empty(),
        ran: now.results > 0,
    };
    if is_painting || guide.saw.as_ref() != Some(&now) {
        guide.goes_on |= guide.saw.replace(now).is_some();
        guide.since_secs = ctx.time();
        ctx.request_repaint_after_secs(REST_SECS as f32);
    }
    let rests = ctx.time() - guide.since_secs >= REST_SECS;
    guide.step = match guide.step {
        // A result is waited for, and nobody rests meanwhile.
        2 if done.ran && guide.goes_on => 3,
        step if !rests => step,
        1 | 2 if !done.painted => 0,
        2 if !done.said => 1,
        // Not at the first dab or letter: who goes on painting or writing has not finished.
        0 | 1 if guide.goes_on && done.allows_next(guide.step) => guide.step + 1,
        step => step,
    };
    Some((guide.step, done))
}

/// What the step says, and prompts for it.
fn words_of(desk: &Desk<'_>, step: usize) -> Words {
    let nothing = |about| Words {
        about,
        prompts: &[],
    };
    let Some(open) = desk.editor.active() else {
        return nothing("ui-guide-paint-about");
    };
    match step {
        0 => nothing(guide_words::before_painting(open)),
        1 => guide_words::of_painted(open),
        2 => nothing("ui-guide-generate-about"),
        _ => {
            let newest = desk.editor.candidates(open.id()).next_back();
            guide_words::after_result(open, newest)
        }
    }
}

fn step_ui(ui: &mut Ui, desk: &mut Desk<'_>, (step, done): (usize, Done)) {
    let Some(title) = STEPS.get(step) else {
        return;
    };
    let Words { about, prompts } = words_of(desk, step);
    let words = |ui: &mut Ui, desk: &mut Desk<'_>| {
        ui.add(egui::Label::new(desk.text(about)).wrap());
        suggestions(ui, desk, step, prompts);
    };
    ui.with_layout(Layout::right_to_left(Align::Min), |ui| {
        step_buttons(ui, desk, step, done);
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
fn low_step_ui(ui: &mut Ui, desk: &mut Desk<'_>, (step, done): (usize, Done), room: Room) {
    let Some(title) = STEPS.get(step) else {
        return;
    };
    let Words { about, prompts } = words_of(desk, step);
    let about = desk.text(about);
    ui.spacing_mut().item_spacing.y = space::XS;
    let buttons = Layout::right_to_left(Align::Center);
    ui.allocate_ui_with_layout(vec2(ui.available_width(), size::CONTROL), buttons, |ui| {
        step_buttons(ui, desk, step, done);
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
        suggestions(ui, desk, step, prompts);
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

/// Back, next, close. Next is for those who will not wait until the guide goes on by itself; a step is
/// not skipped.
fn step_buttons(ui: &mut Ui, desk: &mut Desk<'_>, step: usize, done: Done) {
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
    let waits = match step {
        0 => "ui-guide-paint-first",
        1 => "ui-guide-say-first",
        _ => "ui-guide-generate-first",
    };
    let next = ui.add_enabled(done.allows_next(step), egui::Button::new(next.as_ref()));
    if next.on_disabled_hover_text(desk.text(waits)).clicked() {
        if last {
            dismiss(desk);
        } else {
            put(desk, step + 1);
        }
    }
    if step > 0 && ui.button(desk.text("ui-guide-back").as_ref()).clicked() {
        put(desk, step - 1);
    }
}

/// Goes to a step by hand and stays there until something is done.
fn put(desk: &mut Desk<'_>, step: usize) {
    if let Some(guide) = &mut desk.state.guide {
        (guide.step, guide.goes_on) = (step, false);
    }
}

/// Prompts that fit, to press instead of writing.
fn suggestions(ui: &mut Ui, desk: &mut Desk<'_>, step: usize, keys: &[&str]) {
    if step == 0 {
        return shortcut_to_paint(ui, desk);
    }
    if keys.is_empty() {
        return;
    }
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
    desk.state.guide = None;
    desk.prefer(|preferences| preferences.guide_dismissed = true);
}

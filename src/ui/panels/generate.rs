//! The Generate button, which says what it will do and becomes the progress bar; the queue.

use eframe::egui::{
    self, Align2, CornerRadius, FontId, Rect, RichText, Role, Sense, Stroke, StrokeKind, Ui,
    WidgetInfo, vec2,
};

use crate::document::DocumentId;
use crate::editor::{Command, OpenDocument, Preferences, Run, RunProgress, RunState};
use crate::jobs::Stage;
use crate::plan::{MaskMode, RegionBounds};
use crate::text::{Explain as _, Message};
use crate::ui::actions::Action;
use crate::ui::context::Desk;
use crate::ui::run_texts::{forecast_tip, progress_text};
use crate::ui::theme::{self, RADIUS, size, space, text_size};
use crate::ui::{icons, widgets};

/// Height of this part of the panel, in points.
pub(super) fn height(desk: &Desk<'_>, document: DocumentId) -> f32 {
    let forecast = if desk.editor.forecast(document).is_some() {
        FORECAST
    } else {
        0.0
    };
    forecast + size::GENERATE + space::S + size::CONTROL + space::S
}

/// Height of the line that says what a run will take.
const FORECAST: f32 = 20.0;

/// Draws the buttons.
pub(super) fn generate_ui(ui: &mut Ui, desk: &mut Desk<'_>, document: DocumentId) {
    let Some(open) = desk.editor.document(document) else {
        return;
    };
    let width = ui.available_width();
    let problem = problem(desk, document);
    forecast(ui, desk, document);
    if let Some(run) = desk.editor.running() {
        progress_bar(ui, desk, run, width);
    } else {
        let what = what_it_does(open);
        let text = match desk.editor.preferences().variations() {
            1 => desk.text(what).into_owned(),
            count => desk.say(
                &Message::new("ui-generate-several")
                    .with("what", desk.text(what).into_owned())
                    .with("count", count),
            ),
        };
        let mut tooltip = desk.tooltip(ui.ctx(), Action::Generate);
        if let Some(problem) = &problem {
            tooltip = format!("{tooltip}\n{problem}");
        }
        let response = ui
            .add_enabled_ui(problem.is_none(), |ui| {
                widgets::primary_button(ui, icons::GENERATE, &text, width, size::GENERATE)
            })
            .inner;
        if response
            .on_hover_text(&tooltip)
            .on_disabled_hover_text(&tooltip)
            .clicked()
        {
            desk.act(Action::Generate);
        }
    }
    ui.horizontal(|ui| {
        if desk.editor.running().is_some() {
            let text = desk.text("ui-queue-add");
            let tooltip = desk.tooltip(ui.ctx(), Action::Generate);
            if widgets::quiet_button(ui, icons::LATER, &text)
                .on_hover_text(tooltip)
                .clicked()
            {
                desk.act(Action::Generate);
            }
            queue_button(ui, desk);
            variations(ui, desk);
        } else {
            let text = desk.text(Action::CompareStrengths.text());
            let tooltip = desk.tooltip(ui.ctx(), Action::CompareStrengths);
            let response = ui
                .add_enabled_ui(problem.is_none(), |ui| {
                    widgets::quiet_button(ui, icons::COMPARE, &text)
                })
                .inner;
            if response.on_hover_text(tooltip).clicked() {
                desk.act(Action::CompareStrengths);
            }
            variations(ui, desk);
        }
    });
}

/// How many results one press makes, at the end of the line.
fn variations(ui: &mut Ui, desk: &mut Desk<'_>) {
    widgets::at_right(ui, |ui| {
        let mut count = desk.editor.preferences().variations();
        let before = count;
        let range = 1..=Preferences::MOST_VARIATIONS;
        let field = egui::DragValue::new(&mut count)
            .range(range.clone())
            .speed(0.05)
            .prefix("× ")
            .update_while_editing(false);
        let name = desk.text("ui-variations");
        let field = ui
            .add_sized(vec2(48.0, size::CONTROL), field)
            .accessible_name(name.as_ref())
            .on_hover_text(desk.text("ui-variations-tip"));
        let notches = widgets::wheel_notches(ui, &field).round();
        count = (f64::from(count) + notches).clamp(1.0, f64::from(*range.end())) as u32;
        if widgets::resets(ui, &field) {
            count = 1;
        }
        if count != before {
            desk.prefer(|preferences| preferences.variations = count);
        }
    });
}

/// What a run will take, above the button.
fn forecast(ui: &mut Ui, desk: &Desk<'_>, document: DocumentId) {
    let Some(forecast) = desk.editor.forecast(document) else {
        return;
    };
    let words = desk.say(&forecast.message());
    let text = RichText::new(words.as_str())
        .size(text_size::SMALL)
        .color(theme::tokens(ui).muted);
    let line = vec2(ui.available_width(), FORECAST - ui.spacing().item_spacing.y);
    let layout = egui::Layout::left_to_right(egui::Align::Center);
    ui.allocate_ui_with_layout(line, layout, |ui| {
        ui.set_min_size(line);
        let about = forecast_tip(desk);
        ui.add(egui::Label::new(text).truncate())
            .on_hover_text(about);
    });
}

/// Why nothing can run as things stand.
fn problem(desk: &Desk<'_>, document: DocumentId) -> Option<String> {
    let open = desk.editor.document(document)?;
    let Some(layout) = desk.editor.layout(open.id()) else {
        return Some(desk.text("ui-model-missing").into_owned());
    };
    layout.err().map(|error| desk.say(&error.message()))
}

/// What the button says.
fn what_it_does(open: &OpenDocument) -> &'static str {
    if open.redoing().is_some() {
        return "ui-generate-layer";
    }
    match (open.region(), open.settings().mask_mode) {
        (RegionBounds::Everything, _) => "ui-generate-whole",
        (_, MaskMode::Changes) => "ui-generate-in",
        (_, MaskMode::Stays) => "ui-generate-around",
    }
}

/// Stops a run. What was asked for by one press is stopped by one.
pub(crate) fn stop(desk: &mut Desk<'_>, run: &Run) {
    let editor = desk.editor;
    for other in editor.queue().filter(|other| other.group == run.group) {
        desk.send(Command::Cancel(other.job));
    }
    // Last, lest one of the others begins in its place.
    desk.send(Command::Cancel(run.job));
}

/// How much of a run is done, 0…1.
fn share_done(progress: &RunProgress) -> f32 {
    match progress.stage {
        Some(Stage::Step { done, of }) => 0.08 + 0.87 * done as f32 / of.max(1) as f32,
        Some(Stage::Decoding) => 0.96,
        Some(Stage::EncodingPicture) => 0.06,
        Some(Stage::EncodingText) => 0.04,
        Some(Stage::Loading) | None => 0.02,
        Some(Stage::Queued { .. } | Stage::Away) => 0.0,
    }
}

fn progress_bar(ui: &mut Ui, desk: &mut Desk<'_>, run: &Run, width: f32) {
    let RunState::Running(progress) = &run.state else {
        return;
    };
    let (rect, response) = ui.allocate_exact_size(vec2(width, size::GENERATE), Sense::hover());
    let mut text = progress_text(desk, progress);
    let of_press = desk.editor.runs().iter().filter(|it| it.group == run.group);
    let (all, ended) = of_press.fold((0_usize, 0_usize), |(all, ended), it| {
        (all + 1, ended + usize::from(it.state.is_ended()))
    });
    if all > 1 {
        let number = Message::new("ui-result-number")
            .with("number", ended + 1)
            .with("of", all);
        text = format!("{} · {text}", desk.say(&number));
    }
    if let Some(server) = progress.engine.server() {
        text = format!("{text} · {server}");
    }
    let share = share_done(progress);
    response.widget_info(|| WidgetInfo::labeled(Role::ProgressIndicator, true, &text));
    let t = theme::tokens(ui);
    let corners = CornerRadius::same(RADIUS);
    ui.painter().rect(
        rect,
        corners,
        t.raised,
        Stroke::new(1.0, t.line),
        StrokeKind::Inside,
    );
    let done = Rect::from_min_size(rect.min, vec2(rect.width() * share, rect.height()));
    ui.painter()
        .with_clip_rect(done)
        .rect_filled(rect, corners, t.selected);
    let line = Rect::from_min_max(
        egui::pos2(rect.left(), rect.bottom() - 3.0),
        egui::pos2(done.right(), rect.bottom()),
    );
    ui.painter()
        .rect_filled(line, CornerRadius::same(1), t.accent);
    let font = FontId::new(text_size::BODY, theme::semibold());
    let room = rect.width() - space::M - size::ICON_BUTTON - space::L;
    let words = widgets::one_line(ui.painter(), &text, font, t.text, room);
    let at =
        Align2::LEFT_CENTER.anchor_size(rect.left_center() + vec2(space::M, 0.0), words.size());
    ui.painter().galley(at.min, words, t.text);
    let button = Rect::from_center_size(
        rect.right_center() - vec2(22.0, 0.0),
        vec2(size::ICON_BUTTON, size::ICON_BUTTON),
    );
    // A child that this `Ui` does not hear of, else what is below would move up to it.
    let mut corner = ui.new_child(egui::UiBuilder::new().max_rect(button));
    let name = desk.text(Action::Cancel.text());
    let tooltip = desk.tooltip(ui.ctx(), Action::Cancel);
    // Not the action, which leaves a comparison first: this button says what it stops.
    if widgets::icon_button(&mut corner, Action::Cancel.icon(), &name, None)
        .on_hover_text(tooltip)
        .clicked()
    {
        stop(desk, run);
    }
}

/// How many wait; pressing it shows them.
fn queue_button(ui: &mut Ui, desk: &mut Desk<'_>) {
    let waiting: Vec<&Run> = desk.editor.queue().collect();
    if waiting.is_empty() {
        return;
    }
    let text = desk.say(&Message::new("ui-queue").with("count", waiting.len()));
    let button = ui.button(text.as_str());
    egui::Popup::menu(&button)
        .accessible_name(text.as_str())
        .width(260.0)
        .show(|ui| {
            for (place, run) in waiting.iter().enumerate() {
                ui.horizontal(|ui| {
                    let prompt = if run.settings.prompt.trim().is_empty() {
                        desk.text("ui-no-prompt").into_owned()
                    } else {
                        widgets::on_one_line(&run.settings.prompt)
                    };
                    let line = format!("{:.2} · {prompt}", run.settings.strength.get());
                    let line = RichText::new(line).size(text_size::SMALL);
                    let words = egui::Label::new(line).truncate();
                    widgets::sides(
                        ui,
                        desk,
                        |ui, _| _ = ui.add(words),
                        |ui, desk| queue_buttons(ui, desk, run, place),
                    );
                });
            }
            let all = desk.text("ui-cancel-all");
            if ui.button(all.as_ref()).clicked() {
                desk.send(Command::CancelAll);
                ui.close();
            }
        });
}

/// Sooner, remove.
fn queue_buttons(ui: &mut Ui, desk: &mut Desk<'_>, run: &Run, place: usize) {
    let sooner = desk.text("ui-queue-sooner");
    if place > 0
        && widgets::icon_button(ui, icons::UP, &sooner, None)
            .on_hover_text(sooner.as_ref())
            .clicked()
    {
        desk.send(Command::MoveQueued {
            job: run.job,
            to: place - 1,
        });
    }
    let remove = desk.text("ui-queue-remove");
    if widgets::icon_button(ui, icons::CLOSE, &remove, None)
        .on_hover_text(remove.as_ref())
        .clicked()
    {
        desk.send(Command::RemoveQueued(run.job));
    }
}

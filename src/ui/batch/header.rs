//! Above all phases: which folder, which phase, which recipe, and what is being done.

use eframe::egui::{self, CornerRadius, Rect, RichText, Ui, vec2};

use super::words;
use crate::bulk::Action as Work;
use crate::editor::{
    Activity, BatchCommand, BatchPhase, BatchPreset, Command, Doing, OpenBatch, OpenDocument,
    RecipeFrom,
};
use crate::jobs::Stage;
use crate::text::Message;
use crate::ui::context::Desk;
use crate::ui::file_purpose::FilePurpose;
use crate::ui::icons;
use crate::ui::theme::{self, size, space, text_size};
use crate::ui::widgets;

/// Draws it.
pub(super) fn header_ui(ui: &mut Ui, desk: &mut Desk<'_>, batch: &OpenBatch) {
    ui.spacing_mut().item_spacing.y = space::XS;
    ui.horizontal(|ui| {
        ui.set_min_height(size::ICON_BUTTON);
        widgets::sides(
            ui,
            desk,
            |ui, desk| phases_ui(ui, desk, batch),
            |ui, desk| {
                recipe_ui(ui, desk, batch);
                let close = desk.text("ui-batch-close");
                if widgets::icon_button(ui, icons::CLOSE, &close, None)
                    .on_hover_text(desk.text("ui-batch-close-tip"))
                    .clicked()
                {
                    desk.send(Command::Batch(BatchCommand::Close));
                }
            },
        );
    });
    if let Some(doing) = batch.doing() {
        doing_ui(ui, desk, batch, doing);
    }
}

fn phases_ui(ui: &mut Ui, desk: &mut Desk<'_>, batch: &OpenBatch) {
    let t = theme::tokens(ui);
    let count = Message::new("ui-batch-count").with("count", batch.pictures().len());
    let count = desk.say(&count);
    widgets::heading(ui, &batch.name()).on_hover_text(batch.folder().display().to_string());
    ui.label(RichText::new(count).size(text_size::SMALL).color(t.muted));
    ui.add_space(space::M);
    for (place, phase) in BatchPhase::ALL.into_iter().enumerate() {
        if place > 0 {
            ui.label(
                RichText::new(icons::COLLAPSED.0)
                    .family(theme::icon_family())
                    .size(text_size::SMALL)
                    .color(t.disabled),
            );
        }
        let name = desk.text(words::phase(phase));
        let text = format!("{}  {name}", place + 1);
        let is_shown = batch.phase() == phase;
        let chip = widgets::chip(ui, &text, is_shown);
        if chip.on_hover_text(desk.text(words::about(phase))).clicked() {
            desk.send(Command::Batch(BatchCommand::GoTo(phase)));
        }
    }
}

fn recipe_ui(ui: &mut Ui, desk: &mut Desk<'_>, batch: &OpenBatch) {
    let name = words::recipe(desk, batch);
    let text = desk.say(&Message::new("ui-batch-recipe").with("name", name));
    let sign = RichText::new(icons::RECIPE.0)
        .family(theme::icon_family())
        .size(text_size::ICON_SMALL);
    let more = RichText::new(icons::EXPANDED.0)
        .family(theme::icon_family())
        .size(text_size::ICON_SMALL);
    let button = egui::Button::new((sign, text.as_str(), more)).min_size(vec2(0.0, size::CONTROL));
    let button = ui
        .add(button)
        .accessible_name(text.as_str())
        .on_hover_text(desk.text("ui-batch-recipe-tip"));
    egui::Popup::menu(&button)
        .accessible_name(desk.text("ui-batch-recipe-tip"))
        .width(280.0)
        .show(|ui| {
            let set = |desk: &mut Desk<'_>, from| {
                desk.send(Command::Batch(BatchCommand::SetRecipe(from)));
            };
            for preset in BatchPreset::ALL {
                let icon = match preset {
                    BatchPreset::White => icons::PUT_COLOUR,
                    BatchPreset::CutOut => icons::PUT_NOTHING,
                    BatchPreset::Blur => icons::PUT_BLUR,
                };
                if widgets::menu_line(ui, icon, &desk.text(words::preset(preset)), "").clicked() {
                    set(desk, RecipeFrom::Preset(preset));
                    ui.close();
                }
            }
            ui.separator();
            let document = desk.editor.active().map(OpenDocument::id);
            ui.add_enabled_ui(document.is_some(), |ui| {
                let text = desk.text("ui-batch-from-settings");
                let line = widgets::menu_line(ui, icons::USE_SETTINGS, &text, "");
                let line = line.on_hover_text(desk.text("ui-batch-from-settings-tip"));
                if line.clicked()
                    && let Some(document) = document
                {
                    set(desk, RecipeFrom::Settings(document));
                    ui.close();
                }
            });
            let text = desk.text("ui-batch-from-file");
            if widgets::menu_line(ui, icons::OPEN, &text, "").clicked() {
                desk.state.batch.wants_file = Some(FilePurpose::BatchRecipe);
                ui.close();
            }
        });
}

/// What is being done, how far it is, and what can be done about it.
fn doing_ui(ui: &mut Ui, desk: &mut Desk<'_>, batch: &OpenBatch, doing: &Doing) {
    let (done, of) = doing.progress();
    let key = match doing.activity() {
        Activity::Masks => "ui-batch-doing-masks",
        Activity::Try => "ui-batch-doing-try",
        Activity::Run | Activity::Redo => "ui-batch-doing-run",
    };
    let mut text = desk.say(&Message::new(key).with("done", done).with("of", of));
    if doing.is_held() {
        text = format!("{text} · {}", desk.text("ui-batch-held"));
    } else if doing.is_stopping() {
        text = format!("{text} · {}", desk.text("ui-batch-stopping"));
    } else if matches!(doing.stage(), Some(Stage::Queued { .. })) {
        text = format!("{text} · {}", desk.text("ui-batch-queued"));
    } else if doing.stage() == Some(Stage::Away) {
        text = format!("{text} · {}", desk.text("ui-stage-away"));
    } else if let Some(left) = doing.time_left() {
        let left = Message::new("ui-batch-left").with("time", words::duration(left));
        text = format!("{text} · {}", desk.say(&left));
    }
    let current = doing.current().and_then(|at| batch.pictures().get(at));
    if let Some(current) = current {
        text = format!("{text} · {}", current.source.name());
    }
    ui.horizontal(|ui| {
        widgets::sides(
            ui,
            desk,
            |ui, _| {
                ui.vertical(|ui| {
                    bar(ui, done as f32 / of.max(1) as f32);
                    widgets::hint(ui, &text);
                });
            },
            |ui, desk| {
                let (icon, key) = if doing.is_held() {
                    (icons::PLAY, "ui-batch-go-on")
                } else {
                    (icons::PAUSE, "ui-batch-pause")
                };
                if widgets::quiet_button(ui, icon, &desk.text(key)).clicked() {
                    desk.send(Command::Batch(BatchCommand::Hold(!doing.is_held())));
                }
                let stop = desk.text("ui-batch-stop");
                let stop = widgets::quiet_button(ui, icons::STOP, &stop);
                if stop.on_hover_text(desk.text("ui-batch-stop-tip")).clicked() {
                    desk.send(Command::Batch(BatchCommand::Stop));
                }
            },
        );
    });
}

/// How much of something is done.
fn bar(ui: &mut Ui, share: f32) {
    let t = theme::tokens(ui);
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 6.0), egui::Sense::hover());
    let corners = CornerRadius::same(3);
    ui.painter().rect_filled(rect, corners, t.field);
    let width = rect.width() * share.clamp(0.0, 1.0);
    let done = Rect::from_min_size(rect.min, vec2(width, rect.height()));
    ui.painter().rect_filled(done, corners, t.accent);
}

/// True where the recipe edits with a model.
pub(super) fn edits(batch: &OpenBatch) -> bool {
    matches!(batch.recipe().action(), Ok(Work::Edit(_)))
}

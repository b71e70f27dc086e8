//! Where the model of a batch runs.

use eframe::egui::Ui;

use crate::editor::{OpenBatch, ServerState};
use crate::jobs::EngineId;
use crate::text::Message;
use crate::ui::context::Desk;
use crate::ui::icons;
use crate::ui::other_engines::{other_engines_ui, place_of};
use crate::ui::theme;
use crate::ui::widgets;

/// Says where it runs, where there is a choice or that is not this computer, and lets it be spread.
pub(super) fn places_ui(ui: &mut Ui, desk: &mut Desk<'_>, batch: &OpenBatch) {
    let Some(model) = batch.model() else { return };
    let others = desk.editor.other_engines_of_batch();
    let engine = EngineId::of(model);
    if engine.server().is_none() && others.is_empty() {
        return;
    }
    let text = Message::new("ui-batch-model")
        .with("model", model.name())
        .with("where", place_of(desk, &engine));
    let text = desk.say(&text);
    ui.horizontal_wrapped(|ui| {
        widgets::hint(ui, &text);
        // What runs goes on where it began.
        ui.add_enabled_ui(batch.doing().is_none(), |ui| {
            other_engines_ui(ui, desk, "ui-batch-also", others);
        });
    });
    let view = engine.server().and_then(|name| desk.editor.server(name));
    if let Some(ServerState::Fault(why)) = view.map(|view| &view.state) {
        widgets::icon_label(ui, icons::WARNING, &desk.say(why), theme::tokens(ui).warn);
    }
}

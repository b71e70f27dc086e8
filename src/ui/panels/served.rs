//! What is to be known before a run: that its server does not answer, and what cannot be done of what is set.

use eframe::egui::Ui;

use crate::catalog::ModelRef;
use crate::editor::{OpenDocument, ServerState};
use crate::text::Message;
use crate::ui::context::Desk;
use crate::ui::theme;
use crate::ui::{icons, widgets};

/// Below the model.
pub(super) fn served_ui(ui: &mut Ui, desk: &Desk<'_>) {
    let warn = theme::tokens(ui).warn;
    if let ModelRef::Served(model) = desk.editor.model() {
        match desk.editor.server(&model.server).map(|view| &view.state) {
            None => {
                let gone = Message::new("ui-model-no-server").with("server", model.server.clone());
                widgets::icon_label(ui, icons::WARNING, &desk.say(&gone), warn);
            }
            Some(ServerState::Fault(why)) => {
                widgets::icon_label(ui, icons::WARNING, &desk.say(why), warn);
            }
            Some(_) => {}
        }
    }
    let document = desk.open().map(OpenDocument::id);
    let limits = document.map(|document| desk.editor.limits(document));
    for limit in limits.unwrap_or_default() {
        let words = desk.say(&limit.message);
        if limit.stops {
            widgets::icon_label(ui, icons::WARNING, &words, warn);
        } else {
            widgets::hint(ui, &words);
        }
    }
}

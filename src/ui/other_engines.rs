//! Engines that have the same model too, to be used or not.

use eframe::egui::Ui;

use super::context::Desk;
use crate::jobs::EngineId;
use crate::text::Message;

/// Where an engine is, in words.
pub(super) fn place_of(desk: &Desk<'_>, engine: &EngineId) -> String {
    desk.say(&match engine.server() {
        Some(server) => Message::new("ui-model-at").with("server", server.to_owned()),
        None => Message::new("ui-model-here-too"),
    })
}

/// A box for each engine, and whether it is used too. `key` says for what; it has a tip.
pub(super) fn other_engines_ui(
    ui: &mut Ui,
    desk: &mut Desk<'_>,
    key: &'static str,
    engines: Vec<(EngineId, bool)>,
) {
    for (engine, is_used) in engines {
        let place = place_of(desk, &engine);
        let text = desk.say(&Message::new(key).with("where", place));
        let mut wanted = is_used;
        let tooltip = desk.text(&format!("{key}-tip"));
        if ui
            .checkbox(&mut wanted, text)
            .on_hover_text(tooltip)
            .changed()
        {
            desk.prefer(|preferences| {
                preferences.also_on.retain(|known| known != engine.name());
                if wanted {
                    preferences.also_on.push(engine.name().to_owned());
                }
            });
        }
    }
}

//! Questions: the few things that cannot be undone.

use std::time::SystemTime;

use eframe::egui::{self, RichText, Ui};

use super::Outcome;
use crate::document::DocumentId;
use crate::editor::Command;
use crate::text::Message;
use crate::ui::context::Desk;
use crate::ui::leaving::Leaving;
use crate::ui::theme::{self, size, space, text_size};
use crate::ui::{icons, widgets};

fn title(ui: &mut Ui, text: &str) {
    ui.label(
        RichText::new(text)
            .family(theme::semibold())
            .size(text_size::HEADING),
    );
    ui.add_space(space::XS);
}

/// Closing a document with unsaved work.
pub(super) fn close_ui(ui: &mut Ui, desk: &mut Desk<'_>, document: DocumentId, stays: &mut bool) {
    let Some(open) = desk.editor.document(document) else {
        *stays = false;
        return;
    };
    title(ui, &desk.text("ui-unsaved-title"));
    let about = Message::new("ui-unsaved-about").with("title", open.title());
    ui.label(desk.say(&about));
    ui.add_space(space::M);
    ui.horizontal(|ui| {
        let save = desk.text("ui-unsaved-save");
        if widgets::primary_button(ui, icons::SAVE, &save, 150.0, size::CONTROL).clicked() {
            desk.state.leaving = Some(Leaving::document(document));
            *stays = false;
        }
        let discard = desk.text("ui-unsaved-discard");
        if widgets::quiet_button(ui, icons::DELETE, &discard).clicked() {
            desk.send(Command::CloseDocument {
                document,
                discard_unsaved: true,
            });
            *stays = false;
        }
        if ui.button(desk.text("ui-keep-working").as_ref()).clicked() {
            *stays = false;
        }
    });
}

/// Ending the program with unsaved work.
pub(super) fn quit_ui(ui: &mut Ui, desk: &mut Desk<'_>, stays: &mut bool) -> Option<Outcome> {
    let mut outcome = None;
    title(ui, &desk.text("ui-unsaved-title"));
    ui.label(desk.text("ui-unsaved-quit").as_ref());
    for open in desk
        .editor
        .documents()
        .iter()
        .filter(|open| open.document().is_unsaved())
    {
        ui.label(RichText::new(format!("• {}", open.title())).family(theme::semibold()));
    }
    ui.add_space(space::M);
    ui.horizontal(|ui| {
        let save = desk.text("ui-quit-save");
        if widgets::primary_button(ui, icons::SAVE, &save, 150.0, size::CONTROL).clicked() {
            desk.state.leaving = Some(Leaving::program());
            *stays = false;
        }
        let discard = desk.text("ui-quit-discard");
        if widgets::quiet_button(ui, icons::QUIT, &discard).clicked() {
            outcome = Some(Outcome::Quit);
            *stays = false;
        }
        if ui.button(desk.text("ui-keep-working").as_ref()).clicked() {
            *stays = false;
        }
    });
    outcome
}

/// What an earlier session has left.
pub(super) fn recovery_ui(ui: &mut Ui, desk: &mut Desk<'_>, stays: &mut bool) {
    let left: Vec<_> = desk.editor.recoverable().cloned().collect();
    if left.is_empty() {
        *stays = false;
        return;
    }
    title(ui, &desk.text("ui-recovery-title"));
    ui.label(desk.text("ui-recovery-about").as_ref());
    ui.add_space(space::S);
    for item in left {
        ui.push_id(item.id.0, |ui| {
            widgets::card(ui, |ui| {
                ui.horizontal(|ui| {
                    ui.vertical(|ui| {
                        widgets::heading(ui, &item.title);
                        let about = Message::new("ui-recovery-item")
                            .with("size", item.extent.to_string())
                            .with("ago", desk_ago(desk, item.changed_at));
                        widgets::hint(ui, &desk.say(&about));
                    });
                    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                        let restore = desk.text("ui-recovery-restore");
                        if widgets::primary_button(ui, icons::REUSE, &restore, 110.0, size::CONTROL)
                            .clicked()
                        {
                            desk.send(Command::Restore(item.id));
                        }
                        let discard = desk.text("ui-recovery-discard");
                        let button = widgets::icon_button(ui, icons::DELETE, &discard, None);
                        if button.on_hover_text(discard).clicked() {
                            desk.send(Command::DiscardRecovery(item.id));
                        }
                    });
                });
            });
        });
    }
    ui.add_space(space::S);
    if ui.button(desk.text("ui-recovery-later").as_ref()).clicked() {
        *stays = false;
    }
}

/// How long ago something was, in words.
fn desk_ago(desk: &Desk<'_>, then: SystemTime) -> String {
    let seconds = SystemTime::now()
        .duration_since(then)
        .map_or(0, |gone| gone.as_secs());
    let (key, count) = match seconds {
        0..=119 => ("ui-ago-moment", 1),
        120..=7199 => ("ui-ago-minutes", seconds / 60),
        7200..=172_799 => ("ui-ago-hours", seconds / 3600),
        _ => ("ui-ago-days", seconds / 86_400),
    };
    desk.say(&Message::new(key).with("count", count as f64))
}

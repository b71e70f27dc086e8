//! Questions: the few things that cannot be undone.

use eframe::egui::{self, RichText, Ui};

use super::{Outcome, title};
use crate::document::DocumentId;
use crate::editor::Command;
use crate::text::Message;
use crate::ui::context::{Desk, memory};
use crate::ui::state::{EmptyPrompt, Leaving};
use crate::ui::theme::{self, size, space};
use crate::ui::{icons, widgets};

/// Closing a document with unsaved work.
pub(super) fn close_ui(ui: &mut Ui, desk: &mut Desk<'_>, document: DocumentId, stays: &mut bool) {
    let Some(open) = desk.editor.document(document) else {
        *stays = false;
        return;
    };
    title(ui, &desk.text("ui-unsaved-title"));
    let about = Message::new("ui-unsaved-about")
        .with("title", open.title())
        .with("what", desk.losses(desk.editor.losses(document)));
    ui.label(desk.say(&about));
    kept_hint(ui, desk);
    ui.add_space(space::M);
    ui.horizontal(|ui| {
        let save = desk.text("ui-unsaved-save");
        // No file holds results.
        if open.document().is_unsaved()
            && widgets::primary_button(ui, icons::SAVE, &save, 150.0, size::CONTROL).clicked()
        {
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
    let most = (ui.ctx().content_rect().height() - 220.0).max(80.0);
    egui::ScrollArea::vertical()
        .max_height(most)
        .show(ui, |ui| {
            for open in desk.editor.documents() {
                let losses = desk.editor.losses(open.id());
                if losses.any() {
                    let title = format!("• {}", open.title());
                    ui.label(RichText::new(title).family(theme::semibold()));
                    widgets::hint(ui, &desk.losses(losses));
                }
            }
        });
    kept_hint(ui, desk);
    ui.add_space(space::M);
    let mut unsaved = desk.editor.documents().iter();
    let can_save = unsaved.any(|open| open.document().is_unsaved());
    ui.horizontal(|ui| {
        let save = desk.text("ui-quit-save");
        if can_save
            && widgets::primary_button(ui, icons::SAVE, &save, 180.0, size::CONTROL).clicked()
        {
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

/// Where a document that is closed can be found again.
fn kept_hint(ui: &mut Ui, desk: &Desk<'_>) {
    if let Some(days) = desk.editor.keeps_closed_days() {
        ui.add_space(space::XS);
        let kept = Message::new("ui-unsaved-kept").with("days", f64::from(days));
        widgets::hint(ui, &desk.say(&kept));
    }
}

/// Running without a prompt.
pub(super) fn empty_prompt_ui(
    ui: &mut Ui,
    desk: &mut Desk<'_>,
    question: &mut EmptyPrompt,
    stays: &mut bool,
) {
    title(ui, &desk.text("ui-empty-title"));
    ui.label(desk.text("ui-empty-about").as_ref());
    ui.add_space(space::S);
    ui.checkbox(
        &mut question.never_again,
        desk.text("ui-empty-never").as_ref(),
    );
    ui.add_space(space::S);
    ui.horizontal(|ui| {
        let anyway = desk.text("ui-empty-anyway");
        let button = widgets::primary_button(ui, icons::GENERATE, &anyway, 170.0, size::CONTROL);
        if !std::mem::replace(&mut question.has_focus, true) {
            button.request_focus();
        }
        if button.clicked() {
            desk.state.of(question.document).runs_without_prompt = true;
            if question.never_again {
                desk.remember(memory::EMPTY_PROMPTS, true);
            }
            desk.act(question.action);
            *stays = false;
        }
        if ui.button(desk.text("ui-empty-write").as_ref()).clicked() {
            desk.state.wants.prompt = true;
            *stays = false;
        }
    });
}

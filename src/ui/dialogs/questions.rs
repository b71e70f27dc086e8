//! Questions: the few things that cannot be undone.

use eframe::egui::{RichText, Ui};

use super::{Outcome, title};
use crate::document::DocumentId;
use crate::editor::Command;
use crate::text::Message;
use crate::ui::actions::Action;
use crate::ui::context::{Desk, memory};
use crate::ui::leaving::Leaving;
use crate::ui::theme::{self, size, space};
use crate::ui::{icons, widgets};

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

/// A run that was asked for although nothing is described.
#[derive(Debug, Clone)]
pub(crate) struct EmptyPrompt {
    document: DocumentId,
    action: Action,
    never_again: bool,
    has_focus: bool,
}

impl EmptyPrompt {
    /// Asks about a run of that kind.
    pub(crate) fn new(document: DocumentId, action: Action) -> Self {
        Self {
            document,
            action,
            never_again: false,
            has_focus: false,
        }
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

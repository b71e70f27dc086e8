//! What lies over the window: file choosing, questions, the shortcut sheet, the palette, the guide.

mod files;
mod getting;
mod guide;
mod guide_words;
mod messages;
mod palette;
mod path_field;
mod questions;
mod recovery;
mod save_question;
mod send_question;
mod servers;
mod shortcuts;

pub(super) use files::{FileAnswer, FileChooser};
pub(super) use guide::guide_ui;

use eframe::egui::{self, Id, Modal};

use super::context::Desk;
use super::state::Dialog;
use super::theme;
use crate::editor::{Command, ServerCommand};

/// What a dialog wants done that is not a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// End the program without asking again.
    Quit,
}

/// Draws the dialog that is open, if one is.
pub(super) fn dialog_ui(ctx: &egui::Context, desk: &mut Desk<'_>) -> Option<Outcome> {
    let mut dialog = desk.state.dialog.take()?;
    let mut stays = true;
    let mut outcome = None;
    let title = desk.text(title_of(&dialog));
    let width = match dialog {
        Dialog::Shortcuts => 720.0,
        _ => theme::size::DIALOG,
    };
    let area = Modal::default_area(Id::unique("dialog")).accessible_name(title);
    let response = Modal::new(Id::unique("dialog"))
        .frame(egui::Frame::popup(&ctx.global_style()).inner_margin(theme::space::L))
        .area(area)
        .show(ctx, |ui| {
            ui.set_width(width.min(ctx.content_rect().width() - 64.0));
            match &mut dialog {
                Dialog::Shortcuts => shortcuts::shortcuts_ui(ui, desk, &mut stays),
                Dialog::Palette(query) => palette::palette_ui(ui, desk, query, &mut stays),
                Dialog::Path(field) => path_field::path_ui(ui, desk, field, &mut stays),
                Dialog::HowToSave(document, question) => {
                    save_question::how_to_save_ui(ui, desk, (*document, question), &mut stays);
                }
                Dialog::CloseUnsaved(document) => {
                    questions::close_ui(ui, desk, *document, &mut stays);
                }
                Dialog::QuitUnsaved => outcome = questions::quit_ui(ui, desk, &mut stays),
                Dialog::EmptyPrompt(question) => {
                    questions::empty_prompt_ui(ui, desk, question, &mut stays);
                }
                Dialog::Get(form) => getting::getting_ui(ui, desk, form, &mut stays),
                Dialog::Servers(form) => servers::servers_ui(ui, desk, form, &mut stays),
                Dialog::SendPicture => send_question::send_ui(ui, desk, &mut stays),
                Dialog::Messages => messages::messages_ui(ui, desk, &mut stays),
                Dialog::Recovery => recovery::recovery_ui(ui, desk, &mut stays),
            }
        });
    // A dialog may have opened another one.
    let beside = dialog.is_question() && response.backdrop_response.clicked();
    let closes = !beside && response.should_close();
    if stays && closes && matches!(dialog, Dialog::SendPicture) {
        desk.send(Command::Server(ServerCommand::Send(false)));
    }
    if stays && !closes && desk.state.dialog.is_none() {
        desk.state.dialog = Some(dialog);
    }
    outcome
}

/// The first line of a dialog.
fn title(ui: &mut egui::Ui, text: &str) {
    ui.label(
        egui::RichText::new(text)
            .family(theme::semibold())
            .size(theme::text_size::HEADING),
    );
    ui.add_space(theme::space::XS);
}

fn title_of(dialog: &Dialog) -> &'static str {
    match dialog {
        Dialog::Shortcuts => "ui-shortcuts-title",
        Dialog::Palette(_) => "ui-palette-title",
        Dialog::Path(_) => "ui-path-title",
        Dialog::HowToSave(..) => "ui-how-title",
        Dialog::CloseUnsaved(_) | Dialog::QuitUnsaved => "ui-unsaved-title",
        Dialog::EmptyPrompt(_) => "ui-empty-title",
        Dialog::Get(_) => "ui-get-title",
        Dialog::Servers(_) => "ui-servers-title",
        Dialog::SendPicture => "ui-send-title",
        Dialog::Messages => "ui-messages-title",
        Dialog::Recovery => "ui-recovery-title",
    }
}

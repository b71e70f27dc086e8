//! Saving one picture after another, and closing what was to be closed once all of it is in its files.

use eframe::egui;

use super::actions::Action;
use super::context::Desk;
use super::dialogs::{FileChooser, Outcome};
use super::perform;
use super::state::{Dialog, LeavingEnd as End};
use crate::document::DocumentId;
use crate::editor::{Command, OpenDocument, SaveStep};

/// Goes on with saving and closing, if that is under way. To be called once a frame.
pub(super) fn go_on(
    ctx: &egui::Context,
    desk: &mut Desk<'_>,
    files: &mut FileChooser,
) -> Option<Outcome> {
    let mut leaving = desk.state.leaving.take()?;
    let editor = desk.editor;
    // A path that was just chosen is a command that nobody has taken yet.
    let busy = !desk.commands.is_empty()
        || files.is_open()
        || desk.state.dialog.is_some()
        || editor.documents().iter().any(OpenDocument::is_being_saved);
    if busy {
        desk.state.leaving = Some(leaving);
        return None;
    }
    let concerned = |id: DocumentId| match leaving.end {
        End::Close(only) => only == id,
        End::Quit | End::Nothing => true,
    };
    let mut unsaved = editor
        .documents()
        .iter()
        .filter(|open| editor.needs_saving(open) && concerned(open.id()));
    let Some(open) = unsaved.next() else {
        match leaving.end {
            End::Nothing => return None,
            End::Quit => return Some(Outcome::Quit),
            End::Close(document) => desk.send(Command::CloseDocument {
                document,
                // No file holds results; the question has named them.
                discard_unsaved: true,
            }),
        }
        return None;
    };
    if leaving.tried.contains(&open.id()) {
        return None;
    }
    leaving.tried.push(open.id());
    desk.send(Command::Activate(open.id()));
    match open.save_question() {
        // What would be lost is nothing that a picture's file can hold.
        Some(question)
            if open.save_step() == SaveStep::Nothing && editor.losses(open.id()).any() =>
        {
            desk.state.dialog = Some(Dialog::HowToSave(open.id(), question));
        }
        _ => perform::perform_on(desk, files, open, Action::Save),
    }
    desk.state.leaving = Some(leaving);
    // What the command does is seen in the next frame.
    ctx.request_repaint();
    None
}

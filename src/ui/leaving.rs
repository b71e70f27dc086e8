//! Saving before closing: what was to be closed is closed once all of it is in its files.

use eframe::egui;

use super::actions::Action;
use super::context::Desk;
use super::dialogs::{FileChooser, Outcome};
use super::perform;
use crate::document::DocumentId;
use crate::editor::{Command, OpenDocument};

/// What is to be closed after it has been saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Leaving {
    /// `None`: the whole program.
    only: Option<DocumentId>,
    /// Each is saved once: one that stays unsaved could not be, and nothing is closed.
    tried: Vec<DocumentId>,
}

impl Leaving {
    /// Closes one document.
    pub(super) fn document(document: DocumentId) -> Self {
        Self {
            only: Some(document),
            tried: Vec::new(),
        }
    }

    /// Ends the program.
    pub(super) fn program() -> Self {
        Self {
            only: None,
            tried: Vec::new(),
        }
    }
}

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
    let concerned = |id: DocumentId| leaving.only.is_none_or(|only| only == id);
    let mut unsaved = editor
        .documents()
        .iter()
        .filter(|open| open.document().is_unsaved() && concerned(open.id()));
    let Some(open) = unsaved.next() else {
        let Some(document) = leaving.only else {
            return Some(Outcome::Quit);
        };
        desk.send(Command::CloseDocument {
            document,
            discard_unsaved: false,
        });
        return None;
    };
    if leaving.tried.contains(&open.id()) {
        return None;
    }
    leaving.tried.push(open.id());
    desk.send(Command::Activate(open.id()));
    perform::perform_on(desk, files, open, Action::Save);
    desk.state.leaving = Some(leaving);
    // What the command does is seen in the next frame.
    ctx.request_repaint();
    None
}

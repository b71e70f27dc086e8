//! Files that are opened and saved.

use std::path::{Path, PathBuf};

use overpaint::document::DocumentId;
use overpaint::editor::Command;

use super::session::Session;

/// Writes a picture with a little of everything; the ending chooses the format.
pub(crate) fn photograph(path: &Path) -> Vec<u8> {
    let picture = image::RgbImage::from_fn(300, 270, |x, y| {
        image::Rgb([
            (x * 7 % 256) as u8,
            (y * 5 % 256) as u8,
            (x * y % 256) as u8,
        ])
    });
    picture.save(path).unwrap();
    std::fs::read(path).unwrap()
}

/// Opens a file as the document in front.
pub(crate) fn open(session: &mut Session, path: &Path) -> DocumentId {
    let known = session.editor.documents().len();
    session.editor.apply(Command::OpenFile(path.to_path_buf()));
    session.wait("the picture", |editor| editor.documents().len() > known);
    session.editor.active().unwrap().id()
}

/// Makes a result and accepts it.
pub(crate) fn add_layer(session: &mut Session, id: DocumentId) {
    session.generate(id);
    let candidate = session.last_candidate(id).id;
    session.editor.apply(Command::AcceptCandidate(candidate));
}

pub(crate) fn wait_for_save(session: &mut Session, id: DocumentId) {
    session.wait("the save", |editor| {
        !editor.document(id).unwrap().is_being_saved()
    });
}

/// Saves as `command` says; returns where.
pub(crate) fn save(session: &mut Session, id: DocumentId, command: Command) -> PathBuf {
    session.editor.apply(command);
    wait_for_save(session, id);
    session.document(id).path().unwrap().to_path_buf()
}

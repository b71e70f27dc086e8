//! Saving: what it would come to ([`SaveStep`]), and doing it. A file that was opened is never
//! replaced unless the user has said so of this document.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::Editor;
use super::error::EditorError;
use super::files::{FileEvent, Saved};
use super::open_document::{OpenDocument, file_name};
use super::projects::project_of;
use crate::document::DocumentId;
use crate::project;
use crate::raster::file::{self, FileFormat};
use crate::text::Message;

/// What saving a document to its own file would come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SaveStep {
    /// The file shows the same picture: its bytes stay.
    Nothing,
    /// There is no file yet; a place is to be chosen.
    ChoosePlace,
    /// The file is the one that was opened; the user is to say what happens to it.
    Ask(SaveQuestion),
    /// The file is written.
    Write(PathBuf),
}

/// What is asked before a file that was opened is replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaveQuestion {
    /// The file that was opened.
    pub original: PathBuf,
    /// Where a project would be written, as the folder looks now.
    pub project: PathBuf,
    /// Where a copy would be written, as the folder looks now.
    pub copy: PathBuf,
    /// The kind of file that replacing would write; `None`: it can only be read.
    pub replaces_as: Option<FileFormat>,
    /// Layers that become part of the picture.
    pub layers: usize,
}

/// Where a picture is to be written.
enum Place {
    At(PathBuf),
    /// Beside this file, under a name nobody has when it is written.
    Beside(PathBuf, FileFormat),
}

impl OpenDocument {
    /// What saving it would come to now.
    pub fn save_step(&self) -> SaveStep {
        let Some(path) = &self.about.path else {
            return SaveStep::ChoosePlace;
        };
        // A file that has gone away is neither the same nor replaced.
        let is_there = path.try_exists().unwrap_or(true);
        if project::is_named_so(path) && (self.about.may_replace || !is_there) {
            // Results and settings are in it too; what has not changed costs nothing.
            return SaveStep::Write(path.clone());
        }
        let format = writable(path);
        if is_there && self.shows_its_file() {
            return SaveStep::Nothing;
        }
        if format.is_some() && (self.about.may_replace || !is_there) {
            return SaveStep::Write(path.clone());
        }
        SaveStep::Ask(self.question_about(path))
    }

    /// What there is to choose from while its file is the one that was opened.
    pub fn save_question(&self) -> Option<SaveQuestion> {
        let original = self
            .about
            .path
            .as_deref()
            .filter(|_| !self.about.may_replace);
        original.map(|path| self.question_about(path))
    }

    fn question_about(&self, path: &Path) -> SaveQuestion {
        SaveQuestion {
            original: path.to_owned(),
            project: project_of(path),
            copy: copy_of(path, self.about.origin.format),
            replaces_as: writable(path),
            layers: self.document.layers().len(),
        }
    }

    /// True when its file is known to show what is visible.
    fn shows_its_file(&self) -> bool {
        self.in_file.as_ref() == Some(self.document.visible())
    }
}

impl Editor {
    pub(super) fn save(&mut self, id: DocumentId) {
        let Some(open) = self.document(id) else {
            return;
        };
        match open.save_step() {
            SaveStep::Nothing => self.nothing_to_save(id),
            SaveStep::ChoosePlace => self.notices.warn(Some(id), &EditorError::NoPath),
            SaveStep::Ask(question) => {
                let name = file_name(&question.original);
                self.notices
                    .warn(Some(id), &EditorError::OriginalKept { name });
            }
            SaveStep::Write(path) => self.save_as(id, path, None),
        }
    }

    /// The user wants things kept as they are, and in the file they are.
    fn nothing_to_save(&mut self, id: DocumentId) {
        let Some(open) = self.documents.iter_mut().find(|open| open.id() == id) else {
            return;
        };
        open.settle();
        let serial = open.document.serial();
        open.document.mark_saved(serial);
        let name = open.about.path.as_deref().map(file_name);
        let said = Message::new("editor-nothing-to-save").with("name", name.unwrap_or_default());
        self.notices.info(Some(id), said);
    }

    pub(super) fn save_copy(&mut self, id: DocumentId) {
        let Some(open) = self.document(id) else {
            return;
        };
        match open.about.path.clone() {
            Some(path) => {
                let kind = open.about.origin.format;
                self.write(id, Place::Beside(path, kind), None);
            }
            None => self.notices.warn(Some(id), &EditorError::NoPath),
        }
    }

    pub(super) fn replace_original(&mut self, id: DocumentId) {
        let path = self.document(id).and_then(|open| open.about.path.clone());
        match path.filter(|path| writable(path).is_some()) {
            Some(path) => self.save_as(id, path, None),
            None => self.notices.warn(Some(id), &EditorError::NoPath),
        }
    }

    pub(super) fn save_as(&mut self, id: DocumentId, path: PathBuf, jpeg_quality: Option<u8>) {
        if project::is_named_so(&path) {
            return self.write_project(id, path);
        }
        self.write(id, Place::At(path), jpeg_quality);
    }

    fn write(&mut self, id: DocumentId, place: Place, jpeg_quality: Option<u8>) {
        let options = self.save_options(id, jpeg_quality);
        let Some(open) = self.documents.iter_mut().find(|open| open.id() == id) else {
            return;
        };
        let was = open.begin_saving();
        let origin = open.about.origin.clone();
        let taken = self.do_file_task(Box::new(move || {
            // One file task runs at a time, so that two copies do not take the same name.
            let path = match place {
                Place::At(path) => path,
                Place::Beside(original, kind) => copy_of(&original, kind),
            };
            let result = file::save(&path, &was.picture, &origin, &options);
            FileEvent::Saved(Saved { was, path, result })
        }));
        self.with_document(id, |open| open.is_being_saved |= taken);
    }

    pub(super) fn saved(&mut self, saved: Saved) {
        let Saved { was, path, result } = saved;
        let document = was.document;
        if let Some(open) = self.documents.iter_mut().find(|open| open.id() == document) {
            open.is_being_saved = false;
            if result.is_ok() {
                open.lies_in(&path, was);
                open.in_project = None;
                self.preferences.note_file(&path);
                self.preferences_changed = true;
            }
        }
        match result {
            Ok(notes) => self.written(Some(document), &path, &notes),
            Err(error) => self.notices.error(Some(document), &error),
        }
    }
}

/// The kind of file that is written at that path; `None`: its ending names none that can be.
fn writable(path: &Path) -> Option<FileFormat> {
    FileFormat::of_path(path).filter(|format| FileFormat::WRITABLE.contains(format))
}

/// `NAME-edited.ext` beside `original`, with a number where that is taken. Where the original's
/// ending is none that can be written, that of its `kind` is taken, else PNG's.
fn copy_of(original: &Path, kind: FileFormat) -> PathBuf {
    let own_ending = original
        .extension()
        .filter(|_| writable(original).is_some());
    let ending = own_ending.map_or_else(
        || {
            let kind = Some(kind).filter(|kind| FileFormat::WRITABLE.contains(kind));
            let endings = kind.unwrap_or_default().extensions();
            OsString::from(endings.first().copied().unwrap_or("png"))
        },
        OsString::from,
    );
    let stem = original.file_stem().unwrap_or(original.as_os_str());
    let mut number = 1_u32;
    loop {
        let mut name = without_mark(stem);
        name.push("-edited");
        if number > 1 {
            name.push(format!("-{number}"));
        }
        name.push(".");
        name.push(&ending);
        let copy = original.with_file_name(name);
        // A link that points to nothing is somebody's too.
        if copy.symlink_metadata().is_err() || number == u32::MAX {
            return copy;
        }
        number += 1;
    }
}

/// A name without the `-edited` or `-edited-2` of an earlier copy.
fn without_mark(stem: &std::ffi::OsStr) -> OsString {
    let Some(text) = stem.to_str() else {
        return stem.to_owned();
    };
    let unnumbered = text
        .trim_end_matches(|c: char| c.is_ascii_digit())
        .strip_suffix('-');
    let bare = text
        .strip_suffix("-edited")
        .or_else(|| unnumbered?.strip_suffix("-edited"));
    bare.filter(|bare| !bare.is_empty()).unwrap_or(text).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_have_names_of_their_own() {
        let room = tempfile::tempdir().unwrap();
        let at = |name: &str| room.path().join(name);
        let name = |original: &str, kind| file_name(&copy_of(&at(original), kind));
        assert_eq!(name("cat.JPG", FileFormat::Jpeg), "cat-edited.JPG");
        std::fs::write(at("cat-edited.JPG"), b"taken").unwrap();
        assert_eq!(name("cat.JPG", FileFormat::Jpeg), "cat-edited-2.JPG");
        assert_eq!(name("cat-edited.JPG", FileFormat::Jpeg), "cat-edited-2.JPG");
        std::fs::write(at("cat-edited-2.JPG"), b"taken").unwrap();
        assert_eq!(
            name("cat-edited-2.JPG", FileFormat::Jpeg),
            "cat-edited-3.JPG"
        );
        assert_eq!(name("scan.bmp", FileFormat::Bmp), "scan-edited.png");
        assert_eq!(name("no ending", FileFormat::WebP), "no ending-edited.webp");
        assert_eq!(name("a.b.png", FileFormat::Png), "a.b-edited.png");
        assert_eq!(name("-edited.png", FileFormat::Png), "-edited-edited.png");
        assert_eq!(name("cat-2024.png", FileFormat::Png), "cat-2024-edited.png");
    }
}

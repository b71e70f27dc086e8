//! Choosing files: the system's own dialog where there is one, a field for the path where not.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use crate::project;
use crate::text::Texts;
use crate::ui::file_purpose::FilePurpose;
use crate::ui::state::PathField;

type Chosen = Pin<Box<dyn Future<Output = Vec<PathBuf>>>>;

/// The system's file dialog, while it is open.
#[derive(Default)]
pub(crate) struct FileChooser {
    open: Option<OpenDialog>,
    missing: bool,
}

/// A dialog of the system that has been asked for.
struct OpenDialog {
    purpose: FilePurpose,
    suggested: PathBuf,
    chosen: Chosen,
    /// It has taken the keyboard from the window, so it is there.
    was_seen: bool,
}

impl FileChooser {
    /// A chooser that always asks by the field: for tests, which have no desktop.
    pub(crate) fn without_system() -> Self {
        Self {
            open: None,
            missing: true,
        }
    }

    /// Opens the system's dialog, or gives the field that takes its place.
    pub(crate) fn ask(
        &mut self,
        purpose: FilePurpose,
        suggested: PathBuf,
        texts: &Texts,
    ) -> Option<PathField> {
        if self.missing {
            return Some(PathField::new(purpose, &suggested));
        }
        let mut dialog = rfd::AsyncFileDialog::new().set_title(texts.get(purpose.title()));
        let folder = if suggested.is_dir() {
            Some(suggested.as_path())
        } else {
            suggested.parent()
        };
        if let Some(folder) = folder.filter(|folder| folder.is_dir()) {
            dialog = dialog.set_directory(folder);
        }
        let kind = match purpose {
            FilePurpose::ModelFile => "ui-models",
            FilePurpose::SaveRecipe(..) | FilePurpose::BatchRecipe => "ui-recipes",
            _ => "ui-pictures",
        };
        dialog = dialog.add_filter(texts.get(kind), purpose.endings());
        if matches!(purpose, FilePurpose::SaveAs(_)) {
            dialog = dialog.add_filter(texts.get("ui-projects"), &[project::EXTENSION]);
        }
        let chosen: Chosen = if purpose.writes() {
            if let Some(name) = suggested.file_name() {
                dialog = dialog.set_file_name(name.to_string_lossy());
            }
            let asked = dialog.save_file();
            Box::pin(async {
                asked
                    .await
                    .map(|file| file.path().to_owned())
                    .into_iter()
                    .collect()
            })
        } else if purpose == FilePurpose::Open {
            let asked = dialog.pick_files();
            Box::pin(async {
                asked
                    .await
                    .into_iter()
                    .flatten()
                    .map(|file| file.path().to_owned())
                    .collect()
            })
        } else if purpose.is_folder() {
            let asked = rfd::AsyncFileDialog::new()
                .set_title(texts.get(purpose.title()))
                .pick_folder();
            Box::pin(async {
                asked
                    .await
                    .map(|folder| folder.path().to_owned())
                    .into_iter()
                    .collect()
            })
        } else {
            let asked = dialog.pick_file();
            Box::pin(async {
                asked
                    .await
                    .map(|file| file.path().to_owned())
                    .into_iter()
                    .collect()
            })
        };
        self.open = Some(OpenDialog {
            purpose,
            suggested,
            chosen,
            was_seen: false,
        });
        None
    }

    /// True while the system's dialog is open.
    pub(crate) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// What has been chosen, as soon as it has; or the field, when it turns out that the system has
    /// no dialog: nothing was chosen, and the window has had the keyboard all the while. `focused`
    /// says whether it has it now.
    pub(crate) fn poll(&mut self, focused: bool) -> FileAnswer {
        let Some(mut open) = self.open.take() else {
            return FileAnswer::Nothing;
        };
        open.was_seen |= !focused;
        // The window asks again a few times a second; nothing needs to wake it.
        let mut context = Context::from_waker(Waker::noop());
        match open.chosen.as_mut().poll(&mut context) {
            Poll::Pending => {
                self.open = Some(open);
                FileAnswer::Nothing
            }
            Poll::Ready(paths) if paths.is_empty() && !open.was_seen => {
                self.missing = true;
                FileAnswer::Field(PathField::new(open.purpose, &open.suggested))
            }
            Poll::Ready(paths) => FileAnswer::Chosen(open.purpose, paths),
        }
    }
}

/// What came of a dialog.
#[derive(Debug)]
pub(crate) enum FileAnswer {
    /// Nothing yet.
    Nothing,
    /// These paths; none where it was cancelled.
    Chosen(FilePurpose, Vec<PathBuf>),
    /// The system has no dialog; this takes its place.
    Field(PathField),
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A dialog that ends without a choice.
    fn ended_empty(was_seen: bool) -> FileChooser {
        FileChooser {
            open: Some(OpenDialog {
                purpose: FilePurpose::Open,
                suggested: PathBuf::new(),
                chosen: Box::pin(std::future::ready(Vec::new())),
                was_seen,
            }),
            missing: false,
        }
    }

    #[test]
    fn a_dialog_that_never_came_is_replaced_by_the_field() {
        let becomes_field = |was_seen, focused| {
            let answer = ended_empty(was_seen).poll(focused);
            matches!(answer, FileAnswer::Field(_))
        };
        assert!(becomes_field(false, true));
        assert!(!becomes_field(true, true), "it was cancelled");
        assert!(!becomes_field(false, false), "it was cancelled just now");
    }
}

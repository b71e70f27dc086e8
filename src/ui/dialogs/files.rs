//! Choosing files: the system's own dialog where there is one, a field for the path where not.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::path_field::PathField;
use crate::catalog::ModelRef;
use crate::document::DocumentId;
use crate::editor::{Command, ComparisonId, Editor, RunState};
use crate::raster::sheet::{SheetTile, sheet};
use crate::raster::{Pixmap, draw_patch};
use crate::text::Texts;


/// Endings of pictures that can be opened.
pub(super) const OPENED: &[&str] = &["png", "jpg", "jpeg", "webp", "bmp", "tif", "tiff"];
/// Endings of pictures that can be written.
const WRITTEN: &[&str] = &["png", "jpg", "webp", "tiff"];

/// What a file is chosen for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FilePurpose {
    /// To open a picture.
    Open,
    /// To write the picture to.
    SaveAs(DocumentId),
    /// To write a copy to.
    Export(DocumentId),
    /// To read a mask from.
    LoadMask(DocumentId),
    /// To write the mask to.
    SaveMask(DocumentId),
    /// To write a comparison to.
    ExportSheet(ComparisonId),
    /// A folder to use as the model.
    ModelFolder,
}

impl FilePurpose {
    /// The key of the dialog's title.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Open => "ui-open",
            Self::SaveAs(_) => "ui-save-as",
            Self::Export(_) => "ui-export",
            Self::LoadMask(_) => "ui-load-mask",
            Self::SaveMask(_) => "ui-save-mask",
            Self::ExportSheet(_) => "ui-sheet-export",
            Self::ModelFolder => "ui-model-folder",
        }
    }

    pub(super) const fn writes(self) -> bool {
        matches!(
            self,
            Self::SaveAs(_) | Self::Export(_) | Self::SaveMask(_) | Self::ExportSheet(_)
        )
    }

    /// What to ask of the editor with the path; `None` where what was to be written is gone.
    pub(crate) fn command(self, editor: &Editor, path: PathBuf) -> Option<Command> {
        Some(match self {
            Self::Open => Command::OpenFile(path),
            Self::SaveAs(document) => Command::SaveAs {
                document,
                path,
                jpeg_quality: None,
            },
            Self::Export(document) => Command::Export {
                document,
                path,
                jpeg_quality: None,
            },
            Self::LoadMask(document) => Command::LoadMask { document, path },
            Self::SaveMask(document) => Command::SaveMask { document, path },
            Self::ExportSheet(comparison) => Command::ExportPixels {
                pixels: sheet_of(editor, comparison)?,
                path,
            },
            Self::ModelFolder => Command::SetModel(ModelRef::Folder(path)),
        })
    }
}

/// The finished tiles of a comparison as one labelled picture.
fn sheet_of(editor: &Editor, comparison: ComparisonId) -> Option<Pixmap> {
    let comparison = editor.comparison(comparison)?;
    let document = editor.document(comparison.document)?.document();
    let mut tiles = Vec::new();
    for (strength, job) in &comparison.entries {
        let run = editor.run(*job)?;
        let RunState::Finished(id) = run.state else {
            continue;
        };
        let candidate = editor.candidate(id)?;
        let mut picture = document.visible().clone();
        draw_patch(&mut picture.pixels, &candidate.patch, 255);
        let steps = run.settings.steps;
        let label = format!(
            "{:.2} · {}/{}",
            strength.get(),
            steps.executed(*strength),
            steps.get()
        );
        tiles.push(SheetTile::of(&picture, SHEET_TILE_PX, label).ok()?);
    }
    let columns = (tiles.len() as f32).sqrt().ceil() as u32;
    (!tiles.is_empty()).then(|| sheet(&tiles, columns.max(3)).pixels)
}

/// Longest side of a tile in an exported comparison.
const SHEET_TILE_PX: u32 = 768;

type Chosen = Pin<Box<dyn Future<Output = Vec<PathBuf>>>>;

/// The system's file dialog, while it is open.
#[derive(Default)]
pub(crate) struct FileChooser {
    open: Option<(FilePurpose, PathBuf, std::time::Instant, Chosen)>,
    missing: bool,
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
        let endings = if purpose.writes() { WRITTEN } else { OPENED };
        dialog = dialog.add_filter(texts.get("ui-pictures"), endings);
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
        } else if purpose == FilePurpose::ModelFolder {
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
        self.open = Some((purpose, suggested, std::time::Instant::now(), chosen));
        None
    }

    /// True while the system's dialog is open.
    pub(crate) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// What has been chosen, as soon as it has; or the field, when it turns out that the system has
    /// no dialog.
    pub(crate) fn poll(&mut self, editor: &Editor) -> (Vec<Command>, Option<PathField>) {
        let Some((purpose, suggested, since, mut chosen)) = self.open.take() else {
            return (Vec::new(), None);
        };
        // The window asks again a few times a second; nothing needs to wake it.
        match chosen
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            Poll::Pending => {
                self.open = Some((purpose, suggested, since, chosen));
                (Vec::new(), None)
            }
            // Nobody cancels a dialog this fast: there was none to cancel.
            Poll::Ready(paths) if paths.is_empty() && since.elapsed().as_millis() < 400 => {
                self.missing = true;
                (Vec::new(), Some(PathField::new(purpose, &suggested)))
            }
            Poll::Ready(paths) => (
                paths
                    .into_iter()
                    .filter_map(|path| purpose.command(editor, path))
                    .collect(),
                None,
            ),
        }
    }
}

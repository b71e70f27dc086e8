//! Masks that come back from the editor, and results that are taken along.

use std::path::{Path, PathBuf};

use super::kept::review_of;
use super::looks::LookOf;
use super::opening::FileDone;
use super::picture::{MaskState, Verdict};
use crate::bulk::{Decision, Doubt};
use crate::document::DocumentId;
use crate::editor::Editor;
use crate::jobs::Review;
use crate::raster::PictureError;
use crate::text::Message;

impl Editor {
    /// Takes the mask of a document back.
    pub(super) fn put_mask_back(&mut self, document: DocumentId) {
        let (Some(batch), Some(open)) = (self.batch(), self.document(document)) else {
            return;
        };
        let Some(picture) = batch.in_editor.get(&document).copied() else {
            return;
        };
        let Some(source) = batch.pictures.get(picture).map(|it| it.source.clone()) else {
            return;
        };
        let state = open.document().state();
        let (base, mask) = (state.base.clone(), state.mask.clone());
        let review = Review {
            folder: review_of(&batch.out),
            decisions: Default::default(),
        };
        let part = batch.recipe().part();
        self.do_batch_task(move || {
            let put = review.put_mask(&source, &base, &mask, part);
            FileDone::PutBack(document, picture, put)
        });
    }

    pub(super) fn mask_put_back(
        &mut self,
        document: DocumentId,
        picture: usize,
        put: Result<Doubt, PictureError>,
    ) {
        let doubt = match put {
            Ok(doubt) => doubt,
            Err(error) => return self.notices.error(Some(document), &error),
        };
        self.with_batch(|batch| {
            batch.in_editor.remove(&document);
            batch.looks.forget(picture, LookOf::Cutout);
            if let Some(picture) = batch.pictures.get_mut(picture) {
                let known = &mut picture.known;
                known.mask = MaskState::Found(doubt);
                known.is_refined = true;
                known.decision = Some(Decision::Accept);
                // They were made with the mask before.
                (known.redone, known.verdict, known.failure) = (None, None, None);
                known.outputs.clear();
            }
        });
        // All that was made in it is back where it belongs.
        self.close_document(document, true);
    }

    /// Copies the accepted results to a folder.
    pub(super) fn export_batch(&mut self, folder: PathBuf) {
        let Some(batch) = self.batch() else { return };
        let accepted = batch
            .pictures
            .iter()
            .filter(|picture| picture.known.verdict == Some(Verdict::Accepted));
        let files: Vec<String> = accepted
            .flat_map(|picture| picture.known.outputs.iter())
            .map(|output| output.file.clone())
            .collect();
        if files.is_empty() {
            let message = Message::new("editor-batch-none-accepted");
            return self.notices.warning(None, message);
        }
        let out = batch.out.clone();
        self.do_batch_task(move || {
            let (mut copied, mut left) = (0, 0);
            for file in &files {
                match copy(&out.join(file), &folder.join(file)) {
                    Ok(true) => copied += 1,
                    Ok(false) => left += 1,
                    Err(error) => {
                        let result = Err(PictureError::Write {
                            path: folder.join(file),
                            why: error.to_string(),
                        });
                        return FileDone::Exported {
                            copied,
                            left,
                            result,
                        };
                    }
                }
            }
            FileDone::Exported {
                copied,
                left,
                result: Ok(folder),
            }
        });
    }

    pub(super) fn batch_exported(
        &mut self,
        (copied, left): (usize, usize),
        result: Result<PathBuf, PictureError>,
    ) {
        let folder = match result {
            Ok(folder) => folder,
            Err(error) => return self.notices.error(None, &error),
        };
        let said = Message::new("editor-batch-exported").with("count", copied);
        self.notices.info(None, said.with("path", folder.as_path()));
        if left > 0 {
            let said = Message::new("editor-batch-not-replaced").with("count", left);
            self.notices
                .warning(None, said.with("path", folder.as_path()));
        }
    }
}

/// Copies a file where there is none; false where another one lies there.
fn copy(from: &Path, to: &Path) -> std::io::Result<bool> {
    if to.exists() {
        return Ok(std::fs::read(from)? == std::fs::read(to)?);
    }
    if let Some(folder) = to.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::copy(from, to)?;
    Ok(true)
}

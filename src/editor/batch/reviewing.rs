//! Masks that come back from the editor, and results that are taken along.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::doing::Activity;
use super::looks::LookOf;
use super::opening::{Exported, FileDone};
use super::picture::{MaskState, Verdict};
use crate::bulk::{Decision, Doubt};
use crate::document::DocumentId;
use crate::editor::Editor;
use crate::raster::PictureError;
use crate::raster::file;
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
        let review = batch.review();
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
            batch.outdate(&[picture], &[Activity::Run, Activity::Masks]);
            if let Some(picture) = batch.pictures.get_mut(picture) {
                let known = &mut Arc::make_mut(picture).known;
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
            let mut exported = Exported::default();
            for file in &files {
                let to = folder.join(file);
                match copy(&out.join(file), &to) {
                    Ok(Copied::There) => exported.copied += 1,
                    Ok(Copied::Other) => exported.left += 1,
                    Ok(Copied::Gone) => exported.gone.push(file.clone()),
                    Err(error) => return FileDone::Exported(exported, Err(error)),
                }
            }
            FileDone::Exported(exported, Ok(folder))
        });
    }

    pub(super) fn batch_exported(
        &mut self,
        Exported { copied, left, gone }: Exported,
        result: Result<PathBuf, PictureError>,
    ) {
        let folder = match result {
            Ok(folder) => folder,
            Err(error) => return self.notices.error(None, &error),
        };
        let path = folder.as_path();
        if copied > 0 || left + gone.len() == 0 {
            let said = Message::new("editor-batch-exported").with("count", copied);
            self.notices.info(None, said.with("path", path));
        }
        if left > 0 {
            let said = Message::new("editor-batch-not-replaced").with("count", left);
            self.notices.warning(None, said.with("path", path));
        }
        if !gone.is_empty() {
            let said = Message::new("editor-batch-results-gone").with("count", gone.len());
            let names = gone.join(", ");
            self.notices.warning(None, said.with("names", names));
        }
    }
}

enum Copied {
    /// It lies there, now or already.
    There,
    /// Another one lies there.
    Other,
    /// There is nothing to copy.
    Gone,
}

/// Copies a file where there is none, whole or not at all.
fn copy(from: &Path, to: &Path) -> Result<Copied, PictureError> {
    let Ok(bytes) = file::read(from) else {
        return Ok(Copied::Gone);
    };
    if to.exists() {
        let is_same = file::read(to).is_ok_and(|there| there == bytes);
        return Ok(if is_same {
            Copied::There
        } else {
            Copied::Other
        });
    }
    if let Some(folder) = to.parent() {
        std::fs::create_dir_all(folder).map_err(|error| PictureError::Write {
            path: to.to_owned(),
            why: error.to_string(),
        })?;
    }
    file::write_whole(to, |file| Ok(file.write_all(&bytes)?))?;
    Ok(Copied::There)
}

//! Opening a folder, and choosing what is done with it: read on a thread, taken in when done.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::OpenBatch;
use super::choosing::{Models, Wanted};
use super::chosen::Chosen;
use super::command::RecipeFrom;
use super::doing::{Activity, Doing};
use super::kept::{Kept, out_of};
use super::looks::{LookOf, Looks};
use super::picture::{BatchPicture, Findings, MaskState};
use super::tries::Tries;
use crate::bulk::{Doubt, Source, list};
use crate::document::{DocumentId, EditLabel};
use crate::editor::in_project::original_of;
use crate::editor::{Editor, EditorError};
use crate::jobs::{Home, Wake};
use crate::project::Original;
use crate::raster::file::{self, MaskChannel};
use crate::raster::{LoadedPicture, Mask, MaskKind, PictureError};
use crate::text::{Explain as _, Message};

/// What the thread for files has done.
pub(super) enum FileDone {
    Opened(Result<Box<Opening>, Message>),
    RecipeRead(Result<Box<Chosen>, Message>),
    Written(Result<(), PictureError>),
    MaskOpened(Box<Result<OpenedMask, PictureError>>),
    PutBack(DocumentId, usize, Result<Doubt, PictureError>),
    Exported(Exported, Result<PathBuf, PictureError>),
}

/// What was taken along.
#[derive(Debug, Default)]
pub(super) struct Exported {
    /// Results that lie there now.
    pub(super) copied: usize,
    /// Those in whose place another file lies.
    pub(super) left: usize,
    /// Those that are gone.
    pub(super) gone: Vec<String>,
}

/// A folder as it was found.
pub(super) struct Opening {
    folder: PathBuf,
    recipe: Chosen,
    sources: Vec<Source>,
    kept: Option<Kept>,
    /// It goes on as it was left.
    is_as_left: bool,
}

/// A picture and its mask.
pub(super) struct OpenedMask {
    pub(super) picture: usize,
    pub(super) path: PathBuf,
    pub(super) original: Arc<Original>,
    pub(super) loaded: LoadedPicture,
    pub(super) mask: Option<Mask>,
}

fn opening(folder: PathBuf, wanted: Wanted, models: &Models) -> Result<Opening, Message> {
    let out = out_of(&folder);
    let kept = Kept::read(&out);
    let is_as_left = matches!(wanted, Wanted::Folder);
    let read = wanted.read(&folder, kept.as_ref(), models);
    let (recipe, work) = read.map_err(|error| error.message())?;
    let found = list(std::slice::from_ref(&folder), false, &[out]);
    let mut sources = found
        .map_err(|error| {
            let message = Message::new("editor-batch-unreadable").with("path", folder.as_path());
            message.with("why", error.to_string())
        })?
        .sources;
    work.without_masks(&mut sources);
    if sources.is_empty() {
        return Err(Message::new("editor-batch-empty").with("path", folder.as_path()));
    }
    Ok(Opening {
        folder,
        recipe,
        sources,
        kept,
        is_as_left,
    })
}

impl Editor {
    pub(super) fn open_batch(&mut self, folder: PathBuf, recipe: &RecipeFrom) {
        let Some(wanted) = self.wanted(recipe) else {
            return;
        };
        let models = self.models_of_batches();
        let open = move || FileDone::Opened(opening(folder, wanted, &models).map(Box::new));
        self.do_batch_task(open);
    }

    pub(super) fn do_batch_task(&mut self, task: impl FnOnce() -> FileDone + Send + 'static) {
        if self.batches.files.try_do(Box::new(task)).is_err() {
            self.notices.warn(None, &EditorError::TooBusy);
        }
    }

    pub(super) fn set_batch_recipe(&mut self, from: &RecipeFrom) {
        let Some(wanted) = self.wanted(from) else {
            return;
        };
        let Some(folder) = self.batch().map(|batch| batch.folder.clone()) else {
            return;
        };
        let models = self.models_of_batches();
        self.do_batch_task(move || {
            let read = wanted.read(&folder, None, &models);
            let read = read.map(|(chosen, _)| Box::new(chosen));
            FileDone::RecipeRead(read.map_err(|error| error.message()))
        });
    }

    pub(super) fn set_batch_prompt(&mut self, prompt: String) {
        let Some(batch) = &mut self.batches.open else {
            return;
        };
        let mut chosen = batch.chosen.clone();
        let Some(edit) = chosen.recipe.edit.as_mut() else {
            return;
        };
        edit.prompt = prompt;
        match chosen.recipe.check() {
            Ok(()) => self.change_batch_recipe(chosen),
            Err(error) => self.notices.warn(None, &error),
        }
    }

    /// Does something else from now on. What is being done of what was wanted before is stopped.
    pub(super) fn change_batch_recipe(&mut self, chosen: Chosen) {
        let Some(batch) = &mut self.batches.open else {
            return;
        };
        let (other_masks, other_work) = batch.differs(&chosen);
        let activity = batch.doing.as_ref().map(Doing::activity);
        let is_of_before = match activity {
            None => false,
            Some(Activity::Masks) => other_masks,
            Some(_) => other_work,
        };
        if is_of_before {
            batch.stop_and_wait();
            if activity != Some(Activity::Masks) {
                let said = Message::new("editor-batch-recipe-changed");
                self.notices.info(None, said);
            }
        }
        batch.take_recipe(chosen);
    }

    pub(super) fn close_batch(&mut self) {
        self.forget_held_batch();
        if let Some(mut batch) = self.batches.open.take() {
            batch.stop_and_wait();
            let (kept, out) = (batch.kept(), batch.out.clone());
            self.do_batch_task(move || FileDone::Written(kept().write(&out)));
        }
    }

    pub(super) fn take_batch_file(&mut self, done: FileDone) {
        match done {
            FileDone::Opened(Ok(opening)) => self.batch_opened(*opening),
            FileDone::RecipeRead(Ok(recipe)) => {
                self.change_batch_recipe(*recipe);
                self.find_missing_masks();
            }
            FileDone::Opened(Err(message)) | FileDone::RecipeRead(Err(message)) => {
                self.notices.warning(None, message);
            }
            FileDone::Written(Ok(())) => {}
            FileDone::Written(Err(error)) => self.notices.error(None, &error),
            FileDone::MaskOpened(opened) => match *opened {
                Ok(opened) => self.batch_mask_opened(opened),
                Err(error) => self.notices.error(None, &error),
            },
            FileDone::PutBack(document, picture, put) => self.mask_put_back(document, picture, put),
            FileDone::Exported(exported, result) => self.batch_exported(exported, result),
        }
    }

    fn batch_opened(&mut self, opening: Opening) {
        let Opening {
            folder,
            recipe: mut chosen,
            sources,
            mut kept,
            is_as_left,
        } = opening;
        let mut in_editor = BTreeMap::new();
        match self.batches.open.take_if(|open| open.folder == folder) {
            // The same once more: what is known of it here is newer than what was read.
            Some(mut before) => {
                before.stop_and_wait();
                if is_as_left {
                    chosen = before.chosen.clone();
                }
                in_editor = before.in_editor_at(&sources);
                kept = Some(before.kept()());
            }
            None => self.close_batch(),
        }
        let pictures = sources.into_iter().map(|source| BatchPicture {
            known: match &mut kept {
                Some(kept) => kept.of(&source.name()),
                None => Findings::default(),
            },
            source,
        });
        let mut batch = OpenBatch {
            out: out_of(&folder),
            folder,
            pictures: pictures.map(Arc::new).collect(),
            order: Vec::new(),
            counts: Default::default(),
            phase: kept.as_ref().map(|kept| kept.phase).unwrap_or_default(),
            tries: kept
                .as_mut()
                .map(|kept| std::mem::take(&mut kept.tries))
                .unwrap_or_default(),
            doing: None,
            looks: Looks::new(Wake::clone(&self.batches.wake)),
            in_editor,
            is_stale: true,
            sorted_at: None,
            is_changed: false,
            written_at: None,
            // What was known was known under the recipe before.
            chosen: kept.map_or_else(|| chosen.clone(), |kept| kept.chosen(&chosen)),
        };
        batch.take_recipe(chosen);
        batch.refresh();
        self.batches.open = Some(batch);
        self.find_missing_masks();
    }

    fn find_missing_masks(&mut self) {
        let is_missing = |batch: &OpenBatch| {
            let unknown = |picture: &Arc<BatchPicture>| picture.known.mask == MaskState::Unknown;
            batch.doing.is_none() && batch.selects() && batch.pictures.iter().any(unknown)
        };
        if self.batch().is_some_and(is_missing) {
            self.begin_batch(Activity::Masks);
        }
    }

    pub(super) fn open_batch_mask(&mut self, picture: usize) {
        let Some(batch) = self.batch() else {
            return;
        };
        let opened = batch.in_editor.iter().find(|(_, at)| **at == picture);
        if let Some(document) = opened.map(|(document, _)| *document) {
            return self.activate(document);
        }
        let Some(source) = batch.pictures.get(picture).map(|it| it.source.clone()) else {
            return;
        };
        let mask = batch.review().mask_path(&source);
        self.do_batch_task(move || {
            let read = || {
                let path = source.path;
                let bytes = file::read(&path)?;
                let loaded = file::load_bytes(&bytes, &path)?;
                let extent = loaded.picture.extent();
                // Without one, one begins to paint.
                let mask = mask
                    .is_file()
                    .then(|| file::load_mask(&mask, extent, MaskChannel::Auto));
                Ok(OpenedMask {
                    picture,
                    original: original_of(&path, bytes),
                    mask: mask.transpose()?.map(|loaded| loaded.mask),
                    path,
                    loaded,
                })
            };
            FileDone::MaskOpened(Box::new(read()))
        });
    }

    fn batch_mask_opened(&mut self, opened: OpenedMask) {
        self.opened(opened.path, opened.original, opened.loaded);
        let (Some(id), Some(batch)) = (self.active, &mut self.batches.open) else {
            return;
        };
        batch.in_editor.insert(id, opened.picture);
        let mode = batch.chosen.recipe.mask.mask_mode;
        if let Some(mask) = opened.mask {
            self.edit(id, EditLabel::Select, |state| {
                state.mask = mask;
                state.mask_kind = MaskKind::Matte;
            });
        }
        self.with_document(id, |open| {
            if let Some(mode) = mode {
                open.change_about(|about| about.settings.mask_mode = mode);
            }
        });
    }
}

impl OpenBatch {
    /// The documents that refine masks, with the places of their pictures among those.
    fn in_editor_at(&self, sources: &[Source]) -> BTreeMap<DocumentId, usize> {
        let place = |at: &usize| {
            let source = &self.pictures.get(*at)?.source;
            sources.iter().position(|it| it == source)
        };
        let places = self.in_editor.iter();
        places
            .filter_map(|(id, at)| Some((*id, place(at)?)))
            .collect()
    }

    /// Whether other masks are wanted by that, and whether other results.
    fn differs(&self, chosen: &Chosen) -> (bool, bool) {
        let model = |home: &Option<Home>| home.as_ref().map(|home| home.model.clone());
        let is_moved = model(&chosen.home) != model(&self.chosen.home);
        let other_masks = self.chosen.selected() != chosen.selected();
        let other_work = self.chosen.recipe != chosen.recipe || is_moved;
        (other_masks, other_work)
    }

    /// Does something else from now on. Masks stay where the same is selected.
    pub(super) fn take_recipe(&mut self, chosen: Chosen) {
        let (other_masks, other_work) = self.differs(&chosen);
        let known_otherwise = other_masks || other_work;
        for picture in self.pictures.iter_mut().filter(|_| known_otherwise) {
            let known = &mut Arc::make_mut(picture).known;
            if other_masks {
                *known = Findings::default();
            } else if other_work {
                (known.failure, known.redone, known.verdict) = (None, None, None);
                known.outputs.clear();
            }
        }
        if other_masks {
            self.looks.forget_all(LookOf::Cutout);
            // What is refined there is no mask of these.
            self.in_editor.clear();
        }
        if other_work {
            self.looks.forget_all(LookOf::Result);
            self.looks.forget_all(LookOf::Try);
            self.tries = Tries::default();
        }
        self.chosen = chosen;
        self.change();
    }
}

//! Opening a folder, and choosing what is done with it: read on a thread, taken in when done.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::command::{BatchPreset, RecipeFrom};
use super::kept::{Kept, out_of};
use super::looks::{LookOf, Looks};
use super::picture::{BatchPicture, Findings, MaskState};
use super::running::Activity;
use super::tries::Tries;
use super::{OpenBatch, RecipeName};
use crate::bulk::{BulkRecipe, Doubt, NotReady, RECIPE_ENDING, Source, list, made_ready};
use crate::catalog::Library;
use crate::document::{DocumentId, EditLabel};
use crate::editor::in_project::original_of;
use crate::editor::{Editor, EditorError};
use crate::jobs::Wake;
use crate::project::Original;
use crate::raster::file::{self, MaskChannel};
use crate::raster::{LoadedPicture, Mask, MaskKind, PictureError};
use crate::text::{Explain as _, Message};

/// A recipe, where its relative paths begin, and what it is called.
pub(super) type Chosen = (BulkRecipe, PathBuf, RecipeName);

/// What the thread for files has done.
pub(super) enum FileDone {
    Opened(Result<Box<Opening>, Message>),
    RecipeRead(Result<Box<Chosen>, Message>),
    Written(Result<(), PictureError>),
    MaskOpened(Box<Result<OpenedMask, PictureError>>),
    PutBack(DocumentId, usize, Result<Doubt, PictureError>),
    Exported {
        copied: usize,
        left: usize,
        result: Result<PathBuf, PictureError>,
    },
}

/// A folder as it was found.
pub(super) struct Opening {
    folder: PathBuf,
    recipe: Chosen,
    sources: Vec<Source>,
    kept: Option<Kept>,
}

/// A picture and its mask.
pub(super) struct OpenedMask {
    pub(super) picture: usize,
    pub(super) path: PathBuf,
    pub(super) original: Arc<Original>,
    pub(super) loaded: LoadedPicture,
    pub(super) mask: Option<Mask>,
}

/// A recipe that comes with the program.
fn preset(preset: BatchPreset) -> Result<BulkRecipe, NotReady> {
    let put = match preset {
        BatchPreset::White => "white",
        BatchPreset::CutOut => "nothing",
        BatchPreset::Blur => "blur",
    };
    let text =
        format!("version = 1\n[mask]\nselect = \"subject\"\n[background]\nput = \"{put}\"\n");
    Ok(BulkRecipe::parse(&text)?)
}

fn of_file(path: &Path) -> Result<Chosen, NotReady> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.strip_suffix(RECIPE_ENDING).unwrap_or(&name).to_owned();
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    Ok((
        BulkRecipe::read(path)?,
        folder.to_owned(),
        RecipeName::File(name),
    ))
}

/// The one recipe that lies in a folder.
fn recipe_in(folder: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(folder).ok()?.flatten();
    let paths = entries.map(|entry| entry.path());
    let mut recipes = paths.filter(|path| path.to_string_lossy().ends_with(RECIPE_ENDING));
    recipes.next().filter(|_| recipes.next().is_none())
}

/// Where a recipe comes from, as a thread needs it.
enum Wanted {
    Folder,
    File(PathBuf),
    Made(Box<Chosen>),
    Preset(BatchPreset),
}

fn chosen(wanted: Wanted, folder: &Path, kept: Option<&Kept>) -> Result<Chosen, NotReady> {
    let of_preset = |which| Ok((preset(which)?, folder.to_owned(), RecipeName::Preset(which)));
    match wanted {
        Wanted::File(path) => of_file(&path),
        Wanted::Made(chosen) => {
            chosen.0.check()?;
            Ok(*chosen)
        }
        Wanted::Preset(which) => of_preset(which),
        Wanted::Folder => match (kept, recipe_in(folder)) {
            (Some(kept), _) => Ok((
                kept.recipe.clone(),
                kept.recipe_folder.clone(),
                kept.recipe_name.clone(),
            )),
            (None, Some(path)) => of_file(&path),
            (None, None) => of_preset(BatchPreset::White),
        },
    }
}

fn opening(folder: PathBuf, wanted: Wanted, data_dir: &Path) -> Result<Opening, Message> {
    let out = out_of(&folder);
    let kept = Kept::read(&out);
    let recipe = chosen(wanted, &folder, kept.as_ref()).map_err(|error| error.message())?;
    let found = list(std::slice::from_ref(&folder), false, &[out]);
    let mut sources = found
        .map_err(|error| {
            let message = Message::new("editor-batch-unreadable").with("path", folder.as_path());
            message.with("why", error.to_string())
        })?
        .sources;
    let work = made_ready(recipe.0.clone(), &recipe.1, &Library::open(data_dir));
    work.map_err(|error| error.message())?
        .without_masks(&mut sources);
    if sources.is_empty() {
        return Err(Message::new("editor-batch-empty").with("path", folder.as_path()));
    }
    Ok(Opening {
        folder,
        recipe,
        sources,
        kept,
    })
}

impl Editor {
    pub(super) fn open_batch(&mut self, folder: PathBuf, recipe: &RecipeFrom) {
        let Some(wanted) = self.wanted(recipe) else {
            return;
        };
        let data_dir = self.data_dir.clone();
        let open = move || FileDone::Opened(opening(folder, wanted, &data_dir).map(Box::new));
        self.do_batch_task(open);
    }

    pub(super) fn do_batch_task(&mut self, task: impl FnOnce() -> FileDone + Send + 'static) {
        if self.batches.files.try_do(Box::new(task)).is_err() {
            self.notices.warn(None, &EditorError::TooBusy);
        }
    }

    fn wanted(&self, from: &RecipeFrom) -> Option<Wanted> {
        Some(match from {
            RecipeFrom::Folder => Wanted::Folder,
            RecipeFrom::File(path) => Wanted::File(path.clone()),
            RecipeFrom::Preset(preset) => Wanted::Preset(*preset),
            RecipeFrom::Settings(id) => {
                let name = RecipeName::Settings(self.document(*id)?.title().to_owned());
                let recipe = self.recipe_of(*id, None)?;
                Wanted::Made(Box::new((recipe, PathBuf::from("."), name)))
            }
        })
    }

    pub(super) fn set_batch_recipe(&mut self, from: &RecipeFrom) {
        let Some(wanted) = self.wanted(from) else {
            return;
        };
        let Some(folder) = self.batch().map(|batch| batch.folder.clone()) else {
            return;
        };
        let data_dir = self.data_dir.clone();
        self.do_batch_task(move || {
            let read = || {
                let recipe = chosen(wanted, &folder, None)?;
                // Says at once what it lacks.
                made_ready(recipe.0.clone(), &recipe.1, &Library::open(&data_dir))?;
                Ok::<_, NotReady>(Box::new(recipe))
            };
            FileDone::RecipeRead(read().map_err(|error| error.message()))
        });
    }

    pub(super) fn set_batch_prompt(&mut self, prompt: String) {
        let Some(batch) = &mut self.batches.open else {
            return;
        };
        let mut recipe = batch.recipe.clone();
        let Some(edit) = recipe.edit.as_mut() else {
            return;
        };
        edit.prompt = prompt;
        match recipe.check() {
            Ok(()) => batch.take_recipe((
                recipe,
                batch.recipe_folder.clone(),
                batch.recipe_name.clone(),
            )),
            Err(error) => self.notices.warn(None, &error),
        }
    }

    pub(super) fn close_batch(&mut self) {
        if let Some(mut batch) = self.batches.open.take() {
            batch.stop_and_wait();
            let (kept, out) = (batch.kept(), batch.out.clone());
            self.do_batch_task(move || FileDone::Written(kept.write(&out)));
        }
    }

    pub(super) fn take_batch_file(&mut self, done: FileDone) {
        match done {
            FileDone::Opened(Ok(opening)) => self.batch_opened(*opening),
            FileDone::RecipeRead(Ok(recipe)) => {
                if let Some(batch) = &mut self.batches.open {
                    batch.stop_and_wait();
                    batch.take_recipe(*recipe);
                    self.find_missing_masks();
                }
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
            FileDone::Exported {
                copied,
                left,
                result,
            } => self.batch_exported((copied, left), result),
        }
    }

    fn batch_opened(&mut self, opening: Opening) {
        self.close_batch();
        let Opening {
            folder,
            recipe: (recipe, recipe_folder, recipe_name),
            sources,
            mut kept,
        } = opening;
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
            pictures: pictures.collect(),
            order: Vec::new(),
            counts: Default::default(),
            phase: kept.as_ref().map(|kept| kept.phase).unwrap_or_default(),
            tries: kept
                .as_mut()
                .map(|kept| std::mem::take(&mut kept.tries))
                .unwrap_or_default(),
            doing: None,
            looks: Looks::new(Wake::clone(&self.batches.wake)),
            in_editor: Default::default(),
            is_stale: true,
            sorted_at: None,
            is_changed: false,
            written_at: None,
            recipe: kept.map_or_else(|| recipe.clone(), |kept| kept.recipe),
            recipe_folder: recipe_folder.clone(),
            recipe_name: recipe_name.clone(),
        };
        // What was known was known under the recipe before.
        batch.take_recipe((recipe, recipe_folder, recipe_name));
        batch.refresh();
        self.batches.open = Some(batch);
        self.find_missing_masks();
    }

    fn find_missing_masks(&mut self) {
        let is_missing = |batch: &OpenBatch| {
            let unknown = |picture: &BatchPicture| picture.known.mask == MaskState::Unknown;
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
        let title = crate::editor::open_document::file_name(&opened.path);
        self.opened(Some((opened.path, opened.original)), title, opened.loaded);
        let (Some(id), Some(batch)) = (self.active, &mut self.batches.open) else {
            return;
        };
        batch.in_editor.insert(id, opened.picture);
        let mode = batch.recipe.mask.mask_mode;
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
    /// Does something else from now on. Masks stay where the same is selected.
    pub(super) fn take_recipe(&mut self, (recipe, folder, name): Chosen) {
        let selected = |recipe: &BulkRecipe| (recipe.part(), recipe.mask.person);
        let other_masks = selected(&recipe) != selected(&self.recipe);
        let other_work = recipe != self.recipe;
        for picture in &mut self.pictures {
            let known = &mut picture.known;
            if other_masks {
                *known = Findings::default();
            } else if other_work {
                (known.failure, known.redone, known.verdict) = (None, None, None);
                known.outputs.clear();
            }
        }
        if other_masks {
            self.looks.forget_all(LookOf::Cutout);
        }
        if other_work {
            self.looks.forget_all(LookOf::Result);
            self.looks.forget_all(LookOf::Try);
            self.tries = Tries::default();
        }
        (self.recipe, self.recipe_folder, self.recipe_name) = (recipe, folder, name);
        self.change();
    }
}

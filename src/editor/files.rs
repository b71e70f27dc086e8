//! Opening, exporting, restoring: handed to the file thread, taken in when done.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Map;

use super::closed::{self, Keeping, RecentlyClosed};
use super::document_journal::DocumentJournal;
use super::error::EditorError;
use super::in_project::{InProject, original_of, rest_of_project};
use super::journaling::{about_of, moment_of};
use super::kept_results::KeptResults;
use super::open_document::{AboutDocument, BeingSaved, OpenDocument, file_name};
use super::recovery::{RecoveryId, SessionFolder};
use super::rerun::Rerun;
use super::samples::Sample;
use super::{Editor, candidates, preferences};
use crate::catalog::{self, CatalogError, Library, LoraRef, ModelCard, ModelRef, TinyAutoencoder};
use crate::document::crash_journal::{self as journal, Restored};
use crate::document::{Document, DocumentId, EditLabel};
use crate::downloads::{DownloadError, Unfinished};
use crate::jobs::{Demands, Task, TaskEvent};
use crate::plan::Restored as RecipeFound;
use crate::project::{self, Opened, Original, ProjectError, Written};
use crate::raster::file::{self, LoadedMask, MaskChannel, SaveOptions};
use crate::raster::{
    FileOrigin, LoadedPicture, MaskKind, Picture, PictureError, PictureNote, Pixmap, Profile,
};
use crate::text::{Explain as _, Message, Texts};

/// What the file thread says.
pub(super) enum FileEvent {
    Opened(Result<(PathBuf, Arc<Original>, Box<LoadedPicture>), PictureError>),
    SampleOpened(Sample, Result<Box<LoadedPicture>, PictureError>),
    ProjectOpened(PathBuf, Result<Box<Opened>, ProjectError>),
    Saved(Saved),
    ProjectSaved(Box<ProjectSaved>),
    Exported(PathBuf, Result<Vec<PictureNote>, PictureError>),
    MaskLoaded(DocumentId, Result<LoadedMask, PictureError>),
    Restored(String, DocumentId, std::io::Result<RestoredFolder>),
    ClosedListed(Vec<RecentlyClosed>),
    PreferencesWritten(Result<(), EditorError>),
    SpeedsKept,
    UnfinishedFound(Vec<Unfinished>),
    DownloadForgotten(Result<(), DownloadError>),
    ModelFound(
        ModelRef,
        Box<(Result<ModelCard, CatalogError>, Option<FoundModels>)>,
        Option<Arc<dyn Demands>>,
    ),
    ModelsListed(FoundModels),
    PlaceAdded(PathBuf, usize, FoundModels),
    LoraFound(DocumentId, Result<LoraRef, CatalogError>),
    RerunChecked(Box<Rerun>),
}

/// What lies where models are looked for.
#[derive(Debug, Default)]
pub(super) struct FoundModels {
    /// Models, and why some cannot be offered.
    pub(super) models: Vec<Result<ModelCard, CatalogError>>,
    /// Files of LoRAs.
    pub(super) loras: Vec<PathBuf>,
    /// File of the networks that select by clicks.
    pub(super) segmenter: Option<PathBuf>,
    /// What may make previews.
    pub(super) tiny_autoencoders: Vec<TinyAutoencoder>,
}

impl FoundModels {
    /// What lies there now.
    pub(super) fn of(library: &mut Library) -> Self {
        Self {
            models: library.list(),
            loras: library.lora_files(),
            segmenter: library.segmenter(),
            tiny_autoencoders: library.tiny_autoencoders(),
        }
    }
}

/// What lay in the folder of a session that ended, and what only its project holds.
pub(super) struct RestoredFolder {
    folder: SessionFolder,
    journal: Option<Box<Restored>>,
    results: KeptResults,
    rest: Option<Box<Opened>>,
}

/// A save that has ended.
pub(super) struct Saved {
    pub(super) was: BeingSaved,
    pub(super) path: PathBuf,
    pub(super) result: Result<Vec<PictureNote>, PictureError>,
}

/// The writing of a project, when it has ended.
pub(super) struct ProjectSaved {
    pub(super) was: BeingSaved,
    pub(super) in_project: InProject,
    pub(super) result: Result<Written, ProjectError>,
}

impl Editor {
    /// Opens a picture or a project; a model is used at once.
    pub(super) fn open_file(&mut self, path: PathBuf) {
        if catalog::is_named_as_model(&path) {
            return self.set_model(ModelRef::at(path));
        }
        self.do_file_task(Box::new(move || {
            if project::is_named_so(&path) {
                let opened = project::read(&path).map(Box::new);
                return FileEvent::ProjectOpened(path, opened);
            }
            let read = file::read(&path);
            let loaded = read.and_then(|bytes| Ok((file::load_bytes(&bytes, &path)?, bytes)));
            match loaded {
                Ok((loaded, bytes)) => {
                    let original = original_of(&path, bytes);
                    FileEvent::Opened(Ok((path, original, Box::new(loaded))))
                }
                Err(error) => FileEvent::Opened(Err(error)),
            }
        }));
    }

    pub(super) fn open_sample(&mut self, sample: Sample) {
        self.do_file_task(Box::new(move || {
            let (name, bytes) = sample.file();
            let loaded = file::load_bytes(bytes, Path::new(name)).map(Box::new);
            FileEvent::SampleOpened(sample, loaded)
        }));
    }

    fn sample_opened(&mut self, sample: Sample, loaded: LoadedPicture) {
        let title = self.say(&sample.title());
        self.add_document(None, title, loaded.picture, loaded.origin);
        if let Some(open) = self.documents.last_mut() {
            open.sample = Some(sample);
        }
    }

    pub(super) fn open_pixels(&mut self, title: Option<String>, pixels: Pixmap) {
        let number =
            Message::new("editor-untitled").with("number", (self.last_document + 1) as f64);
        let title = title.unwrap_or_else(|| self.say(&number));
        let picture = Picture {
            pixels,
            profile: Profile::Srgb,
        };
        self.add_document(None, title, picture, FileOrigin::default());
    }

    fn add_document(
        &mut self,
        path: Option<PathBuf>,
        title: String,
        picture: Picture,
        origin: FileOrigin,
    ) {
        let begin_with = self.settings_to_begin_with();
        let about = AboutDocument {
            title,
            path,
            // A picture of ours goes on from the settings that made it.
            settings: RecipeFound::from_file(&origin, &begin_with)
                .map_or(begin_with, |found| found.settings),
            origin,
            seed_locked: false,
            may_replace: false,
            unknown: Map::new(),
        };
        let id = self.new_document_id();
        let journal = self.new_journal(id);
        let document = Document::new(id, picture);
        let open = OpenDocument::new(document, about, journal);
        self.documents.push(open);
        self.active = Some(id);
    }

    /// A journal for a document that is in none; where none can be kept, that is said.
    pub(super) fn new_journal(&mut self, id: DocumentId) -> DocumentJournal {
        let folder = match SessionFolder::create(&self.data_dir.join("sessions"), id.0) {
            Ok(folder) => Some(folder),
            Err(error) => {
                let why = error.to_string();
                self.notices.error(Some(id), &EditorError::Journal { why });
                None
            }
        };
        DocumentJournal::fresh(folder)
    }

    pub(super) fn new_document_id(&mut self) -> DocumentId {
        self.last_document += 1;
        DocumentId(self.last_document)
    }

    pub(super) fn export(&mut self, id: DocumentId, path: PathBuf, jpeg_quality: Option<u8>) {
        let options = self.save_options(id, jpeg_quality);
        if let Some(open) = self.document(id) {
            let (picture, origin) = (open.document.visible().clone(), open.about.origin.clone());
            self.do_file_task(Box::new(move || {
                let result = file::save(&path, &picture, &origin, &options);
                FileEvent::Exported(path, result)
            }));
        }
    }

    pub(super) fn export_pixels(&mut self, pixels: Pixmap, path: PathBuf) {
        self.do_file_task(Box::new(move || {
            let profile = Profile::Srgb;
            let picture = Picture { pixels, profile };
            let origin = FileOrigin::default();
            let result = file::save(&path, &picture, &origin, &SaveOptions::default());
            FileEvent::Exported(path, result)
        }));
    }

    pub(super) fn load_mask(&mut self, id: DocumentId, path: PathBuf) {
        if let Some(open) = self.document(id) {
            let extent = open.document.extent();
            self.do_file_task(Box::new(move || {
                FileEvent::MaskLoaded(id, file::load_mask(&path, extent, MaskChannel::Auto))
            }));
        }
    }

    pub(super) fn save_mask(&mut self, id: DocumentId, path: PathBuf) {
        if let Some(open) = self.document(id) {
            let mask = open.document.mask().clone();
            self.do_file_task(Box::new(move || {
                let result = file::save_mask(&path, &mask).map(|()| Vec::new());
                FileEvent::Exported(path, result)
            }));
        }
    }

    pub(super) fn restore(&mut self, id: RecoveryId) {
        let (title, folder) = match self.take_left(id) {
            Some((title, folder)) => (title, Ok(folder)),
            None => match self.take_off_closed(id) {
                Some(closed) => (closed.title, SessionFolder::lock(closed.folder)),
                None => return,
            },
        };
        let document = self.new_document_id();
        self.do_file_task(Box::new(move || {
            let restored = folder.and_then(|folder| {
                let journal = journal::restore(&folder.journal(), document)?.map(Box::new);
                folder.reopen()?;
                let results = KeptResults::of(folder.path());
                let path = journal.as_ref().and_then(|it| it.notes.path.as_ref());
                let rest = rest_of_project(path.map(Path::new));
                Ok(RestoredFolder {
                    folder,
                    journal,
                    results,
                    rest,
                })
            });
            FileEvent::Restored(title, document, restored)
        }));
    }

    /// Looks which closed documents there are.
    pub(super) fn list_closed(&mut self) {
        let (sessions, keeping) = (self.sessions(), Keeping::of(&self.preferences));
        self.do_file_task(Box::new(move || {
            FileEvent::ClosedListed(closed::list(&sessions, keeping))
        }));
    }

    fn take_left(&mut self, id: RecoveryId) -> Option<(String, SessionFolder)> {
        let mut all = self.left_behind.iter();
        let place = all.position(|(left, _)| left.id == id)?;
        let (left, folder) = self.left_behind.remove(place);
        Some((left.title, folder))
    }

    pub(super) fn discard_recovery(&mut self, id: RecoveryId) {
        let closed = |closed: RecentlyClosed| SessionFolder::lock(closed.folder).ok();
        let folder = match self.take_left(id) {
            Some((_, folder)) => Some(folder),
            None => self.take_off_closed(id).and_then(closed),
        };
        self.folders_to_remove.extend(folder);
    }

    /// Hands a task to the file thread; a notice says so when it is too busy.
    pub(super) fn do_file_task(&mut self, task: Task<FileEvent>) -> bool {
        let taken = self.files.try_do(task).is_ok();
        if !taken {
            self.notices.warn(None, &EditorError::TooBusy);
        }
        taken
    }

    /// Takes in what the file thread has done.
    pub(super) fn poll_files(&mut self) {
        while let Some(event) = self.files.poll() {
            self.changed = true;
            match event {
                TaskEvent::Done(event) => self.take_file_event(event),
                TaskEvent::Lost(_) => {
                    for open in &mut self.documents {
                        open.is_being_saved = false;
                    }
                    self.notices.error(None, &EditorError::TaskLost);
                }
            }
        }
        if self.preferences_changed {
            let (data_dir, preferences) = (self.data_dir.clone(), self.preferences.clone());
            let write =
                move || FileEvent::PreferencesWritten(preferences::write(&data_dir, &preferences));
            // When the thread is busy it is tried again at the next poll.
            self.preferences_changed = self.files.try_do(Box::new(write)).is_err();
        }
    }

    fn take_file_event(&mut self, event: FileEvent) {
        match event {
            FileEvent::Opened(Ok((path, original, loaded))) => {
                self.opened(path, original, *loaded);
            }
            FileEvent::SampleOpened(sample, Ok(loaded)) => self.sample_opened(sample, *loaded),
            FileEvent::Opened(Err(error))
            | FileEvent::SampleOpened(_, Err(error))
            | FileEvent::Exported(_, Err(error)) => self.notices.error(None, &error),
            FileEvent::ProjectOpened(path, Ok(opened)) => self.project_opened(path, *opened),
            FileEvent::ProjectOpened(_, Err(error)) => self.notices.error(None, &error),
            FileEvent::Saved(saved) => self.saved(saved),
            FileEvent::ProjectSaved(saved) => self.project_saved(*saved),
            FileEvent::Exported(path, Ok(notes)) => self.written(None, &path, &notes),
            FileEvent::MaskLoaded(id, Ok(loaded)) => self.mask_loaded(id, loaded),
            FileEvent::MaskLoaded(id, Err(error)) => self.notices.error(Some(id), &error),
            FileEvent::Restored(title, id, restored) => self.restored(title, id, restored),
            FileEvent::ClosedListed(found) => self.take_closed(found),
            FileEvent::UnfinishedFound(found) => self.take_unfinished(found),
            FileEvent::DownloadForgotten(Err(error)) => self.notices.warn(None, &error),
            FileEvent::PreferencesWritten(Ok(()))
            | FileEvent::SpeedsKept
            | FileEvent::DownloadForgotten(Ok(())) => {}
            FileEvent::PreferencesWritten(Err(error)) => self.notices.error(None, &error),
            FileEvent::ModelFound(model, card, demands) => {
                let (card, models) = *card;
                self.model_found(model, card, demands);
                self.found = models.unwrap_or_else(|| std::mem::take(&mut self.found));
            }
            FileEvent::PlaceAdded(path, count, models) => self.place_added(&path, count, models),
            FileEvent::ModelsListed(found) => {
                self.found = found;
                self.recognise();
            }
            FileEvent::LoraFound(document, lora) => self.lora_found(document, lora),
            FileEvent::RerunChecked(rerun) => self.rerun_checked(*rerun),
        }
    }

    pub(super) fn opened(&mut self, path: PathBuf, original: Arc<Original>, loaded: LoadedPicture) {
        self.preferences.note_file(&path);
        self.preferences_changed = true;
        let title = file_name(&path);
        self.add_document(Some(path), title, loaded.picture, loaded.origin);
        if let Some(open) = self.documents.last_mut() {
            open.original = Some(original);
        }
        for note in loaded.notes {
            self.notices.info(self.active, note.message());
        }
    }

    pub(super) fn written(
        &mut self,
        document: Option<DocumentId>,
        path: &Path,
        notes: &[PictureNote],
    ) {
        let saved = Message::new("editor-saved").with("name", file_name(path));
        self.notices.info(document, saved);
        for note in notes {
            self.notices.info(document, note.message());
        }
    }

    fn mask_loaded(&mut self, id: DocumentId, loaded: LoadedMask) {
        let Some(open) = self.documents.iter_mut().find(|open| open.id() == id) else {
            return;
        };
        // The canvas may have been cut while the file was read.
        if loaded.mask.extent() != open.document.extent() {
            let (made_for, now) = (loaded.mask.extent(), open.document.extent());
            self.notices
                .warn(Some(id), &EditorError::CanvasChanged { made_for, now });
            return;
        }
        open.stroke = None;
        open.document.edit(EditLabel::LoadMask, |state| {
            state.mask = loaded.mask;
            state.mask_kind = MaskKind::Strength;
        });
        open.selected = None;
        for note in loaded.notes {
            self.notices.info(Some(id), note.message());
        }
    }

    fn restored(
        &mut self,
        title: String,
        id: DocumentId,
        restored: std::io::Result<RestoredFolder>,
    ) {
        let (folder, restored, results, rest) = match restored {
            Ok(RestoredFolder {
                folder,
                journal: Some(restored),
                results,
                rest,
            }) => (folder, restored, results, rest),
            Ok(_) => {
                let why = Message::new("editor-restore-damaged").into();
                return self
                    .notices
                    .error(None, &EditorError::Restore { title, why });
            }
            Err(error) => {
                let why = error.to_string().into();
                return self
                    .notices
                    .error(None, &EditorError::Restore { title, why });
            }
        };
        let about = about_of(&restored.notes).unwrap_or_else(|| AboutDocument {
            title: restored.notes.title.clone(),
            path: restored.notes.path.clone().map(PathBuf::from),
            origin: FileOrigin::default(),
            settings: self.settings_to_begin_with(),
            seed_locked: false,
            may_replace: false,
            unknown: Map::new(),
        });
        let whole_bytes = restored.whole_bytes;
        let mut open = OpenDocument::new(restored.document, about, DocumentJournal::fresh(None));
        let moment = moment_of(&open);
        open.journal = DocumentJournal::going_on(folder, whole_bytes, moment);
        self.documents.push(open);
        self.active = Some(id);
        let thrown = results.thrown.clone();
        self.add_kept_results(id, results);
        let path = self.document(id).and_then(|open| open.about.path.clone());
        if let (Some(path), Some(rest)) = (path, rest) {
            self.take_rest_of_project(id, path, *rest, &thrown);
        }
    }

    pub(super) fn save_options(&self, id: DocumentId, jpeg_quality: Option<u8>) -> SaveOptions {
        let wanted = self.preferences.save_recipe;
        let open = self.document(id);
        let was_jpeg = open.is_some_and(|open| open.about.origin.carried.jpeg.is_some());
        let recipe = open.filter(|_| wanted).and_then(candidates::recipe_text);
        SaveOptions {
            format: None,
            jpeg_quality: jpeg_quality
                .or_else(|| (!was_jpeg).then_some(self.preferences.jpeg_quality)),
            recipe,
        }
    }

    fn say(&self, message: &Message) -> String {
        Texts::of(self.language()).say(message)
    }
}

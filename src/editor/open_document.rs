//! [`OpenDocument`]: a document with all that belongs to it but is not covered by undo.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::document_journal::DocumentJournal;
use super::in_project::InProject;
use super::said::Said;
use super::samples::Sample;
use super::selecting::SeenPicture;
use crate::document::{Document, DocumentId, LayerId};
use crate::geometry::Extent;
use crate::plan::{EditSettings, RegionBounds, RegionBoxes};
use crate::project::Original;
use crate::raster::{FileOrigin, Picture, Stroke};
use crate::select::Part;

/// A document with its settings, its file and its name.
#[derive(Debug)]
pub struct OpenDocument {
    pub(super) document: Document,
    pub(super) about: AboutDocument,
    /// Counts changes of `about`.
    pub(super) about_revision: u64,
    pub(super) is_being_saved: bool,
    pub(super) sample: Option<Sample>,
    /// What its file shows, as far as that is known; without a file, what it began with.
    pub(super) in_file: Option<Picture>,
    /// What its project file holds; `None`: it is in none.
    pub(super) in_project: Option<InProject>,
    /// The file it was opened from.
    pub(super) original: Option<Arc<Original>>,
    pub(super) stroke: Option<Stroke>,
    pub(super) region: RegionBoxes,
    pub(super) seen: Option<SeenPicture>,
    /// What the mask was selected as, alone, as far as this session knows.
    pub(super) selected: Option<Part>,
    /// What was clicked on, for each mask that came of it.
    pub(super) said: Said,
    /// The layer that the next run makes anew.
    pub(super) redoing: Option<LayerId>,
    pub(super) journal: DocumentJournal,
}

/// What is kept of a document beside its state.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct AboutDocument {
    pub(super) title: String,
    pub(super) path: Option<PathBuf>,
    pub(super) origin: FileOrigin,
    pub(super) settings: EditSettings,
    pub(super) seed_locked: bool,
    /// The file at `path` is ours to replace: we wrote it, or the user has said so. Else it is the
    /// original that was opened.
    pub(super) may_replace: bool,
    /// What a newer program tells of it.
    pub(super) unknown: Map<String, Value>,
}

/// A document as it stood when it was handed over to be written.
pub(super) struct BeingSaved {
    pub(super) document: DocumentId,
    pub(super) picture: Picture,
    serial: u64,
}

impl OpenDocument {
    /// Ends a stroke under way, as far as it has come.
    pub(super) fn settle(&mut self) {
        self.stroke = None;
        self.document.commit();
    }

    /// Ends what is under way; how it stands now is what will be written.
    pub(super) fn begin_saving(&mut self) -> BeingSaved {
        self.settle();
        BeingSaved {
            document: self.id(),
            picture: self.document.visible().clone(),
            serial: self.document.serial(),
        }
    }

    /// As it stood then it lies in the file at `path`, which is its own from now on.
    pub(super) fn lies_in(&mut self, path: &Path, saved: BeingSaved) {
        self.document.mark_saved(saved.serial);
        self.in_file = Some(saved.picture);
        self.change_about(|about| {
            about.title = file_name(path);
            about.path = Some(path.to_path_buf());
            about.may_replace = true;
        });
    }

    pub(super) fn new(document: Document, about: AboutDocument, journal: DocumentJournal) -> Self {
        Self {
            region: RegionBoxes::of(document.mask()),
            in_file: picture_in_file(&document),
            document,
            about,
            about_revision: 0,
            is_being_saved: false,
            sample: None,
            in_project: None,
            original: None,
            stroke: None,
            seen: None,
            selected: None,
            said: Said::default(),
            redoing: None,
            journal,
        }
    }

    /// Its name in commands, jobs and candidates.
    pub fn id(&self) -> DocumentId {
        self.document.id()
    }

    /// Pictures, layers, mask, undo.
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// The canvas size.
    pub(super) fn extent(&self) -> Extent {
        self.document.extent()
    }

    /// What to call it: the file's name, or one that was made up.
    pub fn title(&self) -> &str {
        &self.about.title
    }

    /// The file it came from or was saved to.
    pub fn path(&self) -> Option<&Path> {
        self.about.path.as_deref()
    }

    /// What is chosen for the next run. Without a locked seed the seed is that of the last run.
    pub fn settings(&self) -> &EditSettings {
        &self.about.settings
    }

    /// Whether every run starts from the seed in the settings.
    pub fn is_seed_locked(&self) -> bool {
        self.about.seed_locked
    }

    /// Which part of the picture may change, as settings and mask stand.
    pub fn region(&self) -> RegionBounds {
        self.region.bounds(self.settings().mask_mode)
    }

    /// The sample that it is, so that what is in the picture is known.
    pub fn sample(&self) -> Option<Sample> {
        self.sample
    }

    /// True while it is being written to a file.
    pub fn is_being_saved(&self) -> bool {
        self.is_being_saved
    }

    pub(super) fn change_about(&mut self, change: impl FnOnce(&mut AboutDocument)) {
        let before = self.about.clone();
        change(&mut self.about);
        if self.about != before {
            self.about_revision += 1;
        }
    }
}

/// The name of a file without its folder.
pub(super) fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

/// What the file of a document shows: what was visible in the state that its history knows as saved.
/// `None`: the history does not reach back there.
fn picture_in_file(document: &Document) -> Option<Picture> {
    if !document.is_unsaved() {
        return Some(document.visible().clone());
    }
    let retold = document.retell();
    let steps = retold.steps.into_iter();
    let mut states = std::iter::once((retold.is_first_unsaved, retold.first))
        .chain(steps.map(|step| (step.is_unsaved, step.state)));
    let (_, state) = states.find(|(is_unsaved, _)| !is_unsaved)?;
    let saved = Document::from_state(document.id(), state, 0);
    Some(saved.visible().clone())
}

//! The application without a window: [`Editor`] owns the documents, the queue, the candidates, the
//! preferences and the journals, and is the only one that changes them.
//!
//! `ui` shows what the accessors say and sends [`Command`]s; tests do the same. Never names egui or
//! candle.

mod candidates;
mod command;
mod generating;
mod layers;
mod masking;
mod notices;
mod open_document;
mod painting;
mod preferences;
mod read;
mod recovery;
mod settings;

pub use candidates::{Candidate, CandidateId};
pub use command::Command;
pub use generating::{Comparison, ComparisonId, Run, RunProgress, RunState};
pub use notices::{Notice, NoticeId, NoticeLevel};
pub use open_document::OpenDocument;
pub use painting::{BrushTip, Fill, StrokePoint};
pub use preferences::{Preferences, Theme};
pub use recovery::{Recoverable, RecoveryId};

use std::path::PathBuf;

use crate::catalog::{self, CatalogError, ModelCard, ModelRef};
use crate::document::{Document, DocumentId, EditLabel};
use crate::jobs::{EngineFactory, Wake};
use crate::raster::{Picture, Pixmap, Profile};
use crate::text::Language;
use notices::Notices;

/// What an [`Editor`] needs to begin.
pub struct Start {
    /// Makes the engine.
    pub engine: EngineFactory,
    /// The language where the preferences name none.
    pub language: Language,
    /// Where journals and preferences lie.
    pub data_dir: PathBuf,
    /// Called when there is something to poll.
    pub wake: Wake,
}

impl std::fmt::Debug for Start {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Start")
            .field("language", &self.language)
            .field("data_dir", &self.data_dir)
            .finish_non_exhaustive()
    }
}

/// The application without a window.
pub struct Editor {
    start: Start,
    documents: Vec<OpenDocument>,
    active: Option<DocumentId>,
    runs: Vec<Run>,
    comparisons: Vec<Comparison>,
    candidates: Vec<Candidate>,
    notices: Notices,
    preferences: Preferences,
    recoverable: Vec<Recoverable>,
    card: Option<ModelCard>,
    models: Vec<Result<ModelCard, CatalogError>>,
    last_document: u64,
    changed: bool,
}

impl std::fmt::Debug for Editor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Editor")
            .field("documents", &self.documents)
            .finish_non_exhaustive()
    }
}

impl Editor {
    /// Begins: reads the preferences and looks for what a session that ended badly has left.
    pub fn new(start: Start) -> Self {
        Self {
            start,
            documents: Vec::new(),
            active: None,
            runs: Vec::new(),
            comparisons: Vec::new(),
            candidates: Vec::new(),
            notices: Notices::default(),
            preferences: Preferences::default(),
            recoverable: Vec::new(),
            card: catalog::open(&ModelRef::BuiltIn).ok(),
            models: catalog::list(),
            last_document: 0,
            changed: false,
        }
    }

    /// Does what is asked. Long work goes to a thread and comes back through [`poll`](Self::poll).
    pub fn apply(&mut self, command: Command) {
        self.changed = true;
        match command {
            Command::OpenPixels { title, pixels } => self.open_pixels(title, pixels),
            Command::CloseDocument {
                document,
                discard_unsaved,
            } => self.close_document(document, discard_unsaved),
            Command::Activate(document) => self.activate(document),
            Command::InvertMask { document } => self.invert_mask(document),
            Command::ClearMask { document } => self.clear_mask(document),
            Command::Undo { document } => {
                self.with_document(document, |open| _ = open.document.undo())
            }
            Command::Redo { document } => {
                self.with_document(document, |open| _ = open.document.redo())
            }
            Command::CropCanvas { document, rect } => {
                self.edit(document, EditLabel::CropCanvas, |state| {
                    state.crop_canvas(rect)
                });
            }
            Command::SetSettings { document, settings } => {
                self.with_document(document, |open| open.settings = *settings)
            }
            Command::LockSeed { document, locked } => {
                self.with_document(document, |open| open.seed_locked = locked)
            }
            Command::SetModel(model) => self.preferences.model = model,
            Command::SetLayerVisible {
                document,
                layer,
                visible,
            } => self.set_layer_visible(document, layer, visible),
            Command::SetLayerOpacity {
                document,
                layer,
                opacity,
                done,
            } => self.set_layer_opacity(document, layer, opacity, done),
            Command::SetLayerName {
                document,
                layer,
                name,
            } => self.set_layer_name(document, layer, name),
            Command::DeleteLayer { document, layer } => self.delete_layer(document, layer),
            Command::MoveLayer {
                document,
                layer,
                to,
            } => self.move_layer(document, layer, to),
            Command::SetPreferences(preferences) => self.preferences = *preferences,
            Command::DismissNotice(notice) => self.notices.dismiss(notice),
            _ => {}
        }
    }

    /// Takes in what the threads have done since the last call. True when something changed, there
    /// or by a command.
    pub fn poll(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// Ends: stops all jobs, waits for the files being written, removes the journals.
    pub fn close(self) {
        drop(self);
    }

    fn open_pixels(&mut self, title: Option<String>, pixels: Pixmap) {
        let Some(Ok(settings)) = self
            .card
            .as_ref()
            .map(|card| settings::first_settings(&card.defaults))
        else {
            return;
        };
        self.last_document += 1;
        let id = DocumentId(self.last_document);
        let base = Picture {
            pixels,
            profile: Profile::Srgb,
        };
        self.documents.push(OpenDocument {
            document: Document::new(id, base),
            title: title.unwrap_or_default(),
            path: None,
            settings,
            seed_locked: false,
            busy_saving: false,
        });
        self.active = Some(id);
    }

    fn close_document(&mut self, id: DocumentId, discard_unsaved: bool) {
        let keep = |open: &OpenDocument| open.document.is_unsaved() && !discard_unsaved;
        self.documents.retain(|open| open.id() != id || keep(open));
        if self
            .active
            .is_some_and(|active| self.document(active).is_none())
        {
            self.active = self.documents.last().map(OpenDocument::id);
        }
    }

    fn activate(&mut self, id: DocumentId) {
        if self.document(id).is_some() {
            self.active = Some(id);
        }
    }

    fn with_document(&mut self, id: DocumentId, change: impl FnOnce(&mut OpenDocument)) {
        if let Some(open) = self.documents.iter_mut().find(|open| open.id() == id) {
            change(open);
        }
    }

    fn edit(
        &mut self,
        id: DocumentId,
        label: EditLabel,
        change: impl FnOnce(&mut crate::document::State),
    ) {
        self.with_document(id, |open| _ = open.document.edit(label, change));
    }
}

//! The application without a window: [`Editor`] owns the documents, the queue, the candidates, the
//! preferences and the journals, and is the only one that changes them.
//!
//! `ui` shows what the accessors say and sends [`Command`]s; tests do the same. Long work goes to
//! threads of `jobs` and comes back through [`Editor::poll`]. Never names egui or candle.

mod adding_server;
mod again;
mod background;
mod batch;
mod candidates;
mod clicking;
mod closed;
mod command;
mod dispatch;
mod document_journal;
mod erasing;
mod error;
mod files;
mod finishing;
mod forecasting;
mod generating;
mod getting;
mod ids;
mod in_project;
mod journaling;
mod keeping;
mod kept_results;
mod layers;
mod losses;
mod mask_tools;
mod models;
mod notices;
mod open_document;
mod painting;
mod pointing;
mod preferences;
mod projects;
mod purpose;
mod read;
mod recipes;
mod recognising;
mod recovery;
mod refining;
mod rerun;
mod rerunning;
mod said;
mod samples;
mod saving;
mod seeds;
mod selecting;
mod sending;
mod served;
mod server_view;
mod servers;
mod spreading;
mod start;
mod thumbnails;
mod when_read;

pub use background::Behind;
pub use batch::{
    Activity, BatchCommand, BatchCounts, BatchOutput, BatchPhase, BatchPicture, BatchPreset, Doing,
    Findings, Look, LookId, LookOf, MaskState, OpenBatch, RecipeFrom, RecipeName, Redo, Tries,
    TryTile, Verdict,
};
pub use candidates::{Candidate, LayerRecipe};
pub use closed::RecentlyClosed;
pub use command::Command;
pub use erasing::Erasure;
pub use error::EditorError;
pub use generating::{Comparison, Run, RunProgress, RunState};
pub use getting::{Getting, GettingState, Question};
pub use ids::{CandidateId, ComparisonId, GroupId};
pub use losses::Losses;
pub use notices::{Notice, NoticeId, NoticeLevel};
pub use open_document::OpenDocument;
pub use painting::{BrushTip, StrokePoint};
pub use preferences::{Preferences, Theme};
pub use recovery::{Recoverable, RecoveryId, Thumbnail};
pub use rerun::{Rerun, RerunOf};
pub use samples::Sample;
pub use saving::{SaveQuestion, SaveStep};
pub use served::Limit;
pub use server_view::{Adding, ServedCard, ServerCommand, ServerState, ServerView};
pub use start::Start;

use std::path::PathBuf;
use std::sync::Arc;

use crate::catalog::{self, ModelCard, ModelRef, Servers};
use crate::document::{DocumentId, EditLabel, LayerId, State};
use crate::jobs::{
    ClickLane, EngineFactory, EngineTurns, Engines, EraseLane, Runner, Speeds, TaskThread,
    VisionFactory,
};
use crate::text::Language;
use background::{BackgroundEvent, Putting};
use batch::Batches;
use clicking::Clicking;
use closed::Closing;
use files::{FileEvent, FoundModels};
use forecasting::Forecasting;
use getting::GettingModels;
use journaling::{JournalEvent, SyncEvent};
use keeping::Keeper;
use mask_tools::MaskTools;
use notices::Notices;
use recognising::Recognising;
use recovery::{LeftBehind, SessionFolder, Shown};
use seeds::Seeds;
use selecting::{Selecting, SightEvent};
use servers::Serving;
use thumbnails::Thumbnails;

/// The application without a window.
pub struct Editor {
    language: Language,
    data_dir: PathBuf,
    documents: Vec<OpenDocument>,
    active: Option<DocumentId>,
    runner: Runner,
    erase_lane: EraseLane,
    erasures: Vec<Erasure>,
    runs: Vec<Run>,
    comparisons: Vec<Comparison>,
    candidates: Vec<Candidate>,
    rerun: Option<Rerun>,
    keeper: Keeper,
    /// A layer that is to be run again once its model is there.
    redo_with_model: Option<(DocumentId, LayerId, ModelRef)>,
    notices: Notices,
    preferences: Preferences,
    preferences_changed: bool,
    card: Option<ModelCard>,
    found: FoundModels,
    left_behind: Vec<(Recoverable, SessionFolder)>,
    closed: Vec<RecentlyClosed>,
    closing: Vec<Closing>,
    recovery: TaskThread<LeftBehind>,
    thumbnails: TaskThread<Shown>,
    file_thumbnails: Thumbnails,
    /// How often held folders were looked at again.
    looks: usize,
    folders_to_remove: Vec<SessionFolder>,
    files: TaskThread<FileEvent>,
    recognising: Recognising,
    journals: TaskThread<JournalEvent>,
    syncs: TaskThread<SyncEvent>,
    vision: VisionFactory,
    sight: TaskThread<SightEvent>,
    selecting: Vec<Selecting>,
    backgrounds: TaskThread<BackgroundEvent>,
    putting: Vec<Putting>,
    mask_tools: MaskTools,
    getting: GettingModels,
    serving: Serving,
    clicking: Clicking,
    batches: Batches,
    seeds: Seeds,
    forecasting: Forecasting,
    last_document: u64,
    last_candidate: u64,
    last_comparison: u64,
    last_recovery: u64,
    changed: bool,
}

impl std::fmt::Debug for Editor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Editor")
            .field("documents", &self.documents)
            .finish_non_exhaustive()
    }
}

/// File tasks that may wait; more are refused with a notice.
const MOST_FILE_TASKS: usize = 64;
/// Selections that may wait, nearly all of them stopped ones.
const MOST_SELECTIONS: usize = 16;
/// Writings of journals that may wait, of all documents; see [`journaling`].
const MOST_JOURNAL_TASKS: usize = 8;

/// This machine's engine, which edits and batches use in turns, and those of servers.
fn engines(engine: EngineFactory) -> (EngineTurns, Engines) {
    let here = EngineTurns::new(EngineFactory::clone(&engine));
    // It knows by the model of each request where that is to run.
    (here, Arc::new(move |_| EngineFactory::clone(&engine)))
}

fn engines_of_edits(here: EngineTurns, there: Engines) -> Engines {
    Arc::new(move |id| match id.server() {
        Some(_) => there(id),
        None => here.of_edits(),
    })
}

impl Editor {
    /// Begins: reads the preferences and looks for what a session that ended badly has left.
    pub fn new(start: Start) -> Self {
        let Start {
            engine,
            demands,
            vision,
            language,
            vault,
            data_dir,
            wake,
        } = start;
        let (preferences, broken) = preferences::read(&data_dir);
        let (here, there) = engines(engine);
        let mut editor = Self {
            language,
            documents: Vec::new(),
            active: None,
            batches: Batches::new((here.clone(), Engines::clone(&there)), &wake),
            runner: Runner::new(engines_of_edits(here, there), Arc::clone(&wake)),
            erase_lane: EraseLane::new(Arc::clone(&wake)),
            erasures: Vec::new(),
            runs: Vec::new(),
            comparisons: Vec::new(),
            candidates: Vec::new(),
            rerun: None,
            keeper: Keeper::new(Arc::clone(&wake)),
            redo_with_model: None,
            notices: Notices::default(),
            preferences_changed: false,
            card: catalog::open(&ModelRef::BuiltIn).ok(),
            found: FoundModels::default(),
            left_behind: Vec::new(),
            closed: Vec::new(),
            closing: Vec::new(),
            recovery: TaskThread::new("recovery", 1, Arc::clone(&wake)),
            thumbnails: TaskThread::new("thumbnails", 1, Arc::clone(&wake)),
            file_thumbnails: Thumbnails::new(Arc::clone(&wake)),
            looks: 0,
            folders_to_remove: Vec::new(),
            files: TaskThread::new("files", MOST_FILE_TASKS, Arc::clone(&wake)),
            recognising: Recognising::new(Arc::clone(&wake)),
            journals: TaskThread::new("journal", MOST_JOURNAL_TASKS, Arc::clone(&wake)),
            syncs: TaskThread::new("journal sync", MOST_JOURNAL_TASKS, Arc::clone(&wake)),
            clicking: Clicking::new(ClickLane::new(Arc::clone(&vision), Arc::clone(&wake))),
            vision,
            sight: TaskThread::new("sight", MOST_SELECTIONS, Arc::clone(&wake)),
            backgrounds: TaskThread::new("background", MOST_SELECTIONS, Arc::clone(&wake)),
            getting: GettingModels::new(Arc::clone(&wake)),
            serving: Serving::new(
                Servers::open(&data_dir).with_vault(vault),
                Arc::clone(&wake),
            ),
            mask_tools: MaskTools::new(wake),
            putting: Vec::new(),
            selecting: Vec::new(),
            seeds: Seeds::from_clock(),
            forecasting: Forecasting::new(demands, Speeds::read(&data_dir)),
            last_document: 0,
            last_candidate: 0,
            last_comparison: 0,
            last_recovery: 0,
            changed: true,
            data_dir,
            preferences,
        };
        if let Some(error) = broken {
            editor.notices.warn(None, &error);
        }
        if editor.preferences.model != ModelRef::BuiltIn {
            editor.set_model(editor.preferences.model.clone());
        }
        editor.list_models();
        editor.list_unfinished();
        let sessions = editor.sessions();
        editor.take_left_behind(recovery::find_left_behind(&sessions));
        editor.list_closed();
        editor
    }

    /// Does what is asked. Long work goes to a thread and comes back through [`poll`](Self::poll).
    pub fn apply(&mut self, command: Command) {
        self.changed = true;
        // A frame can bring many places of a stroke; where it has come is looked at once, in `poll`.
        let is_drawing = matches!(command, Command::StrokeTo { .. });
        if let Some(command) = self.unless_held(command) {
            self.dispatch(command);
        }
        if !is_drawing {
            self.follow_masks();
        }
        self.poll_jobs();
        self.poll_erasures();
        self.keep_results();
        self.write_journals();
    }

    /// Takes in what the threads have done since the last call. True when something changed, there
    /// or by a command.
    pub fn poll(&mut self) -> bool {
        self.follow_masks();
        self.poll_jobs();
        self.poll_recognised();
        self.poll_erasures();
        self.poll_files();
        self.poll_sight();
        self.poll_backgrounds();
        self.poll_mask_tools();
        self.poll_downloads();
        self.poll_servers();
        self.poll_clicks();
        self.poll_batch();
        self.poll_journals();
        self.poll_recovery();
        self.poll_thumbnails();
        self.poll_results();
        self.keep_results();
        self.write_journals();
        if self.changed {
            self.follow_forecast();
        }
        std::mem::take(&mut self.changed)
    }

    fn follow_masks(&mut self) {
        for open in &mut self.documents {
            open.region.update(open.document.mask());
        }
    }

    /// Ends: stops all jobs, waits for files being written, lets go of the documents. Without it
    /// (when the program dies) the journals stay and can be restored.
    pub fn close(mut self) {
        self.poll_jobs();
        for open in std::mem::take(&mut self.documents) {
            self.cancel_select(open.id());
            self.let_go(open);
        }
        let Self {
            runner,
            erase_lane,
            files,
            batches,
            journals,
            syncs,
            keeper,
            closing,
            folders_to_remove,
            preferences,
            preferences_changed,
            data_dir,
            ..
        } = self;
        // Each waits for its thread.
        drop(runner);
        drop(erase_lane);
        drop(files);
        batches.finish();
        drop(journals);
        drop(syncs);
        keeper.finish();
        if preferences_changed {
            // Nobody is left to be told when this fails.
            _ = preferences::write(&data_dir, &preferences);
        }
        for closing in closing {
            // Nobody is left to be told, and the journal is offered at the next start.
            _ = closing.carry_out();
        }
        folders_to_remove
            .into_iter()
            .for_each(SessionFolder::remove);
    }

    fn close_document(&mut self, id: DocumentId, discard_unsaved: bool) {
        let Some(place) = self.documents.iter().position(|open| open.id() == id) else {
            return;
        };
        if let Some(open) = self.documents.get(place)
            && self.losses(id).any()
            && !discard_unsaved
        {
            let title = open.title().to_owned();
            self.notices
                .warn(Some(id), &EditorError::UnsavedWork { title });
            return;
        }
        for run in self.runs.iter().filter(|run| run.document == id) {
            self.runner.cancel(run.job);
        }
        self.cancel_selecting(id);
        self.cancel_clicking(id);
        self.end_refining(Some(id), false);
        self.cancel_put_behind(id);
        self.cancel_erasing(Some(id));
        let closed = self.documents.remove(place);
        self.let_go(closed);
        self.comparisons
            .retain(|comparison| comparison.document != id);
        if self.active == Some(id) {
            let neighbour = self.documents.get(place).or_else(|| self.documents.last());
            self.active = neighbour.map(OpenDocument::id);
        }
    }

    fn activate(&mut self, id: DocumentId) {
        if self.document(id).is_some() {
            self.active = Some(id);
        }
    }

    fn set_preferences(&mut self, preferences: Preferences) {
        let model = preferences.model.clone();
        let other_model = model != self.preferences.model;
        self.preferences = Preferences {
            model: self.preferences.model.clone(),
            ..preferences
        };
        self.preferences_changed = true;
        if other_model {
            self.set_model(model);
        }
    }

    fn with_document(&mut self, id: DocumentId, change: impl FnOnce(&mut OpenDocument)) {
        if let Some(open) = self.documents.iter_mut().find(|open| open.id() == id) {
            change(open);
        }
    }

    /// One undoable edit; a stroke under way ends before it.
    fn edit(&mut self, id: DocumentId, label: EditLabel, change: impl FnOnce(&mut State)) {
        self.with_document(id, |open| {
            open.stroke = None;
            open.document.edit(label, change);
        });
    }
}

//! The window's batch: a folder of pictures, one recipe, four phases. [`OpenBatch`] is what is known of it;
//! `jobs::BatchLane` does the work, with the same functions as the command line.
//!
//! What is done lies in the journal of the output folder; what somebody has said of masks and results lies
//! beside it, so that opening the folder again goes on where one was.

mod choosing;
mod chosen;
mod command;
mod doing;
mod kept;
mod looks;
mod opening;
mod picture;
mod places;
mod reviewing;
mod running;
mod tries;

pub use command::{BatchCommand, BatchPreset, RecipeFrom};
pub use doing::{Activity, Doing};
pub use looks::{Look, LookId, LookOf};
pub use picture::{BatchOutput, BatchPhase, BatchPicture, Findings, MaskState, Redo, Verdict};
pub use tries::{Tries, TryTile};

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::Editor;
use crate::bulk::{BulkRecipe, Decision};
use crate::document::DocumentId;
use crate::jobs::{EngineTurns, Engines, TaskEvent, TaskThread, Wake};
use chosen::Chosen;
use kept::Kept;
use looks::Looks;
use opening::FileDone;

/// What a recipe is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecipeName {
    /// Its file's name.
    File(String),
    /// It was set for a picture of that name.
    Settings(String),
    /// It comes with the program.
    Preset(BatchPreset),
}

/// How many pictures of a batch there are of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BatchCounts {
    /// Whose mask is known, or that cannot be read.
    pub looked_at: usize,
    /// Whose mask wants a look.
    pub look: usize,
    /// Left out.
    pub skipped: usize,
    /// That cannot be read.
    pub unreadable: usize,
    /// With results.
    pub done: usize,
    /// That have none after a run.
    pub failed: usize,
    /// Whose results are wanted.
    pub accepted: usize,
    /// Whose results are not.
    pub rejected: usize,
}

/// A folder of pictures that is open as a batch.
pub struct OpenBatch {
    folder: PathBuf,
    out: PathBuf,
    chosen: Chosen,
    /// Each by itself: what is kept of them is written on a thread while they go on changing.
    pictures: Vec<Arc<BatchPicture>>,
    /// Places of the pictures, those that want a look most first.
    order: Vec<usize>,
    counts: BatchCounts,
    phase: BatchPhase,
    tries: Tries,
    doing: Option<Doing>,
    looks: Looks,
    /// Documents that were opened to refine a mask.
    in_editor: BTreeMap<DocumentId, usize>,
    /// Order and counts are to be worked out again.
    is_stale: bool,
    sorted_at: Option<Instant>,
    /// It is to be written.
    is_changed: bool,
    written_at: Option<Instant>,
}

impl std::fmt::Debug for OpenBatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenBatch")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

/// So often the order follows masks that come.
const SORTING: Duration = Duration::from_millis(500);
/// So often what is known is written while much changes.
const WRITING: Duration = Duration::from_secs(2);
/// File tasks that may wait.
const MOST_TASKS: usize = 8;

impl OpenBatch {
    /// The folder of the pictures.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder of the results.
    pub fn out(&self) -> &Path {
        &self.out
    }

    /// What the folder is called.
    pub fn name(&self) -> String {
        let name = self.folder.file_name().unwrap_or(self.folder.as_os_str());
        name.to_string_lossy().into_owned()
    }

    /// What is done.
    pub fn recipe(&self) -> &BulkRecipe {
        &self.chosen.recipe
    }

    /// What that is called.
    pub fn recipe_name(&self) -> &RecipeName {
        &self.chosen.name
    }

    /// The pictures, by name.
    pub fn pictures(&self) -> &[Arc<BatchPicture>] {
        &self.pictures
    }

    /// Places of the pictures, those whose masks want a look most first.
    pub fn order(&self) -> &[usize] {
        &self.order
    }

    /// How many there are of each kind.
    pub fn counts(&self) -> BatchCounts {
        self.counts
    }

    /// What is shown.
    pub fn phase(&self) -> BatchPhase {
        self.phase
    }

    /// What was tried.
    pub fn tries(&self) -> &Tries {
        &self.tries
    }

    /// What is being done.
    pub fn doing(&self) -> Option<&Doing> {
        self.doing.as_ref()
    }

    /// True where something is still to be written or counted, which [`Editor::poll`] does when it is due.
    pub fn is_unsettled(&self) -> bool {
        self.is_changed || self.is_stale
    }

    /// What something looks like; it is read when it is asked for by `BatchCommand::Look`.
    pub fn look(&self, id: LookId) -> &Look {
        self.looks.of(id)
    }

    /// What was asked for last to be looked at.
    pub fn looked_at(&self) -> &[LookId] {
        self.looks.wanted()
    }

    /// True where a part of each picture is selected.
    pub fn selects(&self) -> bool {
        self.recipe().part().is_some()
    }

    /// True where everything was looked at that is to be.
    pub fn is_masked(&self) -> bool {
        !self.selects() || self.counts.looked_at == self.pictures.len()
    }

    /// Where a picture's first result lies.
    pub fn result_path(&self, picture: usize) -> Option<PathBuf> {
        let first = self.pictures.get(picture)?.known.outputs.first()?;
        Some(self.out.join(&first.file))
    }

    fn path_of(&self, id: LookId) -> Option<PathBuf> {
        match id.of {
            LookOf::Try => {
                let tile = self.tries.tiles.get(id.at)?;
                Some(kept::tries_of(&self.out).join(tile.result.as_ref().ok()?))
            }
            LookOf::Result => self.result_path(id.at),
            LookOf::Picture => Some(self.pictures.get(id.at)?.source.path.clone()),
            LookOf::Cutout => {
                let source = &self.pictures.get(id.at)?.source;
                Some(self.review().cutout_path(source))
            }
        }
    }

    fn change(&mut self) {
        self.is_stale = true;
        self.is_changed = true;
    }

    /// Works order and counts out again, where that is due.
    fn refresh(&mut self) {
        if !self.is_stale {
            return;
        }
        let is_busy = self.doing.is_some();
        if is_busy && self.sorted_at.is_some_and(|at| at.elapsed() < SORTING) {
            return;
        }
        self.is_stale = false;
        self.sorted_at = Some(Instant::now());
        let mut order: Vec<(u8, f64, usize)> = self
            .pictures
            .iter()
            .enumerate()
            .map(|(at, picture)| {
                let (kind, score) = picture.doubt();
                (kind, score, at)
            })
            .collect();
        order.sort_by(|a, b| {
            let by_doubt = b.0.cmp(&a.0).then(b.1.total_cmp(&a.1));
            by_doubt.then(a.2.cmp(&b.2))
        });
        self.order = order.into_iter().map(|(.., at)| at).collect();
        let mut counts = BatchCounts::default();
        for picture in &self.pictures {
            let known = &picture.known;
            let add = |count: &mut usize, is_so: bool| *count += usize::from(is_so);
            add(&mut counts.looked_at, known.mask != MaskState::Unknown);
            add(&mut counts.look, picture.wants_a_look());
            add(&mut counts.skipped, picture.is_skipped());
            let unreadable = matches!(known.mask, MaskState::Failed(_));
            add(&mut counts.unreadable, unreadable);
            add(&mut counts.done, !known.outputs.is_empty());
            let failed = known.failure.is_some() && known.outputs.is_empty();
            add(&mut counts.failed, failed);
            add(
                &mut counts.accepted,
                known.verdict == Some(Verdict::Accepted),
            );
            add(
                &mut counts.rejected,
                known.verdict == Some(Verdict::Rejected),
            );
        }
        self.counts = counts;
    }

    /// What is known of it, to be put together on any thread.
    fn kept(&self) -> impl FnOnce() -> Kept + Send + use<> {
        let (chosen, phase, tries) = (self.chosen.clone(), self.phase, self.tries.clone());
        let pictures = self.pictures.clone();
        move || Kept::new(&chosen, phase, tries, &pictures)
    }
}

/// The batch, and the threads it needs.
pub(super) struct Batches {
    open: Option<OpenBatch>,
    files: TaskThread<FileDone>,
    /// This machine's engine, in turns with edits; and those of servers.
    engines: (EngineTurns, Engines),
    wake: Wake,
}

impl Batches {
    pub(super) fn new(engines: (EngineTurns, Engines), wake: &Wake) -> Self {
        Self {
            open: None,
            files: TaskThread::new("batch's files", MOST_TASKS, Wake::clone(wake)),
            engines,
            wake: Wake::clone(wake),
        }
    }

    /// Stops what is done, takes in what it has still to say, and writes what is known.
    pub(super) fn finish(mut self) {
        if let Some(mut batch) = self.open.take() {
            batch.stop_and_wait();
            // Nobody is left to be told when this fails.
            _ = batch.kept()().write(&batch.out);
        }
    }
}

impl Editor {
    /// The folder that is open as a batch.
    pub fn batch(&self) -> Option<&OpenBatch> {
        self.batches.open.as_ref()
    }

    /// The picture of the batch whose mask that document refines.
    pub fn batch_picture_of(&self, document: DocumentId) -> Option<&BatchPicture> {
        let batch = self.batch()?;
        let picture = batch.pictures.get(*batch.in_editor.get(&document)?);
        picture.map(AsRef::as_ref)
    }

    pub(super) fn do_batch(&mut self, command: BatchCommand) {
        use BatchCommand as C;
        match command {
            C::Open { folder, recipe } => self.open_batch(folder, &recipe),
            C::Close => self.close_batch(),
            C::SetRecipe(from) => self.set_batch_recipe(&from),
            C::SetPrompt(prompt) => self.set_batch_prompt(prompt),
            C::GoTo(phase) => self.with_batch(|batch| batch.phase = phase),
            C::Look(wanted) => {
                if let Some(batch) = &mut self.batches.open {
                    batch.looks.want(wanted);
                }
            }
            C::FindMasks => self.begin_batch(Activity::Masks),
            C::Stop => self.with_batch(OpenBatch::stop),
            C::Hold(is_held) => self.with_batch(|batch| batch.hold(is_held)),
            C::Decide { pictures, decision } => self.with_batch(|batch| {
                batch.each(&pictures, |picture| picture.known.decision = decision);
                if decision == Some(Decision::Accept) {
                    batch.outdate(&pictures, &[Activity::Run]);
                }
            }),
            C::OpenMask(picture) => self.open_batch_mask(picture),
            C::PutBack { document } => self.put_mask_back(document),
            C::Try {
                pictures,
                strengths,
            } => self.try_batch(pictures, strengths),
            C::ChooseStrength(strength) => self.choose_batch_strength(strength),
            C::Run => self.begin_batch(Activity::Run),
            C::Judge { pictures, verdict } => self.with_batch(|batch| {
                batch.each(&pictures, |picture| {
                    // What was not made is neither wanted nor unwanted.
                    let is_made = !picture.known.outputs.is_empty();
                    picture.known.verdict = verdict.filter(|_| is_made);
                });
            }),
            C::Redo {
                picture,
                strength,
                other_seed,
            } => {
                let seed = other_seed.then(|| self.seeds.draw());
                self.redo_in_batch(picture, Redo { strength, seed });
            }
            C::OpenResult(picture) => {
                let path = self.batch().and_then(|batch| batch.result_path(picture));
                if let Some(path) = path {
                    self.open_file(path);
                }
            }
            C::Export(folder) => self.export_batch(folder),
        }
    }

    fn with_batch(&mut self, change: impl FnOnce(&mut OpenBatch)) {
        if let Some(batch) = &mut self.batches.open {
            change(batch);
            batch.change();
        }
    }

    /// Takes in what the batch and its threads have said.
    pub(super) fn poll_batch(&mut self) {
        while let Some(event) = self.batches.files.poll() {
            self.changed = true;
            match event {
                TaskEvent::Done(done) => self.take_batch_file(done),
                TaskEvent::Lost(_) => self.notices.error(None, &super::EditorError::TaskLost),
            }
        }
        self.poll_batch_lane();
        let Some(batch) = &mut self.batches.open else {
            return;
        };
        batch
            .in_editor
            .retain(|id, _| self.documents.iter().any(|open| open.id() == *id));
        batch.refresh();
        self.changed |= batch.looks.take();
        let kept = kept::looks_of(&batch.out);
        while let Some(id) = batch.looks.next() {
            let path = batch.path_of(id);
            batch.looks.read(id, path, &kept);
        }
        let is_due = batch.written_at.is_none_or(|at| at.elapsed() >= WRITING);
        if batch.is_changed && is_due {
            let (kept, out) = (batch.kept(), batch.out.clone());
            let write = move || FileDone::Written(kept().write(&out));
            if self.batches.files.try_do(Box::new(write)).is_ok() {
                batch.is_changed = false;
                batch.written_at = Some(Instant::now());
            }
        }
    }
}

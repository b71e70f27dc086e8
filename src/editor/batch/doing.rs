//! [`Doing`]: what a batch does just now, and how far it is.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::picture::Redo;
use crate::geometry::Extent;
use crate::jobs::{BatchLane, EngineId, Home, Stage};
use crate::plan::PreviewPatch;

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// Masks are made.
    Masks,
    /// A few pictures are tried.
    Try,
    /// All are done.
    Run,
    /// One is done again.
    Redo,
}

/// What is being done, and how far it is.
pub struct Doing {
    pub(super) activity: Activity,
    pub(super) lane: BatchLane,
    /// The pictures of the order, by their places in the batch.
    pub(super) pictures: Vec<usize>,
    pub(super) settled: usize,
    /// Pictures on which it worked, and since when but for the time it was held.
    pub(super) ran: usize,
    pub(super) began: Instant,
    pub(super) held_since: Option<Instant>,
    /// The pictures that are run, one on each engine or a little more, the first one first.
    pub(super) running: Vec<RunningPicture>,
    /// Where it runs, and those of them that have not answered.
    pub(super) engines: Vec<EngineId>,
    pub(super) away: BTreeSet<EngineId>,
    pub(super) redo: Option<Redo>,
    /// Pictures whose masks were changed or accepted since it began: what comes of them is not what is wanted now.
    pub(super) outdated: BTreeSet<usize>,
    pub(super) is_stopping: bool,
}

/// A picture that is run.
pub(super) struct RunningPicture {
    /// Its place in the batch.
    pub(super) place: usize,
    pub(super) stage: Option<Stage>,
    pub(super) preview: Option<Arc<(PreviewPatch, Extent)>>,
}

impl std::fmt::Debug for Doing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Doing")
            .field("activity", &self.activity)
            .field("settled", &self.settled)
            .finish_non_exhaustive()
    }
}

impl Doing {
    /// From its beginning.
    pub(super) fn new(
        activity: Activity,
        (lane, pictures): (BatchLane, Vec<usize>),
        homes: &[Home],
        redo: Option<Redo>,
    ) -> Self {
        Self {
            activity,
            lane,
            pictures,
            settled: 0,
            ran: 0,
            began: Instant::now(),
            held_since: None,
            running: Vec::new(),
            engines: homes.iter().map(Home::engine).collect(),
            away: BTreeSet::new(),
            redo,
            outdated: BTreeSet::new(),
            is_stopping: false,
        }
    }

    /// What.
    pub fn activity(&self) -> Activity {
        self.activity
    }

    /// Pictures that are settled, of how many.
    pub fn progress(&self) -> (usize, usize) {
        (self.settled, self.pictures.len())
    }

    /// The picture that is run.
    pub fn current(&self) -> Option<usize> {
        self.running.first().map(|running| running.place)
    }

    /// Where its run stands.
    pub fn stage(&self) -> Option<Stage> {
        self.running.first()?.stage
    }

    /// What its result will be, and the size of its picture.
    pub fn preview(&self) -> Option<&Arc<(PreviewPatch, Extent)>> {
        self.running.first()?.preview.as_ref()
    }

    /// The engines that it runs on.
    pub fn engines(&self) -> &[EngineId] {
        &self.engines
    }

    /// That engine has done something.
    pub(super) fn answers(&mut self, engine: &EngineId) {
        self.away.remove(engine);
    }

    /// That engine does not answer; true where none is left that does.
    pub(super) fn is_last_to_go(&mut self, engine: EngineId) -> bool {
        self.away.insert(engine);
        self.engines.iter().all(|engine| self.away.contains(engine))
    }

    /// The picture of the order, where it is run.
    pub(super) fn running(&mut self, index: usize) -> Option<&mut RunningPicture> {
        let place = *self.pictures.get(index)?;
        self.running.iter_mut().find(|it| it.place == place)
    }

    /// True while it is held.
    pub fn is_held(&self) -> bool {
        self.lane.is_held()
    }

    /// True from when it was asked to stop.
    pub fn is_stopping(&self) -> bool {
        self.is_stopping
    }

    /// What it will take yet, once a picture was worked on.
    pub fn time_left(&self) -> Option<Duration> {
        let now = self.held_since.unwrap_or_else(Instant::now);
        let worked = now.duration_since(self.began);
        let left = self.pictures.len() - self.settled.min(self.pictures.len());
        (self.ran > 0).then(|| worked / self.ran as u32 * left as u32)
    }
}

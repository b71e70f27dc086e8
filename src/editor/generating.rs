//! From settings to jobs: variations and comparisons of strengths.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use serde_json::Map;

use super::candidates::Candidate;
use super::candidates::OnDisk;
use super::error::EditorError;
use super::ids::{CandidateId, ComparisonId, GroupId};
use super::purpose::{Purpose, Wanted};
use super::{Editor, OpenDocument};
use crate::catalog::{Library, ModelRef};
use crate::document::DocumentId;
use crate::geometry::Extent;
use crate::jobs::{EditResult, EngineId, Home, JobEvent, JobId, Stage};
use crate::plan::{
    EditRequest, EditSettings, Layout, PreviewPatch, RegionBounds, SecondPass, Seed, Strength,
    layout,
};
use crate::raster::Picture;
use crate::text::{Explain as _, Message};

/// A run that was asked for, from then until its end; ended ones are kept for a while.
#[derive(Debug, Clone)]
pub struct Run {
    /// The job.
    pub job: JobId,
    /// The document it is for.
    pub document: DocumentId,
    /// What it is for.
    pub(super) purpose: Purpose,
    /// The comparison it belongs to.
    pub comparison: Option<ComparisonId>,
    /// The press that asked for it.
    pub group: GroupId,
    /// The model that runs.
    pub model: ModelRef,
    /// What was asked for.
    pub(super) request: Arc<EditRequest>,
    /// The settings it runs with, its seed among them.
    pub settings: Arc<EditSettings>,
    /// How it lies in its picture.
    pub layout: Layout,
    /// The canvas size it is made for.
    pub canvas: Extent,
    /// Where it stands.
    pub state: RunState,
}

/// Where a run stands.
#[derive(Debug, Clone)]
pub enum RunState {
    /// In the queue.
    Waiting,
    /// On an engine.
    Running(RunProgress),
    /// It gave a result.
    Finished(CandidateId),
    /// It failed, and why.
    Failed(Message),
    /// It was stopped.
    Cancelled,
}

impl RunState {
    /// True once nothing will change any more.
    pub fn is_ended(&self) -> bool {
        !matches!(self, Self::Waiting | Self::Running(_))
    }
}

/// How far a running job is.
#[derive(Debug, Clone, Default)]
pub struct RunProgress {
    /// Where it runs.
    pub engine: EngineId,
    /// `None` until the engine has said something.
    pub stage: Option<Stage>,
    /// Since it began.
    pub seconds_gone: f64,
    /// Until its end; `None` until steps have been measured.
    pub seconds_left: Option<f64>,
    /// What it will be like, newest.
    pub preview: Option<Arc<PreviewPatch>>,
    /// How many previews have come.
    pub preview_count: u64,
}

/// The same seed and settings at several strengths.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// Which one.
    pub id: ComparisonId,
    /// The document it is for.
    pub document: DocumentId,
    /// The strengths in rising order, with their jobs.
    pub entries: Vec<(Strength, JobId)>,
    /// The press that asked for it.
    group: GroupId,
    /// What all its runs share; only the strength differs.
    request: Arc<EditRequest>,
}

impl Comparison {
    /// The settings that all its runs share; the strength in them means nothing.
    pub fn settings(&self) -> &EditSettings {
        &self.request.settings
    }

    /// The model that all its runs are made with.
    pub(super) fn model(&self) -> &ModelRef {
        &self.request.model
    }

    /// The picture that all its runs start from, as it was when they were asked for.
    pub fn source(&self) -> &Picture {
        &self.request.source
    }
}

/// Ended runs that are kept.
const MOST_ENDED: usize = 60;

impl Editor {
    pub(super) fn generate(&mut self, id: DocumentId) {
        let Some((request, layout)) = self.new_request(id, None) else {
            return;
        };
        let redone = self.document(id).and_then(OpenDocument::redoing);
        let again = redone.and_then(|layer| Wanted::of_layer(layer, &request));
        let purpose = Purpose {
            redoes: redone.map(|layer| layer.id),
            ..Purpose::of_group(self.new_group())
        };
        let Seed(first) = request.settings.seed;
        for number in 0..self.preferences.variations() {
            let mut request = EditRequest::clone(&request);
            request.settings.seed = Seed(first.wrapping_add(u64::from(number)));
            let purpose = Purpose {
                again: again.clone().filter(|_| number == 0),
                ..purpose.clone()
            };
            self.submit(id, &Arc::new(request), layout, purpose);
        }
    }

    pub(super) fn compare_strengths(&mut self, id: DocumentId, mut strengths: Vec<Strength>) {
        strengths.sort_by(|a, b| a.get().total_cmp(&b.get()));
        strengths.dedup();
        let Some(highest) = strengths.last() else {
            return;
        };
        let Some((mut request, _)) = self.new_request(id, Some(*highest)) else {
            return;
        };
        // There to choose one of: what is chosen can be drawn finely then.
        Arc::make_mut(&mut request).settings.second_pass = SecondPass::Off;
        self.last_comparison += 1;
        let comparison = ComparisonId(self.last_comparison);
        let group = self.new_group();
        self.comparisons.push(Comparison {
            id: comparison,
            document: id,
            entries: Vec::new(),
            group,
            request,
        });
        for strength in strengths {
            self.add_to_comparison(comparison, strength);
        }
    }

    pub(super) fn add_between(&mut self, id: ComparisonId, lower: Strength, upper: Strength) {
        // Two decimals are what people see; between neighbours of those the true middle is taken.
        let middle = f64::midpoint(lower.get(), upper.get());
        let rounded = (middle * 100.0).round() / 100.0;
        let is_new = |value: f64| value != lower.get() && value != upper.get();
        let value = if is_new(rounded) { rounded } else { middle };
        if let Ok(strength) = Strength::new(value) {
            self.add_to_comparison(id, strength);
        }
    }

    /// Runs one more strength of a comparison, on the very picture and mask of the others.
    fn add_to_comparison(&mut self, id: ComparisonId, strength: Strength) {
        let Some(comparison) = self.comparisons.iter().find(|other| other.id == id) else {
            return;
        };
        if comparison
            .entries
            .iter()
            .any(|(known, _)| *known == strength)
        {
            return;
        }
        let document = comparison.document;
        let purpose = Purpose {
            comparison: Some(id),
            ..Purpose::of_group(comparison.group)
        };
        let mut request = EditRequest::clone(&comparison.request);
        request.settings.strength = strength;
        let bounds =
            crate::plan::region_bounds(request.painted.as_ref(), request.settings.mask_mode);
        let extent = request.source.extent();
        match layout(extent, bounds, &request.settings, &request.traits) {
            Ok(layout) => {
                let job = self.submit(document, &Arc::new(request), layout, purpose);
                if let Some(comparison) = self.comparisons.iter_mut().find(|other| other.id == id) {
                    comparison.entries.push((strength, job));
                    comparison
                        .entries
                        .sort_by(|a, b| a.0.get().total_cmp(&b.0.get()));
                }
            }
            Err(error) => self.notices.warn(Some(document), &error),
        }
    }

    pub(super) fn close_comparison(&mut self, id: ComparisonId) {
        let runs = self.runs.iter().filter(|run| run.comparison == Some(id));
        let open: Vec<JobId> = runs
            .filter(|run| !run.state.is_ended())
            .map(|run| run.job)
            .collect();
        for job in open {
            self.runner.cancel(job);
        }
        self.comparisons.retain(|comparison| comparison.id != id);
    }

    /// What a run of the present settings would be, or a notice why there is none. Draws a seed
    /// unless it is held.
    fn new_request(
        &mut self,
        id: DocumentId,
        strength: Option<Strength>,
    ) -> Option<(Arc<EditRequest>, Layout)> {
        let Some(card) = &self.card else {
            self.notices.warn(Some(id), &EditorError::NoModel);
            return None;
        };
        let open = self.documents.iter_mut().find(|open| open.id() == id)?;
        // A stroke under way counts as far as it has come.
        open.settle();
        open.region.update(open.document.mask());
        let mut settings = open.about.settings.clone();
        settings.strength = strength.unwrap_or(settings.strength);
        if !open.about.seed_locked {
            settings.seed = self.seeds.draw();
        }
        let mask_kind = open.document.mask_kind();
        open.change_about(|about| about.settings.seed = settings.seed);
        settings = settings.for_kind(mask_kind);
        let bounds = open.region.bounds(settings.mask_mode);
        let laid_out = layout(open.document.extent(), bounds, &settings, &card.traits);
        let layout = match laid_out {
            Ok(layout) => layout,
            Err(error) => {
                self.notices.warn(Some(id), &error);
                return None;
            }
        };
        let painted = (bounds != RegionBounds::Everything).then(|| open.document.mask().clone());
        if settings
            .loras
            .iter()
            .any(|used| used.lora.path.is_relative())
        {
            // Out of a recipe, which does not know where they lie here.
            let library = Library::open(&self.data_dir);
            for used in &mut settings.loras {
                used.lora = library.found_lora(used.lora.clone());
            }
        }
        let request = EditRequest {
            model: card.reference.clone(),
            traits: card.traits.clone(),
            source: open.source(),
            painted,
            mask_kind,
            settings,
        };
        self.preferences
            .note_run(&request.model, &open.about.settings);
        self.preferences_changed = true;
        Some((Arc::new(request), layout))
    }

    /// Hands a request over.
    pub(super) fn submit(
        &mut self,
        document: DocumentId,
        request: &Arc<EditRequest>,
        layout: Layout,
        purpose: Purpose,
    ) -> JobId {
        let others = match purpose.comparison {
            Some(_) => self.homes_beside(&Home {
                model: request.model.clone(),
                traits: request.traits.clone(),
            }),
            None => Vec::new(),
        };
        let job = self.runner.add(Arc::clone(request), others);
        self.runs.push(Run {
            job,
            document,
            comparison: purpose.comparison,
            group: purpose.group,
            purpose,
            request: Arc::clone(request),
            model: request.model.clone(),
            settings: Arc::new(request.settings.clone()),
            layout,
            canvas: request.source.extent(),
            state: RunState::Waiting,
        });
        job
    }

    /// Takes in what jobs have said.
    pub(super) fn poll_jobs(&mut self) {
        let (events, moved) = self.runner.poll();
        self.changed |= moved || !events.is_empty();
        for (job, event) in events {
            let Some(place) = self.runs.iter().position(|run| run.job == job) else {
                continue;
            };
            let Some(run) = self.runs.get(place).cloned() else {
                continue;
            };
            let state = match event {
                JobEvent::Started => RunState::Running(RunProgress::default()),
                JobEvent::GivenBack(error) => {
                    self.notices.warn(Some(run.document), &error);
                    RunState::Waiting
                }
                JobEvent::Cancelled => RunState::Cancelled,
                JobEvent::Failed(error) => {
                    self.note_server_fault(&error);
                    self.notices.failure(run.document, &error, job);
                    RunState::Failed(error.message())
                }
                // Its document was closed while it ran.
                JobEvent::Finished(_) if self.document(run.document).is_none() => {
                    RunState::Cancelled
                }
                JobEvent::Finished(result) => {
                    // That it was stopped is no news to whoever stopped it.
                    if let Some(error) = &result.ended_early_by
                        && !error.is_cancelled()
                    {
                        self.notices.warn(Some(run.document), error);
                    }
                    if let Some(fault) = &result.report.previews.fault {
                        self.notices.info(Some(run.document), fault.clone());
                    }
                    self.learn_speeds(&result);
                    self.note_server_speed(&run.model, &result);
                    self.take_result(&run, *result)
                }
            };
            if let Some(run) = self.runs.get_mut(place) {
                run.state = state;
            }
        }
        self.note_progress();
        self.order_runs();
    }

    /// Keeps a result. One that was to finish a layer takes its place; where it was stopped before it
    /// came to anything new, nothing is kept.
    fn take_result(&mut self, run: &Run, result: EditResult) -> RunState {
        if run.purpose.finishes.is_some() && result.passes.0 == 1 {
            return RunState::Cancelled;
        }
        self.say_whether_same(run, &result);
        let id = self.add_candidate(candidate_of(run, result));
        if let Some(layer) = run.purpose.finishes {
            self.place_finished(id, layer);
        }
        RunState::Finished(id)
    }

    fn note_progress(&mut self) {
        let now = Instant::now();
        for standing in self.runner.standings() {
            let progress = RunProgress {
                engine: standing.engine.clone(),
                stage: standing.stage,
                seconds_gone: (now - standing.since).as_secs_f64(),
                seconds_left: self.runner.seconds_left(standing.job, now),
                preview: standing.preview.clone(),
                preview_count: standing.preview_count,
            };
            if let Some(run) = self.runs.iter_mut().find(|run| run.job == standing.job) {
                run.state = RunState::Running(progress);
            }
        }
    }

    /// The running ones, the waiting ones in their order, then the ended ones, newest first.
    fn order_runs(&mut self) {
        let waiting: Vec<JobId> = self.runner.waiting().collect();
        self.runs.sort_by_key(|run| match run.state {
            RunState::Running(_) => (0, run.job.0),
            RunState::Waiting => {
                let place = waiting.iter().position(|job| *job == run.job);
                (1, place.map_or(u64::MAX, |place| place as u64))
            }
            _ => (2, u64::MAX - run.job.0),
        });
        let open = self.runs.iter().filter(|run| !run.state.is_ended()).count();
        self.runs.truncate(open + MOST_ENDED);
    }
}

/// The result of a run; it has no name yet.
fn candidate_of(run: &Run, result: EditResult) -> Candidate {
    Candidate {
        id: CandidateId(0),
        document: run.document,
        job: run.job,
        comparison: run.comparison,
        group: run.group,
        // It is given its key with its name.
        key: String::new(),
        made_at: Some(SystemTime::now()),
        redoes: run.purpose.redoes,
        model: result.model.clone(),
        request: Some(Arc::clone(&run.request)),
        settings: if result.second_pass == run.settings.second_pass {
            Arc::clone(&run.settings)
        } else {
            Arc::new(EditSettings {
                second_pass: result.second_pass,
                ..EditSettings::clone(&run.settings)
            })
        },
        painted: run.request.painted.clone(),
        mask_kind: run.request.mask_kind,
        provenance: result.provenance.map(Arc::new),
        patch: Some(Arc::new(result.patch)),
        layout: result.layout,
        details: result.details,
        report: result.report,
        total_seconds: result.total_seconds,
        canvas: run.canvas,
        accepted_as: None,
        disk: OnDisk::default(),
        unknown: Map::new(),
    }
}

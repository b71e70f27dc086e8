//! Running again: what gave a result or a layer, with its own seed or another, a layer with other settings, and
//! what failed.

use std::sync::Arc;

use super::candidates::LayerRecipe;
use super::error::EditorError;
use super::generating::{Run, RunState};
use super::ids::CandidateId;
use super::notices::{Notice, NoticeId};
use super::purpose::{Purpose, Wanted};
use super::rerun::{Rerun, RerunOf};
use super::when_read::WhenRead;
use super::{Editor, OpenDocument};
use crate::catalog::ModelRef;
use crate::document::{DocumentId, EditLabel, Layer, LayerId};
use crate::jobs::{EditResult, JobId};
use crate::plan::{EditRequest, EditSettings, layout, region_bounds};
use crate::raster::{Picture, blank_mask};
use crate::text::Explain as _;

impl Editor {
    /// Says whether what a run was to give again came again.
    pub(super) fn say_whether_same(&mut self, run: &Run, result: &EditResult) {
        let Some(wanted) = &run.purpose.again else {
            return;
        };
        match wanted.told(result, &run.model) {
            Ok(same) => self.notices.info(Some(run.document), same),
            Err(other) => self.notices.warning(Some(run.document), other),
        }
    }

    /// True where a notice is about runs that failed and can be tried again as they were asked for.
    pub fn can_try_again(&self, notice: &Notice) -> bool {
        notice
            .failed
            .iter()
            .any(|job| self.failed_run(*job).is_some())
    }

    /// The run of that job, where it failed and its document is still open.
    fn failed_run(&self, job: JobId) -> Option<&Run> {
        let run = self.runs.iter().find(|run| run.job == job)?;
        let has_failed = matches!(run.state, RunState::Failed(_));
        (has_failed && self.document(run.document).is_some()).then_some(run)
    }

    /// Runs what failed once more: the same picture, mask, settings and seed.
    pub(super) fn try_again(&mut self, id: NoticeId) {
        for job in self.notices.take_failed(id) {
            let Some(run) = self.failed_run(job).cloned() else {
                continue;
            };
            self.runs.retain(|other| other.job != job);
            let mut comparisons = self.comparisons.iter();
            let is_compared = comparisons.any(|it| Some(it.id) == run.comparison);
            let purpose = Purpose {
                comparison: run.comparison.filter(|_| is_compared),
                ..run.purpose
            };
            let again = self.submit(run.document, &run.request, run.layout, purpose);
            let entries = self.comparisons.iter_mut().flat_map(|it| &mut it.entries);
            for (_, entry) in entries.filter(|(_, entry)| *entry == job) {
                *entry = again;
            }
        }
    }

    /// The model of the runs that failed of a notice.
    pub(super) fn model_of_failed(&self, id: NoticeId) -> Option<&ModelRef> {
        let notice = self.notices().iter().find(|notice| notice.id == id)?;
        let mut runs = notice.failed.iter().filter_map(|job| self.failed_run(*job));
        runs.next().map(|run| &run.model)
    }

    /// Runs what gave a result once more, with its own seed or with another: from the picture it began
    /// from where this session still has that, else from what its place in the document gives now.
    pub(super) fn run_again(&mut self, id: CandidateId, other_seed: bool) {
        if !self.is_read(id, WhenRead::RunAgain { other_seed }) {
            return;
        }
        let request = self.candidate(id).and_then(|it| it.request.clone());
        if let Some(request) = request {
            return self.start_again(id, EditRequest::clone(&request), other_seed);
        }
        // That takes a while, and is found out beside the user.
        self.keeper.asked_again = Some((id, other_seed));
        self.check_rerun(RerunOf::Result(id));
    }

    /// Takes in what was found out of doing a run again.
    pub(super) fn rerun_checked(&mut self, rerun: Rerun) {
        let is_it = |(id, _): &mut (CandidateId, bool)| rerun.of == RerunOf::Result(*id);
        if let Some((id, other_seed)) = self.keeper.asked_again.take_if(is_it) {
            let document = self.candidate(id).map(|candidate| candidate.document);
            match (&rerun.request, rerun.differences.first()) {
                (Some(request), _) => {
                    self.start_again(id, EditRequest::clone(request), other_seed);
                }
                (None, Some(why)) => self.notices.warning(document, why.message()),
                (None, None) => {}
            }
        }
        self.rerun = Some(rerun);
    }

    fn start_again(&mut self, id: CandidateId, mut request: EditRequest, other_seed: bool) {
        let group = self.new_group();
        let other_seed = other_seed.then(|| self.seeds.draw());
        let Some(candidate) = self.candidate(id) else {
            return;
        };
        let document = candidate.document;
        let (made_for, now) = (candidate.canvas, request.source.extent());
        if made_for != now {
            let error = EditorError::CanvasChanged { made_for, now };
            return self.notices.warn(Some(document), &error);
        }
        request.settings = EditSettings {
            seed: other_seed.unwrap_or(candidate.settings.seed),
            ..EditSettings::clone(&candidate.settings)
        };
        let wanted = candidate.patch.as_ref().map(|patch| Wanted {
            patch: Arc::clone(patch),
            provenance: candidate.provenance.clone(),
        });
        let purpose = Purpose {
            redoes: candidate.redoes,
            again: wanted.filter(|_| other_seed.is_none()),
            ..Purpose::of_group(group)
        };
        let (settings, traits) = (&request.settings, &request.traits);
        let bounds = region_bounds(request.painted.as_ref(), settings.mask_mode);
        match layout(request.source.extent(), bounds, settings, traits) {
            Ok(layout) => {
                self.submit(document, &Arc::new(request), layout, purpose);
            }
            Err(error) => self.notices.warn(Some(document), &error),
        }
    }

    /// Brings the settings and the mask that made a layer back, with its model: the next run is made on
    /// what lies below it, and its result takes the layer's place when it is accepted.
    pub(super) fn redo_layer(&mut self, id: DocumentId, layer: LayerId) {
        let chosen = self.model().clone();
        let Some(open) = self.documents.iter_mut().find(|open| open.id() == id) else {
            return;
        };
        let Some(made) = open.document.layer(layer) else {
            return;
        };
        let Some(recipe) = LayerRecipe::of(made) else {
            return self.notices.warn(Some(id), &EditorError::NoRecipe);
        };
        let had_none = recipe.provenance.as_ref();
        let had_none = had_none.is_some_and(|made_from| made_from.mask.is_none());
        let painted = made.painted.clone();
        open.redoing = Some(layer);
        if recipe.model != chosen {
            // What belongs to the model is set when it is there, and then this goes on.
            self.redo_with_model = Some((id, layer, recipe.model.clone()));
            return self.set_model(recipe.model);
        }
        open.stroke = None;
        let blank = || blank_mask(open.extent());
        let mask = painted.or_else(|| had_none.then(blank));
        let fits = mask.filter(|mask| mask.extent() == open.extent());
        if let Some(mask) = fits {
            open.document.edit(EditLabel::LayerMask, |state| {
                state.mask = mask;
                state.mask_kind = recipe.mask_kind;
            });
        } else {
            self.notices.warn(Some(id), &EditorError::NoLayerMask);
        }
        self.with_document(id, |open| {
            open.change_about(|about| {
                about.settings = recipe.settings;
                about.seed_locked = true;
            });
        });
        self.check_rerun(RerunOf::Layer(id, layer));
    }

    /// Goes on with a layer whose model has been found.
    pub(super) fn go_on_redoing(&mut self, found: &ModelRef) {
        let waiting = self.redo_with_model.take();
        if let Some((document, layer, model)) = waiting
            && model == *found
        {
            self.redo_layer(document, layer);
        }
    }

    /// The next run makes a new layer again.
    pub(super) fn stop_redoing(&mut self, id: DocumentId) {
        self.with_document(id, |open| open.redoing = None);
    }

    /// A second layer with the same pixels, right above the first.
    pub(super) fn duplicate_layer(&mut self, id: DocumentId, layer: LayerId) {
        self.with_document(id, |open| {
            let place = open.document.layers().iter().position(|it| it.id == layer);
            let Some(place) = place else { return };
            let id = open.document.new_layer_id();
            open.stroke = None;
            open.document.edit(EditLabel::DuplicateLayer, |state| {
                if let Some(layer) = state.layers.get(place).cloned() {
                    state.layers.insert(place + 1, Layer { id, ..layer });
                }
            });
        });
    }
}

impl OpenDocument {
    /// The layer that the next run makes anew.
    pub fn redoing(&self) -> Option<&Layer> {
        self.document.layer(self.redoing?)
    }

    /// What a run begins from: what is visible, or, where a layer is made anew, what lies below it.
    pub(super) fn source(&self) -> Picture {
        picture_below(self, self.redoing)
    }
}

/// What lies below a layer, or all that is visible where there is no such layer.
fn picture_below(open: &OpenDocument, layer: Option<LayerId>) -> Picture {
    let below = layer.and_then(|layer| open.document.state().below(layer));
    below.map_or_else(|| open.document.visible().clone(), |below| below.visible())
}

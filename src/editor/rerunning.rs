//! Finding out of doing a run again what can be known before: what it would compute from, and what
//! stands between it and the same bytes.

use std::path::Path;
use std::sync::Arc;

use super::Editor;
use super::candidates::LayerRecipe;
use super::files::FileEvent;
use super::rerun::{Rerun, RerunOf};
use crate::catalog::{self, Library, ModelRef};
use crate::document::State;
use crate::jobs::{Difference, JobId, Provenance};
use crate::plan::{EditRequest, EditSettings};
use crate::raster::{Mask, MaskKind, Picture};

/// What is known of a run that was.
struct Before {
    model: ModelRef,
    settings: EditSettings,
    painted: Option<Mask>,
    mask_kind: MaskKind,
    provenance: Option<Arc<Provenance>>,
}

/// Where a run again would begin.
enum Begin {
    /// From this picture.
    Picture(Picture),
    /// From what this looks like.
    State(State),
}

impl Editor {
    /// What was found out of doing that run again; `None`: nobody asked, or it is not known yet. It says
    /// how things stood when it was asked.
    pub fn rerun(&self, of: RerunOf) -> Option<&Rerun> {
        self.rerun.as_ref().filter(|rerun| rerun.of == of)
    }

    /// Finds out of doing a run again, on the file thread.
    pub(super) fn check_rerun(&mut self, of: RerunOf) {
        self.rerun = None;
        let Some((before, begin)) = self.run_before(of) else {
            return;
        };
        let data_dir = self.data_dir.clone();
        let device = self.device();
        self.do_file_task(Box::new(move || {
            let (request, differences) = request_again(before, begin, &device, &data_dir);
            FileEvent::RerunChecked(Box::new(Rerun {
                of,
                differences,
                request: request.map(Arc::new),
            }))
        }));
    }

    fn run_before(&self, of: RerunOf) -> Option<(Before, Begin)> {
        let (document, layer) = match of {
            RerunOf::Layer(document, layer) => (document, Some(layer)),
            RerunOf::Result(id) => {
                let candidate = self.candidate(id)?;
                (
                    candidate.document,
                    candidate.accepted_as.or(candidate.redoes),
                )
            }
        };
        let state = self.document(document)?.document().state();
        let below = layer.and_then(|layer| state.below(layer));
        let (mut before, begin) = match of {
            RerunOf::Layer(_, id) => {
                let layer = state.layers.iter().find(|layer| layer.id == id)?;
                let recipe = LayerRecipe::of(layer)?;
                let before = Before {
                    model: recipe.model,
                    settings: recipe.settings,
                    painted: layer.painted.clone(),
                    mask_kind: recipe.mask_kind,
                    provenance: recipe.provenance,
                };
                (before, Begin::State(below?))
            }
            RerunOf::Result(id) => {
                let candidate = self.candidate(id)?;
                let before = Before {
                    model: candidate.model.clone(),
                    settings: EditSettings::clone(&candidate.settings),
                    painted: candidate.painted.clone(),
                    mask_kind: candidate.mask_kind,
                    provenance: candidate.provenance.clone(),
                };
                let begin = match &candidate.request {
                    Some(request) => Begin::Picture(request.source.clone()),
                    None => Begin::State(below.unwrap_or_else(|| state.clone())),
                };
                (before, begin)
            }
        };
        // One of before masks were kept: what is painted now comes nearest.
        let had_mask = before.provenance.as_ref().map(|it| it.mask.is_some());
        if before.painted.is_none() && had_mask != Some(false) {
            let mask = &state.mask;
            let is_blank = *mask == Mask::filled(mask.extent(), 0);
            before.painted = (!is_blank).then(|| mask.clone());
            before.mask_kind = state.mask_kind;
        }
        Some((before, begin))
    }

    /// What computes in this session; nothing as long as nothing has run.
    fn device(&self) -> String {
        let ran = self.candidates.iter().rev();
        let ran = ran.filter(|candidate| candidate.job != JobId(0));
        let mut devices = ran.map(|candidate| candidate.report.device.clone());
        devices.next().unwrap_or_default()
    }
}

/// The request of a run again, and what stands between it and the same bytes.
fn request_again(
    before: Before,
    begin: Begin,
    device: &str,
    data_dir: &Path,
) -> (Option<EditRequest>, Vec<Difference>) {
    let library = Library::open(data_dir);
    let model = found_model(&library, before.model);
    let Ok(card) = catalog::open(&model) else {
        let name = model.name();
        return (None, vec![Difference::ModelAbsent { name }]);
    };
    let mut settings = before.settings;
    for used in &mut settings.loras {
        used.lora = library.found_lora(used.lora.clone());
    }
    let source = match begin {
        Begin::Picture(picture) => picture,
        Begin::State(state) => state.visible(),
    };
    let painted = before.painted;
    let request = EditRequest {
        model,
        traits: card.traits,
        // A mask of another canvas fits nothing any more.
        painted: painted.filter(|mask| mask.extent() == source.extent()),
        source,
        mask_kind: before.mask_kind,
        settings,
    };
    let differences = match &before.provenance {
        Some(then) => {
            let mut found = then.differences(&request);
            found.extend(then.difference_of_device(device));
            found
        }
        None => vec![Difference::Unrecorded],
    };
    let is_possible = !differences.iter().any(Difference::prevents);
    (is_possible.then_some(request), differences)
}

/// A model where it lies on this machine now.
fn found_model(library: &Library, model: ModelRef) -> ModelRef {
    if model.path().is_none_or(Path::exists) {
        return model;
    }
    library.resolve(&model.name()).unwrap_or(model)
}

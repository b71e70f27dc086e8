//! [`Purpose`]: what a run is for, beside its document.

use std::sync::Arc;

use super::candidates::LayerRecipe;
use super::ids::{ComparisonId, GroupId};
use crate::catalog::ModelRef;
use crate::document::{Layer, LayerId};
use crate::jobs::{Difference, EditResult, Provenance};
use crate::plan::EditRequest;
use crate::raster::Patch;
use crate::text::{Explain as _, Message};

/// What a run is for.
#[derive(Debug, Clone)]
pub(super) struct Purpose {
    /// The press that asked for it.
    pub(super) group: GroupId,
    pub(super) comparison: Option<ComparisonId>,
    /// The layer whose place its result takes.
    pub(super) finishes: Option<LayerId>,
    /// The layer whose place its result takes once it is accepted.
    pub(super) redoes: Option<LayerId>,
    /// What it is to give again.
    pub(super) again: Option<Wanted>,
}

impl Purpose {
    /// A result of its own.
    pub(super) fn of_group(group: GroupId) -> Self {
        Self {
            group,
            comparison: None,
            finishes: None,
            redoes: None,
            again: None,
        }
    }
}

/// What a run was asked to give again.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) patch: Arc<Patch>,
    pub(super) provenance: Option<Arc<Provenance>>,
}

impl Wanted {
    /// The pixels of a layer, where `request` asks for nothing else than what made it.
    pub(super) fn of_layer(layer: &Layer, request: &EditRequest) -> Option<Self> {
        let recipe = LayerRecipe::of(layer)?;
        let is_same = recipe.settings == request.settings && recipe.model == request.model;
        is_same.then(|| Self {
            patch: Arc::clone(&layer.patch),
            provenance: recipe.provenance,
        })
    }

    /// What is to be said of what a model of that name gave.
    pub(super) fn told(&self, result: &EditResult, model: &ModelRef) -> Result<Message, Message> {
        if *self.patch == result.patch {
            return Ok(Message::new("editor-again-same"));
        }
        let found = match (&self.provenance, &result.provenance) {
            (Some(then), Some(now)) => differences(then, now, model),
            _ => vec![Difference::Unrecorded],
        };
        Err(match found.first() {
            Some(first) => Message::new("editor-again-other").with("reason", first.message()),
            None => Message::new("editor-again-unexplained"),
        })
    }
}

/// In what two runs began otherwise, what people can do something about first.
fn differences(then: &Provenance, now: &Provenance, model: &ModelRef) -> Vec<Difference> {
    let weights = || Difference::ModelChanged { name: model.name() };
    let device = || Difference::Device {
        then: then.device.clone(),
    };
    let program = || Difference::Program {
        then: then.program.clone(),
    };
    let found = [
        (then.model != now.model || then.loras != now.loras).then(weights),
        (then.source != now.source).then_some(Difference::Source),
        (then.mask != now.mask).then_some(Difference::Mask),
        (then.program != now.program).then(program),
        (then.device != now.device).then(device),
    ];
    found.into_iter().flatten().collect()
}

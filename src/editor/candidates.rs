//! [`Candidate`]: a finished result that has not been thrown away. Candidates live outside the
//! history, so no undo can lose one.

use std::sync::Arc;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Editor;
use super::error::EditorError;
use super::ids::{CandidateId, ComparisonId, GroupId};
use super::open_document::OpenDocument;
use super::when_read::WhenRead;
use crate::catalog::ModelRef;
use crate::document::{DocumentId, EditLabel, Layer, LayerId};
use crate::geometry::Extent;
use crate::jobs::{JobId, KeptDetails, Provenance, RunReport};
use crate::plan::{EditRequest, EditSettings, KeepDetails, Layout, Recipe, SecondPass};
use crate::raster::file::{OWN_KEYWORD, PARAMETERS_KEYWORD, RecipeText};
use crate::raster::{Mask, MaskKind, Patch};
use crate::text::{Message, Texts};

/// A finished result.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Which one.
    pub id: CandidateId,
    /// The document it was made for.
    pub document: DocumentId,
    /// The job that made it.
    pub job: JobId,
    /// The comparison it belongs to.
    pub comparison: Option<ComparisonId>,
    /// The press that made it: results of one press stand together.
    pub group: GroupId,
    /// By which it is known on the disk, also after a restart.
    pub(super) key: String,
    /// When it was made; `None`: nobody noted it.
    pub made_at: Option<SystemTime>,
    /// The layer that was run again to make it: accepted, it takes its place.
    pub redoes: Option<LayerId>,
    /// The model that made it.
    pub model: ModelRef,
    /// What was asked for: picture and mask share their tiles with the document.
    /// `None` where it was made before the document was closed.
    pub(super) request: Option<Arc<EditRequest>>,
    /// The settings it was made with, its seed among them.
    pub settings: Arc<EditSettings>,
    /// What was painted; `None`: nothing, or it was not kept, or lies on the disk with the pixels.
    pub painted: Option<Mask>,
    /// What its values meant.
    pub mask_kind: MaskKind,
    /// What it was computed from; `None`: nobody wrote it down.
    pub provenance: Option<Arc<Provenance>>,
    /// Its pixels and where they lie; `None`: on the disk.
    pub(super) patch: Option<Arc<Patch>>,
    /// How it lies in its picture.
    pub layout: Layout,
    /// How details were kept that the model could not see.
    pub details: KeptDetails,
    /// How its run went.
    pub report: RunReport,
    /// Wall-clock seconds from request to patch.
    pub total_seconds: f64,
    /// The canvas size it was made for; accepting on another is refused.
    pub canvas: Extent,
    /// The layer it became when it was accepted last.
    pub accepted_as: Option<LayerId>,
    pub(super) disk: OnDisk,
    /// What a newer program tells of it.
    pub(super) unknown: Map<String, Value>,
}

/// What of a result lies on the disk.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct OnDisk {
    /// What is said of it, as things stand.
    pub(super) has_note: bool,
    /// Its pixels.
    pub(super) has_pixels: bool,
    pub(super) is_being_written: bool,
    /// Writing failed; it is tried again with the next result.
    pub(super) has_failed: bool,
    pub(super) reading: Reading,
    /// Rises with every look at it: what was looked at longest ago leaves the memory first.
    pub(super) looked_at: u64,
}

/// Whether the pixels of a result are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Reading {
    /// They are not.
    #[default]
    No,
    /// As soon as it can be done.
    Wanted,
    /// It is being done.
    UnderWay,
    /// They cannot be.
    Failed,
}

impl Candidate {
    /// Its pixels and where they lie. `None`: they lie on the disk;
    /// [`LookAt`](super::Command::LookAt) brings them back.
    pub fn patch(&self) -> Option<&Arc<Patch>> {
        self.patch.as_ref()
    }

    /// True where its pixels can neither be shown nor read.
    pub fn is_lost(&self) -> bool {
        self.patch.is_none() && self.disk.reading == Reading::Failed
    }
}

/// How a layer was made: what its `recipe` holds, as JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LayerRecipe {
    /// The model that made it.
    pub model: ModelRef,
    /// The settings it was made with.
    pub settings: EditSettings,
    /// What the values of the layer's mask meant.
    #[serde(default)]
    pub mask_kind: MaskKind,
    /// What it was computed from; `None`: nobody wrote it down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Arc<Provenance>>,
}

impl LayerRecipe {
    /// The recipe of a layer, where it can be read.
    pub fn of(layer: &Layer) -> Option<Self> {
        let mut recipe: Value = serde_json::from_str(&layer.recipe).ok()?;
        // Layers from before there was a choice were made without.
        let settings = recipe.get_mut("settings")?.as_object_mut()?;
        settings
            .entry("keep_details")
            .or_insert_with(|| KeepDetails::Off.id().into());
        settings
            .entry("second_pass")
            .or_insert_with(|| SecondPass::Off.to_string().into());
        serde_json::from_value(recipe).ok()
    }
}

impl Editor {
    /// Keeps a result; it is given its name here.
    pub(super) fn add_candidate(&mut self, mut candidate: Candidate) -> CandidateId {
        self.last_candidate += 1;
        let id = CandidateId(self.last_candidate);
        candidate.id = id;
        candidate.key = self.seeds.draw_key();
        self.candidates.push(candidate);
        for other in &mut self.candidates {
            other.disk.has_failed = false;
        }
        self.note_look(id);
        self.keep_within_memory();
        id
    }

    /// Makes a result a layer; one that a layer was run again for takes its place.
    pub(super) fn accept_candidate(&mut self, id: CandidateId) {
        if !self.is_read(id, WhenRead::Accept) {
            return;
        }
        let candidate = self.candidate(id);
        let redone = candidate.and_then(|candidate| {
            let open = self.document(candidate.document)?;
            Some(open.document.layer(candidate.redoes?)?.id)
        });
        self.accept_in_place(id, redone);
    }

    /// Makes a result a layer of its own, right above the one that was run again for it.
    pub(super) fn accept_beside(&mut self, id: CandidateId) {
        if !self.is_read(id, WhenRead::AcceptBeside) {
            return;
        }
        self.accept_at(id, |layers, layer, redone| {
            let below = layers.iter().position(|it| Some(it.id) == redone);
            layers.insert(below.map_or(layers.len(), |below| below + 1), layer);
        });
    }

    /// Makes a result a layer: on top, or in the place of another one, shown as that is.
    pub(super) fn accept_in_place(&mut self, id: CandidateId, replaced: Option<LayerId>) {
        self.accept_at(id, |layers, mut layer, _| {
            let place = layers.iter_mut().find(|it| Some(it.id) == replaced);
            match place {
                Some(place) => {
                    layer.name.clone_from(&place.name);
                    (layer.visible, layer.opacity) = (place.visible, place.opacity);
                    *place = layer;
                }
                None => layers.push(layer),
            }
        });
    }

    /// Makes a result a layer; `put` puts it among the others, told which layer it was made anew from.
    fn accept_at(
        &mut self,
        id: CandidateId,
        put: impl FnOnce(&mut Vec<Layer>, Layer, Option<LayerId>),
    ) {
        let language = self.language();
        let Some(candidate) = self.candidates.iter_mut().find(|other| other.id == id) else {
            return;
        };
        let document = candidate.document;
        let Some(open) = self.documents.iter_mut().find(|open| open.id() == document) else {
            return;
        };
        let now = open.document.extent();
        if candidate.canvas != now {
            let made_for = candidate.canvas;
            let error = EditorError::CanvasChanged { made_for, now };
            self.notices.warn(Some(document), &error);
            return;
        }
        if candidate
            .accepted_as
            .is_some_and(|layer| open.document.layer(layer).is_some())
        {
            return;
        }
        let Some(patch) = candidate.patch.clone() else {
            return;
        };
        let layer_id = open.document.new_layer_id();
        let recipe = LayerRecipe {
            model: candidate.model.clone(),
            settings: EditSettings::clone(&candidate.settings),
            mask_kind: candidate.mask_kind,
            provenance: candidate.provenance.clone(),
        };
        let layer = Layer {
            id: layer_id,
            name: layer_name(&candidate.settings.prompt, layer_id, language),
            visible: true,
            opacity: 255,
            patch,
            recipe: serde_json::to_string(&recipe).unwrap_or_default(),
            painted: candidate.painted.clone(),
        };
        open.stroke = None;
        let redone = candidate.redoes;
        open.document.edit(EditLabel::AddLayer, |state| {
            put(&mut state.layers, layer, redone);
        });
        if redone.is_some() {
            open.redoing = None;
        }
        candidate.accepted_as = Some(layer_id);
        candidate.disk.has_note = false;
    }
}

/// How the picture was made, to be saved with it: the recipe of the topmost visible layer, else what
/// its file said.
pub(super) fn recipe_text(open: &OpenDocument) -> Option<RecipeText> {
    let mut drawn = open
        .document
        .layers()
        .iter()
        .rev()
        .filter(|layer| layer.visible);
    let of_layer = drawn.find_map(LayerRecipe::of).map(|recipe| Recipe {
        model: recipe.model,
        settings: recipe.settings,
        extent: open.document.extent(),
    });
    let origin = &open.about.origin;
    of_layer.map(|recipe| recipe.text()).or_else(|| {
        let text = |keyword| origin.text(keyword).unwrap_or_default().to_owned();
        let of_file = RecipeText {
            parameters: text(PARAMETERS_KEYWORD),
            json: text(OWN_KEYWORD),
        };
        (of_file != RecipeText::default()).then_some(of_file)
    })
}

/// The beginning of the prompt, or a number where there is none.
fn layer_name(prompt: &str, id: LayerId, language: crate::text::Language) -> String {
    const MOST_CHARS: usize = 40;
    // A line break would be drawn as a box.
    let prompt = prompt.split_whitespace().collect::<Vec<_>>().join(" ");
    if prompt.is_empty() {
        let number = Message::new("editor-layer-name").with("number", id.0 as f64);
        return Texts::of(language).say(&number);
    }
    match prompt.char_indices().nth(MOST_CHARS) {
        Some((end, _)) => format!("{}…", prompt.get(..end).unwrap_or(&prompt).trim_end()),
        None => prompt,
    }
}

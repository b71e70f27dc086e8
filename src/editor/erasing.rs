//! Erasing: what was painted over is filled from its surroundings and becomes a layer. Erasures wait for
//! each other, so that each sees what the one before has made, and never for the engine.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Editor;
use super::error::EditorError;
use super::painting::{BrushTip, StrokePoint};
use crate::document::{DocumentId, EditLabel, Layer};
use crate::geometry::Extent;
use crate::jobs::Erased;
use crate::plan::{EraseRequest, EraseSettings, Length, RegionBounds, region_bounds};
use crate::raster::{Mask, Patch, Stroke, Tiled};
use crate::text::{Message, Texts};

/// Something that is to be erased, from the moment it was asked for until it is gone.
#[derive(Debug, Clone)]
pub struct Erasure {
    /// The document it is for.
    pub document: DocumentId,
    /// The stroke that was drawn over it; empty where the document's own mask is meant.
    pub stroke: Vec<StrokePoint>,
    /// What it was drawn with.
    pub brush: BrushTip,
    /// How much is done, 0…1; `None` while it waits.
    pub share: Option<f32>,
    painted: Mask,
    settings: EraseSettings,
}

/// How a layer of an erasure was made: what its `recipe` holds, as JSON.
#[derive(Debug, Serialize, Deserialize)]
struct ErasedRecipe {
    erased: EraseSettings,
}

impl Editor {
    /// What is being erased, the one under way first.
    pub fn erasures(&self) -> &[Erasure] {
        &self.erasures
    }

    pub(super) fn erase_along(&mut self, id: DocumentId, brush: BrushTip, line: Vec<StrokePoint>) {
        let Some(extent) = self.document(id).map(|open| open.document.extent()) else {
            return;
        };
        let brush = BrushTip {
            opacity: 1.0,
            erase: false,
            ..brush
        };
        let painted = painted_along(extent, brush, &line);
        // A stroke beside the picture means nothing.
        let settings = EraseSettings::default();
        if region_bounds(Some(&painted), settings.mask_mode) != RegionBounds::Everything {
            self.erasures.push(Erasure {
                document: id,
                stroke: line,
                brush,
                share: None,
                painted,
                settings,
            });
        }
    }

    pub(super) fn erase_painted(&mut self, id: DocumentId) {
        self.with_document(id, |open| {
            open.settle();
        });
        let Some(open) = self.document(id) else {
            return;
        };
        let of_document = open.settings();
        let erasure = Erasure {
            document: id,
            stroke: Vec::new(),
            brush: BrushTip::default(),
            share: None,
            painted: open.document.mask().clone(),
            settings: EraseSettings {
                mask_mode: of_document.mask_mode,
                grow: of_document.grow,
                feather: of_document.feather.unwrap_or(Length::Px(0.0)),
            },
        };
        self.erasures.push(erasure);
    }

    /// Stops what is being erased and forgets what waits; of one document, or of all.
    pub(super) fn cancel_erasing(&mut self, of: Option<DocumentId>) {
        let is_meant = |erasure: &Erasure| of.is_none_or(|id| erasure.document == id);
        self.erasures
            .retain(|erasure| erasure.share.is_some() || !is_meant(erasure));
        if self.erasures.iter().any(is_meant) {
            self.erase_lane.cancel();
        }
    }

    /// Takes in what the lane has said and starts what comes next.
    pub(super) fn poll_erasures(&mut self) {
        let (ended, moved) = self.erase_lane.poll();
        self.changed |= moved || ended.is_some();
        if let Some(ended) = ended
            && !self.erasures.is_empty()
        {
            let erasure = self.erasures.remove(0);
            self.finish_erasure(&erasure, ended);
        }
        let share = self.erase_lane.share();
        let is_idle = self.erase_lane.is_idle();
        let Some(first) = self.erasures.first_mut() else {
            return;
        };
        if !is_idle {
            first.share = Some(share);
            return;
        }
        let (document, painted, settings) = (first.document, first.painted.clone(), first.settings);
        let Some(open) = self.documents.iter().find(|open| open.id() == document) else {
            self.erasures.remove(0);
            return;
        };
        let request = EraseRequest {
            source: open.document.visible().clone(),
            painted,
            settings,
        };
        if self.erase_lane.start(request).is_ok() {
            if let Some(first) = self.erasures.first_mut() {
                first.share = Some(0.0);
            }
        } else {
            self.erasures.remove(0);
            self.notices.error(Some(document), &EditorError::TooBusy);
        }
        self.changed = true;
    }

    fn finish_erasure(&mut self, erasure: &Erasure, ended: Erased) {
        let document = Some(erasure.document);
        match ended {
            Erased::Finished(patch) => self.add_erased(erasure, *patch),
            Erased::Failed(error) if error.is_cancelled() => {}
            Erased::Failed(error) => self.notices.warn(document, &error),
            Erased::Lost => self.notices.error(document, &EditorError::EraseLost),
        }
    }

    fn add_erased(&mut self, erasure: &Erasure, patch: Patch) {
        let language = self.preferences.language.unwrap_or(self.language);
        let document = erasure.document;
        // Its document may have been closed meanwhile.
        let Some(open) = self.documents.iter_mut().find(|open| open.id() == document) else {
            return;
        };
        let (made_for, now) = (erasure.painted.extent(), open.document.extent());
        if made_for != now {
            let error = EditorError::CanvasChanged { made_for, now };
            self.notices.warn(Some(document), &error);
            return;
        }
        let id = open.document.new_layer_id();
        let name = Message::new("editor-erased-name").with("number", id.0 as f64);
        let recipe = ErasedRecipe {
            erased: erasure.settings,
        };
        let layer = Layer {
            id,
            name: Texts::of(language).say(&name),
            visible: true,
            opacity: 255,
            patch: Arc::new(patch),
            recipe: serde_json::to_string(&recipe).unwrap_or_default(),
            painted: None,
        };
        open.stroke = None;
        open.document.edit(EditLabel::EraseFromPicture, |state| {
            state.layers.push(layer);
        });
    }
}

/// What a stroke covers.
fn painted_along(extent: Extent, brush: BrushTip, line: &[StrokePoint]) -> Mask {
    let mut mask = Tiled::filled(extent, 0);
    let mut points = line.iter();
    if let Some(first) = points.next() {
        let (mut stroke, _) = Stroke::begin(&mut mask, brush, first.at, first.pressure);
        for point in points {
            stroke.extend(&mut mask, point.at, point.pressure);
        }
    }
    mask
}

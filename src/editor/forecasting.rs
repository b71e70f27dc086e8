//! What the next run of the document in front will take; see [`Forecast`].

use std::sync::Arc;

use super::Editor;
use super::files::FileEvent;
use super::open_document::OpenDocument;
use crate::catalog::ModelRef;
use crate::document::DocumentId;
use crate::downloads::Picture;
use crate::jobs::{Demands, DemandsOf, EditResult, Forecast, Planned, Speeds};
use crate::plan::{EditRequest, RegionBounds, RegionBoxes, later_passes, layout};
use crate::raster::Pixmap;

/// What forecasts are made from, and the one that holds now.
pub(super) struct Forecasting {
    demands_of: DemandsOf,
    /// Of the chosen model, where they can be known.
    demands: Option<(ModelRef, Arc<dyn Demands>)>,
    speeds: Speeds,
    /// The model that ran last: the engine has it.
    loaded: Option<ModelRef>,
    now: Option<(DocumentId, Forecast)>,
}

impl Forecasting {
    pub(super) fn new(demands_of: DemandsOf, speeds: Speeds) -> Self {
        let mut forecasting = Self {
            demands_of,
            demands: None,
            speeds,
            loaded: None,
            now: None,
        };
        let known = (forecasting.demands_of)(&ModelRef::BuiltIn);
        forecasting.model_chosen(ModelRef::BuiltIn, known);
        forecasting
    }

    /// How to ask for a model's demands, on any thread.
    pub(super) fn demands_of(&self) -> DemandsOf {
        Arc::clone(&self.demands_of)
    }

    /// Of a model that is not here yet, see [`Speeds::picture_seconds`].
    pub(super) fn picture_seconds(&self, picture: &Picture) -> (f64, bool) {
        self.speeds.picture_seconds(picture)
    }

    pub(super) fn model_chosen(&mut self, model: ModelRef, demands: Option<Arc<dyn Demands>>) {
        self.demands = demands.map(|demands| (model, demands));
    }

    fn of(&self, model: &ModelRef) -> Option<&dyn Demands> {
        let known = self.demands.as_ref().filter(|(known, _)| known == model);
        known.map(|(_, demands)| demands.as_ref())
    }

    /// Of a request; `changes` are the boxes of its mask.
    pub(super) fn forecast(
        &self,
        request: &EditRequest,
        changes: Option<&RegionBoxes>,
    ) -> Option<Forecast> {
        let is_loaded = self.loaded.as_ref() == Some(&request.model);
        self.forecast_of(request, changes, is_loaded)
    }

    /// The same where the model is there already, or is not.
    fn forecast_of(
        &self,
        request: &EditRequest,
        changes: Option<&RegionBoxes>,
        is_loaded: bool,
    ) -> Option<Forecast> {
        let demands = self.of(&request.model)?;
        let (settings, traits) = (&request.settings, &request.traits);
        let bounds = changes.map_or(RegionBounds::Everything, |boxes| {
            boxes.bounds(settings.mask_mode)
        });
        let picture = request.source.extent();
        let layout = layout(picture, bounds, settings, traits).ok()?;
        let later = later_passes(&layout, settings, traits);
        let planned = Planned {
            model: &request.model,
            traits,
            settings,
            layout: &layout,
            later: &later,
            picture,
            pixel_bytes: match request.source.pixels {
                Pixmap::Rgba8(_) => 4,
                Pixmap::Rgba16(_) => 8,
            },
            changes: changes.filter(|_| layout.region.is_some()),
            is_loaded,
        };
        planned.forecast(demands, &self.speeds)
    }
}

impl Editor {
    /// What one press would take with the present settings, while a stroke is under way as it was before;
    /// `None` where that cannot be known.
    pub fn forecast(&self, document: DocumentId) -> Option<Forecast> {
        let (of, forecast) = self.forecasting.now?;
        (of == document).then_some(forecast)
    }

    /// Makes the forecast anew, for the document in front.
    pub(super) fn follow_forecast(&mut self) {
        let open = self.active.and_then(|id| self.document(id));
        let Some(open) = open else {
            self.forecasting.now = None;
            return;
        };
        let is_of_it = |(of, _): &(DocumentId, Forecast)| *of == open.id();
        if open.stroke.is_some() && self.forecasting.now.as_ref().is_some_and(is_of_it) {
            // A brush must not wait for it.
            return;
        }
        let more = self.preferences.variations() - 1;
        let forecast = self.request_of(open).and_then(|request| {
            let first = self.forecasting.forecast(&request, Some(&open.region))?;
            let changes = Some(&open.region);
            let other = (more > 0).then(|| self.forecasting.forecast_of(&request, changes, true));
            Some(match other.flatten() {
                Some(other) => first.and(more, &other),
                None => first,
            })
        });
        self.forecasting.now = forecast.map(|forecast| (open.id(), forecast));
    }

    /// What a run of the present settings would be, with the seed of the last one.
    fn request_of(&self, open: &OpenDocument) -> Option<EditRequest> {
        let card = self.card.as_ref()?;
        Some(EditRequest {
            model: card.reference.clone(),
            traits: card.traits.clone(),
            source: open.document.visible().clone(),
            painted: None,
            mask_kind: open.document.mask_kind(),
            settings: open.settings().for_kind(open.document.mask_kind()),
        })
    }

    /// A server has another name, or is none any more.
    pub(super) fn speeds_follow(&mut self, server: &str, to: Option<&str>) {
        if self.forecasting.speeds.rename_server(server, to) {
            self.keep_speeds();
        }
    }

    /// Takes in what a run took.
    pub(super) fn learn_speeds(&mut self, result: &EditResult) {
        let (forecasting, model) = (&mut self.forecasting, &result.model);
        forecasting.loaded = Some(model.clone());
        let known = forecasting.demands.as_ref().filter(|(of, _)| of == model);
        let Some((_, demands)) = known else {
            return;
        };
        if forecasting.speeds.learn(result, demands.as_ref()) {
            self.keep_speeds();
        }
    }

    fn keep_speeds(&mut self) {
        let (data_dir, speeds) = (self.data_dir.clone(), self.forecasting.speeds.clone());
        // Not worth a word where it cannot be: the next forecast is rougher, and nothing else.
        self.do_file_task(Box::new(move || {
            drop(speeds.write(&data_dir));
            FileEvent::SpeedsKept
        }));
    }
}

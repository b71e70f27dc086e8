//! What a run will take, said before it begins; and what it took, kept for the next time.

use std::path::PathBuf;
use std::sync::Arc;

use super::Session;
use crate::catalog::ModelRef;
use crate::cli::args::EditArgs;
use crate::cli::engines::demands_of;
use crate::cli::users_data_dir;
use crate::jobs::{Demands, EditResult, Forecast, Planned, Speeds};
use crate::plan::{EditRequest, Layout, RegionBounds, RegionBoxes, WorkSize, later_passes, layout};
use crate::raster::{Mask, Pixmap};
use crate::text::{Explain as _, Message};

/// What forecasts are made from.
pub(super) struct Forecasts {
    /// `None`: nothing is kept.
    data_dir: Option<PathBuf>,
    speeds: Speeds,
    /// `None` where nothing is known of the model's demands, as on a GPU.
    demands: Option<Arc<dyn Demands>>,
    changes: Option<RegionBoxes>,
    is_loaded: bool,
}

impl Forecasts {
    /// For edits with that mask.
    pub(super) fn new(args: &EditArgs, model: &ModelRef, mask: Option<&Mask>) -> Self {
        let data_dir = users_data_dir();
        Self {
            speeds: data_dir.as_deref().map(Speeds::read).unwrap_or_default(),
            data_dir,
            // Nobody sees previews here.
            demands: demands_of(model, args.device.engine_options(), None),
            changes: mask.map(RegionBoxes::of),
            is_loaded: false,
        }
    }

    /// Takes in what a run took.
    pub(super) fn learn(&mut self, result: &EditResult) {
        self.is_loaded = true;
        if let Some(demands) = &self.demands
            && self.speeds.learn(result, demands.as_ref())
            && let Some(data_dir) = &self.data_dir
        {
            // Not worth a word: the next forecast is rougher, and nothing else.
            drop(self.speeds.write(data_dir));
        }
    }
}

impl Session<'_> {
    /// What the run will take; said where it is more than one pass. `None` where it cannot be known.
    pub(super) fn forecast(&self, request: &EditRequest) -> Option<Forecast> {
        let forecasts = &self.forecasts;
        let mode = request.settings.mask_mode;
        let changes = forecasts.changes.as_ref();
        let bounds = changes.map_or(RegionBounds::Everything, |boxes| boxes.bounds(mode));
        let extent = request.source.extent();
        // What cannot be planned is said when it is run.
        let first = layout(extent, bounds, &request.settings, &request.traits).ok()?;
        self.say_work_size(request, &first);
        let later = later_passes(&first, &request.settings, &request.traits);
        let planned = Planned {
            model: &request.model,
            traits: &request.traits,
            settings: &request.settings,
            layout: &first,
            later: &later,
            picture: extent,
            pixel_bytes: match request.source.pixels {
                Pixmap::Rgba8(_) => 4,
                Pixmap::Rgba16(_) => 8,
            },
            changes: changes.filter(|_| first.region.is_some()),
            is_loaded: forecasts.is_loaded,
        };
        let demands = forecasts.demands.as_ref()?;
        let forecast = planned.forecast(demands.as_ref(), &forecasts.speeds)?;
        if forecast.passes > 1 && !self.args.json {
            self.console.note(&forecast.message());
        }
        Some(forecast)
    }

    /// Says where the work size is not quite the one that was asked for.
    fn say_work_size(&self, request: &EditRequest, layout: &Layout) {
        if let Some(WorkSize::Within(wanted)) = request.settings.work_size
            && wanted != layout.work
        {
            let message = Message::new("cli-work-size")
                .with("size", layout.work.to_string())
                .with("multiple", request.traits.size_multiple_px);
            self.console.note(&message);
        }
    }
}

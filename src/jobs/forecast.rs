//! [`Forecast`]: what a run will take, before it begins.

use serde::Serialize;

use super::speeds::{Speeds, Work, planned_pixels};
use crate::catalog::{ModelRef, ModelTraits};
use crate::engine::{Demands, PassDemand, PassShape};
use crate::geometry::Extent;
use crate::plan::{EditSettings, Layout, Pass, RegionBoxes, keeps_details};
use crate::text::{Explain, Message};

/// Memory of the program itself, in bytes.
const PROGRAM_BYTES: f64 = 48e6;
/// Bytes of a picture's pixel in f32.
const PIXEL: f64 = 12.0;
/// Bytes of the maps of a mask for a pixel that can change.
const MAPS: f64 = 5.0;

/// What a run will take.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Forecast {
    /// Passes, the first among them.
    pub passes: u32,
    /// Tiles of all passes that are not skipped; 0 where all is shown to the model at once.
    pub tiles: u32,
    /// Wall-clock seconds.
    pub seconds: f64,
    /// True where the seconds follow from runs of this model on this machine.
    pub measured: bool,
    /// Most memory of the program at once.
    pub bytes: f64,
}

/// A run that could begin now.
#[derive(Debug)]
pub struct Planned<'a> {
    /// Which model.
    pub model: &'a ModelRef,
    /// What is known of it.
    pub traits: &'a ModelTraits,
    /// What was chosen.
    pub settings: &'a EditSettings,
    /// The first pass.
    pub layout: &'a Layout,
    /// The passes after it.
    pub later: &'a [Pass],
    /// Size of the picture.
    pub picture: Extent,
    /// Bytes of one of its pixels.
    pub pixel_bytes: u32,
    /// Where it may change; `None`: everywhere.
    pub changes: Option<&'a RegionBoxes>,
    /// True where the model is there already.
    pub is_loaded: bool,
}

impl Planned<'_> {
    /// What it will take, on a machine of those speeds.
    pub fn forecast(&self, demands: &dyn Demands, speeds: &Speeds) -> Forecast {
        let (load, text) = speeds.beginning_seconds(self.model);
        let mut forecast = Forecast {
            passes: 1 + self.later.len() as u32,
            tiles: 0,
            seconds: text + if self.is_loaded { 0.0 } else { load },
            measured: true,
            bytes: 0.0,
        };
        let mut memory = self.memory(demands);
        let first = PassShape {
            work: self.layout.work,
            shown: self.layout.work,
            parts: 1,
            steps: self.layout.executed_steps,
            prompts: if self.settings.guidance.is_on() { 2 } else { 1 },
            encodes: 1 + u32::from(self.traits.sees_mask()),
            decodes: 1 + u32::from(self.is_detailed()),
        };
        self.add_pass(
            &mut forecast,
            &first,
            &demands.of_pass(&first),
            speeds,
            true,
        );
        memory.add_pass(&first, &demands.of_pass(&first));
        for pass in self.later {
            let boxes = self.changes.map(|boxes| (boxes, self.settings.mask_mode));
            let tiles = pass.tiles_to_run(self.traits, boxes) as u32;
            let shape = PassShape {
                work: pass.layout.work,
                shown: pass.shown(self.traits),
                parts: tiles.max(1),
                steps: pass.layout.executed_steps,
                // The original's round trip is another picture now.
                encodes: first.encodes + u32::from(self.is_detailed()),
                ..first
            };
            forecast.tiles += tiles;
            let demand = demands.of_pass(&shape);
            self.add_pass(&mut forecast, &shape, &demand, speeds, false);
            memory.add_pass(&shape, &demand);
        }
        forecast.bytes = memory.most;
        forecast
    }

    fn is_detailed(&self) -> bool {
        keeps_details(self.layout, self.settings)
    }

    fn add_pass(
        &self,
        forecast: &mut Forecast,
        shape: &PassShape,
        demand: &PassDemand,
        speeds: &Speeds,
        is_first: bool,
    ) {
        let crop = self.layout.crop.extent().area();
        let touched = self.layout.touched.extent().area();
        let planning = Work::planning(is_first, self.is_detailed());
        let predictions = f64::from(shape.steps * shape.parts);
        for (work, amount, times) in [
            (Work::Encode, demand.encode_flops, f64::from(shape.encodes)),
            (Work::Step, demand.step_flops, predictions),
            (Work::Decode, demand.decode_flops, f64::from(shape.decodes)),
            (planning, planned_pixels(crop, touched), 1.0),
        ] {
            let (seconds, measured) = speeds.seconds(self.model, work, amount);
            forecast.seconds += seconds * times;
            forecast.measured &= measured;
        }
    }

    /// The memory before the first pass, and what all of them have in common.
    fn memory(&self, demands: &dyn Demands) -> Memory {
        let picture = self.picture.area() as f64;
        let touched = self.layout.touched.extent().area() as f64;
        let crop = self.layout.crop.extent().area() as f64;
        let pixel = f64::from(self.pixel_bytes);
        let is_masked = self.layout.region.is_some();
        let mask = if is_masked { picture } else { 0.0 };
        let before = PROGRAM_BYTES + picture * pixel + mask;
        let maps = if is_masked { MAPS * touched } else { 0.0 };
        // While the maps are made: distances, nearest sites, rows of sites, what changes.
        let mapping = if is_masked { 14.0 * touched } else { 0.0 };
        // The crop at its own size, and the result at its own size with what it becomes.
        let placing = PIXEL * crop;
        let finishing = touched * (PIXEL + 2.0 * pixel);
        let weights = demands.weights_bytes();
        Memory {
            before: before + maps + weights,
            planning: placing.max(mapping),
            finishing: finishing.max(PIXEL * crop),
            // The picture with the result so far in it, and that result.
            so_far: 2.0 * touched * pixel,
            kept: 0.0,
            is_first: true,
            most: before + maps + demands.loading_bytes(),
        }
    }
}

/// The memory of a run, pass by pass, in bytes.
struct Memory {
    /// Held all the while.
    before: f64,
    planning: f64,
    finishing: f64,
    so_far: f64,
    /// What the engine keeps of passes before.
    kept: f64,
    is_first: bool,
    most: f64,
}

impl Memory {
    fn add_pass(&mut self, shape: &PassShape, demand: &PassDemand) {
        // Picture and mask at work size, and the original where it is needed too.
        let work = shape.work.area() as f64 * (PIXEL * f64::from(shape.decodes) + 4.0);
        let so_far = if self.is_first { 0.0 } else { self.so_far };
        let held = self.before + self.kept + work + so_far / 2.0;
        let engine = held + demand.kept_bytes + demand.peak_bytes;
        let finishing =
            held + demand.kept_bytes + PIXEL * shape.work.area() as f64 + self.finishing;
        let planning = self.before + self.kept + work + so_far + self.planning;
        self.most = self.most.max(engine).max(finishing).max(planning);
        self.kept += demand.kept_bytes;
        self.is_first = false;
    }
}

impl Explain for Forecast {
    /// In short, such as “2 passes, 6 tiles, about 40 s, 3.1 GB”.
    fn message(&self) -> Message {
        let key = match (self.passes, self.tiles) {
            (0 | 1, _) => "forecast-one",
            (_, 0) => "forecast-passes",
            _ => "forecast-tiles",
        };
        Message::new(key)
            .with("passes", self.passes)
            .with("tiles", self.tiles)
            .with("time", rounded_time(self.seconds))
            .with("memory", gigabytes(self.bytes))
    }
}

/// As finely as a forecast deserves: “4 s”, “40 s”, “12 min”.
fn rounded_time(seconds: f64) -> Message {
    let said = |key, count: f64| Message::new(key).with("count", count);
    match seconds {
        s if s < 10.0 => said("forecast-seconds", s.ceil().max(1.0)),
        s if s < 95.0 => said("forecast-seconds", (s / 5.0).round() * 5.0),
        s if s < 5400.0 => said("forecast-minutes", (s / 60.0).round()),
        s => said("forecast-hours", (s / 1800.0).round() / 2.0),
    }
}

fn gigabytes(bytes: f64) -> String {
    if bytes < 99.5e6 {
        format!("{:.0} MB", bytes / 1e6)
    } else {
        format!("{:.1} GB", bytes / 1e9)
    }
}

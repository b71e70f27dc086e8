//! [`Forecast`]: what a run will take, before it begins.

use serde::Serialize;

use super::engines::EngineId;
use super::speeds::{Speeds, Work, planned_pixels};
use crate::catalog::{ModelRef, ModelTraits};
use crate::engine::{Demands, PassDemand, PassShape};
use crate::geometry::Extent;
use crate::plan::{EditSettings, Layout, Pass, RegionBoxes, keeps_details};
use crate::text::{Explain, Message};

/// Memory of the program itself, in bytes.
const PROGRAM_BYTES: f64 = 30e6;
/// Bytes of a picture's pixel in f32.
const PIXEL: f64 = 12.0;
/// Bytes of the maps of a mask for a pixel that can change.
const MAPS: f64 = 5.0;

/// Rows that are placed at a time.
const BAND_ROWS: u32 = 256;

/// What a run will take.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Forecast {
    /// Runs after one another; the rest is of each of them, but the seconds are of all.
    pub runs: u32,
    /// Passes, the first among them.
    pub passes: u32,
    /// Tiles of all passes that are not skipped; 0 where all is shown to the model at once.
    pub tiles: u32,
    /// Wall-clock seconds.
    pub seconds: f64,
    /// True where the seconds follow from runs of this model at its engine.
    pub measured: bool,
    /// Most memory of the program at once; `None` on a server, of whose memory nothing is known.
    pub bytes: Option<f64>,
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
    /// What it will take, on engines of those speeds; `None` where it runs on a server on which nothing ever ran.
    pub fn forecast(&self, demands: &dyn Demands, speeds: &Speeds) -> Option<Forecast> {
        if !speeds.tells_of(self.model) {
            return None;
        }
        let (load, text) = speeds.beginning_seconds(self.model);
        let mut forecast = Forecast {
            runs: 1,
            passes: 1 + self.later.len() as u32,
            tiles: 0,
            seconds: text + if self.is_loaded { 0.0 } else { load },
            measured: true,
            bytes: None,
        };
        let mut memory = self.memory(demands);
        let first = PassShape {
            work: self.layout.work,
            shown: self.layout.work,
            parts: 1,
            steps: self.layout.executed_steps,
            prompts: self.settings.guidance.predictions(self.traits),
            encodes: 1 + u32::from(self.traits.sees_mask()),
            decodes: 1 + u32::from(self.is_detailed()),
        };
        self.add_pass(&mut forecast, &first, &demands.of_pass(&first), (speeds, 0));
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
            self.add_pass(&mut forecast, &shape, &demand, (speeds, 1));
            memory.add_pass(&shape, &demand);
        }
        let is_here = EngineId::of(self.model).server().is_none();
        forecast.bytes = is_here.then_some(memory.most);
        Some(forecast)
    }

    fn is_detailed(&self) -> bool {
        keeps_details(self.layout, self.settings, self.traits)
    }

    fn add_pass(
        &self,
        forecast: &mut Forecast,
        shape: &PassShape,
        demand: &PassDemand,
        (speeds, index): (&Speeds, usize),
    ) {
        let crop = self.layout.crop.extent().area();
        let touched = self.layout.touched.extent().area();
        let planning = Work::planning(index, self.is_detailed());
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
        let rows = self.layout.touched.height.min(BAND_ROWS);
        let band = f64::from(rows) * f64::from(self.layout.touched.width) * 4.0 * PIXEL;
        let finishing = touched * (PIXEL + 2.0 * pixel) + band;
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

impl Forecast {
    /// What this run and `count` others will take that are like `other`.
    #[must_use]
    pub fn and(self, count: u32, other: &Self) -> Self {
        Self {
            runs: self.runs + count,
            seconds: self.seconds + other.seconds * f64::from(count),
            measured: self.measured && other.measured,
            ..self
        }
    }

    fn of_one(&self) -> Message {
        let work = self.work();
        match self.bytes {
            Some(bytes) => Message::new("forecast-memory")
                .with("forecast", work)
                .with("memory", gigabytes(bytes)),
            None => work,
        }
    }

    fn work(&self) -> Message {
        let key = match (self.passes, self.tiles) {
            (0 | 1, _) => "forecast-one",
            (_, 0) => "forecast-passes",
            _ => "forecast-tiles",
        };
        Message::new(key)
            .with("passes", self.passes)
            .with("tiles", self.tiles)
            .with("time", rounded_time(self.seconds))
    }
}

impl Explain for Forecast {
    /// In short, such as “2 passes, 6 tiles, about 40 s, 3.1 GB”.
    fn message(&self) -> Message {
        match self.runs {
            0 | 1 => self.of_one(),
            runs => Message::new("forecast-runs")
                .with("count", runs)
                .with("forecast", self.of_one()),
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{self, ServedModel};
    use crate::engine::RunSeconds;
    use crate::engine::fake::{FakeDemands, FakeEngine};
    use crate::jobs::{EditResult, Unwatched, run_edit};
    use crate::plan::{EditRequest, RegionBounds, SecondPass, Steps, later_passes, layout};
    use crate::raster::{Picture, Pixmap, Profile, Tiled};
    use crate::text::{Language, Texts};

    fn request(side: u32, second_pass: SecondPass) -> EditRequest {
        let pixels = Tiled::filled(Extent::new(side, side), [90, 120, 60, 255]);
        EditRequest {
            model: ModelRef::BuiltIn,
            traits: catalog::open(&ModelRef::BuiltIn).unwrap().traits,
            source: Picture {
                pixels: Pixmap::Rgba8(pixels),
                profile: Profile::Srgb,
            },
            mask_kind: crate::raster::MaskKind::Strength,
            painted: None,
            settings: EditSettings {
                steps: Steps::new(20).unwrap(),
                second_pass,
                ..EditSettings::default()
            },
        }
    }

    fn forecast(request: &EditRequest, speeds: &Speeds) -> Forecast {
        forecast_of(request, speeds).unwrap()
    }

    fn forecast_of(request: &EditRequest, speeds: &Speeds) -> Option<Forecast> {
        let (settings, traits) = (&request.settings, &request.traits);
        let picture = request.source.extent();
        let layout = layout(picture, RegionBounds::Everything, settings, traits).unwrap();
        let later = later_passes(&layout, settings, traits);
        let planned = Planned {
            model: &request.model,
            traits,
            settings,
            layout: &layout,
            later: &later,
            picture,
            pixel_bytes: 4,
            changes: None,
            is_loaded: false,
        };
        planned.forecast(&FakeDemands, speeds)
    }

    /// The edit on a machine of one FLOP a microsecond, and a pixel of planning in two.
    fn run(request: &EditRequest) -> EditResult {
        const FLOP: f64 = 1e-6;
        let mut result = run_edit(&mut FakeEngine::default(), request, &mut Unwatched).unwrap();
        result.total_seconds = 0.0;
        for (index, run) in result.runs.iter_mut().enumerate() {
            let work = run.layout.work.area() as f64;
            run.report.text_encodes = u32::from(index == 0);
            let steps = f64::from(run.report.executed_steps);
            run.report.round_trips = 1;
            // The original is encoded for its round trip where it is not what the pass begins with.
            let again = if index == 0 { 0.0 } else { 1.0 };
            run.report.picture_encodes = 1 + index as u32;
            run.report.seconds = RunSeconds {
                load: if index == 0 { 0.5 } else { 0.0 },
                text: if index == 0 { 0.25 } else { 0.0 },
                encode: work * FLOP,
                round_trip: work * FLOP * (1.0 + again),
                steps: steps * work * FLOP,
                decode: work * FLOP,
            };
            let s = run.report.seconds;
            let planning = 2.0 * request.source.extent().area() as f64 * 2.0 * FLOP;
            run.seconds = s.load + s.text + s.encode + s.round_trip + s.steps + s.decode + planning;
            result.total_seconds += run.seconds;
        }
        result
    }

    #[test]
    fn a_run_is_forecast_from_one_before() {
        // Twice the native side: no tiles, whose number the scripted engine does not know.
        let one = request(256, SecondPass::Own);
        let mut speeds = Speeds::default();
        assert!(!forecast(&one, &speeds).measured);
        let result = run(&one);
        assert_eq!(result.runs.len(), 2);
        assert!(speeds.learn(&result, &FakeDemands));
        let said = forecast(&one, &speeds);
        assert!(said.measured);
        assert_eq!((said.passes, said.tiles), (2, 0));
        let off = said.seconds / result.total_seconds - 1.0;
        assert!(off.abs() < 0.1, "{said:?} {}", result.total_seconds);
        // Another size of picture, and another number of passes.
        let other = request(230, SecondPass::Off);
        let (said, took) = (forecast(&other, &speeds), run(&other).total_seconds);
        assert!((said.seconds / took - 1.0).abs() < 0.1, "{said:?} {took}");
    }

    #[test]
    fn nothing_is_foretold_of_a_server_on_which_nothing_ran() {
        let mut request = request(256, SecondPass::Off);
        let served = ServedModel::guessed("studio", "m", None);
        request.model = ModelRef::Served(served);
        let mut speeds = Speeds::default();
        // What this machine took says nothing.
        speeds.learn(&run(&self::request(256, SecondPass::Off)), &FakeDemands);
        let of = |speeds: &Speeds| forecast_of(&request, speeds);
        assert_eq!(of(&speeds), None);
        let result = run(&request);
        assert_eq!(result.model, request.model);
        speeds.learn(&result, &FakeDemands);
        let said = of(&speeds).unwrap();
        // Its memory is not this machine's.
        assert!(said.measured && said.bytes.is_none());
        let off = said.seconds / result.total_seconds - 1.0;
        assert!(off.abs() < 0.1, "{said:?} {}", result.total_seconds);
    }

    #[test]
    fn memory_grows_with_the_picture_and_with_passes() {
        let bytes = |side, pass| {
            forecast(&request(side, pass), &Speeds::default())
                .bytes
                .unwrap()
        };
        assert!(bytes(2000, SecondPass::Off) > bytes(1000, SecondPass::Off) + 3e6 * 20.0);
        assert!(bytes(2000, SecondPass::Own) > bytes(2000, SecondPass::Off) * 1.5);
        let tiled = forecast(&request(2000, SecondPass::Own), &Speeds::default());
        assert!(tiled.tiles > 50 && tiled.passes == 5, "{tiled:?}");
    }

    #[test]
    fn it_is_said_as_finely_as_it_is_known() {
        let say = |passes, tiles, seconds, bytes| {
            let forecast = Forecast {
                runs: 1,
                passes,
                tiles,
                seconds,
                bytes,
                measured: true,
            };
            let message = forecast.message();
            Language::ALL.map(|language| Texts::of(language).say(&message))
        };
        let english = |said: [String; 2]| said[0].replace(['\u{2068}', '\u{2069}'], "");
        assert_eq!(
            english(say(2, 6, 41.0, Some(3.12e9))),
            "2 passes, 6 tiles, about 40 s, 3.1 GB"
        );
        assert_eq!(
            english(say(2, 1, 3.2, Some(0.2e9))),
            "2 passes, 1 tile, about 4 s, 0.2 GB"
        );
        assert_eq!(
            english(say(3, 0, 130.0, Some(1e9))),
            "3 passes, about 2 min, 1.0 GB"
        );
        let said = english(say(1, 0, 9000.0, Some(9e7)));
        assert_eq!(said, "about 2.5 h, 90 MB");
        assert_eq!(english(say(1, 0, 9000.0, None)), "about 2.5 h");
        let said = say(2, 6, 41.0, Some(3e9));
        assert!(
            said.iter().all(|said| !said.contains("forecast")),
            "{said:?}"
        );
    }
}

//! [`Speeds`]: how fast engines were in runs before, from which the next one is forecast.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::edit::{EditResult, PassRun};
use super::engines::EngineId;
use crate::catalog::ModelRef;
use crate::downloads::Picture;
use crate::engine::{Demands, PassShape};

const FILE: &str = "speeds.json";
/// A model that was loaded already takes less than this, in seconds.
const IS_LOADED_SECONDS: f64 = 0.02;
/// FLOP/s of a thread, where nothing was ever measured: a processor of some years ago.
const FLOPS_PER_SECOND: f64 = 40e9;
/// Seconds for a pixel of the picture that is shown to the model or changed, where nothing was ever
/// measured.
const SECONDS_PER_PIXEL: f64 = 1.5e-7;

/// What takes time in a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Work {
    /// Predicting once, by FLOPs.
    Step,
    /// Encoding a picture, by FLOPs.
    Encode,
    /// Decoding one, by FLOPs.
    Decode,
    /// Planning and placing the first pass, by pixels.
    First,
    /// The same, with details.
    FirstDetailed,
    /// Planning and placing a later pass.
    Later,
    /// The same, with details.
    LaterDetailed,
}

impl Work {
    /// Planning and placing a pass, counted from 0.
    pub(super) fn planning(index: usize, is_detailed: bool) -> Self {
        match (index, is_detailed) {
            (0, false) => Self::First,
            (0, true) => Self::FirstDetailed,
            (_, false) => Self::Later,
            (_, true) => Self::LaterDetailed,
        }
    }

    fn seconds_per_unit_unmeasured(self) -> f64 {
        match self {
            Self::Step | Self::Encode | Self::Decode => {
                let threads = std::thread::available_parallelism().map_or(1, usize::from);
                1.0 / (FLOPS_PER_SECOND * threads as f64)
            }
            Self::First | Self::Later => SECONDS_PER_PIXEL,
            Self::FirstDetailed | Self::LaterDetailed => 3.0 * SECONDS_PER_PIXEL,
        }
    }
}

/// Seconds per unit of one kind of work, by octaves of its amount: speed depends on it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
struct Curve(BTreeMap<i32, f64>);

impl Curve {
    fn note(&mut self, amount: f64, seconds: f64) {
        if amount <= 0.0 || seconds <= 0.0 {
            return;
        }
        let rate = seconds / amount;
        let known = self.0.entry(amount.log2().round() as i32).or_insert(rate);
        // What has been said lately counts for as much as all before.
        *known = (*known * rate).sqrt();
    }

    /// The same, where something like that amount was measured.
    fn rate_near(&self, amount: f64) -> Option<f64> {
        /// Octaves from what was measured.
        const NEAR: f64 = 5.0;
        let at = amount.max(1.0).log2();
        let mut known = self.0.keys();
        let is_near = known.any(|octave| (f64::from(*octave) - at).abs() <= NEAR);
        is_near.then(|| self.rate(amount)).flatten()
    }

    /// Interpolated between octaves; beyond them as at the nearest.
    fn rate(&self, amount: f64) -> Option<f64> {
        let at = amount.max(1.0).log2();
        let below = self.0.range(..=at.floor() as i32).next_back();
        let above = self.0.range(at.floor() as i32 + 1..).next();
        match (below, above) {
            (Some((a, low)), Some((b, high))) => {
                let share = (at - f64::from(*a)) / f64::from(b - a);
                Some(low.powf(1.0 - share) * high.powf(share))
            }
            (one, other) => one.or(other).map(|(_, rate)| *rate),
        }
    }
}

/// Of one model at its engine.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
struct ModelSpeeds {
    /// What computed, and here with how many threads.
    machine: String,
    load_seconds: f64,
    text_seconds: f64,
    /// Of a step of the last run, at whatever size.
    step_seconds: f64,
    curves: BTreeMap<Work, Curve>,
}

type ByModel = BTreeMap<String, ModelSpeeds>;

/// How fast engines were in runs before, by model.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Speeds {
    /// On this machine.
    models: ByModel,
    /// On servers.
    servers: BTreeMap<EngineId, ByModel>,
}

impl Speeds {
    /// Those kept in a folder; none where nothing can be read.
    pub fn read(data_dir: &Path) -> Self {
        std::fs::read(data_dir.join(FILE))
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default()
    }

    /// Keeps them there, whole or not at all.
    pub fn write(&self, data_dir: &Path) -> std::io::Result<()> {
        std::fs::create_dir_all(data_dir)?;
        let mut file = tempfile::NamedTempFile::new_in(data_dir)?;
        serde_json::to_writer(&mut file, self)?;
        file.persist(data_dir.join(FILE))?;
        Ok(())
    }

    /// Takes in what a run took. True where there was something to learn.
    pub fn learn(&mut self, result: &EditResult, demands: &dyn Demands) -> bool {
        let engine = EngineId::of(&result.model);
        let machine = match engine.server() {
            Some(_) => result.report.device.clone(),
            None => format!("{}, {}", result.report.device, rayon::current_num_threads()),
        };
        let models = match engine.server() {
            Some(_) => self.servers.entry(engine).or_default(),
            None => &mut self.models,
        };
        let known = models.entry(result.model.key()).or_default();
        if known.machine != machine {
            *known = ModelSpeeds {
                machine,
                ..ModelSpeeds::default()
            };
        }
        for (index, run) in result.runs.iter().enumerate() {
            known.learn(index, run, demands);
        }
        !result.runs.is_empty()
    }

    /// What was seen on a server was seen on one of that name; `None`: it is forgotten. True where there was
    /// something.
    pub fn rename_server(&mut self, server: &str, to: Option<&str>) -> bool {
        let seen = self.servers.remove(&EngineId::at(server));
        let is_known = seen.is_some();
        if let (Some(seen), Some(to)) = (seen, to) {
            // The keys of models there end with the server's name.
            let ending = format!(" @ {server}");
            let renamed = seen.into_iter().map(|(key, speeds)| {
                let model = key.strip_suffix(&ending).map(str::to_owned);
                (model.map_or(key, |model| format!("{model} @ {to}")), speeds)
            });
            self.servers.insert(EngineId::at(to), renamed.collect());
        }
        is_known
    }

    /// Seconds that a step took on that server lately, of its quickest model; `None` where nothing ever ran there.
    pub fn step_seconds_on(&self, server: &str) -> Option<f64> {
        let models = self.servers.get(&EngineId::at(server))?;
        let seen = models.values().map(|speeds| speeds.step_seconds);
        seen.filter(|seconds| *seconds > 0.0).min_by(f64::total_cmp)
    }

    /// The models of the engine that runs that model.
    fn beside(&self, model: &ModelRef) -> Option<&ByModel> {
        let engine = EngineId::of(model);
        match engine.server() {
            Some(_) => self.servers.get(&engine),
            None => Some(&self.models),
        }
    }

    /// False where nothing can be said of that model's runs, because its server never ran anything.
    pub(super) fn tells_of(&self, model: &ModelRef) -> bool {
        let has_steps = |speeds: &ModelSpeeds| speeds.curves.contains_key(&Work::Step);
        EngineId::of(model).server().is_none()
            || self
                .beside(model)
                .is_some_and(|models| models.values().any(has_steps))
    }

    /// Seconds that so much of a kind of work takes, and whether that was measured with this model.
    pub(super) fn seconds(&self, model: &ModelRef, work: Work, amount: f64) -> (f64, bool) {
        let of = |speeds: &ModelSpeeds| speeds.curves.get(&work)?.rate(amount);
        let known = self.beside(model).and_then(|it| it.get(&model.key()));
        if let Some(rate) = known.and_then(of) {
            return (rate * amount, true);
        }
        let is_server = EngineId::of(model).server().is_some();
        if is_server && let Some(known) = known {
            // A server that tells nothing of its parts has all of it in its steps.
            return (0.0, known.curves.contains_key(&Work::Step));
        }
        // Other models tell how fast the engine is.
        let beside = self.beside(model).into_iter().flat_map(ByModel::values);
        let others: Vec<f64> = beside.filter_map(of).collect();
        let rate = match others.len() {
            0 if is_server => 0.0,
            0 => work.seconds_per_unit_unmeasured(),
            count => others.iter().sum::<f64>() / count as f64,
        };
        (rate * amount, false)
    }

    /// Seconds that a picture would take with a model that is not here yet, and whether other models tell how
    /// fast this machine is.
    pub fn picture_seconds(&self, picture: &Picture) -> (f64, bool) {
        // A model of another size tells nothing: small ones spend their time beside the FLOPs.
        let near = |work: Work, gflops: f64| {
            let of = |speeds: &ModelSpeeds| speeds.curves.get(&work)?.rate_near(gflops * 1e9);
            let rates: Vec<f64> = self.models.values().filter_map(of).collect();
            (!rates.is_empty()).then(|| rates.iter().sum::<f64>() / rates.len() as f64)
        };
        let of = |work: Work, gflops: f64| {
            let rate = near(work, gflops).unwrap_or_else(|| work.seconds_per_unit_unmeasured());
            rate * gflops * 1e9
        };
        let seconds = f64::from(picture.steps) * of(Work::Step, picture.step_gflops)
            + of(Work::Encode, picture.encode_gflops)
            + of(Work::Decode, picture.decode_gflops);
        (seconds, near(Work::Step, picture.step_gflops).is_some())
    }

    /// Seconds for reading the model, and for reading the prompts.
    pub(super) fn beginning_seconds(&self, model: &ModelRef) -> (f64, f64) {
        self.beside(model)
            .and_then(|models| models.get(&model.key()))
            .map_or((0.0, 0.0), |known| (known.load_seconds, known.text_seconds))
    }
}

impl ModelSpeeds {
    fn learn(&mut self, index: usize, run: &PassRun, demands: &dyn Demands) {
        let (report, seconds) = (&run.report, &run.report.seconds);
        let parts = report.parts.max(1);
        let demand = demands.of_pass(&PassShape {
            work: run.layout.work,
            shown: run.shown,
            parts,
            steps: report.executed_steps,
            prompts: report.prompts,
            encodes: 1,
            decodes: 1,
        });
        if seconds.load > IS_LOADED_SECONDS {
            self.load_seconds = seconds.load;
        }
        if report.text_encodes > 0 {
            self.text_seconds = seconds.text;
        }
        // Those known already took no time.
        if report.picture_encodes >= run.encodes {
            let seconds = seconds.encode / f64::from(run.encodes.max(1));
            self.note(Work::Encode, demand.encode_flops, seconds);
        }
        let predictions = f64::from(report.executed_steps * parts);
        if report.executed_steps > 0 {
            self.step_seconds = seconds.steps / f64::from(report.executed_steps);
        }
        if predictions > 0.0 {
            self.note(Work::Step, demand.step_flops, seconds.steps / predictions);
        }
        self.note(Work::Decode, demand.decode_flops, seconds.decode);
        let of_engine = seconds.load
            + seconds.text
            + seconds.encode
            + seconds.round_trip
            + seconds.steps
            + seconds.decode;
        let work = Work::planning(index, run.is_detailed);
        let pixels = planned_pixels(
            run.layout.crop.extent().area(),
            run.layout.touched.extent().area(),
        );
        self.note(work, pixels, run.seconds - of_engine);
    }

    fn note(&mut self, work: Work, amount: f64, seconds: f64) {
        self.curves.entry(work).or_default().note(amount, seconds);
    }
}

/// The amount of planning and placing: pixels that are shown to the model, and that can change.
pub(super) fn planned_pixels(crop: u64, touched: u64) -> f64 {
    crop as f64 + touched as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::ServedModel;

    #[test]
    fn rates_are_interpolated_between_octaves() {
        let mut curve = Curve::default();
        assert_eq!(curve.rate(1e9), None);
        curve.note(1024.0, 1024.0);
        curve.note(4096.0, 4096.0 * 4.0);
        for (amount, rate) in [
            (1.0, 1.0),
            (1024.0, 1.0),
            (2048.0, 2.0),
            (4096.0, 4.0),
            (1e9, 4.0),
        ] {
            let said = curve.rate(amount).unwrap();
            assert!((said - rate).abs() < 1e-9, "{amount}: {said}");
        }
        // A second measurement moves what is known half of the way.
        curve.note(1024.0, 4.0 * 1024.0);
        assert!((curve.rate(1024.0).unwrap() - 2.0).abs() < 1e-9);
        curve.note(0.0, 1.0);
        curve.note(1.0, -1.0);
        assert_eq!(curve.0.len(), 2);
    }

    #[test]
    fn a_small_model_says_nothing_of_a_large_one() {
        let picture = Picture {
            side_px: 512,
            steps: 12,
            predictions: 2,
            step_gflops: 1600.0,
            encode_gflops: 1000.0,
            decode_gflops: 2500.0,
        };
        let mut speeds = Speeds::default();
        let guessed = speeds.picture_seconds(&picture);
        assert!(!guessed.1);
        let known = speeds.models.entry("small".to_owned()).or_default();
        known.note(Work::Step, 1e7, 1.0);
        assert_eq!(speeds.picture_seconds(&picture), guessed);
        let known = speeds.models.entry("large".to_owned()).or_default();
        known.note(Work::Step, 800e9, 4.0);
        let (seconds, is_measured) = speeds.picture_seconds(&picture);
        assert!(is_measured && seconds > 12.0 * 8.0, "{seconds}");
    }

    #[test]
    fn an_engine_says_nothing_of_another() {
        let served =
            |server: &str, name: &str| ModelRef::Served(ServedModel::guessed(server, name, None));
        let mut speeds = Speeds::default();
        let here = speeds.models.entry("built-in".to_owned()).or_default();
        here.note(Work::Step, 1e9, 8.0);
        let (model, other) = (served("studio", "a"), served("studio", "b"));
        assert!(!speeds.tells_of(&model) && speeds.tells_of(&ModelRef::BuiltIn));
        let there = speeds.servers.entry(EngineId::of(&model)).or_default();
        let there = there.entry(model.key()).or_default();
        there.note(Work::Step, 1e9, 0.5);
        there.step_seconds = 0.5;
        assert_eq!(speeds.step_seconds_on("studio"), Some(0.5));
        assert_eq!(speeds.step_seconds_on("shop"), None);
        let mut renamed = speeds.clone();
        assert!(renamed.rename_server("studio", Some("attic")));
        assert_eq!(renamed.step_seconds_on("attic"), Some(0.5));
        let there = served("attic", "a");
        assert_eq!(renamed.seconds(&there, Work::Step, 1e9), (0.5, true));
        assert!(renamed.rename_server("attic", None));
        assert!(!renamed.rename_server("attic", None));
        assert_eq!(speeds.seconds(&model, Work::Step, 1e9), (0.5, true));
        // It told of steps only: the rest is in them.
        assert_eq!(speeds.seconds(&model, Work::Decode, 1e9), (0.0, true));
        assert_eq!(speeds.seconds(&other, Work::Step, 2e9), (1.0, false));
        assert!(speeds.tells_of(&other) && !speeds.tells_of(&served("shop", "a")));
        let built_in = speeds.seconds(&ModelRef::BuiltIn, Work::Step, 1e9);
        assert_eq!(built_in, (8.0, true));
        let (others, _) = speeds.seconds(&ModelRef::Folder("x".into()), Work::Step, 1e9);
        assert!(
            (others - 8.0).abs() < 1e-9,
            "of this machine alone: {others}"
        );
    }

    #[test]
    fn speeds_come_back_from_their_file() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Speeds::read(folder.path()), Speeds::default());
        let mut speeds = Speeds::default();
        let known = speeds.models.entry("m".to_owned()).or_default();
        known.note(Work::Step, 2e9, 0.5);
        known.load_seconds = 3.0;
        let there = EngineId::of(&ModelRef::Served(ServedModel::guessed("studio", "m", None)));
        let there = speeds.servers.entry(there).or_default();
        there.entry("m".to_owned()).or_default().text_seconds = 1.0;
        speeds.write(folder.path()).unwrap();
        assert_eq!(Speeds::read(folder.path()), speeds);
        std::fs::write(folder.path().join(FILE), "{").unwrap();
        assert_eq!(Speeds::read(folder.path()), Speeds::default());
    }
}

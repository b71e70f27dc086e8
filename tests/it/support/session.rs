//! [`Session`]: an editor with a scripted engine in a folder of its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use overpaint::catalog::Vault;
use overpaint::document::DocumentId;
use overpaint::editor::{
    BrushTip, Candidate, Command, Editor, NoticeLevel, OpenDocument, RunState, Start, StrokePoint,
};
use overpaint::engine::Engine;
use overpaint::engine::fake::{FakeDemands, FakeEngine, FakeVision, Script};
use overpaint::geometry::{Extent, PointF, Rect};
use overpaint::jobs::{JobId, VisionFactory, Wake};
use overpaint::plan::{EditSettings, Steps};
use overpaint::raster::{Picture, Pixmap, Profile, Tiled};
use overpaint::text::Language;
use proptest::test_runner::{Config, RngSeed};
use tempfile::TempDir;

pub(crate) struct Session {
    pub(crate) editor: Editor,
    pub(crate) folder: TempDir,
}

pub(crate) fn start_in(folder: &Path, scripts: Vec<Script>, step_time: Duration) -> Editor {
    start_with_wake(folder, scripts, step_time, Arc::new(|| {}))
}

pub(crate) fn start_with_wake(
    folder: &Path,
    scripts: Vec<Script>,
    step_time: Duration,
    wake: Wake,
) -> Editor {
    Editor::new(Start {
        engine: Arc::new(move || {
            let engine = FakeEngine::scripted(scripts.clone()).with_step_time(step_time);
            Ok(Box::new(engine) as Box<dyn Engine>)
        }),
        demands: Arc::new(|_| Some(Arc::new(FakeDemands))),
        vision: fake_vision(FakeVision::default()),
        language: Language::English,
        vault: Vault::File,
        data_dir: folder.to_path_buf(),
        wake,
    })
}

/// Makes copies of what sees.
pub(crate) fn fake_vision(vision: FakeVision) -> VisionFactory {
    Arc::new(move || Ok(Box::new(vision)))
}

impl Session {
    pub(crate) fn new(scripts: Vec<Script>) -> Self {
        Self::with_step_time(scripts, Duration::ZERO)
    }

    pub(crate) fn with_step_time(scripts: Vec<Script>, step_time: Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let editor = start_in(folder.path(), scripts, step_time);
        Self { editor, folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Opens a picture whose every pixel is different from its neighbours.
    pub(crate) fn open(&mut self) -> DocumentId {
        self.editor.apply(Command::OpenPixels {
            title: None,
            pixels: pixels(Extent::new(300, 270)),
        });
        let id = self.editor.active().unwrap().id();
        let settings = EditSettings {
            prompt: "a cat".to_owned(),
            steps: Steps::new(10).unwrap(),
            ..self.editor.active().unwrap().settings().clone()
        };
        self.editor.apply(Command::SetSettings {
            document: id,
            settings: Box::new(settings),
        });
        id
    }

    pub(crate) fn document(&self, id: DocumentId) -> &OpenDocument {
        self.editor.document(id).unwrap()
    }

    /// A stroke of a hard brush along a line.
    pub(crate) fn paint(&mut self, document: DocumentId, from: (f32, f32), to: (f32, f32)) {
        let brush = BrushTip {
            diameter_px: 30.0,
            hardness: 1.0,
            ..BrushTip::default()
        };
        self.editor.apply(Command::StrokeBegin {
            document,
            brush,
            at: point(from),
        });
        self.editor.apply(Command::StrokeTo {
            document,
            at: point(to),
        });
        self.editor.apply(Command::StrokeEnd { document });
    }

    /// Polls until `done`, at most a minute; the invariants are held all the while.
    pub(crate) fn wait(&mut self, what: &str, done: impl Fn(&Editor) -> bool) {
        self.wait_for(Duration::from_mins(1), what, done);
    }

    /// The same for what may take longer.
    pub(crate) fn wait_for(
        &mut self,
        at_most: Duration,
        what: &str,
        done: impl Fn(&Editor) -> bool,
    ) {
        let give_up = Instant::now() + at_most;
        loop {
            self.editor.poll();
            self.check();
            if done(&self.editor) {
                return;
            }
            assert!(
                Instant::now() < give_up,
                "waited in vain for {what}: {:?}",
                self.editor.notices()
            );
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    pub(crate) fn wait_for_runs(&mut self) {
        self.wait("the runs", |editor| {
            editor.runs().iter().all(|run| run.state.is_ended())
        });
    }

    /// Runs the present settings to their end.
    pub(crate) fn generate(&mut self, document: DocumentId) -> JobId {
        let before: Vec<JobId> = self.editor.runs().iter().map(|run| run.job).collect();
        self.editor.apply(Command::Generate { document });
        let new = self
            .editor
            .runs()
            .iter()
            .map(|run| run.job)
            .find(|job| !before.contains(job));
        self.wait_for_runs();
        new.expect("a run was asked for")
    }

    pub(crate) fn last_candidate(&self, document: DocumentId) -> Candidate {
        self.editor
            .candidates(document)
            .next_back()
            .expect("a result")
            .clone()
    }

    pub(crate) fn state_of(&self, job: JobId) -> RunState {
        self.editor.run(job).unwrap().state.clone()
    }

    pub(crate) fn errors(&self) -> Vec<String> {
        let bad = self
            .editor
            .notices()
            .iter()
            .filter(|notice| notice.level > NoticeLevel::Info);
        bad.map(|notice| overpaint::text::english(&notice.message))
            .collect()
    }

    /// What must be true at any moment.
    pub(crate) fn check(&self) {
        let editor = &self.editor;
        for open in editor.documents() {
            let document = open.document();
            assert_eq!(document.mask().extent(), document.extent(), "the mask fits");
            let mut ids: Vec<_> = document.layers().iter().map(|layer| layer.id).collect();
            ids.sort();
            ids.dedup();
            assert_eq!(
                ids.len(),
                document.layers().len(),
                "layers have names of their own"
            );
        }
        assert!(editor.active().is_some() || editor.documents().is_empty());
        let running = editor.runs().iter().filter_map(|run| match &run.state {
            RunState::Running(progress) => Some(progress.engine.clone()),
            _ => None,
        });
        let mut engines: Vec<_> = running.collect();
        let count = engines.len();
        engines.sort();
        engines.dedup();
        assert_eq!(engines.len(), count, "an engine runs one at a time");
        for run in editor.runs() {
            if let RunState::Finished(id) = run.state
                && let Some(candidate) = editor.candidate(id)
            {
                assert_eq!(candidate.job, run.job);
            }
        }
        for candidates in editor
            .documents()
            .iter()
            .map(|open| editor.candidates(open.id()))
        {
            let patches = candidates.filter_map(Candidate::patch);
            patches.for_each(|p| assert_eq!(p.rect.extent(), p.pixels.extent()));
        }
    }
}

pub(crate) fn point((x, y): (f32, f32)) -> StrokePoint {
    StrokePoint {
        at: PointF::new(x, y),
        pressure: 1.0,
    }
}

pub(crate) fn pixels(extent: Extent) -> Pixmap {
    let pixel = |i: usize| {
        [
            (i % 251) as u8,
            (i / 251 % 255) as u8,
            (i % 17) as u8 * 15,
            255,
        ]
    };
    let pixels: Vec<[u8; 4]> = (0..extent.len()).map(pixel).collect();
    Pixmap::Rgba8(Tiled::from_pixels(extent, &pixels, [0; 4]))
}

/// Counts the pixels in which two pictures differ, and checks that none lies outside `allowed`.
pub(crate) fn differing(a: &Picture, b: &Picture, allowed: Rect) -> usize {
    let (Pixmap::Rgba8(a), Pixmap::Rgba8(b)) = (&a.pixels, &b.pixels) else {
        panic!("8 bits expected")
    };
    let mut count = 0;
    for y in 0..a.extent().height {
        for x in 0..a.extent().width {
            if a.get(x, y) != b.get(x, y) {
                let at = overpaint::geometry::Point::new(x as i32, y as i32);
                assert!(allowed.contains(at), "({x}, {y}) lies outside {allowed:?}");
                count += 1;
            }
        }
    }
    count
}

pub(crate) fn srgb(pixels: Pixmap) -> Picture {
    Picture {
        pixels,
        profile: Profile::Srgb,
    }
}

/// Random sequences that can be had again: a failed test shows the seed, which `PROPTEST_RNG_SEED`
/// brings back.
#[expect(clippy::print_stdout, reason = "a failed test shows it")]
pub(crate) fn seeded(cases: u32) -> Config {
    let config = Config {
        cases,
        max_shrink_iters: 20,
        failure_persistence: None,
        ..Config::default()
    };
    let rng_seed = match config.rng_seed {
        RngSeed::Fixed(seed) => seed,
        RngSeed::Random => {
            let now = std::time::SystemTime::now();
            let since = now.duration_since(std::time::UNIX_EPOCH).unwrap();
            since.as_nanos() as u64
        }
    };
    println!("PROPTEST_RNG_SEED={rng_seed}");
    Config {
        rng_seed: RngSeed::Fixed(rng_seed),
        ..config
    }
}

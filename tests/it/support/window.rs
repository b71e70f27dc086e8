//! The window as a test sees it: no desktop, no graphics card, a scripted engine.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use eframe::egui::{self, Event, PointerButton, Pos2, Vec2};
use egui_kittest::Harness;
use image::RgbaImage;
use overpaint::catalog::Vault;
use overpaint::document::crash_journal::{self as journal, Moment, Notes};
use overpaint::document::{Document, DocumentId};
use overpaint::editor::{Editor, RunState};
use overpaint::engine::fake::{FakeDemands, FakeEngine, FakeVision, Script};
use overpaint::engine::{Demands, Engine, EngineError};
use overpaint::geometry::Extent;
use overpaint::raster::{Picture, Pixmap, Profile, Tiled};
use overpaint::text::Language;
use overpaint::ui::{App, WindowOptions};

use super::rasterizer::SharedRasterizer;
use super::session::fake_vision;

/// How a test wants its window.
pub(crate) struct Wanted {
    pub size: Vec2,
    pub pixels_per_point: f32,
    pub theme: egui::Theme,
    pub language: Language,
    pub scripts: Vec<Script>,
    pub step_time: Duration,
    pub vision: FakeVision,
    /// Else runs without a prompt go without a question.
    pub asks_about_empty_prompts: bool,
    /// What a session before this one has left: titles, and the colours of the pictures.
    pub left_behind: Vec<(&'static str, [u8; 3])>,
    /// What runs will take is said.
    pub forecasts: bool,
    /// What lies in the data folder before the window opens.
    pub prepare: fn(&Path),
    /// The folder of the model chosen last; else the built-in one.
    pub model: Option<PathBuf>,
}

impl Default for Wanted {
    fn default() -> Self {
        Self {
            size: Vec2::new(1280.0, 720.0),
            pixels_per_point: 1.0,
            theme: egui::Theme::Dark,
            language: Language::English,
            scripts: Vec::new(),
            step_time: Duration::ZERO,
            vision: FakeVision::default(),
            asks_about_empty_prompts: false,
            left_behind: Vec::new(),
            forecasts: false,
            prepare: |_| {},
            model: None,
        }
    }
}

/// Writes the journal of a picture that nobody has closed.
fn leave_behind(data_dir: &Path, title: &str, [r, g, b]: [u8; 3]) {
    let pixels = Pixmap::Rgba8(Tiled::filled(Extent::new(80, 60), [r, g, b, 255]));
    let profile = Profile::Srgb;
    let document = Document::new(DocumentId(1), Picture { pixels, profile });
    let moment = Moment {
        state: document.state().clone(),
        by: None,
        notes: Notes {
            title: title.to_owned(),
            path: None,
            is_unsaved: true,
            settings: Vec::new(),
        },
    };
    let folder = data_dir.join("sessions").join(title);
    std::fs::create_dir_all(&folder).expect("a folder");
    journal::begin(&folder.join("journal"), &moment).expect("a journal");
}

/// A window under test.
pub(crate) struct TestWindow {
    pub harness: Harness<'static, App>,
    painter: SharedRasterizer,
    /// In points.
    pub size: Vec2,
    /// Keeps the folder of preferences and journals until the test ends.
    pub folder: tempfile::TempDir,
}

impl TestWindow {
    pub(crate) fn open(wanted: Wanted) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut preferences = serde_json::json!({});
        if !wanted.asks_about_empty_prompts {
            preferences["window"] = serde_json::json!({"empty prompts": "true"});
        }
        if let Some(model) = wanted.model {
            preferences["model"] = serde_json::json!({ "Folder": model });
        }
        let preferences = preferences.to_string();
        std::fs::write(folder.path().join("preferences.json"), preferences).expect("written");
        for (title, colour) in wanted.left_behind {
            leave_behind(folder.path(), title, colour);
        }
        (wanted.prepare)(folder.path());
        let painter = SharedRasterizer::default();
        let scripts = wanted.scripts;
        let step_time = wanted.step_time;
        let forecasts = wanted.forecasts;
        let options = WindowOptions {
            pictures: Vec::new(),
            engine: std::sync::Arc::new(move || -> Result<Box<dyn Engine>, EngineError> {
                Ok(Box::new(
                    FakeEngine::scripted(scripts.clone()).with_step_time(step_time),
                ))
            }),
            demands: std::sync::Arc::new(move |_| {
                forecasts
                    .then(|| -> std::sync::Arc<dyn Demands> { std::sync::Arc::new(FakeDemands) })
            }),
            vision: fake_vision(wanted.vision),
            vault: Vault::File,
            data_dir: folder.path().to_owned(),
            language: Some(wanted.language),
            frame_times: None,
        };
        let mut harness = Harness::builder()
            .with_size(wanted.size)
            .with_pixels_per_point(wanted.pixels_per_point)
            .with_theme(wanted.theme)
            .with_max_steps(12)
            .with_step_dt(1.0 / 30.0)
            .renderer(painter.clone())
            .build_eframe(|cc| App::new(&cc.egui_ctx, options).without_system_dialogs());
        harness.run_ok();
        let mut window = Self {
            harness,
            painter,
            size: wanted.size,
            folder,
        };
        window.wait(|editor| editor.active().is_some());
        window
    }

    pub(crate) fn editor(&self) -> &Editor {
        self.harness.state().editor().expect("the window is open")
    }

    /// Runs frames until `ready`, for at most a minute.
    pub(crate) fn wait(&mut self, ready: impl Fn(&Editor) -> bool) {
        let end = Instant::now() + Duration::from_mins(1);
        while !ready(self.editor()) {
            assert!(Instant::now() < end, "it did not happen within a minute");
            std::thread::sleep(Duration::from_millis(5));
            self.harness.step();
        }
        self.frames(3);
    }

    /// Opens a picture as one does who pastes its path.
    pub(crate) fn open_file(&mut self, path: &Path) {
        let known = self.editor().documents().len();
        self.harness.event(Event::Paste(path.display().to_string()));
        self.frames(1);
        self.wait(|editor| editor.documents().len() > known);
    }

    /// Runs until no job waits or runs.
    pub(crate) fn wait_for_runs(&mut self) {
        self.wait(|editor| {
            !editor.runs().is_empty()
                && editor
                    .runs()
                    .iter()
                    .all(|run| !matches!(run.state, RunState::Waiting | RunState::Running(_)))
        });
    }

    pub(crate) fn frames(&mut self, count: usize) {
        self.harness.run_steps(count);
    }

    /// A place on the canvas by shares of its width and height.
    pub(crate) fn on_canvas(&self, across: f32, down: f32) -> Pos2 {
        let canvas = self.harness.state().canvas();
        canvas.min + Vec2::new(canvas.width() * across, canvas.height() * down)
    }

    /// Drags the pointer over the canvas, all positions within one frame each.
    pub(crate) fn drag(&mut self, places: &[(f32, f32)]) {
        let places: Vec<Pos2> = places.iter().map(|(x, y)| self.on_canvas(*x, *y)).collect();
        let (first, rest) = places.split_first().expect("a place");
        self.harness.hover_at(*first);
        self.harness.step();
        // As a window does, and the harness's own `drag_at` does not: with the keys that are held.
        let modifiers = self.harness.ctx.input(|input| input.modifiers);
        self.harness.event(Event::PointerButton {
            pos: *first,
            button: PointerButton::Primary,
            pressed: true,
            modifiers,
        });
        self.harness.step();
        for place in rest {
            self.harness.hover_at(*place);
            self.harness.step();
        }
        self.harness.drop_at(*places.last().expect("a place"));
        self.frames(3);
    }

    /// How many pixels are painted.
    pub(crate) fn painted(&self) -> usize {
        let open = self.editor().active().expect("a document");
        open.document()
            .mask()
            .to_vec()
            .into_iter()
            .filter(|c| *c > 0)
            .count()
    }

    /// The window as a picture.
    pub(crate) fn picture(&mut self) -> RgbaImage {
        self.harness.step();
        let output = self.harness.output();
        self.painter
            .0
            .borrow()
            .draw(&self.harness.ctx, output, self.size)
    }
}

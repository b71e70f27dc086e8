//! [`App`]: one frame after the other. Reads the editor, draws, then hands over what was asked for.

use eframe::egui::{self, Ui};

use super::actions::Action;
use super::arrangement::{drop_hint, window_ui};
use super::brush::BrushSize;
use super::canvas::TextureStore;
use super::context::{Desk, memory};
use super::dialogs::{self, FileAnswer, FileChooser, Outcome};
use super::frame_times::{EngineWork, FrameTimes};
use super::motion::DesktopMotion;
use super::options::WindowOptions;
use super::placement::Placement;
use super::state::{Dialog, Guide, ToolOptions, UiState};
use super::theme;
use super::toasts::Toasts;
use super::widgets;
use super::{batch, clipboard, fonts, keys, leaving, perform};
use crate::editor::{BrushTip, Command, Editor, OpenBatch, Sample, Start, Theme};
use crate::text::{Language, Texts};

/// The window's program.
pub struct App {
    /// `None` once the window is closed and the editor has ended.
    desktop: Option<Desktop>,
    frame_times: Option<FrameTimes>,
}

/// All that a frame works on.
struct Desktop {
    editor: Editor,
    state: UiState,
    store: TextureStore,
    toasts: Toasts,
    files: FileChooser,
    motion: DesktopMotion,
    placement: Placement,
    started: bool,
    quit_agreed: bool,
    /// What the window's title bar says.
    title: String,
    canvas: egui::Rect,
}

impl App {
    /// Prepares `ctx` and begins with what `options` say.
    pub fn new(ctx: &egui::Context, options: WindowOptions) -> Self {
        fonts::install(ctx);
        theme::install(ctx);
        ctx.options_mut(|o| o.zoom_with_keyboard = false);
        let wake = ctx.clone();
        let mut editor = Editor::new(Start {
            engine: options.engine,
            demands: options.demands,
            vision: options.vision,
            language: options.language.unwrap_or_else(Language::of_system),
            vault: options.vault,
            data_dir: options.data_dir,
            wake: std::sync::Arc::new(move || wake.request_repaint()),
        });
        let mut state = UiState::default();
        state.shown.more = editor
            .preferences()
            .window
            .get(memory::MORE)
            .is_some_and(|open| open == "true");
        let brush = editor.preferences().window.get(memory::BRUSH);
        if let Some((size, tip)) = brush.and_then(|text| BrushSize::of_text(text)) {
            (state.brush_size, state.brush) = (size, tip);
        }
        let tools = editor.preferences().window.get(memory::TOOLS);
        if let Some(tools) = tools.and_then(|text| serde_json::from_str(text).ok()) {
            state.tools = tools;
        }
        let first_start = !editor.preferences().guide_dismissed;
        if options.pictures.is_empty() && first_start {
            editor.apply(Command::OpenSample(Sample::PortraitCity));
            state.guide = Some(Guide::default());
        }
        for path in options.pictures {
            editor.apply(batch::opening(path));
        }
        let desktop = Desktop {
            editor,
            state,
            store: TextureStore::default(),
            toasts: Toasts::default(),
            files: FileChooser::default(),
            motion: DesktopMotion::default(),
            placement: Placement::default(),
            started: false,
            quit_agreed: false,
            title: String::new(),
            canvas: egui::Rect::NOTHING,
        };
        Self {
            desktop: Some(desktop),
            frame_times: None,
        }
    }

    /// Makes the window ask the desktop what it wants.
    #[must_use]
    pub(super) fn on_a_desktop(mut self) -> Self {
        if let Some(desktop) = &mut self.desktop {
            desktop.motion = DesktopMotion::ask();
        }
        self
    }

    /// Makes the window write down what each frame takes.
    #[must_use]
    pub(super) fn with_frame_times(mut self, frame_times: Option<FrameTimes>) -> Self {
        self.frame_times = frame_times;
        self
    }

    /// Makes the window ask for paths by a field of its own, as where the desktop has no dialog.
    #[must_use]
    pub fn without_system_dialogs(mut self) -> Self {
        if let Some(desktop) = &mut self.desktop {
            desktop.files = FileChooser::without_system();
        }
        self
    }

    /// What the window shows, until it is closed.
    pub fn editor(&self) -> Option<&Editor> {
        self.desktop.as_ref().map(|desktop| &desktop.editor)
    }

    /// The part of the window that shows the picture, in points.
    pub fn canvas(&self) -> egui::Rect {
        self.desktop
            .as_ref()
            .map_or(egui::Rect::NOTHING, |desktop| desktop.canvas)
    }

    /// What the last frame sent to the graphics card for picture and mask: how many pieces, and how
    /// many texels.
    pub fn uploads(&self) -> (u32, u64) {
        let uploads = self
            .desktop
            .as_ref()
            .map(|desktop| desktop.store.uploads())
            .unwrap_or_default();
        (uploads.count, uploads.texels)
    }
}

impl Desktop {
    /// What happened since the last frame: finished runs, dropped and pasted pictures, closing.
    fn advance(&mut self, ctx: &egui::Context) {
        self.editor.poll();
        self.apply_looks(ctx);
        self.state.follow(&self.editor);
        self.store.forget_gone(&self.editor);
        self.show_new_results();
        self.offer_recovery();
        if self.state.dialog.is_none() && self.editor.leaving().is_some() {
            self.state.dialog = Some(Dialog::SendPicture);
        }
        let focused = ctx.input(|i| i.viewport().focused != Some(false));
        match self.files.poll(focused) {
            FileAnswer::Nothing => {}
            FileAnswer::Field(field) => self.state.dialog = Some(Dialog::Path(field)),
            FileAnswer::Chosen(purpose, paths) => {
                for path in paths {
                    if let Some(command) = purpose.command(&self.editor, path) {
                        self.editor.apply(command);
                    }
                }
            }
        }
        if self.files.is_open() {
            ctx.request_repaint_after_secs(0.1);
        }
        let batch = self.editor.batch();
        if batch.is_some_and(OpenBatch::is_unsettled) {
            ctx.request_repaint_after_secs(0.5);
        }
        let busy_batch = batch.and_then(OpenBatch::doing);
        if self.editor.running().is_some() || busy_batch.is_some() {
            // The time left goes on even when the engine is silent.
            ctx.request_repaint_after_secs(0.25);
        }
        self.take_pictures(ctx);
        self.say_title(ctx);
        let closing = ctx.input(|i| i.viewport().close_requested());
        if closing && self.editor.has_unsaved_work() && !self.quit_agreed {
            ctx.send_viewport_cmd(egui::ViewportCommand::CancelClose);
            self.state.dialog = Some(Dialog::QuitUnsaved);
        }
    }

    /// The picture in front, with a dot where closing it would lose something.
    fn say_title(&mut self, ctx: &egui::Context) {
        let title = self.editor.active().map_or_else(
            || "Overpaint".to_owned(),
            |open| {
                let lost = self.editor.losses(open.id()).any();
                let dot = if lost { "• " } else { "" };
                format!("{dot}{} – Overpaint", open.title())
            },
        );
        if title != self.title {
            self.title.clone_from(&title);
            ctx.send_viewport_cmd(egui::ViewportCommand::Title(title));
        }
    }

    fn apply_looks(&mut self, ctx: &egui::Context) {
        let preference = match self.editor.preferences().theme {
            Theme::System => egui::ThemePreference::System,
            Theme::Light => egui::ThemePreference::Light,
            Theme::Dark => egui::ThemePreference::Dark,
        };
        if !self.started || ctx.options(|o| o.theme_preference) != preference {
            ctx.set_theme(preference);
            self.started = true;
        }
        let window = &self.editor.preferences().window;
        let chosen = window
            .get(memory::SCALE)
            .and_then(|text| text.parse::<f32>().ok());
        let (monitor, native) = ctx.input(|i| {
            let window = i.viewport();
            (window.monitor_size, window.native_pixels_per_point)
        });
        if let (Some(monitor), None) = (monitor, self.state.own_scale_percent) {
            let height = monitor.y * ctx.zoom_factor();
            let scale = theme::own_scale_percent(height, native.unwrap_or(1.0));
            self.state.own_scale_percent = Some(scale);
            if !window.contains_key(memory::PLACEMENT) {
                let percent = chosen.unwrap_or(scale as f32);
                let screen = monitor * ctx.zoom_factor() * 100.0 / percent;
                Placement::suit_screen(ctx, screen, percent);
            }
        }
        let own = self.state.own_scale_percent.unwrap_or(100);
        let percent = chosen.unwrap_or(own as f32).clamp(50.0, 300.0);
        ctx.set_zoom_factor(percent / 100.0);
        let still = window.get(memory::STILL).map(|on| on == "true");
        self.state.still = still.unwrap_or_else(|| self.motion.is_reduced(ctx));
        let motion_secs = if self.state.still {
            0.0
        } else {
            theme::MOTION_SECS
        };
        if ctx.global_style().animation_time != motion_secs {
            ctx.all_styles_mut(|style| style.animation_time = motion_secs);
        }
        let zoom = ctx.zoom_factor();
        ctx.input(|i| self.placement.follow(i.viewport(), zoom));
    }

    /// For the next start.
    fn remember_placement(&mut self) {
        let mut preferences = self.editor.preferences().clone();
        let placement = self.placement.to_string();
        preferences
            .window
            .insert(memory::PLACEMENT.to_owned(), placement);
        self.editor
            .apply(Command::SetPreferences(Box::new(preferences)));
    }

    /// A result that has just come is laid over the picture, unless one is painting.
    fn show_new_results(&mut self) {
        let Some(open) = self.editor.active() else {
            return;
        };
        let document = open.id();
        let count = self.editor.candidates(document).count();
        let newest = self.editor.candidates(document).next_back();
        // Neither a tile of a comparison, nor what was read from a file.
        let came = newest.filter(|newest| {
            newest.comparison.is_none()
                && self.editor.run(newest.job).is_some()
                && !self.editor.is_layer(newest)
        });
        let painting = self.state.drag.is_painting();
        let known = self.state.of(document);
        // While one looks at the first of several variations the others do not push themselves forward.
        let shown = known
            .shown_result()
            .and_then(|id| self.editor.candidate(id));
        if count > known.results_seen
            && !painting
            && let Some(came) = came
            && shown.is_none_or(|shown| shown.group != came.group)
        {
            known.show_result(Some(came.id));
        }
        known.results_seen = count;
        if let Some(seen) = self.state.comparisons_seen {
            let comparisons: Vec<_> = self.editor.comparisons(document).map(|c| c.id).collect();
            if comparisons.len() > seen {
                self.state.leave_views();
                self.state.comparison = comparisons.last().copied();
                self.state.comparisons_seen = None;
                self.state.of(document).sheet_view.fits = true;
            }
        }
        if self
            .state
            .comparison
            .is_some_and(|id| self.editor.comparison(id).is_none())
        {
            self.state.comparison = None;
        }
    }

    /// What an earlier session has left is offered, also when it is found late.
    fn offer_recovery(&mut self) {
        let count = self.editor.recoverable().count();
        if count > self.state.recoverable_seen {
            if self.state.dialog.is_some() || self.state.drag.is_painting() {
                return;
            }
            self.state.dialog = Some(Dialog::Recovery);
        }
        self.state.recoverable_seen = count;
    }

    /// Dropped files, pasted pictures and pasted paths are opened; copying copies the picture.
    fn take_pictures(&mut self, ctx: &egui::Context) {
        let writing = ctx.text_edit_focused();
        let (dropped, pasted, copies) = ctx.input(|i| {
            let pasted: Vec<egui::Event> = i
                .events
                .iter()
                .filter(|event| matches!(event, egui::Event::PasteImage(_) | egui::Event::Paste(_)))
                .cloned()
                .collect();
            let copies = i.events.contains(&egui::Event::Copy);
            (i.raw.dropped_files.clone(), pasted, copies)
        });
        if copies && !writing {
            clipboard::copy_picture(ctx, &self.editor);
        }
        for path in dropped.iter().map(|file| file.path().to_owned()) {
            let command = batch::opening(path);
            self.editor.apply(command);
        }
        for event in pasted {
            match event {
                egui::Event::PasteImage(image) => {
                    self.editor.apply(Command::OpenPixels {
                        title: None,
                        pixels: clipboard::pixels_of(&image),
                    });
                }
                egui::Event::Paste(text) if !writing => {
                    for path in clipboard::files_of(&text) {
                        self.editor.apply(batch::opening(path));
                    }
                }
                _ => {}
            }
        }
    }

    /// Draws one frame and does what was asked for in it.
    fn frame(&mut self, ui: &mut Ui) {
        let ctx = ui.ctx().clone();
        let mut commands = Vec::new();
        widgets::follow_wheel(&ctx);
        let mut actions = keys::pressed(&ctx, &self.state);
        self.state.before_held = keys::before_held(&ctx);
        let mut desk = Desk {
            editor: &self.editor,
            state: &mut self.state,
            texts: Texts::of(self.editor.language()),
            commands: &mut commands,
            actions: &mut actions,
        };
        let (canvas, place) = window_ui(ui, &mut desk, &mut self.store);
        self.canvas = canvas;
        self.toasts.show(&ctx, &mut desk, canvas, place);
        drop_hint(&ctx, &desk, self.canvas);
        let mut outcome = dialogs::dialog_ui(&ctx, &mut desk);
        let pressed: Vec<Action> = std::mem::take(desk.actions);
        for action in pressed {
            perform::perform(&ctx, &mut desk, &mut self.files, action);
        }
        perform::ask_for_files(&mut desk, &mut self.files);
        remember_brush(&ctx, &mut desk);
        outcome = outcome.or_else(|| leaving::go_on(&ctx, &mut desk, &mut self.files));
        if outcome == Some(Outcome::Quit) {
            self.quit_agreed = true;
            ctx.send_viewport_cmd(egui::ViewportCommand::Close);
        }
        let anything = !commands.is_empty();
        for command in commands {
            let accepts = match command {
                Command::AcceptCandidate(candidate) => Some(candidate),
                _ => None,
            };
            if matches!(command, Command::Activate(_)) {
                self.state.batch.is_shown = false;
            }
            self.editor.apply(command);
            if let Some(candidate) = accepts {
                self.state.note_accepted(&self.editor, candidate);
            }
        }
        self.state.was_writing = ctx.text_edit_focused();
        if anything {
            // What they changed is drawn in the next frame.
            ctx.request_repaint();
        }
    }
}

/// For the next start, once nothing is being dragged.
fn remember_brush(ctx: &egui::Context, desk: &mut Desk<'_>) {
    if ctx.input(|i| i.pointer.any_down()) {
        return;
    }
    let first = || BrushSize::default().to_text(&BrushTip::default());
    let text = desk.state.brush_size.to_text(&desk.state.brush);
    let known = desk.editor.preferences().window.get(memory::BRUSH).cloned();
    if known.unwrap_or_else(first) != text {
        desk.remember(memory::BRUSH, text);
    }
    let text = |tools: &ToolOptions| serde_json::to_string(tools).unwrap_or_default();
    let known = desk.editor.preferences().window.get(memory::TOOLS).cloned();
    let now = text(&desk.state.tools);
    if known.unwrap_or_else(|| text(&ToolOptions::default())) != now {
        desk.remember(memory::TOOLS, now);
    }
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &egui::Context, frame: &mut eframe::Frame) {
        if let (Some(times), Some(desktop)) = (&mut self.frame_times, &self.desktop) {
            let work = EngineWork {
                is_running: desktop.editor.running().is_some(),
                jobs: (desktop.editor.runs().iter().map(|run| run.job.0))
                    .max()
                    .unwrap_or(0),
            };
            let mut uploads = desktop.store.uploads();
            if desktop.state.batch.is_shown {
                (uploads.count, uploads.texels) = desktop.state.batch.textures.sent;
            }
            times.next_frame(frame.info().cpu_usage, uploads, work);
        }
        if let Some(desktop) = &mut self.desktop {
            desktop.advance(ctx);
        }
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        if let Some(desktop) = &mut self.desktop {
            desktop.frame(ui);
        }
        if let Some(times) = &mut self.frame_times {
            times.program_done();
        }
    }

    fn on_exit(&mut self, _gl: Option<&eframe::glow::Context>) {
        if let Some(mut desktop) = self.desktop.take() {
            desktop.remember_placement();
            desktop.editor.close();
        }
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        visuals.panel_fill.to_normalized_gamma_f32()
    }
}

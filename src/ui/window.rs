//! [`run`]: opens the window and stays until it is closed.

use std::path::PathBuf;

use eframe::egui;

use super::app::App;
use super::context::memory;
use super::frame_times::FrameTimes;
use super::options::WindowOptions;
use super::placement::Placement;
use crate::editor::Preferences;
use crate::text::{Explain, Message, error_speaks};

/// Why there is no window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WindowError {
    /// The desktop or its graphics refused.
    Desktop {
        /// What it said.
        why: String,
    },
    /// The file for the frame times cannot be written.
    FrameTimes {
        /// Why not.
        why: String,
        /// The file.
        path: PathBuf,
    },
}

impl Explain for WindowError {
    fn message(&self) -> Message {
        match self {
            Self::Desktop { why } => Message::new("ui-no-window").with("why", why.clone()),
            Self::FrameTimes { why, path } => Message::new("ui-no-frame-times")
                .with("why", why.clone())
                .with("path", path.as_path()),
        }
    }
}

error_speaks!(WindowError);

/// The picture in the title bar and the task list; none where it cannot be read.
fn icon() -> egui::IconData {
    eframe::icon_data::from_png_bytes(include_bytes!("../../assets/icon.png")).unwrap_or_default()
}

/// Opens the window and returns when it is closed.
pub fn run(options: WindowOptions) -> Result<(), WindowError> {
    let frame_times = match &options.frame_times {
        Some(path) => {
            let times = FrameTimes::create(path).map_err(|error| WindowError::FrameTimes {
                why: error.to_string(),
                path: path.clone(),
            })?;
            Some(times)
        }
        None => None,
    };
    let viewport = egui::ViewportBuilder::default()
        .with_title("Overpaint")
        .with_app_id("overpaint")
        .with_drag_and_drop(true)
        .with_icon(icon());
    let remembered = Preferences::of(&options.data_dir).window;
    let placement: Placement = remembered
        .get(memory::PLACEMENT)
        .and_then(|text| text.parse().ok())
        .unwrap_or_default();
    let viewport = placement.of_builder(viewport);
    let native = eframe::NativeOptions {
        viewport,
        renderer: eframe::Renderer::Glow,
        ..eframe::NativeOptions::default()
    };
    let app = move |context: &eframe::CreationContext<'_>| -> Result<Box<dyn eframe::App>, Box<dyn std::error::Error + Send + Sync>> {
        let app = App::new(&context.egui_ctx, options);
        Ok(Box::new(app.on_a_desktop().with_frame_times(frame_times)))
    };
    eframe::run_native("overpaint", native, Box::new(app)).map_err(|error| WindowError::Desktop {
        why: error.to_string(),
    })
}

//! The program: arguments in, window or command line out. No logic lives here but the choice of
//! engine and of the folder for what must be remembered.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use overpaint::cli::{self, WindowRequest};
use overpaint::engine::diffusion::{DiffusionEngine, EngineOptions};
use overpaint::engine::kernels::BlockAllocator;
use overpaint::engine::vision::BuiltInVision;
use overpaint::engine::{Engine, Vision};
use overpaint::text::{Explain as _, Message};
use overpaint::ui::{self, WindowOptions};

#[global_allocator]
static MEMORY: BlockAllocator = BlockAllocator;

fn main() -> ExitCode {
    cli::run(std::env::args_os(), open_window)
}

fn open_window(request: WindowRequest) -> Result<(), Message> {
    let options = EngineOptions {
        yielding: true,
        ..request.device.engine_options()
    };
    let engine = move || {
        let engine = DiffusionEngine::new(options)?;
        Ok(Box::new(engine) as Box<dyn Engine>)
    };
    let vision = move || {
        // Whoever computes first sets the threads up.
        options.thread_count()?;
        Ok(Box::new(BuiltInVision::default()) as Box<dyn Vision>)
    };
    ui::run(WindowOptions {
        picture: request.picture,
        engine: Box::new(engine),
        vision: Arc::new(vision),
        data_dir: request.data_dir.unwrap_or_else(data_dir),
        language: None,
        frame_times: request.frame_times,
    })
    .map_err(|error| error.message())
}

/// Where preferences and journals lie: the user's data folder, or the working folder where the
/// system has none.
fn data_dir() -> PathBuf {
    directories::ProjectDirs::from("", "", "overpaint").map_or_else(
        || PathBuf::from(".overpaint"),
        |dirs| dirs.data_dir().to_owned(),
    )
}

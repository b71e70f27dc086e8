//! The program: arguments in, window or command line out. No logic lives here but the choice of
//! engine.

use std::process::ExitCode;
use std::sync::Arc;

use overpaint::cli::{self, RoutedEngine, WindowRequest};
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
    let data_dir = request.data_dir.unwrap_or_else(cli::data_dir);
    let previews_in = data_dir.clone();
    let local = Arc::new(move || {
        let engine = DiffusionEngine::new(options)?.with_previews_in(previews_in.clone());
        Ok(Box::new(engine) as Box<dyn Engine>)
    });
    let (servers_dir, looked_in) = (data_dir.clone(), data_dir.clone());
    let engine = move || {
        let local = Arc::clone(&local);
        let engine = RoutedEngine::new(local, servers_dir.clone());
        Ok(Box::new(engine) as Box<dyn Engine>)
    };
    let vision = move || {
        // Whoever computes first sets the threads up.
        options.thread_count()?;
        Ok(Box::new(BuiltInVision::default()) as Box<dyn Vision>)
    };
    ui::run(WindowOptions {
        pictures: request.pictures,
        engine: Arc::new(engine),
        demands: Arc::new(move |model| cli::demands_of(model, options, Some(&looked_in))),
        vision: Arc::new(vision),
        vault: cli::VAULT,
        data_dir,
        language: None,
        frame_times: request.frame_times,
    })
    .map_err(|error| error.message())
}

//! The command line: arguments in, messages and an exit code out.
//!
//! Composes what the other rooms offer; the window's entry point is handed in by `main`, so that
//! this room never names egui. Messages are in the user's language.

mod args;
mod bench;
mod console;
mod edit;
mod error;
mod models;
mod resources;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser as _;

use args::{Args, Command};
pub use args::{DeviceArgs, EditArgs};
pub use bench::bench_request;
pub use error::CliError;

use crate::text::{Language, Message, Texts};
use console::Console;

/// What the command line asks the window for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowRequest {
    /// A picture to open.
    pub picture: Option<PathBuf>,
    /// What the engine should run on.
    pub device: DeviceArgs,
    /// Where preferences and journals lie; `None`: in the user's data folder.
    pub data_dir: Option<PathBuf>,
    /// Where to write what each frame took.
    pub frame_times: Option<PathBuf>,
}

/// Opens the window and returns when it is closed; an error is what to say.
pub type OpenWindow = fn(WindowRequest) -> Result<(), Message>;

/// Runs the program: the first argument is its own name.
pub fn run(args: impl IntoIterator<Item = OsString>, open_window: OpenWindow) -> ExitCode {
    let args = match Args::try_parse_from(args) {
        Ok(args) => args,
        Err(error) => {
            // clap writes help to stdout (exit code 0) and mistakes to stderr (exit code 2).
            let code = if error.use_stderr() {
                error::BAD_ARGUMENTS
            } else {
                0
            };
            return if error.print().is_ok() {
                ExitCode::from(code)
            } else {
                ExitCode::from(error::FAILED_RUN)
            };
        }
    };
    let texts = Texts::of(Language::of_system());
    let console = Console::new(texts);
    let done = match args.command {
        Some(Command::Edit(edit)) => edit::run(&edit, &console),
        Some(Command::Models(which)) => models::run(&which, &console),
        Some(Command::Bench(bench)) => bench::run(&bench, &console),
        None => open_window(WindowRequest {
            picture: args.picture,
            device: args.device,
            data_dir: args.data_dir,
            frame_times: args.frame_times,
        })
        .map_err(CliError::Window),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            console.problem(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

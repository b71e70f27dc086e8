//! The command line: arguments in, messages and an exit code out.
//!
//! Composes what the other rooms offer; the window's entry point is handed in by `main`, so that
//! this room never names egui. Messages are in the user's language.

mod args;
mod background;
mod batch;
mod bench;
mod console;
mod edit;
mod engines;
mod erase;
mod error;
mod getting;
mod models;
mod recipe;
mod resources;
mod routed;
mod select;
mod selection;
mod stop;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};
use serde_json::json;

use args::{Args, Command};
pub use args::{DeviceArgs, EditArgs, EngineArgs};
pub use bench::bench_request;
pub use engines::demands_of;
pub use error::CliError;
pub use routed::{RoutedEngine, ServedEngine, VAULT};

use crate::raster::file::PictureError;
use crate::text::{Explain as _, Language, Message, Texts};
use console::Console;

/// What the command line asks the window for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowRequest {
    /// Pictures and projects to open.
    pub pictures: Vec<PathBuf>,
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
    let typed: Vec<OsString> = args.into_iter().collect();
    let texts = Texts::of(Language::of_system());
    let console = Console::new(texts);
    let args = match Args::try_parse_from(&typed) {
        Ok(args) => args,
        Err(error) => return not_understood(&error, &typed, &console),
    };
    let wants_json = args.command.as_ref().is_some_and(Command::wants_json);
    let done = match args.command {
        Some(Command::Edit(edit)) => edit::run(&edit, &console),
        Some(Command::Select(select)) => select::run(&select, &console),
        Some(Command::Erase(erase)) => erase::run(&erase, &console),
        Some(Command::Batch(batch)) => batch::run(&batch, &console),
        Some(Command::Recipe(which)) => recipe::run(&which, &console),
        Some(Command::Background(background)) => background::run(&background, &console),
        Some(Command::Models(which)) => models::run(&which, &console),
        Some(Command::Engines(which)) => engines::run(&which, &console),
        Some(Command::Bench(bench)) => bench::run(&bench, &console),
        None => window(args, open_window),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error, wants_json, &console),
    }
}

/// Where preferences, journals and what was measured lie: the user's data folder, or the working
/// folder where the system has none.
pub fn data_dir() -> PathBuf {
    users_data_dir().unwrap_or_else(|| PathBuf::from(".overpaint"))
}

/// The user's data folder; `None` where the system has none.
fn users_data_dir() -> Option<PathBuf> {
    let found = directories::ProjectDirs::from("", "", "overpaint");
    found.map(|dirs| dirs.data_dir().to_owned())
}

fn failed(error: &CliError, wants_json: bool, console: &Console) -> ExitCode {
    let code = error.exit_code();
    if wants_json {
        error_event(&console.say(&error.message()), code);
    }
    console.problem(error);
    ExitCode::from(code)
}

/// Says why the arguments cannot be understood, or gives the help that was asked for.
fn not_understood(error: &clap::Error, typed: &[OsString], console: &Console) -> ExitCode {
    // clap writes help to stdout (exit code 0) and mistakes to stderr (exit code 2).
    if !error.use_stderr() {
        let is_said = error.print().is_ok();
        return ExitCode::from(if is_said { 0 } else { error::FAILED_RUN });
    }
    let mut options = typed.iter().take_while(|word| *word != "--");
    let wants_json = options.any(|word| word == "--json");
    // clap takes a mistyped command for a picture, and what follows for too much.
    let first = typed.get(1).map(Path::new);
    if let Some(error) = first.and_then(no_such_command) {
        return failed(&error, wants_json, console);
    }
    let code = error::BAD_ARGUMENTS;
    if wants_json {
        let said = error.to_string();
        let reason = said.split("\n\nUsage:").next().unwrap_or_default();
        let reason = reason.strip_prefix("error: ").unwrap_or(reason);
        error_event(reason.trim(), code);
    }
    let is_said = error.print().is_ok();
    ExitCode::from(if is_said { code } else { error::FAILED_RUN })
}

fn error_event(message: &str, code: u8) {
    console::event(&json!({"event": "error", "message": message, "exit_code": code}));
}

fn window(args: Args, open_window: OpenWindow) -> Result<(), CliError> {
    for picture in &args.pictures {
        check_picture(picture)?;
    }
    open_window(WindowRequest {
        pictures: args.pictures,
        device: args.device,
        data_dir: args.data_dir,
        frame_times: args.frame_times,
    })
    .map_err(CliError::Window)
}

/// A window that opens on nothing would keep a script waiting: a picture that is not there, or a
/// command that is none, is said at once.
fn check_picture(path: &Path) -> Result<(), CliError> {
    let Err(error) = std::fs::metadata(path) else {
        return Ok(());
    };
    if let Some(error) = no_such_command(path) {
        return Err(error);
    }
    Err(CliError::Input(PictureError::Read {
        path: path.to_path_buf(),
        why: error.to_string(),
    }))
}

/// The answer to a word that is no command, and no file either.
fn no_such_command(word: &Path) -> Option<CliError> {
    let is_word = word.extension().is_none() && word.components().count() == 1;
    let is_option = word.as_os_str().as_encoded_bytes().starts_with(b"-");
    let commands = Args::command();
    let names = || commands.get_subcommands().map(clap::Command::get_name);
    let is_known = names().chain(["help"]).any(|name| word == Path::new(name));
    if !is_word || is_option || is_known || std::fs::symlink_metadata(word).is_ok() {
        return None;
    }
    let message = Message::new("cli-no-such-command")
        .with("name", word)
        .with("commands", names().collect::<Vec<_>>().join(", "));
    Some(CliError::Argument(message))
}

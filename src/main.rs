//! The program: arguments in, window or command line out. No logic lives here.

use std::process::ExitCode;

use overpaint::cli::{self, WindowRequest};

fn main() -> ExitCode {
    cli::run(std::env::args_os(), open_window)
}

fn open_window(_: WindowRequest) -> Result<(), String> {
    Err("to be joined".to_owned())
}

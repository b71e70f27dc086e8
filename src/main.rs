//! The program: arguments in, window or command line out. No logic lives here.

use std::process::ExitCode;

fn main() -> ExitCode {
    overpaint::cli::run(std::env::args_os(), open_window)
}

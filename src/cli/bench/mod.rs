//! `overpaint bench`: what an edit, or one part of a model, takes on this machine.

mod edit;
mod layers;
mod part;
mod request;
mod subject;
mod summary;

pub use request::bench_request;

use std::io::BufRead as _;
use std::path::Path;

use super::args::BenchArgs;
use super::console::Console;
use super::error::CliError;
use super::stop::stop_flag;
use crate::engine::EngineError;
use crate::engine::kernels::{Peak, peak};
use crate::geometry::Extent;
use crate::jobs::EditError;
use crate::raster::file::check_place;
use crate::text::Message;
use subject::Subject;

/// Size of the picture of an edit: a small photograph, of which a part is changed.
const EDIT_SIZE: &str = "403x297";
/// Size of the picture for one part of a model: what Stable Diffusion was trained at.
const PART_SIZE: &str = "512x512";

pub(super) fn run(args: &BenchArgs, console: &Console) -> Result<(), CliError> {
    let part = args.stage.part();
    let default = if part.is_some() || args.edits.few_steps {
        PART_SIZE
    } else {
        EDIT_SIZE
    };
    let size = parse_size(args.size.as_deref().unwrap_or(default))?;
    if args.dump.is_some() && part.is_none() {
        return Err(CliError::Argument(Message::new("cli-bench-dump-of-edit")));
    }
    if args.layers && part.is_none() {
        return Err(CliError::Argument(Message::new("cli-bench-layers-of-edit")));
    }
    if let (Some(folder), Some(file)) = (&args.dump, args.dump_file()) {
        make_folder(folder)?;
        check_place(&file).map_err(CliError::Output)?;
    }
    // Also for Ctrl-C: a stopped run ends here, and a temporary model is removed.
    let stop = stop_flag()?;
    let options = args.device.engine_options();
    // First of all: whatever computes earlier would start as many threads as there are cores.
    let threads = options.thread_count().map_err(EditError::from)?;
    let in_bf16 = options.multiplies_in_bf16().map_err(EditError::from)?;
    let subject = Subject::of(args, console)?;
    let measured = Measured {
        args,
        console,
        size,
        peak: processor_peak(threads, in_bf16)?,
        threads,
    };
    match part {
        Some(part) => part::run(&measured, &subject, part, &stop),
        None => edit::run(&measured, &subject, &stop),
    }
}

/// What every run is told and every summary says.
struct Measured<'a> {
    args: &'a BenchArgs,
    console: &'a Console,
    size: Extent,
    /// The processor's peak FLOP/s.
    peak: Peak,
    threads: usize,
}

impl Measured<'_> {
    /// True when another run shall begin; waits for it where asked to.
    fn another(&self, run: u32) -> Result<bool, CliError> {
        if run > self.args.repeats {
            return Ok(false);
        }
        if !self.args.paced {
            return Ok(true);
        }
        let mut line = String::new();
        let read = std::io::stdin().lock().read_line(&mut line);
        read.map(|bytes| bytes > 0)
            .map_err(|error| CliError::System(error.to_string()))
    }
}

/// Measured before anything is loaded, with as many threads as the engine will have.
fn processor_peak(threads: usize, in_bf16: bool) -> Result<Peak, CliError> {
    let peak = peak(threads, in_bf16).map_err(|why| {
        let device = "cpu".to_owned();
        EditError::Engine(EngineError::Device { device, why })
    });
    Ok(peak?)
}

fn make_folder(folder: &Path) -> Result<(), CliError> {
    std::fs::create_dir_all(folder)
        .map_err(|error| CliError::System(format!("{}: {error}", folder.display())))
}

fn parse_size(text: &str) -> Result<Extent, CliError> {
    let side = |text: &str| text.trim().parse().ok().filter(|s| (1..=16384).contains(s));
    text.split_once(['x', '×'])
        .and_then(|(width, height)| Some(Extent::new(side(width)?, side(height)?)))
        .ok_or_else(|| {
            let message = Message::new("cli-bad-size").with("value", text.to_owned());
            CliError::Argument(message)
        })
}

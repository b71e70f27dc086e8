//! What it takes until a run begins with another weight of a LoRA.
//!
//! `cargo bench --bench lora -- MODEL LORA` runs one step at 64 × 64 with the LoRA at one weight after the other and
//! prints the seconds of loading: of the first run, which reads the model, and of the later ones, which read what the
//! LoRA changes. See README.md.

#![expect(clippy::print_stdout, reason = "this is what it is for")]

use std::error::Error;
use std::path::PathBuf;

use overpaint::catalog::{self, LoraRef, ModelRef};
use overpaint::cli::bench_request;
use overpaint::engine::diffusion::{DiffusionEngine, EngineOptions};
use overpaint::geometry::Extent;
use overpaint::jobs::{Unwatched, run_edit};
use overpaint::plan::{LoraUse, LoraWeight, Steps};

const RUNS: u32 = 7;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1).filter(|arg| !arg.starts_with('-'));
    let mut path = |what: &str| {
        args.next()
            .map(PathBuf::from)
            .ok_or_else(|| what.to_owned())
    };
    let model = ModelRef::at(path("say where a model is")?);
    let lora = LoraRef::at(&path("say where a LoRA is")?)?;
    let card = catalog::open(&model)?;
    let mut request = bench_request(&card, Extent::new(64, 64), 0)?;
    request.settings.steps = Steps::new(1)?;
    let mut engine = DiffusionEngine::new(EngineOptions::default())?;
    let mut seconds = Vec::new();
    for run in 0..=RUNS {
        request.settings.loras = vec![LoraUse {
            lora: lora.clone(),
            weight: LoraWeight::new(0.3 + 0.1 * f64::from(run))?,
        }];
        let result = run_edit(&mut engine, &request, &mut Unwatched)?;
        let load = result.report.seconds.load;
        println!("run {run}: loading {load:.2} s");
        if run > 0 {
            seconds.push(load);
        }
    }
    seconds.sort_by(f64::total_cmp);
    let median = seconds.get(seconds.len() / 2).copied().unwrap_or(f64::NAN);
    println!("another weight: median {median:.2} s of {RUNS}");
    Ok(())
}

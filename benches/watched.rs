//! What it costs to watch a run, and how good the time left is that is told while it runs.
//!
//! Pairs of runs of the built-in model, one with a preview after every step and one without, take
//! turns; the median of the pairs' ratios says what previews cost. Then runs go through the engine's
//! thread as in the window, and at each step from the fourth on what was told is compared with what
//! really remained.
//!
//! `cargo bench --bench watched [-- PAIRS [RUNS]]`
//!
//! With a model and a folder whose `models` hold a tiny autoencoder, pairs of runs at SIDE × SIDE say what previews
//! cost that it decodes:
//!
//! `cargo bench --bench watched -- MODEL FOLDER PAIRS SIDE`

#![expect(clippy::print_stdout, reason = "this is what it is for")]

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use overpaint::catalog::{self, ModelRef};
use overpaint::cli::bench_request;
use overpaint::engine::diffusion::{DiffusionEngine, EngineOptions};
use overpaint::engine::{Cancelled, Engine, Stage};
use overpaint::geometry::Extent;
use overpaint::jobs::{EditProgress, EngineFactory, EngineId, JobEvent, Runner, run_edit};
use overpaint::plan::{EditRequest, Layout, Pass, PreviewPatch, Seed};

#[path = "shared/request.rs"]
mod shared;

use shared::request;

/// Watches a run, or does not.
struct Watching {
    wants: bool,
    count: u32,
}

impl EditProgress for Watching {
    fn checkpoint(&mut self) -> Result<(), Cancelled> {
        Ok(())
    }

    fn planned(&mut self, _: &Layout, _: &[Pass]) {}

    fn stage(&mut self, _: Stage) {}

    fn wants_preview(&self) -> bool {
        self.wants
    }

    fn preview(&mut self, _: PreviewPatch) {
        self.count += 1;
    }
}

/// Seconds that all steps of a run take, watched or not.
fn steps_seconds(
    engine: &mut dyn Engine,
    request: &EditRequest,
    wants: bool,
) -> Result<f64, Box<dyn Error>> {
    let mut watching = Watching { wants, count: 0 };
    let result = run_edit(engine, request, &mut watching)?;
    let expected = if wants {
        result.report.executed_steps
    } else {
        0
    };
    if watching.count != expected {
        return Err(format!("{} previews instead of {expected}", watching.count).into());
    }
    Ok(result.report.seconds.steps)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn compare_previews(pairs: u64) -> Result<(), Box<dyn Error>> {
    let mut engine = DiffusionEngine::new(EngineOptions::default())?;
    steps_seconds(&mut engine, &request(0)?, true)?;
    let mut ratios = Vec::new();
    for pair in 1..=pairs {
        let request = request(pair)?;
        // Which of the two comes first changes, lest a machine that grows warm favour one.
        let first_wants = pair % 2 == 0;
        let first = steps_seconds(&mut engine, &request, first_wants)?;
        let second = steps_seconds(&mut engine, &request, !first_wants)?;
        let (with, without) = if first_wants {
            (first, second)
        } else {
            (second, first)
        };
        let ratio = with / without;
        println!("pair {pair}: {with:.3} s with previews, {without:.3} s without: {ratio:.4}");
        ratios.push(ratio);
    }
    let slower = (median(&mut ratios) - 1.0) * 100.0;
    println!("previews make the sampler {slower:+.2} % slower (median of {pairs} pairs)");
    Ok(())
}

/// What was told at a step, and when.
struct Told {
    done: u32,
    at: Instant,
    seconds_left: f64,
}

/// One run through the engine's thread: what was told from the fourth step on, and when it ended.
fn told_of_run(runner: &mut Runner, seed: u64) -> Result<(Vec<Told>, Instant), Box<dyn Error>> {
    let job = runner.add(Arc::new(request(seed)?), Vec::new());
    let mut told: Vec<Told> = Vec::new();
    loop {
        let (events, _) = runner.poll();
        let at = Instant::now();
        for (_, event) in events {
            match event {
                JobEvent::Started | JobEvent::GivenBack(_) => {}
                JobEvent::Finished(_) => return Ok((told, at)),
                JobEvent::Failed(error) => return Err(error.into()),
                JobEvent::Cancelled => return Err("it was cancelled".into()),
            }
        }
        if let Some(Stage::Step { done, .. }) = runner.standings().next().and_then(|s| s.stage)
            && done >= 4
            && told.last().is_none_or(|last| last.done < done)
            && let Some(seconds_left) = runner.seconds_left(job, at)
        {
            told.push(Told {
                done,
                at,
                seconds_left,
            });
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn check_time_left(runs: u64) -> Result<(), Box<dyn Error>> {
    let factory: EngineFactory = Arc::new(|| {
        let engine = DiffusionEngine::new(EngineOptions::default())?;
        Ok(Box::new(engine) as Box<dyn Engine>)
    });
    let engines = move |_: &EngineId| EngineFactory::clone(&factory);
    let mut runner = Runner::new(Arc::new(engines), Arc::new(|| {}));
    let mut worst: f64 = 0.0;
    for run in 1..=runs {
        let (told, end) = told_of_run(&mut runner, run)?;
        for Told {
            done,
            at,
            seconds_left,
        } in told
        {
            let really = (end - at).as_secs_f64();
            let error = (seconds_left - really) / really * 100.0;
            println!(
                "run {run}, step {done:>2}: told {seconds_left:.3} s, really {really:.3} s: {error:+.1} %"
            );
            worst = worst.max(error.abs());
        }
    }
    println!("the time left is wrong by {worst:.1} % at most, from the fourth step on");
    Ok(())
}

/// What previews cost that the tiny autoencoder in `folder` decodes.
fn compare_decoded(
    model: &Path,
    folder: &Path,
    pairs: u64,
    side: u32,
) -> Result<(), Box<dyn Error>> {
    let card = catalog::open(&ModelRef::at(model.to_owned()))?;
    let engine = DiffusionEngine::new(EngineOptions::default())?;
    let mut engine = engine.with_previews_in(folder.to_owned());
    let mut ratios = Vec::new();
    for pair in 0..=pairs {
        let mut request = bench_request(&card, Extent::new(side, side), 0)?;
        request.settings.seed = Seed(pair);
        let mut seconds = |wants| -> Result<f64, Box<dyn Error>> {
            let mut watching = Watching { wants, count: 0 };
            let report = run_edit(&mut engine, &request, &mut watching)?.report;
            if wants != report.previews.autoencoder.is_some() {
                return Err("there is no tiny autoencoder that fits".into());
            }
            let seconds = report.seconds.steps;
            println!("{seconds:.2} s, {} previews", watching.count);
            Ok(seconds)
        };
        let first_wants = pair % 2 == 0;
        let (first, second) = (seconds(first_wants)?, seconds(!first_wants)?);
        // The first pair warms up.
        if pair > 0 {
            ratios.push(if first_wants {
                first / second
            } else {
                second / first
            });
        }
    }
    let slower = (median(&mut ratios) - 1.0) * 100.0;
    println!("decoded previews make the sampler {slower:+.2} % slower (median of {pairs} pairs)");
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    // cargo adds an argument of its own.
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| !arg.starts_with('-'))
        .collect();
    let numbers: Vec<u64> = args.iter().filter_map(|arg| arg.parse().ok()).collect();
    if let [model, folder, ..] = &args[..]
        && numbers.len() < args.len()
    {
        let pairs = numbers.first().copied().unwrap_or(3);
        let side = numbers.get(1).copied().unwrap_or(512) as u32;
        return compare_decoded(Path::new(model), Path::new(folder), pairs, side);
    }
    compare_previews(numbers.first().copied().unwrap_or(7))?;
    check_time_left(numbers.get(1).copied().unwrap_or(3))
}

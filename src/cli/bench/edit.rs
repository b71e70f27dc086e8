//! A whole masked edit, stage by stage.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use super::Measured;
use super::request::bench_request;
use super::subject::Subject;
use super::summary::{PeakMemory, Summary};
use crate::catalog;
use crate::cli::console::{answer, event};
use crate::cli::edit::seconds;
use crate::cli::error::CliError;
use crate::cli::resources::{forget_peak, peak_rss_bytes};
use crate::engine::diffusion::{DiffusionEngine, Part};
use crate::engine::{Cancelled, EngineError, Stage};
use crate::geometry::Extent;
use crate::jobs::{EditError, EditProgress, EditResult, run_edit};
use crate::plan::{EditRequest, Guidance, Layout, Pass, PreviewPatch, Seed, Steps};
use crate::text::Message;

/// Steps of a run with `--few-steps`.
const FEW_STEPS: u32 = 4;

pub(super) fn run(
    measured: &Measured<'_>,
    subject: &Subject,
    stop: &AtomicBool,
) -> Result<(), CliError> {
    let card = catalog::open(&subject.model)?;
    let options = measured.args.device.engine_options();
    let mut engine = DiffusionEngine::new(options).map_err(EditError::from)?;
    let mut summary = Summary {
        model: subject.name.clone(),
        device: engine.device().to_owned(),
        seconds: Vec::new(),
        flops: Vec::new(),
        memory: PeakMemory::default(),
    };
    let mut apart = false;
    let mut run = 1;
    while measured.another(run)? {
        let variant = if measured.args.edits.fresh { run } else { 0 };
        let mut request = bench_request(&card, measured.size, variant)?;
        if measured.args.edits.few_steps {
            request.settings.steps = Steps::new(FEW_STEPS)?;
            request.settings.guidance = Guidance::new(1.0)?;
        }
        // Another seed each time, so that no run can live off the one before; without --fresh, what
        // a user's next run would find cached is cached.
        request.settings.seed = Seed(u64::from(run));
        let mut watching = Watching {
            stop,
            memory: &mut summary.memory,
            apart: &mut apart,
        };
        let result = run_edit(&mut engine, &request, &mut watching)?;
        summary.memory.run = peak_rss_bytes().filter(|_| apart);
        summary
            .seconds
            .push(result.total_seconds - result.report.seconds.load);
        let flops = flops(&request, &result).map_err(EditError::from)?;
        summary.flops.push(flops);
        report(measured, &subject.name, &result, run);
        run += 1;
    }
    summary.report(measured);
    Ok(())
}

/// FLOPs of this run.
fn flops(request: &EditRequest, result: &EditResult) -> Result<u64, EngineError> {
    let (report, work) = (&result.report, result.layout.work);
    let prompts = request.settings.guidance.predictions(&request.traits) as usize;
    let times = [
        (Part::TextEncoder, report.text_encodes),
        (Part::TextEncoder2, report.text_encodes),
        (Part::VaeEncoder, report.picture_encodes),
        (Part::Unet, report.executed_steps),
        (Part::VaeDecoder, 1),
    ];
    let mut flops = 0;
    let there = times
        .into_iter()
        .filter(|(part, _)| part.is_in(&request.model));
    for (part, times) in there {
        flops += part.flops(&request.model, work, prompts)? * u64::from(times);
    }
    // The U-Net's keys and values of the text are computed once a run, not at every step.
    let of_text = Part::Unet.flops(&request.model, Extent::new(0, 0), prompts)?;
    Ok(flops - of_text * u64::from(report.executed_steps.saturating_sub(1)))
}

fn report(measured: &Measured<'_>, model: &str, result: &EditResult, run: u32) {
    let report = &result.report;
    let work = result.layout.work.to_string();
    let size = measured.size.to_string();
    if measured.args.json {
        event(&json!({
            "event": "bench",
            "model": model,
            "device": report.device,
            "run": run,
            "picture": size,
            "work_size": work,
            "executed_steps": report.executed_steps,
            "text_encodes": report.text_encodes,
            "picture_encodes": report.picture_encodes,
            "seconds": seconds(report, result.total_seconds),
            "peak_rss_bytes": peak_rss_bytes(),
        }));
        return;
    }
    let say = |message: &Message| answer(&measured.console.say(message));
    say(&Message::new("cli-bench-header")
        .with("model", model)
        .with("device", report.device.clone())
        .with("size", size)
        .with("work", work)
        .with("steps", report.executed_steps)
        .with("run", run)
        .with("runs", measured.args.repeats));
    let s = &report.seconds;
    let stages = [
        ("cli-stage-loading", s.load),
        ("cli-stage-text", s.text),
        ("cli-stage-encode", s.encode),
        ("cli-stage-steps", s.steps),
        ("cli-stage-decode", s.decode),
        ("cli-stage-all", result.total_seconds),
    ];
    for (key, seconds) in stages {
        say(&Message::new("cli-bench-line")
            .with("name", Message::new(key))
            .with("seconds", format!("{seconds:.3}")));
    }
}

/// Passes Ctrl-C on to the engine, and tells the memory of loading from that of running.
struct Watching<'a> {
    stop: &'a AtomicBool,
    memory: &'a mut PeakMemory,
    /// Whether the two could be told apart.
    apart: &'a mut bool,
}

impl EditProgress for Watching<'_> {
    fn checkpoint(&mut self) -> Result<(), Cancelled> {
        if self.stop.load(Ordering::Relaxed) {
            Err(Cancelled)
        } else {
            Ok(())
        }
    }

    fn planned(&mut self, _: &Layout, _: &[Pass]) {}

    fn stage(&mut self, stage: Stage) {
        // The first stage of the first run after loading.
        if stage != Stage::Loading && self.memory.load.is_none() {
            self.memory.load = peak_rss_bytes();
            *self.apart = forget_peak();
        }
    }

    fn wants_preview(&self) -> bool {
        false
    }

    fn preview(&mut self, _: PreviewPatch) {}
}

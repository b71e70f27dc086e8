//! Repeated forward passes of one part of a model.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use serde_json::json;

use super::Measured;
use super::layers::LayerTimes;
use super::subject::Subject;
use super::summary::{PeakMemory, Summary};
use crate::cli::console::{answer, event};
use crate::cli::error::CliError;
use crate::cli::resources::{forget_peak, peak_rss_bytes};
use crate::engine::diffusion::{LoadedPart, Part, PartInputs, PartOutput};
use crate::engine::{Cancelled, Operation, Progress, Stage};
use crate::jobs::EditError;
use crate::raster::RgbF32;
use crate::text::Message;

pub(super) fn run(
    measured: &Measured<'_>,
    subject: &Subject,
    part: Part,
    stop: &AtomicBool,
) -> Result<(), CliError> {
    if !part.is_in(&subject.model) {
        let message = Message::new("cli-bench-no-text2").with("model", subject.name.clone());
        return Err(CliError::Argument(message));
    }
    let multiple = part
        .size_multiple_px(&subject.model)
        .map_err(EditError::from)?;
    let size = measured.size;
    if !size.width.is_multiple_of(multiple) || !size.height.is_multiple_of(multiple) {
        let message = Message::new("cli-bench-size-multiple").with("size", size.to_string());
        return Err(CliError::Argument(message.with("multiple", multiple)));
    }
    let options = measured.args.device.engine_options();
    let progress = &mut Stoppable {
        stop,
        layers: LayerTimes::default(),
    };
    let clock = Instant::now();
    let loaded = LoadedPart::load(&subject.model, part, options, progress);
    let loaded = loaded.map_err(EditError::from)?;
    let load_seconds = clock.elapsed().as_secs_f64();
    let is_guided = !measured.args.edits.few_steps;
    let inputs = loaded.inputs(size, is_guided);
    let inputs = inputs.map_err(EditError::from)?;
    let mut memory = PeakMemory {
        load: peak_rss_bytes(),
        run: None,
    };
    say_loaded(measured, &subject.name, &loaded, load_seconds, memory);
    let apart = forget_peak();

    let mut summary = Summary {
        model: subject.name.clone(),
        device: loaded.device(),
        seconds: Vec::new(),
        flops: Vec::new(),
        memory,
    };
    let mut run = 1;
    while measured.another(run)? {
        progress.layers.run_begins();
        let clock = Instant::now();
        let output = loaded.forward(&inputs, progress).map_err(EditError::from)?;
        let seconds = clock.elapsed().as_secs_f64();
        progress.layers.run_ended(seconds);
        say_run(measured, run, seconds);
        summary.seconds.push(seconds);
        summary.flops.push(inputs.flops());
        if run == 1 {
            dump(measured, &inputs, &output)?;
        }
        run += 1;
    }
    memory.run = peak_rss_bytes().filter(|_| apart);
    Summary { memory, ..summary }.report(measured);
    if measured.args.layers {
        progress.layers.report(measured);
    }
    Ok(())
}

fn say_loaded(
    measured: &Measured<'_>,
    name: &str,
    loaded: &LoadedPart,
    seconds: f64,
    memory: PeakMemory,
) {
    if measured.args.json {
        event(&json!({
            "event": "loaded",
            "model": name,
            "stage": measured.args.stage.id(),
            "device": loaded.device(),
            "seconds": seconds,
            "peak_rss_bytes": memory.load,
        }));
        return;
    }
    let header = Message::new("cli-bench-part-header")
        .with("model", name)
        .with("stage", measured.args.stage.id())
        .with("device", loaded.device())
        .with("threads", measured.threads)
        .with("size", measured.size.to_string());
    answer(&measured.console.say(&header));
    say_line(measured, Message::new("cli-stage-loading"), seconds);
}

fn say_run(measured: &Measured<'_>, run: u32, seconds: f64) {
    if measured.args.json {
        event(&json!({"event": "bench", "run": run, "seconds": {"total": seconds}}));
    } else {
        let name = Message::new("cli-bench-run").with("run", run);
        say_line(measured, name, seconds);
    }
}

fn say_line(measured: &Measured<'_>, name: Message, seconds: f64) {
    let line = Message::new("cli-bench-line")
        .with("name", name)
        .with("seconds", format!("{seconds:.3}"));
    answer(&measured.console.say(&line));
}

/// Writes inputs and output where `--dump` asks for them.
fn dump(measured: &Measured<'_>, inputs: &PartInputs, output: &PartOutput) -> Result<(), CliError> {
    let Some(path) = measured.args.dump_file() else {
        return Ok(());
    };
    let written = inputs.write(output, &path);
    written.map_err(|error| CliError::System(format!("{}: {error}", path.display())))
}

/// Passes Ctrl-C on to the engine, and times each operation.
struct Stoppable<'a> {
    stop: &'a AtomicBool,
    layers: LayerTimes,
}

impl Progress for Stoppable<'_> {
    fn checkpoint(&mut self) -> Result<(), Cancelled> {
        if self.stop.load(Ordering::Relaxed) {
            Err(Cancelled)
        } else {
            Ok(())
        }
    }

    fn stage(&mut self, _: Stage) {}

    fn wants_preview(&self) -> bool {
        false
    }

    fn preview(&mut self, _: RgbF32) {}

    fn operation(&mut self, operation: Option<Operation>) {
        self.layers.operation(operation);
    }
}

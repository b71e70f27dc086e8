//! What is said of an edit while it runs and when it is done.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::ProgressBar;
use serde_json::json;

use super::Session;
use super::settings::is_random;
use crate::cli::console::{Console, event};
use crate::cli::resources::peak_rss_bytes;
use crate::engine::{Cancelled, RunReport, Stage};
use crate::jobs::{EditProgress, EditResult, Forecast, KeptDetails};
use crate::plan::{EditSettings, Layout, Pass, PreviewPatch};
use crate::text::Message;

/// Of all runs together.
#[derive(Debug, Default)]
pub(super) struct Totals {
    pub(super) report: RunReport,
    pub(super) layout: Option<Layout>,
}

impl Totals {
    pub(super) fn add(&mut self, result: &EditResult) {
        self.report = std::mem::take(&mut self.report).and(result.report.clone());
        self.layout = Some(result.layout);
    }
}

impl Session<'_> {
    pub(super) fn say_written(&self, path: &Path, settings: &EditSettings, result: &EditResult) {
        let steps = settings.steps.get();
        if result.details == KeptDetails::ByPicture {
            self.console.note(&Message::new("cli-details-by-picture"));
        }
        if result.ended_early_by.is_some() {
            self.console
                .note(&Message::new("cli-second-pass-ended").with("path", path));
        }
        if self.args.json {
            event(&json!({
                "event": "result",
                // Not every path is UTF-8, and JSON is.
                "path": path.display().to_string(),
                "strength": settings.strength.get(),
                "executed_steps": result.report.executed_steps,
                "steps": steps,
                "seconds": seconds(&result.report, result.total_seconds),
                "text_encodes": result.report.text_encodes,
                "picture_encodes": result.report.picture_encodes,
                "round_trips": result.report.round_trips,
                "details": result.details,
                "passes": result.passes.0,
                "work_size": [result.layout.work.width, result.layout.work.height],
            }));
            return;
        }
        let written = Message::new("cli-written")
            .with("path", path)
            .with("steps", result.report.executed_steps)
            .with("of", steps)
            .with("seconds", format!("{:.2}", result.total_seconds));
        self.console.note(&written);
    }

    pub(super) fn finish(&self, total_seconds: f64) {
        let report = &self.totals.report;
        if !report.unknown_words.is_empty() {
            let words = report.unknown_words.join(", ");
            self.console
                .note(&Message::new("cli-unknown-words").with("words", words));
        }
        for note in &report.notes {
            self.console.note(note);
        }
        let seed = self.settings.seed.0;
        if !self.args.json {
            if is_random(self.args.seed.as_deref()) {
                let seed = seed.to_string();
                self.console
                    .note(&Message::new("cli-seed-used").with("seed", seed));
            }
            return;
        }
        let layout = self.totals.layout.as_ref();
        event(&json!({
            "event": "done",
            "executed_steps": report.executed_steps,
            "steps": self.settings.steps.get(),
            "seconds": seconds(report, total_seconds),
            "seed": seed,
            "area": layout.map(|l| json!({"x": l.crop.x, "y": l.crop.y, "width": l.crop.width, "height": l.crop.height})),
            "work_size": layout.map(|l| [l.work.width, l.work.height]),
            "peak_rss_bytes": peak_rss_bytes(),
            "text_encodes": report.text_encodes,
            "picture_encodes": report.picture_encodes,
            "device": report.device,
            "unknown_words": report.unknown_words,
        }));
    }
}

pub(in crate::cli) fn seconds(report: &RunReport, total: f64) -> serde_json::Value {
    let s = &report.seconds;
    json!({
        "load": s.load, "text": s.text, "encode": s.encode, "round_trip": s.round_trip,
        "steps": s.steps, "decode": s.decode, "total": total,
    })
}

/// Passes progress on to the terminal and Ctrl-C on to the engine.
pub(in crate::cli) struct Reporting<'a> {
    pub(in crate::cli) console: &'a Console,
    pub(in crate::cli) json: bool,
    pub(in crate::cli) stop: &'a AtomicBool,
    pub(in crate::cli) bar: ProgressBar,
    /// What the run will take, as far as that is known.
    pub(in crate::cli) forecast: Option<Forecast>,
}

impl EditProgress for Reporting<'_> {
    fn checkpoint(&mut self) -> Result<(), Cancelled> {
        if self.stop.load(Ordering::Relaxed) {
            Err(Cancelled)
        } else {
            Ok(())
        }
    }

    fn planned(&mut self, layout: &Layout, later_passes: &[Pass]) {
        if self.json {
            event(&json!({
                "event": "planned",
                "layout": layout,
                "later_passes": later_passes,
                "forecast": self.forecast,
            }));
        }
    }

    fn stage(&mut self, stage: Stage) {
        self.bar.set_message(self.console.stage(stage));
        if let Stage::Step { done, of } = stage {
            self.bar.set_length(u64::from(of));
            self.bar.set_position(u64::from(done));
        }
        if self.json {
            let said = match stage {
                Stage::Step { done, of } => json!({"event": "step", "done": done, "of": of}),
                Stage::Queued { ahead } => json!({"event": "queued", "ahead": ahead}),
                Stage::Away => json!({"event": "away"}),
                Stage::Loading => json!({"event": "loading"}),
                Stage::EncodingText => json!({"event": "encoding_text"}),
                Stage::EncodingPicture => json!({"event": "encoding_picture"}),
                Stage::Decoding => json!({"event": "decoding"}),
            };
            event(&said);
        }
    }

    fn wants_preview(&self) -> bool {
        false
    }

    fn preview(&mut self, _: PreviewPatch) {}
}

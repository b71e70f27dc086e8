//! [`Console`]: where the command line's words go.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value as Json;

use crate::engine::Stage;
use crate::text::{Explain, Message, Texts};

/// Says things to the person at the terminal, in one language: to stderr, so that stdout holds
/// answers only.
pub(super) struct Console {
    texts: &'static Texts,
}

impl Console {
    pub(super) fn new(texts: &'static Texts) -> Self {
        Self { texts }
    }

    /// Says something beside the answer.
    pub(super) fn note(&self, message: &Message) {
        aside(&self.texts.say(message));
    }

    /// Says what went wrong.
    pub(super) fn problem(&self, problem: &dyn Explain) {
        aside(&format!(
            "overpaint: {}",
            self.texts.say(&problem.message())
        ));
    }

    /// The sentence of a message.
    pub(super) fn say(&self, message: &Message) -> String {
        self.texts.say(message)
    }

    /// The name of a stage for the progress bar.
    pub(super) fn stage(&self, stage: Stage) -> String {
        self.say(&Message::new(match stage {
            Stage::Queued { ahead } => {
                return self.say(&Message::new("cli-stage-queued").with("ahead", ahead));
            }
            Stage::Away => "cli-stage-away",
            Stage::Loading => "cli-stage-loading",
            Stage::EncodingText => "cli-stage-text",
            Stage::EncodingPicture => "cli-stage-encode",
            Stage::Step { .. } => "cli-stage-steps",
            Stage::Decoding => "cli-stage-decode",
        }))
    }
}

/// Writes a line of the answer. A closed pipe is no reason to fail an edit.
pub(super) fn answer(line: &str) {
    let mut out = std::io::stdout().lock();
    // Nobody reads any more: nothing is left to tell them.
    drop(writeln!(out, "{line}"));
}

/// Writes one JSON object.
pub(super) fn event(event: &Json) {
    answer(&event.to_string());
}

/// A progress bar for the terminal; invisible where there is none.
pub(super) fn progress_bar(steps: u32) -> ProgressBar {
    let target = if std::io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(Some(u64::from(steps)), target);
    if let Ok(style) = ProgressStyle::with_template("{msg:18} {bar:32} {pos}/{len}  {eta} ") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// A bar that counts bytes, with speed and time left; invisible where there is no terminal.
pub(super) fn byte_bar(name: &str) -> ProgressBar {
    let bar = progress_bar(0);
    let template = "{msg:28!} {bar:24} {bytes}/{total_bytes}  {binary_bytes_per_sec}  {eta} ";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_message(name.to_owned());
    bar
}

fn aside(line: &str) {
    let mut err = std::io::stderr().lock();
    drop(writeln!(err, "{line}"));
}

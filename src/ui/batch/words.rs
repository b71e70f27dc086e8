//! What is said of the batch and its pictures.

use std::time::Duration;

use eframe::egui::Color32;

use crate::bulk::{Decision, Flag};
use crate::editor::{
    BatchPhase, BatchPicture, BatchPreset, MaskState, OpenBatch, RecipeName, Verdict,
};
use crate::text::Message;
use crate::ui::context::Desk;
use crate::ui::icons::{self, Icon};
use crate::ui::theme::Tokens;

/// The key of a phase's name.
pub(super) const fn phase(phase: BatchPhase) -> &'static str {
    match phase {
        BatchPhase::Masks => "ui-batch-masks",
        BatchPhase::Try => "ui-batch-try",
        BatchPhase::Run => "ui-batch-run",
        BatchPhase::Review => "ui-batch-review",
    }
}

/// The key of what one does in a phase.
pub(super) const fn about(phase: BatchPhase) -> &'static str {
    match phase {
        BatchPhase::Masks => "ui-batch-masks-about",
        BatchPhase::Try => "ui-batch-try-about",
        BatchPhase::Run => "ui-batch-run-about",
        BatchPhase::Review => "ui-batch-review-about",
    }
}

/// The key of what is suspicious.
pub(super) const fn flag(flag: Flag) -> &'static str {
    match flag {
        Flag::Small => "ui-batch-flag-small",
        Flag::Large => "ui-batch-flag-large",
        Flag::Borders => "ui-batch-flag-borders",
        Flag::Pieces => "ui-batch-flag-pieces",
    }
}

/// The key of a recipe that comes with the program.
pub(super) const fn preset(preset: BatchPreset) -> &'static str {
    match preset {
        BatchPreset::White => "ui-batch-preset-white",
        BatchPreset::CutOut => "ui-batch-preset-cut-out",
        BatchPreset::Blur => "ui-batch-preset-blur",
    }
}

/// What the recipe is called.
pub(super) fn recipe(desk: &Desk<'_>, batch: &OpenBatch) -> String {
    match batch.recipe_name() {
        RecipeName::File(name) => name.clone(),
        RecipeName::Settings(title) => {
            desk.say(&Message::new("ui-batch-of-settings").with("title", title.clone()))
        }
        RecipeName::Preset(which) => desk.text(preset(*which)).into_owned(),
    }
}

/// How a picture stands, in a sign and a few words.
pub(super) struct Standing {
    pub(super) icon: Option<Icon>,
    pub(super) text: String,
    pub(super) ink: Color32,
}

fn standing(icon: Icon, text: String, ink: Color32) -> Standing {
    Standing {
        icon: Some(icon),
        text,
        ink,
    }
}

/// How its mask stands.
pub(super) fn of_mask(desk: &Desk<'_>, picture: &BatchPicture, t: &Tokens) -> Standing {
    let text = |key| desk.text(key).into_owned();
    match (&picture.known.mask, picture.known.decision) {
        (_, Some(Decision::Skip)) => standing(icons::CLOSE, text("ui-batch-left-out"), t.muted),
        (MaskState::Unknown, _) => Standing {
            icon: None,
            text: text("ui-batch-unknown"),
            ink: t.disabled,
        },
        (MaskState::Failed(_), _) => standing(icons::FAILED, text("ui-batch-unreadable"), t.bad),
        (MaskState::Missing(_), _) => standing(icons::WARNING, text("ui-batch-missing"), t.warn),
        (MaskState::Found(_), Some(Decision::Accept)) if picture.known.is_refined => {
            standing(icons::ACCEPT, text("ui-batch-refined"), t.good)
        }
        (MaskState::Found(_), Some(Decision::Accept)) => {
            standing(icons::ACCEPT, text("ui-batch-accepted"), t.good)
        }
        (MaskState::Found(doubt), None) => match doubt.flags.first() {
            Some(first) => standing(icons::WARNING, text(flag(*first)), t.warn),
            None => Standing {
                icon: None,
                text: percent(desk, "ui-batch-share", doubt.share),
                ink: t.muted,
            },
        },
    }
}

/// How its results stand.
pub(super) fn of_result(desk: &Desk<'_>, picture: &BatchPicture, t: &Tokens) -> Standing {
    let text = |key| desk.text(key).into_owned();
    let known = &picture.known;
    match known.verdict {
        _ if known.outputs.is_empty() && known.failure.is_some() && !picture.is_skipped() => {
            standing(icons::FAILED, text("ui-batch-not-done"), t.bad)
        }
        _ if picture.is_skipped() => standing(icons::CLOSE, text("ui-batch-left-out"), t.muted),
        _ if known.outputs.is_empty() => Standing {
            icon: None,
            text: text("ui-batch-waits"),
            ink: t.disabled,
        },
        Some(Verdict::Accepted) => standing(icons::ACCEPT, text("ui-batch-accepted"), t.good),
        Some(Verdict::Rejected) => standing(icons::CLOSE, text("ui-batch-rejected"), t.muted),
        None => Standing {
            icon: None,
            text: made_with(desk, picture),
            ink: t.muted,
        },
    }
}

/// Strength and seconds of a result.
pub(super) fn made_with(desk: &Desk<'_>, picture: &BatchPicture) -> String {
    let Some(output) = picture.known.outputs.first() else {
        return String::new();
    };
    let seconds = output.seconds.map(|seconds| {
        let message = Message::new("ui-batch-seconds");
        desk.say(&message.with("seconds", format!("{seconds:.1}")))
    });
    let strength = output.strength.map(|strength| {
        let message = Message::new("ui-batch-strength");
        desk.say(&message.with("strength", format!("{strength:.2}")))
    });
    let parts: Vec<String> = [strength, seconds].into_iter().flatten().collect();
    parts.join(" · ")
}

/// A share as a percentage in a sentence.
pub(super) fn percent(desk: &Desk<'_>, key: &'static str, share: f64) -> String {
    desk.say(&Message::new(key).with("percent", format!("{:.0}", share * 100.0)))
}

/// `1:05:09`, or `5:09`.
pub(super) fn duration(left: Duration) -> String {
    let whole = left.as_secs();
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

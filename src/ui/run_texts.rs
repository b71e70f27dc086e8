//! What is said of a run in more than one place.

use super::context::Desk;
use crate::catalog::ModelRef;
use crate::editor::RunProgress;
use crate::jobs::Stage;
use crate::text::Message;

/// What a forecast for the chosen model is made from.
pub(super) fn forecast_tip(desk: &Desk<'_>) -> String {
    match desk.editor.model() {
        ModelRef::Served(model) => {
            let tip = Message::new("ui-forecast-tip-there");
            desk.say(&tip.with("server", model.server.clone()))
        }
        _ => desk.text("ui-forecast-tip").into_owned(),
    }
}

/// Where a run stands, in words.
pub(super) fn progress_text(desk: &Desk<'_>, progress: &RunProgress) -> String {
    let stage = match progress.stage {
        Some(Stage::Queued { .. }) if progress.engine.server().is_none() => {
            desk.text("ui-stage-after-batch").into_owned()
        }
        Some(Stage::Queued { ahead }) => {
            desk.say(&Message::new("ui-stage-queued").with("ahead", ahead))
        }
        Some(Stage::Away) => return desk.text("ui-stage-away").into_owned(),
        None | Some(Stage::Loading) => desk.text("ui-stage-loading").into_owned(),
        Some(Stage::EncodingText) => desk.text("ui-stage-text").into_owned(),
        Some(Stage::EncodingPicture) => desk.text("ui-stage-picture").into_owned(),
        Some(Stage::Decoding) => desk.text("ui-stage-decoding").into_owned(),
        Some(Stage::Step { done, of }) => {
            let now = (done + 1).min(of);
            desk.say(
                &Message::new("ui-stage-step")
                    .with("done", now)
                    .with("of", of),
            )
        }
    };
    match progress.seconds_left {
        Some(seconds) => format!("{stage} · {}", desk.say(&time_left(seconds))),
        None => stage,
    }
}

/// “12 s left”, “3:20 left”.
fn time_left(seconds: f64) -> Message {
    let whole = seconds.max(0.0).ceil() as u32;
    let left = Message::new("ui-time-left");
    if whole < 60 {
        return left.with("time", Message::new("ui-seconds").with("count", whole));
    }
    left.with("time", format!("{}:{:02}", whole / 60, whole % 60))
}

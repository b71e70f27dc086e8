//! What is said of a run and offered for a result in more than one place.

use eframe::egui::Ui;

use super::context::Desk;
use super::{icons, widgets};
use crate::editor::{Candidate, Command, RunProgress};
use crate::jobs::Stage;
use crate::plan::Seed;
use crate::text::Message;

/// Where a run stands, in words.
pub(super) fn progress_text(desk: &Desk<'_>, progress: &RunProgress) -> String {
    let stage = match progress.stage {
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

/// Lines of a menu that bring back what a result was made with.
pub(super) fn reuse_lines(ui: &mut Ui, desk: &mut Desk<'_>, result: &Candidate) {
    let document = result.document;
    let reuse = desk.text("ui-reuse-settings");
    if widgets::menu_line(ui, icons::REUSE, &reuse, "")
        .on_hover_text(desk.text("ui-reuse-settings-tip"))
        .clicked()
    {
        let settings = Box::new((*result.settings).clone());
        desk.send(Command::SetSettings { document, settings });
        ui.close();
    }
    let seed = desk.text("ui-reuse-seed");
    if widgets::menu_line(ui, icons::LOCK, &seed, "")
        .on_hover_text(desk.text("ui-reuse-seed-tip"))
        .clicked()
    {
        let Seed(seed) = result.settings.seed;
        desk.set(document, |settings| settings.seed = Seed(seed));
        desk.send(Command::LockSeed {
            document,
            locked: true,
        });
        ui.close();
    }
}

//! What is done with results: going through them, comparing two, running them again, throwing them away;
//! and the lines that menus offer for one.

use eframe::egui::{self, Ui};

use super::actions::Action;
use super::context::Desk;
use super::state::Pair;
use super::{icons, widgets};
use crate::document::DocumentId;
use crate::editor::{Candidate, CandidateId, Command, OpenDocument};
use crate::text::Message;

/// Does what an action of this room asks for; false where it is none.
pub(super) fn perform(
    ctx: &egui::Context,
    desk: &mut Desk<'_>,
    open: &OpenDocument,
    action: Action,
) -> bool {
    let document = open.id();
    match action {
        Action::Accept => {
            if let Some(candidate) = shown(desk, open) {
                desk.send(Command::AcceptCandidate(candidate.id));
            }
        }
        Action::Discard => discard(desk, open),
        Action::NextResult => step(desk, document, true),
        Action::PreviousResult => step(desk, document, false),
        Action::AllResults => {
            let was_open = desk.state.leave_views();
            desk.state.grid = !was_open.grid;
        }
        Action::CompareTwo => {
            let was_open = desk.state.leave_views();
            if was_open.pair.is_none() {
                desk.state.pair = last_two(desk, document).map(Pair::new);
            }
        }
        Action::UseSettings => {
            if let Some(result) = shown(desk, open) {
                use_settings(desk, result);
            }
        }
        Action::Again | Action::AgainOtherSeed => {
            if let Some(result) = shown(desk, open) {
                run_again(desk, result, action == Action::AgainOtherSeed);
            }
        }
        Action::CopySeed => {
            if let Some(result) = shown(desk, open) {
                ctx.copy_text(result.settings.seed.0.to_string());
            }
        }
        Action::BringBack => desk.send(Command::BringBack { document }),
        _ => return false,
    }
    true
}

/// The result laid over the picture, if one is.
pub(super) fn shown<'a>(desk: &mut Desk<'a>, open: &OpenDocument) -> Option<&'a Candidate> {
    let id = desk.state.of(open.id()).shown_result()?;
    let candidate = desk.editor.candidate(id);
    candidate.filter(|candidate| candidate.document == open.id())
}

/// All results as they stand in the strip.
fn in_order(desk: &Desk<'_>, document: DocumentId) -> Vec<CandidateId> {
    let groups = desk.editor.results_by_group(document);
    groups.into_iter().flatten().map(|it| it.id).collect()
}

/// Where a result stands among all, from 1, and how many there are.
pub(super) fn number_of(desk: &Desk<'_>, result: &Candidate) -> (usize, usize) {
    let all = in_order(desk, result.document);
    let place = all.iter().position(|id| *id == result.id);
    (place.map_or(0, |place| place + 1), all.len())
}

fn step(desk: &mut Desk<'_>, document: DocumentId, forward: bool) {
    let all = in_order(desk, document);
    let Some(last) = all.len().checked_sub(1) else {
        return;
    };
    let now = desk.state.of(document).shown_result();
    let place = now.and_then(|id| all.iter().position(|other| *other == id));
    let next = match (place, forward) {
        (None, true) => 0,
        (None, false) => last,
        (Some(place), true) => (place + 1) % all.len(),
        (Some(place), false) => place.checked_sub(1).unwrap_or(last),
    };
    let next = all.get(next).copied();
    desk.state.of(document).show_result(next);
}

fn discard(desk: &mut Desk<'_>, open: &OpenDocument) {
    let Some(candidate) = shown(desk, open) else {
        return;
    };
    let id = candidate.id;
    discard_all(desk, open.id(), vec![id]);
}

/// Throws results away; where one of them is shown, a neighbour is shown in its place.
pub(super) fn discard_all(desk: &mut Desk<'_>, document: DocumentId, ids: Vec<CandidateId>) {
    let all = in_order(desk, document);
    let shown = desk.state.of(document).shown_result();
    let place = shown.and_then(|id| all.iter().position(|other| *other == id));
    if let Some(place) = place.filter(|place| all.get(*place).is_some_and(|id| ids.contains(id))) {
        let stays = |id: &&CandidateId| !ids.contains(id);
        let (before, after) = all.split_at(place);
        let neighbour = after.iter().find(stays);
        let neighbour = neighbour.or_else(|| before.iter().rev().find(stays));
        desk.state.of(document).show_result(neighbour.copied());
    }
    desk.send(Command::DiscardResults(ids));
}

/// The result shown and the one shown before it, else its neighbour.
fn last_two(desk: &mut Desk<'_>, document: DocumentId) -> Option<(CandidateId, CandidateId)> {
    let all = in_order(desk, document);
    let known = desk.state.of(document);
    let right = known.shown_result().filter(|id| all.contains(id));
    let right = right.or_else(|| all.first().copied())?;
    let is_other = |id: &CandidateId| *id != right && all.contains(id);
    let before = known.shown_before.filter(is_other);
    let left = before.or_else(|| {
        let place = all.iter().position(|id| *id == right)?;
        let previous = place.checked_sub(1).and_then(|place| all.get(place));
        all.get(place + 1).or(previous).copied()
    })?;
    // As they stand in the strip.
    let place = |id: CandidateId| all.iter().position(|other| *other == id);
    Some(if place(left) < place(right) {
        (left, right)
    } else {
        (right, left)
    })
}

/// Shows two results side by side.
pub(super) fn compare(desk: &mut Desk<'_>, left: CandidateId, right: CandidateId) {
    desk.state.leave_views();
    desk.state.pair = Some(Pair::new((left, right)));
}

fn use_settings(desk: &mut Desk<'_>, result: &Candidate) {
    let document = result.document;
    let settings = Box::new((*result.settings).clone());
    desk.send(Command::SetSettings { document, settings });
}

fn run_again(desk: &mut Desk<'_>, result: &Candidate, other_seed: bool) {
    desk.state.leave_views();
    desk.state.turn_to_mask(result.document);
    desk.send(Command::RunAgain {
        result: result.id,
        other_seed,
    });
}

/// What a result was made with.
pub(super) fn about(desk: &Desk<'_>, result: &Candidate) -> String {
    let settings = &result.settings;
    let prompt = if settings.prompt.is_empty() {
        desk.text("ui-no-prompt").into_owned()
    } else {
        settings.prompt.clone()
    };
    let seconds = result.report.seconds;
    let total = seconds.load + seconds.text + seconds.encode + seconds.steps + seconds.decode;
    let made = desk.say(
        &Message::new("ui-result-about")
            .with("prompt", prompt)
            .with("strength", format!("{:.2}", settings.strength.get()))
            .with("run", result.report.executed_steps)
            .with("of", settings.steps.get())
            .with("seed", settings.seed.0.to_string())
            .with("seconds", format!("{total:.1}")),
    );
    let by_picture = (result.details == crate::jobs::KeptDetails::ByPicture)
        .then(|| desk.text("ui-result-details-by-picture").into_owned());
    let previews = result.report.previews.autoencoder.as_ref().map(|file| {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        desk.say(&Message::new("ui-result-previews").with("name", name.into_owned()))
    });
    let lines = [Some(made), by_picture, previews];
    lines.into_iter().flatten().collect::<Vec<_>>().join("\n")
}

/// What a right-click on a result offers. `shown` is the one to compare it with.
pub(super) fn menu(ui: &mut Ui, desk: &mut Desk<'_>, result: &Candidate) {
    let document = result.document;
    let shown = desk.state.of(document).shown_result();
    let other = shown.filter(|id| *id != result.id && desk.editor.candidate(*id).is_some());
    let is_layer = desk.editor.is_layer(result);
    let line = |ui: &mut Ui, desk: &Desk<'_>, action: Action| {
        let text = desk.text(action.text());
        let keys = if shown == Some(result.id) {
            super::context::action_keys(ui.ctx(), action).unwrap_or_default()
        } else {
            String::new()
        };
        let pressed = widgets::menu_line(ui, action.icon(), &text, &keys)
            .on_hover_text(desk.text(action.tooltip()))
            .clicked();
        if pressed {
            ui.close();
        }
        pressed
    };
    if !is_layer && line(ui, desk, Action::Accept) {
        desk.send(Command::AcceptCandidate(result.id));
    }
    if !is_layer && result.redoes.is_some() {
        let beside = desk.text("ui-accept-beside");
        let tooltip = desk.text("ui-accept-beside-tip");
        let pressed = widgets::menu_line(ui, icons::PLUS, &beside, "").on_hover_text(tooltip);
        if pressed.clicked() {
            desk.send(Command::AcceptBeside(result.id));
            ui.close();
        }
    }
    if let Some(other) = other {
        let text = desk.text("ui-compare-with-shown");
        if widgets::menu_line(ui, icons::COMPARE_TWO, &text, "").clicked() {
            compare(desk, other, result.id);
            ui.close();
        }
    }
    ui.separator();
    if line(ui, desk, Action::UseSettings) {
        use_settings(desk, result);
    }
    let seed = desk.text("ui-reuse-seed");
    if widgets::menu_line(ui, icons::LOCK, &seed, "")
        .on_hover_text(desk.text("ui-reuse-seed-tip"))
        .clicked()
    {
        let seed = result.settings.seed;
        desk.set(document, |settings| settings.seed = seed);
        desk.send(Command::LockSeed {
            document,
            locked: true,
        });
        ui.close();
    }
    if line(ui, desk, Action::CopySeed) {
        ui.ctx().copy_text(result.settings.seed.0.to_string());
    }
    ui.separator();
    if line(ui, desk, Action::Again) {
        run_again(desk, result, false);
    }
    if line(ui, desk, Action::AgainOtherSeed) {
        run_again(desk, result, true);
    }
    ui.separator();
    if line(ui, desk, Action::Discard) {
        discard_all(desk, document, vec![result.id]);
    }
}

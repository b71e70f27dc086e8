//! The selected picture, larger, with what is known of it and what can be done with it.

use eframe::egui::{Button, Frame, Margin, Panel, Rect, RichText, Slider, Ui, vec2};

use super::cells::look_ui;
use super::words;
use crate::bulk::{Action as Work, Decision};
use crate::editor::{
    BatchCommand, BatchPhase, BatchPicture, Command, LookId, LookOf, MaskState, OpenBatch, Verdict,
};
use crate::plan::Strength;
use crate::text::Message;
use crate::ui::actions::Action;
use crate::ui::context::{Desk, action_keys};
use crate::ui::icons::{self, Icon};
use crate::ui::theme::{self, size, space, text_size};
use crate::ui::widgets;

/// Width of the panel, in points.
const WIDTH: f32 = 320.0;
/// Windows below this width, in points, have no room for it.
const NARROW: f32 = 760.0;

/// Draws the panel at the right; what of it is to be read.
pub(super) fn inspector_ui(ui: &mut Ui, desk: &mut Desk<'_>, batch: &OpenBatch) -> Vec<LookId> {
    let selected = desk.state.batch.selected;
    let picture = selected.and_then(|at| Some((at, batch.pictures().get(at)?.as_ref())));
    let Some((at, picture)) = picture.filter(|_| ui.available_width() >= NARROW) else {
        return Vec::new();
    };
    let t = theme::tokens(ui);
    let frame = Frame::NONE.fill(t.panel).inner_margin(Margin::same(12));
    let shown = Panel::right("batch picture")
        .exact_size(WIDTH)
        .resizable(false)
        .frame(frame)
        .show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = space::S;
            let wanted = pictures_ui(ui, desk, batch, (at, picture));
            widgets::heading(ui, &picture.source.name());
            if batch.phase() == BatchPhase::Review {
                result_ui(ui, desk, batch, (at, picture));
            } else {
                mask_ui(ui, desk, (at, picture));
            }
            wanted
        });
    shown.inner
}

fn pictures_ui(
    ui: &mut Ui,
    desk: &mut Desk<'_>,
    batch: &OpenBatch,
    (at, picture): (usize, &BatchPicture),
) -> Vec<LookId> {
    let has_result = !picture.known.outputs.is_empty();
    let found = matches!(picture.known.mask, MaskState::Found(_)) && batch.selects();
    let of = match batch.phase() {
        BatchPhase::Review if has_result && !desk.state.before_held => LookOf::Result,
        BatchPhase::Masks if found && !desk.state.before_held => LookOf::Cutout,
        _ => LookOf::Picture,
    };
    let large = |of| LookId {
        at,
        of,
        is_large: true,
    };
    let width = ui.available_width();
    let height = (ui.available_height() * 0.45).clamp(120.0, width);
    let (rect, _) = ui.allocate_exact_size(vec2(width, height), eframe::egui::Sense::hover());
    ui.painter()
        .rect_filled(rect, theme::RADIUS, theme::tokens(ui).canvas);
    look_ui(ui, desk, batch, (large(of), rect), false);
    let hint = desk.text("ui-batch-hold-before");
    widgets::hint(ui, &hint);
    // The other one is read too, so that it is there when the key is held.
    vec![large(of), large(LookOf::Picture)]
}

/// A button as wide as the panel.
fn wide_button(ui: &mut Ui, icon: Icon, text: &str, is_on: bool) -> bool {
    let t = theme::tokens(ui);
    let ink = match (ui.is_enabled(), is_on) {
        (false, _) => t.disabled,
        (true, true) => t.accent,
        (true, false) => t.text,
    };
    let sign = RichText::new(icon.0)
        .family(theme::icon_family())
        .size(text_size::ICON_SMALL)
        .color(ink);
    let button = Button::new((sign, text))
        .selected(is_on)
        .min_size(vec2(ui.available_width(), size::CONTROL));
    ui.add(button).accessible_name(text).clicked()
}

fn with_key(ui: &Ui, desk: &Desk<'_>, key: &str, action: Action) -> String {
    match action_keys(ui.ctx(), action) {
        Some(keys) => format!("{}  ({keys})", desk.text(key)),
        None => desk.text(key).into_owned(),
    }
}

fn mask_ui(ui: &mut Ui, desk: &mut Desk<'_>, (at, picture): (usize, &BatchPicture)) {
    let t = theme::tokens(ui);
    let known = &picture.known;
    match &known.mask {
        MaskState::Unknown => _ = widgets::hint(ui, &desk.text("ui-batch-unknown")),
        MaskState::Missing(why) => _ = widgets::icon_label(ui, icons::WARNING, why, t.warn),
        MaskState::Failed(why) => {
            widgets::icon_label(ui, icons::FAILED, why, t.bad);
            return;
        }
        MaskState::Found(doubt) => {
            let share = words::percent(desk, "ui-batch-share", doubt.share);
            let soft = words::percent(desk, "ui-batch-doubt", doubt.score);
            widgets::hint(ui, &format!("{share} · {soft}"));
            for flag in &doubt.flags {
                let text = desk.text(words::flag(*flag));
                widgets::icon_label(ui, icons::WARNING, &text, t.warn);
            }
        }
    }
    let decide = |desk: &mut Desk<'_>, wanted: Decision| {
        let decision = (known.decision != Some(wanted)).then_some(wanted);
        let pictures = vec![at];
        desk.send(Command::Batch(BatchCommand::Decide { pictures, decision }));
    };
    let accepted = known.decision == Some(Decision::Accept);
    let text = with_key(ui, desk, "ui-batch-accept-mask", Action::Accept);
    if matches!(known.mask, MaskState::Found(_)) && wide_button(ui, icons::ACCEPT, &text, accepted)
    {
        decide(desk, Decision::Accept);
    }
    let text = with_key(ui, desk, "ui-batch-leave-out", Action::Discard);
    if wide_button(ui, icons::CLOSE, &text, picture.is_skipped()) {
        decide(desk, Decision::Skip);
    }
    let text = format!("{}  (O)", desk.text("ui-batch-refine"));
    if wide_button(ui, icons::BRUSH, &text, false) {
        desk.send(Command::Batch(BatchCommand::OpenMask(at)));
    }
}

fn result_ui(
    ui: &mut Ui,
    desk: &mut Desk<'_>,
    batch: &OpenBatch,
    (at, picture): (usize, &BatchPicture),
) {
    let t = theme::tokens(ui);
    let known = &picture.known;
    if let Some(why) = known.failure.as_ref().filter(|_| !picture.is_skipped()) {
        widgets::icon_label(ui, icons::FAILED, why, t.bad);
    }
    if known.outputs.is_empty() {
        return;
    }
    let mut about = words::made_with(desk, picture);
    if let Some(seed) = known.outputs.first().and_then(|output| output.seed) {
        let seed = Message::new("ui-result-seed").with("seed", seed.to_string());
        about = format!("{about} · {}", desk.say(&seed));
    }
    widgets::hint(ui, &about);
    let judge = |desk: &mut Desk<'_>, wanted: Verdict| {
        let verdict = (known.verdict != Some(wanted)).then_some(wanted);
        let pictures = vec![at];
        desk.send(Command::Batch(BatchCommand::Judge { pictures, verdict }));
    };
    let text = with_key(ui, desk, "ui-batch-accept", Action::Accept);
    if wide_button(
        ui,
        icons::ACCEPT,
        &text,
        known.verdict == Some(Verdict::Accepted),
    ) {
        judge(desk, Verdict::Accepted);
    }
    let text = with_key(ui, desk, "ui-batch-reject", Action::Discard);
    if wide_button(
        ui,
        icons::CLOSE,
        &text,
        known.verdict == Some(Verdict::Rejected),
    ) {
        judge(desk, Verdict::Rejected);
    }
    let text = format!("{}  (O)", desk.text("ui-batch-open-result"));
    if wide_button(ui, icons::OPEN, &text, false) {
        desk.send(Command::Batch(BatchCommand::OpenResult(at)));
    }
    if matches!(batch.recipe().action(), Ok(Work::Edit(_))) {
        ui.separator();
        ui.add_enabled_ui(batch.doing().is_none(), |ui| {
            again_ui(ui, desk, (at, picture));
        });
    }
}

/// The same picture once more, otherwise.
fn again_ui(ui: &mut Ui, desk: &mut Desk<'_>, (at, picture): (usize, &BatchPicture)) {
    let redo = |desk: &mut Desk<'_>, strength, other_seed| {
        desk.send(Command::Batch(BatchCommand::Redo {
            picture: at,
            strength,
            other_seed,
        }));
    };
    let text = desk.text("ui-batch-again-seed");
    if wide_button(ui, icons::AGAIN_OTHER_SEED, &text, false) {
        redo(desk, None, true);
    }
    let first = picture.known.outputs.first();
    let made = first.and_then(|output| output.strength).unwrap_or(0.5);
    let mut strength = desk.state.batch.again_strength.unwrap_or(made);
    let slider = Slider::new(&mut strength, 0.05..=1.0).fixed_decimals(2);
    let slider = ui.add(slider).accessible_name(desk.text("ui-strength"));
    if slider.changed() {
        desk.state.batch.again_strength = Some(strength);
    }
    let text = desk.text("ui-batch-again-strength");
    if wide_button(ui, icons::AGAIN, &text, false)
        && let Ok(strength) = Strength::new((strength * 100.0).round() / 100.0)
    {
        redo(desk, Some(strength), false);
    }
}

/// A large picture in the middle of a place, with what a run makes of it so far.
pub(super) fn large_ui(
    ui: &Ui,
    desk: &mut Desk<'_>,
    batch: &OpenBatch,
    (at, place): (usize, Rect),
) -> (LookId, Option<Rect>) {
    let id = LookId {
        at,
        of: LookOf::Picture,
        is_large: true,
    };
    (id, look_ui(ui, desk, batch, (id, place), false))
}

//! The batch in the window: a folder of pictures in place of everything but the bar at the top. One part for
//! each phase; all of them read the editor and send commands.

mod card;
mod cells;
mod header;
mod inspector;
mod masks;
mod places;
mod review;
mod running;
mod tries;
mod words;

use std::path::PathBuf;

use eframe::egui::{Frame, Key, Margin, Modifiers, RichText, Stroke, Ui, vec2};

use super::actions::{Action, Group};
use super::context::Desk;
use super::file_purpose::FilePurpose;
use super::icons;
use super::theme::{self, size, space, text_size};
use super::widgets;
use crate::bulk::Decision;
use crate::catalog::is_named_as_model;
use crate::document::DocumentId;
use crate::editor::{BatchCommand, BatchPhase, Command, OpenBatch, RecipeFrom, Verdict};
use crate::text::Message;

/// Draws the batch.
pub(super) fn batch_ui(ui: &mut Ui, desk: &mut Desk<'_>) {
    let editor = desk.editor;
    let Some(batch) = editor.batch() else { return };
    let t = theme::tokens(ui);
    ui.spacing_mut().item_spacing.y = 0.0;
    cells::begin_frame(&mut desk.state.batch.textures);
    ui.painter().rect_filled(ui.max_rect(), 0.0, t.canvas);
    keys(ui, desk, batch);
    let header = Frame::NONE
        .fill(t.panel)
        .inner_margin(Margin::symmetric(16, 8))
        .show(ui, |ui| header::header_ui(ui, desk, batch));
    let edge = header.response.rect;
    ui.painter()
        .hline(edge.x_range(), edge.bottom(), Stroke::new(1.0, t.line));
    let mut wanted = match batch.phase() {
        BatchPhase::Masks => masks::masks_ui(ui, desk, batch),
        BatchPhase::Try => tries::tries_ui(ui, desk, batch),
        BatchPhase::Run => running::run_ui(ui, desk, batch),
        BatchPhase::Review => review::review_ui(ui, desk, batch),
    };
    let mut seen = std::collections::BTreeSet::new();
    wanted.retain(|id| seen.insert(*id));
    if batch.looked_at() != wanted {
        desk.send(Command::Batch(BatchCommand::Look(wanted)));
    }
}

/// The pictures that a phase's grid shows, in its order.
fn items(desk: &Desk<'_>, batch: &OpenBatch) -> Vec<usize> {
    match batch.phase() {
        BatchPhase::Masks => masks::items(desk, batch),
        BatchPhase::Review => review::items(desk, batch),
        BatchPhase::Try | BatchPhase::Run => Vec::new(),
    }
}

/// Arrows go from picture to picture; O opens.
fn keys(ui: &Ui, desk: &mut Desk<'_>, batch: &OpenBatch) {
    let is_elsewhere = ui.ctx().text_edit_focused() || desk.state.dialog.is_some();
    if is_elsewhere || ui.ctx().memory(|memory| memory.focused().is_some()) {
        return;
    }
    let columns = desk.state.batch.columns as i64;
    let steps = [
        (Key::ArrowRight, 1),
        (Key::ArrowLeft, -1),
        (Key::ArrowDown, columns),
        (Key::ArrowUp, -columns),
    ];
    let by: i64 = steps
        .into_iter()
        .map(|(key, by)| {
            by * ui.input_mut(|i| i.count_and_consume_key(Modifiers::NONE, key)) as i64
        })
        .sum();
    if by != 0 {
        step(desk, batch, by);
    }
    let opens = ui.input_mut(|i| i.consume_key(Modifiers::NONE, Key::O));
    if opens && let Some(selected) = desk.state.batch.selected {
        open(desk, batch, selected);
    }
}

/// Selects the picture so many places further.
fn step(desk: &mut Desk<'_>, batch: &OpenBatch, by: i64) {
    let items = items(desk, batch);
    let selected = desk.state.batch.selected;
    let place = items.iter().position(|at| Some(*at) == selected);
    let next = place.map_or(0, |place| place as i64 + by);
    let last = items.len() as i64 - 1;
    let next = if (0..=last).contains(&next) {
        next
    } else {
        place.map_or(0, |place| place as i64)
    };
    desk.state.batch.selected = items.get(next as usize).copied();
    desk.state.batch.scroll_to = true;
}

/// Opens a picture in the editor: its mask to be refined, or its result.
fn open(desk: &mut Desk<'_>, batch: &OpenBatch, picture: usize) {
    desk.send(Command::Batch(match batch.phase() {
        BatchPhase::Review => BatchCommand::OpenResult(picture),
        _ => BatchCommand::OpenMask(picture),
    }));
}

/// Does an action, where it is about the batch; true where it was done, or means nothing while a batch is
/// shown.
pub(super) fn perform(desk: &mut Desk<'_>, action: Action) -> bool {
    let editor = desk.editor;
    if action == Action::Batch {
        match editor.batch() {
            Some(_) => desk.state.batch.is_shown = !desk.state.batch.is_shown,
            None => desk.state.batch.wants_file = Some(FilePurpose::BatchFolder),
        }
        return true;
    }
    let Some(batch) = editor.batch().filter(|_| desk.state.batch.is_shown) else {
        return false;
    };
    match action {
        Action::Accept | Action::Discard => decide(desk, batch, action == Action::Accept),
        Action::Cancel => {
            if desk.editor.active().is_some() {
                desk.state.batch.is_shown = false;
            }
        }
        // They would change a picture that is not seen.
        _ => {
            let for_all = [Group::File, Group::Help].contains(&action.group());
            let looks = [
                Action::ToggleTheme,
                Action::LargerInterface,
                Action::SmallerInterface,
                Action::ResetInterface,
                Action::ToggleMotion,
            ];
            let saves = [
                Action::Save,
                Action::SaveAs,
                Action::Export,
                Action::CloseTab,
            ];
            return !(for_all || looks.contains(&action)) || saves.contains(&action);
        }
    }
    true
}

/// Says of the selected picture that it is wanted, or not, and goes on to the next.
fn decide(desk: &mut Desk<'_>, batch: &OpenBatch, accepts: bool) {
    let Some(selected) = desk.state.batch.selected else {
        return step(desk, batch, 0);
    };
    let Some(known) = batch.pictures().get(selected).map(|it| &it.known) else {
        return;
    };
    let pictures = vec![selected];
    // The same once more takes it back.
    let command = match batch.phase() {
        BatchPhase::Masks => {
            let wanted = if accepts {
                Decision::Accept
            } else {
                Decision::Skip
            };
            let decision = (known.decision != Some(wanted)).then_some(wanted);
            BatchCommand::Decide { pictures, decision }
        }
        BatchPhase::Review => {
            let wanted = if accepts {
                Verdict::Accepted
            } else {
                Verdict::Rejected
            };
            let verdict = (known.verdict != Some(wanted)).then_some(wanted);
            BatchCommand::Judge { pictures, verdict }
        }
        BatchPhase::Try | BatchPhase::Run => return,
    };
    step(desk, batch, 1);
    desk.send(Command::Batch(command));
}

/// How something that was dropped is opened: a folder of pictures as a batch.
pub(super) fn opening(path: PathBuf) -> Command {
    if path.is_dir() && !is_named_as_model(&path) {
        Command::Batch(BatchCommand::Open {
            folder: path,
            recipe: RecipeFrom::Folder,
        })
    } else {
        Command::OpenFile(path)
    }
}

/// The batch among the tabs.
pub(super) fn tab_ui(ui: &mut Ui, desk: &mut Desk<'_>) {
    let editor = desk.editor;
    let Some(batch) = editor.batch() else { return };
    let t = theme::tokens(ui);
    let is_shown = desk.state.batch.is_shown;
    let sign = RichText::new(icons::BATCH.0)
        .family(theme::icon_family())
        .size(text_size::ICON_SMALL)
        .color(if is_shown { t.accent } else { t.muted });
    let mut name = batch.name();
    if let Some(doing) = batch.doing() {
        let (done, of) = doing.progress();
        name = format!("{name}  {done}/{of}");
    }
    let said = desk.say(&Message::new("ui-batch-tab").with("name", name.clone()));
    let button = eframe::egui::Button::new((sign, RichText::new(name)))
        .selected(is_shown)
        .min_size(vec2(0.0, size::ICON_BUTTON));
    let response = ui.add(button).accessible_name(said);
    let tooltip = desk.tooltip(ui.ctx(), Action::Batch);
    if response.on_hover_text(tooltip).clicked() {
        desk.act(Action::Batch);
    }
    ui.add_space(space::XS);
}

/// Above a picture of the batch that was opened to refine its mask: the way back.
pub(super) fn put_back_ui(ui: &mut Ui, desk: &mut Desk<'_>, document: DocumentId) {
    let editor = desk.editor;
    let Some(picture) = editor.batch_picture_of(document) else {
        return;
    };
    let about = Message::new("ui-batch-refining").with("name", picture.source.name());
    let about = desk.say(&about);
    let (put, leave) = (desk.text("ui-batch-put-back"), desk.text("ui-batch-leave"));
    widgets::sides(
        ui,
        desk,
        |ui, _| {
            widgets::icon_label(ui, icons::BATCH, &about, theme::tokens(ui).text);
        },
        |ui, desk| {
            if widgets::quiet_button(ui, icons::BACK, &leave).clicked() {
                desk.state.batch.is_shown = true;
            }
            if widgets::primary_button(ui, icons::ACCEPT, &put, 200.0, size::CONTROL).clicked() {
                desk.state.batch.returns_from = Some(document);
                desk.send(Command::Batch(BatchCommand::PutBack { document }));
            }
        },
    );
}

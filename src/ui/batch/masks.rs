//! The first phase: masks as cut-outs, those that want a look most first.

use eframe::egui::{Frame, Margin, Ui, vec2};

use super::cells::{Cell, Grid, grid_ui};
use super::inspector::inspector_ui;
use super::words;
use crate::bulk::Decision;
use crate::editor::{BatchCommand, BatchPhase, Command, LookId, LookOf, MaskState, OpenBatch};
use crate::text::Message;
use crate::ui::context::Desk;
use crate::ui::icons;
use crate::ui::state::Shows;
use crate::ui::theme::{self, size, space};
use crate::ui::widgets;

/// The pictures that the grid shows.
pub(super) fn items(desk: &Desk<'_>, batch: &OpenBatch) -> Vec<usize> {
    let shows = desk.state.batch.shows;
    let is_shown = |at: &usize| {
        batch
            .pictures()
            .get(*at)
            .is_some_and(|picture| match shows {
                Shows::All => true,
                Shows::Open => picture.wants_a_look(),
                Shows::Accepted => picture.known.decision == Some(Decision::Accept),
                Shows::Rejected => picture.is_skipped(),
                Shows::Failed => matches!(picture.known.mask, MaskState::Failed(_)),
            })
    };
    batch.order().iter().copied().filter(is_shown).collect()
}

/// Draws it; what is to be read.
pub(super) fn masks_ui(ui: &mut Ui, desk: &mut Desk<'_>, batch: &OpenBatch) -> Vec<LookId> {
    let t = theme::tokens(ui);
    let mut wanted = inspector_ui(ui, desk, batch);
    Frame::NONE
        .inner_margin(Margin {
            left: 16,
            right: 4,
            top: 10,
            bottom: 0,
        })
        .show(ui, |ui| {
            bar_ui(ui, desk, batch);
            let items = items(desk, batch);
            if items.is_empty() {
                widgets::hint(ui, &desk.text("ui-batch-none-of-these"));
            }
            let selects = batch.selects();
            let of: &[LookOf] = if selects {
                &[LookOf::Cutout]
            } else {
                &[LookOf::Picture]
            };
            let grid = Grid {
                name: "masks",
                items: &items,
                of,
                cell: vec2(168.0, 132.0),
            };
            let done = grid_ui(ui, desk, batch, &grid, |desk, at| {
                let picture = batch.pictures().get(at)?;
                // Until there is a mask the picture itself is seen.
                let found = matches!(picture.known.mask, MaskState::Found(_));
                Some(Cell {
                    picture: at,
                    of: if selects && found {
                        &[LookOf::Cutout]
                    } else {
                        &[LookOf::Picture]
                    },
                    name: picture.source.name(),
                    standing: words::of_mask(desk, picture, t),
                    dimmed: picture.is_skipped(),
                    selected: desk.state.batch.selected == Some(at),
                })
            });
            wanted.extend(done.wanted.into_iter().map(|id| {
                let picture = batch.pictures().get(id.at);
                let found = picture.is_some_and(|it| matches!(it.known.mask, MaskState::Found(_)));
                let of = if selects && found {
                    LookOf::Cutout
                } else {
                    LookOf::Picture
                };
                LookId { of, ..id }
            }));
            if let Some(opened) = done.opened {
                desk.send(Command::Batch(BatchCommand::OpenMask(opened)));
            }
        });
    wanted
}

fn bar_ui(ui: &mut Ui, desk: &mut Desk<'_>, batch: &OpenBatch) {
    let counts = batch.counts();
    ui.horizontal(|ui| {
        ui.set_min_height(size::CONTROL);
        widgets::sides(
            ui,
            desk,
            |ui, desk| {
                let chips = [
                    (Shows::All, "ui-batch-all", batch.pictures().len()),
                    (Shows::Open, "ui-batch-want-look", counts.look),
                    (Shows::Rejected, "ui-batch-skipped", counts.skipped),
                    (Shows::Failed, "ui-batch-bad-files", counts.unreadable),
                ];
                chips_ui(ui, desk, &chips);
            },
            |ui, desk| {
                ui.spacing_mut().item_spacing.x = space::S;
                let is_open = batch.selects() && !batch.is_masked() && batch.doing().is_none();
                let find = desk.text("ui-batch-find-masks");
                if is_open && widgets::quiet_button(ui, icons::SELECT_SUBJECT, &find).clicked() {
                    desk.send(Command::Batch(BatchCommand::FindMasks));
                }
                let next = desk.text("ui-batch-to-try");
                if widgets::primary_button(ui, icons::COLLAPSED, &next, 150.0, size::CONTROL)
                    .clicked()
                {
                    let to = BatchCommand::GoTo(BatchPhase::Try);
                    desk.send(Command::Batch(to));
                }
            },
        );
    });
    let about = if batch.selects() {
        words::about(BatchPhase::Masks)
    } else {
        "ui-batch-no-masks"
    };
    widgets::hint(ui, &desk.text(about));
    ui.add_space(space::XS);
}

/// Which pictures are shown, each with how many there are.
pub(super) fn chips_ui(ui: &mut Ui, desk: &mut Desk<'_>, chips: &[(Shows, &'static str, usize)]) {
    // One that is empty and not chosen has nothing to show.
    let there = chips.iter().filter(|(shows, _, count)| {
        *count > 0 || *shows == Shows::All || *shows == desk.state.batch.shows
    });
    let there: Vec<_> = there.copied().collect();
    for (shows, key, count) in there {
        let text = desk.say(&Message::new(key).with("count", count));
        let is_chosen = desk.state.batch.shows == shows;
        if widgets::chip(ui, &text, is_chosen).clicked() {
            desk.state.batch.shows = shows;
        }
    }
}

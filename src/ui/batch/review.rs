//! The fourth phase: results beside their pictures.

use eframe::egui::{Frame, Margin, Ui, vec2};

use super::cells::{Cell, Grid, grid_ui};
use super::inspector::inspector_ui;
use super::masks::chips_ui;
use super::words;
use crate::editor::{BatchCommand, BatchPhase, Command, LookId, LookOf, OpenBatch, Verdict};
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
        batch.pictures().get(*at).is_some_and(|picture| {
            let known = &picture.known;
            let is_made = !known.outputs.is_empty();
            match shows {
                Shows::All => is_made || known.failure.is_some() && !picture.is_skipped(),
                Shows::Open => is_made && known.verdict.is_none(),
                Shows::Accepted => known.verdict == Some(Verdict::Accepted),
                Shows::Rejected => known.verdict == Some(Verdict::Rejected),
                Shows::Failed => !is_made && known.failure.is_some() && !picture.is_skipped(),
            }
        })
    };
    (0..batch.pictures().len()).filter(is_shown).collect()
}

/// Draws it; what is to be read.
pub(super) fn review_ui(ui: &mut Ui, desk: &mut Desk<'_>, batch: &OpenBatch) -> Vec<LookId> {
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
            let items = items(desk, batch);
            bar_ui(ui, desk, batch, &items);
            if items.is_empty() {
                widgets::hint(ui, &desk.text("ui-batch-no-results"));
            }
            let grid = Grid {
                name: "results",
                items: &items,
                of: &[LookOf::Picture, LookOf::Result],
                cell: vec2(280.0, 150.0),
            };
            let done = grid_ui(ui, desk, batch, &grid, |desk, at| {
                let picture = batch.pictures().get(at)?;
                let is_made = !picture.known.outputs.is_empty();
                Some(Cell {
                    picture: at,
                    of: if is_made {
                        &[LookOf::Picture, LookOf::Result]
                    } else {
                        &[LookOf::Picture]
                    },
                    name: picture.source.name(),
                    standing: words::of_result(desk, picture, t),
                    dimmed: picture.known.verdict == Some(Verdict::Rejected),
                    selected: desk.state.batch.selected == Some(at),
                })
            });
            wanted.extend(done.wanted);
            if let Some(opened) = done.opened {
                desk.send(Command::Batch(BatchCommand::OpenResult(opened)));
            }
        });
    wanted
}

fn bar_ui(ui: &mut Ui, desk: &mut Desk<'_>, batch: &OpenBatch, items: &[usize]) {
    let counts = batch.counts();
    ui.horizontal(|ui| {
        ui.set_min_height(size::CONTROL);
        widgets::sides(
            ui,
            desk,
            |ui, desk| {
                let judged = counts.accepted + counts.rejected;
                let chips = [
                    (Shows::All, "ui-batch-all", counts.done + counts.failed),
                    (
                        Shows::Open,
                        "ui-batch-open-count",
                        counts.done.saturating_sub(judged),
                    ),
                    (Shows::Accepted, "ui-batch-accepted-count", counts.accepted),
                    (Shows::Rejected, "ui-batch-rejected-count", counts.rejected),
                    (Shows::Failed, "ui-batch-failed-count", counts.failed),
                ];
                chips_ui(ui, desk, &chips);
            },
            |ui, desk| {
                ui.spacing_mut().item_spacing.x = space::S;
                let accept = desk.text("ui-batch-accept-shown");
                let accept = widgets::quiet_button(ui, icons::ACCEPT, &accept);
                let accept = accept.on_hover_text(desk.text("ui-batch-accept-shown-tip"));
                if accept.clicked() {
                    let pictures = items.to_vec();
                    let verdict = Some(Verdict::Accepted);
                    desk.send(Command::Batch(BatchCommand::Judge { pictures, verdict }));
                }
                let export = Message::new("ui-batch-export").with("count", counts.accepted);
                let export = desk.say(&export);
                ui.add_enabled_ui(counts.accepted > 0, |ui| {
                    if widgets::primary_button(ui, icons::EXPORT, &export, 210.0, size::CONTROL)
                        .clicked()
                    {
                        desk.state.batch.wants_export = true;
                    }
                });
            },
        );
    });
    widgets::hint(ui, &desk.text(words::about(BatchPhase::Review)));
    ui.add_space(space::XS);
}

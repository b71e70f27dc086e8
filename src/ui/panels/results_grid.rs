//! All results of a document in place of the canvas, by the press that made them, the newest first.

use eframe::egui::{self, Align, Frame, Label as Words, Layout, Margin, RichText, Ui, vec2};

use crate::editor::{Candidate, OpenDocument};
use crate::text::Message;
use crate::ui::actions::Action;
use crate::ui::canvas::TextureStore;
use crate::ui::context::Desk;
use crate::ui::result_thumb::{Label, result_thumb};
use crate::ui::theme::{self, size, space, text_size};
use crate::ui::{icons, results, widgets};

/// Side of a picture, in points: so large that as many as possible fill a line, between these.
const SIDE: std::ops::RangeInclusive<f32> = 132.0..=196.0;

/// Draws all of them.
pub(crate) fn results_grid_ui(
    ui: &mut Ui,
    desk: &mut Desk<'_>,
    store: &mut TextureStore,
    open: &OpenDocument,
) {
    let t = theme::tokens(ui);
    let groups = desk.editor.results_by_group(open.id());
    ui.painter()
        .rect_filled(ui.available_rect_before_wrap(), 0.0, t.canvas);
    if groups.is_empty() {
        desk.state.grid = false;
    }
    store.begin_frame(open, open.document().visible(), t, &desk.tint(t));
    Frame::NONE
        .inner_margin(Margin::symmetric(16, 6))
        .show(ui, |ui| {
            title(ui, desk, open);
            egui::ScrollArea::vertical()
                .auto_shrink(false)
                .show(ui, |ui| {
                    for group in &groups {
                        if let Some(first) = group.first() {
                            ui.push_id(first.group.0, |ui| {
                                group_ui(ui, desk, store, (open, group, first));
                            });
                        }
                    }
                    ui.add_space(space::L);
                });
        });
}

fn title(ui: &mut Ui, desk: &mut Desk<'_>, open: &OpenDocument) {
    let count = desk.editor.candidates(open.id()).count();
    ui.horizontal(|ui| {
        let back = desk.text("ui-sheet-back");
        if widgets::icon_button(ui, icons::BACK, &back, None)
            .on_hover_text(back.as_ref())
            .clicked()
        {
            desk.state.grid = false;
        }
        widgets::heading(ui, &desk.text(Action::AllResults.text()));
        let about = Message::new("ui-grid-about").with("count", count);
        widgets::hint(ui, &desk.say(&about));
        widgets::at_right(ui, |ui| {
            if desk.editor.has_thrown_away(open.id()) {
                widgets::action_button(ui, desk, Action::BringBack, None);
            }
        });
    });
}

/// One press: what was asked for, then what came.
fn group_ui(
    ui: &mut Ui,
    desk: &mut Desk<'_>,
    store: &mut TextureStore,
    (open, group, first): (&OpenDocument, &[&Candidate], &Candidate),
) {
    ui.add_space(space::S);
    ui.separator();
    ui.horizontal(|ui| {
        let room = ui.available_width() - size::ICON_BUTTON - space::L;
        let line = vec2(room.max(0.0), size::ICON_BUTTON);
        ui.allocate_ui_with_layout(line, Layout::left_to_right(Align::Center), |ui| {
            ui.set_min_size(line);
            let prompt = if first.settings.prompt.trim().is_empty() {
                desk.text("ui-no-prompt").into_owned()
            } else {
                widgets::on_one_line(&first.settings.prompt)
            };
            let when = first.made_at.map(|at| desk.ago(at)).unwrap_or_default();
            let muted = theme::tokens(ui).muted;
            let when = RichText::new(when).size(text_size::SMALL).color(muted);
            ui.label(when);
            let prompt = RichText::new(prompt).family(theme::semibold());
            ui.add(Words::new(prompt).truncate());
        });
        let discard = desk.text("ui-discard-group");
        if widgets::icon_button(ui, icons::DELETE, &discard, None)
            .on_hover_text(desk.text("ui-discard-group-tip"))
            .clicked()
        {
            let ids = group.iter().map(|it| it.id).collect();
            results::discard_all(desk, open.id(), ids);
        }
    });
    let (columns, side) = columns(ui.available_width());
    for row in group.chunks(columns) {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = space::M;
            for result in row {
                ui.push_id(result.id.0, |ui| {
                    ui.vertical(|ui| {
                        ui.set_width(side);
                        ui.spacing_mut().item_spacing.y = 2.0;
                        cell(ui, desk, store, (open, result), side);
                    });
                });
            }
        });
    }
}

/// How many pictures stand on a line of that width, and their side.
fn columns(width: f32) -> (usize, f32) {
    let columns = ((width + space::M) / (SIDE.start() + space::M)).floor();
    let columns = columns.max(1.0);
    let side = (width + space::M) / columns - space::M;
    (columns as usize, side.clamp(*SIDE.start(), *SIDE.end()))
}

/// A result, and under it what tells it from the others.
fn cell(
    ui: &mut Ui,
    desk: &mut Desk<'_>,
    store: &mut TextureStore,
    (open, result): (&OpenDocument, &Candidate),
    side: f32,
) {
    let look = (side, Label::Strength);
    let thumb = result_thumb(ui, desk, store, (open, result), look);
    // Who has chosen one wants to see it large.
    let shown = desk.state.of(open.id()).shown_result() == Some(result.id);
    if thumb.clicked() && shown && desk.state.pair.is_none() {
        desk.state.grid = false;
    }
    let seed = result.settings.seed.0.to_string();
    let text = desk.say(&Message::new("ui-result-seed").with("seed", seed.as_str()));
    if widgets::link_button(ui, &text)
        .on_hover_text(desk.text(Action::CopySeed.tooltip()))
        .clicked()
    {
        ui.ctx().copy_text(seed);
    }
}

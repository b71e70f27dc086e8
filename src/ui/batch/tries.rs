//! The second phase: a few pictures at several strengths, side by side.

use eframe::egui::{
    self, Frame, Margin, Rect, RichText, Sense, Stroke, TextEdit, Ui, Vec2, pos2, vec2,
};

use super::cells::look_ui;
use super::header::edits;
use super::places::places_ui;
use super::words;
use crate::editor::{BatchCommand, BatchPhase, Command, LookId, LookOf, OpenBatch, TryTile};
use crate::plan::Strength;
use crate::text::Message;
use crate::ui::context::Desk;
use crate::ui::icons;
use crate::ui::theme::{self, size, space, text_size};
use crate::ui::widgets;

/// Largest side of a tile, in points.
const TILE: f32 = 260.0;

/// Draws it; what is to be read.
pub(super) fn tries_ui(ui: &mut Ui, desk: &mut Desk<'_>, batch: &OpenBatch) -> Vec<LookId> {
    let margin = Margin {
        left: 16,
        right: 16,
        top: 10,
        bottom: 0,
    };
    let shown = Frame::NONE.inner_margin(margin).show(ui, |ui| {
        bar_ui(ui, desk, batch);
        egui::ScrollArea::both()
            .auto_shrink(false)
            .show(ui, |ui| sheet_ui(ui, desk, batch))
            .inner
    });
    shown.inner
}

fn bar_ui(ui: &mut Ui, desk: &mut Desk<'_>, batch: &OpenBatch) {
    ui.spacing_mut().item_spacing.y = space::XS;
    let is_busy = batch.doing().is_some();
    if edits(batch) {
        prompt_ui(ui, desk, batch);
    }
    let usual = desk.editor.preferences().strengths.clone();
    let strengths = desk.state.batch.strengths(&usual);
    ui.horizontal(|ui| {
        ui.set_min_height(size::CONTROL);
        widgets::sides(
            ui,
            desk,
            |ui, desk| {
                if edits(batch) {
                    strengths_ui(ui, desk, &usual);
                } else {
                    let about = desk.text("ui-batch-try-plain");
                    widgets::hint(ui, &about);
                }
            },
            |ui, desk| {
                ui.spacing_mut().item_spacing.x = space::S;
                let text = desk.text("ui-batch-try-three");
                let may = !is_busy && (!edits(batch) || !strengths.is_empty());
                ui.add_enabled_ui(may, |ui| {
                    let button = widgets::quiet_button(ui, icons::COMPARE, &text);
                    if button
                        .on_hover_text(desk.text("ui-batch-try-about"))
                        .clicked()
                    {
                        desk.send(Command::Batch(BatchCommand::Try {
                            pictures: Vec::new(),
                            strengths: strengths.clone(),
                        }));
                    }
                });
                let next = desk.text("ui-batch-to-run");
                if widgets::primary_button(ui, icons::COLLAPSED, &next, 150.0, size::CONTROL)
                    .clicked()
                {
                    let to = BatchCommand::GoTo(BatchPhase::Run);
                    desk.send(Command::Batch(to));
                }
            },
        );
    });
    widgets::hint(ui, &desk.text(words::about(BatchPhase::Try)));
    places_ui(ui, desk, batch);
    ui.add_space(space::S);
}

fn prompt_ui(ui: &mut Ui, desk: &mut Desk<'_>, batch: &OpenBatch) {
    let Some(edit) = &batch.recipe().edit else {
        return;
    };
    ui.horizontal(|ui| {
        let label = widgets::heading(ui, &desk.text("ui-prompt"));
        let known = edit.prompt.clone();
        let text = desk.state.batch.prompt.get_or_insert_with(|| known.clone());
        let field = TextEdit::singleline(text).desired_width(f32::INFINITY);
        let field = ui.add(field).labelled_by(label.id);
        let text = text.clone();
        if field.lost_focus() {
            desk.state.batch.prompt = None;
            if text != known {
                desk.send(Command::Batch(BatchCommand::SetPrompt(text)));
            }
        } else if !field.has_focus() {
            desk.state.batch.prompt = None;
        }
    });
}

fn strengths_ui(ui: &mut Ui, desk: &mut Desk<'_>, usual: &[Strength]) {
    let label = widgets::heading(ui, &desk.text("ui-batch-strengths"));
    let plain = || {
        let texts = usual.iter().map(|strength| strength.get().to_string());
        texts.collect::<Vec<_>>().join(", ")
    };
    let text = desk.state.batch.strengths_text.get_or_insert_with(plain);
    let field = TextEdit::singleline(text).desired_width(220.0);
    ui.add(field).labelled_by(label.id);
}

fn sheet_ui(ui: &mut Ui, desk: &mut Desk<'_>, batch: &OpenBatch) -> Vec<LookId> {
    let tries = batch.tries();
    if tries.pictures.is_empty() {
        return Vec::new();
    }
    let columns = tries.strengths.len().max(1) + 1;
    let rows = tries.pictures.len().max(1) as f32;
    let gap = space::M;
    let side = (ui.available_width() / columns as f32 - gap).min(TILE);
    let fits = (ui.available_height() - 40.0) / rows - gap;
    let tile = Vec2::new(side, side.min(fits.max(120.0)));
    ui.spacing_mut().item_spacing = Vec2::splat(gap);
    titles_ui(ui, desk, batch, tile.x);
    let mut wanted = Vec::new();
    for name in &tries.pictures {
        let Some(at) = batch
            .pictures()
            .iter()
            .position(|it| it.source.name() == *name)
        else {
            continue;
        };
        ui.horizontal(|ui| {
            let before = LookId {
                at,
                of: LookOf::Picture,
                is_large: false,
            };
            tile_ui(ui, desk, batch, (before, tile), (name, None));
            wanted.push(before);
            let of_it = |(_, it): &(usize, &TryTile)| it.picture == *name;
            let mut drawn = 1;
            for (place, it) in tries.tiles.iter().enumerate().filter(of_it) {
                let id = LookId {
                    at: place,
                    of: LookOf::Try,
                    is_large: false,
                };
                let said = it
                    .strength
                    .map_or_else(String::new, |it| format!("{it:.2}"));
                let why = it.result.as_ref().err().map(String::as_str);
                tile_ui(
                    ui,
                    desk,
                    batch,
                    (id, tile),
                    (&format!("{name} {said}"), why),
                );
                wanted.push(id);
                drawn += 1;
            }
            for _ in drawn..columns {
                let (rect, _) = ui.allocate_exact_size(tile, Sense::hover());
                let stroke = Stroke::new(1.0, theme::tokens(ui).line);
                let inside = egui::StrokeKind::Inside;
                ui.painter()
                    .rect_stroke(rect, theme::RADIUS, stroke, inside);
            }
        });
    }
    wanted
}

/// Above each column what it shows, and the button that chooses it.
fn titles_ui(ui: &mut Ui, desk: &mut Desk<'_>, batch: &OpenBatch, width: f32) {
    let tries = batch.tries();
    let chosen = batch.recipe().edit.as_ref().and_then(|edit| edit.strength);
    ui.horizontal(|ui| {
        let cell = vec2(width, size::CONTROL);
        let plain = |ui: &mut Ui, text: &str| {
            let (rect, _) = ui.allocate_exact_size(cell, Sense::hover());
            let font = egui::FontId::new(text_size::BODY, theme::semibold());
            let ink = theme::tokens(ui).text;
            let at = pos2(rect.left(), rect.center().y);
            ui.painter()
                .text(at, egui::Align2::LEFT_CENTER, text, font, ink);
        };
        plain(ui, &desk.text("ui-batch-before"));
        if tries.strengths.is_empty() {
            plain(ui, &desk.text("ui-batch-after"));
        }
        for strength in &tries.strengths {
            let is_chosen = chosen == Some(*strength);
            let key = if is_chosen {
                "ui-batch-chosen"
            } else {
                "ui-batch-use-strength"
            };
            let text = Message::new(key).with("strength", format!("{:.2}", strength.get()));
            let text = desk.say(&text);
            let button = egui::Button::new(RichText::new(&text)).selected(is_chosen);
            if ui.add_sized(cell, button).accessible_name(text).clicked() {
                let choose = BatchCommand::ChooseStrength(*strength);
                desk.send(Command::Batch(choose));
            }
        }
    });
}

fn tile_ui(
    ui: &mut Ui,
    desk: &mut Desk<'_>,
    batch: &OpenBatch,
    (id, size): (LookId, Vec2),
    (name, why): (&str, Option<&str>),
) {
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, name));
    let t = theme::tokens(ui);
    ui.painter().rect_filled(rect, theme::RADIUS, t.raised);
    if let Some(why) = why {
        let room = Rect::from_center_size(rect.center(), rect.size() - Vec2::splat(16.0));
        let builder = egui::UiBuilder::new().max_rect(room);
        ui.scope_builder(builder, |ui| {
            widgets::icon_label(ui, icons::FAILED, why, t.bad)
        });
        return;
    }
    look_ui(ui, desk, batch, (id, rect.shrink(2.0)), false);
}

//! The filmstrip: the results of a document by the press that made them, the newest first.

use eframe::egui::{self, Stroke, Ui, vec2};

use crate::editor::Candidate;
use crate::text::Message;
use crate::ui::actions::Action;

use crate::ui::canvas::TextureStore;
use crate::ui::context::Desk;
use crate::ui::result_thumb::{Label, result_thumb};
use crate::ui::room::Room;
use crate::ui::theme::{self, size, space};
use crate::ui::widgets;

/// Side of a picture in the strip.
fn thumb_side(room: Room) -> f32 {
    if room == Room::Enough {
        size::THUMB
    } else {
        size::THUMB_SMALL
    }
}

/// Height of the strip.
pub(crate) fn results_height(room: Room) -> f32 {
    let around = if room == Room::Enough {
        2.0 * space::S + 4.0
    } else {
        space::M
    };
    thumb_side(room) + around
}

/// Draws the strip.
pub(crate) fn results_ui(ui: &mut Ui, desk: &mut Desk<'_>, store: &mut TextureStore, room: Room) {
    let Some(open) = desk.editor.active() else {
        return;
    };
    let document = open.id();
    let groups = desk.editor.results_by_group(document);
    let count: usize = groups.iter().map(Vec::len).sum();
    ui.horizontal_centered(|ui| {
        if room == Room::Enough {
            ui.vertical(|ui| {
                // where no pictures stand beside it, the line has room for itself
                ui.set_width(if count == 0 { 320.0 } else { 112.0 });
                ui.spacing_mut().item_spacing.y = 2.0;
                widgets::heading(ui, &desk.text("ui-results"));
                hint(ui, desk, count);
                ui.horizontal(|ui| {
                    ui.spacing_mut().item_spacing.x = 2.0;
                    buttons(ui, desk, count);
                });
            });
        } else {
            if count == 0 {
                hint(ui, desk, 0);
            }
            buttons(ui, desk, count);
        }
        let first = groups.first().and_then(|group| group.first());
        let newest = first.map(|first| first.group);
        let seen = &mut desk.state.of(document).newest_group_seen;
        // A new run comes at the beginning, so that is looked at.
        let is_new = std::mem::replace(seen, newest) != newest;
        let mut area = egui::ScrollArea::horizontal().auto_shrink(false);
        if is_new {
            area = area.horizontal_scroll_offset(0.0);
        }
        area.show(ui, |ui| {
            ui.horizontal_centered(|ui| {
                for (number, group) in groups.iter().enumerate() {
                    if number > 0 {
                        between_groups(ui, thumb_side(room));
                    }
                    let label = Label::of_group(group);
                    for result in group {
                        let result: &Candidate = result;
                        ui.push_id(result.id.0, |ui| {
                            let look = (thumb_side(room), label);
                            result_thumb(ui, desk, store, (open, result), look);
                        });
                    }
                }
            });
        });
    });
}

/// What opens all of them, what brings one back, and the comparison made last.
fn buttons(ui: &mut Ui, desk: &mut Desk<'_>, count: usize) {
    let Some(document) = desk.open().map(crate::editor::OpenDocument::id) else {
        return;
    };
    if count > 0 {
        widgets::action_button_small(ui, desk, Action::AllResults);
    }
    if desk.last_comparison(document).is_some() {
        widgets::action_button_small(ui, desk, Action::LastComparison);
    }
    if desk.editor.has_thrown_away(document) {
        widgets::action_button_small(ui, desk, Action::BringBack);
    }
}

/// A thin line between what two presses have made.
fn between_groups(ui: &mut Ui, height: f32) {
    let (rect, _) = ui.allocate_exact_size(vec2(5.0, height), egui::Sense::hover());
    let line = Stroke::new(1.0, theme::tokens(ui).line);
    let inner = rect.shrink2(vec2(0.0, 6.0));
    ui.painter().vline(rect.center().x, inner.y_range(), line);
}

/// How many results there are and how to see what was before.
fn hint(ui: &mut Ui, desk: &Desk<'_>, count: usize) {
    let words = if count == 0 {
        desk.text("ui-results-none").into_owned()
    } else {
        desk.say(&Message::new("ui-results-hint").with("count", count))
    };
    widgets::hint(ui, &words);
}

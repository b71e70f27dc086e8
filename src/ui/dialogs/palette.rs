//! The command palette: every action by its name, in either language.

use eframe::egui::{
    self, Align2, CornerRadius, FontId, Key, Rect, Role, Sense, TextEdit, Ui, WidgetInfo, pos2,
    vec2,
};

use crate::text::{Language, Texts};
use crate::ui::actions::Action;
use crate::ui::context::{Desk, action_keys};
use crate::ui::state::PaletteQuery;
use crate::ui::theme::{self, RADIUS, size, space, text_size};
use crate::ui::widgets;

pub(super) fn palette_ui(
    ui: &mut Ui,
    desk: &mut Desk<'_>,
    query: &mut PaletteQuery,
    stays: &mut bool,
) {
    let (up, down, enter) = ui.input_mut(|i| {
        (
            i.consume_key(egui::Modifiers::NONE, Key::ArrowUp),
            i.consume_key(egui::Modifiers::NONE, Key::ArrowDown),
            i.consume_key(egui::Modifiers::NONE, Key::Enter),
        )
    });
    let name = desk.text("ui-palette-title");
    let field = TextEdit::singleline(&mut query.text)
        .desired_width(f32::INFINITY)
        .hint_text(desk.text("ui-palette-hint").into_owned());
    let field = ui.add(field).accessible_name(name);
    field.request_focus();
    if field.changed() {
        query.chosen = 0;
    }
    let found = matches(&query.text);
    let last = found.len().saturating_sub(1);
    if down {
        query.chosen += 1;
    }
    if up {
        query.chosen = query.chosen.saturating_sub(1);
    }
    query.chosen = query.chosen.min(last);
    if found.is_empty() {
        widgets::hint(ui, &desk.text("ui-palette-nothing"));
    }
    let mut pointed_at = None;
    egui::ScrollArea::vertical()
        .max_height((ui.ctx().content_rect().height() - AROUND_LIST).clamp(120.0, 360.0))
        .show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            for (i, action) in found.iter().enumerate() {
                let line = line(ui, desk, *action, i == query.chosen);
                if (up || down) && i == query.chosen {
                    line.scroll_to_me(None);
                }
                if line.hovered() {
                    pointed_at = Some(*action);
                }
                if line.clicked() || (enter && i == query.chosen) {
                    desk.act(*action);
                    *stays = false;
                }
            }
        });
    // In a place of its own: a tooltip would cover the next lines.
    if let Some(action) = pointed_at.or_else(|| found.get(query.chosen).copied()) {
        ui.separator();
        let lines = vec2(ui.available_width(), 2.0 * LINE);
        ui.allocate_ui(lines, |ui| {
            ui.set_min_size(lines);
            widgets::hint(ui, &desk.text(action.tooltip()));
        });
    }
}

/// What stands above and below the list, with the space around the dialog, in points.
const AROUND_LIST: f32 = 220.0;
/// Height of a line of explanation, in points.
const LINE: f32 = 15.0;

/// A line of the list. The one that Enter would do is marked with a bar in the accent colour; the one
/// under the pointer only lights up.
fn line(ui: &mut Ui, desk: &Desk<'_>, action: Action, chosen: bool) -> egui::Response {
    let t = theme::tokens(ui);
    let whole = vec2(ui.available_width(), size::CONTROL + 2.0);
    let (rect, response) = ui.allocate_exact_size(whole, Sense::click());
    let text = desk.text(action.text());
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, chosen, text.as_ref()));
    if !ui.is_rect_visible(rect) {
        return response;
    }
    let painter = ui.painter();
    let fill = match (chosen, response.hovered()) {
        (true, _) => t.selected,
        (false, true) => t.hover,
        (false, false) => egui::Color32::TRANSPARENT,
    };
    painter.rect_filled(rect, CornerRadius::same(RADIUS), fill);
    if chosen {
        let bar = Rect::from_min_max(rect.min, pos2(rect.left() + 3.0, rect.bottom()));
        painter.rect_filled(bar.shrink2(vec2(0.0, 5.0)), CornerRadius::same(2), t.accent);
    }
    let (sign, font) = (
        FontId::new(text_size::ICON_SMALL, theme::icon_family()),
        FontId::proportional(text_size::BODY),
    );
    let ink = if chosen { t.accent } else { t.muted };
    let at = |x: f32| pos2(x, rect.center().y);
    let icon = at(rect.left() + 22.0);
    painter.text(icon, Align2::CENTER_CENTER, action.icon().0, sign, ink);
    let keys = action_keys(ui.ctx(), action).unwrap_or_default();
    let right = at(rect.right() - space::M);
    let keys = painter.text(right, Align2::RIGHT_CENTER, keys, font.clone(), t.muted);
    let left = rect.left() + 40.0;
    let room = keys.left() - space::S - left;
    let words = widgets::one_line(painter, &text, font, t.text, room);
    let top = rect.center().y - words.size().y / 2.0;
    painter.galley(pos2(left, top), words, t.text);
    response
}

/// The actions whose name in any language holds every word written, those that begin with it first.
fn matches(written: &str) -> Vec<Action> {
    let words: Vec<String> = written.split_whitespace().map(str::to_lowercase).collect();
    let names =
        |action: Action| Language::ALL.map(|l| Texts::of(l).get(action.text()).to_lowercase());
    let mut found: Vec<Action> = Action::ALL
        .iter()
        .copied()
        .filter(|action| *action != Action::Palette)
        .filter(|action| {
            names(*action)
                .iter()
                .any(|name| words.iter().all(|word| name.contains(word)))
        })
        .collect();
    if let Some(first) = words.first() {
        found.sort_by_key(|action| !names(*action).iter().any(|name| name.starts_with(first)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_found_in_both_languages() {
        assert_eq!(matches("generate").first(), Some(&Action::Generate));
        assert!(matches("復原").contains(&Action::Undo));
        assert!(matches("mask invert").contains(&Action::InvertMask));
        assert!(matches("nothing is called like this").is_empty());
        assert_eq!(matches("").len(), Action::ALL.len() - 1);
    }
}

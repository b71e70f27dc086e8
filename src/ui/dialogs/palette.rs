//! The command palette: every action by its name, in either language.

use eframe::egui::{self, Key, RichText, TextEdit, Ui};

use crate::text::{Language, Texts};
use crate::ui::actions::Action;
use crate::ui::context::Desk;
use crate::ui::theme::{self, text_size};

/// What has been written in the palette, and which line is chosen.
#[derive(Debug, Clone, Default)]
pub struct PaletteQuery {
    text: String,
    chosen: usize,
}

pub fn palette_ui(ui: &mut Ui, desk: &mut Desk<'_>, query: &mut PaletteQuery, stays: &mut bool) {
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
        crate::ui::widgets::hint(ui, &desk.text("ui-palette-nothing"));
    }
    egui::ScrollArea::vertical()
        .max_height(360.0)
        .show(ui, |ui| {
            for (i, action) in found.iter().enumerate() {
                let line = line(ui, desk, *action, i == query.chosen);
                if (up || down) && i == query.chosen {
                    line.scroll_to_me(None);
                }
                if line.clicked() || (enter && i == query.chosen) {
                    desk.act(*action);
                    *stays = false;
                }
            }
        });
}

fn line(ui: &mut Ui, desk: &Desk<'_>, action: Action, chosen: bool) -> egui::Response {
    let t = theme::tokens(ui);
    let sign = RichText::new(action.icon().0)
        .family(theme::icon_family())
        .size(text_size::ICON_SMALL)
        .color(t.muted);
    let keys = RichText::new(desk.keys(ui.ctx(), action).unwrap_or_default()).color(t.muted);
    let text = desk.text(action.text());
    let button = egui::Button::new((sign, text.as_ref()))
        .frame_when_inactive(chosen)
        .selected(chosen)
        .shortcut_text(keys)
        .min_size(egui::vec2(ui.available_width(), theme::size::CONTROL));
    ui.add(button)
        .accessible_name(text.as_ref())
        .on_hover_text(desk.text(action.tooltip()))
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

//! The model, first in the panel: which one paints, what it is, and the list it is chosen from.

use eframe::egui::{self, Ui};

use super::told;
use crate::catalog::{ModelCard, ModelRef};
use crate::editor::Command;
use crate::text::Explain as _;
use crate::ui::actions::Action;
use crate::ui::context::Desk;
use crate::ui::state::ModelPlace;
use crate::ui::theme::{self, text_size};
use crate::ui::widgets;

/// So many models are seen at a glance; more are searched.
const SEARCHED_FROM: usize = 9;
/// Width of the list and height of it where there is room, in points.
const LIST: [f32; 2] = [340.0, 720.0];
/// Share of the window's height that the models take in it at most.
const SHARE: f32 = 0.3;

/// The chosen model with what it is, and the list it is chosen from. `is_described`: there is room for a line of
/// its own for what it is.
pub(super) fn models_ui(ui: &mut Ui, desk: &mut Desk<'_>, is_described: bool) {
    let chosen = desk.editor.model().clone();
    let entries: Vec<Entry> = desk
        .editor
        .models()
        .iter()
        .filter_map(|card| card.as_ref().ok())
        .map(|card| Entry::of(card, desk))
        .collect();
    let name = desk.text("ui-model");
    let card = desk.editor.model_card().cloned();
    let current = card
        .as_ref()
        .map_or_else(|| chosen.name(), |card| card.name.clone());
    let about = card.as_ref().map(|card| told::about(card, desk));
    let beside = about.as_deref().filter(|_| !is_described);
    let (button, room) = (ui.available_width(), ui.ctx().content_rect().height());
    let combo = egui::ComboBox::from_id_salt("model")
        .selected_text(closed(ui, &current, beside))
        .width(button)
        .height(LIST[1].min(0.85 * room))
        .truncate()
        .close_behavior(egui::PopupCloseBehavior::CloseOnClickOutside)
        .icon(widgets::chevron);
    let response = combo.show_ui(ui, |ui| {
        ui.set_width(LIST[0].max(button));
        if let Some(card) = &card {
            told::told_ui(ui, desk, card);
        }
        list_ui(ui, desk, &chosen, &entries);
    });
    let list = response.response.accessible_name(name.as_ref());
    let list = list.on_hover_ui(|ui| {
        if let Some(about) = &about {
            ui.label(format!("{current}\n{about}"));
        }
        ui.label(desk.text("ui-model-tip"));
    });
    if let Some(about) = about.as_ref().filter(|_| is_described) {
        widgets::hint(ui, about);
    }
    if std::mem::take(&mut desk.state.wants.model) {
        list.request_focus();
        list.scroll_to_me(Some(egui::Align::Center));
    }
}

/// What the closed list shows: the name, and what it is as far as there is room.
fn closed(ui: &Ui, name: &str, about: Option<&str>) -> egui::text::LayoutJob {
    let t = theme::tokens(ui);
    let mut words = egui::text::LayoutJob::default();
    let font = egui::FontId::new(text_size::BODY, theme::semibold());
    words.append(name, 0.0, egui::TextFormat::simple(font, t.text));
    if let Some(about) = about {
        let font = egui::FontId::proportional(text_size::SMALL);
        words.append(about, 8.0, egui::TextFormat::simple(font, t.muted));
    }
    words
}

/// A model as the list shows it.
struct Entry {
    reference: ModelRef,
    name: String,
    about: String,
    place: String,
}

impl Entry {
    fn of(card: &ModelCard, desk: &Desk<'_>) -> Self {
        let place = card.reference.path().map(|path| path.display().to_string());
        Self {
            reference: card.reference.clone(),
            name: card.name.clone(),
            about: told::about(card, desk),
            place: place.unwrap_or_default(),
        }
    }

    fn fits(&self, searched: &str) -> bool {
        let text = format!("{} {}", self.name, self.about).to_lowercase();
        let mut words = searched.split_whitespace();
        words.all(|word| text.contains(&word.to_lowercase()))
    }
}

fn list_ui(ui: &mut Ui, desk: &mut Desk<'_>, chosen: &ModelRef, entries: &[Entry]) {
    let id = ui.scope_id().with("searched");
    let mut searched: String = ui.data(|data| data.get_temp(id)).unwrap_or_default();
    if entries.len() >= SEARCHED_FROM {
        let hint = desk.text("ui-model-search");
        let field = egui::TextEdit::singleline(&mut searched)
            .hint_text(hint.as_ref())
            .desired_width(f32::INFINITY);
        ui.add(field).accessible_name(hint.as_ref());
        ui.data_mut(|data| data.insert_temp(id, searched.clone()));
    }
    // What is below the models stays in sight, however many there are.
    let room = ui.ctx().content_rect().height();
    egui::ScrollArea::vertical()
        .id_salt("models")
        .max_height(SHARE * room)
        .show(ui, |ui| {
            for entry in entries.iter().filter(|entry| entry.fits(&searched)) {
                if entry_ui(ui, entry, entry.reference == *chosen) {
                    desk.send(Command::SetModel(entry.reference.clone()));
                    ui.close();
                }
            }
            let refused = desk.editor.models().iter();
            let refused: Vec<_> = refused.filter_map(|card| card.as_ref().err()).collect();
            for error in refused {
                let about = desk.say(&error.message());
                ui.add_enabled(false, egui::Button::new(about).wrap());
            }
        });
    ui.separator();
    if ui
        .button(desk.text(Action::GetModel.text()).as_ref())
        .clicked()
    {
        desk.act(Action::GetModel);
        ui.close();
    }
    for (key, want) in [
        ("ui-model-file", 0),
        ("ui-model-folder", 1),
        ("ui-models-again", 2),
    ] {
        let text = desk.text(key);
        if !ui.button(text.as_ref()).clicked() {
            continue;
        }
        match want {
            0 => desk.state.wants.model_place = Some(ModelPlace::File),
            1 => desk.state.wants.model_place = Some(ModelPlace::Folder),
            _ => desk.send(Command::FindModels),
        }
        ui.close();
    }
    widgets::hint(ui, &desk.text("ui-model-add"));
}

/// A line of the list: the name, and in quieter letters below it what it is. True when it was pressed.
fn entry_ui(ui: &mut Ui, entry: &Entry, is_chosen: bool) -> bool {
    let t = theme::tokens(ui);
    let mut words = egui::text::LayoutJob::default();
    let mut add = |text: &str, size: f32, ink| {
        let font = egui::FontId::proportional(size);
        words.append(text, 0.0, egui::TextFormat::simple(font, ink));
    };
    add(&entry.name, text_size::BODY, t.text);
    add("\n", text_size::SMALL, t.muted);
    add(&entry.about, text_size::SMALL, t.muted);
    let wide = egui::vec2(ui.available_width(), 0.0);
    let line = egui::Button::selectable(is_chosen, words)
        .min_size(wide)
        .wrap();
    let line = ui.add(line).accessible_name(entry.name.as_str());
    let line = if entry.place.is_empty() {
        line
    } else {
        line.on_hover_text(entry.place.as_str())
    };
    line.clicked()
}

//! The list of models: all that were found, a field to search it, and ways to add to it.

use eframe::egui::{self, Ui};

use crate::catalog::{ModelCard, ModelRef};
use crate::editor::Command;
use crate::text::Explain as _;
use crate::ui::actions::Action;
use crate::ui::context::Desk;
use crate::ui::state::ModelPlace;
use crate::ui::widgets;

/// So many models are seen at a glance; more are searched.
const SEARCHED_FROM: usize = 9;

/// The chosen model, and the list it is chosen from.
pub(super) fn models_ui(ui: &mut Ui, desk: &mut Desk<'_>) {
    let chosen = desk.editor.model().clone();
    let entries: Vec<Entry> = desk
        .editor
        .models()
        .iter()
        .filter_map(|card| card.as_ref().ok())
        .map(|card| Entry::of(card, desk))
        .collect();
    let name = desk.text("ui-model");
    let current = entries
        .iter()
        .find(|entry| entry.reference == chosen)
        .map_or_else(|| chosen.name(), |entry| entry.name.clone());
    widgets::row(ui, name.as_ref(), &desk.text("ui-model-tip"), |ui| {
        let combo = egui::ComboBox::from_id_salt("model")
            .selected_text(current)
            .width(170.0)
            .truncate()
            .close_behavior(egui::PopupCloseBehavior::CloseOnClickOutside)
            .icon(widgets::chevron);
        let response = combo.show_ui(ui, |ui| list_ui(ui, desk, &chosen, &entries));
        let list = response.response.accessible_name(name.as_ref());
        if std::mem::take(&mut desk.state.wants.model) {
            list.request_focus();
            list.scroll_to_me(Some(egui::Align::Center));
        }
    });
    widgets::hint(ui, &desk.text("ui-model-add"));
}

/// A model as the list shows it.
struct Entry {
    reference: ModelRef,
    name: String,
    /// Size of its pictures and of itself.
    about: String,
}

impl Entry {
    fn of(card: &ModelCard, desk: &Desk<'_>) -> Self {
        let megabytes = card.bytes as f64 / 1e6;
        let size = if megabytes < 1000.0 {
            format!("{megabytes:.0} MB")
        } else {
            format!("{:.1} GB", megabytes / 1000.0)
        };
        let mut about = format!("{} px · {size}", card.traits.native_px);
        if card.traits.sees_mask() {
            about = format!("{about} · {}", desk.text("ui-model-inpainting"));
        }
        Self {
            reference: card.reference.clone(),
            name: card.name.clone(),
            about,
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
        let field = egui::TextEdit::singleline(&mut searched).hint_text(hint.as_ref());
        ui.add(field).accessible_name(hint.as_ref());
        ui.data_mut(|data| data.insert_temp(id, searched.clone()));
    }
    for entry in entries.iter().filter(|entry| entry.fits(&searched)) {
        let is_chosen = entry.reference == *chosen;
        let line = ui.selectable_label(is_chosen, entry.name.as_str());
        if line.on_hover_text(entry.about.as_str()).clicked() {
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
}

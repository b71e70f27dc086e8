//! The model, first in the panel: which one paints, what it is, and the list it is chosen from.

use eframe::egui::{self, Ui};

use super::{served, told};
use crate::catalog::{ModelCard, ModelRef, ToldBy};
use crate::editor::{Command, ServerCommand, ServerState, ServerView};
use crate::text::{Explain as _, Message};
use crate::ui::actions::Action;
use crate::ui::context::Desk;
use crate::ui::state::ModelPlace;
use crate::ui::theme::{self, text_size};
use crate::ui::{icons, widgets};

/// So many models are seen at a glance; more are searched.
const SEARCHED_FROM: usize = 9;
/// Width of the list and height of it where there is room, in points.
const LIST: [f32; 2] = [340.0, 720.0];
/// Share of the window's height that the models take in it at most.
const SHARE: f32 = 0.3;
/// The same where models of servers stand there too.
const SHARE_OF_SERVERS: f32 = 0.4;

/// The chosen model with what it is, and the list it is chosen from. `is_described`: there is room for a line of
/// its own for what it is.
pub(super) fn models_ui(ui: &mut Ui, desk: &mut Desk<'_>, is_described: bool) {
    let chosen = desk.editor.model().clone();
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
        list_ui(ui, desk, &chosen);
    });
    ask_when_opened(ui, desk, response.inner.is_some());
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
    served::served_ui(ui, desk);
    if std::mem::take(&mut desk.state.wants.model) {
        list.request_focus();
        list.scroll_to_me(Some(egui::Align::Center));
    }
}

/// Servers are asked what they have when the list is opened.
fn ask_when_opened(ui: &Ui, desk: &mut Desk<'_>, is_open: bool) {
    let id = ui.scope_id().with("list of models is open");
    let was_open = ui.data(|data| data.get_temp(id)).unwrap_or(false);
    if is_open != was_open {
        ui.data_mut(|data| data.insert_temp(id, is_open));
        if is_open && !desk.editor.servers().is_empty() {
            desk.send(Command::Server(ServerCommand::AskAll));
        }
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
    /// As it is shown.
    title: String,
    /// As it is called where others have the same title.
    name: String,
    about: String,
    place: String,
    /// Nobody has said of which family it is.
    is_guess: bool,
}

/// Models that lie in one place.
struct Place {
    /// What it is called; `None` where there is but one place.
    title: Option<String>,
    /// Whether it answers, where it must.
    state: Option<(String, bool)>,
    entries: Vec<Entry>,
    /// Why others cannot be offered.
    refused: Vec<String>,
}

impl Place {
    /// This computer and each server.
    fn all(desk: &Desk<'_>) -> Vec<Self> {
        let servers = desk.editor.servers();
        let cards = desk.editor.models().iter().flatten();
        let refused = desk.editor.models().iter();
        let refused = refused.filter_map(|card| card.as_ref().err());
        let here = Self {
            title: (!servers.is_empty()).then(|| desk.text("ui-model-here").into_owned()),
            state: None,
            entries: cards.map(|card| Entry::of(card, desk)).collect(),
            refused: refused.map(|error| desk.say(&error.message())).collect(),
        };
        let there = servers.iter().map(|view| Self::of(view, desk));
        std::iter::once(here).chain(there).collect()
    }

    fn of(view: &ServerView, desk: &Desk<'_>) -> Self {
        let title = Message::new("ui-model-there").with("server", view.server.name.clone());
        let entries = view.models.iter().map(|served| Entry {
            is_guess: served.told == ToldBy::Name,
            ..Entry::of(&served.card, desk)
        });
        let state = match &view.state {
            ServerState::Answers => None,
            ServerState::Unasked => Some(("ui-servers-remembered", false)),
            ServerState::Asking => Some(("ui-servers-asking", false)),
            ServerState::Fault(_) => Some(("ui-servers-fault", true)),
        };
        Self {
            title: Some(desk.say(&title)),
            state: state.map(|(key, is_fault)| (desk.text(key).into_owned(), is_fault)),
            entries: entries.collect(),
            refused: Vec::new(),
        }
    }
}

impl Entry {
    fn of(card: &ModelCard, desk: &Desk<'_>) -> Self {
        let place = match &card.reference {
            ModelRef::Served(model) => Some(model.name.clone()),
            other => other.path().map(|path| path.display().to_string()),
        };
        let title = match &card.reference {
            ModelRef::Served(_) => card.id.clone(),
            _ => card.name.clone(),
        };
        Self {
            reference: card.reference.clone(),
            title,
            name: card.name.clone(),
            about: told::about(card, desk),
            place: place.unwrap_or_default(),
            is_guess: false,
        }
    }

    fn fits(&self, searched: &str) -> bool {
        let text = format!("{} {}", self.name, self.about).to_lowercase();
        let mut words = searched.split_whitespace();
        words.all(|word| text.contains(&word.to_lowercase()))
    }
}

fn list_ui(ui: &mut Ui, desk: &mut Desk<'_>, chosen: &ModelRef) {
    let places = Place::all(desk);
    let id = ui.scope_id().with("searched");
    let mut searched: String = ui.data(|data| data.get_temp(id)).unwrap_or_default();
    let count: usize = places.iter().map(|place| place.entries.len()).sum();
    if count >= SEARCHED_FROM {
        let hint = desk.text("ui-model-search");
        let field = egui::TextEdit::singleline(&mut searched)
            .hint_text(hint.as_ref())
            .desired_width(f32::INFINITY);
        ui.add(field).accessible_name(hint.as_ref());
        ui.data_mut(|data| data.insert_temp(id, searched.clone()));
    }
    // What is below the models stays in sight, however many there are.
    let room = ui.ctx().content_rect().height();
    let share = if places.len() > 1 {
        SHARE_OF_SERVERS
    } else {
        SHARE
    };
    egui::ScrollArea::vertical()
        .id_salt("models")
        .max_height(share * room)
        .show(ui, |ui| {
            for place in &places {
                place_ui(ui, desk, place, (chosen, &searched));
            }
        });
    below_ui(ui, desk);
}

/// The models of a place that fit what is searched.
fn place_ui(
    ui: &mut Ui,
    desk: &mut Desk<'_>,
    place: &Place,
    (chosen, searched): (&ModelRef, &str),
) {
    if let Some(title) = &place.title {
        ui.add_space(theme::space::XS);
        widgets::heading(ui, title);
    }
    match &place.state {
        Some((state, true)) => {
            widgets::icon_label(ui, icons::WARNING, state, theme::tokens(ui).warn);
        }
        Some((state, false)) => {
            widgets::hint(ui, state);
        }
        None => {}
    }
    for entry in place.entries.iter().filter(|entry| entry.fits(searched)) {
        if entry_ui(ui, entry, is_same(&entry.reference, chosen)) {
            desk.send(Command::SetModel(entry.reference.clone()));
            // The question of which family it is stands above.
            if !entry.is_guess {
                ui.close();
            }
        }
    }
    let searched = searched.to_lowercase();
    for why in &place.refused {
        if !why.to_lowercase().contains(&searched) {
            continue;
        }
        ui.add_enabled(false, egui::Button::new(why).wrap());
    }
}

/// Where else models come from.
fn below_ui(ui: &mut Ui, desk: &mut Desk<'_>) {
    ui.separator();
    ui.horizontal_wrapped(|ui| {
        for action in [Action::GetModel, Action::Servers] {
            let tooltip = desk.text(action.tooltip());
            let button = ui.button(desk.text(action.text()).as_ref());
            if button.on_hover_text(tooltip).clicked() {
                desk.act(action);
                ui.close();
            }
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
    });
    // Not justified, as all else in a list that drops down is.
    ui.with_layout(egui::Layout::top_down(egui::Align::Min), |ui| {
        widgets::hint(ui, &desk.text("ui-model-add"));
    });
}

/// True where both are the same model, whatever is known of it.
fn is_same(one: &ModelRef, other: &ModelRef) -> bool {
    match (one, other) {
        (ModelRef::Served(one), ModelRef::Served(other)) => {
            (&one.server, &one.name) == (&other.server, &other.name)
        }
        _ => one == other,
    }
}

/// A line of the list: the name, and in quieter letters below it what it is. True when it was pressed.
fn entry_ui(ui: &mut Ui, entry: &Entry, is_chosen: bool) -> bool {
    let t = theme::tokens(ui);
    let mut words = egui::text::LayoutJob::default();
    let mut add = |text: &str, size: f32, ink| {
        let font = egui::FontId::proportional(size);
        words.append(text, 0.0, egui::TextFormat::simple(font, ink));
    };
    add(&entry.title, text_size::BODY, t.text);
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

//! What should be there, what should not, and the words the model knows.

use eframe::egui::{self, TextEdit, Ui};

use crate::catalog::{ModelRef, Word, Words, holds_cjk, in_english};
use crate::document::DocumentId;
use crate::text::{Language, Message};
use crate::ui::actions::Action;
use crate::ui::context::{Desk, action_keys};
use crate::ui::theme::{self, space};
use crate::ui::{icons, tasks, widgets};

/// Draws prompt, chips and negative prompt.
pub(super) fn prompt_ui(ui: &mut Ui, desk: &mut Desk<'_>, document: DocumentId) {
    let Some(open) = desk.editor.document(document) else {
        return;
    };
    let settings = open.settings();
    let tooltip = format!(
        "{}\n{}",
        desk.text("ui-prompt-tip"),
        action_keys(ui.ctx(), Action::PreviousPrompt).unwrap_or_default(),
    );
    // On the title: below the field it would cover what is said of the words written in it.
    let label = widgets::heading(ui, &desk.text("ui-prompt")).on_hover_text(tooltip);
    let mut prompt = settings.prompt.clone();
    let field = TextEdit::multiline(&mut prompt)
        .id(prompt_id())
        .desired_rows(2)
        .desired_width(f32::INFINITY)
        .hint_text(desk.text("ui-prompt-hint").into_owned());
    let response = ui
        .add(field)
        .labelled_by(label.id)
        .accessible_name(desk.text("ui-prompt"));
    if std::mem::take(&mut desk.state.wants.prompt) {
        response.request_focus();
        choose_gap(ui.ctx(), &prompt);
    }
    if response.changed() {
        desk.set(document, |settings| settings.prompt.clone_from(&prompt));
    }
    response.context_menu(|ui| prompt_menu(ui, desk, document));
    let words = desk.editor.model_card().and_then(|card| card.words.clone());
    if let Some(words) = &words {
        unknown(ui, desk, words, &prompt);
        chips(ui, desk, document, words, &prompt);
    } else if holds_cjk(&prompt) {
        in_english_ui(ui, desk, document, &prompt);
    }
    // Who has accepted a result has seen what the model draws, and the layers want the room.
    let is_new_here = open.document().layers().is_empty();
    if is_new_here && *desk.editor.model() == ModelRef::BuiltIn {
        widgets::hint(ui, &desk.text("ui-built-in-honest"));
    }
    negative(ui, desk, document);
}

/// What people come to do.
pub(super) fn task_buttons(ui: &mut Ui, desk: &mut Desk<'_>) {
    ui.add_space(space::XS);
    widgets::chip_row(ui, |ui| {
        for action in tasks::ACTIONS {
            let name = desk.text(action.text());
            let about = desk.text(action.tooltip());
            if widgets::chip(ui, &name, false)
                .on_hover_text(about)
                .clicked()
            {
                desk.act(action);
            }
        }
    });
    ui.add_space(space::XS);
}

/// Marks the gap that a task has left in the prompt, so that writing fills it.
fn choose_gap(ctx: &egui::Context, prompt: &str) {
    let Some(gap) = prompt.chars().position(|c| c == tasks::GAP) else {
        return;
    };
    let mut state = egui::text_edit::TextEditState::load(ctx, prompt_id()).unwrap_or_default();
    let at = egui::text::CCursor::new;
    let range = egui::text::CCursorRange::two(at(gap), at(gap + 1));
    state.cursor.set_char_range(Some(range));
    state.store(ctx, prompt_id());
}

/// What a right-click on the prompt offers: the prompts used before, and none.
fn prompt_menu(ui: &mut Ui, desk: &mut Desk<'_>, document: DocumentId) {
    let clear = desk.text("ui-prompt-clear");
    if widgets::menu_line(ui, icons::CLOSE, &clear, "").clicked() {
        desk.set(document, |settings| settings.prompt.clear());
        ui.close();
    }
    let earlier: Vec<String> = desk.editor.preferences().recent_prompts.clone();
    if earlier.is_empty() {
        return;
    }
    ui.separator();
    widgets::hint(ui, &desk.text("ui-prompt-earlier"));
    for prompt in earlier.into_iter().take(MOST_EARLIER) {
        if widgets::menu_line(ui, icons::REUSE, &widgets::on_one_line(&prompt), "").clicked() {
            desk.set(document, |settings| settings.prompt = prompt);
            ui.close();
        }
    }
}

/// More earlier prompts are not listed.
const MOST_EARLIER: usize = 10;

/// The name of the prompt field among egui's ids.
pub(super) fn prompt_id() -> egui::Id {
    egui::Id::unique("prompt")
}

fn unknown(ui: &mut Ui, desk: &Desk<'_>, words: &Words, prompt: &str) {
    let unknown = words.unknown_words(prompt);
    if !unknown.is_empty() {
        let message = Message::new("ui-unknown-words").with("words", unknown.join(", "));
        let t = theme::tokens(ui);
        widgets::icon_label(ui, icons::WARNING, &desk.say(&message), t.warn);
    }
}

/// A prompt in Chinese for a model that reads English: what it would be in English, and what of it has
/// no English in our table.
fn in_english_ui(ui: &mut Ui, desk: &mut Desk<'_>, document: DocumentId, prompt: &str) {
    let english = in_english(prompt);
    let t = theme::tokens(ui);
    let warning = desk.text("ui-reads-english");
    widgets::icon_label(ui, icons::WARNING, &warning, t.warn);
    if !english.unknown.is_empty() {
        let unknown = Message::new("ui-no-english").with("words", english.unknown.join("、"));
        widgets::hint(ui, &desk.say(&unknown));
    }
    // Where nothing is known, there is nothing to write.
    if english.text == prompt {
        return;
    }
    let name = desk.text("ui-write-english");
    if widgets::link_button(ui, &name)
        .on_hover_text(english.text.as_str())
        .clicked()
    {
        desk.set(document, |settings| settings.prompt = english.text);
    }
}

fn negative(ui: &mut Ui, desk: &mut Desk<'_>, document: DocumentId) {
    let Some(open) = desk.editor.document(document) else {
        return;
    };
    // Without guidance the negative prompt has no effect, and what has no effect is not shown.
    let guidance = open.settings().guidance;
    let is_read = match desk.editor.model_card() {
        Some(card) => guidance.predictions(&card.traits) > 1,
        None => guidance.is_on(),
    };
    if !is_read {
        return;
    }
    let label =
        widgets::heading(ui, &desk.text("ui-negative")).on_hover_text(desk.text("ui-negative-tip"));
    let mut negative = open.settings().negative.clone();
    let field = TextEdit::singleline(&mut negative)
        .desired_width(f32::INFINITY)
        .align(egui::Align2::LEFT_CENTER)
        .hint_text(desk.text("ui-negative-hint").into_owned());
    let response = ui
        .add(field)
        .labelled_by(label.id)
        .accessible_name(desk.text("ui-negative"));
    if response.changed() {
        desk.set(document, |settings| settings.negative = negative);
    }
}

/// Words to press, one kind at a time.
fn chips(ui: &mut Ui, desk: &mut Desk<'_>, document: DocumentId, words: &Words, prompt: &str) {
    widgets::chip_row(ui, |ui| {
        for category in words.categories() {
            let chosen = desk.state.word_category.as_deref() == Some(category.id.as_str());
            let name = category_name(desk, &category.id);
            let about = desk.text("ui-words-tip");
            if widgets::chip(ui, &name, chosen)
                .on_hover_text(about)
                .clicked()
            {
                desk.state.word_category = (!chosen).then(|| category.id.clone());
            }
        }
    });
    let chosen = desk.state.word_category.clone();
    let Some(category) = words
        .categories()
        .iter()
        .find(|c| Some(&c.id) == chosen.as_ref())
    else {
        return;
    };
    let chinese = desk.texts.language() == Language::TraditionalChinese;
    egui::ScrollArea::vertical()
        .id_salt("words")
        .max_height(112.0)
        .show(ui, |ui| {
            widgets::chip_row(ui, |ui| {
                for word in &category.words {
                    let (text, other) = both(word, chinese);
                    let there = pieces(prompt).any(|piece| piece == text);
                    let chip = widgets::chip(ui, text, there).on_hover_text(other);
                    if chip.clicked() {
                        let new = if there {
                            without(prompt, text)
                        } else {
                            with(prompt, text)
                        };
                        desk.set(document, |settings| settings.prompt = new);
                    }
                }
            });
        });
}

/// The name of a kind of words; a model may have kinds we have no name for.
fn category_name(desk: &Desk<'_>, id: &str) -> String {
    let key = match id {
        "things" => "ui-words-things",
        "colours" => "ui-words-colours",
        "backgrounds" => "ui-words-backgrounds",
        "styles" => "ui-words-styles",
        "hair" => "ui-words-hair",
        "clothes" => "ui-words-clothes",
        "who" => "ui-words-who",
        "wears" => "ui-words-wears",
        "patterns" => "ui-words-patterns",
        other => return other.to_owned(),
    };
    desk.text(key).into_owned()
}

/// The word in the language of the interface, and in the other one.
fn both(word: &Word, chinese: bool) -> (&str, &str) {
    match (&word.chinese, chinese) {
        (Some(name), true) => (name, &word.english),
        (Some(name), false) => (&word.english, name),
        (None, _) => (&word.english, &word.english),
    }
}

/// What commas separate.
fn pieces(prompt: &str) -> impl Iterator<Item = &str> {
    prompt
        .split([',', '，', '、'])
        .map(str::trim)
        .filter(|piece| !piece.is_empty())
}

fn with(prompt: &str, word: &str) -> String {
    let kept = prompt.trim().trim_end_matches([',', '，', '、']);
    if kept.is_empty() {
        word.to_owned()
    } else {
        format!("{kept}, {word}")
    }
}

fn without(prompt: &str, word: &str) -> String {
    pieces(prompt)
        .filter(|piece| *piece != word)
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chips_come_and_go() {
        let prompt = with("", "in the forest");
        let prompt = with(&prompt, "貓");
        assert_eq!(prompt, "in the forest, 貓");
        assert_eq!(with("red fox, ", "neon"), "red fox, neon");
        assert_eq!(without(&prompt, "in the forest"), "貓");
        assert_eq!(without("貓，狗", "貓"), "狗");
    }
}

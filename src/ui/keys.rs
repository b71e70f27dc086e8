//! From keys to actions. The table in `actions` says which; this says when.

use eframe::egui::{self, Event, Key, KeyboardShortcut, Modifiers};

use super::actions::Action;
use super::canvas;
use super::state::UiState;

/// The actions whose keys were pressed in this frame, taken out of the input.
pub(super) fn pressed(ctx: &egui::Context, state: &UiState) -> Vec<Action> {
    let writing = ctx.text_edit_focused();
    let focused = ctx.memory(egui::Memory::focused);
    let free = focused.is_none_or(|id| id == canvas::canvas_id());
    let covered = state.dialog.is_some() || egui::Popup::is_any_open(ctx);
    let may = |action: Action, shortcut: &KeyboardShortcut| {
        if shortcut.modifiers.command {
            let belongs_to_text = matches!(
                action,
                Action::Undo | Action::Redo | Action::Copy | Action::Paste | Action::Export
            );
            return !(covered || writing && belongs_to_text);
        }
        match shortcut.logical_key {
            Key::F1 => true,
            // A dialog or a text field answers itself.
            Key::Escape => !covered && !writing && !state.drag.is_painting(),
            Key::Tab => !covered && focused == Some(canvas::canvas_id()),
            // These press the button that has the focus.
            Key::Enter | Key::Delete => !covered && !writing && free,
            _ => !covered && !writing,
        }
    };
    let mut shortcuts: Vec<(Action, &KeyboardShortcut)> = Action::ALL
        .iter()
        .flat_map(|action| {
            action
                .shortcuts()
                .iter()
                .map(|shortcut| (*action, shortcut))
        })
        .collect();
    // Ctrl+Shift+Z also looks like Ctrl+Z to egui, so the longer one is asked first.
    shortcuts.sort_by_key(|(_, shortcut)| std::cmp::Reverse(weight(shortcut.modifiers)));
    let mut actions = Vec::new();
    for (action, shortcut) in shortcuts {
        if may(action, shortcut) && ctx.input_mut(|i| i.consume_shortcut(shortcut)) {
            actions.push(action);
        }
    }
    actions
}

fn weight(modifiers: Modifiers) -> u8 {
    u8::from(modifiers.command) + u8::from(modifiers.shift) + u8::from(modifiers.alt)
}

/// True while the key is held that shows the picture as it was. `compares` says that there is a result
/// to compare it with: after writing a prompt and Ctrl+Enter the keyboard is still in the prompt, and
/// the key is not meant for it.
pub(super) fn before_held(ctx: &egui::Context, compares: bool) -> bool {
    if ctx.text_edit_focused() {
        if !compares {
            return false;
        }
        let is_another = |event: &Event| !matches!(event, Event::Text(text) if text == "\\");
        ctx.input_mut(|i| i.events.retain(is_another));
    }
    ctx.input(|i| i.key_down(Key::Backslash))
}

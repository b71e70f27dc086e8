//! From keys to actions. The table in `actions` says which; this says when.

use eframe::egui::{self, Event, Key, KeyboardShortcut, Modifiers};

use super::actions::Action;
use super::canvas;
use super::state::{Tool, UiState};

/// The actions whose keys were pressed in this frame, each as often and in the order it was, taken out
/// of the input. A slow window gets many presses in one frame, and each counts.
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
            // A dialog or a text field answers itself; egui has taken the keyboard from the field
            // already.
            Key::Escape => !covered && !writing && !state.was_writing && !state.drag.is_painting(),
            Key::Tab => !covered && focused == Some(canvas::canvas_id()),
            // These press the button that has the focus.
            Key::Enter | Key::Delete => !covered && !writing && free && !state.drag.is_painting(),
            // No tool can be used on the pictures of a batch, whose keys these are then.
            _ if state.batch.is_shown && Tool::of(action).is_some() => false,
            _ => !covered && !writing,
        }
    };
    let mut actions = Vec::new();
    ctx.input_mut(|input| {
        input.events.retain(|event| {
            let Some((action, shortcut, repeat)) = action_of(event) else {
                return true;
            };
            if !may(action, shortcut) {
                return true;
            }
            if !repeat || action.repeats() {
                actions.push(action);
            }
            false
        });
    });
    actions
}

/// The action that a press of a key asks for, the shortcut by which it does, and whether the key is
/// only being held.
fn action_of(event: &Event) -> Option<(Action, &'static KeyboardShortcut, bool)> {
    let Event::Key {
        key,
        pressed: true,
        repeat,
        modifiers,
        ..
    } = event
    else {
        return None;
    };
    let shortcuts = Action::ALL.iter().flat_map(|action| {
        action
            .shortcuts()
            .iter()
            .map(|shortcut| (*action, shortcut))
    });
    // Ctrl+Shift+Z also looks like Ctrl+Z to egui, so the longer one is meant.
    let (action, shortcut) = shortcuts
        .filter(|(_, s)| s.logical_key == *key && modifiers.matches_logically(s.modifiers))
        .max_by_key(|(_, shortcut)| weight(shortcut.modifiers))?;
    Some((action, shortcut, *repeat))
}

fn weight(modifiers: Modifiers) -> u8 {
    u8::from(modifiers.command) + u8::from(modifiers.shift) + u8::from(modifiers.alt)
}

/// True while the key is held that shows the picture as it was. In a text field it means itself.
pub(super) fn before_held(ctx: &egui::Context) -> bool {
    !ctx.text_edit_focused() && ctx.input(|i| i.key_down(Key::Backslash))
}

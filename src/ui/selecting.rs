//! Selecting by name: which action selects what, and what held keys make of it.

use eframe::egui::{self, Modifiers};

use super::actions::Action;
use super::context::Desk;
use crate::document::DocumentId;
use crate::editor::{Command, OpenDocument};
use crate::select::{Combination, Part};

/// The actions that select, in the order of their menu.
pub(super) const ACTIONS: [Action; 5] = [
    Action::SelectSubject,
    Action::SelectBackground,
    Action::SelectFace,
    Action::SelectHair,
    Action::SelectClothes,
];

/// What an action selects.
pub(super) const fn part_of(action: Action) -> Option<Part> {
    match action {
        Action::SelectSubject => Some(Part::Subject),
        Action::SelectBackground => Some(Part::Background),
        Action::SelectFace => Some(Part::Face),
        Action::SelectHair => Some(Part::Hair),
        Action::SelectClothes => Some(Part::Clothes),
        _ => None,
    }
}

/// Selects in the picture in front; the mask is seen from now on.
pub(super) fn select(ctx: &egui::Context, desk: &mut Desk<'_>, part: Part) {
    let Some(document) = desk.editor.active().map(OpenDocument::id) else {
        return;
    };
    let how = held(ctx.input(|input| input.modifiers)).unwrap_or_default();
    desk.state.turn_to_mask(document);
    desk.send(Command::Select {
        document,
        part,
        how,
    });
}

/// What held keys make of the mask: Shift adds, Alt takes away, both keep what is in both.
pub(super) const fn held(keys: Modifiers) -> Option<Combination> {
    match (keys.shift, keys.alt) {
        (false, false) => None,
        (true, false) => Some(Combination::Add),
        (false, true) => Some(Combination::Subtract),
        (true, true) => Some(Combination::Intersect),
    }
}

/// Stops what is being selected in the picture in front; false where nothing is.
pub(super) fn stop(desk: &mut Desk<'_>) -> bool {
    let document = desk.editor.active().map(OpenDocument::id);
    let is_busy = |id: &DocumentId| {
        desk.editor.selecting(*id).is_some()
            || desk.editor.is_making_mask(*id)
            || desk.editor.is_clicking(*id)
    };
    let Some(document) = document.filter(is_busy) else {
        return false;
    };
    desk.send(Command::CancelSelect { document });
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_has_its_action() {
        let parts = ACTIONS.map(part_of);
        assert_eq!(parts, Part::ALL.map(Some));
        let others = Action::ALL.iter().filter(|a| !ACTIONS.contains(a));
        assert!(others.copied().all(|action| part_of(action).is_none()));
    }

    #[test]
    fn held_keys_say_what_becomes_of_the_mask() {
        assert_eq!(held(Modifiers::NONE), None);
        assert_eq!(held(Modifiers::SHIFT), Some(Combination::Add));
        assert_eq!(held(Modifiers::ALT), Some(Combination::Subtract));
        let both = Modifiers::SHIFT | Modifiers::ALT;
        assert_eq!(held(both), Some(Combination::Intersect));
    }
}

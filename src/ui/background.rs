//! Another background without a model: which action puts what, and what was chosen for it.

use super::actions::Action;
use super::context::Desk;
use crate::document::DocumentId;
use crate::editor::{Behind, Command};
use crate::raster::MaskKind;

/// The actions that put something behind the subject, in the order of their buttons.
pub(super) const ACTIONS: [Action; 5] = [
    Action::PutColour,
    Action::PutGradient,
    Action::PutBlur,
    Action::PutPicture,
    Action::PutNothing,
];

/// The action that puts such a thing.
pub(super) const fn action_of(behind: &Behind) -> Action {
    match behind {
        Behind::Colour(_) => Action::PutColour,
        Behind::Gradient(..) => Action::PutGradient,
        Behind::Blur(_) => Action::PutBlur,
        Behind::File { .. } => Action::PutPicture,
        Behind::Nothing => Action::PutNothing,
    }
}

/// Does an action that is about what is behind the subject, or about the mask's kind; false for others.
pub(super) fn perform(desk: &mut Desk<'_>, document: DocumentId, action: Action) -> bool {
    let kind = desk
        .editor
        .document(document)
        .map(|open| open.document().mask_kind());
    let command = match (action, desk.state.background.of(action)) {
        (_, Some(behind)) => Command::PutBehind { document, behind },
        (Action::Harmonise, _) => Command::Harmonise { document },
        (Action::SwapMaskKind, _) => Command::SetMaskKind {
            document,
            kind: match kind {
                Some(MaskKind::Matte) => MaskKind::Strength,
                _ => MaskKind::Matte,
            },
        },
        _ => return false,
    };
    desk.send(command);
    true
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::ui::state::BackgroundChoice;

    #[test]
    fn every_kind_has_its_action_and_stays_of_its_kind() {
        let choice = BackgroundChoice::default();
        for action in ACTIONS {
            let behind = choice
                .of(action)
                .unwrap_or_else(|| choice.file(PathBuf::from("beach.jpg")));
            assert_eq!(action_of(&behind), action);
            assert_eq!(choice.like(&behind), behind);
        }
        assert!(choice.of(Action::Harmonise).is_none());
    }
}

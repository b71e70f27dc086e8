//! Another background without a model: which action puts what, and what was chosen for it.

use std::path::PathBuf;

use super::actions::Action;
use super::context::Desk;
use crate::backdrop::Placing;
use crate::document::DocumentId;
use crate::editor::{Behind, Command};
use crate::plan::Length;
use crate::raster::MaskKind;

/// The actions that put something behind the subject, in the order of their buttons.
pub(super) const ACTIONS: [Action; 5] = [
    Action::PutColour,
    Action::PutGradient,
    Action::PutBlur,
    Action::PutPicture,
    Action::PutNothing,
];

/// What is put behind the next time; the last choice of each kind.
#[derive(Debug, Clone)]
pub(super) struct BackgroundChoice {
    /// The colour.
    pub colour: [u8; 3],
    /// The colours at the upper and the lower border.
    pub gradient: ([u8; 3], [u8; 3]),
    /// How far the old background is blurred, as percent of the picture's diagonal.
    pub blur_percent: f64,
    /// Another picture is as large as this.
    pub placing: Placing,
    /// Where it lies: shares from the left and the top.
    pub at: (f64, f64),
    /// It was changed since it was put; put again when the pointer is let go.
    pub is_changed: bool,
}

impl Default for BackgroundChoice {
    fn default() -> Self {
        Self {
            colour: [255; 3],
            gradient: ([255; 3], [176, 190, 206]),
            blur_percent: 1.5,
            placing: Placing::Cover,
            at: (0.5, 0.5),
            is_changed: false,
        }
    }
}

impl BackgroundChoice {
    /// What an action puts; `None` for those that put nothing, or ask for a file first.
    pub(super) fn of(&self, action: Action) -> Option<Behind> {
        Some(match action {
            Action::PutColour => Behind::Colour(self.colour),
            Action::PutGradient => Behind::Gradient(self.gradient.0, self.gradient.1),
            Action::PutBlur => Behind::Blur(Length::Percent(self.blur_percent)),
            Action::PutNothing => Behind::Nothing,
            _ => return None,
        })
    }

    /// That file, as it lies.
    pub(super) fn file(&self, path: PathBuf) -> Behind {
        Behind::File {
            path,
            placing: self.placing,
            at: self.at,
        }
    }

    /// What was put is what was chosen.
    pub(super) fn follow(&mut self, now: &Behind) {
        match now {
            Behind::Colour(colour) => self.colour = *colour,
            Behind::Gradient(upper, lower) => self.gradient = (*upper, *lower),
            Behind::Blur(Length::Percent(percent)) => self.blur_percent = *percent,
            Behind::File { placing, at, .. } => (self.placing, self.at) = (*placing, *at),
            Behind::Blur(Length::Px(_)) | Behind::Nothing => {}
        }
    }

    /// The same kind of thing as `now`, as it is chosen.
    pub(super) fn like(&self, now: &Behind) -> Behind {
        match now {
            Behind::Colour(_) => Behind::Colour(self.colour),
            Behind::Gradient(..) => Behind::Gradient(self.gradient.0, self.gradient.1),
            Behind::Blur(_) => Behind::Blur(Length::Percent(self.blur_percent)),
            Behind::File { path, .. } => self.file(path.clone()),
            Behind::Nothing => Behind::Nothing,
        }
    }
}

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
    use super::*;

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

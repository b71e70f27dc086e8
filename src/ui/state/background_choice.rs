//! [`BackgroundChoice`]: what is put behind the subject the next time.

use std::path::PathBuf;

use crate::backdrop::Placing;
use crate::editor::Behind;
use crate::plan::Length;
use crate::ui::actions::Action;

/// What is put behind the next time; the last choice of each kind.
#[derive(Debug, Clone)]
pub(in crate::ui) struct BackgroundChoice {
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
    pub(in crate::ui) fn of(&self, action: Action) -> Option<Behind> {
        Some(match action {
            Action::PutColour => Behind::Colour(self.colour),
            Action::PutGradient => Behind::Gradient(self.gradient.0, self.gradient.1),
            Action::PutBlur => Behind::Blur(Length::Percent(self.blur_percent)),
            Action::PutNothing => Behind::Nothing,
            _ => return None,
        })
    }

    /// That file, as it lies.
    pub(in crate::ui) fn file(&self, path: PathBuf) -> Behind {
        Behind::File {
            path,
            placing: self.placing,
            at: self.at,
        }
    }

    /// What was put is what was chosen.
    pub(in crate::ui) fn follow(&mut self, now: &Behind) {
        match now {
            Behind::Colour(colour) => self.colour = *colour,
            Behind::Gradient(upper, lower) => self.gradient = (*upper, *lower),
            Behind::Blur(Length::Percent(percent)) => self.blur_percent = *percent,
            Behind::File { placing, at, .. } => (self.placing, self.at) = (*placing, *at),
            Behind::Blur(Length::Px(_)) | Behind::Nothing => {}
        }
    }

    /// The same kind of thing as `now`, as it is chosen.
    pub(in crate::ui) fn like(&self, now: &Behind) -> Behind {
        match now {
            Behind::Colour(_) => Behind::Colour(self.colour),
            Behind::Gradient(..) => Behind::Gradient(self.gradient.0, self.gradient.1),
            Behind::Blur(_) => Behind::Blur(Length::Percent(self.blur_percent)),
            Behind::File { path, .. } => self.file(path.clone()),
            Behind::Nothing => Behind::Nothing,
        }
    }
}

//! [`Task`]: what people come to do, as settings to begin with.

use super::settings::{EditSettings, FillMode, MaskMode, Strength};
use crate::select::Part;

/// What people come to do with a photograph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Task {
    /// Another background; who is in front of it stays.
    Background,
    /// Another hairstyle, or another colour of hair.
    Hair,
    /// Other clothes.
    Clothes,
    /// The same picture in another style.
    Style,
    /// Something is to go.
    Remove,
}

impl Task {
    /// Every task, in the order shown to people.
    pub const ALL: [Self; 5] = [
        Self::Background,
        Self::Hair,
        Self::Clothes,
        Self::Style,
        Self::Remove,
    ];

    /// Its stable id.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Background => "background",
            Self::Hair => "hair",
            Self::Clothes => "clothes",
            Self::Style => "style",
            Self::Remove => "remove",
        }
    }

    /// The task of that id.
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|task| task.id() == id)
    }

    /// What is selected for it; `None`: nothing, the whole picture changes.
    pub const fn part(self) -> Option<Part> {
        match self {
            Self::Background | Self::Remove => Some(Part::Subject),
            Self::Hair => Some(Part::Hair),
            Self::Clothes => Some(Part::Clothes),
            Self::Style => None,
        }
    }

    /// True where a mask that is there already says better what is meant.
    pub const fn keeps_mask(self) -> bool {
        matches!(self, Self::Remove)
    }

    /// What being painted means in it.
    pub const fn mask_mode(self) -> MaskMode {
        match self {
            Self::Background => MaskMode::Stays,
            _ => MaskMode::Changes,
        }
    }

    /// What the region holds at the start.
    pub const fn fill(self) -> FillMode {
        match self {
            Self::Remove => FillMode::Blur,
            _ => FillMode::Auto,
        }
    }

    /// How far the model may imagine: hair and clothes keep their outline, a style keeps the picture.
    pub fn strength(self) -> Strength {
        Strength::new(match self {
            Self::Background => 0.9,
            Self::Hair => 0.7,
            Self::Clothes => 0.75,
            Self::Style => 0.45,
            Self::Remove => 0.95,
        })
        .unwrap_or_else(|_| EditSettings::default().strength)
    }

    /// Sets mode, strength and fill.
    pub fn set(self, settings: &mut EditSettings) {
        settings.mask_mode = self.mask_mode();
        settings.strength = self.strength();
        settings.fill = self.fill();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_sets_what_it_is_about_and_leaves_the_rest() {
        for task in Task::ALL {
            assert_eq!(Task::from_id(task.id()), Some(task));
            let before = EditSettings {
                prompt: "x".to_owned(),
                ..EditSettings::default()
            };
            let mut after = before.clone();
            task.set(&mut after);
            assert!((0.3..=1.0).contains(&after.strength.get()));
            let back = EditSettings {
                mask_mode: before.mask_mode,
                strength: before.strength,
                fill: before.fill,
                ..after.clone()
            };
            assert_eq!(back, before);
        }
        // The seed's advice: 0.3–0.5 keeps the picture.
        assert!(Task::Style.strength().get() <= 0.5);
        assert_eq!(Task::Background.mask_mode(), MaskMode::Stays);
    }
}

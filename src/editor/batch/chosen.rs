//! [`Chosen`]: what is done with a folder.

use std::num::NonZeroU32;
use std::path::PathBuf;

use super::RecipeName;
use crate::bulk::BulkRecipe;
use crate::jobs::Home;
use crate::select::Part;

/// A recipe, and what is known of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Chosen {
    pub(super) recipe: BulkRecipe,
    /// Where its relative paths begin.
    pub(super) folder: PathBuf,
    /// What it is called.
    pub(super) name: RecipeName,
    /// Where its model is; `None` where it needs none.
    pub(super) home: Option<Home>,
}

/// What is selected in each picture: which part, and of which person only.
pub(super) type Selected = (Option<Part>, Option<NonZeroU32>);

impl Chosen {
    /// What is selected.
    pub(super) fn selected(&self) -> Selected {
        (self.recipe.part(), self.recipe.mask.person)
    }
}

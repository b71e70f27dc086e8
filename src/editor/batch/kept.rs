//! What the window knows of a batch, kept beside its journal, so that opening the folder goes on.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::RecipeName;
use super::chosen::{Chosen, Selected};
use super::picture::{BatchPhase, BatchPicture, Findings};
use super::tries::Tries;
use crate::bulk::{BATCH_FOLDER, BulkRecipe, review_folder};
use crate::catalog::ModelRef;
use crate::jobs::Home;
use crate::raster::file::{self, PictureError};

/// Raised when an older program would misread what a newer one writes.
const VERSION: u32 = 1;

/// Where results, journal and masks of a folder of pictures lie.
pub(super) fn out_of(folder: &Path) -> PathBuf {
    folder.join("overpaint")
}

/// Where masks of that part are laid out for a look.
pub(super) fn review_of(out: &Path, (part, person): Selected) -> PathBuf {
    let root = out.join(BATCH_FOLDER).join("review");
    review_folder(&root, part, person.map(NonZeroU32::get))
}

/// Where pictures are tried.
pub(super) fn tries_of(out: &Path) -> PathBuf {
    out.join(BATCH_FOLDER).join("try")
}

/// Where small looks are kept.
pub(super) fn looks_of(out: &Path) -> PathBuf {
    out.join(BATCH_FOLDER).join("looks")
}

fn place(out: &Path) -> PathBuf {
    out.join(BATCH_FOLDER).join("window.json")
}

/// What is kept.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Kept {
    version: u32,
    pub(super) recipe: BulkRecipe,
    pub(super) recipe_folder: PathBuf,
    pub(super) recipe_name: RecipeName,
    /// The model that it runs with, where it needs one.
    #[serde(default)]
    pub(super) model: Option<ModelRef>,
    pub(super) phase: BatchPhase,
    #[serde(default)]
    pub(super) tries: Tries,
    /// By name.
    pictures: BTreeMap<String, Findings>,
}

impl Kept {
    pub(super) fn new(
        chosen: &Chosen,
        phase: BatchPhase,
        tries: Tries,
        pictures: &[Arc<BatchPicture>],
    ) -> Self {
        let known = pictures.iter();
        Self {
            version: VERSION,
            recipe: chosen.recipe.clone(),
            recipe_folder: chosen.folder.clone(),
            recipe_name: chosen.name.clone(),
            model: chosen.home.as_ref().map(|home| home.model.clone()),
            phase,
            tries,
            pictures: known
                .filter(|picture| picture.known != Findings::default())
                .map(|picture| (picture.source.name(), picture.known.clone()))
                .collect(),
        }
    }

    /// What was kept; `None` where nothing was, or a newer program did.
    pub(super) fn read(out: &Path) -> Option<Self> {
        let bytes = std::fs::read(place(out)).ok()?;
        let kept: Self = serde_json::from_slice(&bytes).ok()?;
        (kept.version == VERSION).then_some(kept)
    }

    pub(super) fn write(&self, out: &Path) -> Result<(), PictureError> {
        if !out.parent().is_some_and(Path::is_dir) {
            // The whole folder was thrown away.
            return Ok(());
        }
        let path = place(out);
        let failed = |why: String| PictureError::Write {
            path: path.clone(),
            why,
        };
        let bytes = serde_json::to_vec(self).map_err(|error| failed(error.to_string()))?;
        std::fs::create_dir_all(out.join(BATCH_FOLDER))
            .map_err(|error| failed(error.to_string()))?;
        file::write_whole(&path, |file| Ok(file.write_all(&bytes)?))
    }

    /// What was chosen. Planning for its model is as for that of `now` where it is the same one, and means nothing
    /// where it is not.
    pub(super) fn chosen(self, now: &Chosen) -> Chosen {
        let home = now.home.clone().map(|home| Home {
            // Older programs did not say.
            model: self.model.unwrap_or(home.model),
            ..home
        });
        Chosen {
            recipe: self.recipe,
            folder: self.recipe_folder,
            name: self.recipe_name,
            home,
        }
    }

    /// What is known of that picture.
    pub(super) fn of(&mut self, name: &str) -> Findings {
        self.pictures.remove(name).unwrap_or_default()
    }
}

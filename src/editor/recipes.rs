//! “Do the same to a folder”: what is set, or how a layer was made, as the recipe of a batch.

use std::io::Write as _;
use std::path::PathBuf;

use super::candidates::LayerRecipe;
use super::files::FileEvent;
use super::{Editor, OpenDocument};
use crate::bulk::{BulkRecipe, model_identity};
use crate::catalog::{Library, ModelRef};
use crate::document::{DocumentId, LayerId};
use crate::plan::{MaskMode, RegionBounds, region_bounds};
use crate::raster::PictureError;
use crate::raster::file;
use crate::select::Part;

impl Editor {
    /// Writes the recipe that does to a folder what was done to this picture.
    pub(super) fn save_recipe(&mut self, id: DocumentId, layer: Option<LayerId>, path: PathBuf) {
        let Some(recipe) = self.recipe_of(id, layer) else {
            return;
        };
        self.do_file_task(Box::new(move || {
            let recipe = recipe();
            let failed = |why: String| PictureError::Write {
                path: path.clone(),
                why,
            };
            let text = recipe.text().map_err(|error| failed(error.to_string()));
            let written = text.and_then(|text| {
                file::write_whole(&path, |file| Ok(file.write_all(text.as_bytes())?))
            });
            FileEvent::Exported(path, written.map(|()| Vec::new()))
        }));
    }

    /// Makes the recipe of what is set for a document, or of how a layer was made; to be called on a thread,
    /// because it reads the model.
    pub(super) fn recipe_of(
        &self,
        id: DocumentId,
        layer: Option<LayerId>,
    ) -> Option<impl FnOnce() -> BulkRecipe + Send + use<>> {
        let open = self.document(id)?;
        let made = layer.and_then(|layer| LayerRecipe::of(open.document.layer(layer)?));
        let made = made.unwrap_or_else(|| LayerRecipe {
            model: self.model().clone(),
            settings: open.about.settings.clone(),
            mask_kind: open.document.mask_kind(),
            provenance: None,
        });
        let (part, data_dir) = (part_of(open), self.data_dir.clone());
        Some(move || {
            let model = named(&Library::open(&data_dir), &made.model);
            // Of the built-in one it is known; of one on a server nobody can tell.
            let is_ours = made.model.path().is_some();
            let identity = is_ours.then(|| model_identity(&made.model));
            let model = (model.as_str(), identity.and_then(Result::ok));
            BulkRecipe::of_edit(&made.settings, model, part)
        })
    }
}

/// What is selected in every picture: what was selected last in this one. Paint by hand cannot be
/// found in another picture; there it is the subject.
fn part_of(open: &OpenDocument) -> Option<Part> {
    let is_painted = region_bounds(Some(open.document.mask()), MaskMode::Changes);
    (is_painted != RegionBounds::Everything).then(|| open.selected.unwrap_or(Part::Subject))
}

/// The name by which a model is found again on this machine.
fn named(library: &Library, model: &ModelRef) -> String {
    let name = model.name();
    match (library.resolve(&name), model.path()) {
        (Ok(found), _) if found == *model => name,
        (_, Some(path)) => path.display().to_string(),
        (_, None) => name,
    }
}

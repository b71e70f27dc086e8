//! [`made_ready`]: a recipe with all that it names.

use std::path::Path;

use super::error::NotReady;
use super::identity::model_identity;
use super::key::Key;
use super::prompts::{PromptTable, Prompts, is_of_each};
use super::recipe::BulkRecipe;
use super::work::{Behind, Work};
use crate::catalog::{self, Library};
use crate::plan::{LoraUse, LoraWeight};
use crate::raster::file;

impl BulkRecipe {
    /// The recipe of that file.
    pub fn read(path: &Path) -> Result<Self, NotReady> {
        let bytes = file::read(path)?;
        Ok(Self::parse(&String::from_utf8_lossy(&bytes))?)
    }
}

/// The recipe with its model, its table of prompts and the picture it puts behind others. Relative paths
/// begin in `folder`.
pub fn made_ready(recipe: BulkRecipe, folder: &Path, library: &Library) -> Result<Work, NotReady> {
    let edit = recipe.edit.as_ref();
    let prompts = match edit.and_then(|edit| edit.prompts.as_deref()) {
        None => Prompts::Recipe,
        Some(path) if is_of_each(path) => Prompts::Beside,
        Some(table) => {
            let table = folder.join(table);
            Prompts::Table(PromptTable::parse(&file::read(&table)?, &table)?)
        }
    };
    let card = match recipe.model() {
        None => None,
        Some(id) => {
            let beside = folder.join(id);
            // A path is the recipe's neighbour; a plain word is an id.
            let id = if id.contains(['/', '\\']) {
                &*beside.to_string_lossy()
            } else {
                id
            };
            let model = library.resolve(id)?;
            let vae = edit.and_then(|edit| edit.vae.as_ref());
            let card = catalog::open(&match vae {
                Some(vae) => model.with_vae(&folder.join(vae))?,
                None => model,
            })?;
            let identity = model_identity(&card.reference)?;
            Some((card, identity))
        }
    };
    let loras = match edit {
        Some(edit) => loras_named(library, &edit.lora)?,
        None => Vec::new(),
    };
    let behind = behind(&recipe, folder)?;
    let model = card
        .as_ref()
        .map(|(card, identity)| (card, identity.clone()));
    let work = Work::new(recipe, folder.to_owned(), prompts, model)?;
    Ok(work.with_loras(loras).with_behind(behind))
}

/// LoRAs as they are typed: `FILE`, or `FILE:WEIGHT` where what stands behind the last colon is a number.
pub fn loras_named(library: &Library, typed: &[String]) -> Result<Vec<LoraUse>, NotReady> {
    let one = |text: &String| {
        let parts = text.rsplit_once(':');
        let parts = parts.and_then(|(file, weight)| Some((file, weight.trim().parse().ok()?)));
        let (file, weight) = parts.unwrap_or((text, 1.0));
        Ok(LoraUse {
            lora: library.find_lora(file)?,
            weight: LoraWeight::new(weight)?,
        })
    };
    typed.iter().map(one).collect()
}

/// The picture that a recipe puts behind others, read once.
fn behind(recipe: &BulkRecipe, folder: &Path) -> Result<Option<Behind>, NotReady> {
    let Some(path) = recipe.background.as_ref().and_then(|it| it.put.0.path()) else {
        return Ok(None);
    };
    let path = folder.join(path);
    let bytes = file::read(&path)?;
    Ok(Some(Behind {
        content: Key::of(&bytes),
        picture: file::load_bytes(&bytes, &path)?.picture,
    }))
}

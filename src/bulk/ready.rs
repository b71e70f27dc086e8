//! [`made_ready`]: a recipe with all that it names.

use std::path::{Path, PathBuf};

use super::error::{BulkError, NotReady};
use super::identity::model_identity;
use super::key::Key;
use super::prompts::{PromptTable, Prompts, is_of_each};
use super::recipe::BulkRecipe;
use super::work::{Behind, Model, Work};
use crate::catalog::{self, Library, LoraRef, ModelCard, ModelRef};
use crate::plan::{LoraUse, LoraWeight};
use crate::raster::file;

impl BulkRecipe {
    /// The recipe of that file.
    pub fn read(path: &Path) -> Result<Self, NotReady> {
        let bytes = file::read(path)?;
        Ok(Self::parse(&String::from_utf8_lossy(&bytes))?)
    }

    /// The LoRAs that are named as a server calls them, without those that are told to be certain files.
    pub fn loras_there(&self) -> Vec<String> {
        let typed = self.edit.iter().flat_map(|edit| &edit.lora);
        let name = |typed: &String| {
            let (name, _) = lora_parts(typed);
            match told_identity(self, name) {
                Some(told) => LoraRef::of_served(told)?.name_there().map(str::to_owned),
                None => Some(name.to_owned()),
            }
        };
        typed.filter_map(name).collect()
    }
}

/// The recipe with its model, its table of prompts and the picture it puts behind others. Relative paths
/// begin in `folder`.
pub fn made_ready(recipe: BulkRecipe, folder: &Path, library: &Library) -> Result<Work, NotReady> {
    made_ready_on(recipe, folder, library, &[None])
}

/// The same with those models: `None` is the one that the recipe names, on this machine; others stand in its
/// place at other engines. The first one gives the settings that the recipe leaves open. A LoRA that is not here
/// is one there where no engine is here.
pub fn made_ready_on(
    recipe: BulkRecipe,
    folder: &Path,
    library: &Library,
    models: &[Option<ModelRef>],
) -> Result<Work, NotReady> {
    let edit = recipe.edit.as_ref();
    let prompts = match edit.and_then(|edit| edit.prompts.as_deref()) {
        None => Prompts::Recipe,
        Some(path) if is_of_each(path) => Prompts::Beside,
        Some(table) => {
            let table = folder.join(table);
            Prompts::Table(PromptTable::parse(&file::read(&table)?, &table)?)
        }
    };
    let mut cards = Vec::new();
    for model in models.iter().filter(|_| recipe.model().is_some()) {
        let card = match model {
            Some(model) => catalog::open(model)?,
            None => own_card(&recipe, folder, library)?,
        };
        let identity = model_identity(&card.reference)?;
        cards.push((card, identity));
    }
    let typed = edit.map(|edit| edit.lora.as_slice()).unwrap_or_default();
    let is_all_there = models.iter().all(Option::is_some);
    let mut loras = Vec::new();
    for (name, weight) in typed.iter().map(|typed| lora_parts(typed)) {
        let lora = match told_identity(&recipe, name) {
            Some(told) => lora_of(library, name, told)?,
            None => match library.find_lora(name) {
                Err(_) if is_all_there => LoraRef::served(name),
                found => found?,
            },
        };
        let weight = LoraWeight::new(weight)?;
        loras.push(LoraUse { lora, weight });
    }
    let behind = behind(&recipe, folder)?;
    let mut cards = cards.iter();
    let first = cards.next();
    let first = first.map(|(card, identity)| (card, identity.clone()));
    let others = cards.map(|(card, identity)| Model::of(card, identity.clone()));
    let work = Work::new(recipe, folder.to_owned(), prompts, first)?;
    let work = work.with_others(others.collect());
    Ok(work.with_loras(loras).with_behind(behind))
}

/// The model that the recipe names.
fn own_card(recipe: &BulkRecipe, folder: &Path, library: &Library) -> Result<ModelCard, NotReady> {
    let id = recipe.model().unwrap_or_default();
    let beside = folder.join(id);
    let told = told_identity(recipe, id);
    // A path is the recipe's neighbour; a plain word is an id.
    let id = if id.contains(['/', '\\']) {
        &*beside.to_string_lossy()
    } else {
        id
    };
    let model = match told {
        Some(told) => model_of(library, id, told)?,
        None => library.resolve(id)?,
    };
    let vae = recipe.edit.as_ref().and_then(|edit| edit.vae.as_ref());
    Ok(catalog::open(&match vae {
        Some(vae) => model.with_vae(&folder.join(vae))?,
        None => model,
    })?)
}

/// What a recipe says that a model or LoRA of that name is.
fn told_identity<'a>(recipe: &'a BulkRecipe, name: &str) -> Option<&'a str> {
    let identities = &recipe.edit.as_ref()?.identities;
    identities.get(name).map(String::as_str)
}

/// The model that is that one: the one of that name, else one with another name.
fn model_of(library: &Library, name: &str, told: &str) -> Result<ModelRef, BulkError> {
    let is_it = |model: &ModelRef| model_identity(model).is_ok_and(|it| it == told);
    let of_name = library.resolve(name).ok().filter(is_it);
    let found = of_name.or_else(|| library.models().into_iter().find(is_it));
    found.ok_or_else(|| BulkError::OtherModel(name.to_owned()))
}

/// The same of a LoRA.
fn lora_of(library: &Library, name: &str, told: &str) -> Result<LoraRef, BulkError> {
    if let Some(lora) = LoraRef::of_served(told) {
        return Ok(lora);
    }
    let of_name = library.find_lora(name).ok();
    let of_name = of_name.filter(|lora| lora.identity == told);
    let found = of_name.unwrap_or_else(|| {
        library.found_lora(LoraRef {
            path: PathBuf::from(name),
            identity: told.to_owned(),
            weights_sha256: None,
        })
    });
    if found.path.is_absolute() {
        Ok(found)
    } else {
        Err(BulkError::OtherLora(name.to_owned()))
    }
}

/// A LoRA as it is typed: `NAME`, or `NAME:WEIGHT` where what stands behind the last colon is a number.
pub fn lora_parts(typed: &str) -> (&str, f64) {
    let parts = typed.rsplit_once(':');
    let parts = parts.and_then(|(file, weight)| Some((file, weight.trim().parse().ok()?)));
    parts.unwrap_or((typed, 1.0))
}

/// LoRAs as they are typed: `FILE` or `FILE:WEIGHT`.
pub fn loras_named(library: &Library, typed: &[String]) -> Result<Vec<LoraUse>, NotReady> {
    let one = |text: &String| {
        let (file, weight) = lora_parts(text);
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

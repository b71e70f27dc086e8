//! `overpaint recipe`: what a batch's recipe says, and whether it can be used.

use std::path::{Path, PathBuf};

use super::args::{RecipeArgs, RecipeCommand};
use super::console::{Console, answer};
use super::edit::parted;
use super::error::CliError;
use crate::bulk::{
    Behind, BulkError, BulkRecipe, Key, NotReady, PromptTable, Prompts, RECIPE_ENDING, Work,
    is_of_each, model_identity,
};
use crate::catalog::{self, Library, LoraRef, ModelRef};
use crate::cli::data_dir;
use crate::plan::{LoraUse, LoraWeight};
use crate::raster::file;
use crate::text::Message;

pub(super) fn run(args: &RecipeArgs, console: &Console) -> Result<(), CliError> {
    match &args.command {
        RecipeCommand::Show { recipe } => {
            let read = read_recipe(recipe)?;
            let text = read
                .text()
                .map_err(|error| CliError::Recipe(recipe.clone(), error))?;
            answer(text.trim_end());
        }
        RecipeCommand::Check { recipes } => {
            for path in recipes {
                made_ready(path)?;
                console.note(&Message::new("cli-recipe-fine").with("path", path.as_path()));
                if !path.to_string_lossy().ends_with(RECIPE_ENDING) {
                    let beside = Message::new("cli-recipe-beside").with("path", path.as_path());
                    console.note(&beside.with("ending", RECIPE_ENDING));
                }
            }
        }
    }
    Ok(())
}

fn read_recipe(path: &Path) -> Result<BulkRecipe, CliError> {
    let bytes = file::read(path).map_err(CliError::Input)?;
    let text = String::from_utf8_lossy(&bytes);
    BulkRecipe::parse(&text).map_err(|error| CliError::Recipe(path.to_owned(), error))
}

/// The recipe of that file with all that it names: its model, its table of prompts.
pub(super) fn made_ready(path: &Path) -> Result<Work, CliError> {
    let recipe = read_recipe(path)?;
    let refused = |error| CliError::Recipe(path.to_owned(), error);
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    let prompts = match recipe
        .edit
        .as_ref()
        .and_then(|edit| edit.prompts.as_deref())
    {
        None => Prompts::Recipe,
        Some(path) if is_of_each(path) => Prompts::Beside,
        Some(table) => {
            let table = folder.join(table);
            let bytes = file::read(&table).map_err(CliError::Input)?;
            Prompts::Table(PromptTable::parse(&bytes, &table).map_err(refused)?)
        }
    };
    let library = Library::open(&data_dir());
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
            let told = recipe.model().and_then(|name| told_identity(&recipe, name));
            let model = match told {
                Some(told) => model_of(&library, id, told).map_err(refused)?,
                None => library.resolve(id)?,
            };
            let vae = recipe.edit.as_ref().and_then(|edit| edit.vae.as_ref());
            let card = catalog::open(&match vae {
                Some(vae) => model.with_vae(&folder.join(vae))?,
                None => model,
            })?;
            let identity = model_identity(&card.reference)?;
            Some((card, identity))
        }
    };
    let typed = recipe.edit.as_ref().map(|edit| edit.lora.as_slice());
    let mut used = Vec::new();
    for (name, weight) in typed.unwrap_or_default().iter().map(|typed| parted(typed)) {
        let lora = match told_identity(&recipe, name) {
            Some(told) => lora_of(&library, name, told).map_err(refused)?,
            None => library.find_lora(name)?,
        };
        let weight = LoraWeight::new(weight)?;
        used.push(LoraUse { lora, weight });
    }
    let model = card
        .as_ref()
        .map(|(card, identity)| (card, identity.clone()));
    let work = Work::new(recipe, folder, prompts, model).map_err(|error| match error {
        NotReady::Recipe(error) => refused(error),
        NotReady::Plan(error) => error.into(),
    })?;
    let behind = behind(&work.recipe, &work.recipe_folder)?;
    Ok(work.with_loras(used).with_behind(behind))
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

/// The picture that a recipe puts behind others, read once.
fn behind(recipe: &BulkRecipe, folder: &Path) -> Result<Option<Behind>, CliError> {
    let Some(path) = recipe.background.as_ref().and_then(|it| it.put.0.path()) else {
        return Ok(None);
    };
    let path = folder.join(path);
    let content = Key::of(&file::read(&path).map_err(CliError::Input)?);
    let picture = file::load(&path).map_err(CliError::Input)?.picture;
    Ok(Some(Behind { picture, content }))
}

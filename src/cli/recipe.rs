//! `overpaint recipe`: what a batch's recipe says, and whether it can be used.

use std::path::Path;

use super::args::{RecipeArgs, RecipeCommand};
use super::console::{Console, answer};
use super::error::CliError;
use crate::bulk::{self, BulkRecipe, NotReady, RECIPE_ENDING, Work};
use crate::catalog::{Library, ModelRef};
use crate::cli::data_dir;
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
                made_ready(path, read_recipe(path)?, &[None])?;
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

/// The recipe of that file.
pub(super) fn read_recipe(path: &Path) -> Result<BulkRecipe, CliError> {
    BulkRecipe::read(path).map_err(|error| unusable(path, error))
}

/// The recipe of that file with all that it names: its model, or those models in its place, and its table of
/// prompts.
pub(super) fn made_ready(
    path: &Path,
    recipe: BulkRecipe,
    models: &[Option<ModelRef>],
) -> Result<Work, CliError> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let library = Library::open(&data_dir());
    bulk::made_ready_on(recipe, folder, &library, models).map_err(|error| unusable(path, error))
}

fn unusable(path: &Path, error: NotReady) -> CliError {
    match error {
        NotReady::Recipe(error) => CliError::Recipe(path.to_owned(), error),
        NotReady::Plan(error) => error.into(),
        NotReady::File(error) => CliError::Input(error),
        NotReady::Model(error) => error.into(),
    }
}

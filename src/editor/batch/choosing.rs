//! What is done with a folder, and where the model that does it is: read on a thread.

use std::path::{Path, PathBuf};

use super::RecipeName;
use super::chosen::Chosen;
use super::command::{BatchPreset, RecipeFrom};
use super::kept::Kept;
use crate::bulk::{BulkRecipe, NotReady, RECIPE_ENDING, Work, made_ready, made_ready_on};
use crate::catalog::{Library, ModelCard, ModelRef};
use crate::editor::Editor;
use crate::jobs::Home;

/// Where a recipe comes from, as a thread needs it.
pub(super) enum Wanted {
    Folder,
    File(PathBuf),
    /// Made of the settings of a picture of that name, for that model.
    Made(Box<dyn FnOnce() -> BulkRecipe + Send>, String, ModelRef),
    Preset(BatchPreset),
}

/// Where models are looked for.
pub(super) struct Models {
    data_dir: PathBuf,
    /// Those on servers.
    there: Vec<ModelCard>,
}

/// A recipe that comes with the program.
fn preset(preset: BatchPreset) -> Result<BulkRecipe, NotReady> {
    let put = match preset {
        BatchPreset::White => "white",
        BatchPreset::CutOut => "nothing",
        BatchPreset::Blur => "blur",
    };
    let text =
        format!("version = 1\n[mask]\nselect = \"subject\"\n[background]\nput = \"{put}\"\n");
    Ok(BulkRecipe::parse(&text)?)
}

/// The one recipe that lies in a folder.
fn recipe_in(folder: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(folder).ok()?.flatten();
    let paths = entries.map(|entry| entry.path());
    let mut recipes = paths.filter(|path| path.to_string_lossy().ends_with(RECIPE_ENDING));
    recipes.next().filter(|_| recipes.next().is_none())
}

impl Wanted {
    /// The recipe, made ready: what it lacks is said at once.
    pub(super) fn read(
        self,
        folder: &Path,
        kept: Option<&Kept>,
        models: &Models,
    ) -> Result<(Chosen, Work), NotReady> {
        let of_preset = |which| Ok::<_, NotReady>((preset(which)?, RecipeName::Preset(which)));
        let mut home = None;
        let mut of = folder;
        let (recipe, name) = match (self, kept, recipe_in(folder)) {
            (Self::Made(make, title, model), ..) => {
                home = Some(model);
                let recipe = make();
                recipe.check()?;
                (recipe, RecipeName::Settings(title))
            }
            (Self::Preset(which), ..) => of_preset(which)?,
            (Self::Folder, Some(kept), _) => {
                home.clone_from(&kept.model);
                of = &kept.recipe_folder;
                (kept.recipe.clone(), kept.recipe_name.clone())
            }
            (Self::File(path), ..) | (Self::Folder, None, Some(path)) => {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                let name = name.strip_suffix(RECIPE_ENDING).unwrap_or(&name).to_owned();
                let folder = path.parent().unwrap_or_else(|| Path::new("."));
                let recipe = BulkRecipe::read(&path)?;
                return models.chosen((recipe, folder, RecipeName::File(name)), None);
            }
            (Self::Folder, None, None) => of_preset(BatchPreset::White)?,
        };
        models.chosen((recipe, of, name), home.as_ref())
    }
}

impl Models {
    /// The recipe with that model where it lies on a server; else with the one that it names: on this machine, or
    /// where there is none of that name on the first server that has one.
    fn chosen(
        &self,
        (recipe, folder, name): (BulkRecipe, &Path, RecipeName),
        model: Option<&ModelRef>,
    ) -> Result<(Chosen, Work), NotReady> {
        let library = Library::open(&self.data_dir);
        let there = |card: &ModelCard| {
            let model = Some(card.reference.clone());
            made_ready_on(recipe.clone(), folder, &library, &[model])
        };
        let chosen = model.and_then(|model| self.there.iter().find(|card| is_same(card, model)));
        let work = match chosen {
            Some(card) => there(card),
            None => made_ready(recipe.clone(), folder, &library).or_else(|error| {
                let id = recipe.model().filter(|id| library.resolve(id).is_err());
                let mut cards = self.there.iter();
                match cards.find(|card| Some(card.reference.name().as_str()) == id) {
                    Some(card) => there(card),
                    None => Err(error),
                }
            }),
        }?;
        let home = work.model.as_ref().map(|model| Home {
            model: model.reference.clone(),
            traits: model.traits.clone(),
        });
        let folder = folder.to_owned();
        let chosen = Chosen {
            recipe,
            folder,
            name,
            home,
        };
        Ok((chosen, work))
    }
}

/// Whether that is the model on its server, whatever was known of it before.
fn is_same(card: &ModelCard, model: &ModelRef) -> bool {
    match (&card.reference, model) {
        (ModelRef::Served(card), ModelRef::Served(model)) => {
            (&card.server, &card.name) == (&model.server, &model.name)
        }
        _ => false,
    }
}

impl Editor {
    /// Where models are, for a thread that looks for one.
    pub(super) fn models_of_batches(&self) -> Models {
        let there = self.servers().iter().flat_map(|view| &view.models);
        Models {
            data_dir: self.data_dir.clone(),
            there: there.map(|served| served.card.clone()).collect(),
        }
    }

    pub(super) fn wanted(&self, from: &RecipeFrom) -> Option<Wanted> {
        Some(match from {
            RecipeFrom::Folder => Wanted::Folder,
            RecipeFrom::File(path) => Wanted::File(path.clone()),
            RecipeFrom::Preset(preset) => Wanted::Preset(*preset),
            RecipeFrom::Settings(id) => {
                let title = self.document(*id)?.title().to_owned();
                let make = Box::new(self.recipe_of(*id, None)?);
                Wanted::Made(make, title, self.model().clone())
            }
        })
    }
}

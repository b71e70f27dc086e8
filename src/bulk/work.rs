//! [`Work`]: from a recipe and a picture's facts to its [`Job`]s, each with a key of all it depends on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::error::{BulkError, NotReady};
use super::key::Key;
use super::listing::Source;
use super::prompts::{Prompts, is_of_each, path_for};
use super::recipe::{Action, BulkRecipe};
use super::template::Template;
use super::words::{SeedRule, Word};
use crate::catalog::{ModelCard, ModelRef, ModelTraits};
use crate::geometry::Extent;
use crate::plan::{
    EditSettings, EraseSettings, Length, LoraUse, MaskMode, Put, Recipe, Seed, Strength,
};
use crate::raster::file::{MaskChannel, SaveOptions};
use crate::raster::{FileFormat, Picture};
use crate::select::Part;

/// A recipe made ready: with its model's defaults and the place it lies in.
#[derive(Debug, Clone)]
pub struct Work {
    /// What is done.
    pub recipe: BulkRecipe,
    /// Where relative paths of the recipe begin.
    pub recipe_folder: PathBuf,
    /// Where prompts come from.
    pub prompts: Prompts,
    /// What edits with; `None` where no model is needed. Settings that the recipe leaves open are its.
    pub model: Option<Model>,
    /// What edits with at other engines, which do the same work.
    pub others: Vec<Model>,
    /// The picture that is put behind, where one is.
    pub behind: Option<Behind>,
    settings: EditSettings,
    strengths: Vec<Strength>,
    name: Template,
}

/// A model, and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// Where it is.
    pub reference: ModelRef,
    /// What planning must know.
    pub traits: ModelTraits,
    /// What it is called.
    pub id: String,
    /// It reads English prompts, not words of its own.
    pub reads_english: bool,
    /// What it is, by content (`model_identity`).
    pub identity: String,
}

impl Model {
    /// The model of that card, with that identity.
    pub fn of(card: &ModelCard, identity: String) -> Self {
        Self {
            reference: card.reference.clone(),
            traits: card.traits.clone(),
            id: card.id.clone(),
            reads_english: card.words.is_none(),
            identity,
        }
    }
}

/// A picture that is put behind others.
#[derive(Debug, Clone)]
pub struct Behind {
    /// The picture.
    pub picture: Picture,
    /// Its file's content.
    pub content: Key,
}

/// What is known of a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Its file's content.
    pub content: Key,
    /// Its title, where the file has one.
    pub title: Option<String>,
    /// Its own prompt, where that lies in a file of its own.
    pub own_prompt: Option<String>,
}

/// What tells the results of one picture apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variation {
    /// What should be there.
    pub prompt: String,
    /// What should not.
    pub negative: String,
    /// Words of the lists.
    pub words: BTreeMap<String, String>,
}

/// One result to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// What is done.
    pub task: JobTask,
    /// Its file, below the output folder, with `/` between folders.
    pub output: String,
    /// Of everything its bytes depend on, and its name: a key for each of the work's models, in their order,
    /// or one where there is none. A model's identity names its engine too where that is a server, so that a
    /// result is known as that of one engine with one model. One that was made under any of them counts as
    /// done and is not made again, whichever engine would do it now: each engine gives the same bytes again,
    /// but two engines need not agree. Where only other engines are chosen later, it is made anew.
    pub keys: Vec<Key>,
}

/// What is done.
#[derive(Debug, Clone, PartialEq)]
pub enum JobTask {
    /// Edit with a model.
    Edit(Box<EditSettings>),
    /// Take out what is masked.
    Erase(EraseSettings),
    /// Put something else behind it.
    Background(Put),
}

impl Work {
    /// Makes a recipe ready. `model` is there where the recipe asks for one.
    pub fn new(
        recipe: BulkRecipe,
        recipe_folder: PathBuf,
        prompts: Prompts,
        model: Option<(&ModelCard, String)>,
    ) -> Result<Self, NotReady> {
        let name = recipe.name_template()?;
        let (settings, strengths, model) = match model {
            None => (EditSettings::default(), Vec::new(), None),
            Some((card, identity)) => (
                recipe.edit_settings(card),
                recipe.strengths(card)?,
                Some(Model::of(card, identity)),
            ),
        };
        Ok(Self {
            recipe,
            recipe_folder,
            prompts,
            model,
            others: Vec::new(),
            behind: None,
            settings,
            strengths,
            name,
        })
    }

    /// The same with those LoRAs added to the model.
    #[must_use]
    pub fn with_loras(mut self, loras: Vec<LoraUse>) -> Self {
        self.settings.loras = loras;
        self
    }

    /// The same with those models beside its own, at other engines.
    #[must_use]
    pub fn with_others(mut self, others: Vec<Model>) -> Self {
        self.others = others;
        self
    }

    /// The models that may do it, its own first; none where none is needed.
    pub fn models(&self) -> impl Iterator<Item = &Model> {
        self.model.iter().chain(&self.others)
    }

    /// The same with that picture behind all others.
    #[must_use]
    pub fn with_behind(mut self, behind: Option<Behind>) -> Self {
        self.behind = behind;
        self
    }

    /// Where that picture's mask lies, where masks come from files.
    pub fn mask_path(&self, source: &Source) -> Result<Option<PathBuf>, BulkError> {
        let path = self.recipe.mask.mask.as_ref();
        path.map(|text| path_for("mask.mask", text, source, &self.recipe_folder))
            .transpose()
    }

    /// Whether each picture has a mask's file of its own.
    pub fn has_mask_of_each(&self) -> bool {
        self.recipe.mask.mask.as_deref().is_some_and(is_of_each)
    }

    /// Where that picture's own prompt lies, where prompts have files of their own.
    pub fn prompt_path(&self, source: &Source) -> Result<Option<PathBuf>, BulkError> {
        let prompts = self
            .recipe
            .edit
            .as_ref()
            .and_then(|edit| edit.prompts.as_ref());
        match (&self.prompts, prompts) {
            (Prompts::Beside, Some(text)) => {
                path_for("edit.prompts", text, source, &self.recipe_folder).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Leaves the pictures out that are masks of others.
    pub fn without_masks(&self, sources: &mut Vec<Source>) {
        if !self.has_mask_of_each() {
            return;
        }
        let masks = sources.iter().filter_map(|source| {
            let path = self.mask_path(source).ok().flatten()?;
            path.canonicalize().ok()
        });
        let masks: Vec<_> = masks.collect();
        let is_mask = |source: &Source| {
            let place = source.path.canonicalize();
            place.is_ok_and(|place| masks.contains(&place))
        };
        sources.retain(|source| !is_mask(source));
    }

    /// True where the picture's title is asked for, which is found in its file.
    pub fn needs_title(&self) -> bool {
        // A picture's own prompt may ask for it too.
        let edit = self.recipe.edit.as_ref();
        edit.is_some_and(|edit| {
            edit.prompts.is_some()
                || edit.prompt.contains("{title}")
                || edit.negative.contains("{title}")
        })
    }

    /// What is selected.
    pub fn part(&self) -> Option<Part> {
        self.recipe.part()
    }

    /// That person's part only.
    pub fn person(&self) -> Option<u32> {
        self.recipe.mask.person.map(std::num::NonZero::get)
    }

    /// What being painted means.
    pub fn mask_mode(&self) -> MaskMode {
        match self.model {
            Some(_) => self.settings.mask_mode,
            None => self.recipe.erase_settings().mask_mode,
        }
    }

    /// How far the mask's region is shrunk.
    pub fn shrink(&self) -> Option<Length> {
        self.recipe.mask.shrink.map(|Word(shrink)| shrink)
    }

    /// Which channel of a mask's file is read.
    pub fn mask_channel(&self) -> MaskChannel {
        self.recipe.mask.mask_channel.unwrap_or_default()
    }

    /// What a selected mask depends on: the picture, what is selected, and what looks. A changed
    /// prompt keeps it.
    pub fn selection_key(&self, content: &Key, sight_identity: &str) -> Option<Key> {
        let part = self.part()?;
        let person = self.person().unwrap_or(0).to_le_bytes();
        Some(Key::of_parts([
            b"selection".as_slice(),
            content.bytes(),
            part.id().as_bytes(),
            &person,
            sight_identity.as_bytes(),
        ]))
    }

    /// The jobs of a picture, in a fixed order. `mask` is what its mask is, by content or by what it
    /// was selected as.
    pub fn jobs(
        &self,
        source: &Source,
        facts: &Facts,
        mask: Option<&Key>,
    ) -> Result<Vec<Job>, BulkError> {
        match self.recipe.action()? {
            Action::Erase => {
                let task = JobTask::Erase(self.recipe.erase_settings());
                Ok(vec![self.job(
                    source,
                    facts,
                    mask,
                    task,
                    &BTreeMap::new(),
                )?])
            }
            Action::Background(put) => {
                let task = JobTask::Background(put.clone());
                let words = BTreeMap::new();
                Ok(vec![self.job(source, facts, mask, task, &words)?])
            }
            Action::Edit(edit) => {
                let seed = match edit.seed {
                    SeedRule::Picture => Seed(facts.content.seed()),
                    SeedRule::Fixed(seed) => seed,
                };
                let mut jobs = Vec::new();
                for variation in self.variations(edit, source, facts)? {
                    for strength in &self.strengths {
                        let settings = EditSettings {
                            prompt: variation.prompt.clone(),
                            negative: variation.negative.clone(),
                            strength: *strength,
                            seed,
                            ..self.settings.clone()
                        };
                        let task = JobTask::Edit(Box::new(settings));
                        jobs.push(self.job(source, facts, mask, task, &variation.words)?);
                    }
                }
                Ok(jobs)
            }
        }
    }

    fn job(
        &self,
        source: &Source,
        facts: &Facts,
        mask: Option<&Key>,
        task: JobTask,
        words: &BTreeMap<String, String>,
    ) -> Result<Job, BulkError> {
        let output = self.output(source, &task, words)?;
        let shrink = self.shrink().map(|length| length.to_string());
        let settings = match &task {
            JobTask::Edit(settings) => serde_json::to_vec(settings),
            JobTask::Erase(settings) => serde_json::to_vec(settings),
            JobTask::Background(put) => Ok(put.to_string().into_bytes()),
        };
        let settings = settings.map_err(|error| BulkError::Unwritable(error.to_string()))?;
        let shrink = shrink.unwrap_or_default();
        let written = &self.recipe.output;
        let key = |identity: &str| {
            Key::of_parts([
                match task {
                    JobTask::Edit(_) => b"edit".as_slice(),
                    JobTask::Erase(_) => b"erase",
                    JobTask::Background(_) => b"background",
                },
                facts.content.bytes(),
                mask.map(Key::bytes).unwrap_or_default(),
                shrink.as_bytes(),
                &settings,
                identity.as_bytes(),
                &[
                    written.quality.unwrap_or(0),
                    u8::from(written.metadata),
                    u8::from(self.recipe.mask.allow_empty_mask),
                ],
                output.as_bytes(),
                self.behind
                    .as_ref()
                    .map(|behind| behind.content.bytes())
                    .unwrap_or_default(),
            ])
        };
        let keys = match self.model {
            Some(_) => self.models().map(|model| key(&model.identity)).collect(),
            None => vec![key("")],
        };
        Ok(Job { task, output, keys })
    }

    fn output(
        &self,
        source: &Source,
        task: &JobTask,
        words: &BTreeMap<String, String>,
    ) -> Result<String, BulkError> {
        let format = self.recipe.format_of(&source.path);
        let (stem, from) = (source.stem(), source.ending());
        let (strength, seed) = match task {
            JobTask::Edit(settings) => (
                settings.strength.get().to_string(),
                settings.seed.0.to_string(),
            ),
            JobTask::Erase(_) | JobTask::Background(_) => Default::default(),
        };
        let own = FileFormat::of_path(&source.path) == Some(format);
        let ext = if own {
            from.as_str()
        } else {
            format.extensions().first().unwrap_or(&"png")
        };
        let words: BTreeMap<&str, String> = words
            .iter()
            .map(|(list, word)| (list.as_str(), as_name(word)))
            .collect();
        let name = self.name.fill(|place| match place {
            "stem" => Some(&stem),
            "from" => Some(&from),
            "ext" => Some(ext),
            "strength" => Some(&strength),
            "seed" => Some(&seed),
            list => words.get(list).map(String::as_str),
        });
        let name = name.map_err(BulkError::NoValue)?;
        let folder = source.relative.parent().unwrap_or_else(|| Path::new(""));
        Ok(folder.join(name).to_string_lossy().replace('\\', "/"))
    }

    /// How a result of that size is written, which that model made where one did.
    pub fn save_options(
        &self,
        source: &Source,
        task: &JobTask,
        (extent, model): (Extent, Option<&Model>),
    ) -> SaveOptions {
        let written = &self.recipe.output;
        let text = match (model, task) {
            (Some(model), JobTask::Edit(settings)) if written.metadata => {
                let infotext = Recipe {
                    model: model.reference.clone(),
                    settings: (**settings).clone(),
                    extent,
                };
                Some(infotext.text())
            }
            _ => None,
        };
        SaveOptions {
            format: Some(self.recipe.format_of(&source.path)),
            jpeg_quality: written.quality,
            recipe: text,
        }
    }
}

/// A word as a part of a file's name: what parts paths, or is refused by some system, becomes `_`.
fn as_name(word: &str) -> String {
    let part = |c: char| match c {
        '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' => '_',
        c if c.is_control() || c.is_whitespace() => '_',
        c => c,
    };
    word.chars().map(part).collect()
}

#[cfg(test)]
#[path = "work_tests.rs"]
mod tests;

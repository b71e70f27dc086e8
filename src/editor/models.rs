//! Which model runs, and what its settings start from.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Editor;
use super::files::{FileEvent, FoundModels};
use super::preferences::Preferences;
use crate::catalog::{
    self, Addition, CatalogError, Foreign, Library, LoraRef, ModelCard, ModelDefaults, ModelFile,
    ModelRef,
};
use crate::document::DocumentId;
use crate::jobs::Demands;
use crate::plan::{
    AreaMode, EditSettings, Guidance, LoraUse, LoraWeight, MaskMode, PlanError, SamplerId,
    ScheduleId, Steps, Strength,
};
use crate::text::Message;

impl Editor {
    pub(super) fn set_model(&mut self, model: ModelRef) {
        self.look_for_model(model, None);
    }

    /// Uses a checkpoint as the user says it is, and remembers what was said.
    pub(super) fn tell_model(&mut self, file: ModelFile) {
        let model = ModelRef::File(file.clone());
        let told = self.card.as_ref().and_then(|card| card.facts);
        if told.map(|facts| facts.distillation.is) != file.distillation {
            // The settings used last were for a model that takes other steps.
            self.preferences.last_settings.remove(&model.key());
        }
        self.look_for_model(model, Some(file));
    }

    fn look_for_model(&mut self, model: ModelRef, told: Option<ModelFile>) {
        // Folders may lie on slow disks, so they are read on the file thread.
        let demands_of = self.forecasting.demands_of();
        let data_dir = self.data_dir.clone();
        self.do_file_task(Box::new(move || {
            let mut library = Library::open(&data_dir);
            let remembered = told.map_or(Ok(()), |file| library.choose(&file));
            let model = library.as_chosen(model);
            let card = remembered.and_then(|()| catalog::open(&model));
            if let (Err(_), ModelRef::Folder(folder)) = (&card, &model) {
                // Not a model, but perhaps a folder of them.
                if let Ok(count) = library.add(folder) {
                    return FileEvent::PlaceAdded(
                        folder.clone(),
                        count,
                        FoundModels::of(&mut library),
                    );
                }
            }
            let is_new = card.is_ok() && library.remember(&model).is_ok();
            let models = is_new.then(|| FoundModels::of(&mut library));
            let demands = demands_of(&model);
            FileEvent::ModelFound(model, Box::new((card, models)), demands)
        }));
    }

    pub(super) fn list_models(&mut self) {
        let data_dir = self.data_dir.clone();
        self.do_file_task(Box::new(move || {
            FileEvent::ModelsListed(FoundModels::of(&mut Library::open(&data_dir)))
        }));
    }

    /// A folder with models was added.
    pub(super) fn place_added(&mut self, path: &Path, count: usize, found: FoundModels) {
        self.found = found;
        self.recognise();
        let message = Message::new("editor-models-added")
            .with("count", count)
            .with("path", path);
        self.notices.info(None, message);
    }

    pub(super) fn model_found(
        &mut self,
        model: ModelRef,
        card: Result<ModelCard, CatalogError>,
        demands: Option<Arc<dyn Demands>>,
    ) {
        match card {
            Ok(card) => {
                self.forecasting.model_chosen(model.clone(), demands);
                let found = model.clone();
                self.preferences.model = model;
                self.preferences_changed = true;
                let begin_with = settings_for(&card, &self.preferences);
                for open in &mut self.documents {
                    let Some(new) = &begin_with else { continue };
                    open.change_about(|about| {
                        // What belongs to the model changes with it; what belongs to the picture stays.
                        about.settings = EditSettings {
                            strength: new.strength,
                            steps: new.steps,
                            guidance: new.guidance,
                            sampler: new.sampler,
                            schedule: new.schedule,
                            ..about.settings.clone()
                        };
                    });
                }
                self.card = Some(card);
                self.learn_of_served(&found);
                self.go_on_redoing(&found);
            }
            Err(error) => {
                self.redo_with_model = None;
                let lora = match &error {
                    CatalogError::Foreign {
                        path,
                        what: Foreign::Addition(Addition::Lora),
                    } => Some(path.clone()),
                    _ => None,
                };
                match lora.zip(self.active) {
                    // A LoRA was taken for a model: the picture in front gets it.
                    Some((path, document)) => self.add_lora(document, path),
                    // The model chosen before stays.
                    None => self.notices.error(None, &error),
                }
            }
        }
    }

    /// Adds a LoRA to the settings of a document, at its full weight.
    pub(super) fn add_lora(&mut self, document: DocumentId, path: PathBuf) {
        self.do_file_task(Box::new(move || {
            FileEvent::LoraFound(document, LoraRef::at(&path))
        }));
    }

    pub(super) fn lora_found(&mut self, id: DocumentId, lora: Result<LoraRef, CatalogError>) {
        let lora = match lora {
            Ok(lora) => lora,
            Err(error) => return self.notices.error(Some(id), &error),
        };
        self.with_document(id, |open| {
            open.change_about(|about| {
                let loras = &mut about.settings.loras;
                let is_there = loras.iter().any(|used| used.lora.identity == lora.identity);
                if !is_there {
                    loras.push(LoraUse {
                        lora,
                        weight: LoraWeight::FULL,
                    });
                }
            });
        });
    }

    /// What a new document's settings are: those used last with this model, else its own.
    pub(super) fn settings_to_begin_with(&self) -> EditSettings {
        let of_card = |card| settings_for(card, &self.preferences);
        self.card.as_ref().and_then(of_card).unwrap_or_default()
    }
}

fn settings_for(card: &ModelCard, preferences: &Preferences) -> Option<EditSettings> {
    let last = preferences.last_settings.get(&card.reference.key());
    let cleared = |last: &EditSettings| EditSettings {
        // Chosen for one picture's mask; a new picture begins plainly.
        mask_mode: MaskMode::Changes,
        area: AreaMode::Auto,
        ..last.clone()
    };
    last.map(cleared)
        .or_else(|| of_defaults(&card.defaults).ok())
}

fn of_defaults(defaults: &ModelDefaults) -> Result<EditSettings, PlanError> {
    Ok(EditSettings {
        strength: Strength::new(defaults.strength)?,
        steps: Steps::new(defaults.steps)?,
        guidance: Guidance::new(defaults.guidance)?,
        sampler: defaults.sampler.parse::<SamplerId>()?,
        schedule: defaults.schedule.parse::<ScheduleId>()?,
        ..EditSettings::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_model_gives_settings() {
        let card = catalog::open(&ModelRef::BuiltIn).unwrap();
        let settings = settings_for(&card, &Preferences::default()).unwrap();
        assert_eq!((settings.steps.get(), settings.strength.get()), (20, 0.6));
    }
}

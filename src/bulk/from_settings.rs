//! From what one picture was edited with to a recipe that does the same to a folder.

use super::output::OutputSection;
use super::recipe::{BulkRecipe, EditSection, MaskSection, RECIPE_VERSION};
use super::words::{SeedRule, Word};
use crate::plan::{EditSettings, LoraUse};
use crate::select::Part;

impl BulkRecipe {
    /// The recipe of those settings with the model of that id or path, for pictures in which that part
    /// is selected; `None`: their whole changes.
    pub fn of_edit(settings: &EditSettings, model: &str, part: Option<Part>) -> Self {
        let typed = |lora: &LoraUse| format!("{}:{}", lora.lora.path.display(), lora.weight.get());
        let words = |text: &str| text.replace('{', "{{").replace('}', "}}");
        Self {
            version: RECIPE_VERSION,
            about: String::new(),
            mask: MaskSection {
                select: part,
                mask_mode: Some(settings.mask_mode),
                grow: Some(Word(settings.grow)),
                feather: settings.feather.map(Word),
                ..MaskSection::default()
            },
            edit: Some(EditSection {
                model: Some(model.to_owned()),
                lora: settings.loras.iter().map(typed).collect(),
                prompt: words(&settings.prompt),
                negative: words(&settings.negative),
                strength: Some(settings.strength),
                steps: Some(settings.steps),
                guidance: Some(settings.guidance),
                image_guidance: Some(settings.image_guidance),
                seed: SeedRule::Fixed(settings.seed),
                sampler: Some(settings.sampler),
                schedule: Some(settings.schedule),
                area: Some(settings.area),
                padding: settings.padding.map(Word),
                fill: Some(settings.fill),
                keep_details: Some(settings.keep_details),
                work_size: settings.work_size.map(Word),
                second_pass: Some(Word(settings.second_pass)),
                second_strength: Some(settings.second_strength),
                ..EditSection::default()
            }),
            erase: None,
            background: None,
            output: OutputSection::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{ModelRef, STARTER_ID, open};
    use crate::plan::{FillMode, Length, MaskMode, Seed, Strength, WorkSize};

    #[test]
    fn settings_come_back_from_their_recipe() {
        let settings = EditSettings {
            prompt: "a {wall} \"x\"".to_owned(),
            strength: Strength::new(0.37).unwrap(),
            seed: Seed(u64::MAX),
            mask_mode: MaskMode::Stays,
            feather: Some(Length::Percent(1.5)),
            padding: Some(Length::Px(9.0)),
            fill: FillMode::Content,
            work_size: Some(WorkSize::Factor(1.25)),
            ..EditSettings::default()
        };
        let recipe = BulkRecipe::of_edit(&settings, STARTER_ID, Some(Part::Hair));
        let read = BulkRecipe::parse(&recipe.text().unwrap()).unwrap();
        assert_eq!(read, recipe);
        let card = open(&ModelRef::BuiltIn).unwrap();
        let again = EditSettings {
            prompt: settings.prompt.clone(),
            seed: settings.seed,
            ..read.edit_settings(&card)
        };
        assert_eq!(again, settings);
        assert_eq!(read.edit.unwrap().seed, SeedRule::Fixed(settings.seed));
    }
}

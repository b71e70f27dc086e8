//! From what one picture was edited with to a recipe that does the same to a folder.

use std::collections::BTreeMap;

use super::output::OutputSection;
use super::recipe::{BulkRecipe, EditSection, MaskSection, RECIPE_VERSION};
use super::words::{SeedRule, Word};
use crate::plan::{EditSettings, LoraUse};
use crate::select::Part;

impl BulkRecipe {
    /// The recipe of those settings with the model of that id or path, for pictures in which that part
    /// is selected; `None`: their whole changes. `identity` is the model's, where it is known.
    pub fn of_edit(
        settings: &EditSettings,
        (model, identity): (&str, Option<String>),
        part: Option<Part>,
    ) -> Self {
        // Folders are of this machine; what a LoRA is finds it anywhere.
        let name_of = |lora: &LoraUse| {
            let there = lora.lora.name_there().map(str::to_owned);
            there.unwrap_or_else(|| {
                let name = lora.lora.path.file_name().unwrap_or_default();
                name.to_string_lossy().into_owned()
            })
        };
        let typed = |lora: &LoraUse| format!("{}:{}", name_of(lora), lora.weight.get());
        let mut identities: BTreeMap<String, String> = settings
            .loras
            .iter()
            .filter(|used| !used.lora.identity.is_empty())
            .map(|used| (name_of(used), used.lora.identity.clone()))
            .collect();
        identities.extend(identity.map(|identity| (model.to_owned(), identity)));
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
                identities,
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
    use crate::catalog::{LoraRef, ModelRef, STARTER_ID, open};
    use crate::plan::{FillMode, Length, LoraWeight, MaskMode, Seed, Strength, WorkSize};

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
            loras: vec![LoraUse {
                lora: LoraRef {
                    path: "/home/me/loras/ink.safetensors".into(),
                    identity: "0123".to_owned(),
                    weights_sha256: None,
                },
                weight: LoraWeight::new(0.5).unwrap(),
            }],
            ..EditSettings::default()
        };
        let model = (STARTER_ID, Some("4567".to_owned()));
        let recipe = BulkRecipe::of_edit(&settings, model, Some(Part::Hair));
        let text = recipe.text().unwrap();
        assert!(
            text.contains("ink.safetensors:0.5") && !text.contains("home"),
            "{text}"
        );
        let edit = recipe.edit.as_ref().unwrap();
        assert_eq!(edit.identities["ink.safetensors"], "0123");
        assert_eq!(edit.identities[STARTER_ID], "4567");
        let read = BulkRecipe::parse(&recipe.text().unwrap()).unwrap();
        assert_eq!(read, recipe);
        let card = open(&ModelRef::BuiltIn).unwrap();
        let again = EditSettings {
            prompt: settings.prompt.clone(),
            seed: settings.seed,
            loras: settings.loras.clone(),
            ..read.edit_settings(&card)
        };
        assert_eq!(again, settings);
        assert_eq!(read.edit.unwrap().seed, SeedRule::Fixed(settings.seed));
    }
}

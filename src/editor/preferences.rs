//! [`Preferences`]: what the program remembers between its runs.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::catalog::ModelRef;
use crate::plan::{EditSettings, Strength};
use crate::text::Language;

/// Light or dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Theme {
    /// As the desktop has it.
    #[default]
    System,
    /// Dark words on light ground.
    Light,
    /// Light words on dark ground.
    Dark,
}

/// What the program remembers between its runs. Fields a file lacks take their first values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Preferences {
    /// `None`: the system's.
    pub language: Option<Language>,
    /// Light or dark.
    pub theme: Theme,
    /// Last opened first.
    pub recent_files: Vec<PathBuf>,
    /// The model chosen last.
    pub model: ModelRef,
    /// The settings used last, by model ([`Preferences::model_key`]).
    pub last_settings: BTreeMap<String, EditSettings>,
    /// Prompts used, newest first.
    pub recent_prompts: Vec<String>,
    /// Strengths of the comparison.
    pub strengths: Vec<Strength>,
    /// The guide of the first start has been dismissed.
    pub guide_dismissed: bool,
    /// Saved PNG files carry how they were made.
    pub save_recipe: bool,
    /// 1…100.
    pub jpeg_quality: u8,
    /// What the window wants to remember, such as panel widths; not read here.
    pub window: BTreeMap<String, String>,
}

impl Default for Preferences {
    fn default() -> Self {
        Self {
            language: None,
            theme: Theme::System,
            recent_files: Vec::new(),
            model: ModelRef::BuiltIn,
            last_settings: BTreeMap::new(),
            recent_prompts: Vec::new(),
            strengths: [0.3, 0.45, 0.6, 0.75, 0.9]
                .into_iter()
                .filter_map(|value| Strength::new(value).ok())
                .collect(),
            guide_dismissed: false,
            save_recipe: true,
            jpeg_quality: 92,
            window: BTreeMap::new(),
        }
    }
}

impl Preferences {
    /// Recent files and prompts that are kept.
    pub const MOST_RECENT: usize = 30;

    /// The name of a model in [`last_settings`](Self::last_settings).
    pub fn model_key(model: &ModelRef) -> String {
        match model {
            ModelRef::BuiltIn => "built-in".to_owned(),
            ModelRef::Folder(folder) => folder.display().to_string(),
        }
    }
}

//! [`Preferences`]: what the program remembers between its runs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::EditorError;
use crate::catalog::ModelRef;
use crate::downloads::Token;
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
    /// Last opened first. One whose name is no text is not written, so that the rest is.
    #[serde(serialize_with = "texts_only")]
    pub recent_files: Vec<PathBuf>,
    /// The model chosen last.
    pub model: ModelRef,
    /// The settings used last, by model ([`ModelRef::key`]).
    pub last_settings: BTreeMap<String, EditSettings>,
    /// Prompts used, newest first.
    pub recent_prompts: Vec<String>,
    /// Strengths of the comparison.
    pub strengths: Vec<Strength>,
    /// Engines that comparisons of strengths use beside the model's own, where they have the same model.
    pub also_on: Vec<String>,
    /// Results of one press, 1…[`MOST_VARIATIONS`](Self::MOST_VARIATIONS), each with a seed of its own.
    pub variations: u32,
    /// Memory that the pixels of results may take; more of them lie on the disk only.
    pub results_in_memory_mib: u32,
    /// The guide of the first start has been dismissed.
    pub guide_dismissed: bool,
    /// For gated repositories of the hub; `HF_TOKEN` comes before it.
    pub hub_token: Option<Token>,
    /// Saved PNG files carry how they were made.
    pub save_recipe: bool,
    /// 1…100.
    pub jpeg_quality: u8,
    /// How long documents that were closed without being saved can be opened again; 0: not at all.
    pub keep_closed_days: u32,
    /// How much room they may take on the disk together; 0: none is kept.
    pub keep_closed_gib: u32,
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
            also_on: Vec::new(),
            variations: 1,
            results_in_memory_mib: 1024,
            guide_dismissed: false,
            hub_token: None,
            save_recipe: true,
            jpeg_quality: 92,
            keep_closed_days: 30,
            keep_closed_gib: 10,
            window: BTreeMap::new(),
        }
    }
}

impl Preferences {
    /// Recent files and prompts that are kept.
    pub const MOST_RECENT: usize = 30;
    /// The most results of one press.
    pub const MOST_VARIATIONS: u32 = 8;

    /// Results of one press.
    pub fn variations(&self) -> u32 {
        self.variations.clamp(1, Self::MOST_VARIATIONS)
    }

    /// The preferences that lie in `data_dir`, for who needs them before there is an editor, such
    /// as the window for its size; the first values where there are none or none that can be read.
    pub fn of(data_dir: &Path) -> Self {
        std::fs::read(data_dir.join(FILE))
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default()
    }

    /// Puts a file first among the recent ones.
    pub(super) fn note_file(&mut self, path: &Path) {
        self.recent_files.retain(|other| other != path);
        self.recent_files.insert(0, path.to_path_buf());
        self.recent_files.truncate(Self::MOST_RECENT);
    }

    /// Settings used last with models of a server are those of one that is called otherwise.
    pub(super) fn rename_server(&mut self, before: &str, now: &str) {
        for name in self.also_on.iter_mut().filter(|name| *name == before) {
            now.clone_into(name);
        }
        let ending = format!(" @ {before}");
        let known = std::mem::take(&mut self.last_settings).into_iter();
        self.last_settings = known
            .map(|(key, settings)| match key.strip_suffix(&ending) {
                Some(model) => (format!("{model} @ {now}"), settings),
                None => (key, settings),
            })
            .collect();
    }

    /// Remembers what a run was asked for.
    pub(super) fn note_run(&mut self, model: &ModelRef, settings: &EditSettings) {
        let key = model.key();
        self.last_settings.insert(key, settings.clone());
        if !settings.prompt.is_empty() {
            self.recent_prompts
                .retain(|other| *other != settings.prompt);
            self.recent_prompts.insert(0, settings.prompt.clone());
            self.recent_prompts.truncate(Self::MOST_RECENT);
        }
    }
}

fn texts_only<S: serde::Serializer>(files: &[PathBuf], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(files.iter().filter_map(|file| file.to_str()))
}

const FILE: &str = "preferences.json";

/// Reads the preferences of `data_dir`. A file that cannot be understood is set aside, and where it
/// is now is said in the second place.
pub(super) fn read(data_dir: &Path) -> (Preferences, Option<EditorError>) {
    let path = data_dir.join(FILE);
    let Ok(bytes) = std::fs::read(&path) else {
        return (Preferences::default(), None);
    };
    if let Ok(preferences) = serde_json::from_slice(&bytes) {
        return (preferences, None);
    }
    let kept_as = data_dir.join("preferences.broken.json");
    _ = std::fs::rename(&path, &kept_as);
    let error = EditorError::PreferencesBroken { kept_as };
    (Preferences::default(), Some(error))
}

/// Writes the preferences, whole or not at all.
pub(super) fn write(data_dir: &Path, preferences: &Preferences) -> Result<(), EditorError> {
    let saved = || -> std::io::Result<()> {
        std::fs::create_dir_all(data_dir)?;
        let mut file = tempfile::NamedTempFile::new_in(data_dir)?;
        serde_json::to_writer_pretty(&mut file, preferences)?;
        file.as_file().sync_all()?;
        file.persist(data_dir.join(FILE))?;
        Ok(())
    };
    saved().map_err(|error| EditorError::PreferencesNotSaved {
        why: error.to_string(),
    })
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::ffi::OsStrExt as _;

    use super::*;

    #[test]
    fn a_file_whose_name_is_no_text_keeps_nothing_from_being_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let mut preferences = Preferences::default();
        preferences.note_file(Path::new("/pictures/a.png"));
        let strange = Path::new(std::ffi::OsStr::from_bytes(b"/pictures/b\xff.png"));
        preferences.note_file(strange);
        preferences.model = ModelRef::Folder(strange.to_owned());
        assert_eq!(preferences.recent_files.len(), 2);
        write(folder.path(), &preferences).unwrap();
        let (read, error) = read(folder.path());
        assert_eq!(error, None);
        assert_eq!(read.recent_files, [Path::new("/pictures/a.png")]);
    }
}

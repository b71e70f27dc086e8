//! [`Choices`]: what was chosen by hand for checkpoints, by what they are and not by where they lie.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::error::CatalogError;
use super::facts::Distillation;
use super::identity::identity;
use super::places::write_whole;
use super::{ModelFile, PredictionType, known};

const FILE: &str = "models-chosen.json";

/// What was chosen by hand for checkpoints.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Choices {
    files: Vec<Chosen>,
    /// Files that were read whole, because they may be well-known ones.
    read: Vec<ReadWhole>,
}

/// A file that was read whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct ReadWhole {
    bytes: u64,
    identity: String,
    sha256: String,
}

/// What was chosen for one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Chosen {
    /// Its length: files of other lengths need not be looked at.
    bytes: u64,
    /// See [`identity`].
    identity: String,
    #[serde(default)]
    prediction: Option<PredictionType>,
    #[serde(default)]
    distillation: Option<Distillation>,
    #[serde(default)]
    native_px: Option<u32>,
}

impl Choices {
    /// Those remembered in `data_dir`; none where there are none that can be read.
    pub(super) fn read(data_dir: &Path) -> Self {
        let bytes = std::fs::read(data_dir.join(FILE)).ok();
        let read = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        read.unwrap_or_default()
    }

    /// Remembers them in `data_dir`.
    pub(super) fn write(&self, data_dir: &Path) -> Result<(), CatalogError> {
        let bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        let path = data_dir.join(FILE);
        write_whole(data_dir, FILE, &bytes).map_err(|error| CatalogError::of_io(&path, &error))
    }

    /// Takes what is chosen for a checkpoint in place of what was chosen before.
    pub(super) fn set(&mut self, file: &ModelFile) -> Result<(), CatalogError> {
        let chosen = Chosen {
            bytes: length(&file.path),
            identity: identity(&file.path)?,
            prediction: file.prediction,
            distillation: file.distillation,
            native_px: file.native_px,
        };
        self.files.retain(|other| other.identity != chosen.identity);
        if !is_plain(file) {
            self.files.push(chosen);
        }
        Ok(())
    }

    /// Whether the file may be a well-known one and was not read whole yet.
    pub(super) fn is_to_be_read(&self, path: &Path) -> bool {
        let bytes = length(path);
        known::may_be(bytes)
            && identity(path).is_ok_and(|it| !self.read.iter().any(|read| read.identity == it))
    }

    /// Remembers the SHA-256 of a file. True where it is a well-known one.
    pub(super) fn set_sha256(&mut self, path: &Path, sha256: String) -> Result<bool, CatalogError> {
        let is_known = known::of_sha256(&sha256).is_some();
        self.read.push(ReadWhole {
            bytes: length(path),
            identity: identity(path)?,
            sha256,
        });
        Ok(is_known)
    }

    /// The checkpoint as it was chosen earlier, where nothing is chosen now; else as well-known files of
    /// its contents are run.
    pub(super) fn of(&self, file: ModelFile) -> ModelFile {
        let bytes = length(&file.path);
        let of_this_length = self.files.iter().map(|chosen| chosen.bytes);
        let mut of_this_length = of_this_length.chain(self.read.iter().map(|read| read.bytes));
        if !is_plain(&file) || !of_this_length.any(|length| length == bytes) {
            return file;
        }
        let Ok(identity) = identity(&file.path) else {
            return file;
        };
        if let Some(chosen) = self.files.iter().find(|it| it.identity == identity) {
            return ModelFile {
                prediction: chosen.prediction,
                distillation: chosen.distillation,
                native_px: chosen.native_px,
                ..file
            };
        }
        let read = self.read.iter().find(|read| read.identity == identity);
        match read.and_then(|read| known::of_sha256(&read.sha256)) {
            Some(known) => ModelFile {
                prediction: Some(known.prediction),
                distillation: Some(known.distillation),
                native_px: Some(known.native_px),
                is_known: true,
                ..file
            },
            None => file,
        }
    }
}

fn is_plain(file: &ModelFile) -> bool {
    (file.prediction, file.distillation, file.native_px) == (None, None, None)
}

fn length(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |file| file.len())
}

//! [`Library`]: the models of this machine: those beside the program and in the user's data folder, in
//! folders that the user added, and in what other programs keep in their usual places. Of a file only
//! the header is read, once: what it is is remembered by its path, size and time.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use super::card::{self, ModelCard};
use super::chosen::Choices;
use super::identity::{identity, sha256_of_file};
use super::inspect::{self, Foreign};
use super::lora::LoraRef;
use super::places::{self, Places};
use super::tiny_autoencoders::{self, TinyAutoencoder};
use super::{CatalogError, ModelFile, ModelRef, checkpoint, folders};

/// What is remembered of the files that were looked at.
const SEEN: &str = "models-seen.json";
/// Raised when cards are made in another way.
const SEEN_FORMAT: u32 = 3;

/// The models of this machine.
#[derive(Debug)]
pub struct Library {
    data_dir: PathBuf,
    places: Places,
    choices: Choices,
    seen: BTreeMap<PathBuf, Seen>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct SeenFile {
    format: u32,
    files: BTreeMap<PathBuf, Seen>,
}

/// Seconds and nanoseconds since 1970.
type Time = (u64, u32);

/// A file as it was when its header was read, and what it was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Seen {
    bytes: u64,
    modified: Time,
    /// Of the files beside it that say something of it.
    beside: Vec<Time>,
    card: Result<ModelCard, CatalogError>,
}

impl Library {
    /// The library that is remembered in `data_dir`.
    pub fn open(data_dir: &Path) -> Self {
        let seen = std::fs::read(data_dir.join(SEEN)).ok();
        let seen = seen.and_then(|bytes| serde_json::from_slice::<SeenFile>(&bytes).ok());
        let seen = seen.filter(|seen| seen.format == SEEN_FORMAT);
        Self {
            data_dir: data_dir.to_path_buf(),
            places: Places::read(data_dir),
            choices: Choices::read(data_dir),
            seen: seen.unwrap_or_default().files,
        }
    }

    /// Remembers a file or a folder with models. Says how many models there are in it; none is an
    /// error, and nothing is remembered.
    pub fn add(&mut self, path: &Path) -> Result<usize, CatalogError> {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        let found = if path.is_dir() && !folders::is_named_as_model(&path) {
            places::models_in(&path).len()
        } else {
            // Says why it is none.
            card::open(&ModelRef::at(path.clone()))?;
            1
        };
        if found == 0 {
            return Err(inspect::folder(&path));
        }
        self.places.add(path);
        self.places.write(&self.data_dir)?;
        Ok(found)
    }

    /// Remembers a model that was chosen, where it would not be found again.
    pub fn remember(&mut self, model: &ModelRef) -> Result<(), CatalogError> {
        let Some(path) = model.path() else {
            return Ok(());
        };
        let is_found = folders::roots().iter().any(|root| path.starts_with(root))
            || self.places.models().iter().any(|known| known == path);
        if is_found {
            Ok(())
        } else {
            self.add(path).map(drop)
        }
    }

    /// Remembers what was chosen by hand for a checkpoint, wherever it will lie and whatever it will be
    /// called; where nothing is chosen, forgets it.
    pub fn choose(&mut self, file: &ModelFile) -> Result<(), CatalogError> {
        self.choices.set(file)?;
        self.choices.write(&self.data_dir)?;
        let length = std::fs::metadata(&file.path).map_or(0, |file| file.len());
        // Another copy of it has changed too.
        self.seen.retain(|_, seen| seen.bytes != length);
        self.write_seen();
        Ok(())
    }

    /// A checkpoint here that may be a well-known one and was not read whole yet.
    pub fn unrecognised(&self) -> Option<PathBuf> {
        let paths = folders::checkpoints()
            .into_iter()
            .chain(self.places.models());
        let mut files = paths.filter(|path| path.is_file());
        files.find(|path| self.choices.is_to_be_read(path))
    }

    /// Reads a checkpoint whole, in tens of seconds for the larger ones, and remembers its SHA-256. True
    /// where it is a well-known one; ends early, and remembers nothing, when `is_stopped` says so.
    pub fn recognise(
        &mut self,
        path: &Path,
        is_stopped: &dyn Fn() -> bool,
    ) -> Result<bool, CatalogError> {
        let Some(sha256) = sha256_of_file(path, is_stopped)? else {
            return Ok(false);
        };
        // Others may have written meanwhile.
        self.choices = Choices::read(&self.data_dir);
        let is_known = self.choices.set_sha256(path, sha256)?;
        self.choices.write(&self.data_dir)?;
        if is_known {
            self.seen.remove(path);
            self.write_seen();
        }
        Ok(is_known)
    }

    /// The model with what was chosen for its file earlier, where nothing is chosen now.
    #[must_use]
    pub fn as_chosen(&self, model: ModelRef) -> ModelRef {
        match model {
            ModelRef::File(file) => ModelRef::File(self.choices.of(file)),
            other => other,
        }
    }

    /// Every model there is: the built-in one, then those of the `models` folders by name, then all
    /// others. What looks like a model but cannot be offered is an entry that says why.
    pub fn list(&mut self) -> Vec<Result<ModelCard, CatalogError>> {
        let mut cards = folders::list();
        let mut known: BTreeSet<PathBuf> = cards
            .iter()
            .filter_map(|card| Some(card.as_ref().ok()?.reference.path()?.to_path_buf()))
            .collect();
        let before = self.seen.len();
        let mut is_new = false;
        for path in folders::checkpoints()
            .into_iter()
            .chain(self.places.models())
        {
            if !known.insert(path.clone()) {
                continue;
            }
            let (card, was_read) = self.card(&path);
            is_new |= was_read;
            let is_addition = matches!(
                card,
                Err(CatalogError::Foreign {
                    what: Foreign::Addition(_),
                    ..
                })
            );
            // What goes with models lies among them, and is no mistake.
            if !is_addition {
                cards.push(card);
            }
        }
        self.seen.retain(|path, _| known.contains(path));
        if is_new || self.seen.len() != before {
            self.write_seen();
        }
        cards
    }

    /// The model of that id or path, see [`resolve`](super::folders::resolve); then one of all others
    /// by its name.
    pub fn resolve(&self, id_or_path: &str) -> Result<ModelRef, CatalogError> {
        let found = folders::resolve(id_or_path).or_else(|error| {
            let models = self.places.models().into_iter().map(ModelRef::at);
            let is_it = |model: &ModelRef| {
                let file = model.path().and_then(Path::file_name);
                model.name() == id_or_path || file == Some(id_or_path.as_ref())
            };
            models.into_iter().find(is_it).ok_or(error)
        });
        found.map(|model| self.as_chosen(model))
    }

    /// Every model that is not the built-in one, as it was chosen to run, without a look into it.
    pub fn models(&self) -> Vec<ModelRef> {
        let paths = folders::checkpoints()
            .into_iter()
            .chain(self.places.models());
        paths
            .map(|path| self.as_chosen(ModelRef::at(path)))
            .collect()
    }

    /// The LoRA of that path, or of that name with or without its ending among all LoRAs.
    pub fn find_lora(&self, name_or_path: &str) -> Result<LoraRef, CatalogError> {
        let path = PathBuf::from(name_or_path);
        if path.is_file() {
            return LoraRef::at(&path);
        }
        let is_it = |file: &PathBuf| {
            file.file_name() == Some(name_or_path.as_ref())
                || file.file_stem() == Some(name_or_path.as_ref())
        };
        LoraRef::at(&self.lora_files().into_iter().find(is_it).unwrap_or(path))
    }

    /// The same LoRA where it lies on this machine, found by its name, else by what it is; unchanged where
    /// it is not found, or lies on a server.
    pub fn found_lora(&self, lora: LoraRef) -> LoraRef {
        let is_here = lora.path.is_absolute() && lora.path.is_file();
        if is_here || lora.name_there().is_some() {
            return lora;
        }
        let files = self.lora_files();
        let (name, stem) = (lora.path.file_name(), lora.name());
        let is_named_so = |file: &&PathBuf| {
            // Other programs leave the ending out.
            file.file_name() == name || file.file_stem() == Some(stem.as_ref())
        };
        let mut same = files.iter().filter(is_named_so);
        let found = same.find_map(|file| LoraRef::at(file).ok().filter(|it| lora.is_same(it)));
        // It may have been renamed; that takes a look into all.
        let renamed = || {
            let is_it = |file: &&PathBuf| identity(file).is_ok_and(|it| it == lora.identity);
            LoraRef::at(files.iter().find(is_it)?).ok()
        };
        found.or_else(renamed).unwrap_or(lora)
    }

    /// Files of LoRAs.
    pub fn lora_files(&self) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> = folders::roots()
            .iter()
            .flat_map(|root| inspect::entries(&root.join("loras")))
            .filter(|file| inspect::has_weights(file))
            .collect();
        files.extend(self.places.loras());
        files
    }

    /// The file of MobileSAM, which selects what is clicked on, told by its name.
    pub fn segmenter(&self) -> Option<PathBuf> {
        let mut files = folders::checkpoints()
            .into_iter()
            .chain(self.places.models());
        files.find(|file| {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            name.to_ascii_lowercase().starts_with("mobile_sam")
        })
    }

    /// Tiny autoencoders in all places. Of each small file there the header is read.
    pub fn tiny_autoencoders(&self) -> Vec<TinyAutoencoder> {
        let files = self.places.small_weights(tiny_autoencoders::MOST_BYTES);
        let found = files.iter().filter_map(|path| TinyAutoencoder::at(path));
        found.collect()
    }

    /// The tiny autoencoder that makes previews of that model, if there is one; it may say why it cannot.
    pub fn preview_autoencoder(&self, card: &ModelCard) -> Option<TinyAutoencoder> {
        card.latent_space?;
        TinyAutoencoder::for_model(&self.tiny_autoencoders(), card).cloned()
    }

    /// The card of what lies at `path`, and whether it was read now.
    fn card(&mut self, path: &Path) -> (Result<ModelCard, CatalogError>, bool) {
        let stamp = std::fs::metadata(path)
            .ok()
            .filter(std::fs::Metadata::is_file);
        let stamp = stamp.and_then(|metadata| Some((metadata.len(), time_of(&metadata)?)));
        let Some((bytes, modified)) = stamp else {
            return (card::open(&ModelRef::at(path.to_path_buf())), true);
        };
        let beside: Vec<Time> = checkpoint::beside::places(path)
            .iter()
            .filter_map(|place| time_of(&std::fs::metadata(place).ok()?))
            .collect();
        if let Some(seen) = self.seen.get(path)
            && (seen.bytes, seen.modified, &seen.beside) == (bytes, modified, &beside)
        {
            return (seen.card.clone(), false);
        }
        let card = card::open(&self.as_chosen(ModelRef::at(path.to_path_buf())));
        let seen = Seen {
            bytes,
            modified,
            beside,
            card: card.clone(),
        };
        self.seen.insert(path.to_path_buf(), seen);
        (card, true)
    }

    /// A failure costs reading the headers again.
    fn write_seen(&self) {
        let file = SeenFile {
            format: SEEN_FORMAT,
            files: self.seen.clone(),
        };
        if let Ok(bytes) = serde_json::to_vec(&file) {
            places::write_whole(&self.data_dir, SEEN, &bytes).ok();
        }
    }
}

fn time_of(file: &std::fs::Metadata) -> Option<Time> {
    let modified = file.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some((modified.as_secs(), modified.subsec_nanos()))
}

#[cfg(test)]
mod tests;

//! [`Journal`]: what is done, so that a batch can be killed at any moment and go on.
//!
//! In [redb](https://docs.rs/redb), not in SQLite through rusqlite: both keep their promise when the
//! program is killed (redb's commit with `Durability::Immediate`, its default, has reached the disk when
//! it returns, and after a crash the last commit with a valid checksum is what is there). redb is Rust
//! alone, where rusqlite builds 250 000 lines of C for each target; and of SQL nothing is needed here
//! but a key and a value. redb locks its file, so that two batches never write into one folder. What
//! people want to read of a batch is its `report.csv`.
//!
//! Order of writing: an output lies whole under its own name (temporary file, fsync, rename) before it
//! is journaled. So what the journal calls done is done; what was renamed and not yet journaled is made
//! again, to the same bytes. Before an output is begun its name is claimed, so that such a file is known
//! as ours and any other file of that name is left alone.

use std::path::{Path, PathBuf};
use std::time::Duration;

use redb::{Database, ReadableDatabase as _, ReadableTable as _, TableDefinition};
use serde::{Deserialize, Serialize};

use super::doubt::Doubt;
use super::key::Key;
use crate::geometry::Extent;
use crate::raster::file::MaskChannel;
use crate::raster::{Mask, PictureError, file};
use crate::text::{Explain, Message, error_speaks};

/// Folder of the journal and the masks, in the output folder.
pub const BATCH_FOLDER: &str = ".overpaint-batch";
const FILE: &str = "journal.redb";
const FORMAT: &str = "1";

const ABOUT: TableDefinition<'_, &str, &str> = TableDefinition::new("about");
/// Job's key → [`Done`], as JSON.
const DONE: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("done");
/// Output's name → key of the job that may write it.
const CLAIMS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("claims");
/// Selection's key → [`KnownMask`], as JSON.
const MASKS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("masks");
/// A mask's place in a review → SHA-256 of what was laid out there.
const LAID_OUT: TableDefinition<'_, &str, &str> = TableDefinition::new("laid out");

/// A result that is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Done {
    /// Its file, below the output folder.
    pub output: String,
    /// What computed it, such as `cpu avx512`.
    pub engine: String,
    /// The model's name and identity; empty where none was needed.
    pub model: (String, String),
    /// What it took.
    pub seconds: f64,
    /// SHA-256 of the file.
    pub bytes: String,
}

/// A selection that was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KnownMask {
    /// How much it wants a look; `None`: there is no such part.
    pub doubt: Option<Doubt>,
    /// Why there is none.
    pub missing: Option<Message>,
    /// SHA-256 of its file; empty where there is none.
    pub bytes: String,
}

/// What is done in one output folder.
#[derive(Debug)]
pub struct Journal {
    database: Database,
    out: PathBuf,
}

/// Why there is no journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JournalError {
    /// A batch was here before, and nobody said that it goes on.
    Exists(PathBuf),
    /// Another program works in this folder.
    InUse(PathBuf),
    /// A newer program wrote it.
    Newer(PathBuf),
    /// It cannot be read or written.
    Failed {
        /// The folder.
        path: PathBuf,
        /// What the database says.
        why: String,
    },
    /// The output folder takes no more files.
    NoRoom {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
    /// A mask cannot be kept.
    Mask(PictureError),
}

/// A program that was killed holds its lock for a moment longer.
fn opened(path: &Path) -> Result<Database, redb::DatabaseError> {
    const TRIES: u32 = 20;
    const PAUSE: Duration = Duration::from_millis(100);
    for _ in 1..TRIES {
        match Database::open(path) {
            Err(redb::DatabaseError::DatabaseAlreadyOpen) => std::thread::sleep(PAUSE),
            done => return done,
        }
    }
    Database::open(path)
}

impl From<PictureError> for JournalError {
    fn from(error: PictureError) -> Self {
        Self::Mask(error)
    }
}

impl Explain for JournalError {
    fn message(&self) -> Message {
        match self {
            Self::Exists(path) => Message::new("bulk-journal-exists").with("path", path.as_path()),
            Self::InUse(path) => Message::new("bulk-journal-in-use").with("path", path.as_path()),
            Self::Newer(path) => Message::new("bulk-journal-newer").with("path", path.as_path()),
            Self::Failed { path, why } => Message::new("bulk-journal-failed")
                .with("path", path.as_path())
                .with("why", why.clone()),
            Self::NoRoom { path, why } => Message::new("bulk-no-room")
                .with("path", path.as_path())
                .with("why", why.clone()),
            Self::Mask(error) => error.message(),
        }
    }
}

error_speaks!(JournalError);

impl Journal {
    /// Opens the journal of `out`, a folder that is made where it is missing. One that is there already
    /// is gone on with only where `is_resumed`. Left-overs of a killed batch are removed.
    pub fn open(out: &Path, is_resumed: bool) -> Result<Self, JournalError> {
        let failed = |why: String| JournalError::Failed {
            path: out.to_owned(),
            why,
        };
        let folder = out.join(BATCH_FOLDER);
        let path = folder.join(FILE);
        if path.exists() && !is_resumed {
            return Err(JournalError::Exists(out.to_owned()));
        }
        std::fs::create_dir_all(folder.join("masks")).map_err(|error| failed(error.to_string()))?;
        if !path.exists() {
            // Born whole: a program killed here leaves no half database behind.
            let new = folder.join(format!("{FILE}.new"));
            drop(std::fs::remove_file(&new));
            let database = Database::create(&new).map_err(|error| failed(error.to_string()))?;
            prepare(&database).map_err(|error| failed(error.to_string()))?;
            drop(database);
            std::fs::rename(&new, &path).map_err(|error| failed(error.to_string()))?;
        }
        let database = opened(&path).map_err(|error| match error {
            redb::DatabaseError::DatabaseAlreadyOpen => JournalError::InUse(out.to_owned()),
            other => failed(other.to_string()),
        })?;
        let journal = Self {
            database,
            out: out.to_owned(),
        };
        if journal.about("format")?.as_deref() != Some(FORMAT) {
            return Err(JournalError::Newer(out.to_owned()));
        }
        // One from before there was a table has it from now on.
        prepare(&journal.database).map_err(|error| failed(error.to_string()))?;
        remove_leftovers(out).map_err(|error| failed(error.to_string()))?;
        Ok(journal)
    }

    /// The output folder.
    pub fn out(&self) -> &Path {
        &self.out
    }

    /// The result of that job, where it was written and still lies there.
    pub fn done(&self, key: &Key) -> Result<Option<Done>, JournalError> {
        let done: Option<Done> = self.get(DONE, key)?;
        Ok(done.filter(|done| self.out.join(&done.output).is_file()))
    }

    /// Every result that was ever written, by name.
    pub fn all_done(&self) -> Result<Vec<Done>, JournalError> {
        let read = || -> Result<Vec<Done>, redb::Error> {
            let table = self.database.begin_read()?.open_table(DONE)?;
            let mut all = Vec::new();
            for entry in table.iter()? {
                let (_, value) = entry?;
                all.extend(serde_json::from_slice::<Done>(value.value()));
            }
            Ok(all)
        };
        let mut all = read().map_err(|error| self.failed(&error))?;
        all.sort_by(|a, b| a.output.cmp(&b.output));
        Ok(all)
    }

    /// Claims the names of outputs that are about to be written: what a name held under another key is done no
    /// longer. Where `is_redo` a result is put in the place of one that stays done as it was, and only a name that
    /// is new is claimed. The name of a file that is there and was never claimed comes back: it is somebody else's.
    pub fn claim<'a>(
        &self,
        outputs: impl IntoIterator<Item = (&'a str, &'a Key)>,
        is_redo: bool,
    ) -> Result<Option<String>, JournalError> {
        let write = || -> Result<Option<String>, redb::Error> {
            let transaction = self.database.begin_write()?;
            {
                let mut claims = transaction.open_table(CLAIMS)?;
                let mut done = transaction.open_table(DONE)?;
                for (output, key) in outputs {
                    let before = claims.get(output)?.map(|before| before.value().to_vec());
                    if before.is_none() && self.out.join(output).symlink_metadata().is_ok() {
                        return Ok(Some(output.to_owned()));
                    }
                    if is_redo && before.is_some() {
                        continue;
                    }
                    if let Some(before) = before.filter(|before| before != key.bytes()) {
                        done.remove(before.as_slice())?;
                    }
                    claims.insert(output, key.bytes())?;
                }
            }
            transaction.commit()?;
            Ok(None)
        };
        write().map_err(|error| self.failed(&error))
    }

    /// Says that a result lies whole under its name.
    pub fn say_done(&self, key: &Key, done: &Done) -> Result<(), JournalError> {
        let value = serde_json::to_vec(done).map_err(|error| self.failed(&error))?;
        let write = || -> Result<(), redb::Error> {
            let transaction = self.database.begin_write()?;
            transaction
                .open_table(DONE)?
                .insert(key.bytes(), value.as_slice())?;
            // The one that was claimed may be another engine's.
            transaction
                .open_table(CLAIMS)?
                .insert(done.output.as_str(), key.bytes())?;
            transaction.commit()?;
            Ok(())
        };
        write().map_err(|error| self.failed(&error))
    }

    /// Whether the output folder takes files at all: it does not where its disk is full, or nobody may write there.
    pub fn check_room(&self) -> Result<(), JournalError> {
        const PROBE_BYTES: usize = 1 << 20;
        let path = self.out.join(BATCH_FOLDER).join("probe");
        let written = std::fs::write(&path, vec![0u8; PROBE_BYTES]);
        let written = written.and_then(|()| std::fs::remove_file(&path));
        written.map_err(|error| {
            drop(std::fs::remove_file(&path));
            JournalError::NoRoom {
                path: self.out.clone(),
                why: error.to_string(),
            }
        })
    }

    /// A selection made before.
    pub fn known_mask(&self, key: &Key) -> Result<Option<KnownMask>, JournalError> {
        self.get(MASKS, key)
    }

    /// SHA-256 of the mask that was laid out at that place for a look, if one was.
    pub fn laid_out(&self, place: &str) -> Result<Option<String>, JournalError> {
        let read = || -> Result<Option<String>, redb::Error> {
            let table = self.database.begin_read()?.open_table(LAID_OUT)?;
            Ok(table.get(place)?.map(|value| value.value().to_owned()))
        };
        read().map_err(|error| self.failed(&error))
    }

    /// Says what lies there. Whatever else is found at that place later is somebody else's.
    pub fn say_laid_out(&self, place: &str, bytes: &str) -> Result<(), JournalError> {
        let write = || -> Result<(), redb::Error> {
            let transaction = self.database.begin_write()?;
            transaction.open_table(LAID_OUT)?.insert(place, bytes)?;
            transaction.commit()?;
            Ok(())
        };
        write().map_err(|error| self.failed(&error))
    }

    /// Its pixels; `None` where they were removed.
    pub fn mask(&self, key: &Key, extent: Extent) -> Result<Option<Mask>, JournalError> {
        let path = self.mask_path(key);
        if !path.is_file() {
            return Ok(None);
        }
        Ok(Some(
            file::load_mask(&path, extent, MaskChannel::Auto)?.mask,
        ))
    }

    /// Keeps a selection.
    pub fn keep_mask(
        &self,
        key: &Key,
        mask: Option<&Mask>,
        mut known: KnownMask,
    ) -> Result<KnownMask, JournalError> {
        if let Some(mask) = mask {
            let bytes = file::mask_bytes(mask)?;
            known.bytes = Key::of(&bytes).hex();
            file::write_whole(&self.mask_path(key), |file| {
                Ok(std::io::Write::write_all(file, &bytes)?)
            })?;
        }
        self.put(MASKS, key, &known)?;
        Ok(known)
    }

    /// Where a selection's pixels lie.
    pub fn mask_path(&self, key: &Key) -> PathBuf {
        self.out
            .join(BATCH_FOLDER)
            .join("masks")
            .join(format!("{}.png", key.hex()))
    }

    fn about(&self, name: &str) -> Result<Option<String>, JournalError> {
        let read = || -> Result<Option<String>, redb::Error> {
            let table = self.database.begin_read()?.open_table(ABOUT)?;
            Ok(table.get(name)?.map(|value| value.value().to_owned()))
        };
        read().map_err(|error| self.failed(&error))
    }

    fn get<T: serde::de::DeserializeOwned>(
        &self,
        table: TableDefinition<'_, &[u8], &[u8]>,
        key: &Key,
    ) -> Result<Option<T>, JournalError> {
        let read = || -> Result<Option<Vec<u8>>, redb::Error> {
            let table = self.database.begin_read()?.open_table(table)?;
            Ok(table.get(key.bytes())?.map(|value| value.value().to_vec()))
        };
        let value = read().map_err(|error| self.failed(&error))?;
        value
            .map(|value| serde_json::from_slice(&value).map_err(|error| self.failed(&error)))
            .transpose()
    }

    fn put(
        &self,
        table: TableDefinition<'_, &[u8], &[u8]>,
        key: &Key,
        value: &impl Serialize,
    ) -> Result<(), JournalError> {
        let value = serde_json::to_vec(value).map_err(|error| self.failed(&error))?;
        let write = || -> Result<(), redb::Error> {
            let transaction = self.database.begin_write()?;
            transaction
                .open_table(table)?
                .insert(key.bytes(), value.as_slice())?;
            transaction.commit()?;
            Ok(())
        };
        write().map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &dyn std::fmt::Display) -> JournalError {
        JournalError::Failed {
            path: self.out.clone(),
            why: error.to_string(),
        }
    }
}

fn prepare(database: &Database) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    transaction.open_table(ABOUT)?.insert("format", FORMAT)?;
    transaction.open_table(DONE)?;
    transaction.open_table(CLAIMS)?;
    transaction.open_table(MASKS)?;
    transaction.open_table(LAID_OUT)?;
    transaction.commit()?;
    Ok(())
}

/// Removes temporary files (`file::write_whole`) that a killed batch has left; the journal's lock says
/// that nobody writes them any more.
fn remove_leftovers(folder: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_leftovers(&entry.path())?;
            continue;
        }
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(".overpaint-") && name.ends_with(".part") {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "journal_tests.rs"]
mod tests;

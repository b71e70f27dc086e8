//! [`transfer`]: one file, from wherever it stands to whole and checked.
//!
//! It grows as `NAME.part`; beside it `NAME.part.json` says of which address and state of the file those bytes
//! are, written before the first of them. A kill at any moment leaves bytes that a later start can trust, or
//! throws away: it hashes what is there, asks for the rest with `If-Range`, and compares the checksum at the end.

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::Watch;
use super::client::{Client, Head, Request};
use super::error::DownloadError;
use super::meter::Meter;
use super::parcel::{RemoteFile, hex, sha256_of};
use super::stream::{self, Piece, Stream};
use super::work;
use crate::catalog::{CatalogError, foreign_head};

/// Bytes by which a file is told.
const HEAD_BYTES: usize = 512;

/// Fetches `file` to `to`, going on from what is there.
pub(super) fn transfer(
    client: &Client,
    file: &RemoteFile,
    to: &Path,
    meter: &mut Meter,
    watch: &mut dyn Watch,
) -> Result<(), DownloadError> {
    if let Ok(there) = fs::metadata(to) {
        // It was renamed, so it was checked.
        meter.found(there.len());
        return Ok(());
    }
    let mut part = Part::open(file, to, watch)?;
    meter.found(part.have);
    let mut was_wrong = false;
    loop {
        stream::with_retries(client, watch, |watch| {
            let before = part.furthest;
            let result = part.go_on(client, meter, watch);
            (result, part.furthest > before)
        })?;
        if part.is_right() {
            return part.finish(to);
        }
        part.begin_anew(meter)?;
        if std::mem::replace(&mut was_wrong, true) {
            part.remove();
            return Err(DownloadError::WrongChecksum(file.path.clone()));
        }
    }
}

/// What is known of the bytes of a part.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Note {
    url: String,
    etag: Option<String>,
    bytes: Option<u64>,
    sha256: Option<String>,
}

/// A file that grows.
struct Part<'a> {
    wanted: &'a RemoteFile,
    path: PathBuf,
    note_path: PathBuf,
    note: Note,
    file: File,
    have: u64,
    /// The most it ever had in this run.
    furthest: u64,
    hash: Sha256,
    /// Its first bytes.
    begin: Vec<u8>,
    /// These were looked at.
    is_known: bool,
}

/// `path` with `ending` behind its name.
fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    path.with_file_name(name)
}

impl<'a> Part<'a> {
    fn open(wanted: &'a RemoteFile, to: &Path, watch: &dyn Watch) -> Result<Self, DownloadError> {
        let (path, note_path) = (with_ending(to, ".part"), with_ending(to, ".part.json"));
        let failed = |error: &std::io::Error| DownloadError::of_io(&path, error);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|error| failed(&error))?;
        }
        let fresh = Note {
            url: wanted.url.clone(),
            etag: None,
            bytes: wanted.bytes,
            sha256: wanted.sha256.clone(),
        };
        let before = fs::read(&note_path).ok();
        let before = before.and_then(|bytes| serde_json::from_slice::<Note>(&bytes).ok());
        // Only bytes of the same file can be gone on from.
        let before = before.filter(|note| {
            note.url == wanted.url
                && (wanted.bytes.is_none() || note.bytes == wanted.bytes)
                && (wanted.sha256.is_none() || note.sha256 == wanted.sha256)
        });
        let keeps = before.is_some();
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        let file = options.open(&path).map_err(|error| failed(&error))?;
        let mut part = Self {
            wanted,
            note: before.unwrap_or(fresh),
            file,
            have: 0,
            furthest: 0,
            hash: Sha256::new(),
            begin: Vec::new(),
            is_known: false,
            path,
            note_path,
        };
        if keeps {
            part.read_what_is_there(watch)?;
        } else {
            part.truncate()?;
        }
        Ok(part)
    }

    fn failed(&self, error: &std::io::Error) -> DownloadError {
        DownloadError::of_io(&self.path, error)
    }

    fn read_what_is_there(&mut self, watch: &dyn Watch) -> Result<(), DownloadError> {
        let mut reader = File::open(&self.path).map_err(|error| self.failed(&error))?;
        let mut chunk = vec![0; 1 << 20];
        loop {
            if watch.is_stopped() {
                return Err(DownloadError::Cancelled);
            }
            let count = reader
                .read(&mut chunk)
                .map_err(|error| self.failed(&error))?;
            let Some(bytes) = chunk.get(..count).filter(|bytes| !bytes.is_empty()) else {
                break;
            };
            self.take_in(bytes);
        }
        self.furthest = self.have;
        if self.note.bytes.is_some_and(|bytes| self.have > bytes) {
            self.truncate()?;
        }
        Ok(())
    }

    /// Counts and hashes bytes that are on the disk.
    fn take_in(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.have += bytes.len() as u64;
        let missing = HEAD_BYTES.saturating_sub(self.begin.len()).min(bytes.len());
        self.begin.extend(bytes.get(..missing).unwrap_or_default());
    }

    fn truncate(&mut self) -> Result<(), DownloadError> {
        self.file.set_len(0).map_err(|error| self.failed(&error))?;
        self.have = 0;
        self.hash = Sha256::new();
        self.begin.clear();
        self.is_known = false;
        Ok(())
    }

    fn begin_anew(&mut self, meter: &mut Meter) -> Result<(), DownloadError> {
        meter.lost(self.have);
        self.note.etag = None;
        self.note.bytes = self.wanted.bytes;
        self.note.sha256.clone_from(&self.wanted.sha256);
        self.truncate()
    }

    /// Asks for what is missing and takes in what comes. Ok when all is there.
    fn go_on(
        &mut self,
        client: &Client,
        meter: &mut Meter,
        watch: &mut dyn Watch,
    ) -> Result<(), DownloadError> {
        if self.have > 0 && self.note.bytes == Some(self.have) {
            return Ok(());
        }
        // Without a name of its state or a checksum nothing says that the rest would fit.
        if self.have > 0 && self.note.etag.is_none() && self.note.sha256.is_none() {
            self.begin_anew(meter)?;
        }
        let goes_on = self.have > 0;
        let stream = Stream::open(
            client,
            Request {
                url: self.wanted.url.clone(),
                range: goes_on.then(|| format!("bytes={}-", self.have)),
                if_range: self.note.etag.clone().filter(|_| goes_on),
            },
        )?;
        let head = stream.head(watch)?;
        let fits = match head.status {
            206 => head.start == Some(self.have) && self.is_same(&head),
            416 if head.total == Some(self.have) && self.is_same(&head) => {
                self.note.bytes = Some(self.have);
                return Ok(());
            }
            416 => false,
            _ => !goes_on,
        };
        if !fits {
            // The file is another one now, or the server begins at its beginning.
            self.begin_anew(meter)?;
            if head.status != 200 {
                return Err(DownloadError::Unreachable {
                    host: super::address::host(&self.wanted.url),
                    why: format!("{}: no part of the file", head.status),
                });
            }
        }
        self.learn(&head)?;
        loop {
            match stream.next(watch)? {
                Piece::Bytes(bytes) => self.append(&bytes, meter, watch)?,
                Piece::Head(_) => {}
                Piece::End => break,
            }
        }
        self.look_at_begin()?;
        let have = self.have;
        match *self.note.bytes.get_or_insert(have) {
            bytes if have < bytes => Err(DownloadError::Unreachable {
                host: super::address::host(&self.wanted.url),
                why: format!("cut after {have} of {bytes} bytes"),
            }),
            _ => Ok(()),
        }
    }

    fn is_same(&self, head: &Head) -> bool {
        match (&self.note.etag, &head.etag) {
            (Some(before), Some(now)) => before == now,
            _ => true,
        }
    }

    /// Compares what the server says now with what it said before, and writes it down.
    fn learn(&mut self, head: &Head) -> Result<(), DownloadError> {
        let total = match head.status {
            206 => head.total,
            _ => head.length,
        };
        for said in [total, head.linked_size].into_iter().flatten() {
            let wanted = *self.note.bytes.get_or_insert(said);
            if said != wanted {
                return Err(DownloadError::WrongSize {
                    file: self.wanted.path.clone(),
                    wanted,
                    got: said,
                });
            }
        }
        if self.note.sha256.is_none() {
            self.note.sha256 = head.linked_etag.as_deref().and_then(sha256_of);
        }
        self.note.etag = head.etag.clone().or_else(|| self.note.etag.take());
        if let (None, Some(bytes), Some(folder)) =
            (self.wanted.bytes, self.note.bytes, self.path.parent())
        {
            work::check_room(folder, bytes.saturating_sub(self.have))?;
        }
        work::write(&self.note_path, &self.note)
    }

    fn append(
        &mut self,
        bytes: &[u8],
        meter: &mut Meter,
        watch: &mut dyn Watch,
    ) -> Result<(), DownloadError> {
        let after = self.have + bytes.len() as u64;
        if let Some(wanted) = self.note.bytes.filter(|wanted| after > *wanted) {
            self.remove();
            return Err(DownloadError::WrongSize {
                file: self.wanted.path.clone(),
                wanted,
                got: after,
            });
        }
        self.file
            .write_all(bytes)
            .map_err(|error| self.failed(&error))?;
        self.take_in(bytes);
        self.furthest = self.furthest.max(self.have);
        if self.begin.len() == HEAD_BYTES {
            self.look_at_begin()?;
        }
        if let Some(progress) = meter.came(bytes.len() as u64, Instant::now()) {
            watch.progress(&progress);
        }
        Ok(())
    }

    /// An error where the first bytes are those of a web page or a stand-in.
    fn look_at_begin(&mut self) -> Result<(), DownloadError> {
        if std::mem::replace(&mut self.is_known, true) {
            return Ok(());
        }
        match foreign_head(&self.begin) {
            Some(what) => {
                self.remove();
                let path = self.wanted.path.clone().into();
                Err(DownloadError::Foreign(CatalogError::Foreign { path, what }))
            }
            None => Ok(()),
        }
    }

    /// True where the checksum is the one that was promised, or none was.
    fn is_right(&self) -> bool {
        let hash = self.hash.clone().finalize();
        let hash = hex(&hash);
        self.note
            .sha256
            .as_ref()
            .is_none_or(|wanted| *wanted == hash)
    }

    fn finish(self, to: &Path) -> Result<(), DownloadError> {
        let placed = self
            .file
            .sync_all()
            .and_then(|()| fs::rename(&self.path, to));
        placed.map_err(|error| self.failed(&error))?;
        // Without its part it says nothing.
        drop(fs::remove_file(&self.note_path));
        Ok(())
    }

    fn remove(&self) {
        // What stays is thrown away by the next start.
        drop(fs::remove_file(&self.note_path));
        drop(fs::remove_file(&self.path));
    }
}

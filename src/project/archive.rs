//! The zip around a project: entries are read within bounds, and written or taken over as they are.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufReader, Read as _, Seek, Write};
use std::path::{Path, PathBuf};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::error::ProjectError;
use crate::raster::Picture;
use crate::raster::file::load_bytes;

/// First entry of every OpenRaster archive, and what stands in it.
pub(super) const MIMETYPE: (&str, &[u8]) = ("mimetype", b"image/openraster");
/// Bytes that are read at once: entries that are taken over are hundreds of megabytes.
const BUFFER_BYTES: usize = 1 << 20;
/// The most bytes that any entry may unpack to.
const MOST_ENTRY_BYTES: u64 = 2 << 30;

pub(super) type AnyError = Box<dyn std::error::Error>;

/// An archive that is being read.
pub(super) struct Archive {
    zip: ZipArchive<BufReader<File>>,
    path: PathBuf,
}

impl Archive {
    /// Opens the archive; what is no OpenRaster archive is refused.
    pub(super) fn open(path: &Path) -> Result<Self, ProjectError> {
        let file = File::open(path).map_err(|error| ProjectError::Read {
            path: path.to_path_buf(),
            why: error.to_string(),
        })?;
        let none = || ProjectError::NotAProject {
            path: path.to_path_buf(),
        };
        let zip =
            ZipArchive::new(BufReader::with_capacity(BUFFER_BYTES, file)).map_err(|_| none())?;
        let mut archive = Self {
            zip,
            path: path.to_path_buf(),
        };
        let kind = archive.bytes_up_to(MIMETYPE.0, 64).map_err(|_| none())?;
        if kind.trim_ascii() == MIMETYPE.1 {
            Ok(archive)
        } else {
            Err(none())
        }
    }

    /// The names of all entries.
    pub(super) fn names(&self) -> Vec<String> {
        let names = self.zip.file_names();
        names.flatten().map(Cow::into_owned).collect()
    }

    /// Whether there is such an entry.
    pub(super) fn has(&self, name: &str) -> bool {
        self.zip.index_for_name(name).is_some()
    }

    /// An entry.
    pub(super) fn bytes(&mut self, name: &str) -> Result<Vec<u8>, ProjectError> {
        self.bytes_up_to(name, MOST_ENTRY_BYTES)
    }

    /// An entry that is text of at most `most` bytes.
    pub(super) fn text(&mut self, name: &str, most: u64) -> Result<String, ProjectError> {
        let bytes = self.bytes_up_to(name, most)?;
        String::from_utf8(bytes).map_err(|error| self.damaged(name, &error))
    }

    fn bytes_up_to(&mut self, name: &str, most: u64) -> Result<Vec<u8>, ProjectError> {
        let read = |zip: &mut ZipArchive<BufReader<File>>| -> Result<Vec<u8>, AnyError> {
            // Not what the archive says of its size, but what there is, is believed.
            let mut entry = zip.by_name(name)?.take(most + 1);
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes)?;
            if bytes.len() as u64 > most {
                return Err("it is too large".into());
            }
            Ok(bytes)
        };
        read(&mut self.zip).map_err(|error| self.damaged(name, &error))
    }

    /// PNG entries: read one after the other, each decoded beside the reading of the next.
    pub(super) fn pictures(&mut self, entries: &[&str]) -> Result<Vec<Picture>, ProjectError> {
        let mut decoded: Vec<_> = entries.iter().map(|_| None).collect();
        rayon::in_place_scope(|scope| {
            for (entry, place) in entries.iter().zip(&mut decoded) {
                let bytes = self.bytes(entry)?;
                scope.spawn(move |_| *place = Some(load_bytes(&bytes, Path::new(entry))));
            }
            Ok::<_, ProjectError>(())
        })?;
        let pictures = entries.iter().zip(decoded).filter_map(|(entry, loaded)| {
            let loaded = loaded?.map_err(|error| self.damaged(entry, &error));
            Some(loaded.map(|loaded| loaded.picture))
        });
        pictures.collect()
    }

    /// That an entry is damaged, and why.
    pub(super) fn damaged(&self, entry: &str, why: &dyn std::fmt::Display) -> ProjectError {
        ProjectError::Damaged {
            path: self.path.clone(),
            entry: entry.to_owned(),
            why: why.to_string(),
        }
    }
}

/// An archive that is being written.
pub(super) struct Outgoing<W: Write + Seek>(ZipWriter<W>);

impl<W: Write + Seek> Outgoing<W> {
    /// Begins an archive, with the entry that says what it is.
    pub(super) fn begin(file: W) -> Result<Self, AnyError> {
        let mut outgoing = Self(ZipWriter::new(file));
        outgoing.stored(MIMETYPE.0, MIMETYPE.1)?;
        Ok(outgoing)
    }

    /// Writes an entry as it is: pictures are compressed already.
    pub(super) fn stored(&mut self, name: &str, bytes: &[u8]) -> Result<(), AnyError> {
        self.entry(name, bytes, CompressionMethod::Stored)
    }

    /// Writes an entry of text.
    pub(super) fn deflated(&mut self, name: &str, bytes: &[u8]) -> Result<(), AnyError> {
        self.entry(name, bytes, CompressionMethod::Deflated)
    }

    fn entry(
        &mut self,
        name: &str,
        bytes: &[u8],
        method: CompressionMethod,
    ) -> Result<(), AnyError> {
        // No time, so that the same document gives the same bytes.
        let options = SimpleFileOptions::default()
            .compression_method(method)
            .last_modified_time(zip::DateTime::default())
            .large_file(bytes.len() as u64 > u64::from(u32::MAX));
        self.0.start_file(name, options)?;
        self.0.write_all(bytes)?;
        Ok(())
    }

    /// Takes an entry over from another archive without unpacking it.
    pub(super) fn taken_over(
        &mut self,
        name: &str,
        from: &mut Archive,
        old_name: &str,
    ) -> Result<(), AnyError> {
        let number = from
            .zip
            .index_for_name(old_name)
            .ok_or("an entry is gone")?;
        let entry = from.zip.by_index_raw(number)?;
        self.0.raw_copy_file_rename(entry, name)?;
        Ok(())
    }

    /// Writes the directory at the end.
    pub(super) fn finish(self) -> Result<(), AnyError> {
        self.0.finish()?;
        Ok(())
    }
}

//! How results lie on the disk: in the folder of their document's journal, each in two files of its own,
//! from the moment it is there until it is thrown away. One is small and says how it was made, the other
//! holds its pixels and the mask, and is read only when somebody looks at them.
//!
//! Files are written whole or not at all; the small one comes last, so that what it speaks of is there.

use std::collections::HashSet;
use std::io::{BufWriter, ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::candidates::{Candidate, OnDisk};
use super::ids::{CandidateId, GroupId};
use super::recovery::{OLD_RESULTS_FILE, RESULTS_FOLDER};
use crate::catalog::ModelRef;
use crate::document::{DocumentId, LayerId};
use crate::geometry::Extent;
use crate::jobs::{JobId, KeptDetails, Provenance, RunReport};
use crate::plan::{EditSettings, Layout};
use crate::raster::{Mask, MaskKind, Patch};

/// What of a result is large.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct KeptPixels {
    pub(super) patch: Arc<Patch>,
    pub(super) painted: Option<Mask>,
}

/// What a file of [`KeptPixels`] begins with; the digit is the version of what follows.
const PIXELS: &[u8] = b"OVPRPIX1";

/// What is said of a result by name, so that fields may come and go.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct NamedResult {
    /// By which a result in a project is known to be one in a journal's folder.
    #[serde(default)]
    key: String,
    #[serde(default)]
    group: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    made_at: Option<SystemTime>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    redoes: Option<LayerId>,
    model: ModelRef,
    settings: EditSettings,
    layout: Layout,
    #[serde(default)]
    details: KeptDetails,
    report: RunReport,
    total_seconds: f64,
    canvas: Extent,
    #[serde(default)]
    accepted_as: Option<LayerId>,
    #[serde(default)]
    mask_kind: MaskKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    provenance: Option<Arc<Provenance>>,
    /// What a newer program tells of it.
    #[serde(flatten)]
    unknown: Map<String, Value>,
}

/// The field that says that a result was thrown away.
const THROWN: &str = "thrown_away";

impl NamedResult {
    pub(super) fn of(candidate: &Candidate) -> Self {
        Self {
            key: candidate.key.clone(),
            group: candidate.group.0,
            made_at: candidate.made_at,
            redoes: candidate.redoes,
            model: candidate.model.clone(),
            settings: EditSettings::clone(&candidate.settings),
            layout: candidate.layout,
            details: candidate.details,
            report: candidate.report.clone(),
            total_seconds: candidate.total_seconds,
            canvas: candidate.canvas,
            accepted_as: candidate.accepted_as,
            mask_kind: candidate.mask_kind,
            provenance: candidate.provenance.clone(),
            unknown: candidate.unknown.clone(),
        }
    }

    pub(super) fn to_json(&self) -> Value {
        // Plain values of ours always serialise.
        serde_json::to_value(self).unwrap_or_default()
    }

    /// `None` where it is from a program that tells other things of a result.
    pub(super) fn from_json(told: Value) -> Option<Self> {
        serde_json::from_value(told).ok()
    }

    /// Its key, where it has one that can be the name of a file.
    pub(super) fn key(&self) -> Option<&str> {
        let is_hex = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
        let is_key = self.key.len() == KEY_DIGITS && self.key.bytes().all(is_hex);
        is_key.then_some(self.key.as_str())
    }

    /// The press that made it, as its file numbers them; 0 where it does not say.
    pub(super) fn group(&self) -> u64 {
        self.group
    }

    /// `key` names it on the disk; `pixels` are still to be read where there are none.
    pub(super) fn into_candidate(
        self,
        (id, document, group): (CandidateId, DocumentId, GroupId),
        key: String,
        pixels: Option<KeptPixels>,
    ) -> Candidate {
        let (patch, painted) = match pixels {
            Some(pixels) => (Some(pixels.patch), pixels.painted),
            None => (None, None),
        };
        Candidate {
            request: None,
            id,
            document,
            // That of no run: the one that made it is forgotten.
            job: JobId(0),
            comparison: None,
            group,
            key,
            made_at: self.made_at,
            redoes: self.redoes,
            model: self.model,
            settings: Arc::new(self.settings),
            painted,
            mask_kind: self.mask_kind,
            provenance: self.provenance,
            patch,
            layout: self.layout,
            details: self.details,
            report: self.report,
            total_seconds: self.total_seconds,
            canvas: self.canvas,
            accepted_as: self.accepted_as,
            disk: OnDisk::default(),
            unknown: self.unknown,
        }
    }
}

/// Hexadecimal digits of a key.
pub(super) const KEY_DIGITS: usize = 16;

/// The folder of a document's results.
#[derive(Debug, Clone)]
pub(super) struct ResultFolder(PathBuf);

/// What is to be written of one result.
#[derive(Debug)]
pub(super) struct Unwritten {
    pub(super) key: String,
    /// [`NamedResult`] as JSON.
    pub(super) note: Value,
    /// `None`: they lie there.
    pub(super) pixels: Option<KeptPixels>,
}

impl ResultFolder {
    /// That in the folder of a journal.
    pub(super) fn of(session: &Path) -> Self {
        Self(session.join(RESULTS_FOLDER))
    }

    fn note(&self, key: &str) -> PathBuf {
        self.0.join(format!("{key}.json"))
    }

    fn pixels(&self, key: &str) -> PathBuf {
        self.0.join(format!("{key}.pixels"))
    }

    /// Writes a result, or what has changed of it.
    pub(super) fn keep(&self, result: &Unwritten) -> std::io::Result<()> {
        self.make()?;
        if let Some(pixels) = &result.pixels {
            write(&self.pixels(&result.key), &bytes_of(pixels)?)?;
        }
        write(&self.note(&result.key), &serde_json::to_vec(&result.note)?)
    }

    /// Notes that a result was thrown away. Its pixels stay until it is [forgotten](Self::forget).
    pub(super) fn throw_away(&self, key: &str, mut note: Value) -> std::io::Result<()> {
        self.make()?;
        if let Some(fields) = note.as_object_mut() {
            fields.insert(THROWN.to_owned(), true.into());
        }
        write(&self.note(key), &serde_json::to_vec(&note)?)
    }

    /// Takes away the pixels of a result that was thrown away. That it was stays noted: the project of
    /// its document may still hold it.
    pub(super) fn forget(&self, key: &str) -> std::io::Result<()> {
        match std::fs::remove_file(self.pixels(key)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Reads the pixels of a result.
    pub(super) fn read(&self, key: &str) -> std::io::Result<KeptPixels> {
        pixels_of(&std::fs::read(self.pixels(key))?)
    }

    /// Not with its parent: a folder that was taken away is not to come back.
    fn make(&self) -> std::io::Result<()> {
        match std::fs::create_dir(&self.0) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        }
    }
}

fn bytes_of(pixels: &KeptPixels) -> std::io::Result<Vec<u8>> {
    // postcard writes byte by byte, and each write costs the encoder a look at all its output.
    let deflater = ZlibEncoder::new(PIXELS.to_vec(), Compression::fast());
    let buffer = BufWriter::with_capacity(1 << 20, deflater);
    let buffer = postcard::to_io(pixels, buffer).map_err(std::io::Error::other)?;
    let deflater = buffer.into_inner().map_err(std::io::Error::from)?;
    deflater.finish()
}

fn pixels_of(bytes: &[u8]) -> std::io::Result<KeptPixels> {
    let damaged = || std::io::Error::from(ErrorKind::InvalidData);
    let mut plain = Vec::new();
    ZlibDecoder::new(bytes.strip_prefix(PIXELS).ok_or_else(damaged)?).read_to_end(&mut plain)?;
    let pixels: KeptPixels = postcard::from_bytes(&plain).map_err(|_| damaged())?;
    let fits = pixels.patch.rect.extent() == pixels.patch.pixels.extent();
    fits.then_some(pixels).ok_or_else(damaged)
}

/// Writes a file whole or not at all.
pub(super) fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    std::io::Write::write_all(&mut file, bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// What the folder of a journal tells of results, in the order in which they were made.
#[derive(Debug, Default)]
pub(super) struct KeptResults {
    pub(super) found: Vec<(String, NamedResult)>,
    /// Those that were thrown away.
    pub(super) thrown: HashSet<String>,
}

impl KeptResults {
    /// Of the folder of a journal; what cannot be read is left out.
    pub(super) fn of(session: &Path) -> Self {
        let folder = ResultFolder::of(session);
        take_over_old(session, &folder);
        let entries = std::fs::read_dir(&folder.0).into_iter().flatten();
        let mut results = Self::default();
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            let Some(mut told) = read_note(&path) else {
                continue;
            };
            let fields = told.as_object_mut();
            let thrown = fields.and_then(|fields| fields.remove(THROWN)).is_some();
            let Some(named) = NamedResult::from_json(told) else {
                continue;
            };
            let Some(key) = named.key().map(str::to_owned) else {
                continue;
            };
            if thrown {
                // Nobody is left who could bring it back; what stays is tried again the next time.
                _ = folder.forget(&key);
                results.thrown.insert(key);
            } else if folder.pixels(&key).is_file() {
                results.found.push((key, named));
            }
        }
        let order = |(key, named): &(String, NamedResult)| (named.made_at, key.clone());
        results.found.sort_by_key(order);
        results
    }
}

fn read_note(path: &Path) -> Option<Value> {
    let is_note = path.extension().is_some_and(|ending| ending == "json");
    let bytes = is_note.then(|| std::fs::read(path).ok())??;
    serde_json::from_slice(&bytes).ok()
}

/// A result as it lay in [`OLD_RESULTS_FILE`].
#[derive(Serialize, Deserialize)]
struct OldResult {
    named: String,
    patch: Patch,
}

/// The same with its mask, in files that begin with [`WITH_MASKS`].
#[derive(Serialize, Deserialize)]
struct OldResultWithMask {
    named: String,
    patch: Patch,
    painted: Option<Mask>,
}

const WITH_MASKS: &[u8] = b"OVPRSLT2";

/// Gives each result of an older program files of its own. Where that cannot be done the old file stays.
fn take_over_old(session: &Path, folder: &ResultFolder) {
    let old = session.join(OLD_RESULTS_FILE);
    let Some(results) = std::fs::read(&old).ok().and_then(|bytes| old_of(&bytes)) else {
        return;
    };
    let all = results.into_iter().enumerate();
    let kept = all.into_iter().try_for_each(|(number, result)| {
        let Ok(Value::Object(mut note)) = serde_json::from_str(&result.named) else {
            return Ok(());
        };
        let key = format!("{number:0KEY_DIGITS$x}");
        note.insert("key".to_owned(), key.clone().into());
        folder.keep(&Unwritten {
            key,
            note: Value::Object(note),
            pixels: Some(KeptPixels {
                patch: Arc::new(result.patch),
                painted: result.painted,
            }),
        })
    });
    if kept.is_ok() {
        _ = std::fs::remove_file(old);
    }
}

fn old_of(bytes: &[u8]) -> Option<Vec<OldResultWithMask>> {
    if let Some(results) = bytes.strip_prefix(WITH_MASKS) {
        return postcard::from_bytes(results).ok();
    }
    let older: Vec<OldResult> = postcard::from_bytes(bytes).ok()?;
    let with_mask = |OldResult { named, patch }| OldResultWithMask {
        named,
        patch,
        painted: None,
    };
    Some(older.into_iter().map(with_mask).collect())
}

/// Bytes of the results in the folder of a journal.
pub(super) fn bytes_in(session: &Path) -> u64 {
    let files = std::fs::read_dir(session.join(RESULTS_FOLDER));
    let files = files.into_iter().flatten();
    files
        .filter_map(|file| file.ok()?.metadata().ok())
        .map(|meta| meta.len())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Rect;
    use crate::raster::{Pixmap, Tiled};

    fn pixels(value: u8) -> KeptPixels {
        let extent = Extent::new(300, 20);
        let colours: Vec<[u8; 4]> = (0..extent.len())
            .map(|i| [i as u8, value, 3, 255])
            .collect();
        KeptPixels {
            patch: Arc::new(Patch {
                rect: Rect::new(-4, 5, 300, 20),
                pixels: Pixmap::Rgba8(Tiled::from_pixels(extent, &colours, [0; 4])),
            }),
            painted: Some(Tiled::filled(Extent::new(400, 300), value)),
        }
    }

    fn note(key: &str) -> Value {
        let report = serde_json::to_value(RunReport::default()).unwrap();
        let settings = EditSettings::default();
        let traits = crate::catalog::open(&ModelRef::BuiltIn).unwrap().traits;
        let everything = crate::plan::RegionBounds::Everything;
        let layout = crate::plan::layout(Extent::new(400, 300), everything, &settings, &traits);
        serde_json::json!({
            "key": key,
            "group": 7,
            "model": ModelRef::BuiltIn,
            "settings": settings,
            "layout": layout.unwrap(),
            "report": report,
            "total_seconds": 1.5,
            "canvas": Extent::new(400, 300),
            "of_tomorrow": 1,
        })
    }

    fn unwritten(key: &str, value: u8) -> Unwritten {
        Unwritten {
            key: key.to_owned(),
            note: note(key),
            pixels: Some(pixels(value)),
        }
    }

    const FIRST: &str = "00000000000000aa";
    const SECOND: &str = "00000000000000bb";

    #[test]
    fn results_come_back_but_those_thrown_away() {
        let session = tempfile::tempdir().unwrap();
        let folder = ResultFolder::of(session.path());
        for (key, value) in [(FIRST, 1), (SECOND, 2)] {
            folder.keep(&unwritten(key, value)).unwrap();
        }
        // Half a file that a dying program has left, and a note whose pixels are gone.
        std::fs::write(folder.0.join(".tmpx"), b"half").unwrap();
        std::fs::write(
            folder.note("00000000000000cc"),
            note("00000000000000cc").to_string(),
        )
        .unwrap();
        folder.throw_away(FIRST, note(FIRST)).unwrap();
        assert!(folder.read(FIRST).is_ok(), "until it is forgotten");
        let kept = KeptResults::of(session.path());
        let keys: Vec<&str> = kept.found.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, [SECOND]);
        assert_eq!(kept.thrown, HashSet::from([FIRST.to_owned()]));
        assert!(folder.read(FIRST).is_err(), "nobody can bring it back");
        let (_, named) = &kept.found[0];
        assert_eq!(
            (named.group(), &named.unknown["of_tomorrow"]),
            (7, &1.into())
        );
        let read = folder.read(SECOND).unwrap();
        assert!(read.patch == pixels(2).patch && read.painted == pixels(2).painted);
    }

    #[test]
    fn what_is_damaged_is_no_result() {
        let session = tempfile::tempdir().unwrap();
        let folder = ResultFolder::of(session.path());
        folder.keep(&unwritten(FIRST, 1)).unwrap();
        let path = folder.pixels(FIRST);
        let whole = std::fs::read(&path).unwrap();
        for length in [0, 4, 12, whole.len() / 2, whole.len() - 1] {
            std::fs::write(&path, &whole[..length]).unwrap();
            assert!(folder.read(FIRST).is_err(), "{length} bytes");
        }
        // A key out of a project may be no name of a file.
        for key in ["", "../../passwd", "00000000000000AA", "0000000000000zzz"] {
            let named = NamedResult::from_json(note(key)).unwrap();
            assert_eq!(named.key(), None, "{key}");
        }
    }

    #[test]
    fn results_of_older_programs_get_files_of_their_own() {
        for with_masks in [false, true] {
            let session = tempfile::tempdir().unwrap();
            let named = note("").to_string();
            let patch = Patch::clone(&pixels(3).patch);
            let painted = pixels(3).painted.filter(|_| with_masks);
            let bytes = if with_masks {
                let all = [OldResultWithMask {
                    named,
                    patch,
                    painted: painted.clone(),
                }];
                postcard::to_extend(&all.as_slice(), WITH_MASKS.to_vec()).unwrap()
            } else {
                postcard::to_stdvec(&[OldResult { named, patch }].as_slice()).unwrap()
            };
            let old = session.path().join(OLD_RESULTS_FILE);
            std::fs::write(&old, bytes).unwrap();
            let kept = KeptResults::of(session.path());
            assert_eq!(kept.found.len(), 1);
            assert!(!old.exists());
            let read = ResultFolder::of(session.path()).read(&kept.found[0].0);
            let read = read.unwrap();
            assert!(read.patch == pixels(3).patch && read.painted == painted);
            assert_eq!(KeptResults::of(session.path()).found.len(), 1, "once");
        }
    }
}

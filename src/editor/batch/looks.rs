//! [`Looks`]: small pictures of a batch. What somebody looks at is read, on a thread of its own; small looks
//! are kept on the disk, and in memory as many as fill some screens.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use crate::bulk::Key;
use crate::jobs::{TaskEvent, TaskThread, Wake};
use crate::raster::file;
use crate::raster::sheet::SheetTile;

/// Longer side of a small look, in pixels.
const SMALL_PX: u32 = 224;
/// The same of a large one.
const LARGE_PX: u32 = 900;
/// Small looks in memory.
const MOST_SMALL: usize = 600;
/// Large ones.
const MOST_LARGE: usize = 12;
/// Looks that are handed to the thread ahead; what comes into sight later is read right after them.
const AHEAD: usize = 2;

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LookOf {
    /// The picture as it is.
    Picture,
    /// What its mask selects.
    Cutout,
    /// Its first result.
    Result,
    /// A try, by its place.
    Try,
}

/// Names a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LookId {
    /// The picture's place in the list, or that of a try.
    pub at: usize,
    /// What of it.
    pub of: LookOf,
    /// It fills more than a cell of a grid.
    pub is_large: bool,
}

/// What is known of a look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// It is not there yet.
    Unread,
    /// The small picture.
    Tile(Arc<SheetTile>),
    /// It cannot be read.
    None,
}

struct Known {
    look: Look,
    /// When somebody wanted it last, counted in lists.
    wanted: u64,
}

/// What the thread says.
pub(super) struct Looked {
    id: LookId,
    path: PathBuf,
    tile: Option<SheetTile>,
}

/// The looks of a batch.
pub(super) struct Looks {
    known: BTreeMap<LookId, Known>,
    reading: Vec<(LookId, PathBuf)>,
    wanted: Vec<LookId>,
    count: u64,
    thread: TaskThread<Looked>,
}

impl Looks {
    pub(super) fn new(wake: Wake) -> Self {
        Self {
            known: BTreeMap::new(),
            reading: Vec::new(),
            wanted: Vec::new(),
            count: 0,
            thread: TaskThread::new("batch's looks", AHEAD, wake),
        }
    }

    pub(super) fn of(&self, id: LookId) -> &Look {
        self.known
            .get(&id)
            .map_or(&Look::Unread, |known| &known.look)
    }

    pub(super) fn wanted(&self) -> &[LookId] {
        &self.wanted
    }

    pub(super) fn want(&mut self, wanted: Vec<LookId>) {
        self.count += 1;
        for id in &wanted {
            if let Some(known) = self.known.get_mut(id) {
                known.wanted = self.count;
            }
        }
        self.wanted = wanted;
    }

    /// Its file is another one now.
    pub(super) fn forget(&mut self, at: usize, of: LookOf) {
        let is_it = |id: &LookId| id.at == at && id.of == of;
        self.known.retain(|id, _| !is_it(id));
        self.reading.retain(|(id, _)| !is_it(id));
    }

    pub(super) fn forget_all(&mut self, of: LookOf) {
        self.known.retain(|id, _| id.of != of);
        self.reading.retain(|(id, _)| id.of != of);
    }

    /// Takes in what was read and has the next one read; `path_of` says where it lies. True when something came.
    pub(super) fn poll(
        &mut self,
        path_of: impl Fn(LookId) -> Option<PathBuf>,
        kept: &Path,
    ) -> bool {
        let mut came = false;
        while let Some(event) = self.thread.poll() {
            came = true;
            match event {
                TaskEvent::Done(Looked { id, path, tile }) => {
                    let place = self.reading.iter().position(|it| *it == (id, path.clone()));
                    // What was forgotten meanwhile shows an old file.
                    if let Some(place) = place {
                        self.reading.remove(place);
                        self.insert(id, tile.map_or(Look::None, |tile| Look::Tile(tile.into())));
                    }
                }
                // Its decoder broke down.
                TaskEvent::Lost(_) => {
                    for (id, _) in std::mem::take(&mut self.reading) {
                        self.insert(id, Look::None);
                    }
                }
            }
        }
        while self.thread.has_room() {
            let is_unread = |id: &&LookId| {
                !self.known.contains_key(id) && !self.reading.iter().any(|(read, _)| read == *id)
            };
            let next = self.wanted.iter().find(is_unread).copied();
            let Some(id) = next else { break };
            let Some(path) = path_of(id) else {
                self.insert(id, Look::None);
                continue;
            };
            let kept = (!id.is_large).then(|| kept.to_path_buf());
            let file = path.clone();
            let read = move || Looked {
                id,
                tile: look_at(&file, kept.as_deref()),
                path: file,
            };
            if self.thread.try_do(Box::new(read)).is_err() {
                break;
            }
            self.reading.push((id, path));
        }
        came
    }

    fn insert(&mut self, id: LookId, look: Look) {
        let wanted = if self.wanted.contains(&id) {
            self.count
        } else {
            0
        };
        self.known.insert(id, Known { look, wanted });
        let most = if id.is_large { MOST_LARGE } else { MOST_SMALL };
        let same = || {
            self.known
                .iter()
                .filter(|(other, _)| other.is_large == id.is_large)
        };
        if same().count() > most {
            let oldest = same().min_by_key(|(_, known)| known.wanted);
            if let Some(oldest) = oldest.map(|(id, _)| *id) {
                self.known.remove(&oldest);
            }
        }
    }
}

/// A look as it is kept, or read now and kept.
fn look_at(path: &Path, kept: Option<&Path>) -> Option<SheetTile> {
    let Some(kept) = kept else {
        return file::small_look(path, LARGE_PX).ok();
    };
    let about = std::fs::metadata(path).ok()?;
    let since = about.modified().ok()?.duration_since(UNIX_EPOCH);
    let nanos = since.map_or(0, |since| since.as_nanos());
    let name = Key::of_parts([
        path.as_os_str().as_encoded_bytes(),
        &about.len().to_le_bytes(),
        &nanos.to_le_bytes(),
    ]);
    let place = kept.join(name.hex());
    if let Some(tile) = std::fs::read(&place)
        .ok()
        .and_then(|it| file::look_of_bytes(&it))
    {
        return Some(tile);
    }
    let tile = file::small_look(path, SMALL_PX).ok()?;
    // What cannot be kept is read again next time; a torn one is damaged and made anew.
    if let Some(bytes) = file::look_bytes(&tile) {
        std::fs::create_dir_all(kept).ok();
        std::fs::write(&place, bytes).ok();
    }
    Some(tile)
}

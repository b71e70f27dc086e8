//! Small pictures for the start: of files that were open and of documents that were closed. One at a
//! time is read, on a thread of their own; what was read is kept on the disk under a name made of the
//! file's path, length and time, so that it is read once only while the file stays as it is.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use super::Editor;
use super::closed::RecentlyClosed;
use super::recovery::{THUMBNAIL_PX, Thumbnail, thumbnail_of};
use crate::bulk::Key;
use crate::jobs::{TaskEvent, TaskThread, Wake};
use crate::project;
use crate::raster::file;
use crate::raster::sheet::SheetTile;
use crate::raster::{Picture, Pixmap, Profile, Tiled};

/// Thumbnails that are kept on the disk; the oldest go first.
const MOST_KEPT: usize = 256;

/// What is known of files' looks.
#[derive(Debug)]
pub(super) struct Thumbnails {
    known: BTreeMap<PathBuf, Thumbnail>,
    thread: TaskThread<(PathBuf, Thumbnail)>,
    /// Files may have changed since they were looked at.
    is_stale: bool,
}

impl Thumbnails {
    pub(super) fn new(wake: Wake) -> Self {
        Self {
            known: BTreeMap::new(),
            thread: TaskThread::new("files' thumbnails", 1, wake),
            is_stale: false,
        }
    }

    fn of(&self, path: &Path) -> &Thumbnail {
        self.known.get(path).unwrap_or(&Thumbnail::Unread)
    }

    /// Takes in what was read. True when something was.
    fn poll(&mut self) -> bool {
        let mut is_new = false;
        while let Some(event) = self.thread.poll() {
            is_new = true;
            match event {
                TaskEvent::Done((path, thumbnail)) => _ = self.known.insert(path, thumbnail),
                // Its decoder broke down.
                TaskEvent::Lost(_) => {
                    let reading = self.known.values_mut();
                    reading
                        .filter(|it| **it == Thumbnail::Reading)
                        .for_each(|it| *it = Thumbnail::None);
                }
            }
        }
        is_new
    }

    /// Has the first of `wanted` read that was not.
    fn read_next(&mut self, wanted: impl Iterator<Item = PathBuf>, kept: &Path) {
        let mut wanted = wanted.filter(|path| *self.of(path) == Thumbnail::Unread);
        if !self.thread.has_room() {
            return;
        }
        let Some(path) = wanted.next() else {
            return;
        };
        drop(wanted);
        let (kept, file) = (kept.to_path_buf(), path.clone());
        let read = move || {
            let thumbnail = look_at(&file, &kept);
            (file, thumbnail)
        };
        // Without a thread there is no picture.
        let taken = self.thread.try_do(Box::new(read)).is_ok();
        let now = if taken {
            Thumbnail::Reading
        } else {
            Thumbnail::None
        };
        self.known.insert(path, now);
    }
}

impl Editor {
    /// Recent files and closed documents that have thumbnails, of each kind.
    pub const MOST_AT_START: usize = 4;

    /// What a recent file looks like. Read only while no document is open.
    pub fn thumbnail_of_file(&self, path: &Path) -> &Thumbnail {
        self.file_thumbnails.of(path)
    }

    /// What a closed document looked like. Read only while no document is open.
    pub fn thumbnail_of_closed(&self, closed: &RecentlyClosed) -> &Thumbnail {
        self.file_thumbnails.of(&closed.journal())
    }

    /// Takes in thumbnails and has the next one read.
    pub(super) fn poll_thumbnails(&mut self) {
        self.changed |= self.file_thumbnails.poll();
        if !self.documents.is_empty() {
            self.file_thumbnails.is_stale = true;
            return;
        }
        if std::mem::take(&mut self.file_thumbnails.is_stale) {
            self.file_thumbnails.known.clear();
        }
        let recent = self.preferences.recent_files.iter().cloned();
        let closed = self.closed.iter().map(RecentlyClosed::journal);
        let most = Self::MOST_AT_START;
        let wanted = recent.take(most).chain(closed.take(most));
        let kept = self.data_dir.join("thumbnails");
        self.file_thumbnails.read_next(wanted, &kept);
    }
}

/// What a file looks like: as it is kept, or read now and kept.
fn look_at(path: &Path, kept: &Path) -> Thumbnail {
    let about = match std::fs::metadata(path) {
        Ok(about) if about.is_file() => about,
        Err(error) if error.kind() == ErrorKind::NotFound => return Thumbnail::Missing,
        _ => return Thumbnail::None,
    };
    let place = kept.join(name_of(path, &about));
    if let Some(tile) = kept_at(&place) {
        return Thumbnail::Picture(Arc::new(tile));
    }
    let Some(tile) = read(path) else {
        return Thumbnail::None;
    };
    // What cannot be kept is read again next time.
    keep(&tile, &place).ok();
    keep_within(kept, MOST_KEPT);
    Thumbnail::Picture(Arc::new(tile))
}

/// Under which name its thumbnail is kept while it stays as it is.
fn name_of(path: &Path, about: &Metadata) -> String {
    let since = about
        .modified()
        .ok()
        .and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    let nanos = since.map_or(0, |since| since.as_nanos());
    let parts = [
        path.as_os_str().as_encoded_bytes(),
        &about.len().to_le_bytes(),
        &nanos.to_le_bytes(),
    ];
    format!("{}.png", Key::of_parts(parts).hex())
}

fn read(path: &Path) -> Option<SheetTile> {
    if path.extension().is_none() && path.file_name() == Some("journal".as_ref()) {
        return thumbnail_of(path);
    }
    if project::is_named_so(path)
        && let Some(picture) = project::thumbnail(path)
    {
        return SheetTile::of(&picture, THUMBNAIL_PX, String::new()).ok();
    }
    let loaded = file::load(path).ok()?;
    SheetTile::of(&loaded.picture, THUMBNAIL_PX, String::new()).ok()
}

fn kept_at(place: &Path) -> Option<SheetTile> {
    let loaded = file::load(place).ok()?;
    SheetTile::of(&loaded.picture, THUMBNAIL_PX, String::new()).ok()
}

fn keep(tile: &SheetTile, place: &Path) -> std::io::Result<()> {
    let pixels = Pixmap::Rgba8(Tiled::from_pixels(tile.extent, &tile.pixels, [0; 4]));
    let profile = Profile::Srgb;
    let bytes = file::png_bytes(&Picture { pixels, profile }).map_err(std::io::Error::other)?;
    let folder = place.parent().unwrap_or_else(|| Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    std::io::Write::write_all(&mut file, &bytes)?;
    // It can be read again: nobody waits for the disk.
    file.persist(place)?;
    Ok(())
}

/// Takes the oldest away until no more than `most` are left.
fn keep_within(kept: &Path, most: usize) {
    let entries = std::fs::read_dir(kept).into_iter().flatten();
    let mut files: Vec<_> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            Some((entry.metadata().ok()?.modified().ok()?, entry.path()))
        })
        .collect();
    files.sort();
    let beyond = files.len().saturating_sub(most);
    for (_, file) in files.iter().take(beyond) {
        // It may be gone already.
        std::fs::remove_file(file).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Extent;

    fn png(path: &Path, value: u8) {
        let pixels = Pixmap::Rgba8(Tiled::filled(Extent::new(400, 100), [value, 7, 9, 255]));
        let profile = Profile::Srgb;
        let bytes = file::png_bytes(&Picture { pixels, profile }).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    fn first_pixel(thumbnail: &Thumbnail) -> [u8; 4] {
        let Thumbnail::Picture(tile) = thumbnail else {
            panic!("{thumbnail:?}");
        };
        assert_eq!(tile.extent, Extent::new(160, 40));
        tile.pixels[0]
    }

    #[test]
    fn a_file_is_read_once_while_it_stays_as_it_is() {
        let room = tempfile::tempdir().unwrap();
        let (path, kept) = (room.path().join("a.png"), room.path().join("thumbnails"));
        assert_eq!(look_at(&path, &kept), Thumbnail::Missing);
        assert_eq!(look_at(room.path(), &kept), Thumbnail::None);
        std::fs::write(&path, b"no picture").unwrap();
        assert_eq!(look_at(&path, &kept), Thumbnail::None);
        png(&path, 30);
        assert_eq!(first_pixel(&look_at(&path, &kept)), [30, 7, 9, 255]);
        // The same length and time: what is kept is believed.
        let time = path.metadata().unwrap().modified().unwrap();
        png(&path, 31);
        let set_time = |time| {
            let file = std::fs::File::options().write(true).open(&path).unwrap();
            file.set_modified(time).unwrap();
        };
        set_time(time);
        assert_eq!(first_pixel(&look_at(&path, &kept)), [30, 7, 9, 255]);
        set_time(time + std::time::Duration::from_secs(1));
        assert_eq!(first_pixel(&look_at(&path, &kept)), [31, 7, 9, 255]);
        // One that was damaged on the disk is made again.
        for entry in std::fs::read_dir(&kept).unwrap() {
            std::fs::write(entry.unwrap().path(), b"damaged").unwrap();
        }
        assert_eq!(first_pixel(&look_at(&path, &kept)), [31, 7, 9, 255]);
    }

    #[test]
    fn the_oldest_go_first() {
        let room = tempfile::tempdir().unwrap();
        for number in 0..6_u64 {
            let path = room.path().join(format!("{number}.png"));
            std::fs::write(&path, b"x").unwrap();
            let file = std::fs::File::options().write(true).open(&path).unwrap();
            let at = UNIX_EPOCH + std::time::Duration::from_secs(1000 - number);
            file.set_modified(at).unwrap();
        }
        keep_within(room.path(), 4);
        let left = std::fs::read_dir(room.path()).unwrap();
        let mut left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["0.png", "1.png", "2.png", "3.png"]);
    }
}

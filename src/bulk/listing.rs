//! [`list()`]: the pictures that were named, in the order in which they are worked on.

use std::io;
use std::path::{Path, PathBuf};

use crate::raster::FileFormat;

/// One picture.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// Its path below the folder that was named, or its file's name: the place of its results.
    pub relative: PathBuf,
    /// Where it lies.
    pub path: PathBuf,
}

impl Source {
    /// The name of its file without the ending.
    pub fn stem(&self) -> String {
        part(self.relative.file_stem())
    }

    /// The ending of its file's name, in small letters.
    pub fn ending(&self) -> String {
        part(self.relative.extension()).to_lowercase()
    }

    /// The folder it lies in.
    pub fn folder(&self) -> &Path {
        self.path.parent().unwrap_or_else(|| Path::new(""))
    }

    /// How messages and tables name it.
    pub fn name(&self) -> String {
        self.relative.to_string_lossy().replace('\\', "/")
    }
}

fn part(name: Option<&std::ffi::OsStr>) -> String {
    name.unwrap_or_default().to_string_lossy().into_owned()
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listing {
    /// Sorted by their relative paths; each file once.
    pub sources: Vec<Source>,
    /// Files of folders whose names are not those of pictures.
    pub passed_over: usize,
}

/// The pictures among `paths`: files are taken as they are named, folders for the pictures in them
/// (by their names' endings), with all below where `is_recursive`. Nothing is taken from `excluded`
/// folders or of names that begin with a dot.
pub fn list(paths: &[PathBuf], is_recursive: bool, excluded: &[PathBuf]) -> io::Result<Listing> {
    let mut found = Listing::default();
    let excluded: Vec<PathBuf> = excluded
        .iter()
        .filter_map(|p| p.canonicalize().ok())
        .collect();
    for path in paths {
        if path.is_dir() {
            walk(path, Path::new(""), is_recursive, &excluded, &mut found)?;
        } else {
            let name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
            found.sources.push(Source {
                relative: name.into(),
                path: path.clone(),
            });
        }
    }
    found.sources.sort();
    found.sources.dedup();
    Ok(found)
}

fn walk(
    folder: &Path,
    below: &Path,
    is_recursive: bool,
    excluded: &[PathBuf],
    found: &mut Listing,
) -> io::Result<()> {
    let here = folder.canonicalize()?;
    if !below.as_os_str().is_empty() && excluded.contains(&here) {
        return Ok(());
    }
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if name.to_string_lossy().starts_with('.') {
            continue;
        }
        let (path, relative) = (entry.path(), below.join(&name));
        // A link to a folder could lead back up: it is not followed.
        if entry.file_type()?.is_dir() {
            if is_recursive {
                walk(&path, &relative, is_recursive, excluded, found)?;
            }
        } else if FileFormat::of_path(&path).is_some() {
            found.sources.push(Source { relative, path });
        } else {
            found.passed_over += 1;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_sorted_and_outputs_left_out() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        for folder in ["in/sub", "in/out"] {
            std::fs::create_dir_all(at(folder)).unwrap();
        }
        for file in [
            "b.JPG",
            "a.png",
            "notes.txt",
            ".hidden.png",
            "sub/c.webp",
            "out/a.png",
        ] {
            std::fs::write(at("in").join(file), "x").unwrap();
        }
        let names = |is_recursive| {
            let found = list(&[at("in"), at("in/a.png")], is_recursive, &[at("in/out")]).unwrap();
            assert_eq!(found.passed_over, 1);
            found.sources.iter().map(Source::name).collect::<Vec<_>>()
        };
        assert_eq!(names(false), ["a.png", "b.JPG"]);
        assert_eq!(names(true), ["a.png", "b.JPG", "sub/c.webp"]);
        let missing = list(&[at("nowhere.png")], false, &[]).unwrap();
        assert_eq!(missing.sources.len(), 1);
        assert_eq!(
            (missing.sources[0].stem(), missing.sources[0].ending()),
            ("nowhere".into(), "png".into())
        );
    }
}

//! [`PathField`]: a path written by hand, and the folder it leads to.

use std::path::{Path, PathBuf};

use crate::ui::file_purpose::FilePurpose;

/// More entries of a folder are not listed.
const MOST_ENTRIES: usize = 200;
/// One line of the list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::ui) struct Entry {
    /// False sorts before true: folders first.
    pub(in crate::ui) is_file: bool,
    pub(in crate::ui) name: String,
}

/// A path to be written by hand.
#[derive(Debug, Clone)]
pub(in crate::ui) struct PathField {
    pub(in crate::ui) purpose: FilePurpose,
    pub(in crate::ui) text: String,
    /// The text that `entries` and `replaces` belong to.
    listed: Option<String>,
    pub(in crate::ui) entries: Vec<Entry>,
    /// A file would be written over.
    pub(in crate::ui) replaces: bool,
}

impl PathField {
    /// A field for that purpose, with a path to begin from.
    pub(in crate::ui) fn new(purpose: FilePurpose, suggested: &Path) -> Self {
        let text = if suggested.as_os_str().is_empty() {
            folder_text(&home())
        } else {
            suggested.display().to_string()
        };
        Self {
            purpose,
            text,
            listed: None,
            entries: Vec::new(),
            replaces: false,
        }
    }

    /// The path as written, `~` being the home folder.
    pub(in crate::ui) fn path(&self) -> PathBuf {
        let text = self.text.trim();
        match text.strip_prefix('~') {
            Some("") => home(),
            Some(rest) if rest.starts_with(['/', '\\']) => home().join(rest.get(1..).unwrap_or("")),
            _ => PathBuf::from(text),
        }
    }

    /// Splits the path into the folder it leads to and what has been written of a name in it.
    pub(in crate::ui) fn folder_and_start(&self) -> (PathBuf, String) {
        let path = self.path();
        if self.text.trim_end().ends_with(std::path::MAIN_SEPARATOR) || path.is_dir() {
            return (path, String::new());
        }
        let start = path.file_name().unwrap_or_default().to_string_lossy();
        let folder = path.parent().unwrap_or_else(|| Path::new("")).to_owned();
        (folder, start.to_lowercase())
    }

    /// Reads the folder anew when the text has changed.
    pub(in crate::ui) fn list(&mut self) {
        if self.listed.as_ref() == Some(&self.text) {
            return;
        }
        self.listed = Some(self.text.clone());
        let (folder, start) = self.folder_and_start();
        let is_new_name = self.purpose.writes();
        self.replaces = is_new_name && self.path().is_file();
        let read = std::fs::read_dir(if folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            &folder
        });
        let entries = read.into_iter().flatten().flatten().map(|entry| Entry {
            is_file: !entry.path().is_dir(),
            name: entry.file_name().to_string_lossy().into_owned(),
        });
        let wanted = |entry: &Entry| {
            let name = entry.name.to_lowercase();
            let fits = !name.starts_with('.')
                && (is_new_name || name.starts_with(&start))
                && (!entry.is_file || !self.purpose.is_folder());
            // A new picture may have the name of any that is there.
            let endings = match self.purpose {
                FilePurpose::ModelFile | FilePurpose::BatchRecipe => self.purpose.endings(),
                _ => FilePurpose::Open.endings(),
            };
            let is_kind = endings
                .iter()
                .any(|ending| name.ends_with(&format!(".{ending}")));
            fits && (!entry.is_file || is_kind)
        };
        self.entries = entries.filter(wanted).collect();
        self.entries.sort();
        self.entries.truncate(MOST_ENTRIES);
    }

    /// Goes into a folder, or takes a file.
    pub(in crate::ui) fn choose(&mut self, entry: &Entry) {
        let (folder, _) = self.folder_and_start();
        let path = folder.join(&entry.name);
        let name = self.path().file_name().map(std::ffi::OsStr::to_owned);
        self.text = match name {
            // A new file keeps its name in the other folder.
            Some(name) if !entry.is_file && self.purpose.writes() && !self.path().is_dir() => {
                path.join(name).display().to_string()
            }
            _ if entry.is_file => path.display().to_string(),
            _ => folder_text(&path),
        };
    }

    /// Goes to the folder around this one; from a name that is being written, to its folder.
    pub(in crate::ui) fn go_up(&mut self) {
        let (folder, start) = self.folder_and_start();
        let is_new_name = self.purpose.writes() && !start.is_empty();
        let above = if start.is_empty() || is_new_name {
            folder.parent()
        } else {
            Some(folder.as_path())
        };
        let Some(above) = above else { return };
        let path = self.path();
        self.text = match path.file_name() {
            Some(name) if is_new_name => above.join(name).display().to_string(),
            _ => folder_text(above),
        };
    }

    /// True when the path can be used as it stands.
    pub(in crate::ui) fn is_ready(&self) -> bool {
        let path = self.path();
        match self.purpose {
            purpose if purpose.is_folder() => path.is_dir(),
            purpose if purpose.writes() => path.file_name().is_some() && !path.is_dir(),
            _ => path.is_file(),
        }
    }
}

/// The user's own folder.
fn home() -> PathBuf {
    std::env::home_dir().unwrap_or_else(|| PathBuf::from("."))
}

/// A folder with the separator behind, so that one can go on writing.
fn folder_text(folder: &Path) -> String {
    let text = folder.display().to_string();
    if text.ends_with(std::path::MAIN_SEPARATOR) {
        text
    } else {
        format!("{text}{}", std::path::MAIN_SEPARATOR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("holiday")).expect("a folder in it");
        for name in ["beach.png", "Boat.JPG", "notes.txt", ".hidden.png"] {
            std::fs::write(folder.path().join(name), b"").expect("a file in it");
        }
        folder
    }

    fn names(field: &mut PathField) -> Vec<String> {
        field.list();
        field.entries.iter().map(|e| e.name.clone()).collect()
    }

    #[test]
    fn the_list_shows_folders_and_pictures_that_fit() {
        let folder = folder();
        let mut field = PathField::new(FilePurpose::Open, Path::new(""));
        field.text = folder_text(folder.path());
        assert_eq!(names(&mut field), ["holiday", "Boat.JPG", "beach.png"]);
        field.text.push('b');
        assert_eq!(names(&mut field), ["Boat.JPG", "beach.png"]);
        assert!(!field.is_ready());
        let beach = field.entries[1].clone();
        field.choose(&beach);
        assert_eq!(field.path(), folder.path().join("beach.png"));
        assert!(field.is_ready());
        field.go_up();
        assert_eq!(names(&mut field), ["holiday", "Boat.JPG", "beach.png"]);
    }

    #[test]
    fn a_new_file_keeps_its_name_and_says_what_it_replaces() {
        let folder = folder();
        let document = crate::document::DocumentId(1);
        let new = folder.path().join("portrait.png");
        let mut field = PathField::new(FilePurpose::SaveAs(document), &new);
        assert_eq!(names(&mut field), ["holiday", "Boat.JPG", "beach.png"]);
        assert!(field.is_ready() && !field.replaces);
        let holiday = field.entries[0].clone();
        field.choose(&holiday);
        assert_eq!(field.path(), folder.path().join("holiday/portrait.png"));
        field.list();
        field.go_up();
        assert_eq!(field.path(), new);
        field.text = folder.path().join("beach.png").display().to_string();
        field.list();
        assert!(field.replaces);
        field.text = folder_text(folder.path());
        assert!(!field.is_ready(), "a folder is no file");
    }
}

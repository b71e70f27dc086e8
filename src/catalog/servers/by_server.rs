//! [`ByServer`]: what is remembered of each server, in a file of its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::catalog::CatalogError;
use crate::catalog::places::write_whole;

/// Something that is remembered of servers, by their names. Every change is written at once, to a file that
/// nobody but its owner may read.
#[derive(Debug, Clone)]
pub(super) struct ByServer<T> {
    folder: PathBuf,
    file: &'static str,
    of: BTreeMap<String, T>,
}

impl<T: Serialize + DeserializeOwned> ByServer<T> {
    /// What lies in that file; nothing where it cannot be read.
    pub(super) fn read(folder: &Path, file: &'static str) -> Self {
        let read = std::fs::read(folder.join(file)).ok();
        let of = read.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Self {
            folder: folder.to_path_buf(),
            file,
            of: of.unwrap_or_default(),
        }
    }

    /// What is remembered of that server.
    pub(super) fn get(&self, server: &str) -> Option<&T> {
        self.of.get(server)
    }

    /// Remembers something else of that server; what it was before.
    pub(super) fn set(&mut self, server: &str, now: T) -> Result<Option<T>, CatalogError> {
        let before = self.of.insert(server.to_owned(), now);
        self.write().map(|()| before)
    }

    /// Changes what is remembered of that server.
    pub(super) fn change(
        &mut self,
        server: &str,
        change: impl FnOnce(&mut T),
    ) -> Result<(), CatalogError>
    where
        T: Default,
    {
        change(self.of.entry(server.to_owned()).or_default());
        self.write()
    }

    /// What is remembered of one server is of one of another name now.
    pub(super) fn rename(&mut self, server: &str, to: &str) -> Result<(), CatalogError> {
        match self.of.remove(server) {
            Some(known) => self.set(to, known).map(drop),
            None => Ok(()),
        }
    }

    /// Forgets a server; what was known of it.
    pub(super) fn forget(&mut self, server: &str) -> Result<Option<T>, CatalogError> {
        match self.of.remove(server) {
            Some(known) => self.write().map(|()| Some(known)),
            None => Ok(None),
        }
    }

    fn write(&self) -> Result<(), CatalogError> {
        let bytes = serde_json::to_vec_pretty(&self.of).unwrap_or_default();
        let path = self.folder.join(self.file);
        write_whole(&self.folder, self.file, &bytes)
            .map_err(|error| CatalogError::of_io(&path, &error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_follows_a_name_and_is_forgotten_with_it() {
        const FILE: &str = "numbers.json";
        let room = tempfile::tempdir().unwrap();
        let read = || ByServer::<u32>::read(room.path(), FILE);
        let mut numbers = read();
        assert_eq!(numbers.forget("studio"), Ok(None));
        assert_eq!(numbers.rename("studio", "attic"), Ok(()));
        assert!(
            !room.path().join(FILE).exists(),
            "nothing was to be written"
        );
        assert_eq!(numbers.set("studio", 1), Ok(None));
        assert_eq!(numbers.set("studio", 2), Ok(Some(1)));
        numbers.change("shop", |number| *number += 7).unwrap();
        numbers.rename("studio", "attic").unwrap();
        let mut again = read();
        let all = ["studio", "attic", "shop"].map(|name| again.get(name).copied());
        assert_eq!(all, [None, Some(2), Some(7)]);
        assert_eq!(again.forget("attic"), Ok(Some(2)));
        assert_eq!(read().get("attic"), None);
        std::fs::write(room.path().join(FILE), "{").unwrap();
        assert_eq!(read().get("shop"), None);
    }
}

//! [`Secrets`]: keys and headers of servers, in the desktop's keyring where there is one, else in a file that
//! nobody but the user may read.

use std::collections::BTreeMap;
use std::hash::{Hash as _, Hasher as _};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use keyring::v1::Entry;
use serde::{Deserialize, Serialize};

use super::by_server::ByServer;
use crate::catalog::CatalogError;

/// Keys that no keyring has, and the names of those that one has.
pub(super) const FILE: &str = "server-keys.json";
/// What the program is called in the keyring.
const SERVICE: &str = "Overpaint";

/// What a server wants to see before it answers. Shown nowhere.
#[derive(Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Access {
    /// A key, sent as a bearer token, or `USER:PASSWORD`.
    #[serde(default)]
    pub key: Option<String>,
    /// Headers, as a proxy before it may want them.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Access(…)")
    }
}

/// Where new keys are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Vault {
    /// In a file of the data folder that nobody but the user may read.
    #[default]
    File,
    /// In the desktop's keyring (Secret Service, Keychain, Credential Manager); where none answers, in that file.
    Keyring,
}

/// Where a key lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyPlace {
    /// In the desktop's keyring.
    Keyring,
    /// In a file that nobody but the user may read.
    File,
}

/// A key in its place, of which it is not said yet whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed(Option<Kept>);

impl Placed {
    /// Takes it away again; nobody wants it. Blocks while the keyring is asked.
    pub fn throw_away(self) {
        if let Some(kept) = self.0 {
            kept.throw_away();
        }
    }
}

/// A key, or where it lies.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Kept {
    InKeyring {
        /// The account there.
        keyring: String,
    },
    Here(Access),
}

impl Kept {
    fn get(&self) -> Result<Access, CatalogError> {
        match self {
            Self::Here(access) => Ok(access.clone()),
            Self::InKeyring { keyring } => read(keyring),
        }
    }

    /// Takes it out of the keyring; what stays there is of no use to anybody.
    fn throw_away(&self) {
        if let Self::InKeyring { keyring } = self
            && let Ok(entry) = Entry::new(SERVICE, keyring)
        {
            entry.delete_credential().ok();
        }
    }
}

/// Keys by the names of their servers.
#[derive(Debug, Clone)]
pub(super) struct Secrets {
    pub(super) vault: Vault,
    pub(super) kept: ByServer<Kept>,
}

impl Secrets {
    pub(super) fn read(data_dir: &Path) -> Self {
        Self {
            vault: Vault::default(),
            kept: ByServer::read(data_dir, FILE),
        }
    }

    pub(super) fn get(&self, name: &str) -> Result<Access, CatalogError> {
        let kept = self.kept.get(name);
        kept.map_or_else(|| Ok(Access::default()), Kept::get)
    }

    pub(super) fn place(&self, name: &str) -> Option<KeyPlace> {
        self.kept.get(name).map(|kept| match kept {
            Kept::InKeyring { .. } => KeyPlace::Keyring,
            Kept::Here(_) => KeyPlace::File,
        })
    }

    pub(super) fn mark(&self, name: &str) -> u64 {
        let mut hasher = std::hash::DefaultHasher::new();
        self.kept.get(name).hash(&mut hasher);
        hasher.finish()
    }

    pub(super) fn put(&self, name: &str, access: Access) -> Placed {
        if access == Access::default() {
            return Placed(None);
        }
        let kept = match self.vault {
            Vault::File => None,
            Vault::Keyring => written(name, &access),
        };
        Placed(Some(kept.unwrap_or(Kept::Here(access))))
    }

    /// Whose it is. The one before is thrown away.
    pub(super) fn set(&mut self, name: &str, Placed(kept): Placed) -> Result<(), CatalogError> {
        let before = match kept {
            Some(kept) => self.kept.set(name, kept),
            None => self.kept.forget(name),
        };
        if let Some(before) = before? {
            before.throw_away();
        }
        Ok(())
    }

    pub(super) fn remove(&mut self, name: &str) -> Result<(), CatalogError> {
        self.set(name, Placed(None))
    }
}

/// Writes a key into the keyring under an account that nothing else has; `None` where there is no keyring.
fn written(name: &str, access: &Access) -> Option<Kept> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let keyring = format!("{name} {:x}", now.map_or(0, |now| now.as_nanos()));
    let text = serde_json::to_string(access).ok()?;
    let entry = Entry::new(SERVICE, &keyring).ok()?;
    entry.set_password(&text).ok()?;
    Some(Kept::InKeyring { keyring })
}

fn read(account: &str) -> Result<Access, CatalogError> {
    // Not the error's `Debug`, which may hold what was read.
    let failed = |error: keyring::v1::Error| CatalogError::Keyring {
        why: match error {
            keyring::v1::Error::BadEncoding(_) | keyring::v1::Error::BadDataFormat(..) => {
                "what lies there is no key".to_owned()
            }
            other => other.to_string(),
        },
    };
    let entry = Entry::new(SERVICE, account).map_err(failed)?;
    let text = entry.get_password().map_err(failed)?;
    serde_json::from_str(&text).map_err(|_| CatalogError::Keyring {
        why: "what lies there is no key".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_keys_are_told_from_keys_and_a_mark_changes_with_the_key() {
        let text = r#"{"a": {"keyring": "a 1f"}, "b": {"key": "hush", "headers": {"X": "y"}}}"#;
        let room = tempfile::tempdir().unwrap();
        std::fs::write(room.path().join(FILE), text).unwrap();
        let mut secrets = Secrets::read(room.path());
        assert_eq!(secrets.place("a"), Some(KeyPlace::Keyring));
        assert_eq!(secrets.place("b"), Some(KeyPlace::File));
        assert_eq!(secrets.place("c"), None);
        assert_eq!(secrets.get("b").unwrap().key.as_deref(), Some("hush"));
        assert_eq!(secrets.get("c").unwrap(), Access::default());
        let before = secrets.mark("b");
        let other = Access {
            key: Some("other".to_owned()),
            ..Access::default()
        };
        let placed = secrets.put("b", other);
        secrets.set("b", placed).unwrap();
        assert_ne!(secrets.mark("b"), before);
        assert!(!format!("{secrets:?}").contains("other"));
        secrets.remove("b").unwrap();
        assert_eq!(secrets.place("b"), None);
    }
}

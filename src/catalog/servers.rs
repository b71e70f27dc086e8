//! [`Servers`]: the servers that may run models, as the user added them. Plain data: nothing is asked here.

mod by_server;
mod families;
mod reports;
mod secrets;

pub use reports::ServerReport;
pub use secrets::{Access, KeyPlace, Placed, Vault};

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::CatalogError;
use super::places::write_whole;
use by_server::ByServer;
use families::Families;
use reports::Known;
use secrets::Secrets;

/// Names, addresses and kinds.
const FILE: &str = "servers.json";

/// Which language a server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServerKind {
    /// `ComfyUI`, and what runs many of them behind its address.
    Comfy,
    /// `/sdapi/v1`: Stable Diffusion WebUI, Forge, SD.Next, stable-diffusion.cpp, Draw Things.
    Sdapi,
}

impl ServerKind {
    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Comfy => "ComfyUI",
            Self::Sdapi => "WebUI (sdapi)",
        }
    }
}

/// A server that may run models.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// What the user calls it; no two have the same.
    pub name: String,
    /// `http://` or `https://`, host and port, and a path where it has one; without a slash at the end.
    pub address: String,
    /// Which language it speaks.
    pub kind: ServerKind,
    /// The user knows that pictures are sent there.
    #[serde(default)]
    pub is_confirmed: bool,
}

impl Server {
    /// What the user's own machine is called; no server is.
    pub const LOCAL: &str = "local";

    /// The address as it is kept, of one that was typed: `http://` where it says nothing else.
    /// `None` where it is none.
    pub fn address_of(typed: &str) -> Option<String> {
        let typed = typed.trim().trim_end_matches('/');
        let address = match typed.split_once("://") {
            Some(("http" | "https", _)) => typed.to_owned(),
            Some(_) => return None,
            None => format!("http://{typed}"),
        };
        let rest = address.split_once("://").map_or("", |(_, rest)| rest);
        let host = rest.split('/').next().unwrap_or_default();
        let is_one = !host.is_empty()
            && !host.ends_with(':')
            && !host.contains('@')
            && !rest.contains(['?', '#', ' '])
            && host.is_ascii();
        is_one.then_some(address)
    }

    /// The host without its port.
    pub fn host(&self) -> &str {
        let rest = self.address.split_once("://").map_or("", |(_, rest)| rest);
        let host = rest.split('/').next().unwrap_or_default();
        match host.strip_prefix('[') {
            Some(six) => six.split(']').next().unwrap_or_default(),
            None => host.split(':').next().unwrap_or_default(),
        }
    }

    /// True where it is this machine, so that a picture stays here.
    pub fn is_here(&self) -> bool {
        let host = self.host();
        host == "localhost"
            || host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    }
}

/// The servers that the user added. A clone knows what was known then.
#[derive(Debug, Clone)]
pub struct Servers {
    data_dir: PathBuf,
    list: Vec<Server>,
    secrets: Secrets,
    families: ByServer<Families>,
    reports: ByServer<Known>,
}

impl Servers {
    /// Those that are remembered in `data_dir`. Keys go to a file there; see [`with_vault`](Self::with_vault).
    pub fn open(data_dir: &Path) -> Self {
        let list = std::fs::read(data_dir.join(FILE)).ok();
        let list = list.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Self {
            data_dir: data_dir.to_path_buf(),
            list: list.unwrap_or_default(),
            secrets: Secrets::read(data_dir),
            families: ByServer::read(data_dir, families::FILE),
            reports: ByServer::read(data_dir, reports::FILE),
        }
    }

    /// The same as they are remembered now.
    #[must_use]
    pub fn reopened(&self) -> Self {
        Self::open(&self.data_dir).with_vault(self.secrets.vault)
    }

    /// The same with new keys kept there.
    #[must_use]
    pub fn with_vault(mut self, vault: Vault) -> Self {
        self.secrets.vault = vault;
        self
    }

    /// All of them, in the order that the user gave them.
    pub fn list(&self) -> &[Server] {
        &self.list
    }

    /// The one of that name or address.
    pub fn find(&self, name_or_address: &str) -> Option<&Server> {
        let address = Server::address_of(name_or_address);
        let mut all = self.list.iter();
        all.find(|server| {
            server.name == name_or_address || Some(&server.address) == address.as_ref()
        })
    }

    /// A name that no server has: that one, or with a number behind it.
    pub fn free_name(&self, wanted: &str) -> String {
        let is_free = |name: &String| {
            name != Server::LOCAL && self.list.iter().all(|server| server.name != *name)
        };
        let mut names = std::iter::once(wanted.to_owned())
            .chain((2_u32..).map(|number| format!("{wanted} {number}")));
        names.find(is_free).unwrap_or_default()
    }

    /// What the server of that name wants to see; nothing where it cannot be had.
    pub fn access(&self, name: &str) -> Access {
        self.secrets.get(name).unwrap_or_default()
    }

    /// The same, and why it cannot be had. Blocks while the keyring is asked, which may ask the user.
    pub fn try_access(&self, name: &str) -> Result<Access, CatalogError> {
        self.secrets.get(name)
    }

    /// Where the key of that server lies; `None` where it needs none.
    pub fn key_place(&self, name: &str) -> Option<KeyPlace> {
        self.secrets.place(name)
    }

    /// Changes whenever another key is kept for that server; says nothing of it.
    pub fn key_mark(&self, name: &str) -> u64 {
        self.secrets.mark(name)
    }

    /// Puts a key where new ones are kept, without remembering for whom: [`set_placed`](Self::set_placed) does
    /// that. Blocks while the keyring is asked.
    pub fn place_key(&self, name: &str, access: Access) -> Placed {
        self.secrets.put(name, access)
    }

    /// Remembers a server, in the place of one of that name. Blocks while the keyring is asked.
    pub fn set(&mut self, server: Server, access: Access) -> Result<(), CatalogError> {
        let known = self.secrets.get(&server.name).ok();
        let placed = if known.as_ref() == Some(&access) {
            None
        } else {
            Some(self.secrets.put(&server.name, access))
        };
        self.set_placed(server, placed)
    }

    /// The same with a key that lies in its place already; `None`: as it was.
    pub fn set_placed(&mut self, server: Server, key: Option<Placed>) -> Result<(), CatalogError> {
        if let Some(key) = key {
            self.secrets.set(&server.name, key)?;
        }
        match self.list.iter_mut().find(|known| known.name == server.name) {
            Some(known) => *known = server,
            None => self.list.push(server),
        }
        self.write()
    }

    /// Calls a server otherwise; false where there is none, or another has that name.
    pub fn rename(&mut self, name: &str, to: &str) -> Result<bool, CatalogError> {
        if self.list.iter().any(|server| server.name == to) {
            return Ok(false);
        }
        let Some(server) = self.list.iter_mut().find(|server| server.name == name) else {
            return Ok(false);
        };
        to.clone_into(&mut server.name);
        self.secrets.kept.rename(name, to)?;
        self.families.rename(name, to)?;
        self.reports.rename(name, to)?;
        self.write().map(|()| true)
    }

    /// Moves a server to that place among all.
    pub fn move_to(&mut self, name: &str, place: usize) -> Result<(), CatalogError> {
        let Some(from) = self.list.iter().position(|server| server.name == name) else {
            return Ok(());
        };
        let server = self.list.remove(from);
        self.list.insert(place.min(self.list.len()), server);
        self.write()
    }

    /// Forgets a server and its key; false where there is none of that name or address. Blocks while the
    /// keyring is asked.
    pub fn remove(&mut self, name_or_address: &str) -> Result<bool, CatalogError> {
        let Some(name) = self.find(name_or_address).map(|it| it.name.clone()) else {
            return Ok(false);
        };
        self.list.retain(|server| server.name != name);
        self.secrets.remove(&name)?;
        self.families.forget(&name)?;
        self.reports.forget(&name)?;
        self.write().map(|()| true)
    }

    fn write(&self) -> Result<(), CatalogError> {
        let bytes = serde_json::to_vec_pretty(&self.list).unwrap_or_default();
        let path = self.data_dir.join(FILE);
        write_whole(&self.data_dir, FILE, &bytes)
            .map_err(|error| CatalogError::of_io(&path, &error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Family;

    fn server(name: &str, address: &str) -> Server {
        Server {
            name: name.to_owned(),
            address: address.to_owned(),
            kind: ServerKind::Comfy,
            is_confirmed: false,
        }
    }

    #[test]
    fn addresses_are_kept_in_one_form() {
        for (typed, kept) in [
            ("http://a:8188/", Some("http://a:8188")),
            ("studio:8188", Some("http://studio:8188")),
            ("https://x.example/comfy/", Some("https://x.example/comfy")),
            ("ftp://a", None),
            ("http://", None),
            // A key belongs where it is kept, not into what is shown.
            ("http://me:secret@a", None),
            ("http://a/?x=1", None),
        ] {
            assert_eq!(Server::address_of(typed).as_deref(), kept, "{typed}");
        }
        for (address, is_here) in [
            ("http://127.0.0.1:8188", true),
            ("http://[::1]:8188", true),
            ("http://localhost", true),
            ("http://127.0.0.1.example.com", false),
            ("http://192.168.1.5:8188", false),
        ] {
            assert_eq!(server("s", address).is_here(), is_here, "{address}");
        }
    }

    #[test]
    fn servers_are_remembered_and_keys_lie_apart() {
        let room = tempfile::tempdir().unwrap();
        let mut servers = Servers::open(room.path());
        let access = Access {
            key: Some("hush-hush".to_owned()),
            ..Access::default()
        };
        servers
            .set(server("studio", "http://studio:8188"), access.clone())
            .unwrap();
        servers
            .set(server("other", "http://b"), Access::default())
            .unwrap();
        let mut again = Servers::open(room.path());
        assert_eq!(again.list(), servers.list());
        assert_eq!(again.access("studio"), access);
        assert_eq!(again.find("studio:8188").unwrap().name, "studio");
        assert!(!format!("{again:?}").contains("hush"));
        let shown = std::fs::read_to_string(room.path().join(FILE)).unwrap();
        assert!(!shown.contains("hush"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(room.path().join(secrets::FILE)).unwrap();
            assert_eq!(mode.permissions().mode() & 0o077, 0);
        }
        assert_eq!(again.key_place("studio"), Some(KeyPlace::File));
        // What was chosen stays with it under another name.
        again
            .remember_family("studio", "m", Some(Family::Xl))
            .unwrap();
        let report = ServerReport {
            version: "1".to_owned(),
            ..ServerReport::default()
        };
        again.remember_report("studio", report.clone()).unwrap();
        assert_eq!(again.rename("studio", "other"), Ok(false));
        assert_eq!(again.rename("studio", "attic"), Ok(true));
        again.move_to("attic", 5).unwrap();
        let mut again = Servers::open(room.path());
        let names: Vec<_> = again.list().iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["other", "attic"]);
        assert_eq!(again.access("attic"), access);
        assert_eq!(again.family_of("attic", "m"), Some(Family::Xl));
        assert_eq!(again.report("attic"), Some(&report));
        assert_eq!(
            (again.report("studio"), again.family_of("studio", "m")),
            (None, None)
        );
        assert_eq!(again.remove("attic"), Ok(true));
        assert_eq!(again.remove("attic"), Ok(false));
        let keys = std::fs::read_to_string(room.path().join(secrets::FILE)).unwrap();
        assert!(!keys.contains("hush"));
    }
}

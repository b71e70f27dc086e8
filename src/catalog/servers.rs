//! [`Servers`]: the servers that may run models, as the user added them. Plain data: nothing is asked here.

mod families;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::CatalogError;
use super::places::write_whole;
use families::Families;

/// Names, addresses and kinds.
const FILE: &str = "servers.json";
/// Keys and headers, which nobody but the user may read.
const SECRETS: &str = "server-keys.json";

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

/// What a server wants to see before it answers. Shown nowhere.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
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

/// The servers that the user added.
#[derive(Debug, Clone, Default)]
pub struct Servers {
    data_dir: PathBuf,
    list: Vec<Server>,
    access: BTreeMap<String, Access>,
    families: Families,
}

impl Servers {
    /// Those that are remembered in `data_dir`.
    pub fn open(data_dir: &Path) -> Self {
        let read = |name: &str| std::fs::read(data_dir.join(name)).ok();
        let list = read(FILE).and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let access = read(SECRETS).and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Self {
            data_dir: data_dir.to_path_buf(),
            list: list.unwrap_or_default(),
            access: access.unwrap_or_default(),
            families: families::read(data_dir),
        }
    }

    /// All of them, in the order in which they were added.
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

    /// What the server of that name wants to see.
    pub fn access(&self, name: &str) -> Access {
        self.access.get(name).cloned().unwrap_or_default()
    }

    /// Remembers a server, in the place of one of that name.
    pub fn set(&mut self, server: Server, access: Access) -> Result<(), CatalogError> {
        if access == Access::default() {
            self.access.remove(&server.name);
        } else {
            self.access.insert(server.name.clone(), access);
        }
        match self.list.iter_mut().find(|known| known.name == server.name) {
            Some(known) => *known = server,
            None => self.list.push(server),
        }
        self.write()
    }

    /// Forgets a server and its key; false where there is none of that name or address.
    pub fn remove(&mut self, name_or_address: &str) -> Result<bool, CatalogError> {
        let Some(name) = self.find(name_or_address).map(|it| it.name.clone()) else {
            return Ok(false);
        };
        self.list.retain(|server| server.name != name);
        self.access.remove(&name);
        self.forget_families(&name)?;
        self.write().map(|()| true)
    }

    /// `write_whole` makes files that only their owner may read.
    fn write(&self) -> Result<(), CatalogError> {
        let write = |name: &str, bytes: serde_json::Result<Vec<u8>>| {
            let bytes = bytes.unwrap_or_default();
            let path = self.data_dir.join(name);
            write_whole(&self.data_dir, name, &bytes)
                .map_err(|error| CatalogError::of_io(&path, &error))
        };
        write(FILE, serde_json::to_vec_pretty(&self.list))?;
        write(SECRETS, serde_json::to_vec_pretty(&self.access))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            headers: BTreeMap::new(),
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
            let mode = std::fs::metadata(room.path().join(SECRETS)).unwrap();
            assert_eq!(mode.permissions().mode() & 0o077, 0);
        }
        assert_eq!(again.remove("studio"), Ok(true));
        assert_eq!(again.remove("studio"), Ok(false));
        let keys = std::fs::read_to_string(room.path().join(SECRETS)).unwrap();
        assert!(!keys.contains("hush"));
    }
}

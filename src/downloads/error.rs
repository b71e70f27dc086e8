//! [`DownloadError`]: why nothing was fetched.

use std::path::{Path, PathBuf};

use crate::catalog::CatalogError;
use crate::text::{Explain, Message, error_speaks};

/// Why nothing was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DownloadError {
    /// It was asked to stop. What is there stays, to go on from.
    Cancelled,
    /// What was asked for is no id of the list, no `hf:` name and no address.
    BadSource(String),
    /// The proxy that the environment names is no address.
    BadProxy,
    /// The server cannot be reached, or went silent, after all tries.
    Unreachable {
        /// Its name.
        host: String,
        /// What the network says.
        why: String,
    },
    /// 401: it wants to know who asks.
    Unauthorised {
        /// What was asked for, without secrets.
        url: String,
        /// Whether a token was sent.
        had_token: bool,
    },
    /// 403: it knows who asks and says no: the licence was not accepted there.
    Forbidden {
        /// What was asked for, without secrets.
        url: String,
        /// Whether a token was sent.
        had_token: bool,
    },
    /// 404 and 410.
    NotFound(String),
    /// 429, and it does not end.
    TooMany {
        /// The server's name.
        host: String,
        /// How long it wants us to wait, where it says so.
        seconds: Option<u64>,
    },
    /// Any other answer that is none.
    Status {
        /// The server's name.
        host: String,
        /// The number of the answer.
        status: u16,
    },
    /// It redirects in circles, or to a place that is not to be trusted.
    Redirect(String),
    /// The server's description of the repository cannot be understood.
    BadListing {
        /// The server's name.
        host: String,
        /// What is wrong with it.
        why: String,
    },
    /// The repository holds no model in a form that can be run.
    NothingToRun(String),
    /// The repository holds several files, each of which may be meant.
    Several {
        /// Which repository.
        repository: String,
        /// The files.
        files: Vec<String>,
    },
    /// What came is a web page, a stand-in, or no model.
    Foreign(CatalogError),
    /// The server says one size here and another there, or sends another.
    WrongSize {
        /// Which file.
        file: String,
        /// What was promised.
        wanted: u64,
        /// What it is.
        got: u64,
    },
    /// The bytes are not those that were promised, twice.
    WrongChecksum(String),
    /// Not enough room on the disk.
    NoRoom {
        /// Where.
        folder: PathBuf,
        /// Bytes that are missing still.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// The disk does not take it.
    Disk {
        /// Where.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
    /// It is there already.
    AlreadyThere(PathBuf),
    /// Another program, or another window, is fetching it now.
    Busy(String),
    /// Nobody has agreed to the licence.
    LicenceOpen(String),
}

impl DownloadError {
    pub(super) fn of_io(path: &Path, error: &std::io::Error) -> Self {
        Self::Disk {
            path: path.to_path_buf(),
            why: error.to_string(),
        }
    }

    /// True when it was asked to stop.
    pub fn is_cancelled(&self) -> bool {
        *self == Self::Cancelled
    }

    /// True where trying again may help: the network, or a server that is ill for a moment.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::TooMany { .. } => true,
            Self::Status { status, .. } => *status >= 500 || *status == 408,
            _ => false,
        }
    }
}

/// Bytes as people read them.
fn size(bytes: u64) -> String {
    let megabytes = bytes as f64 / 1e6;
    if megabytes < 1000.0 {
        format!("{megabytes:.1} MB")
    } else {
        format!("{:.2} GB", megabytes / 1000.0)
    }
}

impl Explain for DownloadError {
    fn message(&self) -> Message {
        let of_token = |key, key_with_token, url: &String, had_token: bool| {
            Message::new(if had_token { key_with_token } else { key }).with("url", url.clone())
        };
        match self {
            Self::Cancelled => Message::new("get-cancelled"),
            Self::BadSource(text) => Message::new("get-bad-source").with("text", text.clone()),
            Self::BadProxy => Message::new("get-bad-proxy"),
            Self::Unreachable { host, why } => Message::new("get-unreachable")
                .with("why", why.clone())
                .with("host", host.clone()),
            Self::Unauthorised { url, had_token } => {
                of_token("get-unauthorised", "get-token-refused", url, *had_token)
            }
            Self::Forbidden { url, had_token } => {
                of_token("get-forbidden", "get-licence-not-accepted", url, *had_token)
            }
            Self::NotFound(url) => Message::new("get-not-found").with("url", url.clone()),
            Self::TooMany { host, seconds } => match seconds {
                Some(seconds) => Message::new("get-too-many-seconds")
                    .with("host", host.clone())
                    .with("seconds", *seconds as f64),
                None => Message::new("get-too-many").with("host", host.clone()),
            },
            Self::Status { host, status } => Message::new("get-status")
                .with("host", host.clone())
                .with("status", status.to_string()),
            Self::Redirect(url) => Message::new("get-redirect").with("url", url.clone()),
            Self::BadListing { host, why } => Message::new("get-bad-listing")
                .with("why", why.clone())
                .with("host", host.clone()),
            Self::NothingToRun(repository) => {
                Message::new("get-nothing-to-run").with("repository", repository.clone())
            }
            Self::Several { repository, files } => Message::new("get-several")
                .with("repository", repository.clone())
                .with("files", files.join(", ")),
            Self::Foreign(error) => error.message(),
            Self::WrongSize { file, wanted, got } => Message::new("get-wrong-size")
                .with("file", file.clone())
                .with("wanted", *wanted as f64)
                .with("got", *got as f64),
            Self::WrongChecksum(file) => {
                Message::new("get-wrong-checksum").with("file", file.clone())
            }
            Self::NoRoom {
                folder,
                needed,
                free,
            } => Message::new("get-no-room")
                .with("folder", folder.as_path())
                .with("needed", size(*needed))
                .with("free", size(*free)),
            Self::Disk { path, why } => Message::new("get-disk")
                .with("why", why.clone())
                .with("path", path.as_path()),
            Self::AlreadyThere(path) => {
                Message::new("get-already-there").with("path", path.as_path())
            }
            Self::Busy(name) => Message::new("get-busy").with("name", name.clone()),
            Self::LicenceOpen(licence) => {
                Message::new("get-licence-open").with("licence", licence.clone())
            }
        }
    }
}

error_speaks!(DownloadError);

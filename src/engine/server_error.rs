//! [`ServerError`]: why a server did not do what it was asked.

use serde::{Deserialize, Serialize};

use crate::text::{Explain, Message, error_speaks};

/// Why a server did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServerError {
    /// The server's name.
    pub server: String,
    /// Why.
    pub fault: Fault,
}

/// What is wrong with a server, its answer, or what it was asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Fault {
    /// Nothing listens there, or the host is not known.
    Refused {
        /// What the system says.
        why: String,
    },
    /// It did not answer in time.
    Slow,
    /// The connection broke.
    Lost {
        /// What the system says.
        why: String,
    },
    /// It went away with a job, and did not come back in time or knows nothing of it any more.
    Gone,
    /// It has not kept the pictures that it was sent.
    PicturesGone,
    /// The connection cannot be trusted.
    Tls {
        /// What the library says.
        why: String,
    },
    /// It wants a key, or another one.
    NotAllowed,
    /// It sends us elsewhere, where we do not go with a picture and a key.
    Redirected {
        /// Where to.
        to: String,
    },
    /// It answered something that such a server does not say.
    NotUnderstood {
        /// The beginning of what it said.
        said: String,
    },
    /// It says that something failed.
    Failed {
        /// What it says.
        why: String,
    },
    /// It has not enough memory.
    OutOfMemory,
    /// Its disk is full.
    DiskFull,
    /// It does not take a picture of that size.
    TooLarge,
    /// Its result has another size.
    WrongSize {
        /// What was asked for, `W×H`.
        wanted: String,
        /// What came.
        got: String,
    },
    /// It has no model, LoRA or sampler of that name.
    Missing {
        /// The name.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// Somebody stopped the job there.
    Interrupted,
    /// It has no way to do that.
    Cannot {
        /// What.
        what: Message,
    },
}

impl Fault {
    /// True where another server, or the same one a little later, may well do it.
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Refused { .. } | Self::Slow | Self::Lost { .. } | Self::Gone | Self::PicturesGone
        )
    }

    /// True where the server itself is in trouble, so that it will hardly do other work either; false where
    /// it answered that it cannot do this very work.
    pub fn is_of_server(&self) -> bool {
        !matches!(
            self,
            Self::Failed { .. }
                | Self::TooLarge
                | Self::WrongSize { .. }
                | Self::Missing { .. }
                | Self::Interrupted
                | Self::Cannot { .. }
        )
    }

    /// The fault of a server that says that.
    pub fn of_words(said: &str) -> Self {
        let lower = said.to_lowercase();
        let says = |parts: &[&str]| parts.iter().any(|part| lower.contains(part));
        if says(&[
            "out of memory",
            "outofmemory",
            "not enough memory",
            "cannot allocate memory",
            "can't allocate memory",
            "failed to allocate",
        ]) {
            Self::OutOfMemory
        } else if says(&["no space left", "enospc", "disk full", "disk quota"]) {
            Self::DiskFull
        } else if says(&["invalid image file"]) {
            // Of nodes that load pictures, in ComfyUI's words.
            Self::PicturesGone
        } else {
            Self::Failed {
                why: shortened(said),
            }
        }
    }
}

/// The beginning of what a server said, as one line.
pub(super) fn shortened(said: &str) -> String {
    const LONGEST: usize = 240;
    let line = said.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", line.get(..at).unwrap_or_default()),
        None => line,
    }
}

/// How many names of what there is are said.
const NAMES: usize = 12;

impl Explain for ServerError {
    fn message(&self) -> Message {
        let message = match &self.fault {
            Fault::Refused { why } => Message::new("server-refused").with("why", why.clone()),
            Fault::Slow => Message::new("server-slow"),
            Fault::Lost { why } => Message::new("server-lost").with("why", why.clone()),
            Fault::Gone => Message::new("server-gone"),
            Fault::PicturesGone => Message::new("server-pictures-gone"),
            Fault::Tls { why } => Message::new("server-tls").with("why", why.clone()),
            Fault::NotAllowed => Message::new("server-not-allowed"),
            Fault::Redirected { to } => Message::new("server-redirected").with("to", to.clone()),
            Fault::NotUnderstood { said } => {
                Message::new("server-not-understood").with("said", said.clone())
            }
            Fault::Failed { why } => Message::new("server-failed").with("why", why.clone()),
            Fault::OutOfMemory => Message::new("server-out-of-memory"),
            Fault::DiskFull => Message::new("server-disk-full"),
            Fault::TooLarge => Message::new("server-too-large"),
            Fault::WrongSize { wanted, got } => Message::new("server-wrong-size")
                .with("wanted", wanted.clone())
                .with("got", got.clone()),
            Fault::Missing { name, known } if known.is_empty() => {
                Message::new("server-missing-all").with("name", name.clone())
            }
            Fault::Missing { name, known } => Message::new("server-missing")
                .with("name", name.clone())
                .with("known", said_list(known)),
            Fault::Interrupted => Message::new("server-interrupted"),
            Fault::Cannot { what } => Message::new("server-cannot").with("what", what.clone()),
        };
        message.with("server", self.server.clone())
    }
}

fn said_list(known: &[String]) -> String {
    let said: Vec<&str> = known.iter().take(NAMES).map(String::as_str).collect();
    let more = if known.len() > NAMES { ", …" } else { "" };
    format!("{}{more}", said.join(", "))
}

error_speaks!(ServerError);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_answers_about_the_work_is_not_in_trouble_itself() {
        let why = String::new;
        let of_server = [
            Fault::Refused { why: why() },
            Fault::Slow,
            Fault::Gone,
            Fault::of_words("CUDA out of memory"),
            Fault::of_words("No space left on device"),
            Fault::NotUnderstood { said: why() },
        ];
        assert!(of_server.iter().all(Fault::is_of_server));
        let of_work = [
            Fault::TooLarge,
            Fault::Interrupted,
            Fault::of_words("shapes do not match"),
        ];
        assert!(!of_work.iter().any(Fault::is_of_server));
    }
}

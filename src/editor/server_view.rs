//! [`ServerView`]: a server with what is known of it, and [`ServerCommand`]: what can be asked about servers.

use crate::catalog::{Access, Family, KeyPlace, ModelCard, Server, ServerReport, ToldBy};
use crate::text::Message;

/// What can be asked about servers. What cannot be done becomes a notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerCommand {
    /// Adds what is at an address, once it has answered: its kind is found out.
    Add {
        /// As it was typed.
        address: String,
        /// What it is called; empty: as its host.
        name: String,
        /// What it wants to see.
        access: Access,
    },
    /// Forgets what is being added, or why it could not be.
    StopAdding,
    /// Asks a server what it is and has.
    Ask(String),
    /// Asks all of them that were not asked a moment ago.
    AskAll,
    /// Calls a server otherwise, or gives it another key.
    Change {
        /// Which.
        server: String,
        /// Its name from now on.
        name: String,
        /// What it wants to see; `None`: as it was.
        access: Option<Access>,
    },
    /// Moves a server to that place among all.
    Move {
        /// Which.
        server: String,
        /// 0 is the first.
        to: usize,
    },
    /// Forgets a server and its key.
    Remove(String),
    /// Says by hand which family a model there is of, or takes that back, and uses it so where it is chosen.
    Tell {
        /// The server's name.
        server: String,
        /// The model's name there.
        model: String,
        /// `None`: what its file or its name tells.
        family: Option<Family>,
    },
    /// Answers [`Editor::leaving`](super::Editor::leaving): the picture may be sent there, or not.
    Send(bool),
}

/// Whether a server answers.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum ServerState {
    /// It was not asked yet.
    #[default]
    Unasked,
    /// It is being asked.
    Asking,
    /// It has answered.
    Answers,
    /// It has not, and why.
    Fault(Message),
}

/// A model on a server.
#[derive(Debug, Clone, PartialEq)]
pub struct ServedCard {
    /// What is known of it.
    pub card: ModelCard,
    /// What says of which family it is.
    pub told: ToldBy,
}

/// A server with what is known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerView {
    /// What the user called it, and where it is.
    pub server: Server,
    /// Whether it answers.
    pub state: ServerState,
    /// What it said last, in this session or before.
    pub report: Option<ServerReport>,
    /// Its models.
    pub models: Vec<ServedCard>,
    /// Where its key lies; `None` where it wants none.
    pub key: Option<KeyPlace>,
    /// What its last run took.
    pub seconds: Option<f64>,
}

/// A server that is being added.
#[derive(Debug, Clone, PartialEq)]
pub enum Adding {
    /// It has not answered yet.
    Asking,
    /// It cannot be added, and why.
    Failed(Message),
    /// It was, under that name.
    Added(String),
}

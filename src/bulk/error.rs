//! [`BulkError`]: why a recipe or a table of prompts cannot be used.

use std::path::PathBuf;

use crate::catalog::CatalogError;
use crate::plan::PlanError;
use crate::raster::PictureError;
use crate::text::{Explain, Message, error_speaks};

/// Why a recipe or a table of prompts cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BulkError {
    /// The text is not TOML, or says what no recipe can.
    Toml {
        /// Counted from 1.
        line: usize,
        /// The line.
        text: String,
        /// What the reader says, with what is allowed.
        why: String,
    },
    /// A newer program wrote it.
    Version {
        /// Its version.
        found: i64,
        /// Ours.
        known: u32,
    },
    /// It cannot be put into words; a mistake of ours.
    Unwritable(String),
    /// None of the actions, or more than one.
    OneAction,
    /// Two keys that exclude each other.
    Both(&'static str, &'static str),
    /// A key that makes no sense without another.
    Needs(&'static str, &'static str),
    /// Quality outside 1…100.
    Quality(u8),
    /// A brace without its partner.
    Braces {
        /// Where.
        key: &'static str,
        /// The text.
        text: String,
    },
    /// A place that nothing is known for.
    Place {
        /// Where.
        key: &'static str,
        /// Its name.
        name: String,
        /// The names there are.
        known: String,
    },
    /// The outputs of one picture would have one name: that place is missing.
    NameWithout(String),
    /// No model here is the one that the recipe was written with.
    OtherModel(String),
    /// No LoRA here is.
    OtherLora(String),
    /// A list without a word.
    EmptyList(String),
    /// A list with the name of something else.
    ListName(String),
    /// A list that no prompt uses: its variations would be the same.
    UnusedList(String),
    /// A table or text of prompts cannot be read.
    Prompts {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// A table of prompts without a column of that name.
    PromptColumn {
        /// The file.
        path: PathBuf,
        /// The column.
        column: &'static str,
    },
    /// There is no prompt for that picture.
    NoPrompt {
        /// Where one was looked for.
        path: PathBuf,
    },
    /// Nothing is known for a place of the picture's prompt.
    NoValue(String),
    /// Two pictures would be written to one file.
    SameName {
        /// The name.
        name: String,
        /// The picture that has it already.
        other: PathBuf,
    },
    /// An output would be written over one of the pictures.
    OverPicture(PathBuf),
    /// An output would be written over a file that is none of the batch's.
    OverOther(PathBuf),
}

impl BulkError {
    pub(super) fn of_toml(text: &str, error: &toml::de::Error) -> Self {
        let at = error.span().map_or(0, |span| span.start).min(text.len());
        let before = text.get(..at).unwrap_or_default();
        let line = before.matches('\n').count();
        Self::Toml {
            line: line + 1,
            text: text.lines().nth(line).unwrap_or_default().trim().to_owned(),
            why: error.message().replace('\n', "; "),
        }
    }
}

/// Why a recipe cannot be worked with.
#[derive(Debug, Clone, PartialEq)]
pub enum NotReady {
    /// The recipe is to blame.
    Recipe(BulkError),
    /// Its values do not go together with the model.
    Plan(PlanError),
    /// A file that it names cannot be read.
    File(PictureError),
    /// Its model or a LoRA cannot be used.
    Model(CatalogError),
}

impl From<PictureError> for NotReady {
    fn from(error: PictureError) -> Self {
        Self::File(error)
    }
}

impl From<CatalogError> for NotReady {
    fn from(error: CatalogError) -> Self {
        Self::Model(error)
    }
}

impl Explain for NotReady {
    fn message(&self) -> Message {
        match self {
            Self::Recipe(error) => error.message(),
            Self::Plan(error) => error.message(),
            Self::File(error) => error.message(),
            Self::Model(error) => error.message(),
        }
    }
}

error_speaks!(NotReady);

impl From<BulkError> for NotReady {
    fn from(error: BulkError) -> Self {
        Self::Recipe(error)
    }
}

impl From<PlanError> for NotReady {
    fn from(error: PlanError) -> Self {
        Self::Plan(error)
    }
}

impl Explain for BulkError {
    fn message(&self) -> Message {
        match self {
            Self::Toml { line, text, why } => Message::new("bulk-recipe-line")
                .with("line", *line)
                .with("text", text.clone())
                .with("why", why.clone()),
            Self::Version { found, known } => Message::new("bulk-recipe-version")
                .with("version", *found as f64)
                .with("known", *known),
            Self::Unwritable(why) => {
                Message::new("bulk-recipe-unwritable").with("why", why.clone())
            }
            Self::OneAction => Message::new("bulk-recipe-one-action"),
            Self::Both(a, b) => Message::new("bulk-recipe-both").with("a", *a).with("b", *b),
            Self::Needs(key, other) => Message::new("bulk-recipe-needs")
                .with("key", *key)
                .with("other", *other),
            Self::Quality(quality) => {
                Message::new("bulk-recipe-quality").with("value", u32::from(*quality))
            }
            Self::Braces { key, text } => Message::new("bulk-recipe-braces")
                .with("key", *key)
                .with("text", text.clone()),
            Self::Place { key, name, known } => Message::new("bulk-recipe-place")
                .with("key", *key)
                .with("name", name.clone())
                .with("known", known.clone()),
            Self::NameWithout(place) => {
                Message::new("bulk-recipe-name-without").with("place", place.clone())
            }
            Self::OtherModel(name) => {
                Message::new("bulk-recipe-other-model").with("name", name.clone())
            }
            Self::OtherLora(name) => {
                Message::new("bulk-recipe-other-lora").with("name", name.clone())
            }
            Self::EmptyList(list) => {
                Message::new("bulk-recipe-empty-list").with("list", list.clone())
            }
            Self::ListName(list) => {
                Message::new("bulk-recipe-list-name").with("list", list.clone())
            }
            Self::UnusedList(list) => {
                Message::new("bulk-recipe-unused-list").with("list", list.clone())
            }
            Self::Prompts { path, why } => Message::new("bulk-prompts-unreadable")
                .with("path", path.as_path())
                .with("why", why.clone()),
            Self::PromptColumn { path, column } => Message::new("bulk-prompts-column")
                .with("path", path.as_path())
                .with("column", *column),
            Self::NoPrompt { path } => Message::new("bulk-no-prompt").with("path", path.as_path()),
            Self::NoValue(name) => Message::new("bulk-no-value").with("name", name.clone()),
            Self::SameName { name, other } => Message::new("bulk-same-name")
                .with("name", name.clone())
                .with("other", other.as_path()),
            Self::OverPicture(path) => {
                Message::new("bulk-over-picture").with("path", path.as_path())
            }
            Self::OverOther(path) => Message::new("bulk-over-other").with("path", path.as_path()),
        }
    }
}

error_speaks!(BulkError);

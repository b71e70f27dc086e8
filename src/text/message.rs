//! [`Message`]: something to say, not yet in any language.

use std::borrow::Cow;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// An argument of a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// Shown as it stands: names, paths, texts of the operating system.
    Text(String),
    /// Shown in the language's number format; chooses plurals.
    Number(f64),
    /// Another message, translated in place.
    Message(Box<Message>),
}

/// A key of the translation files and its arguments. Can be stored and sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// The key in `assets/i18n/<language>/*.ftl`.
    pub key: Cow<'static, str>,
    /// Arguments by name.
    pub args: Vec<(Cow<'static, str>, Value)>,
}

impl Message {
    /// The message of that key, as yet without arguments.
    pub const fn new(key: &'static str) -> Self {
        Self {
            key: Cow::Borrowed(key),
            args: Vec::new(),
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.args.push((Cow::Borrowed(name), value.into()));
        self
    }
}

/// Errors and everything else that can say what it is.
pub trait Explain {
    /// What happened, why, and what to try.
    fn message(&self) -> Message;
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&Path> for Value {
    fn from(path: &Path) -> Self {
        Self::Text(path.display().to_string())
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Number(f64::from(number))
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Self {
        Self::Number(number as f64)
    }
}

impl From<Message> for Value {
    fn from(message: Message) -> Self {
        Self::Message(Box::new(message))
    }
}

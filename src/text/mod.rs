//! What the program says to people, in every language it speaks.
//!
//! The words live in `assets/i18n/<language>/*.ftl` ([Fluent](https://projectfluent.org)) and
//! nowhere else. A room that has something to say makes a [`Message`]: a key and its arguments.
//! Only the command line and the window turn it into a sentence, in the user's language. Errors
//! implement [`Explain`]; their `Display` is the English sentence.

mod message;
mod texts;

pub use message::{Explain, Message, Value};
pub use texts::{Language, Texts, english};

/// Gives an error type its `Display` (the English sentence of its message) and `Error`.
macro_rules! error_speaks {
    ($error:ty) => {
        impl std::fmt::Display for $error {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&$crate::text::english(&$crate::text::Explain::message(
                    self,
                )))
            }
        }
        impl std::error::Error for $error {}
    };
}
pub(crate) use error_speaks;

//! The words of a recipe's values: those of the command line, read by the same rules.

use std::fmt::Display;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use crate::plan::Seed;

/// A value of `edit`'s options: the text (or number) that would be typed there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word<T>(pub T);

impl<T: Display> Serialize for Word<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de, T: FromStr<Err: Display>> Deserialize<'de> for Word<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Typed(PhantomData))
    }
}

struct Typed<T>(PhantomData<T>);

impl<T: FromStr<Err: Display>> Visitor<'_> for Typed<T> {
    type Value = Word<T>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a text or a number")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        text.parse().map(Word).map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Self::Value, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Self::Value, E> {
        self.visit_str(&number.to_string())
    }
}

/// Which seed each picture gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SeedRule {
    /// One of its own, made from the bytes of its file: other pictures get other noise, and the same
    /// picture always gets the same.
    #[default]
    Picture,
    /// The same for every picture.
    Fixed(Seed),
}

const SEED_OF_PICTURE: &str = "picture";

impl Serialize for SeedRule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Picture => serializer.serialize_str(SEED_OF_PICTURE),
            // TOML has no whole numbers beyond 63 bits.
            Self::Fixed(Seed(seed)) => match i64::try_from(*seed) {
                Ok(seed) => serializer.serialize_i64(seed),
                Err(_) => serializer.serialize_str(&seed.to_string()),
            },
        }
    }
}

impl<'de> Deserialize<'de> for SeedRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Word::deserialize(deserializer).map(|Word(rule)| rule)
    }
}

impl FromStr for SeedRule {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim() {
            SEED_OF_PICTURE => Ok(Self::Picture),
            number => number.parse().map(|seed| Self::Fixed(Seed(seed))).map_err(|_| {
                "allowed are \"picture\" (each picture its own seed, always the same one) and whole \
                 numbers from 0; a random seed would give other pictures when a batch goes on"
            }),
        }
    }
}

/// How an enum whose values have ids is written and read: by the id.
macro_rules! by_id {
    ($(#[$doc:meta])* $module:ident, $value:ty) => {
        $(#[$doc])*
        pub(super) mod $module {
            use super::{Deserialize as _, Deserializer, Serializer, de};

            #[expect(clippy::ref_option, reason = "serde's `with` passes a reference to the field")]
            pub(in crate::bulk) fn serialize<S: Serializer>(
                value: &Option<$value>,
                serializer: S,
            ) -> Result<S::Ok, S::Error> {
                match value {
                    Some(value) => serializer.serialize_str(value.id()),
                    None => serializer.serialize_none(),
                }
            }

            pub(in crate::bulk) fn deserialize<'de, D: Deserializer<'de>>(
                deserializer: D,
            ) -> Result<Option<$value>, D::Error> {
                let id = String::deserialize(deserializer)?;
                let all = <$value>::ALL;
                let known = all.map(<$value>::id).join(", ");
                let found = all.into_iter().find(|value| value.id() == id);
                let unknown = || de::Error::custom(format!("“{id}” is none of: {known}"));
                found.map(Some).ok_or_else(unknown)
            }
        }
    };
}

by_id! {
    /// A part that can be selected.
    part, crate::select::Part
}
by_id! {
    /// What is to be done.
    task, crate::plan::Task
}
by_id! {
    /// A channel of a mask's file.
    channel, crate::raster::file::MaskChannel
}
by_id! {
    /// What is written.
    format, crate::bulk::OutputFormat
}

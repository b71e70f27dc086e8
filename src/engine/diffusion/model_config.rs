//! [`ModelConfig`]: a `config.json` of a diffusers folder, asked for one value at a time.

use std::path::PathBuf;

use serde_json::{Map, Value};

use crate::catalog::ModelFiles;
use crate::engine::EngineError;
use crate::text::Message;

/// No count in a real model comes near this; below it, products of a few counts fit an index.
const COUNT_LIMIT: u64 = 1 << 20;

/// A `config.json`. Every answer is checked; what is wrong is named with the file.
#[derive(Debug)]
pub(super) struct ModelConfig {
    path: PathBuf,
    /// What the file describes, for messages: `U-Net`.
    part: &'static str,
    values: Map<String, Value>,
}

impl ModelConfig {
    /// Reads the file; `part` says in messages what it describes.
    pub(super) fn read(
        files: &ModelFiles,
        name: &str,
        part: &'static str,
    ) -> Result<Self, EngineError> {
        let path = files.path(name);
        let values =
            serde_json::from_slice(&files.read(name)?).map_err(|e| EngineError::ModelFile {
                path: path.clone(),
                why: e.to_string().into(),
            })?;
        Ok(Self { path, part, values })
    }

    /// One that was made of the weights in the file at `path`.
    pub(super) fn of(path: PathBuf, values: Map<String, Value>, part: &'static str) -> Self {
        Self { path, part, values }
    }

    /// The error that the file contradicts itself.
    pub(super) fn bad(&self, why: impl Into<String>) -> EngineError {
        EngineError::ModelFile {
            path: self.path.clone(),
            why: why.into().into(),
        }
    }

    /// The error that the value of `key` is beyond this program.
    pub(super) fn unsupported(&self, key: &str) -> EngineError {
        let value = self.get(key).unwrap_or(&Value::Null);
        EngineError::Unsupported {
            what: Message::new("engine-what-value")
                .with("key", key)
                .with("value", value.to_string())
                .with("part", self.part),
        }
    }

    /// The value; `None` where it is missing or null.
    fn get(&self, key: &str) -> Option<&Value> {
        self.values.get(key).filter(|value| !value.is_null())
    }

    fn wrong(&self, key: &str, wanted: &str) -> EngineError {
        let value = self.get(key).unwrap_or(&Value::Null);
        self.bad(format!("{key} is {value}, not {wanted}"))
    }

    /// A whole number from 1.
    pub(super) fn count(&self, key: &str, default: usize) -> Result<usize, EngineError> {
        self.optional_count(key)
            .map(|count| count.unwrap_or(default))
    }

    /// A whole number from 1, or nothing.
    pub(super) fn optional_count(&self, key: &str) -> Result<Option<usize>, EngineError> {
        self.get(key)
            .map(|value| as_count(value).ok_or_else(|| self.wrong(key, "a count")))
            .transpose()
    }

    /// One whole number from 1 for each of `len` places: a list, or one number for all.
    pub(super) fn optional_counts(
        &self,
        key: &str,
        len: usize,
    ) -> Result<Option<Vec<usize>>, EngineError> {
        let wanted = || self.wrong(key, &format!("a count or a list of {len} counts"));
        match self.get(key) {
            None => Ok(None),
            Some(Value::Array(list)) if list.len() == len => list
                .iter()
                .map(|value| as_count(value).ok_or_else(wanted))
                .collect::<Result<_, _>>()
                .map(Some),
            Some(value) => {
                let count = as_count(value).ok_or_else(wanted)?;
                Ok(Some(vec![count; len]))
            }
        }
    }

    /// As [`optional_counts`](Self::optional_counts), with one default for all.
    pub(super) fn counts(
        &self,
        key: &str,
        len: usize,
        default: usize,
    ) -> Result<Vec<usize>, EngineError> {
        Ok(self
            .optional_counts(key, len)?
            .unwrap_or_else(|| vec![default; len]))
    }

    /// A list of at least one whole number from 1.
    pub(super) fn count_list(&self, key: &str) -> Result<Vec<usize>, EngineError> {
        let len = match self.get(key) {
            Some(Value::Array(list)) if !list.is_empty() => list.len(),
            _ => return Err(self.wrong(key, "a list of counts")),
        };
        self.counts(key, len, 1)
    }

    /// A finite number.
    pub(super) fn number(&self, key: &str, default: f64) -> Result<f64, EngineError> {
        self.get(key).map_or(Ok(default), |value| {
            value
                .as_f64()
                .filter(|number| number.is_finite())
                .ok_or_else(|| self.wrong(key, "a number"))
        })
    }

    /// Yes or no.
    pub(super) fn flag(&self, key: &str, default: bool) -> Result<bool, EngineError> {
        self.get(key).map_or(Ok(default), |value| {
            value
                .as_bool()
                .ok_or_else(|| self.wrong(key, "true or false"))
        })
    }

    /// A word; `None` where it is null, `default` where it is missing.
    pub(super) fn word<'a>(
        &'a self,
        key: &str,
        default: &'a str,
    ) -> Result<Option<&'a str>, EngineError> {
        match self.values.get(key) {
            None => Ok(Some(default)),
            Some(Value::Null) => Ok(None),
            Some(Value::String(word)) => Ok(Some(word)),
            Some(_) => Err(self.wrong(key, "a word")),
        }
    }

    /// A list of `len` words.
    pub(super) fn words(&self, key: &str, len: usize) -> Result<Vec<&str>, EngineError> {
        let wanted = || self.wrong(key, &format!("a list of {len} words"));
        self.get(key)
            .and_then(Value::as_array)
            .filter(|list| list.len() == len)
            .ok_or_else(wanted)?
            .iter()
            .map(|value| value.as_str().ok_or_else(wanted))
            .collect()
    }

    /// Refuses the model where one of these keys has a value that is not among those it is listed
    /// with (as JSON). A missing key is accepted.
    pub(super) fn accept_only(&self, accepted: &[(&str, &[&str])]) -> Result<(), EngineError> {
        for (key, choices) in accepted {
            let Some(value) = self.values.get(*key) else {
                continue;
            };
            let fits = |choice: &&str| {
                serde_json::from_str(choice).is_ok_and(|choice: Value| same(value, &choice))
            };
            if !choices.iter().any(fits) {
                return Err(self.unsupported(key));
            }
        }
        Ok(())
    }
}

fn as_count(value: &Value) -> Option<usize> {
    value
        .as_u64()
        .filter(|count| (1..=COUNT_LIMIT).contains(count))
        .map(|count| count as usize)
}

/// Equal, where 1 and 1.0 are, and a list is when all its members are.
fn same(value: &Value, choice: &Value) -> bool {
    match (value, choice) {
        (Value::Array(list), _) => list.iter().all(|member| same(member, choice)),
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        _ => value == choice,
    }
}

//! [`LoraUse`]: a LoRA, and how much of it.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::PlanError;
use crate::catalog::LoraRef;

/// How much of a LoRA's changes is added to a model: 1 is as it was trained, 0 nothing, below it the
/// opposite.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct LoraWeight(f64);

impl LoraWeight {
    /// The largest there is, either way.
    pub const MOST: f64 = 10.0;
    /// As it was trained.
    pub const FULL: Self = Self(1.0);

    /// The weight of that value.
    pub fn new(value: f64) -> Result<Self, PlanError> {
        if (-Self::MOST..=Self::MOST).contains(&value) {
            Ok(Self(value))
        } else {
            Err(PlanError::LoraWeight(value))
        }
    }

    /// Its value.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for LoraWeight {
    type Error = PlanError;
    fn try_from(value: f64) -> Result<Self, PlanError> {
        Self::new(value)
    }
}

impl From<LoraWeight> for f64 {
    fn from(weight: LoraWeight) -> Self {
        weight.0
    }
}

/// A LoRA, and how much of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoraUse {
    /// Which.
    pub lora: LoraRef,
    /// How much.
    pub weight: LoraWeight,
}

impl LoraUse {
    /// The same without the folder it lies in, for what leaves this machine.
    pub(super) fn without_folder(&self) -> Self {
        // The folders of a server are part of the name there.
        let is_file = self.lora.name_there().is_none();
        let name = self.lora.path.file_name().map(Path::new);
        let name = name.filter(|_| is_file);
        let lora = LoraRef {
            path: name.unwrap_or(&self.lora.path).to_path_buf(),
            ..self.lora.clone()
        };
        Self {
            lora,
            weight: self.weight,
        }
    }
}

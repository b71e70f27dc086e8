//! [`SecondPass`]: the choice whether a result is drawn again.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::PlanError;

/// Largest factor that can be asked for.
const MOST: f64 = 64.0;

/// Whether and how far the result is drawn again at a larger work size.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum SecondPass {
    /// Never: the result of the first pass is enlarged.
    #[default]
    Off,
    /// Once, at up to twice the work size, where the model is shown the picture much smaller than
    /// it is and the pass takes at most twice the first one.
    Auto,
    /// Up to the picture's own size.
    Own,
    /// Up to that many times the work size of the first pass (but not beyond the picture's own
    /// size): above 1, at most 64.
    Factor(f64),
}

impl FromStr for SecondPass {
    type Err = PlanError;

    /// `off`, `auto`, `own`, or a factor such as `2` or `1.5`.
    fn from_str(text: &str) -> Result<Self, PlanError> {
        match text.trim() {
            "off" => Ok(Self::Off),
            "auto" => Ok(Self::Auto),
            "own" => Ok(Self::Own),
            number => match number.parse::<f64>() {
                Ok(factor) if factor > 1.0 && factor <= MOST => Ok(Self::Factor(factor)),
                _ => Err(PlanError::UnknownId {
                    id: text.to_owned(),
                    known: "off, auto, own, 1.5, 2, 4".to_owned(),
                }),
            },
        }
    }
}

impl std::fmt::Display for SecondPass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::Auto => f.write_str("auto"),
            Self::Own => f.write_str("own"),
            Self::Factor(factor) => write!(f, "{factor}"),
        }
    }
}

impl TryFrom<String> for SecondPass {
    type Error = PlanError;
    fn try_from(text: String) -> Result<Self, PlanError> {
        text.parse()
    }
}

impl From<SecondPass> for String {
    fn from(value: SecondPass) -> Self {
        value.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for text in ["off", "auto", "own", "2", "1.5"] {
            assert_eq!(text.parse::<SecondPass>().unwrap().to_string(), text);
        }
        for bad in ["", "on", "1", "0.5", "-2", "NaN", "65", "inf"] {
            assert!(bad.parse::<SecondPass>().is_err(), "{bad}");
        }
    }
}

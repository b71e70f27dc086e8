//! [`WorkSize`]: a work size of the user's own, in place of the one that suits the model.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::PlanError;
use crate::geometry::Extent;

/// Longest side that can be asked for, in pixels.
const MOST_PX: u32 = 8192;
/// Shortest side that can be asked for: below, no model draws anything.
const LEAST_PX: u32 = 16;
/// Factors that can be asked for.
const FACTORS: std::ops::RangeInclusive<f64> = 0.25..=8.0;

/// At which size the model works on what it is shown. Sides are rounded to the model's multiples, and
/// the picture keeps its shape.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum WorkSize {
    /// As large as fits into this: sides of 16 to 8192 pixels.
    Within(Extent),
    /// That many times the side that suits the model: 0.25 to 8.
    Factor(f64),
}

impl WorkSize {
    /// Within a rectangle of that size.
    pub fn within(extent: Extent) -> Result<Self, PlanError> {
        let sides = [extent.width, extent.height];
        if sides.iter().all(|px| (LEAST_PX..=MOST_PX).contains(px)) {
            Ok(Self::Within(extent))
        } else {
            Err(PlanError::WorkSize(Self::Within(extent).to_string()))
        }
    }

    /// Work pixels per picture pixel for what is `width` × `height`, where `usual` suits the model.
    pub(super) fn scale(self, (width, height): (f64, f64), usual: f64) -> f64 {
        match self {
            Self::Within(extent) => {
                (f64::from(extent.width) / width).min(f64::from(extent.height) / height)
            }
            Self::Factor(factor) => usual * factor,
        }
    }
}

impl FromStr for WorkSize {
    type Err = PlanError;

    /// `768x512`, or a factor such as `1.5`.
    fn from_str(text: &str) -> Result<Self, PlanError> {
        let refused = || PlanError::WorkSize(text.to_owned());
        let text = text.trim();
        let Some((width, height)) = text.split_once(['x', '×']) else {
            return match text.parse::<f64>() {
                Ok(factor) if FACTORS.contains(&factor) => Ok(Self::Factor(factor)),
                _ => Err(refused()),
            };
        };
        let side = |text: &str| text.trim().parse::<u32>().ok();
        let sides = side(width).zip(side(height));
        let (width, height) = sides.ok_or_else(refused)?;
        Self::within(Extent::new(width, height)).map_err(|_| refused())
    }
}

impl std::fmt::Display for WorkSize {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Within(extent) => write!(f, "{}x{}", extent.width, extent.height),
            Self::Factor(factor) => write!(f, "{factor}"),
        }
    }
}

impl TryFrom<String> for WorkSize {
    type Error = PlanError;
    fn try_from(text: String) -> Result<Self, PlanError> {
        text.parse()
    }
}

impl From<WorkSize> for String {
    fn from(value: WorkSize) -> Self {
        value.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_works_as_large_as_was_asked_for() {
        use crate::plan::{EditSettings, RegionBounds, layout};
        let traits = crate::catalog::open(&crate::catalog::ModelRef::BuiltIn).unwrap();
        let of = |text: &str, width, height| {
            let settings = EditSettings {
                work_size: Some(text.parse().unwrap()),
                ..EditSettings::default()
            };
            let extent = Extent::new(width, height);
            layout(extent, RegionBounds::Everything, &settings, &traits.traits).unwrap()
        };
        let cases = [
            ("512x512", (1024, 1024), (512, 512)),
            // The picture keeps its shape, and sides are multiples of 16.
            ("512x512", (1600, 900), (512, 288)),
            ("100x100", (900, 1600), (64, 96)),
            // Also beyond what would be chosen for the model, and beyond the picture.
            ("1024x1024", (100, 100), (1024, 1024)),
            ("2", (1024, 1024), (256, 256)),
            ("0.25", (1024, 1024), (32, 32)),
        ];
        for (text, (width, height), (wide, high)) in cases {
            let layout = of(text, width, height);
            assert_eq!(
                layout.work,
                Extent::new(wide, high),
                "{text} {width}×{height}"
            );
            let needed = [f64::from(width), f64::from(height)].map(|side| side * layout.scale);
            assert!(needed[0] <= f64::from(wide) + 1e-6 && needed[1] <= f64::from(high) + 1e-6);
        }
    }

    #[test]
    fn sizes_and_factors_are_read_as_they_are_written() {
        for text in ["768x512", "16x8192", "1.5", "0.25", "8"] {
            assert_eq!(text.parse::<WorkSize>().unwrap().to_string(), text);
        }
        assert_eq!(" 768 × 512 ".parse(), "768x512".parse::<WorkSize>());
        for bad in [
            "",
            "x",
            "768x",
            "0x512",
            "15x512",
            "8193x512",
            "-768x512",
            "768x512x3",
            "0",
            "0.2",
            "8.1",
            "NaN",
            "inf",
            "-1",
            "auto",
            "4294967296x512",
        ] {
            assert!(bad.parse::<WorkSize>().is_err(), "{bad}");
        }
    }
}

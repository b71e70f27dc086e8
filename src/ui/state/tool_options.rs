//! [`ToolOptions`]: how the selection tools select.

use serde::{Deserialize, Serialize};

use super::Tool;
use crate::select::{Combination, Wand};

/// How the selection tools select. Remembered, as JSON.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::ui) struct ToolOptions {
    /// What becomes of the mask when a shape is drawn and no key says otherwise. One adds up a mask of
    /// shapes and strokes, so that they do not take each other's place.
    pub shapes: Combination,
    /// The ellipse was used last, not the rectangle.
    pub is_ellipse: bool,
    /// The polygon was used last, not the lasso.
    pub is_polygon: bool,
    /// What becomes of the mask when the wand is used. One often tries again.
    pub wand: Combination,
    /// What the wand takes.
    pub wand_takes: WandOptions,
    /// The smart brush says what does not belong to the mask.
    pub scribbles_outside: bool,
}

/// What the wand takes; see [`Wand`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::ui) struct WandOptions {
    pub tolerance: f32,
    pub is_contiguous: bool,
    pub is_smooth: bool,
}

impl Default for WandOptions {
    fn default() -> Self {
        Self {
            tolerance: Self::TOLERANCE,
            is_contiguous: true,
            is_smooth: true,
        }
    }
}

impl WandOptions {
    /// What the tolerance is at first.
    pub(in crate::ui) const TOLERANCE: f32 = 10.0;

    pub(in crate::ui) const fn wand(self) -> Wand {
        Wand {
            tolerance: self.tolerance,
            is_contiguous: self.is_contiguous,
            is_smooth: self.is_smooth,
        }
    }
}

impl Default for ToolOptions {
    fn default() -> Self {
        Self {
            shapes: Combination::Add,
            is_ellipse: false,
            is_polygon: false,
            wand: Combination::Replace,
            wand_takes: WandOptions::default(),
            scribbles_outside: false,
        }
    }
}

impl ToolOptions {
    /// Notes which of two sisters is used.
    pub(in crate::ui) fn note(&mut self, tool: Tool) {
        match tool {
            Tool::Rectangle => self.is_ellipse = false,
            Tool::Ellipse => self.is_ellipse = true,
            Tool::Lasso => self.is_polygon = false,
            Tool::Polygon => self.is_polygon = true,
            _ => {}
        }
    }

    /// What becomes of the mask by a tool, where no key says otherwise.
    pub(in crate::ui) const fn combination(&self, tool: Tool) -> Combination {
        match tool {
            Tool::Wand => self.wand,
            _ => self.shapes,
        }
    }
}

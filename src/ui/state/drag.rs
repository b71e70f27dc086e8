//! [`Drag`]: what is being dragged on the canvas.

use eframe::egui::Pos2;

use crate::document::DocumentId;
use crate::editor::{BrushTip, StrokePoint};
use crate::geometry::PointF;

/// A drag under way on the canvas.
#[derive(Debug, Clone, Default)]
pub(in crate::ui) enum Drag {
    /// None.
    #[default]
    Idle,
    /// A stroke, with how hard the pen presses.
    Stroke(DocumentId, f32),
    /// A line over what is to be erased, and what it is drawn with.
    Erase(DocumentId, BrushTip, Vec<StrokePoint>),
    /// A rectangle between two places.
    Rectangle(PointF, PointF),
    /// A loop.
    Lasso(Vec<PointF>),
    /// Brush size and hardness, since the pointer was there.
    Brush(Pos2, BrushTip),
    /// The line between before and after.
    Split,
}

impl Drag {
    /// True while something is being painted.
    pub(in crate::ui) fn is_painting(&self) -> bool {
        matches!(
            self,
            Self::Stroke(..) | Self::Erase(..) | Self::Rectangle(..) | Self::Lasso(_)
        )
    }
}

//! [`Drag`]: what is being dragged on the canvas.

use eframe::egui::Pos2;

use super::frame_drag::FrameDrag;
use crate::document::DocumentId;
use crate::editor::{BrushTip, StrokePoint};
use crate::geometry::PointF;
use crate::select::{Combination, Scribble};

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
    /// A rectangle or an ellipse.
    Frame(FrameDrag),
    /// A loop.
    Lasso(Vec<PointF>, Combination),
    /// A line of corners, which goes on when the button is let go.
    Polygon(PolygonDrag),
    /// A scribble of the smart brush.
    Scribble(DocumentId, Scribble),
    /// A click that says what is meant, or a box around it.
    Click {
        /// Where it is.
        document: DocumentId,
        /// Where the button went down.
        from: PointF,
        /// Where the pointer is.
        to: PointF,
        /// It says what is meant, not what is not.
        is_inside: bool,
    },
    /// Brush size and hardness, since the pointer was there.
    Brush(Pos2, BrushTip),
    /// The line between before and after.
    Split,
}

/// A polygon being drawn corner by corner.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::ui) struct PolygonDrag {
    /// Where it is drawn.
    pub document: DocumentId,
    /// Its corners so far; never none.
    pub corners: Vec<PointF>,
    /// What becomes of the mask there was.
    pub how: Combination,
    /// When the last corner was set, in seconds since the start of the window.
    pub set_at: f64,
}

impl Drag {
    /// True while something is being painted.
    pub(in crate::ui) fn is_painting(&self) -> bool {
        !matches!(self, Self::Idle | Self::Brush(..) | Self::Split)
    }

    /// True while something is being painted with a button held down.
    pub(in crate::ui) fn holds_button(&self) -> bool {
        self.is_painting() && !matches!(self, Self::Polygon(_))
    }
}

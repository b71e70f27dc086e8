//! Painting the mask: strokes, rectangles, lassos.

use crate::geometry::PointF;

/// What a stroke is drawn with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BrushTip {
    /// Across, in pixels of the picture.
    pub diameter_px: f32,
    /// 0 (soft to the middle) … 1 (hard edge).
    pub hardness: f32,
    /// 0…1: how strongly it paints; the local share of the denoising strength.
    pub opacity: f32,
    /// Takes paint away instead.
    pub erase: bool,
}

impl Default for BrushTip {
    fn default() -> Self {
        Self {
            diameter_px: 48.0,
            hardness: 0.8,
            opacity: 1.0,
            erase: false,
        }
    }
}

/// A position of the pointer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StrokePoint {
    /// Where in the picture.
    pub at: PointF,
    /// 0…1; 1 for a mouse.
    pub pressure: f32,
}

/// What a shape is filled with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fill {
    /// 0…1.
    pub opacity: f32,
    /// Takes paint away instead.
    pub erase: bool,
}

//! What was seen in a picture: [`SubjectMap`] and [`Face`].

use serde::{Deserialize, Serialize};

use crate::geometry::{Extent, PointF};

/// How likely each pixel is part of the picture's subject, at a size of the network's own: the picture stretched
/// to it.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct SubjectMap {
    /// Size in pixels.
    pub extent: Extent,
    /// 0…1, row-major.
    pub likelihood: Vec<f32>,
}

/// Says the size only.
impl std::fmt::Debug for SubjectMap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SubjectMap({})", self.extent)
    }
}

/// Points of a face, numbered as in MediaPipe's face mesh.
pub const FACE_POINTS: usize = 468;

/// A face, in pixels of the picture that was looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Face {
    /// How sure the detector is, 0…1.
    pub score: f32,
    /// [`FACE_POINTS`] points.
    pub points: Vec<PointF>,
}

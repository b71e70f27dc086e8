//! What was seen in a picture: [`SubjectMap`] and [`Face`] from the networks, [`Seen`] of them.

use serde::{Deserialize, Serialize};

use crate::geometry::{Extent, PointF};
use crate::raster::Mask;

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

/// Less of a picture, as a share, is no subject.
const LEAST_SUBJECT: f32 = 0.001;

impl SubjectMap {
    /// The map from its least to its greatest value, 0…1; `None` where nothing of it is a subject.
    pub(super) fn stretched(&self) -> Option<Self> {
        let likely = self.likelihood.iter().filter(|v| **v >= 0.5).count();
        if likely == 0 || (likely as f32) < self.likelihood.len() as f32 * LEAST_SUBJECT {
            return None;
        }
        let ends = (f32::INFINITY, f32::NEG_INFINITY);
        let (least, most) = self
            .likelihood
            .iter()
            .fold(ends, |(least, most), v| (least.min(*v), most.max(*v)));
        let span = (most - least).max(f32::MIN_POSITIVE);
        Some(Self {
            extent: self.extent,
            likelihood: self.likelihood.iter().map(|v| (v - least) / span).collect(),
        })
    }
}

/// Points of a face, numbered as in MediaPipe's face mesh.
pub const FACE_POINTS: usize = 468;
/// The line around a face, by the numbers of its points.
const OVAL: [usize; 36] = [
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152,
    148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
];
const FOREHEAD: usize = 10;
const CHIN: usize = 152;
const NOSE: usize = 1;

/// A face, in pixels of the picture that was looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Face {
    /// How sure the detector is, 0…1.
    pub score: f32,
    /// [`FACE_POINTS`] points.
    pub points: Vec<PointF>,
}

impl Face {
    /// A face whose oval is an ellipse of those radii, across and down, around the nose; for what is no network.
    pub fn elliptic(nose: PointF, (across, down): (f32, f32)) -> Self {
        let mut points = vec![nose; FACE_POINTS];
        for (at, number) in OVAL.into_iter().enumerate() {
            let turn = at as f32 / OVAL.len() as f32 * std::f32::consts::TAU;
            if let Some(point) = points.get_mut(number) {
                *point = PointF::new(nose.x + across * turn.sin(), nose.y - down * turn.cos());
            }
        }
        Self { score: 0.9, points }
    }

    /// The same face in a picture `scale` times as large.
    #[must_use]
    pub fn scaled(&self, (across, down): (f32, f32)) -> Self {
        let points = self.points.iter();
        Self {
            score: self.score,
            points: points
                .map(|point| PointF::new(point.x * across, point.y * down))
                .collect(),
        }
    }

    /// The closed line around it.
    pub fn oval(&self) -> Vec<PointF> {
        OVAL.iter().map(|number| self.point(*number)).collect()
    }

    /// Tip of the nose.
    pub fn nose(&self) -> PointF {
        self.point(NOSE)
    }

    /// Lowest point of the chin.
    pub(super) fn chin(&self) -> PointF {
        self.point(CHIN)
    }

    /// From the chin to the top of the forehead: the way up, and how far.
    pub(super) fn up(&self) -> ((f32, f32), f32) {
        let (chin, top) = (self.chin(), self.point(FOREHEAD));
        let height = chin.distance(top).max(1.0);
        (
            ((top.x - chin.x) / height, (top.y - chin.y) / height),
            height,
        )
    }

    fn point(&self, number: usize) -> PointF {
        self.points.get(number).copied().unwrap_or_default()
    }
}

/// What is in a picture, in its own size: made once, selected from often. Cheap to clone.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// Size of the picture.
    pub extent: Extent,
    /// How much of the subject each pixel is; `None` where there is none.
    pub subject: Option<Mask>,
    /// From left to right.
    pub faces: Vec<Face>,
}

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

/// What is around a pixel of a map, to each side.
const AROUND_PX: usize = 2;
/// Where the least around is the first, nothing is settled; where it is the second, the pixel is inside.
const INSIDE: (f32, f32) = (0.5, 0.8);
/// Where the most around is the first, a pixel is outside; from the second on nothing is settled.
const TRACE: (f32, f32) = (0.1, 0.3);

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

    /// The map without doubts that are no edge: where nothing around is clearly less than subject, a pixel is the
    /// subject's, and where nothing around is more than a trace of it, it is not. Single strands are more than a
    /// trace.
    pub(super) fn settled(&self) -> Self {
        let width = self.extent.width as usize;
        let height = self.extent.height as usize;
        let settled = self.likelihood.iter().enumerate().map(|(at, value)| {
            let (x, y) = (at % width, at / width);
            let rows = y.saturating_sub(AROUND_PX)..(y + AROUND_PX + 1).min(height);
            let columns = x.saturating_sub(AROUND_PX)..(x + AROUND_PX + 1).min(width);
            let lines = rows.filter_map(|y| {
                let row = y * width;
                self.likelihood.get(row + columns.start..row + columns.end)
            });
            let (least, most) = lines.flatten().fold((1f32, 0f32), |(least, most), v| {
                (least.min(*v), most.max(*v))
            });
            let share_of =
                |value: f32, (from, to): (f32, f32)| ((value - from) / (to - from)).clamp(0.0, 1.0);
            let inside = value + (1.0 - value) * share_of(least, INSIDE);
            inside * share_of(most, TRACE)
        });
        Self {
            extent: self.extent,
            likelihood: settled.collect(),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubts_that_are_no_edge_are_settled() {
        let extent = Extent::new(24, 12);
        // Left inside with a hole of doubt, right outside with a trace and a strand.
        let mut likelihood: Vec<f32> = (0..extent.len())
            .map(|at| if at % 24 < 8 { 0.97 } else { 0.02 })
            .collect();
        let at = |x: usize, y: usize| y * 24 + x;
        for (place, value) in [(at(3, 6), 0.85), (at(14, 3), 0.08), (at(20, 6), 0.3)] {
            likelihood[place] = value;
        }
        let map = SubjectMap { extent, likelihood };
        let settled = map.settled().likelihood;
        assert_eq!(settled[at(3, 6)], 1.0);
        assert_eq!(settled[at(14, 3)], 0.0);
        assert_eq!(settled[at(20, 6)], 0.3);
        // The edge itself stays as it was.
        assert_eq!(settled[at(7, 6)], 0.97);
        assert_eq!(settled[at(8, 6)], 0.02);
    }
}

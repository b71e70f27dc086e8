//! The smart brush: from scribbles inside and outside of something to its mask.
//!
//! The picture is looked at as a proxy of at most a megapixel. Colours under the scribbles and in the mask say
//! what is likely inside and what outside ([`colours`]), and the cheapest cut that keeps to edges of the picture
//! parts the two ([`max_flow`]; Boykov & Jolly, “Interactive Graph Cuts”, ICCV 2001). It is made on a quarter of
//! the proxy's side first and then, in a band around the edge found there, on the proxy itself (Lombaert, Sun,
//! Grady & Xu, “A Multilevel Banded Graph Cuts Method for Fast Image Segmentation”, ICCV 2005). The edge is then
//! lifted to the picture's own size ([`lift`](super::lift())).

mod colours;
mod energy;
mod level;
mod lifting;
mod max_flow;

use std::sync::Arc;

use super::{Proxy, SelectError};
use crate::geometry::{Extent, PointF, Rect};
use crate::raster::{Brush, Mask, Picture, Stroke, blank_mask};
use energy::{Found, Models, Whole, cut_band, touched};
use level::Level;

/// A pixel of the small picture is so many pixels of the proxy wide.
const COARSER: u32 = 4;

/// A picture prepared for scribbling on it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Scribbled {
    fine: Arc<Level>,
    coarse: Arc<Level>,
    /// Of the picture.
    full: Extent,
}

/// A line drawn over what is inside, or what is outside.
#[derive(Debug, Clone, PartialEq)]
pub struct Scribble {
    /// Where it goes, in pixels of the picture; never empty.
    pub line: Vec<PointF>,
    /// How wide it is, in pixels of the picture.
    pub width_px: f32,
    /// What it covers belongs to the mask; else it does not.
    pub is_inside: bool,
}

/// What somebody has said of a pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Said {
    #[default]
    Nothing,
    Inside,
    Outside,
}

impl Scribbled {
    /// Prepares a picture.
    pub fn new(picture: &Picture) -> Result<Self, SelectError> {
        let proxy = Proxy::of(picture)?;
        let fine = Level::of(&proxy, &picture.profile)?;
        Ok(Self {
            coarse: Arc::new(fine.smaller(COARSER)),
            fine: Arc::new(fine),
            full: picture.extent(),
        })
    }

    /// The mask after the last of `scribbles` was drawn; those before it are kept to. Only what is joined to a
    /// scribble changes. `None` where `is_stopped` says that nobody waits any more.
    pub fn mask(
        &self,
        picture: &Picture,
        before: &Mask,
        scribbles: &[Scribble],
        is_stopped: &(dyn Fn() -> bool + Sync),
    ) -> Result<Option<Mask>, SelectError> {
        if scribbles.is_empty() || before.extent() != self.full || picture.extent() != self.full {
            return Ok(None);
        }
        let said = self.said(scribbles);
        let was = self.fine.reading(before);
        let Some(is_inside) = self.cut(&said, &was, is_stopped) else {
            return Ok(None);
        };
        let cut = lifting::Cut {
            extent: self.fine.extent,
            is_inside: &is_inside,
            was: &was,
        };
        let mask = lifting::lifted(picture, before, &cut)?;
        Ok((!is_stopped()).then_some(mask))
    }

    /// For each pixel of the proxy whether it is inside.
    fn cut(
        &self,
        said: &[Said],
        was: &[bool],
        is_stopped: &(dyn Fn() -> bool + Sync),
    ) -> Option<Vec<bool>> {
        let (fine, coarse) = (&self.fine, &self.coarse);
        let coarse_said = fine.said_smaller(said, coarse.extent, COARSER);
        let coarse_was = fine.is_smaller(was, coarse.extent, COARSER);
        let mut models = Models::of_scribbles(coarse, &coarse_said, &coarse_was)?;
        let mut whole = Whole::of(coarse);
        let mut inside = whole.cut(&coarse_said, &coarse_was, &models);
        if is_stopped() {
            return None;
        }
        // Once more with what was learned.
        models = models.learned(coarse, &coarse_said, &inside);
        inside = whole.cut(&coarse_said, &coarse_was, &models);
        inside = coarse.joined_only(&inside, &coarse_was, &coarse_said);
        if is_stopped() {
            return None;
        }
        let is_touched = touched(coarse.extent, &inside, &coarse_was, &coarse_said);
        let found = Found {
            extent: coarse.extent,
            inside: &inside,
            is_touched: &is_touched,
        };
        Some(cut_band(fine, &found, (said, was), &models))
    }

    /// What the scribbles say of each pixel of the proxy; the later one counts.
    fn said(&self, scribbles: &[Scribble]) -> Vec<Said> {
        let extent = self.fine.extent;
        let scale = extent.width as f32 / self.full.width.max(1) as f32;
        let mut said = vec![Said::Nothing; extent.len()];
        for scribble in scribbles {
            let at = |point: &PointF| PointF::new(point.x * scale, point.y * scale);
            let brush = Brush {
                // A pixel of the proxy at least, or thin lines would say nothing.
                diameter_px: (scribble.width_px * scale).max(1.5),
                hardness: 1.0,
                opacity: 1.0,
                erase: false,
            };
            let mut covered = blank_mask(extent);
            let mut points = scribble.line.iter();
            let Some(first) = points.next() else {
                continue;
            };
            let (mut stroke, mut dirty) = Stroke::begin(&mut covered, brush, at(first), 1.0);
            for point in points {
                dirty = dirty.union(stroke.extend(&mut covered, at(point), 1.0));
            }
            let means = if scribble.is_inside {
                Said::Inside
            } else {
                Said::Outside
            };
            let dirty = dirty.intersect(Rect::of(extent));
            let covers = covered.crop(dirty);
            let (left, width) = (dirty.x.max(0) as usize, dirty.width.max(1) as usize);
            let rows = said.chunks_mut(extent.width.max(1) as usize);
            let rows = rows.skip(dirty.y.max(0) as usize);
            for (said, covers) in rows.zip(covers.chunks(width)) {
                for (said, cover) in said.iter_mut().skip(left).zip(covers) {
                    if *cover > 127 {
                        *said = means;
                    }
                }
            }
        }
        said
    }
}

#[cfg(test)]
mod tests;

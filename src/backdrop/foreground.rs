//! [`Foreground`]: the subject's own colours where it is mixed with what is behind it.
//!
//! Fast multi-level foreground estimation (Germer, Uelwer, Conrad, Harmeling 2020,
//! <https://arxiv.org/abs/2006.14970>): colours F and B that explain what is seen as αF + (1 − α)B and
//! change little where the matte does, found from coarse to fine. The coarse levels cover the whole
//! picture; the fine ones are solved tile by tile, where they are asked for and the matte is soft.
//! A tile is solved with as much around it as a pixel can learn from, so that tiles fit each other.

use rayon::prelude::*;

use super::levels::{Level, Seen, means};
use crate::geometry::{Extent, Rect};
use crate::raster::{Mask, Pixmap, snapped_to_ends};

/// The largest level that is solved as a whole.
const MOST_PIXELS: u64 = 1 << 20;
/// Levels with shorter sides get more passes (the reference's values).
const SMALL_PX: u32 = 32;
const PASSES_SMALL: usize = 10;
const PASSES: usize = 2;
/// How far a pixel learns from others in the fine levels.
const REACH_PX: u32 = 2 * PASSES as u32;

/// What is needed to tell a subject's own colours. Cheap to make again; shares the picture's memory.
#[derive(Clone)]
pub struct Foreground {
    picture: Pixmap,
    subject: Mask,
    /// How often a pixel of the whole level has been halved.
    halvings: u32,
    whole: std::sync::Arc<Level>,
}

impl std::fmt::Debug for Foreground {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Foreground({})", self.picture.extent())
    }
}

impl Foreground {
    /// Solves the coarse levels. `subject` has the size of the picture; 255 = all subject.
    #[must_use]
    pub fn of(picture: &Pixmap, subject: &Mask) -> Self {
        let extent = picture.extent();
        let mut halvings = 0;
        while halved(extent, halvings).area() > MOST_PIXELS {
            halvings += 1;
        }
        let seen = shrunk(picture, subject, halved(extent, halvings), 1 << halvings);
        let whole = solved(Rect::of(halved(extent, halvings)), seen);
        Self {
            picture: picture.clone(),
            subject: subject.clone(),
            halvings,
            whole: std::sync::Arc::new(whole),
        }
    }

    /// The subject's colours in a rectangle inside the picture, row-major, in the picture's numbers.
    /// Where the matte is 255 they are the picture's own; where it is 0 they mean nothing.
    #[must_use]
    pub fn colours(&self, rect: Rect) -> Vec<[f32; 3]> {
        if self.halvings == 0 {
            return self.whole.fronts(rect);
        }
        // From the finest to the coarsest: what is needed around.
        let mut windows = vec![];
        let mut needed = rect;
        for level in 0..self.halvings {
            let bounds = Rect::of(halved(self.picture.extent(), level));
            needed = needed.expanded(REACH_PX).intersect(bounds);
            windows.push(needed);
            needed = Rect::from_borders(
                needed.x / 2,
                needed.y / 2,
                (needed.right() - 1) / 2 + 1,
                (needed.bottom() - 1) / 2 + 1,
            );
        }
        let mut done: Option<Level> = None;
        for (halvings, window) in windows.into_iter().enumerate().rev() {
            let side = 1u32 << halvings;
            let covered = Rect::from_borders(
                window.x * side as i32,
                window.y * side as i32,
                window.right() * side as i32,
                window.bottom() * side as i32,
            );
            let covered = covered.intersect(Rect::of(self.picture.extent()));
            let pixels = seen(&self.picture, &self.subject, covered);
            let means = means(&pixels, covered, window, side);
            let coarser = done.as_ref().unwrap_or(&self.whole);
            let mut level = Level::under(coarser, window, means);
            level.solve(PASSES, halvings > 0);
            done = Some(level);
        }
        done.map(|level| level.fronts(rect)).unwrap_or_default()
    }
}

impl Level {
    /// A part of it.
    fn part(&self, rect: Rect, seen: Vec<Seen>) -> Self {
        let width = self.rect.width as usize;
        let rows = (rect.y..rect.bottom()).map(|y| (y - self.rect.y) as usize * width);
        let line = |start: usize| {
            let from = start + (rect.x - self.rect.x) as usize;
            self.split.get(from..from + rect.width as usize)
        };
        let split = rows.filter_map(line).flatten().copied().collect();
        Self { rect, seen, split }
    }

    /// The subject's colours in a part of it.
    fn fronts(&self, rect: Rect) -> Vec<[f32; 3]> {
        let part = self.part(rect, Vec::new());
        part.split.into_iter().map(|split| split.front).collect()
    }
}

/// The size after so many halvings; odd pixels count.
fn halved(extent: Extent, times: u32) -> Extent {
    let side = |side: u32| side.div_ceil(1 << times).max(1);
    Extent::new(side(extent.width), side(extent.height))
}

/// Solves a whole level, by way of the coarser ones.
fn solved(rect: Rect, seen: Vec<Seen>) -> Level {
    let is_small = rect.width <= SMALL_PX && rect.height <= SMALL_PX;
    let passes = if is_small { PASSES_SMALL } else { PASSES };
    let mut level = if rect.extent().area() <= 1 {
        let split = seen.iter().map(|seen| super::levels::Split {
            front: seen.colour,
            back: seen.colour,
        });
        let split = split.collect();
        Level { rect, seen, split }
    } else {
        let coarser = Rect::of(halved(rect.extent(), 1));
        let coarser = solved(coarser, means(&seen, rect, coarser, 2));
        Level::under(&coarser, rect, seen)
    };
    level.solve(passes, true);
    level
}

/// Means over squares of the whole picture.
fn shrunk(picture: &Pixmap, subject: &Mask, extent: Extent, side: u32) -> Vec<Seen> {
    const ROWS: u32 = 32;
    let bounds = Rect::of(picture.extent());
    let starts: Vec<u32> = (0..extent.height).step_by(ROWS as usize).collect();
    let stripes = starts.into_par_iter().map(|first| {
        let rows = ROWS.min(extent.height - first);
        let rect = Rect::new(0, first as i32, extent.width, rows);
        let covered = Rect::new(0, (first * side) as i32, bounds.width, rows * side);
        let covered = covered.intersect(bounds);
        means(&seen(picture, subject, covered), covered, rect, side)
    });
    let stripes: Vec<Vec<Seen>> = stripes.collect();
    stripes.concat()
}

fn seen(picture: &Pixmap, subject: &Mask, rect: Rect) -> Vec<Seen> {
    let pixels = picture.crop_f32(rect).into_iter();
    let pixels = pixels.zip(subject.crop(rect));
    pixels
        .map(|([r, g, b, _], share)| Seen {
            colour: [r, g, b],
            share: f32::from(snapped_to_ends(share)) / 255.0,
        })
        .collect()
}

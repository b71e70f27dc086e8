//! Content-aware fill: a picture with a hole in, the picture without it out, made of copies of what
//! the picture shows elsewhere. No model, no prompt.
//!
//! Patches that touch the hole look for the patches most like them (PatchMatch, Barnes et al. 2009),
//! and the hole becomes what they say, in turn and from coarse to fine (Wexler et al. 2007, Newson et
//! al. 2014); see `scales`. Pure and deterministic: the same bytes with any number of threads.
//!
//! Called by `plan`. Knows no mask, no document and no model: whoever calls says which pixels are the
//! hole.

mod canvas;
mod clusters;
mod distance;
mod error;
mod field;
mod level;
mod onion;
mod random;
mod scales;
mod seams;
mod vote;
mod watch;

#[cfg(test)]
mod tests;

pub use canvas::{Canvas, Hole};
pub use error::{Cancelled, CompletionError};
pub use watch::Checkpoint;

use crate::geometry::{Point, Rect};
use clusters::clusters;
use level::{Level, State, WHITE};
use scales::fill;
use watch::Watch;

/// Surroundings that are looked at, at least, in pixels to each side.
const LEAST_MARGIN_PX: u32 = 128;
/// And at most, as far as that suffices.
const MOST_MARGIN_PX: u32 = 1024;
/// Pixels less opaque than this say little of their colour.
const LEAST_ALPHA: f32 = 0.5;
/// Pixels copied into the picture between two looks at the watch.
const COPIED_PX: usize = 1 << 18;
/// Rows read at a time.
const BAND_ROWS: u32 = 128;

/// Fills the hole of a picture. Pixels outside the hole keep their bits; so do pixels of which nothing
/// is seen (alpha 0), and alpha stays everywhere. Only the surroundings of the hole are looked at,
/// as far as its own size, so time and memory grow with the hole and not with the picture.
///
/// # Errors
///
/// [`CompletionError::TooLittleLeft`] where too little of the picture can be copied, and
/// [`CompletionError::Cancelled`] soon after `checkpoint` has said so; the picture may be half filled
/// then.
pub fn complete(
    picture: &mut impl Canvas,
    hole: &Hole,
    checkpoint: &mut Checkpoint<'_>,
) -> Result<(), CompletionError> {
    let bounds = Rect::of(picture.extent());
    let mut watch = Watch::new(checkpoint);
    let parts = clusters(hole.rect, &hole.inside);
    let area = |part: &Rect| part.extent().area() as f32;
    let all: f32 = parts.iter().map(area).sum::<f32>().max(1.0);
    let mut done = 0.0;
    for (i, part) in parts.iter().enumerate() {
        let share = area(part) / all;
        watch.begin(done, done + share);
        done += share;
        let margin = part.width.max(part.height);
        let margin = margin.clamp(LEAST_MARGIN_PX, MOST_MARGIN_PX);
        let window = part.expanded(margin).intersect(bounds);
        let part = Part {
            hole,
            rect: *part,
            filled_before: parts.get(..i).unwrap_or_default(),
        };
        match part.fill(picture, window, &mut watch) {
            Err(CompletionError::TooLittleLeft) if window != bounds => {
                part.fill(picture, bounds, &mut watch)?;
            }
            filled => filled?,
        }
    }
    Ok(())
}

/// One of the holes.
struct Part<'a> {
    hole: &'a Hole,
    rect: Rect,
    /// Those that are filled by now.
    filled_before: &'a [Rect],
}

impl Part<'_> {
    /// Fills it from the part of the picture in `window`.
    fn fill(
        &self,
        picture: &mut impl Canvas,
        window: Rect,
        watch: &mut Watch<'_>,
    ) -> Result<(), CompletionError> {
        let level = self.read(picture, window, watch)?;
        if !level.states.contains(&State::Hole) {
            return Ok(());
        }
        let point = |at: usize| {
            Point::new(
                window.x + (at % level.width) as i32,
                window.y + (at / level.width) as i32,
            )
        };
        for (i, filled) in fill(&level, watch)?.into_iter().enumerate() {
            if i.is_multiple_of(COPIED_PX) {
                watch.look()?;
            }
            picture.copy(point(filled.at), point(filled.from), filled.correction);
        }
        Ok(())
    }

    fn read(
        &self,
        picture: &impl Canvas,
        window: Rect,
        watch: &mut Watch<'_>,
    ) -> Result<Level, CompletionError> {
        let mut level = Level {
            width: window.width as usize,
            height: window.height as usize,
            samples: Vec::with_capacity(window.extent().len()),
            states: Vec::with_capacity(window.extent().len()),
        };
        let mut y = window.y;
        while y < window.bottom() {
            watch.look()?;
            let rows = BAND_ROWS.min((window.bottom() - y) as u32);
            let band = Rect::new(window.x, y, window.width, rows);
            for (i, [r, g, b, alpha]) in picture.read(band).into_iter().enumerate() {
                let x = window.x + (i % level.width) as i32;
                let at = Point::new(x, y + (i / level.width) as i32);
                let sample = |v: f32| (v.clamp(0.0, 1.0) * WHITE).round() as i16;
                level.samples.push([sample(r), sample(g), sample(b), 0]);
                level.states.push(self.state(at, alpha));
            }
            y += rows as i32;
        }
        level.add_texture(watch)?;
        Ok(level)
    }

    fn state(&self, at: Point, alpha: f32) -> State {
        let is_here = |rect: &Rect| rect.contains(at);
        match self.hole.contains(at) {
            _ if alpha <= 0.0 => State::Absent,
            true if is_here(&self.rect) => State::Hole,
            true if self.filled_before.iter().any(is_here) => State::Context,
            true => State::Absent,
            false if alpha < LEAST_ALPHA => State::Absent,
            false => State::Source,
        }
    }
}

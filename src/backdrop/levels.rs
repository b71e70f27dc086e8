//! [`Level`]: a part of a picture at one size, split into subject and background.

use rayon::prelude::*;

use crate::geometry::Rect;

/// How much neighbours resemble each other in any case, and how much more where the matte changes
/// between them (ε and ω of Germer et al.; the reference's values).
const RESEMBLANCE: f32 = 1e-5;
const AT_EDGES: f32 = 1.0;

/// What a pixel shows, and how much of it is the subject, 0…1.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen {
    pub(super) colour: [f32; 3],
    pub(super) share: f32,
}

/// The colours of subject and background that a pixel is mixed of.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Split {
    pub(super) front: [f32; 3],
    pub(super) back: [f32; 3],
}

/// A rectangle of a picture at one size.
pub(super) struct Level {
    /// In pixels of that size.
    pub(super) rect: Rect,
    pub(super) seen: Vec<Seen>,
    pub(super) split: Vec<Split>,
}

impl Level {
    /// A level whose splits are those of a level half as large that covers it.
    pub(super) fn under(coarser: &Self, rect: Rect, seen: Vec<Seen>) -> Self {
        let width = coarser.rect.width.max(1) as usize;
        let mut split = Vec::with_capacity(seen.len());
        for y in rect.y..rect.bottom() {
            let row = (y / 2 - coarser.rect.y).clamp(0, coarser.rect.height as i32 - 1) as usize;
            for x in rect.x..rect.right() {
                let column = (x / 2 - coarser.rect.x).clamp(0, width as i32 - 1) as usize;
                let at = row * width + column;
                split.push(coarser.split.get(at).copied().unwrap_or_default());
            }
        }
        Self { rect, seen, split }
    }

    /// Brings the splits nearer to the solution: each pass changes every pixel once, first those of
    /// one colour of a chessboard, then the others, so that the result does not depend on threads
    /// and a pixel learns of no other farther than twice the passes away.
    ///
    /// With `all` also those pixels of which the matte is sure; else they show what they are.
    pub(super) fn solve(&mut self, passes: usize, all: bool) {
        if !all {
            for (split, seen) in self.split.iter_mut().zip(&self.seen) {
                if seen.share >= 1.0 {
                    split.front = seen.colour;
                } else if seen.share <= 0.0 {
                    split.back = seen.colour;
                }
            }
        }
        let width = self.rect.width as usize;
        if width == 0 {
            return;
        }
        let mut before = Vec::new();
        for half in 0..passes * 2 {
            before.clone_from(&self.split);
            let rows = self.split.par_chunks_mut(width).enumerate();
            rows.for_each(|(row, splits)| {
                let y = self.rect.y as usize + row;
                let first = (y + self.rect.x as usize + half) % 2;
                let here = Row {
                    width,
                    seen: &self.seen,
                    before: &before,
                    at: row * width,
                };
                for (x, split) in splits.iter_mut().enumerate().skip(first).step_by(2) {
                    if let Some(better) = here.solved(x, all) {
                        *split = better;
                    }
                }
            });
        }
    }
}

struct Row<'a> {
    width: usize,
    seen: &'a [Seen],
    before: &'a [Split],
    /// Of its first pixel.
    at: usize,
}

impl Row<'_> {
    /// The split that suits the pixel's colour and its four neighbours' splits best: for each channel
    /// two linear equations, with the same matrix.
    fn solved(&self, x: usize, all: bool) -> Option<Split> {
        let at = self.at + x;
        let seen = self.seen.get(at)?;
        let is_soft = seen.share > 0.0 && seen.share < 1.0;
        if !all && !is_soft {
            return None;
        }
        let mut weights = 0.0;
        let mut sum = Split::default();
        let neighbours = [
            (x > 0).then(|| at - 1),
            (x + 1 < self.width).then_some(at + 1),
            at.checked_sub(self.width),
            Some(at + self.width),
        ];
        for neighbour in neighbours.into_iter().flatten() {
            let (Some(other), Some(split)) = (self.seen.get(neighbour), self.before.get(neighbour))
            else {
                continue;
            };
            let weight = RESEMBLANCE + AT_EDGES * (seen.share - other.share).abs();
            weights += weight;
            for channel in 0..3 {
                add(&mut sum.front, &split.front, channel, weight);
                add(&mut sum.back, &split.back, channel, weight);
            }
        }
        let (front, back) = (seen.share, 1.0 - seen.share);
        let (a, b, c) = (front * front + weights, front * back, back * back + weights);
        let determinant = a * c - b * b;
        if determinant <= 0.0 {
            return None;
        }
        let mut split = Split::default();
        let channels = seen.colour.iter().zip(sum.front).zip(sum.back);
        let made = split.front.iter_mut().zip(&mut split.back);
        for (((colour, sum_front), sum_back), (made_front, made_back)) in channels.zip(made) {
            let (u, v) = (front * colour + sum_front, back * colour + sum_back);
            *made_front = ((c * u - b * v) / determinant).clamp(0.0, 1.0);
            *made_back = ((a * v - b * u) / determinant).clamp(0.0, 1.0);
        }
        Some(split)
    }
}

fn add(sum: &mut [f32; 3], of: &[f32; 3], channel: usize, weight: f32) {
    if let (Some(sum), Some(value)) = (sum.get_mut(channel), of.get(channel)) {
        *sum += value * weight;
    }
}

/// Means over squares of `side` pixels; `rect` is in units of squares, `pixels` are those of
/// `covered`, in pixels. Squares are cut at the end of what is covered.
pub(super) fn means(pixels: &[Seen], covered: Rect, rect: Rect, side: u32) -> Vec<Seen> {
    let width = covered.width as usize;
    let span = |from: i32, at: u32, first: i32, len: u32| {
        let start = ((from + at as i32) * side as i32 - first).max(0) as usize;
        start..(start + side as usize).min(len as usize)
    };
    let mut made = vec![Seen::default(); rect.extent().len()];
    let rows = made.chunks_mut(rect.width.max(1) as usize);
    for (row, line) in rows.enumerate() {
        let rows = span(rect.y, row as u32, covered.y, covered.height);
        for (column, mean) in line.iter_mut().enumerate() {
            let columns = span(rect.x, column as u32, covered.x, covered.width);
            let mut count = 0.0;
            for y in rows.clone() {
                let line = pixels.get(y * width + columns.start..y * width + columns.end);
                for seen in line.into_iter().flatten() {
                    count += 1.0;
                    mean.share += seen.share;
                    for (sum, value) in mean.colour.iter_mut().zip(seen.colour) {
                        *sum += value;
                    }
                }
            }
            let share = 1.0 / f32::max(count, 1.0);
            mean.share *= share;
            mean.colour = mean.colour.map(|sum| sum * share);
        }
    }
    made
}

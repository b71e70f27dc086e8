//! What the patches over a pixel say its colour is.

use rayon::prelude::*;

use super::field::Field;
use super::level::{Level, Sample, State};
use super::{Cancelled, Watch};

/// Rows voted on at a time.
const ROWS: usize = 16;
/// A patch counts this much less for each pixel its middle lies deeper in the hole: Wexler, Shechtman &
/// Irani, "Space-Time Completion of Video", PAMI 2007, section 3.2, with a base that was
/// chosen on photographs.
const CONFIDENCE: f32 = 1.6;
/// Squared difference of one channel below which patches count as equal: about one step of 8 bits.
const NOISE: f32 = 256.0;

/// How deep in the hole a pixel lies, in pixels (city blocks), over the whole level; 0 outside.
pub(super) fn depths(level: &Level) -> Vec<u16> {
    let (width, height) = (level.width, level.height);
    let mut depths: Vec<u16> = level
        .states
        .iter()
        .map(|state| if *state == State::Hole { u16::MAX } else { 0 })
        .collect();
    // The rest is 0 anyway.
    let is_hole = |row: &[u16]| row.iter().any(|depth| *depth > 0);
    let lines = || depths.chunks_exact(width.max(1));
    let first = lines().position(is_hole).unwrap_or(0);
    let last = lines().rposition(is_hole).map_or(0, |y| y + 1);
    let mut relax = |at: usize, from: Option<usize>| {
        let near = from.and_then(|from| depths.get(from).copied());
        if let (Some(near), Some(depth)) = (near, depths.get_mut(at)) {
            *depth = (*depth).min(near.saturating_add(1));
        }
    };
    for y in first..last {
        for x in 0..width {
            let at = y * width + x;
            relax(at, (x > 0).then(|| at - 1));
            relax(at, (y > 0).then(|| at - width));
        }
    }
    for y in (first..last).rev() {
        for x in (0..width).rev() {
            let at = y * width + x;
            relax(at, (x + 1 < width).then_some(at + 1));
            relax(at, (y + 1 < height).then_some(at + width));
        }
    }
    depths
}

/// What one patch says of a pixel.
#[derive(Debug, Clone, Copy)]
struct Voice {
    /// The pixel it would copy.
    from: usize,
    distance: u32,
    /// Of its middle.
    depth: i32,
}

/// Calls `hear` with each patch over a pixel.
fn each_voice<const P: usize>(
    level: &Level,
    field: &Field,
    depths: &[u16],
    (x, y): (usize, usize),
    mut hear: impl FnMut(Voice),
) {
    for dy in 0..P.min(y + 1) {
        for dx in 0..P.min(x + 1) {
            let Some(found) = field.get(x - dx, y - dy) else {
                continue;
            };
            let middle = (y - dy + P / 2) * level.width + x - dx + P / 2;
            hear(Voice {
                from: found.at as usize + dy * level.width + dx,
                distance: found.distance,
                depth: depths.get(middle).map_or(0, |d| i32::from(*d)),
            });
        }
    }
}

/// Calls `hear` with the pixel each patch would copy, and how much that counts.
fn each_weighted<const P: usize>(
    level: &Level,
    field: &Field,
    depths: &[u16],
    at: (usize, usize),
    mut hear: impl FnMut(usize, f32),
) {
    let (mut least, mut shallowest) = (u32::MAX, i32::MAX);
    each_voice::<P>(level, field, depths, at, |voice| {
        least = least.min(voice.distance);
        shallowest = shallowest.min(voice.depth);
    });
    let floor = NOISE * (P * P * 3) as f32;
    each_voice::<P>(level, field, depths, at, |voice| {
        let likeness = (least as f32 + floor) / (voice.distance as f32 + floor);
        let likeness = likeness * likeness;
        let confidence = CONFIDENCE.powi(shallowest - voice.depth);
        hear(voice.from, likeness * confidence);
    });
}

/// Gives the hole the weighted mean of what its patches say.
pub(super) fn vote<const P: usize>(
    level: &mut Level,
    field: &Field,
    depths: &[u16],
    watch: &mut Watch<'_>,
) -> Result<(), Cancelled> {
    let width = level.width;
    let (top, bottom) = (
        field.top,
        (field.top + field.height + P - 1).min(level.height),
    );
    let rows: Vec<usize> = (top..bottom).collect();
    for rows in rows.chunks(ROWS * rayon::current_num_threads()) {
        watch.look()?;
        let shown: &Level = level;
        let voted: Vec<Vec<(usize, Sample)>> = rows
            .par_iter()
            .map(|y| {
                let columns = field.left..(field.left + field.width + P - 1).min(width);
                let holes =
                    columns.filter(|x| shown.states.get(y * width + x) == Some(&State::Hole));
                holes
                    .map(|x| (y * width + x, mean::<P>(shown, field, depths, (x, *y))))
                    .collect()
            })
            .collect();
        for (at, sample) in voted.into_iter().flatten() {
            if let Some(pixel) = level.samples.get_mut(at) {
                *pixel = sample;
            }
        }
    }
    Ok(())
}

fn mean<const P: usize>(
    level: &Level,
    field: &Field,
    depths: &[u16],
    at: (usize, usize),
) -> Sample {
    let (mut sum, mut weights) = ([0f32; 4], 0f32);
    each_weighted::<P>(level, field, depths, at, |from, weight| {
        for (sum, value) in sum
            .iter_mut()
            .zip(level.samples.get(from).into_iter().flatten())
        {
            *sum += weight * f32::from(*value);
        }
        weights += weight;
    });
    sum.map(|v| (v / weights.max(f32::MIN_POSITIVE)).round() as i16)
}

/// For each pixel of the hole, row by row, the pixel that the best patch over it would copy.
pub(super) fn copies<const P: usize>(
    level: &Level,
    field: &Field,
    depths: &[u16],
    watch: &mut Watch<'_>,
) -> Result<Vec<(usize, usize)>, Cancelled> {
    let width = level.width;
    let bottom = (field.top + field.height + P - 1).min(level.height);
    let copies_in = |y: usize| -> Vec<(usize, usize)> {
        let columns = field.left..(field.left + field.width + P - 1).min(width);
        let holes = columns.filter(|x| level.states.get(y * width + x) == Some(&State::Hole));
        let best = |x: usize| {
            let (mut best, mut most) = (None, -1.0);
            each_weighted::<P>(level, field, depths, (x, y), |from, weight| {
                if weight > most {
                    (best, most) = (Some(from), weight);
                }
            });
            best.map(|from| (y * width + x, from))
        };
        holes.filter_map(best).collect()
    };
    let rows: Vec<usize> = (field.top..bottom).collect();
    let mut found = Vec::new();
    for rows in rows.chunks(ROWS * rayon::current_num_threads()) {
        watch.look()?;
        let of_rows: Vec<Vec<(usize, usize)>> = rows.par_iter().map(|y| copies_in(*y)).collect();
        found.extend(of_rows.into_iter().flatten());
    }
    Ok(found)
}

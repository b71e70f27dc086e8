//! The first colours of the hole, at the coarsest level: layer by layer from its edge, each pixel
//! from the place whose surroundings are most like the part of its own that is known by then (Newson
//! et al. 2014, section 3.4).

use rayon::prelude::*;

use super::field::Ground;
use super::level::{Level, State};
use super::{Cancelled, Watch};

/// Comparisons after which places to copy from are thinned out; what lies around the best of them is
/// looked at then.
const MOST_COMPARISONS: usize = 12_000_000;
/// So far around.
const AROUND: i64 = 3;

/// Fills the hole.
pub(super) fn peel<const P: usize>(
    level: &mut Level,
    ground: &Ground,
    watch: &mut Watch<'_>,
) -> Result<(), Cancelled> {
    let mut is_known: Vec<bool> = (0..level.states.len())
        .map(|at| level.is_known(at))
        .collect();
    let places = ground.is_source.iter().enumerate();
    let mut sources: Vec<usize> = places.filter(|(_, is)| **is).map(|(at, _)| at).collect();
    let holes = level.states.iter().filter(|s| **s == State::Hole).count();
    let step = (holes * sources.len()).div_ceil(MOST_COMPARISONS).max(1);
    sources = sources.into_iter().step_by(step).collect();
    let mut origins = vec![NONE; level.states.len()];
    loop {
        let layer = next_layer(level, &is_known);
        if layer.is_empty() {
            return Ok(());
        }
        let mut found: Vec<(usize, usize)> = Vec::with_capacity(layer.len());
        for part in layer.chunks(16 * rayon::current_num_threads()) {
            watch.look()?;
            let places = Places {
                level,
                ground,
                sources: &sources,
                is_thinned: step > 1,
                is_known: &is_known,
                origins: &origins,
            };
            found.par_extend(
                part.par_iter()
                    .filter_map(|at| Some((*at, places.origin::<P>(*at)?))),
            );
        }
        if found.is_empty() {
            return Ok(());
        }
        for (at, from) in found {
            let sample = level.samples.get(from).copied();
            if let (Some(pixel), Some(sample)) = (level.samples.get_mut(at), sample) {
                *pixel = sample;
            }
            if let (Some(known), Some(origin)) = (is_known.get_mut(at), origins.get_mut(at)) {
                (*known, *origin) = (true, from as u32);
            }
        }
    }
}

/// No place.
const NONE: u32 = u32::MAX;

/// The pixels of the hole that touch a known one; all that are left where none does.
fn next_layer(level: &Level, is_known: &[bool]) -> Vec<usize> {
    let (width, height) = (level.width, level.height);
    let open = (0..level.states.len()).filter(|at| {
        level.states.get(*at) == Some(&State::Hole) && is_known.get(*at) == Some(&false)
    });
    let open: Vec<usize> = open.collect();
    let touches =
        |at: &&usize| neighbours(**at, width, height).any(|n| is_known.get(n) == Some(&true));
    let layer: Vec<usize> = open.iter().filter(touches).copied().collect();
    if layer.is_empty() { open } else { layer }
}

/// Where a layer's pixels may come from.
struct Places<'a> {
    level: &'a Level,
    ground: &'a Ground,
    sources: &'a [usize],
    /// Not all places are in `sources`.
    is_thinned: bool,
    is_known: &'a [bool],
    /// Which pixel each pixel of the layers before is a copy of.
    origins: &'a [u32],
}

impl Places<'_> {
    /// The pixel that the hole's pixel `at` is to be a copy of.
    fn origin<const P: usize>(&self, at: usize) -> Option<usize> {
        let (width, height) = (self.level.width, self.level.height);
        let (x, y) = (at % width, at / width);
        let left = x.saturating_sub(P / 2).min(width.saturating_sub(P));
        let top = y.saturating_sub(P / 2).min(height.saturating_sub(P));
        let target = top * width + left;
        let wanted = self.known_part::<P>(target);
        let mut best = (self.sources.first().copied()?, u64::MAX);
        // What goes on where a neighbour was copied from comes first, and wins when nothing is better.
        for neighbour in neighbours(at, width, height) {
            let origin = self
                .origins
                .get(neighbour)
                .filter(|origin| **origin != NONE);
            // As far from the origin as this patch begins from the neighbour.
            let source =
                origin.and_then(|origin| (*origin as usize + target).checked_sub(neighbour));
            if let Some(source) = source
                && self.ground.is_source.get(source) == Some(&true)
            {
                self.compare(&wanted, source, &mut best);
            }
        }
        for source in self.sources {
            self.compare(&wanted, *source, &mut best);
        }
        if self.is_thinned {
            let (x, y) = ((best.0 % width) as i64, (best.0 / width) as i64);
            for y in (y - AROUND).max(0)..=y + AROUND {
                for x in (x - AROUND).max(0)..=(x + AROUND).min(width as i64 - 1) {
                    let source = y as usize * width + x as usize;
                    if self.ground.is_source.get(source) == Some(&true) {
                        self.compare(&wanted, source, &mut best);
                    }
                }
            }
        }
        Some(best.0 + at - target)
    }

    /// What is known of a patch, from its beginning.
    fn known_part<const P: usize>(&self, target: usize) -> Vec<(usize, [i32; 4])> {
        let offsets = (0..P * P).map(|i| i / P * self.level.width + i % P);
        let known = offsets.filter(|o| self.is_known.get(target + o) == Some(&true));
        known
            .filter_map(|o| Some((o, self.level.samples.get(target + o)?.map(i32::from))))
            .collect()
    }

    fn compare(&self, wanted: &[(usize, [i32; 4])], source: usize, best: &mut (usize, u64)) {
        let mut sum = 0u64;
        for part in wanted.chunks(7) {
            for (offset, wanted) in part {
                let Some(theirs) = self.level.samples.get(source + offset) else {
                    return;
                };
                // Colours alone: how textured it is around a pixel beside the hole is half unknown.
                let pairs = wanted.iter().zip(theirs).take(3);
                sum += pairs
                    .map(|(a, b)| (a - i32::from(*b)).pow(2) as u32)
                    .map(u64::from)
                    .sum::<u64>();
            }
            if sum >= best.1 {
                return;
            }
        }
        *best = (source, sum);
    }
}

/// The pixels around one.
fn neighbours(at: usize, width: usize, height: usize) -> impl Iterator<Item = usize> {
    let (x, y) = (at % width, at / width);
    let rows = y.saturating_sub(1)..(y + 2).min(height);
    rows.flat_map(move |y| {
        let columns = x.saturating_sub(1)..(x + 2).min(width);
        columns.map(move |x| y * width + x)
    })
    .filter(move |near| *near != at)
}

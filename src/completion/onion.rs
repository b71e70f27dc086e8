//! The first colours of the hole, at the coarsest level: layer by layer from its edge, each pixel
//! from the place whose surroundings are most like the part of its own that is known by then (Newson
//! et al. 2014, section 3.4).

use rayon::prelude::*;

use super::distance::partial_distance;
use super::field::Ground;
use super::level::{Level, Sample, State};
use super::{Cancelled, Watch};

/// Comparisons after which places to copy from are thinned out.
const MOST_COMPARISONS: usize = 60_000_000;

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
    loop {
        let layer = next_layer(level, &is_known);
        if layer.is_empty() {
            return Ok(());
        }
        let mut found: Vec<(usize, Sample)> = Vec::with_capacity(layer.len());
        for part in layer.chunks(16 * rayon::current_num_threads()) {
            watch.look()?;
            let (shown, known): (&Level, _) = (level, &is_known);
            found.par_extend(part.par_iter().map(|at| {
                let sample = copied::<P>(shown, known, &sources, *at);
                (*at, sample)
            }));
        }
        for (at, sample) in found {
            if let (Some(pixel), Some(known)) = (level.samples.get_mut(at), is_known.get_mut(at)) {
                (*pixel, *known) = (sample, true);
            }
        }
    }
}

/// The pixels of the hole that touch a known one; all that are left where none does.
fn next_layer(level: &Level, is_known: &[bool]) -> Vec<usize> {
    let (width, height) = (level.width, level.height);
    let open = (0..level.states.len()).filter(|at| {
        level.states.get(*at) == Some(&State::Hole) && is_known.get(*at) == Some(&false)
    });
    let open: Vec<usize> = open.collect();
    let touches = |at: &&usize| {
        let (x, y) = (**at % width, **at / width);
        let columns = x.saturating_sub(1)..(x + 2).min(width);
        let mut rows = y.saturating_sub(1)..(y + 2).min(height);
        rows.any(|y| {
            let mut columns = columns.clone();
            columns.any(|x| is_known.get(y * width + x) == Some(&true))
        })
    };
    let layer: Vec<usize> = open.iter().filter(touches).copied().collect();
    if layer.is_empty() { open } else { layer }
}

fn copied<const P: usize>(
    level: &Level,
    is_known: &[bool],
    sources: &[usize],
    at: usize,
) -> Sample {
    let (width, height) = (level.width, level.height);
    let (x, y) = (at % width, at / width);
    let left = x.saturating_sub(P / 2).min(width.saturating_sub(P));
    let top = y.saturating_sub(P / 2).min(height.saturating_sub(P));
    let target = top * width + left;
    let offset = at - target;
    let (mut best, mut least) = (sources.first().copied(), u32::MAX);
    for source in sources {
        let counts = |at: usize| is_known.get(at) == Some(&true);
        match partial_distance::<P>(level, (target, *source), counts, least) {
            Some(distance) if distance < least => (best, least) = (Some(*source), distance),
            Some(_) => {}
            None => break,
        }
    }
    let copied = best.and_then(|source| level.samples.get(source + offset));
    copied.copied().unwrap_or_default()
}

//! What a division costs: how unlikely colours are where it puts them, and how alike the neighbours that it
//! parts. Lengths, weights and units as in GrabCut.

use super::colours::{Colour, Mixture};
use super::level::{Level, squared_distance};
use super::max_flow::{Grid, NOBODY, STEPS};
use super::{COARSER, Said};
use crate::geometry::{Extent, Point};

/// What it costs to part two neighbours that are the same; as published.
const PARTING: f32 = 50.0;
/// What it costs to change the mask where nothing was said, so that it stays where colours do not decide.
const CHANGING: f32 = 3.0;
/// Colours speak no louder than this.
const LOUDEST: f32 = 60.0;
/// What was said is never put elsewhere.
const NEVER: i32 = 1 << 24;
/// Costs in whole numbers.
const UNIT: f32 = 64.0;
/// Most colours that a mixture is made of.
const SAMPLES: usize = 3000;
/// Pixels of the band around an edge, to either side, in squares of the smaller level.
const BAND: i32 = 1;
/// What is so far from what changed may change too, in pixels of the smaller level.
const TOUCHED: u32 = 2;

/// What is likely inside and what outside.
#[derive(Debug, Clone)]
pub(super) struct Models {
    inside: Mixture,
    outside: Mixture,
}

impl Models {
    /// From scribbles and mask; `None` where the picture has nothing on one of the two sides.
    pub(super) fn of_scribbles(level: &Level, said: &[Said], was: &[bool]) -> Option<Self> {
        let pixels = || level.colours.iter().zip(said).zip(was);
        let scribbled = |means: Said| {
            let meant = pixels().filter(move |((_, said), _)| **said == means);
            meant.map(|((colour, _), _)| *colour).collect::<Vec<_>>()
        };
        let unsaid = |is_inside: bool| {
            let meant = pixels()
                .filter(move |((_, said), was)| **said == Said::Nothing && **was == is_inside);
            meant.map(|((colour, _), _)| *colour).collect::<Vec<_>>()
        };
        let mut inside = scribbled(Said::Inside);
        if inside.is_empty() {
            inside = unsaid(true);
        }
        let inside = Mixture::of(&thinned(inside, SAMPLES))?;
        // Nobody has to scribble outside: most of a picture is. But the rest of the thing lies there too, so
        // that only the colours count that are least like those of the scribble.
        let mut outside = least_like(&inside, thinned(unsaid(false), SAMPLES));
        let beyond = scribbled(Said::Outside);
        if !beyond.is_empty() {
            // What was said counts as much as all that was not.
            let times = (outside.len() / beyond.len()).max(1);
            let said = thinned(beyond, SAMPLES);
            (0..times.min(50)).for_each(|_| outside.extend_from_slice(&said));
        }
        Some(Self {
            outside: Mixture::of(&thinned(outside, SAMPLES))?,
            inside,
        })
    }

    /// From a division, without what is inside or outside for other reasons than its colour.
    pub(super) fn learned(self, level: &Level, said: &[Said], inside: &[bool]) -> Self {
        let side = |is_inside: bool| {
            let pixels = level.colours.iter().zip(inside).zip(said);
            let meant = pixels.filter(|((_, inside), said)| match said {
                Said::Inside => is_inside,
                Said::Outside => !is_inside,
                Said::Nothing => **inside == is_inside,
            });
            let colours: Vec<Colour> = meant.map(|((colour, _), _)| *colour).collect();
            Mixture::of(&thinned(colours, SAMPLES))
        };
        Self {
            inside: side(true).unwrap_or(self.inside),
            outside: side(false).unwrap_or(self.outside),
        }
    }

    /// What it costs to put a pixel inside, and outside.
    fn costs(&self, colour: Colour, said: Said, was: bool) -> (i32, i32) {
        match said {
            Said::Inside => return (0, NEVER),
            Said::Outside => return (NEVER, 0),
            Said::Nothing => {}
        }
        let speaks = self.inside.cost(colour) - self.outside.cost(colour);
        let speaks = speaks.clamp(-LOUDEST, LOUDEST);
        let stays = if was { -CHANGING } else { CHANGING };
        let inside = ((speaks + stays) * UNIT) as i32;
        (inside.max(0), (-inside).max(0))
    }
}

/// The half of the colours that are least likely by a mixture.
fn least_like(mixture: &Mixture, colours: Vec<Colour>) -> Vec<Colour> {
    let costs = colours
        .into_iter()
        .map(|colour| (mixture.cost(colour), colour));
    let mut costs: Vec<(f32, Colour)> = costs.collect();
    costs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let half = costs.len() / 2;
    costs
        .into_iter()
        .skip(half)
        .map(|(_, colour)| colour)
        .collect()
}

/// At most so many, evenly.
fn thinned(colours: Vec<Colour>, most: usize) -> Vec<Colour> {
    let every = colours.len().div_ceil(most.max(1)).max(1);
    if every == 1 {
        return colours;
    }
    colours.into_iter().step_by(every).collect()
}

/// What it costs to part two neighbours.
fn parting(level: &Level, a: usize, b: usize, step: usize) -> i32 {
    let (Some(a), Some(b)) = (level.colours.get(a), level.colours.get(b)) else {
        return 0;
    };
    let alike = (-level.beta * squared_distance(a, b)).exp();
    // The first four steps go along rows and columns.
    let nearness = if step < 4 {
        1.0
    } else {
        std::f32::consts::FRAC_1_SQRT_2
    };
    (PARTING * UNIT * alike * nearness) as i32
}

/// The number of a pixel's neighbour.
fn neighbour(level: &Level, (x, y): (u32, u32), step: (i32, i32)) -> Option<usize> {
    let to = Point::new(x as i32 + step.0, y as i32 + step.1);
    let is_inside = level.whole().contains(to);
    is_inside.then(|| to.y as usize * level.extent.width as usize + to.x as usize)
}

/// All of a level, to be divided more than once.
pub(super) struct Whole<'a> {
    level: &'a Level,
    grid: Grid,
    /// What it costs to put each pixel outside, less what it costs inside.
    ends: Vec<i32>,
}

impl<'a> Whole<'a> {
    pub(super) fn of(level: &'a Level) -> Self {
        let count = level.extent.len();
        let mut grid = Grid::with_capacity(count);
        // A pair costs the same from either side: the even steps go forward, the odd ones back.
        let mut forward = vec![[0; STEPS.len() / 2]; count];
        for (at, costs) in forward.iter_mut().enumerate() {
            let place = place_of(level.extent, at);
            let steps = STEPS.into_iter().enumerate().step_by(2);
            for ((step, way), cost) in steps.zip(costs) {
                if let Some(next) = neighbour(level, place, way) {
                    *cost = parting(level, at, next, step);
                }
            }
        }
        for at in 0..count {
            let place = place_of(level.extent, at);
            let (mut neighbours, mut costs) = ([NOBODY; 8], [0; 8]);
            let slots = neighbours.iter_mut().zip(&mut costs);
            for ((step, way), (who, cost)) in STEPS.into_iter().enumerate().zip(slots) {
                if let Some(next) = neighbour(level, place, way) {
                    *who = next as u32;
                    let from = if step % 2 == 0 { at } else { next };
                    *cost = forward.get(from).map_or(0, |costs| costs[step / 2]);
                }
            }
            grid.push((0, 0), neighbours, costs);
        }
        Self {
            level,
            grid,
            ends: vec![0; count],
        }
    }

    /// Divides it.
    pub(super) fn cut(&mut self, said: &[Said], was: &[bool], models: &Models) -> Vec<bool> {
        let pixels = self.level.colours.iter().zip(said).zip(was);
        for (at, (((colour, said), was), end)) in pixels.zip(&mut self.ends).enumerate() {
            let (inside, outside) = models.costs(*colour, *said, *was);
            self.grid.add(at, outside - inside - *end);
            *end = outside - inside;
        }
        self.grid.cut()
    }
}

fn place_of(extent: Extent, at: usize) -> (u32, u32) {
    let width = extent.width.max(1);
    (at as u32 % width, at as u32 / width)
}

/// What was found on a smaller level, [`COARSER`] times as coarse.
pub(super) struct Found<'a> {
    pub(super) extent: Extent,
    /// For each pixel whether it is inside.
    pub(super) inside: &'a [bool],
    /// Whether it may be another than before.
    pub(super) is_touched: &'a [bool],
}

/// Divides a level near the edge that was found; elsewhere it stays as it is there, and where nothing is
/// touched as it was.
pub(super) fn cut_band(
    level: &Level,
    found: &Found<'_>,
    (said, was): (&[Said], &[bool]),
    models: &Models,
) -> Vec<bool> {
    let (smaller, inside) = (found.extent, found.inside);
    let is_near = near_edges(smaller, inside);
    let mut result = vec![false; level.extent.len()];
    // The number of each pixel in the band, by its number in the level, and the way back.
    let mut node = vec![NOBODY; level.extent.len()];
    let mut band: Vec<usize> = Vec::new();
    level.each(smaller, COARSER, |at, small| {
        let is_touched = found.is_touched.get(small) == Some(&true);
        let is_inside = match said.get(at) {
            Some(Said::Inside) => true,
            Some(Said::Outside) => false,
            _ if is_touched => inside.get(small) == Some(&true),
            _ => was.get(at) == Some(&true),
        };
        if let Some(slot) = result.get_mut(at) {
            *slot = is_inside;
        }
        if is_touched
            && is_near.get(small) == Some(&true)
            && let Some(slot) = node.get_mut(at)
        {
            *slot = band.len() as u32;
            band.push(at);
        }
    });
    let mut grid = Grid::with_capacity(band.len());
    for at in &band {
        let colour = level.colours.get(*at).copied().unwrap_or_default();
        let said = said.get(*at).copied().unwrap_or_default();
        let (mut in_cost, mut out_cost) = models.costs(colour, said, was.get(*at) == Some(&true));
        let (mut neighbours, mut costs) = ([NOBODY; 8], [0; 8]);
        let slots = neighbours.iter_mut().zip(&mut costs);
        for ((step, way), (who, cost)) in STEPS.into_iter().enumerate().zip(slots) {
            let Some(next) = neighbour(level, place_of(level.extent, *at), way) else {
                continue;
            };
            let parting = parting(level, *at, next, step);
            match node.get(next) {
                Some(number) if *number != NOBODY => (*who, *cost) = (*number, parting),
                // Beyond the band it is settled.
                _ if result.get(next) == Some(&true) => out_cost += parting,
                _ => in_cost += parting,
            }
        }
        grid.push((in_cost, out_cost), neighbours, costs);
    }
    for (at, is_inside) in band.into_iter().zip(grid.cut()) {
        if let Some(slot) = result.get_mut(at) {
            *slot = is_inside;
        }
    }
    result
}

/// Where something changed or was said, and so far around it.
pub(super) fn touched(extent: Extent, inside: &[bool], was: &[bool], said: &[Said]) -> Vec<bool> {
    let pixels = inside.iter().zip(was).zip(said);
    let is = pixels.map(|((inside, was), said)| inside != was || *said != Said::Nothing);
    let is: Vec<bool> = is.collect();
    let mut result = vec![false; is.len()];
    for at in (0..is.len()).filter(|at| is.get(*at) == Some(&true)) {
        let (x, y) = place_of(extent, at);
        for y in y.saturating_sub(TOUCHED)..=(y + TOUCHED).min(extent.height - 1) {
            let from = (y * extent.width + x.saturating_sub(TOUCHED)) as usize;
            let to = (y * extent.width + (x + TOUCHED).min(extent.width - 1)) as usize;
            result.get_mut(from..=to).unwrap_or_default().fill(true);
        }
    }
    result
}

/// Where a square of [`BAND`] around is not all on one side.
fn near_edges(extent: Extent, inside: &[bool]) -> Vec<bool> {
    let side = |x: i32, y: i32| {
        let x = x.clamp(0, extent.width as i32 - 1) as usize;
        let y = y.clamp(0, extent.height as i32 - 1) as usize;
        inside.get(y * extent.width as usize + x).copied()
    };
    let places = (0..extent.len()).map(|at| place_of(extent, at));
    places
        .map(|(x, y)| {
            let (x, y) = (x as i32, y as i32);
            let here = side(x, y);
            let mut around = (-BAND..=BAND).flat_map(|dy| (-BAND..=BAND).map(move |dx| (dx, dy)));
            around.any(|(dx, dy)| side(x + dx, y + dy) != here)
        })
        .collect()
}

//! The nearest-neighbour field: for each patch that touches the hole, where the patch most like it
//! begins. PatchMatch: Barnes, Shechtman, Finkelstein & Goldman, "PatchMatch: A Randomized
//! Correspondence Algorithm for Structural Image Editing", SIGGRAPH 2009.

use rayon::prelude::*;

use super::distance::{distance, is_present, partial_distance};
use super::level::{Level, State, group_len, whole_patches};
use super::random::Random;
use super::{Cancelled, Watch};

/// Where a patch is copied from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Match {
    /// The pixel where the other patch begins; [`NOWHERE`] for patches that do not touch the hole.
    pub(super) at: u32,
    /// How unlike they are.
    pub(super) distance: u32,
}

/// No place.
pub(super) const NOWHERE: u32 = u32::MAX;

/// Patches of a band that is searched in order; bands do not see each other's news.
const BAND_PATCHES: usize = 8192;

/// What of a level does not change while it is worked on.
pub(super) struct Ground {
    /// Where a patch begins that may be copied.
    pub(super) is_source: Vec<bool>,
    /// Where a patch begins in which something is not seen; empty when there is none.
    has_absent: Vec<bool>,
}

impl Ground {
    pub(super) fn new<const P: usize>(level: &Level) -> Self {
        let is_source = whole_patches(level, P, |state| state == State::Source);
        let has_absent = if level.states.contains(&State::Absent) {
            let mut whole = whole_patches(level, P, |state| state != State::Absent);
            for patch in &mut whole {
                *patch = !*patch;
            }
            whole
        } else {
            Vec::new()
        };
        Self {
            is_source,
            has_absent,
        }
    }

    pub(super) fn sources(&self) -> usize {
        self.is_source.iter().filter(|is| **is).count()
    }

    /// A place to copy from: near `wanted` if there is one, else any.
    pub(super) fn source_near(
        &self,
        level: &Level,
        wanted: (i64, i64),
        random: &mut Random,
    ) -> u32 {
        let (width, height) = (level.width as i64, level.height as i64);
        for attempt in 0..64u32 {
            let reach = 1i64 << (attempt / 3);
            let (x, y) = match attempt {
                0 => wanted,
                _ => (
                    wanted.0 + random.within(reach),
                    wanted.1 + random.within(reach),
                ),
            };
            let at = y.clamp(0, height - 1) * width + x.clamp(0, width - 1);
            if self.is_source.get(at as usize) == Some(&true) {
                return at as u32;
            }
        }
        let start = random.below(self.is_source.len() as u64) as usize;
        let places = self.is_source.iter().enumerate();
        let after = places.clone().skip(start).find(|(_, is)| **is);
        let found = after.or_else(|| places.clone().find(|(_, is)| **is));
        found.map_or(NOWHERE, |(at, _)| at as u32)
    }
}

/// The field of one level, over the box of the patches that touch its hole.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) left: usize,
    pub(super) top: usize,
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) matches: Vec<Match>,
}

impl Field {
    /// A field without matches: `at` is 0 for each patch that touches the hole.
    pub(super) fn new<const P: usize>(level: &Level) -> Self {
        let (mut left, mut top, mut right, mut bottom) = (level.width, level.height, 0, 0);
        for (y, row) in level.states.chunks_exact(level.width.max(1)).enumerate() {
            let mut holes = row.iter().enumerate().filter(|(_, s)| **s == State::Hole);
            if let Some((first, _)) = holes.next() {
                let last = holes.next_back().map_or(first, |(x, _)| x);
                (left, right) = (left.min(first), right.max(last + 1));
                (top, bottom) = (top.min(y), y + 1);
            }
        }
        let left = left.saturating_sub(P - 1);
        let top = top.saturating_sub(P - 1);
        let width = right.min(level.width + 1 - P).saturating_sub(left);
        let height = bottom.min(level.height + 1 - P).saturating_sub(top);
        let free = whole_patches(level, P, |state| state != State::Hole);
        let mut matches = Vec::with_capacity(width * height);
        for y in top..top + height {
            for x in left..left + width {
                let touches = free.get(y * level.width + x) == Some(&false);
                matches.push(Match {
                    at: if touches { 0 } else { NOWHERE },
                    distance: u32::MAX,
                });
            }
        }
        Self {
            left,
            top,
            width,
            height,
            matches,
        }
    }

    /// How many patches touch the hole.
    pub(super) fn patches(&self) -> usize {
        self.matches.iter().filter(|m| m.at != NOWHERE).count()
    }

    /// The match of the patch that begins at `(x, y)` of the level.
    pub(super) fn get(&self, x: usize, y: usize) -> Option<Match> {
        let (x, y) = (x.checked_sub(self.left)?, y.checked_sub(self.top)?);
        if x >= self.width {
            return None;
        }
        let found = self.matches.get(y * self.width + x)?;
        (found.at != NOWHERE).then_some(*found)
    }

    /// Gives each patch a match: `place` says near which pixel it is looked for.
    pub(super) fn place(
        &mut self,
        level: &Level,
        ground: &Ground,
        seed: u64,
        place: impl Fn(usize, usize, &mut Random) -> (i64, i64) + Sync,
        watch: &mut Watch<'_>,
    ) -> Result<(), Cancelled> {
        let (left, top, width) = (self.left, self.top, self.width.max(1));
        for (i, group) in self.matches.chunks_mut(group_len(width)).enumerate() {
            watch.look()?;
            let top = top + i * group_len(width) / width;
            let rows = group.par_chunks_mut(width).enumerate();
            rows.for_each(|(y, row)| {
                for (x, found) in row.iter_mut().enumerate() {
                    if found.at != NOWHERE {
                        let (x, y) = (left + x, top + y);
                        let mut random = Random::new(seed, y * level.width + x);
                        let wanted = place(x, y, &mut random);
                        found.at = ground.source_near(level, wanted, &mut random);
                    }
                }
            });
        }
        Ok(())
    }

    /// Measures all matches anew, after the hole has got other colours.
    pub(super) fn measure<const P: usize>(
        &mut self,
        level: &Level,
        ground: &Ground,
        watch: &mut Watch<'_>,
    ) -> Result<(), Cancelled> {
        let (left, top, width) = (self.left, self.top, self.width.max(1));
        for (i, group) in self.matches.chunks_mut(group_len(width)).enumerate() {
            watch.look()?;
            let top = top + i * group_len(width) / width;
            let rows = group.par_chunks_mut(width).enumerate();
            rows.for_each(|(y, row)| {
                for (x, found) in row.iter_mut().enumerate() {
                    if found.at != NOWHERE {
                        let target = (top + y) * level.width + left + x;
                        let pair = (target, found.at as usize);
                        found.distance = measured::<P>(level, ground, pair, u32::MAX);
                    }
                }
            });
        }
        Ok(())
    }

    /// One pass of PatchMatch. Bands of rows are searched side by side: inside a band news spread at
    /// once, from band to band with the next pass, so that the result does not depend on the number
    /// of threads.
    pub(super) fn search<const P: usize>(
        &mut self,
        level: &Level,
        ground: &Ground,
        pass: Pass,
        watch: &mut Watch<'_>,
    ) -> Result<(), Cancelled> {
        let before = self.matches.clone();
        let shape = Shape {
            left: self.left,
            top: self.top,
            width: self.width,
        };
        let rows = (BAND_PATCHES / self.width.max(1)).clamp(2, 32);
        // Every other pass the bands lie half a band lower.
        let first = if pass.number.is_multiple_of(2) {
            rows
        } else {
            rows / 2
        };
        let mut rest = self.matches.as_mut_slice();
        let mut bands = Vec::new();
        let (mut y, mut next) = (0, first);
        while !rest.is_empty() {
            let (band, others) = rest.split_at_mut((next * self.width).min(rest.len()));
            bands.push((y, band));
            rest = others;
            y += next;
            next = rows;
        }
        let together = 2 * rayon::current_num_threads();
        for group in bands.chunks_mut(together) {
            watch.look()?;
            group.par_iter_mut().for_each(|(y, band)| {
                let mut search = BandSearch::<P> {
                    level,
                    ground,
                    shape,
                    before: &before,
                    first_row: *y,
                    pass,
                    band,
                };
                search.run();
            });
        }
        Ok(())
    }
}

/// Which pass of which level, and how far it looks at random.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pass {
    pub(super) number: usize,
    pub(super) seed: u64,
    pub(super) radius: usize,
}

#[derive(Debug, Clone, Copy)]
struct Shape {
    left: usize,
    top: usize,
    width: usize,
}

fn measured<const P: usize>(
    level: &Level,
    ground: &Ground,
    (target, source): (usize, usize),
    limit: u32,
) -> u32 {
    if ground.has_absent.get(target) == Some(&true) {
        let counts = |at| is_present(level, at);
        partial_distance::<P>(level, (target, source), counts, limit).unwrap_or(0)
    } else {
        distance::<P>(&level.samples, level.width, (target, source), limit)
    }
}

struct BandSearch<'a, const P: usize> {
    level: &'a Level,
    ground: &'a Ground,
    shape: Shape,
    before: &'a [Match],
    first_row: usize,
    pass: Pass,
    band: &'a mut [Match],
}

impl<const P: usize> BandSearch<'_, P> {
    fn run(&mut self) {
        let count = self.band.len();
        let is_forward = self.pass.number.is_multiple_of(2);
        for i in 0..count {
            let i = if is_forward { i } else { count - 1 - i };
            let Some(mut best) = self.band.get(i).copied().filter(|m| m.at != NOWHERE) else {
                continue;
            };
            let (x, y) = (i % self.shape.width, i / self.shape.width + self.first_row);
            let target = (self.shape.top + y) * self.level.width + self.shape.left + x;
            self.try_neighbours((x, y), target, is_forward, &mut best);
            self.try_at_random(target, &mut best);
            if let Some(entry) = self.band.get_mut(i) {
                *entry = best;
            }
        }
    }

    fn try_neighbours(
        &self,
        (x, y): (usize, usize),
        target: usize,
        is_forward: bool,
        best: &mut Match,
    ) {
        let (width, stride) = (self.shape.width, self.level.width);
        let at = y * width + x;
        let (beside, above) = if is_forward {
            ((x > 0).then(|| at - 1), (y > 0).then(|| at - width))
        } else {
            ((x + 1 < width).then_some(at + 1), Some(at + width))
        };
        for (neighbour, step) in [(beside, 1), (above, stride)] {
            let Some(found) = neighbour.and_then(|at| self.match_at(at)) else {
                continue;
            };
            let source = if is_forward {
                found.at as usize + step
            } else {
                (found.at as usize).wrapping_sub(step)
            };
            self.try_source(target, source, best);
        }
    }

    /// The newest word on an entry of the field.
    fn match_at(&self, at: usize) -> Option<Match> {
        let own = at.checked_sub(self.first_row * self.shape.width);
        let own = own.and_then(|i| self.band.get(i));
        let found = own.or_else(|| self.before.get(at)).copied()?;
        (found.at != NOWHERE).then_some(found)
    }

    fn try_at_random(&self, target: usize, best: &mut Match) {
        let (width, height) = (self.level.width as i64, self.level.height as i64);
        let mut random = Random::new(self.pass.seed + self.pass.number as u64, target);
        let mut radius = self.pass.radius as i64;
        while radius >= 1 {
            let (x, y) = (i64::from(best.at) % width, i64::from(best.at) / width);
            let x = (x + random.within(radius)).clamp(0, width - P as i64);
            let y = (y + random.within(radius)).clamp(0, height - P as i64);
            self.try_source(target, (y * width + x) as usize, best);
            radius /= 2;
        }
    }

    fn try_source(&self, target: usize, source: usize, best: &mut Match) {
        if source == best.at as usize || self.ground.is_source.get(source) != Some(&true) {
            return;
        }
        let pair = (target, source);
        let distance = measured::<P>(self.level, self.ground, pair, best.distance);
        if distance < best.distance {
            *best = Match {
                at: source as u32,
                distance,
            };
        }
    }
}

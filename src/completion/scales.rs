//! One hole through all sizes, coarse to fine: at each the field is searched and the hole voted on
//! in turn. Wexler, Shechtman & Irani 2007; Newson, Almansa, Fradet, Gousseau & Pérez, "Video
//! Inpainting of Complex Scenes", SIAM J. Imaging Sciences 7 (2014).

use super::field::{Field, Ground, Pass};
use super::level::{Level, State};
use super::onion::peel;
use super::random::Random;
use super::seams::corrections;
use super::vote::{copies, depths, vote};
use super::{Cancelled, CompletionError, Watch};

/// The coarsest level is the one where no pixel of the hole lies deeper than this.
const COARSEST_DEPTH: u16 = 12;
/// A level with fewer patches to copy is not used, except where it is the picture itself.
const FEWEST_SOURCES: usize = 400;
/// A picture may have this many pixels of the hole for one patch to copy.
const MOST_HOLE_PER_SOURCE: usize = 400;
/// Fewer patches than these are no material.
const LEAST_SOURCES: usize = 4;

/// What a pixel of the hole becomes: the copied pixel's colour and something added to it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Filled {
    /// Index of the pixel.
    pub(super) at: usize,
    /// Index of the pixel that is copied.
    pub(super) from: usize,
    /// Added to it, as shares of full scale.
    pub(super) correction: [f32; 3],
}

/// Fills the hole of a picture by patches of side 7, or of a smaller one where those are too few.
pub(super) fn fill(level: &Level, watch: &mut Watch<'_>) -> Result<Vec<Filled>, CompletionError> {
    match fill_by::<7>(level, watch) {
        Err(CompletionError::TooLittleLeft) => {}
        other => return other,
    }
    match fill_by::<5>(level, watch) {
        Err(CompletionError::TooLittleLeft) => fill_by::<3>(level, watch),
        other => other,
    }
}

/// A level with what is known of it.
struct Scale {
    level: Level,
    ground: Ground,
    depths: Vec<u16>,
}

impl Scale {
    fn new<const P: usize>(level: Level, watch: &mut Watch<'_>) -> Result<Self, Cancelled> {
        watch.look()?;
        let ground = Ground::new::<P>(&level);
        watch.look()?;
        let depths = depths(&level);
        watch.look()?;
        Ok(Self {
            level,
            ground,
            depths,
        })
    }

    fn deepest(&self) -> u16 {
        self.depths.iter().copied().max().unwrap_or(0)
    }
}

fn fill_by<const P: usize>(
    level: &Level,
    watch: &mut Watch<'_>,
) -> Result<Vec<Filled>, CompletionError> {
    let holes = level.states.iter().filter(|s| **s == State::Hole).count();
    let finest = Scale::new::<P>(level.clone(), watch)?;
    let sources = finest.ground.sources();
    if sources < LEAST_SOURCES || holes > sources.saturating_mul(MOST_HOLE_PER_SOURCE) {
        return Err(CompletionError::TooLittleLeft);
    }
    let mut scales = vec![finest];
    while let Some(last) = scales.last() {
        if last.deepest() <= COARSEST_DEPTH {
            break;
        }
        let next = Scale::new::<P>(last.level.halved(), watch)?;
        if next.ground.sources() < FEWEST_SOURCES {
            break;
        }
        scales.push(next);
    }
    watch.plan(scales.iter().map(|scale| scale.level.samples.len()));
    let mut coarser: Option<Field> = None;
    let mut coarser_width = 0;
    while let Some(mut scale) = scales.pop() {
        let mut field = Field::new::<P>(&scale.level);
        let seed = 1000 * (scales.len() as u64 + 1);
        match &coarser {
            None => {
                peel::<P>(&mut scale.level, &scale.ground, watch)?;
                let near = |x, y, _: &mut Random| (x as i64, y as i64);
                field.place(&scale.level, &scale.ground, seed, near, watch)?;
            }
            Some(coarser) => {
                let from = (coarser, coarser_width);
                enlarge(&mut field, from, &scale, seed, watch)?;
            }
        }
        improve::<P>(&mut scale, &mut field, (coarser.is_none(), seed), watch)?;
        coarser_width = scale.level.width;
        if scales.is_empty() {
            return finish::<P>(&scale, &field, watch);
        }
        coarser = Some(field);
    }
    Ok(Vec::new())
}

/// Takes the matches of the level of half the size.
fn enlarge(
    field: &mut Field,
    (coarser, coarser_width): (&Field, usize),
    scale: &Scale,
    seed: u64,
    watch: &mut Watch<'_>,
) -> Result<(), Cancelled> {
    let last = |first: usize, length: usize| (first + length).saturating_sub(1);
    let columns = (coarser.left, last(coarser.left, coarser.width));
    let rows = (coarser.top, last(coarser.top, coarser.height));
    let near = |x: usize, y: usize, random: &mut Random| {
        let from_x = (x / 2).clamp(columns.0, columns.1);
        let from_y = (y / 2).clamp(rows.0, rows.1);
        match coarser.get(from_x, from_y) {
            Some(found) => {
                let (at_x, at_y) = (
                    found.at as usize % coarser_width,
                    found.at as usize / coarser_width,
                );
                (
                    (2 * at_x + x) as i64 - 2 * from_x as i64,
                    (2 * at_y + y) as i64 - 2 * from_y as i64,
                )
            }
            None => (
                random.below(scale.level.width as u64) as i64,
                random.below(scale.level.height as u64) as i64,
            ),
        }
    };
    field.place(&scale.level, &scale.ground, seed, near, watch)
}

/// How often a level of so many patches is voted on, how often it is searched before each vote, and how
/// far at random.
fn effort(patches: usize, is_coarsest: bool, whole: usize) -> (usize, usize, usize) {
    match patches {
        0..15_000 if is_coarsest => (10, 6, whole),
        0..15_000 => (8, 4, whole),
        15_000..60_000 => (5, 3, whole),
        60_000..200_000 => (3, 2, whole / 2),
        200_000..800_000 => (2, 2, 64),
        _ => (1, 1, 8),
    }
}

fn improve<const P: usize>(
    scale: &mut Scale,
    field: &mut Field,
    (is_coarsest, seed): (bool, u64),
    watch: &mut Watch<'_>,
) -> Result<(), CompletionError> {
    let whole = scale.level.width.max(scale.level.height);
    let (rounds, passes, radius) = effort(field.patches(), is_coarsest, whole);
    if !is_coarsest {
        vote::<P>(&mut scale.level, field, &scale.depths, watch)?;
    }
    for round in 0..rounds {
        field.measure::<P>(&scale.level, &scale.ground, watch)?;
        for pass in 0..passes {
            let pass = Pass {
                number: round * passes + pass,
                seed,
                radius,
            };
            field.search::<P>(&scale.level, &scale.ground, pass, watch)?;
        }
        vote::<P>(&mut scale.level, field, &scale.depths, watch)?;
        watch.advance(scale.level.samples.len() as f32 / rounds as f32);
    }
    Ok(())
}

fn finish<const P: usize>(
    scale: &Scale,
    field: &Field,
    watch: &mut Watch<'_>,
) -> Result<Vec<Filled>, CompletionError> {
    let copies = copies::<P>(&scale.level, field, &scale.depths, watch)?;
    let corrections = corrections(&scale.level, &copies, watch)?;
    let filled = copies.into_iter().zip(corrections);
    Ok(filled
        .map(|((at, from), correction)| Filled {
            at,
            from,
            correction: correction.map(|v| v / super::level::WHITE),
        })
        .collect())
}

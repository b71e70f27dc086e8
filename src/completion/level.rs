//! [`Level`]: one size of the picture, as the search sees it.

use rayon::prelude::*;

use super::{Cancelled, Watch};

/// Red, green, blue and how strongly the picture is textured around the pixel, each 0…[`WHITE`].
pub(super) type Sample = [i16; 4];

/// Full scale of a sample. 12 bits hold 8-bit pictures exactly, and the squares of a whole patch fit
/// into 32 bits.
pub(super) const WHITE: f32 = 4080.0;

/// What a pixel is to the completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Known, and may be copied.
    Source,
    /// Known, but not copied: another hole that was filled before.
    Context,
    /// To be filled.
    Hole,
    /// Nothing is seen there: neither copied nor compared.
    Absent,
}

/// One level of the pyramid, row-major.
#[derive(Debug, Clone)]
pub(super) struct Level {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) samples: Vec<Sample>,
    pub(super) states: Vec<State>,
}

/// How much the mean gradient weighs against colours. Newson et al. 2014, section 3.3, take 50 for
/// squares of each direction.
const TEXTURE_WEIGHT: f32 = 4.0;
/// Half the side of the square over which gradients are averaged.
const TEXTURE_RADIUS: usize = 8;

impl Level {
    /// True where the pixel is there and known.
    pub(super) fn is_known(&self, at: usize) -> bool {
        matches!(self.states.get(at), Some(State::Source | State::Context))
    }

    /// The level of half the size: means of 2 × 2. What touches the hole belongs to it.
    pub(super) fn halved(&self) -> Self {
        let (width, height) = (self.width.div_ceil(2), self.height.div_ceil(2));
        let mut samples = vec![[0; 4]; width * height];
        let mut states = vec![State::Absent; width * height];
        samples
            .par_chunks_mut(width.max(1))
            .zip(states.par_chunks_mut(width.max(1)))
            .enumerate()
            .for_each(|(y, (samples, states))| {
                for (x, (sample, state)) in samples.iter_mut().zip(states).enumerate() {
                    (*sample, *state) = self.mean_of_four(2 * x, 2 * y);
                }
            });
        Self {
            width,
            height,
            samples,
            states,
        }
    }

    fn mean_of_four(&self, x: usize, y: usize) -> (Sample, State) {
        let mut sum = [0i32; 4];
        let (mut known, mut state) = (0, State::Source);
        let (mut holes, mut absent) = (0, 0);
        for (x, y) in [(x, y), (x + 1, y), (x, y + 1), (x + 1, y + 1)] {
            if x >= self.width || y >= self.height {
                continue;
            }
            let at = y * self.width + x;
            match self.states.get(at) {
                Some(State::Source) => {}
                Some(State::Context) => state = State::Context,
                Some(State::Hole) => {
                    holes += 1;
                    continue;
                }
                _ => {
                    absent += 1;
                    continue;
                }
            }
            known += 1;
            for (sum, value) in sum
                .iter_mut()
                .zip(self.samples.get(at).into_iter().flatten())
            {
                *sum += i32::from(*value);
            }
        }
        let mean = sum.map(|v| ((v + known / 2) / known.max(1)) as i16);
        let state = match (holes, absent, known) {
            (1.., ..) => State::Hole,
            (_, absent, known) if absent >= known => State::Absent,
            _ => state,
        };
        (mean, state)
    }

    /// Fills the fourth channel: the mean of |∂x| + |∂y| of the brightness around each pixel, as far
    /// as it is known. The idea is Newson et al. 2014's: without it a coarse level takes fine texture
    /// for a plain area.
    pub(super) fn add_texture(&mut self, watch: &mut Watch<'_>) -> Result<(), Cancelled> {
        let (width, height) = (self.width, self.height);
        // Gradient and its weight, summed first along rows, then along columns.
        let mut rows = vec![[0f32; 2]; width * height];
        for (i, group) in rows.chunks_mut(group_len(width)).enumerate() {
            watch.look()?;
            let first = i * group_len(width) / width.max(1);
            let lines = group.par_chunks_mut(width.max(1)).enumerate();
            lines.for_each(|(y, row)| {
                let line: Vec<[f32; 2]> = (0..width).map(|x| self.gradient(x, first + y)).collect();
                box_sums(&line, row);
            });
        }
        let rows = &rows;
        for (i, group) in self.samples.chunks_mut(group_len(width)).enumerate() {
            watch.look()?;
            let first = i * group_len(width) / width.max(1);
            let lines = group.par_chunks_mut(width.max(1)).enumerate();
            lines.for_each(|(y, samples)| {
                let from = (first + y).saturating_sub(TEXTURE_RADIUS);
                let to = (first + y + TEXTURE_RADIUS + 1).min(height);
                let mut sums = vec![[0f32; 2]; width];
                let around = rows.get(from * width..to * width).unwrap_or_default();
                for row in around.chunks_exact(width.max(1)) {
                    for (sum, value) in sums.iter_mut().zip(row) {
                        *sum = [sum[0] + value[0], sum[1] + value[1]];
                    }
                }
                for ([.., texture], [sum, weight]) in samples.iter_mut().zip(sums) {
                    let mean = if weight > 0.0 { sum / weight } else { 0.0 };
                    *texture = (mean * TEXTURE_WEIGHT).min(WHITE) as i16;
                }
            });
        }
        Ok(())
    }

    /// |∂x| + |∂y| of the brightness as far as it is known, and how much of it is.
    fn gradient(&self, x: usize, y: usize) -> [f32; 2] {
        let brightness = |at: usize| {
            let sample = self.samples.get(at).copied().unwrap_or_default();
            let [r, g, b, _] = sample.map(f32::from);
            0.25 * r + 0.5 * g + 0.25 * b
        };
        let at = y * self.width + x;
        let next = [
            (x + 1 < self.width, at + 1),
            (y + 1 < self.height, at + self.width),
        ];
        let mut sum = [0f32; 2];
        for (_, next) in next.into_iter().filter(|(inside, _)| *inside) {
            if self.is_known(at) && self.is_known(next) {
                sum[0] += (brightness(next) - brightness(at)).abs();
                sum[1] += 0.5;
            }
        }
        sum
    }
}

/// Pixels of the rows that are worked on between two looks at the watch: about a hundred thousand.
pub(super) fn group_len(width: usize) -> usize {
    let width = width.max(1);
    width * (100_000 / width).max(2 * rayon::current_num_threads())
}

/// Sums over [`TEXTURE_RADIUS`] to both sides.
fn box_sums(line: &[[f32; 2]], sums: &mut [[f32; 2]]) {
    for (x, sum) in sums.iter_mut().enumerate() {
        let from = x.saturating_sub(TEXTURE_RADIUS);
        let to = (x + TEXTURE_RADIUS + 1).min(line.len());
        for value in line.get(from..to).into_iter().flatten() {
            *sum = [sum[0] + value[0], sum[1] + value[1]];
        }
    }
}

/// For each pixel, whether the patch of that side which begins there holds only such pixels.
pub(super) fn whole_patches(
    level: &Level,
    side: usize,
    holds: impl Fn(State) -> bool + Sync,
) -> Vec<bool> {
    let (width, height) = (level.width, level.height);
    let mut result = vec![false; width * height];
    if width < side || height < side {
        return result;
    }
    // Rows first: how many such pixels follow, up to `side`.
    let mut runs = vec![0u8; width * height];
    let lines = runs
        .par_chunks_mut(width)
        .zip(level.states.par_chunks(width));
    lines.for_each(|(runs, states)| {
        let mut run = 0u8;
        for (length, state) in runs.iter_mut().zip(states).rev() {
            run = if holds(*state) {
                run.saturating_add(1)
            } else {
                0
            };
            *length = run;
        }
    });
    let runs = &runs;
    result
        .par_chunks_mut(width)
        .enumerate()
        .take(height - side + 1)
        .for_each(|(y, row)| {
            row.fill(true);
            for runs in runs.chunks_exact(width).skip(y).take(side) {
                for (whole, run) in row.iter_mut().zip(runs) {
                    *whole &= usize::from(*run) >= side;
                }
            }
        });
    result
}

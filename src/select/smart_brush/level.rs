//! [`Level`]: a picture at one size, in colours that can be compared.

use super::Said;
use super::colours::Colour;
use crate::geometry::{Extent, Rect};
use crate::raster::{Mask, Profile, Tiled, to_srgb};
use crate::select::components::{Components, Joined};
use crate::select::perception::{linear, oklab};
use crate::select::{Proxy, SelectError};

/// A picture at one size.
#[derive(Debug)]
pub(super) struct Level {
    pub(super) extent: Extent,
    /// OKLab, times 100; row-major.
    pub(super) colours: Vec<Colour>,
    /// 1 / (2 · mean squared difference of neighbours): differences are large or small by this.
    pub(super) beta: f32,
}

impl Level {
    pub(super) fn of(proxy: &Proxy, profile: &Profile) -> Result<Self, SelectError> {
        let mut pixels = proxy.pixels.pixels.clone();
        to_srgb(profile, &mut pixels).map_err(|error| SelectError::Profile(error.to_string()))?;
        let seen = |pixel: [f32; 3]| oklab(pixel.map(linear)).map(|value| value * 100.0);
        Ok(Self::new(
            proxy.pixels.extent,
            pixels.into_iter().map(seen).collect(),
        ))
    }

    fn new(extent: Extent, colours: Vec<Colour>) -> Self {
        let width = (extent.width as usize).max(1);
        let across = colours
            .chunks_exact(width)
            .flat_map(|row| row.iter().zip(row.iter().skip(1)));
        let down = colours.iter().zip(colours.iter().skip(width));
        let (mut sum, mut count) = (0f64, 0f64);
        for (a, b) in across.chain(down) {
            sum += f64::from(squared_distance(a, b));
            count += 1.0;
        }
        let mean = (sum / f64::max(count, 1.0)) as f32;
        Self {
            extent,
            colours,
            beta: 1.0 / (2.0 * mean.max(0.05)),
        }
    }

    /// The mean of each square of `times` pixels.
    pub(super) fn smaller(&self, times: u32) -> Self {
        let extent = Extent::new(
            self.extent.width.div_ceil(times),
            self.extent.height.div_ceil(times),
        );
        let mut sums = vec![([0f32; 3], 0f32); extent.len()];
        self.each(extent, times, |at, small| {
            if let (Some(colour), Some((sum, count))) = (self.colours.get(at), sums.get_mut(small))
            {
                for (sum, value) in sum.iter_mut().zip(colour) {
                    *sum += value;
                }
                *count += 1.0;
            }
        });
        let means = sums
            .into_iter()
            .map(|(sum, count)| sum.map(|value| value / count.max(1.0)));
        Self::new(extent, means.collect())
    }

    /// Calls `visit` with the number of each pixel and that of the square it is in.
    pub(super) fn each(&self, smaller: Extent, times: u32, mut visit: impl FnMut(usize, usize)) {
        let width = self.extent.width;
        for y in 0..self.extent.height {
            let row = (y / times * smaller.width) as usize;
            let from = y as usize * width as usize;
            for x in 0..width {
                visit(from + x as usize, row + (x / times) as usize);
            }
        }
    }

    /// What was said anywhere in each square; the inside where both were.
    pub(super) fn said_smaller(&self, said: &[Said], smaller: Extent, times: u32) -> Vec<Said> {
        let mut result = vec![Said::Nothing; smaller.len()];
        self.each(smaller, times, |at, small| {
            if let (Some(said), Some(result)) = (said.get(at), result.get_mut(small))
                && *said != Said::Nothing
                && *result != Said::Inside
            {
                *result = *said;
            }
        });
        result
    }

    /// Whether at least half of each square is set.
    pub(super) fn is_smaller(&self, is: &[bool], smaller: Extent, times: u32) -> Vec<bool> {
        let mut counts = vec![0i32; smaller.len()];
        self.each(smaller, times, |at, small| {
            if let Some(count) = counts.get_mut(small) {
                *count += if is.get(at) == Some(&true) { 1 } else { -1 };
            }
        });
        counts.into_iter().map(|count| count >= 0).collect()
    }

    /// Whether a mask of the picture's own size is more than half painted at each pixel.
    pub(super) fn reading(&self, mask: &Mask) -> Vec<bool> {
        let full = mask.extent();
        let place = |at: u32, here: u32, there: u32| {
            let centre = (u64::from(at) * 2 + 1) * u64::from(there) / (2 * u64::from(here.max(1)));
            (centre as u32).min(there.saturating_sub(1))
        };
        let columns: Vec<usize> = (0..self.extent.width)
            .map(|x| place(x, self.extent.width, full.width) as usize)
            .collect();
        let mut result = Vec::with_capacity(self.extent.len());
        let mut row = Vec::with_capacity(full.width as usize);
        for y in 0..self.extent.height {
            row.clear();
            let y = place(y, self.extent.height, full.height);
            mask.visit_row(y, 0..full.width, |_, values| row.extend_from_slice(values));
            let values = columns
                .iter()
                .map(|x| row.get(*x).is_some_and(|v| *v > 127));
            result.extend(values);
        }
        result
    }

    /// The division with only those parts of what changed that are joined to what was said.
    pub(super) fn joined_only(&self, inside: &[bool], was: &[bool], said: &[Said]) -> Vec<bool> {
        let mut result = was.to_vec();
        for (becomes, means) in [(true, Said::Inside), (false, Said::Outside)] {
            let pairs = inside.iter().zip(was).zip(said);
            // What was said counts as changed, so that what it says again joins too.
            let values: Vec<u8> = pairs
                .map(|((inside, was), said)| {
                    let changes = *inside == becomes && *was != becomes;
                    if changes || *said == means { 255 } else { 0 }
                })
                .collect();
            let mask = Tiled::from_pixels(self.extent, &values, 0);
            let found = Components::of(&mask, Joined::ByCorners, |value| value > 0);
            let width = self.extent.width;
            let mut is_meant = vec![false; found.parts.len()];
            for run in &found.runs {
                let from = run.y as usize * width as usize;
                let said = said.get(from + run.from as usize..from + run.to as usize);
                if said.is_some_and(|said| said.contains(&means))
                    && let Some(meant) = is_meant.get_mut(run.part as usize)
                {
                    *meant = true;
                }
            }
            for run in found.runs_of(|part, _| is_meant.get(part as usize) == Some(&true)) {
                let from = run.y as usize * width as usize;
                let row = result.get_mut(from + run.from as usize..from + run.to as usize);
                row.unwrap_or_default().fill(becomes);
            }
        }
        result
    }

    /// The whole of it.
    pub(super) fn whole(&self) -> Rect {
        Rect::of(self.extent)
    }
}

/// How far apart two colours are, squared.
pub(super) fn squared_distance(a: &Colour, b: &Colour) -> f32 {
    let axes = a.iter().zip(b);
    axes.map(|(a, b)| (a - b) * (a - b)).sum()
}

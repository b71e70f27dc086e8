//! [`Area`]: the part of a plane that is worked on, in blocks, so that what is known already costs next to nothing.

use std::ops::Range;

use rayon::prelude::*;

use crate::geometry::Extent;

/// Rows of a task, and rows and columns of a block.
const BLOCK: usize = 32;
/// Kernels reach that many standard deviations.
const KERNEL_REACH: f32 = 2.5;

/// For each stripe of rows the ranges of columns that are worked on. What is made of a plane is made there and is
/// zero elsewhere.
#[derive(Debug)]
pub(super) struct Area {
    width: usize,
    height: usize,
    stripes: Vec<Vec<Range<usize>>>,
}

impl Area {
    /// Whole blocks that cover all pixels no farther than `reach_px`, across and down, from one that `is_in`.
    pub(super) fn around(extent: Extent, reach_px: usize, is_in: impl Fn(usize) -> bool) -> Self {
        let (width, height) = (extent.width as usize, extent.height as usize);
        let (across, down) = (width.div_ceil(BLOCK), height.div_ceil(BLOCK));
        let reached = |(first, last): (usize, usize), count: usize| {
            first.saturating_sub(reach_px) / BLOCK..((last + reach_px) / BLOCK + 1).min(count)
        };
        let mut blocks = vec![vec![false; across]; down];
        for top in (0..height).step_by(BLOCK) {
            for left in (0..width).step_by(BLOCK) {
                let rows = top..(top + BLOCK).min(height);
                let inside =
                    rows.flat_map(|y| (left..(left + BLOCK).min(width)).map(move |x| (x, y)));
                let inside = inside.filter(|(x, y)| is_in(y * width + x));
                let ends = inside.fold(None, |ends: Option<[(usize, usize); 2]>, (x, y)| {
                    let [xs, ys] = ends.unwrap_or([(x, x), (y, y)]);
                    Some([(xs.0.min(x), xs.1.max(x)), (ys.0.min(y), ys.1.max(y))])
                });
                let Some([xs, ys]) = ends else {
                    continue;
                };
                let near = blocks.get_mut(reached(ys, down));
                for row in near.into_iter().flatten() {
                    if let Some(part) = row.get_mut(reached(xs, across)) {
                        part.fill(true);
                    }
                }
            }
        }
        Self {
            width,
            height,
            stripes: blocks.iter().map(|row| runs(row, width)).collect(),
        }
    }

    /// What `value` makes of each place, by its number.
    pub(super) fn made<T: Copy + Default + Send>(
        &self,
        value: impl Fn(usize) -> T + Sync,
    ) -> Vec<T> {
        let mut made = vec![T::default(); self.width * self.height];
        self.change(&mut made, |_, at| value(at));
        made
    }

    /// Changes a plane that is there; `value` is given what it holds at a place, and the place's number.
    pub(super) fn change<T: Copy + Send>(
        &self,
        plane: &mut [T],
        value: impl Fn(T, usize) -> T + Sync,
    ) {
        self.for_each_range(plane, |rows, columns, lines| {
            for (y, line) in rows.zip(lines.chunks_exact_mut(self.width)) {
                let places = y * self.width + columns.start..;
                for (changed, at) in part_mut(line, columns).iter_mut().zip(places) {
                    *changed = value(*changed, at);
                }
            }
        });
    }

    /// Means of what `value` makes of each place over squares of 2 × `radius` + 1 pixels, cut at the borders of the
    /// plane; `value` is asked outside the area too. Sums slide along and are kept in f64: covariances are small
    /// differences of them.
    pub(super) fn box_means<const N: usize>(
        &self,
        radius: usize,
        value: impl Fn(usize) -> [f32; N] + Sync,
    ) -> Vec<[f32; N]> {
        let mut means = vec![[0f32; N]; self.width * self.height];
        self.for_each_range(&mut means, |rows, columns, lines| {
            let read = self.wider(columns, radius);
            let mut sums = vec![[0f64; N]; read.len()];
            let change = |sums: &mut [[f64; N]], y: usize, sign: f64| {
                let places = y * self.width + read.start..;
                for (sums, at) in sums.iter_mut().zip(places) {
                    for (sum, value) in sums.iter_mut().zip(value(at)) {
                        *sum += sign * f64::from(value);
                    }
                }
            };
            let first = rows.start;
            let before = first.saturating_sub(radius)..(first + radius).min(self.height);
            before.for_each(|y| change(&mut sums, y, 1.0));
            for (y, line) in rows.zip(lines.chunks_exact_mut(self.width)) {
                if y + radius < self.height {
                    change(&mut sums, y + radius, 1.0);
                }
                if let Some(leaving) = y.checked_sub(radius + 1).filter(|_| y > first) {
                    change(&mut sums, leaving, -1.0);
                }
                let count = (y + radius + 1).min(self.height) - y.saturating_sub(radius);
                let margins = (columns.start - read.start, read.end - columns.end);
                slide(&sums, radius, margins, count, part_mut(line, columns));
            }
        });
        means
    }

    /// The plane blurred by a Gaussian; what lies outside the plane is like its border.
    pub(super) fn blurred(&self, plane: &[f32], sigma_px: f32) -> Vec<f32> {
        let reach = (KERNEL_REACH * sigma_px).ceil() as usize;
        let kernel: Vec<f32> = (0..=2 * reach)
            .map(|at| at as f32 - reach as f32)
            .map(|off| (-off * off / (2.0 * sigma_px * sigma_px).max(f32::MIN_POSITIVE)).exp())
            .collect();
        let sum: f32 = kernel.iter().sum();
        let kernel: Vec<f32> = kernel.into_iter().map(|weight| weight / sum).collect();
        let mut blurred = vec![0f32; self.width * self.height];
        self.for_each_range(&mut blurred, |rows, columns, lines| {
            // Along the rows, then down the columns.
            let mut padded = vec![0f32; columns.len() + 2 * reach];
            let mut across = Vec::new();
            for y in 0..rows.len() + 2 * reach {
                let y = (rows.start + y).saturating_sub(reach).min(self.height - 1);
                for (at, to) in padded.iter_mut().enumerate() {
                    let x = (columns.start + at)
                        .saturating_sub(reach)
                        .min(self.width - 1);
                    *to = plane.get(y * self.width + x).copied().unwrap_or(0.0);
                }
                let mut line = vec![0f32; columns.len()];
                for (weight, from) in kernel.iter().zip(0..) {
                    add(&mut line, padded.get(from..).unwrap_or_default(), *weight);
                }
                across.push(line);
            }
            for (row, line) in lines.chunks_exact_mut(self.width).enumerate() {
                let near = across.iter().skip(row).zip(&kernel);
                let line = part_mut(line, columns);
                near.for_each(|(from, weight)| add(line, from, *weight));
            }
        });
        blurred
    }

    /// Ranges of columns with as much around them as a window needs.
    fn wider(&self, columns: &Range<usize>, radius: usize) -> Range<usize> {
        columns.start.saturating_sub(radius)..(columns.end + radius).min(self.width)
    }

    /// Calls `work` for each range of columns with its rows and their lines, which are as wide as the plane.
    fn for_each_range<T: Send>(
        &self,
        plane: &mut [T],
        work: impl Fn(Range<usize>, &Range<usize>, &mut [T]) + Sync,
    ) {
        let stripes = plane.par_chunks_mut((BLOCK * self.width).max(1));
        let stripes = stripes.zip(&self.stripes).enumerate();
        stripes.for_each(|(stripe, (lines, ranges))| {
            let rows = stripe * BLOCK..((stripe + 1) * BLOCK).min(self.height);
            for columns in ranges {
                work(rows.clone(), columns, lines);
            }
        });
    }
}

/// Ranges of columns where neighbouring blocks are set.
fn runs(blocks: &[bool], width: usize) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for block in blocks
        .iter()
        .zip(0..)
        .filter_map(|(set, at)| set.then_some(at))
    {
        let range = block * BLOCK..((block + 1) * BLOCK).min(width);
        match runs.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ => runs.push(range),
        }
    }
    runs
}

fn part_mut<'a, T>(line: &'a mut [T], columns: &Range<usize>) -> &'a mut [T] {
    line.get_mut(columns.clone()).unwrap_or_default()
}

fn add(line: &mut [f32], from: &[f32], weight: f32) {
    for (to, value) in line.iter_mut().zip(from) {
        *to += weight * value;
    }
}

/// A row of means from the sums of its columns, each over `rows` pixels. There are as many more columns before and
/// behind the row as the margins say.
fn slide<const N: usize>(
    columns: &[[f64; N]],
    radius: usize,
    (before, behind): (usize, usize),
    rows: usize,
    means: &mut [[f32; N]],
) {
    let mut window = [0f64; N];
    let add = |window: &mut [f64; N], column: Option<&[f64; N]>, sign: f64| {
        for (sum, value) in window.iter_mut().zip(column.into_iter().flatten()) {
            *sum += sign * value;
        }
    };
    let (first, count) = (before, means.len());
    for column in columns.iter().take(first + radius) {
        add(&mut window, Some(column), 1.0);
    }
    let mut width = columns.len().min(first + radius);
    for (x, mean) in (first..).zip(means) {
        if let Some(entering) = columns.get(x + radius) {
            add(&mut window, Some(entering), 1.0);
            width += 1;
        }
        if let Some(leaving) = x.checked_sub(radius + 1) {
            add(&mut window, columns.get(leaving), -1.0);
            width -= 1;
        }
        let share = 1.0 / (rows * width).max(1) as f64;
        *mean = window.map(|sum| (sum * share) as f32);
    }
    debug_assert_eq!(columns.len(), first + count + behind);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(at: usize) -> f32 {
        (at as f32 * 0.737).sin()
    }

    /// Extents, a radius, and which pixels are worked on.
    type Case = (u32, u32, usize, fn(usize) -> bool);
    const CASES: [Case; 6] = [
        (7, 5, 2, |_| true),
        (40, 70, 3, |_| true),
        (3, 2, 9, |_| true),
        (1, 100, 1, |_| true),
        (150, 140, 4, |at| at == 70 * 150 + 75),
        (200, 90, 5, |at| at % 200 > 190 || at < 40),
    ];

    #[test]
    fn box_means_agree_with_their_definition_and_cost_nothing_elsewhere() {
        for (width, height, radius, is_in) in CASES {
            let area = Area::around(Extent::new(width, height), 3, is_in);
            let means = area.box_means(radius, |at| [wave(at)]);
            let (width, height) = (width as usize, height as usize);
            for (at, [mean]) in means.iter().enumerate() {
                let (x, y) = (at % width, at / width);
                let (mut sum, mut count) = (0f64, 0.0);
                for row in y.saturating_sub(radius)..(y + radius + 1).min(height) {
                    for column in x.saturating_sub(radius)..(x + radius + 1).min(width) {
                        sum += f64::from(wave(row * width + column));
                        count += 1.0;
                    }
                }
                let is_made = *mean != 0.0;
                assert!(is_made || !is_in(at), "{at} of {width} × {height}");
                assert!(
                    !is_made || (f64::from(*mean) - sum / count).abs() < 1e-6,
                    "{at}"
                );
            }
        }
        let few = Area::around(Extent::new(150, 140), 3, |at| at == 70 * 150 + 75);
        let made = few
            .box_means(1, |_| [1.0])
            .into_iter()
            .filter(|[mean]| *mean > 0.0);
        assert_eq!(made.count(), 32 * 32);
    }

    #[test]
    fn a_point_is_blurred_to_a_bell_that_keeps_its_sum() {
        let extent = Extent::new(90, 80);
        let mut plane = vec![0f32; extent.len()];
        plane[40 * 90 + 45] = 1.0;
        let area = Area::around(extent, 20, |at| plane[at] > 0.0);
        let blurred = area.blurred(&plane, 3.0);
        assert!((blurred.iter().sum::<f32>() - 1.0).abs() < 1e-4);
        let ratio = blurred[40 * 90 + 48] / blurred[40 * 90 + 45];
        assert!((ratio - (-0.5f32).exp()).abs() < 1e-4, "{ratio}");
        let ratio = blurred[43 * 90 + 45] / blurred[40 * 90 + 45];
        assert!((ratio - (-0.5f32).exp()).abs() < 1e-4, "{ratio}");
        // One value everywhere stays, at the borders too.
        let everywhere = Area::around(extent, 0, |_| true);
        let same = everywhere.blurred(&vec![0.25; extent.len()], 2.0);
        assert!(same.iter().all(|value| (value - 0.25).abs() < 1e-6));
    }

    #[test]
    fn an_area_reaches_as_far_as_it_should() {
        let extent = Extent::new(100, 100);
        let count = |reach| {
            let area = Area::around(extent, reach, |at| at == 50 * 100 + 50);
            area.made(|_| 1u8)
                .into_iter()
                .filter(|made| *made == 1)
                .count()
        };
        assert_eq!(count(0), 32 * 32);
        assert_eq!(count(13), 32 * 32);
        assert_eq!(count(14), 64 * 64);
        assert_eq!(count(50), 100 * 100);
    }
}

//! Connected parts of a mask, found row by row: pieces of rows that touch are one part
//! (union-find over runs; Rosenfeld & Pfaltz, “Sequential Operations in Digital Picture Processing”, 1966).

use crate::raster::Mask;

/// Pixels of a row from `from` to before `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) y: u32,
    pub(super) from: u32,
    pub(super) to: u32,
    /// The part it belongs to, as an index of [`Components::parts`].
    pub(super) part: u32,
}

/// A connected part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Part {
    /// Pixels.
    pub(super) area: u64,
    /// It reaches the border of the picture.
    pub(super) is_at_border: bool,
}

/// Which pixels are joined by a side, and which by a corner too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Joined {
    BySides,
    ByCorners,
}

/// The connected parts of a mask.
#[derive(Debug, Default)]
pub(super) struct Components {
    /// Row by row, from left to right.
    pub(super) runs: Vec<Run>,
    pub(super) parts: Vec<Part>,
}

impl Components {
    /// The parts of those pixels of the mask for which `is_in` holds.
    pub(super) fn of(mask: &Mask, joined: Joined, is_in: impl Fn(u8) -> bool) -> Self {
        let extent = mask.extent();
        let mut runs: Vec<Run> = Vec::new();
        let mut parent: Vec<u32> = Vec::new();
        let (mut above, mut row_begins) = (0, 0);
        for y in 0..extent.height {
            mask.visit_row(y, 0..extent.width, |x, values| {
                add_runs(&mut runs, (x, y), values, &is_in);
            });
            parent.extend(parent.len() as u32..runs.len() as u32);
            join(&runs, &mut parent, above..row_begins, joined);
            (above, row_begins) = (row_begins, runs.len());
        }
        let mut parts: Vec<Part> = Vec::new();
        let mut part_of_root = vec![u32::MAX; runs.len()];
        for (at, run) in runs.iter_mut().enumerate() {
            let root = root(&mut parent, at as u32) as usize;
            let Some(part) = part_of_root.get_mut(root) else {
                continue;
            };
            if *part == u32::MAX {
                *part = parts.len() as u32;
                parts.push(Part::default());
            }
            run.part = *part;
            if let Some(part) = parts.get_mut(*part as usize) {
                part.area += u64::from(run.to - run.from);
                part.is_at_border |= run.y == 0
                    || run.y + 1 == extent.height
                    || run.from == 0
                    || run.to == extent.width;
            }
        }
        Self { runs, parts }
    }

    /// The part that holds a pixel.
    pub(super) fn at(&self, x: u32, y: u32) -> Option<u32> {
        let after = self.runs.partition_point(|run| (run.y, run.from) <= (y, x));
        let run = self.runs.get(after.checked_sub(1)?)?;
        (run.y == y && x < run.to).then_some(run.part)
    }

    /// The runs of parts for which `is_meant` holds.
    pub(super) fn runs_of(
        &self,
        is_meant: impl Fn(u32, &Part) -> bool,
    ) -> impl Iterator<Item = &Run> {
        self.runs.iter().filter(move |run| {
            let part = self.parts.get(run.part as usize);
            part.is_some_and(|part| is_meant(run.part, part))
        })
    }
}

/// Appends the runs of a piece of a row that begins at `x`; goes on with the last run where it ends there.
fn add_runs(runs: &mut Vec<Run>, (x, y): (u32, u32), values: &[u8], is_in: &impl Fn(u8) -> bool) {
    let mut rest = values;
    let mut at = x;
    while !rest.is_empty() {
        let skipped = rest.iter().position(|value| is_in(*value));
        let Some(skipped) = skipped else {
            return;
        };
        rest = rest.get(skipped..).unwrap_or_default();
        at += skipped as u32;
        let length = rest.iter().position(|value| !is_in(*value));
        let length = length.unwrap_or(rest.len());
        let to = at + length as u32;
        match runs.last_mut().filter(|last| last.y == y && last.to == at) {
            Some(last) => last.to = to,
            None => runs.push(Run {
                y,
                from: at,
                to,
                part: 0,
            }),
        }
        rest = rest.get(length..).unwrap_or_default();
        at = to;
    }
}

/// Joins the runs of the last row with those above it.
fn join(runs: &[Run], parent: &mut [u32], above: std::ops::Range<usize>, joined: Joined) {
    let reach = u32::from(joined == Joined::ByCorners);
    let mut first_above = above.start;
    let begins = above.end;
    for (at, run) in runs.iter().enumerate().skip(begins) {
        let mut over = first_above;
        while let Some(upper) = runs.get(over).filter(|_| over < above.end) {
            // A row may have been empty.
            if upper.y + 1 != run.y || upper.to + reach <= run.from {
                over += 1;
                first_above = over;
                continue;
            }
            if upper.from >= run.to + reach {
                break;
            }
            unite(parent, over as u32, at as u32);
            // The next run of this row may touch it too.
            first_above = over;
            over += 1;
        }
    }
}

fn root(parent: &mut [u32], of: u32) -> u32 {
    let mut at = of;
    loop {
        let up = parent.get(at as usize).copied().unwrap_or(at);
        if up == at {
            return at;
        }
        let above = parent.get(up as usize).copied().unwrap_or(up);
        if let Some(slot) = parent.get_mut(at as usize) {
            *slot = above;
        }
        at = above;
    }
}

fn unite(parent: &mut [u32], a: u32, b: u32) {
    let (a, b) = (root(parent, a), root(parent, b));
    if let Some(slot) = parent.get_mut(a.max(b) as usize) {
        *slot = a.min(b);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Extent;
    use crate::raster::Tiled;
    use proptest::prelude::*;

    /// Labels by plain flooding.
    fn flooded(extent: Extent, is_in: &[bool], joined: Joined) -> Vec<Option<usize>> {
        let (width, height) = (extent.width as i32, extent.height as i32);
        let mut label = vec![None; is_in.len()];
        for start in 0..is_in.len() {
            if !is_in[start] || label[start].is_some() {
                continue;
            }
            let mut open = vec![start];
            label[start] = Some(start);
            while let Some(at) = open.pop() {
                let (x, y) = (at as i32 % width, at as i32 / width);
                for (dx, dy) in (-1..=1).flat_map(|dx| (-1..=1).map(move |dy| (dx, dy))) {
                    let is_corner = dx != 0 && dy != 0;
                    let (x, y) = (x + dx, y + dy);
                    let is_inside = (0..width).contains(&x) && (0..height).contains(&y);
                    if !is_inside || is_corner && joined == Joined::BySides {
                        continue;
                    }
                    let next = (y * width + x) as usize;
                    if is_in[next] && label[next].is_none() {
                        label[next] = Some(start);
                        open.push(next);
                    }
                }
            }
        }
        label
    }

    proptest! {
        #[test]
        fn parts_are_those_of_plain_flooding(
            (width, height, is_in) in (1u32..30, 1u32..30).prop_flat_map(|(w, h)| {
                (Just(w), Just(h), prop::collection::vec(prop::bool::weighted(0.55), (w * h) as usize))
            }),
            corners in any::<bool>(),
        ) {
            let extent = Extent::new(width, height);
            let joined = if corners { Joined::ByCorners } else { Joined::BySides };
            let values: Vec<u8> = is_in.iter().map(|is| if *is { 255 } else { 0 }).collect();
            let mask = Tiled::from_pixels(extent, &values, 0);
            let found = Components::of(&mask, joined, |value| value > 127);
            let wanted = flooded(extent, &is_in, joined);
            let mut names = std::collections::BTreeMap::new();
            for (at, wanted) in wanted.iter().enumerate() {
                let (x, y) = (at as u32 % width, at as u32 / width);
                let part = found.at(x, y);
                prop_assert_eq!(part.is_some(), wanted.is_some());
                if let (Some(part), Some(wanted)) = (part, wanted) {
                    prop_assert_eq!(*names.entry(part).or_insert(*wanted), *wanted);
                }
            }
            let area: u64 = found.parts.iter().map(|part| part.area).sum();
            prop_assert_eq!(area, is_in.iter().filter(|is| **is).count() as u64);
            let kinds: std::collections::BTreeSet<_> = wanted.iter().flatten().collect();
            prop_assert_eq!(found.parts.len(), kinds.len());
        }
    }

    #[test]
    fn runs_go_on_across_tiles_and_borders_are_known() {
        let mut mask = Tiled::filled(Extent::new(600, 300), 0u8);
        mask.update(crate::geometry::Rect::new(100, 50, 400, 2), |_, _| 255);
        mask.update(crate::geometry::Rect::new(0, 200, 5, 5), |_, _| 255);
        let found = Components::of(&mask, Joined::BySides, |value| value > 127);
        assert_eq!(found.runs.len(), 7);
        let parts: Vec<_> = found
            .parts
            .iter()
            .map(|p| (p.area, p.is_at_border))
            .collect();
        assert_eq!(parts, [(800, false), (25, true)]);
    }
}

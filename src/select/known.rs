//! [`Known`]: where a map is sure of what it says.

use crate::geometry::Extent;

/// Between these the map is not sure.
const SURE_OUTSIDE: f32 = 0.05;
const SURE_INSIDE: f32 = 0.95;

/// What is known of a pixel of the proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    Outside,
    Inside,
    /// In the band.
    Unsure,
}

impl Known {
    /// How much of the subject such a pixel is: what `asked` says, where it is not known.
    pub(super) fn or(self, asked: impl FnOnce() -> f32) -> f32 {
        match self {
            Self::Outside => 0.0,
            Self::Inside => 1.0,
            Self::Unsure => asked(),
        }
    }
}

/// Where the map is sure, farther than `reach` pixels from where it is not.
pub(super) fn known(map: &[f32], extent: Extent, reach: usize) -> Vec<Known> {
    let width = (extent.width as usize).max(1);
    let unsure: Vec<bool> = map
        .iter()
        .map(|v| (SURE_OUTSIDE..=SURE_INSIDE).contains(v))
        .collect();
    // A square is two lines: along the rows, then along the columns.
    let mut along_rows = unsure.clone();
    for (wide, row) in along_rows.chunks_mut(width).zip(unsure.chunks(width)) {
        widen(
            row.len(),
            reach,
            |x| row.get(x) == Some(&true),
            |x| {
                if let Some(wide) = wide.get_mut(x) {
                    *wide = true;
                }
            },
        );
    }
    let mut both = along_rows.clone();
    for x in 0..width {
        widen(
            extent.height as usize,
            reach,
            |y| along_rows.get(y * width + x) == Some(&true),
            |y| {
                if let Some(wide) = both.get_mut(y * width + x) {
                    *wide = true;
                }
            },
        );
    }
    let pixels = both.into_iter().zip(map);
    pixels
        .map(|(is_unsure, value)| match value {
            _ if is_unsure => Known::Unsure,
            v if *v > 0.5 => Known::Inside,
            _ => Known::Outside,
        })
        .collect()
}

/// Sets all places of a line within `reach` of one that is set.
fn widen(len: usize, reach: usize, is_set: impl Fn(usize) -> bool, mut set: impl FnMut(usize)) {
    let mut done = 0;
    for at in (0..len).filter(|at| is_set(*at)) {
        let end = (at + reach + 1).min(len);
        (done.max(at.saturating_sub(reach))..end).for_each(&mut set);
        done = done.max(end);
    }
}

//! Levels that were meant as 0 and 255, and noise that lossy compression put around hard edges.

use crate::geometry::Extent;
use crate::raster::snapped_to_ends;

/// Where video keeps black and white (ITU-R BT.601: 16 and 235), with room for rounding.
const VIDEO_BLACK: std::ops::RangeInclusive<u8> = 9..=32;
const VIDEO_WHITE: std::ops::RangeInclusive<u8> = 223..=246;
/// How far from an edge JPEG and WebP leave traces of it: the side of a block of the transform.
const BLOCK_PX: u32 = 8;

/// Stretches masks of 0 and 1, and those in video range, to 0…255; true when it did. Everything
/// else is meant as it is: a mask that is at most half painted asks for half the strength.
pub(super) fn stretch(coverage: &mut [u8]) -> bool {
    let least = coverage.iter().copied().min().unwrap_or(0);
    let most = coverage.iter().copied().max().unwrap_or(0);
    if most == 1 {
        for c in coverage {
            *c *= 255;
        }
        return true;
    }
    if !VIDEO_BLACK.contains(&least) || !VIDEO_WHITE.contains(&most) {
        return false;
    }
    let (least, range) = (u32::from(least), u32::from(most - least));
    for c in coverage {
        *c = (((u32::from(*c) - least) * 255 + range / 2) / range) as u8;
    }
    true
}

/// True when every pixel means "not at all" or "fully".
pub(super) fn is_hard(coverage: &[u8]) -> bool {
    !coverage.iter().any(|c| is_grey(*c))
}

/// True when the greys of a mask are antialiased edges: they lie beside its edges only.
pub(super) fn is_antialiased(coverage: &[u8], extent: Extent) -> bool {
    let beside = near(&edges(coverage, extent), extent, 1);
    let mut greys = coverage.iter().zip(&beside).filter(|(c, _)| is_grey(**c));
    greys.all(|(_, is_beside)| *is_beside)
}

fn is_grey(coverage: u8) -> bool {
    !matches!(snapped_to_ends(coverage), 0 | 255)
}

/// Makes a mask hard again that was so before it went through a lossy format, whatever file it lies
/// in now; true when it did.
///
/// Such a mask changes from one end to the other within a pixel or so, and has faint greys as far
/// from its edges as a block reaches and no farther. Antialiased edges have greys only beside the
/// edge, soft paint has many middle greys, and thin paint is one grey all over: those stay.
pub(super) fn remove_compression_noise(coverage: &mut [u8], extent: Extent) -> bool {
    if !coverage.iter().any(|c| is_grey(*c)) {
        return false;
    }
    let on_edge = edges(coverage, extent);
    let edge_len = on_edge.iter().filter(|on| **on).count();
    let middle = coverage.iter().filter(|c| (64..192).contains(*c)).count();
    // Both sides of an edge are on it: up to 1.2 middle greys across it.
    if middle * 10 > edge_len * 6 {
        return false;
    }
    let beside = near(&on_edge, extent, 1);
    let within_block = near(&on_edge, extent, BLOCK_PX);
    let mut is_noisy = false;
    // Pixels near edges, and those of them that are grey, on the dark side and on the bright one.
    let (mut near_edges, mut greys_there) = ([0usize; 2], [0usize; 2]);
    for ((c, beside), within) in coverage.iter().zip(&beside).zip(&within_block) {
        let side = usize::from(*c >= 128);
        let (is_grey, counts) = (
            is_grey(*c),
            near_edges.get_mut(side).zip(greys_there.get_mut(side)),
        );
        if is_grey && !within {
            return false;
        }
        if let Some((near, greys)) = counts {
            *near += usize::from(*within);
            *greys += usize::from(is_grey);
        }
        is_noisy |= is_grey && !beside;
    }
    let is_scattered = near_edges
        .iter()
        .zip(greys_there)
        .all(|(near, greys)| greys * 4 <= *near * 3);
    if !is_noisy || !is_scattered {
        return false;
    }
    for c in coverage {
        *c = if *c < 128 { 0 } else { 255 };
    }
    true
}

/// Pixels with a neighbour on the other side of the middle.
fn edges(coverage: &[u8], extent: Extent) -> Vec<bool> {
    let width = extent.width.max(1) as usize;
    let mut on_edge = vec![false; coverage.len()];
    let mut mark = |a: usize, b: usize| {
        if let (Some(p), Some(q)) = (coverage.get(a), coverage.get(b))
            && (*p < 128) != (*q < 128)
        {
            for i in [a, b] {
                if let Some(on) = on_edge.get_mut(i) {
                    *on = true;
                }
            }
        }
    };
    for i in 0..coverage.len() {
        if (i + 1) % width != 0 {
            mark(i, i + 1);
        }
        mark(i, i + width);
    }
    on_edge
}

/// Pixels with a marked one at most `radius_px` away, across or down (Chebyshev distance).
fn near(marked: &[bool], extent: Extent, radius_px: u32) -> Vec<bool> {
    let (width, height) = (extent.width.max(1) as usize, extent.height as usize);
    let mut rows = vec![false; marked.len()];
    for (from, to) in marked.chunks_exact(width).zip(rows.chunks_exact_mut(width)) {
        spread(from.iter().copied(), radius_px, |x| {
            if let Some(on) = to.get_mut(x) {
                *on = true;
            }
        });
    }
    let mut both = vec![false; marked.len()];
    for x in 0..width {
        let column = (0..height).map(|y| rows.get(y * width + x).copied().unwrap_or(false));
        spread(column, radius_px, |y| {
            if let Some(on) = both.get_mut(y * width + x) {
                *on = true;
            }
        });
    }
    both
}

/// Calls `mark` for every place at most `radius` from a marked one of a line.
fn spread(line: impl Iterator<Item = bool>, radius: u32, mut mark: impl FnMut(usize)) {
    let radius = radius as usize;
    let mut done = 0;
    for (i, is_marked) in line.enumerate() {
        if is_marked {
            for place in done.max(i.saturating_sub(radius))..=i + radius {
                mark(place);
            }
            done = i + radius + 1;
        }
    }
}

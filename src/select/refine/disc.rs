//! Moving an edge: each pixel becomes the greatest value within a disc, or the least (grey dilation and
//! erosion; Serra, “Image Analysis and Mathematical Morphology”, 1982).
//!
//! A disc is a stack of rows. The greatest value of a window grows out of that of the next smaller one, so that
//! each row of the picture is widened once for all rows of the disc, a whole row at a time.

use super::PartOf;

/// Discs a little larger than the radius, by the mean of which round edges are smooth; none reaches farther
/// along rows and columns, so that straight edges stay as sharp as they were.
const LARGER: [f32; 4] = [0.0, 0.25, 0.5, 0.75];

/// The part with its edge `radius_px` further out, or in.
pub(super) fn moved(part: &PartOf<'_>, radius_px: u32, shrinks: bool) -> Vec<u8> {
    let turned = |value: u8| if shrinks { 255 - value } else { value };
    let width = part.rect.width as usize;
    let count = width * part.rect.height as usize;
    let mut sums = vec![0u16; count];
    for larger in LARGER {
        let greatest = greatest(part, radius_px, radius_px as f32 + larger, turned);
        for (sum, value) in sums.iter_mut().zip(greatest) {
            *sum += u16::from(value);
        }
    }
    let discs = LARGER.len() as u16;
    let mean = |sum: u16| ((sum + discs / 2) / discs) as u8;
    sums.into_iter().map(|sum| turned(mean(sum))).collect()
}

/// The greatest values within discs. Beyond the border of the picture there is nothing.
fn greatest(part: &PartOf<'_>, rows: u32, radius: f32, turned: impl Fn(u8) -> u8) -> Vec<u8> {
    let (rect, around) = (part.rect, part.around);
    let width = rect.width as usize;
    let mut result = vec![0u8; width * rect.height as usize];
    let known = around.width as usize;
    let rows = rows as i32;
    // Half the width of the disc at each height, from its top to its middle.
    let half: Vec<u32> = (0..=rows)
        .rev()
        .map(|dy| (radius * radius - (dy * dy) as f32).max(0.0).sqrt() as u32)
        .collect();
    // With a column at either side in which nothing is.
    let mut window = vec![0u8; known + 2];
    let mut wider = vec![0u8; known + 2];
    for y in around.y..around.bottom() {
        window.fill(0);
        let inner = window.iter_mut().skip(1);
        for (value, from) in inner.zip(part.row(y)) {
            *value = turned(*from);
        }
        let mut reach = 0;
        for (dy, half) in (0..=rows).rev().zip(&half) {
            while reach < *half {
                widen(&window, &mut wider);
                std::mem::swap(&mut window, &mut wider);
                reach += 1;
            }
            let wanted = window.get(part.left() + 1..).unwrap_or_default();
            let below = (dy != 0).then_some(y + dy);
            for target in [Some(y - dy), below].into_iter().flatten() {
                let row = target - rect.y;
                if !(0..rect.height as i32).contains(&row) {
                    continue;
                }
                let from = row as usize * width;
                let into = result.get_mut(from..from + width).unwrap_or_default();
                for (value, other) in into.iter_mut().zip(wanted) {
                    *value = (*value).max(*other);
                }
            }
        }
    }
    result
}

/// The greatest of each pixel and its two neighbours.
fn widen(window: &[u8], wider: &mut [u8]) {
    let [left, middle, right] = [0, 1, 2].map(|from| window.get(from..).unwrap_or_default());
    let inner = wider.get_mut(1..).unwrap_or_default();
    let pixels = inner.iter_mut().zip(left).zip(middle).zip(right);
    for (((value, left), middle), right) in pixels {
        *value = (*left).max(*middle).max(*right);
    }
}

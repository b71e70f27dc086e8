//! Medians over discs: corners are rounded and bays filled, soft edges stay soft.
//!
//! A histogram slides along each row (Huang, Yang & Tang, “A fast two-dimensional median filtering algorithm”,
//! IEEE Trans. ASSP 27, 1979).

use super::PartOf;

/// The median of the pixels within a disc around each pixel; beyond the border of the picture its outermost
/// pixels go on.
pub(super) fn of_discs(part: &PartOf<'_>, radius_px: u32) -> Vec<u8> {
    let rect = part.rect;
    let radius = radius_px as i32;
    let half: Vec<i32> = (-radius..=radius)
        .map(|dy| ((radius * radius - dy * dy) as f32).sqrt() as i32)
        .collect();
    let count: i32 = half.iter().map(|half| 2 * half + 1).sum();
    let mut result = Vec::with_capacity(rect.extent().len());
    for y in rect.y..rect.bottom() {
        let rows: Vec<(&[u8], i32)> = (y - radius..=y + radius)
            .map(|y| part.row(y))
            .zip(half.iter().copied())
            .collect();
        let mut window = Window::new(count / 2);
        let first = part.left() as i32;
        for (row, half) in &rows {
            for x in first - half..=first + half {
                window.add(pixel(row, x));
            }
        }
        for x in first..first + rect.width as i32 {
            result.push(window.median());
            for (row, half) in &rows {
                window.exchange(pixel(row, x - half), pixel(row, x + half + 1));
            }
        }
    }
    result
}

fn pixel(row: &[u8], x: i32) -> u8 {
    let last = row.len().saturating_sub(1) as i32;
    row.get(x.clamp(0, last) as usize).copied().unwrap_or(0)
}

/// A histogram that knows where its middle is.
struct Window {
    counts: [i32; 256],
    /// How many values lie below the median.
    rank: i32,
    median: usize,
    /// How many are less than `median`.
    below: i32,
}

impl Window {
    fn new(rank: i32) -> Self {
        Self {
            counts: [0; 256],
            rank,
            median: 0,
            below: 0,
        }
    }

    fn add(&mut self, value: u8) {
        self.change(value, 1);
    }

    fn exchange(&mut self, out: u8, into: u8) {
        if out != into {
            self.change(out, -1);
            self.change(into, 1);
        }
    }

    fn change(&mut self, value: u8, by: i32) {
        let value = usize::from(value);
        if let Some(count) = self.counts.get_mut(value) {
            *count += by;
        }
        if value < self.median {
            self.below += by;
        }
    }

    fn count(&self, value: usize) -> i32 {
        self.counts.get(value).copied().unwrap_or(0)
    }

    /// The value that has `rank` values before it.
    fn median(&mut self) -> u8 {
        while self.below > self.rank {
            self.median -= 1;
            self.below -= self.count(self.median);
        }
        while self.median < 255 && self.below + self.count(self.median) <= self.rank {
            self.below += self.count(self.median);
            self.median += 1;
        }
        self.median as u8
    }
}

//! Max pooling of 2 × 2 pixels.

use rayon::prelude::*;

/// Rows, columns and channels of one picture, stored channels last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PictureSize {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) channels: usize,
}

impl PictureSize {
    /// Numbers it has.
    pub(crate) fn len(self) -> usize {
        self.rows * self.columns * self.channels
    }
}

/// The largest of each 2 × 2 pixels, channel by channel: half as many rows and columns, rounded up; at odd
/// borders of fewer pixels (PyTorch's `ceil_mode`).
pub(crate) fn max_pool_halved(from: &[f32], size: PictureSize) -> Vec<f32> {
    let PictureSize {
        rows,
        columns,
        channels,
    } = size;
    assert_eq!(from.len(), size.len());
    let (rows_out, columns_out) = (rows.div_ceil(2), columns.div_ceil(2));
    let mut pooled = vec![0.0; rows_out * columns_out * channels];
    if pooled.is_empty() {
        return pooled;
    }
    let row = columns * channels;
    let lines = pooled.par_chunks_mut(columns_out * channels).enumerate();
    lines.for_each(|(y, line)| {
        let upper = &from[2 * y * row..][..row];
        let lower = &from[(2 * y + 1).min(rows - 1) * row..][..row];
        for (x, pixel) in line.chunks_exact_mut(channels).enumerate() {
            let left = 2 * x * channels;
            let right = (2 * x + 1).min(columns - 1) * channels;
            let under = [
                &upper[left..],
                &upper[right..],
                &lower[left..],
                &lower[right..],
            ]
            .map(|pixel| &pixel[..channels]);
            for (channel, largest) in pixel.iter_mut().enumerate() {
                let [a, b, c, d] = under.map(|pixel| pixel[channel]);
                *largest = a.max(b).max(c.max(d));
            }
        }
    });
    pooled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_borders_are_pooled_of_what_there_is() {
        let size = |rows, columns, channels| PictureSize {
            rows,
            columns,
            channels,
        };
        // Two channels: the second one is the first one's negative.
        let numbers = [1.0, 5.0, 3.0, 2.0, 4.0, 9.0, 7.0, 8.0, 6.0];
        let both: Vec<f32> = numbers.iter().flat_map(|v| [*v, -v]).collect();
        let pooled = max_pool_halved(&both, size(3, 3, 2));
        assert_eq!(pooled, [5.0, -1.0, 9.0, -3.0, 8.0, -7.0, 6.0, -6.0]);
        assert_eq!(max_pool_halved(&[3.0], size(1, 1, 1)), [3.0]);
        assert_eq!(max_pool_halved(&[], size(0, 0, 4)), [0.0; 0]);
    }
}

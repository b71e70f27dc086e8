//! Bilinear resizing of pictures.

use rayon::prelude::*;

use super::max_pool::PictureSize;

/// A row or column of the result: between which two of the input, and how far towards the second.
#[derive(Debug, Clone, Copy)]
struct Between {
    first: usize,
    second: usize,
    share: f32,
}

/// `from` at that many rows and columns, bilinear, exact at pixel centres (PyTorch's `align_corners=False`).
/// For enlarging: each pixel is made of four.
pub(crate) fn upsample_bilinear(
    from: &[f32],
    size: PictureSize,
    (rows, columns): (usize, usize),
) -> Vec<f32> {
    assert_eq!(from.len(), size.len());
    let channels = size.channels;
    let mut enlarged = vec![0.0; rows * columns * channels];
    if enlarged.is_empty() || from.is_empty() {
        return enlarged;
    }
    let across = between(size.columns, columns);
    let down = between(size.rows, rows);
    let row = size.columns * channels;
    let lines = enlarged.par_chunks_mut(columns * channels).zip(down);
    lines.for_each(|(line, down)| {
        let upper = &from[down.first * row..][..row];
        let lower = &from[down.second * row..][..row];
        for (pixel, across) in line.chunks_exact_mut(channels).zip(&across) {
            let of = |line| pair(line, *across, channels);
            let ((a, b), (c, d)) = (of(upper), of(lower));
            for (channel, value) in pixel.iter_mut().enumerate() {
                let above = a[channel] + (b[channel] - a[channel]) * across.share;
                let below = c[channel] + (d[channel] - c[channel]) * across.share;
                *value = above + (below - above) * down.share;
            }
        }
    });
    enlarged
}

fn pair(line: &[f32], across: Between, channels: usize) -> (&[f32], &[f32]) {
    let pixel = |at: usize| &line[at * channels..][..channels];
    (pixel(across.first), pixel(across.second))
}

fn between(from: usize, to: usize) -> Vec<Between> {
    let step = from as f32 / to.max(1) as f32;
    let last = from.saturating_sub(1);
    (0..to)
        .map(|at| {
            let position = ((at as f32 + 0.5) * step - 0.5).max(0.0);
            let first = (position as usize).min(last);
            Between {
                first,
                second: (first + 1).min(last),
                share: position - first as f32,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ramp_stays_a_ramp_and_borders_repeat() {
        let size = PictureSize {
            rows: 2,
            columns: 2,
            channels: 1,
        };
        let enlarged = upsample_bilinear(&[0.0, 4.0, 8.0, 12.0], size, (4, 4));
        let rows: Vec<f32> = enlarged.iter().step_by(4).copied().collect();
        assert_eq!(enlarged[..4], [0.0, 1.0, 3.0, 4.0]);
        assert_eq!(rows, [0.0, 2.0, 6.0, 8.0]);
        let same = upsample_bilinear(&[1.0, 2.0, 3.0, 4.0], size, (2, 2));
        assert_eq!(same, [1.0, 2.0, 3.0, 4.0]);
    }

    #[test]
    fn sizes_that_do_not_divide_agree_with_pytorch() {
        // torch.nn.functional.interpolate(torch.tensor([[[1., 2, 4]]]), 5, mode="linear")
        let size = PictureSize {
            rows: 1,
            columns: 3,
            channels: 1,
        };
        let enlarged = upsample_bilinear(&[1.0, 2.0, 4.0], size, (1, 5));
        for (got, wanted) in enlarged.iter().zip([1.0, 1.4, 2.0, 3.2, 4.0]) {
            assert!((got - wanted).abs() < 1e-6, "{enlarged:?}");
        }
    }
}

//! Concatenation of channels (skip connections): the rows of two matrices side by side.

use rayon::prelude::*;

use super::output::UninitBuffer;

/// Rows of a task.
const ROWS_PER_TASK: usize = 256;

/// `(rows, width of a + width of b)` of `(rows, width)` each: the channels of `a` before those of `b`.
#[expect(unsafe_code, reason = "a result that is written in parts")]
pub(crate) fn concat_channels([a, b]: [&[f32]; 2], widths: [usize; 2]) -> Vec<f32> {
    let [width_a, width_b] = widths;
    let width = width_a + width_b;
    if width == 0 {
        return Vec::new();
    }
    let rows = (a.len() + b.len()) / width;
    assert_eq!([a.len(), b.len()], widths.map(|width| rows * width));
    let mut output = UninitBuffer::new(rows * width);
    let tasks = output.elements().par_chunks_mut(ROWS_PER_TASK * width);
    tasks.enumerate().for_each(|(task, to)| {
        for (row, to) in (task * ROWS_PER_TASK..).zip(to.chunks_exact_mut(width)) {
            let (to_a, to_b) = to.split_at_mut(width_a);
            to_a.write_copy_of_slice(&a[row * width_a..][..width_a]);
            to_b.write_copy_of_slice(&b[row * width_b..][..width_b]);
        }
    });
    // SAFETY: every row was in a task, and both its parts were written.
    unsafe { output.assume_init() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_lie_side_by_side() {
        for (rows, widths) in [(0, [2, 3]), (1, [1, 1]), (3, [0, 2]), (601, [3, 5])] {
            let numbers = |from: usize, width: usize| -> Vec<f32> {
                (0..rows * width).map(|at| (from + at) as f32).collect()
            };
            let (a, b) = (numbers(0, widths[0]), numbers(10_000, widths[1]));
            let mut expected = Vec::new();
            for row in 0..rows {
                expected.extend_from_slice(&a[row * widths[0]..][..widths[0]]);
                expected.extend_from_slice(&b[row * widths[1]..][..widths[1]]);
            }
            assert_eq!(concat_channels([&a, &b], widths), expected);
        }
    }
}

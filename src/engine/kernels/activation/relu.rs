//! Rectifiers: what is below 0 is cut off or made smaller.

use rayon::prelude::*;

/// Pixels of a task.
const PIXELS_PER_TASK: usize = 1024;

/// What becomes of a negative number.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Rectifier<'a> {
    /// 0: ReLU.
    Zero,
    /// Multiplied by the slope of its channel: PReLU ([He et al. 2015](https://arxiv.org/abs/1502.01852)).
    Slopes(&'a [f32]),
}

/// Rectifies numbers of that many channels, the channels of a pixel side by side.
pub(crate) fn rectify(numbers: &mut [f32], channels: usize, rectifier: Rectifier<'_>) {
    let tasks = numbers.par_chunks_mut(PIXELS_PER_TASK * channels.max(1));
    match rectifier {
        Rectifier::Zero => tasks.for_each(|task| {
            for number in task {
                *number = number.max(0.0);
            }
        }),
        Rectifier::Slopes(slopes) => {
            assert_eq!(slopes.len(), channels);
            tasks.for_each(|task| {
                for pixel in task.chunks_exact_mut(channels) {
                    for (number, slope) in pixel.iter_mut().zip(slopes) {
                        *number = number.max(0.0) + slope * number.min(0.0);
                    }
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn negative_numbers_are_cut_off_or_scaled_by_channel() {
        let numbers = [-2.0, -2.0, 3.0, 4.0];
        let mut cut = numbers;
        rectify(&mut cut, 2, Rectifier::Zero);
        assert_eq!(cut, [0.0, 0.0, 3.0, 4.0]);
        let mut scaled = numbers;
        rectify(&mut scaled, 2, Rectifier::Slopes(&[0.5, -1.0]));
        assert_eq!(scaled, [-1.0, 2.0, 3.0, 4.0]);
    }
}

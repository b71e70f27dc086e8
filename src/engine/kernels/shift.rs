//! Shifts of whole pictures: a number for each channel of each picture is added to all its pixels.

use half::bf16;
use rayon::prelude::*;

use super::dtype::DtypeVec;

/// Pixels of a task.
const PIXELS_PER_TASK: usize = 1024;

/// Adds row n of `shifts`, `(pictures, channels)`, to every pixel of picture n, whose channels lie side by
/// side.
pub(crate) fn shift_pictures(numbers: &mut DtypeVec, shifts: &[f32], channels: usize) {
    match numbers {
        DtypeVec::F32(numbers) => add(numbers, shifts, channels, |number, shift| number + shift),
        DtypeVec::Bf16(numbers) => add(numbers, shifts, channels, |number: bf16, shift| {
            bf16::from_f32(number.to_f32() + shift)
        }),
    }
}

fn add<T: Copy + Send>(
    numbers: &mut [T],
    shifts: &[f32],
    channels: usize,
    sum: impl Fn(T, f32) -> T + Sync,
) {
    let pictures = shifts.len() / channels.max(1);
    assert_eq!(pictures * channels, shifts.len());
    let of_picture = numbers.len() / pictures.max(1);
    assert_eq!(of_picture * pictures, numbers.len());
    let pictures = numbers.chunks_exact_mut(of_picture.max(1));
    for (picture, shifts) in pictures.zip(shifts.chunks_exact(channels.max(1))) {
        let tasks = picture.par_chunks_mut(PIXELS_PER_TASK * channels);
        tasks.for_each(|task| {
            for pixel in task.chunks_exact_mut(channels) {
                for (number, shift) in pixel.iter_mut().zip(shifts) {
                    *number = sum(*number, *shift);
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_picture_gets_its_own_shift() {
        let numbers = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0];
        let shifts = [10.0, 20.0, -1.0, -2.0];
        let wanted = [11.0, 22.0, 13.0, 24.0, 4.0, 4.0, 6.0, 6.0];
        let mut wide = DtypeVec::F32(numbers.to_vec());
        shift_pictures(&mut wide, &shifts, 2);
        assert_eq!(wide.into_f32(), wanted);
        let mut narrow = DtypeVec::Bf16(numbers.map(bf16::from_f32).to_vec());
        shift_pictures(&mut narrow, &shifts, 2);
        assert_eq!(narrow.into_f32(), wanted);
    }
}

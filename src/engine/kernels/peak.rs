//! What the processor can do at most: multiplications and additions of numbers that never leave the
//! registers.

use std::sync::Barrier;
use std::time::Instant;

use pulp::{Simd, WithSimd};

use super::isa::Isa;

/// Vectors summed side by side: more than any processor has multiply-adds under way.
const SUMS: usize = 12;
/// Multiply-adds of each sum between two looks at the clock.
const ROUNDS: u64 = 1 << 22;
/// Bursts, of which the fastest counts: the machine has other work too.
const BURSTS: usize = 5;

/// The most a processor computes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Peak {
    /// The instruction set it was measured with: the one the kernels use.
    pub isa: &'static str,
    /// Multiplications and additions a second, all threads together.
    pub flops_per_second: f64,
}

/// Measures the peak of that many threads, with numbers of bf16 or of f32; some tenths of a second.
/// An error says which instruction sets there are, where another one is forced.
pub fn peak(threads: usize, in_bf16: bool) -> Result<Peak, String> {
    let isa = if in_bf16 {
        Isa::chosen_with_bf16()?
    } else {
        Isa::chosen()?.in_f32()
    };
    let of_a_round = match isa.bf16() {
        Some(bf16_isa) => bf16_isa.flops_per_round(),
        None => 2 * SUMS * isa.lanes(),
    };
    let of_all = of_a_round as f64 * ROUNDS as f64 * threads as f64;
    let flops_per_second = (0..BURSTS)
        .map(|_| of_all / seconds_of_a_burst(isa, threads))
        .fold(0.0, f64::max);
    Ok(Peak {
        isa: isa.name(),
        flops_per_second,
    })
}

/// The time from the common start of all threads until the last one is done.
fn seconds_of_a_burst(isa: Isa, threads: usize) -> f64 {
    let start = Barrier::new(threads);
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    let clock = Instant::now();
                    std::hint::black_box(match isa.bf16() {
                        Some(bf16_isa) => bf16_isa.fma_rounds(ROUNDS),
                        None => isa.run(MultiplyAdds),
                    });
                    clock.elapsed().as_secs_f64()
                })
            })
            .collect();
        let seconds = running.into_iter().filter_map(|thread| thread.join().ok());
        seconds.fold(f64::MIN_POSITIVE, f64::max)
    })
}

/// `SUMS` vectors, each multiplied and added to `ROUNDS` times.
struct MultiplyAdds;

impl WithSimd for MultiplyAdds {
    type Output = f32;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f32 {
        // Falls towards 1 and stays there: neither overflow nor subnormal numbers.
        let factor = simd.splat_f32s(std::hint::black_box(0.5));
        let shift = simd.splat_f32s(std::hint::black_box(0.5));
        let mut sums = [simd.splat_f32s(std::hint::black_box(2.0)); SUMS];
        for _ in 0..ROUNDS {
            for sum in &mut sums {
                *sum = simd.mul_add_e_f32s(*sum, factor, shift);
            }
        }
        let mut all = simd.splat_f32s(0.0);
        for sum in sums {
            all = simd.add_f32s(all, sum);
        }
        simd.reduce_sum_f32s(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_processor_is_slower_than_a_hundred_million_or_faster_than_ten_trillion() {
        let one = peak(1, false).unwrap();
        assert!((1e8..1e13).contains(&one.flops_per_second), "{one:?}");
        if let Ok(one) = peak(1, true) {
            assert!((1e8..1e13).contains(&one.flops_per_second), "{one:?}");
        }
    }

    #[test]
    fn the_sums_are_what_was_asked_for() {
        let isa = Isa::chosen().unwrap();
        let sum = isa.run(MultiplyAdds);
        assert_eq!(sum, (SUMS * isa.lanes()) as f32);
    }
}

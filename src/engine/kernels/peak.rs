//! The processor's peak FLOP/s: multiply-adds of register operands.

use std::sync::Barrier;
use std::time::Instant;

use pulp::{Simd, WithSimd};

use super::isa::Isa;

/// Independent accumulators: more than latency × throughput of any processor.
const ACCUMULATORS: usize = 12;
/// Multiply-adds of each accumulator in a burst.
const ROUNDS: u64 = 1 << 22;
/// Bursts, of which the fastest counts: the machine has other work too.
const BURSTS: usize = 5;

/// The processor's peak.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Peak {
    /// The ISA it was measured with: the one the kernels use.
    pub isa: &'static str,
    /// FLOP/s, all threads together.
    pub flops_per_second: f64,
}

/// Measures the peak of that many threads in bf16 or f32; some tenths of a second. An error says which
/// ISAs there are, where another one is forced.
pub fn peak(threads: usize, in_bf16: bool) -> Result<Peak, String> {
    let isa = if in_bf16 {
        Isa::chosen_with_bf16()?
    } else {
        Isa::chosen()?.in_f32()
    };
    let flops_per_round = match isa.bf16() {
        Some(bf16_isa) => bf16_isa.flops_per_round(),
        None => 2 * ACCUMULATORS * isa.lanes(),
    };
    let flops_per_burst = flops_per_round as f64 * ROUNDS as f64 * threads as f64;
    let flops_per_second = (0..BURSTS)
        .map(|_| flops_per_burst / seconds_of_a_burst(isa, threads))
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

/// `ROUNDS` multiply-adds of each accumulator.
struct MultiplyAdds;

impl WithSimd for MultiplyAdds {
    type Output = f32;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f32 {
        // Converges to 1: neither overflow nor subnormal numbers.
        let factor = simd.splat_f32s(std::hint::black_box(0.5));
        let shift = simd.splat_f32s(std::hint::black_box(0.5));
        let mut acc = [simd.splat_f32s(std::hint::black_box(2.0)); ACCUMULATORS];
        for _ in 0..ROUNDS {
            for acc in &mut acc {
                *acc = simd.mul_add_e_f32s(*acc, factor, shift);
            }
        }
        let mut all = simd.splat_f32s(0.0);
        for acc in acc {
            all = simd.add_f32s(all, acc);
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
    fn the_accumulators_are_as_many_as_counted() {
        let isa = Isa::chosen().unwrap();
        let acc = isa.run(MultiplyAdds);
        assert_eq!(acc, (ACCUMULATORS * isa.lanes()) as f32);
    }
}

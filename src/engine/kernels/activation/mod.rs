//! Activation functions of a vector: exp, SiLU, GELU. `avx512` has faster ones to bf16's digits.

#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512;
mod relu;

pub(crate) use relu::{Rectifier, rectify};

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::elementwise::update;
use super::isa::Isa;

/// Numbers of a task.
const NUMBERS_PER_TASK: usize = 1 << 14;

/// eˣ, after Cephes' `expf` (Moshier): within 2 units in the last place. Below −87 it is about the
/// smallest normal number, above 88 about the largest.
#[inline(always)]
pub(crate) fn exp<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    /// 1.5 · 2²³: adding it rounds to a whole number, which then stands in the lowest bits.
    const ROUNDER: f32 = 12_582_912.0;
    let splat = |number| simd.splat_f32s(number);
    let x = simd.max_f32s(simd.min_f32s(x, splat(88.0)), splat(-87.0));
    let rounded = simd.mul_add_f32s(x, splat(std::f32::consts::LOG2_E), splat(ROUNDER));
    let power = simd.sub_f32s(rounded, splat(ROUNDER));
    // ln 2 in two parts, the first of which has so few digits that its product is exact.
    let rest = simd.mul_add_f32s(power, splat(-0.693_359_4), x);
    let rest = simd.mul_add_f32s(power, splat(2.121_944_4e-4), rest);
    let mut series = splat(1.987_569_1e-4);
    for coefficient in [
        1.398_199_9e-3,
        8.333_452e-3,
        4.166_579_6e-2,
        1.666_666_5e-1,
        0.5,
    ] {
        series = simd.mul_add_f32s(series, rest, splat(coefficient));
    }
    let value = simd.mul_add_f32s(simd.mul_f32s(series, rest), rest, rest);
    let value = simd.add_f32s(value, splat(1.0));
    let whole = simd.transmute_u32s_f32s(rounded);
    let whole = simd.wrapping_dyn_shl_u32s(whole, simd.splat_u32s(23));
    let two_to_the_power = simd.add_u32s(whole, simd.splat_u32s(127 << 23));
    simd.mul_f32s(value, simd.transmute_f32s_u32s(two_to_the_power))
}

/// x · sigmoid(x), also called swish.
#[inline(always)]
pub(crate) fn silu<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let one = simd.splat_f32s(1.0);
    simd.div_f32s(x, simd.add_f32s(one, exp(simd, simd.neg_f32s(x))))
}

/// x · Φ(x), with the normal distribution's Φ in its exact form (not the tanh approximation), by
/// Abramowitz & Stegun 7.1.26: within 1.5e-7 of Φ.
#[inline(always)]
pub(crate) fn gelu<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let splat = |number| simd.splat_f32s(number);
    let one = splat(1.0);
    let z = simd.mul_f32s(simd.abs_f32s(x), splat(std::f32::consts::FRAC_1_SQRT_2));
    let t = simd.div_f32s(one, simd.mul_add_f32s(z, splat(0.327_591_1), one));
    let mut series = splat(1.061_405_4);
    for coefficient in [-1.453_152, 1.421_413_7, -0.284_496_74, 0.254_829_6] {
        series = simd.mul_add_f32s(series, t, splat(coefficient));
    }
    let falling = exp(simd, simd.neg_f32s(simd.mul_f32s(z, z)));
    let tail = simd.mul_f32s(simd.mul_f32s(splat(0.5), simd.mul_f32s(series, t)), falling);
    let below = simd.less_than_f32s(x, splat(0.0));
    let phi = simd.select_f32s(below, tail, simd.sub_f32s(one, tail));
    simd.mul_f32s(x, phi)
}

/// [`gelu`] of every number.
pub(crate) fn gelu_each(isa: Isa, numbers: &mut [f32]) {
    let tasks = numbers.par_chunks_mut(NUMBERS_PER_TASK);
    tasks.for_each(|numbers| isa.run(GeluEach(numbers)));
}

struct GeluEach<'a>(&'a mut [f32]);

impl WithSimd for GeluEach<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        update(
            simd,
            self.0,
            [],
            #[inline(always)]
            |x, []| gelu(simd, x),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::kernels::reference::phi;

    /// One of the functions of every number.
    struct Of<'a>(&'a mut [f32], &'static str);

    impl WithSimd for Of<'_> {
        type Output = ();
        fn with_simd<S: Simd>(self, simd: S) {
            update(simd, self.0, [], |x, []| match self.1 {
                "exp" => exp(simd, x),
                "silu" => silu(simd, x),
                _ => gelu(simd, x),
            });
        }
    }

    /// Compares with `expected` on every instruction isa, for −20 to 20 and `more`.
    fn check(
        name: &'static str,
        more: &[f32],
        expected: impl Fn(f64) -> f64,
        close: impl Fn(f64, f64) -> bool,
    ) {
        let axis: Vec<f32> = (-20_001..=20_000)
            .map(|x| x as f32 / 1000.0)
            .chain(more.iter().copied())
            .collect();
        for isa in Isa::all() {
            let mut values = axis.clone();
            isa.run(Of(&mut values, name));
            for (got, x) in values.iter().zip(&axis) {
                let expected = expected(f64::from(*x));
                let what = isa.name();
                assert!(
                    close(f64::from(*got), expected),
                    "{what}: {name}({x}) is {got}, not {expected}"
                );
            }
        }
    }

    #[test]
    fn exp_is_that_of_f64() {
        check(
            "exp",
            &[-87.0, -50.0, 50.0, 88.0],
            f64::exp,
            |got, expected| (got - expected).abs() < 3e-7 * expected,
        );
        check(
            "exp",
            &[-1e30, 1e30],
            |x| x.clamp(-87.0, 88.0).exp(),
            |got, expected| (got - expected).abs() < 3e-7 * expected,
        );
    }

    #[test]
    fn silu_is_that_of_f64() {
        check(
            "silu",
            &[-1e4, 1e4],
            |x| x / (1.0 + (-x).exp()),
            |got, expected| (got - expected).abs() < 1e-6 * expected.abs().max(1e-2),
        );
    }

    #[test]
    fn gelu_is_that_of_an_integral() {
        check(
            "gelu",
            &[],
            |x| x * phi(x),
            |got, expected| (got - expected).abs() < 2e-6,
        );
        let isa = Isa::portable();
        let axis: Vec<f32> = (0..NUMBERS_PER_TASK + 3)
            .map(|at| at as f32 / 1e3 - 8.0)
            .collect();
        let mut each = axis.clone();
        gelu_each(isa, &mut each);
        for (got, x) in each.iter().zip(&axis) {
            assert!(
                (f64::from(*got) - f64::from(*x) * phi(f64::from(*x))).abs() < 2e-6,
                "{x}"
            );
        }
    }
}

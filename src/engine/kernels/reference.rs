//! Reference functions and tolerances for the tests of the kernels.

/// Values between −1 and 1 that follow from `seed` alone (a linear congruential generator).
pub(crate) fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..count)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
        })
        .collect()
}

/// How far a result of `isa` may be from the exact one where f32 is within `of_f32`: bf16 has 8 digits.
pub(crate) fn tolerance(isa: super::Isa, of_f32: f64) -> f64 {
    match isa.bf16() {
        Some(_) => of_f32.max(5e-3),
        None => of_f32,
    }
}

/// Panics where `got` is further than `most` from `expected` in relative L2, or ten times as far in relative
/// L∞ (so that one wrong element is seen).
#[track_caller]
pub(crate) fn assert_close(got: &[f32], expected: &[f64], most: f64, what: &str) {
    assert_eq!(got.len(), expected.len(), "{what}");
    let mut square = 0.0;
    let mut difference = 0.0;
    let mut largest = 0.0f64;
    let mut furthest = 0.0f64;
    for (got, expected) in got.iter().zip(expected) {
        assert!(got.is_finite(), "{what}: {got} is not finite");
        let apart = f64::from(*got) - expected;
        square += expected * expected;
        difference += apart * apart;
        largest = largest.max(expected.abs());
        furthest = furthest.max(apart.abs());
    }
    let relative = (difference / square.max(1e-30)).sqrt();
    assert!(relative <= most, "{what}: relative L2 {relative:e}");
    assert!(
        furthest <= 10.0 * most * largest.max(1e-3),
        "{what}: a number is off by {furthest:e} of {largest:e}"
    );
}

/// The normal distribution's Φ by Simpson's rule; beyond 8 it is 0 or 1.
pub(crate) fn phi(x: f64) -> f64 {
    let density = |x: f64| (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    if x.abs() > 8.0 {
        return if x < 0.0 { 0.0 } else { 1.0 };
    }
    let pieces = 200;
    let h = x / f64::from(pieces);
    let inner: f64 = (1..pieces)
        .map(|i| density(h * f64::from(i)) * if i % 2 == 1 { 4.0 } else { 2.0 })
        .sum();
    0.5 + (density(0.0) + inner + density(x)) * h / 3.0
}

/// Progress of a run nobody stops or watches.
pub(crate) struct NeverCancelled;

impl crate::engine::Progress for NeverCancelled {
    fn checkpoint(&mut self) -> Result<(), crate::engine::Cancelled> {
        Ok(())
    }
    fn stage(&mut self, _: crate::engine::Stage) {}
    fn wants_preview(&self) -> bool {
        false
    }
    fn preview(&mut self, _: crate::raster::RgbF32) {}
}

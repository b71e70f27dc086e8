//! Numbers that look random and depend on place and pass alone.

/// A stream of its own for each patch (SplitMix64: Steele, Lea & Flood, OOPSLA 2014).
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    /// The stream of a place.
    pub(super) fn new(seed: u64, place: usize) -> Self {
        Self(
            seed.wrapping_mul(0xD134_2543_DE82_EF95)
                ^ (place as u64).wrapping_mul(0xA24B_AED4_963E_E407),
        )
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// 0 to `count` − 1; 0 when `count` is 0.
    pub(super) fn below(&mut self, count: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(count)) >> 64) as u64
    }

    /// −`reach` to `reach`.
    pub(super) fn within(&mut self, reach: i64) -> i64 {
        self.below(2 * reach as u64 + 1) as i64 - reach
    }
}

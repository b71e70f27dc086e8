//! [`Seeds`]: which seed the next run takes when none is held. Choosing a seed is not making noise:
//! whatever is chosen is shown and can be used again.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::plan::Seed;

/// SplitMix64 ([Steele, Lea & Flood 2014](https://doi.org/10.1145/2660193.2660195)), begun from
/// clock and process.
#[derive(Debug)]
pub(super) struct Seeds(u64);

impl Seeds {
    pub(super) fn from_clock() -> Self {
        let clock = SystemTime::now().duration_since(UNIX_EPOCH);
        let nanos = clock.map_or(0, |since| since.as_nanos() as u64);
        Self(nanos ^ (u64::from(std::process::id()) << 32))
    }

    /// A seed of 32 bits, as other programs take them.
    pub(super) fn draw(&mut self) -> Seed {
        Seed(self.next() >> 32)
    }

    /// A name of 16 hexadecimal digits that nothing else has.
    pub(super) fn draw_key(&mut self) -> String {
        format!("{:016x}", self.next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

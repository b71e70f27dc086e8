//! Values of random weights: each is a function of its tensor's name and its index alone, so that they can
//! be generated in any order.

use half::f16;
use half::slice::HalfFloatSliceExt as _;
use rayon::prelude::*;

use super::super::blueprint::{PlannedWeight, Role};

/// Numbers made at a time.
const CHUNK: usize = 4096;
/// How far biases lie from 0 and norm scales from 1 at most.
const SPREAD: f32 = 0.1;

/// The numbers of a weight as little-endian f16.
pub(super) fn f16_bytes(weight: &PlannedWeight) -> Vec<u8> {
    let count: usize = weight.shape.iter().product();
    let key = hash(&weight.name);
    let (centre, spread) = match weight.role {
        // With this variance, 1 / fan-in, activations of variance 1 give results of variance 1.
        Role::Matrix { fan_in } => (0.0, (3.0 / fan_in as f32).sqrt()),
        Role::Bias => (0.0, SPREAD),
        Role::NormScale => (1.0, SPREAD),
    };
    let mut bytes = vec![0; count * size_of::<f16>()];
    bytes
        .par_chunks_mut(CHUNK * size_of::<f16>())
        .enumerate()
        .for_each(|(chunk, bytes)| {
            let mut values = [0f32; CHUNK];
            let mut halves = [f16::ZERO; CHUNK];
            for (at, value) in values.iter_mut().enumerate() {
                *value = centre + spread * uniform(key, (chunk * CHUNK + at) as u64);
            }
            halves.convert_from_f32_slice(&values);
            for (bytes, half) in bytes.chunks_exact_mut(2).zip(halves) {
                bytes.copy_from_slice(&half.to_le_bytes());
            }
        });
    bytes
}

/// Number `at` of the stream `key`, −1 ≤ u < 1: SplitMix64 of
/// [Steele et al. 2014](https://doi.org/10.1145/2714064.2660195), which can be entered anywhere.
fn uniform(key: u64, at: u64) -> f32 {
    let mut bits = key.wrapping_add(at.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^= bits >> 31;
    (bits >> 40) as f32 / (1 << 23) as f32 - 1.0
}

/// FNV-1a with 64 bits.
fn hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

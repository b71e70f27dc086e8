//! Elementwise functions of slices, a vector at a time.

use std::mem::MaybeUninit;

use pulp::Simd;

/// f32 lanes of the widest vector.
pub(crate) const MAX_LANES: usize = 16;

/// `to[i] = f(to[i], from[..][i])`, a vector at a time. All slices are as long as `to`.
#[inline(always)]
pub(crate) fn update<S: Simd, const N: usize>(
    simd: S,
    to: &mut [f32],
    from: [&[f32]; N],
    f: impl Fn(S::f32s, [S::f32s; N]) -> S::f32s,
) {
    let len = to.len();
    let from = from.map(|from| S::as_simd_f32s(&from[..len]));
    let (vectors, rest) = S::as_mut_simd_f32s(to);
    let whole = from.map(|(vectors, _)| vectors);
    for (at, vector) in vectors.iter_mut().enumerate() {
        *vector = f(*vector, whole.map(|whole| whole[at]));
    }
    if !rest.is_empty() {
        let vector = simd.partial_load_f32s(rest);
        let y = f(vector, from.map(|(_, rest)| simd.partial_load_f32s(rest)));
        simd.partial_store_f32s(rest, y);
    }
}

/// `to[i] = f(from[..][i])`, a vector at a time; returns what it has written. All slices are at least as long
/// as `to`.
#[inline(always)]
#[expect(unsafe_code, reason = "every element is written")]
pub(crate) fn write<'a, S: Simd, const N: usize>(
    simd: S,
    to: &'a mut [MaybeUninit<f32>],
    from: [&[f32]; N],
    f: impl Fn([S::f32s; N]) -> S::f32s,
) -> &'a mut [f32] {
    let len = to.len();
    let from = from.map(|from| S::as_simd_f32s(&from[..len]));
    let (vectors, rest) = S::as_uninit_mut_simd_f32s(to);
    let whole = from.map(|(vectors, _)| vectors);
    for (at, vector) in vectors.iter_mut().enumerate() {
        vector.write(f(whole.map(|whole| whole[at])));
    }
    if !rest.is_empty() {
        let y = f(from.map(|(_, rest)| simd.partial_load_f32s(rest)));
        write_vector(simd, rest, y);
    }
    // SAFETY: all vectors of it and the rest were just written.
    unsafe { to.assume_init_mut() }
}

/// Stores a vector, or its first lanes, to all of `to`.
#[inline(always)]
pub(crate) fn write_vector<S: Simd>(simd: S, to: &mut [MaybeUninit<f32>], y: S::f32s) {
    if let ([vector], []) = S::as_uninit_mut_simd_f32s(to) {
        vector.write(y);
        return;
    }
    let mut numbers = [0f32; MAX_LANES];
    simd.partial_store_f32s(&mut numbers[..S::F32_LANES], y);
    to.write_copy_of_slice(&numbers[..to.len()]);
}

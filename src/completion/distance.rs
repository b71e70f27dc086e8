//! How unlike two patches are.

use super::level::{Level, Sample, State};

/// Sum of squared differences of two patches of side `P` that begin at the pixels `a` and `b`; at
/// least `limit` as soon as it is clear that it will not be less.
pub(super) fn distance<const P: usize>(
    samples: &[Sample],
    width: usize,
    (a, b): (usize, usize),
    limit: u32,
) -> u32 {
    let mut sum = 0u32;
    for row in 0..P {
        let (Some(ours), Some(theirs)) = (
            samples
                .get(a + row * width..)
                .and_then(<[Sample]>::first_chunk::<P>),
            samples
                .get(b + row * width..)
                .and_then(<[Sample]>::first_chunk::<P>),
        ) else {
            return u32::MAX;
        };
        let pairs = ours.as_flattened().iter().zip(theirs.as_flattened());
        let of_row: i32 = pairs
            .map(|(a, b)| {
                let difference = i32::from(a.wrapping_sub(*b));
                difference * difference
            })
            .sum();
        // At most 28 · 4080² a row and 7 rows: below 2³².
        sum = sum.wrapping_add(of_row as u32);
        if sum >= limit {
            return sum;
        }
    }
    sum
}

/// As [`distance`], over those pixels of `a` alone for which `counts` holds, scaled up to a whole
/// patch. `None` where none counts.
pub(super) fn partial_distance<const P: usize>(
    level: &Level,
    (a, b): (usize, usize),
    counts: impl Fn(usize) -> bool,
    limit: u32,
) -> Option<u32> {
    let counted = (0..P * P)
        .filter(|i| counts(a + i / P * level.width + i % P))
        .count() as u64;
    if counted == 0 {
        return None;
    }
    let scaled = |sum: u64| (sum * (P * P) as u64 / counted).min(u64::from(u32::MAX)) as u32;
    let mut sum = 0u64;
    for row in 0..P {
        for column in 0..P {
            let offset = row * level.width + column;
            if !counts(a + offset) {
                continue;
            }
            let (Some(ours), Some(theirs)) =
                (level.samples.get(a + offset), level.samples.get(b + offset))
            else {
                return None;
            };
            for (a, b) in ours.iter().zip(theirs) {
                sum += i64::from(i32::from(*a) - i32::from(*b)).pow(2) as u64;
            }
        }
        if scaled(sum) >= limit {
            return Some(limit);
        }
    }
    Some(scaled(sum))
}

/// True where something is seen.
pub(super) fn is_present(level: &Level, at: usize) -> bool {
    level
        .states
        .get(at)
        .is_some_and(|state| *state != State::Absent)
}

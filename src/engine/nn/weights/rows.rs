//! [`WeightRows`]: a weight as it lies in its file, read some rows at a time.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use super::widening::{CHUNK, Widening};
use crate::engine::kernels::LowRankUpdate;

/// Rows that are read at a time where a LoRA changes them.
const ROWS_AT_ONCE: usize = 16;

/// A large weight on its way from its file: `(rows, row_len)` numbers, and what LoRAs add to them. Rows are widened,
/// changed and packed while they are in the caches: a weight of 50 MB that passes through memory three times more
/// costs more than the arithmetic.
pub(crate) struct WeightRows<'a> {
    bytes: Cow<'a, [u8]>,
    widening: Widening,
    row_len: usize,
    updates: Vec<LowRankUpdate>,
    finite: AtomicBool,
}

impl<'a> WeightRows<'a> {
    pub(super) fn new(
        bytes: Cow<'a, [u8]>,
        widening: Widening,
        row_len: usize,
        updates: Vec<LowRankUpdate>,
    ) -> Self {
        Self {
            bytes,
            widening,
            row_len,
            updates,
            finite: AtomicBool::new(true),
        }
    }

    /// Writes these rows to `to`, one behind the other. Those beyond the end of the file stay as they are.
    pub(crate) fn read(&self, rows: &[usize], to: &mut [f32]) {
        for (row, to) in rows.iter().zip(to.chunks_exact_mut(self.row_len.max(1))) {
            self.widen(row * self.row_len, to);
        }
        for update in &self.updates {
            update.add_rows(rows, to);
        }
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<f32> {
        let mut values = vec![0.0; self.bytes.len() / self.widening.number_bytes()];
        if self.updates.is_empty() {
            let chunks = values.par_chunks_mut(CHUNK).enumerate();
            chunks.for_each(|(index, to)| self.widen(index * CHUNK, to));
            return values;
        }
        let groups = values.par_chunks_mut((ROWS_AT_ONCE * self.row_len).max(1));
        groups.enumerate().for_each(|(group, to)| {
            let first = group * ROWS_AT_ONCE;
            let rows: Vec<usize> = (first..first + to.len() / self.row_len.max(1)).collect();
            self.read(&rows, to);
        });
        values
    }

    /// Whether all numbers of the file that were read so far are finite.
    pub(super) fn is_finite(&self) -> bool {
        self.finite.load(Ordering::Relaxed)
    }

    fn widen(&self, first: usize, to: &mut [f32]) {
        let size = self.widening.number_bytes();
        let from = self.bytes.get(first * size..(first + to.len()) * size);
        self.widening.run(from.unwrap_or_default(), to);
        // Without an early exit, so that it is vectorised.
        if !to.iter().fold(true, |all, number| all & number.is_finite()) {
            self.finite.store(false, Ordering::Relaxed);
        }
    }
}

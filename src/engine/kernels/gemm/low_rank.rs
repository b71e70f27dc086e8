//! [`LowRankUpdate`]: what a LoRA ([Hu et al. 2021](https://arxiv.org/abs/2106.09685)) adds to a weight, a few rows
//! at a time, while they are in the caches.

use super::microkernel::MAX_MR;
use super::{MicroTile, PackedWeights, PanelData};
use crate::engine::kernels::elementwise::MAX_LANES;
use crate::engine::kernels::isa::Isa;

/// up · down, in f32: `(rows, rank)` times `(rank, columns)`.
#[derive(Debug)]
pub(crate) struct LowRankUpdate {
    up: Vec<f32>,
    rank: usize,
    /// B of the GEMM.
    down: PackedWeights,
}

impl LowRankUpdate {
    /// Both factors row-major; each of `rank` rows or columns, which must not be 0.
    pub(crate) fn new(isa: Isa, up: Vec<f32>, down: &[f32], rank: usize) -> Self {
        assert!(up.len().is_multiple_of(rank) && down.len().is_multiple_of(rank));
        let columns = down.len() / rank;
        let row = |k: usize| &down[k * columns..][..columns];
        Self {
            up,
            rank,
            down: PackedWeights::pack_kn(isa.in_f32(), [columns, rank], row),
        }
    }

    /// Adds rows `rows` of the product to `to`, in which they lie one behind the other.
    pub(crate) fn add_rows(&self, rows: &[usize], to: &mut [f32]) {
        let (isa, columns) = (self.down.isa(), self.down.outputs());
        assert_eq!(to.len(), rows.len() * columns);
        let (mr, nr) = (isa.mr(), 2 * isa.lanes());
        let (mut a_rows, mut widened) = (Vec::with_capacity(mr), Vec::new());
        let mut c = [0f32; MAX_MR * 2 * MAX_LANES];
        let to_rows = to.chunks_mut((mr * columns).max(1));
        for (rows, to) in rows.chunks(mr).zip(to_rows) {
            let up = |row: &usize| &self.up[row * self.rank..][..self.rank];
            a_rows.clear();
            // Rows that are missing are computed too, and not used.
            a_rows.extend(
                rows.iter()
                    .chain(std::iter::repeat(&rows[0]))
                    .take(mr)
                    .map(up),
            );
            for panel in self.down.panels() {
                // Packed for f32, so there is no other layout.
                let PanelData::F32(b) = self.down.panel(panel, &mut widened) else {
                    continue;
                };
                let is_whole = rows.len() == mr && panel.outputs == nr;
                let mut out = MicroTile {
                    c: if is_whole {
                        &mut to[panel.first..]
                    } else {
                        &mut c
                    },
                    ldc: if is_whole { columns } else { nr },
                    accumulate: is_whole,
                };
                isa.f32_microkernel(panel.vectors, &a_rows, b, &mut out);
                if !is_whole {
                    for (to, c) in to.chunks_exact_mut(columns).zip(c.chunks_exact(nr)) {
                        let to = &mut to[panel.first..panel.first + panel.outputs];
                        for (to, change) in to.iter_mut().zip(c) {
                            *to += change;
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::kernels::reference::numbers;

    #[test]
    fn any_rows_get_their_part_of_the_product() {
        for isa in Isa::all_with_emulated() {
            for (outputs, columns, rank) in [(1, 1, 1), (40, 77, 4), (7, 130, 16), (33, 9, 3)] {
                let (up, down) = (numbers(outputs * rank, 1), numbers(rank * columns, 2));
                let update = LowRankUpdate::new(isa, up.clone(), &down, rank);
                let rows: Vec<usize> = (0..outputs).rev().step_by(2).collect();
                let mut to = numbers(rows.len() * columns, 3);
                let before = to.clone();
                update.add_rows(&rows, &mut to);
                for (at, (before, after)) in before.iter().zip(&to).enumerate() {
                    let (row, column) = (rows[at / columns], at % columns);
                    let product = (0..rank).map(|k| {
                        f64::from(up[row * rank + k]) * f64::from(down[k * columns + column])
                    });
                    let wanted = f64::from(*before) + product.sum::<f64>();
                    let error = (f64::from(*after) - wanted).abs();
                    assert!(error < 1e-5, "{} {row} {column}: {error:e}", isa.name());
                }
            }
        }
    }
}

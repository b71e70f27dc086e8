//! Matrices that are only packed for one product: keys and values, for every picture anew, so it has
//! to be quick.

use std::ops::Range;

use super::{PackedData, PackedWeights, filled};
use crate::engine::kernels::isa::Isa;

/// Lines that are laid out before they are rounded: an even number, in the first cache.
const K_AT_ONCE: usize = 64;

impl PackedWeights {
    /// Packs a matrix of which `line` gives the weights of one input for all `outputs`.
    pub(crate) fn pack_kn<'a>(
        isa: Isa,
        [outputs, inputs]: [usize; 2],
        line: impl Fn(usize) -> &'a [f32] + Sync,
    ) -> Self {
        Self::pack_panels(isa, [outputs, inputs], |first, width, inputs, to| {
            let used = width.min(outputs - first);
            for (input, to) in inputs.zip(to.chunks_exact_mut(width)) {
                to[..used].copy_from_slice(&line(input)[first..first + used]);
            }
        })
    }

    /// Packs a matrix of which `row` gives the weights of one output for all `inputs`.
    pub(crate) fn pack_nk<'a>(
        isa: Isa,
        [outputs, inputs]: [usize; 2],
        row: impl Fn(usize) -> &'a [f32] + Sync,
    ) -> Self {
        Self::pack_panels(isa, [outputs, inputs], |first, width, inputs, to| {
            let used = width.min(outputs - first);
            for column in 0..used {
                let numbers = to[column..].iter_mut().step_by(width);
                for (to, number) in numbers.zip(&row(first + column)[inputs.clone()]) {
                    *to = *number;
                }
            }
        })
    }

    /// `fill` is given the first output of a panel, the width of its lines, some inputs, and a line
    /// for each of them to write the weights to; what is beyond the outputs stays zero.
    fn pack_panels(
        isa: Isa,
        [outputs, inputs]: [usize; 2],
        fill: impl Fn(usize, usize, Range<usize>, &mut [f32]) + Sync,
    ) -> Self {
        let most = 2 * isa.lanes();
        let whole = outputs.next_multiple_of(isa.lanes());
        let panel = |index: usize| (index * most, most.min(whole - index * most));
        let kept = match isa.bf16() {
            Some(bf16_isa) if inputs > 0 => {
                let lines = bf16_isa.pairs_for(inputs);
                PackedData::Pairs(
                    bf16_isa,
                    filled(whole * lines, most * lines, |index, to: &mut [u32]| {
                        let (first, width) = panel(index);
                        let mut numbers = vec![0.0; K_AT_ONCE * width];
                        let to = to.chunks_mut(K_AT_ONCE / 2 * width);
                        for (start, to) in (0..inputs).step_by(K_AT_ONCE).zip(to) {
                            let used = K_AT_ONCE.min(inputs - start);
                            fill(first, width, start..start + used, &mut numbers);
                            // An odd input at the end is paired with zeros.
                            let lines = used.next_multiple_of(2);
                            numbers[used * width..lines * width].fill(0.0);
                            bf16_isa.interleave_bf16_rows(
                                &numbers[..lines * width],
                                width,
                                to,
                                width,
                            );
                        }
                    }),
                )
            }
            _ => PackedData::F32(filled(
                whole * inputs,
                (most * inputs).max(1),
                |index, to: &mut [f32]| {
                    let (first, width) = panel(index);
                    fill(first, width, 0..inputs, to);
                },
            )),
        };
        Self {
            isa,
            outputs,
            taps: 1,
            inputs,
            kept,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{PanelData, WeightDtype};
    use super::*;
    use crate::engine::kernels::reference::numbers;

    #[test]
    fn lines_and_rows_are_packed_as_weights_are() {
        for set in Isa::all_with_emulated() {
            for [outputs, inputs] in [[1, 1], [40, 7], [77, 40], [3, 0], [33, 64], [50, 131]] {
                let by_row = numbers(outputs * inputs, 1);
                let mut by_line = vec![0.0; by_row.len()];
                for at in 0..by_row.len() {
                    by_line[at % inputs * outputs + at / inputs] = by_row[at];
                }
                let shape = [outputs, 1, inputs];
                let expected =
                    PackedWeights::pack(set, shape, WeightDtype::F32, |output, _, input| {
                        by_row[output * inputs + input]
                    });
                let shape = [outputs, inputs];
                let rows = PackedWeights::pack_nk(set, shape, |output| {
                    &by_row[output * inputs..][..inputs]
                });
                let lines = PackedWeights::pack_kn(set, shape, |input| {
                    &by_line[input * outputs..][..outputs]
                });
                for packed in [&rows, &lines] {
                    assert_same(packed, &expected, set.name());
                }
            }
        }
    }

    fn assert_same(packed: &PackedWeights, expected: &PackedWeights, what: &str) {
        let mut rooms = [Vec::new(), Vec::new()];
        let [scratch, other_room] = &mut rooms;
        for panel in expected.panels() {
            match (
                packed.panel(panel, scratch),
                expected.panel(panel, other_room),
            ) {
                (PanelData::F32(a), PanelData::F32(b)) => assert_eq!(a, b, "{what}"),
                (PanelData::Pairs(_, a), PanelData::Pairs(_, b)) => {
                    assert_eq!(a, b, "{what}");
                }
                _ => panic!("{what}: other numbers"),
            }
        }
    }
}

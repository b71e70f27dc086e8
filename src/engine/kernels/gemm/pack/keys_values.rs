//! Packing of keys and values, which are B of attention's two GEMMs: for every picture anew, so it has to
//! be quick.

use std::ops::Range;

use super::{PackedData, PackedWeights, filled};
use crate::engine::kernels::isa::Isa;

/// Rows along K that are laid out before they are rounded: an even number, in L1.
const K_AT_ONCE: usize = 64;

impl PackedWeights {
    /// Packs B given as K × N: `row(input)` holds one input for all `outputs`.
    pub(crate) fn pack_kn<'a>(
        isa: Isa,
        [outputs, inputs]: [usize; 2],
        row: impl Fn(usize) -> &'a [f32] + Sync,
    ) -> Self {
        Self::pack_panels(isa, [outputs, inputs], |first, width, inputs, to| {
            let used = width.min(outputs - first);
            for (input, to) in inputs.zip(to.chunks_exact_mut(width)) {
                to[..used].copy_from_slice(&row(input)[first..first + used]);
            }
        })
    }

    /// Packs B given as N × K: `row(output)` holds one output for all `inputs`.
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

    /// `fill` gets the first output of a panel, its NR, some inputs, and a row for each of them to write;
    /// what is beyond the outputs stays zero.
    fn pack_panels(
        isa: Isa,
        [outputs, inputs]: [usize; 2],
        fill: impl Fn(usize, usize, Range<usize>, &mut [f32]) + Sync,
    ) -> Self {
        let most = 2 * isa.lanes();
        let whole = outputs.next_multiple_of(isa.lanes());
        let panel = |index: usize| (index * most, most.min(whole - index * most));
        let data = match isa.bf16() {
            Some(bf16_isa) if inputs > 0 => {
                let k_pairs = bf16_isa.k_pairs(inputs);
                PackedData::Vnni(
                    bf16_isa,
                    filled(
                        Vec::new(),
                        whole * k_pairs,
                        most * k_pairs,
                        |_, index, to: &mut [u32]| {
                            let (first, width) = panel(index);
                            let mut values = vec![0.0; K_AT_ONCE * width];
                            let to = to.chunks_mut(K_AT_ONCE / 2 * width);
                            for (start, to) in (0..inputs).step_by(K_AT_ONCE).zip(to) {
                                let used = K_AT_ONCE.min(inputs - start);
                                fill(first, width, start..start + used, &mut values);
                                // An odd input at the end is paired with zeros.
                                let rows = used.next_multiple_of(2);
                                values[used * width..rows * width].fill(0.0);
                                bf16_isa.vnni_interleave_rows(
                                    &values[..rows * width],
                                    width,
                                    to,
                                    width,
                                );
                            }
                        },
                    ),
                )
            }
            _ => PackedData::F32(filled(
                Vec::new(),
                whole * inputs,
                (most * inputs).max(1),
                |_, index, to: &mut [f32]| {
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
            data,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{PackTarget, PanelData};
    use super::*;
    use crate::engine::kernels::reference::numbers;

    #[test]
    fn both_layouts_are_packed_as_weights_are() {
        for isa in Isa::all_with_emulated() {
            for [outputs, inputs] in [[1, 1], [40, 7], [77, 40], [3, 0], [33, 64], [50, 131]] {
                let n_by_k = numbers(outputs * inputs, 1);
                let mut k_by_n = vec![0.0; n_by_k.len()];
                for at in 0..n_by_k.len() {
                    k_by_n[at % inputs * outputs + at / inputs] = n_by_k[at];
                }
                let shape = [outputs, 1, inputs];
                let expected =
                    PackedWeights::pack(PackTarget::in_f32(isa), shape, |output, _, input| {
                        n_by_k[output * inputs + input]
                    });
                let shape = [outputs, inputs];
                let packed_nk = PackedWeights::pack_nk(isa, shape, |output| {
                    &n_by_k[output * inputs..][..inputs]
                });
                let packed_kn = PackedWeights::pack_kn(isa, shape, |input| {
                    &k_by_n[input * outputs..][..outputs]
                });
                for packed in [&packed_nk, &packed_kn] {
                    assert_same(packed, &expected, isa.name());
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
                (PanelData::Vnni(_, a), PanelData::Vnni(_, b)) => {
                    assert_eq!(a, b, "{what}");
                }
                _ => panic!("{what}: other numbers"),
            }
        }
    }
}

//! Weights in the order in which tiles read them.

mod keys_values;

use std::ops::Range;

use half::slice::HalfFloatSliceExt as _;
use half::{bf16, f16};
use rayon::prelude::*;

use crate::engine::kernels::isa::{Bf16Isa, Isa};

/// In which numbers weights are kept. They are widened to f32, panel by panel, when they are used.
/// What is packed for products of bf16 is kept in pairs of them, whatever is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WeightDtype {
    /// As they are computed with.
    F32,
    /// Half the memory; for files of f16.
    F16,
    /// Half the memory; for files of bf16.
    Bf16,
}

#[derive(Debug)]
enum PackedData {
    F32(Vec<f32>),
    F16(Vec<f16>),
    Bf16(Vec<bf16>),
    /// Of two inputs that follow each other under a tap; the last of an odd number with zero.
    Pairs(Bf16Isa, Vec<u32>),
}

/// What a tile multiplies with.
#[derive(Debug, Clone, Copy)]
pub(crate) enum PanelData<'a> {
    F32(&'a [f32]),
    Pairs(Bf16Isa, &'a [u32]),
}

/// A matrix of weights `(outputs, taps, inputs)` cut in panels of one or two vectors of outputs.
///
/// Panel after panel; in each, tap after tap and input after input, the weights of the panel's
/// outputs side by side. The last panel is filled up with zeros.
#[derive(Debug)]
pub(crate) struct PackedWeights {
    isa: Isa,
    outputs: usize,
    taps: usize,
    inputs: usize,
    kept: PackedData,
}

/// Some outputs of a [`PackedWeights`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Panel {
    /// Its first output.
    pub(crate) first: usize,
    /// Outputs in use.
    pub(crate) outputs: usize,
    /// Vectors.
    pub(crate) vectors: usize,
}

/// The panels of `outputs` for vectors of `lanes`.
pub(crate) fn panels(outputs: usize, lanes: usize) -> impl Iterator<Item = Panel> + Clone {
    (0..outputs).step_by(2 * lanes).map(move |first| {
        let outputs = (outputs - first).min(2 * lanes);
        Panel {
            first,
            outputs,
            vectors: outputs.div_ceil(lanes),
        }
    })
}

impl PackedWeights {
    /// Packs `weight(output, tap, input)`, to be kept as `numbers` and used by `isa`.
    pub(crate) fn pack(
        isa: Isa,
        [outputs, taps, inputs]: [usize; 3],
        numbers: WeightDtype,
        weight: impl Fn(usize, usize, usize) -> f32 + Sync,
    ) -> Self {
        let lanes = isa.lanes();
        let depth = taps * inputs;
        let len = outputs.next_multiple_of(lanes) * depth;
        // The numbers of one panel.
        let panel = |index: usize| {
            let first = index * 2 * lanes;
            let used = outputs.min(first + 2 * lanes) - first;
            let filling = used.next_multiple_of(lanes) - used;
            let mut panel = Vec::with_capacity((used + filling) * depth);
            for tap in 0..taps {
                for input in 0..inputs {
                    panel.extend((first..first + used).map(|output| weight(output, tap, input)));
                    panel.extend(std::iter::repeat_n(0.0, filling));
                }
            }
            panel
        };
        let panel_len = (2 * lanes * depth).max(1);
        // Of one panel, two numbers from each of two lines of numbers.
        let pairs_of_panel = |bf16_isa: Bf16Isa, index: usize, to: &mut [u32]| {
            let panel = panel(index);
            let width = panel.len() / depth;
            let nothing = vec![0.0; width];
            let taps = to.chunks_exact_mut(bf16_isa.pairs_for(inputs) * width);
            for (tap, to) in panel.chunks_exact(inputs * width).zip(taps) {
                for (two, to) in tap.chunks(2 * width).zip(to.chunks_exact_mut(width)) {
                    let (first, second) = two.split_at(width);
                    let second = if second.is_empty() { &nothing } else { second };
                    bf16_isa.interleave_bf16(first, second, to);
                }
            }
        };
        let kept = match numbers {
            _ if depth > 0
                && let Some(bf16_isa) = isa.bf16() =>
            {
                let pairs = taps * bf16_isa.pairs_for(inputs);
                let len = outputs.next_multiple_of(lanes) * pairs;
                let kept = filled(len, 2 * lanes * pairs, |index, to: &mut [u32]| {
                    pairs_of_panel(bf16_isa, index, to);
                });
                PackedData::Pairs(bf16_isa, kept)
            }
            WeightDtype::F32 => PackedData::F32(filled(len, panel_len, |index, to: &mut [f32]| {
                to.copy_from_slice(&panel(index));
            })),
            WeightDtype::F16 => PackedData::F16(filled(len, panel_len, |index, to: &mut [f16]| {
                to.convert_from_f32_slice(&panel(index));
            })),
            WeightDtype::Bf16 => {
                PackedData::Bf16(filled(len, panel_len, |index, to: &mut [bf16]| {
                    to.convert_from_f32_slice(&panel(index));
                }))
            }
        };
        Self {
            isa,
            outputs,
            taps,
            inputs,
            kept,
        }
    }

    /// The instructions it is packed for.
    pub(crate) fn isa(&self) -> Isa {
        self.isa
    }

    /// Outputs of the layer.
    pub(crate) fn outputs(&self) -> usize {
        self.outputs
    }

    /// Inputs of the layer, at each tap.
    pub(crate) fn inputs(&self) -> usize {
        self.inputs
    }

    /// Places of the kernel: 1 of a linear layer, 9 of a 3 × 3 convolution.
    pub(crate) fn taps(&self) -> usize {
        self.taps
    }

    pub(crate) fn panels(&self) -> impl Iterator<Item = Panel> + Clone {
        panels(self.outputs, self.isa.lanes())
    }

    /// The weights of a panel as products are computed with them; `widened` is room for them where
    /// they are kept narrower than that.
    pub(crate) fn panel<'a>(&'a self, panel: Panel, widened: &'a mut Vec<f32>) -> PanelData<'a> {
        let depth = self.taps * self.inputs;
        let start = panel.first * depth;
        let range = start..start + panel.vectors * self.isa.lanes() * depth;
        PanelData::F32(match &self.kept {
            PackedData::Pairs(bf16_isa, kept) => {
                return PanelData::Pairs(*bf16_isa, &kept[self.pairs_range(panel)]);
            }
            PackedData::F32(kept) => &kept[range],
            PackedData::F16(_) | PackedData::Bf16(_) => {
                widened.resize(range.len(), 0.0);
                self.widen(range, widened);
                widened
            }
        })
    }

    /// Writes the weights of some inputs of a panel to `widened`: tap after tap, input after input, the
    /// panel's outputs. Zeros where they are kept in pairs.
    pub(crate) fn inputs_in_f32(
        &self,
        panel: Panel,
        inputs: &Range<usize>,
        widened: &mut Vec<f32>,
    ) {
        let width = panel.vectors * self.isa.lanes();
        widened.resize(self.taps * inputs.len() * width, 0.0);
        let taps = widened.chunks_exact_mut((inputs.len() * width).max(1));
        for (tap, to) in taps.enumerate() {
            let start =
                panel.first * self.taps * self.inputs + (tap * self.inputs + inputs.start) * width;
            self.widen(start..start + to.len(), to);
        }
    }

    /// Some of the numbers as they are kept, in f32.
    fn widen(&self, range: Range<usize>, to: &mut [f32]) {
        match &self.kept {
            PackedData::F32(kept) => to.copy_from_slice(&kept[range]),
            PackedData::F16(kept) => self.isa.widen_f16(&kept[range], to),
            PackedData::Bf16(kept) => self.isa.widen_bf16(&kept[range], to),
            PackedData::Pairs(..) => to.fill(0.0),
        }
    }

    /// Pairs of some inputs under a tap.
    fn tap_pairs(&self, inputs: usize) -> usize {
        let bf16_isa = self.bf16();
        bf16_isa.map_or(0, |bf16_isa| bf16_isa.pairs_for(inputs))
    }

    /// Where the pairs of a panel are.
    fn pairs_range(&self, panel: Panel) -> Range<usize> {
        let depth = self.taps * self.tap_pairs(self.inputs);
        let start = panel.first * depth;
        start..start + panel.vectors * self.isa.lanes() * depth
    }

    /// The pairs of the inputs `2 × pair` and `2 × pair + 1` under a tap, for each output of a panel;
    /// empty where weights are not kept so.
    pub(crate) fn pair_line(&self, panel: Panel, tap: usize, pair: usize) -> &[u32] {
        let PackedData::Pairs(_, kept) = &self.kept else {
            return &[];
        };
        let width = panel.vectors * self.isa.lanes();
        let line = tap * self.tap_pairs(self.inputs) + pair;
        &kept[self.pairs_range(panel)][line * width..][..width]
    }

    /// The pairs of a panel under some taps: of all inputs, or of some inputs of one tap, the first
    /// of which is an even one. Empty where weights are not kept so.
    pub(crate) fn pairs_of(
        &self,
        panel: Panel,
        taps: &Range<usize>,
        inputs: &Range<usize>,
    ) -> &[u32] {
        let PackedData::Pairs(_, kept) = &self.kept else {
            return &[];
        };
        let width = panel.vectors * self.isa.lanes();
        let first = taps.start * self.tap_pairs(self.inputs) + inputs.start / 2;
        let lines = taps.len() * self.tap_pairs(inputs.len());
        &kept[self.pairs_range(panel)][first * width..][..lines * width]
    }

    /// The pairs of some inputs of a panel, under each tap. Empty where weights are not kept so.
    pub(crate) fn tap_slices(&self, panel: Panel, inputs: &Range<usize>) -> Vec<&[u32]> {
        (0..self.taps)
            .map(|tap| self.pairs_of(panel, &(tap..tap + 1), inputs))
            .collect()
    }

    /// What multiplies them, where they are pairs.
    pub(crate) fn bf16(&self) -> Option<Bf16Isa> {
        match &self.kept {
            PackedData::Pairs(bf16_isa, _) => Some(*bf16_isa),
            _ => None,
        }
    }
}

/// `len` numbers, each chunk of which `fill` writes.
fn filled<T: Copy + Default + Send>(
    len: usize,
    chunk_len: usize,
    fill: impl Fn(usize, &mut [T]) + Sync,
) -> Vec<T> {
    let mut numbers = vec![T::default(); len];
    numbers
        .par_chunks_mut(chunk_len)
        .enumerate()
        .for_each(|(index, chunk)| fill(index, chunk));
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::kernels::convert::to_bf16::numbers_of;
    use crate::engine::kernels::reference::numbers;

    #[test]
    fn every_weight_is_found_again_and_the_rest_is_zero() {
        for set in Isa::all_with_emulated() {
            let lanes = set.lanes();
            for outputs in [1, lanes, lanes + 1, 2 * lanes, 3 * lanes + 2] {
                for kept in [WeightDtype::F32, WeightDtype::F16, WeightDtype::Bf16] {
                    check(set, outputs, kept);
                }
            }
        }
    }

    fn check(set: Isa, outputs: usize, kept: WeightDtype) {
        let (taps, inputs) = (3, 5);
        // Exact in f16 and in bf16.
        let weights: Vec<f32> = numbers(outputs * taps * inputs, 3)
            .iter()
            .map(|number| (number * 100.0).round() / 128.0)
            .collect();
        let weight = |o: usize, t: usize, i: usize| weights[(o * taps + t) * inputs + i];
        let packed = PackedWeights::pack(set, [outputs, taps, inputs], kept, weight);
        let mut widened = Vec::new();
        for panel in packed.panels() {
            let width = panel.vectors * set.lanes();
            let expected = |tap: usize, input: usize, column: usize| {
                if column < panel.outputs && input < inputs {
                    weight(panel.first + column, tap, input)
                } else {
                    0.0
                }
            };
            match packed.panel(panel, &mut widened) {
                PanelData::F32(found) => {
                    for (at, number) in found.iter().enumerate() {
                        let (depth, column) = (at / width, at % width);
                        let expected = expected(depth / inputs, depth % inputs, column);
                        assert_eq!(*number, expected);
                    }
                }
                PanelData::Pairs(bf16_isa, found) => {
                    let of_a_tap = bf16_isa.pairs_for(inputs);
                    for (at, pair) in found.iter().enumerate() {
                        let (depth, column) = (at / width, at % width);
                        let (tap, first) = (depth / of_a_tap, depth % of_a_tap * 2);
                        let expected = [first, first + 1].map(|input| expected(tap, input, column));
                        assert_eq!(numbers_of(*pair), expected);
                        let line = packed.pair_line(panel, tap, first / 2);
                        assert_eq!(line[column], *pair);
                    }
                }
            }
        }
    }
}

//! [`PackedWeights`]: B in panels of NR columns, in the order in which microkernels read it.

mod filling;
mod keys_values;

use std::ops::Range;

use half::slice::{HalfBitsSliceExt as _, HalfFloatSliceExt as _};
use half::vec::{HalfBitsVecExt as _, HalfFloatVecExt as _};
use half::{bf16, f16};

use self::filling::{PackScratch, filled, transpose, vnni_panel};
use crate::engine::kernels::isa::{Bf16Isa, Isa};

/// The dtype weights are stored in. They are widened to f32, panel by panel, when they are used. For bf16
/// GEMMs they are packed in VNNI layout, whatever is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WeightDtype {
    /// As they are used.
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
    /// VNNI layout: pairs of inputs that follow each other under a tap; an odd one is paired with zero.
    Vnni(Bf16Isa, Vec<u32>),
}

impl PackedData {
    /// The memory of f32, if it is that.
    fn into_f32s(self) -> Vec<f32> {
        match self {
            Self::F32(numbers) => numbers,
            _ => Vec::new(),
        }
    }

    /// The memory of pairs in VNNI layout, if it is that.
    fn into_pairs(self) -> Vec<u32> {
        match self {
            Self::Vnni(_, pairs) => pairs,
            _ => Vec::new(),
        }
    }

    /// The memory of f16 or bf16, if it is that.
    fn into_halves(self) -> Vec<u16> {
        match self {
            Self::F16(numbers) => numbers.reinterpret_into(),
            Self::Bf16(numbers) => numbers.reinterpret_into(),
            _ => Vec::new(),
        }
    }
}

/// How weights are packed, and where.
#[derive(Debug)]
pub(crate) struct PackTarget {
    /// What they are packed for.
    pub(crate) isa: Isa,
    /// What they are stored in.
    pub(crate) dtype: WeightDtype,
    /// Weights that are no longer wanted: where the packed ones are of their size, they are written over them, in
    /// memory that need not be asked for, cleared by the system and given back.
    pub(crate) in_place_of: Option<PackedWeights>,
}

#[cfg(test)]
impl PackTarget {
    /// In memory of its own.
    pub(crate) fn new(isa: Isa, dtype: WeightDtype) -> Self {
        Self {
            isa,
            dtype,
            in_place_of: None,
        }
    }

    /// The same in f32.
    pub(crate) fn in_f32(isa: Isa) -> Self {
        Self::new(isa, WeightDtype::F32)
    }
}

/// A panel as its microkernel reads it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum PanelData<'a> {
    F32(&'a [f32]),
    Vnni(Bf16Isa, &'a [u32]),
}

/// B of a GEMM: weights `(outputs, taps, inputs)`, N = outputs and K = taps × inputs, in panels of one or
/// two vectors of outputs.
///
/// Panel after panel; in each, row after row along K, the weights of the panel's outputs side by side. The
/// last panel is padded with zeros.
#[derive(Debug)]
pub(crate) struct PackedWeights {
    isa: Isa,
    outputs: usize,
    taps: usize,
    inputs: usize,
    data: PackedData,
}

/// A panel of a [`PackedWeights`]: NR columns of B.
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
    /// Packs `weight(output, tap, input)`.
    pub(crate) fn pack(
        target: PackTarget,
        [outputs, taps, inputs]: [usize; 3],
        weight: impl Fn(usize, usize, usize) -> f32 + Sync,
    ) -> Self {
        Self::pack_rows(target, [outputs, taps, inputs], |outputs, to| {
            let places = (0..inputs).flat_map(|input| (0..taps).map(move |tap| (tap, input)));
            let numbers = outputs.flat_map(|o| places.clone().map(move |(tap, i)| (o, tap, i)));
            for (to, (output, tap, input)) in to.iter_mut().zip(numbers) {
                *to = weight(output, tap, input);
            }
        })
    }

    /// Packs rows as they lie in files, `(outputs, inputs, taps)`: `rows` writes those of some outputs, one behind
    /// the other.
    pub(crate) fn pack_rows(
        target: PackTarget,
        [outputs, taps, inputs]: [usize; 3],
        rows: impl Fn(Range<usize>, &mut [f32]) + Sync,
    ) -> Self {
        let isa = target.isa;
        let lanes = isa.lanes();
        let k = taps * inputs;
        let len = outputs.next_multiple_of(lanes) * k;
        let panel_len = (2 * lanes * k).max(1);
        // The rows of a panel, as they come and as a panel.
        let packed = |scratch: &mut PackScratch, index: usize| {
            let first = index * 2 * lanes;
            let used = outputs.min(first + 2 * lanes) - first;
            scratch.rows.resize(used * k, 0.0);
            rows(first..first + used, &mut scratch.rows);
            let nr = used.next_multiple_of(lanes);
            scratch.panel.resize(nr * k, 0.0);
            transpose(&scratch.rows, [taps, inputs], nr, &mut scratch.panel);
        };
        let halves = |room: Vec<u16>, convert: fn(&[f32], &mut [u16])| {
            filled(room, len, panel_len, |scratch, index, to| {
                packed(scratch, index);
                convert(&scratch.panel, to);
            })
        };
        let room = target.in_place_of.map(|old| old.data);
        let data = match target.dtype {
            _ if k > 0
                && let Some(bf16_isa) = isa.bf16() =>
            {
                let pairs = taps * bf16_isa.k_pairs(inputs);
                let len = outputs.next_multiple_of(lanes) * pairs;
                let room = room.map_or_else(Vec::new, PackedData::into_pairs);
                let data = filled(room, len, 2 * lanes * pairs, |scratch, index, to| {
                    packed(scratch, index);
                    vnni_panel(bf16_isa, &scratch.panel, [taps, inputs], to);
                });
                PackedData::Vnni(bf16_isa, data)
            }
            WeightDtype::F32 => {
                let room = room.map_or_else(Vec::new, PackedData::into_f32s);
                PackedData::F32(filled(room, len, panel_len, |scratch, index, to| {
                    packed(scratch, index);
                    to.copy_from_slice(&scratch.panel);
                }))
            }
            WeightDtype::F16 => {
                let room = room.map_or_else(Vec::new, PackedData::into_halves);
                let data = halves(room, |from, to| {
                    to.reinterpret_cast_mut::<f16>()
                        .convert_from_f32_slice(from);
                });
                PackedData::F16(data.reinterpret_into())
            }
            WeightDtype::Bf16 => {
                let room = room.map_or_else(Vec::new, PackedData::into_halves);
                let data = halves(room, |from, to| {
                    to.reinterpret_cast_mut::<bf16>()
                        .convert_from_f32_slice(from);
                });
                PackedData::Bf16(data.reinterpret_into())
            }
        };
        Self {
            isa,
            outputs,
            taps,
            inputs,
            data,
        }
    }

    /// The ISA it is packed for.
    pub(crate) fn isa(&self) -> Isa {
        self.isa
    }

    /// Outputs of the layer: N.
    pub(crate) fn outputs(&self) -> usize {
        self.outputs
    }

    /// Inputs of the layer, at each tap.
    pub(crate) fn inputs(&self) -> usize {
        self.inputs
    }

    /// Taps of the kernel: 1 of a linear layer, 9 of a 3 × 3 convolution.
    pub(crate) fn taps(&self) -> usize {
        self.taps
    }

    /// All panels, in order.
    pub(crate) fn panels(&self) -> impl Iterator<Item = Panel> + Clone {
        panels(self.outputs, self.isa.lanes())
    }

    /// A panel as its microkernel reads it; widened in `widened` where it is stored in f16 or bf16.
    pub(crate) fn panel<'a>(&'a self, panel: Panel, widened: &'a mut Vec<f32>) -> PanelData<'a> {
        let k = self.taps * self.inputs;
        let start = panel.first * k;
        let range = start..start + panel.vectors * self.isa.lanes() * k;
        PanelData::F32(match &self.data {
            PackedData::Vnni(bf16_isa, pairs) => {
                return PanelData::Vnni(*bf16_isa, &pairs[self.vnni_range(panel)]);
            }
            PackedData::F32(values) => &values[range],
            PackedData::F16(_) | PackedData::Bf16(_) => {
                widened.resize(range.len(), 0.0);
                self.widen(range, widened);
                widened
            }
        })
    }

    /// Writes the rows of some inputs of a panel to `widened`, tap after tap. Zeros where the layout is
    /// VNNI.
    pub(crate) fn inputs_in_f32(
        &self,
        panel: Panel,
        inputs: &Range<usize>,
        widened: &mut Vec<f32>,
    ) {
        let nr = panel.vectors * self.isa.lanes();
        widened.resize(self.taps * inputs.len() * nr, 0.0);
        let taps = widened.chunks_exact_mut((inputs.len() * nr).max(1));
        for (tap, to) in taps.enumerate() {
            let start =
                panel.first * self.taps * self.inputs + (tap * self.inputs + inputs.start) * nr;
            self.widen(start..start + to.len(), to);
        }
    }

    /// A range of the stored values, in f32.
    fn widen(&self, range: Range<usize>, to: &mut [f32]) {
        match &self.data {
            PackedData::F32(values) => to.copy_from_slice(&values[range]),
            PackedData::F16(values) => self.isa.widen_f16(&values[range], to),
            PackedData::Bf16(values) => self.isa.widen_bf16(&values[range], to),
            PackedData::Vnni(..) => to.fill(0.0),
        }
    }

    /// VNNI pairs of that many inputs under a tap.
    fn k_pairs(&self, inputs: usize) -> usize {
        let bf16_isa = self.bf16();
        bf16_isa.map_or(0, |bf16_isa| bf16_isa.k_pairs(inputs))
    }

    /// The range of a panel in VNNI layout.
    fn vnni_range(&self, panel: Panel) -> Range<usize> {
        let k_pairs = self.taps * self.k_pairs(self.inputs);
        let start = panel.first * k_pairs;
        start..start + panel.vectors * self.isa.lanes() * k_pairs
    }

    /// A row of a panel in VNNI layout: the inputs `2 × pair` and `2 × pair + 1` under a tap; empty in
    /// another layout.
    pub(crate) fn vnni_row(&self, panel: Panel, tap: usize, pair: usize) -> &[u32] {
        let PackedData::Vnni(_, pairs) = &self.data else {
            return &[];
        };
        let nr = panel.vectors * self.isa.lanes();
        let row = tap * self.k_pairs(self.inputs) + pair;
        &pairs[self.vnni_range(panel)][row * nr..][..nr]
    }

    /// A block of K of a panel in VNNI layout: some taps with all inputs, or some inputs of one tap, the
    /// first of which is an even one. Empty in another layout.
    pub(crate) fn vnni_block(
        &self,
        panel: Panel,
        taps: &Range<usize>,
        inputs: &Range<usize>,
    ) -> &[u32] {
        let PackedData::Vnni(_, pairs) = &self.data else {
            return &[];
        };
        let nr = panel.vectors * self.isa.lanes();
        let first = taps.start * self.k_pairs(self.inputs) + inputs.start / 2;
        let rows = taps.len() * self.k_pairs(inputs.len());
        &pairs[self.vnni_range(panel)][first * nr..][..rows * nr]
    }

    /// The same inputs under each tap of a panel in VNNI layout.
    pub(crate) fn vnni_taps(&self, panel: Panel, inputs: &Range<usize>) -> Vec<&[u32]> {
        (0..self.taps)
            .map(|tap| self.vnni_block(panel, &(tap..tap + 1), inputs))
            .collect()
    }

    /// The ISA of bf16 GEMMs, where the layout is VNNI.
    pub(crate) fn bf16(&self) -> Option<Bf16Isa> {
        match &self.data {
            PackedData::Vnni(bf16_isa, _) => Some(*bf16_isa),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::kernels::convert::to_bf16::values_of;
    use crate::engine::kernels::reference::numbers;

    #[test]
    fn every_weight_is_found_again_and_the_rest_is_zero() {
        for isa in Isa::all_with_emulated() {
            let lanes = isa.lanes();
            for outputs in [1, lanes, lanes + 1, 2 * lanes, 3 * lanes + 2] {
                for kept in [WeightDtype::F32, WeightDtype::F16, WeightDtype::Bf16] {
                    // Of one tap are more inputs than are transposed at a time.
                    for shape in [[outputs, 3, 5], [outputs, 1, 70]] {
                        check(isa, shape, kept);
                    }
                }
            }
        }
    }

    /// In memory of their own, in that of weights as many, and where there is less of it than is needed.
    fn check(isa: Isa, shape: [usize; 3], kept: WeightDtype) {
        let [outputs, taps, inputs] = shape;
        let before = |outputs| {
            let target = PackTarget::new(isa, kept);
            PackedWeights::pack(target, [outputs, taps, inputs], |_, _, _| 7.0)
        };
        for in_place_of in [
            None,
            Some(before(outputs)),
            Some(before(outputs.div_ceil(9))),
        ] {
            let target = PackTarget {
                in_place_of,
                ..PackTarget::new(isa, kept)
            };
            check_packed(target, shape);
        }
    }

    fn check_packed(target: PackTarget, [outputs, taps, inputs]: [usize; 3]) {
        // Exact in f16 and in bf16.
        let weights: Vec<f32> = numbers(outputs * taps * inputs, 3)
            .iter()
            .map(|number| (number * 100.0).round() / 128.0)
            .collect();
        let weight = |o: usize, t: usize, i: usize| weights[(o * taps + t) * inputs + i];
        let isa = target.isa;
        let packed = PackedWeights::pack(target, [outputs, taps, inputs], weight);
        let mut widened = Vec::new();
        for panel in packed.panels() {
            let width = panel.vectors * isa.lanes();
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
                PanelData::Vnni(bf16_isa, found) => {
                    let of_a_tap = bf16_isa.k_pairs(inputs);
                    for (at, pair) in found.iter().enumerate() {
                        let (depth, column) = (at / width, at % width);
                        let (tap, first) = (depth / of_a_tap, depth % of_a_tap * 2);
                        let expected = [first, first + 1].map(|input| expected(tap, input, column));
                        assert_eq!(values_of(*pair), expected);
                        let line = packed.vnni_row(panel, tap, first / 2);
                        assert_eq!(line[column], *pair);
                    }
                }
            }
        }
    }
}

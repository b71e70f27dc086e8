//! [`TransformedFilters`]: B of the GEMMs at every point, the filters of a panel transformed.

use pulp::{Simd, WithSimd};

use super::input_transform::ChannelBlock;
use super::{CACHE_LINE, FAR, INPUT_SIDE, NEAR, POINTS};
use crate::engine::kernels::gemm::{PackedWeights, Panel};
use crate::engine::kernels::isa::Bf16Isa;

/// The filters of a panel's outputs, transformed for a block of channels; in VNNI layout where the weights
/// are.
#[derive(Default)]
pub(crate) struct TransformedFilters {
    widened: Vec<f32>,
    /// Point after point, channel after channel, the panel's outputs.
    values: Vec<f32>,
    /// The same in VNNI layout.
    pairs: Vec<u32>,
    /// Length of a point's matrix; the next one begins a cache line later.
    point_len: usize,
    /// The first output and the first channel of what is cached.
    cached: Option<(usize, usize)>,
}

impl TransformedFilters {
    /// Transforms the filters of `panel`, where they are not cached from the call before. Always of the same
    /// weights.
    pub(crate) fn fill(&mut self, weights: &PackedWeights, panel: Panel, channels: ChannelBlock) {
        let wanted = Some((panel.first, channels.first));
        if self.cached == wanted {
            return;
        }
        self.cached = wanted;
        let width = panel.vectors * weights.isa().lanes();
        if let Some(bf16_isa) = weights.bf16() {
            self.point_len = channels.count / 2 * width;
            self.fill_pairs(bf16_isa, weights, panel, channels);
            return;
        }
        self.point_len = channels.count * width;
        self.values
            .resize(POINTS * (self.point_len + CACHE_LINE), 0.0);
        let inputs = channels.first..channels.first + channels.count;
        weights.inputs_in_f32(panel, &inputs, &mut self.widened);
        weights.isa().run(TransformFilters {
            values: &self.widened,
            point_len: self.point_len,
            to: &mut self.values,
        });
    }

    /// Two channels at a time, so that what is not rounded yet stays in L1.
    fn fill_pairs(
        &mut self,
        bf16_isa: Bf16Isa,
        weights: &PackedWeights,
        panel: Panel,
        channels: ChannelBlock,
    ) {
        let width = panel.vectors * weights.isa().lanes();
        let stride = self.point_len + CACHE_LINE;
        self.pairs.resize(POINTS * stride, 0);
        self.widened.resize(weights.taps() * 2 * width, 0.0);
        self.values.resize(POINTS * 2 * width, 0.0);
        let first = channels.first / 2;
        for pair in first..first + channels.count / 2 {
            let taps = self.widened.chunks_exact_mut(2 * width);
            for (tap, values) in taps.enumerate() {
                let (one, other) = values.split_at_mut(width);
                bf16_isa.vnni_deinterleave(weights.vnni_row(panel, tap, pair), one, other);
            }
            weights.isa().run(TransformFilters {
                values: &self.widened,
                point_len: 2 * width,
                to: &mut self.values,
            });
            let to = &mut self.pairs[(pair - first) * width..];
            bf16_isa.vnni_interleave_rows(&self.values, width, to, stride);
        }
    }

    /// B at a point: channel after channel, the panel's outputs.
    pub(crate) fn values(&self, point: usize) -> &[f32] {
        &self.values[point * (self.point_len + CACHE_LINE)..][..self.point_len]
    }

    /// B at a point in VNNI layout.
    pub(crate) fn pairs(&self, point: usize) -> &[u32] {
        &self.pairs[point * (self.point_len + CACHE_LINE)..][..self.point_len]
    }
}

/// The filter transform G g Gᵀ of a panel's outputs, for some channels.
struct TransformFilters<'a> {
    /// Tap after tap, channel after channel, the outputs.
    values: &'a [f32],
    /// Values of a tap, and of a point.
    point_len: usize,
    /// Point after point, evenly spread; channel after channel, the outputs.
    to: &'a mut [f32],
}

impl WithSimd for TransformFilters<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (values, _) = S::as_simd_f32s(self.values);
        let (to, _) = S::as_mut_simd_f32s(self.to);
        let tap_len = self.point_len / S::F32_LANES;
        let stride = to.len() / POINTS;
        let zero = simd.splat_f32s(0.0);
        for at in 0..tap_len {
            let mut half = [[zero; INPUT_SIDE]; 3];
            for column in 0..3 {
                let line = std::array::from_fn(
                    #[inline(always)]
                    |row| values[(row * 3 + column) * tap_len + at],
                );
                half[column] = filter_row(simd, line);
            }
            for row in 0..INPUT_SIDE {
                let line = std::array::from_fn(
                    #[inline(always)]
                    |column| half[column][row],
                );
                let line = filter_row(simd, line);
                for column in 0..INPUT_SIDE {
                    to[(row * INPUT_SIDE + column) * stride + at] = line[column];
                }
            }
        }
    }
}

/// G g: the filter's polynomial at each point p, by Π (p − q) over the other points q.
#[inline(always)]
fn filter_row<S: Simd>(simd: S, g: [S::f32s; 3]) -> [S::f32s; INPUT_SIDE] {
    let times = |factor: f32, a, b| simd.mul_add_f32s(simd.splat_f32s(factor), a, b);
    let scaled = |factor: f32, a| simd.mul_f32s(simd.splat_f32s(factor), a);
    let (near, far) = (NEAR * NEAR, FAR * FAR);
    let by_near = 1.0 / (2.0 * near * (near - far));
    let by_far = 1.0 / (2.0 * far * (far - near));
    let near_even = times(near * by_near, g[2], scaled(by_near, g[0]));
    let near_odd = scaled(NEAR * by_near, g[1]);
    let far_even = times(far * by_far, g[2], scaled(by_far, g[0]));
    let far_odd = scaled(FAR * by_far, g[1]);
    [
        scaled(1.0 / (near * far), g[0]),
        simd.add_f32s(near_even, near_odd),
        simd.sub_f32s(near_even, near_odd),
        simd.add_f32s(far_even, far_odd),
        simd.sub_f32s(far_even, far_odd),
        g[2],
    ]
}

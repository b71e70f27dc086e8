//! [`TransformedKernels`]: the kernels of some outputs, transformed.

use pulp::{Simd, WithSimd};

use super::super::pack::{PackedWeights, Panel, PanelNumbers};
use super::super::pairs::PairProducts;
use super::transformed::Channels;
use super::{FAR, NEAR, POINTS, SIDE};

/// Kernels of a panel's outputs, transformed for some channels. In pairs of bf16 where the weights
/// are.
#[derive(Default)]
pub(super) struct TransformedKernels {
    widened: Vec<f32>,
    /// Point after point, channel after channel, the panel's outputs.
    numbers: Vec<f32>,
    /// The same, two channels after the other two.
    pairs: Vec<u32>,
    /// Of a point.
    point_len: usize,
}

impl TransformedKernels {
    /// Transforms the kernels of `panel`.
    pub(super) fn fill(&mut self, weights: &PackedWeights, panel: Panel, channels: Channels) {
        let width = panel.vectors * weights.instructions().lanes();
        let numbers = match weights.panel(panel, &mut self.widened) {
            PanelNumbers::F32(numbers) => numbers,
            PanelNumbers::Pairs(products, _) => {
                self.point_len = channels.count / 2 * width;
                self.fill_pairs(products, weights, panel, channels);
                return;
            }
        };
        self.point_len = channels.count * width;
        self.numbers.resize(POINTS * self.point_len, 0.0);
        weights.instructions().run(TransformKernels {
            numbers,
            channels: weights.inputs(),
            first: channels.first,
            width,
            to: &mut self.numbers,
        });
    }

    /// Two channels at a time, so that what is not rounded yet stays in the first cache.
    fn fill_pairs(
        &mut self,
        products: PairProducts,
        weights: &PackedWeights,
        panel: Panel,
        channels: Channels,
    ) {
        let width = panel.vectors * weights.instructions().lanes();
        self.pairs.resize(POINTS * self.point_len, 0);
        self.widened.resize(weights.taps() * 2 * width, 0.0);
        self.numbers.resize(POINTS * 2 * width, 0.0);
        let first = channels.first / 2;
        for pair in first..first + channels.count / 2 {
            let taps = self.widened.chunks_exact_mut(2 * width);
            for (tap, numbers) in taps.enumerate() {
                let (one, other) = numbers.split_at_mut(width);
                products.take_apart(weights.pairs_under(panel, tap, pair), one, other);
            }
            weights.instructions().run(TransformKernels {
                numbers: &self.widened,
                channels: 2,
                first: 0,
                width,
                to: &mut self.numbers,
            });
            let to = &mut self.pairs[(pair - first) * width..];
            products.pair_up_lines(&self.numbers, width, to, self.point_len);
        }
    }

    /// Of a point: channel after channel, the panel's outputs.
    pub(super) fn numbers(&self, point: usize) -> &[f32] {
        &self.numbers[point * self.point_len..][..self.point_len]
    }

    /// Of a point: two channels after the other two, the panel's outputs.
    pub(super) fn pairs(&self, point: usize) -> &[u32] {
        &self.pairs[point * self.point_len..][..self.point_len]
    }
}

/// G g Gᵀ of the kernels of a panel's outputs, for the channels from `first` on.
struct TransformKernels<'a> {
    /// Tap after tap, channel after channel, `width` outputs.
    numbers: &'a [f32],
    channels: usize,
    first: usize,
    width: usize,
    /// Point after point, channel after channel, `width` outputs.
    to: &'a mut [f32],
}

impl WithSimd for TransformKernels<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (numbers, _) = S::as_simd_f32s(self.numbers);
        let (to, _) = S::as_mut_simd_f32s(self.to);
        let width = self.width / S::F32_LANES;
        let tap_len = self.channels * width;
        let point_len = to.len() / POINTS;
        let zero = simd.splat_f32s(0.0);
        for at in 0..point_len {
            let from = self.first * width + at;
            let mut half = [[zero; SIDE]; 3];
            for column in 0..3 {
                let line = std::array::from_fn(
                    #[inline(always)]
                    |row| numbers[(row * 3 + column) * tap_len + from],
                );
                half[column] = kernel_line(simd, line);
            }
            for row in 0..SIDE {
                let line = std::array::from_fn(
                    #[inline(always)]
                    |column| half[column][row],
                );
                let line = kernel_line(simd, line);
                for column in 0..SIDE {
                    to[(row * SIDE + column) * point_len + at] = line[column];
                }
            }
        }
    }
}

/// G g: the kernel's polynomial at each point p, by Π (p − q) over the other points q.
#[inline(always)]
fn kernel_line<S: Simd>(simd: S, g: [S::f32s; 3]) -> [S::f32s; SIDE] {
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

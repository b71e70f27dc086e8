//! [`Blueprint`]: the weights and the FLOPs of a network, computed from its configuration alone. Random
//! models are made after it, and `overpaint bench` counts with it.

use std::collections::BTreeMap;

/// The weights and the FLOPs of a network.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Blueprint {
    /// In the order they are met.
    pub(crate) weights: Vec<PlannedWeight>,
    /// FLOPs of one pass inside convolutions, linear layers and attention. The rest is left out: it is
    /// under one in a hundred, and every implementation spends it differently. So are savings such as
    /// Winograd's: this is what the network asks for.
    pub(crate) flops: u64,
    /// Most elements of activations at once, as far as they are drawn: what a layer reads and gives, and
    /// what is kept for later ones.
    pub(crate) peak_elements: usize,
    /// Most elements at once of each size of picture: what was freed at one size fits no other.
    peaks: BTreeMap<usize, usize>,
    /// What is kept for later layers just now.
    kept_elements: usize,
}

/// A weight, as it lies in a diffusers file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlannedWeight {
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
    pub(crate) role: Role,
}

/// What a weight does, which decides the distribution of its random values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// A matrix of a GEMM or an embedding, whose results are sums of `fan_in` terms.
    Matrix { fan_in: usize },
    /// Added to each result.
    Bias,
    /// The scale (γ) of a normalisation.
    NormScale,
}

/// Pictures inside a network: how many, and their size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grid {
    pub(crate) pictures: usize,
    pub(crate) height: usize,
    pub(crate) width: usize,
}

impl Grid {
    /// No pictures at all, where only weights are asked for.
    pub(crate) const NONE: Self = Self {
        pictures: 0,
        height: 0,
        width: 0,
    };

    /// All pixels of all pictures.
    pub(crate) fn pixels(self) -> usize {
        self.pictures * self.height * self.width
    }

    /// After a 3×3 convolution of stride 2 with one row of zeros on every side, or, where `far`,
    /// at the far borders only.
    pub(crate) fn halved(self, far: bool) -> Self {
        let half = |side: usize| if far { side / 2 } else { side.div_ceil(2) };
        Self {
            height: half(self.height),
            width: half(self.width),
            ..self
        }
    }

    /// Each pixel four times.
    pub(crate) fn doubled(self) -> Self {
        Self {
            height: 2 * self.height,
            width: 2 * self.width,
            ..self
        }
    }
}

impl Blueprint {
    /// Elements of blocks that were freed at other sizes than the largest one's.
    pub(crate) fn stale_elements(&self) -> usize {
        let all: usize = self.peaks.values().sum();
        all - self.peaks.values().max().unwrap_or(&0)
    }

    /// What `draw` draws.
    pub(crate) fn drawn(draw: impl FnOnce(&mut Draft<'_>)) -> Self {
        let mut blueprint = Self::default();
        draw(&mut Draft {
            blueprint: &mut blueprint,
            prefix: String::new(),
        });
        blueprint
    }
}

/// A [`Blueprint`] being drawn, below one name of the network; the mirror of
/// [`Loader`](crate::engine::nn::weights::Loader).
pub(crate) struct Draft<'a> {
    blueprint: &'a mut Blueprint,
    /// Empty, or ends with a dot.
    prefix: String,
}

impl Draft<'_> {
    /// Draws below `prefix`; the empty one changes nothing.
    pub(crate) fn scope(&mut self, prefix: &str) -> Draft<'_> {
        Draft {
            prefix: match prefix {
                "" => self.prefix.clone(),
                _ => format!("{}{prefix}.", self.prefix),
            },
            blueprint: &mut *self.blueprint,
        }
    }

    /// Draws below `list.index`.
    pub(crate) fn member(&mut self, list: &str, index: usize) -> Draft<'_> {
        self.scope(&format!("{list}.{index}"))
    }

    fn weight(&mut self, name: &str, shape: &[usize], role: Role) {
        self.blueprint.weights.push(PlannedWeight {
            name: format!("{}{name}", self.prefix),
            shape: shape.to_vec(),
            role,
        });
    }

    /// Counts a GEMM: m × n × k multiplications, and as many additions.
    fn gemm(&mut self, m: usize, n: usize, k: usize) {
        self.blueprint.flops += 2 * m as u64 * n as u64 * k as u64;
    }

    /// So many elements a pixel of activations live at once, beside those that are kept.
    pub(crate) fn live(&mut self, per_pixel: usize, grid: Grid) {
        let elements = per_pixel * grid.pixels();
        let blueprint = &mut *self.blueprint;
        let all = blueprint.kept_elements + elements;
        blueprint.peak_elements = blueprint.peak_elements.max(all);
        let peak = blueprint.peaks.entry(grid.pixels()).or_default();
        *peak = elements.max(*peak);
    }

    /// Keeps the pictures of a grid for a later layer.
    pub(crate) fn keep(&mut self, channels: usize, grid: Grid) {
        self.blueprint.kept_elements += channels * grid.pixels();
    }

    /// The later layer has come.
    pub(crate) fn let_go(&mut self, channels: usize, grid: Grid) {
        let kept = &mut self.blueprint.kept_elements;
        *kept = kept.saturating_sub(channels * grid.pixels());
    }

    /// A square convolution with a bias, that gives `out`.
    pub(crate) fn conv(
        &mut self,
        name: &str,
        (inputs, outputs): (usize, usize),
        kernel: usize,
        out: Grid,
    ) {
        self.conv_unbiased(name, (inputs, outputs), kernel, out);
        self.scope(name).weight("bias", &[outputs], Role::Bias);
    }

    /// The same without a bias.
    pub(crate) fn conv_unbiased(
        &mut self,
        name: &str,
        (inputs, outputs): (usize, usize),
        kernel: usize,
        out: Grid,
    ) {
        let k = inputs * kernel * kernel;
        let mut here = self.scope(name);
        let shape = [outputs, inputs, kernel, kernel];
        here.weight("weight", &shape, Role::Matrix { fan_in: k });
        here.gemm(out.pixels(), outputs, k);
    }

    /// A linear layer of `rows` tokens.
    pub(crate) fn linear(&mut self, name: &str, (inputs, outputs): (usize, usize), rows: usize) {
        self.linear_unbiased(name, (inputs, outputs), rows);
        self.scope(name).weight("bias", &[outputs], Role::Bias);
    }

    /// A linear layer without a bias.
    pub(crate) fn linear_unbiased(
        &mut self,
        name: &str,
        (inputs, outputs): (usize, usize),
        rows: usize,
    ) {
        let mut here = self.scope(name);
        here.weight(
            "weight",
            &[outputs, inputs],
            Role::Matrix { fan_in: inputs },
        );
        here.gemm(rows, outputs, inputs);
    }

    /// A normalisation over groups of channels or over tokens.
    pub(crate) fn norm(&mut self, name: &str, channels: usize) {
        let mut here = self.scope(name);
        here.weight("weight", &[channels], Role::NormScale);
        here.weight("bias", &[channels], Role::Bias);
    }

    /// A row of numbers for each of `count` ids.
    pub(crate) fn embedding(&mut self, name: &str, count: usize, width: usize) {
        let role = Role::Matrix { fan_in: width };
        self.scope(name).weight("weight", &[count, width], role);
    }

    /// Counts Q · Kᵀ and P · V of attention of every query to every key, in `members` batch members.
    /// `width` is that of all heads together.
    pub(crate) fn attention_gemms(
        &mut self,
        members: usize,
        (queries, keys): (usize, usize),
        width: usize,
    ) {
        self.gemm(members * queries, keys, width);
        self.gemm(members * queries, width, keys);
    }

    /// See [`Resnet`](super::resnet::Resnet). `time`: width and rows of the time embedding.
    pub(crate) fn resnet(
        &mut self,
        (inputs, outputs): (usize, usize),
        time: Option<(usize, usize)>,
        grid: Grid,
    ) {
        // The block's input, normalised, and a result; then that, normalised, and the residual.
        let widest = (2 * inputs + outputs).max(inputs + 2 * outputs);
        self.live(widest.max(3 * outputs), grid);
        self.norm("norm1", inputs);
        self.conv("conv1", (inputs, outputs), 3, grid);
        if let Some((width, rows)) = time {
            self.linear("time_emb_proj", (width, outputs), rows);
        }
        self.norm("norm2", outputs);
        self.conv("conv2", (outputs, outputs), 3, grid);
        if inputs != outputs {
            self.conv("conv_shortcut", (inputs, outputs), 1, grid);
        }
    }

    /// Halves the size; see [`Downsample`](super::resnet::Downsample).
    pub(crate) fn downsample(&mut self, channels: usize, smaller: Grid) {
        self.conv("downsamplers.0.conv", (channels, channels), 3, smaller);
    }

    /// Enlarges; see [`Upsample`](super::resnet::Upsample).
    pub(crate) fn upsample(&mut self, channels: usize, larger: Grid) {
        self.live(channels + channels / 4, larger);
        self.conv("upsamplers.0.conv", (channels, channels), 3, larger);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_counted_by_hand() {
        let grid = Grid {
            pictures: 2,
            height: 5,
            width: 3,
        };
        let drawn = Blueprint::drawn(|draft| {
            let mut draft = draft.scope("a");
            // 30 pixels · (7 · 9) numbers · 4 channels · 2
            draft.conv("conv", (7, 4), 3, grid);
            // 6 rows · 4 numbers · 5 channels · 2
            draft.linear("linear", (4, 5), 6);
            // 2 members · 3 queries · 8 numbers · 9 keys · 2, twice
            draft.attention_gemms(2, (3, 9), 8);
            draft.norm("norm", 5);
        });
        assert_eq!(
            drawn.flops,
            30 * 63 * 4 * 2 + 6 * 4 * 5 * 2 + 2 * 2 * 3 * 8 * 9 * 2
        );
        let names: Vec<_> = drawn.weights.iter().map(|w| w.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "a.conv.weight",
                "a.conv.bias",
                "a.linear.weight",
                "a.linear.bias",
                "a.norm.weight",
                "a.norm.bias"
            ]
        );
        assert_eq!(drawn.weights[0].shape, [4, 7, 3, 3]);
    }

    #[test]
    fn sizes_halve_as_convolutions_do() {
        let grid = Grid {
            pictures: 1,
            height: 5,
            width: 4,
        };
        let size = |grid: Grid| (grid.height, grid.width);
        assert_eq!(size(grid.halved(false)), (3, 2));
        assert_eq!(size(grid.halved(true)), (2, 2));
        assert_eq!(size(grid.doubled()), (10, 8));
    }
}

//! Group normalisation, with SiLU in the same pass.

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, bail};
use rayon::prelude::*;

/// Group normalisation ([Wu & He 2018](https://arxiv.org/abs/1803.08494)) of `(b, c, …)` with a
/// weight and a bias of `c` each, then SiLU where asked. Contiguous f32 on the CPU.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GroupNormOp {
    /// Groups the channels are divided in.
    pub(crate) groups: usize,
    /// Added to the variance.
    pub(crate) eps: f64,
    /// x · sigmoid(x) on the result.
    pub(crate) silu: bool,
}

impl CustomOp3 for GroupNormOp {
    fn name(&self) -> &'static str {
        "group-norm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let values = contiguous(x, x_layout)?;
        let weight = contiguous(weight, weight_layout)?;
        let bias = contiguous(bias, bias_layout)?;
        let (channels, area) = match x_layout.dims() {
            [_, channels, space @ ..] => (*channels, space.iter().product::<usize>()),
            dims => bail!("group-norm of a tensor of shape {dims:?}"),
        };
        if self.groups == 0
            || channels % self.groups != 0
            || weight.len() != channels
            || bias.len() != channels
        {
            bail!(
                "group-norm of {channels} channels in {} groups",
                self.groups
            );
        }
        let mut result = vec![0f32; values.len()];
        let group_channels = channels / self.groups;
        let group_len = group_channels * area;
        if group_len > 0 {
            result
                .par_chunks_mut(group_len)
                .zip(values.par_chunks(group_len))
                .enumerate()
                .for_each(|(index, (to, from))| {
                    let first = index % self.groups * group_channels;
                    let members = first..first + group_channels;
                    self.group(from, to, &weight[members.clone()], &bias[members]);
                });
        }
        Ok((CpuStorage::F32(result), x_layout.shape().clone()))
    }
}

impl GroupNormOp {
    /// Normalises one group: `weight.len()` channels, one after the other.
    fn group(&self, from: &[f32], to: &mut [f32], weight: &[f32], bias: &[f32]) {
        let count = from.len() as f64;
        let mean = sum(from, |x| x) / count;
        let shift = mean as f32;
        let variance = sum(from, |x| (x - shift) * (x - shift)) / count;
        // The mean is taken away before scaling: a mean far larger than the deviation would
        // otherwise eat its digits.
        let inverse_deviation = 1.0 / (variance + self.eps).sqrt();
        let area = from.len() / weight.len().max(1);
        let channels = from.chunks_exact(area).zip(to.chunks_exact_mut(area));
        for ((from, to), (weight, bias)) in channels.zip(weight.iter().zip(bias)) {
            let scale = (f64::from(*weight) * inverse_deviation) as f32;
            let offset = (f64::from(*bias) - (mean - f64::from(shift)) * f64::from(scale)) as f32;
            if self.silu {
                for (to, from) in to.iter_mut().zip(from) {
                    let x = (from - shift) * scale + offset;
                    *to = x / (1.0 + (-x).exp());
                }
            } else {
                for (to, from) in to.iter_mut().zip(from) {
                    *to = (from - shift) * scale + offset;
                }
            }
        }
    }
}

/// The sum of `f` over the values. In short f32 runs of independent lanes (fast), added up in f64
/// (exact enough for a million values).
fn sum(values: &[f32], f: impl Fn(f32) -> f32) -> f64 {
    const LANES: usize = 16;
    values
        .chunks(LANES * 64)
        .map(|run| {
            let mut lanes = [0f32; LANES];
            let mut chunks = run.chunks_exact(LANES);
            for chunk in &mut chunks {
                for (lane, x) in lanes.iter_mut().zip(chunk) {
                    *lane += f(*x);
                }
            }
            let rest: f32 = chunks.remainder().iter().map(|x| f(*x)).sum();
            lanes.iter().map(|lane| f64::from(*lane)).sum::<f64>() + f64::from(rest)
        })
        .sum()
}

/// The numbers of a contiguous f32 tensor.
fn contiguous<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    match (storage, layout.contiguous_offsets()) {
        (CpuStorage::F32(values), Some((start, end))) => Ok(&values[start..end]),
        _ => bail!("group-norm needs contiguous f32"),
    }
}

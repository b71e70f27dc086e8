//! The attention layer ([Vaswani et al. 2017](https://arxiv.org/abs/1706.03762), equation 1): flash
//! attention by our kernels on the CPU; elsewhere sliced attention by candle's operators. Neither has the
//! matrix of scores in memory as a whole.

mod windows;

use candle_core::{DType, Tensor};

pub(crate) use self::windows::{WindowAttention, WindowShape};
use super::cpu::{tensor, with_numbers};
use super::layers::{LayerInput, Linear, PostOps};
use super::weights::Loader;
use crate::engine::kernels::{self, AttentionSizes, Isa, flash_attention};
use crate::engine::{EngineError, Operation, OperationKind, Progress};

/// Scores that may be in memory at a time. 64 MiB hold a whole head of 4096 × 4096, the largest
/// in Stable Diffusion at 512 × 512.
pub(crate) const SCORES_BUDGET_BYTES: usize = 64 << 20;

/// How the four projections are named in a file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AttentionNames {
    /// Queries.
    pub(crate) q: &'static str,
    /// Keys.
    pub(crate) k: &'static str,
    /// Values.
    pub(crate) v: &'static str,
    /// Result.
    pub(crate) out: &'static str,
}

impl AttentionNames {
    /// As diffusers writes them.
    pub(crate) const DIFFUSERS: Self = Self {
        q: "to_q",
        k: "to_k",
        v: "to_v",
        out: "to_out.0",
    };
    /// As diffusers wrote them in autoencoders until version 0.17.
    pub(crate) const DIFFUSERS_LEGACY: Self = Self {
        q: "query",
        k: "key",
        v: "value",
        out: "proj_attn",
    };
    /// As transformers writes them.
    pub(crate) const TRANSFORMERS: Self = Self {
        q: "q_proj",
        k: "k_proj",
        v: "v_proj",
        out: "out_proj",
    };
}

/// Sizes of an attention layer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AttentionShape {
    /// Features of a query token, and of the result.
    pub(crate) width: usize,
    /// Features of a context token.
    pub(crate) context_width: usize,
    /// Heads.
    pub(crate) heads: usize,
    /// Features of each head.
    pub(crate) head_dim: usize,
    /// Whether queries, keys and values have a bias; the result always has.
    pub(crate) biased: bool,
}

/// An attention layer.
#[derive(Debug)]
pub(crate) struct Attention {
    q: Linear,
    k: Linear,
    v: Linear,
    out: Linear,
    heads: usize,
    /// The ISA of our kernels; `None` where candle's operators compute.
    isa: Option<Isa>,
}

impl Attention {
    /// The layer of those names and that shape.
    pub(crate) fn load(
        mut from: Loader<'_>,
        names: AttentionNames,
        shape: AttentionShape,
    ) -> Result<Self, EngineError> {
        let inner = shape.heads * shape.head_dim;
        let projection = if shape.biased {
            Linear::load
        } else {
            Linear::load_unbiased
        };
        Ok(Self {
            q: projection(
                from.scope(names.q).with_f32_activations(),
                shape.width,
                inner,
            )?,
            k: projection(
                from.scope(names.k).with_f32_activations(),
                shape.context_width,
                inner,
            )?,
            v: projection(
                from.scope(names.v).with_f32_activations(),
                shape.context_width,
                inner,
            )?,
            out: Linear::load(from.scope(names.out), inner, shape.width)?,
            heads: shape.heads,
            isa: from.kernel_isa(),
        })
    }

    /// The keys and values of every token of `context`, for any number of queries.
    pub(crate) fn kv(
        &self,
        context: impl Into<LayerInput>,
        progress: &mut dyn Progress,
    ) -> Result<PreparedKv, EngineError> {
        let kv = self.keys_and_values(&context.into(), progress)?;
        Ok(match self.isa {
            Some(isa) => PreparedKv::Packed(kv.packed(isa, self.heads)?),
            None => PreparedKv::Tensors(kv),
        })
    }

    /// Attention from every token of `x` to every token of `context`. `mask`, `(tokens of x, tokens of
    /// context)`, is added to the scores.
    pub(crate) fn forward_masked(
        &self,
        x: &LayerInput,
        context: &LayerInput,
        mask: &Tensor,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        let kv = self.keys_and_values(context, progress)?;
        let q = self.q.forward(x, progress)?;
        let y = self
            .sliced(&kv, Some(mask))
            .attend(&q, SCORES_BUDGET_BYTES, progress)?;
        self.out.forward(&y, progress)
    }

    /// Attention from every token of `x` to `kv`, plus `residual`, which has the shape of the result.
    pub(crate) fn forward_onto(
        &self,
        residual: &Tensor,
        x: &LayerInput,
        kv: &PreparedKv,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        let q = self.q.forward(x, progress)?;
        let y = match kv {
            PreparedKv::Packed(packed) => flash_on_cpu(packed, &q, progress)?,
            PreparedKv::Tensors(tensors) => {
                self.sliced(tensors, None)
                    .attend(&q, SCORES_BUDGET_BYTES, progress)?
            }
        };
        self.out.forward_then(&y, PostOps::onto(residual), progress)
    }

    fn keys_and_values(
        &self,
        context: &LayerInput,
        progress: &mut dyn Progress,
    ) -> Result<KeysAndValues, EngineError> {
        Ok(KeysAndValues {
            k: self.k.forward(context, progress)?,
            v: self.v.forward(context, progress)?,
        })
    }

    fn sliced<'a>(&self, kv: &'a KeysAndValues, mask: Option<&'a Tensor>) -> SlicedAttention<'a> {
        SlicedAttention {
            kv,
            heads: self.heads,
            mask,
        }
    }
}

/// Keys and values, ready for queries.
#[derive(Debug)]
pub(crate) enum PreparedKv {
    /// For our kernels on the processor.
    Packed(kernels::PackedKv),
    /// For candle's operators.
    Tensors(KeysAndValues),
}

/// Keys and values as the projections give them, both `(batch, tokens, inner)`.
#[derive(Debug)]
pub(crate) struct KeysAndValues {
    k: Tensor,
    v: Tensor,
}

impl KeysAndValues {
    /// For our kernels.
    fn packed(&self, isa: Isa, heads: usize) -> Result<kernels::PackedKv, EngineError> {
        let (batch, keys, inner) = self.k.dims3()?;
        let sizes = AttentionSizes {
            batch,
            heads,
            keys,
            head_dim: inner / heads.max(1),
        };
        let [k, v] = [self.k.contiguous()?, self.v.contiguous()?];
        with_numbers([&k, &v], |numbers| {
            Ok(kernels::PackedKv::pack(isa, sizes, numbers))
        })
    }
}

/// softmax(q kᵀ / √width) v for queries `(batch, tokens, inner)`, on the processor.
fn flash_on_cpu(
    kv: &kernels::PackedKv,
    q: &Tensor,
    progress: &mut dyn Progress,
) -> Result<Tensor, EngineError> {
    let (batch, queries, width) = q.dims3()?;
    progress.operation(Some(Operation {
        kind: OperationKind::Attention,
        m: batch * queries,
        n: width,
        k: kv.keys(),
    }));
    let q = q.contiguous()?;
    let output = with_numbers([&q], |[q]| Ok(flash_attention(kv, q, progress)?))?;
    progress.operation(None);
    tensor(output, q.shape(), &q)
}

/// Sliced attention by candle's operators.
#[derive(Debug, Clone, Copy)]
struct SlicedAttention<'a> {
    kv: &'a KeysAndValues,
    heads: usize,
    mask: Option<&'a Tensor>,
}

impl SlicedAttention<'_> {
    /// softmax(q kᵀ / √width + mask) v for queries `(batch, tokens, inner)`, with at most
    /// `budget_bytes` of scores at a time, but at least one query's.
    fn attend(
        &self,
        q: &Tensor,
        budget_bytes: usize,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        let (batch, queries, inner) = q.dims3()?;
        let head_dim = inner / self.heads.max(1);
        let q = (self.split(q)? / (head_dim as f64).sqrt())?;
        let k = self.split(&self.kv.k)?.transpose(1, 2)?;
        let v = self.split(&self.kv.v)?;
        let (members, _, keys) = k.dims3()?;

        let rows = (budget_bytes / (keys * size_of::<f32>()).max(1)).max(1);
        // As many whole heads as fit, or one head in several slices of queries.
        let slice_members = (rows / queries.max(1)).clamp(1, members.max(1));
        let slice_queries = rows.min(queries).max(1);
        let mut heads = Vec::with_capacity(members.div_ceil(slice_members));
        for member in (0..members).step_by(slice_members) {
            let count = slice_members.min(members - member);
            let k = k.narrow(0, member, count)?;
            let v = v.narrow(0, member, count)?;
            let mut slices = Vec::with_capacity(queries.div_ceil(slice_queries));
            for start in (0..queries).step_by(slice_queries) {
                progress.checkpoint()?;
                let len = slice_queries.min(queries - start);
                let q = q.narrow(0, member, count)?.narrow(1, start, len)?;
                slices.push(self.attend_slice(&q, &k, &v, start)?);
            }
            heads.push(joined(slices, 1)?);
        }
        Ok(joined(heads, 0)?
            .reshape((batch, self.heads, queries, head_dim))?
            .transpose(1, 2)?
            .contiguous()?
            .reshape((batch, queries, inner))?)
    }

    /// A slice of queries, the first of which has index `start`, of some heads.
    fn attend_slice(
        &self,
        q: &Tensor,
        k: &Tensor,
        v: &Tensor,
        start: usize,
    ) -> Result<Tensor, EngineError> {
        // The softmax is in f32: scores of large models overflow f16.
        let mut scores = q.contiguous()?.matmul(k)?.to_dtype(DType::F32)?;
        if let Some(mask) = self.mask {
            scores = scores.broadcast_add(&mask.narrow(0, start, q.dim(1)?)?)?;
        }
        let probabilities = candle_nn::ops::softmax_last_dim(&scores)?.to_dtype(v.dtype())?;
        Ok(probabilities.matmul(v)?)
    }

    /// `(batch, tokens, heads × width)` to `(batch × heads, tokens, width)`.
    fn split(&self, x: &Tensor) -> Result<Tensor, EngineError> {
        let (batch, tokens, inner) = x.dims3()?;
        let head_dim = inner / self.heads.max(1);
        Ok(x.reshape((batch, tokens, self.heads, head_dim))?
            .transpose(1, 2)?
            .contiguous()?
            .reshape((batch * self.heads, tokens, head_dim))?)
    }
}

/// The parts one after the other along `axis`; a single part is not copied.
fn joined(mut parts: Vec<Tensor>, axis: usize) -> Result<Tensor, EngineError> {
    if parts.len() == 1
        && let Some(part) = parts.pop()
    {
        return Ok(part);
    }
    Ok(Tensor::cat(&parts, axis)?)
}

#[cfg(test)]
mod tests;

//! Scaled dot-product attention ([Vaswani et al. 2017](https://arxiv.org/abs/1706.03762), equation 1),
//! head by head, as flash attention: `flash` for every ISA, `flash_amx` for AMX; `windows` within windows.

mod flash;
mod flash_amx;
mod online_softmax;
#[cfg(target_arch = "x86_64")]
mod softmax_amx;
#[cfg(target_arch = "x86_64")]
mod softmax_bf16;
#[cfg(test)]
mod tests;
mod windows;

use rayon::prelude::*;

use self::flash::{BLOCK_QUERIES, NormalizeOutput, QueryBlock};
#[cfg(not(target_arch = "x86_64"))]
pub(crate) use self::online_softmax::{OnlineSoftmax, SCORES_PER_TILE};
pub(crate) use self::windows::{TokenGrid, WindowAttention};
use super::dtype::DtypeVec;
use super::gemm::PackedWeights;
use super::isa::Isa;
use super::output::{DisjointOutput, Output, UninitBuffer};
use crate::engine::{Cancelled, Progress};

/// Multiply-adds between two checkpoints: some tens of milliseconds on one core.
const FMAS_PER_CHECKPOINT: usize = 1 << 31;

/// Sizes of keys and values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AttentionSizes {
    /// Members of the batch.
    pub(crate) batch: usize,
    /// Heads.
    pub(crate) heads: usize,
    /// Keys and values of each member.
    pub(crate) keys: usize,
    /// Features of a head.
    pub(crate) head_dim: usize,
}

impl AttentionSizes {
    /// Features of a token: all heads together.
    fn width(&self) -> usize {
        self.heads * self.head_dim
    }
}

/// Keys and values packed for attention, once for any number of queries.
#[derive(Debug)]
pub(crate) struct PackedKv {
    sizes: AttentionSizes,
    /// Head after head of one member after the other.
    heads: Vec<KvHead>,
}

impl PackedKv {
    /// The ISA they are packed for.
    fn isa(&self) -> Isa {
        let head = self.heads.first();
        head.map_or_else(Isa::portable, |head| head.keys.isa())
    }

    /// Keys of each batch member.
    pub(crate) fn keys(&self) -> usize {
        self.sizes.keys
    }

    /// Packs `k` and `v`, both `(batch, keys, heads × head_dim)`, for `isa`.
    pub(crate) fn pack(isa: Isa, sizes: AttentionSizes, [k, v]: [&[f32]; 2]) -> Self {
        assert_eq!(k.len(), sizes.batch * sizes.keys * sizes.width());
        assert_eq!(v.len(), k.len());
        let heads = (0..sizes.batch * sizes.heads)
            .into_par_iter()
            .map(|head| KvHead::pack(isa, &sizes, head, [k, v]))
            .collect();
        Self { sizes, heads }
    }
}

/// softmax(q kᵀ / √head_dim) v, head by head. `q` and the result are `(batch, queries, heads ×
/// head_dim)`. On AMX the result is bf16: only the output projection reads
/// it, which rounds it anyway.
#[expect(unsafe_code, reason = "results that are written in parts")]
pub(crate) fn flash_attention(
    kv: &PackedKv,
    q: &[f32],
    progress: &mut dyn Progress,
) -> Result<DtypeVec, Cancelled> {
    let width = kv.sizes.width();
    if q.is_empty() || kv.keys() == 0 {
        return Ok(DtypeVec::F32(vec![0.0; q.len()]));
    }
    assert!(q.len().is_multiple_of(kv.sizes.batch * width));
    let bf16_isa = kv.isa().bf16();
    Ok(match bf16_isa {
        Some(bf16_isa) if bf16_isa.amx().is_some() => {
            let mut output = UninitBuffer::new(q.len());
            let shared = DisjointOutput::new(&mut output);
            run_blocks(kv, q, &Output::Bf16(bf16_isa, shared), progress)?;
            // SAFETY: as `run_blocks` says.
            DtypeVec::Bf16(unsafe { output.assume_init() })
        }
        _ => {
            let mut output = UninitBuffer::new(q.len());
            let shared = Output::F32(DisjointOutput::new(&mut output));
            run_blocks(kv, q, &shared, progress)?;
            // SAFETY: as `run_blocks` says.
            DtypeVec::F32(unsafe { output.assume_init() })
        }
    })
}

/// Writes every element of `output`.
fn run_blocks(
    kv: &PackedKv,
    q: &[f32],
    output: &Output<'_>,
    progress: &mut dyn Progress,
) -> Result<(), Cancelled> {
    let AttentionSizes {
        batch,
        heads,
        keys,
        head_dim,
    } = kv.sizes;
    let width = kv.sizes.width();
    let queries = q.len() / (batch * width);
    let blocks = queries.div_ceil(BLOCK_QUERIES);
    let tasks = Tasks {
        count: batch * heads * blocks,
        fmas: 2 * BLOCK_QUERIES.min(queries) * keys * head_dim,
    };
    // Every head of every block of queries is a task, which writes the head's features of its queries.
    tasks.run((kv.isa(), head_dim), progress, |block, task| {
        let (head, first) = (task / blocks, task % blocks * BLOCK_QUERIES);
        let count = BLOCK_QUERIES.min(queries - first);
        let start = (head / heads * queries + first) * width + head % heads * head_dim;
        let starts: Vec<usize> = (0..count).map(|row| start + row * width).collect();
        let rows: Vec<&[f32]> = starts
            .iter()
            .map(|start| &q[*start..][..head_dim])
            .collect();
        block.run(&kv.heads[head], &rows, &[]);
        kv.isa().run(NormalizeOutput {
            block,
            starts: &starts,
            output,
        });
    })
}

/// Equal parts of attention, each of one head.
#[derive(Debug, Clone, Copy)]
struct Tasks {
    count: usize,
    /// Multiplications and additions in each.
    fmas: usize,
}

impl Tasks {
    /// Does all of them on all threads, each of which has a block of queries for heads of `head_dim` features, with
    /// checkpoints between.
    fn run(
        self,
        (isa, head_dim): (Isa, usize),
        progress: &mut dyn Progress,
        work: impl Fn(&mut QueryBlock, usize) + Sync,
    ) -> Result<(), Cancelled> {
        let at_once = (FMAS_PER_CHECKPOINT / self.fmas.max(1))
            .max(1)
            .next_multiple_of(rayon::current_num_threads());
        for start in (0..self.count).step_by(at_once) {
            progress.checkpoint()?;
            (start..self.count.min(start + at_once))
                .into_par_iter()
                .for_each_init(|| QueryBlock::new(isa, head_dim), &work);
        }
        Ok(())
    }
}

/// Keys and values of one head of one member.
#[derive(Debug)]
struct KvHead {
    keys: PackedWeights,
    values: PackedWeights,
}

impl KvHead {
    /// Packs head number `head` of `k` and `v`, counted over all members.
    fn pack<'a>(isa: Isa, sizes: &AttentionSizes, head: usize, [k, v]: [&'a [f32]; 2]) -> Self {
        let (keys, head_dim, width) = (sizes.keys, sizes.head_dim, sizes.width());
        let start = head / sizes.heads * keys * width + head % sizes.heads * head_dim;
        let (k, v) = (k.get(start..), v.get(start..));
        let (k, v) = (k.unwrap_or_default(), v.unwrap_or_default());
        let row = |numbers: &'a [f32], key: usize| &numbers[key * width..][..head_dim];
        Self {
            keys: PackedWeights::pack_nk(isa, [keys, head_dim], |key| row(k, key)),
            values: PackedWeights::pack_kn(isa, [head_dim, keys], |key| row(v, key)),
        }
    }
}

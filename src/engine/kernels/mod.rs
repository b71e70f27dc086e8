//! CPU kernels of the networks' operators: GEMM, convolution, attention, normalization. README.md here has
//! the plan and a figure.
//!
//! Pictures are stored channels last (NHWC): all channels of a pixel lie together, so an implicit GEMM
//! reads rows of A from the picture and needs no im2col copy. Weights are packed once, when a network is
//! loaded.
//!
//! The room for everything that is written per ISA. It knows slices, neither tensors nor networks;
//! `engine/nn` puts it behind its layers.

#![expect(
    clippy::inline_always,
    reason = "pulp compiles a function for an instruction set by inlining it"
)]
#![cfg_attr(
    not(target_arch = "x86_64"),
    expect(
        dead_code,
        irrefutable_let_patterns,
        unreachable_code,
        unused_variables,
        reason = "there are no values of `Bf16Isa` and `Amx`"
    )
)]

mod activation;
mod attention;
mod block_allocator;
mod concat;
mod conv;
mod convert;
mod dtype;
mod elementwise;
mod gemm;
mod isa;
mod max_pool;
mod norm;
mod output;
mod peak;
mod prefetch;
#[cfg(test)]
mod reference;
mod shift;
#[cfg(not(target_arch = "x86_64"))]
mod unsupported_bf16;
mod upsample;

pub(crate) use activation::{Rectifier, gelu_each, rectify};
pub(crate) use attention::{AttentionSizes, PackedKv, TokenGrid, WindowAttention, flash_attention};
pub use block_allocator::BlockAllocator;
pub(crate) use block_allocator::{
    MAX_BYTES as FREE_LIST_MAX_BYTES, VERY_LARGE as VERY_LARGE_BYTES,
};
pub(crate) use concat::concat_channels;
pub(crate) use conv::{ConvGeometry, DepthwiseFilter, conv2d, depthwise};
pub(crate) use dtype::{DtypeSlice, DtypeVec};
pub(crate) use gemm::{
    Epilogue, GemmInput, LowRankUpdate, PackTarget, PackedWeights, WeightDtype, can_fuse_geglu,
    geglu_row_order, linear,
};
pub(crate) use isa::Isa;
pub(crate) use max_pool::{PictureSize, max_pool_halved};
pub(crate) use norm::{GroupNorm, GroupNormStats, LayerNorm, Norm};
pub use peak::{Peak, peak};
pub(crate) use shift::shift_pictures;
pub(crate) use upsample::upsample_bilinear;

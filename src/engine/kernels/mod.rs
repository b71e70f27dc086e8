//! The networks' operators on the processor: convolution, linear layers, attention, normalisation.
//!
//! Pictures are stored channels last, `(batch, height, width, channels)`: all channels of a pixel
//! lie together, so a convolution is a sum of products of pixels with panels of weights and needs
//! no copy of its input. Weights are packed once, when a network is loaded.
//!
//! One room for everything that is worth writing per instruction set. It knows slices and numbers,
//! neither tensors nor networks; `engine/diffusion` puts it behind its layers.

#![expect(
    clippy::inline_always,
    reason = "pulp compiles a function for an instruction set by inlining it"
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
mod norm;
mod output;
mod peak;
mod prefetch;
#[cfg(test)]
mod reference;
#[cfg(not(target_arch = "x86_64"))]
mod unsupported_bf16;

pub(crate) use attention::{AttentionSizes, PackedKv, flash_attention};
pub use block_allocator::BlockAllocator;
pub(crate) use concat::concat_channels;
pub(crate) use conv::{ConvGeometry, conv2d};
pub(crate) use dtype::{DtypeSlice, DtypeVec};
pub(crate) use gemm::{
    Epilogue, GemmInput, PackedWeights, WeightDtype, can_fuse_geglu, geglu_row_order, linear,
};
pub(crate) use isa::Isa;
pub(crate) use norm::{GroupNorm, GroupNormStats, LayerNorm, Norm};
pub use peak::{Peak, peak};

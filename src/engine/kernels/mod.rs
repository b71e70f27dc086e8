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
mod conv;
mod isa;
mod join;
mod norm;
mod pack;
mod pairs;
mod peak;
mod product;
mod recycling;
mod shared;
mod tile;
mod values;
mod widen;
mod winograd;

pub(crate) use attention::{AttentionSizes, PackedKv, flash_attention};
pub(crate) use conv::{ConvGeometry, conv2d};
pub(crate) use isa::Isa;
pub(crate) use join::concat_channels;
pub(crate) use norm::{GroupNorm, LayerNorm, GroupNormStats, Norm};
pub(crate) use pack::{WeightDtype, PackedWeights};
pub use peak::{Peak, peak};
pub(crate) use product::{Epilogue, can_fuse_geglu, geglu_row_order, linear};
pub use recycling::BlockAllocator;
pub(crate) use values::{DtypeVec, GemmInput, DtypeSlice};

#[cfg(test)]
mod reference;

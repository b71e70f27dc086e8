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
mod instructions;
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

pub(crate) use attention::{AttentionSizes, KeysAndValues, attend};
pub(crate) use conv::{ConvGeometry, conv2d};
pub(crate) use instructions::Instructions;
pub(crate) use join::side_by_side;
pub(crate) use norm::{GroupNorm, LayerNorm, MeasuredGroups, Norm};
pub(crate) use pack::{Numbers, PackedWeights};
pub use peak::{Peak, peak};
pub(crate) use product::{Finish, can_be_gated, gated_order, linear};
pub use recycling::Recycling;
pub(crate) use values::{Computed, Input, Values};

#[cfg(test)]
mod reference;

//! What every network here needs: device, precision, weights, layers and tensors, on candle.
//!
//! Layers call `engine/kernels` on the processor and candle's operators elsewhere; the networks do not
//! know which. Knows no network and no picture file; errors of candle become an
//! [`EngineError`](super::EngineError) here.

pub(crate) mod attention;
pub(crate) mod cpu;
pub(crate) mod device;
pub(crate) mod failure;
#[cfg(test)]
pub(crate) mod goldens;
pub(crate) mod layers;
pub(crate) mod precision;
pub(crate) mod tensors;
pub(crate) mod weights;

pub use device::{DeviceChoice, PrecisionChoice};

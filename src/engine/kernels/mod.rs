//! What is written for each instruction set of the processor. Knows slices and numbers, neither
//! tensors nor networks.

mod instructions;
mod peak;

pub use peak::{Peak, peak};

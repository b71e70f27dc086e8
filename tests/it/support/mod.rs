//! What several tests need: a window without a desktop, and a painter without a graphics card.

pub mod pictures;
pub mod rasterizer;
pub mod window;

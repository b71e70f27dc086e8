//! What several modules need.

pub(crate) mod pictures;
pub(crate) mod rasterizer;
pub(crate) mod session;
pub(crate) mod window;

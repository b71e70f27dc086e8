//! What several modules need.

#[expect(
    clippy::disallowed_types,
    reason = "what a scripted server knows is shared by its connections"
)]
pub(crate) mod comfy;
pub(crate) mod files;
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
pub(crate) mod hub;
#[expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
pub(crate) mod pictures;
#[expect(clippy::expect_used, reason = "a test fails by panicking")]
pub(crate) mod rasterizer;
pub(crate) mod session;
#[expect(clippy::expect_used, reason = "a test fails by panicking")]
pub(crate) mod window;

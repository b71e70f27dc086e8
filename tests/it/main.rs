//! The one integration binary: linking candle and egui once is slow enough.

mod architecture;
mod edit_flow;
mod jobs;
mod recovery;
mod support;
mod texts;
mod ui;

//! The one integration binary: linking candle and egui once is slow enough.

mod architecture;
mod cli;
mod edit_flow;
mod jobs;
mod outside;
mod recovery;
mod support;
mod texts;

//! The one integration binary: linking candle and egui once is slow enough.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on should say where"
)]

mod architecture;
mod cli;
mod edit_flow;
mod idle;
mod jobs;
mod outside;
mod previews;
mod recovery;
mod support;
mod texts;
mod ui;
mod ui_numbers;
mod ui_panel;

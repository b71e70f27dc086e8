//! The one integration binary: linking candle and egui once is slow enough.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on should say where"
)]

mod actions;
mod architecture;
mod background;
mod batch;
mod bench;
mod carried;
mod cli;
mod clicking;
mod comparison;
mod edit_flow;
mod erase;
mod getting;
mod idle;
mod jobs;
mod lanes;
mod mask_files;
mod mask_tools;
mod older_journals;
mod outside;
mod previews;
mod projects;
mod queue;
mod recently_closed;
mod recovery;
mod refusals;
mod rerun;
mod results;
mod saving;
mod second_pass;
mod selecting;
mod servers;
mod support;
mod texts;
mod ui;
mod ui_batch;
mod ui_first_hour;
mod ui_guide;
mod ui_loras;
mod ui_mask;
mod ui_numbers;
mod ui_panel;
mod ui_recovery;
mod ui_results;
mod ui_selection;
mod ui_start;
mod ui_stranger;

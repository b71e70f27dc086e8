//! Overpaint: a native editor for img2img and inpainting. This file is the map of the rooms.
//!
//! Arrows point down only; `tests/it/architecture.rs` holds them.
//!
//! ```text
//!   main ─ cli ─┐         ui        (window: the only room that names egui)
//!               │          │
//!               │        editor     (the application without a window)
//!               │          │
//!               └────┬─ jobs ──┬─ document
//!                    │         │
//!                 engine ──────┤    (engine: diffusion → nn → kernels; only the first two name candle)
//!                    │         │
//!                   plan       │
//!                ┌───┴────┐    │
//!             catalog completion    (content-aware fill)
//!                │        │    │
//!                │        raster
//!                └────┬────┘
//!                   geometry · text
//! ```

pub mod catalog;
pub mod cli;
pub mod completion;
pub mod document;
pub mod editor;
pub mod engine;
pub mod geometry;
pub mod jobs;
pub mod plan;
pub mod raster;
pub mod text;
pub mod ui;

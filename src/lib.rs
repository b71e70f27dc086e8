//! Overpaint: a native editor for img2img and inpainting. This file is the map of the rooms.
//!
//! Arrows point down only; `tests/it/architecture.rs` holds them.
//!
//! ```text
//!   main ─ cli ─┐         ui        (window: the only room that names egui)
//!               │          │
//!               │        editor     (the application without a window)
//!               │          │
//!               └────┬─ jobs ──┬─ project (a document in one file)
//!                    │         │
//!                    │      document
//!                    │         │
//!                 engine ──────┤    (engine: diffusion, vision → nn → kernels; all but the last name candle)
//!                    │         │
//!                bulk, plan    │       (bulk: a folder of pictures, one recipe)
//!                ┌───┴────┐    │
//!   downloads ─ catalog  completion, backdrop    (models from the network; content-aware fill; another background)
//!                │        │    │
//!                │        raster ── select
//!                └────┬────┘
//!                   geometry · text
//! ```

pub mod backdrop;
pub mod bulk;
pub mod catalog;
pub mod cli;
pub mod completion;
pub mod document;
pub mod downloads;
pub mod editor;
pub mod engine;
pub mod geometry;
pub mod jobs;
pub mod plan;
pub mod project;
pub mod raster;
pub mod select;
pub mod text;
pub mod ui;

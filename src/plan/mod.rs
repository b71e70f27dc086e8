//! From picture, mask and settings to work for an engine, and back to a patch: pure arithmetic.
//!
//! [`EditRequest`] is made where the user is (cheap: it shares tiles). [`prepare()`] turns it into an
//! [`EngineInput`] on the worker thread, [`Prepared::finish`] turns the engine's picture into a
//! [`Patch`](crate::raster::Patch). Called by `jobs`, `editor` (for what the canvas shows before a
//! run) and the command line. Never names candle, the document or the window.

pub mod a1111_infotext;
mod composite_alpha;
mod details;
mod distance;
mod engine_mask;
mod erase;
mod error;
mod fill;
mod infotext_loras;
mod kept;
pub mod layout;
mod lora;
mod outline;
mod passes;
mod prepare;
mod preview;
mod put;
mod region_boxes;
pub mod request;
mod resample;
mod seam;
mod second_pass;
pub mod settings;
mod shrink;
mod sites;
mod task;
mod work_size;

pub use a1111_infotext::{Recipe, Restored};
pub use composite_alpha::{RegionBounds, region_bounds};
pub use erase::{EraseError, EraseRequest, EraseSettings, erase};
pub use error::PlanError;
pub use layout::{Layout, layout};
pub use lora::{LoraUse, LoraWeight};
pub use outline::{BandOutline, Fineness, Lines, painted_outline};
pub use passes::{Pass, later_passes};
pub use prepare::{Prepared, keeps_details, prepare, prepare_watched};
pub use preview::PreviewPatch;
pub use put::Put;
pub use region_boxes::RegionBoxes;
pub use request::{EditRequest, EngineInput, EngineMask, LatentFill};
pub use seam::{seam, set_for_seam};
pub use second_pass::SecondPass;
pub use settings::{
    AreaMode, EditSettings, FillMode, Guidance, KeepDetails, Length, MaskMode, SamplerId,
    ScheduleId, Seed, Steps, Strength,
};
pub use shrink::shrunk;
pub use sites::Sites;
pub use task::Task;
pub use work_size::WorkSize;

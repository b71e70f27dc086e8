//! Work beside the user: a thread for each engine with their queue, and threads for files and journals.
//! The only room that starts threads (with `engine/kernels`).
//!
//! Called by `editor`. Never names the document, the window or candle. Nothing here is shared
//! between threads but the flag that cancels; everything else is sent.

mod asking;
mod batch;
mod clicking;
mod downloads;
mod edit;
mod engines;
mod erase;
mod estimate;
mod forecast;
mod lane;
mod provenance;
mod queue;
mod rest;
mod runner;
mod sight;
mod speeds;
mod tasks;
mod turns;
mod worker;

pub use asking::{Answered, AskLane};
pub use batch::{
    AHEAD, Batch, BatchEvent, BatchLane, BatchOrder, BatchResult, BatchSeconds, BatchWatcher,
    PictureTold, REPORT, REVIEW, Review, open_journal, run_batch, sight_identity, write_tables,
};
pub use clicking::{ClickLane, ClickRequest, Clicked, Clicker};
pub use downloads::{DownloadEvent, DownloadId, DownloadLane};
pub use edit::{EditError, EditProgress, EditResult, KeptDetails, PassRun, run_edit};
pub use engines::{EngineId, Engines, Home};
pub use erase::{EraseLane, Erased};
pub use forecast::{Forecast, Planned};
pub use lane::Standing;
pub use provenance::{Difference, Provenance};
pub use runner::{JobEvent, Runner};
pub use sight::{SightError, see};
pub use speeds::Speeds;
pub use tasks::{Task, TaskEvent, TaskThread, TooBusy};
pub use turns::EngineTurns;
pub use worker::Wake;

pub use crate::engine::{Demands, DemandsOf, RunReport, RunSeconds, Stage, Unwatched};

use serde::{Deserialize, Serialize};

use crate::engine::{Engine, EngineError, Vision};

/// Names a job; never used twice in the program's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct JobId(pub u64);

/// Makes an engine, on the thread that uses it: when the first job comes, and again after a panic.
pub type EngineFactory =
    std::sync::Arc<dyn Fn() -> Result<Box<dyn Engine>, EngineError> + Send + Sync>;

/// Makes what sees, on the thread where it looks: for each picture anew, so that nothing is held between.
pub type VisionFactory =
    std::sync::Arc<dyn Fn() -> Result<Box<dyn Vision>, EngineError> + Send + Sync>;

//! Bulk: a folder of pictures and one recipe. What is to be done, under which names, and what is done
//! already.
//!
//! [`BulkRecipe`] is the file people share (TOML). From it, a picture's name and its prompt come the
//! [`Variation`]s of that picture, and from those its [`Job`]s: settings, name of the output, and a key made
//! of everything the bytes depend on. [`Journal`] remembers by key what is done. All but the journal is
//! pure; `jobs::run_batch` does the work, `cli` and the window say it.
//!
//! The text *one* edited picture carries about its settings is another thing: `plan::a1111_infotext`.

mod doubt;
mod error;
mod from_settings;
mod identity;
mod journal;
mod key;
mod listing;
mod output;
mod prompts;
mod ready;
mod recipe;
mod report;
mod review;
mod template;
mod variations;
mod words;
mod work;

pub use doubt::{Doubt, Flag};
pub use error::{BulkError, NotReady};
pub use identity::model_identity;
pub use journal::{BATCH_FOLDER, Done, Journal, JournalError, KnownMask};
pub use key::Key;
pub use listing::{Listing, Source, list};
pub use output::{OutputFormat, OutputSection};
pub use prompts::{PromptTable, Prompts, is_of_each};
pub use ready::{lora_parts, loras_named, made_ready, made_ready_on};
pub use recipe::{
    Action, BackgroundSection, BulkRecipe, EditSection, EraseSection, MaskSection, RECIPE_ENDING,
    RECIPE_VERSION,
};
pub use report::{ReportRow, State, report_csv};
pub use review::{Decision, ReviewRow, decisions, review_csv, review_folder, review_rows};
pub use words::SeedRule;
pub use work::{Behind, Facts, Job, JobTask, Model, Variation, Work};

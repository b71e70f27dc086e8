//! [`CliError`]: why a command failed, and with which exit code.

use std::path::PathBuf;

use crate::backdrop::BackdropError;
use crate::bulk::{BulkError, JournalError};
use crate::catalog::CatalogError;
use crate::downloads::DownloadError;
use crate::jobs::{EditError, SightError};
use crate::plan::{EraseError, PlanError};
use crate::raster::file::PictureError;
use crate::text::{Explain, Message, error_speaks};

pub(super) const BAD_ARGUMENTS: u8 = 2;
const BAD_INPUT: u8 = 3;
const BAD_MODEL: u8 = 4;
pub(super) const FAILED_RUN: u8 = 5;
const SOME_TO_LOOK_AT: u8 = 6;

/// Why a command failed.
#[derive(Debug, Clone, PartialEq)]
pub enum CliError {
    /// An argument is out of its range (exit code 2).
    Argument(Message),
    /// Picture or mask cannot be used (3).
    Input(PictureError),
    /// Nothing is painted in the mask's file (3).
    EmptyMask(PathBuf),
    /// There is nothing of the kind to select (3), or the networks that look failed (5).
    Sight(SightError),
    /// The model cannot be used (4).
    Model(CatalogError),
    /// The edit failed or was cancelled (5; 4 where the model's files are to blame; 2 or 3 where
    /// settings or picture are).
    Edit(EditError),
    /// Nothing was erased: too little is left to copy from, or the mask does not fit (3); it was
    /// cancelled (5).
    Erase(EraseError),
    /// A recipe or what it names cannot be used (2).
    Recipe(PathBuf, BulkError),
    /// What is done cannot be read or written down (5; 2 where the folder was not to be used).
    Journal(JournalError),
    /// Some pictures of a batch failed (5).
    SomeFailed(usize),
    /// No picture of a batch failed, and some want a look (6).
    SomeToLookAt {
        /// How many.
        count: usize,
        /// Their masks are in a review.
        is_laid_out: bool,
    },
    /// A batch was stopped (5).
    Stopped,
    /// Nothing can be put behind: nothing or everything is selected, or the mask does not fit (3); a
    /// mistake of ours (5).
    Backdrop(BackdropError),
    /// Nothing was fetched: it cannot be asked for so, or nobody agreed to the licence (2), or the network
    /// or the disk did not give or take it (5).
    Download(DownloadError),
    /// The result cannot be written (5).
    Output(PictureError),
    /// The window cannot be opened (5).
    Window(Message),
    /// The answer of the system to something else (5).
    System(String),
}

impl CliError {
    /// The exit code of the program.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Argument(_) | Self::Recipe(..) | Self::Journal(JournalError::Exists(_)) => {
                BAD_ARGUMENTS
            }
            Self::Download(
                DownloadError::BadSource(_)
                | DownloadError::Several { .. }
                | DownloadError::LicenceOpen(_),
            ) => BAD_ARGUMENTS,
            Self::SomeToLookAt { .. } => SOME_TO_LOOK_AT,
            Self::Input(_) | Self::EmptyMask(_) | Self::Sight(SightError::Select(_)) => BAD_INPUT,
            Self::Model(_) => BAD_MODEL,
            Self::Edit(EditError::Engine(error)) | Self::Sight(SightError::Engine(error))
                if error.is_about_model() =>
            {
                BAD_MODEL
            }
            Self::Edit(EditError::Plan(error)) => match error {
                PlanError::MaskSize { .. }
                | PlanError::EverythingKept
                | PlanError::EmptyPicture
                | PlanError::Profile(_) => BAD_INPUT,
                PlanError::EngineSize { .. } | PlanError::Scaling(_) | PlanError::Cancelled => {
                    FAILED_RUN
                }
                _ => BAD_ARGUMENTS,
            },
            Self::Erase(error) if !error.is_cancelled() => BAD_INPUT,
            Self::Backdrop(error) if !error.is_ours() => BAD_INPUT,
            Self::Backdrop(_)
            | Self::Edit(EditError::Engine(_))
            | Self::Sight(SightError::Engine(_))
            | Self::Erase(_)
            | Self::Journal(_)
            | Self::SomeFailed(_)
            | Self::Stopped
            | Self::Download(_)
            | Self::Output(_)
            | Self::Window(_)
            | Self::System(_) => FAILED_RUN,
        }
    }
}

impl From<PlanError> for CliError {
    fn from(error: PlanError) -> Self {
        Self::Argument(error.message())
    }
}

impl From<JournalError> for CliError {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}

impl From<CatalogError> for CliError {
    fn from(error: CatalogError) -> Self {
        Self::Model(error)
    }
}

impl From<SightError> for CliError {
    fn from(error: SightError) -> Self {
        Self::Sight(error)
    }
}

impl From<DownloadError> for CliError {
    fn from(error: DownloadError) -> Self {
        Self::Download(error)
    }
}

impl From<EditError> for CliError {
    fn from(error: EditError) -> Self {
        Self::Edit(error)
    }
}

impl From<EraseError> for CliError {
    fn from(error: EraseError) -> Self {
        Self::Erase(error)
    }
}

impl From<BackdropError> for CliError {
    fn from(error: BackdropError) -> Self {
        Self::Backdrop(error)
    }
}

impl Explain for CliError {
    fn message(&self) -> Message {
        match self {
            Self::Argument(message) | Self::Window(message) => message.clone(),
            Self::Input(error) | Self::Output(error) => error.message(),
            Self::EmptyMask(path) => Message::new("cli-mask-empty").with("path", path.as_path()),
            Self::Sight(error) => error.message(),
            Self::Model(error) => error.message(),
            Self::Edit(error) => error.message(),
            Self::Erase(error) => error.message(),
            Self::Recipe(path, error) => Message::new("cli-recipe-unusable")
                .with("path", path.as_path())
                .with("said", error.message()),
            Self::Journal(error) => error.message(),
            Self::SomeFailed(count) => Message::new("cli-batch-failed").with("count", *count),
            Self::SomeToLookAt { count, is_laid_out } => {
                let key = if *is_laid_out {
                    "cli-batch-look-review"
                } else {
                    "cli-batch-look"
                };
                Message::new(key).with("count", *count)
            }
            Self::Stopped => Message::new("cli-batch-stopped"),
            Self::Backdrop(error) => error.message(),
            Self::Download(error) => error.message(),
            Self::System(why) => Message::new("cli-system").with("why", why.clone()),
        }
    }
}

error_speaks!(CliError);

//! The arguments of `overpaint models`, as they are typed.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand, ValueEnum};

use crate::catalog::{Distillation, PredictionType};

/// `overpaint models`.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct ModelsArgs {
    #[command(subcommand)]
    pub(in crate::cli) command: Option<ModelsCommand>,
}

/// What is done with models.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum ModelsCommand {
    /// All models
    List,
    /// One model
    Info {
        /// An id of the list, a checkpoint file, or a diffusers folder
        model: String,
    },
    /// Models worth getting: what each is good for, its licence, and how long a picture would take here
    ListAvailable,
    /// Get a model from the network. Its licence is shown first; what was broken off goes on
    Get {
        /// An id of `list-available`, hf:OWNER/NAME, hf:OWNER/NAME/FILE, or the address of a file
        #[arg(value_name = "ID|hf:OWNER/NAME[/FILE]|URL")]
        source: String,
        /// Agree to the licence without being asked
        #[arg(long)]
        accept_licence: bool,
    },
    /// Remember a checkpoint file, a folder with models, or the folder of another program
    /// (AUTOMATIC1111, Forge, ComfyUI)
    Add {
        /// File or folder
        path: PathBuf,
    },
    /// Say how a checkpoint file is to be run where it does not say it itself, or says it wrongly. It
    /// is remembered for the file, wherever it lies; what is left out is as the file says
    Tell {
        /// An id of the list, or a checkpoint file
        model: String,
        /// What it predicts
        #[arg(long, value_enum)]
        prediction: Option<PredictionArg>,
        /// For how few steps it was distilled
        #[arg(long, value_enum)]
        kind: Option<KindOfSteps>,
        /// Side of the square pictures it was trained on, in pixels
        #[arg(long, value_name = "PX", value_parser = clap::value_parser!(u32).range(256..=2048))]
        side: Option<u32>,
    },
}

/// `--prediction`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum PredictionArg {
    /// The noise
    Epsilon,
    /// The velocity
    V,
}

impl From<PredictionArg> for PredictionType {
    fn from(prediction: PredictionArg) -> Self {
        match prediction {
            PredictionArg::Epsilon => Self::Epsilon,
            PredictionArg::V => Self::VPrediction,
        }
    }
}

/// `--kind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum KindOfSteps {
    /// Not distilled: it takes its usual number of steps
    All,
    /// A latent consistency model
    Lcm,
    /// Turbo
    Turbo,
    /// Lightning, Hyper
    Lightning,
}

impl From<KindOfSteps> for Distillation {
    fn from(kind: KindOfSteps) -> Self {
        match kind {
            KindOfSteps::All => Self::None,
            KindOfSteps::Lcm => Self::Consistency,
            KindOfSteps::Turbo => Self::Turbo,
            KindOfSteps::Lightning => Self::Lightning,
        }
    }
}

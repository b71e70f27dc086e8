//! The arguments of `overpaint engines`, as they are typed.

use clap::{Args as ClapArgs, Subcommand, ValueEnum};

use crate::catalog::Family;

/// `overpaint engines`.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct EnginesArgs {
    #[command(subcommand)]
    pub(in crate::cli) command: Option<EnginesCommand>,
}

/// What is done with engines.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum EnginesCommand {
    /// All of them: this machine, and the servers that were added
    List,
    /// Add a ComfyUI, or a WebUI with its API (AUTOMATIC1111, Forge, SD.Next, stable-diffusion.cpp)
    Add {
        /// Its address, such as http://studio:8188
        #[arg(value_name = "URL")]
        address: String,
        /// What it is called here [default: its host]
        #[arg(long)]
        name: Option<String>,
        /// File with its key, or USER:PASSWORD; - reads it from standard input
        #[arg(long, value_name = "FILE|-")]
        key_file: Option<String>,
        /// A header that a proxy before it wants. May be given several times
        #[arg(long, value_name = "NAME: VALUE")]
        header: Vec<String>,
    },
    /// Ask a server what it is and which models it has
    Test {
        /// Its name or address
        #[arg(value_name = "NAME|URL")]
        engine: String,
    },
    /// Forget a server and its key
    Remove {
        /// Its name or address
        #[arg(value_name = "NAME|URL")]
        engine: String,
    },
}

/// `--engine` and what goes with it.
#[derive(Debug, Clone, PartialEq, Eq, ClapArgs)]
pub struct EngineArgs {
    /// What runs it: local, or the name or address of a server (see overpaint engines); --model then
    /// names a model there, or a graph of ComfyUI in API format (*.json)
    #[arg(long, value_name = "local|NAME|URL", default_value = EngineArgs::LOCAL)]
    pub engine: String,
    /// Family of a server's model, where its name does not tell it; it is remembered for a server that
    /// was added, until auto takes it back
    #[arg(long, value_enum, value_name = "FAMILY")]
    pub family: Option<FamilyArg>,
}

impl EngineArgs {
    /// This machine.
    pub(in crate::cli) const LOCAL: &'static str = "local";
}

/// `--family`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FamilyArg {
    /// Stable Diffusion 1.x
    Sd1,
    /// Stable Diffusion 2.x
    Sd2,
    /// Stable Diffusion XL
    Sdxl,
    /// What its file or its name tells
    Auto,
}

impl FamilyArg {
    /// The family; `None` where it is not said by hand.
    pub(in crate::cli) fn family(self) -> Option<Family> {
        match self {
            Self::Sd1 => Some(Family::StableDiffusion1),
            Self::Sd2 => Some(Family::StableDiffusion2),
            Self::Sdxl => Some(Family::Xl),
            Self::Auto => None,
        }
    }
}

//! The arguments of `overpaint batch` and `overpaint recipe`, as they are typed.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};

use super::{DeviceArgs, EngineArgs, FamilyArg};

/// `overpaint batch`.
#[derive(Debug, Clone, ClapArgs)]
pub(in crate::cli) struct BatchArgs {
    /// Folders of pictures, and pictures
    #[arg(required = true, value_name = "FOLDER|FILE")]
    pub(in crate::cli) inputs: Vec<PathBuf>,
    /// What to do with each of them: a file *.overpaint-recipe.toml
    #[arg(short, long, value_name = "RECIPE")]
    pub(in crate::cli) recipe: PathBuf,
    /// Folder for the results, report.csv, and what is done so far
    #[arg(short, long, value_name = "FOLDER")]
    pub(in crate::cli) output: PathBuf,
    /// Take the pictures of all folders below too
    #[arg(long)]
    pub(in crate::cli) recursive: bool,
    /// Go on with a batch that was here before: what is done stays as it is
    #[arg(long)]
    pub(in crate::cli) resume: bool,
    /// Lay masks, cut-outs and a table review.csv out below FOLDER, in a folder for each selection (subject, hair);
    /// what looks doubtful is not run until it is accepted there, and masks that were painted over are used
    #[arg(long, value_name = "FOLDER")]
    pub(in crate::cli) review: Option<PathBuf>,
    /// Make the masks, and run nothing
    #[arg(long)]
    pub(in crate::cli) masks_only: bool,
    /// How many pictures may wait between two stages of work, each in memory: auto or a number
    #[arg(long, value_name = "N|auto", default_value = "auto", value_parser = ahead)]
    pub(in crate::cli) jobs: usize,
    /// What runs it: local, or the name or address of a server (see overpaint engines), with =MODEL where its
    /// model has another name than the recipe's. May be given several times: whichever is free takes the next
    /// picture, and what one cannot do goes to another
    #[arg(long, value_name = "local|NAME|URL[=MODEL]", default_value = EngineArgs::LOCAL)]
    pub(in crate::cli) engine: Vec<String>,
    /// Family of the servers' models, where their names do not tell it
    #[arg(long, value_enum, value_name = "FAMILY")]
    pub(in crate::cli) family: Option<FamilyArg>,
    /// What computes
    #[command(flatten)]
    pub(in crate::cli) device: DeviceArgs,
    /// Say everything as one JSON object a line
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// `auto`, or a number from 0 to 64.
fn ahead(typed: &str) -> Result<usize, String> {
    match typed.parse() {
        _ if typed == "auto" => Ok(crate::jobs::AHEAD),
        Ok(count) if count <= 64 => Ok(count),
        _ => Err("give auto, or a number from 0 to 64".to_owned()),
    }
}

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct RecipeArgs {
    #[command(subcommand)]
    pub(in crate::cli) command: RecipeCommand,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum RecipeCommand {
    /// Write out all that a recipe says and does not say
    Show {
        /// The recipe
        recipe: PathBuf,
    },
    /// Say whether a recipe can be used
    Check {
        /// Recipes
        #[arg(required = true, value_name = "RECIPE")]
        recipes: Vec<PathBuf>,
    },
}

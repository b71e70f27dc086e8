//! The arguments of `overpaint background`, as they are typed.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};

use super::{DeviceArgs, PARTS};
use crate::backdrop::Placing;
use crate::select::Part;

/// `overpaint background`.
#[derive(Debug, Clone, ClapArgs)]
pub(in crate::cli) struct BackgroundArgs {
    /// Picture whose background changes: PNG, JPEG, WebP, TIFF, BMP or GIF
    pub(in crate::cli) input: PathBuf,
    /// File to write: PNG, JPEG, WebP or TIFF by its extension
    #[arg(short, long, value_name = "OUT")]
    pub(in crate::cli) output: PathBuf,
    /// What is put behind: white, black, #rrggbb, gradient:#rrggbb,#rrggbb (from top to bottom), blur
    /// or blur:LEN (of the old background; 12px, or 2% of the picture's diagonal), nothing (a
    /// cut-out), or a picture
    #[arg(long, value_name = "WHAT")]
    pub(in crate::cli) put: String,
    /// What stays in front
    #[arg(long, value_name = "PART", value_parser = PARTS, default_value = Part::Subject.id(),
        conflicts_with = "mask")]
    pub(in crate::cli) select: String,
    /// Mask of what stays in front, in place of a selection: white stays
    #[arg(long, value_name = "MASK")]
    pub(in crate::cli) mask: Option<PathBuf>,
    /// Which channel of the mask's file is read: auto (brightness × opacity), luma, alpha, red,
    /// green, blue
    #[arg(long, value_name = "CHANNEL", default_value = "auto")]
    pub(in crate::cli) mask_channel: String,
    /// That person only, counted from 1, from left to right
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(in crate::cli) person: Option<u32>,
    /// How large a picture behind becomes
    #[arg(long, value_enum, value_name = "SIZE", default_value_t)]
    pub(in crate::cli) size: Size,
    /// Which part of a picture behind is seen, or where it lies, in percent from the left and from the
    /// top
    #[arg(long, value_name = "X,Y", default_value = "50,50")]
    pub(in crate::cli) at: String,
    /// Then redraws the seam lightly with a model: denoising strength, such as 0.25
    #[arg(long, value_name = "S", allow_negative_numbers = true)]
    pub(in crate::cli) harmonise: Option<String>,
    /// What the picture shows, for the model that redraws the seam
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        allow_hyphen_values = true
    )]
    pub(in crate::cli) prompt: String,
    /// Seed of that redrawing
    #[arg(long, value_name = "K", default_value_t = 1)]
    pub(in crate::cli) seed: u64,
    /// Model that redraws the seam: an id of `overpaint models`, or a diffusers folder
    #[arg(long, value_name = "ID|PATH", default_value = "starter")]
    pub(in crate::cli) model: String,
    /// What computes
    #[command(flatten)]
    pub(in crate::cli) device: DeviceArgs,
    /// Quality of a JPEG, 1 to 100 [default: as the picture’s own file where that is a JPEG, else 92]
    #[arg(long, value_name = "Q", value_parser = clap::value_parser!(u8).range(1..=100))]
    pub(in crate::cli) quality: Option<u8>,
    /// Say everything as one JSON object a line
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// How large a picture behind becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(in crate::cli) enum Size {
    /// It covers everything
    #[default]
    Cover,
    /// All of it is seen
    Fit,
}

impl From<Size> for Placing {
    fn from(size: Size) -> Self {
        match size {
            Size::Cover => Self::Cover,
            Size::Fit => Self::Fit,
        }
    }
}

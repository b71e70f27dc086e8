//! The arguments, as they are typed.

mod background;
mod batch;
mod device;
mod engines;
mod mask_kind;
mod models;

use std::path::PathBuf;

pub(super) use background::BackgroundArgs;
pub(super) use batch::{BatchArgs, RecipeArgs, RecipeCommand};
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
pub use device::DeviceArgs;
pub use engines::EngineArgs;
pub(super) use engines::{EnginesArgs, EnginesCommand, FamilyArg};
pub(super) use mask_kind::KindArg;
pub(super) use models::{ModelsArgs, ModelsCommand};

use crate::engine::diffusion::Part as ModelPart;
use crate::plan::Task;
use crate::select::Part;

/// Overpaint: change a part of a picture by saying what should be there.
#[derive(Debug, Parser)]
#[command(version, about, args_conflicts_with_subcommands = true)]
pub(super) struct Args {
    /// Pictures and projects (.ora) to open in the editor, or a folder of pictures
    #[arg(value_name = "PICTURE")]
    pub(super) pictures: Vec<PathBuf>,
    /// Folder for preferences and recovery journals [default: the user's data folder]
    #[arg(long, value_name = "FOLDER")]
    pub(super) data_dir: Option<PathBuf>,
    /// Write what each frame of the window took to FILE, a line a frame (for measuring)
    #[arg(long, value_name = "FILE")]
    pub(super) frame_times: Option<PathBuf>,
    #[command(flatten)]
    pub(super) device: DeviceArgs,
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Edit one picture without the window
    Edit(Box<EditArgs>),
    /// Select a part of a picture as a mask: its subject, background, faces, hair or clothes
    Select(SelectArgs),
    /// Take what a mask shows out of a picture, without a model or prompt
    Erase(EraseArgs),
    /// Do the same to a folder of pictures, as a recipe says
    Batch(BatchArgs),
    /// Show or check the recipe of a batch
    Recipe(RecipeArgs),
    /// Put something else behind the subject: a colour, a blur, another picture, or nothing
    Background(Box<BackgroundArgs>),
    /// Say which models there are
    Models(ModelsArgs),
    /// Say what can run an edit: this machine, and servers that were added
    Engines(EnginesArgs),
    /// Measure what an edit, or a part of a model, takes on this machine
    Bench(BenchArgs),
}

impl Command {
    /// True where everything is said as JSON.
    pub(super) fn wants_json(&self) -> bool {
        match self {
            Self::Edit(edit) => edit.json,
            Self::Select(select) => select.json,
            Self::Erase(erase) => erase.json,
            Self::Background(background) => background.json,
            Self::Bench(bench) => bench.json,
            Self::Batch(batch) => batch.json,
            Self::Models(_) | Self::Engines(_) | Self::Recipe(_) => false,
        }
    }
}

impl EditArgs {
    /// What is to be done.
    pub(super) fn task(&self) -> Option<Task> {
        Task::from_id(self.task.as_deref()?)
    }

    /// What is to be selected, where no mask says better.
    pub(super) fn part(&self) -> Option<Part> {
        match (&self.select, &self.mask) {
            (Some(select), _) => Part::from_id(select),
            (None, Some(_)) => None,
            (None, None) => self.task()?.part(),
        }
    }
}

/// `overpaint edit`. What is left out comes from the model's own defaults.
#[derive(Debug, Clone, ClapArgs)]
pub struct EditArgs {
    /// Picture to edit: PNG, JPEG, WebP, TIFF, BMP or GIF
    pub input: PathBuf,
    /// File to write: PNG, JPEG, WebP or TIFF by its extension
    #[arg(short, long, value_name = "OUT")]
    pub output: PathBuf,
    /// What should be there
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub prompt: String,
    /// What should not be there
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        allow_hyphen_values = true
    )]
    pub negative: String,
    /// Mask: white is painted. Without one the whole picture may change
    #[arg(long, value_name = "MASK")]
    pub mask: Option<PathBuf>,
    /// Select a part of the picture as the mask
    #[arg(long, value_name = "PART", value_parser = PARTS, conflicts_with = "mask")]
    pub select: Option<String>,
    /// What is to be done: selection, mask mode, strength and fill for it, where they are not given
    #[arg(long, value_name = "TASK", value_parser = TASKS)]
    pub task: Option<String>,
    /// Select that person's part only, counted from 1, from left to right
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub person: Option<u32>,
    /// Which channel of the mask's file is read: auto (brightness × opacity), luma, alpha, red,
    /// green, blue
    #[arg(long, value_name = "CHANNEL", default_value = "auto")]
    pub mask_channel: String,
    /// What grey in the mask means [default: matte with --select, else strength]
    #[arg(long, value_enum, value_name = "KIND")]
    pub mask_kind: Option<KindArg>,
    /// Change the whole picture where nothing is painted in the mask, instead of refusing
    #[arg(long)]
    pub allow_empty_mask: bool,
    /// What being painted means: masked (it changes) or not-masked (it stays) [default: masked]
    #[arg(long, value_name = "MODE")]
    pub mask_mode: Option<String>,
    /// Denoising strength, above 0 and up to 1: how far the model may imagine
    #[arg(
        long,
        value_name = "S",
        conflicts_with = "strengths",
        allow_negative_numbers = true
    )]
    pub strength: Option<String>,
    /// Several strengths, each to its own file: OUT gets the strength in its name
    #[arg(
        long,
        value_name = "S1,S2,…",
        value_delimiter = ',',
        allow_negative_numbers = true
    )]
    pub strengths: Vec<String>,
    /// One labelled sheet of the original and all results
    #[arg(long, value_name = "GRID", requires = "strengths")]
    pub grid: Option<PathBuf>,
    /// Steps of the whole schedule; strength decides how many of them run
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub steps: Option<u32>,
    /// Guidance scale: how closely the prompt is followed; 1 is off
    #[arg(long, value_name = "G", allow_negative_numbers = true)]
    pub guidance: Option<String>,
    /// How closely a model that follows instructions keeps to the picture, 1 to 50; others do not read it
    /// [default: 1.5]
    #[arg(long, value_name = "G", allow_negative_numbers = true)]
    pub image_guidance: Option<String>,
    /// Seed of the noise; the same seed gives the same picture [default: -1, which is random, and
    /// said]
    #[arg(long, value_name = "K", allow_negative_numbers = true)]
    pub seed: Option<String>,
    /// Sampler: euler, euler_a, dpmpp_2m, ddim, lcm
    #[arg(long, value_name = "ID")]
    pub sampler: Option<String>,
    /// Schedule: model, karras
    #[arg(long, value_name = "ID")]
    pub schedule: Option<String>,
    /// What the model is shown: auto, whole, masked
    #[arg(long, value_name = "AREA", default_value = "auto")]
    pub area: String,
    /// Surroundings shown with a masked area: 12, 12px or 5% of the region's diagonal
    #[arg(long, value_name = "LEN", allow_negative_numbers = true)]
    pub padding: Option<String>,
    /// What the region holds at the start: auto, original, blur, content
    /// (continued from what is around it), noise, nothing [default: auto]
    #[arg(long, value_name = "FILL")]
    pub fill: Option<String>,
    /// Width of the soft band around the region: 12, 12px or 5%
    #[arg(long, value_name = "LEN", allow_negative_numbers = true)]
    pub feather: Option<String>,
    /// How far the region is grown first: 12, 12px or 5%
    #[arg(
        long,
        value_name = "LEN",
        default_value = "0",
        allow_negative_numbers = true
    )]
    pub grow: String,
    /// Details that the model is shown too small to see, where structure is kept: off, auto, more
    #[arg(long, value_name = "KEEP", default_value = "auto")]
    pub keep_details: String,
    /// Work size of the model's first pass: as large as fits into WxH, or a factor such as 1.5 of the
    /// size that suits the model. Rounded to what the model can take
    #[arg(long, value_name = "WxH|FACTOR", allow_negative_numbers = true)]
    pub work_size: Option<String>,
    /// Draws the result again at a larger work size: off, auto, own (up to the picture's own size),
    /// or a factor such as 2
    #[arg(long, value_name = "PASS", default_value = "off")]
    pub second_pass: String,
    /// Denoising strength of that second pass; where more follow, the n-th of them has an n-th of it
    #[arg(
        long,
        value_name = "S",
        default_value = "0.3",
        allow_negative_numbers = true
    )]
    pub second_strength: String,
    /// Model: an id of `overpaint models`, a checkpoint file, or a diffusers folder
    #[arg(long, value_name = "ID|PATH", default_value = "starter")]
    pub model: String,
    /// What runs it
    #[command(flatten)]
    pub engine: EngineArgs,
    /// LoRA to add to the model, and how much of it [default: 1]; with --engine one of the server's, by its
    /// name there. May be given several times
    #[arg(long, value_name = "FILE|NAME[:WEIGHT]")]
    pub lora: Vec<String>,
    /// Autoencoder (VAE) to use with a checkpoint file instead of its own: a file, or the folder it came in
    #[arg(long, value_name = "FILE")]
    pub vae: Option<PathBuf>,
    /// What computes
    #[command(flatten)]
    pub device: DeviceArgs,
    /// Quality of a JPEG, 1 to 100 [default: as the picture’s own file where that is a JPEG, else 92]
    #[arg(long, value_name = "Q", value_parser = clap::value_parser!(u8).range(1..=100))]
    pub quality: Option<u8>,
    /// Leave the recipe out of the file
    #[arg(long)]
    pub no_metadata: bool,
    /// Say everything as one JSON object a line
    #[arg(long)]
    pub json: bool,
}

/// What can be selected.
const PARTS: [&str; 5] = [
    Part::Subject.id(),
    Part::Background.id(),
    Part::Face.id(),
    Part::Hair.id(),
    Part::Clothes.id(),
];

/// What can be done.
const TASKS: [&str; 5] = [
    Task::Background.id(),
    Task::Hair.id(),
    Task::Clothes.id(),
    Task::Style.id(),
    Task::Remove.id(),
];

/// `overpaint select`.
#[derive(Debug, Clone, ClapArgs)]
pub(super) struct SelectArgs {
    /// Picture to look at: PNG, JPEG, WebP, TIFF, BMP or GIF
    pub input: PathBuf,
    /// Mask to write, white where it is selected: PNG, JPEG, WebP or TIFF by its extension
    #[arg(short, long, value_name = "MASK")]
    pub output: PathBuf,
    /// What is selected
    #[arg(long, value_name = "PART", value_parser = PARTS, default_value = Part::Subject.id())]
    pub what: String,
    /// That person's part only, counted from 1, from left to right
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub person: Option<u32>,
    /// What lies at that pixel is selected; with `,-` behind, it is not. May be given several times. Needs
    /// MobileSAM (`overpaint models get mobile-sam`)
    #[arg(
        long,
        value_name = "X,Y[,-]",
        allow_hyphen_values = true,
        conflicts_with_all = ["what", "person"]
    )]
    pub at: Vec<String>,
    /// What lies in that box is selected, two corners in pixels. Needs MobileSAM
    #[arg(
        long = "box",
        value_name = "X,Y,X,Y",
        allow_hyphen_values = true,
        conflicts_with_all = ["what", "person"]
    )]
    pub frame: Option<String>,
    /// What computes
    #[command(flatten)]
    pub device: DeviceArgs,
    /// Say everything as one JSON object a line
    #[arg(long)]
    pub json: bool,
}

/// `overpaint erase`.
#[derive(Debug, Clone, ClapArgs)]
pub(super) struct EraseArgs {
    /// Picture to erase from: PNG, JPEG, WebP, TIFF, BMP or GIF
    pub(super) input: PathBuf,
    /// File to write: PNG, JPEG, WebP or TIFF by its extension
    #[arg(short, long, value_name = "OUT")]
    pub(super) output: PathBuf,
    /// Mask: white is painted, and what is painted goes
    #[arg(long, value_name = "MASK")]
    pub(super) mask: PathBuf,
    /// Which channel of the mask's file is read: auto (brightness × opacity), luma, alpha, red,
    /// green, blue
    #[arg(long, value_name = "CHANNEL", default_value = "auto")]
    pub(super) mask_channel: String,
    /// What being painted means: masked (it goes) or not-masked (it stays, all else goes)
    #[arg(long, value_name = "MODE", default_value = "masked")]
    pub(super) mask_mode: String,
    /// How far the region is grown first: 12, 12px or 5% of its diagonal
    #[arg(
        long,
        value_name = "LEN",
        default_value = "0",
        allow_negative_numbers = true
    )]
    pub(super) grow: String,
    /// Width of the soft band around the region, which is filled too: 12, 12px or 5%
    #[arg(
        long,
        value_name = "LEN",
        default_value = "0",
        allow_negative_numbers = true
    )]
    pub(super) feather: String,
    /// Threads that compute [default: one for each processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(super) threads: Option<u32>,
    /// Quality of a JPEG, 1 to 100 [default: as the picture’s own file where that is a JPEG, else 92]
    #[arg(long, value_name = "Q", value_parser = clap::value_parser!(u8).range(1..=100))]
    pub(super) quality: Option<u8>,
    /// Say everything as one JSON object a line
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(super) struct BenchArgs {
    /// Model: an id of `overpaint models`, a diffusers folder, or one with random weights:
    /// random:sd15, random:sd15-lcm, random:sd15-inpaint, random:sd21, random:sdxl, random:tiny
    /// [default: starter; random:sd15-lcm with --few-steps]
    #[arg(long, value_name = "ID|PATH|random:ID")]
    pub(super) model: Option<String>,
    /// What is measured
    #[arg(long, value_enum, default_value_t)]
    pub(super) stage: BenchStage,
    /// Size of the picture [default: 403x297 for an edit, 512x512 for a part of the model]
    #[arg(long, value_name = "WxH")]
    pub(super) size: Option<String>,
    /// How often; the first edit loads the model
    #[arg(long, visible_alias = "runs", value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(super) repeats: u32,
    /// Write the random model to FOLDER too, as a diffusers folder for other programs
    #[arg(long, value_name = "FOLDER")]
    pub(super) export: Option<PathBuf>,
    /// Write inputs and output of a part of the model to FOLDER/STAGE.safetensors
    #[arg(long, value_name = "FOLDER")]
    pub(super) dump: Option<PathBuf>,
    #[command(flatten)]
    pub(super) edits: BenchEdits,
    /// Also a profile of a part of the model: time of its layers by shape (M, N, K)
    #[arg(long)]
    pub(super) layers: bool,
    /// Begin each run when a line comes on standard input
    #[arg(long)]
    pub(super) paced: bool,
    #[command(flatten)]
    pub(super) device: DeviceArgs,
    /// Say everything as one JSON object a line
    #[arg(long)]
    pub(super) json: bool,
}

/// Which edits are measured.
#[derive(Debug, Clone, Copy, ClapArgs)]
pub(super) struct BenchEdits {
    /// Edits of 4 steps without guidance, with a model that was distilled for it, at 512x512; a part with one prompt
    #[arg(long)]
    pub(super) few_steps: bool,
    /// Another picture and prompt each edit, so that none is found encoded already
    #[arg(long)]
    pub(super) fresh: bool,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum BenchStage {
    /// A masked edit of 20 steps, stage by stage
    #[default]
    Edit,
    /// One step of the U-Net, two predictions at once as with guidance
    Unet,
    /// Encoding a picture
    Encode,
    /// Decoding a picture
    Decode,
    /// Encoding two prompts
    Text,
    /// Encoding two prompts with a second text encoder
    Text2,
}

impl BenchArgs {
    /// The file `--dump` writes.
    pub(super) fn dump_file(&self) -> Option<PathBuf> {
        let folder = self.dump.as_ref()?;
        Some(folder.join(format!("{}.safetensors", self.stage.id())))
    }
}

impl BenchStage {
    /// The part of a model it is; `None` for an edit.
    pub(super) fn part(self) -> Option<ModelPart> {
        Some(match self {
            Self::Edit => return None,
            Self::Unet => ModelPart::Unet,
            Self::Encode => ModelPart::VaeEncoder,
            Self::Decode => ModelPart::VaeDecoder,
            Self::Text => ModelPart::TextEncoder,
            Self::Text2 => ModelPart::TextEncoder2,
        })
    }

    /// Its name on the command line.
    pub(super) fn id(self) -> &'static str {
        match self {
            Self::Edit => "edit",
            Self::Unet => "unet",
            Self::Encode => "encode",
            Self::Decode => "decode",
            Self::Text => "text",
            Self::Text2 => "text2",
        }
    }
}

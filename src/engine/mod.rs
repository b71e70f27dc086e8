//! The boundary to whatever makes pictures.
//!
//! An [`Engine`] takes one [`EngineInput`], reports through [`Progress`], and returns one
//! [`EngineOutput`]. Everything that crosses is plain data that can be serialised, so an engine may
//! one day live in another process. [`diffusion`] is the real one; [`fake`] is a scripted one for
//! tests and for work on the window. [`Vision`] is what sees subjects and faces, by the networks of [`vision`].
//! [`remote`] has servers make pictures.
//! Below them: `nn`, the layers of networks (with `diffusion` and `vision` the only rooms that name candle),
//! and [`kernels`], what they compute with on the CPU. README.md follows one
//! step through all of them.
//!
//! Called by `jobs` on the worker thread, or by the command line. Never names the document, the
//! jobs, channels or the window.

mod demand;
pub mod diffusion;
mod error;
pub mod fake;
pub mod kernels;
mod nn;
pub mod remote;
mod server_error;
pub mod vision;

pub use demand::{Demands, DemandsOf, PassDemand, PassShape};
pub use error::EngineError;
pub use server_error::{Fault, ServerError};

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::geometry::Extent;
use crate::plan::EngineInput;
use crate::raster::RgbF32;
use crate::select::{ClickMap, Clicks, Face, SubjectMap};
use crate::text::Message;

/// The run was asked to stop and did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cancelled;

/// Something that makes pictures. Blocking; used by one thread at a time; keeps what it can reuse.
pub trait Engine: Send {
    /// Runs one edit. The same input gives the same bytes on the same machine.
    fn run(
        &mut self,
        input: &EngineInput,
        progress: &mut dyn Progress,
    ) -> Result<EngineOutput, EngineError>;
}

/// Something that sees what is in a picture. Blocking; lives on one thread; keeps what it can reuse.
pub trait Vision {
    /// What it is, by content: what it sees depends on nothing else.
    fn identity(&self) -> Vec<&'static [u8]> {
        Vec::new()
    }

    /// How likely each pixel is part of the picture's subject. A picture of some megapixels is as good as a
    /// larger one.
    fn subject(
        &mut self,
        picture: &RgbF32,
        progress: &mut dyn Progress,
    ) -> Result<SubjectMap, EngineError>;

    /// The faces of a picture, the surest first.
    fn faces(
        &mut self,
        picture: &RgbF32,
        progress: &mut dyn Progress,
    ) -> Result<Vec<Face>, EngineError>;

    /// What selects by clicks, with the weights in that file. Not everything that sees can.
    fn segmenter(
        &self,
        weights: &Path,
        _progress: &mut dyn Progress,
    ) -> Result<Box<dyn Segmenter + Send>, EngineError> {
        Err(EngineError::ModelFile {
            path: weights.to_path_buf(),
            why: Message::new("engine-why-no-file").into(),
        })
    }
}

/// Something that selects what is pointed at. Blocking; lives on one thread.
pub trait Segmenter {
    /// Looks at a picture, once. A picture of a megapixel is as good as a larger one.
    fn embed(
        &mut self,
        picture: &RgbF32,
        progress: &mut dyn Progress,
    ) -> Result<PictureEmbedding, EngineError>;

    /// What was pointed at, in pixels of the picture that was looked at.
    fn segment(
        &mut self,
        embedding: &PictureEmbedding,
        clicks: &Clicks,
        progress: &mut dyn Progress,
    ) -> Result<ClickMap, EngineError>;
}

/// What a [`Segmenter`] has seen in a picture.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct PictureEmbedding {
    /// Size of the picture that was looked at.
    pub extent: Extent,
    /// What the network makes of it; a few megabytes.
    pub numbers: Vec<f32>,
}

/// Says the size only.
impl std::fmt::Debug for PictureEmbedding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PictureEmbedding({})", self.extent)
    }
}

/// How an engine talks while it runs.
pub trait Progress {
    /// To be called often (between the blocks of a network); `?` on it makes cancelling
    /// unforgettable.
    fn checkpoint(&mut self) -> Result<(), Cancelled>;

    /// Says where the run stands.
    fn stage(&mut self, stage: Stage);

    /// True when a preview would be looked at; where not, none need be made.
    fn wants_preview(&self) -> bool;

    /// Shows what the picture will be, at any size, such as the latent's.
    fn preview(&mut self, preview: RgbF32);

    /// True where another engine may do it, so that one whose server does not answer need not wait for that.
    fn may_be_handed_on(&self) -> bool {
        false
    }

    /// An operation of a network begins, or, `None`, the last one has ended. For benches.
    fn operation(&mut self, _operation: Option<Operation>) {}
}

/// The progress of a run that nobody watches and nobody stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unwatched;

impl Progress for Unwatched {
    fn checkpoint(&mut self) -> Result<(), Cancelled> {
        Ok(())
    }

    fn stage(&mut self, _: Stage) {}

    fn wants_preview(&self) -> bool {
        false
    }

    fn preview(&mut self, _: RgbF32) {}
}

/// A GEMM-shaped operation of a network: C (M × N) = A (M × K) · B (K × N). Nearly all its time goes into
/// these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Operation {
    /// The layer it is part of.
    pub kind: OperationKind,
    /// Rows of C: pixels or tokens of the whole batch; queries for attention.
    pub m: usize,
    /// Columns of C: output channels or features; of all heads together for attention.
    pub n: usize,
    /// Terms of each sum: input channels × kernel area, or input features; keys of a query for attention.
    pub k: usize,
}

/// The layer that an [`Operation`] is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum OperationKind {
    /// A convolution with a square kernel of that side.
    Convolution(usize),
    /// A linear layer.
    Linear,
    /// softmax(Q · Kᵀ) · V.
    Attention,
}

impl Operation {
    /// FLOPs (multiplications and additions) that are asked for, as a blueprint counts them.
    pub fn flops(self) -> u64 {
        let gemms = if self.kind == OperationKind::Attention {
            2
        } else {
            1
        };
        2 * gemms * self.m as u64 * self.n as u64 * self.k as u64
    }
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// The job waits at its engine behind that many others.
    Queued {
        /// Jobs before it, the running one among them.
        ahead: u32,
    },
    /// Its server does not answer; it is asked again until it does, for a while.
    Away,
    /// The model is being read.
    Loading,
    /// Prompts are being encoded.
    EncodingText,
    /// The picture is being encoded.
    EncodingPicture,
    /// `done` of `of` executed steps are finished.
    Step {
        /// Finished steps.
        done: u32,
        /// All steps of this run.
        of: u32,
    },
    /// The result is being decoded.
    Decoding,
}

/// What a run took.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct RunSeconds {
    /// Reading the model; 0 when it was there already.
    pub load: f64,
    /// Encoding prompts; 0 when they were known.
    pub text: f64,
    /// Encoding the picture; 0 when it was known.
    pub encode: f64,
    /// Decoding the encoded original, where that was asked for; 0 when it was known.
    pub round_trip: f64,
    /// All executed steps.
    pub steps: f64,
    /// Decoding the result.
    pub decode: f64,
}

/// What a run did.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct RunReport {
    /// Wall-clock seconds by stage.
    pub seconds: RunSeconds,
    /// Steps that ran.
    pub executed_steps: u32,
    /// Predictions at once: 2 with guidance, 3 where the picture guides too.
    pub prompts: u32,
    /// Passes through the text encoder in this run (0 when the prompts were known).
    pub text_encodes: u32,
    /// Passes through the picture encoder in this run (0 when the picture was known).
    pub picture_encodes: u32,
    /// Parts of the latent predicted by themselves in each step; 1 where it is predicted whole.
    pub parts: u32,
    /// Originals decoded in this run (0 when not asked for, or known).
    pub round_trips: u32,
    /// Pieces of the prompts the model has never seen.
    pub unknown_words: Vec<String>,
    /// What computed it, such as `cpu avx512`.
    pub device: String,
    /// What the user is told of it.
    #[serde(default)]
    pub notes: Vec<Message>,
    /// What made its previews.
    #[serde(default)]
    pub previews: PreviewReport,
}

/// What made a run's previews where they were more than rough.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct PreviewReport {
    /// The file of the tiny autoencoder beside the model's own that did.
    pub autoencoder: Option<PathBuf>,
    /// Why one that lies there did not; said once for each time a model is read.
    pub fault: Option<Message>,
}

impl RunReport {
    /// This run and one after it.
    #[must_use]
    pub fn and(self, next: Self) -> Self {
        let (a, b) = (self.seconds, next.seconds);
        Self {
            seconds: RunSeconds {
                load: a.load + b.load,
                text: a.text + b.text,
                encode: a.encode + b.encode,
                round_trip: a.round_trip + b.round_trip,
                steps: a.steps + b.steps,
                decode: a.decode + b.decode,
            },
            executed_steps: self.executed_steps + next.executed_steps,
            prompts: next.prompts,
            text_encodes: self.text_encodes + next.text_encodes,
            picture_encodes: self.picture_encodes + next.picture_encodes,
            parts: next.parts,
            round_trips: self.round_trips + next.round_trips,
            unknown_words: next.unknown_words,
            device: next.device,
            notes: next.notes,
            previews: PreviewReport {
                autoencoder: next.previews.autoencoder.or(self.previews.autoencoder),
                fault: self.previews.fault.or(next.previews.fault),
            },
        }
    }
}

/// What a run gives.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct EngineOutput {
    /// The whole work picture, same size as the input's.
    pub image: RgbF32,
    /// The input's picture encoded and decoded, nothing changed, where that was asked for: what the
    /// autoencoder makes of the original. `None` from an engine that has none to give.
    pub round_trip: Option<RgbF32>,
    /// How it came about.
    pub report: RunReport,
}

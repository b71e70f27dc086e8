//! [`Command`]: everything that can be asked of the [`Editor`](super::Editor).

use std::path::PathBuf;

use super::background::Behind;
use super::batch::BatchCommand;
use super::ids::CandidateId;
use super::ids::ComparisonId;
use super::notices::NoticeId;
use super::painting::{BrushTip, StrokePoint};
use super::preferences::Preferences;
use super::recovery::RecoveryId;
use super::rerun::RerunOf;
use super::samples::Sample;
use super::server_view::ServerCommand;
use crate::catalog::{ModelFile, ModelRef};
use crate::document::{DocumentId, LayerId};
use crate::geometry::{Point, Rect};
use crate::jobs::{DownloadId, JobId};
use crate::plan::{EditSettings, Strength};
use crate::raster::{MaskKind, Pixmap, Shape};
use crate::select::{Clicks, Combination, Part, Refinement, Scribble, Wand};

/// Everything that can be asked of the [`Editor`](super::Editor). What cannot be done becomes a
/// notice; a command about something that is gone does nothing.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    // Files.
    /// Opens a picture file in a new document, which becomes the active one when it is read.
    OpenFile(PathBuf),
    /// Opens pixels that come from no file, such as the clipboard's (sRGB).
    OpenPixels {
        /// What to call the document; `None`: a name is made up.
        title: Option<String>,
        /// The pixels.
        pixels: Pixmap,
    },
    /// Opens a picture that comes with the program.
    OpenSample(Sample),
    /// Closes a document. With unsaved work it stays open and a notice says so, unless
    /// `discard_unsaved`.
    CloseDocument {
        /// Which document.
        document: DocumentId,
        /// The user has agreed to lose what is not saved.
        discard_unsaved: bool,
    },
    /// Makes a document the one in front.
    Activate(DocumentId),
    /// Writes the visible picture to the document's own file, or leaves the file as it is where it
    /// shows the same. Without a file a notice asks for "save as"; where the file is the one that was
    /// opened and nobody has agreed to replace it, one asks for [`SaveProject`](Self::SaveProject),
    /// [`SaveCopy`](Self::SaveCopy) or [`ReplaceOriginal`](Self::ReplaceOriginal). See [`SaveStep`](super::SaveStep).
    Save {
        /// Which document.
        document: DocumentId,
    },
    /// Writes the visible picture beside the file that was opened, under a name nobody has; that
    /// copy becomes the document's own file.
    SaveCopy {
        /// Which document.
        document: DocumentId,
    },
    /// Writes the document with its layers, mask, settings and results beside the file that was opened,
    /// as a project under a name nobody has, which becomes the document's own file.
    SaveProject {
        /// Which document.
        document: DocumentId,
    },
    /// Replaces the file that was opened; from then on saving does so unasked.
    ReplaceOriginal {
        /// Which document.
        document: DocumentId,
    },
    /// Writes the visible picture to `path`, which becomes the document's own; a project where the name
    /// ends in `.ora`.
    SaveAs {
        /// Which document.
        document: DocumentId,
        /// Where to; the ending chooses the format.
        path: PathBuf,
        /// JPEG quality 1…100; `None`: the preferences' own.
        jpeg_quality: Option<u8>,
    },
    /// Writes the visible picture to `path`; the document keeps its own path and unsaved mark.
    Export {
        /// Which document.
        document: DocumentId,
        /// Where to; the ending chooses the format.
        path: PathBuf,
        /// JPEG quality 1…100; `None`: the preferences' own.
        jpeg_quality: Option<u8>,
    },
    /// Writes pixels that are no document, such as a comparison sheet (sRGB).
    ExportPixels {
        /// The pixels.
        pixels: Pixmap,
        /// Where to; the ending chooses the format.
        path: PathBuf,
    },

    // Mask.
    /// The pointer goes down.
    StrokeBegin {
        /// Which document.
        document: DocumentId,
        /// With what.
        brush: BrushTip,
        /// Where, and how hard.
        at: StrokePoint,
    },
    /// The pointer has moved. Send every position of a frame, in order.
    StrokeTo {
        /// Which document.
        document: DocumentId,
        /// Where to, and how hard.
        at: StrokePoint,
    },
    /// The pointer goes up: the stroke becomes one undoable edit.
    StrokeEnd {
        /// Which document.
        document: DocumentId,
    },
    /// The stroke is taken back as if it had never begun.
    StrokeAbort {
        /// Which document.
        document: DocumentId,
    },
    /// Draws a closed shape in the mask.
    DrawShape {
        /// Which document.
        document: DocumentId,
        /// What.
        shape: Shape,
        /// What becomes of the mask there was.
        how: Combination,
        /// 0…1: how strongly it paints, or takes away.
        opacity: f32,
    },
    /// Selects what has nearly the colour of a pixel: one undoable edit of the mask, when it was found. Asked
    /// for again before that, the last one counts.
    UseWand {
        /// Which document.
        document: DocumentId,
        /// The pixel.
        at: Point,
        /// What is near enough.
        wand: Wand,
        /// What becomes of the mask there was.
        how: Combination,
    },
    /// Selects with other settings what the wand has selected last, in its place, if nothing else was done to
    /// the document since.
    UseWandAgain {
        /// Which document.
        document: DocumentId,
        /// What is near enough.
        wand: Wand,
    },
    /// Draws a scribble of the smart brush: one undoable edit of the mask, when it was made.
    Scribble {
        /// Which document.
        document: DocumentId,
        /// Where, and what it means.
        scribble: Scribble,
    },
    /// Begins to refine the mask, or goes on with other numbers. The mask follows; until
    /// [`EndRefining`](Self::EndRefining) it is no edit yet.
    Refine {
        /// Which document.
        document: DocumentId,
        /// What is to become of the mask that there was when this began.
        refinement: Refinement,
    },
    /// Keeps the refined mask as one undoable edit, or gives it up.
    EndRefining {
        /// Which document.
        document: DocumentId,
        /// It is kept.
        keep: bool,
    },
    /// Selects a part of the picture as the mask: one undoable edit, when it was seen. Asked for again before
    /// that, the last one counts.
    Select {
        /// Which document.
        document: DocumentId,
        /// What.
        part: Part,
        /// What becomes of the mask there was.
        how: Combination,
    },
    /// Selects what was clicked on, in place of the mask. Needs [`segmenter`](super::Editor::segmenter).
    ClickSelect {
        /// Which document.
        document: DocumentId,
        /// All that was said of the thing.
        clicks: Clicks,
    },
    /// What is clicked on next is another thing than before; the mask stays as it is.
    ForgetClicks {
        /// Which document.
        document: DocumentId,
    },
    /// Stops selecting, wand and smart brush; the mask stays as it is.
    CancelSelect {
        /// Which document.
        document: DocumentId,
    },
    /// Turns the mask inside out.
    InvertMask {
        /// Which document.
        document: DocumentId,
    },
    /// Empties the mask.
    ClearMask {
        /// Which document.
        document: DocumentId,
    },
    /// Says what the values between the ends of the mask mean; undoable.
    SetMaskKind {
        /// Which document.
        document: DocumentId,
        /// What.
        kind: MaskKind,
    },
    /// Reads the mask from a picture file (white = painted).
    LoadMask {
        /// Which document.
        document: DocumentId,
        /// From where.
        path: PathBuf,
    },
    /// Writes what is set, or how a layer was made, as the recipe of a batch.
    SaveRecipe {
        /// Which document.
        document: DocumentId,
        /// How this layer was made; `None`: what is set now.
        layer: Option<LayerId>,
        /// Where to.
        path: PathBuf,
    },
    /// Writes the mask as a grey picture (white = painted).
    SaveMask {
        /// Which document.
        document: DocumentId,
        /// Where to.
        path: PathBuf,
    },

    // Erasing from the picture, without a model.
    /// Erases what a stroke covers. The mask stays as it is.
    EraseAlong {
        /// Which document.
        document: DocumentId,
        /// What the stroke was drawn with; its opacity does not count.
        brush: BrushTip,
        /// Where it went.
        line: Vec<StrokePoint>,
    },
    /// Erases what is painted in the mask, which stays.
    ErasePainted {
        /// Which document.
        document: DocumentId,
    },
    /// Stops what is being erased, and forgets what waits.
    CancelErasing,

    // Another background, without a model.
    /// Puts something behind what is in front: what the mask shows, or, where nothing is painted, the
    /// subject. It becomes a layer, in place of the background put before.
    PutBehind {
        /// Which document.
        document: DocumentId,
        /// What.
        behind: Behind,
    },
    /// Redraws the edge of what is in front lightly with the model.
    Harmonise {
        /// Which document.
        document: DocumentId,
    },

    // History and canvas.
    /// Takes the last edit back.
    Undo {
        /// Which document.
        document: DocumentId,
    },
    /// Brings back what was undone last.
    Redo {
        /// Which document.
        document: DocumentId,
    },
    /// Cuts the canvas to a part of it.
    CropCanvas {
        /// Which document.
        document: DocumentId,
        /// What stays.
        rect: Rect,
    },

    // Generating.
    /// Chooses prompt, strength and all the rest. Not undoable.
    SetSettings {
        /// Which document.
        document: DocumentId,
        /// All of them.
        settings: Box<EditSettings>,
    },
    /// Holds the seed (so that every run starts from the same noise) or lets each run draw its own.
    LockSeed {
        /// Which document.
        document: DocumentId,
        /// Whether it is held.
        locked: bool,
    },
    /// Chooses the model for all documents.
    SetModel(ModelRef),
    /// Says by hand what shapes cannot tell of a checkpoint, and uses it so. It is remembered for the file,
    /// wherever it lies.
    TellModel(ModelFile),
    /// Looks again which models there are, here and on servers.
    FindModels,
    /// Something about the servers that may run models.
    Server(ServerCommand),
    /// Asks the network what a model consists of: an id of the list, `hf:OWNER/NAME[/FILE]` or an address.
    /// [`Editor::question`](super::Editor::question) has the answer.
    AskForModel(String),
    /// Agrees to the licences of what was asked about, and fetches it.
    AcceptQuestion,
    /// Forgets what was asked about.
    ForgetQuestion,
    /// Stops fetching; what has come stays.
    StopGetting(DownloadId),
    /// Goes on fetching what was stopped or failed.
    GoOnGetting(DownloadId),
    /// Takes a download off the list, and off the disk unless it is whole.
    ForgetGetting(DownloadId),
    /// Adds the LoRA of that file to a document's settings, at its full weight; one that is there already
    /// stays as it is.
    AddLora {
        /// Which document.
        document: DocumentId,
        /// Its file.
        path: PathBuf,
    },
    /// Runs the settings on the visible picture.
    Generate {
        /// Which document.
        document: DocumentId,
    },
    /// Runs the settings once for each strength, all with the same seed.
    CompareStrengths {
        /// Which document.
        document: DocumentId,
        /// Which strengths; repeated ones run once.
        strengths: Vec<Strength>,
    },
    /// Adds to a comparison the strength in the middle of two of its own.
    AddBetween {
        /// Which comparison.
        comparison: ComparisonId,
        /// One of its strengths.
        lower: Strength,
        /// The next one.
        upper: Strength,
    },
    /// Stops a job, waiting or running.
    Cancel(JobId),
    /// Stops the running job and takes all waiting ones out of the queue.
    CancelAll,
    /// Takes a waiting job out of the queue.
    RemoveQueued(JobId),
    /// Moves a waiting job; 0 is the next to run.
    MoveQueued {
        /// Which job.
        job: JobId,
        /// Its new place among the waiting.
        to: usize,
    },
    /// Makes a finished result a layer of its document.
    AcceptCandidate(CandidateId),
    /// Draws an accepted result that was made in one pass again with more of them; it takes the place
    /// of its layer.
    FinishInFull(CandidateId),
    /// Finds out whether doing a run again would give the same bytes; [`Editor::rerun`](super::Editor::rerun)
    /// has the answer when it is known.
    CheckRerun(RerunOf),
    /// The same, but of a result that a layer was run again for: it does not take that layer's place and
    /// comes right above it.
    AcceptBeside(CandidateId),
    /// Throws a finished result away, until it is brought back.
    DiscardCandidate(CandidateId),
    /// Throws several results of one document away together.
    DiscardResults(Vec<CandidateId>),
    /// Brings back what of a document was thrown away last; [`Undo`](Self::Undo) does the same as long
    /// as nothing was done since.
    BringBack {
        /// Which document.
        document: DocumentId,
    },
    /// Runs what gave a result once more.
    RunAgain {
        /// Which result.
        result: CandidateId,
        /// With another seed. With its own it gives the same bytes where picture, mask and model are as
        /// they were; what differs is said.
        other_seed: bool,
    },
    /// Somebody looks at a result: its pixels are to be in memory.
    LookAt(CandidateId),
    /// Forgets a comparison (its candidates stay); jobs of it that have not run are cancelled.
    CloseComparison(ComparisonId),

    // Layers.
    /// Shows or hides a layer.
    SetLayerVisible {
        /// Which document.
        document: DocumentId,
        /// Which layer.
        layer: LayerId,
        /// Whether it is drawn.
        visible: bool,
    },
    /// Makes a layer more or less transparent. While a slider is dragged send `done: false`, so that
    /// the whole drag is one edit.
    SetLayerOpacity {
        /// Which document.
        document: DocumentId,
        /// Which layer.
        layer: LayerId,
        /// 0…255.
        opacity: u8,
        /// The slider has been let go.
        done: bool,
    },
    /// Names a layer.
    SetLayerName {
        /// Which document.
        document: DocumentId,
        /// Which layer.
        layer: LayerId,
        /// Its name.
        name: String,
    },
    /// Puts a layer above itself once more.
    DuplicateLayer {
        /// Which document.
        document: DocumentId,
        /// Which layer.
        layer: LayerId,
    },
    /// Brings settings, mask and model back that made a layer. Until [`StopRedoing`](Self::StopRedoing)
    /// runs begin from what lies below it, and their results take its place when they are accepted.
    RedoLayer {
        /// Which document.
        document: DocumentId,
        /// Which layer.
        layer: LayerId,
    },
    /// Runs make new layers again.
    StopRedoing {
        /// Which document.
        document: DocumentId,
    },
    /// Takes a layer away.
    DeleteLayer {
        /// Which document.
        document: DocumentId,
        /// Which layer.
        layer: LayerId,
    },
    /// Moves a layer; 0 is the lowest place.
    MoveLayer {
        /// Which document.
        document: DocumentId,
        /// Which layer.
        layer: LayerId,
        /// Its new place.
        to: usize,
    },

    // Many pictures.
    /// Something about the folder that is open as a batch.
    Batch(BatchCommand),

    // The rest.
    /// Replaces the preferences; they are written at once.
    SetPreferences(Box<Preferences>),
    /// Opens what a session that ended badly has left, or what was closed not long ago.
    Restore(RecoveryId),
    /// Throws away what a session that ended badly has left, or what was closed.
    DiscardRecovery(RecoveryId),
    /// Runs what a notice says has failed once more, as it was asked for, and takes the notice off the list.
    TryAgain(NoticeId),
    /// Takes a notice off the list.
    DismissNotice(NoticeId),
}

//! [`BatchCommand`]: what can be asked of the batch in the window.

use std::path::PathBuf;

use super::looks::LookId;
use super::picture::{BatchPhase, Verdict};
use crate::bulk::Decision;
use crate::document::DocumentId;
use crate::plan::Strength;

/// Where the recipe of a batch comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecipeFrom {
    /// As the folder was left, else a recipe that lies in it, else the first preset.
    Folder,
    /// A file.
    File(PathBuf),
    /// What is set for that document.
    Settings(DocumentId),
    /// One that comes with the program.
    Preset(BatchPreset),
}

/// Recipes that come with the program; none needs a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum BatchPreset {
    /// The subject on white.
    White,
    /// The subject cut out.
    CutOut,
    /// What is behind the subject blurred.
    Blur,
}

impl BatchPreset {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::White, Self::CutOut, Self::Blur];
}

/// What can be asked of the batch in the window. What cannot be done becomes a notice.
#[derive(Debug, Clone, PartialEq)]
pub enum BatchCommand {
    /// Opens a folder of pictures and goes on where it was left; masks are made at once.
    Open {
        /// The folder.
        folder: PathBuf,
        /// What is done with its pictures.
        recipe: RecipeFrom,
    },
    /// Closes it; what is done stays done.
    Close,
    /// Does something else with its pictures. Masks stay where the same is selected.
    SetRecipe(RecipeFrom),
    /// Says what should be there, in a recipe that edits.
    SetPrompt(String),
    /// Shows another phase.
    GoTo(BatchPhase),
    /// Somebody looks at these, the first of them most; others are not read.
    Look(Vec<LookId>),
    /// Makes the masks that are missing.
    FindMasks,
    /// Stops what is being done; what is done stays done.
    Stop,
    /// Holds what is being done, or lets it go on.
    Hold(bool),
    /// Says of masks that they are right, that their pictures are left out, or neither.
    Decide {
        /// Which pictures.
        pictures: Vec<usize>,
        /// What.
        decision: Option<Decision>,
    },
    /// Opens a picture with its mask as a document, to be refined.
    OpenMask(usize),
    /// Takes the mask of a document that [`OpenMask`](Self::OpenMask) has opened back, and closes it.
    PutBack {
        /// Which document.
        document: DocumentId,
    },
    /// Does a few pictures at several strengths, to choose one.
    Try {
        /// Which pictures; none: a few of all.
        pictures: Vec<usize>,
        /// Which strengths; they say nothing to a recipe without a model.
        strengths: Vec<Strength>,
    },
    /// Does all with that strength.
    ChooseStrength(Strength),
    /// Does every picture that is not done.
    Run,
    /// Says of results whether they are wanted.
    Judge {
        /// Which pictures.
        pictures: Vec<usize>,
        /// What.
        verdict: Option<Verdict>,
    },
    /// Does a picture again, otherwise.
    Redo {
        /// Which picture.
        picture: usize,
        /// With that strength; `None`: as before.
        strength: Option<Strength>,
        /// From another seed.
        other_seed: bool,
    },
    /// Opens a result as a document.
    OpenResult(usize),
    /// Copies every accepted result to a folder.
    Export(PathBuf),
}

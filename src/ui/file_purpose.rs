//! [`FilePurpose`]: what a file is chosen for, and what to ask of the editor with it.

use std::path::PathBuf;

use crate::backdrop::Placing;
use crate::catalog::ModelRef;
use crate::document::{DocumentId, LayerId};
use crate::editor::{BatchCommand, Behind, Command, ComparisonId, Editor, RecipeFrom, RunState};
use crate::raster::sheet::{SheetTile, sheet};
use crate::raster::{Pixmap, draw_patch};
use crate::text::Texts;

/// Endings of pictures that can be opened.
const OPENED: &[&str] = &[
    "png", "jpg", "jpeg", "webp", "bmp", "tif", "tiff", "gif", "ora",
];
/// Endings of checkpoints.
const MODELS: &[&str] = &["safetensors", "ckpt", "pt", "pth"];
/// Endings of pictures that can be written.
const WRITTEN: &[&str] = &["png", "jpg", "webp", "tiff"];

/// What a file is chosen for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FilePurpose {
    /// To open a picture.
    Open,
    /// To write the picture to.
    SaveAs(DocumentId),
    /// To write a copy to.
    Export(DocumentId),
    /// To read a mask from.
    LoadMask(DocumentId),
    /// To put behind the subject.
    PutBehind(DocumentId),
    /// To write the mask to.
    SaveMask(DocumentId),
    /// To write the recipe of a batch to: what is set, or how that layer was made.
    SaveRecipe(DocumentId, Option<LayerId>),
    /// To write a comparison to.
    ExportSheet(ComparisonId),
    /// A folder to use as the model, or to look for models in.
    ModelFolder,
    /// A file to use as the model.
    ModelFile,
    /// A LoRA to add to the settings.
    Lora(DocumentId),
    /// A folder of pictures to open as a batch.
    BatchFolder,
    /// The recipe of a batch.
    BatchRecipe,
    /// A folder for the accepted results of a batch.
    BatchExport,
}

impl FilePurpose {
    /// The key of the dialog's title.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Open => "ui-open",
            Self::SaveAs(_) => "ui-save-as",
            Self::Export(_) => "ui-export",
            Self::LoadMask(_) => "ui-load-mask",
            Self::PutBehind(_) => "ui-put-picture",
            Self::SaveMask(_) => "ui-save-mask",
            Self::SaveRecipe(..) => "ui-save-recipe",
            Self::ExportSheet(_) => "ui-sheet-export",
            Self::ModelFolder => "ui-model-folder",
            Self::ModelFile => "ui-model-file",
            Self::Lora(_) => "ui-lora-file",
            Self::BatchFolder => "ui-batch-open",
            Self::BatchRecipe => "ui-batch-recipe-file",
            Self::BatchExport => "ui-batch-export-folder",
        }
    }

    /// Endings of the files that can be chosen.
    pub(super) const fn endings(self) -> &'static [&'static str] {
        match self {
            Self::ModelFile | Self::Lora(_) => MODELS,
            Self::SaveRecipe(..) | Self::BatchRecipe => &["toml"],
            _ if self.writes() => WRITTEN,
            _ => OPENED,
        }
    }

    /// True where a folder is chosen, not a file.
    pub(super) const fn is_folder(self) -> bool {
        matches!(
            self,
            Self::ModelFolder | Self::BatchFolder | Self::BatchExport
        )
    }

    pub(super) const fn writes(self) -> bool {
        matches!(
            self,
            Self::SaveAs(_)
                | Self::Export(_)
                | Self::SaveMask(_)
                | Self::SaveRecipe(..)
                | Self::ExportSheet(_)
        )
    }

    /// What to ask of the editor with the path; `None` where what was to be written is gone.
    pub(super) fn command(self, editor: &Editor, path: PathBuf) -> Option<Command> {
        Some(match self {
            Self::Open => Command::OpenFile(path),
            Self::SaveAs(document) => Command::SaveAs {
                document,
                path,
                jpeg_quality: None,
            },
            Self::Export(document) => Command::Export {
                document,
                path,
                jpeg_quality: None,
            },
            Self::LoadMask(document) => Command::LoadMask { document, path },
            Self::PutBehind(document) => {
                // In the place of another picture it lies as that did.
                let (placing, at) = match editor.background(document) {
                    Some((_, Behind::File { placing, at, .. })) => (placing, at),
                    _ => (Placing::Cover, (0.5, 0.5)),
                };
                let behind = Behind::File { path, placing, at };
                Command::PutBehind { document, behind }
            }
            Self::SaveMask(document) => Command::SaveMask { document, path },
            Self::SaveRecipe(document, layer) => Command::SaveRecipe {
                document,
                layer,
                path,
            },
            Self::ExportSheet(comparison) => Command::ExportPixels {
                pixels: sheet_of(editor, comparison)?,
                path,
            },
            Self::ModelFolder | Self::ModelFile => Command::SetModel(ModelRef::at(path)),
            Self::Lora(document) => Command::AddLora { document, path },
            Self::BatchFolder => Command::Batch(BatchCommand::Open {
                folder: path,
                recipe: RecipeFrom::Folder,
            }),
            Self::BatchRecipe => Command::Batch(BatchCommand::SetRecipe(RecipeFrom::File(path))),
            Self::BatchExport => Command::Batch(BatchCommand::Export(path)),
        })
    }
}

/// The picture and the finished tiles of a comparison as one labelled picture.
fn sheet_of(editor: &Editor, comparison: ComparisonId) -> Option<Pixmap> {
    let comparison = editor.comparison(comparison)?;
    let source = comparison.source();
    let original = Texts::of(editor.language()).get("ui-sheet-original");
    let mut tiles = vec![SheetTile::of(source, SHEET_TILE_PX, original.into_owned()).ok()?];
    for (strength, job) in &comparison.entries {
        let run = editor.run(*job)?;
        let RunState::Finished(id) = run.state else {
            continue;
        };
        let candidate = editor.candidate(id)?;
        let mut picture = source.clone();
        draw_patch(&mut picture.pixels, candidate.patch()?, 255);
        let steps = run.settings.steps;
        let label = format!(
            "{:.2} · {}/{}",
            strength.get(),
            // It has run, so it had a step.
            steps.executed(*strength).max(1),
            steps.get()
        );
        tiles.push(SheetTile::of(&picture, SHEET_TILE_PX, label).ok()?);
    }
    // As many rows as leave the last one nearly full.
    let columns = tiles.len().div_ceil(tiles.len().isqrt().max(1));
    (tiles.len() > 1).then(|| sheet(&tiles, columns as u32).pixels)
}

/// Longest side of a tile in an exported comparison.
const SHEET_TILE_PX: u32 = 768;

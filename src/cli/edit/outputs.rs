//! The files an edit writes: their names, and what can be known of them before there is a result.

use std::path::{Path, PathBuf};

use super::{SHEET_COLUMNS, SHEET_TILE_PX};
use crate::cli::args::EditArgs;
use crate::cli::error::CliError;
use crate::geometry::Extent;
use crate::plan::Strength;
use crate::raster::file::{
    PictureError, PlaceProblem, check_place, check_places, check_size, writable_format,
};
use crate::raster::sheet::{SheetTile, sheet_extent};
use crate::text::{Explain as _, Message};

/// The files an edit writes.
pub(in crate::cli) struct Outputs {
    /// One for each strength, in their order; one where no list was given.
    results: Vec<PathBuf>,
    sheet: Option<PathBuf>,
}

impl Outputs {
    /// Their names. Refuses those that name no kind of file that can be written, or a place where
    /// none can be.
    pub(super) fn of(args: &EditArgs, strengths: &[Strength]) -> Result<Self, CliError> {
        let output = &args.output;
        let results = if args.strengths.is_empty() {
            vec![output.clone()]
        } else {
            strengths
                .iter()
                .map(|s| with_strength(output, *s))
                .collect()
        };
        writable_format(output, None).map_err(refused)?;
        let sheet = args.grid.clone();
        Self { results, sheet }.checked(&args.input, args.mask.as_deref())
    }

    /// One file.
    pub(in crate::cli) fn one(
        input: &Path,
        mask: Option<&Path>,
        output: &Path,
    ) -> Result<Self, CliError> {
        let outputs = Self {
            results: vec![output.to_owned()],
            sheet: None,
        };
        outputs.checked(input, mask)
    }

    fn checked(self, input: &Path, mask: Option<&Path>) -> Result<Self, CliError> {
        let outputs = self;
        for path in outputs.paths() {
            writable_format(path, None).map_err(refused)?;
        }
        check_places(outputs.paths()).map_err(refused)?;
        // A result may take the place of its picture; a sheet is none, and a mask is used again.
        let of_sheet = outputs.sheet.iter().map(|sheet| (sheet.as_path(), input));
        let masks = mask.into_iter();
        let of_masks = masks.flat_map(|mask| outputs.paths().map(move |path| (path, mask)));
        for (path, read) in of_sheet.chain(of_masks) {
            if read.canonicalize().ok() == Some(check_place(path).map_err(refused)?) {
                let message = Message::new("cli-output-is-input").with("path", path);
                return Err(CliError::Argument(message.with("read", read)));
            }
        }
        Ok(outputs)
    }

    /// Refuses a picture of a size that one of the files cannot hold.
    pub(in crate::cli) fn check_sizes(&self, picture: Extent) -> Result<(), CliError> {
        let check = |path: &Path, extent| {
            let format = writable_format(path, None)?;
            check_size(path, format, extent)
        };
        for path in &self.results {
            check(path, picture).map_err(refused)?;
        }
        if let Some(path) = &self.sheet {
            let tile = SheetTile::extent_of(picture, SHEET_TILE_PX);
            // The original stands first.
            let count = 1 + self.results.len() as u32;
            check(path, sheet_extent(tile, count, SHEET_COLUMNS)).map_err(refused)?;
        }
        Ok(())
    }

    /// The files of the results, one for each strength.
    pub(super) fn results(&self) -> impl Iterator<Item = &Path> {
        self.results.iter().map(PathBuf::as_path)
    }

    fn paths(&self) -> impl Iterator<Item = &Path> {
        self.results().chain(self.sheet.as_deref())
    }
}

/// What was typed is to blame for a name without a kind and for a name given twice, the disk for
/// everything else.
fn refused(error: PictureError) -> CliError {
    match &error {
        PictureError::UnknownExtension { .. }
        | PictureError::NoPlace {
            problem: PlaceProblem::NamedTwice(_),
            ..
        } => CliError::Argument(error.message()),
        _ => CliError::Output(error),
    }
}

/// `out.png` → `out-0.45.png`.
fn with_strength(path: &Path, strength: Strength) -> PathBuf {
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push(format!("-{}", strength.get()));
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strength_goes_before_the_extension() {
        let named =
            |path: &str, strength| with_strength(Path::new(path), Strength::new(strength).unwrap());
        assert_eq!(named("a/out.png", 0.45), Path::new("a/out-0.45.png"));
        assert_eq!(named("out.v2.webp", 1.0), Path::new("out.v2-1.webp"));
    }

    #[test]
    fn a_file_too_small_for_its_picture_is_known_before() {
        let outputs = |result: &str, count, sheet: Option<&str>| Outputs {
            results: vec![result.into(); count],
            sheet: sheet.map(PathBuf::from),
        };
        let long = Extent::new(16_384, 4);
        assert!(outputs("a.png", 1, None).check_sizes(long).is_ok());
        let error = outputs("a.webp", 1, None).check_sizes(long).unwrap_err();
        assert_eq!(error.exit_code(), 5);
        assert!(matches!(
            error,
            CliError::Output(PictureError::TooLargeForFormat {
                limit_px: 16_383,
                ..
            })
        ));
        // Tiles of 512 pixels and their labels, three in a row: 29 rows fit into a WebP.
        let square = Extent::new(600, 600);
        let sheet = |results| outputs("a.png", results, Some("sheet.webp")).check_sizes(square);
        assert!(sheet(29 * 3 - 1).is_ok());
        assert!(matches!(
            sheet(29 * 3),
            Err(CliError::Output(PictureError::TooLargeForFormat { .. }))
        ));
    }
}

//! [`Subject`]: the model that is measured, which may have to be made first.

use std::path::Path;

use tempfile::TempDir;

use crate::catalog::{Library, ModelRef, STARTER_ID};
use crate::cli::args::BenchArgs;
use crate::cli::console::Console;
use crate::cli::data_dir;
use crate::cli::error::CliError;
use crate::engine::diffusion::{Part, RandomModel};
use crate::raster::file::check_place;
use crate::text::Message;

/// What a random model's name begins with.
const RANDOM: &str = "random:";

/// What edits of few steps are measured with.
const FEW_STEPS: &str = "random:sd15-lcm";

/// The model that is measured.
pub(super) struct Subject {
    pub(super) model: ModelRef,
    /// As it was asked for.
    pub(super) name: String,
    /// Where a random model lies until the measuring is over.
    _folder: Option<TempDir>,
}

impl Subject {
    /// The model that was asked for; a random one is made now.
    pub(super) fn of(args: &BenchArgs, console: &Console) -> Result<Self, CliError> {
        let usual = if args.edits.few_steps {
            FEW_STEPS
        } else {
            STARTER_ID
        };
        let name = args.model.clone().unwrap_or_else(|| usual.to_owned());
        let Some(id) = name.strip_prefix(RANDOM) else {
            if args.export.is_some() {
                return Err(argument(Message::new("cli-bench-export-of-random")));
            }
            return Ok(Self {
                model: Library::open(&data_dir()).resolve(&name)?,
                name,
                _folder: None,
            });
        };
        let random = RandomModel::from_id(id).ok_or_else(|| {
            let known = RandomModel::ALL.map(|model| format!("{RANDOM}{}", model.id()));
            let message = Message::new("cli-bench-unknown-random").with("value", name.clone());
            argument(message.with("known", known.join(", ")))
        })?;
        let part = args.stage.part();
        if let Some(folder) = &args.export {
            make_empty(folder)?;
            write(random, folder, &Part::ALL)?;
            console.note(&Message::new("cli-bench-exported").with("path", folder.as_path()));
            let folder = std::path::absolute(folder).map_err(|e| refused(folder, &e))?;
            return Ok(Self {
                model: ModelRef::Folder(folder),
                name,
                _folder: None,
            });
        }
        let folder = TempDir::with_prefix("overpaint-bench-")
            .map_err(|error| refused(&tempfile::env::temp_dir(), &error))?;
        let needed = part.map_or_else(|| Part::ALL.to_vec(), |part| vec![part]);
        write(random, folder.path(), &needed)?;
        Ok(Self {
            model: ModelRef::Folder(folder.path().to_owned()),
            name,
            _folder: Some(folder),
        })
    }
}

fn argument(message: Message) -> CliError {
    CliError::Argument(message)
}

fn write(random: RandomModel, folder: &Path, parts: &[Part]) -> Result<(), CliError> {
    let written = random.write(folder, parts);
    written.map_err(|error| refused(folder, &error))
}

/// Nobody's files are written over.
fn make_empty(folder: &Path) -> Result<(), CliError> {
    super::make_folder(folder)?;
    check_place(&folder.join("model_index.json")).map_err(CliError::Output)?;
    let mut entries = std::fs::read_dir(folder).map_err(|error| refused(folder, &error))?;
    if entries.next().is_some() {
        return Err(argument(
            Message::new("cli-bench-export-not-empty").with("path", folder),
        ));
    }
    Ok(())
}

fn refused(path: &Path, error: &std::io::Error) -> CliError {
    CliError::System(format!("{}: {error}", path.display()))
}

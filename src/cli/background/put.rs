//! What is typed after `--put`.

use crate::backdrop::{Backdrop, Placed};
use crate::cli::args::BackgroundArgs;
use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::geometry::Extent;
use crate::plan::{PlanError, Put};
use crate::raster::file;
use crate::text::{Explain as _, Message};

/// What is to be put behind, for a picture of that size.
pub(super) fn backdrop(
    args: &BackgroundArgs,
    extent: Extent,
    console: &Console,
) -> Result<Backdrop, CliError> {
    let put: Put = args.put.parse()?;
    let unknown = || PlanError::Put(args.put.trim().to_owned());
    let placed = match put.path() {
        None => None,
        Some(path) if !path.exists() => return Err(unknown().into()),
        Some(path) => {
            let loaded = file::load(path).map_err(CliError::Input)?;
            for note in &loaded.notes {
                console.note(&note.message());
            }
            Some(Placed {
                picture: loaded.picture,
                placing: args.size.into(),
                at: place(&args.at)?,
            })
        }
    };
    put.backdrop(extent, placed).ok_or_else(|| unknown().into())
}

/// `X,Y` in percent as shares.
fn place(text: &str) -> Result<(f64, f64), CliError> {
    let share = |text: &str| {
        let value: f64 = text.trim().trim_end_matches('%').parse().ok()?;
        (0.0..=100.0).contains(&value).then_some(value / 100.0)
    };
    let both = text.split_once(',');
    both.and_then(|(x, y)| share(x).zip(share(y)))
        .ok_or_else(|| CliError::Argument(Message::new("cli-put-at").with("value", text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read() {
        assert_eq!(place("0,100%").unwrap(), (0.0, 1.0));
        for bad in ["50", "a,b", "-1,50", "50,101", "NaN,1"] {
            assert_eq!(place(bad).unwrap_err().exit_code(), 2, "{bad}");
        }
    }
}

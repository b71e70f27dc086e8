//! What is typed after `--put`.

use std::path::Path;

use crate::backdrop::{Backdrop, Placed};
use crate::cli::args::BackgroundArgs;
use crate::cli::console::Console;
use crate::cli::edit::length;
use crate::cli::error::CliError;
use crate::geometry::{Extent, Rect};
use crate::plan::Length;
use crate::raster::file;
use crate::text::{Explain as _, Message};

/// How far the old background is blurred where nothing is said.
const BLUR: Length = Length::Percent(1.5);

/// What is to be put behind, for a picture of that size.
pub(super) fn backdrop(
    args: &BackgroundArgs,
    extent: Extent,
    console: &Console,
) -> Result<Backdrop, CliError> {
    let word = args.put.trim();
    let lower = word.to_ascii_lowercase();
    let diagonal_px = Rect::of(extent).diagonal();
    if let Some(colour) = colour(&lower) {
        return Ok(Backdrop::Colour(colour));
    }
    match lower.split_once(':') {
        None if lower == "nothing" || lower == "transparent" => return Ok(Backdrop::Nothing),
        None if lower == "blur" => return Ok(Backdrop::Blur(BLUR.resolve_px(diagonal_px))),
        Some(("blur", far)) => {
            let far: Length = length(far)?;
            return Ok(Backdrop::Blur(far.resolve_px(diagonal_px)));
        }
        Some(("gradient", colours)) => {
            let ends = colours.split_once(',');
            let ends = ends.and_then(|(from, to)| colour(from.trim()).zip(colour(to.trim())));
            let (from, to) = ends.ok_or_else(|| unknown(word))?;
            return Ok(Backdrop::Gradient(from, to));
        }
        _ => {}
    }
    let path = Path::new(word);
    if !path.exists() {
        return Err(unknown(word));
    }
    let loaded = file::load(path).map_err(CliError::Input)?;
    for note in &loaded.notes {
        console.note(&note.message());
    }
    Ok(Backdrop::Picture(Placed {
        picture: loaded.picture,
        placing: args.size.into(),
        at: place(&args.at)?,
    }))
}

fn unknown(word: &str) -> CliError {
    CliError::Argument(Message::new("cli-put-unknown").with("value", word))
}

/// `white`, `black`, `#rrggbb` or `#rgb`.
fn colour(word: &str) -> Option<[u8; 3]> {
    match word {
        "white" => return Some([255; 3]),
        "black" => return Some([0; 3]),
        _ => {}
    }
    let digits = word.strip_prefix('#')?;
    let mut values = Vec::new();
    for digit in digits.chars() {
        values.push(digit.to_digit(16)? as u8);
    }
    match values[..] {
        [r, g, b] => Some([r, g, b].map(|value| value * 17)),
        [a, b, c, d, e, f] => Some([a * 16 + b, c * 16 + d, e * 16 + f]),
        _ => None,
    }
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
    fn colours_and_places_are_read() {
        assert_eq!(colour("white"), Some([255; 3]));
        assert_eq!(colour("#0f8"), Some([0, 255, 136]));
        assert_eq!(colour("#102aff"), Some([16, 42, 255]));
        for bad in ["#12", "#12345", "#ggg", "red", "", "#１２３"] {
            assert_eq!(colour(bad), None, "{bad}");
        }
        assert_eq!(place("0,100%").unwrap(), (0.0, 1.0));
        for bad in ["50", "a,b", "-1,50", "50,101", "NaN,1"] {
            assert_eq!(place(bad).unwrap_err().exit_code(), 2, "{bad}");
        }
    }
}

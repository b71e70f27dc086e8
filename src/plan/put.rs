//! [`Put`]: what is put behind a subject, as it is typed.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::error::PlanError;
use super::settings::Length;
use crate::backdrop::{Backdrop, Placed};
use crate::geometry::{Extent, Rect};

/// How far the old background is blurred where nothing is said.
const BLUR: Length = Length::Percent(1.5);

/// `white`, `#rrggbb`, `gradient:#a,#b`, `blur`, `blur:LEN`, `nothing`, or a picture's path.
#[derive(Debug, Clone, PartialEq)]
pub enum Put {
    /// One colour, sRGB.
    Colour([u8; 3]),
    /// From the upper to the lower border, sRGB.
    Gradient([u8; 3], [u8; 3]),
    /// The old background, blurred so far.
    Blur(Length),
    /// Nothing: a cut-out.
    Nothing,
    /// Another picture.
    Picture(PathBuf),
}

impl Put {
    /// The path of the other picture, if there is one.
    pub fn path(&self) -> Option<&PathBuf> {
        match self {
            Self::Picture(path) => Some(path),
            _ => None,
        }
    }

    /// What lies behind a picture of that size. `placed` is what was read from [`path`](Self::path);
    /// `None` where it is missing.
    pub fn backdrop(&self, extent: Extent, placed: Option<Placed>) -> Option<Backdrop> {
        Some(match self {
            Self::Colour(colour) => Backdrop::Colour(*colour),
            Self::Gradient(from, to) => Backdrop::Gradient(*from, *to),
            Self::Blur(far) => Backdrop::Blur(far.resolve_px(Rect::of(extent).diagonal())),
            Self::Nothing => Backdrop::Nothing,
            Self::Picture(_) => Backdrop::Picture(placed?),
        })
    }
}

impl FromStr for Put {
    type Err = PlanError;

    fn from_str(text: &str) -> Result<Self, PlanError> {
        let word = text.trim();
        let lower = word.to_ascii_lowercase();
        let unknown = || PlanError::Put(word.to_owned());
        if let Some(colour) = colour(&lower) {
            return Ok(Self::Colour(colour));
        }
        match lower.split_once(':') {
            None if lower == "nothing" || lower == "transparent" => Ok(Self::Nothing),
            None if lower == "blur" => Ok(Self::Blur(BLUR)),
            Some(("blur", far)) => Ok(Self::Blur(far.parse()?)),
            Some(("gradient", colours)) => {
                let ends = colours.split_once(',');
                let ends = ends.and_then(|(from, to)| colour(from.trim()).zip(colour(to.trim())));
                let (from, to) = ends.ok_or_else(unknown)?;
                Ok(Self::Gradient(from, to))
            }
            _ if word.is_empty() || word.starts_with('#') => Err(unknown()),
            _ => Ok(Self::Picture(PathBuf::from(word))),
        }
    }
}

impl fmt::Display for Put {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = |[r, g, b]: [u8; 3]| format!("#{r:02x}{g:02x}{b:02x}");
        match self {
            Self::Colour(colour) => f.write_str(&hex(*colour)),
            Self::Gradient(from, to) => write!(f, "gradient:{},{}", hex(*from), hex(*to)),
            Self::Blur(far) => write!(f, "blur:{far}"),
            Self::Nothing => f.write_str("nothing"),
            Self::Picture(path) => write!(f, "{}", path.display()),
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_read_and_written_again() {
        let cases = [
            ("white", Put::Colour([255; 3]), "#ffffff"),
            ("#0f8", Put::Colour([0, 255, 136]), "#00ff88"),
            ("#102aff", Put::Colour([16, 42, 255]), "#102aff"),
            (" Transparent ", Put::Nothing, "nothing"),
            ("blur", Put::Blur(BLUR), "blur:1.5%"),
            ("blur:20px", Put::Blur(Length::Px(20.0)), "blur:20px"),
            (
                "gradient:#fff, black",
                Put::Gradient([255; 3], [0; 3]),
                "gradient:#ffffff,#000000",
            ),
            ("Beach.jpg", Put::Picture("Beach.jpg".into()), "Beach.jpg"),
        ];
        for (text, put, written) in cases {
            let read: Put = text.parse().unwrap();
            assert_eq!(
                (&read, read.to_string().as_str()),
                (&put, written),
                "{text}"
            );
            assert_eq!(written.parse(), Ok(put));
        }
        for bad in [
            "",
            "#12",
            "#12345",
            "#ggg",
            "#１２３",
            "gradient:#fff",
            "blur:wide",
        ] {
            assert!(bad.parse::<Put>().is_err(), "{bad}");
        }
    }
}

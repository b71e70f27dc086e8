//! [`MaskChannel`]: which channel of a file is the mask.

use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::super::{PictureError, PictureNote};
use crate::geometry::Rect;
use crate::raster::{Pixmap, Tiled, snapped_to_ends};

/// Which channel of a file is the mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum MaskChannel {
    /// Brightness times opacity; opacity alone where that leaves nothing painted, as in black paint
    /// on a transparent layer. Where the file has colours, brightness is the largest of red, green and
    /// blue (V of HSV): red paint on black is full paint.
    #[default]
    Auto,
    /// Brightness alone (luma of ITU-R BT.601).
    Luma,
    /// Opacity alone.
    Alpha,
    /// Red alone.
    Red,
    /// Green alone.
    Green,
    /// Blue alone.
    Blue,
}

impl MaskChannel {
    /// Every channel.
    pub const ALL: [Self; 6] = [
        Self::Auto,
        Self::Luma,
        Self::Alpha,
        Self::Red,
        Self::Green,
        Self::Blue,
    ];

    /// Its name on the command line.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Luma => "luma",
            Self::Alpha => "alpha",
            Self::Red => "red",
            Self::Green => "green",
            Self::Blue => "blue",
        }
    }

    /// The names of all, for messages.
    pub fn ids() -> String {
        Self::ALL.map(Self::id).join(", ")
    }
}

impl FromStr for MaskChannel {
    /// The name that stands for none.
    type Err = String;

    fn from_str(id: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|channel| channel.id() == id);
        known.ok_or_else(|| id.to_owned())
    }
}

/// The channel of a picture as coverages, row by row, and what of the choice is worth saying.
pub(super) fn plane(
    pixels: &Pixmap,
    channel: MaskChannel,
    name: &Path,
) -> Result<(Vec<u8>, Vec<PictureNote>), PictureError> {
    match pixels {
        Pixmap::Rgba8(plane) => choose(plane, u8::MAX, channel, name, |coverages| {
            coverages.iter().map(|v| *v as u8).collect()
        }),
        Pixmap::Rgba16(plane) => choose(plane, u16::MAX, channel, name, eight_of_sixteen),
    }
}

/// 16 bits as 8. Numbers that fit into 8 bits as they are were put into 16 without being scaled,
/// as scripts do with labels.
fn eight_of_sixteen(coverages: &[u16]) -> Vec<u8> {
    if coverages.iter().all(|v| *v <= 255) {
        return coverages.iter().map(|v| *v as u8).collect();
    }
    let rounded = |v: &u16| ((u32::from(*v) + 128) / 257) as u8;
    coverages.iter().map(rounded).collect()
}

fn choose<T: Copy + PartialEq + Into<u32>>(
    plane: &Tiled<[T; 4]>,
    full: T,
    channel: MaskChannel,
    name: &Path,
    to_eight: impl Fn(&[u16]) -> Vec<u8>,
) -> Result<(Vec<u8>, Vec<PictureNote>), PictureError> {
    let full: u32 = full.into();
    let read = |pick: &dyn Fn([u32; 4]) -> u32| -> Vec<u8> {
        let mut picked = Vec::with_capacity(plane.extent().len());
        let whole = Rect::of(plane.extent());
        for y in 0..whole.height {
            plane.visit_row(y, 0..whole.width, |_, piece| {
                picked.extend(piece.iter().map(|p| pick((*p).map(Into::into)) as u16));
            });
        }
        to_eight(&picked)
    };
    let grey = |[r, g, b, _]: [u32; 4]| luma([r, g, b]);
    let value = |[r, g, b, _]: [u32; 4]| r.max(g).max(b);
    let coloured = channel == MaskChannel::Auto && is_coloured(plane, full);
    let brightness: &dyn Fn([u32; 4]) -> u32 = if coloured { &value } else { &grey };
    let alpha = |[.., a]: [u32; 4]| a;
    let colour_note = coloured.then_some(PictureNote::MaskColoured).into_iter();
    let coverage = match channel {
        MaskChannel::Luma => read(&grey),
        MaskChannel::Red => read(&|[r, ..]| r),
        MaskChannel::Green => read(&|[_, g, ..]| g),
        MaskChannel::Blue => read(&|[_, _, b, _]| b),
        MaskChannel::Alpha => {
            if is_opaque(plane, full) {
                return Err(PictureError::MaskWithoutAlpha {
                    path: name.to_path_buf(),
                });
            }
            read(&alpha)
        }
        MaskChannel::Auto if is_opaque(plane, full) => {
            return Ok((read(brightness), colour_note.collect()));
        }
        MaskChannel::Auto => {
            // Nearly opaque is opaque: the ends of alpha are rounded as those of masks are.
            let seen = read(&|p| {
                let opacity = snapped_to_ends((p[3] * 255 / full) as u8);
                (brightness(p) * u32::from(opacity) + 127) / 255
            });
            let opacity = read(&alpha);
            // A mask of labels, 0 and 1, has something in it too.
            let most = seen.iter().copied().max().unwrap_or(0);
            let thinnest = opacity.iter().copied().min().unwrap_or(0);
            let thickest = opacity.iter().copied().max().unwrap_or(0);
            let is_shape = thickest == 1 || snapped_to_ends(thickest - thinnest) > 0;
            return Ok(if is_shape && most != 1 && snapped_to_ends(most) == 0 {
                (opacity, vec![PictureNote::MaskAlphaRead])
            } else {
                let notes = std::iter::once(PictureNote::MaskAlphaCounted).chain(colour_note);
                (seen, notes.collect())
            });
        }
    };
    Ok((coverage, Vec::new()))
}

/// Whether some pixel that is not quite transparent has a colour. Lossy compression gives grey pixels
/// a little of it.
fn is_coloured<T: Copy + PartialEq + Into<u32>>(plane: &Tiled<[T; 4]>, full: u32) -> bool {
    let whole = Rect::of(plane.extent());
    let mut coloured = false;
    for y in 0..whole.height {
        plane.visit_row(y, 0..whole.width, |_, piece| {
            coloured = coloured
                || piece.iter().any(|pixel| {
                    let [r, g, b, a] = (*pixel).map(Into::<u32>::into);
                    let chroma = r.max(g).max(b) - r.min(g).min(b);
                    u64::from(chroma) * 4 > u64::from(full)
                        && snapped_to_ends((a * 255 / full) as u8) > 0
                });
        });
    }
    coloured
}

fn is_opaque<T: Copy + PartialEq + Into<u32>>(plane: &Tiled<[T; 4]>, full: u32) -> bool {
    let whole = Rect::of(plane.extent());
    let mut opaque = true;
    for y in 0..whole.height {
        plane.visit_row(y, 0..whole.width, |_, piece| {
            opaque = opaque && piece.iter().all(|[.., a]| (*a).into() == full);
        });
    }
    opaque
}

/// Luma of ITU-R BT.601 in integers, as painting programs turn colours to grey; grey is exact.
fn luma([r, g, b]: [u32; 3]) -> u32 {
    let weighted = u64::from(r) * 299 + u64::from(g) * 587 + u64::from(b) * 114;
    ((weighted + 500) / 1000) as u32
}

//! Another background: picture and matte in, picture out; no model.
//!
//! A matte says how much of the subject each pixel is. In the soft band a pixel of a photograph is a
//! mix of the subject's colour and of what was behind it, so a new background laid under the old
//! pixels leaves a ghost of the old one. Here the subject's own colours are estimated
//! ([`Foreground`]) and mixed with what is put behind ([`Backdrop`]).
//!
//! Everything is mixed in the picture's own numbers, as `raster::draw_patch` does: the estimate
//! splits exactly these numbers into subject and background, so that the old background put back
//! gives the old picture.
//!
//! Pure; called by `plan`, `jobs` and the command line. Knows no document and no model.

mod behind;
mod error;
mod foreground;
mod levels;
mod smooth;
#[cfg(test)]
mod tests;

pub use error::BackdropError;
pub use foreground::Foreground;

use serde::{Deserialize, Serialize};

use crate::geometry::Rect;
use crate::raster::{
    Mask, Patch, Picture, Pixmap, TilePixels, Tiled, cut_out, draw_patch, snapped_to_ends,
};
use behind::Behind;

/// What is put behind a subject.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Backdrop {
    /// One colour, sRGB.
    Colour([u8; 3]),
    /// From the upper to the lower border, sRGB.
    Gradient([u8; 3], [u8; 3]),
    /// The old background, blurred; the subject's colours stay out of it. The radius is the standard
    /// deviation of the Gaussian, in pixels.
    Blur(f64),
    /// Another picture.
    Picture(Placed),
    /// Nothing: the subject is cut out.
    Nothing,
}

/// Another picture, and how it lies behind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Placed {
    /// The other picture, of any size, depth and profile.
    pub picture: Picture,
    /// Its size.
    pub placing: Placing,
    /// Which part of what does not fit is seen, or where what is smaller lies: 0 = the left or upper
    /// end, 0.5 = the middle, 1 = the right or lower end.
    pub at: (f64, f64),
}

/// How large another picture becomes. It is never stretched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Placing {
    /// It covers everything; what reaches beyond is cut.
    #[default]
    Cover,
    /// All of it is seen; beside it lies a blur of it.
    Fit,
}

/// The patch that puts something else behind the subject. Where the matte is 0 (after the ends, see
/// [`snapped_to_ends`]) it holds the backdrop, where it is 255 its alpha is 0 and the picture keeps
/// its bits, and between it is opaque and holds F·m + backdrop·(1 − m), F being the subject's
/// estimated colour. With [`Backdrop::Nothing`] it holds F in the soft band and nothing elsewhere.
///
/// `subject` has the size of the picture; 255 = all subject.
///
/// # Errors
///
/// [`BackdropError`]: sizes that do not agree, nothing or everything selected, unusable profiles.
pub fn patch(picture: &Picture, subject: &Mask, put: &Backdrop) -> Result<Patch, BackdropError> {
    let rect = replaced_part(picture, subject)?;
    let behind = Behind::new(picture, subject, put)?;
    let foreground = Foreground::of(&picture.pixels, subject);
    let parts = Parts {
        subject,
        behind: &behind,
        foreground: &foreground,
    };
    let shift = |tile: Rect| Rect {
        x: tile.x + rect.x,
        y: tile.y + rect.y,
        ..tile
    };
    let eight = |v: f32| (v.clamp(0.0, 1.0) * 255.0 + 0.5) as u8;
    let sixteen = |v: f32| (v.clamp(0.0, 1.0) * 65535.0 + 0.5) as u16;
    let pixels = match &picture.pixels {
        Pixmap::Rgba8(_) => Pixmap::Rgba8(Tiled::from_tiles(rect.extent(), [0; 4], |tile| {
            parts.tile(shift(tile), |pixel: [f32; 4]| pixel.map(eight))
        })),
        Pixmap::Rgba16(_) => Pixmap::Rgba16(Tiled::from_tiles(rect.extent(), [0; 4], |tile| {
            parts.tile(shift(tile), |pixel: [f32; 4]| pixel.map(sixteen))
        })),
    };
    Ok(Patch { rect, pixels })
}

/// The picture with something else behind the subject: opaque behind, cut out with
/// [`Backdrop::Nothing`]. As [`patch`], and the picture's own alpha is taken for part of the matte.
///
/// # Errors
///
/// As [`patch`].
pub fn put_behind(
    picture: &Picture,
    subject: &Mask,
    put: &Backdrop,
) -> Result<Picture, BackdropError> {
    let patch = patch(picture, &with_own_alpha(picture, subject), put)?;
    let mut made = picture.clone();
    draw_patch(&mut made.pixels, &patch, 255);
    match put {
        Backdrop::Nothing => cut_out(&mut made.pixels, subject, Rect::of(picture.extent())),
        _ => made.pixels = opaque(&made.pixels),
    }
    Ok(made)
}

/// The part of the picture that is not all subject.
fn replaced_part(picture: &Picture, subject: &Mask) -> Result<Rect, BackdropError> {
    let extent = picture.extent();
    if subject.extent() != extent {
        return Err(BackdropError::MaskSize {
            mask: subject.extent(),
            picture: extent,
        });
    }
    let mut rect = Rect::default();
    let mut is_any_subject = false;
    for y in 0..extent.height {
        let (mut first, mut last) = (None, 0);
        subject.visit_row(y, 0..extent.width, |x, values| {
            let is_behind = |value: &u8| snapped_to_ends(*value) < 255;
            is_any_subject |= values.iter().any(|value| snapped_to_ends(*value) > 0);
            if let Some(at) = values.iter().position(is_behind) {
                first.get_or_insert(x + at as u32);
            }
            if let Some(at) = values.iter().rposition(is_behind) {
                last = x + at as u32;
            }
        });
        if let Some(first) = first {
            rect = rect.union(Rect::new(first as i32, y as i32, last - first + 1, 1));
        }
    }
    match (is_any_subject, rect.is_empty()) {
        (false, _) => Err(BackdropError::NothingSelected),
        (true, true) => Err(BackdropError::EverythingSelected),
        (true, false) => Ok(rect),
    }
}

/// What a patch is made of.
struct Parts<'a> {
    subject: &'a Mask,
    behind: &'a Behind,
    foreground: &'a Foreground,
}

impl Parts<'_> {
    /// The patch's pixels in a part of the picture.
    fn tile<P: Copy + Default>(
        &self,
        rect: Rect,
        quantised: impl Fn([f32; 4]) -> P,
    ) -> TilePixels<P> {
        let shares = self.subject.crop(rect).into_iter().map(snapped_to_ends);
        let shares: Vec<u8> = shares.collect();
        if shares.iter().all(|share| *share == 255) {
            return TilePixels::All(P::default());
        }
        let is_soft = shares.iter().any(|share| (1..255).contains(share));
        let front = is_soft.then(|| self.foreground.colours(rect));
        let front = front.unwrap_or_default();
        let back = self.behind.colours(rect);
        let pixels = shares.into_iter().enumerate().map(|(at, share)| {
            let front = front.get(at).copied().unwrap_or_default();
            let back = back.as_ref().and_then(|back| back.get(at).copied());
            match (share, back) {
                (255, _) | (0, None) => P::default(),
                (_, None) => quantised(with_full_alpha(front)),
                (share, Some(back)) => quantised(with_full_alpha(mixed(front, back, share))),
            }
        });
        TilePixels::Each(pixels.collect())
    }
}

/// F·m + B·(1 − m), m being `share` of 255.
fn mixed(front: [f32; 3], back: [f32; 3], share: u8) -> [f32; 3] {
    let share = f32::from(share) / 255.0;
    let mut mixed = back;
    for (value, front) in mixed.iter_mut().zip(front) {
        *value += (front - *value) * share;
    }
    mixed
}

fn with_full_alpha([r, g, b]: [f32; 3]) -> [f32; 4] {
    [r, g, b, 1.0]
}

/// The matte times how opaque the picture is.
fn with_own_alpha(picture: &Picture, subject: &Mask) -> Mask {
    let product = |alpha: f32, value: u8| (alpha * f32::from(value) + 0.5) as u8;
    match &picture.pixels {
        Pixmap::Rgba8(plane) => joined(subject, plane, |value, [.., alpha]| {
            product(f32::from(alpha) / 255.0, value)
        }),
        Pixmap::Rgba16(plane) => joined(subject, plane, |value, [.., alpha]| {
            product(f32::from(alpha) / 65535.0, value)
        }),
    }
}

fn opaque(pixels: &Pixmap) -> Pixmap {
    match pixels {
        Pixmap::Rgba8(plane) => Pixmap::Rgba8(plane.map(|[r, g, b, _]| [r, g, b, 255])),
        Pixmap::Rgba16(plane) => Pixmap::Rgba16(plane.map(|[r, g, b, _]| [r, g, b, 65535])),
    }
}

/// A plane of what two planes of one size hold at each pixel.
fn joined<P, Q>(one: &Tiled<P>, other: &Tiled<Q>, join: impl Fn(P, Q) -> P + Sync) -> Tiled<P>
where
    P: Copy + PartialEq + Default + Send + Sync,
    Q: Copy + PartialEq + Send + Sync,
{
    Tiled::from_tiles(one.extent(), P::default(), |rect| {
        let pixels = one.crop(rect).into_iter().zip(other.crop(rect));
        TilePixels::Each(pixels.map(|(one, other)| join(one, other)).collect())
    })
}

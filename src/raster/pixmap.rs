//! The planes the program speaks of: [`Pixmap`], [`Picture`], [`Mask`], [`Patch`], [`RgbF32`].

use std::sync::Arc;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::tiled::{TileIndex, Tiled};
use crate::geometry::{Extent, Rect};

/// What has been painted, one byte a pixel: 0 = not painted, 255 = fully painted.
///
/// Whether the painted part changes or stays is not said here but by the mask mode of the
/// settings; `plan` turns both into the one polarity the engine knows (255 = may change).
pub type Mask = Tiled<u8>;

/// What the values between the ends of a mask mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum MaskKind {
    /// Painted: how far a pixel may change.
    #[default]
    Strength,
    /// Selected: how much of the selected thing a pixel is; the rest of it is what lies behind.
    Matte,
}

/// Straight-alpha RGBA pixels in the depth of the file they came from.
/// Grey pictures hold their grey three times.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Pixmap {
    /// 8 bits a channel.
    Rgba8(Tiled<[u8; 4]>),
    /// 16 bits a channel.
    Rgba16(Tiled<[u16; 4]>),
}

impl Pixmap {
    /// Size in pixels.
    pub fn extent(&self) -> Extent {
        match self {
            Self::Rgba8(plane) => plane.extent(),
            Self::Rgba16(plane) => plane.extent(),
        }
    }

    /// A transparent black plane of the same depth as `self`.
    #[must_use]
    pub fn blank_like(&self, extent: Extent) -> Self {
        match self {
            Self::Rgba8(_) => Self::Rgba8(Tiled::filled(extent, [0; 4])),
            Self::Rgba16(_) => Self::Rgba16(Tiled::filled(extent, [0; 4])),
        }
    }

    /// The pixels of `rect` (which should lie inside) as RGBA shares of full scale, row-major.
    pub fn crop_f32(&self, rect: Rect) -> Vec<[f32; 4]> {
        match self {
            Self::Rgba8(plane) => {
                let share = |v: u8| f32::from(v) / 255.0;
                plane.crop(rect).into_iter().map(|p| p.map(share)).collect()
            }
            Self::Rgba16(plane) => {
                let share = |v: u16| f32::from(v) / 65535.0;
                plane.crop(rect).into_iter().map(|p| p.map(share)).collect()
            }
        }
    }

    /// The tiles whose memory differs from that of `previous`; all of them when size or depth differ.
    pub fn changed_tiles(&self, previous: &Self) -> Vec<TileIndex> {
        match (self, previous) {
            (Self::Rgba8(ours), Self::Rgba8(theirs)) => ours.changed_tiles(theirs),
            (Self::Rgba16(ours), Self::Rgba16(theirs)) => ours.changed_tiles(theirs),
            (Self::Rgba8(ours), Self::Rgba16(_)) => ours.tiles_in(Rect::of(ours.extent())),
            (Self::Rgba16(ours), Self::Rgba8(_)) => ours.tiles_in(Rect::of(ours.extent())),
        }
    }

    /// The tiles that meet `rect`, row by row.
    pub fn tiles_in(&self, rect: Rect) -> Vec<TileIndex> {
        match self {
            Self::Rgba8(plane) => plane.tiles_in(rect),
            Self::Rgba16(plane) => plane.tiles_in(rect),
        }
    }

    /// The pixels a tile covers, cut to the plane.
    pub fn tile_rect(&self, index: TileIndex) -> Rect {
        match self {
            Self::Rgba8(plane) => plane.tile_rect(index),
            Self::Rgba16(plane) => plane.tile_rect(index),
        }
    }

    /// Makes the tile the same memory as that of `from`, which should have the same size and depth.
    pub fn share_tile(&mut self, index: TileIndex, from: &Self) {
        match (self, from) {
            (Self::Rgba8(ours), Self::Rgba8(theirs)) => ours.share_tile(index, theirs),
            (Self::Rgba16(ours), Self::Rgba16(theirs)) => ours.share_tile(index, theirs),
            _ => {}
        }
    }

    /// Bytes of its pixels.
    pub fn bytes_held(&self) -> usize {
        match self {
            Self::Rgba8(plane) => plane.extent().len() * 4,
            Self::Rgba16(plane) => plane.extent().len() * 8,
        }
    }

    /// The plane in 8 bits at a smaller size, each new pixel the mean of those it covers (alpha
    /// weighted); for thumbnails.
    pub fn shrunk8(&self, extent: Extent) -> Vec<[u8; 4]> {
        match self {
            Self::Rgba8(plane) => shrunk(plane, extent, u64::from(u8::MAX)),
            Self::Rgba16(plane) => shrunk(plane, extent, u64::from(u16::MAX)),
        }
    }

    /// Bytes of memory held that `other` does not share.
    pub fn bytes_beyond(&self, other: &Self) -> usize {
        match (self, other) {
            (Self::Rgba8(ours), Self::Rgba8(theirs)) => ours.bytes_beyond(theirs),
            (Self::Rgba16(ours), Self::Rgba16(theirs)) => ours.bytes_beyond(theirs),
            _ => self.bytes_held(),
        }
    }
}

/// Means of the pixels that each new one covers, in 8 bits; `full` is the full scale of a channel.
fn shrunk<T>(plane: &Tiled<[T; 4]>, extent: Extent, full: u64) -> Vec<[u8; 4]>
where
    T: Copy + PartialEq + Into<u64> + Send + Sync,
{
    let whole = plane.extent();
    let span = |i: u32, new: u32, old: u32| {
        let at = |i: u32| (u64::from(i) * u64::from(old) / u64::from(new.max(1))) as u32;
        (at(i), at(i + 1).max(at(i) + 1).min(old.max(1)))
    };
    let columns: Vec<(u32, u32)> = (0..extent.width)
        .map(|x| span(x, extent.width, whole.width))
        .collect();
    let line = |y: u32| {
        let (top, bottom) = span(y, extent.height, whole.height);
        let mut sums = vec![[0_u64; 5]; columns.len()];
        for row in top..bottom {
            let pixels = plane.crop(Rect::new(0, row as i32, whole.width, 1));
            for (sum, (left, right)) in sums.iter_mut().zip(&columns) {
                let covered = pixels.get(*left as usize..*right as usize);
                covered
                    .into_iter()
                    .flatten()
                    .for_each(|pixel| add_to(sum, *pixel));
            }
        }
        sums.into_iter().map(move |sum| mean8(sum, full))
    };
    let lines = (0..extent.height).into_par_iter();
    lines.flat_map_iter(line).collect()
}

/// Adds a pixel to sums of its colours, weighted by alpha, of alpha, and of pixels.
fn add_to<T: Into<u64>>([r, g, b, a, count]: &mut [u64; 5], pixel: [T; 4]) {
    let [red, green, blue, alpha] = pixel.map(Into::into);
    *r += red * alpha;
    *g += green * alpha;
    *b += blue * alpha;
    *a += alpha;
    *count += 1;
}

fn mean8([r, g, b, a, count]: [u64; 5], full: u64) -> [u8; 4] {
    let share = |sum: u64, of: u64| {
        let whole = (of * full).max(1);
        ((sum * 255 + whole / 2) / whole).min(255) as u8
    };
    [share(r, a), share(g, a), share(b, a), share(a, count)]
}

/// What the numbers of a picture mean.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Profile {
    /// sRGB, said by the file or assumed where it says nothing.
    #[default]
    Srgb,
    /// An ICC profile as it stood in the file.
    Icc(Arc<Vec<u8>>),
}

/// Pixels together with what their numbers mean.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Picture {
    /// The numbers.
    pub pixels: Pixmap,
    /// Their meaning.
    pub profile: Profile,
}

impl Picture {
    /// Size in pixels.
    pub fn extent(&self) -> Extent {
        self.pixels.extent()
    }
}

/// A result to be laid over a picture: its pixels have the picture's depth and profile, and their
/// alpha is the composite alpha (full inside the region, a ramp in the feather band, 0 beyond).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Patch {
    /// Where it lies in the picture; its size is that of `pixels`.
    pub rect: Rect,
    /// The pixels.
    pub pixels: Pixmap,
}

/// A contiguous sRGB picture in `f32`, 0…1, row-major: what goes into a model and comes out of it.
#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct RgbF32 {
    /// Size in pixels.
    pub extent: Extent,
    /// One entry a pixel; `extent.len()` of them.
    pub pixels: Vec<[f32; 3]>,
}

impl RgbF32 {
    /// A picture of one colour.
    pub fn filled(extent: Extent, colour: [f32; 3]) -> Self {
        Self {
            extent,
            pixels: vec![colour; extent.len()],
        }
    }
}

/// Says the size only: nobody reads pixels.
impl std::fmt::Debug for RgbF32 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RgbF32({})", self.extent)
    }
}

//! A contact sheet: pictures side by side, each with a label, as one picture.

use ab_glyph::{Font as _, FontRef, PxScale, ScaleFont as _, point};

use super::colour::DisplayTransform;
use super::picture_error::PictureError;
use super::pixmap::{Picture, Pixmap, Profile};
use super::tiled::Tiled;
use crate::geometry::Extent;

/// Fonts of the labels, asked in this order for a glyph.
const FONTS: [&[u8]; 2] = [
    include_bytes!("../../assets/fonts/inter-regular.ttf"),
    include_bytes!("../../assets/fonts/noto-sans-tc-regular.otf"),
];
const BACKGROUND: [u8; 4] = [247, 248, 249, 255];
const INK: [u8; 3] = [27, 29, 32];
const GAP_PX: u32 = 12;
const LABEL_PX: u32 = 36;
const TEXT_PX: f32 = 20.0;

/// A picture of the sheet; pixels are sRGB with straight alpha, row-major.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SheetTile {
    /// Stands below the picture.
    pub label: String,
    /// Size of the picture.
    pub extent: Extent,
    /// Its pixels.
    pub pixels: Vec<[u8; 4]>,
}

impl SheetTile {
    /// A picture in sRGB, shrunk where its longer side is above `longest_px`.
    pub fn of(picture: &Picture, longest_px: u32, label: String) -> Result<Self, PictureError> {
        let extent = Self::extent_of(picture.extent(), longest_px);
        let pixels = picture.pixels.shrunk8(extent);
        let mut tile = Self {
            label,
            extent,
            pixels,
        };
        DisplayTransform::new(&picture.profile)?.to_srgb8(&mut tile.pixels)?;
        Ok(tile)
    }

    /// The size on the sheet of a picture of size `full`.
    pub fn extent_of(full: Extent, longest_px: u32) -> Extent {
        let longest = full.width.max(full.height).max(1);
        let shrink = (f64::from(longest_px) / f64::from(longest)).min(1.0);
        let side = |px: u32| ((f64::from(px) * shrink).round() as u32).max(1);
        Extent::new(side(full.width), side(full.height))
    }
}

/// The size of a sheet of `count` tiles, none of which is larger than `largest`.
pub fn sheet_extent(largest: Extent, count: u32, columns: u32) -> Extent {
    let columns = columns.clamp(1, count.max(1));
    let cell = cell(largest);
    Extent::new(
        columns * cell.width + GAP_PX,
        count.div_ceil(columns) * cell.height + GAP_PX,
    )
}

/// The place of a tile and its label, with the gap beside them.
fn cell(largest: Extent) -> Extent {
    Extent::new(largest.width + GAP_PX, largest.height + LABEL_PX)
}

/// Puts the tiles in rows of up to `columns`, on a light ground.
pub fn sheet(tiles: &[SheetTile], columns: u32) -> Picture {
    let side = |of: fn(Extent) -> u32| tiles.iter().map(|tile| of(tile.extent)).max().unwrap_or(0);
    let largest = Extent::new(side(|extent| extent.width), side(|extent| extent.height));
    let columns = columns.clamp(1, tiles.len().max(1) as u32);
    let cell = cell(largest);
    let extent = sheet_extent(largest, tiles.len() as u32, columns);
    let mut canvas = Canvas {
        extent,
        pixels: vec![BACKGROUND; extent.len()],
    };
    for (i, tile) in tiles.iter().enumerate() {
        let x = GAP_PX + i as u32 % columns * cell.width;
        let y = GAP_PX + i as u32 / columns * cell.height;
        canvas.draw_tile(tile, x, y);
        canvas.draw_text(&tile.label, x as f32, (y + tile.extent.height) as f32);
    }
    Picture {
        pixels: Pixmap::Rgba8(Tiled::from_pixels(extent, &canvas.pixels, [0; 4])),
        profile: Profile::Srgb,
    }
}

struct Canvas {
    extent: Extent,
    pixels: Vec<[u8; 4]>,
}

impl Canvas {
    fn draw_tile(&mut self, tile: &SheetTile, left: u32, top: u32) {
        let width = tile.extent.width.max(1) as usize;
        for (y, row) in tile.pixels.chunks_exact(width).enumerate() {
            for (x, [r, g, b, a]) in row.iter().enumerate() {
                self.blend(
                    left + x as u32,
                    top + y as u32,
                    [*r, *g, *b],
                    f32::from(*a) / 255.0,
                );
            }
        }
    }

    fn draw_text(&mut self, text: &str, left: f32, top: f32) {
        let fonts: Vec<FontRef<'_>> = FONTS
            .iter()
            .filter_map(|bytes| FontRef::try_from_slice(bytes).ok())
            .collect();
        let baseline = top + 26.0;
        let mut x = left;
        for letter in text.chars() {
            let has_glyph = |font: &&FontRef<'_>| font.glyph_id(letter).0 != 0;
            let Some(font) = fonts.iter().find(has_glyph).or_else(|| fonts.first()) else {
                return;
            };
            let scaled = font.as_scaled(PxScale::from(TEXT_PX));
            let id = font.glyph_id(letter);
            let glyph = id.with_scale_and_position(PxScale::from(TEXT_PX), point(x, baseline));
            x += scaled.h_advance(id);
            if let Some(outline) = font.outline_glyph(glyph) {
                let bounds = outline.px_bounds();
                outline.draw(|gx, gy, coverage| {
                    let px = bounds.min.x + gx as f32;
                    let py = bounds.min.y + gy as f32;
                    if px >= 0.0 && py >= 0.0 {
                        self.blend(px as u32, py as u32, INK, coverage);
                    }
                });
            }
        }
    }

    fn blend(&mut self, x: u32, y: u32, colour: [u8; 3], share: f32) {
        if x >= self.extent.width {
            return;
        }
        let at = y as usize * self.extent.width as usize + x as usize;
        if let Some(pixel) = self.pixels.get_mut(at) {
            for (old, new) in pixel.iter_mut().zip(colour) {
                let mixed = f32::from(*old) + (f32::from(new) - f32::from(*old)) * share.min(1.0);
                *old = mixed.round() as u8;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_lie_in_rows_with_ink_below_them() {
        let tile = |label: &str| SheetTile {
            label: label.to_owned(),
            extent: Extent::new(120, 30),
            pixels: vec![[255, 0, 0, 255]; 3600],
        };
        let made = sheet(&[tile("0.3 · 6/20"), tile(""), tile("強度")], 2);
        assert_eq!(made.extent(), Extent::new(2 * 132 + 12, 2 * 66 + 12));
        let Pixmap::Rgba8(plane) = &made.pixels else {
            panic!("depth")
        };
        assert_eq!(plane.get(12, 12), Some([255, 0, 0, 255]));
        assert_eq!(plane.get(144 + 119, 41), Some([255, 0, 0, 255]));
        let ink_in = |left: u32, top: u32| {
            let places = (top..top + 36).flat_map(|y| (left..left + 120).map(move |x| (x, y)));
            let dark = |(x, y): &(u32, u32)| plane.get(*x, *y).is_some_and(|p| p[1] < 120);
            places.filter(dark).count()
        };
        assert!(ink_in(12, 42) > 20, "a label");
        assert_eq!(ink_in(144, 42), 0, "no label");
        assert!(ink_in(12, 108) > 20, "a Chinese label");
    }
}

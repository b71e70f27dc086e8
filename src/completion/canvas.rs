//! What can be filled, and where.

use crate::geometry::{Extent, Point, Rect};
use crate::raster::{Pixmap, RgbF32};

/// The pixels that are to be filled.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hole {
    /// A part of the picture that holds them all; what of it lies outside the picture is passed over.
    pub rect: Rect,
    /// Which pixels of it, row-major.
    pub inside: Vec<bool>,
}

impl Hole {
    /// True where a pixel of the picture is to be filled.
    pub fn contains(&self, at: Point) -> bool {
        if !self.rect.contains(at) {
            return false;
        }
        let (x, y) = ((at.x - self.rect.x) as usize, (at.y - self.rect.y) as usize);
        self.inside.get(y * self.rect.width as usize + x) == Some(&true)
    }
}

/// A picture that can be filled.
pub trait Canvas {
    /// Size in pixels.
    fn extent(&self) -> Extent;
    /// The pixels of a rectangle inside as RGBA shares of full scale, row-major.
    fn read(&self, rect: Rect) -> Vec<[f32; 4]>;
    /// Gives a pixel the colour of another, changed by `correction` (shares of full scale). Its alpha
    /// stays.
    fn copy(&mut self, to: Point, from: Point, correction: [f32; 3]);
}

impl Canvas for Pixmap {
    fn extent(&self) -> Extent {
        self.extent()
    }

    fn read(&self, rect: Rect) -> Vec<[f32; 4]> {
        self.crop_f32(rect)
    }

    fn copy(&mut self, to: Point, from: Point, correction: [f32; 3]) {
        let place = Rect::new(to.x, to.y, 1, 1);
        match self {
            Self::Rgba8(plane) => {
                let Some(source) = plane.get(from.x as u32, from.y as u32) else {
                    return;
                };
                let [r, g, b] = changed(source.map(f32::from), correction, 255.0);
                plane.update(place, |_, [.., a]| [r as u8, g as u8, b as u8, a]);
            }
            Self::Rgba16(plane) => {
                let Some(source) = plane.get(from.x as u32, from.y as u32) else {
                    return;
                };
                let [r, g, b] = changed(source.map(f32::from), correction, 65535.0);
                plane.update(place, |_, [.., a]| [r as u16, g as u16, b as u16, a]);
            }
        }
    }
}

impl Canvas for RgbF32 {
    fn extent(&self) -> Extent {
        self.extent
    }

    fn read(&self, rect: Rect) -> Vec<[f32; 4]> {
        let (left, width) = (rect.x as usize, rect.width as usize);
        let rows = self.pixels.chunks_exact(self.extent.width.max(1) as usize);
        let rows = rows.skip(rect.y as usize).take(rect.height as usize);
        rows.flat_map(|row| row.get(left..left + width).unwrap_or_default())
            .map(|[r, g, b]| [*r, *g, *b, 1.0])
            .collect()
    }

    fn copy(&mut self, to: Point, from: Point, correction: [f32; 3]) {
        let index = |at: Point| at.y as usize * self.extent.width as usize + at.x as usize;
        let (to, from) = (index(to), index(from));
        let Some([r, g, b]) = self.pixels.get(from).copied() else {
            return;
        };
        let [add_r, add_g, add_b] = correction;
        if let Some(pixel) = self.pixels.get_mut(to) {
            *pixel = [r + add_r, g + add_g, b + add_b].map(|v| v.clamp(0.0, 1.0));
        }
    }
}

fn changed([r, g, b, _]: [f32; 4], [add_r, add_g, add_b]: [f32; 3], full: f32) -> [f32; 3] {
    [(r, add_r), (g, add_g), (b, add_b)].map(|(v, add)| (v + add * full).round().clamp(0.0, full))
}

//! [`Proxy`]: a picture made small enough to look at as a whole.

use rayon::prelude::*;

use super::SelectError;
use crate::geometry::{Extent, Rect};
use crate::raster::scale::{FilterType, Frame, Unscalable, scale_rgb};
use crate::raster::{Picture, Pixmap, RgbF32, to_srgb};

/// Most pixels of a proxy: at full size a face of a group is some hundred pixels, and what is found here is
/// carried to the picture's own size anyway.
const MOST_PIXELS: f64 = 1024.0 * 1024.0;

/// A picture at no more than a megapixel, in the numbers of its own profile.
#[derive(Debug, Clone, PartialEq)]
pub struct Proxy {
    pub(super) pixels: RgbF32,
    /// Of the picture.
    pub(super) full: Extent,
}

impl Proxy {
    /// The proxy of a picture; its own pixels where it is small enough.
    pub fn of(picture: &Picture) -> Result<Self, SelectError> {
        let full = picture.extent();
        let share = (MOST_PIXELS / full.area() as f64).sqrt().min(1.0);
        let side = |of: u32| ((f64::from(of) * share).round() as u32).max(1);
        let extent = Extent::new(side(full.width), side(full.height));
        // Means over squares first, read tile by tile: the scaler wants a whole picture in one piece.
        let by = ((1.0 / share) as u32).max(1);
        let pixels = averaged(&picture.pixels, by);
        if extent == full {
            return Ok(Self { pixels, full });
        }
        let frame = Frame {
            width: f64::from(full.width) / f64::from(by),
            height: f64::from(full.height) / f64::from(by),
            ..Frame::of(full)
        };
        // Bilinear with its support widened: each pixel of the picture counts.
        let pixels = scale_rgb(&pixels, frame, extent, FilterType::Bilinear)
            .map_err(|Unscalable(why)| SelectError::Scaling(why))?;
        Ok(Self { pixels, full })
    }

    /// What networks are shown: the same in sRGB.
    pub fn srgb(&self, picture: &Picture) -> Result<RgbF32, SelectError> {
        let mut pixels = self.pixels.clone();
        to_srgb(&picture.profile, &mut pixels.pixels)
            .map_err(|error| SelectError::Profile(error.to_string()))?;
        Ok(pixels)
    }

    /// How many times as large the picture is, across and down.
    pub fn to_full(&self) -> (f32, f32) {
        let extent = self.pixels.extent;
        let times = |full: u32, here: u32| full as f32 / here as f32;
        (
            times(self.full.width, extent.width),
            times(self.full.height, extent.height),
        )
    }
}

/// Means over squares of `side_px` pixels; those at the right and at the bottom may be cut.
fn averaged(pixels: &Pixmap, side_px: u32) -> RgbF32 {
    let full = pixels.extent();
    let extent = Extent::new(full.width.div_ceil(side_px), full.height.div_ceil(side_px));
    let rows = (0..extent.height).into_par_iter().map(|row| {
        let top = row * side_px;
        let rect = Rect::new(0, top as i32, full.width, side_px.min(full.height - top));
        let mut sums = vec![[0f32; 4]; extent.width as usize];
        for line in pixels
            .crop_f32(rect)
            .chunks_exact(full.width.max(1) as usize)
        {
            for (sum, square) in sums.iter_mut().zip(line.chunks(side_px as usize)) {
                for [red, green, blue, _] in square {
                    let [r, g, b, count] = sum;
                    (*r, *g, *b, *count) = (*r + red, *g + green, *b + blue, *count + 1.0);
                }
            }
        }
        let means = sums.into_iter();
        let means = means.map(|[r, g, b, count]| [r, g, b].map(|sum| sum / count.max(1.0)));
        means.collect::<Vec<[f32; 3]>>()
    });
    let rows: Vec<Vec<[f32; 3]>> = rows.collect();
    RgbF32 {
        extent,
        pixels: rows.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raster::{Profile, Tiled};

    #[test]
    fn large_pictures_are_shrunk_and_small_ones_are_not() {
        let picture = |extent| Picture {
            pixels: Pixmap::Rgba16(Tiled::filled(extent, [65535, 32768, 0, 65535])),
            profile: Profile::Srgb,
        };
        let large = Proxy::of(&picture(Extent::new(4000, 1000))).unwrap();
        assert!(large.pixels.extent.area() <= 1024 * 1024 + 2048);
        assert_eq!(large.pixels.extent, Extent::new(2048, 512));
        assert_eq!(large.to_full(), (4000.0 / 2048.0, 1000.0 / 512.0));
        let same = |seen: [f32; 3]| {
            let wanted = [1.0, 32768.0 / 65535.0, 0.0];
            assert!(
                seen.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-6),
                "{seen:?}"
            );
        };
        same(large.pixels.pixels[77]);
        let small = Proxy::of(&picture(Extent::new(30, 20))).unwrap();
        assert_eq!(small.pixels.extent, Extent::new(30, 20));
        same(small.pixels.pixels[0]);
    }

    #[test]
    fn a_large_picture_keeps_its_places() {
        // A ramp across and one down: neither side is a multiple of the proxy's.
        let extent = Extent::new(2777, 1501);
        let mut plane = Tiled::filled(extent, [0u8, 0, 0, 255]);
        plane.update(Rect::of(extent), |at, _| {
            let share = |at: i32, of: u32| (at as f32 / of as f32 * 255.0) as u8;
            [
                share(at.x, extent.width),
                share(at.y, extent.height),
                0,
                255,
            ]
        });
        let picture = Picture {
            pixels: Pixmap::Rgba8(plane),
            profile: Profile::Srgb,
        };
        let proxy = Proxy::of(&picture).unwrap().pixels;
        let (width, height) = (proxy.extent.width, proxy.extent.height);
        for (at, [red, green, _]) in proxy.pixels.iter().enumerate() {
            let (x, y) = (at as u32 % width, at as u32 / width);
            let share = |at: u32, of: u32| (at as f32 + 0.5) / of as f32;
            let off = (red - share(x, width))
                .abs()
                .max((green - share(y, height)).abs());
            assert!(off < 0.006, "{off} at {x} {y}");
        }
    }
}

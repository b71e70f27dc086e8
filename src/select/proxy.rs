//! [`Proxy`]: a picture made small enough to look at as a whole.

use super::SelectError;
use crate::geometry::{Extent, Rect};
use crate::raster::scale::{FilterType, Frame, Unscalable, scale_rgba8};
use crate::raster::{Picture, Pixmap, RgbF32, Tiled, to_srgb};

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
        let pixels = if extent == full {
            let pixels = picture.pixels.crop_f32(Rect::of(full));
            pixels.into_iter().map(|[r, g, b, _]| [r, g, b]).collect()
        } else {
            shrunk(&eight_bits(&picture.pixels), full, extent)?
        };
        Ok(Self {
            pixels: RgbF32 { extent, pixels },
            full,
        })
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

fn eight_bits(pixels: &Pixmap) -> Vec<[u8; 4]> {
    let plane: &Tiled<[u8; 4]> = match pixels {
        Pixmap::Rgba8(plane) => plane,
        Pixmap::Rgba16(plane) => &plane.map(|pixel| pixel.map(|value| (value >> 8) as u8)),
    };
    plane.to_vec()
}

fn shrunk(pixels: &[[u8; 4]], full: Extent, extent: Extent) -> Result<Vec<[f32; 3]>, SelectError> {
    // Bilinear with its support widened: each pixel of the picture counts.
    let filter = FilterType::Bilinear;
    let scaled = scale_rgba8(pixels, full, Frame::of(full), extent, filter)
        .map_err(|Unscalable(why)| SelectError::Scaling(why))?;
    let share = |value: u8| f32::from(value) / 255.0;
    let scaled = scaled.into_iter();
    Ok(scaled.map(|[r, g, b, _]| [r, g, b].map(share)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raster::Profile;

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
        assert_eq!(large.pixels.pixels[77], [1.0, 128.0 / 255.0, 0.0]);
        let small = Proxy::of(&picture(Extent::new(30, 20))).unwrap();
        assert_eq!(small.pixels.extent, Extent::new(30, 20));
        assert_eq!(small.pixels.pixels[0], [1.0, 32768.0 / 65535.0, 0.0]);
    }
}

//! Colours as people tell them apart: OKLab
//! ([Ottosson 2020](https://bottosson.github.io/posts/oklab/)), whose distances are roughly as large as the
//! differences that are seen.

use super::SelectError;
use crate::geometry::Rect;
use crate::raster::{DisplayTransform, Pixmap, Profile};

/// Lightness and the two colour axes, then opacity, all times 100; the first three times opacity, so that
/// what cannot be seen has no colour. Two colours at a distance of 2 are just told apart
/// ([CSS Color 4](https://www.w3.org/TR/css-color-4/#color-difference-OK)), black and white are 100 apart.
pub(super) type Perceived = [f32; 4];

/// The way from the pixels of a picture to what is seen of them.
pub(super) struct Perception {
    display: DisplayTransform,
    /// Of each of the 256 steps of an encoded sRGB channel.
    linear: Vec<f32>,
}

impl Perception {
    /// For pictures with that profile.
    pub(super) fn new(profile: &Profile) -> Result<Self, SelectError> {
        let display = DisplayTransform::new(profile)
            .map_err(|error| SelectError::Profile(error.to_string()))?;
        let linear = (0..256u16).map(|step| linear(f32::from(step) / 255.0));
        Ok(Self {
            display,
            linear: linear.collect(),
        })
    }

    /// The pixels of a part of a picture, row-major; in 8 bits, as the screen shows them.
    pub(super) fn of(&self, pixels: &Pixmap, rect: Rect) -> Result<Vec<Perceived>, SelectError> {
        let mut eight: Vec<[u8; 4]> = match pixels {
            Pixmap::Rgba8(plane) => plane.crop(rect),
            Pixmap::Rgba16(plane) => {
                let narrow = |v: u16| ((u32::from(v) + 128) / 257) as u8;
                let pixels = plane.crop(rect).into_iter();
                pixels.map(|pixel| pixel.map(narrow)).collect()
            }
        };
        self.display
            .to_srgb8(&mut eight)
            .map_err(|error| SelectError::Profile(error.to_string()))?;
        Ok(eight
            .into_iter()
            .map(|pixel| self.perceived(pixel))
            .collect())
    }

    fn perceived(&self, [r, g, b, a]: [u8; 4]) -> Perceived {
        let linear = |step: u8| {
            let value = self.linear.get(usize::from(step));
            value.copied().unwrap_or_default()
        };
        let [l, x, y] = oklab([linear(r), linear(g), linear(b)]);
        let alpha = f32::from(a) / 255.0;
        [l * alpha, x * alpha, y * alpha, alpha].map(|value| value * 100.0)
    }
}

/// How far apart two colours are, squared.
pub(super) fn squared_distance(a: &Perceived, b: &Perceived) -> f32 {
    let axes = a.iter().zip(b);
    axes.map(|(a, b)| (a - b) * (a - b)).sum()
}

/// How far apart two sRGB colours are: 2 is just seen, black and white are 100 apart.
pub fn colour_distance(a: [u8; 3], b: [u8; 3]) -> f32 {
    let seen = |colour: [u8; 3]| oklab(colour.map(|step| linear(f32::from(step) / 255.0)));
    let axes = seen(a).into_iter().zip(seen(b));
    100.0 * axes.map(|(a, b)| (a - b) * (a - b)).sum::<f32>().sqrt()
}

/// From encoded to linear sRGB, 0…1.
pub(super) fn linear(value: f32) -> f32 {
    if value <= 0.040_45 {
        value / 12.92
    } else {
        ((value + 0.055) / 1.055).powf(2.4)
    }
}

/// From linear sRGB to OKLab, white at a lightness of 1.
#[expect(clippy::excessive_precision, reason = "as published")]
pub(super) fn oklab([r, g, b]: [f32; 3]) -> [f32; 3] {
    let l = cube_root(0.412_221_470_8 * r + 0.536_332_536_3 * g + 0.051_445_992_9 * b);
    let m = cube_root(0.211_903_498_2 * r + 0.680_699_545_1 * g + 0.107_396_956_6 * b);
    let s = cube_root(0.088_302_461_9 * r + 0.281_718_837_6 * g + 0.629_978_700_5 * b);
    [
        0.210_454_255_3 * l + 0.793_617_785_0 * m - 0.004_072_046_8 * s,
        1.977_998_495_1 * l - 2.428_592_205_0 * m + 0.450_593_709_9 * s,
        0.025_904_037_1 * l + 0.782_771_766_2 * m - 0.808_675_766_0 * s,
    ]
}

/// To 2 · 10⁻⁶, several times as fast as `cbrt`: a guess by the bits of the number, made better twice
/// (Halley's method).
fn cube_root(value: f32) -> f32 {
    let value = value.max(1e-9);
    let mut root = f32::from_bits(value.to_bits() / 3 + 0x2a51_37a0);
    for _ in 0..2 {
        let cube = root * root * root;
        root *= (cube + 2.0 * value) / (2.0 * cube + value);
    }
    root
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Extent;
    use crate::raster::Tiled;

    /// Values of the reference implementation, to three digits.
    #[test]
    fn known_colours_have_their_places() {
        let perception = Perception::new(&Profile::Srgb).unwrap();
        for (pixel, wanted) in [
            ([255, 255, 255, 255], [100.0, 0.0, 0.0, 100.0]),
            ([0, 0, 0, 255], [0.0, 0.0, 0.0, 100.0]),
            ([255, 0, 0, 255], [62.8, 22.5, 12.6, 100.0]),
            ([0, 255, 0, 255], [86.6, -23.4, 17.9, 100.0]),
            ([0, 0, 255, 255], [45.2, -3.2, -31.2, 100.0]),
            ([255, 0, 0, 0], [0.0; 4]),
        ] {
            let plane = Tiled::filled(Extent::new(1, 1), pixel);
            let pixels = Pixmap::Rgba8(plane);
            let found = perception.of(&pixels, Rect::new(0, 0, 1, 1)).unwrap();
            for (found, wanted) in found[0].iter().zip(wanted) {
                assert!((found - wanted).abs() < 0.15, "{pixel:?}: {found} {wanted}");
            }
        }
    }

    #[test]
    fn cube_roots_are_those_of_the_library() {
        for step in 1..=1000 {
            let value = (step as f32 / 1000.0).powi(3);
            assert!((cube_root(value) - value.cbrt()).abs() < 2e-6, "{value}");
        }
    }
}

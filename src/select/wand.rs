//! The magic wand: what has nearly the colour of a pixel.

use super::SelectError;
use super::components::{Components, Joined};
use super::perception::{Perceived, Perception, squared_distance};
use crate::geometry::{Point, Rect};
use crate::raster::{Mask, Picture, TilePixels, Tiled, blank_mask};

/// Two colours nearer than this are not told apart, so that nothing lies between them.
const HARDLY_DIFFERENT: f32 = 2.0;

/// What the wand takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wand {
    /// How far a colour may be from that of the pixel, 0…100: in OKLab, black and white being 100 apart;
    /// 2 is just seen.
    pub tolerance: f32,
    /// Only what is joined to the pixel, side by side.
    pub is_contiguous: bool,
    /// Pixels at the edge count by how much of them belongs to it; else each is in or out.
    pub is_smooth: bool,
}

/// What has nearly the colour of a pixel of the picture. `None` where that lies outside, or where
/// `is_stopped` says that nobody waits any more; it is asked once a tile.
pub fn wand(
    picture: &Picture,
    at: Point,
    settings: Wand,
    is_stopped: &(dyn Fn() -> bool + Sync),
) -> Result<Option<Mask>, SelectError> {
    let extent = picture.extent();
    if !Rect::of(extent).contains(at) {
        return Ok(None);
    }
    let perception = Perception::new(&picture.profile)?;
    let seed = perception.of(&picture.pixels, Rect::new(at.x, at.y, 1, 1))?;
    let Some(seed) = seed.first() else {
        return Ok(None);
    };
    let most = settings.tolerance.max(0.0).powi(2);
    let alike = Tiled::from_tiles(extent, 0, |rect| {
        if is_stopped() {
            return TilePixels::All(0);
        }
        // A profile that cannot be used was refused above.
        let colours = perception.of(&picture.pixels, rect).unwrap_or_default();
        let near = colours
            .iter()
            .map(|colour| squared_distance(colour, seed) <= most);
        each(near.map(|is_near| if is_near { 255 } else { 0 }).collect())
    });
    let inside = if settings.is_contiguous {
        joined_to(&alike, at)
    } else {
        alike
    };
    let mask = if settings.is_smooth {
        smoothed(picture, &perception, &inside, is_stopped)
    } else {
        inside
    };
    Ok((!is_stopped()).then_some(mask))
}

/// The pixels of a tile, as one value where they have one.
fn each(values: Vec<u8>) -> TilePixels<u8> {
    match values.first() {
        Some(first) if values.iter().all(|value| value == first) => TilePixels::All(*first),
        _ => TilePixels::Each(values),
    }
}

/// The part of a mask of 0 and 255 that a pixel is in.
fn joined_to(mask: &Mask, at: Point) -> Mask {
    let found = Components::of(mask, Joined::BySides, |value| value > 0);
    let mut result = blank_mask(mask.extent());
    if let Some(part) = found.at(at.x as u32, at.y as u32) {
        for run in found.runs_of(|number, _| number == part) {
            let row = Rect::new(run.from as i32, run.y as i32, run.to - run.from, 1);
            result.update(row, |_, _| 255);
        }
    }
    result
}

/// Gives pixels at the edge the share of them that belongs to the inside: a pixel there is taken to be a
/// mixture of its two neighbours, the one that lies further in and the one that lies further out.
fn smoothed(
    picture: &Picture,
    perception: &Perception,
    inside: &Mask,
    is_stopped: &(dyn Fn() -> bool + Sync),
) -> Mask {
    let whole = Rect::of(inside.extent());
    Tiled::from_tiles(inside.extent(), 0, |rect| {
        let around = rect.expanded(1).intersect(whole);
        let is_in = inside.crop(around);
        let first = is_in.first().copied().unwrap_or(0);
        if is_stopped() || is_in.iter().all(|value| *value == first) {
            return TilePixels::All(first);
        }
        let colours = perception.of(&picture.pixels, around).unwrap_or_default();
        let edge = Edge {
            around,
            is_in: &is_in,
            colours: &colours,
        };
        let rows = rect.y..rect.bottom();
        let places = rows.flat_map(|y| (rect.x..rect.right()).map(move |x| (x, y)));
        TilePixels::Each(places.map(|(x, y)| edge.share(x, y)).collect())
    })
}

/// A part of a picture in which something is inside.
struct Edge<'a> {
    around: Rect,
    is_in: &'a [u8],
    colours: &'a [Perceived],
}

impl Edge<'_> {
    fn at(&self, x: i32, y: i32) -> Option<(bool, &Perceived)> {
        if !self.around.contains(Point::new(x, y)) {
            return None;
        }
        let at = (y - self.around.y) as usize * self.around.width as usize
            + (x - self.around.x) as usize;
        Some((*self.is_in.get(at)? > 0, self.colours.get(at)?))
    }

    /// How much of a pixel is inside, 0…255.
    fn share(&self, x: i32, y: i32) -> u8 {
        let Some((is_in, colour)) = self.at(x, y) else {
            return 0;
        };
        let mut share: f32 = if is_in { 1.0 } else { 0.0 };
        for (dx, dy) in [(1, 0), (-1, 0), (0, 1), (0, -1)] {
            let (Some(next), Some(behind)) = (self.at(x + dx, y + dy), self.at(x - dx, y - dy))
            else {
                continue;
            };
            // The edge is to lie between this pixel and the next, and nowhere else.
            if next.0 == is_in || behind.0 != is_in {
                continue;
            }
            let (inner, outer) = if is_in {
                (behind.1, next.1)
            } else {
                (next.1, behind.1)
            };
            if let Some(between) = between(colour, inner, outer) {
                share = if is_in {
                    share.min(between)
                } else {
                    share.max(between)
                };
            }
        }
        (share * 255.0 + 0.5) as u8
    }
}

/// How far a colour lies on the way from `outer` to `inner`, 0…1; `None` where those are hardly different.
fn between(colour: &Perceived, inner: &Perceived, outer: &Perceived) -> Option<f32> {
    let whole = squared_distance(inner, outer);
    if whole < HARDLY_DIFFERENT * HARDLY_DIFFERENT {
        return None;
    }
    let axes = colour.iter().zip(inner).zip(outer);
    let along: f32 = axes
        .map(|((c, inner), outer)| (c - outer) * (inner - outer))
        .sum();
    Some((along / whole).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Extent;
    use crate::raster::{Pixmap, Profile};
    use proptest::prelude::*;

    fn picture(extent: Extent, pixels: &[[u8; 4]]) -> Picture {
        Picture {
            pixels: Pixmap::Rgba8(Tiled::from_pixels(extent, pixels, [0; 4])),
            profile: Profile::Srgb,
        }
    }

    fn selected(picture: &Picture, at: (i32, i32), settings: Wand) -> Mask {
        let at = Point::new(at.0, at.1);
        wand(picture, at, settings, &|| false).unwrap().unwrap()
    }

    /// OKLab in f64 with the library's cube root.
    fn distance(a: [u8; 4], b: [u8; 4]) -> f64 {
        let lab = |[r, g, b, _]: [u8; 4]| {
            let [r, g, b] = [r, g, b].map(|v| {
                let v = f64::from(v) / 255.0;
                if v <= 0.04045 {
                    v / 12.92
                } else {
                    ((v + 0.055) / 1.055).powf(2.4)
                }
            });
            let l = (0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b).cbrt();
            let m = (0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b).cbrt();
            let s = (0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b).cbrt();
            [
                0.2104542553 * l + 0.7936177850 * m - 0.0040720468 * s,
                1.9779984951 * l - 2.4285922050 * m + 0.4505937099 * s,
                0.0259040371 * l + 0.7827717662 * m - 0.8086757660 * s,
            ]
        };
        let squares = lab(a).into_iter().zip(lab(b)).map(|(a, b)| (a - b).powi(2));
        100.0 * squares.sum::<f64>().sqrt()
    }

    proptest! {
        /// The plainest flood fill there is: pixel by pixel with a stack.
        #[test]
        fn it_takes_what_a_plain_flood_fill_takes(
            (width, height, kinds) in (1u32..40, 1u32..40).prop_flat_map(|(w, h)| {
                (Just(w), Just(h), prop::collection::vec(0usize..4, (w * h) as usize))
            }),
            start in any::<prop::sample::Index>(),
            tolerance in 0f32..60.0,
            is_contiguous in any::<bool>(),
        ) {
            const COLOURS: [[u8; 4]; 4] =
                [[200, 30, 40, 255], [210, 60, 50, 255], [20, 90, 200, 255], [180, 180, 180, 255]];
            let extent = Extent::new(width, height);
            let pixels: Vec<[u8; 4]> = kinds.iter().map(|kind| COLOURS[*kind]).collect();
            let start = start.index(pixels.len());
            let near = |at: usize| distance(pixels[at], pixels[start]) <= f64::from(tolerance);
            // Not where rounding decides.
            prop_assume!(COLOURS.iter().all(|c| {
                (distance(*c, pixels[start]) - f64::from(tolerance)).abs() > 1e-2
            }) || tolerance == 0.0);
            let mut wanted = vec![0u8; pixels.len()];
            if is_contiguous {
                let mut open = vec![start];
                while let Some(at) = open.pop() {
                    if wanted[at] == 255 || !near(at) {
                        continue;
                    }
                    wanted[at] = 255;
                    let (x, y, w) = (at % width as usize, at / width as usize, width as usize);
                    if x > 0 { open.push(at - 1); }
                    if x + 1 < w { open.push(at + 1); }
                    if y > 0 { open.push(at - w); }
                    if y + 1 < height as usize { open.push(at + w); }
                }
            } else {
                (0..pixels.len()).filter(|at| near(*at)).for_each(|at| wanted[at] = 255);
            }
            let at = ((start as u32 % width) as i32, (start as u32 / width) as i32);
            let settings = Wand { tolerance, is_contiguous, is_smooth: false };
            let found = selected(&picture(extent, &pixels), at, settings);
            prop_assert_eq!(found.to_vec(), wanted);
        }
    }

    #[test]
    fn it_goes_on_across_tiles_and_around_corners() {
        let extent = Extent::new(700, 520);
        let mut plane = Tiled::filled(extent, [250u8, 250, 250, 255]);
        // A wall with one gap.
        plane.update(Rect::new(300, 0, 20, 500), |_, _| [0, 0, 0, 255]);
        let open = Picture {
            pixels: Pixmap::Rgba8(plane.clone()),
            profile: Profile::Srgb,
        };
        plane.update(Rect::new(300, 500, 20, 20), |_, _| [0, 0, 0, 255]);
        let shut = Picture {
            pixels: Pixmap::Rgba8(plane),
            profile: Profile::Srgb,
        };
        let settings = Wand {
            tolerance: 10.0,
            is_contiguous: true,
            is_smooth: true,
        };
        assert_eq!(selected(&open, (5, 5), settings).get(690, 5), Some(255));
        assert_eq!(selected(&shut, (5, 5), settings).get(690, 5), Some(0));
        let all = Wand {
            is_contiguous: false,
            ..settings
        };
        assert_eq!(selected(&shut, (5, 5), all).get(690, 5), Some(255));
    }

    #[test]
    fn a_smooth_edge_has_the_share_that_a_disc_covers() {
        let extent = Extent::new(120, 120);
        let middle = crate::geometry::PointF::new(60.3, 59.6);
        let corner = |r: f32| crate::geometry::PointF::new(middle.x + r, middle.y + r);
        let disc = crate::raster::Shape::Ellipse(corner(-40.0), corner(40.0));
        let (cover, _) = disc.cover(extent);
        // Light on dark, mixed as the screen would.
        let pixels: Vec<[u8; 4]> = cover
            .to_vec()
            .iter()
            .map(|share| {
                let mix = |dark: u8, light: u8| {
                    (f32::from(dark)
                        + (f32::from(light) - f32::from(dark)) * f32::from(*share) / 255.0)
                        as u8
                };
                [mix(30, 220), mix(60, 200), mix(90, 120), 255]
            })
            .collect();
        let picture = picture(extent, &pixels);
        let error = |is_smooth: bool| {
            let settings = Wand {
                tolerance: 25.0,
                is_contiguous: true,
                is_smooth,
            };
            let found = selected(&picture, (60, 60), settings).to_vec();
            let pairs = found.iter().zip(cover.to_vec());
            pairs
                .map(|(a, b)| f64::from(a.abs_diff(b)) / 255.0)
                .sum::<f64>()
        };
        let (smooth, hard) = (error(true), error(false));
        assert!(smooth < 0.35 * hard, "{smooth} {hard}");
    }

    #[test]
    fn nothing_comes_from_outside_or_when_stopped() {
        let extent = Extent::new(10, 10);
        let picture = picture(extent, &[[9, 9, 9, 255]; 100]);
        let settings = Wand {
            tolerance: 5.0,
            is_contiguous: true,
            is_smooth: true,
        };
        assert!(
            wand(&picture, Point::new(10, 3), settings, &|| false)
                .unwrap()
                .is_none()
        );
        assert!(
            wand(&picture, Point::new(3, 3), settings, &|| true)
                .unwrap()
                .is_none()
        );
        let nan = Wand {
            tolerance: f32::NAN,
            ..settings
        };
        assert!(
            wand(&picture, Point::new(3, 3), nan, &|| false)
                .unwrap()
                .is_some()
        );
    }
}

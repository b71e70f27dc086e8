//! [`Behind`]: a backdrop made ready for one picture.

use rayon::prelude::*;

use super::smooth::{Smooth, Weighted, blurred};
use super::{Backdrop, BackdropError, Placed, Placing};
use crate::geometry::{Extent, Rect};
use crate::raster::scale::{FilterType, Frame, Unscalable, scale_rgb};
use crate::raster::{Mask, Picture, Profile, RgbF32, from_srgb, snapped_to_ends, to_srgb};

/// What lies behind, in the numbers of the picture.
pub(super) enum Behind {
    Nothing,
    Even([f32; 3]),
    /// One colour a row.
    Rows(Vec<[f32; 3]>),
    Smooth(Smooth),
    /// A picture, and around it what has no detail.
    Placed {
        picture: RgbF32,
        rect: Rect,
        around: Option<Smooth>,
    },
}

impl Behind {
    pub(super) fn new(
        picture: &Picture,
        subject: &Mask,
        put: &Backdrop,
    ) -> Result<Self, BackdropError> {
        let own = |colours: &mut [[f32; 3]]| {
            from_srgb(&picture.profile, colours)
                .map_err(|error| BackdropError::Profile(error.to_string()))
        };
        let share = |colour: [u8; 3]| colour.map(|value| f32::from(value) / 255.0);
        Ok(match put {
            Backdrop::Nothing => Self::Nothing,
            Backdrop::Colour(colour) => {
                let mut colours = [share(*colour)];
                own(&mut colours)?;
                let [colour] = colours;
                Self::Even(colour)
            }
            Backdrop::Gradient(from, to) => {
                let rows = picture.extent().height;
                let mut colours: Vec<[f32; 3]> = (0..rows)
                    .map(|row| {
                        let down = row as f32 / rows.saturating_sub(1).max(1) as f32;
                        let mut colour = share(*from);
                        for (value, to) in colour.iter_mut().zip(share(*to)) {
                            *value += (to - *value) * down;
                        }
                        colour
                    })
                    .collect();
                own(&mut colours)?;
                Self::Rows(colours)
            }
            Backdrop::Blur(sigma) => Self::Smooth(blur(picture, subject, *sigma)),
            Backdrop::Picture(placed) => place(placed, picture)?,
        })
    }

    /// The colours of a rectangle of the picture; `None` where there is nothing.
    pub(super) fn colours(&self, rect: Rect) -> Option<Vec<[f32; 3]>> {
        Some(match self {
            Self::Nothing => return None,
            Self::Even(colour) => vec![*colour; rect.extent().len()],
            Self::Rows(rows) => {
                let rows = rows.iter().skip(rect.y as usize).take(rect.height as usize);
                rows.flat_map(|colour| std::iter::repeat_n(*colour, rect.width as usize))
                    .collect()
            }
            Self::Smooth(smooth) => smooth.colours(rect),
            Self::Placed {
                picture,
                rect: placed,
                around,
            } => {
                let around = around.as_ref().map(|around| around.colours(rect));
                let mut colours = around.unwrap_or_else(|| vec![[0.0; 3]; rect.extent().len()]);
                let seen = rect.intersect(*placed);
                for y in seen.y..seen.bottom() {
                    let from = (y - placed.y) as usize * placed.width as usize
                        + (seen.x - placed.x) as usize;
                    let to =
                        (y - rect.y) as usize * rect.width as usize + (seen.x - rect.x) as usize;
                    let len = seen.width as usize;
                    let line = picture.pixels.get(from..from + len);
                    if let (Some(line), Some(to)) = (line, colours.get_mut(to..to + len)) {
                        to.copy_from_slice(line);
                    }
                }
                colours
            }
        })
    }
}

/// The background without the subject, blurred: at a size at which the blur is a few pixels wide.
fn blur(picture: &Picture, subject: &Mask, sigma: f64) -> Smooth {
    /// The blur at its own size is at least so wide, where that saves anything.
    const LEAST_SIGMA: f64 = 2.0;
    /// More pixels are not kept in floating point.
    const MOST_PIXELS: u64 = 6_000_000;
    let full = picture.extent();
    let mut side = 1u32;
    let at = |side: u32| Extent::new(full.width.div_ceil(side), full.height.div_ceil(side));
    while sigma / f64::from(side * 2) >= LEAST_SIGMA || at(side).area() > MOST_PIXELS {
        side *= 2;
    }
    let extent = at(side);
    let rows: Vec<u32> = (0..extent.height).collect();
    let rows = rows.into_par_iter().map(|row| {
        let band = Rect::new(0, (row * side) as i32, full.width, side);
        let band = band.intersect(Rect::of(full));
        background_row(picture, subject, band, (side as usize, extent.width))
    });
    let pixels: Vec<Vec<Weighted>> = rows.collect();
    Smooth {
        extent,
        colours: blurred(&pixels.concat(), extent, sigma / f64::from(side)),
        side_px: (side as f32, side as f32),
    }
}

/// A row of means over so many squares of that side in `band`, of what is all background: in a soft
/// pixel the subject's colour may hide.
fn background_row(
    picture: &Picture,
    subject: &Mask,
    band: Rect,
    (side, columns): (usize, u32),
) -> Vec<Weighted> {
    let mut sums = vec![([0f32; 3], 0f32, 0f32); columns as usize];
    let colours = picture.pixels.crop_f32(band).into_iter();
    let pixels = colours.zip(subject.crop(band)).enumerate();
    for (at, ([r, g, b, alpha], share)) in pixels {
        let column = at % band.width as usize / side;
        let Some((sum, weight, count)) = sums.get_mut(column) else {
            continue;
        };
        *count += 1.0;
        if snapped_to_ends(share) == 0 {
            *weight += alpha;
            for (sum, value) in sum.iter_mut().zip([r, g, b]) {
                *sum += value * alpha;
            }
        }
    }
    let means = sums.into_iter().map(|(sum, weight, count)| {
        let [r, g, b] = sum.map(|sum| sum / weight.max(f32::MIN_POSITIVE));
        [r, g, b, weight / f32::max(count, 1.0)]
    });
    means.collect()
}

/// Another picture behind one, in its numbers.
fn place(placed: &Placed, picture: &Picture) -> Result<Behind, BackdropError> {
    let (full, size) = (picture.extent(), placed.picture.extent());
    let source = on_white(&placed.picture, &picture.profile)?;
    let across = f64::from(full.width) / f64::from(size.width.max(1));
    let down = f64::from(full.height) / f64::from(size.height.max(1));
    match placed.placing {
        Placing::Cover => Ok(Behind::Placed {
            picture: covering(&source, full, placed.at)?,
            rect: Rect::of(full),
            around: None,
        }),
        Placing::Fit => {
            let scale = across.min(down);
            let side = |of: u32| ((f64::from(of) * scale).round() as u32).max(1);
            let extent = Extent::new(
                side(size.width).min(full.width),
                side(size.height).min(full.height),
            );
            let at = |full: u32, size: u32, share: f64| {
                (f64::from(full - size) * share.clamp(0.0, 1.0)).round() as i32
            };
            Ok(Behind::Placed {
                picture: scaled(&source, Frame::of(size), extent)?,
                rect: Rect::new(
                    at(full.width, extent.width, placed.at.0),
                    at(full.height, extent.height, placed.at.1),
                    extent.width,
                    extent.height,
                ),
                around: Some(around(&source, full, placed.at)?),
            })
        }
    }
}

/// The part of `source` that covers `extent`.
fn covering(source: &RgbF32, extent: Extent, at: (f64, f64)) -> Result<RgbF32, BackdropError> {
    let size = source.extent;
    let across = f64::from(extent.width) / f64::from(size.width.max(1));
    let down = f64::from(extent.height) / f64::from(size.height.max(1));
    let scale = across.max(down);
    let seen = |of: u32, size: u32| (f64::from(of) / scale).min(f64::from(size));
    let (width, height) = (
        seen(extent.width, size.width),
        seen(extent.height, size.height),
    );
    let frame = Frame {
        left: (f64::from(size.width) - width) * at.0.clamp(0.0, 1.0),
        top: (f64::from(size.height) - height) * at.1.clamp(0.0, 1.0),
        width,
        height,
    };
    scaled(source, frame, extent)
}

/// What lies beside a picture that does not cover everything: a blur of it.
fn around(source: &RgbF32, full: Extent, at: (f64, f64)) -> Result<Smooth, BackdropError> {
    const SIDE: f64 = 128.0;
    const SIGMA: f64 = 4.0;
    let share = (SIDE / f64::from(full.width.max(full.height).max(1))).min(1.0);
    let side = |of: u32| ((f64::from(of) * share).round() as u32).max(1);
    let extent = Extent::new(side(full.width), side(full.height));
    let small = covering(source, extent, at)?;
    let pixels = small.pixels.iter().map(|[r, g, b]| [*r, *g, *b, 1.0]);
    let pixels: Vec<Weighted> = pixels.collect();
    let times = |full: u32, here: u32| full as f32 / here as f32;
    Ok(Smooth {
        extent,
        colours: blurred(&pixels, extent, SIGMA),
        side_px: (
            times(full.width, extent.width),
            times(full.height, extent.height),
        ),
    })
}

fn scaled(source: &RgbF32, frame: Frame, extent: Extent) -> Result<RgbF32, BackdropError> {
    let filter = if frame.width > f64::from(extent.width) {
        FilterType::Lanczos3
    } else {
        FilterType::CatmullRom
    };
    scale_rgb(source, frame, extent, filter).map_err(|Unscalable(why)| BackdropError::Scaling(why))
}

/// A picture in the numbers of another profile; what is transparent is seen on white.
fn on_white(picture: &Picture, profile: &Profile) -> Result<RgbF32, BackdropError> {
    const ROWS: usize = 64;
    let extent = picture.extent();
    let mut made = RgbF32::filled(extent, [0.0; 3]);
    let bands = made
        .pixels
        .par_chunks_mut((extent.width as usize * ROWS).max(1));
    let converted = bands.enumerate().map(|(at, band)| {
        let first = at * ROWS;
        let rows = ROWS.min(extent.height as usize - first) as u32;
        let rect = Rect::new(0, first as i32, extent.width, rows);
        for (to, [r, g, b, a]) in band.iter_mut().zip(picture.pixels.crop_f32(rect)) {
            *to = [r, g, b].map(|value| value * a + (1.0 - a));
        }
        if picture.profile != *profile {
            to_srgb(&picture.profile, band)?;
            from_srgb(profile, band)?;
        }
        Ok(())
    });
    let failed = |error: crate::raster::PictureError| BackdropError::Profile(error.to_string());
    converted.collect::<Result<(), _>>().map_err(failed)?;
    Ok(made)
}

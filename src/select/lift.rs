//! From a map of a few hundred pixels to a mask of the picture's own size.
//!
//! Where the map is sure, and that is nearly everywhere, the mask is 0 or 255. In the band between, it is the
//! guided filter's answer. The filter is fitted on the proxy, twice (the second time to its own, sharper answer), and
//! its functions are read at the colours of the picture itself (fast guided filter,
//! [He & Sun 2015](https://arxiv.org/abs/1505.00996)): the edge is as fine as the photograph.
//!
//! A prototype, measured on 9 composites of known opacity: mean error in the band as a share of bicubic enlargement's
//! 0.7 for strands of hair and 0.45 for hard edges; edges out of focus come out 1.3 times worse than enlarged.

use super::guided_filter::{Coefficients, Guide, applied};
use super::{Proxy, SubjectMap};
use crate::geometry::{Extent, Rect};
use crate::raster::{Mask, Picture, TilePixels, Tiled};

/// Between these the map is not sure.
const SURE_OUTSIDE: f32 = 0.05;
const SURE_INSIDE: f32 = 0.95;
/// The band reaches that many pixels of the map beyond what is not sure.
const BAND_MAP_PX: f32 = 1.0;
/// Windows of the filter reach that many pixels of the map to each side.
const RADIUS_MAP_PX: f32 = 2.1;
/// Variance of colours below which a window is flat; 0…1 is full scale.
const EPSILON: f32 = 1e-5;
/// The filter's answer at the sure ends falls short of 0 and 1 by this much.
const SHORT: f32 = 0.08;

/// What is known of a pixel of the proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    Outside,
    Inside,
    /// In the band.
    Unsure,
}

/// The mask of a subject in the size of its picture: 255 where a pixel is the subject's, between where it is partly.
/// `None` where nothing of the map is a subject.
pub fn lift(picture: &Picture, proxy: &Proxy, map: &SubjectMap) -> Option<Mask> {
    let lifted = Lifted::new(proxy, &map.stretched()?);
    Some(Tiled::from_tiles(picture.extent(), 0, |rect| {
        lifted.tile(picture, rect)
    }))
}

struct Lifted {
    extent: Extent,
    to_full: (f32, f32),
    known: Vec<Known>,
    fitted: Vec<Coefficients>,
}

impl Lifted {
    fn new(proxy: &Proxy, map: &SubjectMap) -> Self {
        let extent = proxy.pixels.extent;
        let enlarged = enlarged(map, extent);
        let per_map_px = (extent.area() as f32 / map.extent.area() as f32).sqrt();
        let known = known(
            &enlarged,
            extent,
            (BAND_MAP_PX * per_map_px).round() as usize,
        );
        let radius_px = ((RADIUS_MAP_PX * per_map_px).round() as usize).max(1);
        let guide = Guide::new(&proxy.pixels, radius_px, EPSILON);
        let first = sharpened(
            &guide.fit(&trimmed(&enlarged, &known)),
            &proxy.pixels.pixels,
        );
        let fitted = guide.fit(&trimmed(&first, &known));
        Self {
            extent,
            to_full: proxy.to_full(),
            known,
            fitted,
        }
    }

    /// The mask of a part of the picture.
    fn tile(&self, picture: &Picture, rect: Rect) -> TilePixels<u8> {
        let columns = self.columns(rect);
        let rows = Places::new(rect.y, rect.height, self.to_full.1, self.extent.height);
        if let Some(value) = self.same_everywhere(&columns, &rows) {
            return TilePixels::All(value);
        }
        let colours = picture.pixels.crop_f32(rect);
        let mut colours = colours.iter();
        let mut values = Vec::with_capacity(rect.extent().len());
        for row in &rows.all {
            for column in &columns.all {
                let colour = colours.next().map_or([0.0; 3], |[r, g, b, _]| [*r, *g, *b]);
                values.push(match self.known(column.nearest, row.nearest) {
                    Known::Outside => 0,
                    Known::Inside => 255,
                    Known::Unsure => {
                        let share = stretched(applied(self.function(column, row), colour));
                        (share * 255.0 + 0.5) as u8
                    }
                });
            }
        }
        TilePixels::Each(values)
    }

    fn columns(&self, rect: Rect) -> Places {
        Places::new(rect.x, rect.width, self.to_full.0, self.extent.width)
    }

    fn known(&self, column: usize, row: usize) -> Known {
        let at = row * self.extent.width as usize + column;
        self.known.get(at).copied().unwrap_or(Known::Outside)
    }

    /// The value of all pixels at these places, where nothing of them is in the band.
    fn same_everywhere(&self, columns: &Places, rows: &Places) -> Option<u8> {
        let first = self.known(columns.first, rows.first);
        let value = match first {
            Known::Outside => 0,
            Known::Inside => 255,
            Known::Unsure => return None,
        };
        let is_same = (rows.first..=rows.last).all(|row| {
            (columns.first..=columns.last).all(|column| self.known(column, row) == first)
        });
        is_same.then_some(value)
    }

    /// The filter's function between pixels of the proxy.
    fn function(&self, column: &Place, row: &Place) -> Coefficients {
        let at = |column: usize, row: usize| {
            let at = row * self.extent.width as usize + column;
            self.fitted.get(at).copied().unwrap_or_default()
        };
        let mix = |a: Coefficients, b: Coefficients, share: f32| {
            let mut mixed = a;
            for (value, b) in mixed.iter_mut().zip(b) {
                *value += (b - *value) * share;
            }
            mixed
        };
        let upper = mix(
            at(column.low, row.low),
            at(column.high, row.low),
            column.share,
        );
        let lower = mix(
            at(column.low, row.high),
            at(column.high, row.high),
            column.share,
        );
        mix(upper, lower, row.share)
    }
}

/// Where a row or column of a picture lies among those of a smaller one.
#[derive(Debug, Clone, Copy)]
struct Place {
    nearest: usize,
    low: usize,
    high: usize,
    /// From low to high.
    share: f32,
}

struct Places {
    all: Vec<Place>,
    /// The nearest of the first and of the last one.
    first: usize,
    last: usize,
}

impl Places {
    /// Of `count` rows or columns from `first` on, `times` as many of which there are as the `len` of the smaller
    /// picture.
    fn new(first: i32, count: u32, times: f32, len: u32) -> Self {
        let end = len.saturating_sub(1) as usize;
        let place = |at: u32| {
            let centre = (first as f32 + at as f32 + 0.5) / times;
            let from_low = (centre - 0.5).max(0.0);
            let low = (from_low as usize).min(end);
            Place {
                nearest: (centre as usize).min(end),
                low,
                high: (low + 1).min(end),
                share: from_low - low as f32,
            }
        };
        let all: Vec<Place> = (0..count).map(place).collect();
        let nearest = |place: Option<&Place>| place.map_or(0, |place| place.nearest);
        Self {
            first: nearest(all.first()),
            last: nearest(all.last()),
            all,
        }
    }
}

/// The map at another size, bilinear.
fn enlarged(map: &SubjectMap, extent: Extent) -> Vec<f32> {
    let times = |to: u32, from: u32| to as f32 / from as f32;
    let columns = Places::new(
        0,
        extent.width,
        times(extent.width, map.extent.width),
        map.extent.width,
    );
    let rows = Places::new(
        0,
        extent.height,
        times(extent.height, map.extent.height),
        map.extent.height,
    );
    let value = |column: usize, row: usize| {
        let at = row * map.extent.width as usize + column;
        map.likelihood.get(at).copied().unwrap_or(0.0)
    };
    let mut values = Vec::with_capacity(extent.len());
    for row in &rows.all {
        for column in &columns.all {
            let across = |row: usize| {
                let (low, high) = (value(column.low, row), value(column.high, row));
                low + (high - low) * column.share
            };
            let (upper, lower) = (across(row.low), across(row.high));
            values.push(upper + (lower - upper) * row.share);
        }
    }
    values
}

/// Where the map is sure, farther than `reach` pixels from where it is not.
fn known(map: &[f32], extent: Extent, reach: usize) -> Vec<Known> {
    let width = (extent.width as usize).max(1);
    let unsure: Vec<bool> = map
        .iter()
        .map(|v| (SURE_OUTSIDE..=SURE_INSIDE).contains(v))
        .collect();
    // A square is two lines: along the rows, then along the columns.
    let mut along_rows = unsure.clone();
    for (wide, row) in along_rows.chunks_mut(width).zip(unsure.chunks(width)) {
        widen(
            row.len(),
            reach,
            |x| row.get(x) == Some(&true),
            |x| {
                if let Some(wide) = wide.get_mut(x) {
                    *wide = true;
                }
            },
        );
    }
    let mut both = along_rows.clone();
    for x in 0..width {
        widen(
            extent.height as usize,
            reach,
            |y| along_rows.get(y * width + x) == Some(&true),
            |y| {
                if let Some(wide) = both.get_mut(y * width + x) {
                    *wide = true;
                }
            },
        );
    }
    let pixels = both.into_iter().zip(map);
    pixels
        .map(|(is_unsure, value)| match value {
            _ if is_unsure => Known::Unsure,
            v if *v > 0.5 => Known::Inside,
            _ => Known::Outside,
        })
        .collect()
}

/// Sets all places of a line within `reach` of one that is set.
fn widen(len: usize, reach: usize, is_set: impl Fn(usize) -> bool, mut set: impl FnMut(usize)) {
    let mut done = 0;
    for at in (0..len).filter(|at| is_set(*at)) {
        let end = (at + reach + 1).min(len);
        (done.max(at.saturating_sub(reach))..end).for_each(&mut set);
        done = done.max(end);
    }
}

/// The plane, with 0 and 1 where they are known.
fn trimmed(plane: &[f32], known: &[Known]) -> Vec<f32> {
    let pixels = plane.iter().zip(known);
    pixels
        .map(|(value, known)| match known {
            Known::Outside => 0.0,
            Known::Inside => 1.0,
            Known::Unsure => *value,
        })
        .collect()
}

/// The functions' values at the guide's colours.
fn sharpened(fitted: &[Coefficients], colours: &[[f32; 3]]) -> Vec<f32> {
    let pixels = fitted.iter().zip(colours);
    pixels
        .map(|(function, colour)| stretched(applied(*function, *colour)))
        .collect()
}

fn stretched(value: f32) -> f32 {
    ((value - SHORT) / (1.0 - 2.0 * SHORT)).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests;

//! From a map of a few hundred pixels to a mask of the picture's own size.
//!
//! Where the map is sure, and that is nearly everywhere, the mask is 0 or 255. In the band between, [`matte`](super::matte)
//! finds on the proxy how much of the subject each pixel is, as a function of its colour. Those functions are read
//! at the colours of the picture itself (fast guided filter, [He & Sun 2015](https://arxiv.org/abs/1505.00996)): the
//! edge is as fine as the photograph. Measured by `benches/matte`.

use super::known::{Known, known};
use super::matte::{Answer, answers, share};
use super::{Proxy, SubjectMap};
use crate::geometry::{Extent, Rect};
use crate::raster::{Mask, Picture, TilePixels, Tiled};

/// The band reaches that many pixels of the map beyond what is not sure.
const BAND_MAP_PX: f32 = 1.0;

/// The mask of a subject in the size of its picture: 255 where a pixel is the subject's, between where it is partly.
/// `None` where nothing of the map is a subject.
pub fn lift(picture: &Picture, proxy: &Proxy, map: &SubjectMap) -> Option<Mask> {
    let lifted = Lifted::new(proxy, &map.stretched()?.settled());
    Some(Tiled::from_tiles(picture.extent(), 0, |rect| {
        lifted.tile(picture, rect)
    }))
}

struct Lifted {
    extent: Extent,
    to_full: (f32, f32),
    known: Vec<Known>,
    answers: Vec<Answer>,
}

impl Lifted {
    fn new(proxy: &Proxy, map: &SubjectMap) -> Self {
        let extent = proxy.pixels.extent;
        let enlarged = enlarged(map, extent);
        let per_map_px = (extent.area() as f32 / map.extent.area() as f32).sqrt();
        let reach = (BAND_MAP_PX * per_map_px).round() as usize;
        let known = known(&enlarged, extent, reach);
        let answers = answers(&proxy.pixels, &enlarged, &known, per_map_px);
        Self {
            extent,
            to_full: proxy.to_full(),
            known,
            answers,
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
                        let share = share(&self.answer(column, row), colour);
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

    /// The answer between pixels of the proxy.
    fn answer(&self, column: &Place, row: &Place) -> Answer {
        let at = |column: usize, row: usize| {
            let at = row * self.extent.width as usize + column;
            self.answers.get(at).copied().unwrap_or_default()
        };
        let mix = |a: Answer, b: Answer, share: f32| {
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

#[cfg(test)]
mod tests;

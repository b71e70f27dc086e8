//! [`Tiled`]: a plane of pixels in copy-on-write tiles.

use std::sync::Arc;

use bytemuck::Pod;
use rayon::prelude::*;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::geometry::{Extent, Point, Rect};

/// Side of a tile in pixels.
pub const TILE_PX: u32 = 256;
const TILE: usize = TILE_PX as usize;

/// Column and row of a tile in its plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TileIndex {
    /// Column, counted in tiles.
    pub column: u32,
    /// Row, counted in tiles.
    pub row: u32,
}

/// A plane of pixels cut into shared, copy-on-write tiles of 256 × 256.
///
/// A clone copies pointers only. It is the undo entry, what the worker thread gets, and, compared
/// tile by tile, the list of what the window must upload again. Writing copies just the tiles in
/// which a pixel really changes. Tiles at the right and lower border are stored in full; what lies
/// outside the extent is never shown or compared.
#[derive(Clone)]
pub struct Tiled<P> {
    extent: Extent,
    columns: u32,
    tiles: Vec<Arc<Vec<P>>>,
}

/// The pixels of a tile that lie inside its plane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TilePixels<P> {
    /// All have this value.
    All(P),
    /// Row-major.
    Each(Vec<P>),
}

impl<P: Copy + PartialEq + Send + Sync> Tiled<P> {
    /// A plane whose tiles `make` makes, on all threads: it is given the pixels that a tile covers inside the plane.
    /// Missing pixels are `outside`. Tiles of one value are the same memory where that is `outside`.
    pub fn from_tiles(
        extent: Extent,
        outside: P,
        make: impl Fn(Rect) -> TilePixels<P> + Sync,
    ) -> Self {
        let mut plane = Self::filled(extent, outside);
        let rects: Vec<Rect> = plane
            .tiles_in(Rect::of(extent))
            .into_iter()
            .map(|index| plane.tile_rect(index))
            .collect();
        let tiles = plane.tiles.par_iter_mut().zip(rects);
        tiles.for_each(|(tile, rect)| match make(rect) {
            TilePixels::All(value) if value == outside => {}
            TilePixels::All(value) => *tile = Arc::new(vec![value; TILE * TILE]),
            TilePixels::Each(pixels) => {
                let mut whole = vec![outside; TILE * TILE];
                let rows = pixels.chunks(rect.width.max(1) as usize);
                for (to, row) in whole.chunks_exact_mut(TILE).zip(rows) {
                    for (to, pixel) in to.iter_mut().zip(row) {
                        *to = *pixel;
                    }
                }
                *tile = Arc::new(whole);
            }
        });
        plane
    }
}

impl<P: Copy + PartialEq> Tiled<P> {
    /// A plane of one value. All its tiles are the same memory.
    pub fn filled(extent: Extent, value: P) -> Self {
        let columns = extent.width.div_ceil(TILE_PX);
        let rows = extent.height.div_ceil(TILE_PX);
        let count = columns as usize * rows as usize;
        let tile = Arc::new(vec![value; if count == 0 { 0 } else { TILE * TILE }]);
        Self {
            extent,
            columns,
            tiles: vec![tile; count],
        }
    }

    /// A plane from row-major pixels. Missing pixels at the end stay `outside`.
    pub fn from_pixels(extent: Extent, pixels: &[P], outside: P) -> Self {
        let mut plane = Self::filled(extent, outside);
        for (y, row) in pixels.chunks(extent.width.max(1) as usize).enumerate() {
            plane.write_row(0, y as u32, row);
        }
        plane
    }

    /// Size in pixels.
    pub fn extent(&self) -> Extent {
        self.extent
    }

    /// The pixel at `(x, y)`, or `None` outside.
    pub fn get(&self, x: u32, y: u32) -> Option<P> {
        if x >= self.extent.width || y >= self.extent.height {
            return None;
        }
        let tile = self.tiles.get(self.tile_number(x, y))?;
        tile.get(offset_in_tile(x, y)).copied()
    }

    /// All [`TILE_PX`]² pixels of a tile, row by row, also those outside the plane. Tiles that are
    /// the same memory are the same pixels.
    pub fn tile(&self, index: TileIndex) -> Option<&[P]> {
        let number = index.row as usize * self.columns as usize + index.column as usize;
        self.tiles.get(number).map(|tile| tile.as_slice())
    }

    /// Calls `visit` with the first column and the pixels of each piece of row `y` that lies in
    /// `columns` and inside the plane, from left to right.
    pub fn visit_row(
        &self,
        y: u32,
        columns: std::ops::Range<u32>,
        mut visit: impl FnMut(u32, &[P]),
    ) {
        if y >= self.extent.height {
            return;
        }
        let end = columns.end.min(self.extent.width);
        let mut x = columns.start;
        while x < end {
            let stop = end.min((x / TILE_PX + 1) * TILE_PX);
            let from = offset_in_tile(x, y);
            if let Some(piece) = self
                .tiles
                .get(self.tile_number(x, y))
                .and_then(|tile| tile.get(from..from + (stop - x) as usize))
            {
                visit(x, piece);
            }
            x = stop;
        }
    }

    /// The pixels of `rect` in row-major order. The part of `rect` outside the plane is left out,
    /// so ask for a rectangle that lies inside.
    pub fn crop(&self, rect: Rect) -> Vec<P> {
        let rect = rect.intersect(Rect::of(self.extent));
        let mut pixels = Vec::with_capacity(rect.extent().len());
        for y in rect.y..rect.bottom() {
            self.visit_row(y as u32, rect.x as u32..rect.right() as u32, |_, piece| {
                pixels.extend_from_slice(piece);
            });
        }
        pixels
    }

    /// All pixels in row-major order.
    pub fn to_vec(&self) -> Vec<P> {
        self.crop(Rect::of(self.extent))
    }

    /// Writes `pixels` to row `y` from column `x` on; what would lie outside is ignored.
    /// A tile whose pixels already hold these values is left shared.
    pub fn write_row(&mut self, x: u32, y: u32, pixels: &[P]) {
        let width = pixels
            .len()
            .min(self.extent.width.saturating_sub(x) as usize) as u32;
        let row = Rect::new(x as i32, y as i32, width, 1);
        self.update(row, |at, old| {
            pixels
                .get((at.x as u32 - x) as usize)
                .copied()
                .unwrap_or(old)
        });
    }

    /// Replaces each pixel of `rect` (cut to the plane) by what `new_value` makes of its position
    /// and old value. Only tiles in which a value really changes are copied.
    pub fn update(&mut self, rect: Rect, mut new_value: impl FnMut(Point, P) -> P) {
        let rect = rect.intersect(Rect::of(self.extent));
        for index in self.tiles_in(rect) {
            let part = rect.intersect(self.tile_rect(index));
            let number = index.row as usize * self.columns as usize + index.column as usize;
            let Some(tile) = self.tiles.get_mut(number) else {
                continue;
            };
            for y in part.y..part.bottom() {
                for x in part.x..part.right() {
                    let at = offset_in_tile(x as u32, y as u32);
                    let Some(old) = tile.get(at).copied() else {
                        continue;
                    };
                    let new = new_value(Point::new(x, y), old);
                    if new != old
                        && let Some(slot) = Arc::make_mut(tile).get_mut(at)
                    {
                        *slot = new;
                    }
                }
            }
        }
    }

    /// Makes the tile the same memory as that of `from`, which should have the same extent.
    pub fn share_tile(&mut self, index: TileIndex, from: &Self) {
        let number = index.row as usize * self.columns as usize + index.column as usize;
        if from.extent == self.extent
            && let (Some(slot), Some(tile)) = (self.tiles.get_mut(number), from.tiles.get(number))
        {
            *slot = Arc::clone(tile);
        }
    }

    /// The tiles that meet `rect`, row by row.
    pub fn tiles_in(&self, rect: Rect) -> Vec<TileIndex> {
        let rect = rect.intersect(Rect::of(self.extent));
        if rect.is_empty() {
            return Vec::new();
        }
        let side = TILE_PX as i32;
        let (first, last) = (rect.x / side, (rect.right() - 1) / side);
        (rect.y / side..=(rect.bottom() - 1) / side)
            .flat_map(|row| {
                (first..=last).map(move |column| TileIndex {
                    column: column as u32,
                    row: row as u32,
                })
            })
            .collect()
    }

    /// The pixels a tile covers, cut to the plane.
    pub fn tile_rect(&self, index: TileIndex) -> Rect {
        let x = index.column.saturating_mul(TILE_PX) as i32;
        let y = index.row.saturating_mul(TILE_PX) as i32;
        Rect::new(x, y, TILE_PX, TILE_PX).intersect(Rect::of(self.extent))
    }

    /// The tiles whose memory differs from that of `previous`; all of them when the sizes differ.
    /// Cheap: pointers are compared, not pixels.
    pub fn changed_tiles(&self, previous: &Self) -> Vec<TileIndex> {
        let all = self.tiles_in(Rect::of(self.extent));
        if previous.extent != self.extent {
            return all;
        }
        let differs = self
            .tiles
            .iter()
            .zip(&previous.tiles)
            .map(|(ours, theirs)| !Arc::ptr_eq(ours, theirs));
        all.into_iter()
            .zip(differs)
            .filter_map(|(index, differs)| differs.then_some(index))
            .collect()
    }

    /// Bytes of tile memory that this plane holds and `other` does not share.
    pub fn bytes_beyond(&self, other: &Self) -> usize {
        self.changed_tiles(other).len() * TILE * TILE * size_of::<P>()
    }

    /// The plane with each pixel passed through `convert`; shared tiles are converted once.
    pub fn map<Q: Copy + PartialEq>(&self, convert: impl Fn(P) -> Q) -> Tiled<Q> {
        let mut tiles: Vec<Arc<Vec<Q>>> = Vec::with_capacity(self.tiles.len());
        for (number, tile) in self.tiles.iter().enumerate() {
            let twin = match number.checked_sub(1) {
                Some(before) if self.tiles.get(before).is_some_and(|t| Arc::ptr_eq(t, tile)) => {
                    tiles.get(before).map(Arc::clone)
                }
                _ => None,
            };
            tiles
                .push(twin.unwrap_or_else(|| Arc::new(tile.iter().map(|p| convert(*p)).collect())));
        }
        Tiled {
            extent: self.extent,
            columns: self.columns,
            tiles,
        }
    }

    fn tile_number(&self, x: u32, y: u32) -> usize {
        (y / TILE_PX) as usize * self.columns as usize + (x / TILE_PX) as usize
    }
}

fn offset_in_tile(x: u32, y: u32) -> usize {
    (y % TILE_PX) as usize * TILE + (x % TILE_PX) as usize
}

/// Says the size only: nobody reads pixels.
impl<P> std::fmt::Debug for Tiled<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tiled({})", self.extent)
    }
}

/// Pixels are compared, not memory.
impl<P: Copy + PartialEq> PartialEq for Tiled<P> {
    fn eq(&self, other: &Self) -> bool {
        self.extent == other.extent
            && self.changed_tiles(other).into_iter().all(|index| {
                let rect = self.tile_rect(index);
                self.crop(rect) == other.crop(rect)
            })
    }
}

/// How a plane crosses a process border or lies in a journal: one entry per tile, either a single
/// value or the tile's pixels inside the extent, as native-endian bytes.
#[derive(Serialize, Deserialize)]
struct Stored {
    extent: Extent,
    tiles: Vec<Vec<u8>>,
}

impl<P: Pod + PartialEq> Serialize for Tiled<P> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let tiles = self
            .tiles_in(Rect::of(self.extent))
            .into_iter()
            .map(|index| {
                let pixels = self.crop(self.tile_rect(index));
                match pixels.first() {
                    Some(first) if pixels.iter().all(|p| p == first) => {
                        bytemuck::bytes_of(first).to_vec()
                    }
                    _ => bytemuck::cast_slice(&pixels).to_vec(),
                }
            })
            .collect();
        Stored {
            extent: self.extent,
            tiles,
        }
        .serialize(serializer)
    }
}

impl<'de, P: Pod + PartialEq> Deserialize<'de> for Tiled<P> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = Stored::deserialize(deserializer)?;
        let columns = stored.extent.width.div_ceil(TILE_PX) as usize;
        let rows = stored.extent.height.div_ceil(TILE_PX) as usize;
        if stored.tiles.len() != columns.saturating_mul(rows) {
            return Err(D::Error::custom("number of tiles does not fit the extent"));
        }
        let mut plane = Self::filled(stored.extent, P::zeroed());
        let indices = plane.tiles_in(Rect::of(stored.extent));
        for (index, bytes) in indices.into_iter().zip(stored.tiles) {
            let rect = plane.tile_rect(index);
            let pixels: Vec<P> = bytemuck::allocation::pod_collect_to_vec(&bytes);
            let single = pixels.first().copied().filter(|_| pixels.len() == 1);
            if single.is_none() && pixels.len() != rect.extent().len() {
                return Err(D::Error::custom("a tile has the wrong number of pixels"));
            }
            plane.update(rect, |at, old| {
                let offset =
                    (at.y - rect.y) as usize * rect.width as usize + (at.x - rect.x) as usize;
                single
                    .or_else(|| pixels.get(offset).copied())
                    .unwrap_or(old)
            });
        }
        Ok(plane)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gradient(extent: Extent) -> Vec<u16> {
        (0..extent.len()).map(|i| (i * 7 % 65521) as u16).collect()
    }

    #[test]
    fn rows_and_crops_agree_with_a_flat_plane() {
        let extent = Extent::new(601, 300);
        let flat = gradient(extent);
        let plane = Tiled::from_pixels(extent, &flat, 0);
        assert_eq!(plane.to_vec(), flat);
        let rect = Rect::new(250, 254, 270, 5);
        let cropped = plane.crop(rect);
        for (i, value) in cropped.iter().enumerate() {
            let (x, y) = (250 + i % 270, 254 + i / 270);
            assert_eq!(*value, flat[y * 601 + x]);
        }
        assert_eq!(plane.get(600, 299), Some(flat[299 * 601 + 600]));
        assert_eq!(plane.get(601, 0), None);
    }

    #[test]
    fn a_plane_of_tiles_is_that_of_its_pixels() {
        let extent = Extent::new(601, 300);
        let flat = gradient(extent);
        let row = extent.width as usize;
        let made = Tiled::from_tiles(extent, 7, |rect| {
            if rect.y > 0 {
                return TilePixels::All(if rect.x == 0 { 7 } else { 9 });
            }
            let rows = flat.chunks(row).skip(rect.y as usize);
            let rows = rows.take(rect.height as usize);
            let columns = rect.x as usize..rect.right() as usize;
            TilePixels::Each(
                rows.flat_map(|row| &row[columns.clone()])
                    .copied()
                    .collect(),
            )
        });
        for (at, value) in made.to_vec().into_iter().enumerate() {
            let (x, y) = (at % row, at / row);
            let below = if x < 256 { 7 } else { 9 };
            assert_eq!(value, if y < 256 { flat[at] } else { below }, "{x} {y}");
        }
    }

    #[test]
    fn writing_copies_only_the_tiles_that_change() {
        let before = Tiled::filled(Extent::new(1000, 1000), 5u8);
        let mut after = before.clone();
        after.update(Rect::new(200, 200, 100, 100), |_, old| old);
        assert!(after.changed_tiles(&before).is_empty(), "nothing changed");
        after.update(Rect::new(255, 300, 2, 1), |_, _| 9);
        let changed = after.changed_tiles(&before);
        assert_eq!(changed.len(), 2);
        assert_eq!(after.bytes_beyond(&before), 2 * 256 * 256);
        assert_eq!(before.get(255, 300), Some(5), "the snapshot is untouched");
        assert_eq!(after.get(256, 300), Some(9));
    }

    #[test]
    fn a_plane_survives_serialisation() {
        for extent in [Extent::new(1, 1), Extent::new(0, 7), Extent::new(300, 257)] {
            let plane = Tiled::from_pixels(extent, &gradient(extent), 0);
            let bytes = postcard::to_stdvec(&plane).unwrap();
            let back: Tiled<u16> = postcard::from_bytes(&bytes).unwrap();
            assert!(back == plane);
        }
        let blank = Tiled::filled(Extent::new(5000, 5000), [0u8; 4]);
        assert!(postcard::to_stdvec(&blank).unwrap().len() < 4000);
    }
}

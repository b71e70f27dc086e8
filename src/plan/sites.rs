//! [`Sites`]: which cells of a grid over the picture hold a pixel that may change, kept tile by tile.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::composite_alpha::change_of;
use super::settings::MaskMode;
use crate::geometry::Extent;
use crate::raster::{Mask, TILE_PX, TileIndex};

/// Which cells hold a pixel that may change. What a tile of the mask says is kept, so that during a
/// stroke only the tiles that it touched are read again.
#[derive(Debug, Default)]
pub struct Sites {
    follows: Option<(Mask, MaskMode)>,
    /// Side of a cell: a power of two, at most a tile.
    cell_px: u32,
    /// The cells of each tile that was asked for (its row and column), row by row.
    tiles: BTreeMap<(u32, u32), Arc<[bool]>>,
    /// Tiles on which nobody painted, and those that were filled together, are the same memory: one
    /// of them is read for all.
    read_last: Option<(TileIndex, Arc<[bool]>)>,
}

impl Sites {
    /// Takes in a mask that may have changed; `cell_px` is a power of two, at most a tile.
    pub(super) fn follow(&mut self, mask: &Mask, mode: MaskMode, cell_px: u32) {
        let same = self.follows.as_ref().filter(|(seen, was)| {
            *was == mode && seen.extent() == mask.extent() && self.cell_px <= cell_px
        });
        if let Some((seen, _)) = same {
            for tile in mask.changed_tiles(seen) {
                self.tiles.remove(&(tile.row, tile.column));
            }
            while self.cell_px < cell_px {
                let side = (TILE_PX / self.cell_px) as usize;
                for cells in self.tiles.values_mut() {
                    *cells = coarser(cells, side);
                }
                self.cell_px *= 2;
            }
        } else {
            self.tiles.clear();
            self.cell_px = cell_px;
        }
        self.read_last = None;
        self.follows = Some((mask.clone(), mode));
    }

    /// The cells from `corner` (column and row, counted from the picture's corner) on, row by row.
    pub(super) fn cells(&mut self, (left, top): (i32, i32), extent: Extent) -> Vec<bool> {
        let mut found = vec![false; extent.len()];
        let Some((mask, mode)) = self.follows.take() else {
            return found;
        };
        let side = (TILE_PX / self.cell_px.max(1)).max(1) as i32;
        let (right, bottom) = (left + extent.width as i32, top + extent.height as i32);
        let tiles = |from: i32, to: i32| {
            (from.max(0) / side) as u32..(to - 1).max(0) as u32 / side as u32 + 1
        };
        for row in tiles(top, bottom) {
            for column in tiles(left, right) {
                let index = TileIndex { column, row };
                let Some(cells) = self.tile(&mask, mode, index) else {
                    continue;
                };
                let (first_x, first_y) = (column as i32 * side, row as i32 * side);
                let from = left.max(first_x);
                let to = right.min(first_x + side);
                for y in top.max(first_y)..bottom.min(first_y + side) {
                    let source = (y - first_y) * side - first_x;
                    let target = (y - top) * extent.width as i32 - left;
                    let range =
                        |line: i32| (line + from).max(0) as usize..(line + to).max(0) as usize;
                    if let (Some(from), Some(to)) =
                        (cells.get(range(source)), found.get_mut(range(target)))
                    {
                        to.copy_from_slice(from);
                    }
                }
            }
        }
        self.follows = Some((mask, mode));
        found
    }

    fn tile(&mut self, mask: &Mask, mode: MaskMode, index: TileIndex) -> Option<Arc<[bool]>> {
        if let Some(known) = self.tiles.get(&(index.row, index.column)) {
            return Some(Arc::clone(known));
        }
        let tile = mask.tile(index)?;
        let rect = mask.tile_rect(index);
        let last = self.read_last.as_ref().filter(|(last, _)| {
            let same_memory = mask
                .tile(*last)
                .is_some_and(|last| std::ptr::eq(last, tile));
            same_memory && mask.tile_rect(*last).extent() == rect.extent()
        });
        let cells = match last {
            Some((_, cells)) => Arc::clone(cells),
            None => read(tile, rect.extent(), mode, self.cell_px),
        };
        self.read_last = Some((index, Arc::clone(&cells)));
        self.tiles
            .insert((index.row, index.column), Arc::clone(&cells));
        Some(cells)
    }
}

/// What the pixels of a tile say, of which `within` lie in the picture.
fn read(tile: &[u8], within: Extent, mode: MaskMode, cell_px: u32) -> Arc<[bool]> {
    let side = (TILE_PX / cell_px) as usize;
    let mut cells = vec![false; side * side];
    let rows = tile.chunks_exact(TILE_PX as usize);
    for (y, row) in rows.take(within.height as usize).enumerate() {
        let row = row.get(..within.width as usize).unwrap_or(row);
        let line = cells.chunks_exact_mut(side).nth(y / cell_px as usize);
        let line = line.into_iter().flatten();
        for (cell, pixels) in line.zip(row.chunks(cell_px as usize)) {
            *cell |= pixels.iter().fold(0, |any, c| any | change_of(*c, mode)) > 0;
        }
    }
    cells.into()
}

/// The same in cells of twice the side.
fn coarser(cells: &[bool], side: usize) -> Arc<[bool]> {
    let mut fewer = vec![false; cells.len() / 4];
    for (y, row) in cells.chunks_exact(side).enumerate() {
        let line = fewer.chunks_exact_mut((side / 2).max(1)).nth(y / 2);
        for (cell, pair) in line.into_iter().flatten().zip(row.chunks_exact(2)) {
            *cell |= pair.contains(&true);
        }
    }
    fewer.into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::geometry::Rect;
    use crate::raster::Tiled;

    /// Says what [`Sites::cells`] says, by asking the mask for each pixel by itself.
    fn plainly(
        mask: &Mask,
        mode: MaskMode,
        cell_px: u32,
        (left, top): (i32, i32),
        extent: Extent,
    ) -> Vec<bool> {
        let pixel = |x: i32, y: i32| mask.get(u32::try_from(x).ok()?, u32::try_from(y).ok()?);
        let px = cell_px as i32;
        let mut found = Vec::new();
        for row in top..top + extent.height as i32 {
            for column in left..left + extent.width as i32 {
                let mut ys = row * px..(row + 1) * px;
                found.push(ys.any(|y| {
                    let mut xs = column * px..(column + 1) * px;
                    xs.any(|x| pixel(x, y).is_some_and(|c| change_of(c, mode) > 0))
                }));
            }
        }
        found
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn cells_say_what_a_look_at_each_pixel_says(
            (width, height) in (1..700u32, 1..600u32),
            paints in prop::collection::vec((-20..700i32, -20..600i32, 1..300u32, 1..300u32, prop::sample::select(vec![0u8, 8, 9, 90, 255])), 0..7),
            cell_bits in prop::collection::vec(2..9u32, 1..7),
            (left, top, across, down) in (-4..20i32, -4..20i32, 1..40u32, 1..40u32),
            (inverted, stays) in (any::<bool>(), any::<bool>()),
        ) {
            let mut mask: Mask = Tiled::filled(Extent::new(width, height), 0);
            if inverted {
                mask = mask.map(|coverage| 255 - coverage);
            }
            let mode = if stays { MaskMode::Stays } else { MaskMode::Changes };
            let (corner, extent) = ((left, top), Extent::new(across, down));
            // One that goes along, painting and looking closer and from farther away in any order.
            let mut sites = Sites::default();
            for (turn, bits) in cell_bits.into_iter().enumerate() {
                if let Some((x, y, width, height, value)) = paints.get(turn).copied() {
                    mask.update(Rect::new(x, y, width, height), |_, _| value);
                }
                let cell_px = 1 << bits;
                sites.follow(&mask, mode, cell_px);
                prop_assert_eq!(sites.cells(corner, extent), plainly(&mask, mode, cell_px, corner, extent));
            }
        }
    }
}

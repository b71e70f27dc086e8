//! [`Visible`]: base and layers drawn together, kept per tile.

use std::collections::BTreeSet;
use std::sync::Arc;

use rayon::prelude::*;

use super::state::{Layer, State};
use crate::geometry::Rect;
use crate::raster::{Mask, Picture, Pixmap, TileIndex, cut_out, draw_patch_within};

/// What the user sees: the base with its visible layers. Only tiles that an edit touches are drawn
/// again; a tile without any layer is the base's own memory.
#[derive(Debug)]
pub(super) struct Visible {
    picture: Picture,
    base: Picture,
    layers: Vec<Layer>,
    cutout: Option<Mask>,
}

impl State {
    /// Base and visible layers together. Draws all of them: for threads beside the user.
    pub fn visible(&self) -> Picture {
        Visible::of(self).picture
    }
}

impl Visible {
    pub(super) fn of(state: &State) -> Self {
        let mut visible = Self {
            picture: state.base.clone(),
            base: state.base.clone(),
            layers: Vec::new(),
            cutout: None,
        };
        visible.refresh(state);
        visible
    }

    /// Of a state that is known to look so.
    pub(super) fn known(state: &State, picture: Picture) -> Self {
        Self {
            picture,
            base: state.base.clone(),
            layers: drawn(&state.layers).cloned().collect(),
            cutout: state.cutout.clone(),
        }
    }

    pub(super) fn picture(&self) -> &Picture {
        &self.picture
    }

    /// Draws again what differs from `state`. True when anything may look different.
    pub(super) fn refresh(&mut self, state: &State) -> bool {
        let layers: Vec<Layer> = drawn(&state.layers).cloned().collect();
        let mut touched: BTreeSet<(u32, u32)> = BTreeSet::new();
        let same_canvas =
            self.base.extent() == state.base.extent() && self.base.profile == state.base.profile;
        if same_canvas {
            touch(
                &mut touched,
                state.base.pixels.changed_tiles(&self.base.pixels),
            );
            for layer in differing(&self.layers, &layers) {
                touch(&mut touched, state.base.pixels.tiles_in(layer.patch.rect));
            }
            touch(&mut touched, recut(self.cutout.as_ref(), state));
        } else {
            self.picture = state.base.clone();
            for layer in &layers {
                touch(&mut touched, state.base.pixels.tiles_in(layer.patch.rect));
            }
            touch(&mut touched, recut(None, state));
        }
        self.draw(state, &layers, &touched);
        self.base.clone_from(&state.base);
        self.layers = layers;
        self.cutout.clone_from(&state.cutout);
        !same_canvas || !touched.is_empty()
    }
}

/// Tiles that a thread draws at a time.
const TILES_AT_A_TIME: usize = 8;

impl Visible {
    /// Draws tiles anew, on all threads.
    fn draw(&mut self, state: &State, layers: &[Layer], touched: &BTreeSet<(u32, u32)>) {
        let tiles = touched
            .iter()
            .map(|&(row, column)| TileIndex { column, row });
        let tiles: Vec<TileIndex> = tiles.collect();
        let parts = tiles.par_chunks(TILES_AT_A_TIME).map(|tiles| {
            // Shares all memory with the base, until something is drawn.
            let mut part = state.base.pixels.clone();
            for tile in tiles {
                let rect = part.tile_rect(*tile);
                for layer in layers {
                    draw_patch_within(&mut part, &layer.patch, layer.opacity, rect);
                }
                if let Some(kept) = &state.cutout {
                    cut_out(&mut part, kept, rect);
                }
            }
            part
        });
        let parts: Vec<Pixmap> = parts.collect();
        for (tiles, part) in tiles.chunks(TILES_AT_A_TIME).zip(&parts) {
            for tile in tiles {
                self.picture.pixels.share_tile(*tile, part);
            }
        }
    }
}

/// The tiles that are cut otherwise than before.
fn recut(before: Option<&Mask>, state: &State) -> Vec<TileIndex> {
    match (before, &state.cutout) {
        (None, None) => Vec::new(),
        (Some(before), Some(after)) if before.extent() == after.extent() => {
            after.changed_tiles(before)
        }
        _ => state.base.pixels.tiles_in(Rect::of(state.extent())),
    }
}

fn touch(touched: &mut BTreeSet<(u32, u32)>, tiles: Vec<TileIndex>) {
    touched.extend(tiles.into_iter().map(|tile| (tile.row, tile.column)));
}

fn drawn(layers: &[Layer]) -> impl Iterator<Item = &Layer> {
    layers
        .iter()
        .filter(|layer| layer.visible && layer.opacity > 0)
}

/// True when both draw the same.
fn looks_like(a: &Layer, b: &Layer) -> bool {
    a.id == b.id && a.opacity == b.opacity && Arc::ptr_eq(&a.patch, &b.patch)
}

/// The layers of either stack whose drawing is not the same in both, including those that changed
/// places with another.
fn differing<'a>(before: &'a [Layer], after: &'a [Layer]) -> Vec<&'a Layer> {
    let mut found = Vec::new();
    let mut kept_before = Vec::new();
    let mut kept_after = Vec::new();
    for layer in before {
        let kept = after.iter().any(|other| looks_like(layer, other));
        if kept { &mut kept_before } else { &mut found }.push(layer);
    }
    for layer in after {
        let kept = before.iter().any(|other| looks_like(layer, other));
        if kept { &mut kept_after } else { &mut found }.push(layer);
    }
    let moved = kept_before
        .into_iter()
        .zip(kept_after)
        .filter(|(a, b)| a.id != b.id);
    for (a, b) in moved {
        found.extend([a, b]);
    }
    found
}

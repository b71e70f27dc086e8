//! [`Diff`]: what turns one state into another: changed tiles, changed layers.

use std::sync::Arc;

use bytemuck::Pod;
use serde::{Deserialize, Serialize};

use super::super::state::{Layer, LayerId, State};
use crate::geometry::Extent;
use crate::raster::{Mask, MaskKind, Patch, Picture, Pixmap, Profile, TILE_PX, TileIndex, Tiled};

/// What turns one state into another. Parts that are the same in both are left out.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Diff {
    base: Option<(Profile, PixmapDiff)>,
    mask: Option<PlaneDiff>,
    layers: Option<Vec<LayerDiff>>,
}

/// What a [`Diff`] has no place for. `None`: as before.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct More {
    mask_kind: Option<MaskKind>,
    cutout: Option<CutoutDiff>,
}

#[derive(Debug, Serialize, Deserialize)]
enum CutoutDiff {
    /// All is kept.
    None,
    /// From what was cut out before, or from nothing kept.
    Some(PlaneDiff),
}

impl More {
    /// What leads from `before` to `after`; `None` where nothing does.
    pub(super) fn between(before: &State, after: &State) -> Option<Self> {
        let is_cut_the_same = match (&before.cutout, &after.cutout) {
            (None, None) => true,
            (Some(before), Some(after)) => {
                before.extent() == after.extent() && after.changed_tiles(before).is_empty()
            }
            _ => false,
        };
        let more = Self {
            mask_kind: (before.mask_kind != after.mask_kind).then_some(after.mask_kind),
            cutout: (!is_cut_the_same).then(|| {
                let cutout = after.cutout.as_ref();
                cutout.map_or(CutoutDiff::None, |after| {
                    CutoutDiff::Some(match &before.cutout {
                        Some(before) => PlaneDiff::between(before, after),
                        None => PlaneDiff::whole(after),
                    })
                })
            }),
        };
        (more.mask_kind.is_some() || more.cutout.is_some()).then_some(more)
    }

    /// Sets in `state` what was `before` the change; `None` where they do not belong together.
    pub(super) fn apply(self, before: &State, mut state: State) -> Option<State> {
        state.mask_kind = self.mask_kind.unwrap_or(state.mask_kind);
        if let Some(cutout) = self.cutout {
            let blank = Tiled::filled(state.extent(), 0);
            state.cutout = match cutout {
                CutoutDiff::Some(diff) => {
                    Some(diff.apply(before.cutout.as_ref().unwrap_or(&blank), 0)?)
                }
                CutoutDiff::None => None,
            };
        }
        let is_whole = |cutout: &Mask| cutout.extent() == state.extent();
        state.cutout.as_ref().is_none_or(is_whole).then_some(state)
    }
}

/// What was painted when layers were made, of those of which it is not as before.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct LayerMasks(Vec<(LayerId, Option<Mask>)>);

impl LayerMasks {
    /// What leads from `before` to `after`; `None` where nothing does.
    pub(super) fn between(before: &State, after: &State) -> Option<Self> {
        let masks = after.layers.iter().filter_map(|layer| {
            let old = before.layers.iter().find(|old| old.id == layer.id);
            let is_known = match (old.and_then(|old| old.painted.as_ref()), &layer.painted) {
                (None, None) => true,
                (Some(old), Some(new)) => {
                    old.extent() == new.extent() && new.changed_tiles(old).is_empty()
                }
                _ => false,
            };
            (!is_known).then(|| (layer.id, layer.painted.clone()))
        });
        let masks = masks.collect::<Vec<_>>();
        (!masks.is_empty()).then_some(Self(masks))
    }

    /// Sets them in a state whose other layers have theirs from before.
    pub(super) fn apply(self, mut state: State) -> State {
        for (id, painted) in self.0 {
            if let Some(layer) = state.layers.iter_mut().find(|layer| layer.id == id) {
                layer.painted = painted;
            }
        }
        state
    }
}

#[derive(Debug, Serialize, Deserialize)]
enum PixmapDiff {
    Rgba8(PlaneDiff),
    Rgba16(PlaneDiff),
}

/// The changed tiles of a plane, in native byte order: a journal does not leave its machine.
#[derive(Debug, Serialize, Deserialize)]
struct PlaneDiff {
    extent: Extent,
    tiles: Vec<(u32, u32, Vec<u8>)>,
}

#[derive(Debug, Serialize, Deserialize)]
struct LayerDiff {
    id: LayerId,
    name: String,
    visible: bool,
    opacity: u8,
    recipe: String,
    /// `None`: as in the state before.
    patch: Option<Arc<Patch>>,
}

impl Diff {
    /// What leads from `before` to `after`. Costs what has changed: unchanged tiles and patches are
    /// told by their memory.
    pub(super) fn between(before: &State, after: &State) -> Self {
        let base_changed = before.base.profile != after.base.profile
            || before.base.extent() != after.base.extent()
            || !after
                .base
                .pixels
                .changed_tiles(&before.base.pixels)
                .is_empty();
        let mask_changed = before.mask.extent() != after.mask.extent()
            || !after.mask.changed_tiles(&before.mask).is_empty();
        Self {
            base: base_changed.then(|| {
                let pixels = PixmapDiff::between(&before.base.pixels, &after.base.pixels);
                (after.base.profile.clone(), pixels)
            }),
            mask: mask_changed.then(|| PlaneDiff::between(&before.mask, &after.mask)),
            layers: (before.layers != after.layers)
                .then(|| layer_diffs(&before.layers, &after.layers)),
        }
    }

    /// The state after; `None` when this diff does not belong to `before`.
    pub(super) fn apply(self, before: &State) -> Option<State> {
        let mut state = before.clone();
        if let Some((profile, pixels)) = self.base {
            state.base = Picture {
                pixels: pixels.apply(&state.base.pixels)?,
                profile,
            };
        }
        if let Some(mask) = self.mask {
            state.mask = mask.apply(&state.mask, 0)?;
        }
        if let Some(layers) = self.layers {
            let layers = layers.into_iter().map(|layer| layer.apply(&before.layers));
            state.layers = layers.collect::<Option<_>>()?;
        }
        (state.mask.extent() == state.base.extent()).then_some(state)
    }
}

impl PixmapDiff {
    fn between(before: &Pixmap, after: &Pixmap) -> Self {
        match (before, after) {
            (Pixmap::Rgba8(before), Pixmap::Rgba8(after)) => {
                Self::Rgba8(PlaneDiff::between(before, after))
            }
            (Pixmap::Rgba16(before), Pixmap::Rgba16(after)) => {
                Self::Rgba16(PlaneDiff::between(before, after))
            }
            (Pixmap::Rgba16(_), Pixmap::Rgba8(after)) => Self::Rgba8(PlaneDiff::whole(after)),
            (Pixmap::Rgba8(_), Pixmap::Rgba16(after)) => Self::Rgba16(PlaneDiff::whole(after)),
        }
    }

    fn apply(self, before: &Pixmap) -> Option<Pixmap> {
        match (self, before) {
            (Self::Rgba8(diff), Pixmap::Rgba8(before)) => {
                diff.apply(before, [0; 4]).map(Pixmap::Rgba8)
            }
            (Self::Rgba16(diff), Pixmap::Rgba16(before)) => {
                diff.apply(before, [0; 4]).map(Pixmap::Rgba16)
            }
            (Self::Rgba8(diff), Pixmap::Rgba16(_)) => {
                let blank = Tiled::filled(diff.extent, [0; 4]);
                diff.apply(&blank, [0; 4]).map(Pixmap::Rgba8)
            }
            (Self::Rgba16(diff), Pixmap::Rgba8(_)) => {
                let blank = Tiled::filled(diff.extent, [0; 4]);
                diff.apply(&blank, [0; 4]).map(Pixmap::Rgba16)
            }
        }
    }
}

impl PlaneDiff {
    fn between<P: Pod + PartialEq>(before: &Tiled<P>, after: &Tiled<P>) -> Self {
        Self::of_tiles(after, after.changed_tiles(before))
    }

    fn whole<P: Pod + PartialEq>(plane: &Tiled<P>) -> Self {
        Self::of_tiles(
            plane,
            plane.tiles_in(crate::geometry::Rect::of(plane.extent())),
        )
    }

    fn of_tiles<P: Pod + PartialEq>(plane: &Tiled<P>, tiles: Vec<TileIndex>) -> Self {
        let bytes = |tile| bytemuck::cast_slice(&plane.crop(plane.tile_rect(tile))).to_vec();
        Self {
            extent: plane.extent(),
            tiles: tiles
                .into_iter()
                .map(|tile| (tile.column, tile.row, bytes(tile)))
                .collect(),
        }
    }

    fn apply<P: Pod + PartialEq>(self, before: &Tiled<P>, blank: P) -> Option<Tiled<P>> {
        let mut plane = if before.extent() == self.extent {
            before.clone()
        } else {
            Tiled::filled(self.extent, blank)
        };
        for (column, row, bytes) in self.tiles {
            let rect = plane.tile_rect(TileIndex { column, row });
            let pixels: Vec<P> = bytemuck::allocation::pod_collect_to_vec(&bytes);
            if rect.is_empty() || pixels.len() != rect.extent().len() || rect.width > TILE_PX {
                return None;
            }
            plane.update(rect, |at, old| {
                let (x, y) = ((at.x - rect.x) as usize, (at.y - rect.y) as usize);
                pixels
                    .get(y * rect.width as usize + x)
                    .copied()
                    .unwrap_or(old)
            });
        }
        Some(plane)
    }
}

fn layer_diffs(before: &[Layer], after: &[Layer]) -> Vec<LayerDiff> {
    let known = |layer: &Layer| {
        let same = |old: &Layer| old.id == layer.id && Arc::ptr_eq(&old.patch, &layer.patch);
        before.iter().any(same)
    };
    let diff = |layer: &Layer| LayerDiff {
        id: layer.id,
        name: layer.name.clone(),
        visible: layer.visible,
        opacity: layer.opacity,
        recipe: layer.recipe.clone(),
        patch: (!known(layer)).then(|| Arc::clone(&layer.patch)),
    };
    after.iter().map(diff).collect()
}

impl LayerDiff {
    fn apply(self, before: &[Layer]) -> Option<Layer> {
        let old = before.iter().find(|old| old.id == self.id);
        Some(Layer {
            patch: match self.patch {
                Some(patch) => patch,
                None => Arc::clone(&old?.patch),
            },
            id: self.id,
            name: self.name,
            visible: self.visible,
            opacity: self.opacity,
            recipe: self.recipe,
            painted: old.and_then(|old| old.painted.clone()),
        })
    }
}

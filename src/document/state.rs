//! [`State`]: all that undo covers, and [`Layer`], a result laid over the picture.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::geometry::{Extent, Rect};
use crate::raster::{Mask, MaskKind, Patch, Picture, Pixmap, Tiled};

/// Names a layer of a document; never used twice in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LayerId(pub u64);

/// An accepted result above the base picture.
///
/// Of what is serialised the first fields only, as in [`State`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Layer {
    /// Which layer.
    pub id: LayerId,
    /// What the user sees it called.
    pub name: String,
    /// Whether it is drawn.
    pub visible: bool,
    /// 0…255, multiplied into the alpha of its pixels.
    pub opacity: u8,
    /// Its pixels and where they lie.
    pub patch: Arc<Patch>,
    /// How it was made, in the words of whoever made it; the document does not read it.
    pub recipe: String,
    /// What was painted when it was made; `None`: nothing, or nobody has kept it. Of the size that the
    /// canvas had then.
    #[serde(skip)]
    pub painted: Option<Mask>,
}

/// All that undo covers: base picture, mask, layers, cut-out and (through the base) the canvas size.
/// A clone shares every tile.
///
/// Of what is serialised the first fields only, as journals have always had them; `journal` writes the
/// others in records of their own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The opened picture, as it was.
    pub base: Picture,
    /// What is painted; always the size of the base.
    pub mask: Mask,
    /// From the lowest to the topmost.
    pub layers: Vec<Layer>,
    /// What the mask's values mean.
    #[serde(skip)]
    pub mask_kind: MaskKind,
    /// What is kept of the picture (255) and what of it is transparent (0): multiplies the alpha of
    /// base and layers together. The size of the base; `None`: all is kept.
    #[serde(skip)]
    pub cutout: Option<Mask>,
}

impl State {
    /// A picture with nothing painted and nothing above it.
    pub fn new(base: Picture) -> Self {
        let mask = Tiled::filled(base.extent(), 0);
        Self {
            base,
            mask,
            layers: Vec::new(),
            mask_kind: MaskKind::default(),
            cutout: None,
        }
    }

    /// The canvas size.
    pub fn extent(&self) -> Extent {
        self.base.extent()
    }

    /// What lies below a layer, as it stands now: what was there when it was made, unless something
    /// below it has changed since. `None`: there is no such layer.
    pub fn below(&self, layer: LayerId) -> Option<Self> {
        let place = self.layers.iter().position(|other| other.id == layer)?;
        let mut below = self.clone();
        below.layers.truncate(place);
        Some(below)
    }

    /// Bytes of memory held that `other` does not share.
    pub fn bytes_beyond(&self, other: &Self) -> usize {
        let shared = |patch: &Arc<Patch>| other.layers.iter().any(|l| Arc::ptr_eq(&l.patch, patch));
        let patches: usize = self
            .layers
            .iter()
            .filter(|layer| !shared(&layer.patch))
            .map(|layer| {
                // As a rule it is the document's own mask of the moment before.
                let painted = layer.painted.as_ref();
                let painted = painted.map_or(0, |mask| mask.bytes_beyond(&other.mask));
                layer.patch.pixels.bytes_held() + painted
            })
            .sum();
        self.base.pixels.bytes_beyond(&other.base.pixels)
            + self.mask.bytes_beyond(&other.mask)
            + self.cutout_bytes_beyond(other)
            + patches
    }

    fn cutout_bytes_beyond(&self, other: &Self) -> usize {
        match (&self.cutout, &other.cutout) {
            (Some(ours), Some(theirs)) => ours.bytes_beyond(theirs),
            (Some(ours), None) => ours.extent().len(),
            (None, _) => 0,
        }
    }

    /// Cuts the canvas to `rect` (cut to the canvas itself); layers keep their place in the picture.
    pub fn crop_canvas(&mut self, rect: Rect) {
        let rect = rect.intersect(Rect::of(self.extent()));
        if rect.is_empty() || rect == Rect::of(self.extent()) {
            return;
        }
        self.base.pixels = match &self.base.pixels {
            Pixmap::Rgba8(plane) => Pixmap::Rgba8(cropped(plane, rect, [0; 4])),
            Pixmap::Rgba16(plane) => Pixmap::Rgba16(cropped(plane, rect, [0; 4])),
        };
        self.mask = cropped(&self.mask, rect, 0);
        let cutout = self.cutout.as_ref();
        self.cutout = cutout.map(|cutout| cropped(cutout, rect, 0));
        for layer in &mut self.layers {
            let mut moved = Patch::clone(&layer.patch);
            moved.rect.x -= rect.x;
            moved.rect.y -= rect.y;
            layer.patch = Arc::new(moved);
        }
    }
}

fn cropped<P: Copy + PartialEq>(plane: &Tiled<P>, rect: Rect, outside: P) -> Tiled<P> {
    Tiled::from_pixels(rect.extent(), &plane.crop(rect), outside)
}

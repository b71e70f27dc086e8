//! [`Band`]: the outlines of region and feather band, kept until something they follow changes.

use crate::document::DocumentId;
use crate::editor::OpenDocument;
use crate::plan::{BandOutline, Fineness, Layout, MaskMode, Sites};
use crate::raster::Mask;

/// While one paints, the outlines follow at most this often, in seconds.
const PAINTING_SECS: f64 = 0.1;

/// The outlines of region and feather band, kept until something they follow changes.
#[derive(Debug, Default)]
pub(in crate::ui) struct Band {
    outline: BandOutline,
    sites: Sites,
    follows: Option<(DocumentId, MaskMode, Layout, Mask)>,
    fineness: Option<Fineness>,
    made_at: f64,
}

impl Band {
    /// The outlines as they are at `now`, in seconds since the start of the window.
    pub(in crate::ui) fn outline(
        &mut self,
        open: &OpenDocument,
        layout: &Layout,
        now: f64,
        painting: bool,
    ) -> &BandOutline {
        let mask = open.document().mask();
        let mode = open.settings().mask_mode;
        let same = self.follows.as_ref().is_some_and(|(id, was, at, seen)| {
            *id == open.id()
                && *was == mode
                && at == layout
                && seen.extent() == mask.extent()
                && mask.changed_tiles(seen).is_empty()
        });
        // What was drawn coarsely during a stroke is drawn finely after it.
        let same = same && (painting || self.fineness == Some(Fineness::Resting));
        let too_soon = painting && now - self.made_at < PAINTING_SECS;
        if !same && !too_soon {
            let fineness = if painting {
                Fineness::Painting
            } else {
                Fineness::Resting
            };
            self.outline = BandOutline::new(&mut self.sites, mask, mode, layout, fineness);
            self.fineness = Some(fineness);
            self.follows = Some((open.id(), mode, *layout, mask.clone()));
            self.made_at = now;
        }
        &self.outline
    }
}

//! [`Said`]: what was clicked on, by the masks that came of it.

use crate::raster::Mask;
use crate::select::Clicks;

/// Most masks of which it is known what was said.
const MOST_SAID: usize = 32;

/// What was said of the thing that is selected, for each mask that came of it.
#[derive(Debug, Default)]
pub(super) struct Said(Vec<(Mask, Clicks)>);

impl Said {
    /// What was said to get that mask.
    pub(super) fn of(&self, mask: &Mask) -> Option<&Clicks> {
        let mut newest_first = self.0.iter().rev();
        let found = newest_first.find(|(of, _)| mask.changed_tiles(of).is_empty());
        found.map(|(_, clicks)| clicks)
    }

    /// That mask came of those clicks.
    pub(super) fn note(&mut self, mask: Mask, clicks: Clicks) {
        if self.0.len() == MOST_SAID {
            self.0.remove(0);
        }
        self.0.push((mask, clicks));
    }
}

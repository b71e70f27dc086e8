//! [`BatchView`]: how the batch is looked at.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use eframe::egui::{Color32, TextureHandle};

use crate::document::DocumentId;
use crate::editor::{Editor, LookId, OpenDocument};
use crate::plan::Strength;
use crate::raster::sheet::SheetTile;
use crate::ui::file_purpose::FilePurpose;

/// Which pictures are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::ui) enum Shows {
    /// All.
    #[default]
    All,
    /// Those whose masks want a look; results of which nothing was said.
    Open,
    /// Those that are accepted.
    Accepted,
    /// Those that are left out, or rejected.
    Rejected,
    /// Those that have none.
    Failed,
}

/// What a card is drawn for: its colour, its outline's, and pixels for a point, as bits.
pub(in crate::ui) type CardKey = (Color32, Color32, u32);

/// Small pictures on the graphics card, and when they were drawn last.
#[derive(Default)]
pub(in crate::ui) struct BatchTextures {
    pub(in crate::ui) known: BTreeMap<LookId, (Arc<SheetTile>, TextureHandle, u64)>,
    /// Counts frames.
    pub(in crate::ui) frame: u64,
    /// Pictures, and their texels, that were sent in this frame.
    pub(in crate::ui) sent: (u32, u64),
    /// Shows through what is cut out.
    pub(in crate::ui) checker: Option<(bool, TextureHandle)>,
    /// The ground of a cell.
    pub(in crate::ui) card: Option<(CardKey, TextureHandle)>,
}

impl std::fmt::Debug for BatchTextures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BatchTextures")
            .field("known", &self.known.len())
            .finish_non_exhaustive()
    }
}

/// How the batch is looked at.
#[derive(Debug)]
pub(in crate::ui) struct BatchView {
    /// It is shown in place of everything but the bar at the top.
    pub(in crate::ui) is_shown: bool,
    /// The picture that buttons and keys mean.
    pub(in crate::ui) selected: Option<usize>,
    /// Which pictures are shown.
    pub(in crate::ui) shows: Shows,
    /// Strengths to be tried, as they are being written.
    pub(in crate::ui) strengths_text: Option<String>,
    /// The prompt as it is being written.
    pub(in crate::ui) prompt: Option<String>,
    /// The strength with which one result is done again.
    pub(in crate::ui) again_strength: Option<f64>,
    /// The selected picture is to be scrolled to.
    pub(in crate::ui) scroll_to: bool,
    /// A file or a folder is to be chosen for this.
    pub(in crate::ui) wants_file: Option<FilePurpose>,
    /// When this document is gone the batch is shown again.
    pub(in crate::ui) returns_from: Option<DocumentId>,
    /// Pictures in a line of the grid.
    pub(in crate::ui) columns: usize,
    pub(in crate::ui) textures: BatchTextures,
    folder_seen: Option<PathBuf>,
    active_seen: Option<DocumentId>,
}

impl Default for BatchView {
    fn default() -> Self {
        Self {
            is_shown: false,
            selected: None,
            shows: Shows::All,
            strengths_text: None,
            prompt: None,
            again_strength: None,
            scroll_to: false,
            wants_file: None,
            returns_from: None,
            columns: 1,
            textures: BatchTextures::default(),
            folder_seen: None,
            active_seen: None,
        }
    }
}

impl BatchView {
    /// A folder that was opened is shown; a document that comes to the front is shown in its place.
    pub(super) fn follow(&mut self, editor: &Editor) {
        let active = editor.active().map(OpenDocument::id);
        let came = active != self.active_seen && active.is_some();
        self.active_seen = active;
        if came {
            self.is_shown = false;
        }
        if self
            .returns_from
            .is_some_and(|id| editor.document(id).is_none())
        {
            self.returns_from = None;
            self.is_shown = true;
        }
        let folder = editor.batch().map(|batch| batch.folder().to_path_buf());
        if folder != self.folder_seen {
            let is_shown = folder.is_some();
            *self = Self {
                is_shown,
                folder_seen: folder,
                active_seen: self.active_seen,
                ..Self::default()
            };
        }
    }

    /// The strengths that are written, or those that come with the program.
    pub(in crate::ui) fn strengths(&self, usual: &[Strength]) -> Vec<Strength> {
        let Some(text) = &self.strengths_text else {
            return usual.to_vec();
        };
        let words = text.split([',', ' ', ';', '、', '，']);
        words
            .filter_map(|word| Strength::new(word.trim().parse().ok()?).ok())
            .collect()
    }
}

//! [`UiState`]: what belongs to the window alone: tool, brush, view, what is open and hidden.
//! Nothing here is undone, saved with a picture, or known to the editor.

mod auto_tint;
mod background_choice;
mod band;
mod batch_view;
mod dialog;
mod drag;
mod frame_drag;
mod guide;
mod leaving;
mod painted_outline;
mod pair;
mod path_field;
mod tool_options;

pub(super) use auto_tint::AutoTint;
pub(super) use background_choice::BackgroundChoice;
pub(super) use band::Band;
pub(super) use batch_view::{BatchTextures, BatchView, CardKey, Shows};
pub(super) use dialog::{Dialog, EmptyPrompt, GetForm, PaletteQuery, ServerFields, ServersForm};
pub(super) use drag::{Drag, PolygonDrag};
pub(super) use frame_drag::{FrameDrag, pixels_between};
pub(super) use guide::{Guide, GuideSeen};
pub(super) use leaving::{Leaving, LeavingEnd};
pub(super) use painted_outline::{Outline, PaintedOutline};
pub(super) use pair::Pair;
pub(super) use path_field::PathField;
pub(super) use tool_options::{ToolOptions, WandOptions};

use std::collections::HashMap;

use eframe::egui;

use super::actions::Action;
use super::brush::BrushSize;
use super::view_transform::View;
use crate::document::{DocumentId, Layer, LayerId};
use crate::editor::{BrushTip, CandidateId, ComparisonId, Editor, GroupId, NoticeId, OpenDocument};
use crate::plan::MaskMode;
use crate::raster::Mask;

/// What the pointer does on the canvas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tool {
    /// Paints.
    #[default]
    Brush,
    /// Removes paint.
    Eraser,
    /// Takes what is painted over out of the picture.
    Erase,
    /// Paints rectangles.
    Rectangle,
    /// Paints ellipses.
    Ellipse,
    /// Paints what a loop surrounds.
    Lasso,
    /// Paints what a line of corners surrounds.
    Polygon,
    /// Selects what has nearly the colour that is pressed on.
    Wand,
    /// Selects the thing that is clicked on.
    Click,
    /// Scribbles say what belongs to the mask.
    SmartBrush,
    /// Moves the picture.
    Hand,
}

impl Tool {
    /// The tool that an action takes.
    pub(super) const fn of(action: Action) -> Option<Self> {
        Some(match action {
            Action::Brush => Self::Brush,
            Action::Eraser => Self::Eraser,
            Action::SmartBrush => Self::SmartBrush,
            Action::Erase => Self::Erase,
            Action::Rectangle => Self::Rectangle,
            Action::Ellipse => Self::Ellipse,
            Action::Lasso => Self::Lasso,
            Action::Polygon => Self::Polygon,
            Action::Wand => Self::Wand,
            Action::ClickSelect => Self::Click,
            Action::Hand => Self::Hand,
            _ => return None,
        })
    }

    /// True for tools whose drag becomes a closed shape.
    pub(super) const fn draws_shapes(self) -> bool {
        matches!(
            self,
            Self::Rectangle | Self::Ellipse | Self::Lasso | Self::Polygon
        )
    }
}

/// The notice that the status bar shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BarNotice {
    /// Which one.
    pub id: NoticeId,
    /// The pointer is on it, so its time does not go on.
    pub pointed_at: bool,
}

/// What the window knows of one document.
#[derive(Debug, Default)]
pub(super) struct DocumentView {
    /// How its picture is looked at.
    pub view: View,
    /// How the tiles of a comparison are looked at.
    pub sheet_view: View,
    /// The result that is laid over it.
    shown_result: Option<CandidateId>,
    /// The one before that.
    pub shown_before: Option<CandidateId>,
    /// The newest press whose results the strip has shown.
    pub newest_group_seen: Option<GroupId>,
    /// The layer that commands without another word mean; `None`: the topmost.
    pub layer: Option<LayerId>,
    /// The result that was accepted and is being looked at.
    accepted: Option<Accepted>,
    /// The background that was seen last; a new one is looked at as it is.
    background: Option<LayerId>,
    /// A run without a prompt was agreed to.
    pub runs_without_prompt: bool,
    /// How many results there were; a new one is shown by itself.
    pub results_seen: usize,
    /// How far back in the prompts used before.
    pub prompt_back: Option<usize>,
}

impl DocumentView {
    /// The result that is laid over the picture.
    pub(super) fn shown_result(&self) -> Option<CandidateId> {
        self.shown_result
    }

    /// Lays a result over the picture, or none.
    pub(super) fn show_result(&mut self, id: Option<CandidateId>) {
        if let Some(before) = self.shown_result.filter(|before| Some(*before) != id) {
            self.shown_before = Some(before);
        }
        self.shown_result = id;
    }
}

/// A result that was just accepted. It is to be seen as it is, so the mask's tint does not lie over
/// it until the mask is used or becomes another; then the tint is back for good.
#[derive(Debug)]
struct Accepted {
    layer: LayerId,
    mask: Mask,
    mode: MaskMode,
}

impl Accepted {
    fn of(open: &OpenDocument, layer: LayerId) -> Self {
        Self {
            layer,
            mask: open.document().mask().clone(),
            mode: open.settings().mask_mode,
        }
    }

    /// True while the mask says what it said when the result was accepted.
    fn has_same_mask(&self, open: &OpenDocument) -> bool {
        let mask = open.document().mask();
        open.settings().mask_mode == self.mode
            && mask.extent() == self.mask.extent()
            && mask.changed_tiles(&self.mask).is_empty()
    }
}

/// Which panels and overlays are shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown {
    /// The mask's tint.
    pub mask: bool,
    /// Crop box and feather band.
    pub area: bool,
    /// Everything around the canvas.
    pub panels: bool,
    /// The settings one seldom needs.
    pub more: bool,
}

/// What a model is chosen as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ModelPlace {
    /// One file.
    File,
    /// A diffusers folder, or one with models.
    Folder,
}

/// What was asked for in one place and is done in another, once.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wants {
    /// The prompt is to be written next.
    pub prompt: bool,
    /// The model is to be chosen next.
    pub model: bool,
    /// A file or folder is to be chosen as the model.
    pub model_place: Option<ModelPlace>,
    /// A file is to be chosen as a LoRA.
    pub lora_file: bool,
    /// The comparison shown is to be written to a file.
    pub sheet_file: bool,
}

/// The name of a layer as it is being written.
#[derive(Debug, Clone)]
pub(super) struct Renaming {
    /// Which layer.
    pub layer: LayerId,
    /// What stands in the field.
    pub name: String,
    /// The field has been given the keyboard.
    pub has_begun: bool,
}

impl Renaming {
    /// With the name as it is.
    pub(super) fn of(layer: &Layer) -> Self {
        Self {
            layer: layer.id,
            name: layer.name.clone(),
            has_begun: false,
        }
    }
}

/// What is shown in place of the canvas.
#[derive(Debug, Clone)]
pub(super) struct Views {
    /// A comparison of strengths.
    pub comparison: Option<ComparisonId>,
    /// Two results.
    pub pair: Option<Pair>,
    /// All results.
    pub grid: bool,
}

/// What belongs to the window alone.
#[derive(Debug)]
pub(super) struct UiState {
    /// What the pointer does.
    pub tool: Tool,
    /// What brush and eraser are like.
    pub brush: BrushTip,
    /// How large they are on other pictures.
    pub brush_size: BrushSize,
    /// How the selection tools select.
    pub tools: ToolOptions,
    /// The drag under way on the canvas.
    pub drag: Drag,
    /// What is shown.
    pub shown: Shown,
    /// Where the line between before and after stands, as a share of the canvas.
    pub split: Option<f32>,
    /// True while the key is held that shows the picture as it was.
    pub before_held: bool,
    /// The comparison shown in place of the canvas.
    pub comparison: Option<ComparisonId>,
    /// After asking for a comparison, until it is there: how many there were before.
    pub comparisons_seen: Option<usize>,
    /// Two results shown in place of the canvas.
    pub pair: Option<Pair>,
    /// All results are shown in place of the canvas.
    pub grid: bool,
    /// The name of a layer as it is being written.
    pub renaming: Option<Renaming>,
    /// What lies over the window.
    pub dialog: Option<Dialog>,
    /// What is being saved to be closed.
    pub leaving: Option<Leaving>,
    /// How much of earlier sessions was offered; more is offered by itself.
    pub recoverable_seen: usize,
    /// The guide, while it is open.
    pub guide: Option<Guide>,
    /// Chips of this kind are shown.
    pub word_category: Option<String>,
    /// A text field had the keyboard in the frame before.
    pub was_writing: bool,
    /// What was asked for elsewhere and is to be done by its owner.
    pub wants: Wants,
    /// The strengths of the comparison as they are being written.
    pub strengths_text: Option<String>,
    /// Where the pointer is over the picture.
    pub pointer_at: Option<crate::geometry::PointF>,
    /// The outlines shown with the crop box.
    pub band: Band,
    /// The line around what is painted.
    pub outline: PaintedOutline,
    /// Which tint is seen on the picture, where that is left to the window.
    pub auto_tint: AutoTint,
    /// Height of the toasts at the foot of a comparison, in points, which its tiles leave free.
    pub toasts_height: f32,
    /// What the status bar says in place of the numbers of the next run.
    pub bar_notice: Option<BarNotice>,
    /// Where the chips of the canvas lie.
    pub chips: egui::Rect,
    /// The tab that was seen to be in front.
    pub tab_in_front: Option<DocumentId>,
    /// Nothing moves by itself: as chosen, or as the desktop asks.
    pub still: bool,
    /// What is put behind the subject the next time.
    pub background: BackgroundChoice,
    /// How the batch is looked at.
    pub batch: BatchView,
    /// The size of the interface that suits the screen, until another is chosen.
    pub own_scale_percent: Option<u32>,
    /// The layer whose making is the recipe that is about to be saved; `None`: what is set.
    pub recipe_of: Option<LayerId>,
    documents: HashMap<DocumentId, DocumentView>,
}

impl Default for UiState {
    fn default() -> Self {
        Self {
            tool: Tool::Brush,
            brush: BrushTip::default(),
            brush_size: BrushSize::default(),
            tools: ToolOptions::default(),
            drag: Drag::default(),
            shown: Shown {
                mask: true,
                area: false,
                panels: true,
                more: false,
            },
            split: None,
            before_held: false,
            comparison: None,
            comparisons_seen: None,
            pair: None,
            grid: false,
            renaming: None,
            dialog: None,
            leaving: None,
            recoverable_seen: 0,
            guide: None,
            word_category: None,
            was_writing: false,
            wants: Wants::default(),
            strengths_text: None,
            pointer_at: None,
            band: Band::default(),
            outline: PaintedOutline::default(),
            auto_tint: AutoTint::default(),
            toasts_height: 0.0,
            bar_notice: None,
            chips: egui::Rect::ZERO,
            tab_in_front: None,
            still: false,
            background: BackgroundChoice::default(),
            batch: BatchView::default(),
            own_scale_percent: None,
            recipe_of: None,
            documents: HashMap::new(),
        }
    }
}

impl UiState {
    /// What the window knows of a document.
    pub(super) fn of(&mut self, document: DocumentId) -> &mut DocumentView {
        self.documents.entry(document).or_default()
    }

    /// True while the picture itself is seen.
    pub(super) fn shows_canvas(&self) -> bool {
        self.comparison.is_none() && self.pair.is_none() && !self.grid
    }

    /// Goes back to the canvas; what was in its place.
    pub(super) fn leave_views(&mut self) -> Views {
        Views {
            comparison: self.comparison.take(),
            pair: self.pair.take(),
            grid: std::mem::take(&mut self.grid),
        }
    }

    /// The view that zooming means: that of the comparison while one is shown.
    pub(super) fn view_in_front(&mut self, document: DocumentId) -> &mut View {
        let comparing = self.comparison.is_some() || self.pair.is_some();
        let known = self.of(document);
        if comparing {
            &mut known.sheet_view
        } else {
            &mut known.view
        }
    }

    /// Makes the brush `px` pixels of the picture wide, kept in range.
    pub(super) fn set_brush_px(&mut self, px: f32) {
        self.brush_size.set(&mut self.brush, px);
    }

    /// Fits the brush to the picture in front; forgets documents that are closed, and accepted results whose mask has become another.
    pub(super) fn follow(&mut self, editor: &Editor) {
        self.batch.follow(editor);
        if let Some(open) = editor.active() {
            self.brush_size.follow(&mut self.brush, open);
        }
        self.documents.retain(|id, known| {
            let open = editor.document(*id);
            if let Some(open) = open {
                let background = editor.background(*id).map(|(layer, _)| layer);
                if background != known.background {
                    known.background = background;
                    known.accepted = background.map(|layer| Accepted::of(open, layer));
                }
                known.accepted.take_if(|it| !it.has_same_mask(open));
            }
            open.is_some()
        });
    }

    /// True where the mask's tint is to be seen, unless a result or a drag says otherwise.
    pub(super) fn is_mask_shown(&self, open: &OpenDocument) -> bool {
        let accepted = self.documents.get(&open.id());
        let accepted = accepted.and_then(|known| known.accepted.as_ref());
        // Without its layer (undone, deleted) there is nothing to be looked at.
        let looked_at = accepted.is_some_and(|it| open.document().layer(it.layer).is_some());
        self.shown.mask && !looked_at
    }

    /// From here on an accepted result is looked at as it is.
    pub(super) fn note_accepted(&mut self, editor: &Editor, id: CandidateId) {
        let candidate = editor.candidate(id);
        let layer = candidate.and_then(|candidate| candidate.accepted_as);
        let open = candidate.and_then(|candidate| editor.document(candidate.document));
        if let (Some(layer), Some(open)) = (layer, open) {
            let known = self.of(open.id());
            known.accepted = Some(Accepted::of(open, layer));
            // It is a part of the picture now.
            known.show_result(None);
        }
    }

    /// The mask is being used, so its tint is seen again, unless the user has hidden it.
    pub(super) fn turn_to_mask(&mut self, document: DocumentId) {
        self.of(document).accepted = None;
    }

    /// The mask's tint is seen from here on, or is not.
    pub(super) fn show_mask(&mut self, document: DocumentId, shown: bool) {
        self.turn_to_mask(document);
        self.shown.mask = shown;
    }
}

//! Another background: what is put behind the subject becomes a layer, on a thread of its own. The layer
//! remembers what was put, so that putting something else takes its place.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};

use super::Editor;
use super::error::EditorError;
use super::purpose::Purpose;
use crate::backdrop::{Backdrop, BackdropError, Placed, Placing, patch};
use crate::document::{Document, DocumentId, EditLabel, Layer, LayerId, State};
use crate::geometry::Rect;
use crate::jobs::{SightError, TaskEvent, VisionFactory, see};
use crate::plan::{
    EditRequest, Length, MaskMode, RegionBounds, Strength, layout, region_bounds, seam,
    set_for_seam,
};
use crate::raster::file::{self, PictureError};
use crate::raster::{Mask, MaskKind, Patch, Picture, inverted, snapped_to_ends};
use crate::select::{Part, Seen, part};
use crate::text::{Message, Texts};

/// How far harmonising may imagine: what is there stays, and its edge is drawn anew.
const HARMONISING: f64 = 0.25;

/// What is put behind the subject, in words that can be kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Behind {
    /// A colour, sRGB.
    Colour([u8; 3]),
    /// From the upper to the lower border, sRGB.
    Gradient([u8; 3], [u8; 3]),
    /// The old background, blurred so far; of the picture's diagonal where it is a share.
    Blur(Length),
    /// Another picture.
    File {
        /// Where it is.
        path: PathBuf,
        /// Whether it covers everything or is all seen.
        placing: Placing,
        /// Which part of it is seen, or where it lies: shares from the left and the top.
        at: (f64, f64),
    },
    /// Nothing: the document is cut out.
    Nothing,
}

/// What a layer's `recipe` holds, as JSON.
#[derive(Debug, Serialize, Deserialize)]
struct BackgroundRecipe {
    background: Behind,
}

/// What a layer has put behind; `None` for all other layers.
fn behind_of(layer: &Layer) -> Option<Behind> {
    let recipe = serde_json::from_str::<BackgroundRecipe>(&layer.recipe);
    recipe.ok().map(|recipe| recipe.background)
}

/// A background under way.
#[derive(Debug, Clone)]
pub(super) struct Putting {
    document: DocumentId,
    stop: Arc<AtomicBool>,
}

/// What the thread says.
pub(super) struct BackgroundEvent {
    document: DocumentId,
    behind: Behind,
    made: Result<Made, PutError>,
}

struct Made {
    /// What is in front; 255 = all of it.
    kept: Mask,
    /// It was looked for, because nothing was painted.
    is_found: bool,
    patch: Patch,
}

/// Why nothing was put behind.
#[derive(Debug)]
enum PutError {
    Sight(SightError),
    Backdrop(BackdropError),
    File(PictureError),
}

/// What is asked of the thread.
struct Order {
    state: State,
    /// `None`: the subject is looked for.
    kept: Option<Mask>,
    seen: Option<Arc<Seen>>,
    behind: Behind,
}

impl Editor {
    /// What the topmost background of a document is, and in which layer.
    pub fn background(&self, document: DocumentId) -> Option<(LayerId, Behind)> {
        let layers = self.document(document)?.document.layers();
        let mut found = layers.iter().rev();
        found.find_map(|layer| Some((layer.id, behind_of(layer)?)))
    }

    /// True while something is being put behind the subject of a document.
    pub fn is_putting_behind(&self, document: DocumentId) -> bool {
        self.putting
            .iter()
            .any(|putting| putting.document == document && !putting.stop.load(Ordering::Relaxed))
    }

    /// What is in front as things stand; `None` where nothing is painted. A selection is what is in
    /// front even while painted parts change, unless it is the background itself.
    fn kept(&self, id: DocumentId) -> Option<Mask> {
        let open = self.document(id)?;
        let (mask, mode) = (open.document.mask(), open.settings().mask_mode);
        if region_bounds(Some(mask), mode) == RegionBounds::Everything {
            return None;
        }
        let is_selected = open.document.mask_kind() == MaskKind::Matte;
        let is_front = match mode {
            MaskMode::Stays => true,
            MaskMode::Changes => is_selected && open.selected != Some(Part::Background),
        };
        Some(if is_front {
            mask.clone()
        } else {
            inverted(mask)
        })
    }

    pub(super) fn put_behind(&mut self, id: DocumentId, behind: Behind) {
        self.with_document(id, |open| {
            open.settle();
        });
        let kept = self.kept(id);
        let Some(open) = self.document(id) else {
            return;
        };
        let mut state = open.document.state().clone();
        state.layers.retain(|layer| behind_of(layer).is_none());
        state.cutout = None;
        let order = Order {
            state,
            kept,
            seen: open.seen_now(),
            behind,
        };
        // What was asked for last counts.
        self.cancel_put_behind(id);
        let stop = Arc::new(AtomicBool::new(false));
        let putting = Putting {
            document: id,
            stop: Arc::clone(&stop),
        };
        let vision = Arc::clone(&self.vision);
        let task = move || {
            let behind = order.behind.clone();
            BackgroundEvent {
                document: id,
                behind,
                made: made(order, &vision, &stop),
            }
        };
        if self.backgrounds.try_do(Box::new(task)).is_ok() {
            self.putting.push(putting);
        } else {
            self.notices.warn(Some(id), &EditorError::TooBusy);
        }
    }

    pub(super) fn cancel_put_behind(&self, id: DocumentId) {
        for putting in self.putting.iter().filter(|p| p.document == id) {
            putting.stop.store(true, Ordering::Relaxed);
        }
    }

    /// Takes in what was made.
    pub(super) fn poll_backgrounds(&mut self) {
        while let Some(event) = self.backgrounds.poll() {
            self.changed = true;
            match event {
                TaskEvent::Done(event) => {
                    // Tasks are done in the order in which they were asked for.
                    let of_it = |p: &Putting| p.document == event.document;
                    let place = self.putting.iter().position(of_it);
                    let putting = place.map(|place| self.putting.remove(place));
                    let is_wanted = putting.is_some_and(|p| !p.stop.load(Ordering::Relaxed));
                    if is_wanted {
                        self.take_background(event);
                    }
                }
                TaskEvent::Lost(_) => {
                    self.putting.clear();
                    self.notices.error(None, &EditorError::TaskLost);
                }
            }
        }
    }

    fn take_background(&mut self, event: BackgroundEvent) {
        let id = event.document;
        match event.made {
            Ok(made) => self.add_background(id, &event.behind, made),
            Err(PutError::Sight(error)) if error.is_cancelled() => {}
            Err(PutError::Sight(error)) => self.notices.warn(Some(id), &error),
            Err(PutError::Backdrop(error)) => self.notices.warn(Some(id), &error),
            Err(PutError::File(error)) => self.notices.warn(Some(id), &error),
        }
    }

    fn add_background(&mut self, id: DocumentId, behind: &Behind, made: Made) {
        let language = self.preferences.language.unwrap_or(self.language);
        let Some(open) = self.documents.iter_mut().find(|open| open.id() == id) else {
            return;
        };
        let (made_for, now) = (made.kept.extent(), open.document.extent());
        if made_for != now {
            let error = EditorError::CanvasChanged { made_for, now };
            self.notices.warn(Some(id), &error);
            return;
        }
        let layer_id = open.document.new_layer_id();
        let recipe = BackgroundRecipe {
            background: behind.clone(),
        };
        let layer = Layer {
            id: layer_id,
            name: Texts::of(language).say(&behind.message()),
            visible: true,
            opacity: 255,
            patch: Arc::new(made.patch),
            recipe: serde_json::to_string(&recipe).unwrap_or_default(),
            painted: None,
        };
        open.stroke = None;
        open.document.edit(EditLabel::Background, |state| {
            state.layers.retain(|layer| behind_of(layer).is_none());
            state.layers.push(layer);
            state.cutout = (*behind == Behind::Nothing).then(|| made.kept.map(snapped_to_ends));
            if made.is_found {
                state.mask = made.kept;
                state.mask_kind = MaskKind::Matte;
            }
        });
        if made.is_found {
            open.selected = Some(Part::Subject);
            open.change_about(|about| about.settings.mask_mode = MaskMode::Stays);
        }
    }

    /// Redraws the edge of what is in front, lightly; a run as any other.
    pub(super) fn harmonise(&mut self, id: DocumentId) {
        let Some(card) = &self.card else {
            self.notices.warn(Some(id), &EditorError::NoModel);
            return;
        };
        let (model, traits) = (card.reference.clone(), card.traits.clone());
        let Some(kept) = self.kept(id) else {
            self.notices.warn(Some(id), &BackdropError::NothingSelected);
            return;
        };
        let seed = self.seeds.draw();
        let Some(open) = self.document(id) else {
            return;
        };
        let mut settings = open.settings().clone();
        set_for_seam(&mut settings);
        settings.strength = Strength::new(HARMONISING).unwrap_or(settings.strength);
        if !open.about.seed_locked {
            settings.seed = seed;
        }
        let painted = seam(&kept);
        let bounds = region_bounds(Some(&painted), settings.mask_mode);
        match layout(open.document.extent(), bounds, &settings, &traits) {
            Ok(layout) => {
                let request = EditRequest {
                    model,
                    traits,
                    source: open.document.visible().clone(),
                    painted: Some(painted),
                    mask_kind: MaskKind::Strength,
                    settings,
                };
                let purpose = Purpose::of_group(self.new_group());
                self.submit(id, &Arc::new(request), layout, purpose);
            }
            Err(error) => self.notices.warn(Some(id), &error),
        }
    }
}

impl Behind {
    /// What its layer is called.
    fn message(&self) -> Message {
        Message::new(match self {
            Self::Colour(_) => "editor-background-colour",
            Self::Gradient(..) => "editor-background-gradient",
            Self::Blur(_) => "editor-background-blur",
            Self::File { .. } => "editor-background-picture",
            Self::Nothing => "editor-background-nothing",
        })
    }

    /// What is to be put behind a picture whose diagonal is so long.
    fn backdrop(&self, diagonal_px: f64) -> Result<Backdrop, PictureError> {
        Ok(match self {
            Self::Colour(colour) => Backdrop::Colour(*colour),
            Self::Gradient(from, to) => Backdrop::Gradient(*from, *to),
            Self::Blur(length) => Backdrop::Blur(length.resolve_px(diagonal_px)),
            Self::File { path, placing, at } => Backdrop::Picture(Placed {
                picture: file::load(path)?.picture,
                placing: *placing,
                at: *at,
            }),
            Self::Nothing => Backdrop::Nothing,
        })
    }
}

/// On the thread: looks for the subject, where nobody has said what it is, and puts something behind.
fn made(order: Order, vision: &VisionFactory, stop: &AtomicBool) -> Result<Made, PutError> {
    let is_stopped = || stop.load(Ordering::Relaxed);
    let stopped = || PutError::Sight(crate::engine::Cancelled.into());
    if is_stopped() {
        return Err(stopped());
    }
    let diagonal_px = Rect::of(order.state.extent()).diagonal();
    let backdrop = order.behind.backdrop(diagonal_px).map_err(PutError::File)?;
    let below = Document::from_state(DocumentId(0), order.state, 0);
    let picture: &Picture = below.visible();
    let is_found = order.kept.is_none();
    let kept = match order.kept {
        Some(kept) => kept,
        None => subject(picture, order.seen, vision, &is_stopped).map_err(PutError::Sight)?,
    };
    if is_stopped() {
        return Err(stopped());
    }
    let patch = patch(picture, &kept, &backdrop).map_err(PutError::Backdrop)?;
    Ok(Made {
        kept,
        is_found,
        patch,
    })
}

fn subject(
    picture: &Picture,
    seen: Option<Arc<Seen>>,
    vision: &VisionFactory,
    is_stopped: &dyn Fn() -> bool,
) -> Result<Mask, SightError> {
    let seen = match seen {
        Some(seen) => seen,
        None => Arc::new(see(vision()?.as_mut(), picture, is_stopped)?),
    };
    Ok(part(&seen, Part::Subject, None)?)
}

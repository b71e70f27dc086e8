//! The second stage: each picture's mask, and whether it wants a look.

use crossbeam_channel::{Receiver, Sender};

use super::reading::is_empty;
use super::{
    Batch, Clock, MaskSource, Opened, Review, Settled, Step, broke_down, doubt_of, guarded,
};
use crate::bulk::{
    Decision, Doubt, JournalError, Key, KnownMask, ReportRow, ReviewRow, Source, State,
};
use crate::engine::{EngineError, Vision};
use crate::geometry::Extent;
use crate::jobs::{SightError, VisionFactory, see};
use crate::plan::{RegionBounds, region_bounds, shrunk};
use crate::raster::file::{self, SaveOptions};
use crate::raster::{FileOrigin, Mask, Picture, PictureError, Pixmap, Profile, Tiled};
use crate::select::{Part, part};
use crate::text::{Explain as _, Message};

/// A picture with its mask.
pub(super) struct Masked {
    pub(super) opened: Opened,
    pub(super) mask: Option<Mask>,
}

/// What lies where a mask is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LaidOut {
    /// A mask that is new.
    New,
    /// The one that lay there.
    AsBefore,
    /// Another one than before.
    InPlaceOfAnother,
}

/// Longer side of a cut-out for a look, in pixels.
const CUTOUT_PX: u32 = 512;

/// Masks every picture; seconds of work.
pub(super) fn select_all(
    batch: &Batch<'_>,
    vision: &VisionFactory,
    is_stopped: &dyn Fn() -> bool,
    pictures: &Receiver<Step<Opened>>,
    next: &Sender<Step<Masked>>,
) -> Result<f64, JournalError> {
    let mut clock = Clock::default();
    let mut selecting = Selecting {
        batch,
        factory: vision,
        vision: None,
        is_stopped,
    };
    for step in pictures {
        let step = match step {
            Step::Settled(settled) => Step::Settled(settled),
            Step::Open(opened) => clock.time(|| selecting.guarded_mask(*opened))?,
        };
        if is_stopped() || next.send(step).is_err() {
            break;
        }
    }
    Ok(clock.0)
}

struct Selecting<'a> {
    batch: &'a Batch<'a>,
    factory: &'a VisionFactory,
    /// Made for the first picture that needs it, then kept: its networks are loaded once.
    vision: Option<Box<dyn Vision>>,
    is_stopped: &'a dyn Fn() -> bool,
}

impl Selecting<'_> {
    /// Masks a picture so that a panic fails it alone. What sees is made anew after one.
    fn guarded_mask(&mut self, opened: Opened) -> Result<Step<Masked>, JournalError> {
        let (index, rows) = (opened.index, opened.rows.clone());
        guarded(|| self.mask(opened)).unwrap_or_else(|why| {
            self.vision = None;
            let name = self.batch.sources.get(index).map(Source::name);
            let why = (self.batch.say)(&broke_down(why));
            let failed = ReportRow::of(name.unwrap_or_default(), State::Failed, why);
            Ok(Step::Settled(Settled {
                index,
                rows: rows.into_iter().chain([failed]).collect(),
                review: None,
                notes: Vec::new(),
            }))
        })
    }

    fn mask(&mut self, mut opened: Opened) -> Result<Step<Masked>, JournalError> {
        let Some(source) = self.batch.sources.get(opened.index) else {
            return Ok(Step::Open(Box::new(Masked { opened, mask: None })));
        };
        let name = source.name();
        let batch = self.batch;
        let settle = |opened: Opened, state, why: &Message| {
            Ok(Step::Settled(opened.settled(
                &name,
                state,
                (batch.say)(why),
            )))
        };
        let mut decision = None;
        let mask = match std::mem::replace(&mut opened.mask, MaskSource::None) {
            MaskSource::None => None,
            MaskSource::Given(mask) => {
                decision = self.decision(&name);
                self.describe(&mut opened, source, &mask, (None, decision));
                Some(mask)
            }
            MaskSource::Selected(key, known) => {
                let (known, mask) = match self.selected(&opened, &key, known)? {
                    Ok(found) => found,
                    Err(why) => return settle(opened, State::Failed, &why),
                };
                let Some(mask) = mask else {
                    let why = known.missing.unwrap_or(Message::new("select-no-subject"));
                    return settle(opened, State::Look, &why);
                };
                decision = match self.laid_out(&opened, source, &mask, (&key, &known))? {
                    Ok(decision) => decision,
                    Err(error) => return settle(opened, State::Failed, &error.message()),
                };
                let flagged = known
                    .doubt
                    .as_ref()
                    .is_some_and(|doubt| !doubt.flags.is_empty());
                self.describe(&mut opened, source, &mask, (Some(&known), decision));
                if self.batch.review.is_some() && flagged && decision.is_none() {
                    return settle(opened, State::Look, &Message::new("bulk-wants-a-look"));
                }
                Some(mask)
            }
        };
        if decision == Some(Decision::Skip) {
            return settle(opened, State::Skipped, &Message::new("bulk-skipped"));
        }
        let mask = mask.map(|mask| self.refined(&mask));
        if let Some(mask) = &mask
            && let Some(why) = self.unusable(mask)
        {
            return settle(opened, State::Look, &why);
        }
        if self.batch.masks_only {
            let why = Message::new("bulk-masks-only");
            return settle(opened, State::Open, &why);
        }
        Ok(Step::Open(Box::new(Masked { opened, mask })))
    }

    /// A selection, from before or made now. The inner error is the picture's; the journal's ends the batch.
    fn selected(
        &mut self,
        opened: &Opened,
        key: &Key,
        known: Option<KnownMask>,
    ) -> Result<Result<(KnownMask, Option<Mask>), Message>, JournalError> {
        let picture = &opened.loaded.picture;
        if let Some(known) = known {
            let mask = match known.missing {
                Some(_) => None,
                None => self.batch.journal.mask(key, picture.extent())?,
            };
            if mask.is_some() || known.missing.is_some() {
                return Ok(Ok((known, mask)));
            }
        }
        let what = self.batch.work.part();
        let (mask, missing) = match self.look(picture) {
            Ok(mask) => (Some(mask), None),
            Err(SightError::Select(error)) => (None, Some(error.message())),
            Err(SightError::Engine(error)) => return Ok(Err(error.message())),
        };
        let known = KnownMask {
            doubt: mask.as_ref().map(|mask| doubt_of(mask, what)),
            missing,
            bytes: String::new(),
        };
        let known = self.batch.journal.keep_mask(key, mask.as_ref(), known)?;
        Ok(Ok((known, mask)))
    }

    fn look(&mut self, picture: &Picture) -> Result<Mask, SightError> {
        let vision = match &mut self.vision {
            Some(vision) => vision,
            absent => absent.insert((self.factory)()?),
        };
        let seen = see(vision.as_mut(), picture, self.is_stopped)?;
        let Some(what) = self.batch.work.part() else {
            return Err(EngineError::Cancelled.into());
        };
        Ok(part(&seen, what, self.batch.work.person())?)
    }

    /// What was said of that picture.
    fn decision(&self, name: &str) -> Option<Decision> {
        let review = self.batch.review.as_ref()?;
        review.decisions.get(name).copied()
    }

    /// Says of a mask what reports and reviews say.
    fn describe(
        &self,
        opened: &mut Opened,
        source: &Source,
        mask: &Mask,
        (known, decision): (Option<&KnownMask>, Option<Decision>),
    ) {
        let known = known.and_then(|known| known.doubt.clone());
        let doubt = known.unwrap_or_else(|| doubt_of(mask, self.batch.work.part()));
        for row in &mut opened.rows {
            with_doubt(row, &doubt);
        }
        if self.batch.review.is_some() {
            opened.review = Some(ReviewRow {
                picture: source.name(),
                decision,
                doubt: doubt.score,
                share: doubt.share,
                flags: doubt.flag_ids(),
                mask: relative(source, MASK),
                cutout: relative(source, CUTOUT),
            });
        }
        opened.doubt = Some(doubt);
    }

    /// Lays a selection out for a look, where one was asked for, and says what was decided of it. The inner error is
    /// the picture's; the journal's ends the batch.
    fn laid_out(
        &self,
        opened: &Opened,
        source: &Source,
        mask: &Mask,
        (key, known): (&Key, &KnownMask),
    ) -> Result<Result<Option<Decision>, PictureError>, JournalError> {
        let Some(review) = &self.batch.review else {
            return Ok(Ok(None));
        };
        let laid = match self.lay_out(review, (opened, source), mask, key) {
            Ok(laid) => laid,
            Err(error) => return Ok(Err(error)),
        };
        let (journal, place) = (self.batch.journal, review.place(source));
        if journal.laid_out(&place)?.as_ref() != Some(&known.bytes) {
            journal.say_laid_out(&place, &known.bytes)?;
        }
        Ok(Ok(match laid {
            // It was said of the mask that lay there before.
            LaidOut::InPlaceOfAnother => None,
            LaidOut::New | LaidOut::AsBefore => self.decision(&source.name()),
        }))
    }

    /// Lays it out where it does not lie there yet. Another one that lies there was laid there too, for what the
    /// picture was before or by what looked then.
    fn lay_out(
        &self,
        review: &Review,
        (opened, source): (&Opened, &Source),
        mask: &Mask,
        key: &Key,
    ) -> Result<LaidOut, PictureError> {
        let path = review.mask_path(source);
        let cutout = review.cutout_path(source);
        let failed = |error: std::io::Error| PictureError::Write {
            path: path.clone(),
            why: error.to_string(),
        };
        let bytes = std::fs::read(self.batch.journal.mask_path(key)).map_err(failed)?;
        let before = std::fs::read(&path).ok();
        let laid = match &before {
            Some(before) if *before == bytes => LaidOut::AsBefore,
            Some(_) => LaidOut::InPlaceOfAnother,
            None => LaidOut::New,
        };
        if laid == LaidOut::AsBefore && cutout.exists() {
            return Ok(laid);
        }
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        // The mask comes last: where it is right, its cut-out is.
        let shown = cut_out(&opened.loaded.picture, mask);
        let (origin, options) = (FileOrigin::default(), SaveOptions::default());
        file::save(&cutout, &shown, &origin, &options)?;
        file::write_whole(&path, |file| Ok(std::io::Write::write_all(file, &bytes)?))?;
        Ok(laid)
    }

    fn refined(&self, mask: &Mask) -> Mask {
        match self.batch.work.shrink() {
            Some(by) => shrunk(mask, self.batch.work.mask_mode(), by),
            None => mask.clone(),
        }
    }

    /// Why nothing can be done with a mask.
    fn unusable(&self, mask: &Mask) -> Option<Message> {
        if is_empty(mask) {
            let may_be = self.batch.work.recipe.mask.allow_empty_mask;
            return (!may_be).then_some(Message::new("bulk-selection-empty"));
        }
        let bounds = region_bounds(Some(mask), self.batch.work.mask_mode());
        (bounds == RegionBounds::Nothing).then_some(Message::new("plan-everything-kept"))
    }
}

/// Endings of what is laid out for a look.
const MASK: &str = ".mask.png";
const CUTOUT: &str = ".cutout.png";

fn relative(source: &Source, ending: &str) -> String {
    format!("{}{ending}", source.name())
}

impl Review {
    /// Where a picture's mask lies.
    pub fn mask_path(&self, source: &Source) -> std::path::PathBuf {
        self.folder.join(relative(source, MASK))
    }

    /// What the journal calls that place: folders may be moved.
    pub(super) fn place(&self, source: &Source) -> String {
        let of = self.folder.file_name().unwrap_or_default();
        format!("{}/{}", of.to_string_lossy(), source.name())
    }

    /// Where a small picture of what is selected lies.
    pub fn cutout_path(&self, source: &Source) -> std::path::PathBuf {
        self.folder.join(relative(source, CUTOUT))
    }

    /// Lays a mask that was painted by somebody out in place of the one that was made, with its cut-out;
    /// how much it wants a look.
    pub fn put_mask(
        &self,
        source: &Source,
        picture: &Picture,
        mask: &Mask,
        what: Option<Part>,
    ) -> Result<Doubt, PictureError> {
        let path = self.mask_path(source);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| PictureError::Write {
                path: path.clone(),
                why: error.to_string(),
            })?;
        }
        let bytes = file::mask_bytes(mask)?;
        file::write_whole(&path, |file| Ok(std::io::Write::write_all(file, &bytes)?))?;
        let (origin, options) = (FileOrigin::default(), SaveOptions::default());
        let shown = cut_out(picture, mask);
        file::save(&self.cutout_path(source), &shown, &origin, &options)?;
        Ok(doubt_of(mask, what))
    }
}

/// Writes what is known of the mask into a row.
pub(super) fn with_doubt(row: &mut ReportRow, doubt: &Doubt) {
    row.doubt = Some(doubt.score);
    row.share = Some(doubt.share);
    row.flags = doubt.flag_ids();
}

/// A small picture of what is selected, the rest see-through.
fn cut_out(picture: &Picture, mask: &Mask) -> Picture {
    let extent = picture.extent();
    let step = extent.width.max(extent.height).div_ceil(CUTOUT_PX).max(1);
    let small = Extent::new((extent.width / step).max(1), (extent.height / step).max(1));
    let colours = picture.pixels.shrunk8(small);
    let mut plane = Tiled::filled(small, [0u8; 4]);
    plane.update(crate::geometry::Rect::of(small), |at, old| {
        let colour = colours.get((at.y as u32 * small.width + at.x as u32) as usize);
        let [r, g, b, a] = colour.copied().unwrap_or(old);
        let (x, y) = (at.x as u32 * step, at.y as u32 * step);
        let selected = mask.get(x, y).unwrap_or(0);
        [r, g, b, a.min(selected)]
    });
    Picture {
        pixels: Pixmap::Rgba8(plane),
        profile: match &picture.profile {
            Profile::Srgb => Profile::Srgb,
            profile @ Profile::Icc(_) => profile.clone(),
        },
    }
}

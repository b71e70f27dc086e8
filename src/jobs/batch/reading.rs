//! The first stage: files, their keys, and what is left to do with them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crossbeam_channel::Sender;

use super::{Batch, Clock, MaskSource, Opened, Settled, Step, broke_down, guarded};
use crate::bulk::{
    BulkError, Done, Facts, Job, JobTask, Journal, JournalError, Key, KnownMask, ReportRow,
};
use crate::bulk::{Source, State, Work};
use crate::plan::{MaskMode, RegionBounds, region_bounds};
use crate::raster::file::{self, LoadedPicture};
use crate::raster::{Mask, PictureError};
use crate::text::{Explain, Message};

/// Reads every picture and says which of its jobs are left; seconds of work.
pub(super) fn read_all(
    batch: &Batch<'_>,
    is_stopped: &dyn Fn() -> bool,
    next: &Sender<Step<Opened>>,
) -> Result<f64, JournalError> {
    let mut clock = Clock::default();
    let mut reading = Reading {
        batch,
        work: batch.work,
        journal: batch.journal,
        names: BTreeMap::new(),
        places: places(batch.sources),
    };
    for (index, source) in batch.sources.iter().enumerate() {
        if is_stopped() {
            break;
        }
        let step = clock.time(|| reading.read(index, source))?;
        if next.send(step).is_err() {
            break;
        }
    }
    Ok(clock.0)
}

/// Where the pictures really lie.
fn places(sources: &[Source]) -> BTreeSet<PathBuf> {
    let places = sources
        .iter()
        .filter_map(|source| source.path.canonicalize().ok());
    places.collect()
}

struct Reading<'a> {
    batch: &'a Batch<'a>,
    work: &'a Work,
    journal: &'a Journal,
    /// Names of results, in small letters, and whose they are.
    names: BTreeMap<String, PathBuf>,
    places: BTreeSet<PathBuf>,
}

/// Why a picture goes no further.
enum Stop {
    Failed(Message),
    Look(Message),
    Journal(JournalError),
}

impl From<PictureError> for Stop {
    fn from(error: PictureError) -> Self {
        Self::Failed(error.message())
    }
}

impl From<BulkError> for Stop {
    fn from(error: BulkError) -> Self {
        Self::Failed(error.message())
    }
}

impl From<JournalError> for Stop {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}

/// A mask that is known by its bytes, or by what it will be selected as.
enum MaskBytes {
    None,
    Given(PathBuf, Vec<u8>),
    Selected(Key, Option<KnownMask>),
}

impl Reading<'_> {
    fn read(&mut self, index: usize, source: &Source) -> Result<Step<Opened>, JournalError> {
        // A decoder may panic over a damaged file.
        let opened = guarded(|| self.open(index, source));
        let opened = opened.unwrap_or_else(|why| Err(Stop::Failed(broke_down(why))));
        let (state, why) = match opened {
            Ok(step) => return Ok(step),
            Err(Stop::Failed(why)) => (State::Failed, why),
            Err(Stop::Look(why)) => (State::Look, why),
            Err(Stop::Journal(error)) => return Err(error),
        };
        Ok(Step::Settled(Settled {
            index,
            rows: vec![ReportRow::of(source.name(), state, (self.batch.say)(&why))],
            review: None,
            notes: Vec::new(),
        }))
    }

    fn open(&mut self, index: usize, source: &Source) -> Result<Step<Opened>, Stop> {
        let bytes = file::read(&source.path)?;
        let content = Key::of(&bytes);
        let mut loaded = None;
        if self.work.needs_title() {
            loaded = Some(file::load_bytes(&bytes, &source.path)?);
        }
        let facts = Facts {
            content,
            title: loaded.as_ref().and_then(|l| l.origin.title()),
            own_prompt: self.own_prompt(source)?,
        };
        let mask = self.mask(source, &content)?;
        let mask_key = match &mask {
            MaskBytes::None => None,
            MaskBytes::Given(_, bytes) => {
                let channel = self.work.mask_channel().id();
                Some(Key::of_parts([bytes.as_slice(), channel.as_bytes()]))
            }
            MaskBytes::Selected(key, _) => Some(*key),
        };
        let jobs = self.work.jobs(source, &facts, mask_key.as_ref())?;
        let (rows, jobs) = self.split(source, jobs)?;
        if jobs.is_empty() && !self.batch.masks_only {
            return Ok(Step::Settled(Settled {
                index,
                rows,
                review: None,
                notes: Vec::new(),
            }));
        }
        let loaded = match loaded {
            Some(loaded) => loaded,
            None => file::load_bytes(&bytes, &source.path)?,
        };
        drop(bytes);
        let notes = loaded.notes.iter().map(Explain::message).collect();
        let mask = self.mask_source(mask, &loaded)?;
        Ok(Step::Open(Box::new(Opened {
            index,
            loaded,
            jobs,
            mask,
            rows,
            doubt: None,
            review: None,
            notes,
        })))
    }

    /// Rows of what is done already, and the jobs that are left, their names claimed.
    fn split(
        &mut self,
        source: &Source,
        jobs: Vec<Job>,
    ) -> Result<(Vec<ReportRow>, Vec<Job>), Stop> {
        let (mut rows, mut left) = (Vec::new(), Vec::new());
        for job in jobs {
            let taken = self
                .names
                .insert(job.output.to_lowercase(), source.path.clone());
            if let Some(other) = taken {
                let name = job.output;
                return Err(BulkError::SameName { name, other }.into());
            }
            let place = self.journal.out().join(&job.output);
            if place
                .canonicalize()
                .is_ok_and(|place| self.places.contains(&place))
            {
                return Err(BulkError::OverPicture(place).into());
            }
            match self.done_by_any(&job)? {
                Some(done) => rows.push(ReportRow {
                    seconds: Some(done.seconds),
                    engine: done.engine,
                    ..row_of(source, &job, State::Kept)
                }),
                None => left.push(job),
            }
        }
        // Whichever engine will make it, the name is ours.
        let claims = left
            .iter()
            .filter_map(|job| Some((job.output.as_str(), job.keys.first()?)));
        if !left.is_empty()
            && !self.batch.masks_only
            && let Some(theirs) = self.journal.claim(claims, self.batch.is_redo)?
        {
            let path = self.journal.out().join(theirs);
            return Err(BulkError::OverOther(path).into());
        }
        Ok((rows, left))
    }

    /// The result of a job, whichever engine of the batch made it.
    fn done_by_any(&self, job: &Job) -> Result<Option<Done>, JournalError> {
        if self.batch.is_redo {
            return Ok(None);
        }
        for key in &job.keys {
            if let Some(done) = self.journal.done(key)? {
                return Ok(Some(done));
            }
        }
        Ok(None)
    }

    fn own_prompt(&self, source: &Source) -> Result<Option<String>, Stop> {
        let Some(path) = self.work.prompt_path(source)? else {
            return Ok(None);
        };
        match std::fs::read(&path) {
            Ok(text) => {
                let text = text
                    .strip_prefix(b"\xef\xbb\xbf")
                    .map(<[u8]>::to_vec)
                    .unwrap_or(text);
                let text = String::from_utf8(text);
                let why = |error: std::string::FromUtf8Error| BulkError::Prompts {
                    path,
                    why: error.to_string(),
                };
                Ok(Some(text.map_err(why)?))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(BulkError::Prompts {
                path,
                why: error.to_string(),
            }
            .into()),
        }
    }

    fn mask(&self, source: &Source, content: &Key) -> Result<MaskBytes, Stop> {
        if let Some(path) = self.work.mask_path(source)? {
            let bytes = file::read(&path)?;
            return Ok(MaskBytes::Given(path, bytes));
        }
        let Some(key) = self.work.selection_key(content, self.batch.sight_identity) else {
            return Ok(MaskBytes::None);
        };
        let known = self.journal.known_mask(&key)?;
        if let Some(review) = &self.batch.review {
            let path = review.mask_path(source);
            if let Ok(bytes) = std::fs::read(&path) {
                let there = Some(Key::of(&bytes).hex());
                let ours = known.as_ref().map(|known| known.bytes.clone());
                // Else it was painted by somebody. What we laid there may be of a picture that is another one now.
                if there != ours && there != self.journal.laid_out(&review.place(source))? {
                    return Ok(MaskBytes::Given(path, bytes));
                }
            }
        }
        Ok(MaskBytes::Selected(key, known))
    }

    fn mask_source(&self, mask: MaskBytes, loaded: &LoadedPicture) -> Result<MaskSource, Stop> {
        Ok(match mask {
            MaskBytes::None => MaskSource::None,
            MaskBytes::Selected(key, known) => MaskSource::Selected(key, known),
            MaskBytes::Given(path, bytes) => {
                let extent = loaded.picture.extent();
                let channel = self.work.mask_channel();
                let mask = file::mask_from_bytes(&bytes, &path, extent, channel)?.mask;
                if !self.work.recipe.mask.allow_empty_mask && is_empty(&mask) {
                    return Err(Stop::Look(empty_mask(&path)));
                }
                MaskSource::Given(mask)
            }
        })
    }
}

/// True where nothing is painted.
pub(super) fn is_empty(mask: &Mask) -> bool {
    region_bounds(Some(mask), MaskMode::Changes) == RegionBounds::Everything
}

fn empty_mask(path: &Path) -> Message {
    Message::new("bulk-mask-empty").with("path", path)
}

/// A row of one result.
pub(super) fn row_of(source: &Source, job: &Job, state: State) -> ReportRow {
    let mut row = ReportRow::of(source.name(), state, String::new());
    row.output.clone_from(&job.output);
    if let JobTask::Edit(settings) = &job.task {
        row.prompt.clone_from(&settings.prompt);
        row.strength = Some(settings.strength.get());
        row.seed = Some(settings.seed.0);
    }
    row
}

//! Keeping journals: after each command, every step that a document has taken is handed to the
//! journal thread, which writes it at once. A document has at most one writing under way; what
//! happens meanwhile goes into the next, which the end of that one sets off. So nothing waits longer
//! than a write takes, and no step is lost between two others.
//!
//! What is written outlives the program. That it also outlives the machine's power is asked of the
//! disk by another thread, at most twice a second, which may wait as long as the disk likes and keeps no
//! record waiting. The steps of a stroke are written every 40 ms; a stroke under way is restored as far as
//! it had come, as one step. Only where more than 256 steps wait for a file that takes none, the newest of
//! them become one. Results that were not accepted and the queue are not kept.
//!
//! A journal grown large is written anew to a second file; both are written until the disk has the second,
//! then it takes the place.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Editor;
use super::document_journal::Written;
use super::error::EditorError;
use super::open_document::{AboutDocument, OpenDocument};
use super::recovery::SessionFolder;
use crate::document::crash_journal::{Moment, Notes};
use crate::document::{Document, DocumentId};
use crate::jobs::{Task, TaskEvent};
use crate::plan::{
    AreaMode, EditSettings, FillMode, Guidance, Length, MaskMode, SamplerId, ScheduleId, Seed,
    Steps, Strength,
};
use crate::raster::FileOrigin;
use crate::raster::file::{ColourLayout, FileFormat};

/// What the journal thread says.
#[derive(Debug)]
pub(super) enum JournalEvent {
    /// The steps of a document were written, or not.
    Written(DocumentId, std::io::Result<Written>),
    /// The folder of a closed document is gone.
    Removed,
    /// What a closed document leaves was written, or not.
    Closed(std::io::Result<()>),
}

/// What the thread says that waits for the disk: of which document, whether its fresh journal was
/// among it, and how it went.
pub(super) type SyncEvent = (DocumentId, (bool, std::io::Result<()>));

/// The part of [`AboutDocument`] that journals carry as opaque bytes.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// [`Named`] as JSON, in which fields have names: journals outlive the program that wrote them,
    /// and fields come and go.
    named: String,
    /// What would be long in JSON.
    exif: Option<Arc<Vec<u8>>>,
}

/// What journals and projects tell by name. A field that is new must have a first value for those without it.
#[derive(Serialize, Deserialize)]
pub(super) struct Named {
    pub(super) settings: EditSettings,
    pub(super) seed_locked: bool,
    /// In journals without its EXIF block.
    pub(super) origin: FileOrigin,
    #[serde(default)]
    pub(super) may_replace: bool,
    /// What a newer program tells.
    #[serde(flatten)]
    pub(super) unknown: Map<String, Value>,
}

/// [`Kept`] as it was when only the settings in it had names.
#[derive(Serialize, Deserialize)]
struct KeptWithNamedSettings {
    /// [`EditSettings`] as JSON.
    settings: String,
    seed_locked: bool,
    origin: OriginByPosition,
}

/// [`Kept`] as it was when settings lay in it by position.
#[derive(Serialize, Deserialize)]
struct KeptByPosition {
    settings: SettingsByPosition,
    seed_locked: bool,
    origin: OriginByPosition,
}

/// [`FileOrigin`] as it was when it lay in journals by position.
#[derive(Serialize, Deserialize)]
struct OriginByPosition {
    format: FileFormat,
    layout: ColourLayout,
    exif: Option<Arc<Vec<u8>>>,
    texts: Vec<(String, String)>,
}

impl OriginByPosition {
    fn named(self) -> FileOrigin {
        FileOrigin {
            format: self.format,
            layout: self.layout,
            exif: self.exif,
            texts: self.texts,
            ..FileOrigin::default()
        }
    }
}

#[derive(Serialize, Deserialize)]
struct SettingsByPosition {
    prompt: String,
    negative: String,
    strength: Strength,
    steps: Steps,
    guidance: Guidance,
    seed: Seed,
    sampler: SamplerId,
    schedule: ScheduleId,
    mask_mode: MaskMode,
    area: AreaMode,
    padding: Option<Length>,
    fill: FillMode,
    feather: Option<Length>,
    grow: Length,
}

impl SettingsByPosition {
    fn named(self) -> EditSettings {
        EditSettings {
            prompt: self.prompt,
            negative: self.negative,
            strength: self.strength,
            steps: self.steps,
            guidance: self.guidance,
            seed: self.seed,
            sampler: self.sampler,
            schedule: self.schedule,
            mask_mode: self.mask_mode,
            area: self.area,
            padding: self.padding,
            fill: self.fill,
            feather: self.feather,
            grow: self.grow,
            ..EditSettings::default()
        }
    }
}

/// The notes of a document that stands so.
pub(super) fn notes_of(document: &Document, about: &AboutDocument) -> Notes {
    let named = Named {
        settings: about.settings.clone(),
        seed_locked: about.seed_locked,
        origin: FileOrigin {
            exif: None,
            ..about.origin.clone()
        },
        may_replace: about.may_replace,
        unknown: about.unknown.clone(),
    };
    let kept = Kept {
        // Plain values of ours always serialise.
        named: serde_json::to_string(&named).unwrap_or_default(),
        exif: about.origin.exif.clone(),
    };
    Notes {
        title: about.title.clone(),
        path: about
            .path
            .as_ref()
            .map(|path| path.clone().into_os_string()),
        is_unsaved: document.is_unsaved(),
        settings: postcard::to_stdvec(&kept).unwrap_or_default(),
    }
}

/// How a restored document stands, which its journal knows.
pub(super) fn moment_of(open: &OpenDocument) -> Moment {
    Moment {
        state: open.document.state().clone(),
        by: None,
        notes: notes_of(&open.document, &open.about),
    }
}

/// What a journal's notes say of a document.
pub(super) fn about_of(notes: &Notes) -> Option<AboutDocument> {
    let named = named_of(&notes.settings)?;
    Some(AboutDocument {
        title: notes.title.clone(),
        path: notes.path.clone().map(PathBuf::from),
        origin: named.origin,
        settings: named.settings,
        seed_locked: named.seed_locked,
        may_replace: named.may_replace,
        unknown: named.unknown,
    })
}

fn named_of(bytes: &[u8]) -> Option<Named> {
    if let Ok(kept) = postcard::from_bytes::<Kept>(bytes)
        && let Ok(mut named) = serde_json::from_str::<Named>(&kept.named)
    {
        named.origin.exif = kept.exif;
        return Some(named);
    }
    let older = |settings, seed_locked, origin: OriginByPosition| Named {
        settings,
        seed_locked,
        origin: origin.named(),
        may_replace: false,
        unknown: Map::new(),
    };
    if let Ok(kept) = postcard::from_bytes::<KeptWithNamedSettings>(bytes)
        && let Ok(settings) = serde_json::from_str(&kept.settings)
    {
        return Some(older(settings, kept.seed_locked, kept.origin));
    }
    let kept: KeptByPosition = postcard::from_bytes(bytes).ok()?;
    Some(older(kept.settings.named(), kept.seed_locked, kept.origin))
}

impl OpenDocument {
    /// True when its journal holds all of it: if the program were killed now, nothing would be lost.
    pub fn is_kept_for_recovery(&self) -> bool {
        self.journal.holds(self.revisions())
    }

    fn revisions(&self) -> (u64, u64) {
        (self.document.revisions().any, self.about_revision)
    }
}

impl Editor {
    /// Hands over what journals do not hold yet.
    pub(super) fn write_journals(&mut self) {
        for open in &mut self.documents {
            let revisions = open.revisions();
            let (id, about, journal) = (open.document.id(), &open.about, &mut open.journal);
            let notes = |document: &Document| notes_of(document, about);
            journal.note(&mut open.document, revisions, notes);
            if self.journals.has_room()
                && let Some((not_before, writing)) = journal.next_writing(&open.document, notes)
            {
                let task: Task<JournalEvent> =
                    Box::new(move || JournalEvent::Written(id, writing.carry_out()));
                if self.journals.try_do_at(not_before, task).is_err() {
                    journal.begin_again();
                }
            }
            if self.syncs.has_room()
                && let Some((not_before, syncing)) = journal.next_syncing()
            {
                let task: Task<SyncEvent> = Box::new(move || (id, syncing.carry_out()));
                if self.syncs.try_do_at(not_before, task).is_err() {
                    journal.sync_lost();
                }
            }
        }
        self.write_closed();
        // What is still being written would bring a folder back.
        while self.keeper.is_idle()
            && let Some(folder) = self.folders_to_remove.pop()
        {
            let path = folder.path().to_path_buf();
            let remove: Task<JournalEvent> = Box::new(move || {
                folder.remove();
                JournalEvent::Removed
            });
            if self.journals.try_do(remove).is_err() {
                // The task went with the folder's lock; what is left is taken away by path.
                SessionFolder::remove_at(&path);
                break;
            }
        }
    }

    /// Takes in what the journal thread has written and what the disk has.
    pub(super) fn poll_journals(&mut self) {
        while let Some(event) = self.journals.poll() {
            match event {
                TaskEvent::Done(JournalEvent::Removed) => {}
                TaskEvent::Done(JournalEvent::Closed(result)) => self.closed(result),
                TaskEvent::Done(JournalEvent::Written(id, result)) => {
                    self.with_document(id, |open| open.journal.written(&result));
                    self.say_journal_failed(id, result.err());
                }
                TaskEvent::Lost(_) => {
                    for open in &mut self.documents {
                        open.journal.begin_again();
                    }
                    self.notices.error(None, &EditorError::TaskLost);
                }
            }
        }
        while let Some(event) = self.syncs.poll() {
            match event {
                TaskEvent::Done((id, (is_fresh, result))) => {
                    self.with_document(id, |open| match &result {
                        Ok(()) => open.journal.synced(is_fresh),
                        Err(_) => open.journal.sync_lost(),
                    });
                    self.say_journal_failed(id, result.err());
                }
                TaskEvent::Lost(_) => {
                    for open in &mut self.documents {
                        open.journal.sync_lost();
                    }
                }
            }
        }
    }

    fn say_journal_failed(&mut self, id: DocumentId, error: Option<std::io::Error>) {
        if let Some(error) = error
            && self.document(id).is_some()
        {
            let why = error.to_string();
            self.notices.error(Some(id), &EditorError::Journal { why });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::geometry::Extent;
    use crate::raster::file::Carried;
    use crate::raster::{Picture, Pixmap, Profile, Tiled};

    fn by_position(settings: &EditSettings) -> SettingsByPosition {
        let settings = settings.clone();
        SettingsByPosition {
            prompt: settings.prompt,
            negative: settings.negative,
            strength: settings.strength,
            steps: settings.steps,
            guidance: settings.guidance,
            seed: settings.seed,
            sampler: settings.sampler,
            schedule: settings.schedule,
            mask_mode: settings.mask_mode,
            area: settings.area,
            padding: settings.padding,
            fill: settings.fill,
            feather: settings.feather,
            grow: settings.grow,
        }
    }

    #[test]
    fn settings_of_older_journals_are_understood() {
        let wanted = EditSettings {
            prompt: "a red scarf, ”quoted“".to_owned(),
            strength: Strength::new(0.35).unwrap(),
            mask_mode: MaskMode::Stays,
            feather: Some(Length::Percent(2.5)),
            grow: Length::Px(3.0),
            ..EditSettings::default()
        };
        let origin = FileOrigin {
            exif: Some(Arc::new(vec![1, 2, 3])),
            ..FileOrigin::default()
        };
        let by_position = KeptByPosition {
            settings: by_position(&wanted),
            seed_locked: true,
            origin: OriginByPosition {
                format: origin.format,
                layout: origin.layout,
                exif: origin.exif.clone(),
                texts: origin.texts.clone(),
            },
        };
        let before = postcard::to_stdvec(&by_position).unwrap();
        let told = |bytes: &[u8]| {
            named_of(bytes).map(|named| {
                let Named {
                    settings,
                    seed_locked,
                    origin,
                    may_replace,
                    unknown: _,
                } = named;
                (settings, seed_locked, origin, may_replace)
            })
        };
        assert_eq!(
            told(&before),
            Some((wanted.clone(), true, origin.clone(), false)),
            "the original is asked about"
        );
        let named_settings = KeptWithNamedSettings {
            settings: serde_json::to_string(&wanted).unwrap(),
            seed_locked: true,
            origin: by_position.origin,
        };
        let before = postcard::to_stdvec(&named_settings).unwrap();
        assert_eq!(
            told(&before),
            Some((wanted.clone(), true, origin.clone(), false))
        );
    }

    #[test]
    fn what_journals_tell_by_name_comes_back_and_may_lack_fields() {
        let about = AboutDocument {
            title: "cat.jpg".to_owned(),
            path: Some(PathBuf::from("/tmp/cat.jpg")),
            origin: FileOrigin {
                format: FileFormat::Jpeg,
                exif: Some(Arc::new(vec![1, 2, 3])),
                ..FileOrigin::default()
            },
            settings: EditSettings {
                prompt: "a red scarf, ”quoted“".to_owned(),
                ..EditSettings::default()
            },
            seed_locked: true,
            may_replace: true,
            unknown: Map::new(),
        };
        let pixels = Pixmap::Rgba8(Tiled::filled(Extent::new(3, 2), [9, 8, 7, 255]));
        let profile = Profile::Srgb;
        let document = Document::new(DocumentId(1), Picture { pixels, profile });
        let notes = notes_of(&document, &about);
        assert_eq!(about_of(&notes), Some(about));
        let kept: Kept = postcard::from_bytes(&notes.settings).unwrap();
        let mut named: Value = serde_json::from_str(&kept.named).unwrap();
        let fields = named.as_object_mut().unwrap();
        fields.remove("may_replace").unwrap();
        fields.insert("of_tomorrow".to_owned(), 1.into());
        let settings = fields["settings"].as_object_mut().unwrap();
        settings.remove("keep_details").unwrap();
        let origin = fields["origin"].as_object_mut().unwrap();
        origin.remove("texts").unwrap();
        let named = named.to_string();
        let bytes = postcard::to_stdvec(&Kept { named, ..kept }).unwrap();
        let fewer = named_of(&bytes).unwrap();
        assert_eq!(fewer.settings.prompt, "a red scarf, ”quoted“");
        assert!(!fewer.may_replace);
        assert_eq!(fewer.unknown.get("of_tomorrow"), Some(&1.into()));
        assert!(named_of(&bytes[..9]).is_none());
    }

    /// As `FileOrigin` and `Kept` were in version 0.1.
    #[derive(Serialize)]
    struct OldKept {
        settings: SettingsByPosition,
        seed_locked: bool,
        format: FileFormat,
        layout: ColourLayout,
        exif: Option<Arc<Vec<u8>>>,
        texts: Vec<(String, String)>,
    }

    #[test]
    fn what_files_carried_may_be_missing() {
        let settings = EditSettings::default();
        let old = OldKept {
            settings: by_position(&settings),
            seed_locked: true,
            format: FileFormat::Tiff,
            layout: ColourLayout::GreyAlpha,
            exif: Some(Arc::new(vec![1, 2, 3])),
            texts: vec![("Title".to_owned(), "貓".to_owned())],
        };
        let bytes = postcard::to_stdvec(&old).unwrap();
        let wanted = FileOrigin {
            format: FileFormat::Tiff,
            layout: ColourLayout::GreyAlpha,
            exif: old.exif.clone(),
            texts: old.texts.clone(),
            carried: Carried::default(),
        };
        let named = named_of(&bytes).unwrap();
        assert_eq!(named.origin, wanted);
        assert_eq!((named.settings, named.seed_locked), (settings, true));
        assert!(named_of(&bytes[..bytes.len() / 2]).is_none());
    }
}

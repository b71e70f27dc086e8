//! Results stay until they are thrown away: each is written to the disk as soon as it is there, those
//! that were looked at longest ago leave the memory when it grows tight, and what was thrown away can be
//! brought back.

use std::collections::{HashMap, VecDeque};
use std::io::ErrorKind;
use std::sync::Arc;

use super::candidates::{Candidate, Reading};
use super::error::EditorError;
use super::ids::{CandidateId, GroupId};
use super::kept_results::{KeptPixels, KeptResults, NamedResult, ResultFolder, Unwritten};
use super::when_read::WhenRead;
use super::{Editor, OpenDocument};
use crate::document::DocumentId;
use crate::jobs::{Task, TaskEvent, TaskThread, Wake};
use crate::text::{Explain as _, Message};

/// Writings and readings that may wait on the thread; the others wait here.
const MOST_TASKS: usize = 8;
/// So much can be brought back, of all documents.
const MOST_THROWN: usize = 40;

/// What the thread says that writes and reads results.
#[derive(Debug)]
pub(super) enum ResultEvent {
    /// A result was written, or not.
    Kept(CandidateId, std::io::Result<()>),
    /// The pixels of a result were read, or not.
    Read(CandidateId, std::io::Result<KeptPixels>),
    /// A note about what was thrown away was written, or not.
    Noted(std::io::Result<()>),
}

/// What is thrown away by one command, and how the document stood then: as long as it stands so, undo
/// brings it back.
#[derive(Debug)]
struct Thrown {
    document: DocumentId,
    serial: u64,
    results: Vec<Candidate>,
}

/// What keeps the results of all documents.
pub(super) struct Keeper {
    thread: TaskThread<ResultEvent>,
    /// Notes that wait for the thread.
    notes: VecDeque<Task<ResultEvent>>,
    thrown: Vec<Thrown>,
    /// What was asked for of results whose pixels are being read.
    when_read: Vec<(CandidateId, WhenRead)>,
    /// A result that is to be run again once it is known from what, and whether with another seed.
    pub(super) asked_again: Option<(CandidateId, bool)>,
    last_look: u64,
    last_group: u64,
}

impl Keeper {
    pub(super) fn new(wake: Wake) -> Self {
        Self {
            thread: TaskThread::new("results", MOST_TASKS, wake),
            notes: VecDeque::new(),
            thrown: Vec::new(),
            when_read: Vec::new(),
            asked_again: None,
            last_look: 0,
            last_group: 0,
        }
    }

    /// True when the thread has nothing to do.
    pub(super) fn is_idle(&self) -> bool {
        self.notes.is_empty() && self.thread.under_way() == 0
    }

    /// Waits for the thread, and does what it was not given yet.
    pub(super) fn finish(self) {
        let Self { thread, notes, .. } = self;
        drop(thread);
        for note in notes {
            // Nobody is left to be told, and most documents are gone with their folders.
            _ = note();
        }
    }
}

impl OpenDocument {
    /// Where its results lie; `None`: nowhere.
    pub(super) fn result_folder(&self) -> Option<ResultFolder> {
        self.journal.folder().map(ResultFolder::of)
    }
}

impl Candidate {
    fn unwritten(&self) -> Unwritten {
        let pixels = self.patch.as_ref().filter(|_| !self.disk.has_pixels);
        Unwritten {
            key: self.key.clone(),
            note: NamedResult::of(self).to_json(),
            pixels: pixels.map(|patch| KeptPixels {
                patch: Arc::clone(patch),
                painted: self.painted.clone(),
            }),
        }
    }

    fn needs_writing(&self) -> bool {
        !(self.disk.has_note && self.disk.has_pixels)
    }
}

impl Editor {
    pub(super) fn new_group(&mut self) -> GroupId {
        self.keeper.last_group += 1;
        GroupId(self.keeper.last_group)
    }

    /// Hands over what of results is not on the disk, and asks for pixels that are wanted.
    pub(super) fn keep_results(&mut self) {
        while self.keeper.thread.has_room()
            && let Some(note) = self.keeper.notes.pop_front()
        {
            if self.keeper.thread.try_do(note).is_err() {
                self.notices.error(None, &EditorError::TaskLost);
            }
        }
        let thread = &mut self.keeper.thread;
        for candidate in &mut self.candidates {
            if !thread.has_room() {
                return;
            }
            let (id, disk) = (candidate.id, candidate.disk);
            let writes = candidate.needs_writing() && !disk.is_being_written && !disk.has_failed;
            let reads = disk.reading == Reading::Wanted && disk.has_pixels;
            if !writes && !reads {
                continue;
            }
            let mut documents = self.documents.iter();
            let open = documents.find(|open| open.id() == candidate.document);
            let Some(folder) = open.and_then(OpenDocument::result_folder) else {
                continue;
            };
            let task: Task<ResultEvent> = if writes {
                candidate.disk.is_being_written = true;
                candidate.disk.has_note = true;
                let unwritten = candidate.unwritten();
                Box::new(move || ResultEvent::Kept(id, folder.keep(&unwritten)))
            } else {
                candidate.disk.reading = Reading::UnderWay;
                let key = candidate.key.clone();
                Box::new(move || ResultEvent::Read(id, folder.read(&key)))
            };
            if thread.try_do(task).is_err() {
                candidate.disk.is_being_written = false;
                candidate.disk.has_failed = writes;
            }
        }
    }

    /// Takes in what was written and read.
    pub(super) fn poll_results(&mut self) {
        while let Some(event) = self.keeper.thread.poll() {
            self.changed = true;
            match event {
                TaskEvent::Done(ResultEvent::Noted(Ok(()))) => {}
                // Its document was closed, and left nothing.
                TaskEvent::Done(ResultEvent::Noted(Err(error)))
                    if error.kind() == ErrorKind::NotFound => {}
                TaskEvent::Done(ResultEvent::Noted(Err(error))) => self.say_not_kept(None, &error),
                TaskEvent::Done(ResultEvent::Kept(id, result)) => self.result_kept(id, result),
                TaskEvent::Done(ResultEvent::Read(id, result)) => self.result_read(id, result),
                TaskEvent::Lost(_) => {
                    for candidate in &mut self.candidates {
                        let disk = &mut candidate.disk;
                        disk.has_failed |= std::mem::take(&mut disk.is_being_written);
                        if disk.reading == Reading::UnderWay {
                            disk.reading = Reading::Failed;
                        }
                    }
                    self.notices.error(None, &EditorError::TaskLost);
                }
            }
        }
    }

    fn result_kept(&mut self, id: CandidateId, result: std::io::Result<()>) {
        let Some(candidate) = self.candidates.iter_mut().find(|it| it.id == id) else {
            return;
        };
        candidate.disk.is_being_written = false;
        match result {
            Ok(()) => {
                candidate.disk.has_pixels = true;
                self.keep_within_memory();
            }
            Err(error) => {
                candidate.disk.has_note = false;
                candidate.disk.has_failed = true;
                let document = candidate.document;
                self.say_not_kept(Some(document), &error);
            }
        }
    }

    fn say_not_kept(&mut self, document: Option<DocumentId>, error: &std::io::Error) {
        let why = error.to_string();
        let error = EditorError::ResultNotKept { why };
        self.notices.error(document, &error);
    }

    fn result_read(&mut self, id: CandidateId, result: std::io::Result<KeptPixels>) {
        let Some(candidate) = self.candidates.iter_mut().find(|it| it.id == id) else {
            return;
        };
        match result {
            Ok(pixels) => {
                candidate.disk.reading = Reading::No;
                candidate.patch = Some(pixels.patch);
                candidate.painted = pixels.painted;
                let (asked, others) = std::mem::take(&mut self.keeper.when_read)
                    .into_iter()
                    .partition(|(of, _)| *of == id);
                self.keeper.when_read = others;
                self.note_look(id);
                let asked: Vec<(CandidateId, WhenRead)> = asked;
                for (_, what) in asked {
                    match what {
                        WhenRead::Accept => self.accept_candidate(id),
                        WhenRead::AcceptBeside => self.accept_beside(id),
                        WhenRead::RunAgain { other_seed } => self.run_again(id, other_seed),
                    }
                }
                self.keep_within_memory();
            }
            Err(error) => {
                candidate.disk.reading = Reading::Failed;
                let document = candidate.document;
                self.keeper.when_read.retain(|(of, _)| *of != id);
                let why = error.to_string();
                let error = EditorError::ResultUnreadable { why };
                self.notices.error(Some(document), &error);
            }
        }
    }

    /// Somebody looks at a result: its pixels are wanted.
    pub(super) fn look_at(&mut self, id: CandidateId) {
        self.note_look(id);
        if let Some(candidate) = self.candidates.iter_mut().find(|it| it.id == id)
            && candidate.patch.is_none()
            && candidate.disk.reading == Reading::No
        {
            candidate.disk.reading = Reading::Wanted;
        }
    }

    pub(super) fn note_look(&mut self, id: CandidateId) {
        self.keeper.last_look += 1;
        if let Some(candidate) = self.candidates.iter_mut().find(|it| it.id == id) {
            candidate.disk.looked_at = self.keeper.last_look;
        }
    }

    /// True where the pixels of a result are in memory. Else they are asked for, and once they are there
    /// `what` is done.
    pub(super) fn is_read(&mut self, id: CandidateId, what: WhenRead) -> bool {
        let Some(candidate) = self.candidate(id) else {
            return false;
        };
        if candidate.patch.is_some() {
            return true;
        }
        if !candidate.is_lost() {
            self.keeper.when_read.push((id, what));
            self.look_at(id);
        }
        false
    }

    /// Lets pixels go that lie on the disk, those looked at longest ago first, until the budget is kept.
    /// What is on no disk stays, and so does what was looked at last.
    pub(super) fn keep_within_memory(&mut self) {
        let budget_bytes = (self.preferences.results_in_memory_mib as usize) << 20;
        let newest = self.candidates.iter().map(|it| it.disk.looked_at).max();
        // The pixels of a result that is a layer are the layer's own.
        let own_bytes = |candidate: &Candidate| match &candidate.patch {
            Some(patch) if !self.is_layer(candidate) => patch.pixels.bytes_held(),
            _ => 0,
        };
        let mut held: Vec<(u64, usize, CandidateId)> = self
            .candidates
            .iter()
            .map(|it| (it.disk.looked_at, own_bytes(it), it.id))
            .collect();
        let mut bytes: usize = held.iter().map(|(_, bytes, _)| bytes).sum();
        held.sort_unstable();
        for (looked_at, own, id) in held {
            if bytes <= budget_bytes {
                return;
            }
            if own == 0 || Some(looked_at) == newest {
                continue;
            }
            if let Some(candidate) = self.candidates.iter_mut().find(|it| it.id == id)
                && candidate.disk.has_pixels
            {
                candidate.patch = None;
                // It holds the picture of that time.
                candidate.request = None;
                bytes -= own;
            }
        }
    }

    /// True when the results of a document lie on the disk, and what was thrown away is noted there: if
    /// the program were killed now, none would be lost.
    pub fn has_kept_results(&self, document: DocumentId) -> bool {
        self.keeper.is_idle() && self.candidates(document).all(|it| !it.needs_writing())
    }

    /// True where a result is a layer of its document as it stands.
    pub fn is_layer(&self, candidate: &Candidate) -> bool {
        let open = self.document(candidate.document);
        let layer = open.zip(candidate.accepted_as);
        layer.is_some_and(|(open, layer)| open.document.layer(layer).is_some())
    }

    /// Throws results of a document away, all together, until they are brought back.
    pub(super) fn discard(&mut self, ids: &[CandidateId]) {
        let all = std::mem::take(&mut self.candidates).into_iter();
        let (mut results, kept): (Vec<_>, Vec<_>) = all.partition(|it| ids.contains(&it.id));
        self.candidates = kept;
        let Some(document) = results.first().map(|first| first.document) else {
            return;
        };
        let Some(open) = self.documents.iter().find(|open| open.id() == document) else {
            return;
        };
        let (serial, folder) = (open.document.serial(), open.result_folder());
        for result in &mut results {
            result.disk.has_note = false;
            if result.disk.has_pixels {
                result.patch = None;
                result.request = None;
            }
            if let Some(folder) = folder.clone() {
                let (key, note) = (result.key.clone(), NamedResult::of(result).to_json());
                self.keeper.notes.push_back(Box::new(move || {
                    ResultEvent::Noted(folder.throw_away(&key, note))
                }));
            }
        }
        self.keeper.thrown.push(Thrown {
            document,
            serial,
            results,
        });
        self.forget_oldest_thrown();
    }

    fn forget_oldest_thrown(&mut self) {
        let count = |all: &[Thrown]| all.iter().map(|thrown| thrown.results.len()).sum::<usize>();
        // What was thrown away last can be brought back, however much it was.
        while self.keeper.thrown.len() > 1 && count(&self.keeper.thrown) > MOST_THROWN {
            let oldest = self.keeper.thrown.remove(0);
            let open = self.document(oldest.document);
            let Some(folder) = open.and_then(OpenDocument::result_folder) else {
                continue;
            };
            for result in oldest.results {
                let folder = folder.clone();
                self.keeper.notes.push_back(Box::new(move || {
                    ResultEvent::Noted(folder.forget(&result.key))
                }));
            }
        }
    }

    /// Brings back what of a document was thrown away last.
    pub(super) fn bring_back(&mut self, id: DocumentId) {
        let mut thrown = self.keeper.thrown.iter();
        let Some(place) = thrown.rposition(|thrown| thrown.document == id) else {
            return;
        };
        let results = self.keeper.thrown.remove(place).results;
        for mut result in results {
            if result.patch.is_none() {
                result.disk.reading = Reading::Wanted;
            }
            // How its writing ended while it was away nobody has heard.
            result.disk.is_being_written = false;
            let after = |other: &Candidate| other.id > result.id;
            let place = self.candidates.iter().position(after);
            let place = place.unwrap_or(self.candidates.len());
            self.candidates.insert(place, result);
        }
    }

    /// True where something can be brought back.
    pub fn has_thrown_away(&self, document: DocumentId) -> bool {
        let mut thrown = self.keeper.thrown.iter();
        thrown.any(|thrown| thrown.document == document)
    }

    /// True where undo brings back what was thrown away, since nothing was done after it.
    fn undo_brings_back(&self, id: DocumentId) -> bool {
        let mut thrown = self.keeper.thrown.iter().rev();
        let last = thrown.find(|thrown| thrown.document == id);
        let open = self.document(id);
        last.zip(open).is_some_and(|(last, open)| {
            last.serial == open.document.serial() && open.document.open_gesture().is_none()
        })
    }

    /// What undo would take back.
    pub fn undo_message(&self, id: DocumentId) -> Option<Message> {
        if self.undo_brings_back(id) {
            return Some(Message::new("editor-edit-throw-away"));
        }
        let label = self.document(id)?.document.undo_label()?;
        Some(label.message())
    }

    pub(super) fn undo(&mut self, id: DocumentId) {
        if self.undo_brings_back(id) {
            return self.bring_back(id);
        }
        self.with_document(id, |open| {
            open.stroke = None;
            open.document.undo();
        });
    }

    pub(super) fn redo(&mut self, id: DocumentId) {
        self.with_document(id, |open| {
            open.stroke = None;
            open.document.redo();
        });
    }

    /// Takes the results of a document that is let go; what of them is still to be written.
    pub(super) fn let_results_go(&mut self, id: DocumentId) -> Vec<Unwritten> {
        self.keeper.thrown.retain(|thrown| thrown.document != id);
        let all = std::mem::take(&mut self.candidates).into_iter();
        let (results, others): (Vec<_>, Vec<_>) = all.partition(|it| it.document == id);
        self.candidates = others;
        let is_sure = |it: &Candidate| !it.needs_writing() && !it.disk.is_being_written;
        let unsure = results.iter().filter(|it| !is_sure(it));
        unsure.map(Candidate::unwritten).collect()
    }

    /// Gives a restored document the results that lie in its folder; their pixels are read by and by.
    pub(super) fn add_kept_results(&mut self, document: DocumentId, results: KeptResults) {
        let mut groups = HashMap::new();
        for (key, named) in results.found {
            let group = self.group_of(&mut groups, named.group());
            self.last_candidate += 1;
            let id = CandidateId(self.last_candidate);
            let mut candidate = named.into_candidate((id, document, group), key, None);
            candidate.disk.has_note = true;
            candidate.disk.has_pixels = true;
            candidate.disk.reading = Reading::Wanted;
            self.candidates.push(candidate);
        }
    }

    /// The group of this session for one as a file numbers it. What has no number stands alone.
    pub(super) fn group_of(&mut self, known: &mut HashMap<u64, GroupId>, in_file: u64) -> GroupId {
        if in_file == 0 {
            return self.new_group();
        }
        let next = GroupId(self.keeper.last_group + 1);
        let group = *known.entry(in_file).or_insert(next);
        self.keeper.last_group = self.keeper.last_group.max(group.0);
        group
    }

    /// The results of a document as people look for them: the newest press first, and what one press has
    /// made in the order in which it came.
    pub fn results_by_group(&self, document: DocumentId) -> Vec<Vec<&Candidate>> {
        let mut groups: Vec<Vec<&Candidate>> = Vec::new();
        for candidate in self.candidates(document) {
            let mut known = groups.iter_mut();
            let is_of_it = |group: &&mut Vec<&Candidate>| {
                let first = group.first();
                first.is_some_and(|first| first.group == candidate.group)
            };
            match known.find(is_of_it) {
                Some(group) => group.push(candidate),
                None => groups.push(vec![candidate]),
            }
        }
        groups.sort_by_key(|group| std::cmp::Reverse(group.first().map(|first| first.group)));
        groups
    }
}

//! [`Notice`]: what the user is told. The only place where errors of the rooms become messages.

use crate::document::DocumentId;
use crate::jobs::JobId;
use crate::text::{Explain, Message};

/// Names a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NoticeId(pub u64);

/// How much a notice matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoticeLevel {
    /// Something went well or is worth knowing; may vanish by itself.
    Info,
    /// Something was not done as asked.
    Warning,
    /// Something failed.
    Error,
}

/// Something to tell the user.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// Which notice.
    pub id: NoticeId,
    /// How much it matters.
    pub level: NoticeLevel,
    /// What to say.
    pub message: Message,
    /// The document it is about.
    pub document: Option<DocumentId>,
    /// The runs that failed of it.
    pub(super) failed: Vec<JobId>,
}

/// The notices that have not been dismissed, oldest first.
#[derive(Debug, Default)]
pub(super) struct Notices {
    list: Vec<Notice>,
    last_id: u64,
}

impl Notices {
    /// More are not kept: the oldest go first.
    const MOST: usize = 50;

    pub(super) fn list(&self) -> &[Notice] {
        &self.list
    }

    pub(super) fn info(&mut self, document: Option<DocumentId>, message: Message) {
        self.add(NoticeLevel::Info, document, message);
    }

    pub(super) fn warning(&mut self, document: Option<DocumentId>, message: Message) {
        self.add(NoticeLevel::Warning, document, message);
    }

    pub(super) fn warn(&mut self, document: Option<DocumentId>, what: &dyn Explain) {
        self.add(NoticeLevel::Warning, document, what.message());
    }

    pub(super) fn error(&mut self, document: Option<DocumentId>, what: &dyn Explain) {
        self.add(NoticeLevel::Error, document, what.message());
    }

    /// A run has failed.
    pub(super) fn failure(&mut self, document: DocumentId, what: &dyn Explain, job: JobId) {
        let (document, message) = (Some(document), what.message());
        let is_same = |old: &&Notice| old.message == message && old.document == document;
        let before = self.list.iter().find(is_same);
        let mut failed = before.map_or(Vec::new(), |before| before.failed.clone());
        failed.push(job);
        self.add(NoticeLevel::Error, document, message);
        if let Some(notice) = self.list.last_mut() {
            notice.failed = failed;
        }
    }

    /// Takes a notice off the list for the runs that failed of it.
    pub(super) fn take_failed(&mut self, id: NoticeId) -> Vec<JobId> {
        let notice = self.list.iter().find(|notice| notice.id == id);
        let failed = notice.map_or(Vec::new(), |notice| notice.failed.clone());
        self.dismiss(id);
        failed
    }

    pub(super) fn dismiss(&mut self, id: NoticeId) {
        self.list.retain(|notice| notice.id != id);
    }

    fn add(&mut self, level: NoticeLevel, document: Option<DocumentId>, message: Message) {
        self.last_id += 1;
        // Saying the same thing again moves it to the end instead of piling up.
        self.list
            .retain(|old| old.message != message || old.document != document);
        self.list.push(Notice {
            id: NoticeId(self.last_id),
            level,
            message,
            document,
            failed: Vec::new(),
        });
        if self.list.len() > Self::MOST {
            self.list.remove(0);
        }
    }
}

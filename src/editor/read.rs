//! What can be seen of an [`Editor`].

use std::path::PathBuf;

use super::{
    Candidate, CandidateId, Comparison, ComparisonId, Editor, Notice, OpenDocument, Preferences,
    Recoverable, Run, RunState,
};
use crate::catalog::{CatalogError, ModelCard, ModelRef, TinyAutoencoder};
use crate::document::DocumentId;
use crate::jobs::JobId;
use crate::plan::{Layout, Pass, PlanError, later_passes, layout};
use crate::text::Language;

impl Editor {
    /// The open documents in the order of their tabs.
    pub fn documents(&self) -> &[OpenDocument] {
        &self.documents
    }

    /// The document in front.
    pub fn active(&self) -> Option<&OpenDocument> {
        self.active.and_then(|id| self.document(id))
    }

    /// The document of that name.
    pub fn document(&self, id: DocumentId) -> Option<&OpenDocument> {
        self.documents.iter().find(|open| open.id() == id)
    }

    /// All runs that are known: the running one, the waiting ones in their order, then the ended
    /// ones, newest first.
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// The run of that job.
    pub fn run(&self, job: JobId) -> Option<&Run> {
        self.runs.iter().find(|run| run.job == job)
    }

    /// The run on the engine.
    pub fn running(&self) -> Option<&Run> {
        self.runs
            .iter()
            .find(|run| matches!(run.state, RunState::Running(_)))
    }

    /// The runs that wait, the next one first.
    pub fn queue(&self) -> impl Iterator<Item = &Run> {
        self.runs
            .iter()
            .filter(|run| matches!(run.state, RunState::Waiting))
    }

    /// The comparisons of a document, oldest first.
    pub fn comparisons(&self, document: DocumentId) -> impl Iterator<Item = &Comparison> {
        self.comparisons
            .iter()
            .filter(move |comparison| comparison.document == document)
    }

    /// The comparison of that name.
    pub fn comparison(&self, id: ComparisonId) -> Option<&Comparison> {
        self.comparisons
            .iter()
            .find(|comparison| comparison.id == id)
    }

    /// The finished results of a document, oldest first.
    pub fn candidates(&self, document: DocumentId) -> impl DoubleEndedIterator<Item = &Candidate> {
        self.candidates
            .iter()
            .filter(move |candidate| candidate.document == document)
    }

    /// The candidate of that name.
    pub fn candidate(&self, id: CandidateId) -> Option<&Candidate> {
        self.candidates.iter().find(|candidate| candidate.id == id)
    }

    /// What to tell the user, oldest first.
    pub fn notices(&self) -> &[Notice] {
        self.notices.list()
    }

    /// What the program remembers between its runs.
    pub fn preferences(&self) -> &Preferences {
        &self.preferences
    }

    /// The language to speak.
    pub fn language(&self) -> Language {
        self.preferences.language.unwrap_or(self.language)
    }

    /// The chosen model.
    pub fn model(&self) -> &ModelRef {
        &self.preferences.model
    }

    /// What is known of the chosen model; `None` while it is being read or cannot be.
    pub fn model_card(&self) -> Option<&ModelCard> {
        self.card.as_ref()
    }

    /// The models that were found, and why some cannot be offered.
    pub fn models(&self) -> &[Result<ModelCard, CatalogError>] {
        &self.found.models
    }

    /// The tiny autoencoder that makes previews of the chosen model, if there is one.
    pub fn preview_autoencoder(&self) -> Option<&TinyAutoencoder> {
        TinyAutoencoder::for_model(&self.found.tiny_autoencoders, self.card.as_ref()?)
    }

    /// Files of the LoRAs that were found.
    pub fn lora_files(&self) -> &[PathBuf] {
        &self.found.loras
    }

    /// How a run of the present settings would lie in the picture, or why it cannot. `None` while no
    /// model is known.
    pub fn layout(&self, document: DocumentId) -> Option<Result<Layout, PlanError>> {
        let open = self.document(document)?;
        let traits = &self.card.as_ref()?.traits;
        let region = open.region.bounds(open.settings().mask_mode);
        Some(layout(
            open.document.extent(),
            region,
            &open.settings().for_kind(open.document.mask_kind()),
            traits,
        ))
    }

    /// The passes that would follow the first one.
    pub fn later_passes(&self, document: DocumentId) -> Vec<Pass> {
        let (Some(open), Some(card)) = (self.document(document), &self.card) else {
            return Vec::new();
        };
        let layout = self.layout(document).and_then(Result::ok);
        layout.map_or_else(Vec::new, |layout| {
            later_passes(&layout, open.settings(), &card.traits)
        })
    }

    /// What sessions that ended badly have left.
    pub fn recoverable(&self) -> impl Iterator<Item = &Recoverable> {
        self.left_behind.iter().map(|(left, _)| left)
    }
}

//! Saving a document as a project, with its results, and opening one.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize as _;
use serde_json::Map;

use super::Editor;
use super::candidates::Candidate;
use super::files::{FileEvent, ProjectSaved};
use super::ids::CandidateId;
use super::in_project::InProject;
use super::journaling::Named;
use super::kept_results::{KeptPixels, NamedResult, ResultFolder};
use super::open_document::{AboutDocument, OpenDocument, file_name};
use crate::document::{Document, DocumentId};
use crate::plan::Restored as RecipeFound;
use crate::project::{self, Opened, Project, ProjectError, ResultEntry};
use crate::raster::FileOrigin;
use crate::text::{Explain as _, Message};

impl Editor {
    /// Writes a document as a project beside the file it was opened from.
    pub(super) fn save_project(&mut self, id: DocumentId) {
        let original = self.document(id).and_then(|open| open.about.path.clone());
        match original {
            Some(path) => {
                let place = project_of(&path);
                self.write_project(id, place);
            }
            None => self
                .notices
                .warn(Some(id), &super::error::EditorError::NoPath),
        }
    }

    /// Writes a document as a project to `path`, which becomes the document's own.
    pub(super) fn write_project(&mut self, id: DocumentId, path: PathBuf) {
        let (ids, results): (Vec<_>, Vec<_>) = self
            .candidates(id)
            .map(|candidate| (candidate.id, self.result_source(candidate)))
            .unzip();
        let Some(open) = self.documents.iter_mut().find(|open| open.id() == id) else {
            return;
        };
        let was = open.begin_saving();
        let known = open.in_project.as_ref().filter(|known| known.path == path);
        let in_project = InProject {
            written: known.and_then(|known| known.written.clone()),
            unknown: known.map(|known| known.unknown.clone()).unwrap_or_default(),
            results: ids,
            path,
        };
        let project = Project {
            state: open.document.state().clone(),
            about: about_json(&open.about),
            original: open.original.clone(),
            results: Vec::new(),
            unknown: in_project.unknown.clone(),
        };
        let taken = self.do_file_task(Box::new(move || {
            let previous = in_project.written.as_deref();
            let results: Result<_, _> = results.into_iter().map(ResultSource::entry).collect();
            let result = results.and_then(|results| {
                let project = Project { results, ..project };
                project::write(&in_project.path, &project, &was.picture, previous)
            });
            FileEvent::ProjectSaved(Box::new(ProjectSaved {
                was,
                in_project,
                result,
            }))
        }));
        self.with_document(id, |open| open.is_being_saved |= taken);
    }

    pub(super) fn project_saved(&mut self, saved: ProjectSaved) {
        let ProjectSaved {
            was,
            mut in_project,
            result,
        } = saved;
        let document = was.document;
        let open = self.documents.iter_mut().find(|open| open.id() == document);
        match result {
            Ok(written) => {
                let path = in_project.path.clone();
                in_project.written = Some(Arc::new(written));
                if let Some(open) = open {
                    open.is_being_saved = false;
                    open.lies_in(&path, was);
                    open.in_project = Some(in_project);
                }
                self.preferences.note_file(&path);
                self.preferences_changed = true;
                let saved = Message::new("editor-saved").with("name", file_name(&path));
                self.notices.info(Some(document), saved);
            }
            Err(error) => {
                if let Some(open) = open {
                    open.is_being_saved = false;
                }
                self.notices.error(Some(document), &error);
            }
        }
    }

    pub(super) fn project_opened(&mut self, path: PathBuf, opened: Opened) {
        let Opened {
            project,
            visible,
            notes,
            written,
        } = opened;
        self.preferences.note_file(&path);
        self.preferences_changed = true;
        let title = file_name(&path);
        let begin_with = self.settings_to_begin_with();
        let about = about_from_json(&project.about, title.clone(), path.clone());
        let mut about = about.unwrap_or_else(|| AboutDocument {
            title,
            path: Some(path.clone()),
            settings: RecipeFound::from_file(&FileOrigin::default(), &begin_with)
                .map_or(begin_with, |found| found.settings),
            origin: FileOrigin::default(),
            seed_locked: false,
            may_replace: false,
            unknown: Map::new(),
        });
        // A file of ours may be written again; one of another program's holds more than we would write.
        about.may_replace = written.is_some();
        let id = self.new_document_id();
        let journal = self.new_journal(id);
        let budget = Document::UNDO_BUDGET_BYTES;
        let document = Document::shown_as(id, project.state, visible, budget);
        let mut open = OpenDocument::new(document, about, journal);
        open.original = project.original;
        self.documents.push(open);
        self.active = Some(id);
        let results = self.add_results(id, project.results, &HashSet::new());
        self.with_document(id, |open| {
            open.in_project = written.map(|written| InProject {
                path,
                written: Some(Arc::new(written)),
                unknown: project.unknown,
                results,
            });
        });
        for note in notes {
            self.notices.info(Some(id), note.message());
        }
    }

    /// Gives a document back what only its project holds, after its journal was restored.
    pub(super) fn take_rest_of_project(
        &mut self,
        id: DocumentId,
        path: PathBuf,
        rest: Opened,
        thrown: &HashSet<String>,
    ) {
        let results = self.add_results(id, rest.project.results, thrown);
        self.with_document(id, |open| {
            open.original = rest.project.original;
            open.in_project = rest.written.map(|written| InProject {
                path,
                written: Some(Arc::new(written)),
                unknown: rest.project.unknown,
                results,
            });
        });
    }

    /// Adds the results of a project that are not there already and were not thrown away since; which
    /// those that are there are.
    fn add_results(
        &mut self,
        id: DocumentId,
        results: Vec<ResultEntry>,
        thrown: &HashSet<String>,
    ) -> Vec<CandidateId> {
        let mut ids = Vec::new();
        let mut groups = HashMap::new();
        for entry in results {
            let Some(named) = NamedResult::from_json(entry.note) else {
                continue;
            };
            let key = named.key().map(str::to_owned);
            let key = key.unwrap_or_else(|| self.seeds.draw_key());
            let known = self.candidates(id).find(|candidate| candidate.key == key);
            if let Some(known) = known {
                ids.push(known.id);
            } else if !thrown.contains(&key) {
                let group = self.group_of(&mut groups, named.group());
                self.last_candidate += 1;
                let candidate = CandidateId(self.last_candidate);
                ids.push(candidate);
                let pixels = KeptPixels {
                    patch: entry.patch,
                    painted: entry.painted,
                };
                let whose = (candidate, id, group);
                self.candidates
                    .push(named.into_candidate(whose, key, Some(pixels)));
            }
        }
        ids
    }

    fn result_source(&self, candidate: &Candidate) -> ResultSource {
        let open = self.document(candidate.document);
        ResultSource {
            note: NamedResult::of(candidate).to_json(),
            key: candidate.key.clone(),
            pixels: candidate.patch().map(|patch| KeptPixels {
                patch: Arc::clone(patch),
                painted: candidate.painted.clone(),
            }),
            folder: open.and_then(OpenDocument::result_folder),
        }
    }
}

/// A result that is to be written into a project, from memory or from the disk.
struct ResultSource {
    note: serde_json::Value,
    key: String,
    pixels: Option<KeptPixels>,
    folder: Option<ResultFolder>,
}

impl ResultSource {
    /// On the file thread.
    fn entry(self) -> Result<ResultEntry, ProjectError> {
        let Self {
            note,
            key,
            pixels,
            folder,
        } = self;
        let read = || match &folder {
            Some(folder) => folder.read(&key),
            None => Err(std::io::ErrorKind::NotFound.into()),
        };
        let pixels = pixels.map_or_else(read, Ok).map_err(|error| {
            // Rather no project than one that has lost a result.
            ProjectError::Read {
                path: PathBuf::from(&key),
                why: error.to_string(),
            }
        })?;
        Ok(ResultEntry {
            note,
            patch: pixels.patch,
            painted: pixels.painted,
        })
    }
}

/// `NAME.ora` beside `original`, with a number where that is taken.
pub(super) fn project_of(original: &Path) -> PathBuf {
    let stem = original.file_stem().unwrap_or(original.as_os_str());
    let mut number = 1_u32;
    loop {
        let mut name = stem.to_owned();
        if number > 1 {
            name.push(format!("-{number}"));
        }
        name.push(".");
        name.push(project::EXTENSION);
        let place = original.with_file_name(name);
        if place.symlink_metadata().is_err() || number == u32::MAX {
            return place;
        }
        number += 1;
    }
}

/// What a project tells of a document beside its state.
fn about_json(about: &AboutDocument) -> serde_json::Value {
    let named = Named {
        settings: about.settings.clone(),
        seed_locked: about.seed_locked,
        origin: about.origin.clone(),
        may_replace: about.may_replace,
        unknown: about.unknown.clone(),
    };
    // Plain values of ours always serialise.
    serde_json::to_value(named).unwrap_or_default()
}

/// What a project says of a document; `None` where it says nothing that can be understood.
fn about_from_json(
    told: &serde_json::Value,
    title: String,
    path: PathBuf,
) -> Option<AboutDocument> {
    let named = Named::deserialize(told).ok()?;
    Some(AboutDocument {
        title,
        path: Some(path),
        origin: named.origin,
        settings: named.settings,
        seed_locked: named.seed_locked,
        may_replace: named.may_replace,
        unknown: named.unknown,
    })
}

//! Getting models: what the network is asked for, what is being fetched, and what an earlier session left
//! unfinished. Nothing is asked or fetched but by a command.

use std::path::PathBuf;

use super::Editor;
use super::error::EditorError;
use super::files::FileEvent;
use crate::catalog;
use crate::downloads::{self, DownloadError, Options, Parcel, Picture, Progress, Unfinished};
use crate::jobs::{DownloadEvent, DownloadId, DownloadLane, Wake};
use crate::text::{Explain as _, Message};

/// A model that is being fetched, or was.
#[derive(Debug, Clone, PartialEq)]
pub struct Getting {
    /// Names it in commands.
    pub id: DownloadId,
    /// What it will be.
    pub parcel: Parcel,
    /// How far it is.
    pub state: GettingState,
}

/// How far a model is that is being fetched.
#[derive(Debug, Clone, PartialEq)]
pub enum GettingState {
    /// Others come first.
    Waiting,
    /// It comes.
    Running(Progress),
    /// It was stopped, in this session or one before; so many bytes are there to go on from.
    Stopped(u64),
    /// It failed, and why; getting it again goes on where it can.
    Failed(Message),
    /// It is there, whole.
    There(PathBuf),
}

/// What the network was asked about, before anything of a model is fetched.
#[derive(Debug, Clone, PartialEq)]
pub enum Question {
    /// The server has not answered yet.
    Asking(String),
    /// What it would be, with what should be got with it; it waits for somebody to agree to the licences.
    Open(Vec<Parcel>),
    /// It cannot be had.
    Failed(Message),
}

/// All of it.
#[derive(Debug)]
pub(super) struct GettingModels {
    lane: DownloadLane,
    question: Option<(DownloadId, Question)>,
    list: Vec<Getting>,
    last_id: u64,
}

impl GettingModels {
    pub(super) fn new(wake: Wake) -> Self {
        Self {
            lane: DownloadLane::new(wake),
            question: None,
            list: Vec::new(),
            last_id: 0,
        }
    }

    fn new_id(&mut self) -> DownloadId {
        self.last_id += 1;
        DownloadId(self.last_id)
    }

    fn find(&mut self, id: DownloadId) -> Option<&mut Getting> {
        self.list.iter_mut().find(|getting| getting.id == id)
    }
}

impl Editor {
    /// What the network was asked about last.
    pub fn question(&self) -> Option<&Question> {
        self.getting.question.as_ref().map(|(_, question)| question)
    }

    /// Models that are being fetched, or were in this session, or were left unfinished by one before.
    pub fn getting(&self) -> &[Getting] {
        &self.getting.list
    }

    /// Seconds that a picture would take here with a model that is not here yet, and whether that follows
    /// from runs on this machine.
    pub fn picture_seconds(&self, picture: &Picture) -> (f64, bool) {
        self.forecasting.picture_seconds(picture)
    }

    /// Where models go.
    pub fn models_folder(&self) -> PathBuf {
        catalog::models_folder(&self.data_dir)
    }

    fn download_options(&self) -> Options {
        Options::from_env(self.preferences.hub_token.clone())
    }

    /// Looks for what an earlier session has left unfinished.
    pub(super) fn list_unfinished(&mut self) {
        let models = self.models_folder();
        self.do_file_task(Box::new(move || {
            FileEvent::UnfinishedFound(downloads::unfinished(&models))
        }));
    }

    pub(super) fn take_unfinished(&mut self, found: Vec<Unfinished>) {
        for Unfinished { parcel, done } in found {
            let is_known = |getting: &Getting| getting.parcel.source == parcel.source;
            if !self.getting.list.iter().any(is_known) {
                let id = self.getting.new_id();
                let state = GettingState::Stopped(done);
                self.getting.list.push(Getting { id, parcel, state });
            }
        }
    }

    pub(super) fn ask_for_model(&mut self, source: &str) {
        let options = self.download_options();
        self.forget_question();
        let id = self.getting.new_id();
        self.getting.question = Some((id, Question::Asking(source.to_owned())));
        self.getting.lane.ask(id, source, options);
    }

    pub(super) fn forget_question(&mut self) {
        if let Some((id, _)) = self.getting.question.take() {
            self.getting.lane.stop(id);
        }
    }

    /// The licences were agreed to.
    pub(super) fn accept_question(&mut self) {
        if !matches!(&self.getting.question, Some((_, Question::Open(_)))) {
            return;
        }
        let Some((_, Question::Open(parcels))) = self.getting.question.take() else {
            return;
        };
        for parcel in parcels {
            let getting = &mut self.getting;
            let known = getting
                .list
                .iter()
                .position(|of| of.parcel.source == parcel.source);
            let id = match known.and_then(|at| getting.list.get_mut(at)) {
                // It runs already.
                Some(known)
                    if matches!(
                        known.state,
                        GettingState::Waiting | GettingState::Running(_)
                    ) =>
                {
                    continue;
                }
                Some(known) => {
                    known.parcel = parcel;
                    known.id
                }
                None => {
                    let id = getting.new_id();
                    let state = GettingState::Stopped(0);
                    getting.list.push(Getting { id, parcel, state });
                    id
                }
            };
            self.go_on_getting(id);
        }
    }

    pub(super) fn go_on_getting(&mut self, id: DownloadId) {
        let (options, models) = (self.download_options(), self.models_folder());
        // Under a new name: what an earlier thread still has to say is not about this one.
        let new_id = self.getting.new_id();
        let Some(getting) = self.getting.find(id) else {
            return;
        };
        if matches!(
            getting.state,
            GettingState::Waiting | GettingState::Running(_)
        ) {
            return;
        }
        getting.state = GettingState::Waiting;
        getting.id = new_id;
        let parcel = getting.parcel.clone();
        self.getting.lane.fetch(new_id, parcel, models, options);
    }

    pub(super) fn stop_getting(&mut self, id: DownloadId) {
        self.getting.lane.stop(id);
        if let Some(getting) = self.getting.find(id) {
            let done = match &getting.state {
                GettingState::Running(progress) => progress.done,
                GettingState::Waiting => 0,
                _ => return,
            };
            getting.state = GettingState::Stopped(done);
        }
    }

    /// Takes one off the list, and what is there of it off the disk unless it is whole.
    pub(super) fn forget_getting(&mut self, id: DownloadId) {
        let Some(at) = self
            .getting
            .list
            .iter()
            .position(|getting| getting.id == id)
        else {
            return;
        };
        self.getting.lane.stop(id);
        let getting = self.getting.list.remove(at);
        if !matches!(getting.state, GettingState::There(_)) {
            let models = self.models_folder();
            self.do_file_task(Box::new(move || {
                FileEvent::DownloadForgotten(downloads::forget(&models, &getting.parcel))
            }));
        }
    }

    pub(super) fn poll_downloads(&mut self) {
        while let Some((id, event)) = self.getting.lane.poll() {
            self.changed = true;
            match event {
                DownloadEvent::Asked(answer) => self.answered(id, answer),
                DownloadEvent::Progress(progress) => {
                    if let Some(getting) = self.getting.find(id)
                        && matches!(
                            getting.state,
                            GettingState::Waiting | GettingState::Running(_)
                        )
                    {
                        getting.state = GettingState::Running(progress);
                    }
                }
                DownloadEvent::Ended(ended) => self.got(id, ended),
                DownloadEvent::Lost => {
                    self.notices.error(None, &EditorError::TaskLost);
                    self.stop_getting(id);
                }
            }
        }
    }

    fn answered(&mut self, id: DownloadId, answer: Result<Vec<Parcel>, DownloadError>) {
        let Some((_, question)) = self.getting.question.as_mut().filter(|(of, _)| *of == id) else {
            return;
        };
        *question = match answer {
            Ok(parcels) => Question::Open(parcels),
            Err(error) => Question::Failed(error.message()),
        };
    }

    fn got(&mut self, id: DownloadId, ended: Result<PathBuf, DownloadError>) {
        let Some(getting) = self.getting.find(id) else {
            return;
        };
        match ended {
            Ok(path) => {
                let message = Message::new("editor-got").with("name", getting.parcel.name.clone());
                getting.state = GettingState::There(path);
                self.notices.info(None, message);
                self.list_models();
            }
            Err(error) if error.is_cancelled() => {
                if let GettingState::Running(progress) = &getting.state {
                    getting.state = GettingState::Stopped(progress.done);
                }
            }
            Err(DownloadError::AlreadyThere(path)) => getting.state = GettingState::There(path),
            Err(error) => {
                getting.state = GettingState::Failed(error.message());
                self.notices.error(None, &error);
            }
        }
    }
}

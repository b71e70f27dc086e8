//! The servers that may run models: which there are, whether they answer, and what each has. Each is asked on a
//! thread of its own; what is known of it is remembered, so that its models are there before it answers.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::Editor;
use super::command::Command;
use super::error::EditorError;
use super::server_view::{Adding, ServedCard, ServerCommand, ServerState, ServerView};
use crate::catalog::{
    Access, CatalogError, ModelRef, Placed, ServedModel, Server, ServerReport, Servers,
};
use crate::engine::ServerError;
use crate::engine::remote::{Pace, RemoteEngine, kind_at};
use crate::jobs::{AskLane, TaskEvent, TaskThread, Wake};
use crate::text::{Explain as _, Message};

/// What servers have answered.
pub(super) enum Answer {
    Found(
        u64,
        Result<Box<(Server, ServerReport, Placed)>, ServerError>,
    ),
    Told(Result<ServerReport, Message>),
    Architecture(String, Option<String>),
    /// A key, and what the server is called from now on.
    Placed(Placed, String),
    /// Nobody waits for it.
    Nothing,
    /// The thread that looked for a new server broke down.
    Lost,
}

/// What is to be done when something is remembered.
pub(super) enum After {
    Nothing,
    /// What was held goes on.
    Confirmed,
    /// A server has another name, or not, where that is another's.
    Renamed(String, String),
    /// More is known of a model.
    Known(String, String),
}

/// Something that is not done before the user agrees that a picture is sent to that server.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) server: Server,
    pub(super) command: Command,
    /// That is being remembered.
    pub(super) is_agreed: bool,
}

type Kept = (Result<(), CatalogError>, After, Servers);

/// All of it.
#[derive(Debug)]
pub(super) struct Serving {
    pub(super) servers: Servers,
    states: BTreeMap<String, (ServerState, Instant)>,
    views: Vec<ServerView>,
    pub(super) lane: AskLane<Answer>,
    keeping: TaskThread<Kept>,
    pub(super) adding: Option<(u64, Adding)>,
    pub(super) last_adding: u64,
    pub(super) held: Option<Held>,
}

/// Changes of what is remembered that may wait.
const MOST_CHANGES: usize = 64;
/// A server is not asked again sooner without being named.
const SOON: Duration = Duration::from_secs(20);
/// The name under which one is asked that has none yet.
pub(super) const NEW: &str = "";

impl Serving {
    pub(super) fn new(servers: Servers, wake: Wake) -> Self {
        let mut serving = Self {
            servers,
            states: BTreeMap::new(),
            views: Vec::new(),
            lane: AskLane::new(Wake::clone(&wake)),
            keeping: TaskThread::new("servers", MOST_CHANGES, wake),
            adding: None,
            last_adding: 0,
            held: None,
        };
        serving.look_again();
        serving
    }

    /// Works out again what is shown.
    fn look_again(&mut self) {
        let (servers, states) = (&self.servers, &self.states);
        let view = |server: &Server| {
            let name = server.name.as_str();
            let (state, report) = (states.get(name), servers.report(name).cloned());
            let models = report.iter().flat_map(|report| &report.models);
            let card = |model: &String| {
                let (served, told) = servers.served(name, model);
                let card = served.card();
                ServedCard { card, told }
            };
            ServerView {
                state: state.map_or_else(ServerState::default, |(state, _)| state.clone()),
                models: models.map(card).collect(),
                report,
                key: servers.key_place(name),
                seconds: servers.seconds(name),
                server: server.clone(),
            }
        };
        self.views = servers.list().iter().map(view).collect();
    }

    pub(super) fn set_state(&mut self, name: &str, state: ServerState) {
        self.states.insert(name.to_owned(), (state, Instant::now()));
        self.look_again();
    }

    fn is_asked(&self, name: &str, within: Duration) -> bool {
        let state = self.states.get(name);
        state
            .is_some_and(|(state, since)| *state == ServerState::Asking || since.elapsed() < within)
    }

    fn does_answer(&self, name: &str) -> bool {
        let state = self.states.get(name);
        state.is_some_and(|(state, _)| *state == ServerState::Answers)
    }

    /// Asks that server something, with its key.
    pub(super) fn ask(
        &mut self,
        name: &str,
        question: impl FnOnce(&RemoteEngine) -> Answer + Send + 'static,
    ) -> bool {
        let Some(server) = self.servers.list().iter().find(|it| it.name == name) else {
            return false;
        };
        let (server, servers) = (server.clone(), self.servers.clone());
        let task = move || match servers.try_access(&server.name) {
            Ok(access) => question(&RemoteEngine::new(&server, &access, Pace::default())),
            Err(error) => Answer::Told(Err(error.message())),
        };
        self.lane.ask(name, Box::new(task)).is_ok()
    }

    /// Changes what is remembered, after what was asked for before.
    pub(super) fn keep(
        &mut self,
        after: After,
        change: impl FnOnce(&mut Servers) -> Result<(), CatalogError> + Send + 'static,
    ) -> Result<(), EditorError> {
        let servers = self.servers.clone();
        let task = move || {
            // From what is written: the clone may be older than a change before this one.
            let mut servers = servers.reopened();
            let done = change(&mut servers);
            (done, after, servers)
        };
        let taken = self.keeping.try_do(Box::new(task));
        taken.map_err(|_| EditorError::TooBusy)
    }
}

impl Editor {
    /// The servers, in the order that the user gave them, with what is known of each.
    pub fn servers(&self) -> &[ServerView] {
        &self.serving.views
    }

    /// The server of that name.
    pub fn server(&self, name: &str) -> Option<&ServerView> {
        self.serving.views.iter().find(|it| it.server.name == name)
    }

    /// The server that is being added, or was last.
    pub fn adding_server(&self) -> Option<&Adding> {
        self.serving.adding.as_ref().map(|(_, adding)| adding)
    }

    pub(super) fn do_server(&mut self, command: ServerCommand) {
        let done = match command {
            ServerCommand::Add {
                address,
                name,
                access,
            } => {
                self.add_server(&address, name.trim(), access);
                Ok(())
            }
            ServerCommand::StopAdding => {
                self.serving.adding = None;
                Ok(())
            }
            ServerCommand::Ask(name) => {
                self.ask_server(&name);
                Ok(())
            }
            ServerCommand::AskAll => {
                self.ask_servers();
                Ok(())
            }
            ServerCommand::Change {
                server,
                name,
                access: None,
            } => self.rename_server(server, name.trim()),
            ServerCommand::Change {
                server,
                name,
                access: Some(access),
            } => self.set_server_access(&server, name, access),
            ServerCommand::Move { server, to } => self
                .serving
                .keep(After::Nothing, move |servers| servers.move_to(&server, to)),
            ServerCommand::Remove(server) => {
                self.serving.states.remove(&server);
                self.speeds_follow(&server, None);
                let remove = move |servers: &mut Servers| servers.remove(&server).map(drop);
                self.serving.keep(After::Nothing, remove)
            }
            ServerCommand::Tell {
                server,
                model,
                family,
            } => {
                let after = After::Known(server.clone(), model.clone());
                self.serving.keep(after, move |servers| {
                    servers.remember_family(&server, &model, family)
                })
            }
            ServerCommand::Send(agrees) => self.answer_leaving(agrees),
        };
        if let Err(error) = done {
            self.notices.warn(None, &error);
        }
    }

    fn ask_server(&mut self, name: &str) {
        if self.serving.is_asked(name, Duration::ZERO) {
            return;
        }
        let ask = |engine: &RemoteEngine| {
            let report = engine.report();
            Answer::Told(report.map_err(|error| error.message()))
        };
        if self.serving.ask(name, ask) {
            self.serving.set_state(name, ServerState::Asking);
        }
    }

    /// Asks all that were not asked a moment ago.
    pub(super) fn ask_servers(&mut self) {
        let servers = self.serving.servers.list().iter();
        let names: Vec<String> = servers
            .map(|server| server.name.clone())
            .filter(|name| !self.serving.is_asked(name, SOON))
            .collect();
        for name in names {
            self.ask_server(&name);
        }
    }

    fn rename_server(&mut self, server: String, name: &str) -> Result<(), EditorError> {
        if name.is_empty() || name == server {
            return Ok(());
        }
        let is_taken = name == Server::LOCAL || self.server(name).is_some();
        if is_taken {
            let message = Message::new("editor-server-name").with("name", name);
            self.notices.warning(None, message);
            return Ok(());
        }
        let after = After::Renamed(server.clone(), name.to_owned());
        let to = name.to_owned();
        self.serving
            .keep(after, move |servers| servers.rename(&server, &to).map(drop))
    }

    /// The key first, under the name that the server has still.
    fn set_server_access(
        &mut self,
        server: &str,
        name: String,
        access: Access,
    ) -> Result<(), EditorError> {
        let servers = self.serving.servers.clone();
        let place = move || Answer::Placed(servers.place_key(&name, access), name);
        let asked = self.serving.lane.ask(server, Box::new(place));
        asked.map_err(|_| EditorError::TooBusy)
    }

    /// Takes in what servers have answered and what was remembered.
    pub(super) fn poll_servers(&mut self) {
        while let Some((name, answer)) = self.serving.lane.poll() {
            self.changed = true;
            let answer = answer.unwrap_or_else(|_| match name.as_str() {
                NEW => Answer::Lost,
                _ => Answer::Told(Err(EditorError::TaskLost.message())),
            });
            self.take_answer(&name, answer);
        }
        while let Some(event) = self.serving.keeping.poll() {
            self.changed = true;
            match event {
                TaskEvent::Done((done, after, servers)) => {
                    self.serving.servers = servers;
                    self.serving.look_again();
                    if let Err(error) = done {
                        self.notices.error(None, &error);
                    }
                    self.go_on_after(after);
                }
                TaskEvent::Lost(_) => self.notices.error(None, &EditorError::TaskLost),
            }
        }
    }

    fn take_answer(&mut self, name: &str, answer: Answer) {
        let kept = match answer {
            Answer::Nothing => Ok(()),
            Answer::Lost => {
                let lost = EditorError::TaskLost.message();
                self.serving.adding = Some((0, Adding::Failed(lost)));
                Ok(())
            }
            Answer::Found(id, found) => return self.take_found(id, found.map(|found| *found)),
            Answer::Told(Err(fault)) => {
                self.serving.set_state(name, ServerState::Fault(fault));
                Ok(())
            }
            Answer::Told(Ok(report)) => {
                self.serving.set_state(name, ServerState::Answers);
                if self.serving.servers.report(name) == Some(&report) {
                    return;
                }
                let server = name.to_owned();
                self.serving.keep(After::Nothing, move |servers| {
                    servers.remember_report(&server, report)
                })
            }
            // One that did not answer is asked another time.
            Answer::Architecture(_, None) if !self.serving.does_answer(name) => Ok(()),
            Answer::Architecture(model, told) => {
                let (server, after) = (
                    name.to_owned(),
                    After::Known(name.to_owned(), model.clone()),
                );
                self.serving.keep(after, move |servers| {
                    servers.remember_architecture(&server, &model, told.unwrap_or_default())
                })
            }
            Answer::Placed(placed, now) => {
                let server = name.to_owned();
                // With another key it may answer.
                self.serving.states.remove(name);
                let set = move |servers: &mut Servers| {
                    let known = servers.list().iter().find(|it| it.name == server);
                    if let Some(server) = known.cloned() {
                        servers.set_placed(server, Some(placed))
                    } else {
                        placed.throw_away();
                        Ok(())
                    }
                };
                let kept = self.serving.keep(After::Nothing, set);
                kept.and_then(|()| self.rename_server(name.to_owned(), now.trim()))
            }
        };
        if let Err(error) = kept {
            self.notices.warn(None, &error);
        }
    }

    fn go_on_after(&mut self, after: After) {
        match after {
            After::Nothing => {}
            After::Confirmed => self.send_held(),
            After::Renamed(before, now) => {
                if let Some(state) = self.serving.states.remove(&before) {
                    self.serving.states.insert(now.clone(), state);
                    self.serving.look_again();
                }
                self.speeds_follow(&before, Some(&now));
                self.preferences.rename_server(&before, &now);
                self.rename_server_of_batch(&before, &now);
                self.preferences_changed = true;
                if let ModelRef::Served(model) = self.preferences.model.clone()
                    && model.server == before
                {
                    let server = now;
                    self.set_model(ModelRef::Served(ServedModel { server, ..model }));
                }
            }
            After::Known(server, model) => {
                let (known, _) = self.serving.servers.served(&server, &model);
                if let ModelRef::Served(chosen) = &self.preferences.model
                    && (&chosen.server, &chosen.name) == (&server, &model)
                    && *chosen != known
                {
                    self.set_model(ModelRef::Served(known));
                }
            }
        }
    }
}

/// What is at an address, under that name or its host's, with its key in its place.
pub(super) fn found(
    servers: &Servers,
    address: String,
    name: String,
    access: Access,
) -> Result<(Server, ServerReport, Placed), ServerError> {
    let kind = kind_at(&address, &access, Pace::default())?;
    let mut server = Server {
        name,
        address,
        kind,
        is_confirmed: false,
    };
    if server.name.is_empty() {
        server.name = server.host().to_owned();
    }
    let report = RemoteEngine::new(&server, &access, Pace::default()).report()?;
    let placed = servers.place_key(&server.name, access);
    Ok((server, report, placed))
}

//! What leaves this computer: nothing before the user agrees, once for each server.

use super::Editor;
use super::command::Command;
use super::error::EditorError;
use super::servers::{After, Held};
use crate::catalog::{ModelRef, Server};
use crate::jobs::EngineId;

impl Editor {
    /// The server to which a picture would be sent for the first time by what was asked for; it is not done
    /// before [`ServerCommand::Send`](super::ServerCommand::Send) answers.
    pub fn leaving(&self) -> Option<&Server> {
        let held = self.serving.held.as_ref().filter(|held| !held.is_agreed);
        held.map(|held| &held.server)
    }

    /// How many pictures would be sent there by what was asked for.
    pub fn leaving_count(&self) -> usize {
        match self.serving.held.as_ref().map(|held| &held.command) {
            Some(Command::Batch(command)) => self.batch_count(command),
            _ => 1,
        }
    }

    /// Holds a command that would send a picture to a server for the first time; gives back what may be done.
    pub(super) fn unless_held(&mut self, command: Command) -> Option<Command> {
        let Some(server) = self.first_sent_to(&command).cloned() else {
            return Some(command);
        };
        self.serving.held = Some(Held {
            server,
            command,
            is_agreed: false,
        });
        None
    }

    /// The server that would be sent a picture, where it is another machine and nobody has agreed to it.
    fn first_sent_to(&self, command: &Command) -> Option<&Server> {
        self.engines_run_by(command).into_iter().find_map(|engine| {
            let server = &self.server(engine.server()?)?.server;
            (!server.is_here() && !server.is_confirmed).then_some(server)
        })
    }

    /// The engines that a command may run on.
    fn engines_run_by(&self, command: &Command) -> Vec<EngineId> {
        if let Command::Batch(command) = command {
            return self.engines_of_batch(command);
        }
        let Some(model) = self.model_run_by(command) else {
            return Vec::new();
        };
        let others = match command {
            Command::CompareStrengths { .. } | Command::AddBetween { .. } => self.other_engines(),
            _ => Vec::new(),
        };
        let used = others.into_iter().filter(|(_, is_used)| *is_used);
        let own = std::iter::once(EngineId::of(model));
        own.chain(used.map(|(engine, _)| engine)).collect()
    }

    /// The model that a command runs.
    fn model_run_by(&self, command: &Command) -> Option<&ModelRef> {
        match command {
            Command::Generate { .. }
            | Command::CompareStrengths { .. }
            | Command::Harmonise { .. } => Some(self.model()),
            Command::AddBetween { comparison, .. } => Some(self.comparison(*comparison)?.model()),
            Command::RunAgain { result, .. } | Command::FinishInFull(result) => {
                Some(&self.candidate(*result)?.model)
            }
            Command::TryAgain(notice) => self.model_of_failed(*notice),
            _ => None,
        }
    }

    pub(super) fn answer_leaving(&mut self, agrees: bool) -> Result<(), EditorError> {
        let Some(held) = &mut self.serving.held else {
            return Ok(());
        };
        if !agrees {
            self.serving.held = None;
            return Ok(());
        }
        held.is_agreed = true;
        let name = held.server.name.clone();
        // It is done when that is written: the engine reads there whether it may.
        self.serving.keep(After::Confirmed, move |servers| {
            let known = servers.list().iter().find(|server| server.name == name);
            match known.cloned() {
                Some(server) => servers.set_placed(
                    Server {
                        is_confirmed: true,
                        ..server
                    },
                    None,
                ),
                None => Ok(()),
            }
        })
    }

    /// The folder that was to be sent is closed.
    pub(super) fn forget_held_batch(&mut self) {
        let held = &mut self.serving.held;
        held.take_if(|held| matches!(held.command, Command::Batch(_)));
    }

    /// Does what was held.
    pub(super) fn send_held(&mut self) {
        if let Some(held) = self.serving.held.take() {
            self.apply(held.command);
        }
    }
}

//! [`RoutedEngine`]: the engine of the window, which runs models of this machine here and those on servers there.

use std::path::PathBuf;

use crate::catalog::{ModelRef, Servers, Vault};
use crate::engine::remote::{Pace, RemoteEngine};
use crate::engine::{Engine, EngineError, EngineOutput, Fault, Progress, ServerError};
use crate::jobs::EngineFactory;
use crate::plan::EngineInput;
use crate::text::Message;

/// Where keys of servers are kept.
pub const VAULT: Vault = Vault::Keyring;

/// Runs models on the servers that were added, and on no others.
#[derive(Debug)]
pub struct ServedEngine {
    data_dir: PathBuf,
    /// The one that was used last, for which address and key.
    engine: Option<(Known, RemoteEngine)>,
}

/// What an engine was made for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Known {
    server: crate::catalog::Server,
    key_mark: u64,
}

impl ServedEngine {
    /// With the servers that are remembered in `data_dir`.
    pub fn new(data_dir: PathBuf) -> Self {
        Self {
            data_dir,
            engine: None,
        }
    }

    /// The engine of that server as it is remembered now. Refuses one that the user has not agreed to send
    /// pictures to.
    fn of(&mut self, name: &str) -> Result<&mut RemoteEngine, EngineError> {
        let servers = Servers::open(&self.data_dir);
        let refused = |what: &'static str| {
            EngineError::from(ServerError {
                server: name.to_owned(),
                fault: Fault::Cannot {
                    what: Message::new(what),
                },
            })
        };
        let mut all = servers.list().iter();
        let Some(server) = all.find(|server| server.name == name) else {
            return Err(refused("server-what-unknown"));
        };
        if !server.is_here() && !server.is_confirmed {
            return Err(refused("server-what-unconfirmed"));
        }
        let known = Known {
            server: server.clone(),
            key_mark: servers.key_mark(name),
        };
        let engine = match self.engine.take() {
            Some((of, engine)) if of == known => engine,
            _ => {
                let access = servers.try_access(name).map_err(EngineError::NoModel)?;
                RemoteEngine::new(server, &access, Pace::default())
            }
        };
        Ok(&mut self.engine.insert((known, engine)).1)
    }
}

impl Engine for ServedEngine {
    fn run(
        &mut self,
        input: &EngineInput,
        progress: &mut dyn Progress,
    ) -> Result<EngineOutput, EngineError> {
        let server = match &input.model {
            ModelRef::Served(model) => model.server.as_str(),
            ModelRef::BuiltIn | ModelRef::Folder(_) | ModelRef::File(_) => "",
        };
        self.of(server)?.run(input, progress)
    }
}

/// Runs each model where it lies.
pub struct RoutedEngine {
    local: EngineFactory,
    /// Made when the first model of this machine runs.
    here: Option<Box<dyn Engine>>,
    there: ServedEngine,
}

impl std::fmt::Debug for RoutedEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RoutedEngine")
            .field("there", &self.there)
            .finish_non_exhaustive()
    }
}

impl RoutedEngine {
    /// `local` makes what runs models of this machine; servers are those remembered in `data_dir`.
    pub fn new(local: EngineFactory, data_dir: PathBuf) -> Self {
        Self {
            local,
            here: None,
            there: ServedEngine::new(data_dir),
        }
    }
}

impl Engine for RoutedEngine {
    fn run(
        &mut self,
        input: &EngineInput,
        progress: &mut dyn Progress,
    ) -> Result<EngineOutput, EngineError> {
        if let ModelRef::Served(_) = input.model {
            return self.there.run(input, progress);
        }
        let here = match self.here.take() {
            Some(here) => here,
            None => (self.local)()?,
        };
        self.here.insert(here).run(input, progress)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::catalog::{Access, ServedModel, Server, ServerKind};
    use crate::engine::fake::FakeEngine;
    use crate::engine::remote::testing_input;
    use crate::engine::{Cancelled, Stage};
    use crate::raster::RgbF32;

    /// Nobody waits for a server that does not answer.
    struct ElsewhereToo;

    impl Progress for ElsewhereToo {
        fn checkpoint(&mut self) -> Result<(), Cancelled> {
            Ok(())
        }

        fn stage(&mut self, _: Stage) {}

        fn wants_preview(&self) -> bool {
            false
        }

        fn preview(&mut self, _: RgbF32) {}

        fn may_be_handed_on(&self) -> bool {
            true
        }
    }

    #[test]
    fn a_model_runs_where_it_lies_and_nothing_goes_where_nobody_agreed_to() {
        let room = tempfile::tempdir().unwrap();
        let local: EngineFactory =
            Arc::new(|| Ok(Box::new(FakeEngine::scripted(vec![])) as Box<dyn Engine>));
        let mut engine = RoutedEngine::new(local, room.path().to_owned());
        let mut input = testing_input();
        let mut fault = |engine: &mut RoutedEngine, model: ModelRef| {
            input.model = model;
            match engine.run(&input, &mut ElsewhereToo) {
                Ok(_) => None,
                Err(EngineError::Server(error)) => Some(error.fault),
                Err(other) => panic!("{other:?}"),
            }
        };
        assert_eq!(fault(&mut engine, ModelRef::BuiltIn), None);
        let served = ModelRef::Served(ServedModel::guessed("studio", "m", None));
        let what = |fault: Option<Fault>| match fault {
            Some(Fault::Cannot { what }) => what.key.into_owned(),
            other => panic!("{other:?}"),
        };
        let told = what(fault(&mut engine, served.clone()));
        assert_eq!(told, "server-what-unknown");
        let mut server = Server {
            name: "studio".to_owned(),
            // Nobody answers there, and nobody is asked before somebody agrees.
            address: "http://192.0.2.1:1".to_owned(),
            kind: ServerKind::Comfy,
            is_confirmed: false,
        };
        let mut servers = Servers::open(room.path());
        servers.set(server.clone(), Access::default()).unwrap();
        let told = what(fault(&mut engine, served.clone()));
        assert_eq!(told, "server-what-unconfirmed");
        // On this machine a picture stays, whoever listens.
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        server.address = format!("http://{}", free.local_addr().unwrap());
        drop(free);
        servers.set(server, Access::default()).unwrap();
        let told = fault(&mut engine, served);
        assert!(matches!(told, Some(Fault::Refused { .. })), "{told:?}");
    }
}

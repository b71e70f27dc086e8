//! `overpaint engines`, and the engine that `--engine` names.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use super::args::{BatchArgs, EngineArgs, EnginesArgs, EnginesCommand, FamilyArg};
use super::console::{Console, answer};
use super::data_dir;
use super::error::CliError;
use super::routed::VAULT;
use crate::bulk::lora_parts;
use crate::catalog::{
    Access, Family, KeyPlace, ModelRef, ServedModel, Server, ServerReport, Servers, ToldBy,
};
use crate::engine::diffusion::{self, EngineOptions};
use crate::engine::remote::{self, Pace, RemoteEngine, kind_at};
use crate::engine::{Demands, Engine, EngineError, ServerError};
use crate::jobs::{EditError, EngineFactory, Speeds};
use crate::plan::{LoraUse, LoraWeight};
use crate::text::{Explain as _, Message};

pub(super) fn run(args: &EnginesArgs, console: &Console) -> Result<(), CliError> {
    let mut servers = known();
    match &args.command {
        None | Some(EnginesCommand::List) => {
            answer(EngineArgs::LOCAL);
            let speeds = Speeds::read(&data_dir());
            for server in servers.list() {
                let speed = speeds.step_seconds_on(&server.name).map(|seconds| {
                    let message = Message::new("cli-engine-speed");
                    console.say(&message.with("seconds", format!("{seconds:.2}")))
                });
                let line = format!("{}  {}", line(server), speed.unwrap_or_default());
                answer(line.trim_end());
            }
        }
        Some(EnginesCommand::Add {
            address,
            name,
            key_file,
            header,
        }) => {
            let access = access(key_file.as_deref(), header)?;
            let mut server = found(address, &access)?;
            if let Some(name) = name {
                server.name.clone_from(name);
            }
            if server.name == Server::LOCAL {
                let taken = Message::new("cli-engine-name-taken");
                return Err(CliError::Argument(taken.with("name", server.name)));
            }
            let report = RemoteEngine::new(&server, &access, Pace::default()).report();
            let report = report.map_err(failed)?;
            servers.set(server.clone(), access)?;
            servers.remember_report(&server.name, report.clone())?;
            let added = match servers.key_place(&server.name) {
                None => "cli-engine-added",
                Some(KeyPlace::Keyring) => "cli-engine-added-keyring",
                Some(KeyPlace::File) => "cli-engine-added-file",
            };
            let added = Message::new(added).with("name", server.name.clone());
            console.note(&added);
            describe(&server, &report, console);
        }
        Some(EnginesCommand::Test { engine }) => {
            let (server, access) = named(engine)?;
            let report = RemoteEngine::new(&server, &access, Pace::default()).report();
            describe(&server, &report.map_err(failed)?, console);
        }
        Some(EnginesCommand::Remove { engine }) => {
            let known = servers.find(engine).map(|server| server.name.clone());
            if !servers.remove(engine)? {
                return Err(unknown(engine, &servers));
            }
            let mut speeds = Speeds::read(&data_dir());
            if known.is_some_and(|name| speeds.rename_server(&name, None)) {
                // Nothing of it is used any more.
                drop(speeds.write(&data_dir()));
            }
            let removed = Message::new("cli-engine-removed").with("name", engine.clone());
            console.note(&removed);
        }
    }
    Ok(())
}

/// A server that runs an edit, with its model, and the LoRAs there.
pub(super) struct Chosen {
    pub(super) engine: RemoteEngine,
    pub(super) model: ModelRef,
    pub(super) loras: Vec<LoraUse>,
}

/// The server that `--engine` names, and the model and LoRAs of those names there; `None`: this machine. Says
/// once that pictures leave it.
pub(super) fn chosen(
    args: &EngineArgs,
    (model, loras): (&str, &[String]),
    console: &Console,
) -> Result<Option<Chosen>, CliError> {
    if args.engine == EngineArgs::LOCAL {
        return Ok(None);
    }
    let (server, access) = named(&args.engine)?;
    let model = served(&server, &access, (model, args.family))?;
    let engine = RemoteEngine::new(&server, &access, Pace::default());
    let there = |typed: &String| {
        let (name, weight) = lora_parts(typed);
        Ok(LoraUse {
            lora: engine.lora(name).map_err(failed)?,
            weight: LoraWeight::new(weight).map_err(|error| CliError::Argument(error.message()))?,
        })
    };
    let loras = loras.iter().map(there).collect::<Result<_, CliError>>()?;
    say_leaving(server, console)?;
    Ok(Some(Chosen {
        engine,
        model: ModelRef::Served(model),
        loras,
    }))
}

/// An engine of a batch.
pub(super) struct BatchEngine {
    /// Makes it.
    pub(super) factory: EngineFactory,
    /// Its model; `None`: the recipe's, on this machine.
    pub(super) model: Option<ModelRef>,
}

/// The engines of a batch, each once, for a recipe with that model and those LoRAs there. One that does not answer
/// is left out where there are others.
pub(super) fn of_batch(
    args: &BatchArgs,
    (recipes_model, loras): (&str, &[String]),
    local: &EngineFactory,
    console: &Console,
) -> Result<Vec<BatchEngine>, CliError> {
    let mut typed: Vec<&str> = args.engine.iter().map(String::as_str).collect();
    let mut seen = BTreeSet::new();
    typed.retain(|name| seen.insert(*name));
    let mut engines = Vec::new();
    let mut absent = None;
    for text in typed {
        let (name, model) = match text.split_once('=') {
            Some((name, model)) => (name, Some(model)),
            None => (text, None),
        };
        if name == EngineArgs::LOCAL {
            if model.is_some() {
                let message = Message::new("cli-engine-local-model");
                return Err(CliError::Argument(message));
            }
            engines.push(BatchEngine {
                factory: EngineFactory::clone(local),
                model: None,
            });
            continue;
        }
        let model = (model.unwrap_or(recipes_model), args.family);
        let found = on_server(name, model, loras, console);
        match found {
            Ok(engine) => engines.push(engine),
            Err(error) if is_absence(&error) => {
                console.problem(&error);
                absent = Some(error);
            }
            Err(error) => return Err(error),
        }
    }
    match absent {
        Some(error) if engines.is_empty() => Err(error),
        _ => Ok(engines),
    }
}

/// True where a server did not answer, or not as one.
fn is_absence(error: &CliError) -> bool {
    matches!(error, CliError::Edit(EditError::Engine(EngineError::Server(error))) if error.fault.is_of_server())
}

fn on_server(
    name: &str,
    (model, family): (&str, Option<FamilyArg>),
    loras: &[String],
    console: &Console,
) -> Result<BatchEngine, CliError> {
    let (server, access) = named(name)?;
    let model = served(&server, &access, (model, family))?;
    let engine = RemoteEngine::new(&server, &access, Pace::default());
    for lora in loras {
        engine.lora(lora).map_err(failed)?;
    }
    say_leaving(server.clone(), console)?;
    let factory = move || {
        let engine = RemoteEngine::new(&server, &access, Pace::default());
        Ok(Box::new(engine) as Box<dyn Engine>)
    };
    Ok(BatchEngine {
        factory: Arc::new(factory),
        model: Some(ModelRef::Served(model)),
    })
}

/// The model of that name there. What it was said to be is remembered where the server is.
fn served(
    server: &Server,
    access: &Access,
    (model, family): (&str, Option<FamilyArg>),
) -> Result<ServedModel, CliError> {
    let engine = RemoteEngine::new(server, access, Pace::default());
    let model = engine.model(model).map_err(failed)?;
    let mut servers = known();
    let Some(said) = family else {
        return Ok(servers.as_confirmed(model));
    };
    let family = said.family();
    if servers.find(&server.name).is_some() {
        servers.remember_family(&server.name, &model.name, family)?;
    }
    Ok(ServedModel {
        family: family.unwrap_or(model.family),
        ..model
    })
}

/// Says that pictures leave this machine, once for each server that was added.
fn say_leaving(server: Server, console: &Console) -> Result<(), CliError> {
    if server.is_here() || server.is_confirmed {
        return Ok(());
    }
    let leaves = Message::new("cli-engine-leaves").with("name", server.name.clone());
    console.note(&leaves.with("address", server.address.clone()));
    let mut servers = known();
    if servers.find(&server.name).is_some() {
        let is_confirmed = true;
        let server = Server {
            is_confirmed,
            ..server
        };
        servers.set_placed(server, None)?;
    }
    Ok(())
}

/// What runs of `model` ask of the engine that runs it; `None` where that cannot be known. `previews_in`: where
/// places of models are remembered, if its engine makes previews by tiny autoencoders that lie there.
pub fn demands_of(
    model: &ModelRef,
    options: EngineOptions,
    previews_in: Option<&Path>,
) -> Option<Arc<dyn Demands>> {
    match model {
        ModelRef::Served(served) => Some(remote::demands_of(served)),
        ModelRef::BuiltIn | ModelRef::Folder(_) | ModelRef::File(_) => {
            diffusion::demands_of(model, options, previews_in)
        }
    }
}

/// The servers that were added.
fn known() -> Servers {
    Servers::open(&data_dir()).with_vault(VAULT)
}

fn failed(error: ServerError) -> CliError {
    CliError::Edit(EditError::Engine(EngineError::Server(error)))
}

/// The server of that name, or at that address, which need not have been added.
fn named(engine: &str) -> Result<(Server, Access), CliError> {
    let servers = known();
    if let Some(server) = servers.find(engine) {
        return Ok((server.clone(), servers.try_access(&server.name)?));
    }
    // A name has no dots or colons; what has may be an address.
    if !engine.contains(['.', ':', '/']) {
        return Err(unknown(engine, &servers));
    }
    let access = Access::default();
    Ok((found(engine, &access)?, access))
}

/// What is at that address.
fn found(typed: &str, access: &Access) -> Result<Server, CliError> {
    let address = Server::address_of(typed).ok_or_else(|| {
        CliError::Argument(Message::new("cli-engine-bad-address").with("address", typed))
    })?;
    let kind = kind_at(&address, access, Pace::default()).map_err(failed)?;
    let mut server = Server {
        name: String::new(),
        address,
        kind,
        is_confirmed: false,
    };
    server.name = server.host().to_owned();
    Ok(server)
}

fn unknown(engine: &str, servers: &Servers) -> CliError {
    let names = servers.list().iter().map(|server| server.name.clone());
    let known: Vec<String> = std::iter::once(EngineArgs::LOCAL.to_owned())
        .chain(names)
        .collect();
    let message = Message::new("cli-engine-unknown").with("name", engine);
    CliError::Argument(message.with("known", known.join(", ")))
}

fn access(key_file: Option<&str>, headers: &[String]) -> Result<Access, CliError> {
    let key = match key_file {
        None => None,
        Some("-") => {
            let mut typed = String::new();
            let read = std::io::stdin().read_to_string(&mut typed);
            read.map_err(|error| CliError::System(error.to_string()))?;
            Some(typed)
        }
        Some(path) => {
            let read = std::fs::read_to_string(path);
            Some(read.map_err(|error| CliError::System(format!("{path}: {error}")))?)
        }
    };
    let mut named = BTreeMap::new();
    for header in headers {
        let Some((name, value)) = header.split_once(':') else {
            let message = Message::new("cli-engine-bad-header");
            return Err(CliError::Argument(message.with("header", header.clone())));
        };
        named.insert(name.trim().to_owned(), value.trim().to_owned());
    }
    Ok(Access {
        key: key.map(|key| key.trim().to_owned()),
        headers: named,
    })
}

fn line(server: &Server) -> String {
    format!(
        "{:20} {:14} {}",
        server.name,
        server.kind.name(),
        server.address
    )
}

fn describe(server: &Server, report: &ServerReport, console: &Console) {
    answer(&line(server));
    let told = format!("{} {}", report.version, report.device);
    if !told.trim().is_empty() {
        answer(&format!("  {}", told.trim()));
    }
    let count = Message::new("cli-engine-models").with("count", report.models.len());
    answer(&format!("  {}", console.say(&count)));
    let servers = known();
    for model in &report.models {
        let told = servers.family_of(&server.name, model);
        let told = told.and_then(Family::name).map(|family| {
            let by = console.say(&ToldBy::Hand.message());
            format!("  {family} ({by})")
        });
        answer(&format!("    {model}{}", told.unwrap_or_default()));
    }
    if !report.loras.is_empty() {
        let count = Message::new("cli-engine-loras").with("count", report.loras.len());
        answer(&format!("  {}", console.say(&count)));
        for lora in &report.loras {
            answer(&format!("    {lora}"));
        }
    }
}

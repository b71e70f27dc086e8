//! Runs on other machines: [`RemoteEngine`] has a `ComfyUI` or a WebUI's API (`/sdapi/v1`) do what
//! `diffusion` does here, behind the same [`Engine`]. Planning, composite and pixel safety stay ours: a
//! server gets a work picture and a mask, and gives a work picture back.
//!
//! The only room beside `downloads` that names a network client. It sends nothing but to the server it was
//! given, follows no redirects, and keeps no thread when a run has ended. A run that is cancelled is left at
//! once, whatever its server does: see [`attended()`]. One whose server goes away is asked again when it is back:
//! see [`absence`].

mod absence;
mod attended;
mod comfy;
mod demand;
mod http;
mod limits;
mod loras;
mod picture;
mod sdapi;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod words;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

pub use demand::demands_of;
pub use http::Pace;
pub use limits::{Limit, limits};
#[cfg(test)]
pub(crate) use testing::input as testing_input;

use super::server_error::{Fault, ServerError, shortened};
use super::{Engine, EngineError, EngineOutput, Progress};
use crate::catalog::{Access, LoraRef, ModelRef, ServedModel, Server, ServerKind, ServerReport};
use crate::plan::EngineInput;
use crate::raster::RgbF32;
use crate::text::Message;
use attended::{Leaving, attended};
use comfy::Comfy;
use http::Http;
use loras::{lora_there, names};
use sdapi::Sdapi;

/// Runs edits on a server.
#[derive(Debug)]
pub struct RemoteEngine {
    kind: ServerKind,
    http: Http,
    /// What was cancelled last, where it has not said so to its server yet.
    leaving: Option<Leaving>,
}

#[derive(Debug)]
enum Speaker {
    Comfy(Comfy),
    Sdapi(Sdapi),
}

impl Speaker {
    fn of(kind: ServerKind, http: Http) -> Self {
        match kind {
            ServerKind::Comfy => Self::Comfy(Comfy::new(http)),
            ServerKind::Sdapi => Self::Sdapi(Sdapi::new(http)),
        }
    }
}

impl RemoteEngine {
    /// An engine on that server, which is asked nothing yet.
    pub fn new(server: &Server, access: &Access, pace: Pace) -> Self {
        Self {
            kind: server.kind,
            http: Http::new(server, access, pace),
            leaving: None,
        }
    }

    fn speaker(&self) -> Speaker {
        Speaker::of(self.kind, self.http.clone())
    }

    /// Asks the server what it is and has.
    pub fn report(&self) -> Result<ServerReport, ServerError> {
        match self.speaker() {
            Speaker::Comfy(comfy) => comfy.report(),
            Speaker::Sdapi(sdapi) => sdapi.report(),
        }
    }

    /// What the file of a model there says of its architecture, where the server tells it.
    pub fn architecture(&self, model: &str) -> Option<String> {
        match self.speaker() {
            Speaker::Comfy(comfy) if !is_graph(model) => comfy.architecture(model),
            Speaker::Comfy(_) | Speaker::Sdapi(_) => None,
        }
    }

    /// The model of that name there, with what can be learned of it. A name without its ending will do.
    pub fn model(&self, name: &str) -> Result<ServedModel, ServerError> {
        let server = &self.http.server;
        if is_graph(name) {
            return Ok(ServedModel::guessed(server, name, None));
        }
        self.refuse_instructed(name)?;
        let known = self.report()?.models;
        let file = |there: &str| {
            let file = there.rsplit(['/', '\\']).next().unwrap_or_default();
            let file = file.split(" [").next().unwrap_or_default();
            let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
            file == name || stem == name
        };
        let found = known.iter().find(|there| *there == name);
        let found = found.or_else(|| known.iter().find(|there| file(there)));
        let Some(found) = found else {
            let name = name.to_owned();
            return Err(self.http.fault(Fault::Missing { name, known }));
        };
        let architecture = self.architecture(found);
        self.refuse_instructed(architecture.as_deref().unwrap_or(found))?;
        self.refuse_instructed(found)?;
        Ok(ServedModel::guessed(server, found, architecture.as_deref()))
    }
}

impl RemoteEngine {
    /// The LoRA of that name there. A name without its folder or ending will do.
    pub fn lora(&self, name: &str) -> Result<LoraRef, ServerError> {
        let known = match self.speaker() {
            Speaker::Comfy(comfy) => comfy.known_loras()?,
            Speaker::Sdapi(sdapi) => names(&sdapi.known_loras()?),
        };
        let there = lora_there(&known, &LoraRef::served(name)).map(|there| LoraRef::served(there));
        there.ok_or_else(|| {
            let name = name.to_owned();
            self.http.fault(Fault::Missing { name, known })
        })
    }

    /// A model that follows instructions is shown the picture besides, which these protocols do not do: the
    /// server would run it without, and give nonsense.
    fn refuse_instructed(&self, said: &str) -> Result<(), ServerError> {
        let said = said.to_lowercase();
        let mut names = ["pix2pix", "ip2p", "instruct-p2p", "instructp2p"].iter();
        if names.any(|name| said.contains(name)) {
            let what = Message::new("server-what-instructions");
            return Err(self.http.fault(Fault::Cannot { what }));
        }
        Ok(())
    }
}

/// Which language is spoken at an address: each is asked what only it knows.
pub fn kind_at(address: &str, access: &Access, pace: Pace) -> Result<ServerKind, ServerError> {
    let engine = |kind| {
        let server = Server {
            name: address.to_owned(),
            address: address.to_owned(),
            kind,
            is_confirmed: false,
        };
        RemoteEngine::new(&server, access, pace).report()
    };
    let Err(first) = engine(ServerKind::Comfy) else {
        return Ok(ServerKind::Comfy);
    };
    // Where nobody answers, nobody will; else the other one's answer is as good a reason as the first's.
    if !matches!(
        first.fault,
        Fault::NotUnderstood { .. } | Fault::Failed { .. }
    ) {
        return Err(first);
    }
    engine(ServerKind::Sdapi).map(|_| ServerKind::Sdapi)
}

impl Engine for RemoteEngine {
    fn run(
        &mut self,
        input: &EngineInput,
        progress: &mut dyn Progress,
    ) -> Result<EngineOutput, EngineError> {
        let ModelRef::Served(model) = &input.model else {
            let what = Message::new("server-what-local-model");
            return Err(self.http.fault(Fault::Cannot { what }).into());
        };
        if !is_graph(&model.name) {
            self.refuse_instructed(&model.name)?;
        }
        if let Some(leaving) = &self.leaving {
            leaving.wait(progress)?;
        }
        let (http, line) = self.http.apart();
        let (kind, model, input) = (self.kind, model.clone(), input.clone());
        let work = move |progress: &mut dyn Progress| match Speaker::of(kind, http) {
            Speaker::Comfy(comfy) => comfy.run(&model, &input, progress),
            Speaker::Sdapi(sdapi) => sdapi.run(&model, &input, progress),
        };
        let (outcome, leaving) = attended(work, || line.shutdown(), progress);
        self.leaving = leaving;
        outcome
    }
}

/// Whether what is given for a model is a graph of the user's own.
fn is_graph(name: &str) -> bool {
    let ending = Path::new(name).extension();
    ending.is_some_and(|ending| ending.eq_ignore_ascii_case("json"))
}

/// A name that nothing else has: two programs, or two runs of one, do not meet.
fn unique() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let nanos = now.map_or(0, |now| now.as_nanos() as u64);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let process = u64::from(std::process::id());
    format!("{nanos:016x}{process:08x}{count:08x}")
}

/// The picture that came, where it is one of the size that was asked for.
fn checked(
    http: &Http,
    picture: Option<RgbF32>,
    bytes: &[u8],
    input: &EngineInput,
) -> Result<RgbF32, ServerError> {
    let Some(picture) = picture else {
        let said = shortened(&String::from_utf8_lossy(bytes.get(..400).unwrap_or(bytes)));
        return Err(http.fault(Fault::NotUnderstood { said }));
    };
    let (wanted, got) = (input.image.extent, picture.extent);
    if wanted != got {
        return Err(http.fault(Fault::WrongSize {
            wanted: format!("{}×{}", wanted.width, wanted.height),
            got: format!("{}×{}", got.width, got.height),
        }));
    }
    Ok(picture)
}

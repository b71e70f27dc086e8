//! [`Comfy`]: a run on `ComfyUI`. Pictures go up as temporary files, a graph of core nodes follows; its
//! socket tells how far it is. A lost socket or server loses nothing: the job is asked after by its id, and only a
//! server that has forgotten it is given it again, with its pictures.

mod graph;
mod job;
mod levels;
mod own_graph;
mod socket;

use std::fmt::Write as _;

use serde_json::Value as Json;

use super::absence::{Attempt, through_absences};
use super::http::Http;
use super::loras::lora_there;
use super::picture::{decoded, map_png, png};
use super::unique;
use crate::catalog::{ServedModel, ServerReport};
use crate::engine::server_error::{Fault, ServerError, shortened};
use crate::engine::{EngineError, EngineOutput, Progress, RunReport, Stage};
use crate::plan::{EngineInput, LatentFill};
use crate::raster::RgbF32;
use crate::text::Message;
use graph::{Maps, RESULT, ROUND_TRIP, Sent};
use job::Job;
pub(super) use levels::sampler as sampler_there;

/// Where pictures lie there until it is started again.
const FOLDER: &str = "overpaint";

/// What it is asked to find out whether it is there.
const QUESTION: &str = "/system_stats";

/// A job of a run, as it was handed over.
struct Asked<'a> {
    job: Job<'a>,
    /// The node that gives the result.
    result: String,
    notes: Vec<Message>,
}

/// Runs jobs on a `ComfyUI`.
#[derive(Debug)]
pub(super) struct Comfy {
    http: Http,
    client: String,
}

impl Comfy {
    pub(super) fn new(http: Http) -> Self {
        Self {
            http,
            client: unique(),
        }
    }

    /// Asks what there is.
    pub(super) fn report(&self) -> Result<ServerReport, ServerError> {
        let stats: Json = self.http.get_json(QUESTION)?;
        let text = |path: &str| stats.pointer(path).and_then(Json::as_str);
        if stats.get("devices").is_none() {
            let said = shortened(&stats.to_string());
            return Err(self.http.fault(Fault::NotUnderstood { said }));
        }
        Ok(ServerReport {
            version: text("/system/comfyui_version")
                .unwrap_or_default()
                .to_owned(),
            device: text("/devices/0/name").unwrap_or_default().to_owned(),
            models: self.choices("CheckpointLoaderSimple", "ckpt_name")?,
            loras: self.known_loras()?,
            samplers: self.choices("KSampler", "sampler_name")?,
        })
    }

    /// What the file of a model says of its architecture, where it says something.
    pub(super) fn architecture(&self, model: &str) -> Option<String> {
        let name = percent_encoded(model);
        let path = format!("/view_metadata/checkpoints?filename={name}");
        let metadata: Json = self.http.get_json(&path).ok()?;
        let told = metadata.get("modelspec.architecture")?.as_str()?;
        Some(told.to_owned())
    }

    /// The values that an input of a node may have; none where there is no such node.
    fn choices(&self, node: &str, input: &str) -> Result<Vec<String>, ServerError> {
        let info: Json = self.http.get_json(&format!("/object_info/{node}"))?;
        let told = info.pointer(&format!("/{node}/input/required/{input}"));
        // A list, or since 2025 “COMBO” with the list among its options.
        let list = told.and_then(|told| {
            let first = told.get(0)?.as_array();
            first.or_else(|| told.pointer("/1/options")?.as_array())
        });
        let names = list.into_iter().flatten().filter_map(Json::as_str);
        Ok(names.map(str::to_owned).collect())
    }

    /// The LoRAs there.
    pub(super) fn known_loras(&self) -> Result<Vec<String>, ServerError> {
        self.choices("LoraLoader", "lora_name")
    }

    /// True where it has that node; an error where it does not answer.
    fn has_node(&self, node: &str) -> Result<bool, ServerError> {
        let info = self.http.get_json::<Json>(&format!("/object_info/{node}"));
        match info {
            Err(error) if error.fault.is_passing() => Err(error),
            info => Ok(info.is_ok_and(|info| info.get(node).is_some())),
        }
    }

    pub(super) fn run(
        &self,
        model: &ServedModel,
        input: &EngineInput,
        progress: &mut dyn Progress,
    ) -> Result<EngineOutput, EngineError> {
        let mut asked = None;
        let outcome = through_absences(&self.http, QUESTION, progress, |progress| {
            let outcome = self.attempt((model, input), &mut asked, progress);
            let is_there = asked.is_some();
            Attempt { outcome, is_there }
        });
        if progress.checkpoint().is_err() {
            if let Some(asked) = &asked {
                asked.job.stop();
            }
            return Err(EngineError::Cancelled);
        }
        outcome
    }

    /// Hands a job over, or goes on with the one that was, and fetches what it gave. `asked` is nothing where the
    /// server does not have it.
    fn attempt<'a>(
        &'a self,
        (model, input): (&ServedModel, &EngineInput),
        asked: &mut Option<Asked<'a>>,
        progress: &mut dyn Progress,
    ) -> Result<EngineOutput, EngineError> {
        progress.checkpoint()?;
        if asked.is_none() {
            progress.stage(Stage::Loading);
            self.ask((model, input), asked, progress)?;
        }
        let Some(Asked { job, result, notes }) = asked else {
            return Err(self.http.fault(Fault::Gone).into());
        };
        let Some(outputs) = job.outputs(progress)? else {
            // It was started again and has forgotten everything, the pictures too.
            *asked = None;
            return Err(self.http.fault(Fault::Gone).into());
        };
        progress.stage(Stage::Decoding);
        let has_round_trip = input.wants_round_trip && result == RESULT;
        let pictures = self.picture(&outputs, result, input).and_then(|image| {
            let round_trip = has_round_trip.then(|| self.picture(&outputs, ROUND_TRIP, input));
            Ok((image, round_trip.transpose()?))
        });
        let is_odd = |error: &ServerError| matches!(error.fault, Fault::NotUnderstood { .. });
        if pictures.as_ref().is_err_and(is_odd) && job.is_forgotten(progress)? {
            // Its results went with it when it was started again.
            *asked = None;
            return Err(self.http.fault(Fault::Gone).into());
        }
        let (seconds, notes) = (job.seconds(), notes.clone());
        let (image, round_trip) = pictures?;
        Ok(EngineOutput {
            image,
            round_trip,
            report: RunReport {
                seconds,
                executed_steps: input.steps.executed(input.strength),
                prompts: 1 + u32::from(input.guidance.is_on()),
                text_encodes: 1,
                picture_encodes: 1,
                parts: 1,
                round_trips: u32::from(input.wants_round_trip),
                device: format!("ComfyUI {}", self.http.server),
                notes,
                ..RunReport::default()
            },
        })
    }

    /// Checks that it can be done there, sends the pictures and hands the graph over.
    fn ask<'a>(
        &'a self,
        (model, input): (&ServedModel, &EngineInput),
        asked: &mut Option<Asked<'a>>,
        progress: &mut dyn Progress,
    ) -> Result<(), EngineError> {
        let mut notes = Vec::new();
        let own = if super::is_graph(&model.name) {
            let text = std::fs::read_to_string(&model.name);
            Some(text.map_err(|error| self.bad_graph(&model.name, error.to_string()))?)
        } else {
            None
        };
        let loras = if own.is_none() {
            self.check(model, input)?;
            self.loras(input)?
        } else if input.loras.is_empty() {
            Vec::new()
        } else {
            let what = Message::new("server-what-graph-lora");
            return Err(self.http.fault(Fault::Cannot { what }).into());
        };
        let is_soft_there = own.is_some() || self.has_node("DifferentialDiffusion")?;
        let maps = graph::maps(input, is_soft_there);
        let is_soft = maps.as_ref().is_some_and(|maps| maps.is_soft);
        if !is_soft_there && graph::maps(input, true).is_some_and(|maps| maps.is_soft) {
            notes.push(
                Message::new("server-note-hard-mask").with("server", self.http.server.clone()),
            );
        }
        progress.checkpoint()?;
        let sent = Sent {
            loras,
            ..self.sent(model, input, maps.as_ref())?
        };
        let (graph, result) = if let Some(text) = &own {
            own_graph::filled(text, input, &sent).map_err(|why| self.bad_graph(&model.name, why))?
        } else {
            let graph = graph::graph(input, &model.name, &sent, is_soft);
            (graph, RESULT.to_owned())
        };
        progress.checkpoint()?;
        let job = Job::new(&self.http, &self.client, input);
        let handed = asked.insert(Asked { job, result, notes });
        let outcome = handed.job.hand_over(&graph, progress);
        if let Err(EngineError::Server(error)) = &outcome {
            // Where the connection broke it may have the job all the same.
            if !matches!(error.fault, Fault::Lost { .. } | Fault::Slow) {
                *asked = None;
            }
            // It may have been started again without the model meanwhile.
            if matches!(error.fault, Fault::Failed { .. }) && own.is_none() {
                self.check(model, input)?;
            }
        }
        outcome
    }

    /// Refuses what is not there or cannot be done there, before anything is sent.
    fn check(&self, model: &ServedModel, input: &EngineInput) -> Result<(), ServerError> {
        let cannot = |what: &'static str| {
            let what = Message::new(what);
            Err(self.http.fault(Fault::Cannot { what }))
        };
        if input
            .mask
            .as_ref()
            .is_some_and(|mask| mask.fill == LatentFill::Noise)
        {
            return cannot("server-what-noise-fill");
        }
        let known = self.choices("CheckpointLoaderSimple", "ckpt_name")?;
        if !known.contains(&model.name) {
            let name = model.name.clone();
            return Err(self.http.fault(Fault::Missing { name, known }));
        }
        Ok(())
    }

    fn bad_graph(&self, path: &str, why: String) -> ServerError {
        let what = Message::new("server-what-graph").with("path", path);
        let what = what.with("why", why);
        self.http.fault(Fault::Cannot { what })
    }

    /// Sends pictures and maps.
    fn sent(
        &self,
        model: &ServedModel,
        input: &EngineInput,
        maps: Option<&Maps>,
    ) -> Result<Sent, ServerError> {
        let map = |map: Option<&Vec<f32>>, maps: &Maps| match map {
            Some(map) => self.upload(&map_png(maps.extent, map)).map(Some),
            None => Ok(None),
        };
        let mask = input.mask.as_ref().filter(|_| model.sees_mask);
        let everything = vec![1.0; input.image.extent.len()];
        let region = mask.map_or(&everything, |mask| &mask.region);
        Ok(Sent {
            picture: self.upload(&png(&input.image))?,
            strength: maps.map_or(Ok(None), |maps| map(Some(&maps.strength), maps))?,
            empty: maps.map_or(Ok(None), |maps| map(maps.empty.as_ref(), maps))?,
            region: model
                .sees_mask
                .then(|| self.upload(&map_png(input.image.extent, region)))
                .transpose()?,
            original: match (&input.original, input.wants_round_trip) {
                (Some(original), true) => Some(self.upload(&png(original))?),
                _ => None,
            },
            loras: Vec::new(),
        })
    }

    /// Sends a file under a name by its content, so that what is sent again is found encoded already.
    fn upload(&self, bytes: &[u8]) -> Result<String, ServerError> {
        let name = format!("{:08x}-{}.png", crc32fast::hash(bytes), bytes.len());
        let fields = [
            ("type", "temp"),
            ("subfolder", FOLDER),
            ("overwrite", "true"),
        ];
        let answer = self
            .http
            .upload("/upload/image", ("image", &name, bytes), &fields)?;
        let answer: Json = self.http.read(&answer)?;
        let text = |name: &str| answer.get(name).and_then(Json::as_str);
        let Some(name) = text("name") else {
            let said = shortened(&answer.to_string());
            return Err(self.http.fault(Fault::NotUnderstood { said }));
        };
        let folder = text("subfolder").filter(|folder| !folder.is_empty());
        let name = match folder {
            Some(folder) => format!("{folder}/{name}"),
            None => name.to_owned(),
        };
        Ok(format!("{name} [{}]", text("type").unwrap_or("input")))
    }

    /// The names that the LoRAs of a run have there, and how much of each.
    fn loras(&self, input: &EngineInput) -> Result<Vec<(String, f64)>, ServerError> {
        if input.loras.is_empty() {
            return Ok(Vec::new());
        }
        let known = self.known_loras()?;
        let found = input.loras.iter().map(|used| {
            let there = lora_there(&known, &used.lora);
            there
                .map(|there| (there.clone(), used.weight.get()))
                .ok_or_else(|| {
                    let (name, known) = (used.lora.name(), known.clone());
                    self.http.fault(Fault::Missing { name, known })
                })
        });
        found.collect()
    }

    /// The picture that a node gave.
    fn picture(
        &self,
        outputs: &Json,
        node: &str,
        input: &EngineInput,
    ) -> Result<RgbF32, ServerError> {
        let told = outputs.pointer(&format!("/{node}/images/0"));
        let text = |name: &str| told?.get(name)?.as_str();
        let Some(file) = text("filename") else {
            let why = format!("no picture from “{node}”");
            return Err(self.http.fault(Fault::Failed { why }));
        };
        let path = format!(
            "/view?filename={}&subfolder={}&type={}",
            percent_encoded(file),
            percent_encoded(text("subfolder").unwrap_or_default()),
            percent_encoded(text("type").unwrap_or("temp")),
        );
        let bytes = self.http.get(&path)?;
        super::checked(&self.http, decoded(&bytes), &bytes, input)
    }
}

/// Text as it may stand in the query of an address.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => {
                // Writing to a text does not fail.
                write!(encoded, "%{byte:02X}").ok();
            }
        }
    }
    encoded
}

//! [`Comfy`]: a run on `ComfyUI`. Pictures go up as temporary files, a graph of core nodes follows; its
//! socket tells how far it is. A lost socket loses nothing: the job is asked after by its id, and only a
//! server that has forgotten it is given it again, with its pictures, once.

mod graph;
mod job;
mod levels;
mod own_graph;
mod socket;

use std::fmt::Write as _;

use serde_json::Value as Json;

use super::http::Http;
use super::loras::lora_there;
use super::picture::{decoded, map_png, png};
use super::unique;
use crate::catalog::{ServedModel, ServerReport};
use crate::engine::server_error::{Fault, ServerError, shortened};
use crate::engine::{EngineError, EngineOutput, Progress, RunReport, RunSeconds, Stage};
use crate::plan::{EngineInput, LatentFill};
use crate::raster::RgbF32;
use crate::text::Message;
use graph::{Maps, RESULT, ROUND_TRIP, Sent};
use job::Job;
pub(super) use levels::sampler as sampler_there;

/// Where pictures lie there until it is started again.
const FOLDER: &str = "overpaint";

/// What a run gave beside its pictures.
struct Ran {
    result: String,
    outputs: Json,
    seconds: RunSeconds,
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
        let stats: Json = self.http.get_json("/system_stats")?;
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

    fn has_node(&self, node: &str) -> bool {
        let info = self.http.get_json::<Json>(&format!("/object_info/{node}"));
        info.is_ok_and(|info| info.get(node).is_some())
    }

    pub(super) fn run(
        &self,
        model: &ServedModel,
        input: &EngineInput,
        progress: &mut dyn Progress,
    ) -> Result<EngineOutput, EngineError> {
        progress.stage(Stage::Loading);
        progress.checkpoint()?;
        let ran = self.ran(model, input, progress)?;
        progress.stage(Stage::Decoding);
        let image = self.picture(&ran, &ran.result, input)?;
        let has_round_trip = input.wants_round_trip && ran.result == RESULT;
        let round_trip = has_round_trip.then(|| self.picture(&ran, ROUND_TRIP, input));
        let round_trip = round_trip.transpose()?;
        Ok(EngineOutput {
            image,
            round_trip,
            report: RunReport {
                seconds: ran.seconds,
                executed_steps: input.steps.executed(input.strength),
                prompts: 1 + u32::from(input.guidance.is_on()),
                text_encodes: 1,
                picture_encodes: 1,
                parts: 1,
                round_trips: u32::from(input.wants_round_trip),
                device: format!("ComfyUI {}", self.http.server),
                notes: ran.notes,
                ..RunReport::default()
            },
        })
    }

    fn ran(
        &self,
        model: &ServedModel,
        input: &EngineInput,
        progress: &mut dyn Progress,
    ) -> Result<Ran, EngineError> {
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
        let is_soft_there = own.is_some() || self.has_node("DifferentialDiffusion");
        let maps = graph::maps(input, is_soft_there);
        let is_soft = maps.as_ref().is_some_and(|maps| maps.is_soft);
        if !is_soft_there && graph::maps(input, true).is_some_and(|maps| maps.is_soft) {
            notes.push(
                Message::new("server-note-hard-mask").with("server", self.http.server.clone()),
            );
        }
        let mut was_forgotten = false;
        loop {
            progress.checkpoint()?;
            let sent = Sent {
                loras: loras.clone(),
                ..self.sent(model, input, maps.as_ref())?
            };
            let (graph, result) = if let Some(text) = &own {
                own_graph::filled(text, input, &sent)
                    .map_err(|why| self.bad_graph(&model.name, why))?
            } else {
                let graph = graph::graph(input, &model.name, &sent, is_soft);
                (graph, RESULT.to_owned())
            };
            progress.checkpoint()?;
            let job = Job::new(&self.http, &self.client, input);
            match job.run(&graph, progress)? {
                Some((outputs, seconds)) => {
                    return Ok(Ran {
                        result,
                        outputs,
                        seconds,
                        notes,
                    });
                }
                None if was_forgotten => return Err(self.http.fault(Fault::Gone).into()),
                // It was started again and has forgotten everything, the pictures too.
                None => was_forgotten = true,
            }
        }
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
    fn picture(&self, ran: &Ran, node: &str, input: &EngineInput) -> Result<RgbF32, ServerError> {
        let told = ran.outputs.pointer(&format!("/{node}/images/0"));
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

//! [`Sdapi`]: a run on a WebUI's API (`/sdapi/v1`). What a server can is probed: `stable-diffusion.cpp` has
//! no progress and no interrupt.

mod request;
mod spelling;
mod task;

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value as Json, json};

use super::absence::{Attempt, through_absences};
use super::attended::HEED;
use super::http::Http;
use super::loras::{Listed, LorasThere, names as lora_names};
use super::picture::decoded;
use crate::catalog::{ServedModel, ServerReport};
use crate::engine::server_error::{Fault, ServerError, shortened};
use crate::engine::{EngineError, EngineOutput, Progress, RunReport, Stage};
use crate::plan::{EngineInput, EngineMask};
use crate::text::Message;
pub(super) use request::sampler_there;
use request::{Abilities, request};
use spelling::Spelling;
pub(super) use spelling::is_same;
use task::Task;

const PROGRESS: &str = "/sdapi/v1/progress";
/// What it is asked to find out whether it is there.
const QUESTION: &str = "/sdapi/v1/sd-models";

/// Runs jobs on a WebUI.
#[derive(Debug)]
pub(super) struct Sdapi {
    http: Http,
}

impl Sdapi {
    pub(super) fn new(http: Http) -> Self {
        Self { http }
    }

    pub(super) fn report(&self) -> Result<ServerReport, ServerError> {
        let models = self.titles("sd-models", "title")?;
        Ok(ServerReport {
            version: String::new(),
            device: String::new(),
            models,
            loras: lora_names(&self.known_loras().unwrap_or_default()),
            samplers: spelling::names(&self.spellings("samplers")?),
        })
    }

    fn titles(&self, what: &str, name: &str) -> Result<Vec<String>, ServerError> {
        let title = |item: &Json| item.get(name)?.as_str().map(str::to_owned);
        Ok(self.list(what)?.iter().filter_map(title).collect())
    }

    /// What is listed there; nothing where it lists none. An error where it does not answer.
    fn spellings(&self, what: &str) -> Result<Vec<Spelling>, ServerError> {
        match self.list(what) {
            Err(error) if error.fault.is_passing() => Err(error),
            list => Ok(list
                .unwrap_or_default()
                .iter()
                .filter_map(Spelling::of)
                .collect()),
        }
    }

    /// True where it tells how far it is; an error where it does not answer.
    fn tells_progress(&self) -> Result<bool, ServerError> {
        match self.http.get_json::<Json>(PROGRESS) {
            Err(error) if error.fault.is_passing() => Err(error),
            told => Ok(told.is_ok_and(|told| told.get("progress").is_some())),
        }
    }

    /// The LoRAs there.
    pub(super) fn known_loras(&self) -> Result<Vec<Listed>, ServerError> {
        Ok(self.list("loras")?.iter().filter_map(Listed::of).collect())
    }

    fn list(&self, what: &str) -> Result<Vec<Json>, ServerError> {
        match self.http.get_json(&format!("/sdapi/v1/{what}"))? {
            Json::Array(items) => Ok(items),
            other => {
                let said = shortened(&other.to_string());
                Err(self.http.fault(Fault::NotUnderstood { said }))
            }
        }
    }

    pub(super) fn run(
        &self,
        model: &ServedModel,
        input: &EngineInput,
        progress: &mut dyn Progress,
    ) -> Result<EngineOutput, EngineError> {
        let mut before = None;
        through_absences(&self.http, QUESTION, progress, |progress| Attempt {
            outcome: self.attempt((model, input), &mut before, progress),
            // Its answer goes with the connection, whatever it still does.
            is_there: false,
        })
    }

    /// `before`: the job of the attempt before, where the server lists jobs.
    fn attempt(
        &self,
        (model, input): (&ServedModel, &EngineInput),
        before: &mut Option<Task>,
        progress: &mut dyn Progress,
    ) -> Result<EngineOutput, EngineError> {
        progress.stage(Stage::Loading);
        progress.checkpoint()?;
        let known = self.titles("sd-models", "title")?;
        if !known.contains(&model.name) {
            let name = model.name.clone();
            return Err(self.http.fault(Fault::Missing { name, known }).into());
        }
        let abilities = Abilities {
            progress: self.tells_progress()?,
            samplers: self.spellings("samplers")?,
            schedules: self.spellings("schedulers")?,
            task: Task::new(&self.http)?,
        };
        if let Some(lost) = std::mem::replace(before, abilities.task.clone()) {
            self.interrupt_lost(&lost)?;
        }
        let names = abilities.names(input, &self.http)?;
        let mut notes = Vec::new();
        if input.mask.as_ref().is_some_and(is_soft) {
            let note = Message::new("server-note-hard-mask");
            notes.push(note.with("server", self.http.server.clone()));
        }
        let loras = self.loras(input)?;
        let body = request(model, input, &abilities, (&names, &loras), known.len());
        let began = Instant::now();
        let answer = self.answer(body, &abilities, input, progress)?;
        let answer: Json = self.http.read(&answer)?;
        let picture = answer.pointer("/images/0").and_then(Json::as_str);
        let picture = picture.map(|text| text.rsplit(',').next().unwrap_or(text));
        let bytes = picture.and_then(|text| BASE64.decode(text.trim()).ok());
        let bytes = bytes.unwrap_or_else(|| answer.to_string().into_bytes());
        let image = super::checked(&self.http, decoded(&bytes), &bytes, input)?;
        let mut report = RunReport {
            executed_steps: input.steps.executed(input.strength),
            prompts: 1 + u32::from(input.guidance.is_on()),
            text_encodes: 1,
            picture_encodes: 1,
            parts: 1,
            device: format!("sdapi {}", self.http.server),
            notes,
            ..RunReport::default()
        };
        report.seconds.steps = began.elapsed().as_secs_f64();
        Ok(EngineOutput {
            image,
            round_trip: None,
            report,
        })
    }

    /// Sends the request on a thread of its own, which ends with the answer or the cancel, and watches
    /// meanwhile.
    fn answer(
        &self,
        body: Json,
        abilities: &Abilities,
        input: &EngineInput,
        progress: &mut dyn Progress,
    ) -> Result<Vec<u8>, EngineError> {
        let (tell, told) = sync_channel(1);
        let (http, post) = self.http.apart();
        let ask = move || {
            let answer = http.post("/sdapi/v1/img2img", &body, None);
            // After a cancel nobody listens any more.
            tell.send(answer).ok();
        };
        let thread = std::thread::Builder::new().name("sdapi".to_owned());
        let thread = thread.spawn(ask).map_err(|error| {
            let why = error.to_string();
            self.http.fault(Fault::Failed { why })
        })?;
        let answer = self.watched(&told, abilities, input, progress);
        // Where it has not answered yet, nobody waits for it any more.
        post.shutdown();
        thread.join().ok();
        answer
    }

    fn watched(
        &self,
        told: &Receiver<Result<Vec<u8>, ServerError>>,
        abilities: &Abilities,
        input: &EngineInput,
        progress: &mut dyn Progress,
    ) -> Result<Vec<u8>, EngineError> {
        let of = input.steps.executed(input.strength);
        let (mut asked, mut looked) = (Instant::now(), Instant::now());
        let (mut shown, mut is_away) = (String::new(), false);
        progress.stage(Stage::Step { done: 0, of });
        loop {
            match told.recv_timeout(self.http.pace.look.min(HEED)) {
                // What went away while it worked may come back, but not with this job.
                Ok(Err(error)) if error.fault.is_passing() => {
                    return Err(self.http.fault(Fault::Gone).into());
                }
                Ok(answer) => return Ok(answer?),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(self.http.fault(Fault::Gone).into());
                }
            }
            if progress.checkpoint().is_err() {
                self.interrupt(abilities);
                return Err(EngineError::Cancelled);
            }
            // A connection over which nothing comes looks the same when the server or the network is gone.
            if looked.elapsed() >= self.http.pace.absence / 6 {
                self.look(&mut is_away, of, progress)?;
                looked = Instant::now();
            }
            let pause = Duration::from_millis(500).min(self.http.pace.look * 2);
            if abilities.progress && asked.elapsed() >= pause {
                asked = Instant::now();
                self.show(&mut shown, of, (abilities.task.as_ref(), &mut *progress));
            }
        }
    }

    /// Looks whether it is there still; an error where whatever had the job is gone.
    fn look(
        &self,
        is_away: &mut bool,
        of: u32,
        progress: &mut dyn Progress,
    ) -> Result<(), ServerError> {
        match self.http.connection() {
            Ok(_) => {
                self.http.note_heard();
                if std::mem::take(is_away) {
                    progress.stage(Stage::Step { done: 0, of });
                }
            }
            // Nobody listens any more, though the connection of the job may not tell.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                return Err(self.http.fault(Fault::Gone));
            }
            Err(_) if self.http.silence() >= self.http.pace.absence => {
                return Err(self.http.fault(Fault::Gone));
            }
            Err(_) => {
                *is_away = true;
                progress.stage(Stage::Away);
            }
        }
        Ok(())
    }

    /// Stops what runs there, unless that is somebody else's. Over connections of its own: those of the run are
    /// cut. A job that cannot be interrupted, or waits, finishes for nobody.
    fn interrupt(&self, abilities: &Abilities) {
        let wait = self.http.pace.connect;
        let (http, _) = self.http.apart();
        if let Some(task) = &abilities.task
            && let Ok(told) =
                http.get_json_within::<Json>(&format!("{PROGRESS}?skip_current_image=true"), wait)
            && task.is_other(&told)
        {
            return;
        }
        http.post("/sdapi/v1/interrupt", &json!({}), Some(wait))
            .ok();
    }

    /// Stops a job whose connection broke, where the server still works on it: what it gives would reach nobody.
    fn interrupt_lost(&self, task: &Task) -> Result<(), ServerError> {
        let path = format!("{PROGRESS}?skip_current_image=true");
        if task.is_it(&self.http.get_json(&path)?) {
            let wait = Some(self.http.pace.answer);
            self.http.post("/sdapi/v1/interrupt", &json!({}), wait)?;
        }
        Ok(())
    }

    /// Asks how far it is.
    fn show(
        &self,
        shown: &mut String,
        of: u32,
        (task, progress): (Option<&Task>, &mut dyn Progress),
    ) {
        let wants = progress.wants_preview();
        let path = format!("{PROGRESS}?skip_current_image={}", !wants);
        let wait = self.http.pace.connect;
        let Ok(told) = self.http.get_json_within::<Json>(&path, wait) else {
            return;
        };
        if let Some(ahead) = task.and_then(|task| task.place(&told, &self.http)) {
            // What it tells is of another job.
            return progress.stage(Stage::Queued { ahead });
        }
        let step = told.pointer("/state/sampling_step").and_then(Json::as_u64);
        if let Some(done) = step {
            let done = (done as u32).min(of);
            progress.stage(Stage::Step { done, of });
        }
        let picture = told.get("current_image").and_then(Json::as_str);
        if let Some(picture) = picture.filter(|picture| wants && !picture.is_empty())
            && picture != shown
        {
            picture.clone_into(shown);
            let bytes = BASE64.decode(picture.trim());
            if let Some(preview) = bytes.ok().and_then(|bytes| decoded(&bytes)) {
                progress.preview(preview);
            }
        }
    }

    fn loras(&self, input: &EngineInput) -> Result<LorasThere, ServerError> {
        if input.loras.is_empty() {
            return Ok(LorasThere::default());
        }
        LorasThere::of(&input.loras, &self.known_loras()?, &self.http)
    }
}

fn is_soft(mask: &EngineMask) -> bool {
    let mut strengths = mask.latent_strength.iter();
    strengths.any(|s| *s > 0.0 && *s < 1.0 - 0.5 / 255.0)
}

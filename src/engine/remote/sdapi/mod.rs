//! [`Sdapi`]: a run on a WebUI's API (`/sdapi/v1`). What a server can is probed: `stable-diffusion.cpp` has
//! no progress and no interrupt.
//!
//! Steps: all of them run t + 1 of N steps with t = ⌊N · d⌋ (`setup_img2img_steps` of the WebUI), so k steps
//! are asked for with d = (k − ½) / N.

mod task;

use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value as Json, json};

use super::attended::HEED;
use super::http::Http;
use super::loras::{Listed, LorasThere, names as lora_names};
use super::picture::{decoded, map_png, png};
use super::words::prompt_there;
use crate::catalog::{ServedModel, ServerReport};
use crate::engine::server_error::{Fault, ServerError, shortened};
use crate::engine::{EngineError, EngineOutput, Progress, RunReport, Stage};
use crate::plan::{EngineInput, EngineMask, LatentFill, SamplerId, ScheduleId};
use crate::text::Message;
use task::Task;

const PROGRESS: &str = "/sdapi/v1/progress";

/// Runs jobs on a WebUI.
#[derive(Debug)]
pub(super) struct Sdapi {
    http: Http,
}

/// What the server of a run knows beside making pictures.
struct Abilities {
    progress: bool,
    /// It lists schedules apart from samplers.
    schedulers: bool,
    /// The job among those that wait, where it lists them.
    task: Option<Task>,
}

impl Sdapi {
    pub(super) fn new(http: Http) -> Self {
        Self { http }
    }

    pub(super) fn report(&self) -> Result<ServerReport, ServerError> {
        let models = self.titles("sd-models", "title")?;
        let optional = |path: &str, name: &str| self.titles(path, name).unwrap_or_default();
        Ok(ServerReport {
            version: String::new(),
            device: String::new(),
            models,
            loras: lora_names(&self.known_loras().unwrap_or_default()),
            samplers: optional("samplers", "name"),
        })
    }

    fn titles(&self, what: &str, name: &str) -> Result<Vec<String>, ServerError> {
        let title = |item: &Json| item.get(name)?.as_str().map(str::to_owned);
        Ok(self.list(what)?.iter().filter_map(title).collect())
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
        progress.stage(Stage::Loading);
        progress.checkpoint()?;
        let known = self.titles("sd-models", "title")?;
        if !known.contains(&model.name) {
            let name = model.name.clone();
            return Err(self.http.fault(Fault::Missing { name, known }).into());
        }
        let abilities = Abilities {
            progress: self
                .http
                .get_json::<Json>(PROGRESS)
                .is_ok_and(|told| told.get("progress").is_some()),
            schedulers: self.titles("schedulers", "name").is_ok(),
            task: Task::new(&self.http),
        };
        let mut notes = Vec::new();
        if input.mask.as_ref().is_some_and(is_soft) {
            let note = Message::new("server-note-hard-mask");
            notes.push(note.with("server", self.http.server.clone()));
        }
        let loras = self.loras(input)?;
        let body = request(model, input, &abilities, &loras, known.len());
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
        let (mut asked, mut heard, mut looked) = (Instant::now(), Instant::now(), Instant::now());
        let mut shown = String::new();
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
                if self.http.connection().is_some() {
                    heard = Instant::now();
                } else if heard.elapsed() >= self.http.pace.absence {
                    return Err(self.http.fault(Fault::Gone).into());
                }
                looked = Instant::now();
            }
            let pause = Duration::from_millis(500).min(self.http.pace.look * 2);
            if abilities.progress && asked.elapsed() >= pause {
                asked = Instant::now();
                self.show(&mut shown, of, (abilities.task.as_ref(), &mut *progress));
            }
        }
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

/// What is asked for.
fn request(
    model: &ServedModel,
    input: &EngineInput,
    abilities: &Abilities,
    loras: &LorasThere,
    models: usize,
) -> Json {
    const SIGNS: [char; 4] = ['(', ')', '[', ']'];
    let extent = input.image.extent;
    let steps = input.steps.get();
    let executed = input.steps.executed(input.strength);
    let (sampler, schedule) = names(input.sampler, input.schedule);
    let sampler = match (schedule, abilities.schedulers) {
        ("Karras", false) => format!("{sampler} Karras"),
        _ => sampler.to_owned(),
    };
    let prompt = prompt_there(&input.prompt, &SIGNS);
    let mut body = json!({
        "init_images": [BASE64.encode(png(&input.image))],
        "prompt": format!("{prompt}{}", loras.tags),
        "negative_prompt": prompt_there(&input.negative, &SIGNS),
        "width": extent.width, "height": extent.height, "resize_mode": 0,
        "steps": steps,
        "denoising_strength": (f64::from(executed) - 0.5) / f64::from(steps),
        "cfg_scale": input.guidance.get(),
        "seed": input.seed.0,
        "sampler_name": sampler,
        "batch_size": 1, "n_iter": 1,
        "send_images": true, "save_images": false, "do_not_save_samples": true, "do_not_save_grid": true,
    });
    let Some(fields) = body.as_object_mut() else {
        return body;
    };
    if let Some(task) = &abilities.task {
        fields.insert("force_task_id".to_owned(), json!(task.id()));
    }
    if !loras.beside.is_empty() {
        fields.insert("lora".to_owned(), json!(loras.beside));
    }
    if abilities.schedulers {
        fields.insert("scheduler".to_owned(), json!(schedule));
    }
    // A server of one model has nothing to choose, and may not know how.
    let mut overrides = json!({"img2img_fix_steps": false, "img2img_color_correction": false});
    if models > 1
        && let Some(overrides) = overrides.as_object_mut()
    {
        overrides.insert("sd_model_checkpoint".to_owned(), json!(model.name));
    }
    fields.insert("override_settings".to_owned(), overrides);
    fields.insert(
        "override_settings_restore_afterwards".to_owned(),
        json!(false),
    );
    if let Some(mask) = &input.mask {
        let hard = mask.latent_strength.iter();
        let hard: Vec<f32> = hard.map(|s| f32::from(u8::from(*s >= 0.5))).collect();
        let plane = enlarged(&hard, mask, extent);
        let more = json!({
            "mask": BASE64.encode(map_png(extent, &plane)),
            "mask_blur": 0, "mask_blur_x": 0, "mask_blur_y": 0,
            "inpainting_mask_invert": 0, "inpaint_full_res": false, "inpaint_full_res_padding": 0,
            "inpainting_fill": match mask.fill {
                LatentFill::Image => 1,
                LatentFill::Noise => 2,
                LatentFill::Nothing => 3,
            },
        });
        if let Json::Object(more) = more {
            fields.extend(more);
        }
    }
    body
}

/// The latent's mask at the picture's size, each latent pixel a block: reduced again it is the same.
fn enlarged(hard: &[f32], mask: &EngineMask, extent: crate::geometry::Extent) -> Vec<f32> {
    let (width, height) = (extent.width as usize, extent.height as usize);
    let columns = mask.latent_extent.width as usize;
    let rows = mask.latent_extent.height as usize;
    let at = |x: usize, y: usize| {
        let (column, row) = (x * columns / width.max(1), y * rows / height.max(1));
        hard.get(row * columns + column).copied().unwrap_or(0.0)
    };
    (0..height)
        .flat_map(|y| (0..width).map(move |x| (x, y)))
        .map(|(x, y)| at(x, y))
        .collect()
}

/// The sampler's name there.
pub(super) fn sampler_there(sampler: SamplerId) -> &'static str {
    names(sampler, ScheduleId::Model).0
}

/// Names of sampler and schedule there. Its DDIM counts steps in another way; Euler is the same sampler.
fn names(sampler: SamplerId, schedule: ScheduleId) -> (&'static str, &'static str) {
    let sampler = match sampler {
        SamplerId::Euler | SamplerId::Ddim => "Euler",
        SamplerId::EulerA => "Euler a",
        SamplerId::Dpmpp2m => "DPM++ 2M",
        SamplerId::Lcm => "LCM",
    };
    let schedule = match schedule {
        ScheduleId::Karras => "Karras",
        ScheduleId::Model => "Automatic",
    };
    (sampler, schedule)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::remote::testing::input;
    use crate::plan::{Steps, Strength};

    #[test]
    fn half_of_twenty_steps_runs_ten_there_too() {
        let abilities = Abilities {
            progress: true,
            schedulers: true,
            task: None,
        };
        let model = ServedModel::guessed("s", "m", None);
        for steps in [1_u32, 2, 7, 20, 25, 50, 1000] {
            for percent in 1..=100 {
                let mut input = input();
                input.steps = Steps::new(steps).unwrap();
                input.strength = Strength::new(f64::from(percent) / 100.0).unwrap();
                let executed = input.steps.executed(input.strength);
                if executed == 0 {
                    continue;
                }
                let body = request(&model, &input, &abilities, &LorasThere::default(), 2);
                let asked = body["denoising_strength"].as_f64().unwrap();
                // `setup_img2img_steps` and `sample_img2img` of the WebUI.
                let t = (asked.min(0.999) * f64::from(steps)) as u32;
                assert_eq!(t + 1, executed, "{steps} {percent}");
            }
        }
    }

    #[test]
    fn the_mask_is_whole_blocks_of_the_latent() {
        let abilities = Abilities {
            progress: false,
            schedulers: false,
            task: None,
        };
        let model = ServedModel::guessed("s", "m", None);
        let mut input = input();
        input.schedule = ScheduleId::Karras;
        let loras = LorasThere {
            tags: " <lora:a:1>".to_owned(),
            ..LorasThere::default()
        };
        let body = request(&model, &input, &abilities, &loras, 1);
        assert_eq!(body["sampler_name"], "Euler Karras");
        assert_eq!(body["prompt"], "a \\(red\\) house <lora:a:1>");
        assert_eq!(body.pointer("/override_settings/sd_model_checkpoint"), None);
        let mask = BASE64.decode(body["mask"].as_str().unwrap()).unwrap();
        let mask = decoded(&mask).unwrap();
        assert_eq!(mask.extent, input.image.extent);
        let white = |i: usize| mask.pixels[i][0] > 0.5;
        assert!((0..64 * 64).all(|i| white(i) == (i % 64 < 32)));
    }
}

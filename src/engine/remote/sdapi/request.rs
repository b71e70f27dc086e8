//! [`request`]: the body of `/sdapi/v1/img2img`, in the server's own names.
//!
//! Steps: all of them run t + 1 of N steps with t = ⌊N · d⌋ (`setup_img2img_steps` of the WebUI), so k steps
//! are asked for with d = (k − ½) / N.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value as Json, json};

use super::spelling::{self, Spelling};
use super::task::Task;
use crate::catalog::ServedModel;
use crate::engine::remote::http::Http;
use crate::engine::remote::loras::LorasThere;
use crate::engine::remote::picture::{map_png, png};
use crate::engine::remote::words::prompt_there;
use crate::engine::server_error::{Fault, ServerError};
use crate::plan::{EngineInput, EngineMask, LatentFill, SamplerId, ScheduleId};

/// What the server of a run knows beside making pictures.
pub(super) struct Abilities {
    pub(super) progress: bool,
    /// Its samplers, where it lists them.
    pub(super) samplers: Vec<Spelling>,
    /// Its schedules, where they are apart from the samplers.
    pub(super) schedules: Vec<Spelling>,
    /// The job among those that wait, where it lists them.
    pub(super) task: Option<Task>,
}

/// What is asked for.
pub(super) fn request(
    model: &ServedModel,
    input: &EngineInput,
    abilities: &Abilities,
    (names, loras): (&Names, &LorasThere),
    models: usize,
) -> Json {
    const SIGNS: [char; 4] = ['(', ')', '[', ']'];
    let extent = input.image.extent;
    let steps = input.steps.get();
    let executed = input.steps.executed(input.strength);
    let prompt = prompt_there(&input.prompt, &SIGNS);
    let mut prompt = format!("{prompt}{}", loras.tags);
    if prompt.is_empty() {
        // The same to the encoder; `stable-diffusion.cpp` refuses none at all.
        prompt.push(' ');
    }
    let mut body = json!({
        "init_images": [BASE64.encode(png(&input.image))],
        "prompt": prompt,
        "negative_prompt": prompt_there(&input.negative, &SIGNS),
        "width": extent.width, "height": extent.height, "resize_mode": 0,
        "steps": steps,
        "denoising_strength": (f64::from(executed) - 0.5) / f64::from(steps),
        "cfg_scale": input.guidance.get(),
        "seed": input.seed.0,
        "sampler_name": names.sampler,
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
    if let Some(schedule) = &names.schedule {
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

/// What a run's sampler and schedule are called there.
pub(super) struct Names {
    sampler: String,
    /// `None`: the server takes its own, or the sampler's name says it.
    schedule: Option<String>,
}

impl Abilities {
    /// Refused where the server lists others only: some would quietly take another one.
    pub(super) fn names(&self, input: &EngineInput, http: &Http) -> Result<Names, ServerError> {
        let missing = |name: &str, known: &[Spelling]| {
            let (name, known) = (name.to_owned(), spelling::names(known));
            http.fault(Fault::Missing { name, known })
        };
        let (mut sampler, schedules) = (
            sampler_there(input.sampler).to_owned(),
            schedules_there(input.schedule),
        );
        let is_karras = input.schedule == ScheduleId::Karras;
        let mut schedule = None;
        if self.schedules.is_empty() {
            if is_karras {
                sampler += " Karras";
            }
        } else {
            schedule = spelling::there(&self.schedules, schedules).map(str::to_owned);
            if is_karras && schedule.is_none() {
                return Err(missing("Karras", &self.schedules));
            }
        }
        if !self.samplers.is_empty() {
            let there = spelling::there(&self.samplers, &[&sampler]);
            let there = there.ok_or_else(|| missing(&sampler, &self.samplers))?;
            there.clone_into(&mut sampler);
        }
        Ok(Names { sampler, schedule })
    }
}

/// The sampler's name in AUTOMATIC1111. Its DDIM counts steps in another way; Euler is the same sampler.
pub(in crate::engine::remote) fn sampler_there(sampler: SamplerId) -> &'static str {
    match sampler {
        SamplerId::Euler | SamplerId::Ddim => "Euler",
        SamplerId::EulerA => "Euler a",
        SamplerId::Dpmpp2m => "DPM++ 2M",
        SamplerId::Lcm => "LCM",
    }
}

/// The schedule's names, those of AUTOMATIC1111 first.
fn schedules_there(schedule: ScheduleId) -> &'static [&'static str] {
    match schedule {
        ScheduleId::Karras => &["Karras"],
        ScheduleId::Model => &["Automatic", "discrete"],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Access, Server, ServerKind};
    use crate::engine::remote::http::Pace;
    use crate::engine::remote::picture::decoded;
    use crate::engine::remote::testing::input;
    use crate::plan::{Steps, Strength};

    fn abilities() -> Abilities {
        Abilities {
            progress: false,
            samplers: Vec::new(),
            schedules: Vec::new(),
            task: None,
        }
    }

    fn http() -> Http {
        let server = Server {
            name: "studio".to_owned(),
            address: "http://127.0.0.1:9".to_owned(),
            kind: ServerKind::Sdapi,
            is_confirmed: true,
        };
        Http::new(&server, &Access::default(), Pace::default())
    }

    #[test]
    fn a_sampler_is_asked_for_by_the_servers_own_name_or_not_at_all() {
        let listed = |names: &[&str]| -> Vec<Spelling> {
            let items = names.iter().map(|name| json!({ "name": name }));
            items.filter_map(|item| Spelling::of(&item)).collect()
        };
        let mut input = input();
        input.sampler = SamplerId::Dpmpp2m;
        input.schedule = ScheduleId::Karras;
        let mut there = Abilities {
            samplers: listed(&["euler", "dpm++2m"]),
            schedules: listed(&["discrete", "karras"]),
            ..abilities()
        };
        let names = there.names(&input, &http()).unwrap();
        assert_eq!(
            (names.sampler.as_str(), names.schedule.as_deref()),
            ("dpm++2m", Some("karras"))
        );
        input.schedule = ScheduleId::Model;
        let names = there.names(&input, &http()).unwrap();
        assert_eq!(names.schedule.as_deref(), Some("discrete"));
        input.sampler = SamplerId::Lcm;
        let fault = there.names(&input, &http()).err().unwrap().fault;
        assert!(matches!(fault, Fault::Missing { name, .. } if name == "LCM"));
        input.sampler = SamplerId::Euler;
        input.schedule = ScheduleId::Karras;
        there.schedules = listed(&["discrete"]);
        let fault = there.names(&input, &http()).err().unwrap().fault;
        assert!(matches!(fault, Fault::Missing { name, .. } if name == "Karras"));
        // Older ones have a sampler for each.
        there.schedules.clear();
        there.samplers = listed(&["Euler", "Euler Karras"]);
        let names = there.names(&input, &http()).unwrap();
        assert_eq!(
            (names.sampler.as_str(), names.schedule),
            ("Euler Karras", None)
        );
    }

    #[test]
    fn no_prompt_is_a_space() {
        let (mut input, abilities) = (input(), abilities());
        input.prompt = String::new();
        let names = abilities.names(&input, &http()).unwrap();
        let model = ServedModel::guessed("s", "m", None);
        let body = request(
            &model,
            &input,
            &abilities,
            (&names, &LorasThere::default()),
            1,
        );
        assert_eq!(body["prompt"], " ");
    }

    #[test]
    fn half_of_twenty_steps_runs_ten_there_too() {
        let abilities = abilities();
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
                let names = abilities.names(&input, &http()).unwrap();
                let with = (&names, &LorasThere::default());
                let body = request(&model, &input, &abilities, with, 2);
                let asked = body["denoising_strength"].as_f64().unwrap();
                // `setup_img2img_steps` and `sample_img2img` of the WebUI.
                let t = (asked.min(0.999) * f64::from(steps)) as u32;
                assert_eq!(t + 1, executed, "{steps} {percent}");
            }
        }
    }

    #[test]
    fn the_mask_is_whole_blocks_of_the_latent() {
        let abilities = abilities();
        let model = ServedModel::guessed("s", "m", None);
        let mut input = input();
        input.schedule = ScheduleId::Karras;
        let loras = LorasThere {
            tags: " <lora:a:1>".to_owned(),
            ..LorasThere::default()
        };
        let names = abilities.names(&input, &http()).unwrap();
        let body = request(&model, &input, &abilities, (&names, &loras), 1);
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

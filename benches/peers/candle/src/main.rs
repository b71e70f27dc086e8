//! candle-transformers' Stable Diffusion 1.5 as a peer: what `../worker.py` does for PyTorch and
//! OpenVINO, for the stages `unet` and `decode`, in f32.
//!
//! ```sh
//! overpaint-peer-candle STAGE MODEL NUMBERS
//! ```
//!
//! Loads a part of MODEL, says so, then runs once for each line on standard input. Every answer is a
//! line of JSON. NUMBERS is what `overpaint bench --dump` wrote for the stage. The measures are Stable
//! Diffusion 1.5's, which candle knows by heart, whatever the model's own files say.

use std::error::Error;
use std::fs;
use std::io::{Write, stdin, stdout};
use std::path::Path;
use std::time::Instant;

use candle_core::{DType, Device, Tensor, safetensors};
use candle_transformers::models::stable_diffusion::StableDiffusionConfig;
use serde_json::{Value, json};

type Failed = Box<dyn Error>;

fn main() -> Result<(), Failed> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [stage, model, numbers] = &words[..] else {
        return Err("usage: overpaint-peer-candle unet|decode MODEL NUMBERS".into());
    };
    let began = Instant::now();
    let device = Device::Cpu;
    let numbers = safetensors::load(numbers, &device)?;
    let given = |name: &str| numbers.get(name).ok_or(format!("no {name} among the numbers"));
    let latent = given("latent")?.to_dtype(DType::F32)?;
    let wanted = given("output")?.to_dtype(DType::F32)?;
    let side = latent.dim(2)? * 8;
    let config = StableDiffusionConfig::v1_5(None, Some(side), Some(side));
    let file = |part: &str| Path::new(model).join(part).join("diffusion_pytorch_model.safetensors");
    let run: Box<dyn Fn() -> Result<Tensor, Failed>> = match stage.as_str() {
        "unet" => {
            let channels = latent.dim(1)?;
            let unet = config.build_unet(file("unet"), &device, channels, false, DType::F32)?;
            let timestep = given("timestep")?.flatten_all()?.to_dtype(DType::F64)?;
            let timestep = timestep.to_vec1::<f64>()?[0];
            let text = given("text")?.to_dtype(DType::F32)?;
            Box::new(move || Ok(unet.forward(&latent, timestep, &text)?))
        }
        "decode" => {
            let vae = config.build_vae(file("vae"), &device, DType::F32)?;
            let settings: Value =
                serde_json::from_slice(&fs::read(Path::new(model).join("vae/config.json"))?)?;
            let scale = settings["scaling_factor"].as_f64().unwrap_or(0.18215);
            Box::new(move || Ok(vae.decode(&(&latent / scale)?)?))
        }
        other => return Err(format!("{other} is neither unet nor decode").into()),
    };
    let loaded = began.elapsed().as_secs_f64();
    say(&json!({"loaded": loaded, "load_peak_rss_bytes": peak_rss_bytes()}))?;
    fs::write("/proc/self/clear_refs", "5")?;
    for line in stdin().lines() {
        line?;
        let began = Instant::now();
        let answer = run()?;
        let seconds = began.elapsed().as_secs_f64();
        let apart = (&wanted - &answer)?.sqr()?.sum_all()?.to_scalar::<f32>()?;
        let size = answer.sqr()?.sum_all()?.to_scalar::<f32>()?;
        say(&json!({
            "seconds": seconds,
            "run_peak_rss_bytes": peak_rss_bytes(),
            "relative_l2": (apart / size).sqrt(),
        }))?;
    }
    Ok(())
}

fn say(answer: &Value) -> Result<(), Failed> {
    println!("{answer}");
    Ok(stdout().flush()?)
}

/// Most memory held so far (Linux).
fn peak_rss_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
}

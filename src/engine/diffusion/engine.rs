//! [`DiffusionEngine`]: [`Engine::run`] for models of the Stable Diffusion family, stage by stage.

mod inputs;
mod previewing;

use std::num::NonZero;
use std::path::PathBuf;
use std::time::Instant;

use candle_core::{Device, Tensor};

use super::cache::LruCache;
use super::classifier_free_guidance::GuidedUnet;
use super::denoise::{Denoising, Predictor, denoise, noised};
use super::latent_mask::LatentMask;
use super::latent_preview::LatentPreview;
use super::multidiffusion::TiledUnet;
use super::noise::NoiseSource;
use super::pipeline::Pipeline;
use super::sampler::sampler;
use super::text_encoder::EncodedText;
use crate::catalog::ModelRef;
use crate::engine::kernels::BlockAllocator;
use crate::engine::nn::device::{self, DeviceChoice, PrecisionChoice};
use crate::engine::nn::precision::Precision;
use crate::engine::nn::tensors::{check_finite, choose, noise_tensor, tensor_picture};
use crate::engine::{Engine, EngineError, EngineOutput, Progress, RunReport, Stage};
use crate::geometry::Extent;
use crate::plan::{EngineInput, EngineMask, LatentFill, LoraUse};
use crate::raster::RgbF32;

/// Noises kept drawn.
const NOISES_KEPT: usize = 4;

/// How an engine computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EngineOptions {
    /// Where.
    pub device: DeviceChoice,
    /// In which dtype. It changes a picture's last bits as the device does, so it belongs to the engine
    /// and not to the edit; a run's report names the ISA that was used.
    pub precision: PrecisionChoice,
    /// Threads of the processor's share of the work; `None`: one a core (not one a hyperthread,
    /// which would share its core's multipliers). They belong to the whole process, so the first
    /// engine decides.
    pub threads: Option<usize>,
    /// Whether those threads let a window go first.
    pub yielding: bool,
}

/// What is added to the niceness of threads that yield: enough that a window is never kept
/// waiting, not so much that every other program comes first too.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 5;

impl EngineOptions {
    /// Opens the device and sets the threads up.
    pub(super) fn start(self) -> Result<(Device, Precision), EngineError> {
        let device = self.device.open()?;
        let precision = self.precision.on(&device)?;
        let count = self.threads.unwrap_or_else(|| {
            let allowed = std::thread::available_parallelism().map_or(1, NonZero::get);
            num_cpus::get_physical().clamp(1, allowed)
        });
        let mut pool = rayon::ThreadPoolBuilder::new()
            .num_threads(count)
            .thread_name(|index| format!("kernels {index}"));
        if self.yielding {
            pool = pool.start_handler(|_| yield_to_the_window());
        }
        // Refused only where the pool runs already, as after an engine was started afresh.
        drop(pool.build_global());
        Ok((device, precision))
    }

    /// True where GEMMs of an engine of these options are bf16.
    pub fn multiplies_in_bf16(self) -> Result<bool, EngineError> {
        let device = self.device.open()?;
        Ok(self.precision.on(&device)? == Precision::BF16)
    }

    /// Threads an engine of these options computes with.
    pub fn thread_count(self) -> Result<usize, EngineError> {
        self.start()?;
        Ok(rayon::current_num_threads())
    }
}

/// Lowers the priority of the calling thread, where a system knows such a thing for a thread. A
/// refusal costs some smoothness and nothing else.
fn yield_to_the_window() {
    #[cfg(target_os = "linux")]
    rustix::process::nice(NICENESS).ok();
}

/// Runs latent-diffusion models; keeps the last one loaded.
#[derive(Debug)]
pub struct DiffusionEngine {
    device: Device,
    device_name: String,
    precision: Precision,
    /// Where places of models are remembered, in which tiny autoencoders for previews may lie.
    previews_in: Option<PathBuf>,
    loaded: Option<(ModelRef, Vec<LoraUse>, Pipeline)>,
    noises: LruCache<(u64, Shape), Tensor>,
}

impl Drop for DiffusionEngine {
    fn drop(&mut self) {
        self.loaded = None;
        BlockAllocator::release_all();
    }
}

/// (1, channels, height, width) of a latent.
type Shape = (usize, usize, usize, usize);

impl DiffusionEngine {
    /// An engine that has nothing loaded yet. Fails where the device is not in this build or this
    /// machine.
    pub fn new(options: EngineOptions) -> Result<Self, EngineError> {
        let (device, precision) = options.start()?;
        Ok(Self {
            device_name: device::name(&device, precision),
            device,
            precision,
            previews_in: None,
            loaded: None,
            noises: LruCache::new(NOISES_KEPT),
        })
    }

    /// The same with previews by tiny autoencoders (TAESD) where such lie among the models that are remembered in
    /// `data_dir`. They change no picture.
    #[must_use]
    pub fn with_previews_in(mut self, data_dir: PathBuf) -> Self {
        self.previews_in = Some(data_dir);
        self
    }

    /// What computes, such as `cpu avx512`.
    pub fn device(&self) -> &str {
        &self.device_name
    }

    /// The pipeline of `model`, loaded now where it is not the one of the run before.
    fn pipeline(
        &mut self,
        model: &ModelRef,
        loras: &[LoraUse],
        progress: &mut dyn Progress,
    ) -> Result<&mut Pipeline, EngineError> {
        let kept = self.loaded.take().filter(|(loaded, ..)| loaded == model);
        let pipeline = match kept {
            Some((_, known, pipeline)) if known == loras => pipeline,
            // What no LoRA changes stays loaded.
            Some((.., pipeline)) => pipeline.with_loras(loras, self.precision, progress)?,
            // The other model is gone by now, so that there is memory for this one.
            None => Pipeline::load(model, loras, &self.device, self.precision, progress)?,
        };
        // Loading took as much memory again.
        BlockAllocator::release_all();
        let loaded = (model.clone(), loras.to_vec(), pipeline);
        Ok(&mut self.loaded.insert(loaded).2)
    }

    /// The first noise of a run.
    fn noise(&mut self, seed: u64, shape: Shape) -> Result<Tensor, EngineError> {
        if let Some(cached) = self.noises.get(&(seed, shape)) {
            return Ok(cached);
        }
        let (_, channels, height, width) = shape;
        let numbers = NoiseSource::new(seed).initial(channels * height * width);
        let noise = noise_tensor(numbers, shape, &self.device)?;
        self.noises.insert((seed, shape), noise.clone());
        Ok(noise)
    }
}

impl Engine for DiffusionEngine {
    fn run(
        &mut self,
        input: &EngineInput,
        progress: &mut dyn Progress,
    ) -> Result<EngineOutput, EngineError> {
        let mut report = RunReport {
            device: self.device_name.clone(),
            ..RunReport::default()
        };
        progress.checkpoint()?;
        progress.stage(Stage::Loading);
        let clock = Instant::now();
        let (precision, previews_in) = (self.precision, self.previews_in.clone());
        let pipeline = self.pipeline(&input.model, &input.loras, progress)?;
        if let Some(data_dir) = previews_in
            && progress.wants_preview()
        {
            report.previews.fault =
                pipeline.find_preview_decoder(&data_dir, precision, progress)?;
        }
        let traits = pipeline.card.traits.clone();
        report.seconds.load = clock.elapsed().as_secs_f64();
        let latent_size = check_input(input, traits.size_multiple_px, traits.vae_factor)?;
        let shape = (
            1,
            traits.latent_channels as usize,
            latent_size.height as usize,
            latent_size.width as usize,
        );
        let noise = self.noise(input.seed.0, shape)?;
        let device = self.device.clone();
        let pipeline = self.pipeline(&input.model, &input.loras, progress)?;
        let mut run = Run {
            input,
            pipeline,
            noise,
            latent_size,
            device,
            report,
        };
        let pictures = run.stages(progress);
        let (image, round_trip) = pictures?;
        Ok(EngineOutput {
            image,
            round_trip,
            report: run.report,
        })
    }
}

/// Fails where the input contradicts itself or the model. Gives the size of the latent.
fn check_input(input: &EngineInput, multiple: u32, factor: u32) -> Result<Extent, EngineError> {
    let bad = |what: String| Err(EngineError::BadInput { what });
    let image = &input.image;
    let Extent { width, height } = image.extent;
    if image.extent.is_empty()
        || !width.is_multiple_of(multiple)
        || !height.is_multiple_of(multiple)
    {
        return bad(format!(
            "a work size of {} with multiples of {multiple}",
            image.extent
        ));
    }
    if image.pixels.len() != image.extent.len() {
        return bad(format!(
            "{} pixels for {}",
            image.pixels.len(),
            image.extent
        ));
    }
    let latent = Extent::new(width / factor, height / factor);
    if let Some(mask) = &input.mask
        && (mask.latent_extent != latent
            || mask.latent_strength.len() != latent.len()
            || mask.region.len() != image.extent.len())
    {
        return bad(format!(
            "a mask of {} for a latent of {latent}",
            mask.latent_extent
        ));
    }
    if input.steps.executed(input.strength) == 0 {
        return bad("no steps to run".to_owned());
    }
    Ok(latent)
}

/// One run on a loaded model.
struct Run<'a> {
    input: &'a EngineInput,
    pipeline: &'a mut Pipeline,
    /// The run's first noise.
    noise: Tensor,
    latent_size: Extent,
    device: Device,
    report: RunReport,
}

impl Run<'_> {
    /// All stages in order: encode text and picture, denoise, decode. Gives the result, and the round trip of
    /// the original where it is asked for.
    fn stages(
        &mut self,
        progress: &mut dyn Progress,
    ) -> Result<(RgbF32, Option<RgbF32>), EngineError> {
        progress.checkpoint()?;
        progress.stage(Stage::EncodingText);
        let clock = Instant::now();
        let text = self.text(progress)?;
        self.report.seconds.text = clock.elapsed().as_secs_f64();

        progress.checkpoint()?;
        progress.stage(Stage::EncodingPicture);
        let clock = Instant::now();
        let image_latent = self.image_latent(progress)?;
        let shown = self.shown(progress)?;
        self.report.seconds.encode = clock.elapsed().as_secs_f64();

        let clock = Instant::now();
        let round_trip = self.round_trip(progress)?;
        self.report.seconds.round_trip = clock.elapsed().as_secs_f64();

        let clock = Instant::now();
        let latent = self.denoised_latent(&text, image_latent, shown, progress)?;
        check_finite(&latent)?;
        self.report.seconds.steps = clock.elapsed().as_secs_f64();

        progress.checkpoint()?;
        progress.stage(Stage::Decoding);
        let clock = Instant::now();
        let image = tensor_picture(&self.pipeline.decode(&latent, progress)?)?;
        self.report.seconds.decode = clock.elapsed().as_secs_f64();
        Ok((image, round_trip))
    }

    /// The input's picture encoded and decoded, where that is asked for.
    fn round_trip(&mut self, progress: &mut dyn Progress) -> Result<Option<RgbF32>, EngineError> {
        let input = self.input;
        if !input.wants_round_trip {
            return Ok(None);
        }
        progress.checkpoint()?;
        let original = input.original.as_ref().unwrap_or(&input.image);
        let image = self
            .pipeline
            .round_trip(original, &mut self.report, progress)?;
        Ok(Some(image))
    }

    /// Sets schedule, init latent, latent mask and conditioning up, and runs the denoising loop.
    fn denoised_latent(
        &mut self,
        text: &EncodedText,
        image_latent: Option<Tensor>,
        shown: Option<Tensor>,
        progress: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        let input = self.input;
        let source = NoiseSource::new(input.seed.0);
        let sampler = sampler(input.sampler);
        let trained = &self.pipeline.trained;
        let schedule = sampler.schedule(trained, input.schedule, input.steps.get() as usize)?;
        let executed = input.steps.executed(input.strength) as usize;
        let skipped = schedule.steps.len().saturating_sub(executed);
        let steps = schedule.steps.get(skipped..).unwrap_or_default();
        let fitted_preview = match (self.pipeline.fits_previews(), &image_latent) {
            (true, Some(latent)) => {
                let factor = self.pipeline.card.traits.vae_factor;
                Some(LatentPreview::fitted(latent, &input.image, factor)?)
            }
            _ => None,
        };
        let init_latent = match (&input.mask, image_latent) {
            (Some(mask), Some(latent)) => Some(self.fill_masked(mask, latent, executed)?),
            (_, latent) => latent,
        };
        let level = steps.first().map_or(0.0, |step| step.sigma);
        let initial_sample = match &init_latent {
            Some(latent) if input.strength.get() < 1.0 => noised(latent, &self.noise, level)?,
            _ => self.noise.affine(schedule.noise_scale, 0.0)?,
        };
        let latent_mask = input
            .mask
            .as_ref()
            .zip(init_latent)
            .map(|(mask, init_latent)| LatentMask {
                init_latent,
                strength: mask.latent_strength.clone(),
            });
        let timesteps: Vec<f64> = steps.iter().map(|step| step.timestep).collect();
        let unet = &self.pipeline.unet;
        let guided = GuidedUnet {
            unet,
            conditioning: unet.condition(&self.conditions(text), &timesteps, progress)?,
            shown,
            mix: self.mix(),
        };
        let (mut whole, mut tiled);
        let predictor: &mut dyn Predictor = if input.tiles.is_empty() {
            self.report.parts = 1;
            whole = guided;
            &mut whole
        } else {
            let strength = input.mask.as_ref().map(|mask| &mask.latent_strength[..]);
            tiled = TiledUnet::new(guided, &input.tiles, self.latent_size.width, strength);
            self.report.parts = tiled.tile_count() as u32;
            &mut tiled
        };
        let denoising = Denoising {
            sampler,
            steps,
            prediction: trained.prediction(),
            initial_sample,
            noise: &self.noise,
            source,
            latent_mask,
            previews: self.previews(fitted_preview.as_ref(), steps.len()),
        };
        let denoised = denoise(denoising, predictor, progress)?;
        self.report.executed_steps = denoised.executed;
        self.note_previews(denoised.previews);
        Ok(denoised.latent)
    }

    /// The init latent: `image_latent` with the region filled as `mask.fill` says, where the region is
    /// inpainted at all.
    fn fill_masked(
        &self,
        mask: &EngineMask,
        image_latent: Tensor,
        executed: usize,
    ) -> Result<Tensor, EngineError> {
        let fill = match mask.fill {
            LatentFill::Image => return Ok(image_latent),
            LatentFill::Nothing => image_latent.zeros_like()?,
            LatentFill::Noise => {
                let numbers = NoiseSource::new(self.input.seed.0).fill(image_latent.elem_count());
                noise_tensor(numbers, image_latent.dims4()?, &self.device)?
            }
        };
        let width = self.input.image.extent.width as usize;
        let factor = self.pipeline.card.traits.vae_factor as usize;
        let columns = self.latent_size.width as usize;
        let is_in_region = |at: usize| {
            let (x, y) = (at % columns * factor, at / columns * factor);
            (y..y + factor).any(|line| {
                let from = line * width + x;
                let row = mask.region.get(from..from + factor).unwrap_or_default();
                row.iter().any(|&alpha| alpha > 0.0)
            })
        };
        let one_step = 1.0 / executed as f32;
        let filled: Vec<bool> = mask
            .latent_strength
            .iter()
            .enumerate()
            .map(|(at, &strength)| strength >= one_step && is_in_region(at))
            .collect();
        choose(&filled, &fill, &image_latent)
    }
}

#[cfg(test)]
mod tests;

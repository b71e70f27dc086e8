use candle_core::Device;

use super::*;
use crate::catalog::PredictionType;
use crate::engine::diffusion::denoise::{Denoising, Predictor, clean_from, denoise, noised};
use crate::engine::diffusion::noise::NoiseSource;
use crate::engine::diffusion::previews::Previews;
use crate::engine::diffusion::testing::{find, golden, relative_error};
use crate::engine::{Progress, Unwatched};

/// The formula of `toy` in `tests/golden/runs.py`.
fn toy(scaled: &Tensor, timestep: f64) -> Tensor {
    let bent = scaled.affine(0.8, 0.2).unwrap().tanh().unwrap();
    bent.affine((timestep / 700.0).cos(), 0.1).unwrap()
}

fn trained(config: serde_json::Value) -> TrainedNoise {
    let mut config = config;
    config["beta_start"] = 0.00085.into();
    config["beta_end"] = 0.012.into();
    config["beta_schedule"] = "scaled_linear".into();
    TrainedNoise::from_json(config).unwrap()
}

#[test]
fn full_runs_are_those_of_diffusers() {
    let golden = golden("samplers");
    let mut compared = 0;
    for (key, wanted) in &golden {
        let parts: Vec<&str> = key.split('.').collect();
        let [by, schedule, prediction, spacing, begin] = parts[..] else {
            continue;
        };
        let begin: usize = begin.parse().unwrap();
        let trained = trained(serde_json::json!({
            "timestep_spacing": spacing,
            "steps_offset": u8::from(spacing == "leading"),
            "set_alpha_to_one": false,
            "prediction_type": prediction,
        }));
        let sampler = sampler(by.parse().unwrap());
        let schedule = sampler
            .schedule(&trained, schedule.parse().unwrap(), 11)
            .unwrap();
        let noise = find(&golden, "noise");
        let steps = &schedule.steps[begin..];
        let mut sample = if begin == 0 {
            noise.affine(schedule.noise_scale, 0.0).unwrap()
        } else {
            noised(find(&golden, "clean"), noise, steps[0].sigma).unwrap()
        };
        let mut history = Vec::new();
        for step in steps {
            let scaled = sample.affine(1.0 / step.sigma.hypot(1.0), 0.0).unwrap();
            let answer = toy(&scaled, step.timestep);
            let clean = clean_from(trained.prediction(), &sample, &answer, step.sigma).unwrap();
            let fresh = find(&golden, &format!("fresh.{}", step.index));
            let stepped = sampler
                .step(&StepInput {
                    step,
                    sample: &sample,
                    clean: &clean,
                    history: &history,
                    noise: sampler.needs_noise(step).then_some(fresh),
                })
                .unwrap();
            history = vec![PastPrediction {
                sigma: step.sigma,
                clean: stepped.clean,
            }];
            history.truncate(sampler.history_len());
            sample = stepped.next;
        }
        let error = relative_error(&sample, wanted);
        println!("{key}: {error:.1e}");
        assert!(error <= 1e-4, "{key}: {error:e}");
        compared += 1;
    }
    assert!(compared > 50, "{compared}");
}

/// Knows the clean latent, and answers as a perfect network of its kind would.
struct Oracle {
    clean: Tensor,
    prediction: PredictionType,
    trained: TrainedNoise,
}

impl Predictor for Oracle {
    fn predict(
        &mut self,
        scaled: &Tensor,
        timestep: f64,
        _: &mut dyn Progress,
    ) -> Result<Tensor, EngineError> {
        let sigma = self.trained.sigma_at(timestep);
        let norm = sigma.hypot(1.0);
        let sample = scaled.affine(norm, 0.0)?;
        let noise = (sample - &self.clean)?.affine(1.0 / sigma, 0.0)?;
        match self.prediction {
            PredictionType::Epsilon => Ok(noise),
            PredictionType::Sample => Ok(self.clean.clone()),
            PredictionType::VPrediction => combine(1.0 / norm, &noise, -sigma / norm, &self.clean),
        }
    }
}

#[test]
fn an_oracle_leads_every_sampler_to_the_clean_latent() {
    let shape = (1, 4, 6, 5);
    let tensor = |numbers: Vec<f32>| Tensor::from_vec(numbers, shape, &Device::Cpu).unwrap();
    let clean = tensor(NoiseSource::new(1).initial(120));
    let noise = tensor(NoiseSource::new(2).initial(120));
    let predictions = [
        ("epsilon", PredictionType::Epsilon),
        ("v_prediction", PredictionType::VPrediction),
        ("sample", PredictionType::Sample),
    ];
    for id in SamplerId::ALL {
        for schedule_id in ScheduleId::ALL {
            for (name, prediction) in predictions {
                for (executed, whole) in [(20, true), (7, false), (1, false)] {
                    let trained = trained(serde_json::json!({"prediction_type": name}));
                    let sampler = sampler(*id);
                    let schedule = sampler.schedule(&trained, *schedule_id, 20).unwrap();
                    let steps = &schedule.steps[20 - executed..];
                    let first = if whole {
                        noise.affine(schedule.noise_scale, 0.0).unwrap()
                    } else {
                        noised(&clean, &noise, steps[0].sigma).unwrap()
                    };
                    let run = Denoising {
                        sampler,
                        steps,
                        prediction,
                        initial_sample: first,
                        noise: &noise,
                        source: NoiseSource::new(3),
                        latent_mask: None,
                        previews: Previews::default(),
                    };
                    let mut oracle = Oracle {
                        clean: clean.clone(),
                        prediction,
                        trained: trained.clone(),
                    };
                    let denoised = denoise(run, &mut oracle, &mut Unwatched).unwrap();
                    let error = relative_error(&denoised.latent, &clean);
                    // Epsilon divides by small sigmas at the end; Karras levels lie between
                    // timesteps, where the oracle's own sigma is only near.
                    // A consistency model gives back what it is shown at the least noise, and Karras
                    // levels end there.
                    let is_kept = (*id, *schedule_id) == (SamplerId::Lcm, ScheduleId::Karras);
                    assert!(
                        error < if is_kept { 5e-2 } else { 2e-2 },
                        "{id:?} {schedule_id:?} {name} {executed}: {error:e}"
                    );
                    assert_eq!(denoised.executed as usize, executed);
                }
            }
        }
    }
}

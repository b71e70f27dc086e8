use super::*;
use crate::engine::diffusion::sampler::sampler;
use crate::engine::diffusion::testing::golden_path;
use crate::plan::SamplerId;

#[derive(Deserialize)]
struct Case {
    kind: String,
    config: serde_json::Value,
    count: usize,
    timesteps: Vec<f64>,
    sigmas: Vec<f64>,
    #[serde(default)]
    targets: Vec<f64>,
    noise_scale: f64,
}

fn trained(config: &serde_json::Value) -> TrainedNoise {
    TrainedNoise::from_json(config.clone()).unwrap()
}

fn assert_near(ours: f64, wanted: f64, what: &str) {
    let allowed = 1e-4 * wanted.abs().max(0.01);
    assert!(
        (ours - wanted).abs() <= allowed,
        "{what}: {ours} is not {wanted}"
    );
}

#[test]
fn schedules_are_those_of_diffusers() {
    let bytes = std::fs::read(golden_path("schedules.json")).unwrap();
    let cases: Vec<Case> = serde_json::from_slice(&bytes).unwrap();
    assert!(cases.len() > 200);
    for case in cases {
        let (id, by) = match case.kind.as_str() {
            "model" => (ScheduleId::Model, SamplerId::Euler),
            "karras" => (ScheduleId::Karras, SamplerId::Euler),
            "ddim" => (ScheduleId::Model, SamplerId::Ddim),
            "lcm" => (ScheduleId::Model, SamplerId::Lcm),
            other => panic!("{other}"),
        };
        let what = format!("{} {} {}", case.kind, case.count, case.config);
        let schedule = sampler(by)
            .schedule(&trained(&case.config), id, case.count)
            .unwrap();
        assert_eq!(schedule.steps.len(), case.count, "{what}");
        assert_near(schedule.noise_scale, case.noise_scale, &what);
        for (i, step) in schedule.steps.iter().enumerate() {
            assert_eq!(step.index, i);
            assert!(
                (step.timestep - case.timesteps[i]).abs() < 2e-3,
                "{what}: {step:?}"
            );
            assert_near(step.sigma, case.sigmas[i], &what);
            match case.targets.get(i) {
                Some(&target) => assert_near(step.target_sigma, target, &what),
                None => assert_near(step.next_sigma, case.sigmas[i + 1], &what),
            }
        }
    }
}

#[test]
fn timesteps_and_sigmas_are_each_others_inverse() {
    let trained = trained(&serde_json::json!({
        "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"
    }));
    for timestep in [0.0, 1.0, 1.5, 400.25, 998.0, 999.0] {
        let again = trained.timestep_at(trained.sigma_at(timestep));
        // Between two of training one is linear in σ and the other in ln σ.
        assert!((again - timestep).abs() < 0.2, "{timestep} {again}");
    }
    assert_eq!(trained.timestep_at(1e9), 999.0);
    assert_eq!(trained.timestep_at(0.0), 0.0);
}

#[test]
fn configurations_that_make_no_sense_are_refused() {
    for bad in [
        serde_json::json!({"num_train_timesteps": 0}),
        serde_json::json!({"num_train_timesteps": 1}),
        serde_json::json!({"num_train_timesteps": 4_000_000_000u64}),
        serde_json::json!({"beta_start": -1.0}),
        serde_json::json!({"beta_start": 0.0, "beta_end": 0.0}),
        serde_json::json!({"beta_end": 1.5}),
        serde_json::json!({"beta_end": null}),
        serde_json::json!({"trained_betas": []}),
        serde_json::json!({"trained_betas": [0.1]}),
        serde_json::json!({"steps_offset": 1000}),
        serde_json::json!({"beta_schedule": "exotic"}),
        serde_json::json!({"timestep_type": "continuous"}),
    ] {
        assert!(TrainedNoise::from_json(bad.clone()).is_err(), "{bad}");
    }
    let short = trained(&serde_json::json!({"trained_betas": vec![0.1; 10]}));
    for by in SamplerId::ALL {
        let answer = sampler(*by).schedule(&short, ScheduleId::Model, 11);
        assert!(
            matches!(answer, Err(EngineError::Unsupported { .. })),
            "{by:?}"
        );
    }
}

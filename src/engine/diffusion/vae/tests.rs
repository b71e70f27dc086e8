use super::*;
use crate::engine::kernels;
use crate::engine::nn::goldens::{Golden, Watch, assert_close, model, relative_error};

/// Relative error against diffusers in f32. Some 1e-6 are seen; a wrong eps or GELU gives 1e-4.
const LIMIT: f64 = 1e-5;

fn load(files: &ModelFiles) -> Vae {
    Vae::load(files, &Device::Cpu, Precision::F32, &mut Watch::default()).unwrap()
}

fn check(name: &str, vae: &Vae, golden: &Golden) {
    let latent = vae
        .encode(golden.get("image"), &mut Watch::default())
        .unwrap();
    assert_close(
        &format!("{name} encode"),
        &latent,
        golden.get("latent"),
        LIMIT,
    );
    let image = vae
        .decode(golden.get("noisy"), &mut Watch::default())
        .unwrap();
    assert_close(
        &format!("{name} decode"),
        &image,
        golden.get("decoded"),
        LIMIT,
    );
}

#[test]
fn answers_as_diffusers_does() {
    for name in ["vae", "vae-legacy", "vae-plain", "vae-tiny"] {
        check(
            name,
            &load(&model(name)),
            &Golden::read(name, "case.safetensors"),
        );
    }
}

#[test]
fn the_built_in_one_answers_as_diffusers_does() {
    let vae = load(&ModelFiles::BuiltIn);
    check("starter", &vae, &Golden::read("starter", "vae.safetensors"));
    assert_eq!((vae.config().factor, vae.config().latent_channels), (4, 4));
}

/// A latent of smooth blobs, such as an encoded picture is.
fn smooth_latent(height: usize, width: usize) -> Tensor {
    let values: Vec<f32> = (0..4 * height * width)
        .map(|i| {
            let (channel, y, x) = (i / (height * width), i / width % height, i % width);
            let phase = channel as f32 * 1.7;
            (y as f32 / 9.0 + phase).sin() * 0.8 + (x as f32 / 7.0 - phase).cos() * 0.7
        })
        .collect();
    Tensor::from_vec(values, (1, 4, height, width), &Device::Cpu).unwrap()
}

#[test]
fn tiles_give_nearly_the_whole_and_no_seams() {
    let mut vae = load(&ModelFiles::BuiltIn);
    let latent = smooth_latent(40, 56);
    let whole = vae.decode(&latent, &mut Watch::default()).unwrap();
    let encoded = vae.encode(&whole, &mut Watch::default()).unwrap();

    // A budget of 1000 latent pixels.
    vae.budget_bytes = 1000 * 16 * vae.config.widest_at_full_size() * 4;
    let plan = vae.tiles(40, 56).expect("this is too large for the budget");
    assert!(plan.count() >= 6, "{plan:?}");
    let tiled = vae.decode(&latent, &mut Watch::default()).unwrap();
    assert_eq!(tiled.dims(), whole.dims());
    assert_no_seams(&tiled, &whole);
    let error = relative_error(&tiled, &whole);
    println!("tiled decode: {error:.3}");
    assert!(error < 0.15, "tiled decode: {error}");

    let tiled = vae.encode(&whole, &mut Watch::default()).unwrap();
    let error = relative_error(&tiled, &encoded);
    println!("tiled encode: {error:.3}");
    assert!(error < 0.15, "tiled encode: {error}");
}

/// Nowhere does a step between neighbouring columns or rows, on average over their length, come in
/// that the whole has not.
fn assert_no_seams(tiled: &Tensor, whole: &Tensor) {
    for axis in [2, 3] {
        let len = tiled.dim(axis).unwrap();
        let steps = |image: &Tensor| -> Vec<f32> {
            let next = image.narrow(axis, 1, len - 1).unwrap();
            let step = (next - image.narrow(axis, 0, len - 1).unwrap()).unwrap();
            let other = if axis == 2 { 3 } else { 2 };
            let mean = step.mean(other).unwrap().mean(1).unwrap();
            mean.flatten_all().unwrap().to_vec1().unwrap()
        };
        let worst = steps(tiled)
            .into_iter()
            .zip(steps(whole))
            .map(|(tiled, whole)| (tiled - whole).abs())
            .fold(0.0, f32::max);
        println!("axis {axis}: worst additional step {worst:.4}");
        assert!(worst < 0.02, "axis {axis}: {worst}");
    }
}

#[test]
fn cancelling_is_answered_inside_the_decoder() {
    let golden = Golden::read("vae", "case.safetensors");
    let vae = load(&model("vae"));
    let mut watch = Watch::default();
    vae.decode(golden.get("noisy"), &mut watch).unwrap();
    // Eight residual blocks of three each.
    assert!(watch.checkpoints > 24, "only {}", watch.checkpoints);
    let mut watch = Watch {
        cancel_at: Some(watch.checkpoints - 1),
        ..Watch::default()
    };
    let answer = vae.decode(golden.get("noisy"), &mut watch);
    assert_eq!(answer.err(), Some(EngineError::Cancelled));
}

#[test]
fn sizes_that_do_not_fit_are_refused() {
    let vae = load(&model("vae"));
    for shape in [[1, 3, 5, 4], [1, 4, 4, 4], [2, 3, 4, 4], [1, 3, 0, 4]] {
        let image = Tensor::zeros(&shape[..], DType::F32, &Device::Cpu).unwrap();
        let answer = vae.encode(&image, &mut Watch::default());
        assert!(
            matches!(answer, Err(EngineError::BadInput { .. })),
            "{shape:?}"
        );
    }
}

#[test]
fn a_network_that_answers_nan_is_not_believed() {
    let vae = load(&model("vae"));
    let latent = Tensor::full(f32::NAN, (1, 4, 4, 4), &Device::Cpu).unwrap();
    let answer = vae.decode(&latent, &mut Watch::default());
    assert_eq!(answer.err(), Some(EngineError::NotFiniteResult));
}

/// GPUs compute in f16, by candle's own operators; on the CPU the same code can be run slowly.
#[test]
fn half_precision_goes_through_every_layer_where_the_network_bears_it() {
    let golden = Golden::read("vae", "case.safetensors");
    let files = model("vae");
    let vae = |precision| Vae::load(&files, &Device::Cpu, precision, &mut Watch::default());
    let mut config = VaeConfig::read(&files).unwrap();
    assert!(config.force_upcast);
    // As the configuration wants it, this network is computed in f32 all the same.
    check("upcast", &vae(Precision::F16).unwrap(), &golden);

    config.force_upcast = false;
    let mut watch = Watch::default();
    let weights = Weights::open(&files, WEIGHTS, &Device::Cpu, Precision::F16).unwrap();
    let half = Vae::build(
        config,
        Loader::new(weights, &mut watch),
        &Device::Cpu,
        DType::F16,
    );
    let image = half
        .unwrap()
        .decode(golden.get("noisy"), &mut Watch::default())
        .unwrap();
    assert_close("f16 decode", &image, golden.get("decoded"), 2e-2);
}

/// SDXL's autoencoder leaves the range of f16 inside, and gives black pictures elsewhere.
#[test]
fn numbers_beyond_f16_do_not_overflow() {
    let name = "vae-large";
    let golden = Golden::read(name, "case.safetensors");
    check(name, &load(&model(name)), &golden);
    // Asked for f16, as on a GPU, it is computed in f32; bf16 has the range of f32.
    let half = Vae::load(
        &model(name),
        &Device::Cpu,
        Precision::F16,
        &mut Watch::default(),
    );
    check(name, &half.unwrap(), &golden);
    if kernels::Isa::chosen_with_bf16().is_ok() {
        let bf16 = Vae::load(
            &model(name),
            &Device::Cpu,
            Precision::BF16,
            &mut Watch::default(),
        );
        let decoded = bf16
            .unwrap()
            .decode(golden.get("noisy"), &mut Watch::default());
        let error = relative_error(&decoded.unwrap(), golden.get("decoded"));
        assert!(error < 5e-2, "{error}");
    }
    // It would overflow: this was seen inside.
    let largest: Vec<f32> = golden.get("largest").to_vec1().unwrap();
    assert!(largest[0] > half::f16::MAX.to_f32(), "{largest:?}");
}

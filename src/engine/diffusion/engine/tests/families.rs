//! Whole pictures of every family against diffusers' own pipelines, from text to pixels:
//! `tests/golden/families.py` says how they were made.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::*;
use crate::geometry::Rect;

/// How far pictures may differ, in steps of 8 bits: in the mean, and at most.
const MEAN: f32 = 0.5;
const MOST: f32 = 4.0;

#[derive(Debug, Deserialize)]
struct Case {
    name: String,
    /// Folders that make the model, later ones over earlier ones.
    parts: Vec<String>,
    index: serde_json::Value,
    sampler: SamplerId,
    seed: u64,
    width: u32,
    height: u32,
    strength: Strength,
    steps: Steps,
    guidance: Guidance,
    image_guidance: Guidance,
    prompt: String,
    negative: String,
    /// Top, bottom, left and right of what changes.
    mask: Option<[u32; 4]>,
}

impl Case {
    /// The model as one folder.
    fn folder(&self) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for part in &self.parts {
            copy_tree(&golden_path("families").join(part), folder.path());
        }
        let index = self.index.to_string();
        std::fs::write(folder.path().join("model_index.json"), index).unwrap();
        folder
    }

    fn engine_mask(&self, factor: u32) -> Option<EngineMask> {
        let [top, bottom, left, right] = self.mask?;
        let plane = |scale: u32| -> Vec<f32> {
            let (width, height) = (self.width / scale, self.height / scale);
            let inside = |x: u32, y: u32| {
                (left..right).contains(&(x * scale)) && (top..bottom).contains(&(y * scale))
            };
            (0..height)
                .flat_map(|y| (0..width).map(move |x| f32::from(u8::from(inside(x, y)))))
                .collect()
        };
        Some(EngineMask {
            latent_extent: Extent::new(self.width / factor, self.height / factor),
            latent_strength: plane(factor),
            region: plane(1),
            fill: LatentFill::Image,
        })
    }

    fn input(&self, folder: &Path, image: RgbF32) -> EngineInput {
        let model = ModelRef::Folder(folder.to_owned());
        let traits = crate::catalog::open(&model).unwrap().traits;
        let mut mask = self.engine_mask(traits.vae_factor);
        if let (true, Some(mask)) = (traits.sees_mask(), &mut mask) {
            // diffusers holds nothing with such a model, so neither here.
            mask.latent_strength.fill(1.0);
        }
        EngineInput {
            model,
            mask,
            prompt: self.prompt.clone(),
            negative: self.negative.clone(),
            strength: self.strength,
            steps: self.steps,
            guidance: self.guidance,
            image_guidance: self.image_guidance,
            seed: Seed(self.seed),
            sampler: self.sampler,
            ..tiny_input(image)
        }
    }
}

fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_tree(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

fn cases() -> Vec<Case> {
    let bytes = std::fs::read(golden_path("families/cases.json")).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

fn case(name: &str) -> Case {
    cases().into_iter().find(|case| case.name == name).unwrap()
}

fn pictures() -> BTreeMap<String, Tensor> {
    golden("families/pictures").into_iter().collect()
}

/// The picture that a case begins with; the file has it in −1…1.
fn source(case: &Case, pictures: &BTreeMap<String, Tensor>) -> RgbF32 {
    let tensor = &pictures[&format!("picture.{}x{}", case.width, case.height)];
    tensor_picture(tensor).unwrap()
}

/// The mean and the largest difference, in steps of 8 bits.
fn difference(ours: &RgbF32, wanted: &Tensor) -> (f32, f32) {
    let ours = planes(ours)
        .flatten_all()
        .unwrap()
        .to_vec1::<f32>()
        .unwrap();
    let wanted = wanted.to_dtype(DType::F32).unwrap().flatten_all().unwrap();
    let wanted = wanted.to_vec1::<f32>().unwrap();
    assert_eq!(ours.len(), wanted.len());
    let differences = ours.iter().zip(&wanted).map(|(a, b)| (a - b).abs() * 255.0);
    let (sum, most) = differences.fold((0.0, 0f32), |(sum, most), d| (sum + d, most.max(d)));
    (sum / ours.len() as f32, most)
}

#[test]
fn pictures_of_every_family_are_those_of_diffusers() {
    let pictures = pictures();
    let cases = cases();
    assert!(cases.len() >= 16);
    let mut wrong = Vec::new();
    for case in cases {
        let folder = case.folder();
        let input = case.input(folder.path(), source(&case, &pictures));
        let output = engine().run(&input, &mut Unwatched).unwrap();
        let (mean, most) = difference(&output.image, &pictures[&case.name]);
        println!("{}: mean {mean:.4}, most {most:.3}", case.name);
        // `max` drops NaN.
        if !(mean <= MEAN && most <= MOST) {
            wrong.push((case.name, mean, most));
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// A case and its input, as it is or changed.
fn with(name: &str, change: impl FnOnce(&mut Case)) -> (tempfile::TempDir, EngineInput) {
    let mut case = case(name);
    change(&mut case);
    let folder = case.folder();
    let input = case.input(folder.path(), source(&case, &pictures()));
    (folder, input)
}

fn run(input: &EngineInput) -> EngineOutput {
    engine().run(input, &mut Unwatched).unwrap()
}

#[test]
fn an_empty_negative_prompt_is_zeros_only_where_the_model_says_so() {
    let name = "sdxl.no-negative";
    let (_folder, input) = with(name, |case| {
        case.index["force_zeros_for_empty_prompt"] = false.into();
    });
    let (mean, _) = difference(&run(&input).image, &pictures()[name]);
    assert!(mean > MEAN, "{mean}");
}

#[test]
fn a_scale_that_the_network_reads_takes_one_prediction() {
    let (_folder, input) = with("sd1.lcm", |_| {});
    let output = run(&input);
    assert_eq!(output.report.prompts, 1);
    let other = |negative: &str, guidance: f64| EngineInput {
        negative: negative.to_owned(),
        guidance: Guidance::new(guidance).unwrap(),
        ..input.clone()
    };
    assert_eq!(run(&other("anything", 8.0)).image, output.image);
    assert_ne!(run(&other("", 7.0)).image, output.image);
}

#[test]
fn instructions_take_three_predictions_and_see_the_original() {
    let (_folder, input) = with("sd1.pix2pix", |_| {});
    let output = run(&input);
    assert_eq!(output.report.prompts, 3);
    // What is shown is the original, also where a later pass goes on from a result.
    let grey = RgbF32::filled(input.image.extent, [0.5; 3]);
    let later = EngineInput {
        original: Some(input.image.clone()),
        image: grey.clone(),
        ..input.clone()
    };
    assert_eq!(run(&later).image, output.image);
    let of_grey = EngineInput {
        image: grey,
        ..input.clone()
    };
    assert_ne!(run(&of_grey).image, output.image);
    let alone = EngineInput {
        guidance: Guidance::new(1.0).unwrap(),
        ..input
    };
    assert_eq!(run(&alone).report.prompts, 1);
}

#[test]
fn a_model_with_sizes_is_run_in_tiles_and_with_long_prompts() {
    let (_folder, input) = with("sdxl.square", |_| {});
    let whole = run(&input).image;
    let tile = |side: u32| Rect::new(0, 0, side, side);
    let of = |tiles: Vec<Rect>| EngineInput {
        tiles,
        ..input.clone()
    };
    // One tile over everything is the whole.
    let one = run(&of(vec![tile(16)]));
    let wanted = planes(&whole);
    assert!(difference(&one.image, &wanted).1 < 0.01);
    let halves = [(0, 0), (6, 0), (0, 6), (6, 6)];
    let four = halves.map(|(x, y)| Rect::new(x, y, 10, 10));
    assert_eq!(run(&of(four.to_vec())).report.parts, 4);
    let long = EngineInput {
        prompt: "a red dress in rain, ".repeat(4),
        ..input.clone()
    };
    let long = run(&long);
    assert_eq!(long.report.text_encodes, 1);
    assert_ne!(long.image, whole);
}

#[test]
fn what_does_not_fit_together_is_refused() {
    // The U-Net of SDXL with one text encoder.
    let (_folder, input) = with("sdxl.square", |_| {});
    let ModelRef::Folder(folder) = &input.model else {
        panic!("a folder");
    };
    std::fs::remove_file(folder.join("text_encoder_2/config.json")).unwrap();
    let answer = engine().run(&input, &mut Unwatched);
    assert!(matches!(answer, Err(EngineError::Unsupported { .. })));
}

//! A checkpoint in one file and the diffusers folder of the same model.

use std::path::PathBuf;

use super::*;
use crate::catalog::testing::{SmallModel, put};
use crate::catalog::{LoraRef, ModelFiles};
use crate::engine::diffusion::text_encoder::{Place, TextEncoderConfig};
use crate::engine::diffusion::unet::UnetConfig;
use crate::engine::diffusion::vae::VaeConfig;
use crate::plan::{LoraUse, LoraWeight};

/// The model of a family as a folder and as one file.
pub(super) fn both(family: &str, room: &Path) -> [ModelRef; 2] {
    let small = SmallModel::of(family);
    let folder = room.join(family);
    small.write_folder(&folder);
    let file = ModelRef::at(small.write_file(room, family));
    // diffusers' tokenizer is made of the same merges.
    let files = ModelFiles::of(&file);
    for tokenizer in ["tokenizer", "tokenizer_2"] {
        for name in ["vocab.json", "merges.txt", "special_tokens_map.json"] {
            let name = format!("{tokenizer}/{name}");
            if files.contains(&name) {
                put(&folder, &name, &files.read(&name).unwrap());
            }
        }
    }
    [ModelRef::Folder(folder), file]
}

#[test]
fn the_configurations_made_are_those_that_diffusers_wrote() {
    let room = tempfile::tempdir().unwrap();
    for family in SmallModel::FAMILIES {
        let [folder, file] = both(family, room.path()).map(|model| ModelFiles::of(&model));
        let unets = [&folder, &file].map(|files| UnetConfig::read(files).unwrap());
        assert_eq!(unets[0], unets[1], "{family}");
        let vaes = [&folder, &file].map(|files| VaeConfig::read(files).unwrap());
        assert_eq!(vaes[0], vaes[1], "{family}");
        assert_eq!(Place::of_model(&folder), Place::of_model(&file));
        for place in Place::of_model(&folder) {
            let texts = [&folder, &file].map(|files| TextEncoderConfig::read(files, *place));
            let texts = texts.map(|text| format!("{text:?}"));
            assert_eq!(texts[0], texts[1], "{family} {place:?}");
        }
    }
}

#[test]
fn a_file_gives_the_very_picture_that_the_folder_gives() {
    let room = tempfile::tempdir().unwrap();
    for family in SmallModel::FAMILIES {
        let [folder, file] = both(family, room.path());
        let picture = picture(find(&golden("runs"), "tiny.picture"));
        let enlarged = RgbF32 {
            extent: Extent::new(64, 64),
            pixels: (0..64 * 64)
                .map(|at| picture.pixels[at / 128 * 32 + at % 64 / 2])
                .collect(),
        };
        let run = |model: ModelRef| {
            let input = EngineInput {
                model,
                image: enlarged.clone(),
                steps: Steps::new(3).unwrap(),
                ..tiny()
            };
            engine().run(&input, &mut Unwatched).unwrap().image
        };
        let of_folder = run(folder);
        assert!(of_folder == run(file), "{family}");
        assert!(of_folder != enlarged);
    }
}

#[test]
fn a_tiny_autoencoder_can_take_the_place_of_a_checkpoints_own_and_shows_previews() {
    let room = tempfile::tempdir().unwrap();
    let [folder, file] = both("sd1", room.path());
    let golden = golden_path("families/taesd/vae");
    let weights = "diffusion_pytorch_model.safetensors";
    let beside = room.path().join("vae");
    for name in ["config.json", weights] {
        put(&beside, name, &std::fs::read(golden.join(name)).unwrap());
    }
    let folder = folder.path().unwrap().to_owned();
    std::fs::remove_dir_all(folder.join("vae")).unwrap();
    copy_tree(&beside, &folder.join("vae"));
    let run = |model: ModelRef| {
        let input = EngineInput {
            model,
            steps: Steps::new(40).unwrap(),
            sampler: SamplerId::Euler,
            ..tiny()
        };
        let mut watch = Watch::default();
        let image = engine().run(&input, &mut watch).unwrap().image;
        (image, watch.previews)
    };
    let (image, previews) = run(file.with_vae(&beside.join(weights)).unwrap());
    assert!(image == run(ModelRef::Folder(folder)).0);
    let decoded = previews
        .iter()
        .filter(|it| it.extent == image.extent)
        .count();
    // The last step's would be the result itself.
    assert!((2..24).contains(&decoded), "{decoded}");
    assert!(previews.iter().all(|preview| *preview != image));
}

#[test]
fn loras_are_added_and_taken_away_again() {
    let room = tempfile::tempdir().unwrap();
    let folder = small_sd1(room.path());
    let lora = LoraRef::at(&golden_path("loras/kohya.safetensors")).unwrap();
    let with = |weights: &[f64]| EngineInput {
        model: ModelRef::Folder(folder.clone()),
        prompt: "red".to_owned(),
        steps: Steps::new(4).unwrap(),
        negative: String::new(),
        loras: weights
            .iter()
            .map(|weight| LoraUse {
                lora: lora.clone(),
                weight: LoraWeight::new(*weight).unwrap(),
            })
            .collect(),
        ..tiny()
    };
    let mut kept = engine();
    let mut run = |weights: &[f64]| kept.run(&with(weights), &mut Unwatched).unwrap().image;
    let plain = run(&[]);
    let half = run(&[0.5]);
    assert!(plain != half);
    assert!(run(&[]) == plain && run(&[0.0]) == plain);
    let fresh = engine().run(&with(&[0.5]), &mut Unwatched).unwrap().image;
    assert!(run(&[0.5]) == fresh && fresh == half);
    // Two are the sum of both, but for the order of rounding.
    let error = relative_error(&planes(&run(&[0.25, 0.25])), &planes(&half));
    assert!(error < 1e-4, "{error:e}");
}

/// The small SD 1 of diffusers' goldens.
fn small_sd1(room: &Path) -> PathBuf {
    let folder = room.join("sd1");
    copy_tree(&golden_path("families/sd1"), &folder);
    put(&folder, "model_index.json", b"{}");
    folder
}

fn copy_tree(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_tree(&path, &target);
        } else {
            put(
                to,
                &path.file_name().unwrap().to_string_lossy(),
                &std::fs::read(&path).unwrap(),
            );
        }
    }
}

use super::*;
use crate::catalog::{Damage, ModelRef, Part, open};
use crate::text::Explain as _;

/// A safetensors file with weights of these names.
fn weights(names: &[&str]) -> Vec<u8> {
    let one = |(at, name): (usize, &&str)| {
        let (start, end) = (4 * at, 4 * at + 4);
        format!(r#""{name}": {{"dtype": "F32", "shape": [1], "data_offsets": [{start}, {end}]}}"#)
    };
    let listed: Vec<String> = names.iter().enumerate().map(one).collect();
    let header = format!("{{{}}}", listed.join(","));
    let length = (header.len() as u64).to_le_bytes();
    [&length[..], header.as_bytes(), &vec![0; 4 * names.len()]].concat()
}

#[track_caller]
fn write(path: &Path, bytes: impl AsRef<[u8]>) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

fn opened(path: &Path) -> CatalogError {
    open(&ModelRef::Folder(path.to_path_buf())).unwrap_err()
}

const POINTER: &str =
    "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3438167540\n";

#[test]
fn files_are_told_by_their_first_bytes_and_names_of_weights() {
    let room = tempfile::tempdir().unwrap();
    let family = |name: &str| Foreign::Family(name.to_owned());
    let cases: Vec<(Vec<u8>, Foreign)> = vec![
        (POINTER.into(), Foreign::LfsPointer),
        (b"<!DOCTYPE html><html>".into(), Foreign::WebPage),
        (b"\xef\xbb\xbf\n <HTML lang=en>".into(), Foreign::WebPage),
        (b"{\"error\":\"Unauthorized\"}".into(), Foreign::WebPage),
        (b"Entry not found".into(), Foreign::WebPage),
        (b"GGUF\x03\0\0\0".into(), Foreign::Gguf),
        (weights(&["double_blocks.0.img_attn.norm"]), family("Flux")),
        (
            weights(&["model.diffusion_model.double_blocks.0.img_attn"]),
            family("Flux"),
        ),
        (
            weights(&["model.diffusion_model.joint_blocks.0.x"]),
            family("Stable Diffusion 3"),
        ),
        (
            weights(&["lora_unet_down_blocks_0.lora_down.weight"]),
            Foreign::Addition(Addition::Lora),
        ),
        (
            weights(&["unet.down_blocks.0.attn.to_k.lora.up.weight"]),
            Foreign::Addition(Addition::Lora),
        ),
        (
            weights(&["controlnet_cond_embedding.conv_in.bias", "down_blocks.0"]),
            Foreign::Addition(Addition::ControlNet),
        ),
        (
            weights(&["decoder.up.0.block.0.norm1.weight"]),
            Foreign::Addition(Addition::Autoencoder),
        ),
        (
            weights(&["encoder.layers.0.weight", "decoder.layers.1.weight"]),
            Foreign::Addition(Addition::Autoencoder),
        ),
        (
            weights(&["image_encoder.a", "mask_decoder.b", "prompt_encoder.c"]),
            Foreign::Addition(Addition::Segmenter),
        ),
        (
            weights(&["emb_params"]),
            Foreign::Addition(Addition::Embedding),
        ),
        (
            weights(&["down_blocks.0.x", "conv_in.bias"]),
            Foreign::Part(None),
        ),
        (weights(&["blocks.0.x"]), Foreign::OtherFile),
    ];
    for (bytes, wanted) in cases {
        let path = room.path().join("x.safetensors");
        write(&path, &bytes);
        let found = file(&path);
        assert_eq!(found.as_ref(), Some(&wanted), "{:?}", bytes.escape_ascii());
        // The window's dialog hands over what was chosen, file or folder.
        assert_eq!(opened(&path), wanted.at(&path));
    }
    // A header of 640 bytes begins as a pickle does.
    let mut bytes = weights(&["a"]);
    bytes.splice(..8, 640_u64.to_le_bytes());
    assert!(!is_pickle(&bytes));
    assert!(is_pickle(b"PK\x03\x04\0\0\x08\x08archive/data.pkl"));
    assert!(is_pickle(b"\x80\x02\x8a\nl\xfc\x9cF"));
}

#[test]
fn what_is_broken_is_said_in_its_own_words() {
    let room = tempfile::tempdir().unwrap();
    let unet = "model.diffusion_model.input_blocks.0.0.weight";
    let good = weights(&[unet, "cond_stage_model.a"]);
    let header = String::from_utf8_lossy(&good[8..]).replace("[4, 8]", "[2, 6]");
    let overlapping = [&good[..8], header.as_bytes()].concat();
    let wanted = good.len() as u64;
    let cases: Vec<(Vec<u8>, Damage)> = vec![
        (Vec::new(), Damage::NoHeader),
        (b"\x89PNG\r\n\x1a\n".into(), Damage::NoHeader),
        (
            [&(1_u64 << 62).to_le_bytes(), &good[8..]].concat(),
            Damage::NoHeader,
        ),
        (
            good[..good.len() - 3].into(),
            Damage::CutOff {
                wanted,
                got: wanted - 3,
            },
        ),
        (
            good[..40].into(),
            Damage::CutOff {
                wanted: wanted - 8,
                got: 40,
            },
        ),
        (
            [&good[..], b"more"].concat(),
            Damage::TooLong {
                wanted,
                got: wanted + 4,
            },
        ),
        (
            overlapping,
            Damage::Overlap {
                name: "cond_stage_model.a".to_owned(),
            },
        ),
    ];
    for (bytes, damage) in cases {
        let path = room.path().join("x.safetensors");
        write(&path, &bytes);
        let found = CatalogError::Damaged {
            path: path.clone(),
            damage,
        };
        assert_eq!(opened(&path), found, "{:?}", bytes.escape_ascii());
    }
    let path = room.path().join("x.safetensors");
    write(&path, &good);
    let part = Part::TextEncoder;
    assert_eq!(opened(&path), CatalogError::Incomplete { path, part });
    // What does not claim to be weights is called no model, not a broken one.
    let notes = room.path().join("notes.txt");
    write(&notes, "a list of things");
    assert_eq!(opened(&notes), Foreign::OtherFile.at(&notes));
}

#[test]
fn folders_are_told_by_what_lies_in_them() {
    let room = tempfile::tempdir().unwrap();
    let at = |name: &str| room.path().join(name);
    let snapshot = "hf/hub/models--a--b/snapshots/0123";
    write(&at(snapshot).join(INDEX), "{}");
    write(&at("hf/hub/models--a--b/refs/main"), "0123");
    write(&at("hf2/models--c--d/blobs/0"), "");
    write(&at("shelf/one/model_index.json"), "{}");
    write(&at("shelf/one/vae/config.json"), "{}");
    write(
        &at("single/sd.safetensors"),
        weights(&["model.diffusion_model.input_blocks.0"]),
    );
    write(&at("pickles/readme.md"), "");
    write(&at("pickles/sd.ckpt"), b"PK\x03\x04");
    write(&at("language/config.json"), "{}");
    std::fs::create_dir(at("empty")).unwrap();
    write(&at("indexless/unet/config.json"), "{}");
    let cases = [
        ("hf", Foreign::Cache(Some(at(snapshot)))),
        ("hf/hub", Foreign::Cache(Some(at(snapshot)))),
        (
            "hf/hub/models--a--b/snapshots",
            Foreign::Cache(Some(at(snapshot))),
        ),
        ("hf2", Foreign::Cache(None)),
        ("shelf", Foreign::Above(at("shelf/one"))),
        ("shelf/one/vae", Foreign::Part(Some(at("shelf/one")))),
        ("pickles", Foreign::Above(at("pickles/sd.ckpt"))),
        ("single", Foreign::Above(at("single/sd.safetensors"))),
        ("language", Foreign::Part(None)),
        ("empty", Foreign::NoModel),
    ];
    for (name, what) in cases {
        assert_eq!(opened(&at(name)), what.at(&at(name)), "{name}");
    }
    let path = at("indexless").join(INDEX);
    assert_eq!(opened(&at("indexless")), CatalogError::MissingFile { path });
}

#[test]
fn every_answer_is_a_sentence_in_both_languages() {
    use crate::text::{Language, Texts};
    let path = PathBuf::from("m");
    let all = [
        Foreign::LfsPointer,
        Foreign::WebPage,
        Foreign::Gguf,
        Foreign::Family("Flux".into()),
        Foreign::Addition(Addition::Lora),
        Foreign::Addition(Addition::ControlNet),
        Foreign::Addition(Addition::Autoencoder),
        Foreign::Addition(Addition::Embedding),
        Foreign::Addition(Addition::Segmenter),
        Foreign::OtherFile,
        Foreign::Cache(Some(path.clone())),
        Foreign::Cache(None),
        Foreign::Above(path.clone()),
        Foreign::Part(Some(path.clone())),
        Foreign::Part(None),
        Foreign::NoModel,
    ];
    for language in Language::ALL {
        let mut said: Vec<String> = all
            .iter()
            .map(|what| Texts::of(language).say(&what.clone().at(&path).message()))
            .collect();
        assert!(said.iter().all(|text| !text.contains("model-")), "{said:?}");
        said.sort();
        said.dedup();
        assert_eq!(said.len(), all.len(), "each says something else");
    }
}

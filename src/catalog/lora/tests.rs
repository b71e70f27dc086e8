use std::collections::BTreeMap;

use super::*;
use crate::catalog::testing::{Numbers, safetensors_file};

const TO_K: &str = "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k";

/// A LoRA of rank 2 on one layer of those names and that many inputs.
fn lora(folder: &Path, layer: &str, inputs: usize) -> PathBuf {
    let tensor = |shape: &[usize]| {
        let bytes = vec![0; 2 * shape.iter().product::<usize>()];
        (shape.to_vec(), bytes)
    };
    let numbers = Numbers::from([
        (format!("{layer}.lora_down.weight"), tensor(&[2, inputs])),
        (format!("{layer}.lora_up.weight"), tensor(&[64, 2])),
    ]);
    let path = folder.join("my lora.safetensors");
    std::fs::write(&path, safetensors_file(&numbers)).unwrap();
    path
}

fn model(width: usize) -> BTreeMap<String, BTreeMap<String, Vec<usize>>> {
    let weights = BTreeMap::from([(format!("{TO_K}.weight"), vec![64, width])]);
    BTreeMap::from([("unet".to_owned(), weights)])
}

#[test]
fn a_lora_of_another_family_is_refused_with_both_names() {
    let room = tempfile::tempdir().unwrap();
    let layer = format!("lora_unet_{}", TO_K.replace('.', "_"));
    let path = lora(room.path(), &layer, 768);
    let found = LoraRef::at(&path).unwrap();
    assert_eq!(found.name(), "my lora");
    let mut to = Deltas::new();
    deltas(&found, 0.5, &model(768), &mut to).unwrap();
    let delta = &to["unet"][&format!("{TO_K}.weight")][0];
    // Without α it is the rank.
    assert_eq!(delta.scale, 0.5);
    let other = |made_for: &str, model: &str| CatalogError::LoraOfOther {
        path: path.clone(),
        made_for: made_for.to_owned(),
        model: model.to_owned(),
    };
    for (width, name) in [(1024, "Stable Diffusion 2"), (2048, "Stable Diffusion XL")] {
        let refused = deltas(&found, 0.5, &model(width), &mut to);
        assert_eq!(refused, Err(other("Stable Diffusion 1", name)));
    }
    // A layer that the model does not have.
    let path = lora(room.path(), "lora_unet_mid_block_nothing", 768);
    let refused = deltas(&LoraRef::at(&path).unwrap(), 1.0, &model(768), &mut to);
    assert_eq!(refused, Err(other("?", "Stable Diffusion 1")));
}

#[test]
fn what_is_no_plain_lora_is_said() {
    let room = tempfile::tempdir().unwrap();
    let path = room.path().join("x.safetensors");
    for (name, kind) in [
        ("lora_unet_x.hada_w1_a", Some("LoHa")),
        ("lora_unet_x.lokr_w1", Some("LoKr")),
        ("lora_unet_x.dora_scale", Some("DoRA")),
        (
            "lora_unet_double_blocks_0_img_attn.lora_up.weight",
            Some("Flux"),
        ),
        (
            "transformer.single_transformer_blocks.0.lora_A.weight",
            Some("Flux"),
        ),
        ("unet.x.lora_A.weight", None),
        ("down_blocks.0.weight", None),
    ] {
        let numbers = Numbers::from([(name.to_owned(), (vec![1], vec![0, 0]))]);
        std::fs::write(&path, safetensors_file(&numbers)).unwrap();
        let wanted = match kind {
            Some(kind) => CatalogError::OtherLora {
                path: path.clone(),
                kind: kind.to_owned(),
            },
            None => CatalogError::NoLora { path: path.clone() },
        };
        assert_eq!(LoraRef::at(&path), Err(wanted), "{name}");
    }
    let none = room.path().join("none.safetensors");
    assert!(matches!(
        LoraRef::at(&none),
        Err(CatalogError::MissingFile { .. })
    ));
}

//! Which weight of a model a layer of a LoRA changes, in every naming.

use std::collections::BTreeMap;

use crate::catalog::tensor_file::TensorFile;

/// A factor of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Factor {
    Up,
    Down,
    Mid,
    Alpha,
}

/// The layer of a name in a LoRA's file, and which factor of its change it is.
pub(super) fn split(name: &str) -> Option<(&str, Factor)> {
    // Longer endings first.
    [
        (".lora_down.weight", Factor::Down),
        (".lora_up.weight", Factor::Up),
        (".lora_mid.weight", Factor::Mid),
        (".lora_A.default.weight", Factor::Down),
        (".lora_B.default.weight", Factor::Up),
        (".lora_A.weight", Factor::Down),
        (".lora_B.weight", Factor::Up),
        (".lora_linear_layer.down.weight", Factor::Down),
        (".lora_linear_layer.up.weight", Factor::Up),
        (".lora.down.weight", Factor::Down),
        (".lora.up.weight", Factor::Up),
        ("_lora.down.weight", Factor::Down),
        ("_lora.up.weight", Factor::Up),
        (".alpha", Factor::Alpha),
    ]
    .into_iter()
    .find_map(|(ending, factor)| Some((name.strip_suffix(ending)?, factor)))
}

/// α of a layer as diffusers writes it beside the weights.
pub(super) fn alpha_in_metadata(file: &TensorFile, part: &str, rank: usize) -> Option<f32> {
    let text = file.metadata("lora_adapter_metadata")?;
    let said: BTreeMap<String, serde_json::Value> = serde_json::from_str(text).ok()?;
    let number = |key: &str| said.get(&format!("{part}.{key}"))?.as_f64();
    // Where it is given for the usual rank, the quotient is what counts.
    let alpha = number("lora_alpha")? / number("r")?.max(1.0);
    Some((alpha * rank as f64) as f32)
}

/// Parts as the files name them, and where they are.
const PREFIXES: [(&str, &str); 9] = [
    ("lora_unet_", "unet"),
    ("lora_te1_", "text_encoder"),
    ("lora_te2_", "text_encoder_2"),
    ("lora_te_", "text_encoder"),
    ("unet.", "unet"),
    ("text_encoder_2.", "text_encoder_2"),
    ("text_encoder.", "text_encoder"),
    ("base_model.model.", "unet"),
    // Files that hold changes of a U-Net alone may leave it out.
    ("", "unet"),
];

/// The layers of a model by all names they have in LoRAs.
#[derive(Debug)]
pub(super) struct Targets {
    /// By part and name with underscores for dots; the name of the weight.
    layers: BTreeMap<(String, String), (String, String)>,
}

impl Targets {
    /// The layers of a model whose parts have these weights.
    pub(super) fn of(parts: &BTreeMap<String, BTreeMap<String, Vec<usize>>>) -> Self {
        let mut layers = BTreeMap::new();
        for (part, weights) in parts {
            let originals = if part == "unet" {
                original_blocks(weights)
            } else {
                Vec::new()
            };
            for name in weights.keys() {
                let Some(layer) = name.strip_suffix(".weight") else {
                    continue;
                };
                let mut put = |layer: &str| {
                    let key = (part.clone(), flat(layer));
                    layers.insert(key, (part.clone(), name.clone()));
                };
                put(layer);
                if let Some(bare) = layer.strip_prefix("text_model.") {
                    put(bare);
                } else if part.starts_with("text") {
                    put(&format!("text_model.{layer}"));
                }
                for (ours, theirs) in &originals {
                    if let Some(rest) = layer.strip_prefix(ours.as_str()) {
                        put(&format!("{theirs}{}", original_rest(ours, rest)));
                    }
                }
            }
        }
        Self { layers }
    }

    /// The part and the weight that a layer of a LoRA changes.
    pub(super) fn find(&self, layer: &str) -> Option<(&str, &str)> {
        // diffusers once kept changes of attention beside the layer that they are of.
        let layer = layer.replace(".processor.", ".");
        PREFIXES.iter().find_map(|(prefix, part)| {
            let layer = layer.strip_prefix(prefix)?;
            let flat = flat(layer);
            let found = self.layers.get(&((*part).to_owned(), flat.clone()));
            // “to_out” has been a list of one for longer than some files.
            let listed = || {
                let flat = format!("{flat}_0");
                self.layers.get(&((*part).to_owned(), flat))
            };
            let (part, name) = found.or_else(listed)?;
            Some((part.as_str(), name.as_str()))
        })
    }
}

/// kohya's trainer writes underscores for dots.
fn flat(name: &str) -> String {
    name.replace('.', "_")
}

/// Beginnings of diffusers' names in a U-Net, and the original ones, in which LoRAs of SDXL are
/// written: blocks are counted through instead of by level.
fn original_blocks(weights: &BTreeMap<String, Vec<usize>>) -> Vec<(String, String)> {
    let has = |start: &str| {
        let next = weights.range(start.to_owned()..).next();
        next.is_some_and(|(name, _)| name.starts_with(start))
    };
    let mut blocks = vec![
        ("conv_in".to_owned(), "input_blocks.0.0".to_owned()),
        (
            "time_embedding.linear_1".to_owned(),
            "time_embed.0".to_owned(),
        ),
        (
            "time_embedding.linear_2".to_owned(),
            "time_embed.2".to_owned(),
        ),
        (
            "add_embedding.linear_1".to_owned(),
            "label_emb.0.0".to_owned(),
        ),
        (
            "add_embedding.linear_2".to_owned(),
            "label_emb.0.2".to_owned(),
        ),
        ("conv_out".to_owned(), "out.2".to_owned()),
        (
            "mid_block.resnets.0.".to_owned(),
            "middle_block.0.".to_owned(),
        ),
        (
            "mid_block.attentions.0.".to_owned(),
            "middle_block.1.".to_owned(),
        ),
        (
            "mid_block.resnets.1.".to_owned(),
            "middle_block.2.".to_owned(),
        ),
    ];
    let mut block = 1;
    for level in (0..).take_while(|level| has(&format!("down_blocks.{level}."))) {
        let at = format!("down_blocks.{level}");
        for index in (0..).take_while(|index| has(&format!("{at}.resnets.{index}."))) {
            let resnet = (
                format!("{at}.resnets.{index}."),
                format!("input_blocks.{block}.0."),
            );
            let attention = (
                format!("{at}.attentions.{index}."),
                format!("input_blocks.{block}.1."),
            );
            blocks.extend([resnet, attention]);
            block += 1;
        }
        if has(&format!("{at}.downsamplers.")) {
            let down = format!("{at}.downsamplers.0.conv");
            blocks.push((down, format!("input_blocks.{block}.0.op")));
            block += 1;
        }
    }
    block = 0;
    for level in (0..).take_while(|level| has(&format!("up_blocks.{level}."))) {
        let at = format!("up_blocks.{level}");
        for index in (0..).take_while(|index| has(&format!("{at}.resnets.{index}."))) {
            let resnet = (
                format!("{at}.resnets.{index}."),
                format!("output_blocks.{block}.0."),
            );
            let attention = (
                format!("{at}.attentions.{index}."),
                format!("output_blocks.{block}.1."),
            );
            blocks.extend([resnet, attention]);
            block += 1;
        }
        let sampler = if has(&format!("{at}.attentions.")) {
            2
        } else {
            1
        };
        blocks.push((
            format!("{at}.upsamplers.0.conv"),
            format!("output_blocks.{}.{sampler}.conv", block - 1),
        ));
    }
    blocks
}

/// The rest of a name as the original naming has it.
fn original_rest(block: &str, rest: &str) -> String {
    if !block.contains(".resnets.") {
        return rest.to_owned();
    }
    let renamed = [
        ("conv1", "in_layers.2"),
        ("time_emb_proj", "emb_layers.1"),
        ("conv2", "out_layers.3"),
        ("conv_shortcut", "skip_connection"),
    ];
    let found = renamed.into_iter().find(|(ours, _)| rest == *ours);
    found.map_or(rest, |(_, theirs)| theirs).to_owned()
}

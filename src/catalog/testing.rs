//! Small random models for the tests of all rooms, in both layouts: what
//! `tests/golden/checkpoints.py` found of diffusers' own, with numbers made here.

use std::collections::{BTreeMap, HashMap};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use safetensors::Dtype;
use safetensors::tensor::TensorView;

/// A small model of one family.
#[derive(serde::Deserialize)]
pub(crate) struct SmallModel {
    /// Weights of the one file, by their original names.
    shapes: BTreeMap<String, Vec<usize>>,
    /// For each part of a diffusers folder and each weight of it: the original name, what of that
    /// weight it is, and its shape.
    places: BTreeMap<String, BTreeMap<String, Place>>,
    /// diffusers' configurations.
    configs: BTreeMap<String, serde_json::Value>,
}

/// An original name, what of that weight it is, and the shape.
type Place = (String, String, Vec<usize>);

/// Weights by name: shape and f16 numbers.
pub(crate) type Numbers = BTreeMap<String, (Vec<usize>, Vec<u8>)>;

impl SmallModel {
    /// Families there are.
    pub(crate) const FAMILIES: [&str; 3] = ["sd1", "sd2-v", "xl-inpaint"];

    /// The one of that family.
    pub(crate) fn of(family: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/golden/data/checkpoint_names.json.gz");
        let mut text = String::new();
        flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap())
            .read_to_string(&mut text)
            .unwrap();
        let mut all: BTreeMap<String, Self> = serde_json::from_str(&text).unwrap();
        all.remove(family).unwrap()
    }

    /// The weights under their original names.
    pub(crate) fn numbers(&self) -> Numbers {
        let numbered = self.shapes.iter().map(|(name, shape)| {
            let bytes = random_f16(name, shape);
            (name.clone(), (shape.clone(), bytes))
        });
        numbered.collect()
    }

    /// The weights of a part under diffusers' names, taken from `numbers` as diffusers' converters
    /// take them.
    pub(crate) fn part(&self, part: &str, numbers: &Numbers) -> Numbers {
        let places = self.places[part].iter();
        let taken = places.map(|(name, (original, how, shape))| {
            let (stored, bytes) = &numbers[original];
            let bytes = match how.as_str() {
                "" | "square" => bytes.clone(),
                "transposed" => {
                    let [rows, columns] = stored[..] else {
                        panic!("{original}")
                    };
                    let at = |row: usize, column: usize| 2 * (row * columns + column);
                    (0..columns)
                        .flat_map(|column| (0..rows).map(move |row| at(row, column)))
                        .flat_map(|at| [bytes[at], bytes[at + 1]])
                        .collect()
                }
                third => {
                    let index: usize = third[..1].parse().unwrap();
                    let length = bytes.len() / 3;
                    bytes[index * length..(index + 1) * length].to_vec()
                }
            };
            (name.clone(), (shape.clone(), bytes))
        });
        taken.collect()
    }

    /// Parts of a diffusers folder that have weights.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &str> {
        self.places.keys().map(String::as_str)
    }

    /// Writes `<folder>/<name>.safetensors`, the whole model in one file.
    pub(crate) fn write_file(&self, folder: &Path, name: &str) -> PathBuf {
        let path = folder.join(format!("{name}.safetensors"));
        std::fs::write(&path, safetensors_file(&self.numbers())).unwrap();
        path
    }

    /// Writes a diffusers folder but for its tokenizer.
    pub(crate) fn write_folder(&self, folder: &Path) {
        for (name, config) in &self.configs {
            put(folder, name, config.to_string().as_bytes());
        }
        let numbers = self.numbers();
        for part in self.parts() {
            let stem = if part.starts_with("text") {
                "model"
            } else {
                "diffusion_pytorch_model"
            };
            let bytes = safetensors_file(&self.part(part, &numbers));
            put(folder, &format!("{part}/{stem}.safetensors"), &bytes);
        }
    }
}

/// A small random tiny autoencoder under diffusers' names: of so many levels, each with a block, and so many
/// channels of a latent.
pub(crate) fn tiny_autoencoder(levels: usize, latent: usize) -> Numbers {
    const CHANNELS: usize = 8;
    let mut numbers = Numbers::new();
    let mut add = |name: String, shape: &[usize]| {
        let bytes = random_f16(&name, shape);
        numbers.insert(name, (shape.to_vec(), bytes));
    };
    let mut conv = |layer: String, inputs: usize, outputs: usize, is_biased: bool| {
        add(format!("{layer}.weight"), &[outputs, inputs, 3, 3]);
        if is_biased {
            add(format!("{layer}.bias"), &[outputs]);
        }
    };
    let block = |conv: &mut dyn FnMut(String, usize, usize, bool), layer: String| {
        for part in [0, 2, 4] {
            conv(format!("{layer}.conv.{part}"), CHANNELS, CHANNELS, true);
        }
    };
    for level in 0..levels {
        let inputs = if level == 0 { 3 } else { CHANNELS };
        conv(
            format!("encoder.layers.{}", 2 * level),
            inputs,
            CHANNELS,
            level == 0,
        );
        block(&mut conv, format!("encoder.layers.{}", 2 * level + 1));
    }
    conv(
        format!("encoder.layers.{}", 2 * levels),
        CHANNELS,
        latent,
        true,
    );
    conv("decoder.layers.0".to_owned(), latent, CHANNELS, true);
    for level in 0..levels {
        // Behind a ReLU; a block, an upsampling and a convolution in each level.
        let at = 2 + 3 * level;
        let is_last = level + 1 == levels;
        block(&mut conv, format!("decoder.layers.{at}"));
        let (at, outputs) = if is_last {
            (at + 1, 3)
        } else {
            (at + 2, CHANNELS)
        };
        conv(format!("decoder.layers.{at}"), CHANNELS, outputs, is_last);
    }
    numbers
}

/// Writes a file below `folder`.
pub(crate) fn put(folder: &Path, name: &str, bytes: &[u8]) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// A safetensors file of f16 weights.
pub(crate) fn safetensors_file(numbers: &Numbers) -> Vec<u8> {
    let views: HashMap<&String, TensorView<'_>> = numbers
        .iter()
        .map(|(name, (shape, bytes))| {
            let view = TensorView::new(Dtype::F16, shape.clone(), bytes).unwrap();
            (name, view)
        })
        .collect();
    safetensors::serialize(views, None).unwrap()
}

/// Numbers that keep the size of what goes through a layer; always the same for a name.
fn random_f16(name: &str, shape: &[usize]) -> Vec<u8> {
    let mut state = u64::from(crc32fast::hash(name.as_bytes())) | 1 << 40;
    let fan_in: usize = shape.iter().skip(1).product();
    let scale = match shape.len() {
        0 | 1 => 0.2,
        _ => (3.0 / fan_in as f64).sqrt(),
    };
    let middle = if shape.len() == 1 && name.ends_with("weight") {
        1.0
    } else {
        0.0
    };
    // Drawn from a few values: large weights are many numbers.
    let drawn: Vec<[u8; 2]> = (0..4096)
        .map(|step| {
            let uniform = f64::from(2 * step + 1) / 4096.0 - 1.0;
            half::f16::from_f64(middle + scale * uniform).to_le_bytes()
        })
        .collect();
    let count = shape.iter().product::<usize>();
    let mut bytes = Vec::with_capacity(2 * count);
    for _ in 0..count {
        // xorshift64, Marsaglia 2003.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&drawn[(state >> 52) as usize]);
    }
    bytes
}

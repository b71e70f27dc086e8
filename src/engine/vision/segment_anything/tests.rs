//! The networks against MobileSAM's own Python (`tests/golden/segment_anything.py`), with weights by a formula.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use serde::Deserialize;

use super::*;
use crate::engine::nn::goldens::Watch;
use crate::geometry::PointF;

/// -1…1, as the script has them: splitmix64 of the name's hash and the place.
fn numbers(name: &str, count: usize) -> Vec<f32> {
    let seed = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let number = |at: u64| {
        let mut z = seed.wrapping_add(at.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        ((z >> 40) as f64 / f64::from(1 << 23) - 1.0) as f32
    };
    (1..=count as u64).map(number).collect()
}

/// A weight by that formula.
fn weight(name: &str, dims: &[usize]) -> Tensor {
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    let fan_in: usize = dims.iter().skip(1).product();
    let scaled = |v: f32| match () {
        () if ends(&["running_var"]) => 1.0 + 0.5 * v,
        () if ends(&["bias", "running_mean", "attention_biases"]) => 0.1 * v,
        () if ends(&["gaussian_matrix"]) => v,
        () if dims.len() == 1 => 1.0 + 0.1 * v,
        () => v * (3.0 / fan_in as f64).sqrt() as f32,
    };
    let values = numbers(name, dims.iter().product()).into_iter().map(scaled);
    Tensor::from_vec(values.collect::<Vec<f32>>(), dims, &Device::Cpu).unwrap()
}

/// The networks with weights by that formula, out of a file that has them by the authors' names, but for `without`.
fn networks(without: Option<&str>) -> Result<SegmentAnything, EngineError> {
    let mut weights = WEIGHTS.clone();
    if let Some(name) = without {
        weights.remove(name).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mobile_sam.safetensors");
    candle_core::safetensors::save(&weights, &path).unwrap();
    SegmentAnything::open(&path, &mut Watch::default())
}

static WEIGHTS: LazyLock<HashMap<&str, Tensor>> = LazyLock::new(|| {
    let shapes = GOLDEN.weights.iter();
    let weights = shapes.map(|(name, dims)| (name.as_str(), weight(name, dims)));
    weights.collect()
});

static GOLDEN: LazyLock<Golden> = LazyLock::new(|| {
    let text = include_str!("../../../../tests/golden/data/vision/segment_anything.json");
    serde_json::from_str(text).unwrap()
});

#[derive(Deserialize)]
struct Golden {
    /// Shapes by name.
    weights: BTreeMap<String, Vec<usize>>,
    embedding: Vec<f32>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    points: Vec<(f32, f32)>,
    labels: Vec<u8>,
    #[serde(rename = "box")]
    frame: Option<[f32; 4]>,
    one: Answer,
    many: Answer,
}

#[derive(Deserialize)]
struct Answer {
    scores: Vec<f32>,
    logits: Vec<f32>,
}

impl Case {
    fn clicks(&self) -> Clicks {
        let points = self.points.iter().zip(&self.labels);
        Clicks {
            points: points
                .map(|((x, y), label)| (PointF::new(*x, *y), *label == 1))
                .collect(),
            frame: self.frame.map(|[left, top, right, bottom]| {
                (PointF::new(left, top), PointF::new(right, bottom))
            }),
        }
    }
}

/// Farthest that our numbers may be from the authors', as a share of the largest.
const FARTHEST: f32 = 1e-4;

/// The farthest that evenly spread values of `found` are from `wanted`, as a share of the largest of them.
fn farthest(found: &[f32], wanted: &[f32]) -> f32 {
    let step = found.len() / wanted.len();
    let pairs = wanted.iter().enumerate();
    let far = pairs.map(|(at, wanted)| (found[at * step] - wanted).abs());
    let largest = wanted.iter().fold(0f32, |most, v| most.max(v.abs()));
    far.fold(0f32, f32::max) / largest
}

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

#[test]
fn the_networks_answer_as_their_authors_do() {
    let networks = networks(None).unwrap();
    let progress = &mut Watch::default();
    let side = SIDE_PX as usize;
    let picture = numbers("picture", 3 * side * side);
    let picture = Tensor::from_vec(picture, (1, 3, side, side), &Device::Cpu).unwrap();
    let embedding = networks.encoder.forward(&picture, progress).unwrap();
    let far = farthest(&values(&embedding), &GOLDEN.embedding);
    println!("embedding: {far}");
    assert!(far <= FARTHEST, "{far}");
    for case in &GOLDEN.cases {
        let tokens = networks.tokens(&case.clicks(), 1.0).unwrap();
        for (many, wanted) in [(false, &case.one), (true, &case.many)] {
            let decoded = networks.decode(&embedding, &tokens, many, progress);
            let (masks, scores) = decoded.unwrap();
            let far = farthest(&values(&masks), &wanted.logits);
            let of_scores = farthest(&scores, &wanted.scores);
            println!("{:?} {many}: logits {far}, scores {of_scores}", case.labels);
            assert!(
                far <= FARTHEST && of_scores <= FARTHEST,
                "{far} {of_scores}"
            );
        }
    }
}

/// A picture twice as wide as high, through the boundary: embedded once, and two clicks in it.
#[test]
fn a_picture_is_embedded_once_and_clicked_on_often() {
    let mut networks = networks(None).unwrap();
    let extent = Extent::new(64, 32);
    let picture = RgbF32 {
        extent,
        pixels: (0..extent.len())
            .map(|at| [at as f32 / 2048.0, 0.5, 0.2])
            .collect(),
    };
    let mut watch = Watch::default();
    let begun = std::time::Instant::now();
    let embedding = networks.embed(&picture, &mut watch).unwrap();
    println!("embedded: {:?}", begun.elapsed());
    assert_eq!(embedding.numbers.len(), WIDTH * 64 * 64);
    let mut of = |x: f32, y: f32| {
        let clicks = Clicks {
            points: vec![(PointF::new(x, y), true)],
            frame: None,
        };
        let begun = std::time::Instant::now();
        let map = networks.segment(&embedding, &clicks, &mut watch).unwrap();
        println!("a click: {:?}", begun.elapsed());
        map
    };
    let (one, other) = (of(10.0, 10.0), of(50.0, 20.0));
    assert_eq!((one.side_px, one.covered), (256, (1.0, 0.5)));
    assert!(one.logits != other.logits, "the place counts");
    assert!(one == of(10.0, 10.0), "the same click gives the same");
}

#[test]
fn a_file_that_lacks_a_weight_is_refused_by_its_name() {
    for name in [
        "image_encoder.layers.2.blocks.3.attn.attention_biases",
        "image_encoder.patch_embed.seq.2.bn.running_var",
        "prompt_encoder.no_mask_embed.weight",
        "mask_decoder.transformer.norm_final_attn.weight",
        "mask_decoder.output_upscaling.3.bias",
    ] {
        let error = networks(Some(name)).unwrap_err();
        assert!(error.is_about_model(), "{error:?}");
        assert!(format!("{error:?}").contains(name), "{error:?}");
    }
}

#[test]
fn looking_can_be_stopped_all_the_time() {
    let mut networks = networks(None).unwrap();
    let picture = RgbF32::filled(Extent::new(64, 64), [0.5; 3]);
    for at in [0, 3, 30] {
        let mut watch = Watch {
            cancel_at: Some(at),
            ..Watch::default()
        };
        let stopped = networks.embed(&picture, &mut watch);
        assert_eq!(stopped, Err(EngineError::Cancelled));
    }
    let mut watch = Watch::default();
    networks.embed(&picture, &mut watch).unwrap();
    // More often than there are layers: some milliseconds each.
    assert!(watch.checkpoints > 70, "{}", watch.checkpoints);
}

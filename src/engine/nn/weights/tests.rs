mod loras;

use std::collections::HashMap;
use std::path::Path;

use safetensors::tensor::TensorView;

use half::{bf16, f16};

use super::widening::CHUNK;
use super::*;
use crate::catalog::CatalogError;
use crate::engine::kernels::WeightDtype;
use crate::engine::nn::goldens::Watch;

/// A folder with one file of these bytes, and the model it is.
fn model_with(name: &str, bytes: &[u8]) -> (tempfile::TempDir, ModelFiles) {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), name, bytes);
    let files = ModelFiles::Folder(folder.path().to_owned());
    (folder, files)
}

fn put(folder: &Path, name: &str, bytes: &[u8]) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// A safetensors file with one weight `w` of `shape`.
fn file_of(name: &str, dtype: Dtype, shape: &[usize], bytes: &[u8]) -> Vec<u8> {
    let view = TensorView::new(dtype, shape.to_vec(), bytes).unwrap();
    safetensors::serialize(HashMap::from([(name.to_owned(), view)]), None).unwrap()
}

fn f32_bytes(values: &[f32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

fn open(files: &ModelFiles, precision: Precision) -> Result<Weights, EngineError> {
    let candidates = ["vae/none.safetensors", "vae/w.safetensors"];
    Weights::open(files, &candidates, &Device::Cpu, precision)
}

const NAME: &str = "vae/w.safetensors";

#[test]
fn a_weight_is_read_from_below_its_scope() {
    let values = [1.0, -2.5, 3.0, 0.0, 7.0, 8.0];
    let file = file_of("a.b.weight", Dtype::F32, &[2, 3], &f32_bytes(&values));
    let (_folder, files) = model_with(NAME, &file);
    let weights = open(&files, Precision::F32).unwrap().scope("a").scope("b");
    assert!(weights.has("weight") && !weights.has("bias"));
    let tensor = weights.tensor("weight", &[2, 3]).unwrap();
    assert_eq!(tensor.to_vec2::<f32>().unwrap().concat(), values);
}

#[test]
fn every_number_type_widens_exactly() {
    // More than a chunk, so that chunks are joined rightly.
    let values: Vec<f32> = (0..2 * CHUNK + 5)
        .map(|i| (i % 200) as f32 - 100.5)
        .collect();
    let f16s: Vec<u8> = values
        .iter()
        .flat_map(|v| f16::from_f32(*v).to_le_bytes())
        .collect();
    let whole: Vec<f32> = values.iter().map(|v| v + 0.5).collect();
    let bf16s: Vec<u8> = whole
        .iter()
        .flat_map(|v| bf16::from_f32(*v).to_le_bytes())
        .collect();
    for (dtype, kept, bytes, wanted) in [
        (Dtype::F16, WeightDtype::F16, f16s, &values),
        (Dtype::BF16, WeightDtype::Bf16, bf16s, &whole),
        (Dtype::F32, WeightDtype::F32, f32_bytes(&values), &values),
    ] {
        let (_folder, files) = model_with(NAME, &file_of("w", dtype, &[values.len()], &bytes));
        for (precision, kept) in [
            (Precision::F32, WeightDtype::F32),
            (Precision::F32_AS_IN_FILE, kept),
        ] {
            let weights = open(&files, precision).unwrap();
            let tensor = weights.tensor("w", &[values.len()]).unwrap();
            assert_eq!(tensor.dtype(), DType::F32);
            let got: Vec<f32> = tensor.to_vec1().unwrap();
            assert_eq!(&got, wanted);
            // Only what is packed is kept as in the file.
            let packed = weights.weight("w", &[&[values.len()]], None, |target, rows| {
                let read = rows.all();
                assert_eq!((target.dtype, &read), (kept, wanted));
                PackedWeights::pack(target, [1, 1, read.len()], |_, _, at| read[at])
            });
            assert!(matches!(packed, Ok(Weight::Packed(_))));
        }
    }
}

#[test]
fn numbers_of_a_byte_and_of_eight_are_read() {
    // As torch has them: torch.tensor(v).to(torch.float8_e4m3fn).view(torch.uint8).
    let e4m3 = [
        (0x00, 0.0),
        (0x01, 0.001_953_125),
        (0x08, 0.015_625),
        (0x38, 1.0),
        (0x7e, 448.0),
        (0xb9, -0.5625 * 2.0),
    ];
    let e5m2 = [
        (0x00, 0.0),
        (0x01, 0.000_015_258_789),
        (0x3c, 1.0),
        (0x7b, 57344.0),
        (0xbd, -1.25),
    ];
    for (dtype, known, not_finite) in [
        (Dtype::F8_E4M3, &e4m3[..], 0x7f),
        (Dtype::F8_E5M2, &e5m2[..], 0x7c),
    ] {
        let bytes: Vec<u8> = known.iter().map(|(byte, _)| *byte).collect();
        let (_folder, files) = model_with(NAME, &file_of("w", dtype, &[bytes.len()], &bytes));
        let weights = open(&files, Precision::F32).unwrap();
        let got: Vec<f32> = weights
            .tensor("w", &[bytes.len()])
            .unwrap()
            .to_vec1()
            .unwrap();
        let wanted: Vec<f32> = known.iter().map(|(_, value)| *value).collect();
        assert_eq!(got, wanted, "{dtype:?}");
        let (_folder, files) = model_with(NAME, &file_of("w", dtype, &[1], &[not_finite]));
        let error = open(&files, Precision::F32).unwrap().tensor("w", &[1]);
        assert!(matches!(error, Err(EngineError::NotFiniteWeight { .. })));
    }
    let (_folder, files) = model_with(
        NAME,
        &file_of("w", Dtype::F64, &[1], &0.25_f64.to_le_bytes()),
    );
    let tensor = open(&files, Precision::F32).unwrap().tensor("w", &[1]);
    assert_eq!(tensor.unwrap().to_vec1::<f32>().unwrap(), [0.25]);
}

#[test]
fn what_is_wrong_with_a_weight_is_said_with_its_name() {
    let (folder, files) = model_with(
        NAME,
        &file_of("w", Dtype::F32, &[2, 2], &f32_bytes(&[1.0, 2.0, 3.0, 4.0])),
    );
    let weights = open(&files, Precision::F32).unwrap();
    let path = folder.path().join(NAME);
    assert_eq!(
        weights.tensor("v", &[1]).err(),
        Some(EngineError::MissingWeight {
            path: path.clone(),
            name: "v".to_owned()
        })
    );
    assert_eq!(
        weights.tensor("w", &[4]).err(),
        Some(EngineError::WrongShape {
            path,
            name: "w".to_owned(),
            wanted: vec![4],
            got: vec![2, 2]
        })
    );
    let same_numbers: [&[usize]; 2] = [&[4], &[2, 2]];
    assert_eq!(
        weights.tensor_of_shapes("w", &same_numbers).unwrap().dims(),
        [4]
    );
}

#[test]
fn numbers_that_are_none_are_refused_in_every_type() {
    for (dtype, bytes) in [
        (Dtype::F16, f16::NAN.to_le_bytes().to_vec()),
        (Dtype::F16, f16::NEG_INFINITY.to_le_bytes().to_vec()),
        (Dtype::BF16, bf16::INFINITY.to_le_bytes().to_vec()),
        (Dtype::F32, f32::NAN.to_le_bytes().to_vec()),
    ] {
        let (_folder, files) = model_with(NAME, &file_of("deep.w", dtype, &[1], &bytes));
        let weights = open(&files, Precision::F32).unwrap().scope("deep");
        let error = weights.tensor("w", &[1]).expect_err("it is not finite");
        assert!(
            matches!(&error, EngineError::NotFiniteWeight { name, .. } if name == "deep.w"),
            "{error}"
        );
    }
}

#[test]
fn broken_files_are_refused_without_being_believed() {
    let good = file_of("w", Dtype::F32, &[64], &f32_bytes(&[1.0; 64]));
    let header = |json: &str| {
        let mut bytes = (json.len() as u64).to_le_bytes().to_vec();
        bytes.extend(json.as_bytes());
        bytes
    };
    let huge = r#"{"w":{"dtype":"F32","shape":[1099511627776],"data_offsets":[0,4398046511104]}}"#;
    let overflowing =
        r#"{"w":{"dtype":"F32","shape":[9223372036854775807,9],"data_offsets":[0,4]}}"#;
    for (what, bytes) in [
        ("empty", Vec::new()),
        ("a few bytes", vec![1, 2, 3]),
        ("text", b"this is not a model, it is a letter".to_vec()),
        ("truncated", good[..good.len() - 8].to_vec()),
        (
            "a header of 2^62 bytes",
            [&(1u64 << 62).to_le_bytes()[..], &good[8..]].concat(),
        ),
        (
            "a header longer than the file",
            [&9999u64.to_le_bytes()[..], &good[8..]].concat(),
        ),
        ("a weight of 4 TiB", header(huge)),
        ("a weight beyond counting", header(overflowing)),
    ] {
        let (folder, files) = model_with(NAME, &bytes);
        let error = open(&files, Precision::F32).expect_err(what);
        assert!(
            matches!(&error, EngineError::NoModel(CatalogError::Damaged { path, .. }) if *path == folder.path().join(NAME)),
            "{what}: {error}"
        );
    }
}

#[test]
fn a_weight_of_whole_numbers_is_refused() {
    let (_folder, files) = model_with(NAME, &file_of("w", Dtype::I64, &[1], &[0; 8]));
    let error = open(&files, Precision::F32).unwrap().tensor("w", &[1]);
    assert!(matches!(error, Err(EngineError::ModelFile { .. })));
}

#[test]
fn a_missing_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let files = ModelFiles::Folder(folder.path().to_owned());
    let error = open(&files, Precision::F32).expect_err("there is nothing");
    assert!(
        error.to_string().contains("vae/none.safetensors"),
        "{error}"
    );
}

#[test]
fn shards_are_found_by_their_index() {
    let one = file_of("one", Dtype::F32, &[1], &f32_bytes(&[1.0]));
    let two = file_of("two", Dtype::F32, &[1], &f32_bytes(&[2.0]));
    let (folder, files) = model_with("vae/w-1.safetensors", &one);
    put(folder.path(), "vae/w-2.safetensors", &two);
    let index = r#"{"weight_map": {"one": "w-1.safetensors", "two": "w-2.safetensors"}}"#;
    put(
        folder.path(),
        "vae/w.safetensors.index.json",
        index.as_bytes(),
    );
    let weights = open(&files, Precision::F32).unwrap();
    for (name, value) in [("one", 1.0), ("two", 2.0)] {
        let tensor = weights.tensor(name, &[1]).unwrap();
        assert_eq!(tensor.to_vec1::<f32>().unwrap(), [value]);
    }

    let outside = r#"{"weight_map": {"one": "../w-1.safetensors"}}"#;
    put(
        folder.path(),
        "vae/w.safetensors.index.json",
        outside.as_bytes(),
    );
    assert!(matches!(
        open(&files, Precision::F32),
        Err(EngineError::ModelFile { .. })
    ));
}

#[test]
fn loading_can_be_cancelled_at_every_weight() {
    let (_folder, files) = model_with(NAME, &file_of("a.w", Dtype::F32, &[1], &[0; 4]));
    let weights = open(&files, Precision::F32).unwrap();
    let mut watch = Watch {
        cancel_at: Some(1),
        ..Watch::default()
    };
    let mut loader = Loader::new(weights, &mut watch);
    assert!(loader.scope("a").tensor("w", &[1]).is_ok());
    let second = loader.scope("a").tensor("w", &[1]);
    assert_eq!(second.err(), Some(EngineError::Cancelled));
}

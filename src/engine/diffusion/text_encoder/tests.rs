use super::*;
use crate::engine::nn::goldens::{Golden, Watch, assert_close, model};

fn load(files: &ModelFiles, precision: Precision) -> TextEncoder {
    TextEncoder::load(files, &Device::Cpu, precision, &mut Watch::default()).unwrap()
}

#[test]
fn answers_as_transformers_does() {
    for name in ["text-quick-gelu", "text-gelu"] {
        let golden = Golden::read(name, "case.safetensors");
        let encoder = load(&model(name), Precision::F32);
        let got = encoder
            .encode(&golden.ids(), &mut Watch::default())
            .unwrap();
        assert_close(name, &got, golden.get("text"), 1e-5);
    }
}

#[test]
fn the_built_in_one_answers_as_transformers_does() {
    let golden = Golden::read("starter", "text.safetensors");
    let encoder = load(&ModelFiles::BuiltIn, Precision::F32);
    let got = encoder
        .encode(&golden.ids(), &mut Watch::default())
        .unwrap();
    assert_close("starter text", &got, golden.get("text"), 1e-5);
}

#[test]
fn weights_kept_as_in_the_file_give_the_same_bits() {
    let name = "text-quick-gelu";
    let golden = Golden::read(name, "case.safetensors");
    let [widened, kept] = [Precision::F32, Precision::F32_AS_IN_FILE].map(|precision| {
        let answer = load(&model(name), precision).encode(&golden.ids(), &mut Watch::default());
        answer
            .unwrap()
            .flatten_all()
            .unwrap()
            .to_vec1::<f32>()
            .unwrap()
    });
    assert_eq!(widened, kept);
}

#[test]
fn a_list_is_encoded_alike_alone_and_in_a_batch() {
    let golden = Golden::read("text-gelu", "case.safetensors");
    let encoder = load(&model("text-gelu"), Precision::F32);
    for (index, ids) in golden.ids().into_iter().enumerate() {
        let alone = encoder.encode(&[ids], &mut Watch::default()).unwrap();
        let wanted = golden.get("text").narrow(0, index, 1).unwrap();
        assert_close("alone", &alone, &wanted, 1e-5);
    }
}

#[test]
fn what_cannot_be_encoded_is_refused() {
    let encoder = load(&model("text-quick-gelu"), Precision::F32);
    let window = encoder.window();
    assert_eq!((window, encoder.width()), (12, 24));
    for ids in [vec![], vec![vec![1; window - 1]], vec![vec![60; window]]] {
        let answer = encoder.encode(&ids, &mut Watch::default());
        assert!(
            matches!(answer, Err(EngineError::BadInput { .. })),
            "{ids:?}"
        );
    }
}

#[test]
fn half_precision_goes_through_every_layer() {
    let name = "text-quick-gelu";
    let golden = Golden::read(name, "case.safetensors");
    let encoder = load(&model(name), Precision::F16);
    let got = encoder
        .encode(&golden.ids(), &mut Watch::default())
        .unwrap();
    assert_eq!(got.dtype(), DType::F32);
    assert_close(name, &got, golden.get("text"), 1e-2);
}

use super::*;
use crate::engine::nn::goldens::{Golden, Watch, assert_close, model};

fn load(files: &ModelFiles, precision: Precision) -> TextEncoder {
    TextEncoder::load(
        (files, &mut KeptWeights::default()),
        Place::First,
        &Device::Cpu,
        precision,
        &mut Watch::default(),
    )
    .unwrap()
}

#[test]
fn answers_as_transformers_does() {
    for name in ["text-quick-gelu", "text-gelu"] {
        let golden = Golden::read(name, "case.safetensors");
        let encoder = load(&model(name), Precision::F32);
        let got = encoder
            .encode(&golden.ids(), &mut Watch::default())
            .unwrap();
        assert_close(name, &got.tokens, golden.get("text"), 1e-5);
        assert!(got.pooled.is_none());
    }
}

#[test]
fn the_built_in_one_answers_as_transformers_does() {
    let golden = Golden::read("starter", "text.safetensors");
    let encoder = load(&ModelFiles::BuiltIn, Precision::F32);
    let got = encoder
        .encode(&golden.ids(), &mut Watch::default())
        .unwrap();
    assert_close("starter text", &got.tokens, golden.get("text"), 1e-5);
}

#[test]
fn weights_kept_as_in_the_file_give_the_same_bits() {
    let name = "text-quick-gelu";
    let golden = Golden::read(name, "case.safetensors");
    let [widened, kept] = [Precision::F32, Precision::F32_AS_IN_FILE].map(|precision| {
        let answer = load(&model(name), precision).encode(&golden.ids(), &mut Watch::default());
        answer
            .unwrap()
            .tokens
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
        assert_close("alone", &alone.tokens, &wanted, 1e-5);
    }
}

#[test]
fn many_lists_are_encoded_as_each_alone_and_equal_ones_once() {
    let encoder = load(&model("text-gelu"), Precision::F32);
    let bits =
        |text: EncodedText| -> Vec<f32> { text.tokens.flatten_all().unwrap().to_vec1().unwrap() };
    let list = |first: usize| -> Vec<u32> { vec![first as u32; encoder.window()] };
    // Prompts of usual length go the usual way, to the last bit.
    let few: Vec<_> = (0..MAX_BATCH).map(|at| list(at % 3)).collect();
    let many = encoder.encode_many(&few, &mut Watch::default()).unwrap();
    let one_batch = encoder.encode(&few, &mut Watch::default()).unwrap();
    assert_eq!(bits(many), bits(one_batch));

    let lists: Vec<_> = (0..=3 * MAX_BATCH).map(|at| list(at * at % 40)).collect();
    let many = encoder.encode_many(&lists, &mut Watch::default()).unwrap();
    for (at, ids) in lists.into_iter().enumerate() {
        let alone = encoder.encode(&[ids], &mut Watch::default()).unwrap();
        let ours = many.tokens.narrow(0, at, 1).unwrap();
        assert_close("alone", &ours, &alone.tokens, 1e-5);
    }

    let checkpoints = |count: usize, answer: &dyn Fn(usize) -> Vec<u32>| {
        let mut watch = Watch::default();
        let lists: Vec<_> = (0..count).map(answer).collect();
        encoder.encode_many(&lists, &mut watch).unwrap();
        watch.checkpoints
    };
    let once = checkpoints(1, &list);
    assert_eq!(checkpoints(500, &|_| list(1)), once);
    assert_eq!(checkpoints(2 * MAX_BATCH, &list), 2 * once);
}

#[test]
fn what_cannot_be_encoded_is_refused() {
    let encoder = load(&model("text-quick-gelu"), Precision::F32);
    let window = encoder.window();
    assert_eq!((window, encoder.config().width), (12, 24));
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
    assert_eq!(got.tokens.dtype(), DType::F32);
    assert_close(name, &got.tokens, golden.get("text"), 1e-2);
}

fn load_from(name: &str, place: Place) -> TextEncoder {
    let files = model(name);
    let mut watch = Watch::default();
    let files = (&files, &mut KeptWeights::default());
    TextEncoder::load(files, place, &Device::Cpu, Precision::F32, &mut watch).unwrap()
}

/// The penultimate layer of both encoders of SDXL, and pooled text of the second one at the end of each
/// list, wherever that is.
#[test]
fn two_encoders_answer_as_transformers_do() {
    for (name, place) in [
        ("text-two", Place::First),
        ("text-two", Place::Second),
        ("text-two-new", Place::Second),
    ] {
        let golden = Golden::read(name, "case.safetensors");
        let encoder = load_from(name, place);
        let got = encoder
            .encode(&golden.ids(), &mut Watch::default())
            .unwrap();
        let (tokens, pooled) = match place {
            Place::First => ("first", None),
            Place::Second => ("second", Some("pooled")),
        };
        assert_close(tokens, &got.tokens, golden.get(tokens), 1e-5);
        assert_eq!(got.pooled.is_some(), pooled.is_some());
        if let (Some(ours), Some(pooled)) = (&got.pooled, pooled) {
            assert_close(pooled, ours, golden.get(pooled), 1e-5);
        }
        // The same where many lists are encoded.
        let many: Vec<_> = (0..MAX_BATCH).flat_map(|_| golden.ids()).collect();
        let many = encoder.encode_many(&many, &mut Watch::default()).unwrap();
        if let (Some(ours), Some(all)) = (&got.pooled, &many.pooled) {
            let count = golden.ids().len();
            let last = all.narrow(0, (MAX_BATCH - 1) * count, count).unwrap();
            assert_close("many", &last, ours, 1e-6);
        }
    }
}

#[test]
fn a_second_encoder_without_a_projection_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("text_encoder_2")).unwrap();
    let config = model("text-gelu").read("text_encoder/config.json").unwrap();
    std::fs::write(folder.path().join("text_encoder_2/config.json"), config).unwrap();
    let files = ModelFiles::Folder(folder.path().to_owned());
    let answer = TextEncoderConfig::read(&files, Place::Second);
    assert!(matches!(answer, Err(EngineError::Unsupported { .. })));
}

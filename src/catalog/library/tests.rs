use super::*;
use crate::catalog::testing::{SmallModel, put};
use crate::catalog::{PredictionType, ToldBy};

/// Cards that lie below `room`; others are the machine's own.
fn below(cards: Vec<Result<ModelCard, CatalogError>>, room: &Path) -> Vec<ModelCard> {
    let cards = cards.into_iter().filter_map(Result::ok);
    cards
        .filter(|card| {
            card.reference
                .path()
                .is_some_and(|path| path.starts_with(room))
        })
        .collect()
}

#[test]
fn what_was_added_is_found_again_and_read_once() {
    let room = tempfile::tempdir().unwrap();
    let data_dir = room.path().join("data");
    let small = SmallModel::of("sd1");
    let folder = room.path().join("webui");
    let models = folder.join("models/Stable-diffusion");
    std::fs::create_dir_all(&models).unwrap();
    let file = small.write_file(&models, "dream");
    put(&folder, "models/Lora/ink.safetensors", b"x");
    let mut library = Library::open(&data_dir);
    assert_eq!(library.add(&folder), Ok(1));
    let cards = below(library.list(), room.path());
    assert_eq!(cards.len(), 1);
    assert_eq!(cards[0].name, "dream");

    // Another start: the file is not read again, which shows when it can no longer be read.
    let mut library = Library::open(&data_dir);
    let bytes = std::fs::metadata(&file).unwrap();
    let (length, modified) = (bytes.len(), bytes.modified().unwrap());
    std::fs::write(&file, vec![0; length as usize]).unwrap();
    let touched = std::fs::File::options().write(true).open(&file).unwrap();
    touched.set_modified(modified).unwrap();
    assert_eq!(below(library.list(), room.path()), cards);
    // One that has changed is.
    touched
        .set_modified(modified + std::time::Duration::from_secs(2))
        .unwrap();
    assert_eq!(below(library.list(), room.path()), []);
    let broken = Library::open(&data_dir).list();
    let is_it = |card: &Result<ModelCard, CatalogError>| matches!(card, Err(CatalogError::Damaged { path, .. }) if *path == file);
    assert!(broken.iter().any(is_it));

    assert_eq!(library.resolve("dream"), Ok(ModelRef::at(file.clone())));
    assert_eq!(library.resolve("dream.safetensors"), Ok(ModelRef::at(file)));
    assert!(library.resolve("dreams").is_err());
    let loras = library.lora_files();
    assert!(loras.contains(&folder.join("models/Lora/ink.safetensors")));
    let found = library.find_lora("ink").unwrap_err();
    assert!(matches!(found, CatalogError::Damaged { .. }), "{found}");
}

#[test]
fn what_is_no_model_is_not_added() {
    let room = tempfile::tempdir().unwrap();
    let data_dir = room.path().join("data");
    let mut library = Library::open(&data_dir);
    put(room.path(), "empty/notes.txt", b"x");
    put(room.path(), "x.safetensors", b"x");
    for name in ["empty", "x.safetensors", "nowhere"] {
        assert!(library.add(&room.path().join(name)).is_err(), "{name}");
    }
    assert!(!data_dir.join("models.json").exists());
    // What was chosen is remembered, once, and nothing of what is found anyway.
    let file = SmallModel::of("sd1").write_file(room.path(), "chosen");
    let chosen = ModelRef::at(file);
    for _ in 0..2 {
        library.remember(&chosen).unwrap();
    }
    library.remember(&ModelRef::BuiltIn).unwrap();
    assert_eq!(below(Library::open(&data_dir).list(), room.path()).len(), 1);
}

#[test]
fn a_lora_of_a_recipe_is_found_by_its_name_and_identity() {
    let room = tempfile::tempdir().unwrap();
    let kohya =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/data/loras/kohya.safetensors");
    let bytes = std::fs::read(kohya).unwrap();
    put(room.path(), "loras/ink.safetensors", &bytes);
    put(room.path(), "a.safetensors", b"x");
    let mut library = Library::open(&room.path().join("data"));
    library.places.add(room.path().to_path_buf());
    let here = library.find_lora("ink").unwrap();
    assert_eq!(here.path, room.path().join("loras/ink.safetensors"));
    let elsewhere = LoraRef {
        path: "ink.safetensors".into(),
        ..here.clone()
    };
    assert_eq!(library.found_lora(elsewhere.clone()), here);
    // As another program names it.
    let theirs = |hash: Option<&str>| LoraRef {
        path: "ink".into(),
        identity: String::new(),
        weights_sha256: hash.map(str::to_owned),
    };
    let hash = here.weights_sha256.as_deref().unwrap();
    for told in [None, hash.get(..12)] {
        assert_eq!(library.found_lora(theirs(told)), here);
    }
    let wrong = theirs(Some("000000000000"));
    assert_eq!(library.found_lora(wrong.clone()), wrong);
    // Renamed.
    let renamed = LoraRef {
        path: "paper.safetensors".into(),
        ..here.clone()
    };
    assert_eq!(library.found_lora(renamed), here);
    let other = LoraRef {
        identity: "another".to_owned(),
        ..elsewhere
    };
    assert_eq!(library.found_lora(other.clone()), other);
}

#[test]
fn what_was_chosen_for_a_file_is_remembered_wherever_it_lies() {
    let room = tempfile::tempdir().unwrap();
    let data_dir = room.path().join("data");
    let path = SmallModel::of("sd2-v").write_file(room.path(), "downloaded");
    let mut library = Library::open(&data_dir);
    library.remember(&ModelRef::at(path.clone())).unwrap();
    let prediction = |library: &mut Library| -> Vec<_> {
        let cards = below(library.list(), room.path());
        let traits = cards.iter().map(|card| card.traits.prediction_type);
        traits.collect()
    };
    assert_eq!(prediction(&mut library), [PredictionType::VPrediction]);
    let chosen = ModelFile {
        prediction: Some(PredictionType::Epsilon),
        native_px: Some(640),
        ..ModelFile::at(path.clone())
    };
    library.choose(&chosen).unwrap();
    assert_eq!(prediction(&mut library), [PredictionType::Epsilon]);
    // Moved, and asked for in another start.
    let moved = room.path().join("moved.safetensors");
    std::fs::rename(&path, &moved).unwrap();
    let mut library = Library::open(&data_dir);
    let found = library.resolve(moved.to_str().unwrap()).unwrap();
    let ModelRef::File(found) = found else {
        panic!("{found:?}")
    };
    assert_eq!(found.prediction, Some(PredictionType::Epsilon));
    assert_eq!(found.native_px, Some(640));
    // What is chosen now counts more.
    let now = ModelFile {
        prediction: Some(PredictionType::Sample),
        ..ModelFile::at(moved.clone())
    };
    let now = ModelRef::File(now);
    assert_eq!(library.as_chosen(now.clone()), now);
    // Another file of the same length is another model.
    let mut bytes = std::fs::read(&moved).unwrap();
    bytes[100] ^= 1;
    let other = room.path().join("other.safetensors");
    std::fs::write(&other, bytes).unwrap();
    let other = ModelRef::at(other);
    assert_eq!(library.as_chosen(other.clone()), other);
    // Nothing chosen is as before.
    library.choose(&ModelFile::at(moved.clone())).unwrap();
    let library = Library::open(&data_dir);
    assert_eq!(
        library.as_chosen(ModelRef::at(moved.clone())),
        ModelRef::at(moved)
    );
}

#[test]
fn a_configuration_put_beside_a_file_is_read() {
    let room = tempfile::tempdir().unwrap();
    let mut library = Library::open(&room.path().join("data"));
    let path = SmallModel::of("sd1").write_file(room.path(), "odd");
    library.remember(&ModelRef::at(path.clone())).unwrap();
    let told = |library: &mut Library| below(library.list(), room.path())[0].facts.unwrap();
    assert_eq!(told(&mut library).prediction.by, ToldBy::Family);
    let json = b"{\"prediction_type\": \"v_prediction\"}";
    put(room.path(), "odd.json", json);
    let prediction = told(&mut library).prediction;
    assert_eq!(prediction.by, ToldBy::Config);
    assert_eq!(prediction.is, PredictionType::VPrediction);
}

#[test]
fn a_file_is_read_whole_once_and_only_where_it_may_be_a_known_one() {
    let room = tempfile::tempdir().unwrap();
    let data_dir = room.path().join("data");
    put(room.path(), "models/small.safetensors", b"x");
    let path = room.path().join("models/large.safetensors");
    // As long as a known one, which takes no room on the disk.
    std::fs::File::create(&path)
        .unwrap()
        .set_len(5_214_561_328)
        .unwrap();
    let mut library = Library::open(&data_dir);
    library.places.add(room.path().join("models"));
    let here = |library: &Library| {
        library
            .unrecognised()
            .filter(|it| it.starts_with(room.path()))
    };
    assert_eq!(here(&library), Some(path.clone()));
    // Stopped, it is not remembered.
    assert_eq!(library.recognise(&path, &|| true), Ok(false));
    assert_eq!(here(&library), Some(path.clone()));
    let model = ModelRef::at(path.clone());
    assert_eq!(library.as_chosen(model.clone()), model);
    // The sum of the real file, which cannot be had here.
    let turbo = "3f067a1b943cf162f2b8f8588f6cf5824bd5b4c7d1d88d87164b9ca123616549";
    let is_known = library.choices.set_sha256(&path, turbo.to_owned());
    assert_eq!(is_known, Ok(true));
    library.choices.write(&data_dir).unwrap();
    let library = Library::open(&data_dir);
    assert_eq!(here(&library), None);
    let ModelRef::File(file) = library.as_chosen(model) else {
        panic!("a file")
    };
    assert!(file.is_known);
    assert_eq!(file.distillation, Some(crate::catalog::Distillation::Turbo));
    assert_eq!(file.native_px, Some(512));
}

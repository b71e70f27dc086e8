//! One function for each fuzz target: bytes of a stranger's file go in, and come as far as the program lets them.
//! What is asserted beside "no crash": places lie within files, and what we wrote can be read again.

use std::io::{Cursor, Write as _};
use std::path::Path;
use std::sync::OnceLock;

use crate::catalog::{self, Library, LoraRef, ModelFiles, ModelRef, TensorFile};
use crate::document::{DocumentId, crash_journal};
use crate::engine::tokenizer::PromptTokenizer;
use crate::geometry::Extent;
use crate::plan::{EditSettings, Recipe, Restored};
use crate::raster::file::{self, RecipeText, SaveOptions};
use crate::raster::LoadedPicture;
use crate::scratch::{self, described, parts};
use crate::{bulk, project as projects};

/// The weights of a file that is only in memory.
fn weights(bytes: &[u8]) -> Option<TensorFile> {
    // SAFETY: the file is dropped before its target returns, and nothing keeps a part of it.
    let bytes = unsafe { std::mem::transmute::<&[u8], &'static [u8]>(bytes) };
    TensorFile::compiled_in("fuzz", bytes).ok()
}

/// All weights lie in their file.
fn check_places(file: &TensorFile) {
    let _ = file.weights_len();
    for (name, stored) in file.tensors() {
        let length = stored.byte_len();
        // Rearranged weights are copied.
        if length <= 1 << 16 {
            let bytes = file.bytes_of(stored);
            assert_eq!(bytes.map(|bytes| bytes.len()), Some(length), "{name}");
        }
    }
}

/// What PyTorch saved: an archive, or the program in it with some storages beside it.
pub fn pickle(data: &[u8]) {
    if data.starts_with(b"PK") {
        if let Some(file) = weights(data) {
            check_places(&file);
        }
        return;
    }
    let options = zip::write::SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Stored);
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in [("a/data.pkl", data), ("a/data/0", &[1; 64]), ("a/data/1", &[0; 4096])] {
        archive.start_file(name, options).unwrap();
        archive.write_all(bytes).unwrap();
    }
    if let Some(file) = weights(archive.finish().unwrap().get_ref()) {
        check_places(&file);
    }
}

/// A safetensors file.
pub fn safetensors(data: &[u8]) {
    if let Some(file) = weights(data) {
        check_places(&file);
    }
}

/// A model in one file: as lines that describe its weights, or as it is.
pub fn checkpoint(data: &[u8]) {
    let path = match std::str::from_utf8(data) {
        Ok(text) => {
            let (header, zeros) = described(text);
            scratch::file("model.safetensors", &header, zeros)
        }
        Err(_) => scratch::file("model.safetensors", data, 0),
    };
    let model = ModelRef::at(path);
    let _ = catalog::open(&model);
    let files = ModelFiles::of(&model);
    for name in [
        "unet/diffusion_pytorch_model.safetensors",
        "vae/diffusion_pytorch_model.safetensors",
        "text_encoder/model.safetensors",
        "text_encoder_2/model.safetensors",
    ] {
        for file in files.weights(name).and_then(Result::ok).unwrap_or_default() {
            check_places(&file);
        }
    }
    for name in ["unet/config.json", "vae/config.json", "scheduler/scheduler_config.json"] {
        let _ = files.read(name);
    }
}

/// A small model of one family with its original names, whose weights are zeros.
fn small_model(index: usize) -> ModelFiles {
    static MODELS: OnceLock<Vec<ModelFiles>> = OnceLock::new();
    let models = MODELS.get_or_init(|| {
        #[derive(serde::Deserialize)]
        struct Small {
            shapes: std::collections::BTreeMap<String, Vec<u64>>,
        }
        let names = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../tests/golden/data/checkpoint_names.json.gz"
        );
        let names = flate2::read::GzDecoder::new(std::fs::File::open(names).unwrap());
        let all: std::collections::BTreeMap<String, Small> = serde_json::from_reader(names).unwrap();
        let models = all.iter().map(|(family, small)| {
            let line = |(name, shape): (&String, &Vec<u64>)| {
                let shape: Vec<String> = shape.iter().map(u64::to_string).collect();
                format!("{name}\tF16\t{}\n", shape.join(","))
            };
            let (header, zeros) = described(&small.shapes.iter().map(line).collect::<String>());
            let path = scratch::file(&format!("{family}.safetensors"), &header, zeros);
            ModelFiles::of(&ModelRef::at(path))
        });
        models.collect()
    });
    models[index % models.len()].clone()
}

/// A LoRA: the first byte chooses the model, the rest is lines that describe its weights, or a file.
pub fn lora(data: &[u8]) {
    let Some((first, data)) = data.split_first() else { return };
    let path = match std::str::from_utf8(data) {
        Ok(text) => {
            let (header, zeros) = described(text);
            scratch::file("lora.safetensors", &header, zeros)
        }
        Err(_) => scratch::file("lora.safetensors", data, 0),
    };
    let Ok(lora) = LoraRef::at(&path) else { return };
    let model = small_model(usize::from(*first));
    let Ok(changed) = model.with_loras(&[(lora.clone(), 0.5), (lora, -1.0)]) else { return };
    for name in ["unet/w", "text_encoder/w", "text_encoder_2/w"] {
        for (name, deltas) in changed.deltas(name) {
            for delta in deltas {
                for factor in [Some(&delta.up), Some(&delta.down), delta.mid.as_ref()] {
                    let Some(factor) = factor else { continue };
                    let bytes = delta.file.bytes_of(factor).map(|bytes| bytes.len());
                    assert_eq!(bytes, Some(factor.byte_len()), "{name}");
                }
            }
        }
    }
}

/// What lies among the models: ComfyUI's list of further folders, a tiny autoencoder (lines that describe its weights,
/// or a file) with the configuration beside it, and what a checkpoint's neighbours say of it.
pub fn library(data: &[u8]) {
    let [paths, config, weights, yaml, json] = parts(data);
    // A list may honestly name the whole disk.
    if paths.contains(&b'/') || paths.windows(2).any(|pair| pair == b"..") {
        return;
    }
    let (header, zeros) = match std::str::from_utf8(weights) {
        Ok(text) => described(text),
        Err(_) => (weights.to_vec(), 0),
    };
    let here = |name: &str, bytes: &[u8], zeros: u64| {
        scratch::file(&format!("library/models/{name}"), bytes, zeros)
    };
    here("extra_model_paths.yaml", paths, 0);
    here("models/vae_approx/config.json", config, 0);
    here("models/vae_approx/taesd.safetensors", &header, zeros);
    here("models/checkpoints/model.safetensors", &header, zeros);
    here("models/checkpoints/model.yaml", yaml, 0);
    here("models/checkpoints/model.json", json, 0);
    let mut library = Library::open(&scratch::folder().join("library"));
    for tiny in library.tiny_autoencoders() {
        if let Ok(decoder) = tiny.decoder() {
            check_places(&decoder.weights);
            assert!(decoder.config.contains_key("latent_channels"));
        }
    }
    let _ = library.list();
}

/// A prompt, and the files of a tokenizer where there are any; else CLIP's own.
pub fn tokenizer(data: &[u8]) {
    let [prompt, whole, vocabulary, merges, special, config] = parts(data);
    let prompt = String::from_utf8_lossy(prompt);
    let check = |tokenizer: &PromptTokenizer, window: usize| {
        for ids in tokenizer.windows(&prompt).unwrap_or_default() {
            assert_eq!(ids.len(), window);
        }
        let _ = tokenizer.unknown_pieces(&prompt);
    };
    if [whole, vocabulary, merges].iter().all(|part| part.is_empty()) {
        static CLIP: OnceLock<PromptTokenizer> = OnceLock::new();
        let clip = CLIP.get_or_init(|| PromptTokenizer::load(&small_model(0), "tokenizer", 77).unwrap());
        return check(clip, 77);
    }
    let root = scratch::folder().join("tokenizers");
    for (name, part) in [
        ("tokenizer.json", whole),
        ("vocab.json", vocabulary),
        ("merges.txt", merges),
        ("special_tokens_map.json", special),
        ("tokenizer_config.json", config),
    ] {
        let path = scratch::file(&format!("tokenizers/tokenizer/{name}"), part, 0);
        if part.is_empty() {
            std::fs::remove_file(path).unwrap();
        }
    }
    if let Ok(tokenizer) = PromptTokenizer::load(&ModelFiles::Folder(root), "tokenizer", 8) {
        check(&tokenizer, 8);
    }
}

/// Pixels that a picture says it has, without decoding it.
fn pixels(data: &[u8]) -> u64 {
    let reader = image::ImageReader::new(Cursor::new(data)).with_guessed_format();
    let told = reader.ok().and_then(|reader| reader.into_dimensions().ok());
    let told = told.or_else(|| {
        let mut tiff = tiff::decoder::Decoder::new(Cursor::new(data)).ok()?;
        tiff.dimensions().ok()
    });
    told.map_or(0, |(width, height)| u64::from(width) * u64::from(height))
}

/// What was read is written in every kind of file, and each can be read again.
fn check_written(loaded: &LoadedPicture) {
    let recipe = Recipe {
        model: ModelRef::BuiltIn,
        settings: EditSettings::default(),
        extent: loaded.picture.extent(),
    };
    for ending in ["png", "jpg", "tif", "webp"] {
        for recipe in [None, Some(recipe.text())] {
            let options = SaveOptions { recipe, ..SaveOptions::default() };
            let path = scratch::file(&format!("written.{ending}"), &[], 0);
            let saved = file::save(&path, &loaded.picture, &loaded.origin, &options);
            if saved.is_ok() {
                let again = file::load(&path);
                assert!(again.is_ok(), "{ending}: {}", again.unwrap_err());
                let extent = again.unwrap().picture.extent();
                assert_eq!(extent, loaded.picture.extent(), "{ending}");
            }
        }
    }
}

/// A picture file of any kind, and a mask in one.
pub fn picture(data: &[u8]) {
    // A few bytes may honestly say “a hundred million white pixels”.
    if pixels(data) > 1 << 20 {
        return;
    }
    let name = Path::new("fuzz");
    if let Ok(loaded) = file::load_bytes(data, name) {
        if loaded.picture.extent().area() <= 4096 {
            check_written(&loaded);
        }
    }
}

/// An EXIF block, in a JPEG.
pub fn exif(data: &[u8]) {
    static JPEG: OnceLock<Vec<u8>> = OnceLock::new();
    let jpeg = JPEG.get_or_init(|| {
        let mut bytes = Vec::new();
        let encoder = jpeg_encoder::Encoder::new(&mut bytes, 80);
        encoder.encode(&[90; 4 * 8 * 3], 8, 4, jpeg_encoder::ColorType::Rgb).unwrap();
        bytes
    });
    let Ok(length) = u16::try_from(data.len() + 8) else { return };
    let mut bytes = vec![0xff, 0xd8, 0xff, 0xe1];
    bytes.extend(length.to_be_bytes());
    bytes.extend(b"Exif\0\0");
    bytes.extend(data);
    bytes.extend(&jpeg[2..]);
    let loaded = file::load_bytes(&bytes, Path::new("fuzz.jpg"));
    // What stands beside the picture never keeps it from being opened.
    check_written(&loaded.unwrap());
}

/// A project: an archive, or its two texts with some pictures beside them.
pub fn project(data: &[u8]) {
    let path = if data.starts_with(b"PK") {
        scratch::file("project.ora", data, 0)
    } else {
        let [stack, manifest] = parts(data);
        if claims_to_be_large(stack) {
            return;
        }
        scratch::file("project.ora", &archive_of(stack, manifest), 0)
    };
    let _ = projects::thumbnail(&path);
    let Ok(opened) = projects::read(&path) else { return };
    let path = scratch::file("written.ora", &[], 0);
    if projects::write(&path, &opened.project, &opened.visible, None).is_ok() {
        let again = projects::read(&path);
        assert!(again.is_ok(), "{}", again.unwrap_err());
    }
}

/// A canvas may honestly be of a hundred million pixels, all of them clear.
fn claims_to_be_large(stack: &[u8]) -> bool {
    let text = String::from_utf8_lossy(stack);
    [" w=", " h="].iter().any(|key| {
        let numbers = text.split(key).skip(1).map(|rest| {
            let rest = rest.trim_start_matches(['"', '\'', '+', '0']);
            rest.bytes().take_while(u8::is_ascii_digit).count()
        });
        numbers.max().unwrap_or(0) > 3
    })
}

fn archive_of(stack: &[u8], manifest: &[u8]) -> Vec<u8> {
    static PNG: OnceLock<Vec<u8>> = OnceLock::new();
    let png = PNG.get_or_init(|| {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, 3, 2);
        encoder.set_color(png::ColorType::Rgba);
        encoder.write_header().unwrap().write_image_data(&[200; 3 * 2 * 4]).unwrap();
        bytes
    });
    let options = zip::write::SimpleFileOptions::default();
    let stored = options.compression_method(zip::CompressionMethod::Stored);
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let texts = [
        ("mimetype", &b"image/openraster"[..]),
        ("stack.xml", stack),
        ("overpaint/project.json", manifest),
    ];
    let pictures = [
        "data/layer0.png",
        "data/layer1.png",
        "data/layer-0.png",
        "data/layer-1.png",
        "data/base.png",
        "overpaint/mask.png",
        "overpaint/results/1.png",
        "mergedimage.png",
        "Thumbnails/thumbnail.png",
    ];
    for (name, bytes) in texts.into_iter().chain(pictures.map(|name| (name, png.as_slice()))) {
        if !bytes.is_empty() {
            archive.start_file(name, stored).unwrap();
            archive.write_all(bytes).unwrap();
        }
    }
    archive.finish().unwrap().into_inner()
}

/// A crash journal: its file, or records which get the lengths and checksums that a journal wants.
pub fn crash_journal(data: &[u8]) {
    const MAGIC: &[u8] = b"OVPJRNL1";
    const LINE: &[u8] = b"\n----\n";
    let path = if data.starts_with(MAGIC) {
        scratch::file("journal", data, 0)
    } else {
        let mut bytes = MAGIC.to_vec();
        let mut rest = data;
        while !rest.is_empty() {
            let end = rest.windows(LINE.len()).position(|window| window == LINE);
            let record = &rest[..end.unwrap_or(rest.len())];
            rest = end.map_or(&[], |end| &rest[end + LINE.len()..]);
            let level = flate2::Compression::none();
            let mut deflater = flate2::write::ZlibEncoder::new(Vec::new(), level);
            deflater.write_all(record).unwrap();
            let body = deflater.finish().unwrap();
            bytes.extend((body.len() as u32).to_le_bytes());
            bytes.extend(crc32fast::hash(&body).to_le_bytes());
            bytes.extend(body);
        }
        scratch::file("journal", &bytes, 0)
    };
    let _ = crash_journal::about(&path);
    if let Ok(Some(mut restored)) = crash_journal::read(&path, DocumentId(1)) {
        // As far back and forth as it goes.
        while restored.document.undo() {}
        while restored.document.redo() {}
    }
}

/// Settings in a picture's texts, in both forms.
pub fn infotext(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let before = EditSettings::default();
    for restored in [
        Restored::from_parameters(&text, &before),
        Restored::from_json(&text, &before),
    ]
    .into_iter()
    .flatten()
    {
        let recipe = Recipe {
            model: ModelRef::BuiltIn,
            settings: restored.settings.clone(),
            extent: Extent::new(512, 512),
        };
        let RecipeText { json, .. } = recipe.text();
        let again = Restored::from_json(&json, &before).map(|restored| restored.settings);
        assert_eq!(again, Some(restored.settings), "{json}");
    }
}

/// A recipe, a table of prompts, and a table of what reviewers said.
pub fn recipe(data: &[u8]) {
    let [recipe, prompts, review] = parts(data);
    for name in ["prompts.csv", "prompts.tsv"] {
        let _ = bulk::PromptTable::parse(prompts, Path::new(name));
    }
    if let Ok(rows) = bulk::review_rows(review, Path::new("review.csv")) {
        let said = |rows: &[bulk::ReviewRow]| {
            let mut said: Vec<String> =
                rows.iter().map(|row| format!("{:?} {:?}", row.picture, row.decision)).collect();
            said.sort();
            said
        };
        let before = said(&rows);
        let table = bulk::review_csv(rows).unwrap();
        let again = bulk::review_rows(&table, Path::new("review.csv")).unwrap();
        assert_eq!(said(&again), before);
    }
    let Ok(recipe) = bulk::BulkRecipe::parse(&String::from_utf8_lossy(recipe)) else { return };
    static CARD: OnceLock<catalog::ModelCard> = OnceLock::new();
    let card = CARD.get_or_init(|| catalog::open(&ModelRef::BuiltIn).unwrap());
    let _ = recipe.edit_settings(card);
    let _ = recipe.strengths(card);
    let text = recipe.text().unwrap();
    let again = bulk::BulkRecipe::parse(&text);
    assert_eq!(again.ok().as_ref(), Some(&recipe), "{text}");
}

/// The journal of a batch, some bytes of which are others: position, count, bytes, position…
pub fn batch_journal(data: &[u8]) {
    static WHOLE: OnceLock<(Vec<u8>, std::path::PathBuf, bulk::Key)> = OnceLock::new();
    let (whole, out, key) = WHOLE.get_or_init(|| {
        let out = scratch::folder().join("out");
        std::fs::create_dir_all(&out).unwrap();
        let journal = bulk::Journal::open(&out, false).unwrap();
        for number in 0..20_u8 {
            let key = bulk::Key::of(&[number]);
            let output = format!("{number}.png");
            journal.claim([(output.as_str(), &key)], false).unwrap();
            let done = bulk::Done {
                output,
                engine: "cpu".to_owned(),
                model: (String::new(), String::new()),
                seconds: 1.0,
                bytes: key.hex(),
            };
            journal.say_done(&key, &done).unwrap();
        }
        drop(journal);
        let bytes = std::fs::read(out.join(".overpaint-batch/journal.redb")).unwrap();
        (bytes, out, bulk::Key::of(&[3]))
    });
    let mut bytes = whole.clone();
    let mut rest = data;
    while let Some((head, more)) = rest.split_first_chunk::<4>() {
        let [a, b, c, count] = *head;
        let at = u32::from_le_bytes([a, b, c, 0]) as usize % bytes.len();
        let (new, more) = more.split_at(usize::from(count).min(more.len()));
        let end = (at + new.len()).min(bytes.len());
        bytes[at..end].copy_from_slice(&new[..end - at]);
        rest = more;
    }
    scratch::file("out/.overpaint-batch/journal.redb", &bytes, 0);
    let Ok(journal) = bulk::Journal::open(out, true) else { return };
    let _ = journal.all_done();
    let _ = journal.done(key);
    let _ = journal.known_mask(key);
    let _ = journal.claim([("new.png", key)], false);
}

//! Getting models from servers on 127.0.0.1 that are honest, slow, cut off, or lie.

mod commands;
mod editor;
mod faults;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use overpaint::downloads::{
    Client, DownloadError, Options, Pace, Parcel, Progress, Source, Token, Watch,
};
use overpaint::downloads::{RemoteFile, Shape, ask, fetch};
use sha2::{Digest as _, Sha256};

use crate::support::hub::{Answer, Asked, Server};

/// Waits of milliseconds.
const QUICK: Pace = Pace {
    first_wait: Duration::from_millis(2),
    tries: 4,
    silence: Duration::from_secs(20),
    longest_wait: Duration::from_millis(50),
};

fn client(hub: &str, token: Option<&str>) -> Client {
    Client::new(Options {
        hub: Some(hub.to_owned()),
        token: token.and_then(Token::new),
        proxy: None,
        pace: QUICK,
    })
    .unwrap()
}

/// Stops when so much has come.
#[derive(Default)]
struct Looker {
    stop_at: Option<u64>,
    last: Progress,
}

impl Watch for Looker {
    fn is_stopped(&self) -> bool {
        self.stop_at.is_some_and(|at| self.last.done >= at)
    }

    fn progress(&mut self, progress: &Progress) {
        self.last = progress.clone();
    }
}

/// Bytes that look like nothing else.
fn bytes(count: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..count).map(|_| next()).collect()
}

fn sha256(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

/// What lies below a folder.
fn files_below(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(at) = folders.pop() {
        for entry in std::fs::read_dir(at).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().display().to_string();
                found.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// A hub with one repository `o/n`, whose large files lie on another server, as the real one's do.
struct Hub {
    hub: Server,
    cdn: Server,
}

impl Hub {
    fn new(files: BTreeMap<String, Vec<u8>>, pause: Option<(usize, Duration)>) -> Self {
        let files = Arc::new(files);
        let held = Arc::clone(&files);
        let cdn = Server::new(move |asked| {
            let path = asked.path.split('?').next().unwrap_or_default();
            match held.get(path.trim_start_matches("/blob/")) {
                Some(bytes) => Answer {
                    pause,
                    ..Answer::file(asked, bytes, "of-the-cdn")
                },
                None => Answer::status(404),
            }
        });
        let elsewhere = cdn.url.clone();
        let hub = Server::new(move |asked| answer_of_hub(asked, &files, &elsewhere));
        Self { hub, cdn }
    }
}

fn is_large(name: &str) -> bool {
    name.ends_with(".safetensors")
}

fn answer_of_hub(asked: &Asked, files: &BTreeMap<String, Vec<u8>>, elsewhere: &str) -> Answer {
    let path = asked.path.split('?').next().unwrap_or_default();
    if path == "/api/models/o/n" {
        let siblings: Vec<_> = files
            .iter()
            .map(|(name, bytes)| {
                let lfs = is_large(name)
                    .then(|| serde_json::json!({"sha256": sha256(bytes), "size": bytes.len()}));
                serde_json::json!({"rfilename": name, "size": bytes.len(), "lfs": lfs})
            })
            .collect();
        let listing = serde_json::json!({
            "sha": "0123abc", "siblings": siblings, "cardData": {"license": "mit"},
        });
        return Answer::text(listing.to_string());
    }
    let Some(name) = path.strip_prefix("/o/n/resolve/0123abc/") else {
        return Answer::status(404);
    };
    match files.get(name) {
        Some(bytes) if is_large(name) => Answer::status(302)
            .with("Location", format!("{elsewhere}/blob/{name}?signature=1"))
            .with("X-Linked-ETag", format!("\"{}\"", sha256(bytes)))
            .with("X-Linked-Size", bytes.len()),
        Some(bytes) => Answer::file(asked, bytes, "small"),
        None => Answer::status(404),
    }
}

/// A diffusers folder as far as names go.
fn folder() -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for (seed, name) in [
        "model_index.json",
        "LICENSE.md",
        "scheduler/scheduler_config.json",
        "unet/config.json",
        "unet/diffusion_pytorch_model.safetensors",
        "unet/diffusion_pytorch_model.fp16.safetensors",
        "vae/config.json",
        "vae/diffusion_pytorch_model.safetensors",
        "text_encoder/config.json",
        "text_encoder/model.safetensors",
        "safety_checker/model.safetensors",
        "README.md",
    ]
    .into_iter()
    .enumerate()
    {
        let length = if is_large(name) { 700_000 } else { 300 };
        files.insert(name.to_owned(), bytes(length, seed as u64));
    }
    files
}

/// One file of a server that is no hub.
fn one_file(url: &str, contents: &[u8]) -> Parcel {
    Parcel {
        name: "m".to_owned(),
        source: url.to_owned(),
        licence: None,
        page: url.to_owned(),
        shape: Shape::File,
        files: vec![RemoteFile {
            url: url.to_owned(),
            path: "m.data".to_owned(),
            bytes: Some(contents.len() as u64),
            sha256: Some(sha256(contents)),
        }],
    }
}

#[test]
fn a_repository_becomes_a_folder_and_only_the_hub_sees_the_token() {
    let files = folder();
    let Hub { hub, cdn } = Hub::new(files.clone(), None);
    let client = client(&hub.url, Some("hf_secret"));
    let source = Source::parse("hf:o/n").unwrap();
    let parcels = ask(&client, &source, &mut Looker::default()).unwrap();
    // Asked, and nothing fetched.
    assert_eq!(hub.asked().len(), 1);
    assert_eq!(cdn.asked().len(), 0);
    let [parcel] = parcels.as_slice() else {
        panic!("{parcels:?}")
    };
    assert_eq!(
        (parcel.name.as_str(), parcel.licence.as_deref()),
        ("n", Some("mit"))
    );
    let room = tempfile::tempdir().unwrap();
    let mut looker = Looker::default();
    let path = fetch(&client, parcel, room.path(), &mut looker).unwrap();
    assert_eq!(path, room.path().join("n"));
    assert_eq!(Some(looker.last.done), parcel.bytes());
    let mut wanted = files;
    for name in [
        "unet/diffusion_pytorch_model.safetensors",
        "safety_checker/model.safetensors",
        "README.md",
    ] {
        wanted.remove(name);
    }
    let wanted = wanted
        .into_iter()
        .map(|(name, bytes)| (format!("n/{name}"), bytes));
    // Nothing else lies there: no parts, no hidden folder.
    assert_eq!(files_below(room.path()), wanted.collect());
    let (of_hub, of_cdn) = (hub.asked(), cdn.asked());
    assert!(
        of_hub.len() >= 6 && of_cdn.len() == 3,
        "{of_hub:?} {of_cdn:?}"
    );
    let has_token = |asked: &&Asked| asked.header("authorization") == Some("Bearer hf_secret");
    assert_eq!(of_hub.iter().filter(has_token).count(), of_hub.len());
    assert!(
        of_cdn
            .iter()
            .all(|asked| asked.header("authorization").is_none())
    );
    let again = fetch(&client, parcel, room.path(), &mut Looker::default());
    assert_eq!(
        again,
        Err(DownloadError::AlreadyThere(room.path().join("n")))
    );
}

#[test]
fn what_was_stopped_goes_on_where_it_was() {
    let files = folder();
    let Hub { hub, cdn } = Hub::new(files.clone(), Some((20_000, Duration::from_millis(25))));
    let client = client(&hub.url, None);
    let source = Source::parse("hf:o/n/vae/diffusion_pytorch_model.safetensors").unwrap();
    let parcel = ask(&client, &source, &mut Looker::default())
        .unwrap()
        .remove(0);
    let room = tempfile::tempdir().unwrap();
    let mut looker = Looker {
        stop_at: Some(100_000),
        ..Looker::default()
    };
    let stopped = fetch(&client, &parcel, room.path(), &mut looker);
    assert_eq!(stopped, Err(DownloadError::Cancelled));
    let [unfinished] = overpaint::downloads::unfinished(room.path())
        .try_into()
        .unwrap();
    assert_eq!(unfinished.parcel, parcel);
    assert!(unfinished.done >= 100_000 && unfinished.done < 700_000);
    cdn.asked();
    // What a kill may leave beside it.
    for entry in std::fs::read_dir(room.path().join(".getting")).unwrap() {
        let files = entry.unwrap().path().join("files");
        std::fs::write(files.join(".tmpAbCd"), "half a note").unwrap();
        std::fs::write(files.join("gone.part.json"), "{}").unwrap();
    }
    let path = fetch(&client, &parcel, room.path(), &mut Looker::default()).unwrap();
    let there: Vec<_> = files_below(room.path()).into_keys().collect();
    assert_eq!(there, ["diffusion_pytorch_model.safetensors"]);
    let wanted = &files["vae/diffusion_pytorch_model.safetensors"];
    assert!(std::fs::read(path).unwrap() == *wanted);
    let asked = cdn.asked();
    assert_eq!(asked[0].from(), Some(unfinished.done as usize));
    assert_eq!(asked[0].header("if-range"), Some("\"of-the-cdn\""));
    assert_eq!(overpaint::downloads::unfinished(room.path()), []);
}

#[test]
fn what_a_file_is_called_and_whether_it_is_one_is_seen_before_it_is_fetched() {
    let server = Server::new(|asked| match asked.path.as_str() {
        "/api/download/1" => Answer::file(asked, &bytes(5000, 1), "x").with(
            "Content-Disposition",
            "attachment; filename=\"dream v8.safetensors\"",
        ),
        "/page.safetensors" => Answer::text("<!DOCTYPE html><html>log in</html>"),
        "/notes.txt" => Answer::text("a list"),
        "/model.gguf" => Answer::text("GGUF\x03"),
        _ => Answer::status(404),
    });
    let client = client("http://127.0.0.1:9", Some("hf_secret"));
    let asked = |path: &str| {
        let source = Source::parse(&format!("{}{path}", server.url)).unwrap();
        ask(&client, &source, &mut Looker::default())
    };
    let parcel = asked("/api/download/1").unwrap().remove(0);
    assert_eq!(parcel.name, "dream v8");
    assert_eq!(parcel.files[0].path, "dream v8.safetensors");
    assert_eq!(parcel.files[0].bytes, Some(5000));
    for path in ["/page.safetensors", "/notes.txt", "/model.gguf"] {
        let error = asked(path).unwrap_err();
        assert!(
            matches!(error, DownloadError::Foreign(_)),
            "{path}: {error}"
        );
    }
    // It is no hub, so it sees no token.
    assert!(
        server
            .asked()
            .iter()
            .all(|asked| asked.header("authorization").is_none())
    );
}

#[test]
fn all_goes_through_a_proxy_that_is_named() {
    let server = Server::new(|asked| Answer::file(asked, b"xxxx", "x"));
    let proxy = Server::new(|_| Answer::status(500));
    let client = Client::new(Options {
        hub: None,
        token: None,
        proxy: Some(proxy.url.clone()),
        pace: QUICK,
    })
    .unwrap();
    let url = format!("{}/m.data", server.url);
    let room = tempfile::tempdir().unwrap();
    fetch(
        &client,
        &one_file(&url, b"xxxx"),
        room.path(),
        &mut Looker::default(),
    )
    .unwrap();
    let through = proxy.asked();
    assert_eq!((through.len(), through[0].method.as_str()), (1, "CONNECT"));
    assert_eq!(format!("http://{}", through[0].path), server.url);
    let bad = Client::new(Options {
        proxy: Some("::".to_owned()),
        ..Options::default()
    });
    assert_eq!(bad.err(), Some(DownloadError::BadProxy));
}

/// The FLOPs of the list are those of the networks' shapes.
#[test]
fn what_a_picture_asks_for_follows_from_the_shapes() {
    use overpaint::catalog::ModelRef;
    use overpaint::downloads::{Kind, offers};
    use overpaint::engine::diffusion::{Part, RandomModel};
    use overpaint::geometry::Extent;

    let mut wrong = Vec::new();
    for offer in offers() {
        let Some(picture) = &offer.picture else {
            continue;
        };
        let model = match offer.kind {
            Kind::Sd | Kind::SdFewSteps => RandomModel::Sd15,
            Kind::SdInpainting => RandomModel::Sd15Inpaint,
            _ => RandomModel::Sdxl,
        };
        let room = tempfile::tempdir().unwrap();
        // Configurations only: no weights are needed.
        model.write(room.path(), &[]).unwrap();
        let reference = ModelRef::Folder(room.path().to_owned());
        let size = Extent::new(picture.side_px, picture.side_px);
        let of = |part: Part| {
            let flops = part
                .flops(&reference, size, picture.predictions as usize)
                .unwrap();
            (flops as f64 / 1e9).round()
        };
        let said = (
            picture.step_gflops,
            picture.encode_gflops,
            picture.decode_gflops,
        );
        let wanted = (of(Part::Unet), of(Part::VaeEncoder), of(Part::VaeDecoder));
        let step_is_right = (said.0 - wanted.0).abs() <= 1.0;
        // A tiny autoencoder, got with it, takes next to nothing.
        let rest_is_right = match offer.with.as_slice() {
            [] => (said.1 - wanted.1).abs() <= 1.0 && (said.2 - wanted.2).abs() <= 1.0,
            _ => said.1 < wanted.1 / 5.0 && said.2 < wanted.2 / 5.0,
        };
        if !step_is_right || !rest_is_right {
            wrong.push(format!("{}: {said:?}, and should be {wanted:?}", offer.id));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

//! What servers do wrong, and what is said of it.

use std::time::{Duration, Instant};

use overpaint::downloads::{Client, DownloadError, Options, Parcel, Source, Watch, ask, fetch};
use overpaint::text::{Explain as _, Language, Texts};

use super::{Looker, QUICK, bytes, client, one_file};
use crate::support::hub::{Answer, Asked, Server};

/// Nobody's hub.
const NOWHERE: &str = "http://127.0.0.1:9";

/// Fetches one file of a server that answers so.
fn fetched(
    contents: &[u8],
    change: impl FnOnce(&mut Parcel),
    answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static,
) -> (Result<Vec<u8>, DownloadError>, Vec<Asked>) {
    let server = Server::new(answer);
    let room = tempfile::tempdir().unwrap();
    let mut parcel = one_file(&format!("{}/m.data", server.url), contents);
    change(&mut parcel);
    let path = fetch(
        &client(NOWHERE, None),
        &parcel,
        room.path(),
        &mut Looker::default(),
    );
    // Whatever went wrong, nothing that is not whole lies where models are looked for.
    let there = std::fs::read_dir(room.path()).unwrap().flatten();
    let whole = there.filter(|entry| !entry.file_name().to_string_lossy().starts_with('.'));
    assert_eq!(whole.count(), usize::from(path.is_ok()));
    (
        path.map(|path| std::fs::read(path).unwrap()),
        server.asked(),
    )
}

fn nothing(_: &mut Parcel) {}

fn unknown(parcel: &mut Parcel) {
    for file in &mut parcel.files {
        (file.bytes, file.sha256) = (None, None);
    }
}

#[test]
fn cuts_are_gone_on_from() {
    let contents = bytes(500_000, 1);
    let held = contents.clone();
    let (got, asked) = fetched(&contents, nothing, move |asked| Answer {
        // Nine tenths of what is left, again and again.
        cut_after: (asked.before < 6).then(|| {
            let left = held.len() - asked.from().unwrap_or(0);
            left * 9 / 10
        }),
        ..Answer::file(asked, &held, "e")
    });
    assert!(got.unwrap() == contents);
    let starts: Vec<_> = asked
        .iter()
        .map(|asked| asked.from().unwrap_or(0))
        .collect();
    assert_eq!(starts[..3], [0, 450_000, 495_000]);
    assert_eq!(starts.len(), 7);
}

#[test]
fn a_server_that_sends_nothing_new_is_given_up() {
    let contents = bytes(10_000, 2);
    let held = contents.clone();
    let (got, asked) = fetched(&contents, nothing, move |asked| Answer {
        cut_after: Some(if asked.before == 0 { 4000 } else { 0 }),
        ..Answer::file(asked, &held, "e")
    });
    assert!(
        matches!(got, Err(DownloadError::Unreachable { .. })),
        "{got:?}"
    );
    assert_eq!(asked.len(), QUICK.tries as usize);
    // Nobody listens at all.
    let source = Source::parse("hf:a/b").unwrap();
    let client = client(NOWHERE, None);
    let refused = ask(&client, &source, &mut Looker::default()).unwrap_err();
    assert!(matches!(&refused, DownloadError::Unreachable { host, .. } if host == "127.0.0.1:9"));
}

#[test]
fn a_file_that_changes_on_the_way_begins_anew() {
    let (old, new) = (bytes(100_000, 3), bytes(100_000, 4));
    let contents = new.clone();
    let (got, asked) = fetched(&new, unknown, move |asked| match asked.before {
        0 => Answer {
            cut_after: Some(60_000),
            ..Answer::file(asked, &old, "old")
        },
        _ => Answer::file(asked, &contents, "new"),
    });
    assert!(got.unwrap() == new);
    assert_eq!(asked[1].header("if-range"), Some("\"old\""));
}

#[test]
fn without_ranges_it_begins_anew() {
    let contents = bytes(100_000, 5);
    let held = contents.clone();
    let (got, asked) = fetched(&contents, nothing, move |asked| Answer {
        cut_after: (asked.before == 0).then_some(60_000),
        ..Answer::text(held.clone())
    });
    assert!(got.unwrap() == contents);
    assert_eq!(asked.len(), 2);
}

#[test]
fn a_range_that_is_refused_begins_anew() {
    let contents = bytes(100_000, 6);
    let held = contents.clone();
    let (got, asked) = fetched(&contents, nothing, move |asked| match asked.before {
        0 => Answer {
            cut_after: Some(60_000),
            ..Answer::file(asked, &held, "e")
        },
        1 => Answer::status(416).with("Content-Range", "bytes */50"),
        _ => Answer::file(asked, &held, "e"),
    });
    assert!(got.unwrap() == contents);
    let starts: Vec<_> = asked.iter().map(Asked::from).collect();
    assert_eq!(starts, [None, Some(60_000), None]);
}

#[test]
fn lies_about_sizes_are_seen() {
    let contents = bytes(1000, 7);
    let wrong = |got: Result<Vec<u8>, DownloadError>| match got {
        Err(DownloadError::WrongSize { wanted, got, .. }) => (wanted, got),
        other => panic!("{other:?}"),
    };
    // One size in the listing, another where the file is.
    let held = contents.clone();
    let (got, _) = fetched(
        &contents,
        |p| p.files[0].bytes = Some(999),
        move |asked| Answer::file(asked, &held, "e"),
    );
    assert_eq!(wrong(got), (999, 1000));
    // More comes than was promised, and nobody said so before.
    let held = contents.clone();
    let (got, _) = fetched(
        &contents,
        |p| p.files[0].bytes = Some(600),
        move |_| Answer {
            unsized_body: true,
            ..Answer::text(held.clone())
        },
    );
    assert_eq!(wrong(got).0, 600);
    // Less comes than was promised, always.
    let held = contents.clone();
    let (got, _) = fetched(&contents, unknown, move |_| Answer {
        promised: Some(5000),
        ..Answer::text(held.clone())
    });
    assert!(
        matches!(got, Err(DownloadError::Unreachable { .. })),
        "{got:?}"
    );
    // Another part than was asked for.
    let held = contents.clone();
    let (got, _) = fetched(&contents, nothing, move |asked| match asked.before {
        0 => Answer {
            cut_after: Some(600),
            ..Answer::file(asked, &held, "e")
        },
        1 => Answer {
            body: held[..400].to_vec(),
            ..Answer::status(206).with("Content-Range", "bytes 0-399/1000")
        },
        _ => Answer::file(asked, &held, "e"),
    });
    assert!(got.unwrap() == contents);
}

#[test]
fn a_wrong_checksum_is_tried_once_more_and_then_refused() {
    let contents = bytes(3000, 8);
    let (right, wrong) = (contents.clone(), bytes(3000, 9));
    let held = wrong.clone();
    let (got, asked) = fetched(&contents, nothing, move |asked| {
        let bytes = if asked.before == 0 { &held } else { &right };
        Answer::file(asked, bytes, "e")
    });
    assert!(got.unwrap() == contents);
    assert_eq!(asked.len(), 2);
    let (got, asked) = fetched(&contents, nothing, move |asked| {
        Answer::file(asked, &wrong, "e")
    });
    assert_eq!(got, Err(DownloadError::WrongChecksum("m.data".to_owned())));
    assert_eq!(asked.len(), 2);
}

#[test]
fn each_refusal_has_its_own_words_in_both_languages() {
    let mut said: Vec<[String; 2]> = Vec::new();
    let mut ask_for = |status: u16, token: Option<&str>, header: Option<(&'static str, u64)>| {
        let server = Server::new(move |_| match header {
            Some((name, value)) => Answer::status(status).with(name, value),
            None => Answer::status(status),
        });
        let client = client(&server.url, token);
        let source = Source::parse("hf:o/n").unwrap();
        let error = ask(&client, &source, &mut Looker::default()).unwrap_err();
        let words = Language::ALL.map(|language| Texts::of(language).say(&error.message()));
        println!("{status}: {}", words[0]);
        assert!(
            words
                .iter()
                .all(|text| !text.contains("get-") && !text.contains("secret"))
        );
        said.push(words);
        (error, server.asked().len())
    };
    let tries = QUICK.tries as usize;
    for (status, token, header, times) in [
        (401, None, None, 1),
        (401, Some("hf_secret"), None, 1),
        (403, None, None, 1),
        (403, Some("hf_secret"), None, 1),
        (404, None, None, 1),
        // Asked again, as long as it does not want too long a rest.
        (429, None, None, tries),
        (429, None, Some(("Retry-After", 0)), tries),
        (429, None, Some(("Retry-After", 3600)), 1),
        (500, None, None, tries),
        (418, None, None, 1),
    ] {
        let (_, asked) = ask_for(status, token, header);
        assert_eq!(asked, times, "{status} {header:?}");
    }
    said.sort();
    said.dedup();
    assert_eq!(said.len(), 10);
}

#[test]
fn a_server_that_is_ill_for_a_moment_is_asked_again() {
    let contents = bytes(3000, 10);
    let held = contents.clone();
    let (got, asked) = fetched(&contents, nothing, move |asked| match asked.before {
        0 => Answer::status(503),
        1 => Answer::status(429).with("Retry-After", 0),
        _ => Answer::file(asked, &held, "e"),
    });
    assert!(got.unwrap() == contents);
    assert_eq!(asked.len(), 3);
}

#[test]
fn redirects_are_followed_as_far_as_they_lead_somewhere() {
    let contents = bytes(3000, 11);
    let held = contents.clone();
    let (got, asked) = fetched(&contents, nothing, move |asked| match asked.path.as_str() {
        "/m.data" => Answer::status(302).with("Location", "a/b"),
        "/a/b" => Answer::status(307).with("Location", "../c"),
        _ => Answer::file(asked, &held, "e"),
    });
    assert!(got.unwrap() == contents);
    assert_eq!(asked.len(), 3);
    for to in ["/m.data", "ftp://x/y", ""] {
        let (got, asked) = fetched(&contents, nothing, move |_| {
            Answer::status(301).with("Location", to)
        });
        assert!(
            matches!(got, Err(DownloadError::Redirect(_))),
            "{to}: {got:?}"
        );
        assert!(asked.len() < 12);
    }
}

#[test]
fn pages_and_stand_ins_are_no_models() {
    for page in [
        "<!DOCTYPE html><html><body>Please log in</body></html>",
        "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 4000000\n",
        "{\"error\":\"Repository not found\"}",
    ] {
        // The server says 200, and nobody knows the size.
        let (got, _) = fetched(&[], unknown, move |_| Answer::text(page));
        assert!(
            matches!(got, Err(DownloadError::Foreign(_))),
            "{page}: {got:?}"
        );
    }
}

#[test]
fn a_disk_that_is_too_small_is_seen_before_the_first_byte() {
    let huge = |parcel: &mut Parcel| parcel.files[0].bytes = Some(1 << 60);
    let (got, asked) = fetched(b"x", huge, |asked| Answer::file(asked, b"x", "e"));
    assert!(matches!(got, Err(DownloadError::NoRoom { needed, .. }) if needed == 1 << 60));
    assert_eq!(asked.len(), 0);
    // And where the server says it only then, before it is written.
    let (got, asked) = fetched(b"x", unknown, |_| Answer {
        promised: Some(1 << 60),
        ..Answer::text("x")
    });
    assert!(matches!(got, Err(DownloadError::NoRoom { .. })), "{got:?}");
    assert_eq!(asked.len(), 1);
}

#[test]
fn two_do_not_fetch_the_same_at_once() {
    let contents = bytes(200_000, 12);
    let held = contents.clone();
    let server = Server::new(move |asked| Answer {
        pause: Some((2000, Duration::from_millis(20))),
        ..Answer::file(asked, &held, "e")
    });
    let room = tempfile::tempdir().unwrap();
    let parcel = one_file(&format!("{}/m.data", server.url), &contents);
    std::thread::scope(|scope| {
        let first = scope.spawn(|| {
            fetch(
                &client(NOWHERE, None),
                &parcel,
                room.path(),
                &mut Looker::default(),
            )
        });
        while server.asked().is_empty() {
            std::thread::sleep(Duration::from_millis(1));
        }
        let second = fetch(
            &client(NOWHERE, None),
            &parcel,
            room.path(),
            &mut Looker::default(),
        );
        assert_eq!(second, Err(DownloadError::Busy("m".to_owned())));
        assert!(matches!(
            overpaint::downloads::forget(room.path(), &parcel),
            Err(DownloadError::Busy(_))
        ));
        assert!(first.join().unwrap().is_ok());
    });
}

/// Is to stop as soon as somebody has asked the server.
struct Impatient<'a>(&'a Server, std::cell::Cell<Option<Instant>>);

impl Watch for Impatient<'_> {
    fn is_stopped(&self) -> bool {
        if self.1.get().is_none() && !self.0.asked().is_empty() {
            self.1.set(Some(Instant::now()));
        }
        self.1.get().is_some()
    }

    fn progress(&mut self, _: &overpaint::downloads::Progress) {}
}

#[test]
fn a_silent_server_keeps_nobody() {
    // It takes the question and says nothing for a long time.
    let server = Server::new(|_| {
        std::thread::sleep(Duration::from_secs(3));
        Answer::status(404)
    });
    let source = Source::parse("hf:o/n").unwrap();
    let mut watch = Impatient(&server, std::cell::Cell::new(None));
    let stopped = ask(&client(&server.url, None), &source, &mut watch);
    assert_eq!(stopped, Err(DownloadError::Cancelled));
    let took = watch.1.get().unwrap().elapsed();
    println!("stopped after {took:?}");
    assert!(took < Duration::from_secs(2), "{took:?}");
    // Without anybody who stops it, silence is a cut.
    let options = Options {
        hub: Some(server.url.clone()),
        pace: overpaint::downloads::Pace {
            silence: Duration::from_millis(60),
            tries: 2,
            ..QUICK
        },
        ..Options::default()
    };
    let client = Client::new(options).unwrap();
    let error = ask(&client, &source, &mut Looker::default()).unwrap_err();
    assert!(
        matches!(error, DownloadError::Unreachable { .. }),
        "{error}"
    );
}

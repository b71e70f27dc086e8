//! What a file carries beside its pixels, from every kind of file that is read into every kind that
//! is written: it is there again, or a note says what could not be kept. The files are other
//! programs' (`tests/golden/carried.py`); docs/file-data.md has the same table for people.

use std::path::{Path, PathBuf};

use overpaint::raster::Profile;
use overpaint::raster::file::{self, FileFormat, LoadedPicture, PictureNote, SaveOptions};

/// What one file carries, in a form that does not depend on its kind.
#[derive(Debug, Clone, PartialEq)]
struct Carries {
    /// Dots per inch, across and down.
    resolution: Option<[f64; 2]>,
    xmp: Option<Vec<u8>>,
    /// What of [`IN_EXIF`] is in the block.
    exif: Vec<&'static str>,
    comments: Vec<String>,
    /// Keyword and text, without comments.
    texts: Vec<(String, String)>,
    has_captions: bool,
    profile: Profile,
}

/// Artist and rights, description, user comment, time.
const IN_EXIF: [&str; 4] = [
    "(c) Zoe",
    "Hills",
    "Grandma, 80th birthday",
    "2026:01:02 03:04:05",
];
const CAPTION: &[u8] = b"Hills at dusk";
const INPUTS: [&str; 6] = [
    "all.png", "all.jpg", "all.webp", "all.tif", "all.bmp", "all.gif",
];

fn given(name: &str) -> PathBuf {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/data/carried");
    Path::new(folder).join(name)
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn carries(loaded: &LoadedPicture) -> Carries {
    let (origin, carried) = (&loaded.origin, &loaded.origin.carried);
    let block = origin.exif.as_deref().map_or(&[][..], Vec::as_slice);
    let is_comment = |(key, _): &&(String, String)| key == "Comment";
    let in_texts = origin.texts.iter().filter(is_comment);
    let in_comments = carried.comments.iter();
    Carries {
        resolution: carried.resolution.and_then(|found| found.per_inch()),
        xmp: carried.xmp.as_deref().cloned(),
        exif: IN_EXIF
            .into_iter()
            .filter(|text| holds(block, text.as_bytes()))
            .collect(),
        comments: in_texts
            .map(|(_, text)| text.clone())
            .chain(in_comments.map(|bytes| String::from_utf8_lossy(bytes).into_owned()))
            .collect(),
        texts: origin
            .texts
            .iter()
            .filter(|text| !is_comment(text))
            .cloned()
            .collect(),
        has_captions: carried
            .photoshop
            .as_deref()
            .is_some_and(|block| holds(block, CAPTION)),
        profile: loaded.picture.profile.clone(),
    }
}

/// What is left of it in a file of that kind, and the notes that say what is not.
fn expected(mut carries: Carries, format: FileFormat) -> (Carries, Vec<PictureNote>) {
    let mut notes = Vec::new();
    let takes_comments = matches!(format, FileFormat::Png | FileFormat::Jpeg);
    let takes_texts = format == FileFormat::Png;
    let takes_captions = matches!(format, FileFormat::Jpeg | FileFormat::Tiff);
    let loses_comments = !takes_comments && !carries.comments.is_empty();
    if loses_comments || (!takes_texts && !carries.texts.is_empty()) {
        notes.push(PictureNote::TextsLeftOut);
    }
    if !takes_captions && carries.has_captions {
        notes.push(PictureNote::CaptionsLeftOut);
    }
    if !takes_comments {
        carries.comments.clear();
    }
    if !takes_texts {
        carries.texts.clear();
    }
    carries.has_captions &= takes_captions;
    (carries, notes)
}

fn saved(loaded: &LoadedPicture, format: FileFormat) -> (LoadedPicture, Vec<PictureNote>) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder
        .path()
        .join(format!("out.{}", format.extensions()[0]));
    let options = SaveOptions::default();
    let notes = file::save(&path, &loaded.picture, &loaded.origin, &options).expect("saved");
    (file::load(&path).expect("read again"), notes)
}

#[test]
fn every_kind_gives_its_data_to_every_other() {
    for name in INPUTS {
        let loaded = file::load(&given(name)).expect(name);
        assert!(loaded.notes.is_empty(), "{name}: {:?}", loaded.notes);
        let before = carries(&loaded);
        for format in FileFormat::WRITABLE {
            let case = format!("{name} as {}", format.name());
            let (again, mut notes) = saved(&loaded, format);
            let (wanted, mut wanted_notes) = expected(before.clone(), format);
            assert_eq!(carries(&again), wanted, "{case}");
            notes.sort_by_key(|note| format!("{note:?}"));
            wanted_notes.sort_by_key(|note| format!("{note:?}"));
            assert_eq!(notes, wanted_notes, "{case}");
            if format != FileFormat::Jpeg {
                assert!(again.picture == loaded.picture, "{case}");
            }
            let (third, notes) = saved(&again, format);
            assert_eq!(carries(&third), wanted, "{case}, once more");
            assert!(notes.is_empty(), "{case}, once more: {notes:?}");
        }
    }
}

#[test]
fn the_inputs_carry_what_their_kind_has_a_place_for() {
    for name in INPUTS {
        let found = carries(&file::load(&given(name)).expect(name));
        let is = |names: &[&str]| names.contains(&name);
        let has_size = (!is(&["all.gif"])).then_some([300.0, 240.0]);
        assert_eq!(found.resolution, has_size, "{name}");
        let packet = found.xmp.unwrap_or_default();
        assert_eq!(
            holds(&packet, "© 貓".as_bytes()),
            !is(&["all.bmp"]),
            "{name}"
        );
        let all: &[&str] = if is(&["all.bmp", "all.gif"]) {
            &[]
        } else {
            &IN_EXIF
        };
        assert_eq!(found.exif, all, "{name}");
        let comment: &[&str] = match name {
            "all.png" => &["packed"],
            "all.jpg" | "all.gif" => &["a comment"],
            _ => &[],
        };
        assert_eq!(found.comments, comment, "{name}");
        assert_eq!(
            found.texts.len(),
            if is(&["all.png"]) { 2 } else { 0 },
            "{name}"
        );
        assert_eq!(found.has_captions, is(&["all.jpg", "all.tif"]), "{name}");
        assert_eq!(found.profile != Profile::Srgb, is(&["all.png"]), "{name}");
    }
}

use std::io::Write as _;
use std::path::PathBuf;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::document::{Document, DocumentId, Layer, LayerId, State};
use crate::geometry::{Extent, Rect};
use crate::raster::{Mask, MaskKind, Picture, Pixmap, Profile, Tiled};

const SIZE: Extent = Extent::new(70, 50);

/// Pixels that differ everywhere, the colours below alpha 0 among them.
fn noise(extent: Extent, seed: u32, is_deep: bool) -> Pixmap {
    let mut state = u64::from(seed) * 2 + 1;
    let mut next = || {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 40) as u16
    };
    if is_deep {
        let pixels: Vec<[u16; 4]> = (0..extent.len())
            .map(|_| [next(), next(), next(), next() & 0x8000])
            .collect();
        Pixmap::Rgba16(Tiled::from_pixels(extent, &pixels, [0; 4]))
    } else {
        let pixels: Vec<[u8; 4]> = (0..extent.len())
            .map(|_| {
                [
                    next() as u8,
                    next() as u8,
                    next() as u8,
                    (next() as u8) & 0x8F,
                ]
            })
            .collect();
        Pixmap::Rgba8(Tiled::from_pixels(extent, &pixels, [0; 4]))
    }
}

fn layer(id: u64, at: (i32, i32), pixels: Pixmap) -> Layer {
    let extent = pixels.extent();
    let rect = Rect::new(at.0, at.1, extent.width, extent.height);
    Layer {
        id: LayerId(id),
        name: format!("layer {id} <&> 小貓"),
        visible: id != 2,
        opacity: (id * 70 % 256) as u8,
        patch: Arc::new(Patch { rect, pixels }),
        recipe: format!("{{\"seed\":{id}}}"),
        // Of another size than the canvas, as after cropping.
        painted: (id != 2).then(|| {
            let values: Vec<u8> = (0..90 * 60).map(|i| ((i * id) % 256) as u8).collect();
            Tiled::from_pixels(Extent::new(90, 60), &values, 0)
        }),
    }
}

fn sample(is_deep: bool, profile: Profile) -> Project {
    let base = Picture {
        pixels: noise(SIZE, 1, is_deep),
        profile,
    };
    let mut state = State::new(base);
    let mask: Vec<u8> = (0..SIZE.len()).map(|i| (i % 256) as u8).collect();
    state.mask = Tiled::from_pixels(SIZE, &mask, 0);
    if is_deep {
        state.mask_kind = MaskKind::Matte;
        state.cutout = Some(state.mask.map(|value| 255 - value));
    }
    for (id, at) in [(1, (3, 4)), (2, (-5, -6)), (7, (60, 40))] {
        let pixels = noise(Extent::new(20, 15), id as u32 + 9, is_deep);
        state.layers.push(layer(id, at, pixels));
    }
    let state_mask = state.mask.clone();
    let patch = Patch {
        rect: Rect::new(9, 8, 12, 13),
        pixels: noise(Extent::new(12, 13), 77, is_deep),
    };
    Project {
        state,
        about: json!({"settings": {"prompt": "a cat", "seed": 18446744073709551615_u64}}),
        original: Some(Arc::new(Original {
            name: "小貓.jpg".to_owned(),
            bytes: vec![0xFF, 0xD8, 1, 2, 3],
        })),
        results: vec![ResultEntry {
            note: json!({"strength": 0.3}),
            patch: Arc::new(patch),
            painted: Some(state_mask),
        }],
        unknown: Unknown::default(),
    }
}

fn visible(project: &Project) -> Picture {
    Document::from_state(DocumentId(1), project.state.clone(), 0)
        .visible()
        .clone()
}

struct Room {
    folder: tempfile::TempDir,
}

impl Room {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("p.ora")
    }

    fn write(&self, project: &Project, previous: Option<&Written>) -> Written {
        write(&self.path(), project, &visible(project), previous).unwrap()
    }
}

#[test]
fn a_project_comes_back_as_it_was() {
    let room = Room::new();
    let grey = moxcms::ColorProfile::new_gray_with_gamma(1.8)
        .encode()
        .unwrap();
    let profiles = [Profile::Srgb, Profile::Icc(Arc::new(grey))];
    for (is_deep, profile) in [(false, 0), (true, 0), (false, 1)] {
        let project = sample(is_deep, profiles[profile].clone());
        room.write(&project, None);
        let opened = read(&room.path()).unwrap();
        assert_eq!(opened.notes, []);
        assert!(opened.project == project, "{is_deep} {profile}");
        // The same document gives the same bytes, and so does what was taken over.
        let first = std::fs::read(room.path()).unwrap();
        room.write(&opened.project, opened.written.as_ref());
        assert!(std::fs::read(room.path()).unwrap() == first);
        room.write(&opened.project, None);
        assert!(std::fs::read(room.path()).unwrap() == first);
    }
}

#[test]
fn what_changed_is_written_over_what_is_taken_over() {
    let room = Room::new();
    let mut project = sample(false, Profile::Srgb);
    let written = room.write(&project, None);
    project
        .state
        .mask
        .update(Rect::new(1, 1, 5, 5), |_, v| 255 - v);
    project.state.layers.remove(0);
    project.state.layers[0].visible = true;
    project.results.clear();
    project
        .state
        .layers
        .push(layer(9, (0, 0), noise(Extent::new(8, 8), 5, false)));
    let written = room.write(&project, Some(&written));
    let opened = read(&room.path()).unwrap();
    assert!(opened.project == project);
    // A file that somebody else has written since is not believed.
    let other = sample(false, Profile::Srgb);
    let elsewhere = Room::new();
    elsewhere.write(&other, None);
    std::fs::copy(elsewhere.path(), room.path()).unwrap();
    room.write(&project, Some(&written));
    assert!(read(&room.path()).unwrap().project == project);
}

#[test]
fn other_programs_find_what_openraster_promises() {
    let room = Room::new();
    let project = sample(false, Profile::Srgb);
    room.write(&project, None);
    let bytes = std::fs::read(room.path()).unwrap();
    // The specification: the first entry, stored, so that its text stands at a fixed place.
    assert_eq!(&bytes[30..54], b"mimetypeimage/openraster");
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(&bytes)).unwrap();
    let mut entry = |name: &str| {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut zip.by_name(name).unwrap(), &mut bytes).unwrap();
        bytes
    };
    let xml = String::from_utf8(entry("stack.xml")).unwrap();
    let first = xml.find("data/layer-7.png").unwrap();
    assert!(
        first < xml.find("data/layer-1.png").unwrap(),
        "topmost first"
    );
    let merged = crate::raster::file::load_bytes(&entry("mergedimage.png"), Path::new("m.png"));
    assert!(merged.unwrap().picture == visible(&project));
    let small = entry("Thumbnails/thumbnail.png");
    let small = crate::raster::file::load_bytes(&small, Path::new("t.png")).unwrap();
    assert_eq!(small.picture.extent(), SIZE);
}

/// Writes an archive by hand, as another program would.
fn foreign(room: &Room, xml: &str, entries: &[(&str, &[u8])]) {
    let file = std::fs::File::create(room.path()).unwrap();
    let mut zip = zip::ZipWriter::new(file);
    let stored =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let packed = stored.compression_method(zip::CompressionMethod::Deflated);
    zip.start_file("mimetype", stored).unwrap();
    zip.write_all(b"image/openraster").unwrap();
    zip.start_file("stack.xml", packed).unwrap();
    zip.write_all(xml.as_bytes()).unwrap();
    for (name, bytes) in entries {
        zip.start_file(*name, packed).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap();
}

fn png(pixels: &Pixmap) -> Vec<u8> {
    let picture = Picture {
        pixels: pixels.clone(),
        profile: Profile::Srgb,
    };
    crate::raster::file::png_bytes(&picture).unwrap()
}

#[test]
fn files_of_other_programs_open_as_layers() {
    let room = Room::new();
    let small = noise(Extent::new(6, 5), 3, false);
    let full = noise(SIZE, 4, false);
    let xml = r#"<image w="70" h="50"><stack>
        <stack x="1" y="2" opacity="0.5"><layer name="ink" src="data/a.png" x="3" y="4" composite-op="svg:screen"/></stack>
        <layer name="paper" src="data/b.png"/></stack></image>"#;
    foreign(
        &room,
        xml,
        &[("data/a.png", &png(&small)), ("data/b.png", &png(&full))],
    );
    let opened = read(&room.path()).unwrap();
    let state = &opened.project.state;
    assert!(state.base.pixels == full, "the lowest one is the picture");
    assert_eq!(state.layers.len(), 1);
    assert_eq!(state.layers[0].name, "ink");
    assert_eq!(state.layers[0].opacity, 128);
    assert_eq!(state.layers[0].patch.rect, Rect::new(4, 6, 6, 5));
    assert!(state.layers[0].patch.pixels == small);
    assert_eq!(opened.notes, [ProjectNote::BlendModes, ProjectNote::Groups]);
    assert!(opened.written.is_none());
    // Where the lowest one does not fill the canvas, nothing lies below it; depths are made one.
    let xml = r#"<image w="70" h="50"><stack><layer src="data/a.png" x="2"/><layer src="data/c.png"/></stack></image>"#;
    let deep = noise(Extent::new(9, 9), 6, true);
    foreign(
        &room,
        xml,
        &[("data/a.png", &png(&small)), ("data/c.png", &png(&deep))],
    );
    let state = read(&room.path()).unwrap().project.state;
    assert!(
        matches!(&state.base.pixels, Pixmap::Rgba16(plane) if *plane == Tiled::filled(SIZE, [0; 4]))
    );
    assert!(
        state
            .layers
            .iter()
            .all(|l| matches!(l.patch.pixels, Pixmap::Rgba16(_)))
    );
}

#[test]
fn what_another_program_changed_in_ours_is_believed_and_said() {
    let room = Room::new();
    let project = sample(false, Profile::Srgb);
    room.write(&project, None);
    let bytes = std::fs::read(room.path()).unwrap();
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let mut entries = Vec::new();
    let mut xml = String::new();
    for number in 2..zip.len() {
        let mut entry = zip.by_index(number).unwrap();
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut bytes).unwrap();
        entries.push((entry.name().unwrap().into_owned(), bytes));
    }
    std::io::Read::read_to_string(&mut zip.by_name("stack.xml").unwrap(), &mut xml).unwrap();
    let xml = xml.replace("x=\"3\"", "x=\"13\"");
    let entries: Vec<(&str, &[u8])> = entries
        .iter()
        .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
        .collect();
    foreign(&room, &xml, &entries);
    let opened = read(&room.path()).unwrap();
    assert_eq!(opened.notes, [ProjectNote::ChangedElsewhere]);
    assert_eq!(opened.project.state.layers[0].patch.rect.x, 13);
    let blank: Mask = Tiled::filled(SIZE, 0);
    assert!(opened.project.state.mask == blank);
}

#[test]
fn what_a_newer_program_adds_is_kept() {
    let room = Room::new();
    let mut project = sample(false, Profile::Srgb);
    project
        .unknown
        .fields
        .insert("depth".to_owned(), json!("overpaint/depth.png"));
    let of_layer = json!({"blend": "multiply"}).as_object().unwrap().clone();
    project.unknown.of_layers.insert(LayerId(2), of_layer);
    let entry = ("overpaint/depth.png".to_owned(), Arc::new(vec![1, 2, 3]));
    project.unknown.entries.push(entry);
    room.write(&project, None);
    let opened = read(&room.path()).unwrap();
    assert!(opened.project == project);
    room.write(&opened.project, opened.written.as_ref());
    assert!(read(&room.path()).unwrap().project == project);
}

#[test]
fn what_is_no_project_says_why() {
    let room = Room::new();
    let says = |wanted: &str| {
        let error = read(&room.path()).unwrap_err().to_string();
        assert!(error.contains(wanted), "{error}");
    };
    says("cannot be read");
    std::fs::write(room.path(), b"PK\x03\x04 nothing").unwrap();
    says("no OpenRaster");
    foreign(&room, "<image w='0' h='9'><stack/></image>", &[]);
    says("0×9");
    foreign(&room, "<svg/>", &[]);
    says("stack.xml");
    let xml = "<image w='9' h='9'><stack><layer src='data/1.png'/></stack></image>";
    foreign(&room, xml, &[]);
    says("data/1.png");
    foreign(&room, xml, &[("data/1.png", b"no picture")]);
    says("data/1.png");
    let newer = (
        "overpaint/project.json",
        &b"{\"version\":2,\"base\":\"b\"}"[..],
    );
    foreign(&room, xml, &[newer]);
    says("newer");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A file cut or changed anywhere is read as it was, as another program's, or refused: never a panic,
    /// never another picture without a word.
    #[test]
    fn any_damage_is_read_without_harm(at in 0.0f64..1.0, value: u8, cut: bool) {
        let room = Room::new();
        let project = sample(false, Profile::Srgb);
        room.write(&project, None);
        let mut bytes = std::fs::read(room.path()).unwrap();
        let at = (bytes.len() as f64 * at) as usize;
        if cut {
            bytes.truncate(at);
        } else {
            bytes[at] = value;
        }
        std::fs::write(room.path(), &bytes).unwrap();
        if let Ok(opened) = read(&room.path()) {
            prop_assert!(opened.project.state == project.state || !opened.notes.is_empty());
        }
    }
}

//! How long saving and opening a large project takes: a noisy photograph of 6000 × 4000 with two layers of
//! its whole size and four of 1500 × 1500; saved for the first time, saved again with one more layer of
//! 1500 × 1500, opened. Beside that, what the disk takes for as many bytes, written and waited for.
//!
//! `cargo bench --bench project -- FOLDER [TURNS]` writes into FOLDER and prints medians;
//! `cargo bench --bench project -- sample FILE.ora` writes a small project with a little of everything, for
//! `ora.py`.

#![expect(clippy::print_stdout, reason = "this is what it is for")]

use std::error::Error;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use overpaint::document::{Document, DocumentId, EditLabel, Layer, State};
use overpaint::geometry::{Extent, Rect};
use overpaint::project::{self, Original, Project, Unknown};
use overpaint::raster::{Patch, Picture, Pixmap, Profile, TilePixels, Tiled};

type AnyError = Box<dyn Error>;

const CANVAS: Extent = Extent::new(6000, 4000);

/// Slopes with noise of a few steps, as a sensor's.
fn noisy(extent: Extent, seed: u64) -> Pixmap {
    let pixel = |x: i32, y: i32| {
        let mut state = (u64::from(x as u32) << 32 | u64::from(y as u32)) ^ (seed << 20);
        let mut noise = || {
            // Four numbers added are nearly a bell; splitmix64.
            let mut sum = 0_i32;
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut bits = state;
            bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            bits ^= bits >> 31;
            for part in 0..4 {
                sum += ((bits >> (part * 8)) & 7) as i32 - 3;
            }
            sum
        };
        let slope = |along: i32| 128 + (f64::from(along) / 300.0).sin().mul_add(90.0, 0.0) as i32;
        let mut channel = |along| (slope(along) + noise()).clamp(0, 255) as u8;
        [channel(x), channel(x + y), channel(y - x), 255]
    };
    Pixmap::Rgba8(Tiled::from_tiles(extent, [0; 4], |rect| {
        let rows = rect.y..rect.bottom();
        let pixels = rows.flat_map(|y| (rect.x..rect.right()).map(move |x| pixel(x, y)));
        TilePixels::Each(pixels.collect())
    }))
}

fn add_layer(document: &mut Document, rect: Rect) {
    let id = document.new_layer_id();
    let layer = Layer {
        id,
        name: format!("layer {}", id.0),
        visible: true,
        opacity: 255,
        patch: Arc::new(Patch {
            rect,
            pixels: noisy(rect.extent(), id.0),
        }),
        recipe: String::new(),
        painted: None,
    };
    document.edit(EditLabel::AddLayer, |state| state.layers.push(layer));
}

fn project_of(document: &Document, original: &Arc<Original>) -> Project {
    Project {
        state: document.state().clone(),
        about: serde_json::Value::Null,
        original: Some(Arc::clone(original)),
        results: Vec::new(),
        unknown: Unknown::default(),
    }
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds.get(seconds.len() / 2).copied().unwrap_or_default()
}

/// What the disk takes for a file like this one, written and waited for.
fn disk_alone(path: &Path) -> Result<f64, AnyError> {
    let bytes = std::fs::read(path)?;
    let twin = path.with_extension("twin");
    let since = Instant::now();
    let mut file = File::create(&twin)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    let seconds = since.elapsed().as_secs_f64();
    std::fs::remove_file(&twin)?;
    Ok(seconds)
}

/// A small project: layers that are see-through, hidden, partly outside; a mask; names in two scripts.
fn write_sample(path: &Path) -> Result<(), AnyError> {
    let canvas = Extent::new(97, 61);
    let state = State::new(Picture {
        pixels: noisy(canvas, 5),
        profile: Profile::Srgb,
    });
    let mut document = Document::from_state(DocumentId(1), state, 0);
    let places = [
        ("whole", Rect::of(canvas), 255, true),
        ("see-through 半透明", Rect::new(10, 20, 40, 30), 128, true),
        ("over the corner", Rect::new(-7, -9, 30, 33), 200, true),
        ("hidden <&>", Rect::new(50, 5, 33, 44), 77, false),
    ];
    for (name, rect, opacity, visible) in places {
        add_layer(&mut document, rect);
        document.edit(EditLabel::RenameLayer, |state| {
            if let Some(layer) = state.layers.last_mut() {
                (layer.name, layer.opacity, layer.visible) = (name.to_owned(), opacity, visible);
                let patch = Arc::make_mut(&mut layer.patch);
                if let (Pixmap::Rgba8(plane), false) = (&mut patch.pixels, rect == Rect::of(canvas))
                {
                    let all = Rect::of(plane.extent());
                    plane.update(all, |at, [r, g, b, _]| [r, g, b, (at.x * 9 % 256) as u8]);
                }
            }
        });
    }
    document.edit(EditLabel::Paint, |state| {
        state
            .mask
            .update(Rect::new(3, 4, 50, 40), |at, _| (at.y * 6) as u8);
    });
    let original = Arc::new(Original {
        name: "photograph.jpg".to_owned(),
        bytes: b"what the camera wrote".to_vec(),
    });
    let project = project_of(&document, &original);
    project::write(path, &project, document.visible(), None)?;
    Ok(())
}

fn main() -> Result<(), AnyError> {
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    let folder = args.next().ok_or("FOLDER [TURNS]")?;
    if folder == "sample" {
        return write_sample(Path::new(&args.next().ok_or("sample FILE.ora")?));
    }
    let turns: usize = args.next().map_or(Ok(5), |turns| turns.parse())?;
    let path = Path::new(&folder).join("bench.ora");
    let pixels = noisy(CANVAS, 0);
    let profile = Profile::Srgb;
    let state = State::new(Picture { pixels, profile });
    let mut document = Document::from_state(DocumentId(1), state, 0);
    for _ in 0..2 {
        add_layer(&mut document, Rect::of(CANVAS));
    }
    for place in 0..4 {
        add_layer(
            &mut document,
            Rect::new(200 + place * 1400, 300 + place * 500, 1500, 1500),
        );
    }
    // A photograph of that size as a camera writes it.
    let bytes = (0..12_000_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8);
    let original = Arc::new(Original {
        name: "photograph.jpg".to_owned(),
        bytes: bytes.collect(),
    });
    let (mut first, mut again, mut open, mut disk) = (vec![], vec![], vec![], vec![]);
    for _ in 0..turns {
        std::fs::remove_file(&path).ok();
        let project = project_of(&document, &original);
        let since = Instant::now();
        let written = project::write(&path, &project, document.visible(), None)?;
        first.push(since.elapsed().as_secs_f64());

        add_layer(&mut document, Rect::new(2000, 1000, 1500, 1500));
        let project = project_of(&document, &original);
        let since = Instant::now();
        project::write(&path, &project, document.visible(), Some(&written))?;
        again.push(since.elapsed().as_secs_f64());

        let since = Instant::now();
        let opened = project::read(&path)?;
        let state = opened.project.state;
        let shown = Document::shown_as(DocumentId(2), state, opened.visible, 0);
        open.push(since.elapsed().as_secs_f64());
        if shown.visible() != document.visible() {
            return Err("it is another picture".into());
        }
        drop(shown);
        disk.push(disk_alone(&path)?);
        document.undo();
    }
    println!(
        "first save {:.2} s, again with one more layer {:.2} s, open {:.2} s (medians of {turns}); \
         {} MB, which the disk alone takes {:.2} s for",
        median(first),
        median(again),
        median(open),
        std::fs::metadata(&path)?.len() / 1_000_000,
        median(disk)
    );
    Ok(())
}

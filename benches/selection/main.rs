//! What the selection tools take: magic wand, a scribble of the smart brush, refining, at 1, 12 and 24 megapixels.
//!
//! `cargo bench --bench selection -- PHOTO` scales the photograph to each size. A scribble goes over the middle of
//! the picture; the first one prepares the picture, which later ones find done. Medians of several runs. See
//! README.md.
//!
//! `cargo bench --bench selection -- PHOTO WEIGHTS` measures clicks with MobileSAM's weights instead, and with
//! `--json` behind in the photograph as it is (clicks_compared.py compares).

#![expect(clippy::print_stdout, reason = "this is what it is for")]

mod clicks;

use std::path::PathBuf;
use std::time::Instant;

use overpaint::geometry::{Extent, Point, PointF};
use overpaint::raster::file;
use overpaint::raster::scale::{FilterType, Frame, scale_rgba8};
use overpaint::raster::{Mask, Picture, Pixmap, Tiled, blank_mask};
use overpaint::select::{Refinement, Scribble, Scribbled, Wand, refined, wand};

type Failure = Box<dyn std::error::Error>;

const MEGAPIXELS: [f64; 3] = [1.0, 12.0, 24.0];
const RUNS: usize = 7;

fn main() -> Result<(), Failure> {
    let mut files = std::env::args().skip(1).filter(|arg| !arg.starts_with('-'));
    let photo = PathBuf::from(files.next().ok_or("say where a photograph is")?);
    let photo = file::load(&photo)?.picture;
    if let Some(weights) = files.next().map(PathBuf::from) {
        if std::env::args().any(|arg| arg == "--json") {
            println!("{}", clicks::measured(&photo, &weights)?.json());
            return Ok(());
        }
        println!("{}", clicks::Times::HEADER);
        for megapixels in MEGAPIXELS {
            let picture = scaled(&photo, megapixels)?;
            println!("{}", clicks::measured(&picture, &weights)?.row());
        }
        return Ok(());
    }
    println!(
        "| size | wand | first scribble | a scribble | one outside | smooth 5, grow 10 | feather 20 | holes, specks |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for megapixels in MEGAPIXELS {
        let picture = scaled(&photo, megapixels)?;
        println!("{}", row(&picture)?);
    }
    Ok(())
}

fn row(picture: &Picture) -> Result<String, Failure> {
    let extent = picture.extent();
    let (width, height) = (extent.width as f32, extent.height as f32);
    let line = |from: (f32, f32), to: (f32, f32), is_inside| Scribble {
        line: vec![
            PointF::new(from.0 * width, from.1 * height),
            PointF::new(to.0 * width, to.1 * height),
        ],
        width_px: width.min(height) / 40.0,
        is_inside,
    };
    let settings = Wand {
        tolerance: 10.0,
        is_contiguous: true,
        is_smooth: true,
    };
    let at = Point::new(extent.width as i32 / 10, extent.height as i32 / 10);
    let (wand_ms, _) = median(|| Ok(wand(picture, at, settings, &|| false)?))?;
    let (prepare_ms, prepared) = median(|| Ok(Scribbled::new(picture)?))?;
    let blank = blank_mask(extent);
    let draw = |before: &Mask, scribbles: &[Scribble]| -> Result<Mask, Failure> {
        let mask = prepared.mask(picture, before, scribbles, &|| false)?;
        mask.ok_or_else(|| "nothing was made".into())
    };
    let inside = [line((0.45, 0.6), (0.55, 0.7), true)];
    let (inside_ms, mask) = median(|| draw(&blank, &inside))?;
    let both = [inside[0].clone(), line((0.2, 0.2), (0.8, 0.15), false)];
    let (outside_ms, _) = median(|| draw(&mask, &both))?;
    let refine = |refinement: Refinement| {
        median(|| refined(&mask, &refinement, &|| false).ok_or_else(|| "stopped".into()))
    };
    let none = Refinement::default();
    let (edge_ms, _) = refine(Refinement {
        smooth_px: 5,
        grow_px: 10,
        ..none
    })?;
    let (feather_ms, _) = refine(Refinement {
        feather_px: 20.0,
        ..none
    })?;
    let (parts_ms, _) = refine(Refinement {
        fill_holes_px: 20,
        drop_specks_px: 20,
        ..none
    })?;
    let first_ms = prepare_ms + inside_ms;
    Ok(format!(
        "| {extent} | {wand_ms:.0} ms | {first_ms:.0} ms | {inside_ms:.0} ms | {outside_ms:.0} ms | {edge_ms:.0} ms | {feather_ms:.0} ms | {parts_ms:.0} ms |"
    ))
}

/// The median of several runs, in milliseconds, and what the last one made.
fn median<T>(mut make: impl FnMut() -> Result<T, Failure>) -> Result<(f64, T), Failure> {
    let mut times = Vec::new();
    let mut made = make()?;
    for _ in 0..RUNS {
        let begun = Instant::now();
        made = make()?;
        times.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    times.sort_by(f64::total_cmp);
    let middle = times.get(times.len() / 2).copied().unwrap_or_default();
    Ok((middle, made))
}

fn scaled(photo: &Picture, megapixels: f64) -> Result<Picture, Failure> {
    let full = photo.extent();
    let times = (megapixels * 1e6 / full.area() as f64).sqrt();
    let side = |of: u32| ((f64::from(of) * times).round() as u32).max(1);
    let extent = Extent::new(side(full.width), side(full.height));
    let plane = match &photo.pixels {
        Pixmap::Rgba8(plane) => plane.clone(),
        Pixmap::Rgba16(plane) => plane.map(|pixel| pixel.map(|value| (value >> 8) as u8)),
    };
    let filter = FilterType::CatmullRom;
    let pixels = scale_rgba8(&plane.to_vec(), full, Frame::of(full), extent, filter);
    let pixels = pixels.map_err(|error| error.0)?;
    Ok(Picture {
        pixels: Pixmap::Rgba8(Tiled::from_pixels(extent, &pixels, [0; 4])),
        profile: photo.profile.clone(),
    })
}

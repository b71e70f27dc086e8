//! How good mattes and the subject's own colours are: 20 composites of known opacity over photographs.
//!
//! `cargo bench --bench matte -- SEED BLUR PHOTO PHOTO PHOTO PHOTO PHOTO`: each photograph is the background of four
//! composites; the next one's colours are the subject's. SEED draws the strands of hair. The map that a network would
//! give is the opacity at 320 × 320, blurred by BLUR of its pixels. See README.md.

#![expect(clippy::print_stdout, reason = "this is what it is for")]

use overpaint::backdrop::Foreground;
use overpaint::geometry::{Extent, Rect};
use overpaint::raster::file;
use overpaint::raster::scale::{FilterType, Frame, scale_rgb};
use overpaint::raster::{Picture, Pixmap, Profile, RgbF32, Tiled};
use overpaint::select::{Proxy, SubjectMap, lift};

type Failure = Box<dyn std::error::Error>;

/// Side of the composites, in pixels.
const SIDE: u32 = 1000;
const MAP_SIDE: u32 = 320;
const KINDS: [&str; 4] = ["strands of hair", "leaves", "disc", "disc out of focus"];

/// Sums of absolute errors in the band.
#[derive(Default, Clone, Copy)]
struct Errors {
    pixels: f64,
    bicubic: f64,
    lifted: f64,
    /// Colours where the subject is partly seen, with the known opacity.
    colours: f64,
    estimated: f64,
    old: f64,
    /// The composite over green against the true one, with the lifted mask.
    green_estimated: f64,
    green_old: f64,
}

fn main() -> Result<(), Failure> {
    let mut args = std::env::args().skip(1).filter(|arg| !arg.starts_with('-'));
    let seed: u64 = args.next().ok_or("say a seed")?.parse()?;
    let blur: f32 = args.next().ok_or("say how blurred the map is")?.parse()?;
    let photos: Result<Vec<_>, Failure> = args.map(|name| photo(name.as_ref())).collect();
    let photos = photos?;
    println!(
        "| kind | bicubic | lifted | ratio | F, old pixels | F, estimated | green, old | green, F |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    let mut all = Errors::default();
    for (kind, name) in KINDS.into_iter().enumerate() {
        let opacity = opacity(kind, seed);
        let mut sum = Errors::default();
        for (at, back) in photos.iter().enumerate() {
            let front = photos.get((at + 1) % photos.len()).ok_or("no photograph")?;
            measure(&opacity, blur, front, back, &mut sum)?;
        }
        line(name, &sum);
        for (all, one) in all.each().into_iter().zip(sum.each()) {
            *all += *one;
        }
    }
    line("all", &all);
    Ok(())
}

impl Errors {
    fn each(&mut self) -> [&mut f64; 8] {
        [
            &mut self.pixels,
            &mut self.bicubic,
            &mut self.lifted,
            &mut self.colours,
            &mut self.estimated,
            &mut self.old,
            &mut self.green_estimated,
            &mut self.green_old,
        ]
    }
}

fn line(name: &str, sum: &Errors) {
    println!(
        "| {name} | {:.4} | {:.4} | {:.2} | {:.4} | {:.4} | {:.4} | {:.4} |",
        sum.bicubic / sum.pixels,
        sum.lifted / sum.pixels,
        sum.lifted / sum.bicubic,
        sum.old / sum.colours,
        sum.estimated / sum.colours,
        sum.green_old / sum.pixels,
        sum.green_estimated / sum.pixels,
    );
}

/// The middle of a photograph at the side of the composites.
fn photo(path: &std::path::Path) -> Result<Vec<[f32; 3]>, Failure> {
    let picture = file::load(path).map_err(|error| error.to_string())?.picture;
    let extent = picture.extent();
    let side = extent.width.min(extent.height);
    let pixels = picture.pixels.crop_f32(Rect::of(extent));
    let source = RgbF32 {
        extent,
        pixels: pixels.into_iter().map(|[r, g, b, _]| [r, g, b]).collect(),
    };
    let frame = Frame {
        left: f64::from(extent.width - side) / 2.0,
        top: f64::from(extent.height - side) / 2.0,
        width: f64::from(side),
        height: f64::from(side),
    };
    let extent = Extent::new(SIDE, SIDE);
    Ok(scale_rgb(&source, frame, extent, FilterType::CatmullRom)
        .map_err(|error| error.0)?
        .pixels)
}

/// Numbers in 0…1, the same every time.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f32 {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (self.0 >> 40) as f32 / (1u64 << 24) as f32
    }
}

/// A shape of that kind, nine samples a pixel.
fn opacity(kind: usize, seed: u64) -> Vec<f32> {
    let root = SIDE as f32 * 0.22;
    let mut numbers = Numbers(seed);
    // Angle, bend, length and width of each strand.
    let strands: Vec<[f32; 4]> = (0..220)
        .map(|_| {
            [
                (numbers.next() - 0.5) * std::f32::consts::TAU,
                (numbers.next() - 0.5) * 1.2 / root,
                root * (0.2 + 0.55 * numbers.next()),
                1.2 + 2.4 * numbers.next(),
            ]
        })
        .collect();
    let inside = |x: f32, y: f32| {
        let (far, turn) = (x.hypot(y), y.atan2(x));
        let beyond = far - root;
        match kind {
            0 => {
                beyond < 0.0
                    || beyond < root * 0.75
                        && strands.iter().any(|[angle, bend, length, width]| {
                            let off = turn - angle - bend * beyond;
                            let turns = (off / std::f32::consts::TAU).round();
                            let off = (off - turns * std::f32::consts::TAU).abs() * far;
                            let left = 1.0 - beyond / length;
                            left > 0.0 && off < width * left * 0.5 + 0.3
                        })
            }
            1 => far < root * (1.0 + 0.55 * (turn * 9.0).cos().max(0.0).powi(3)),
            _ => far < root * 1.2,
        }
    };
    let middle = SIDE as f32 / 2.0;
    let share = |at: u32| {
        let (x, y) = ((at % SIDE) as f32 - middle, (at / SIDE) as f32 - middle);
        let samples = (0..9).filter(|i| {
            let step = |i: i32| i as f32 / 3.0 + 1.0 / 6.0;
            inside(x + step(i % 3), y + step(i / 3))
        });
        samples.count() as f32 / 9.0
    };
    let sharp: Vec<f32> = (0..SIDE * SIDE).map(share).collect();
    if kind == 3 {
        blurred(&sharp, SIDE, 6.0)
    } else {
        sharp
    }
}

fn blurred(plane: &[f32], side: u32, sigma: f32) -> Vec<f32> {
    let reach = (3.0 * sigma).ceil() as i32;
    let kernel: Vec<f32> = (-reach..=reach)
        .map(|at| (-(at * at) as f32 / (2.0 * sigma * sigma)).exp())
        .collect();
    let sum: f32 = kernel.iter().sum();
    let side = side as i32;
    let mut plane = plane.to_vec();
    for (across, down) in [(1, 0), (0, 1)] {
        let value = |at: i32| {
            let (x, y) = (at % side, at / side);
            let near = kernel.iter().zip(-reach..).map(|(weight, step)| {
                let x = (x + step * across).clamp(0, side - 1);
                let y = (y + step * down).clamp(0, side - 1);
                weight * plane.get((y * side + x) as usize).copied().unwrap_or(0.0)
            });
            near.sum::<f32>() / sum
        };
        plane = (0..side * side).map(value).collect();
    }
    plane
}

fn scaled(plane: &[f32], from: u32, to: u32, filter: FilterType) -> Result<Vec<f32>, Failure> {
    let source = RgbF32 {
        extent: Extent::new(from, from),
        pixels: plane.iter().map(|value| [*value; 3]).collect(),
    };
    let frame = Frame::of(source.extent);
    let scaled = scale_rgb(&source, frame, Extent::new(to, to), filter).map_err(|error| error.0)?;
    Ok(scaled
        .pixels
        .into_iter()
        .map(|[value, ..]| value.clamp(0.0, 1.0))
        .collect())
}

fn measure(
    opacity: &[f32],
    blur: f32,
    front: &[[f32; 3]],
    back: &[[f32; 3]],
    errors: &mut Errors,
) -> Result<(), Failure> {
    let extent = Extent::new(SIDE, SIDE);
    let mut numbers = Numbers(11);
    let mut seen = Vec::with_capacity(extent.len());
    for ((share, front), back) in opacity.iter().zip(front).zip(back) {
        let mut pixel = [0u8, 0, 0, 255];
        for ((value, front), back) in pixel.iter_mut().zip(front).zip(back) {
            // Noise of a camera: a standard deviation of about 3 of 255.
            let noise = (numbers.next() + numbers.next() + numbers.next() - 1.5) * 0.024;
            let mixed = front * share + back * (1.0 - share) + noise;
            *value = (mixed.clamp(0.0, 1.0) * 255.0).round() as u8;
        }
        seen.push(pixel);
    }
    let picture = Picture {
        pixels: Pixmap::Rgba8(Tiled::from_pixels(extent, &seen, [0; 4])),
        profile: Profile::Srgb,
    };
    let map = scaled(opacity, SIDE, MAP_SIDE, FilterType::Box)?;
    let map = SubjectMap {
        extent: Extent::new(MAP_SIDE, MAP_SIDE),
        likelihood: blurred(&map, MAP_SIDE, blur),
    };
    let bicubic = scaled(&map.likelihood, MAP_SIDE, SIDE, FilterType::CatmullRom)?;
    let proxy = Proxy::of(&picture).map_err(|error| error.to_string())?;
    let lifted = lift(&picture, &proxy, &map).ok_or("nothing was selected")?;
    let known: Vec<u8> = opacity
        .iter()
        .map(|share| (share * 255.0).round() as u8)
        .collect();
    let known = Tiled::from_pixels(extent, &known, 0);
    let own = Foreground::of(&picture.pixels, &known).colours(Rect::of(extent));
    let own_lifted = Foreground::of(&picture.pixels, &lifted).colours(Rect::of(extent));
    let lifted = lifted.to_vec();
    let off = |a: [f32; 3], b: [f32; 3]| -> f64 {
        let channels = a.into_iter().zip(b);
        channels.map(|(a, b)| f64::from((a - b).abs())).sum::<f64>() / 3.0
    };
    let green = |colour: [f32; 3], share: f32| {
        let [r, g, b] = colour.map(|value| value * share);
        [r, g + 1.0 - share, b]
    };
    let shown = seen
        .iter()
        .map(|[r, g, b, _]| [r, g, b].map(|v| f32::from(*v) / 255.0));
    for (at, shown) in shown.enumerate() {
        let value = |plane: &[f32]| plane.get(at).copied().unwrap_or(0.0);
        let colour = |plane: &[[f32; 3]]| plane.get(at).copied().unwrap_or_default();
        let (plain, share) = (value(&bicubic), value(opacity));
        if (0.05..0.95).contains(&share) {
            errors.colours += 1.0;
            errors.estimated += off(colour(&own), colour(front));
            errors.old += off(shown, colour(front));
        }
        if !(0.02..0.98).contains(&plain) {
            continue;
        }
        let mask = f32::from(lifted.get(at).copied().unwrap_or(0)) / 255.0;
        errors.pixels += 1.0;
        errors.bicubic += f64::from((plain - share).abs());
        errors.lifted += f64::from((mask - share).abs());
        let wanted = green(colour(front), share);
        errors.green_estimated += off(green(colour(&own_lifted), mask), wanted);
        errors.green_old += off(green(shown, mask), wanted);
    }
    Ok(())
}

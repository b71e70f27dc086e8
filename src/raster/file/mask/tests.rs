use super::*;
use crate::geometry::Rect;
use crate::raster::snapped_to_ends;

const SIZE: Extent = Extent::new(48, 40);
const PAINTED: Rect = Rect::new(15, 12, 20, 15);

/// A hard shape as coverages.
fn shape() -> Vec<u8> {
    let mut mask: Mask = Tiled::filled(SIZE, 0);
    mask.update(PAINTED, |_, _| 255);
    mask.to_vec()
}

fn png(extent: Extent, colour: png::ColorType, depth: png::BitDepth, data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, extent.width, extent.height);
    encoder.set_color(colour);
    encoder.set_depth(depth);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(data).unwrap();
    writer.finish().unwrap();
    bytes
}

fn grey(extent: Extent, coverage: &[u8]) -> Vec<u8> {
    png(
        extent,
        png::ColorType::Grayscale,
        png::BitDepth::Eight,
        coverage,
    )
}

fn rgba(pixel: impl Fn(u8) -> [u8; 4]) -> Vec<u8> {
    let data: Vec<u8> = shape().into_iter().flat_map(pixel).collect();
    png(SIZE, png::ColorType::Rgba, png::BitDepth::Eight, &data)
}

fn read_as(bytes: &[u8], channel: MaskChannel) -> (Vec<u8>, Vec<PictureNote>) {
    let loaded = mask_from_bytes(bytes, Path::new("m.png"), SIZE, channel).unwrap();
    (loaded.mask.to_vec(), loaded.notes)
}

fn auto(bytes: &[u8]) -> (Vec<u8>, Vec<PictureNote>) {
    read_as(bytes, MaskChannel::Auto)
}

#[test]
fn brightness_is_read_and_counts_as_far_as_it_is_opaque() {
    assert_eq!(auto(&grey(SIZE, &shape())), (shape(), vec![]));
    // One pixel that is not quite opaque does not turn the meaning of the file round.
    let mut almost = shape()
        .into_iter()
        .flat_map(|c| [c, c, c, 255])
        .collect::<Vec<_>>();
    almost[3] = 254;
    let almost = png(SIZE, png::ColorType::Rgba, png::BitDepth::Eight, &almost);
    assert_eq!(
        auto(&almost),
        (shape(), vec![PictureNote::MaskAlphaCounted])
    );
    // White shape on nothing, and black shape on nothing.
    let white = rgba(|c| [255, 255, 255, c]);
    assert_eq!(auto(&white), (shape(), vec![PictureNote::MaskAlphaCounted]));
    let black = rgba(|c| [0, 0, 0, c]);
    assert_eq!(auto(&black), (shape(), vec![PictureNote::MaskAlphaRead]));
}

#[test]
fn paint_of_any_colour_is_full_paint_and_that_is_said() {
    for colour in [[255, 0, 0], [0, 0, 255], [255, 0, 255], [90, 255, 0]] {
        let painted = rgba(|c| {
            let [r, g, b] = colour.map(|v: u8| if c == 255 { v } else { c });
            [r, g, b, 255]
        });
        assert_eq!(auto(&painted), (shape(), vec![PictureNote::MaskColoured]));
        let on_nothing = rgba(|c| {
            if c == 0 {
                [0; 4]
            } else {
                [colour[0], colour[1], colour[2], c]
            }
        });
        let notes = vec![PictureNote::MaskAlphaCounted, PictureNote::MaskColoured];
        assert_eq!(auto(&on_nothing), (shape(), notes));
    }
    // The traces of colour that JPEG leaves are none.
    let tinted = rgba(|c| [c, c.saturating_sub(30), c, 255]);
    assert_eq!(auto(&tinted).1, vec![]);
}

#[test]
fn a_channel_that_is_asked_for_is_read_as_it_is() {
    let coloured = rgba(|c| [c, 255 - c, 7 * (c / 255), 200 - c / 2]);
    let of = |pick: fn(u8) -> u8| shape().into_iter().map(pick).collect::<Vec<_>>();
    for (channel, wanted) in [
        (MaskChannel::Red, of(|c| c)),
        (MaskChannel::Green, of(|c| 255 - c)),
        (MaskChannel::Blue, of(|c| 7 * (c / 255))),
        (MaskChannel::Alpha, of(|c| 200 - c / 2)),
    ] {
        assert_eq!(read_as(&coloured, channel), (wanted, vec![]), "{channel:?}");
    }
    let opaque = grey(SIZE, &shape());
    let refused = mask_from_bytes(&opaque, Path::new("m.png"), SIZE, MaskChannel::Alpha);
    assert!(matches!(
        refused,
        Err(PictureError::MaskWithoutAlpha { .. })
    ));
    for channel in MaskChannel::ALL {
        assert_eq!(channel.id().parse(), Ok(channel));
    }
    assert!("grey".parse::<MaskChannel>().is_err());
}

#[test]
fn only_levels_that_were_meant_as_black_and_white_are_stretched() {
    let scaled = |low: u8, high: u8| -> Vec<u8> {
        let of = |c| if c == 0 { low } else { high };
        shape().into_iter().map(of).collect()
    };
    for (low, high) in [(0, 1), (16, 235), (9, 223), (32, 246)] {
        let (read, notes) = auto(&grey(SIZE, &scaled(low, high)));
        assert_eq!(read, shape(), "{low} {high}");
        assert_eq!(notes, [PictureNote::MaskStretched], "{low} {high}");
    }
    for (low, high) in [(0, 128), (0, 222), (20, 255), (33, 235), (0, 9), (16, 222)] {
        let as_is = scaled(low, high);
        assert_eq!(auto(&grey(SIZE, &as_is)), (as_is, vec![]), "{low} {high}");
    }
}

#[test]
fn sixteen_bits_mean_what_eight_do() {
    let deep = |of: fn(u8) -> u16| {
        let data: Vec<u8> = shape()
            .into_iter()
            .flat_map(|c| of(c).to_be_bytes())
            .collect();
        png(
            SIZE,
            png::ColorType::Grayscale,
            png::BitDepth::Sixteen,
            &data,
        )
    };
    assert_eq!(auto(&deep(|c| u16::from(c) * 257)), (shape(), vec![]));
    // Numbers of 8 bits in a file of 16, and labels.
    assert_eq!(auto(&deep(u16::from)), (shape(), vec![]));
    let labels = auto(&deep(|c| u16::from(c / 255)));
    assert_eq!(labels, (shape(), vec![PictureNote::MaskStretched]));
}

#[test]
fn another_size_moves_no_edge_by_more_than_a_pixel() {
    for (width, height) in [(24, 20), (96, 80), (72, 60), (36, 30)] {
        let extent = Extent::new(width, height);
        let per = f64::from(width) / f64::from(SIZE.width);
        let mut file: Mask = Tiled::filled(extent, 0);
        let at = |v: i32| (f64::from(v) * per).round() as i32;
        let rect = Rect::new(
            at(PAINTED.x),
            at(PAINTED.y),
            (at(PAINTED.right()) - at(PAINTED.x)) as u32,
            (at(PAINTED.bottom()) - at(PAINTED.y)) as u32,
        );
        file.update(rect, |_, _| 255);
        let (read, notes) = auto(&grey(extent, &file.to_vec()));
        assert_eq!(notes, [PictureNote::MaskScaled], "{extent}");
        for (i, c) in read.into_iter().enumerate() {
            let (x, y) = (i as i32 % 48, i as i32 / 48);
            let is_in = |by: i32| {
                (PAINTED.x - by..PAINTED.right() + by).contains(&x)
                    && (PAINTED.y - by..PAINTED.bottom() + by).contains(&y)
            };
            assert!(matches!(c, 0 | 255), "hard stays hard");
            assert!(c == 0 || is_in(1), "{extent}: painted at {x} {y}");
            assert!(c == 255 || !is_in(-1), "{extent}: lost at {x} {y}");
        }
    }
    let refused = mask_from_bytes(
        &grey(Extent::new(48, 48), &[0; 48 * 48]),
        Path::new("m.png"),
        SIZE,
        MaskChannel::Auto,
    );
    let text = refused.unwrap_err().to_string();
    assert!(text.contains("48×48") && text.contains("48×40"), "{text}");
}

#[test]
fn what_was_meant_soft_is_not_taken_for_noise() {
    // Soft paint 12 px wide, thin paint beside hard paint and far from it, an antialiased edge.
    let soft: Vec<u8> = (0..SIZE.len())
        .map(|i| ((i as i32 % 48 - 10) * 22).clamp(0, 255) as u8)
        .collect();
    let mut thin = shape();
    thin[5 * 48 + 44] = 60;
    let mut antialiased = shape();
    for y in 12..27 {
        antialiased[y * 48 + 14] = 90;
    }
    for meant in [soft, thin, antialiased] {
        assert_eq!(auto(&grey(SIZE, &meant)), (meant, vec![]));
    }
}

#[test]
fn masks_of_ours_come_back_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let strange: Vec<Vec<u8>> = vec![
        shape(),
        shape().into_iter().map(|c| c / 255).collect(),
        shape().into_iter().map(|c| 16 + (c / 255) * 219).collect(),
        (0..SIZE.len()).map(|i| (i % 256) as u8).collect(),
        vec![0; SIZE.len()],
    ];
    for coverage in strange {
        let mask = Tiled::from_pixels(SIZE, &coverage, 0);
        for name in ["m.png", "m.webp"] {
            let path = folder.path().join(name);
            save_mask(&path, &mask).unwrap();
            let again = load_mask(&path, SIZE, MaskChannel::Auto).unwrap();
            assert!(again.mask == mask, "{name}: {:?}", &coverage[..4]);
            assert_eq!(again.notes, []);
        }
        let path = folder.path().join("m.jpg");
        save_mask(&path, &mask).unwrap();
        let again = load_mask(&path, SIZE, MaskChannel::Auto).unwrap();
        let ends = |c: &u8| snapped_to_ends(*c);
        if coverage.iter().all(|c| matches!(c, 0 | 255)) {
            assert!(again.mask.to_vec().iter().map(ends).eq(coverage));
        }
    }
}

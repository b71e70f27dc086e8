//! A TIFF file around an EXIF block: both have the same structure, so the block becomes the head of
//! the file, all that it says stays where it is, and pixels and a new main directory follow.
//! TIFF 6.0; deflate and horizontal differencing as in Adobe's TIFF technical note 3.

use std::fs::File;
use std::io::{BufWriter, Seek as _, SeekFrom, Write as _};

use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::exif::{Edit, Entry, Value, resolution_entries};
use super::outgoing::{AnyError, Outgoing, Samples};
use super::photoshop;
use super::tiff_tags::{self, ICC_PROFILE, IPTC, PHOTOSHOP, XMP};

/// Bytes of a strip before compression.
const STRIP_BYTES: usize = 256 << 10;
/// TIFF's numbers of types.
const BYTE: u16 = 1;
const UNDEFINED: u16 = 7;

pub(super) fn write(outgoing: &Outgoing<'_>, file: &mut BufWriter<&File>) -> Result<(), AnyError> {
    let edit = tiff_tags::edit(outgoing.exif.as_deref());
    let mut edit = edit.ok_or("the EXIF block cannot be understood")?;
    file.write_all(edit.block())?;
    file.write_all(&[0][..edit.len() - edit.block().len()])?;
    let mut at = edit.len();
    let (offsets, counts, rows) = strips(outgoing, &edit, &mut at, file)?;
    let mut entries = image_entries(outgoing, rows);
    entries.push((273, Value::Longs(offsets)));
    entries.push((279, Value::Longs(counts)));
    entries.extend(carried_entries(outgoing, &edit));
    let directories = edit.directories(at, &entries);
    let (directories, head) = directories.ok_or("more than 4 GiB")?;
    file.write_all(&directories)?;
    file.seek(SeekFrom::Start(4))?;
    file.write_all(&head)?;
    Ok(())
}

/// Writes the pixels from `at` on. Where strips lie, how long they are, and rows of each.
fn strips(
    outgoing: &Outgoing<'_>,
    edit: &Edit,
    at: &mut usize,
    file: &mut BufWriter<&File>,
) -> Result<(Vec<u32>, Vec<u32>, usize), AnyError> {
    let channels = outgoing.layout.channels();
    let width = outgoing.extent.width as usize * channels;
    let sample_bytes = match outgoing.samples {
        Samples::Eight(_) => 1,
        Samples::Sixteen(_) => 2,
    };
    let rows = (STRIP_BYTES / (width * sample_bytes).max(1)).max(1);
    let count = (outgoing.extent.height as usize).div_ceil(rows);
    let (mut offsets, mut counts) = (Vec::new(), Vec::new());
    for strip in 0..count {
        let part = strip * rows * width..;
        let length = rows * width;
        let bytes: Vec<u8> = match &outgoing.samples {
            Samples::Eight(samples) => {
                let part = samples.get(part).unwrap_or_default();
                let rows = part.chunks_exact(width).take(length / width.max(1));
                rows.flat_map(|row| differences(row, channels, u8::wrapping_sub))
                    .collect()
            }
            Samples::Sixteen(samples) => {
                let part = samples.get(part).unwrap_or_default();
                let rows = part.chunks_exact(width).take(length / width.max(1));
                let values = rows.flat_map(|row| differences(row, channels, u16::wrapping_sub));
                if edit.is_big_endian() {
                    values.flat_map(u16::to_be_bytes).collect()
                } else {
                    values.flat_map(u16::to_le_bytes).collect()
                }
            }
        };
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&bytes)?;
        let mut packed = encoder.finish()?;
        offsets.push(u32::try_from(*at)?);
        counts.push(u32::try_from(packed.len())?);
        packed.resize(packed.len().next_multiple_of(2), 0);
        file.write_all(&packed)?;
        *at += packed.len();
    }
    Ok((offsets, counts, rows))
}

/// Each sample less the same one of the pixel before it.
fn differences<T: Copy>(
    row: &[T],
    channels: usize,
    less: impl Fn(T, T) -> T,
) -> impl Iterator<Item = T> {
    (0..row.len()).filter_map(move |i| {
        let value = *row.get(i)?;
        let before = i.checked_sub(channels).and_then(|i| row.get(i));
        Some(before.map_or(value, |before| less(value, *before)))
    })
}

fn image_entries(outgoing: &Outgoing<'_>, rows: usize) -> Vec<Entry> {
    let bits = match outgoing.samples {
        Samples::Eight(_) => 8,
        Samples::Sixteen(_) => 16,
    };
    let channels = outgoing.layout.channels();
    let photometric = if outgoing.layout.has_colour() { 2 } else { 1 };
    let mut entries = vec![
        (254, Value::Longs(vec![0])),
        (256, Value::Longs(vec![outgoing.extent.width])),
        (257, Value::Longs(vec![outgoing.extent.height])),
        (258, Value::Shorts(vec![bits; channels])),
        (259, Value::Shorts(vec![8])),
        (262, Value::Shorts(vec![photometric])),
        (274, Value::Shorts(vec![1])),
        (277, Value::Shorts(vec![channels as u16])),
        (278, Value::Longs(vec![rows as u32])),
        (284, Value::Shorts(vec![1])),
        (317, Value::Shorts(vec![2])),
        (339, Value::Shorts(vec![1; channels])),
    ];
    if outgoing.layout.has_alpha() {
        entries.push((338, Value::Shorts(vec![2])));
    }
    entries
}

fn carried_entries(outgoing: &Outgoing<'_>, edit: &Edit) -> Vec<Entry> {
    let mut entries = match outgoing.resolution {
        Some(resolution) => resolution_entries(resolution),
        // Every TIFF should say something.
        None if edit.main.iter().all(|(tag, _)| *tag != 282) => vec![
            (282, Value::Fraction(1, 1)),
            (283, Value::Fraction(1, 1)),
            (296, Value::Shorts(vec![1])),
        ],
        None => Vec::new(),
    };
    let (captions, others) = outgoing
        .photoshop
        .map(photoshop::parted)
        .unwrap_or_default();
    let parts = [
        (XMP, BYTE, outgoing.xmp),
        (IPTC, UNDEFINED, captions.as_deref()),
        (PHOTOSHOP, BYTE, others.as_deref()),
        (ICC_PROFILE, UNDEFINED, outgoing.icc.as_deref()),
    ];
    for (tag, kind, bytes) in parts {
        entries.extend(bytes.map(|bytes| (tag, Value::Bytes(kind, bytes.to_vec()))));
    }
    entries
}

//! The tags of a TIFF file that say something of the picture, and not how it is stored. They travel
//! as an EXIF block, which has the same structure. TIFF 6.0; TIFF/EP; EXIF 2.32.

use std::sync::Arc;

use super::exif::{EXIF_DIRECTORY, Edit, Entry, Value};
use super::photoshop;
use super::tags::Tags;
use super::{Carried, exif::resolution_in};

pub(super) const XMP: u16 = 700;
pub(super) const PHOTOSHOP: u16 = 34377;
pub(super) const ICC_PROFILE: u16 = 34675;
pub(super) const IPTC: u16 = 33723;
const GPS_DIRECTORY: u16 = 34853;
/// In EXIF's directory, a position.
const INTEROPERABILITY: u16 = 40965;

/// True for tags that say how a picture is stored, or that lie elsewhere in a [`Carried`].
pub(super) const fn is_structural(tag: u16) -> bool {
    matches!(tag,
        254..=259 | 262..=266 | 273 | 274 | 277..=284 | 288..=293 | 296 | 297 | 301 | 317..=325
        | 330..=347 | 351 | 400..=405 | 512..=521 | 529..=532 | 559 | XMP | IPTC | PHOTOSHOP
        | ICC_PROFILE
        // Photoshop's layers, which show the picture as it was; other sizes and masks of it.
        | 37724 | 50255 | 50706..=50780
    )
}

/// What the first directory of a file carries; its descriptive tags as an EXIF block.
pub(super) fn read(tags: Tags<'_>, directory: usize) -> (Option<Vec<u8>>, Carried) {
    let bytes_of = |tag| tags.field(directory, tag).map(|field| tags.value(field));
    let resources = bytes_of(PHOTOSHOP).and_then(photoshop::cleaned);
    let captions = bytes_of(IPTC).map(photoshop::of_iptc);
    let carried = Carried {
        resolution: resolution_in(tags, directory),
        xmp: bytes_of(XMP).map(|packet| Arc::new(packet.to_vec())),
        photoshop: match resources {
            Some(block) if photoshop::has_iptc(&block) => Some(block),
            Some(block) => Some([block, captions.unwrap_or_default()].concat()),
            None => captions,
        }
        .map(Arc::new),
        ..Carried::default()
    };
    (block(tags, directory), carried)
}

fn block(tags: Tags<'_>, directory: usize) -> Option<Vec<u8>> {
    let mut edit = Edit::new(tags.is_big_endian());
    let below = |tag| Some(tags.number(directory, tag)? as usize);
    if let Some(exif) = below(EXIF_DIRECTORY) {
        edit.exif = entries(tags, exif, |tag| tag != INTEROPERABILITY);
    }
    if let Some(gps) = below(GPS_DIRECTORY) {
        let entries = entries(tags, gps, |_| true);
        if !entries.is_empty() {
            edit.add_directory(GPS_DIRECTORY, entries)?;
        }
    }
    let is_said = |tag| !is_structural(tag) && tag != EXIF_DIRECTORY && tag != GPS_DIRECTORY;
    edit.main.extend(entries(tags, directory, is_said));
    let is_empty = edit.main.is_empty() && edit.exif.is_empty();
    if is_empty { None } else { edit.finish(&[]) }
}

fn entries(tags: Tags<'_>, directory: usize, is_wanted: impl Fn(u16) -> bool) -> Vec<Entry> {
    // BigTIFF's own types, and positions.
    let is_plain = |kind| (1..=12).contains(&kind);
    tags.fields(directory)
        .filter(|field| is_plain(field.kind) && is_wanted(field.tag))
        .map(|field| {
            let bytes = tags.value(field).to_vec();
            (field.tag, Value::Raw(field.kind, field.count, bytes))
        })
        .collect()
}

/// The block, ready to become the head of a TIFF file: what it says of storage is left out.
pub(super) fn edit(block: Option<&[u8]>) -> Option<Edit> {
    let Some(block) = block else {
        return Some(Edit::new(false));
    };
    let mut edit = Edit::begin(block.to_vec())?;
    edit.main
        .retain(|(tag, _)| !is_structural(*tag) || is_resolution(*tag));
    edit.forget_successor();
    Some(edit)
}

const fn is_resolution(tag: u16) -> bool {
    matches!(tag, 282 | 283 | 296)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file() -> Vec<u8> {
        let mut edit = Edit::new(true);
        edit.add_directory(GPS_DIRECTORY, vec![(1, Value::Bytes(2, b"N\0".to_vec()))]);
        edit.exif
            .push((0x9003, Value::Bytes(2, b"2026:01:02 03:04:05\0".to_vec())));
        edit.main.extend([
            (256, Value::Longs(vec![7])),
            (282, Value::Fraction(300, 1)),
            (283, Value::Fraction(300, 1)),
            (315, Value::Bytes(2, b"Zoe\0".to_vec())),
            (XMP, Value::Bytes(1, b"<x:xmpmeta/>".to_vec())),
            (IPTC, Value::Bytes(7, b"\x1c\x02\x78\0\x05words".to_vec())),
            (33432, Value::Bytes(2, b"(c) somebody\0".to_vec())),
        ]);
        edit.finish(&[]).unwrap()
    }

    fn text(block: &[u8], tag: u16) -> Option<&[u8]> {
        let tags = Tags::new(block).unwrap();
        let directory = tags.first_directory().unwrap();
        tags.field(directory, tag).map(|field| tags.value(field))
    }

    #[test]
    fn what_is_said_becomes_a_block_and_structure_does_not() {
        let bytes = file();
        let tags = Tags::new(&bytes).unwrap();
        let (block, carried) = read(tags, tags.first_directory().unwrap());
        let block = block.unwrap();
        assert_eq!(text(&block, 315), Some(&b"Zoe\0"[..]));
        assert_eq!(text(&block, 33432), Some(&b"(c) somebody\0"[..]));
        assert_eq!(text(&block, 256), None);
        let found = carried.resolution.and_then(|found| found.per_inch());
        assert_eq!(found, Some([300.0; 2]));
        assert_eq!(
            carried.xmp.as_deref().map(Vec::as_slice),
            Some(&b"<x:xmpmeta/>"[..])
        );
        assert!(photoshop::has_iptc(&carried.photoshop.unwrap()));
        let tags = Tags::new(&block).unwrap();
        let main = tags.first_directory().unwrap();
        let exif = tags.number(main, EXIF_DIRECTORY).unwrap() as usize;
        assert!(tags.field(exif, 0x9003).is_some());
        let gps = tags.number(main, GPS_DIRECTORY).unwrap() as usize;
        assert_eq!(
            tags.field(gps, 1).map(|field| tags.value(field)),
            Some(&b"N\0"[..])
        );
    }

    proptest! {
        #[test]
        fn any_damage_is_read_without_harm(at in 0usize..400, value: u8) {
            let mut bytes = file();
            let at = at % bytes.len();
            bytes[at] = value;
            for bytes in [&bytes[..], &bytes[..at]] {
                if let Some(tags) = Tags::new(bytes) {
                    read(tags, tags.first_directory().unwrap_or(8));
                    edit(Some(bytes)).and_then(|edit| edit.finish(&[]));
                }
                super::super::exif::cleaned(bytes.to_vec());
            }
        }
    }
}

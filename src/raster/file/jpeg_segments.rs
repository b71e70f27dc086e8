//! The segments of a JPEG beside its pixels: density, XMP, comments, Photoshop's resources.
//! ITU-T T.81, B.1; JFIF 1.02; XMP specification part 3, 1.1.3.

use std::io::Write;
use std::sync::Arc;

use super::jpeg_coding::{CodingReader, JpegCoding};
use super::origin::ExtendedXmp;
use super::photoshop;
use super::resolution::Resolution;

const APP0: u8 = 0xE0;
const APP1: u8 = 0xE1;
const APP2: u8 = 0xE2;
const APP11: u8 = 0xEB;
const APP13: u8 = 0xED;
const COMMENT: u8 = 0xFE;
const START_OF_SCAN: u8 = 0xDA;

const JFIF: &[u8] = b"JFIF\0";
const EXIF: &[u8] = b"Exif\0\0";
const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
const EXTENDED: &[u8] = b"http://ns.adobe.com/xmp/extension/\0";
const PHOTOSHOP: &[u8] = b"Photoshop 3.0\0";
const MORE_PICTURES: &[u8] = b"MPF\0";

/// What a segment holds beside its own length.
const SEGMENT_BYTES: usize = 65_533;
/// Letters of an extended packet's name.
const GUID_BYTES: usize = 32;

/// What the segments say.
#[derive(Debug, Default)]
pub(super) struct JpegSegments {
    pub resolution: Option<Resolution>,
    pub xmp: Option<Vec<u8>>,
    pub xmp_extended: Option<ExtendedXmp>,
    pub comments: Vec<Vec<u8>>,
    pub photoshop: Option<Vec<u8>>,
    /// How its pixels are compressed.
    pub coding: Option<JpegCoding>,
    /// Each component has a scan of its own, though the picture does not come in passes.
    pub is_in_planes: bool,
    /// There are more pictures in the file, or signed statements about this one.
    pub has_more: bool,
}

/// A segment to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Segment {
    marker: u8,
    data: Vec<u8>,
}

impl Segment {
    /// An EXIF block; `None` when it is too large.
    pub(super) fn exif(block: &[u8]) -> Option<Self> {
        Self::new(APP1, &[EXIF, block])
    }

    /// An XMP packet; `None` when it is too large.
    pub(super) fn xmp(packet: &[u8]) -> Option<Self> {
        Self::new(APP1, &[XMP, packet])
    }

    /// The rest of an XMP packet, in as many segments as it needs.
    pub(super) fn xmp_extended(extended: &ExtendedXmp) -> Vec<Self> {
        let whole = (extended.bytes.len() as u32).to_be_bytes();
        let room = SEGMENT_BYTES - EXTENDED.len() - GUID_BYTES - 8;
        let parts = extended.bytes.chunks(room).enumerate();
        parts
            .filter_map(|(i, part)| {
                let offset = ((i * room) as u32).to_be_bytes();
                Self::new(APP1, &[EXTENDED, &extended.guid, &whole, &offset, part])
            })
            .collect()
    }

    /// Photoshop's resources, in as many segments as they need.
    pub(super) fn photoshop(block: &[u8]) -> Vec<Self> {
        let parts = block.chunks(SEGMENT_BYTES - PHOTOSHOP.len());
        parts
            .filter_map(|part| Self::new(APP13, &[PHOTOSHOP, part]))
            .collect()
    }

    /// A comment; `None` when it is too long.
    pub(super) fn comment(comment: &[u8]) -> Option<Self> {
        Self::new(COMMENT, &[comment])
    }

    /// Writes it with marker and length.
    pub(super) fn write(&self, file: &mut impl Write) -> std::io::Result<()> {
        let length = (self.data.len() as u16 + 2).to_be_bytes();
        file.write_all(&[0xFF, self.marker])?;
        file.write_all(&length)?;
        file.write_all(&self.data)
    }

    fn new(marker: u8, parts: &[&[u8]]) -> Option<Self> {
        let data = parts.concat();
        (data.len() <= SEGMENT_BYTES).then_some(Self { marker, data })
    }
}

/// Reads the segments up to the pixels.
pub(super) fn read(bytes: &[u8]) -> JpegSegments {
    let mut found = JpegSegments::default();
    let (mut extended, mut resources) = (Extended::default(), Vec::new());
    let mut coding = CodingReader::default();
    let mut segments = Segments(bytes.get(2..).unwrap_or_default());
    for (marker, data) in segments.by_ref() {
        coding.take(marker, data);
        match marker {
            APP0 if data.starts_with(JFIF) => found.resolution = density(data),
            APP1 => {
                if let Some(packet) = data.strip_prefix(XMP) {
                    found.xmp.get_or_insert_with(|| packet.to_vec());
                } else if let Some(part) = data.strip_prefix(EXTENDED) {
                    extended.take(part, bytes.len());
                }
            }
            APP2 if data.starts_with(MORE_PICTURES) => found.has_more = true,
            APP11 => found.has_more = true,
            APP13 => resources.extend(data.strip_prefix(PHOTOSHOP).unwrap_or_default()),
            COMMENT => found.comments.push(data.to_vec()),
            _ => {}
        }
    }
    found.photoshop = photoshop::cleaned(&resources);
    found.xmp_extended = extended.whole();
    // Behind its length a scan says how many components are in it.
    let in_scan = match segments.0 {
        [0xFF, START_OF_SCAN, _, _, count, ..] => Some(usize::from(*count)),
        _ => None,
    };
    found.is_in_planes = in_scan < coding.sequential_components() && in_scan.is_some();
    found.coding = coding.coding();
    found
}

/// Marker and data of each segment before the first scan.
struct Segments<'a>(&'a [u8]);

impl<'a> Iterator for Segments<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        // Any number of 0xFF may stand before a marker.
        while let [0xFF, 0xFF, ..] = self.0 {
            self.0 = self.0.get(1..)?;
        }
        let [0xFF, marker, high, low, ..] = self.0 else {
            return None;
        };
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        if *marker == START_OF_SCAN || length < 2 {
            return None;
        }
        let data = self.0.get(4..2 + length)?;
        self.0 = self.0.get(2 + length..)?;
        Some((*marker, data))
    }
}

fn density(data: &[u8]) -> Option<Resolution> {
    let [_, _, unit, x1, x0, y1, y0, ..] = data.strip_prefix(JFIF)? else {
        return None;
    };
    Resolution::from_jfif(
        u16::from_be_bytes([*x1, *x0]),
        u16::from_be_bytes([*y1, *y0]),
        *unit,
    )
}

/// The parts of an extended packet, as they come.
#[derive(Default)]
struct Extended {
    guid: Vec<u8>,
    bytes: Vec<u8>,
    filled: usize,
}

impl Extended {
    /// Takes in a part of the first packet that was met; `most` bounds what it may say of itself.
    fn take(&mut self, part: &[u8], most: usize) -> Option<()> {
        let (guid, rest) = part.split_first_chunk::<GUID_BYTES>()?;
        let (whole, rest) = rest.split_first_chunk::<4>()?;
        let (offset, data) = rest.split_first_chunk::<4>()?;
        let whole = u32::from_be_bytes(*whole) as usize;
        let offset = u32::from_be_bytes(*offset) as usize;
        if self.guid.is_empty() && whole <= most {
            self.guid = guid.to_vec();
            self.bytes = vec![0; whole];
        }
        if self.guid == guid {
            let place = self
                .bytes
                .get_mut(offset..offset.checked_add(data.len())?)?;
            place.copy_from_slice(data);
            self.filled += data.len();
        }
        Some(())
    }

    fn whole(self) -> Option<ExtendedXmp> {
        (!self.bytes.is_empty() && self.filled == self.bytes.len()).then(|| ExtendedXmp {
            guid: self.guid,
            bytes: Arc::new(self.bytes),
        })
    }
}

/// A file in two parts: up to the end of its first segment, which names the kind of file, and the
/// rest. `None` when `jpeg` does not begin like one.
pub(super) fn split(jpeg: &[u8]) -> Option<(&[u8], &[u8])> {
    let (_, first) = Segments(jpeg.get(2..)?).next()?;
    jpeg.split_at_checked(2 + 4 + first.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bare() -> Vec<u8> {
        let mut file = vec![0xFF, 0xD8, 0xFF, 0xE0, 0, 16];
        file.extend(b"JFIF\0\x01\x02\x01\x01\x2C\x01\x2C\0\0");
        file.extend([0xFF, START_OF_SCAN, 0, 2, 1, 2, 3, 0xFF, 0xD9]);
        file
    }

    fn sample() -> (Vec<u8>, ExtendedXmp) {
        let extended = ExtendedXmp {
            guid: vec![b'A'; GUID_BYTES],
            bytes: Arc::new((0..150_000u32).map(|i| i as u8).collect()),
        };
        let mut segments = vec![
            Segment::exif(b"MM\0*").unwrap(),
            Segment::xmp(b"<x/>").unwrap(),
            Segment::comment("Grüße".as_bytes()).unwrap(),
        ];
        segments.extend(Segment::xmp_extended(&extended));
        segments.extend(Segment::photoshop(&photoshop::of_iptc(&vec![7; 70_000])));
        let bare = bare();
        let (head, rest) = split(&bare).unwrap();
        let mut file = head.to_vec();
        for segment in &segments {
            segment.write(&mut file).unwrap();
        }
        file.extend_from_slice(rest);
        (file, extended)
    }

    #[test]
    fn segments_come_back_also_in_parts() {
        let (file, extended) = sample();
        let found = read(&file);
        assert_eq!(found.resolution, Resolution::from_jfif(300, 300, 1));
        assert_eq!(found.xmp.as_deref(), Some(&b"<x/>"[..]));
        assert_eq!(found.comments, ["Grüße".as_bytes()]);
        assert_eq!(found.xmp_extended, Some(extended));
        assert_eq!(found.photoshop, Some(photoshop::of_iptc(&vec![7; 70_000])));
        assert!(file.ends_with(&[1, 2, 3, 0xFF, 0xD9]));
        assert_eq!(Segment::comment(&vec![0; SEGMENT_BYTES + 1]), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_bytes_are_read_without_harm(
            noise in proptest::collection::vec(any::<u8>(), 0..200), at in 0usize..300, value: u8,
        ) {
            read(&noise);
            split(&noise);
            read(&[&b"\xFF\xD8\xFF\xE1"[..], &noise].concat());
            let (mut file, _) = sample();
            file[at] = value;
            read(&file);
            read(&file[..at]);
        }
    }
}

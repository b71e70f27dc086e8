//! EXIF blocks: what is kept, what is taken out, and the user comment that carries the settings.
//! EXIF 2.32 (CIPA DC-008).

use image::metadata::Orientation;

use super::tags::Tags;

const EXIF_DIRECTORY: u16 = 0x8769;
const SOFTWARE: u16 = 0x0131;
const USER_COMMENT: u16 = 0x9286;
const THUMBNAIL_AT: u16 = 0x0201;
const THUMBNAIL_LENGTH: u16 = 0x0202;
/// How a comment says that it is Unicode; what follows is UTF-16.
const UNICODE: &[u8; 8] = b"UNICODE\0";

/// Takes a block out of its wrapping, reads its orientation, and returns it as it may be written
/// beside upright, edited pixels: orientation reset, and the thumbnail gone, which would show the
/// picture as it was.
pub(super) fn cleaned(mut exif: Vec<u8>) -> (Vec<u8>, Orientation) {
    if exif.starts_with(b"Exif\0\0") {
        exif.drain(..6);
    }
    let orientation =
        Orientation::remove_from_exif_chunk(&mut exif).unwrap_or(Orientation::NoTransforms);
    if let Some((link, thumbnail)) = thumbnail_places(&exif) {
        for range in [Some(link), thumbnail].into_iter().flatten() {
            if let Some(bytes) = exif.get_mut(range) {
                bytes.fill(0);
            }
        }
    }
    (exif, orientation)
}

type Range = std::ops::Range<usize>;

/// Where the link to the thumbnail's directory lies, and the thumbnail.
fn thumbnail_places(exif: &[u8]) -> Option<(Range, Option<Range>)> {
    let tags = Tags::new(exif)?;
    let main = tags.first_directory()?;
    let directory = tags.next_directory(main)?;
    let link = tags.link_at(main)?;
    let start = tags.number(directory, THUMBNAIL_AT).map(|at| at as usize);
    let length = tags.number(directory, THUMBNAIL_LENGTH).map(|n| n as usize);
    let thumbnail = start
        .zip(length)
        .map(|(start, length)| start..start.saturating_add(length));
    Some((link..link + 4, thumbnail))
}

/// The user comment, where other programs keep the settings of a generated picture.
pub(super) fn user_comment(exif: &[u8]) -> Option<String> {
    let tags = Tags::new(exif)?;
    let directory = tags.number(tags.first_directory()?, EXIF_DIRECTORY)? as usize;
    let bytes = tags.value(tags.field(directory, USER_COMMENT)?);
    let (code, text) = bytes.split_first_chunk::<8>()?;
    let text = match code {
        UNICODE => from_utf16(text),
        b"ASCII\0\0\0" | [0, 0, 0, 0, 0, 0, 0, 0] => String::from_utf8_lossy(text).into_owned(),
        _ => return None,
    };
    let text = text.trim_end_matches(['\0', ' ']);
    (!text.is_empty()).then(|| text.to_owned())
}

/// The program that made the picture.
pub(super) fn software(exif: &[u8]) -> Option<String> {
    let tags = Tags::new(exif)?;
    let bytes = tags.value(tags.field(tags.first_directory()?, SOFTWARE)?);
    let text = String::from_utf8_lossy(bytes);
    Some(text.trim_end_matches('\0').to_owned())
}

/// A block that says nothing but which program made the picture.
pub(super) fn with_software(name: &str) -> Vec<u8> {
    /// Behind the header, and a directory of one entry.
    const NAME_AT: usize = 8 + 2 + 12 + 4;
    let write = Writer { big_endian: true };
    let mut block = b"MM\0*\0\0\0\x08".to_vec();
    let entry = write.entry(SOFTWARE, 2, name.len() + 1, NAME_AT);
    block.extend(write.directory(&[], &entry, 0));
    block.extend_from_slice(name.as_bytes());
    block.push(0);
    block
}

/// The standard does not say the byte order; programs write either. Settings are full of ASCII, so
/// the order that makes more of it is right.
fn from_utf16(bytes: &[u8]) -> String {
    let pairs: Vec<[u8; 2]> = bytes
        .chunks_exact(2)
        .filter_map(|pair| pair.try_into().ok())
        .collect();
    let big = pairs.iter().filter(|[high, _]| *high == 0).count();
    let little = pairs.iter().filter(|[_, high]| *high == 0).count();
    let unit = if big >= little {
        u16::from_be_bytes
    } else {
        u16::from_le_bytes
    };
    let units: Vec<u16> = pairs.into_iter().map(unit).collect();
    String::from_utf16_lossy(&units)
}

/// The block (a new one where there is none) with this user comment. Everything else stays where
/// it is, since maker notes hold positions: the two directories that change are written anew at
/// the end. `None` when the block cannot be understood.
pub(super) fn with_user_comment(exif: Option<&[u8]>, text: &str) -> Option<Vec<u8>> {
    let mut block = exif.map_or_else(|| b"MM\0*\0\0\0\0".to_vec(), <[u8]>::to_vec);
    let tags = Tags::new(&block)?;
    let write = Writer {
        big_endian: tags.is_big_endian(),
    };
    let main_at = tags.first_directory();
    let main = main_at
        .map_or(Some(&[] as &[u8]), |at| tags.entries(at))?
        .to_vec();
    let successor = main_at.and_then(|at| tags.next_directory(at)).unwrap_or(0);
    let sub = match main_at.and_then(|at| tags.number(at, EXIF_DIRECTORY)) {
        Some(at) => tags.entries(at as usize)?.to_vec(),
        None => Vec::new(),
    };

    let mut comment = UNICODE.to_vec();
    comment.extend(text.encode_utf16().flat_map(u16::to_be_bytes));
    let comment_at = append(&mut block, &comment);
    let entry = write.entry(USER_COMMENT, 7, comment.len(), comment_at);
    let sub_at = append(&mut block, &write.directory(&sub, &entry, 0));
    let entry = write.entry(EXIF_DIRECTORY, 4, 1, sub_at);
    let main_at = append(&mut block, &write.directory(&main, &entry, successor));
    block.get_mut(4..8)?.copy_from_slice(&write.u32(main_at));
    Some(block)
}

/// Adds `bytes` at an even position and returns it.
fn append(block: &mut Vec<u8>, bytes: &[u8]) -> usize {
    if block.len() % 2 == 1 {
        block.push(0);
    }
    let at = block.len();
    block.extend_from_slice(bytes);
    at
}

struct Writer {
    big_endian: bool,
}

impl Writer {
    fn u16(&self, value: usize) -> [u8; 2] {
        let value = value as u16;
        if self.big_endian {
            value.to_be_bytes()
        } else {
            value.to_le_bytes()
        }
    }

    fn u32(&self, value: usize) -> [u8; 4] {
        let value = value as u32;
        if self.big_endian {
            value.to_be_bytes()
        } else {
            value.to_le_bytes()
        }
    }

    fn entry(&self, tag: u16, kind: usize, count: usize, value: usize) -> Vec<u8> {
        let tag = self.u16(usize::from(tag));
        [
            &tag[..],
            &self.u16(kind),
            &self.u32(count),
            &self.u32(value),
        ]
        .concat()
    }

    /// A directory of `entries`, with `new` in its place (they are sorted by tag).
    fn directory(&self, entries: &[u8], new: &[u8], successor: usize) -> Vec<u8> {
        let tag_of = |entry: &[u8]| match (entry, self.big_endian) {
            ([a, b, ..], true) => u16::from_be_bytes([*a, *b]),
            ([a, b, ..], false) => u16::from_le_bytes([*a, *b]),
            _ => 0,
        };
        let mut all: Vec<&[u8]> = entries
            .chunks_exact(12)
            .filter(|e| tag_of(e) != tag_of(new))
            .collect();
        all.push(new);
        all.sort_by_key(|entry| tag_of(entry));
        let count = self.u16(all.len());
        [&count[..], &all.concat(), &self.u32(successor)].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Little-endian: orientation 6, a maker note at an odd place, a thumbnail of four bytes.
    fn camera() -> Vec<u8> {
        let w = Writer { big_endian: false };
        let mut block = b"II*\0\x08\0\0\0".to_vec();
        let orientation = w.entry(0x0112, 3, 1, 6);
        let main_len = 2 + 2 * 12 + 4;
        let sub_at = 8 + main_len;
        let sub = w.entry(0x927C, 7, 5, 200);
        let main = w.directory(&orientation, &w.entry(EXIF_DIRECTORY, 4, 1, sub_at), 120);
        block.extend(main);
        block.extend(w.directory(&[], &sub, 0));
        block.resize(120, 0);
        let thumb = w.entry(THUMBNAIL_AT, 4, 1, 180);
        block.extend(w.directory(&thumb, &w.entry(THUMBNAIL_LENGTH, 4, 1, 4), 0));
        block.resize(180, 0);
        block.extend(b"JPEG");
        block.resize(200, 0);
        block.extend(b"maker");
        block
    }

    #[test]
    fn cleaning_turns_upright_and_forgets_the_thumbnail() {
        let mut wrapped = b"Exif\0\0".to_vec();
        wrapped.extend(camera());
        let (block, orientation) = cleaned(wrapped);
        assert_eq!(orientation, Orientation::Rotate90);
        assert_eq!(
            Orientation::from_exif_chunk(&block),
            Some(Orientation::NoTransforms)
        );
        assert!(!block.windows(4).any(|w| w == b"JPEG"));
        assert!(block.ends_with(b"maker"));
        assert_eq!(cleaned(block.clone()).0, block);
    }

    #[test]
    fn comments_are_added_replaced_and_read_back() {
        for start in [None, Some(camera())] {
            let text = "a cat, 貓 😀\nSteps: 20";
            let first = with_user_comment(start.as_deref(), "older").unwrap();
            let block = with_user_comment(Some(&first), text).unwrap();
            assert_eq!(user_comment(&block).as_deref(), Some(text));
            if start.is_some() {
                assert_eq!(
                    block.get(200..205),
                    Some(&b"maker"[..]),
                    "positions are kept"
                );
                assert_eq!(
                    Orientation::from_exif_chunk(&block),
                    Some(Orientation::Rotate90)
                );
            }
        }
    }

    #[test]
    fn broken_blocks_do_no_harm() {
        let good = with_user_comment(Some(&camera()), "x").unwrap();
        for cut in 0..good.len() {
            let part = good[..cut].to_vec();
            user_comment(&part);
            with_user_comment(Some(&part), "y");
            cleaned(part);
        }
        let mut noise = good.clone();
        for i in 4..noise.len() {
            noise[i] = 0xFF;
            user_comment(&noise);
            cleaned(noise.clone());
            noise[i] = good[i];
        }
        assert_eq!(user_comment(b"II*\0\xFF\xFF\xFF\xFF"), None);
    }
}

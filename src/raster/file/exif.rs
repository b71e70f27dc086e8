//! EXIF blocks: what is kept, what is taken out, and the user comment that may carry the settings.
//! EXIF 2.32 (CIPA DC-008).

use image::metadata::Orientation;

use super::resolution::Resolution;
use super::tags::Tags;

/// A block without a field.
const EMPTY: &[u8; 8] = b"MM\0*\0\0\0\0";
const X_RESOLUTION: u16 = 282;
const Y_RESOLUTION: u16 = 283;
const RESOLUTION_UNIT: u16 = 296;
pub(super) const EXIF_DIRECTORY: u16 = 0x8769;
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
pub(super) fn thumbnail_places(exif: &[u8]) -> Option<(Range, Option<Range>)> {
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
    let text = String::from_utf8_lossy(tags.value(tags.field(tags.first_directory()?, SOFTWARE)?));
    Some(text.trim_end_matches('\0').to_owned())
}

/// A block that says nothing but which program made the picture.
pub(super) fn with_software(name: &str) -> Option<Vec<u8>> {
    let name = [name.as_bytes(), b"\0"].concat();
    Edit::new(true).finish(&[(SOFTWARE, Value::Bytes(2, name))])
}

fn user_comment_place(exif: &[u8]) -> Option<Range> {
    let tags = Tags::new(exif)?;
    let directory = tags.number(tags.first_directory()?, EXIF_DIRECTORY)? as usize;
    let field = tags.field(directory, USER_COMMENT)?;
    Some(field.value_at..field.value_at + field.length)
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

/// A value for a field, in a form that knows no byte order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// TIFF type and number of values, and their bytes as they lie in the block.
    Raw(u16, usize, Vec<u8>),
    /// Text in ASCII (type 2), undefined bytes (7), or bytes (1).
    Bytes(u16, Vec<u8>),
    /// 16-bit numbers.
    Shorts(Vec<u16>),
    /// 32-bit numbers.
    Longs(Vec<u32>),
    /// Fractions.
    Fraction(u32, u32),
}

/// A field to be written: its tag and value.
pub(super) type Entry = (u16, Value);

/// The block (a new one where there is none) with this user comment in place of another; `None`
/// takes it out. `None` when the block cannot be understood.
pub(super) fn with_user_comment(exif: Option<&[u8]>, text: Option<&str>) -> Option<Vec<u8>> {
    let mut block = exif.map_or_else(|| EMPTY.to_vec(), <[u8]>::to_vec);
    // What was said must not stay readable behind the new directory.
    if let Some(old) = user_comment_place(&block) {
        block.get_mut(old)?.fill(0);
    }
    let comment = text.map(|text| {
        let mut comment = UNICODE.to_vec();
        comment.extend(text.encode_utf16().flat_map(u16::to_be_bytes));
        (USER_COMMENT, Value::Bytes(7, comment))
    });
    let mut edit = Edit::begin(block)?;
    edit.exif.retain(|(tag, _)| *tag != USER_COMMENT);
    edit.exif.extend(comment);
    edit.finish(&[])
}

/// The block (a new one where there is none) that says this resolution.
pub(super) fn with_resolution(exif: Option<&[u8]>, resolution: Resolution) -> Option<Vec<u8>> {
    let edit = Edit::begin(exif.map_or_else(|| EMPTY.to_vec(), <[u8]>::to_vec))?;
    edit.finish(&resolution_entries(resolution))
}

/// The three fields of a resolution.
pub(super) fn resolution_entries(resolution: Resolution) -> Vec<Entry> {
    let (x, y, unit) = resolution.to_tiff();
    vec![
        (X_RESOLUTION, Value::Fraction(x.0, x.1)),
        (Y_RESOLUTION, Value::Fraction(y.0, y.1)),
        (RESOLUTION_UNIT, Value::Shorts(vec![unit])),
    ]
}

/// The resolution that a directory of a block or TIFF file says.
pub(super) fn resolution_in(tags: Tags<'_>, directory: usize) -> Option<Resolution> {
    let x = tags.fraction(directory, X_RESOLUTION)?;
    let y = tags.fraction(directory, Y_RESOLUTION)?;
    let unit = tags.number(directory, RESOLUTION_UNIT).unwrap_or(2);
    Resolution::from_tiff(x, y, unit)
}

/// The resolution that a block says.
pub(super) fn resolution(exif: &[u8]) -> Option<Resolution> {
    let tags = Tags::new(exif)?;
    resolution_in(tags, tags.first_directory()?)
}

/// A block that is about to be written anew. Everything in it stays where it is, since maker notes
/// hold positions: the directories that change are written at the end.
pub(super) struct Edit {
    block: Vec<u8>,
    write: Writer,
    /// The main directory.
    pub main: Vec<Entry>,
    /// EXIF's own directory.
    pub exif: Vec<Entry>,
    successor: usize,
}

impl Edit {
    /// `None` when the block cannot be understood.
    pub(super) fn begin(block: Vec<u8>) -> Option<Self> {
        // A shorter one has no room for where its directory is, which would be written over what follows it.
        let is_whole = block.len() >= EMPTY.len();
        let tags = Tags::new(&block).filter(|tags| is_whole && !tags.is_wide())?;
        let main_at = tags.first_directory();
        let main = match main_at {
            Some(at) => entries_of(tags, at)?,
            None => Vec::new(),
        };
        let exif = match main_at.and_then(|at| tags.number(at, EXIF_DIRECTORY)) {
            Some(at) => entries_of(tags, at as usize)?,
            None => Vec::new(),
        };
        Some(Self {
            main,
            exif,
            successor: main_at.and_then(|at| tags.next_directory(at)).unwrap_or(0),
            write: Writer {
                big_endian: tags.is_big_endian(),
            },
            block,
        })
    }

    /// A new block.
    pub(super) fn new(big_endian: bool) -> Self {
        let empty = if big_endian { EMPTY } else { b"II*\0\0\0\0\0" };
        Self {
            block: empty.to_vec(),
            write: Writer { big_endian },
            main: Vec::new(),
            exif: Vec::new(),
            successor: 0,
        }
    }

    /// Adds a directory of `entries` to which the main one points under `tag`.
    pub(super) fn add_directory(&mut self, tag: u16, entries: Vec<Entry>) -> Option<()> {
        self.block.resize(self.len(), 0);
        let mut out = Vec::new();
        let at = self
            .write
            .directory(&mut out, self.block.len(), entries, 0)?;
        self.block.extend(out);
        self.main.push((tag, Value::Longs(vec![at])));
        Some(())
    }

    /// No directory follows the main one: neither a thumbnail nor another page.
    pub(super) fn forget_successor(&mut self) {
        self.successor = 0;
    }

    pub(super) fn is_big_endian(&self) -> bool {
        self.write.big_endian
    }

    /// How long the block is by now: what is written at the end begins there.
    pub(super) fn len(&self) -> usize {
        self.block.len().next_multiple_of(2)
    }

    /// The block with its directories, and `entries` in the main one in place of what it has of
    /// their tags.
    pub(super) fn finish(mut self, entries: &[Entry]) -> Option<Vec<u8>> {
        let (directories, main_at) = self.directories(self.len(), entries)?;
        self.block.resize(self.len(), 0);
        self.block.extend(directories);
        self.block.get_mut(4..8)?.copy_from_slice(&main_at);
        Some(self.block)
    }

    /// As [`Edit::finish`], for directories that lie at `at` (an even number), behind other things:
    /// their bytes, and those that belong at 4 in the block.
    pub(super) fn directories(
        &mut self,
        at: usize,
        entries: &[Entry],
    ) -> Option<(Vec<u8>, [u8; 4])> {
        let mut out = Vec::new();
        let is_new = |tag: &u16| entries.iter().any(|(new, _)| new == tag);
        let mut main = std::mem::take(&mut self.main);
        main.retain(|(tag, _)| *tag != EXIF_DIRECTORY && !is_new(tag));
        if !self.exif.is_empty() {
            let exif = std::mem::take(&mut self.exif);
            let exif_at = self.write.directory(&mut out, at, exif, 0)?;
            main.push((EXIF_DIRECTORY, Value::Longs(vec![exif_at])));
        }
        main.extend_from_slice(entries);
        let main_at = self.write.directory(&mut out, at, main, self.successor)?;
        Some((out, self.write.u32(main_at)))
    }

    /// The block as it was, without what is to be written.
    pub(super) fn block(&self) -> &[u8] {
        &self.block
    }
}

/// The fields of a directory as they are: their values, or where these lie.
fn entries_of(tags: Tags<'_>, directory: usize) -> Option<Vec<Entry>> {
    let fields = tags.entries(directory)?.chunks_exact(12);
    Some(
        fields
            .filter_map(|field| kept(field, tags.is_big_endian()))
            .collect(),
    )
}

fn kept(field: &[u8], big_endian: bool) -> Option<Entry> {
    let number = |at: usize, length: usize| {
        let bytes = field.get(at..at + length)?;
        let fold = |sum: usize, byte: &u8| (sum << 8) | usize::from(*byte);
        Some(if big_endian {
            bytes.iter().fold(0, fold)
        } else {
            bytes.iter().rev().fold(0, fold)
        })
    };
    let (tag, kind, count) = (number(0, 2)?, number(2, 2)?, number(4, 4)?);
    let slot = field.get(8..12)?.to_vec();
    Some((tag as u16, Value::Raw(kind as u16, count, slot)))
}

struct Writer {
    big_endian: bool,
}

impl Writer {
    fn u16(&self, value: u16) -> [u8; 2] {
        if self.big_endian {
            value.to_be_bytes()
        } else {
            value.to_le_bytes()
        }
    }

    fn u32(&self, value: u32) -> [u8; 4] {
        if self.big_endian {
            value.to_be_bytes()
        } else {
            value.to_le_bytes()
        }
    }

    /// Type, number of values, and their bytes.
    fn value(&self, value: Value) -> (u16, usize, Vec<u8>) {
        match value {
            Value::Raw(kind, count, bytes) => (kind, count, bytes),
            Value::Bytes(kind, bytes) => (kind, bytes.len(), bytes),
            Value::Shorts(values) => {
                let bytes = values.iter().flat_map(|v| self.u16(*v)).collect();
                (3, values.len(), bytes)
            }
            Value::Longs(values) => {
                let bytes = values.iter().flat_map(|v| self.u32(*v)).collect();
                (4, values.len(), bytes)
            }
            Value::Fraction(n, d) => (5, 1, [self.u32(n), self.u32(d)].concat()),
        }
    }

    /// Adds values and directory to `out`, which lies at `base`; where the directory is. `None`
    /// where positions have no 32 bits.
    fn directory(
        &self,
        out: &mut Vec<u8>,
        base: usize,
        mut entries: Vec<Entry>,
        successor: usize,
    ) -> Option<u32> {
        entries.sort_by_key(|(tag, _)| *tag);
        entries.dedup_by_key(|(tag, _)| *tag);
        let mut fields = Vec::with_capacity(entries.len() * 12);
        let count = u16::try_from(entries.len()).ok()?;
        for (tag, value) in entries {
            let (kind, count, mut bytes) = self.value(value);
            if bytes.len() > 4 {
                let at = u32::try_from(base + out.len()).ok()?;
                out.extend(bytes);
                out.resize(out.len().next_multiple_of(2), 0);
                bytes = self.u32(at).to_vec();
            }
            bytes.resize(4, 0);
            fields.extend(self.u16(tag));
            fields.extend(self.u16(kind));
            fields.extend(self.u32(u32::try_from(count).ok()?));
            fields.extend(bytes);
        }
        let at = u32::try_from(base + out.len()).ok()?;
        out.extend(self.u16(count));
        out.extend(fields);
        out.extend(self.u32(u32::try_from(successor).ok()?));
        Some(at)
    }
}

#[cfg(test)]
mod tests;

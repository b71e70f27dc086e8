//! [`Tags`]: the few fields of TIFF structures (TIFF files and EXIF blocks) that are needed here.
//! TIFF 6.0, section 2.

/// A byte block with the structure of a classic TIFF file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tags<'a> {
    bytes: &'a [u8],
    big_endian: bool,
}

/// One field of a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Field {
    /// Where the field's 12 bytes start.
    pub entry_at: usize,
    /// TIFF type number.
    pub kind: u16,
    /// Where its value starts.
    pub value_at: usize,
    /// Length of its value in bytes.
    pub length: usize,
}

impl<'a> Tags<'a> {
    /// The structure in `bytes`, if they start like one.
    pub(super) fn new(bytes: &'a [u8]) -> Option<Self> {
        let big_endian = match bytes.get(..4)? {
            b"II*\0" => false,
            b"MM\0*" => true,
            _ => return None,
        };
        Some(Self { bytes, big_endian })
    }

    pub(super) fn is_big_endian(&self) -> bool {
        self.big_endian
    }

    /// Where the first directory starts.
    pub(super) fn first_directory(&self) -> Option<usize> {
        self.u32_at(4).map(|at| at as usize).filter(|at| *at != 0)
    }

    /// Where the directory after this one starts.
    pub(super) fn next_directory(&self, directory: usize) -> Option<usize> {
        let link = self.link_at(directory)?;
        self.u32_at(link)
            .map(|at| at as usize)
            .filter(|at| *at != 0)
    }

    /// Where a directory keeps the position of its successor.
    pub(super) fn link_at(&self, directory: usize) -> Option<usize> {
        let count = usize::from(self.u16_at(directory)?);
        directory.checked_add(2 + count * 12)
    }

    /// The directory's own bytes: its fields, without count and link.
    pub(super) fn entries(&self, directory: usize) -> Option<&'a [u8]> {
        self.bytes.get(directory + 2..self.link_at(directory)?)
    }

    /// A field of a directory.
    pub(super) fn field(&self, directory: usize, tag: u16) -> Option<Field> {
        let count = usize::from(self.u16_at(directory)?);
        let entry_at = (0..count)
            .map(|i| directory + 2 + i * 12)
            .find(|at| self.u16_at(*at) == Some(tag))?;
        let kind = self.u16_at(entry_at + 2)?;
        let size = match kind {
            3 | 8 => 2,
            4 | 9 | 11 | 13 => 4,
            5 | 10 | 12 => 8,
            _ => 1,
        };
        let length = (self.u32_at(entry_at + 4)? as usize).checked_mul(size)?;
        let value_at = match length {
            0..=4 => entry_at + 8,
            _ => self.u32_at(entry_at + 8)? as usize,
        };
        self.bytes.get(value_at..value_at.checked_add(length)?)?;
        Some(Field {
            entry_at,
            kind,
            value_at,
            length,
        })
    }

    /// The first number of a field of whole numbers.
    pub(super) fn number(&self, directory: usize, tag: u16) -> Option<u32> {
        let field = self.field(directory, tag)?;
        match field.kind {
            3 => self.u16_at(field.value_at).map(u32::from),
            4 | 13 => self.u32_at(field.value_at),
            _ => None,
        }
    }

    /// The bytes of a field's value.
    pub(super) fn value(&self, field: Field) -> &'a [u8] {
        self.bytes
            .get(field.value_at..field.value_at + field.length)
            .unwrap_or_default()
    }

    fn u16_at(&self, at: usize) -> Option<u16> {
        let bytes = *self.bytes.get(at..)?.first_chunk()?;
        Some(if self.big_endian {
            u16::from_be_bytes(bytes)
        } else {
            u16::from_le_bytes(bytes)
        })
    }

    fn u32_at(&self, at: usize) -> Option<u32> {
        let bytes = *self.bytes.get(at..)?.first_chunk()?;
        Some(if self.big_endian {
            u32::from_be_bytes(bytes)
        } else {
            u32::from_le_bytes(bytes)
        })
    }
}

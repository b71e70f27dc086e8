//! [`Tags`]: the fields of TIFF structures: TIFF and BigTIFF files, and EXIF blocks.
//! TIFF 6.0, section 2; BigTIFF as libtiff documents it.

/// More fields than any directory has: a larger count is damage, not worth walking.
const MOST_FIELDS: u64 = 65_535;

/// A byte block with the structure of a TIFF file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tags<'a> {
    bytes: &'a [u8],
    big_endian: bool,
    /// BigTIFF: counts and positions of 64 bits.
    is_wide: bool,
}

/// One field of a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Field {
    /// What it is.
    pub tag: u16,
    /// TIFF type number.
    pub kind: u16,
    /// How many values.
    pub count: usize,
    /// Where the field itself starts.
    pub entry_at: usize,
    /// Where its value starts.
    pub value_at: usize,
    /// Length of its value in bytes.
    pub length: usize,
}

/// Bytes of one value of a TIFF type.
pub(super) const fn size_of_kind(kind: u16) -> usize {
    match kind {
        3 | 8 => 2,
        4 | 9 | 11 | 13 => 4,
        5 | 10 | 12 | 16..=18 => 8,
        _ => 1,
    }
}

impl<'a> Tags<'a> {
    /// The structure in `bytes`, if they start like one.
    pub(super) fn new(bytes: &'a [u8]) -> Option<Self> {
        let (big_endian, is_wide) = match bytes.get(..4)? {
            b"II*\0" => (false, false),
            b"MM\0*" => (true, false),
            b"II+\0" => (false, true),
            b"MM\0+" => (true, true),
            _ => return None,
        };
        Some(Self {
            bytes,
            big_endian,
            is_wide,
        })
    }

    pub(super) fn is_big_endian(&self) -> bool {
        self.big_endian
    }

    /// BigTIFF: fields of 20 bytes.
    pub(super) fn is_wide(&self) -> bool {
        self.is_wide
    }

    /// Where the first directory starts.
    pub(super) fn first_directory(&self) -> Option<usize> {
        self.position_at(if self.is_wide { 8 } else { 4 })
    }

    /// Where the directory after this one starts.
    pub(super) fn next_directory(&self, directory: usize) -> Option<usize> {
        self.position_at(self.link_at(directory)?)
    }

    /// Where a directory keeps the position of its successor.
    pub(super) fn link_at(&self, directory: usize) -> Option<usize> {
        let (first, count) = self.extent_of(directory)?;
        first.checked_add(count * self.entry_size())
    }

    /// The directory's own bytes: its fields, without count and link.
    pub(super) fn entries(&self, directory: usize) -> Option<&'a [u8]> {
        let (first, _) = self.extent_of(directory)?;
        self.bytes.get(first..self.link_at(directory)?)
    }

    /// The fields of a directory whose values lie in the block.
    pub(super) fn fields(&self, directory: usize) -> impl Iterator<Item = Field> {
        let (first, count) = self.extent_of(directory).unwrap_or((0, 0));
        (0..count).filter_map(move |i| self.field_at(first.checked_add(i * self.entry_size())?))
    }

    /// A field of a directory.
    pub(super) fn field(&self, directory: usize, tag: u16) -> Option<Field> {
        self.fields(directory).find(|field| field.tag == tag)
    }

    /// The first number of a field of whole numbers.
    pub(super) fn number(&self, directory: usize, tag: u16) -> Option<u32> {
        self.number_in(self.field(directory, tag)?, 0)
    }

    /// The `i`th number of a field of whole numbers.
    pub(super) fn number_in(&self, field: Field, i: usize) -> Option<u32> {
        let at = field
            .value_at
            .checked_add(i.checked_mul(size_of_kind(field.kind))?)?;
        if i >= field.count {
            return None;
        }
        match field.kind {
            3 => self.u16_at(at).map(u32::from),
            4 | 13 => self.u32_at(at),
            16 | 18 => self.u64_at(at).and_then(|value| value.try_into().ok()),
            _ => None,
        }
    }

    /// The first fraction of a field of fractions.
    pub(super) fn fraction(&self, directory: usize, tag: u16) -> Option<(u32, u32)> {
        let field = self.field(directory, tag)?;
        let is_fraction = field.kind == 5 && field.count > 0;
        is_fraction.then_some(())?;
        Some((
            self.u32_at(field.value_at)?,
            self.u32_at(field.value_at + 4)?,
        ))
    }

    /// The bytes of a field's value.
    pub(super) fn value(&self, field: Field) -> &'a [u8] {
        self.bytes
            .get(field.value_at..field.value_at + field.length)
            .unwrap_or_default()
    }

    const fn entry_size(&self) -> usize {
        if self.is_wide { 20 } else { 12 }
    }

    /// Where the first field of a directory starts, and how many there are.
    fn extent_of(&self, directory: usize) -> Option<(usize, usize)> {
        if self.is_wide {
            let count = self.u64_at(directory).filter(|n| *n <= MOST_FIELDS)?;
            Some((directory.checked_add(8)?, count as usize))
        } else {
            let count = self.u16_at(directory)?;
            Some((directory.checked_add(2)?, usize::from(count)))
        }
    }

    fn field_at(&self, entry_at: usize) -> Option<Field> {
        let tag = self.u16_at(entry_at)?;
        let kind = self.u16_at(entry_at.checked_add(2)?)?;
        let (count, slot_at, slot) = if self.is_wide {
            let count = self.u64_at(entry_at.checked_add(4)?)?;
            (usize::try_from(count).ok()?, entry_at.checked_add(12)?, 8)
        } else {
            let count = self.u32_at(entry_at.checked_add(4)?)?;
            (count as usize, entry_at.checked_add(8)?, 4)
        };
        let length = count.checked_mul(size_of_kind(kind))?;
        let value_at = if length <= slot {
            slot_at
        } else if self.is_wide {
            usize::try_from(self.u64_at(slot_at)?).ok()?
        } else {
            self.u32_at(slot_at)? as usize
        };
        self.bytes.get(value_at..value_at.checked_add(length)?)?;
        Some(Field {
            tag,
            kind,
            count,
            entry_at,
            value_at,
            length,
        })
    }

    fn position_at(&self, at: usize) -> Option<usize> {
        let position = if self.is_wide {
            usize::try_from(self.u64_at(at)?).ok()?
        } else {
            self.u32_at(at)? as usize
        };
        (position != 0).then_some(position)
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

    fn u64_at(&self, at: usize) -> Option<u64> {
        let bytes = *self.bytes.get(at..)?.first_chunk()?;
        Some(if self.big_endian {
            u64::from_be_bytes(bytes)
        } else {
            u64::from_le_bytes(bytes)
        })
    }
}

//! Frames: how records lie in a journal's file, one after another, each with its length and
//! checksum, so that a torn or damaged tail is told from what is whole.
//!
//! A file is [`MAGIC`] and then frames of `length u32 · CRC-32 of the body u32 · body`, numbers in
//! little endian. A body is a record in [postcard](https://docs.rs/postcard), deflated.

use std::io::{BufWriter, Read as _};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What a journal begins with; the digit is the version of everything behind it.
pub(super) const MAGIC: &[u8; 8] = b"OVPJRNL1";
const HEAD: usize = 8;

/// What a frame should be like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effort {
    /// Made at once, as large as its record.
    Fast,
    /// Deflated.
    Small,
}

/// A record as a frame, to be appended.
pub(super) fn frame<R: Serialize>(record: &R, effort: Effort) -> std::io::Result<Vec<u8>> {
    let level = match effort {
        Effort::Fast => Compression::none(),
        Effort::Small => Compression::fast(),
    };
    // postcard writes byte by byte, and each write costs the encoder a look at all its output.
    let deflater = ZlibEncoder::new(vec![0; HEAD], level);
    let buffer = BufWriter::with_capacity(1 << 20, deflater);
    let buffer = postcard::to_io(record, buffer).map_err(std::io::Error::other)?;
    let deflater = buffer.into_inner().map_err(std::io::Error::from)?;
    let mut frame = deflater.finish()?;
    let (head, body) = frame.split_at_mut(HEAD);
    let length = u32::try_from(body.len()).map_err(std::io::Error::other)?;
    let sum = crc32fast::hash(body);
    for (slot, byte) in head
        .iter_mut()
        .zip(length.to_le_bytes().into_iter().chain(sum.to_le_bytes()))
    {
        *slot = byte;
    }
    Ok(frame)
}

/// The whole frames at the beginning of a journal's bytes, as records, each with the position
/// where its frame ends. Stops for good at the first that is not whole.
pub(super) struct Frames<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Frames<'a> {
    /// `None` when the bytes do not begin as a journal does.
    pub(super) fn of(bytes: &'a [u8]) -> Option<Self> {
        bytes.starts_with(MAGIC).then_some(Self {
            bytes,
            at: MAGIC.len(),
        })
    }

    /// The next record and the position behind its frame.
    pub(super) fn next<R: DeserializeOwned>(&mut self) -> Option<(R, usize)> {
        let rest = self.bytes.get(self.at..)?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let (sum, rest) = rest.split_first_chunk::<4>()?;
        let body = rest.get(..u32::from_le_bytes(*length) as usize)?;
        if crc32fast::hash(body) != u32::from_le_bytes(*sum) {
            return None;
        }
        let mut record = Vec::new();
        ZlibDecoder::new(body).read_to_end(&mut record).ok()?;
        let record = postcard::from_bytes(&record).ok()?;
        self.at += HEAD + body.len();
        Some((record, self.at))
    }
}

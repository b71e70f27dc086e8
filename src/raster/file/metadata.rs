//! Texts in PNG files. PNG specification (third edition), section 11.3.3.

use std::io::Write;

use png::text_metadata::{ITXtChunk, TEXtChunk};

/// Keyword under which generated pictures carry their settings as text.
pub const PARAMETERS_KEYWORD: &str = "parameters";
/// Keyword under which Overpaint's own settings lie, as JSON.
pub const OWN_KEYWORD: &str = "overpaint";

/// Compressed texts that unpack to more than this are left out: they are no settings.
const LONGEST_TEXT: usize = 16 << 20;

/// All texts of a PNG file by keyword.
pub(super) fn texts(info: &png::Info<'_>) -> Vec<(String, String)> {
    let plain = info
        .uncompressed_latin1_text
        .iter()
        .map(|chunk| (chunk.keyword.clone(), chunk.text.clone()));
    let compressed = info.compressed_latin1_text.iter().filter_map(|chunk| {
        let mut chunk = chunk.clone();
        chunk.decompress_text_with_limit(LONGEST_TEXT).ok()?;
        Some((chunk.keyword.clone(), chunk.get_text().ok()?))
    });
    let unicode = info.utf8_text.iter().filter_map(|chunk| {
        let mut chunk = chunk.clone();
        chunk.decompress_text_with_limit(LONGEST_TEXT).ok()?;
        Some((chunk.keyword.clone(), chunk.get_text().ok()?))
    });
    plain.chain(compressed).chain(unicode).collect()
}

/// Writes a text: as `tEXt` where Latin-1 suffices, else as `iTXt`, which is what other programs
/// do and read.
pub(super) fn write_text<W: Write>(
    writer: &mut png::Writer<W>,
    keyword: &str,
    text: &str,
) -> Result<(), png::EncodingError> {
    if text.chars().all(|c| u32::from(c) < 256 && c != '\0') {
        writer.write_text_chunk(&TEXtChunk::new(keyword, text))
    } else {
        writer.write_text_chunk(&ITXtChunk::new(keyword, text))
    }
}

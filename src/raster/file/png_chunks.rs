//! The chunks of a PNG beside its pixels: texts, XMP, size in print, colours.
//! PNG specification (third edition), 5.3 and 11.3.

use std::io::{Read as _, Write as _};

use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;

use super::origin::TextForm;
use super::png_colour::PngColour;
use super::resolution::Resolution;

/// Under this keyword an iTXt chunk is no text but an XMP packet.
const XMP_KEYWORD: &str = "XML:com.adobe.xmp";
/// What compressed texts of one file may unpack to together: beyond that they are no texts.
const LONGEST_TEXTS: u64 = 64 << 20;

/// What the chunks say.
#[derive(Debug, Default)]
pub(super) struct PngChunks {
    pub resolution: Option<Resolution>,
    pub colour: PngColour,
    pub texts: Vec<Text>,
    pub xmp: Option<Vec<u8>>,
    /// There are chunks that cannot be true of an edited picture, or mean nothing here.
    pub has_more: bool,
}

/// One text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text {
    pub keyword: String,
    pub content: String,
    pub form: TextForm,
}

/// Reads the chunks of a file; those that are damaged are passed over.
pub(super) fn read(bytes: &[u8]) -> PngChunks {
    let mut found = PngChunks::default();
    let mut unpacking = Unpacking(LONGEST_TEXTS);
    for (kind, data) in Chunks(bytes.get(8..).unwrap_or_default()) {
        match &kind {
            b"pHYs" => found.resolution = resolution(data),
            b"tEXt" | b"zTXt" | b"iTXt" => {
                let text = match &kind {
                    b"tEXt" => latin(data),
                    b"zTXt" => packed_latin(data, &mut unpacking),
                    _ => unicode(data, &mut unpacking),
                };
                match text {
                    Some(text) if text.keyword == XMP_KEYWORD => {
                        found.xmp = Some(text.content.into_bytes());
                    }
                    text => found.texts.extend(text),
                }
            }
            b"gAMA" | b"cHRM" | b"sRGB" | b"cICP" => found.colour.take(kind, data),
            // Signed statements about the picture; brightness of a display that it was made for.
            b"caBX" | b"mDCV" | b"cLLI" => found.has_more = true,
            _ => {}
        }
    }
    found
}

/// Kind and data of whole chunks whose checksums are right.
struct Chunks<'a>(&'a [u8]);

impl<'a> Iterator for Chunks<'a> {
    type Item = ([u8; 4], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (length, rest) = self.0.split_first_chunk::<4>()?;
            let length = u32::from_be_bytes(*length) as usize;
            let body = rest.get(..length.checked_add(4)?)?;
            let (sum, after) = rest.get(body.len()..)?.split_first_chunk::<4>()?;
            self.0 = after;
            let (kind, data) = body.split_first_chunk::<4>()?;
            if crc32fast::hash(body) == u32::from_be_bytes(*sum) {
                return Some((*kind, data));
            }
        }
    }
}

fn resolution(data: &[u8]) -> Option<Resolution> {
    let (x, rest) = data.split_first_chunk::<4>()?;
    let (y, rest) = rest.split_first_chunk::<4>()?;
    Resolution::from_png(
        u32::from_be_bytes(*x),
        u32::from_be_bytes(*y),
        *rest.first()?,
    )
}

fn from_latin(bytes: &[u8]) -> String {
    bytes.iter().map(|b| char::from(*b)).collect()
}

/// The bytes before the next 0, and those after it.
fn until_zero(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = data.iter().position(|b| *b == 0)?;
    Some((data.get(..at)?, data.get(at + 1..)?))
}

fn latin(data: &[u8]) -> Option<Text> {
    let (keyword, text) = until_zero(data)?;
    Some(Text {
        keyword: from_latin(keyword),
        content: from_latin(text),
        form: TextForm::Latin,
    })
}

fn packed_latin(data: &[u8], unpacking: &mut Unpacking) -> Option<Text> {
    let (keyword, rest) = until_zero(data)?;
    let (_method, packed) = rest.split_first()?;
    Some(Text {
        keyword: from_latin(keyword),
        content: from_latin(&unpacking.unpack(packed)?),
        form: TextForm::LatinPacked,
    })
}

fn unicode(data: &[u8], unpacking: &mut Unpacking) -> Option<Text> {
    let (key, rest) = until_zero(data)?;
    let (packed, rest) = rest.split_first()?;
    let (_method, rest) = rest.split_first()?;
    let (language, rest) = until_zero(rest)?;
    let (keyword, text) = until_zero(rest)?;
    let packed = *packed == 1;
    let text = if packed {
        unpacking.unpack(text)?
    } else {
        text.to_vec()
    };
    Some(Text {
        keyword: from_latin(key),
        content: String::from_utf8(text).ok()?,
        form: TextForm::Unicode {
            packed,
            language: from_latin(language),
            keyword: String::from_utf8(keyword.to_vec()).ok()?,
        },
    })
}

/// How much may still be unpacked.
struct Unpacking(u64);

impl Unpacking {
    fn unpack(&mut self, packed: &[u8]) -> Option<Vec<u8>> {
        let mut text = Vec::new();
        let read = ZlibDecoder::new(packed).take(self.0 + 1);
        { read }.read_to_end(&mut text).ok()?;
        self.0 = self.0.checked_sub(text.len() as u64)?;
        Some(text)
    }
}

/// A text as a chunk: in its form where its letters allow it, else as `tEXt` where Latin-1
/// suffices and as `iTXt` otherwise, which is what other programs do and read. `None` where PNG
/// has no such keyword.
pub(super) fn text_chunk(
    keyword: &str,
    text: &str,
    form: Option<&TextForm>,
) -> Option<([u8; 4], Vec<u8>)> {
    let key = to_latin(keyword).filter(|key| (1..=79).contains(&key.len()))?;
    let latin = to_latin(text);
    let mut data = key;
    data.push(0);
    match (form, latin) {
        (Some(TextForm::LatinPacked), Some(text)) => {
            data.push(0);
            data.extend(pack(&text));
            Some((*b"zTXt", data))
        }
        (Some(TextForm::Latin) | None, Some(text)) => {
            data.extend(text);
            Some((*b"tEXt", data))
        }
        (
            Some(TextForm::Unicode {
                packed,
                language,
                keyword,
            }),
            _,
        ) => {
            data.extend([u8::from(*packed), 0]);
            data.extend(to_latin(language).unwrap_or_default());
            data.push(0);
            data.extend(keyword.bytes());
            data.push(0);
            if *packed {
                data.extend(pack(text.as_bytes()));
            } else {
                data.extend(text.bytes());
            }
            Some((*b"iTXt", data))
        }
        (_, None) => {
            data.extend([0; 4]);
            data.extend(text.bytes());
            Some((*b"iTXt", data))
        }
    }
}

/// An XMP packet as a chunk.
pub(super) fn xmp_chunk(packet: &[u8]) -> ([u8; 4], Vec<u8>) {
    let mut data = XMP_KEYWORD.as_bytes().to_vec();
    data.extend([0; 5]);
    data.extend_from_slice(packet);
    (*b"iTXt", data)
}

/// A resolution as a chunk.
pub(super) fn resolution_chunk(resolution: Resolution) -> Option<([u8; 4], Vec<u8>)> {
    let (x, y, unit) = resolution.to_png()?;
    let data = [&x.to_be_bytes()[..], &y.to_be_bytes(), &[unit]].concat();
    Some((*b"pHYs", data))
}

/// Latin-1 without 0, which ends texts in chunks.
fn to_latin(text: &str) -> Option<Vec<u8>> {
    let byte = |c: char| u8::try_from(u32::from(c)).ok().filter(|b| *b != 0);
    text.chars().map(byte).collect()
}

fn pack(text: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    // Writing to memory does not fail.
    match encoder.write_all(text) {
        Ok(()) => encoder.finish().unwrap_or_default(),
        Err(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file(chunks: &[([u8; 4], Vec<u8>)]) -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
        for (kind, data) in chunks {
            let body = [&kind[..], data].concat();
            bytes.extend((data.len() as u32).to_be_bytes());
            bytes.extend(&body);
            bytes.extend(crc32fast::hash(&body).to_be_bytes());
        }
        bytes
    }

    fn sample() -> Vec<u8> {
        let itxt = TextForm::Unicode {
            packed: true,
            language: "de".to_owned(),
            keyword: "Titel".to_owned(),
        };
        file(&[
            resolution_chunk(Resolution::from_png(11811, 11810, 1).unwrap()).unwrap(),
            text_chunk("Title", "Grüße 貓", Some(&itxt)).unwrap(),
            text_chunk("Comment", "plain", Some(&TextForm::LatinPacked)).unwrap(),
            text_chunk("Author", "Zoë", None).unwrap(),
            xmp_chunk(b"<x:xmpmeta/>"),
            (*b"gAMA", 45_455u32.to_be_bytes().to_vec()),
        ])
    }

    #[test]
    fn chunks_come_back_in_their_form() {
        let found = read(&sample());
        assert_eq!(found.resolution, Resolution::from_png(11811, 11810, 1));
        assert_eq!(found.xmp.as_deref(), Some(&b"<x:xmpmeta/>"[..]));
        assert_eq!(found.colour.gamma, Some(45_455));
        let forms: Vec<_> = found.texts.iter().map(|text| &text.form).collect();
        assert!(
            matches!(forms[0], TextForm::Unicode { packed: true, language, .. } if language == "de")
        );
        assert_eq!(forms[1..], [&TextForm::LatinPacked, &TextForm::Latin]);
        let texts: Vec<_> = found
            .texts
            .iter()
            .map(|text| text.content.as_str())
            .collect();
        assert_eq!(texts, ["Grüße 貓", "plain", "Zoë"]);
        assert_eq!(text_chunk("", "x", None), None);
        assert_eq!(
            text_chunk("x", "貓", Some(&TextForm::Latin)).unwrap().0,
            *b"iTXt"
        );
    }

    #[test]
    fn a_text_that_unpacks_to_too_much_is_left_out() {
        let big = vec![b'x'; LONGEST_TEXTS as usize + 1];
        let data = [&b"Comment\0\0"[..], &pack(&big)].concat();
        let bytes = file(&[(*b"zTXt", data), text_chunk("Author", "me", None).unwrap()]);
        assert_eq!(read(&bytes).texts.len(), 1);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(noise in proptest::collection::vec(any::<u8>(), 0..300)) {
            read(&noise);
            for kind in [*b"tEXt", *b"zTXt", *b"iTXt", *b"pHYs", *b"cHRM", *b"cICP"] {
                let found = read(&file(&[(kind, noise.clone())]));
                found.colour.meaning(false);
                found.colour.meaning_of_cicp();
            }
        }

        #[test]
        fn any_damage_is_read_without_harm(at in 0usize..400, value: u8) {
            let mut bytes = sample();
            let at = at % bytes.len();
            bytes[at] = value;
            read(&bytes);
            read(&bytes[..at]);
        }
    }
}

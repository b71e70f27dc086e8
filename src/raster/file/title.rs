//! The title of a picture, where its file has one.

use super::FileOrigin;
use super::tags::Tags;

/// ImageDescription of TIFF and EXIF: what cameras and archives call the picture.
const DESCRIPTION: u16 = 0x010e;
/// XPTitle, written by Windows: UTF-16, little end first.
const XP_TITLE: u16 = 0x9c9b;

impl FileOrigin {
    /// What the picture is called: the `Title` of a PNG, or of its EXIF block XPTitle or
    /// ImageDescription; `None` where there is none, or only blanks.
    pub fn title(&self) -> Option<String> {
        let exif = || self.exif.as_ref();
        let titles = [
            self.text("Title").map(str::to_owned),
            exif().and_then(|block| xp_title(block)),
            exif().and_then(|block| description(block)),
        ];
        let trimmed = titles
            .into_iter()
            .flatten()
            .map(|title| title.trim().to_owned());
        trimmed.into_iter().find(|title| !title.is_empty())
    }
}

fn xp_title(exif: &[u8]) -> Option<String> {
    let units: Vec<u16> = value(exif, XP_TITLE)?
        .as_chunks::<2>()
        .0
        .iter()
        .map(|unit| u16::from_le_bytes(*unit))
        .take_while(|unit| *unit != 0)
        .collect();
    Some(String::from_utf16_lossy(&units))
}

fn description(exif: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(value(exif, DESCRIPTION)?);
    Some(text.trim_end_matches('\0').to_owned())
}

fn value(exif: &[u8], tag: u16) -> Option<&[u8]> {
    let tags = Tags::new(exif)?;
    Some(tags.value(tags.field(tags.first_directory()?, tag)?))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::exif::{Edit, Value};
    use super::*;

    fn titled(entries: &[(u16, Value)]) -> Option<String> {
        let exif = Edit::new(true).finish(entries).unwrap();
        let origin = FileOrigin {
            exif: Some(Arc::new(exif)),
            ..FileOrigin::default()
        };
        origin.title()
    }

    #[test]
    fn titles_are_found_where_programs_put_them() {
        let description = (DESCRIPTION, Value::Bytes(2, b"Rome, at noon\0".to_vec()));
        assert_eq!(
            titled(std::slice::from_ref(&description)).as_deref(),
            Some("Rome, at noon")
        );
        let utf16: Vec<u8> = "羅馬\0".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let both = [description, (XP_TITLE, Value::Bytes(1, utf16))];
        assert_eq!(titled(&both).as_deref(), Some("羅馬"));
        assert_eq!(
            titled(&[(DESCRIPTION, Value::Bytes(2, b"     \0".to_vec()))]),
            None
        );
        assert_eq!(FileOrigin::default().title(), None);
    }
}

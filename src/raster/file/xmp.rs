//! XMP packets: what of them cannot be true of an edited, upright picture. They are not parsed
//! beyond that, and no byte changes its place. XMP specification part 1; EXIF for XMP.

/// Where a packet says how the picture is turned.
const ORIENTATION: &[u8] = b"tiff:Orientation";
/// What encloses a thumbnail in base64.
const THUMBNAIL: (&[u8], &[u8]) = (b"<xmpGImg:image>", b"</xmpGImg:image>");

/// Says that the picture is upright, and blanks thumbnails, which would show it as it was.
pub(super) fn set_upright(packet: &mut [u8]) {
    for at in places(packet, ORIENTATION) {
        let is_end = at > 0 && packet.get(at - 1) == Some(&b'/');
        let after = at + ORIENTATION.len();
        let value = packet.get_mut(after..).unwrap_or_default();
        if is_end {
            continue;
        }
        if let [b'>', digit, ..] | [b'=', b'"' | b'\'', digit, ..] = value
            && digit.is_ascii_digit()
        {
            *digit = b'1';
        }
    }
    let (start, end) = THUMBNAIL;
    for at in places(packet, start) {
        let data = packet.get_mut(at + start.len()..).unwrap_or_default();
        let Some(length) = data.windows(end.len()).position(|part| part == end) else {
            return;
        };
        if let Some(data) = data.get_mut(..length) {
            data.fill(b' ');
        }
    }
}

fn places(packet: &[u8], wanted: &[u8]) -> Vec<usize> {
    let windows = packet.windows(wanted.len()).enumerate();
    windows
        .filter(|(_, part)| *part == wanted)
        .map(|(at, _)| at)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn turns_and_thumbnails_are_taken_back_in_place() {
        for (before, after) in [
            (
                r#"<a tiff:Orientation="6" b="8"/>"#,
                r#"<a tiff:Orientation="1" b="8"/>"#,
            ),
            (
                "<tiff:Orientation>8</tiff:Orientation>6",
                "<tiff:Orientation>1</tiff:Orientation>6",
            ),
            (
                "<xmpGImg:image>/9j/4AAQ</xmpGImg:image>",
                "<xmpGImg:image>        </xmpGImg:image>",
            ),
            ("<xmpGImg:image>/9j/4", "<xmpGImg:image>/9j/4"),
            ("tiff:Orientation", "tiff:Orientation"),
            ("6 dogs", "6 dogs"),
        ] {
            let mut packet = before.as_bytes().to_vec();
            set_upright(&mut packet);
            assert_eq!(String::from_utf8(packet).unwrap(), after);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(noise in proptest::collection::vec(any::<u8>(), 0..60)) {
            for start in [ORIENTATION, THUMBNAIL.0, b""] {
                let mut packet = [start, &noise[..]].concat();
                let length = packet.len();
                set_upright(&mut packet);
                assert_eq!(packet.len(), length);
            }
        }
    }
}

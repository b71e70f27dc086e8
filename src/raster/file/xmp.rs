//! XMP packets: what of them cannot be true of an edited, upright picture. They are not parsed
//! beyond that, and no byte changes its place. XMP specification part 1; EXIF for XMP; Google's
//! motion photo and Ultra HDR formats.

/// Properties of one digit, and what is true of an upright picture without a film behind it.
const DIGITS: [(&[u8], u8); 3] = [
    (b"tiff:Orientation", b'1'),
    (b"Camera:MotionPhoto", b'0'),
    (b"Camera:MicroVideo", b'0'),
];
/// Begins the properties of a gain map, which lies behind the picture.
const GAIN_MAP: &[u8] = b"hdrgm:Version";
/// What encloses a thumbnail in base64.
const THUMBNAIL: (&[u8], &[u8]) = (b"<xmpGImg:image>", b"</xmpGImg:image>");

/// Says that the picture is upright and alone, and blanks thumbnails, which would show it as it
/// was. True when a film or a gain map came with it.
pub(super) fn make_true(packet: &mut [u8]) -> bool {
    let mut has_more = !places(packet, GAIN_MAP).is_empty();
    for (name, truth) in DIGITS {
        for at in places(packet, name) {
            let is_end = at > 0 && packet.get(at - 1) == Some(&b'/');
            let value = packet.get_mut(at + name.len()..).unwrap_or_default();
            if let [b'>', digit, ..] | [b'=', b'"' | b'\'', digit, ..] = value
                && digit.is_ascii_digit()
                && !is_end
            {
                has_more |= truth == b'0' && *digit != truth;
                *digit = truth;
            }
        }
    }
    let (start, end) = THUMBNAIL;
    for at in places(packet, start) {
        let data = packet.get_mut(at + start.len()..).unwrap_or_default();
        let Some(length) = data.windows(end.len()).position(|part| part == end) else {
            break;
        };
        if let Some(data) = data.get_mut(..length) {
            data.fill(b' ');
        }
    }
    has_more
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
            (
                r#"GCamera:MotionPhoto="1" GCamera:MotionPhotoVersion="1""#,
                r#"GCamera:MotionPhoto="0" GCamera:MotionPhotoVersion="1""#,
            ),
        ] {
            let mut packet = before.as_bytes().to_vec();
            let has_more = make_true(&mut packet);
            assert_eq!(has_more, before.contains("Motion"), "{before}");
            assert_eq!(String::from_utf8(packet).unwrap(), after);
        }
    }

    #[test]
    fn a_gain_map_is_noticed() {
        assert!(make_true(&mut br#"<a hdrgm:Version="1.0"/>"#.to_vec()));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(noise in proptest::collection::vec(any::<u8>(), 0..60)) {
            for start in [DIGITS[0].0, DIGITS[1].0, THUMBNAIL.0, b""] {
                let mut packet = [start, &noise[..]].concat();
                let length = packet.len();
                make_true(&mut packet);
                assert_eq!(packet.len(), length);
            }
        }
    }
}

//! The blocks of a GIF beside its pixels: how many pictures there are, comments, shape of a pixel,
//! XMP. GIF89a specification; XMP specification part 3, 1.1.2.

use super::resolution::{Resolution, ResolutionUnit};

/// What the blocks say.
#[derive(Debug, Default)]
pub(super) struct GifBlocks {
    /// Pictures, counted up to two.
    pub frames: u32,
    pub comments: Vec<Vec<u8>>,
    pub resolution: Option<Resolution>,
    pub xmp: Option<Vec<u8>>,
    /// The end mark was found.
    pub is_whole: bool,
}

const XMP: &[u8] = b"XMP DataXMP";
/// What follows an XMP packet, so that readers which do not know it find the end.
const XMP_TAIL: usize = 257;

/// Walks the blocks of a file.
pub(super) fn read(bytes: &[u8]) -> GifBlocks {
    let mut found = GifBlocks::default();
    walk(bytes, &mut found);
    found
}

fn walk(bytes: &[u8], found: &mut GifBlocks) -> Option<()> {
    let [flags, _, aspect] = bytes.get(10..13)? else {
        return None;
    };
    if *aspect != 0 {
        let x_by_y = (u32::from(*aspect) + 15, 64);
        // Pixels that are wide lie less densely.
        let dense = (x_by_y.1, x_by_y.0);
        found.resolution = Resolution::new(dense, (1, 1), ResolutionUnit::Aspect);
    }
    let mut rest = bytes.get(13 + table_bytes(*flags)..)?;
    loop {
        match rest {
            [0x21, label, after @ ..] => {
                let (data, end) = sub_blocks(after)?;
                match label {
                    0xFE => found.comments.push(data),
                    0xFF if data.starts_with(XMP) => {
                        let raw = after.get(1 + XMP.len()..after.len() - end.len())?;
                        let packet = raw.get(..raw.len().checked_sub(XMP_TAIL + 1)?)?;
                        found.xmp = Some(packet.to_vec());
                    }
                    _ => {}
                }
                rest = end;
            }
            [0x2C, after @ ..] => {
                found.frames = (found.frames + 1).min(2);
                let flags = after.get(8)?;
                // Nine bytes of place and flags, the table, the size of codes.
                rest = sub_blocks(after.get(10 + table_bytes(*flags)..)?)?.1;
            }
            [0x3B, ..] => {
                found.is_whole = true;
                return None;
            }
            _ => return None,
        }
    }
}

const fn table_bytes(flags: u8) -> usize {
    if flags & 0x80 == 0 {
        0
    } else {
        3 << ((flags & 7) + 1)
    }
}

/// The data of a chain of blocks, and what follows it.
fn sub_blocks(mut rest: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut data = Vec::new();
    loop {
        let (length, after) = rest.split_first()?;
        if *length == 0 {
            return Some((data, after));
        }
        let (block, after) = after.split_at_checked(usize::from(*length))?;
        data.extend_from_slice(block);
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample() -> Vec<u8> {
        let mut file = b"GIF89a\x02\0\x02\0\x80\0\x31\0\0\0\xFF\xFF\xFF".to_vec();
        file.extend(b"\x21\xFE\x03abc\x02de\0");
        file.extend(b"\x21\xFF\x0BXMP DataXMP<x:xmpmeta/>\x01");
        file.extend((0..=255u8).rev());
        file.push(0);
        file.extend(b"\x2C\0\0\0\0\x02\0\x02\0\0\x02\x03\x44\x02\x05\0\x3B");
        file
    }

    #[test]
    fn blocks_are_understood() {
        let found = read(&sample());
        assert_eq!((found.frames, found.is_whole), (1, true));
        assert_eq!(found.comments, [b"abcde"]);
        assert_eq!(found.xmp.as_deref(), Some(&b"<x:xmpmeta/>"[..]));
        assert_eq!(found.resolution, None, "64/64 is square");
        let mut wide = sample();
        wide[12] = 113;
        let pixels = Resolution::new((64, 128), (1, 1), ResolutionUnit::Aspect);
        assert_eq!(read(&wide).resolution, pixels, "twice as wide as high");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(
            noise in proptest::collection::vec(any::<u8>(), 0..200), at in 0usize..400, value: u8,
        ) {
            read(&noise);
            read(&[&b"GIF89a\x02\0\x02\0\x80\0\x31"[..], &noise].concat());
            let mut file = sample();
            let at = at % file.len();
            file[at] = value;
            read(&file);
            read(&file[..at]);
        }
    }
}

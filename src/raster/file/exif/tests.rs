use super::*;

/// Little-endian: orientation 6, a maker note at an odd place, a thumbnail of four bytes.
fn camera() -> Vec<u8> {
    let w = Writer { big_endian: false };
    let mut block = b"II*\0\x08\0\0\0".to_vec();
    let mut put = |at: usize, entries: Vec<Entry>, successor| {
        block.resize(at, 0);
        let mut out = Vec::new();
        assert_eq!(
            w.directory(&mut out, at, entries, successor),
            Some(at as u32)
        );
        block.extend(out);
    };
    let maker_note = Value::Raw(7, 5, 201u32.to_le_bytes().to_vec());
    put(
        8,
        vec![
            (0x0112, Value::Shorts(vec![6])),
            (EXIF_DIRECTORY, Value::Longs(vec![60])),
        ],
        120,
    );
    put(60, vec![(0x927C, maker_note)], 0);
    put(
        120,
        vec![
            (THUMBNAIL_AT, Value::Longs(vec![180])),
            (THUMBNAIL_LENGTH, Value::Longs(vec![4])),
        ],
        0,
    );
    block.resize(180, 0);
    block.extend(b"JPEG");
    block.resize(201, 0);
    block.extend(b"maker");
    block
}

#[test]
fn a_block_that_ends_in_its_head_is_not_understood() {
    for length in 0..8 {
        assert!(Edit::begin(b"II*\0\x08\0\0\0"[..length].to_vec()).is_none());
    }
    assert!(Edit::begin(b"II*\0\0\0\0\0".to_vec()).is_some());
}

#[test]
fn cleaning_turns_upright_and_forgets_the_thumbnail() {
    let mut wrapped = b"Exif\0\0".to_vec();
    wrapped.extend(camera());
    let (block, orientation) = cleaned(wrapped);
    assert_eq!(orientation, Orientation::Rotate90);
    assert_eq!(
        Orientation::from_exif_chunk(&block),
        Some(Orientation::NoTransforms)
    );
    assert!(!block.windows(4).any(|w| w == b"JPEG"));
    assert!(block.ends_with(b"maker"));
    assert_eq!(cleaned(block.clone()).0, block);
}

#[test]
fn comments_are_added_replaced_and_read_back() {
    for start in [None, Some(camera())] {
        let text = "a cat, 貓 😀\nSteps: 20";
        let first = with_user_comment(start.as_deref(), Some("older")).unwrap();
        let block = with_user_comment(Some(&first), Some(text)).unwrap();
        assert_eq!(user_comment(&block).as_deref(), Some(text));
        let older: Vec<u8> = "older".encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert!(
            !block.windows(10).any(|part| part == older),
            "not readable any more"
        );
        let bare = with_user_comment(Some(&block), None).unwrap();
        assert_eq!(user_comment(&bare), None);
        if start.is_some() {
            assert_eq!(
                block.get(201..206),
                Some(&b"maker"[..]),
                "positions are kept"
            );
            assert_eq!(
                Orientation::from_exif_chunk(&block),
                Some(Orientation::Rotate90)
            );
        }
    }
}

#[test]
fn a_resolution_is_added_and_read_back() {
    let fine = Resolution::from_tiff((3_000_001, 10_000), (118, 1), 3).unwrap();
    for start in [None, Some(camera())] {
        let block = with_resolution(start.as_deref(), fine).unwrap();
        assert_eq!(resolution(&block), Some(fine));
        let again = with_resolution(Some(&block), fine.turned()).unwrap();
        assert_eq!(resolution(&again), Some(fine.turned()));
    }
}

#[test]
fn broken_blocks_do_no_harm() {
    let good = with_user_comment(Some(&camera()), Some("x")).unwrap();
    for cut in 0..good.len() {
        let part = good[..cut].to_vec();
        user_comment(&part);
        with_user_comment(Some(&part), Some("y"));
        cleaned(part);
    }
    let mut noise = good.clone();
    for i in 4..noise.len() {
        noise[i] = 0xFF;
        user_comment(&noise);
        cleaned(noise.clone());
        noise[i] = good[i];
    }
    assert_eq!(user_comment(b"II*\0\xFF\xFF\xFF\xFF"), None);
}

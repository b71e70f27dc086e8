//! What a file carried beside pixels and profile, through loading and saving.

use std::sync::Arc;

use super::tests::opened;
use super::*;

pub(super) fn again(
    loaded: &LoadedPicture,
    name: &str,
    options: &SaveOptions,
) -> (LoadedPicture, Vec<PictureNote>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    let notes = save(&path, &loaded.picture, &loaded.origin, options).unwrap();
    (load(&path).unwrap(), notes)
}

fn with_recipe() -> SaveOptions {
    SaveOptions {
        recipe: Some(RecipeText {
            parameters: "cat\nSteps: 2, Sampler: DDIM, Seed: 1".to_owned(),
            json: "{}".to_owned(),
        }),
        ..SaveOptions::default()
    }
}

fn dense() -> Resolution {
    Resolution::from_jfif(300, 240, 1).unwrap()
}

#[test]
fn resolution_xmp_and_comments_travel_between_png_and_jpeg() {
    let mut loaded = opened("rgb8.png");
    let packet = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>".to_vec();
    loaded.origin.carried = Carried {
        resolution: Some(dense()),
        xmp: Some(Arc::new(packet.clone())),
        comments: vec!["Grüße, 貓".into()],
        ..Carried::default()
    };
    let (jpeg, notes) = again(&loaded, "out.jpg", &SaveOptions::default());
    assert!(notes.is_empty(), "{notes:?}");
    assert_eq!(jpeg.origin.carried, loaded.origin.carried);
    let (png, notes) = again(&jpeg, "out.png", &with_recipe());
    assert!(notes.is_empty(), "{notes:?}");
    let found = png.origin.carried.resolution.unwrap();
    assert_eq!(found.per_inch(), Some([300.0, 240.0]));
    assert_eq!(png.origin.carried.xmp.as_deref(), Some(&packet));
    assert_eq!(png.origin.text("Comment"), Some("Grüße, 貓"));
    let (back, notes) = again(&png, "out.jpg", &SaveOptions::default());
    assert!(notes.is_empty(), "{notes:?}");
    let in_jpeg = &loaded.origin.carried;
    assert_eq!(back.origin.carried.resolution, in_jpeg.resolution);
    assert_eq!(back.origin.carried.comments, in_jpeg.comments);
    assert_eq!(back.origin.carried.xmp, in_jpeg.xmp);
}

#[test]
fn words_in_a_user_comment_stay_and_settings_do_not() {
    let mut loaded = opened("rgb8.png");
    let block = |text| Some(Arc::new(exif::with_user_comment(None, Some(text)).unwrap()));
    let comment_of = |loaded: &LoadedPicture| {
        let block = loaded.origin.exif.as_ref();
        block.and_then(|block| exif::user_comment(block))
    };
    for (text, is_kept) in [
        ("Grandma, 80th birthday", true),
        ("dog\nSteps: 9, Sampler: Euler, Seed: 5", false),
    ] {
        loaded.origin.exif = block(text);
        for name in ["out.png", "out.jpg", "out.webp"] {
            let (bare, notes) = again(&loaded, name, &SaveOptions::default());
            assert!(notes.is_empty(), "{name}: {notes:?}");
            assert_eq!(
                comment_of(&bare),
                is_kept.then(|| text.to_owned()),
                "{name}"
            );
            assert_eq!(bare.origin.text(PARAMETERS_KEYWORD), None, "{name}");

            let (told, notes) = again(&loaded, name, &with_recipe());
            let settings = with_recipe().recipe.unwrap().parameters;
            if is_kept && name == "out.webp" {
                assert_eq!(notes, [PictureNote::RecipeLeftOut]);
            } else {
                assert!(notes.is_empty(), "{name}: {notes:?}");
                let found = told.origin.text(PARAMETERS_KEYWORD);
                assert_eq!(found, Some(settings.as_str()), "{name}");
            }
            if is_kept {
                assert_eq!(comment_of(&told).as_deref(), Some(text), "{name}");
            }
        }
    }
}

#[test]
fn texts_of_a_png_keep_their_form() {
    let mut loaded = opened("texts.png");
    assert_eq!(
        loaded.origin.texts.len(),
        loaded.origin.carried.text_forms.len()
    );
    let unicode = TextForm::Unicode {
        packed: true,
        language: "en".to_owned(),
        keyword: "Author".to_owned(),
    };
    loaded.origin.texts = vec![
        ("Author".to_owned(), "Zoe".to_owned()),
        ("Source".to_owned(), "plain".to_owned()),
    ];
    loaded.origin.carried.text_forms = vec![unicode, TextForm::LatinPacked];
    let (png, _) = again(&loaded, "out.png", &SaveOptions::default());
    assert_eq!(png.origin, loaded.origin);
    let (_, notes) = again(&loaded, "out.jpg", &SaveOptions::default());
    assert_eq!(notes, [PictureNote::TextsLeftOut]);
}

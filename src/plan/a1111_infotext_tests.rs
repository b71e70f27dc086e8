use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::catalog::LoraRef;
use crate::plan::{LoraWeight, WorkSize};

fn recipe(settings: EditSettings) -> Recipe {
    Recipe {
        model: ModelRef::BuiltIn,
        settings,
        extent: Extent::new(403, 297),
    }
}

#[test]
fn loras_are_named_by_what_they_are_and_not_by_where_they_lie() {
    let used = |folder: &str| LoraUse {
        lora: LoraRef {
            path: PathBuf::from(folder).join("ink.safetensors"),
            identity: "0123".to_owned(),
            weights_sha256: Some("89abcdef0123".to_owned()),
        },
        weight: LoraWeight::new(-0.5).unwrap(),
    };
    let settings = EditSettings {
        loras: vec![used("/home/me/secret")],
        ..EditSettings::default()
    };
    let text = recipe(settings.clone()).json();
    assert!(!text.contains("secret"), "{text}");
    let restored = Restored::from_json(&text, &EditSettings::default()).unwrap();
    assert_eq!(restored.settings.loras, [used("")]);
    // A recipe from before there were any was made without.
    let older = recipe(EditSettings::default())
        .json()
        .replace("\"loras\":[],", "");
    assert!(!older.contains("loras"));
    let restored = Restored::from_json(&older, &settings).unwrap();
    assert_eq!(restored.settings.loras, []);
    assert!(LoraWeight::new(10.5).is_err() && LoraWeight::new(f64::NAN).is_err());
}

#[test]
fn the_common_form_is_as_other_programs_write_it() {
    let settings = EditSettings {
        prompt: "a cat, on: the \"beach\"\nsecond line 貓".to_owned(),
        negative: "dog".to_owned(),
        strength: Strength::new(0.45).unwrap(),
        steps: Steps::new(20).unwrap(),
        guidance: Guidance::new(7.0).unwrap(),
        image_guidance: Guidance::new(1.5).unwrap(),
        seed: Seed(5),
        sampler: SamplerId::EulerA,
        schedule: ScheduleId::Karras,
        mask_mode: MaskMode::Stays,
        area: AreaMode::Masked,
        padding: Some(Length::Px(32.0)),
        fill: FillMode::Noise,
        feather: Some(Length::Px(4.0)),
        grow: Length::Px(0.0),
        keep_details: KeepDetails::Auto,
        work_size: None,
        second_pass: SecondPass::Off,
        second_strength: Strength::new(0.3).unwrap(),
        loras: Vec::new(),
    };
    let text = Recipe {
        model: ModelRef::Folder(PathBuf::from("/home/me/secret/my: model")),
        ..recipe(settings)
    }
    .parameters();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        text,
        format!(
            "a cat, on: the \"beach\"\nsecond line 貓\nNegative prompt: dog\nSteps: 20, Sampler: Euler a, \
             Schedule type: Karras, CFG scale: 7, Seed: 5, Size: 403x297, Model: \"my: model\", \
             Denoising strength: 0.45, Mask mode: Inpaint not masked, Mask blur: 4, Inpaint area: Only \
             masked, Masked area padding: 32, Masked content: latent noise, Version: Overpaint {version}"
        )
    );
    let restored = Restored::from_parameters(&text, &EditSettings::default()).unwrap();
    assert_eq!(restored.model.as_deref(), Some("my: model"));
    assert!(restored.ignored.is_empty(), "{:?}", restored.ignored);
}

#[test]
fn files_of_other_programs_are_understood() {
    let before = EditSettings {
        area: AreaMode::Auto,
        strength: Strength::new(0.25).unwrap(),
        ..EditSettings::default()
    };
    // As written by version 1.6: the schedule is part of the sampler's name.
    let text = "masterpiece, (cat:1.2), <lora:x:0.8>\nNegative prompt: bad hands,\nblurry\nSteps: 30, \
                Sampler: DPM++ 2M Karras, CFG scale: 6.5, Seed: 4294967295, Size: 512x768, Model hash: \
                6ce0161689, Model: v1-5, Denoising strength: 0.75, Clip skip: 2, Mask blur: 4, \
                Lora hashes: \"x: abc, y: def\", Version: v1.6.0";
    let restored = Restored::from_parameters(text, &before).unwrap();
    let s = &restored.settings;
    assert_eq!(s.prompt, "masterpiece, (cat:1.2),");
    let [used] = &s.loras[..] else {
        panic!("{:?}", s.loras)
    };
    assert_eq!((used.lora.name(), used.weight.get()), ("x".to_owned(), 0.8));
    assert_eq!(used.lora.weights_sha256.as_deref(), Some("abc"));
    assert_eq!(s.negative, "bad hands,\nblurry");
    assert_eq!(
        (s.steps.get(), s.guidance.get(), s.seed.0),
        (30, 6.5, 4294967295)
    );
    assert_eq!(
        (s.sampler, s.schedule),
        (SamplerId::Dpmpp2m, ScheduleId::Karras)
    );
    assert_eq!(
        (s.area, s.fill, s.mask_mode),
        (AreaMode::Whole, FillMode::Original, MaskMode::Changes)
    );
    assert_eq!(s.feather, Some(Length::Px(4.0)));
    assert_eq!(restored.model.as_deref(), Some("v1-5"));
    assert_eq!(restored.ignored, ["Model hash", "Clip skip"]);

    // Text to image, an unknown sampler, impossible values: what is known is still taken.
    let text = "a, b: c\nSteps: 5000, Sampler: UniPC, CFG scale: 0, Seed: 7, Hashes: {\"model\": \"6c\", \"vae\": \"1\"}";
    let restored = Restored::from_parameters(text, &before).unwrap();
    let wanted = EditSettings {
        prompt: "a, b: c".to_owned(),
        seed: Seed(7),
        ..before.clone()
    };
    assert_eq!(restored.settings, wanted);
    assert_eq!(
        restored.ignored,
        ["Steps", "Sampler", "CFG scale", "Hashes"]
    );

    for text in ["", "just a caption", "two: colons, here: too", "\n\n\n"] {
        assert_eq!(Restored::from_parameters(text, &before), None, "{text}");
    }
}

#[test]
fn our_own_form_is_preferred_and_forgiving() {
    let settings = EditSettings {
        prompt: "Negative prompt: a trap\nSteps: 1, Seed: 2, Size: 3".to_owned(),
        grow: Length::Percent(2.5),
        ..EditSettings::default()
    };
    let text = recipe(settings.clone()).text();
    let mut origin = FileOrigin::default();
    origin
        .texts
        .push((PARAMETERS_KEYWORD.to_owned(), text.parameters));
    origin.texts.push((OWN_KEYWORD.to_owned(), text.json));
    let before = EditSettings {
        seed: Seed(99),
        ..EditSettings::default()
    };
    let restored = Restored::from_file(&origin, &before).unwrap();
    assert_eq!(restored.settings, settings);
    assert_eq!(restored.model.as_deref(), Some(crate::catalog::STARTER_ID));

    let later = "{\"format\":1,\"app\":\"overpaint\",\"settings\":{\"prompt\":\"x\",\"steps\":0,\"future\":1}}";
    let mut restored = Restored::from_json(later, &before).unwrap();
    restored.ignored.sort();
    assert_eq!(
        (restored.settings.prompt.as_str(), restored.settings.seed),
        ("x", Seed(99))
    );
    assert_eq!(restored.ignored, ["future", "steps"]);

    for foreign in [
        "",
        "[]",
        "{\"app\":\"other\",\"format\":1}",
        "{\"app\":\"overpaint\",\"format\":2,\"settings\":{}}",
    ] {
        assert_eq!(Restored::from_json(foreign, &before), None);
    }
    let elsewhere = Recipe {
        model: ModelRef::Folder(PathBuf::from("/home/me/models/mine")),
        ..recipe(settings)
    };
    let text = elsewhere.text();
    assert!(text.json.contains("mine") && !text.json.contains("home"));
    assert!(text.parameters.contains("Model: mine,"));
}

#[test]
fn what_was_made_before_details_were_kept_is_made_so_again() {
    let mut json: Value = serde_json::from_str(&recipe(EditSettings::default()).json()).unwrap();
    json["settings"]
        .as_object_mut()
        .unwrap()
        .remove("keep_details");
    let old = Restored::from_json(&json.to_string(), &EditSettings::default()).unwrap();
    assert_eq!(old.settings.keep_details, KeepDetails::Off);
    let text = |keep_details| {
        let settings = EditSettings {
            keep_details,
            ..EditSettings::default()
        };
        recipe(settings).parameters()
    };
    assert!(!text(KeepDetails::Auto).contains("Keep details"));
    assert!(text(KeepDetails::More).contains("Keep details: more"));
}

fn any_length() -> impl Strategy<Value = Length> {
    prop_oneof![
        (0u32..4000).prop_map(|v| Length::Px(f64::from(v) / 8.0)),
        (0u32..1000).prop_map(|v| Length::Percent(f64::from(v) / 10.0)),
    ]
}

fn any_settings() -> impl Strategy<Value = EditSettings> {
    const PASSES: [SecondPass; 4] = [
        SecondPass::Off,
        SecondPass::Auto,
        SecondPass::Own,
        SecondPass::Factor(2.5),
    ];
    const SIZES: [Option<WorkSize>; 3] = [
        None,
        Some(WorkSize::Factor(1.5)),
        Some(WorkSize::Within(Extent::new(768, 512))),
    ];
    let words = "([ -~貓é😀]{0,12}\n?){0,4}";
    let numbers = (1u32..=1000, 1u32..=1000, 100u32..=5000, any::<u64>());
    let choices = (
        0..SamplerId::ALL.len(),
        0..ScheduleId::ALL.len(),
        0..2usize,
        0..3usize,
        0..5usize,
        0..3usize,
        0..PASSES.len(),
    );
    let lengths = (
        prop::option::of(any_length()),
        prop::option::of(any_length()),
        any_length(),
    );
    (words, words, numbers, choices, lengths).prop_map(|(prompt, negative, n, c, l)| EditSettings {
        prompt,
        negative,
        strength: Strength::new(f64::from(n.0) / 1000.0).unwrap(),
        steps: Steps::new(n.1).unwrap(),
        guidance: Guidance::new(f64::from(n.2) / 100.0).unwrap(),
        image_guidance: Guidance::new(f64::from(n.2) / 100.0).unwrap(),
        seed: Seed(n.3),
        sampler: SamplerId::ALL[c.0],
        schedule: ScheduleId::ALL[c.1],
        mask_mode: MaskMode::ALL[c.2],
        area: AreaMode::ALL[c.3],
        fill: FillMode::ALL[c.4],
        padding: l.0,
        feather: l.1,
        grow: l.2,
        keep_details: KeepDetails::ALL[c.5],
        work_size: SIZES[c.5],
        second_pass: PASSES[c.6],
        second_strength: Strength::new(f64::from(n.1) / 1000.0).unwrap(),
        loras: Vec::new(),
    })
}

proptest! {
    #[test]
    fn our_own_form_loses_nothing(settings in any_settings()) {
        let restored = Restored::from_json(&recipe(settings.clone()).json(), &EditSettings::default());
        prop_assert_eq!(restored.map(|r| r.settings), Some(settings));
    }

    #[test]
    fn the_common_form_keeps_what_it_can_say(settings in any_settings()) {
        // The form has no way to tell these apart from its own structure.
        let plain = |text: &str| text.trim().replace(NEGATIVE, "negative");
        let settings = EditSettings {
            prompt: plain(&settings.prompt),
            negative: plain(&settings.negative),
            ..settings
        };
        let text = recipe(settings.clone()).parameters();
        let got = Restored::from_parameters(&text, &EditSettings::default()).unwrap().settings;
        let wanted = EditSettings {
            area: got.area,
            fill: got.fill,
            padding: got.padding,
            feather: got.feather,
            grow: got.grow,
            ..settings
        };
        prop_assert_eq!(got, wanted);
    }

    #[test]
    fn no_text_breaks_the_reader(text in "(\\PC|[\"\\\\,:\n]){0,80}") {
        Restored::from_parameters(&text, &EditSettings::default());
        Restored::from_json(&text, &EditSettings::default());
    }
}

use super::*;

#[test]
fn executed_steps_follow_the_published_table() {
    // semantics of diffusers' get_timesteps, N = 20.
    let table = [
        (0.1, 2),
        (0.25, 5),
        (0.3, 6),
        (0.5, 10),
        (0.6, 12),
        (0.75, 15),
        (0.9, 18),
        (1.0, 20),
    ];
    let steps = Steps::new(20).unwrap();
    for (strength, executed) in table {
        assert_eq!(
            steps.executed(Strength::new(strength).unwrap()),
            executed,
            "{strength}"
        );
    }
    assert_eq!(
        Steps::new(5).unwrap().executed(Strength::new(0.1).unwrap()),
        0
    );
}

#[test]
fn a_model_for_few_steps_always_runs_one_from_the_level_of_the_strength() {
    let mut traits = crate::catalog::open(&crate::catalog::ModelRef::BuiltIn)
        .unwrap()
        .traits;
    let few = Steps::new(2).unwrap();
    let low = Strength::new(0.3).unwrap();
    assert_eq!(few.of_run(low, &traits), few);
    traits.few_steps = true;
    // The last one of four begins where a quarter of the noise is left, which is as low as it gets.
    assert_eq!(few.of_run(low, &traits), Steps::new(4).unwrap());
    assert_eq!(few.of_run(Strength::new(0.5).unwrap(), &traits), few);
    for count in 1..=200 {
        let strength = Strength::new(1.0 / f64::from(count)).unwrap();
        let executed = Steps::new(1)
            .unwrap()
            .of_run(strength, &traits)
            .executed(strength);
        assert_eq!(executed, 1, "{count}");
    }
}

#[test]
fn values_out_of_range_cannot_be_made_or_read() {
    for bad in [0.0, -0.1, 1.5, f64::NAN, f64::INFINITY] {
        assert!(Strength::new(bad).is_err(), "{bad}");
    }
    assert!(Steps::new(0).is_err() && Steps::new(1001).is_err());
    assert!(Guidance::new(0.5).is_err() && Guidance::new(f64::NAN).is_err());
    let mut json = serde_json::to_value(EditSettings::default()).unwrap();
    json["strength"] = 1.5.into();
    assert!(serde_json::from_value::<EditSettings>(json).is_err());
}

#[test]
fn lengths_are_pixels_or_percent() {
    assert_eq!("12".parse(), Ok(Length::Px(12.0)));
    assert_eq!(" 12.5px ".parse(), Ok(Length::Px(12.5)));
    assert_eq!("5%".parse(), Ok(Length::Percent(5.0)));
    for bad in ["", "px", "-3", "5 em", "nan", "inf", "200%", "%"] {
        assert!(bad.parse::<Length>().is_err(), "{bad}");
    }
    assert_eq!(Length::Percent(5.0).resolve_px(200.0), 10.0);
    assert_eq!(
        Length::Percent(2.5).to_string().parse(),
        Ok(Length::Percent(2.5))
    );
}

#[test]
fn ids_are_stable_and_unknown_ones_name_the_known() {
    assert_eq!("dpmpp_2m".parse(), Ok(SamplerId::Dpmpp2m));
    let error = "heun".parse::<SamplerId>().unwrap_err();
    assert!(error.to_string().contains("euler_a"), "{error}");
    let json = serde_json::to_string(&EditSettings::default()).unwrap();
    assert!(json.contains("\"mask_mode\":\"masked\""), "{json}");
    assert_eq!(
        serde_json::from_str::<EditSettings>(&json).unwrap(),
        EditSettings::default()
    );
}

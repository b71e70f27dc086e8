//! From what was typed to the settings of an edit.

use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::CommandFactory as _;

use crate::bulk::{NotReady, loras_named};
use crate::catalog::{Library, ModelCard, ModelTraits};
use crate::cli::args::{Args, EditArgs};
use crate::cli::error::CliError;
use crate::plan::{EditSettings, LoraUse, PlanError, Seed, Steps, Strength};
use crate::text::{Explain as _, Message};

/// The strengths that were typed; none where none were.
pub(super) fn typed_strengths(args: &EditArgs) -> Result<Vec<Strength>, CliError> {
    if let Some(text) = &args.strength {
        return Ok(vec![Strength::new(number(text)?)?]);
    }
    let strengths = args
        .strengths
        .iter()
        .map(|text| Ok(Strength::new(number(text)?)?));
    strengths.collect::<Result<_, CliError>>().map_err(|error| {
        match joined_by_points(&args.strengths) {
            Some(point) => decimal_comma(&args.strengths.join(","), point),
            None => error,
        }
    })
}

/// Each strength must leave a step to run.
pub(super) fn check_steps(
    steps: Steps,
    strengths: &[Strength],
    traits: &ModelTraits,
) -> Result<(), PlanError> {
    let idle = |strength: &&Strength| steps.of_run(**strength, traits).executed(**strength) == 0;
    match strengths.iter().find(idle) {
        Some(strength) => Err(PlanError::NothingToRun {
            steps: steps.get(),
            strength: strength.get(),
        }),
        None => Ok(()),
    }
}

/// All settings but the strength, which may be several.
pub(super) fn settings(args: &EditArgs, card: &ModelCard) -> Result<EditSettings, CliError> {
    let mut settings = EditSettings::default().with_defaults_of(&card.defaults);
    settings.prompt = text(&args.prompt)?;
    settings.negative = text(&args.negative)?;
    settings.seed = seed(args.seed.as_deref())?;
    if let Some(task) = args.task() {
        task.set(&mut settings);
    }
    if let Some(mode) = &args.mask_mode {
        settings.mask_mode = mode.parse()?;
    }
    settings.area = args.area.parse()?;
    if let Some(fill) = &args.fill {
        settings.fill = fill.parse()?;
    }
    settings.grow = length(&args.grow)?;
    settings.keep_details = args.keep_details.parse()?;
    if let Some(size) = &args.work_size {
        settings.work_size = Some(length(size)?);
    }
    settings.second_pass = args.second_pass.parse()?;
    settings.second_strength = Strength::new(number(&args.second_strength)?)?;
    if let Some(steps) = args.steps {
        settings.steps = steps.try_into()?;
    }
    if let Some(guidance) = &args.guidance {
        settings.guidance = number(guidance)?.try_into()?;
    }
    if let Some(guidance) = &args.image_guidance {
        settings.image_guidance = number(guidance)?.try_into()?;
    }
    if let Some(sampler) = &args.sampler {
        settings.sampler = sampler.parse()?;
    }
    if let Some(schedule) = &args.schedule {
        settings.schedule = schedule.parse()?;
    }
    if let Some(padding) = &args.padding {
        settings.padding = Some(length(padding)?);
    }
    if let Some(feather) = &args.feather {
        settings.feather = Some(length(feather)?);
    }
    Ok(settings)
}

/// LoRAs as they are typed.
pub(super) fn loras(library: &Library, typed: &[String]) -> Result<Vec<LoraUse>, CliError> {
    loras_named(library, typed).map_err(|error| match error {
        NotReady::Model(error) => error.into(),
        other => CliError::Argument(other.message()),
    })
}

/// True where nobody asked for a seed by its number.
pub(super) fn is_random(seed: Option<&str>) -> bool {
    seed.is_none_or(|text| text.trim() == "-1")
}

fn seed(typed: Option<&str>) -> Result<Seed, CliError> {
    match typed {
        Some(text) if !is_random(typed) => text.trim().parse().map(Seed).map_err(|_not_one| {
            CliError::Argument(Message::new("cli-bad-seed").with("value", text))
        }),
        _ => Ok(Seed(any_seed())),
    }
}

/// A seed nobody asked for by name; it is said, so that the picture can be had again.
fn any_seed() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| now.as_nanos() as u64 & 0xffff_ffff)
}

/// A text may begin with a hyphen; one that is the name of an option was forgotten.
fn text(typed: &str) -> Result<String, CliError> {
    let command = Args::command();
    let is_option = typed.strip_prefix("--").is_some_and(|name| {
        let edit = command.find_subcommand("edit");
        edit.into_iter()
            .flat_map(clap::Command::get_arguments)
            .any(|argument| argument.get_long() == Some(name))
    });
    if is_option {
        let message = Message::new("cli-text-is-option").with("value", typed);
        return Err(CliError::Argument(message));
    }
    Ok(typed.to_owned())
}

fn number(text: &str) -> Result<f64, CliError> {
    text.trim().parse().map_err(|_unreadable| {
        pointed(text).unwrap_or_else(|| {
            CliError::Argument(Message::new("cli-not-a-number").with("value", text))
        })
    })
}

pub(in crate::cli) fn length<T: FromStr<Err = PlanError>>(text: &str) -> Result<T, CliError> {
    let parsed = text.parse::<T>();
    parsed.map_err(|error| pointed(text).unwrap_or_else(|| error.into()))
}

/// The hint for a number that was typed with a decimal comma, as half the world writes it.
fn pointed(text: &str) -> Option<CliError> {
    let (whole, rest) = text.trim().split_once(',')?;
    let digits = rest.trim_end_matches(|c: char| !c.is_ascii_digit());
    let are_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    (are_digits(whole) && are_digits(digits))
        .then(|| decimal_comma(text.trim(), format!("{whole}.{rest}")))
}

/// `0`, `3`, `0`, `45`: a list of strengths with decimal commas, and what was meant.
fn joined_by_points(list: &[String]) -> Option<String> {
    let (pairs, []) = list.as_chunks::<2>() else {
        return None;
    };
    let join = |[whole, rest]: &[String; 2]| {
        let joined = format!("{}.{}", whole.trim(), rest.trim());
        let fits = joined.parse().ok().and_then(|v| Strength::new(v).ok());
        fits.map(|_| joined)
    };
    let joined: Option<Vec<String>> = pairs.iter().map(join).collect();
    joined.map(|numbers| numbers.join(","))
}

fn decimal_comma(value: &str, point: String) -> CliError {
    let message = Message::new("cli-decimal-comma").with("value", value);
    CliError::Argument(message.with("point", point))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::catalog::{ModelRef, open};
    use crate::cli::args::Command;

    fn typed(more: &[&str]) -> EditArgs {
        let fixed = ["overpaint", "edit", "in.png", "-o", "out.png"];
        let prompt: &[&str] = if more.contains(&"--prompt") {
            &[]
        } else {
            &["--prompt", "panda"]
        };
        let args = Args::try_parse_from(fixed.iter().chain(prompt).chain(more));
        match args.unwrap().command {
            Some(Command::Edit(edit)) => *edit,
            other => panic!("{other:?}"),
        }
    }

    fn of(more: &[&str]) -> Result<EditSettings, CliError> {
        settings(&typed(more), &open(&ModelRef::BuiltIn).unwrap())
    }

    #[track_caller]
    fn hint(answer: Result<(), CliError>) -> String {
        match answer {
            Err(CliError::Argument(message)) if message.key == "cli-decimal-comma" => {
                match &message.args[..] {
                    [_, (_, crate::text::Value::Text(point))] => point.clone(),
                    other => panic!("{other:?}"),
                }
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn texts_may_begin_with_a_hyphen_but_not_be_options() {
        let settings = of(&["--prompt", "-panda", "--negative", "-blurry"]).unwrap();
        assert_eq!(
            (&*settings.prompt, &*settings.negative),
            ("-panda", "-blurry")
        );
        assert_eq!(of(&["--prompt", "--bokeh--"]).unwrap().prompt, "--bokeh--");
        for option in ["--json", "--no-metadata", "--threads"] {
            assert!(of(&["--prompt", option]).is_err(), "{option}");
            assert!(of(&["--negative", option]).is_err(), "{option}");
        }
    }

    #[test]
    fn minus_one_is_a_random_seed() {
        assert_eq!(of(&["--seed", "7"]).unwrap().seed, Seed(7));
        let largest = u64::MAX.to_string();
        assert_eq!(of(&["--seed", &largest]).unwrap().seed, Seed(u64::MAX));
        let drawn = of(&["--seed", "-1"]).unwrap().seed;
        assert!((0..3).any(|_| of(&["--seed", "-1"]).unwrap().seed != drawn));
        assert!(is_random(None) && is_random(Some("-1")) && !is_random(Some("1")));
        for bad in ["-2", "1.5", "", "x", "18446744073709551616"] {
            let refused = of(&["--seed", bad]).unwrap_err();
            assert_eq!(refused.exit_code(), 2, "{bad}");
        }
    }

    #[test]
    fn a_decimal_comma_is_answered_with_the_number_meant() {
        for (list, meant) in [
            ("0,3", "0.3"),
            ("0,3,0,45", "0.3,0.45"),
            ("0, 3", "0.3"),
            ("1,0,0,25", "1.0,0.25"),
        ] {
            let answer = typed_strengths(&typed(&["--strengths", list]));
            assert_eq!(hint(answer.map(|_| ())), meant, "{list}");
        }
        let one = typed_strengths(&typed(&["--strength", "0,3"]));
        assert_eq!(hint(one.map(|_| ())), "0.3");
        for (option, value, meant) in [
            ("--guidance", "7,5", "7.5"),
            ("--image-guidance", "1,5", "1.5"),
            ("--feather", "0,5%", "0.5%"),
            ("--padding", "12,5px", "12.5px"),
            ("--grow", "1,5", "1.5"),
        ] {
            assert_eq!(hint(of(&[option, value]).map(|_| ())), meant, "{option}");
        }
        for list in ["0.3,0.45", "0.3,1", "1,1"] {
            assert!(
                typed_strengths(&typed(&["--strengths", list])).is_ok(),
                "{list}"
            );
        }
        for list in ["0,3,0", "2,0.5", "0.3,", "a,b", ","] {
            let refused = typed_strengths(&typed(&["--strengths", list])).unwrap_err();
            let said = format!("{refused:?}");
            assert!(!said.contains("decimal-comma"), "{list}: {said}");
        }
        for text in ["a,b", "1,2,3", ",5", "1,px"] {
            assert!(pointed(text).is_none(), "{text}");
        }
    }

    #[test]
    fn every_strength_of_a_list_must_leave_a_step() {
        let steps = Steps::new(5).unwrap();
        let list = |values: &[f64]| -> Vec<Strength> {
            values.iter().map(|&v| Strength::new(v).unwrap()).collect()
        };
        let mut traits = open(&ModelRef::BuiltIn).unwrap().traits;
        assert_eq!(check_steps(steps, &list(&[0.2, 1.0]), &traits), Ok(()));
        let idle = PlanError::NothingToRun {
            steps: 5,
            strength: 0.1,
        };
        let low = list(&[0.9, 0.1]);
        assert_eq!(check_steps(steps, &low, &traits), Err(idle));
        traits.few_steps = true;
        assert_eq!(check_steps(steps, &low, &traits), Ok(()));
    }
}

//! Does it show where tiles lie? An edit up to the picture's own size, with the tiles where they are planned
//! and again half a tile further: writes both pictures, and says where the tiles were and by how much the
//! pictures differ. `second_pass/measure.py tiles` asks for several such edits and looks at the borders.
//!
//! `cargo bench --bench tiles -- MODEL PICTURE MASK|- OUT PROMPT SEED STEPS GUIDANCE`
//!
//! writes `OUT-planned.png` and `OUT-shifted.png`, and a line of JSON to stdout.

#![expect(clippy::print_stdout, reason = "this is what it is for")]

use std::collections::BTreeSet;
use std::error::Error;
use std::path::Path;

use overpaint::catalog;
use overpaint::engine::diffusion::{DiffusionEngine, EngineOptions};
use overpaint::engine::{Engine, EngineError, EngineOutput, Progress};
use overpaint::geometry::{Extent, Rect};
use overpaint::jobs::{Unwatched, run_edit};
use overpaint::plan::{
    EditRequest, EditSettings, EngineInput, Guidance, MaskMode, SecondPass, Seed, Steps, Strength,
};
use overpaint::raster::file::{self, MaskChannel, SaveOptions};
use overpaint::raster::{Picture, draw_patch};

/// Runs inputs with tiles as they are, or with tiles half a tile further; keeps the results of others.
struct Shifting {
    engine: DiffusionEngine,
    is_shifted: bool,
    whole: Vec<(EngineInput, EngineOutput)>,
    /// Of the last input that had any.
    tiles: Vec<Rect>,
}

impl Engine for Shifting {
    fn run(
        &mut self,
        input: &EngineInput,
        progress: &mut dyn Progress,
    ) -> Result<EngineOutput, EngineError> {
        if input.tiles.is_empty() {
            if let Some((_, known)) = self.whole.iter().find(|(known, _)| known == input) {
                return Ok(known.clone());
            }
            let output = self.engine.run(input, progress)?;
            self.whole.push((input.clone(), output.clone()));
            return Ok(output);
        }
        let mut input = input.clone();
        if self.is_shifted {
            input.tiles = shifted(&input.tiles);
        }
        self.tiles.clone_from(&input.tiles);
        self.engine.run(&input, progress)
    }
}

/// Tiles of the same size, half of it further along each side that has more than one.
fn shifted(tiles: &[Rect]) -> Vec<Rect> {
    let all = tiles.iter().copied().fold(Rect::default(), Rect::union);
    let Some(size) = tiles.first().map(|tile| tile.extent()) else {
        return Vec::new();
    };
    let along = |starts: BTreeSet<i32>, length: u32, end: i32| -> Vec<i32> {
        if starts.len() < 2 {
            return starts.into_iter().collect();
        }
        let last = end - length as i32;
        let moved = starts.iter().map(|start| start + length as i32 / 2);
        let inner = moved.filter(|start| *start < last);
        let ends = [0, last].into_iter();
        ends.chain(inner)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect()
    };
    let columns = along(
        tiles.iter().map(|tile| tile.x).collect(),
        size.width,
        all.right(),
    );
    let rows = along(
        tiles.iter().map(|tile| tile.y).collect(),
        size.height,
        all.bottom(),
    );
    let row = |y: &i32| {
        let y = *y;
        columns
            .iter()
            .map(move |x| Rect::new(*x, y, size.width, size.height))
    };
    rows.iter().flat_map(row).collect()
}

fn request(args: &[String]) -> Result<EditRequest, Box<dyn Error>> {
    let [model, picture, mask, _, prompt, seed, steps, guidance] = args else {
        return Err("MODEL PICTURE MASK|- OUT PROMPT SEED STEPS GUIDANCE".into());
    };
    let card = catalog::open(&catalog::Library::open(&overpaint::cli::data_dir()).resolve(model)?)?;
    let source = file::load(Path::new(picture))?.picture;
    let painted = match mask.as_str() {
        "-" => None,
        mask => Some(file::load_mask(Path::new(mask), source.extent(), MaskChannel::Auto)?.mask),
    };
    let settings = EditSettings::default().with_defaults_of(&card.defaults);
    Ok(EditRequest {
        model: card.reference.clone(),
        traits: card.traits,
        source,
        painted,
        settings: EditSettings {
            prompt: prompt.clone(),
            seed: Seed(seed.parse()?),
            steps: Steps::new(steps.parse()?)?,
            guidance: Guidance::new(guidance.parse()?)?,
            strength: Strength::new(0.9)?,
            mask_mode: MaskMode::Stays,
            second_pass: SecondPass::Own,
            ..settings
        },
    })
}

/// Mean over all pixels and channels of the difference, and of its absolute value, in 1/255.
fn difference(a: &Picture, b: &Picture) -> (f64, f64) {
    let all = Rect::of(a.extent());
    let (a, b) = (a.pixels.crop_f32(all), b.pixels.crop_f32(all));
    let (mut sum, mut absolute) = (0.0, 0.0);
    for (a, b) in a.iter().zip(&b) {
        for (a, b) in a.iter().zip(b).take(3) {
            let by = f64::from(a - b) * 255.0;
            sum += by;
            absolute += by.abs();
        }
    }
    let count = (3 * a.len()) as f64;
    (sum / count, absolute / count)
}

fn main() -> Result<(), Box<dyn Error>> {
    // cargo adds an argument of its own.
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| arg != "--bench")
        .collect();
    let request = request(&args)?;
    let out = args.get(3).cloned().unwrap_or_default();
    let mut engine = Shifting {
        engine: DiffusionEngine::new(EngineOptions::default())?,
        is_shifted: false,
        whole: Vec::new(),
        tiles: Vec::new(),
    };
    let mut pictures = Vec::new();
    let mut places = Vec::new();
    let mut work = Extent::default();
    for (is_shifted, name) in [(false, "planned"), (true, "shifted")] {
        engine.is_shifted = is_shifted;
        let result = run_edit(&mut engine, &request, &mut Unwatched)?;
        work = result.layout.work;
        let mut edited = request.source.clone();
        draw_patch(&mut edited.pixels, &result.patch, 255);
        let path = format!("{out}-{name}.png");
        file::save(
            Path::new(&path),
            &edited,
            &Default::default(),
            &SaveOptions::default(),
        )?;
        pictures.push(edited);
        places.push(engine.tiles.clone());
    }
    let (mean, absolute) = match &pictures[..] {
        [planned, shifted] => difference(planned, shifted),
        _ => (0.0, 0.0),
    };
    let said = serde_json::json!({
        "work": work,
        "vae_factor": request.traits.vae_factor,
        "planned": places.first(),
        "shifted": places.get(1),
        "mean_difference": mean,
        "mean_absolute_difference": absolute,
    });
    println!("{said}");
    Ok(())
}

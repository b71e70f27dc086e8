//! Passes after the first one: the result so far is enlarged, noised a little and denoised again at
//! a larger work size, tile by tile where that is more than the model takes at once. Arithmetic
//! only. In Stable Diffusion user interfaces the first such pass is known as "hires fix".

use serde::{Deserialize, Serialize};

use super::layout::{Layout, whole_multiples};
use super::region_boxes::RegionBoxes;
use super::second_pass::SecondPass;
use super::settings::{EditSettings, MaskMode, Seed, Steps, Strength};
use crate::catalog::ModelTraits;
use crate::geometry::{Extent, Rect};

/// `auto` adds a pass where the model is shown the picture smaller than this.
const AUTO_SCALE: f64 = 0.7;
/// `auto` adds a pass that takes at most this many times the first one.
const AUTO_COST: f64 = 2.0;
/// Each pass enlarges at most this much.
const GROWTH_PER_PASS: f64 = 2.0;
/// Less than this is not worth a pass.
const LEAST_GROWTH: f64 = 1.15;
/// Side of what later passes show the model at once at most, in native sides.
const TILE_SIDE: f64 = 2.0;
/// How far tiles overlap, in native sides.
const OVERLAP: f64 = 0.25;

/// One pass after the first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pass {
    /// The first pass's layout with this one's work size, scale and steps.
    pub layout: Layout,
    /// How far this pass may go.
    pub strength: Strength,
    /// Its schedule.
    pub steps: Steps,
    /// Its own noise, from the edit's seed.
    pub seed: Seed,
    /// What the model is shown one after the other, in latent pixels; empty: all at once.
    pub tiles: Vec<Rect>,
}

/// The passes after the first one, in their order; none where nothing would be gained.
pub fn later_passes(layout: &Layout, settings: &EditSettings, traits: &ModelTraits) -> Vec<Pass> {
    let wanted = match settings.second_pass {
        SecondPass::Off => return Vec::new(),
        SecondPass::Auto if layout.scale >= AUTO_SCALE => return Vec::new(),
        SecondPass::Auto => layout.scale * GROWTH_PER_PASS,
        SecondPass::Own => 1.0,
        SecondPass::Factor(factor) => layout.scale * factor,
    };
    let growth = wanted.min(1.0) / layout.scale;
    if growth < LEAST_GROWTH {
        return Vec::new();
    }
    let count = (growth.log2() - 1e-9).ceil().max(1.0) as u32;
    let pass = |index: u32| {
        let scale = layout.scale * growth.powf(f64::from(index) / f64::from(count));
        let strength = strength_of(settings, index);
        let multiple = f64::from(traits.size_multiple_px.max(1));
        let side = |px: u32| whole_multiples(f64::from(px), scale, multiple) as u32;
        let work = Extent::new(side(layout.crop.width), side(layout.crop.height));
        Pass {
            layout: Layout {
                work,
                scale,
                executed_steps: settings.steps.executed(strength),
                ..*layout
            },
            strength,
            steps: settings.steps,
            seed: seed_of(settings.seed, index),
            tiles: tiles(work, traits),
        }
    };
    let passes: Vec<Pass> = (1..=count).map(pass).collect();
    let is_dear = passes.iter().map(|pass| pass.cost(layout)).sum::<f64>()
        > AUTO_COST * f64::from(layout.executed_steps);
    if settings.second_pass == SecondPass::Auto && is_dear {
        return Vec::new();
    }
    passes
}

/// The strength of a later pass: never more than the first one had, enough for one step, and less
/// from pass to pass. The larger a pass, the smaller the part of the picture in each tile, and the
/// more a model would draw the whole prompt into each of them.
fn strength_of(settings: &EditSettings, pass: u32) -> Strength {
    let least = 1.0 / f64::from(settings.steps.get());
    let chosen = settings.second_strength.get() / f64::from(pass.max(1));
    // A hair more, so that 1/N of N is one step although 1/N is not a binary number.
    let value = chosen
        .min(settings.strength.get())
        .max(least + 1e-9)
        .min(1.0);
    Strength::new(value).unwrap_or(settings.second_strength)
}

/// Another stream of noise for each pass (the finaliser of SplitMix64, Steele et al. 2014).
fn seed_of(seed: Seed, pass: u32) -> Seed {
    let mut z = seed.0 ^ u64::from(pass).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    Seed(z ^ (z >> 31))
}

impl Pass {
    /// What the model is shown at once, in work pixels: all, or the size of a tile.
    pub fn shown(&self, traits: &ModelTraits) -> Extent {
        let factor = traits.vae_factor.max(1);
        let tile = self.tiles.first().map(|tile| tile.extent());
        tile.map_or(self.layout.work, |tile| {
            Extent::new(tile.width * factor, tile.height * factor)
        })
    }

    /// How many tiles hold a pixel that `boxes` says may change: others are skipped. `None`: all do.
    pub fn tiles_to_run(
        &self,
        traits: &ModelTraits,
        boxes: Option<(&RegionBoxes, MaskMode)>,
    ) -> usize {
        let Some((boxes, mode)) = boxes else {
            return self.tiles.len();
        };
        let layout = &self.layout;
        let per_latent = f64::from(traits.vae_factor.max(1)) / layout.scale;
        // What is grown and feathered, and a latent pixel that is met in part.
        let around = layout.grow_px + layout.feather_px + per_latent;
        let meets = |tile: &&Rect| {
            let low = |at: i32, from: i32| f64::from(from) + f64::from(at) * per_latent - around;
            let high = |at: i32, from: i32| f64::from(from) + f64::from(at) * per_latent + around;
            let rect = Rect::from_borders(
                low(tile.x, layout.crop.x).floor() as i32,
                low(tile.y, layout.crop.y).floor() as i32,
                high(tile.right(), layout.crop.x).ceil() as i32,
                high(tile.bottom(), layout.crop.y).ceil() as i32,
            );
            boxes.meets(rect, mode)
        };
        self.tiles.iter().filter(meets).count()
    }

    /// What one of its steps takes, in steps of the first pass, whose layout is `first`.
    pub fn cost_per_step(&self, first: &Layout) -> f64 {
        let latent_px = |tile: &Rect| tile.extent().area() as f64;
        let tiled: f64 = self.tiles.iter().map(latent_px).sum();
        // Tiles overlap; what they cover more than once is computed more than once.
        let covered = bounds(&self.tiles).map_or(1.0, |box_px| tiled / latent_px(&box_px));
        covered * self.layout.work.area() as f64 / first.work.area() as f64
    }

    fn cost(&self, first: &Layout) -> f64 {
        f64::from(self.layout.executed_steps) * self.cost_per_step(first)
    }
}

fn bounds(tiles: &[Rect]) -> Option<Rect> {
    tiles.iter().copied().reduce(Rect::union)
}

/// Tiles of one size that cover the latent of a work picture, with their overlap; none where the
/// model takes it at once.
fn tiles(work: Extent, traits: &ModelTraits) -> Vec<Rect> {
    let factor = traits.vae_factor.max(1);
    // What the U-Net halves again and again must come out even.
    let multiple = (traits.size_multiple_px / factor).max(1);
    let native = f64::from(traits.native_px) / f64::from(factor);
    let latent = Extent::new(work.width / factor, work.height / factor);
    let columns = along(latent.width, native, multiple);
    let rows = along(latent.height, native, multiple);
    if columns.len() * rows.len() <= 1 {
        return Vec::new();
    }
    let tile = |&(top, height): &(u32, u32)| {
        let place =
            move |&(left, width): &(u32, u32)| Rect::new(left as i32, top as i32, width, height);
        columns.iter().map(place)
    };
    rows.iter().flat_map(tile).collect()
}

/// Where tiles begin along one side, and their length.
fn along(side: u32, native: f64, multiple: u32) -> Vec<(u32, u32)> {
    let most = ((native * TILE_SIDE) as u32).next_multiple_of(multiple);
    if side <= most {
        return vec![(0, side)];
    }
    let overlap = native * OVERLAP;
    let count = ((f64::from(side) - overlap) / (f64::from(most) - overlap)).ceil() as u32;
    let length = (f64::from(side) + f64::from(count - 1) * overlap) / f64::from(count);
    let length = (length.ceil() as u32).next_multiple_of(multiple).min(side);
    let place = |i: u32| {
        let exact = f64::from(side - length) * f64::from(i) / f64::from(count - 1);
        (exact.round() as u32, length)
    };
    (0..count).map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{RegionBounds, layout};

    fn traits() -> ModelTraits {
        crate::catalog::open(&crate::catalog::ModelRef::BuiltIn)
            .unwrap()
            .traits
    }

    fn of(extent: Extent, second_pass: SecondPass, strength: f64) -> (Layout, Vec<Pass>) {
        let settings = EditSettings {
            strength: Strength::new(strength).unwrap(),
            steps: Steps::new(20).unwrap(),
            second_pass,
            ..EditSettings::default()
        };
        let first = layout(extent, RegionBounds::Everything, &settings, &traits()).unwrap();
        let passes = later_passes(&first, &settings, &traits());
        (first, passes)
    }

    #[test]
    fn passes_double_up_to_what_is_asked_for() {
        let extent = Extent::new(1024, 1024);
        let (first, passes) = of(extent, SecondPass::Own, 0.6);
        let sides: Vec<u32> = passes.iter().map(|pass| pass.layout.work.width).collect();
        assert_eq!((first.work.width, sides), (128, vec![256, 512, 1024]));
        let (_, passes) = of(extent, SecondPass::Factor(3.0), 0.6);
        let sides: Vec<u32> = passes.iter().map(|pass| pass.layout.work.width).collect();
        assert_eq!(sides.last(), Some(&384));
        assert_eq!(sides.len(), 2);
        assert!(of(extent, SecondPass::Off, 0.6).1.is_empty());
        // No farther than the picture has pixels, and not for a few of them.
        let small = Extent::new(136, 136);
        assert!(of(small, SecondPass::Factor(4.0), 0.6).1.is_empty());
        let (_, passes) = of(Extent::new(200, 200), SecondPass::Factor(4.0), 0.6);
        assert_eq!(passes.len(), 1);
        assert!((passes[0].layout.scale - 1.0).abs() < 1e-9);
    }

    #[test]
    fn auto_adds_one_pass_where_it_is_worth_its_time() {
        let extent = Extent::new(1024, 1024);
        assert_eq!(of(extent, SecondPass::Auto, 0.9).1.len(), 1);
        // Six steps at four times the size after six steps.
        assert!(of(extent, SecondPass::Auto, 0.3).1.is_empty());
        assert!(
            of(Extent::new(160, 160), SecondPass::Auto, 0.9)
                .1
                .is_empty()
        );
    }

    #[test]
    fn later_passes_are_weak_and_have_noise_of_their_own() {
        let (_, passes) = of(Extent::new(1024, 1024), SecondPass::Own, 0.6);
        let steps: Vec<u32> = passes
            .iter()
            .map(|pass| pass.layout.executed_steps)
            .collect();
        // A third of 0.3 is a hair less than two of 20.
        assert_eq!(steps, [6, 3, 1]);
        let mut seeds: Vec<u64> = passes.iter().map(|pass| pass.seed.0).collect();
        seeds.push(EditSettings::default().seed.0);
        seeds.sort_unstable();
        seeds.dedup();
        assert_eq!(seeds.len(), 4);
        let (_, weaker) = of(Extent::new(1024, 1024), SecondPass::Own, 0.1);
        assert!(weaker.iter().all(|pass| pass.layout.executed_steps <= 2));
        let single = EditSettings {
            steps: Steps::new(1).unwrap(),
            strength: Strength::new(1.0).unwrap(),
            ..EditSettings::default()
        };
        assert_eq!(single.steps.executed(strength_of(&single, 1)), 1);
    }

    #[test]
    fn tiles_away_from_what_changes_are_not_counted() {
        let extent = Extent::new(1024, 1024);
        let (_, passes) = of(extent, SecondPass::Own, 0.6);
        let last = passes.last().unwrap();
        let mut mask = crate::raster::Tiled::filled(extent, 0);
        mask.update(Rect::new(20, 20, 60, 60), |_, _| 255);
        let boxes = RegionBoxes::of(&mask);
        let count = |mode| last.tiles_to_run(&traits(), Some((&boxes, mode)));
        assert_eq!(count(MaskMode::Changes), 1);
        assert_eq!(count(MaskMode::Stays), last.tiles.len());
        assert_eq!(last.tiles_to_run(&traits(), None), last.tiles.len());
        assert_eq!(last.shown(&traits()).width, last.tiles[0].width * 4);
    }

    #[test]
    fn tiles_cover_everything_overlap_and_are_of_one_size() {
        let traits = traits();
        let factor = traits.vae_factor;
        for (width, height) in [(256, 256), (192, 192), (512, 128), (1024, 768), (208, 1200)] {
            let tiles = tiles(Extent::new(width, height), &traits);
            let latent = Extent::new(width / factor, height / factor);
            let most = (traits.native_px * 2 / factor).next_multiple_of(8);
            if width.max(height) <= traits.native_px * 2 {
                assert!(tiles.is_empty(), "{width}×{height}");
                continue;
            }
            assert_eq!(bounds(&tiles), Some(Rect::of(latent)));
            let mut covered = vec![0u8; latent.len()];
            for tile in &tiles {
                assert_eq!(tile.extent(), tiles[0].extent());
                assert!(tile.width <= most && tile.height <= most, "{tile:?}");
                assert_eq!(tile.intersect(Rect::of(latent)), *tile);
                for y in tile.y..tile.bottom() {
                    for x in tile.x..tile.right() {
                        covered[y as usize * latent.width as usize + x as usize] += 1;
                    }
                }
            }
            assert!(covered.iter().all(|times| *times > 0), "{width}×{height}");
            assert!(covered.iter().any(|times| *times > 1), "{width}×{height}");
        }
    }
}

//! [`prepare`]: from a request to what the engine gets. [`Prepared::finish`]: from what the engine
//! gives to a patch.

use std::sync::Arc;

use rayon::prelude::*;

use super::composite_alpha::{FULL, RegionMaps, region_bounds};
use super::details::{Details, Likeness, detailed};
use super::engine_mask::engine_mask;
use super::error::PlanError;
use super::fill::fill_region;
use super::kept::Kept;
use super::layout::{Layout, layout};
use super::passes::{Pass, later_passes};
use super::preview::{PreviewPatch, PreviewPlace};
use super::request::{EditRequest, EngineInput, LatentFill};
use super::resample::{Frame, resample};
use super::settings::{EditSettings, FillMode, KeepDetails};
use crate::catalog::ModelTraits;
use crate::completion::Checkpoint;
use crate::geometry::{Extent, Rect};
use crate::raster::{Patch, Picture, Pixmap, RgbF32, Tiled, colour};

/// From this strength on, `auto` fills the region with its surroundings: what was there would only
/// shine through.
const AUTO_FILL_STRENGTH: f64 = 0.9;
/// Rows converted at a time, so that a large picture is not held twice in floating point.
const BAND_ROWS: u32 = 256;
/// Rows to which details are added at a time: several such bands are worked on at once.
const DETAIL_ROWS: u32 = 64;

/// A request made ready for an engine, and what is needed to place the engine's answer.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// What the engine gets.
    pub input: EngineInput,
    /// How it lies in the picture.
    pub layout: Layout,
    /// The passes that follow this one.
    pub later_passes: Vec<Pass>,
    /// The picture as it was.
    source: Picture,
    depth: Depth,
    /// How like the original the result must be to keep its details.
    likeness: Likeness,
    /// `None`: the whole picture, fully.
    maps: Option<Arc<RegionMaps>>,
    /// What is kept in the soft band of a matte.
    kept: Option<Kept>,
    previews: PreviewPlace,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Depth {
    Eight,
    Sixteen,
}

/// Makes a request ready. Pure; cost grows with the part of the picture that is shown.
pub fn prepare(request: &EditRequest) -> Result<Prepared, PlanError> {
    prepare_watched(request, &mut |_| Ok(()))
}

/// As [`prepare`], asking `checkpoint` while the region is filled by its content.
pub fn prepare_watched(
    request: &EditRequest,
    checkpoint: &mut Checkpoint<'_>,
) -> Result<Prepared, PlanError> {
    let settings = &request.settings;
    let extent = request.source.extent();
    let painted = request.painted.as_ref();
    if let Some(mask) = painted
        && mask.extent() != extent
    {
        return Err(PlanError::MaskSize {
            mask: mask.extent(),
            picture: extent,
        });
    }
    let bounds = region_bounds(painted, settings.mask_mode);
    let settings = &settings.for_kind(request.mask_kind);
    let layout = layout(extent, bounds, settings, &request.traits)?;
    let maps = match (painted, layout.region) {
        (Some(mask), Some(_)) => Some(Arc::new(RegionMaps::of_kind(
            request.mask_kind,
            (mask, settings.mask_mode),
            layout.touched,
            (layout.grow_px, layout.feather_px),
        ))),
        _ => None,
    };
    let mut image = work_picture(&request.source, &layout)?;
    let fill = effective_fill(settings, &request.traits);
    let mask = maps.as_ref().map(|maps| {
        let latent_fill = match fill {
            FillMode::Noise => LatentFill::Noise,
            FillMode::Nothing => LatentFill::Nothing,
            FillMode::Auto | FillMode::Original | FillMode::Blur | FillMode::Content => {
                LatentFill::Image
            }
        };
        engine_mask(maps, &layout, request.traits.vae_factor, latent_fill)
    });
    if let Some(mask) = &mask
        && fill != FillMode::Original
    {
        fill_region(&mut image, &mask.region, fill, checkpoint)?;
    }
    let depth = match request.source.pixels {
        Pixmap::Rgba8(_) => Depth::Eight,
        Pixmap::Rgba16(_) => Depth::Sixteen,
    };
    let wants_details = keeps_details(&layout, settings, &request.traits);
    Ok(Prepared {
        input: EngineInput {
            model: request.model.clone(),
            loras: settings.loras.clone(),
            image,
            mask,
            prompt: settings.prompt.clone(),
            negative: settings.negative.clone(),
            strength: settings.strength,
            steps: settings.steps.of_run(settings.strength, &request.traits),
            guidance: settings.guidance,
            image_guidance: settings.image_guidance,
            seed: settings.seed,
            sampler: settings.sampler,
            schedule: settings.schedule,
            wants_round_trip: wants_details,
            original: None,
            tiles: Vec::new(),
        },
        later_passes: later_passes(&layout, settings, &request.traits),
        layout,
        source: request.source.clone(),
        depth,
        likeness: Likeness::of(settings.keep_details, imagined(settings, &request.traits)),
        previews: PreviewPlace::new(layout.touched, maps.as_deref()),
        kept: painted
            .filter(|_| maps.as_ref().is_some_and(|maps| maps.kept.is_some()))
            .map(|mask| Kept::new(&request.source, mask, settings.mask_mode)),
        maps,
    })
}

/// Whether details of the original are laid over a result of that layout, for which the original's
/// round trip through the autoencoder is needed.
pub fn keeps_details(layout: &Layout, settings: &EditSettings, traits: &ModelTraits) -> bool {
    // Without a mask nothing is filled, whatever the fill for masks is.
    let starts_from_original = match layout.region {
        Some(_) => effective_fill(settings, traits) == FillMode::Original,
        None => settings.strength.get() < 1.0 || traits.follows_instructions(),
    };
    settings.keep_details != KeepDetails::Off && layout.scale < 1.0 && starts_from_original
}

/// How far the first pass may imagine; later passes work on what it drew. A model that follows instructions sees the
/// original all the while, whatever its strength is.
fn imagined(settings: &EditSettings, traits: &ModelTraits) -> f64 {
    if traits.follows_instructions() {
        0.0
    } else {
        settings.strength.get()
    }
}

/// What `auto` means with those settings; everything else means itself. A model that follows instructions
/// must see what it is to edit.
fn effective_fill(settings: &EditSettings, traits: &ModelTraits) -> FillMode {
    match settings.fill {
        FillMode::Auto
            if settings.strength.get() < AUTO_FILL_STRENGTH || traits.follows_instructions() =>
        {
            FillMode::Original
        }
        FillMode::Auto => FillMode::Blur,
        other => other,
    }
}

/// The crop at work size in sRGB. Transparent pixels are seen on white; what lies beyond the crop
/// mirrors it.
fn work_picture(source: &Picture, layout: &Layout) -> Result<RgbF32, PlanError> {
    let crop = layout.crop;
    let wanted = |work: u32, side: u32| (f64::from(work) / layout.scale).max(f64::from(side));
    let frame = Frame {
        left: 0.0,
        top: 0.0,
        width: wanted(layout.work.width, crop.width),
        height: wanted(layout.work.height, crop.height),
    };
    let padded = Extent::new(
        (frame.width - 1e-6).ceil() as u32,
        (frame.height - 1e-6).ceil() as u32,
    );
    let mut shown = RgbF32 {
        extent: padded,
        pixels: Vec::with_capacity(padded.len()),
    };
    for top in (0..crop.height).step_by(BAND_ROWS as usize) {
        let rows = BAND_ROWS.min(crop.height - top);
        let band = Rect::new(crop.x, crop.y + top as i32, crop.width, rows);
        let mut pixels: Vec<[f32; 3]> = source
            .pixels
            .crop_f32(band)
            .into_iter()
            .map(|[r, g, b, a]| [r, g, b].map(|v| v * a + (1.0 - a)))
            .collect();
        colour::to_srgb(&source.profile, &mut pixels)
            .map_err(|error| PlanError::profile(&error))?;
        for row in pixels.chunks_exact(crop.width.max(1) as usize) {
            let mirrored = (0..padded.width).map(|x| mirror(x, crop.width));
            shown
                .pixels
                .extend(mirrored.filter_map(|x| row.get(x as usize)));
        }
    }
    for y in crop.height..padded.height {
        let from = mirror(y, crop.height) as usize * padded.width as usize;
        shown
            .pixels
            .extend_from_within(from..from + padded.width as usize);
    }
    let mut work = resample(&shown, frame, layout.work)?;
    for pixel in &mut work.pixels {
        *pixel = pixel.map(|v| v.clamp(0.0, 1.0));
    }
    Ok(work)
}

/// Position `i` of an endless line that runs to and fro over `0..length`, border pixels once.
fn mirror(i: u32, length: u32) -> u32 {
    let last = length.saturating_sub(1);
    if last == 0 {
        return 0;
    }
    let at = i % (2 * last);
    if at <= last { at } else { 2 * last - at }
}

impl Prepared {
    /// What the engine gets in `pass`, one of [`later_passes`](Self::later_passes), which goes on
    /// from `so_far`: the picture with the result of the pass before in it.
    pub fn next_pass(
        &self,
        pass: &Pass,
        traits: &ModelTraits,
        so_far: &Picture,
    ) -> Result<Self, PlanError> {
        let layout = pass.layout;
        let mask = self
            .maps
            .as_deref()
            .map(|maps| engine_mask(maps, &layout, traits.vae_factor, LatentFill::Image));
        let original = self
            .input
            .wants_round_trip
            .then(|| work_picture(&self.source, &layout));
        Ok(Self {
            input: EngineInput {
                image: work_picture(so_far, &layout)?,
                mask,
                strength: pass.strength,
                steps: pass.steps,
                seed: pass.seed,
                original: original.transpose()?,
                tiles: pass.tiles.clone(),
                ..self.input.clone()
            },
            layout,
            later_passes: Vec::new(),
            ..self.clone()
        })
    }

    /// The original at work size.
    fn original(&self) -> &RgbF32 {
        self.input.original.as_ref().unwrap_or(&self.input.image)
    }

    /// Turns the engine's picture (at work size) into a patch in the depth and profile of the
    /// request's picture. Where [`EngineInput::wants_round_trip`] is set, details of the original
    /// that the model was not shown are kept; without a round trip as if the autoencoder lost
    /// nothing.
    pub fn finish(&self, image: &RgbF32, round_trip: Option<&RgbF32>) -> Result<Patch, PlanError> {
        for picture in std::iter::once(image).chain(round_trip) {
            if picture.extent != self.layout.work || picture.pixels.len() != picture.extent.len() {
                return Err(PlanError::EngineSize {
                    got: picture.extent,
                    wanted: self.layout.work,
                });
            }
        }
        let rect = self.layout.touched;
        if self.input.wants_round_trip {
            let seen = self.original();
            let round_trip = round_trip.unwrap_or(seen);
            let mask = self.input.mask.as_ref();
            let region = mask.map(|mask| mask.region.as_slice());
            let details = Details::new(seen, round_trip, image, region, self.likeness);
            return self.with_details(&details);
        }
        let mut placed = resample(image, self.frame_of(rect, 1.0), rect.extent())?;
        for pixel in &mut placed.pixels {
            *pixel = pixel.map(|v| v.clamp(0.0, 1.0));
        }
        colour::from_srgb(&self.source.profile, &mut placed.pixels)
            .map_err(|error| PlanError::profile(&error))?;
        self.take_white_out(rect, &mut placed.pixels);
        self.mix_kept(rect, &mut placed.pixels);
        let pixels = match self.depth {
            Depth::Eight => {
                let quantised = self.with_alpha(&placed.pixels, 0, eight_bits);
                Pixmap::Rgba8(Tiled::from_pixels(rect.extent(), &quantised, [0; 4]))
            }
            Depth::Sixteen => {
                let quantised = self.with_alpha(&placed.pixels, 0, sixteen_bits);
                Pixmap::Rgba16(Tiled::from_pixels(rect.extent(), &quantised, [0; 4]))
            }
        };
        Ok(Patch { rect, pixels })
    }

    /// The patch of a result with details: band by band, because there are several pictures of the
    /// patch's size.
    fn with_details(&self, details: &Details) -> Result<Patch, PlanError> {
        let rect = self.layout.touched;
        let pixels = match self.depth {
            Depth::Eight => {
                let quantised = self.bands_with_details(details, eight_bits)?;
                Pixmap::Rgba8(Tiled::from_pixels(rect.extent(), &quantised, [0; 4]))
            }
            Depth::Sixteen => {
                let quantised = self.bands_with_details(details, sixteen_bits)?;
                Pixmap::Rgba16(Tiled::from_pixels(rect.extent(), &quantised, [0; 4]))
            }
        };
        Ok(Patch { rect, pixels })
    }

    fn bands_with_details<P: Copy + Default + Send>(
        &self,
        details: &Details,
        join: fn([f32; 3], u16) -> P,
    ) -> Result<Vec<P>, PlanError> {
        let rect = self.layout.touched;
        let mut pixels = vec![P::default(); rect.extent().len()];
        let band_len = (DETAIL_ROWS * rect.width).max(1) as usize;
        pixels
            .par_chunks_mut(band_len)
            .enumerate()
            .try_for_each(|(i, band)| {
                let top = i as u32 * DETAIL_ROWS;
                let rows = DETAIL_ROWS.min(rect.height - top);
                let place = Rect::new(rect.x, rect.y + top as i32, rect.width, rows);
                let mut shown = self.band_with_details(details, place)?;
                self.mix_kept(place, &mut shown);
                let first = i * band_len;
                band.copy_from_slice(&self.with_alpha(&shown, first, join));
                Ok(())
            })?;
        Ok(pixels)
    }

    /// What is shown in a rectangle of the picture, in the picture's profile, not yet cut to 0…1.
    fn band_with_details(&self, details: &Details, rect: Rect) -> Result<Vec<[f32; 3]>, PlanError> {
        let frame = self.frame_of(rect, 1.0);
        let in_profile = |work: &RgbF32| -> Result<Vec<[f32; 3]>, PlanError> {
            let enlarged = resample(work, frame, rect.extent())?.pixels;
            let mut converted: Vec<[f32; 3]> = enlarged.clone();
            for pixel in &mut converted {
                *pixel = pixel.map(|v| v.clamp(0.0, 1.0));
            }
            colour::from_srgb(&self.source.profile, &mut converted)
                .map_err(|error| PlanError::profile(&error))?;
            // Profiles are made for 0…1; what overshoots does so by as much in any of them.
            for (converted, enlarged) in converted.iter_mut().zip(&enlarged) {
                for (value, before) in converted.iter_mut().zip(enlarged) {
                    *value += before - before.clamp(0.0, 1.0);
                }
            }
            Ok(converted)
        };
        let result = in_profile(&details.result)?;
        let seen = in_profile(self.original())?;
        let let_go = resample(&details.let_go, frame, rect.extent())?.pixels;
        let original = self.source.pixels.crop_f32(rect);
        let pixels = original.into_iter().zip(result).zip(seen).zip(let_go);
        Ok(pixels
            .map(|((([r, g, b, a], result), seen), let_go)| {
                let on_white = [r, g, b].map(|v| v * a + (1.0 - a));
                without_white(detailed(on_white, result, seen, let_go), [r, g, b, a])
            })
            .collect())
    }

    /// Makes of what is shown in a rectangle of the picture the colours that look so on white: the
    /// engine was shown transparent pixels on it.
    fn take_white_out(&self, rect: Rect, shown: &mut [[f32; 3]]) {
        let band_len = (BAND_ROWS * rect.width).max(1) as usize;
        for (i, band) in shown.chunks_mut(band_len).enumerate() {
            let top = i as u32 * BAND_ROWS;
            let rows = BAND_ROWS.min(rect.height - top);
            let place = Rect::new(rect.x, rect.y + top as i32, rect.width, rows);
            for (shown, original) in band.iter_mut().zip(self.source.pixels.crop_f32(place)) {
                *shown = without_white(*shown, original);
            }
        }
    }

    /// Mixes what is shown in a rectangle of the patch with what a matte keeps of it.
    fn mix_kept(&self, rect: Rect, shown: &mut [[f32; 3]]) {
        let maps = self.maps.as_deref();
        if let (Some(kept), Some(maps)) = (&self.kept, maps) {
            kept.mix(maps, rect, shown);
        }
    }

    /// Places an engine's preview in the picture; it has the shape of the work picture, at any size.
    pub fn preview(&self, preview: &RgbF32) -> Result<PreviewPatch, PlanError> {
        let per_work = f64::from(preview.extent.width) / f64::from(self.layout.work.width);
        let frame = self.frame_of(self.layout.touched, per_work);
        self.previews.place(preview, frame)
    }

    /// Where a rectangle of the picture lies in the work picture, or in one `per_work` times its size.
    fn frame_of(&self, rect: Rect, per_work: f64) -> Frame {
        let scale = self.layout.scale * per_work;
        Frame {
            left: f64::from(rect.x - self.layout.crop.x) * scale,
            top: f64::from(rect.y - self.layout.crop.y) * scale,
            width: f64::from(rect.width) * scale,
            height: f64::from(rect.height) * scale,
        }
    }

    /// Joins colours and composite alpha; pixels that show nothing become all zeros.
    /// `placed` begins with the patch's pixel `first`.
    fn with_alpha<P: Default>(
        &self,
        placed: &[[f32; 3]],
        first: usize,
        join: impl Fn([f32; 3], u16) -> P,
    ) -> Vec<P> {
        let alpha = |i: usize| match &self.maps {
            Some(maps) => maps.alpha.get(i).copied().unwrap_or(0),
            None => FULL,
        };
        let pixels = placed.iter().enumerate();
        pixels
            .map(|(i, pixel)| match alpha(first + i) {
                0 => P::default(),
                alpha => join(*pixel, alpha),
            })
            .collect()
    }
}

/// The colour that looks like `shown` where it lies on white with the original's alpha. Nothing is
/// seen of a pixel that is not there: it keeps its own.
fn without_white(shown: [f32; 3], [r, g, b, alpha]: [f32; 4]) -> [f32; 3] {
    if alpha >= 1.0 {
        shown
    } else if alpha > 0.0 {
        shown.map(|v| (v - (1.0 - alpha)) / alpha)
    } else {
        [r, g, b]
    }
}

fn eight_bits([r, g, b]: [f32; 3], alpha: u16) -> [u8; 4] {
    let eight = |v: f32| (v.clamp(0.0, 1.0) * 255.0).round() as u8;
    let alpha = ((u32::from(alpha) + 128) / 257) as u8;
    [eight(r), eight(g), eight(b), alpha]
}

fn sixteen_bits([r, g, b]: [f32; 3], alpha: u16) -> [u16; 4] {
    let sixteen = |v: f32| (v.clamp(0.0, 1.0) * 65535.0).round() as u16;
    [sixteen(r), sixteen(g), sixteen(b), alpha]
}

#[cfg(test)]
#[path = "prepare_tests.rs"]
mod tests;

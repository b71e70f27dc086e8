//! [`TextureStore`]: the textures of the document in front, its results and previews.

use std::collections::HashMap;
use std::sync::Arc;

use eframe::egui::{
    self, ColorImage, Mesh, Painter, Rect, TextureHandle, TextureOptions, TextureWrapMode, pos2,
};

use super::AS_IS;
use super::shades::{MaskShade, PictureShade};
use super::textures::{PlaneTextures, Uploads};
use crate::document::{DocumentId, Layer, LayerId};
use crate::editor::{Candidate, CandidateId, Editor, OpenDocument, Run, RunState};
use crate::geometry::{Point, Rect as PixelRect};
use crate::jobs::JobId;
use crate::raster::{DisplayTransform, Patch, Picture, Pixmap, Profile};
use crate::ui::theme::{MaskTint, Tokens, size};
use crate::ui::view_transform::ViewTransform;

/// Longest side of a thumbnail in texels.
const THUMB_PX: u32 = 160;

/// A plane of either depth.
enum PixmapTextures {
    Rgba8(PlaneTextures<[u8; 4]>),
    Rgba16(PlaneTextures<[u16; 4]>),
}

impl PixmapTextures {
    fn new(name: &'static str, pixels: &Pixmap) -> Self {
        match pixels {
            Pixmap::Rgba8(_) => Self::Rgba8(PlaneTextures::new(name)),
            Pixmap::Rgba16(_) => Self::Rgba16(PlaneTextures::new(name)),
        }
    }

    fn update(&mut self, pixels: &Pixmap, shade: &PictureShade<'_>) {
        match (&mut *self, pixels) {
            (Self::Rgba8(textures), Pixmap::Rgba8(plane)) => textures.update(plane, shade),
            (Self::Rgba16(textures), Pixmap::Rgba16(plane)) => textures.update(plane, shade),
            (Self::Rgba8(_) | Self::Rgba16(_), _) => {
                *self = Self::new("picture", pixels);
                self.update(pixels, shade);
            }
        }
    }

    fn paint(
        &mut self,
        painter: &Painter,
        transform: &ViewTransform,
        origin: Point,
        shade: &PictureShade<'_>,
    ) {
        match self {
            Self::Rgba8(textures) => textures.paint(painter, transform, origin, shade, AS_IS),
            Self::Rgba16(textures) => textures.paint(painter, transform, origin, shade, AS_IS),
        }
    }

    fn uploads(&self) -> Uploads {
        match self {
            Self::Rgba8(textures) => textures.uploads(),
            Self::Rgba16(textures) => textures.uploads(),
        }
    }
}

/// The textures of the document in front, its results and previews.
pub(crate) struct TextureStore {
    document: Option<DocumentId>,
    profile: Profile,
    display: Option<DisplayTransform>,
    picture: Option<PixmapTextures>,
    base: Option<PixmapTextures>,
    mask: PlaneTextures<u8>,
    mask_shade: Option<MaskShade>,
    patches: HashMap<CandidateId, PixmapTextures>,
    thumbs: HashMap<CandidateId, TextureHandle>,
    /// Of the layers of the document in front.
    layers: HashMap<LayerId, (Arc<Patch>, TextureHandle)>,
    previews: HashMap<JobId, (u64, TextureHandle)>,
    checkerboard: Option<([egui::Color32; 2], TextureHandle)>,
    version: u64,
}

impl Default for TextureStore {
    fn default() -> Self {
        Self {
            document: None,
            profile: Profile::Srgb,
            display: None,
            picture: None,
            base: None,
            mask: PlaneTextures::new("mask"),
            mask_shade: None,
            patches: HashMap::new(),
            thumbs: HashMap::new(),
            layers: HashMap::new(),
            previews: HashMap::new(),
            checkerboard: None,
            version: 0,
        }
    }
}

impl TextureStore {
    /// Brings picture and mask up to date; to be called once a frame before anything is painted.
    /// `visible` is what [`paint_picture`](Self::paint_picture) paints: a picture of the document.
    pub(crate) fn begin_frame(
        &mut self,
        open: &OpenDocument,
        visible: &Picture,
        t: &Tokens,
        tint: &MaskTint,
    ) {
        let document = open.document();
        if self.document != Some(open.id())
            || self.profile != visible.profile
            || self.display.is_none()
        {
            self.document = Some(open.id());
            self.profile = visible.profile.clone();
            // Shown as sRGB if the profile cannot be used; opening it has said so already.
            self.display = DisplayTransform::new(&visible.profile)
                .or_else(|_| DisplayTransform::new(&Profile::Srgb))
                .ok();
            self.version += 1;
            self.picture = None;
            self.base = None;
            self.mask = PlaneTextures::new("mask");
            self.layers.clear();
        }
        self.layers.retain(|id, _| document.layer(*id).is_some());
        let Some(display) = &self.display else { return };
        let shade = PictureShade {
            display,
            version: self.version,
        };
        self.picture
            .get_or_insert_with(|| PixmapTextures::new("picture", &visible.pixels))
            .update(&visible.pixels, &shade);
        let mask_shade = MaskShade::new(open.settings().mask_mode, tint, t);
        self.mask.update(document.mask(), &mask_shade);
        self.mask_shade = Some(mask_shade);
    }

    /// Gives back the textures of results and previews that no longer exist.
    pub(crate) fn forget_gone(&mut self, editor: &Editor) {
        // What has left the memory leaves the graphics card too; small pictures stay.
        let is_read = |id| editor.candidate(id).is_some_and(|it| it.patch().is_some());
        self.patches.retain(|id, _| is_read(*id));
        self.thumbs.retain(|id, _| editor.candidate(*id).is_some());
        self.previews.retain(|job, _| {
            editor
                .run(*job)
                .is_some_and(|run| matches!(run.state, RunState::Running(_)))
        });
    }

    /// What this frame sent to the graphics card for picture and mask.
    pub(crate) fn uploads(&self) -> Uploads {
        let picture = self
            .picture
            .as_ref()
            .map(PixmapTextures::uploads)
            .unwrap_or_default();
        let mask = self.mask.uploads();
        Uploads {
            count: picture.count + mask.count,
            texels: picture.texels + mask.texels,
            unfinished: picture.unfinished || mask.unfinished,
        }
    }

    /// What shows through transparent pixels.
    pub(crate) fn paint_checkerboard(
        &mut self,
        painter: &Painter,
        transform: &ViewTransform,
        picture: PixelRect,
        t: &Tokens,
    ) {
        let [a, b] = t.checker;
        if self
            .checkerboard
            .as_ref()
            .is_none_or(|(colours, _)| *colours != t.checker)
        {
            let image = ColorImage::new([2, 2], vec![a, b, b, a]);
            let options = TextureOptions {
                wrap_mode: TextureWrapMode::Repeat,
                ..TextureOptions::NEAREST
            };
            self.checkerboard = Some((
                t.checker,
                painter.ctx().load_texture("checkerboard", image, options),
            ));
        }
        let Some((_, texture)) = &self.checkerboard else {
            return;
        };
        let rect = transform.view_rect(picture);
        let squares = rect.size() / (2.0 * size::CHECKER);
        let mut mesh = Mesh::with_texture(texture.id());
        mesh.add_rect_with_uv(rect, Rect::from_min_size(pos2(0.0, 0.0), squares), AS_IS);
        painter.add(mesh);
    }

    /// The picture of this frame.
    pub(crate) fn paint_picture(&mut self, painter: &Painter, transform: &ViewTransform) {
        let (Some(picture), Some(display)) = (&mut self.picture, &self.display) else {
            return;
        };
        let shade = PictureShade {
            display,
            version: self.version,
        };
        picture.paint(painter, transform, Point::default(), &shade);
    }

    /// The picture as it was opened, without its layers, in place of the visible one.
    pub(crate) fn paint_base(
        &mut self,
        painter: &Painter,
        transform: &ViewTransform,
        base: &Picture,
        t: &Tokens,
    ) {
        let whole = PixelRect::of(base.pixels.extent());
        self.paint_checkerboard(painter, transform, whole, t);
        let Some(display) = &self.display else { return };
        let shade = PictureShade {
            display,
            version: self.version,
        };
        let textures = self
            .base
            .get_or_insert_with(|| PixmapTextures::new("base", &base.pixels));
        textures.update(&base.pixels, &shade);
        textures.paint(painter, transform, Point::default(), &shade);
        if textures.uploads().unfinished {
            painter.ctx().request_repaint();
        }
    }

    /// The tint of what is painted.
    pub(crate) fn paint_mask(&mut self, painter: &Painter, transform: &ViewTransform) {
        if let Some(shade) = &self.mask_shade {
            self.mask
                .paint(painter, transform, Point::default(), shade, AS_IS);
        }
    }

    /// A result at its place.
    pub(crate) fn paint_patch(
        &mut self,
        painter: &Painter,
        transform: &ViewTransform,
        id: CandidateId,
        patch: &Patch,
    ) {
        let Some(display) = &self.display else { return };
        let shade = PictureShade {
            display,
            version: self.version,
        };
        let textures = self
            .patches
            .entry(id)
            .or_insert_with(|| PixmapTextures::new("result", &patch.pixels));
        textures.update(&patch.pixels, &shade);
        textures.paint(
            painter,
            transform,
            Point::new(patch.rect.x, patch.rect.y),
            &shade,
        );
        if textures.uploads().unfinished {
            painter.ctx().request_repaint();
        }
    }

    /// What a running job will give, at its place.
    pub(crate) fn paint_preview(
        &mut self,
        painter: &Painter,
        transform: &ViewTransform,
        run: &Run,
    ) {
        let RunState::Running(progress) = &run.state else {
            return;
        };
        let Some(preview) = &progress.preview else {
            return;
        };
        let known = self
            .previews
            .get(&run.job)
            .is_some_and(|(count, _)| *count == progress.preview_count);
        if !known {
            let size = [
                preview.extent.width as usize,
                preview.extent.height as usize,
            ];
            let image = ColorImage::from_rgba_unmultiplied(size, preview.pixels.as_flattened());
            let texture = painter
                .ctx()
                .load_texture("preview", image, TextureOptions::LINEAR);
            self.previews
                .insert(run.job, (progress.preview_count, texture));
        }
        if let Some((_, texture)) = self.previews.get(&run.job) {
            let mut mesh = Mesh::with_texture(texture.id());
            let whole = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
            mesh.add_rect_with_uv(transform.view_rect(preview.rect), whole, AS_IS);
            painter.add(mesh);
        }
    }

    /// A small square picture of a result with its surroundings; `None`: its pixels are to be read first.
    pub(crate) fn thumb(
        &mut self,
        ctx: &egui::Context,
        result: &Candidate,
        under: &Picture,
    ) -> Option<TextureHandle> {
        if let Some(known) = self.thumbs.get(&result.id) {
            return Some(known.clone());
        }
        let image = thumb_image(result.patch()?, under, self.display.as_ref());
        let texture = ctx.load_texture("thumb", image, TextureOptions::LINEAR);
        self.thumbs.insert(result.id, texture.clone());
        Some(texture)
    }

    /// A small square picture of a layer.
    pub(crate) fn layer_thumb(
        &mut self,
        ctx: &egui::Context,
        layer: &Layer,
        under: &Picture,
    ) -> TextureHandle {
        let known = self.layers.get(&layer.id);
        if let Some((patch, texture)) = known
            && Arc::ptr_eq(patch, &layer.patch)
        {
            return texture.clone();
        }
        let image = thumb_image(&layer.patch, under, self.display.as_ref());
        let texture = ctx.load_texture("layer", image, TextureOptions::LINEAR);
        let entry = (Arc::clone(&layer.patch), texture.clone());
        self.layers.insert(layer.id, entry);
        texture
    }
}

/// The middle of the patch over the picture, sampled to a square.
fn thumb_image(patch: &Patch, under: &Picture, display: Option<&DisplayTransform>) -> ColorImage {
    let side = patch.rect.width.min(patch.rect.height).max(1);
    let texels = side.min(THUMB_PX);
    let corner_x = patch.rect.x + ((patch.rect.width - side) / 2) as i32;
    let corner_y = patch.rect.y + ((patch.rect.height - side) / 2) as i32;
    let at = |i: u32| (u64::from(i) * u64::from(side) / u64::from(texels)) as i32;
    let mut pixels = Vec::with_capacity((texels * texels) as usize);
    for row in 0..texels {
        for column in 0..texels {
            let point = Point::new(corner_x + at(column), corner_y + at(row));
            let below = pixel8(&under.pixels, point.x, point.y);
            let above = pixel8(
                &patch.pixels,
                point.x - patch.rect.x,
                point.y - patch.rect.y,
            );
            pixels.push(over(below, above));
        }
    }
    if let Some(display) = display {
        // See PictureShade: shown as sRGB where the profile fails.
        _ = display.to_srgb8(&mut pixels);
    }
    ColorImage::from_rgba_unmultiplied([texels as usize, texels as usize], pixels.as_flattened())
}

fn pixel8(pixels: &Pixmap, x: i32, y: i32) -> [u8; 4] {
    let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) else {
        return [0; 4];
    };
    match pixels {
        Pixmap::Rgba8(plane) => plane.get(x, y).unwrap_or_default(),
        Pixmap::Rgba16(plane) => plane
            .get(x, y)
            .unwrap_or_default()
            .map(|v| ((u32::from(v) + 128) / 257) as u8),
    }
}

fn over([br, bg, bb, ba]: [u8; 4], [ar, ag, ab, aa]: [u8; 4]) -> [u8; 4] {
    let mix = |below: u8, above: u8| {
        let alpha = u32::from(aa);
        ((u32::from(above) * alpha + u32::from(below) * (255 - alpha) + 127) / 255) as u8
    };
    [mix(br, ar), mix(bg, ag), mix(bb, ab), ba.max(aa)]
}

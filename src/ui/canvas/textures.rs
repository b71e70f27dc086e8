//! [`PlaneTextures`]: a copy-on-write plane on the graphics card, kept up to date tile by tile.
//!
//! A plane is shown at a level of detail: at level L one texel averages 2^L × 2^L pixels, so that
//! a large picture seen small costs little memory and does not flicker. Every texture is 256 texels
//! square. When the plane changes, only the tiles whose memory changed are sent again, and a
//! bounded number of pixels is looked at in one frame, visible tiles first; until a tile is there,
//! a coarse sample of the whole plane stands in for it.

use std::collections::HashMap;
use std::ops::Range;

use eframe::egui::{
    self, Color32, ColorImage, Mesh, Painter, Rect, TextureHandle, TextureOptions, pos2,
};

use crate::geometry::{Extent, Point, PointF, Rect as PixelRect};
use crate::raster::{TILE_PX, TileIndex, Tiled};
use crate::ui::view_transform::ViewTransform;

/// The coarsest level: 64 × 64 pixels a texel.
const MAX_LEVEL: u32 = 6;
/// Longest side of the sample that stands in for tiles that are not there yet.
const SAMPLE_PX: u32 = 384;
/// Pixels looked at in one frame to fill tiles.
const PIXELS_PER_FRAME: u64 = 2_000_000;
/// Bytes of textures kept although nothing shows them now.
const KEPT_BYTES: usize = 192 << 20;

/// Crisp squares when magnified, smooth when reduced.
const CRISP: TextureOptions = TextureOptions {
    magnification: egui::TextureFilter::Nearest,
    minification: egui::TextureFilter::Linear,
    wrap_mode: egui::TextureWrapMode::ClampToEdge,
    mipmap_mode: None,
};

/// Turns pixels of a plane into premultiplied colours of the screen.
pub(super) trait Shade<P> {
    /// Appends one colour for each pixel.
    fn shade(&self, pixels: &[P], colours: &mut Vec<Color32>);

    /// Another number whenever the same pixels would give other colours.
    fn version(&self) -> u64;

    /// True when all of `pixels` are known to be fully transparent; a quick look, may say no.
    fn is_blank(&self, pixels: &[P]) -> bool {
        let _ = pixels;
        false
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    level: u32,
    column: u32,
    row: u32,
}

enum Held {
    /// Fully transparent: there is nothing to draw.
    Blank,
    Texture(TextureHandle),
}

struct Tile {
    held: Held,
    used_in_frame: u64,
}

/// What a frame sent to the graphics card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Uploads {
    /// Textures or parts of textures that were sent.
    pub count: u32,
    /// Texels sent.
    pub texels: u64,
    /// True when tiles are still missing; another frame is needed.
    pub unfinished: bool,
}

/// The textures of one plane.
pub(super) struct PlaneTextures<P> {
    name: &'static str,
    plane: Option<Tiled<P>>,
    version: u64,
    tiles: HashMap<Key, Tile>,
    sample: Option<TextureHandle>,
    frame: u64,
    uploads: Uploads,
    pixels_left: u64,
    scratch: Vec<Color32>,
}

impl<P: Copy + PartialEq> PlaneTextures<P> {
    /// Nothing uploaded yet. `name` shows in graphics debuggers.
    pub(super) fn new(name: &'static str) -> Self {
        Self {
            name,
            plane: None,
            version: 0,
            tiles: HashMap::new(),
            sample: None,
            frame: 0,
            uploads: Uploads::default(),
            pixels_left: 0,
            scratch: Vec::new(),
        }
    }

    /// To be called once a frame before painting: compares `plane` with what was uploaded last and
    /// sends the changed tiles that are in use again.
    pub(super) fn update(&mut self, plane: &Tiled<P>, shade: &impl Shade<P>) {
        self.frame += 1;
        self.uploads = Uploads::default();
        self.pixels_left = PIXELS_PER_FRAME;
        let same_kind = self
            .plane
            .as_ref()
            .is_some_and(|old| old.extent() == plane.extent() && self.version == shade.version());
        if !same_kind {
            self.tiles.clear();
            self.sample = None;
            self.version = shade.version();
        } else if let Some(old) = self.plane.take() {
            let changed = plane.changed_tiles(&old);
            if !changed.is_empty() {
                self.sample = None;
            }
            for index in changed {
                self.refresh(plane, shade, index);
            }
        }
        self.plane = Some(plane.clone());
    }

    /// What was sent since [`update`](Self::update) began.
    pub(super) fn uploads(&self) -> Uploads {
        self.uploads
    }

    /// Draws the plane with its first pixel at `origin` of the picture that `transform` shows.
    pub(super) fn paint(
        &mut self,
        painter: &Painter,
        transform: &ViewTransform,
        origin: Point,
        shade: &impl Shade<P>,
        tint: Color32,
    ) {
        let Some(plane) = self.plane.take() else {
            return;
        };
        let level = level_for(transform.zoom);
        let extent = plane.extent();
        let shown = shown_part(transform, origin, extent);
        let side = TILE_PX << level;
        let mut missing = Vec::new();
        for row in tile_range(shown.y, shown.bottom(), side) {
            for column in tile_range(shown.x, shown.right(), side) {
                let key = Key { level, column, row };
                let rect = key.rect(extent);
                if rect.is_empty() {
                    continue;
                }
                self.ensure(painter.ctx(), &plane, shade, key);
                match self.tiles.get_mut(&key) {
                    Some(tile) => {
                        tile.used_in_frame = self.frame;
                        if let Held::Texture(texture) = &tile.held {
                            paint_part(
                                painter,
                                transform,
                                origin,
                                (rect, 1 << level),
                                texture,
                                tint,
                            );
                        }
                    }
                    None => missing.push(rect),
                }
            }
        }
        if !missing.is_empty() {
            let sample = match self.sample.take() {
                Some(sample) => sample,
                None => self.make_sample(painter.ctx(), &plane, shade),
            };
            for rect in missing {
                paint_from_whole(painter, transform, origin, (rect, extent), &sample, tint);
            }
            self.sample = Some(sample);
            self.uploads.unfinished = true;
            painter.ctx().request_repaint();
        }
        self.plane = Some(plane);
        self.forget_unused();
    }

    fn ensure(&mut self, ctx: &egui::Context, plane: &Tiled<P>, shade: &impl Shade<P>, key: Key) {
        if self.tiles.contains_key(&key) {
            return;
        }
        let rect = key.rect(plane.extent());
        if is_blank(plane, shade, rect) {
            let tile = Tile {
                held: Held::Blank,
                used_in_frame: self.frame,
            };
            self.tiles.insert(key, tile);
            return;
        }
        let cost = rect.extent().area();
        // The first tile of a frame is always made, however large, or nothing would ever come.
        let first = self.pixels_left == PIXELS_PER_FRAME;
        if cost > self.pixels_left && !first {
            return;
        }
        self.pixels_left = self.pixels_left.saturating_sub(cost);
        let image = self.reduced(plane, shade, rect, key.level);
        self.uploads.count += 1;
        self.uploads.texels += image.pixels.len() as u64;
        let held = Held::Texture(ctx.load_texture(self.name, image, CRISP));
        self.tiles.insert(
            key,
            Tile {
                held,
                used_in_frame: self.frame,
            },
        );
    }

    /// Sends the part of the current textures that shows a changed tile of the plane; textures of
    /// levels not in use are dropped.
    fn refresh(&mut self, plane: &Tiled<P>, shade: &impl Shade<P>, index: TileIndex) {
        for level in 0..=MAX_LEVEL {
            let key = Key {
                level,
                column: index.column >> level,
                row: index.row >> level,
            };
            let Some(mut tile) = self.tiles.remove(&key) else {
                continue;
            };
            let used_lately = tile.used_in_frame + 1 >= self.frame;
            match &mut tile.held {
                Held::Texture(texture) if used_lately => {
                    let image = self.reduced(plane, shade, plane.tile_rect(index), level);
                    let within = |i: u32| ((i & ((1 << level) - 1)) * (TILE_PX >> level)) as usize;
                    self.uploads.count += 1;
                    self.uploads.texels += image.pixels.len() as u64;
                    texture.set_partial([within(index.column), within(index.row)], image, CRISP);
                    self.tiles.insert(key, tile);
                }
                // Made again when it is next shown.
                Held::Texture(_) | Held::Blank => {}
            }
        }
    }

    /// `rect` (whose corner lies on a multiple of 2^level) with 2^level × 2^level pixels averaged.
    fn reduced(
        &mut self,
        plane: &Tiled<P>,
        shade: &impl Shade<P>,
        rect: PixelRect,
        level: u32,
    ) -> ColorImage {
        let columns = rect.width.div_ceil(1 << level) as usize;
        let rows = rect.height.div_ceil(1 << level) as usize;
        let mut pixels = Vec::with_capacity(columns * rows);
        let mut sums = vec![[0u32; 5]; columns];
        for y in 0..rect.height {
            self.scratch.clear();
            let line = rect.x as u32..rect.right() as u32;
            plane.visit_row(rect.y as u32 + y, line, |_, piece| {
                shade.shade(piece, &mut self.scratch);
            });
            if level == 0 {
                pixels.extend_from_slice(&self.scratch);
                continue;
            }
            add_line(&mut sums, &self.scratch, level);
            if (y + 1) % (1 << level) == 0 || y + 1 == rect.height {
                pixels.extend(sums.iter_mut().map(|sum| average(std::mem::take(sum))));
            }
        }
        ColorImage::new([columns, rows], pixels)
    }

    /// Every n-th pixel of the plane: quick, rough, and replaced within a few frames.
    fn make_sample(
        &self,
        ctx: &egui::Context,
        plane: &Tiled<P>,
        shade: &impl Shade<P>,
    ) -> TextureHandle {
        let extent = plane.extent();
        let every = extent.width.max(extent.height).div_ceil(SAMPLE_PX).max(1);
        let columns = extent.width.div_ceil(every).max(1);
        let rows = extent.height.div_ceil(every).max(1);
        let picked: Vec<P> = (0..rows)
            .flat_map(|row| (0..columns).map(move |column| (column, row)))
            .filter_map(|(column, row)| {
                let at = |i: u32, end: u32| (i * every + every / 2).min(end.saturating_sub(1));
                plane.get(at(column, extent.width), at(row, extent.height))
            })
            .collect();
        let mut colours = Vec::with_capacity(picked.len());
        shade.shade(&picked, &mut colours);
        colours.resize((columns * rows) as usize, Color32::TRANSPARENT);
        let image = ColorImage::new([columns as usize, rows as usize], colours);
        ctx.load_texture(self.name, image, TextureOptions::LINEAR)
    }

    /// Gives textures back that nothing has shown for a while, when they are too many.
    fn forget_unused(&mut self) {
        let tile_bytes = (TILE_PX * TILE_PX * 4) as usize;
        if self.tiles.len() * tile_bytes > KEPT_BYTES {
            let frame = self.frame;
            self.tiles.retain(|_, tile| tile.used_in_frame + 2 >= frame);
        }
    }
}

fn is_blank<P: Copy + PartialEq>(plane: &Tiled<P>, shade: &impl Shade<P>, rect: PixelRect) -> bool {
    let columns = rect.x as u32..rect.right() as u32;
    (rect.y..rect.bottom()).all(|y| {
        let mut blank = true;
        plane.visit_row(y as u32, columns.clone(), |_, piece| {
            blank = blank && shade.is_blank(piece);
        });
        blank
    })
}

impl Key {
    fn rect(self, extent: Extent) -> PixelRect {
        let side = TILE_PX << self.level;
        PixelRect::new(
            (self.column * side) as i32,
            (self.row * side) as i32,
            side,
            side,
        )
        .intersect(PixelRect::of(extent))
    }
}

/// The level at which a texel is not smaller than a pixel of the screen, and less than two.
fn level_for(zoom: f32) -> u32 {
    if zoom >= 1.0 {
        0
    } else {
        ((1.0 / zoom).log2() + 1e-4)
            .floor()
            .clamp(0.0, MAX_LEVEL as f32) as u32
    }
}

fn shown_part(transform: &ViewTransform, origin: Point, extent: Extent) -> PixelRect {
    let first = transform.image_from_view(transform.canvas.min);
    let last = transform.image_from_view(transform.canvas.max);
    PixelRect::from_borders(
        first.x.floor() as i32 - origin.x,
        first.y.floor() as i32 - origin.y,
        last.x.ceil() as i32 - origin.x,
        last.y.ceil() as i32 - origin.y,
    )
    .intersect(PixelRect::of(extent))
}

fn tile_range(from: i32, to: i32, side: u32) -> Range<u32> {
    let from = from.max(0) as u32;
    let to = to.max(0) as u32;
    if to <= from {
        0..0
    } else {
        from / side..to.div_ceil(side)
    }
}

/// Adds a line of pixels to the sums of red, green, blue, alpha and their number.
fn add_line(sums: &mut [[u32; 5]], colours: &[Color32], level: u32) {
    // Two channels are added at once, each in half a number: what is added here is at most a tile's
    // side of pixels, and 256 × 255 fits.
    const EVERY_SECOND: u32 = 0x00FF_00FF;
    const HALF: u32 = 0xFFFF;
    for (colours, [r, g, b, a, count]) in colours.chunks(1 << level).zip(sums) {
        let (mut red_blue, mut green_alpha) = (0, 0);
        for colour in colours {
            let channels = u32::from_le_bytes(colour.to_array());
            red_blue += channels & EVERY_SECOND;
            green_alpha += (channels >> 8) & EVERY_SECOND;
        }
        *r += red_blue & HALF;
        *g += green_alpha & HALF;
        *b += red_blue >> 16;
        *a += green_alpha >> 16;
        *count += colours.len() as u32;
    }
}

fn average([r, g, b, a, count]: [u32; 5]) -> Color32 {
    let count = count.max(1);
    let mean = |sum: u32| ((sum + count / 2) / count) as u8;
    Color32::from_rgba_premultiplied(mean(r), mean(g), mean(b), mean(a))
}

fn placed(transform: &ViewTransform, origin: Point, rect: PixelRect) -> Rect {
    let corner = |x: i32, y: i32| {
        transform.view_from_image(PointF::new((x + origin.x) as f32, (y + origin.y) as f32))
    };
    Rect::from_min_max(corner(rect.x, rect.y), corner(rect.right(), rect.bottom()))
}

/// Draws a texture that shows `rect` with `pixels_per_texel` pixels a texel.
fn paint_part(
    painter: &Painter,
    transform: &ViewTransform,
    origin: Point,
    (rect, pixels_per_texel): (PixelRect, u32),
    texture: &TextureHandle,
    tint: Color32,
) {
    // The last texel of a row may average fewer pixels than the others.
    let share = |pixels: u32| {
        let texels = pixels.div_ceil(pixels_per_texel);
        pixels as f32 / (texels * pixels_per_texel) as f32
    };
    let uv = Rect::from_min_max(pos2(0.0, 0.0), pos2(share(rect.width), share(rect.height)));
    let mut mesh = Mesh::with_texture(texture.id());
    mesh.add_rect_with_uv(placed(transform, origin, rect), uv, tint);
    painter.add(mesh);
}

/// Draws `rect` out of a texture that shows the whole of `extent`.
fn paint_from_whole(
    painter: &Painter,
    transform: &ViewTransform,
    origin: Point,
    (rect, extent): (PixelRect, Extent),
    texture: &TextureHandle,
    tint: Color32,
) {
    let u = |x: i32| x as f32 / extent.width.max(1) as f32;
    let v = |y: i32| y as f32 / extent.height.max(1) as f32;
    let uv = Rect::from_min_max(
        pos2(u(rect.x), v(rect.y)),
        pos2(u(rect.right()), v(rect.bottom())),
    );
    let mut mesh = Mesh::with_texture(texture.id());
    mesh.add_rect_with_uv(placed(transform, origin, rect), uv, tint);
    painter.add(mesh);
}

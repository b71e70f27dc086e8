//! A small software rasteriser for egui's meshes: the same pictures on every machine, without a
//! graphics card. Draws what `egui_glow`'s shader draws (colours multiplied and blended in gamma
//! space, premultiplied alpha), with the top-left fill rule, and without dithering.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use eframe::egui::epaint::{ImageDelta, Primitive, Vertex};
use eframe::egui::{
    self, Color32, ImageData, TextureFilter, TextureId, TextureOptions, TextureWrapMode,
    TexturesDelta,
};
use image::{Rgba, RgbaImage};

struct Texture {
    width: usize,
    height: usize,
    texels: Vec<Color32>,
    options: TextureOptions,
}

/// The textures egui has sent, and a way to draw with them.
#[derive(Default)]
pub(crate) struct Rasterizer {
    textures: HashMap<TextureId, Texture>,
    to_free: Vec<TextureId>,
}

/// A rasteriser that a test and its harness share.
#[derive(Clone, Default)]
pub(crate) struct SharedRasterizer(pub Rc<RefCell<Rasterizer>>);

impl egui_kittest::TestRenderer for SharedRasterizer {
    fn handle_delta(&mut self, delta: &mut TexturesDelta) {
        self.0.borrow_mut().apply(delta);
    }
}

impl Rasterizer {
    fn apply(&mut self, delta: &mut TexturesDelta) {
        for id in self.to_free.drain(..) {
            self.textures.remove(&id);
        }
        delta.set.drain().for_each(|(id, changes)| {
            changes.iter().for_each(|change| self.set(id, change));
        });
        self.to_free.extend(delta.free.drain());
    }

    fn set(&mut self, id: TextureId, delta: &ImageDelta) {
        let ImageData::Color(image) = &delta.image;
        let [width, height] = image.size;
        match delta.pos {
            None => {
                let texture = Texture {
                    width,
                    height,
                    texels: image.pixels.clone(),
                    options: delta.options,
                };
                self.textures.insert(id, texture);
            }
            Some([left, top]) => {
                let texture = self
                    .textures
                    .get_mut(&id)
                    .expect("a part of a texture that exists");
                for (y, row) in image.pixels.chunks(width).enumerate() {
                    let at = (top + y) * texture.width + left;
                    texture.texels[at..at + width].copy_from_slice(row);
                }
            }
        }
    }

    /// Draws the output of a frame.
    pub(crate) fn draw(
        &self,
        ctx: &egui::Context,
        output: &egui::FullOutput,
        size: egui::Vec2,
    ) -> RgbaImage {
        let scale = output.pixels_per_point;
        let (width, height) = (
            (size.x * scale).round() as u32,
            (size.y * scale).round() as u32,
        );
        let mut target = RgbaImage::from_pixel(width, height, Rgba([0, 0, 0, 255]));
        for primitive in ctx.tessellate(output.shapes.clone(), scale) {
            let Primitive::Mesh(mesh) = &primitive.primitive else {
                continue;
            };
            let clip = [
                (primitive.clip_rect.min.x * scale)
                    .round()
                    .clamp(0.0, width as f32) as i64,
                (primitive.clip_rect.min.y * scale)
                    .round()
                    .clamp(0.0, height as f32) as i64,
                (primitive.clip_rect.max.x * scale)
                    .round()
                    .clamp(0.0, width as f32) as i64,
                (primitive.clip_rect.max.y * scale)
                    .round()
                    .clamp(0.0, height as f32) as i64,
            ];
            let texture = self
                .textures
                .get(&mesh.texture_id)
                .expect("a texture that was sent");
            for [a, b, c] in mesh.triangles() {
                let corners = [a, b, c].map(|i| Corner::new(&mesh.vertices[i as usize], scale));
                triangle(&mut target, clip, texture, corners);
            }
        }
        target
    }
}

#[derive(Clone, Copy)]
struct Corner {
    x: f32,
    y: f32,
    /// u, v, r, g, b, a
    values: [f32; 6],
}

impl Corner {
    fn new(vertex: &Vertex, scale: f32) -> Self {
        let [r, g, b, a] = vertex.color.to_array().map(|v| f32::from(v) / 255.0);
        Self {
            x: vertex.pos.x * scale,
            y: vertex.pos.y * scale,
            values: [vertex.uv.x, vertex.uv.y, r, g, b, a],
        }
    }
}

/// Twice the signed area of the triangle `a b p`.
fn edge(a: Corner, b: Corner, x: f32, y: f32) -> f32 {
    (b.x - a.x) * (y - a.y) - (b.y - a.y) * (x - a.x)
}

/// An edge on which a pixel centre may lie and still belong to the triangle.
fn is_top_left(a: Corner, b: Corner) -> bool {
    (a.y == b.y && b.x > a.x) || b.y < a.y
}

fn triangle(target: &mut RgbaImage, clip: [i64; 4], texture: &Texture, mut corners: [Corner; 3]) {
    let mut area = edge(corners[0], corners[1], corners[2].x, corners[2].y);
    if area == 0.0 {
        return;
    }
    if area < 0.0 {
        corners.swap(1, 2);
        area = -area;
    }
    let [a, b, c] = corners;
    let min = |f: fn(&Corner) -> f32| corners.iter().map(f).fold(f32::MAX, f32::min).floor() as i64;
    let max = |f: fn(&Corner) -> f32| corners.iter().map(f).fold(f32::MIN, f32::max).ceil() as i64;
    let (left, right) = (min(|p| p.x).max(clip[0]), max(|p| p.x).min(clip[2]));
    let (top, bottom) = (min(|p| p.y).max(clip[1]), max(|p| p.y).min(clip[3]));
    let magnified = is_magnified(texture, corners, area);
    for y in top..bottom {
        for x in left..right {
            let (px, py) = (x as f32 + 0.5, y as f32 + 0.5);
            let weights = [edge(b, c, px, py), edge(c, a, px, py), edge(a, b, px, py)];
            let edges = [(b, c), (c, a), (a, b)];
            let inside = weights
                .iter()
                .zip(edges)
                .all(|(w, (from, to))| *w > 0.0 || (*w == 0.0 && is_top_left(from, to)));
            if !inside {
                continue;
            }
            let mut v = [0.0; 6];
            for (corner, weight) in corners.iter().zip(weights) {
                for (sum, value) in v.iter_mut().zip(corner.values) {
                    *sum += value * weight / area;
                }
            }
            let texel = sample(texture, v[0], v[1], magnified);
            let source = [
                texel[0] * v[2],
                texel[1] * v[3],
                texel[2] * v[4],
                texel[3] * v[5],
            ];
            let pixel = target.get_pixel_mut(x as u32, y as u32);
            for (channel, value) in pixel.0.iter_mut().zip(source) {
                let below = f32::from(*channel) / 255.0;
                *channel =
                    ((value + below * (1.0 - source[3])) * 255.0 + 0.5).clamp(0.0, 255.0) as u8;
            }
        }
    }
}

fn is_magnified(texture: &Texture, [a, b, c]: [Corner; 3], area: f32) -> bool {
    let u = |p: Corner| p.values[0] * texture.width as f32;
    let v = |p: Corner| p.values[1] * texture.height as f32;
    let texels = ((u(b) - u(a)) * (v(c) - v(a)) - (v(b) - v(a)) * (u(c) - u(a))).abs();
    texels <= area
}

fn sample(texture: &Texture, u: f32, v: f32, magnified: bool) -> [f32; 4] {
    let options = texture.options;
    let filter = if magnified {
        options.magnification
    } else {
        options.minification
    };
    let (x, y) = (u * texture.width as f32, v * texture.height as f32);
    if filter == TextureFilter::Nearest {
        return texel(texture, x.floor() as i64, y.floor() as i64);
    }
    let (x, y) = (x - 0.5, y - 0.5);
    let (x0, y0) = (x.floor(), y.floor());
    let (fx, fy) = (x - x0, y - y0);
    let (x0, y0) = (x0 as i64, y0 as i64);
    let mut mixed = [0.0; 4];
    for (dx, dy, weight) in [
        (0, 0, (1.0 - fx) * (1.0 - fy)),
        (1, 0, fx * (1.0 - fy)),
        (0, 1, (1.0 - fx) * fy),
        (1, 1, fx * fy),
    ] {
        for (sum, value) in mixed.iter_mut().zip(texel(texture, x0 + dx, y0 + dy)) {
            *sum += value * weight;
        }
    }
    mixed
}

fn texel(texture: &Texture, x: i64, y: i64) -> [f32; 4] {
    let wrap = |at: i64, size: usize| match texture.options.wrap_mode {
        TextureWrapMode::ClampToEdge => at.clamp(0, size as i64 - 1) as usize,
        TextureWrapMode::Repeat | TextureWrapMode::MirroredRepeat => {
            at.rem_euclid(size as i64) as usize
        }
    };
    let at = wrap(y, texture.height) * texture.width + wrap(x, texture.width);
    texture.texels[at].to_array().map(|v| f32::from(v) / 255.0)
}

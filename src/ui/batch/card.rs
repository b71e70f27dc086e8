//! The ground of a cell, as a small texture that is stretched: as shapes the round corners of a screen full of
//! cells are more triangles than all the rest of it.

use eframe::egui::emath::GuiRounding as _;
use eframe::egui::epaint::Vertex;
use eframe::egui::{
    Color32, ColorImage, Mesh, Rect, TextureHandle, TextureOptions, Ui, pos2, vec2,
};

use crate::ui::state::{BatchTextures, CardKey};
use crate::ui::theme::{self, Tokens};

/// Cards at those places: a raised ground with a thin outline.
pub(super) fn cards(
    ui: &Ui,
    textures: &mut BatchTextures,
    t: &Tokens,
    places: impl Iterator<Item = Rect>,
) -> Mesh {
    let scale = ui.ctx().pixels_per_point();
    let texture = texture(ui, textures, (t.raised, t.line, scale.to_bits()));
    let mut mesh = Mesh::with_texture(texture.id());
    let side = texture.size_vec2().x;
    // The middle texel is what is stretched.
    let corner = (side - 1.0) / 2.0;
    let uv = [0.0, corner / side, 1.0 - corner / side, 1.0];
    for place in places {
        // So that a texel of a corner is a pixel.
        let place = place.round_to_pixels(scale);
        let corner = corner / scale;
        let x = [
            place.left(),
            place.left() + corner,
            place.right() - corner,
            place.right(),
        ];
        let y = [
            place.top(),
            place.top() + corner,
            place.bottom() - corner,
            place.bottom(),
        ];
        let first = mesh.vertices.len() as u32;
        for (y, v) in y.into_iter().zip(uv) {
            for (x, u) in x.into_iter().zip(uv) {
                mesh.vertices.push(Vertex {
                    pos: pos2(x, y),
                    uv: pos2(u, v),
                    color: Color32::WHITE,
                });
            }
        }
        for line in 0..3 {
            for column in 0..3 {
                let at = first + 4 * line + column;
                mesh.add_triangle(at, at + 1, at + 4);
                mesh.add_triangle(at + 4, at + 1, at + 5);
            }
        }
    }
    mesh
}

fn texture(ui: &Ui, textures: &mut BatchTextures, key: CardKey) -> TextureHandle {
    if let Some((of, texture)) = &textures.card
        && *of == key
    {
        return texture.clone();
    }
    let image = card(key);
    let nearest = TextureOptions::NEAREST;
    let texture = ui.ctx().load_texture("batch card", image, nearest);
    textures.card = Some((key, texture.clone()));
    texture
}

/// The smallest card: its corners, and one pixel between them.
fn card((fill, line, scale): CardKey) -> ColorImage {
    let scale = f32::from_bits(scale);
    let radius = f32::from(theme::RADIUS_CARD) * scale;
    let line_px = scale.round().max(1.0);
    let side = 2 * radius.ceil() as usize + 1;
    let middle = side as f32 / 2.0;
    let pixel = |at: usize| {
        let (x, y) = ((at % side) as f32 + 0.5, (at / side) as f32 + 0.5);
        let out = vec2((x - middle).abs(), (y - middle).abs()) - vec2(1.0, 1.0) * (middle - radius);
        // How far outside of the border it is; negative within.
        let around = vec2(out.x.max(0.0), out.y.max(0.0)).length();
        let outside = around + out.x.max(out.y).min(0.0) - radius;
        let share = |outside: f32| (0.5 - outside).clamp(0.0, 1.0);
        let colour = line.lerp_to_gamma(fill, share(outside + line_px));
        colour.gamma_multiply(share(outside))
    };
    ColorImage::new([side, side], (0..side * side).map(pixel).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_has_round_corners_an_outline_and_its_colour_inside() {
        let (fill, line) = (Color32::DARK_GRAY, Color32::LIGHT_GRAY);
        for scale in [1.0f32, 1.25, 2.0] {
            let card = card((fill, line, scale.to_bits()));
            let [side, _] = card.size;
            let at = |x: usize, y: usize| card.pixels[y * side + x];
            assert_eq!(at(0, 0), Color32::TRANSPARENT, "{scale}");
            assert_eq!(at(side / 2, side / 2), fill);
            assert_eq!(at(side / 2, 0), line);
            assert_eq!(at(0, side / 2), line);
            assert_eq!(at(side - 1, side / 2), line);
        }
    }
}

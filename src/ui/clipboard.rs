//! Pictures to and from the clipboard.

use eframe::egui::{self, Color32, ColorImage};

use crate::editor::Editor;
use crate::geometry::Extent;
use crate::raster::{DisplayTransform, Picture, Pixmap, Tiled};

/// Puts the picture in front into the clipboard, as it is seen without the mask.
pub(super) fn copy_picture(ctx: &egui::Context, editor: &Editor) {
    if let Some(open) = editor.active() {
        ctx.copy_image(image_of(open.document().visible()));
    }
}

/// A picture in the numbers of the screen.
fn image_of(picture: &Picture) -> ColorImage {
    let mut pixels = match &picture.pixels {
        Pixmap::Rgba8(plane) => plane.to_vec(),
        Pixmap::Rgba16(plane) => {
            let narrow = |v: u16| ((u32::from(v) + 128) / 257) as u8;
            let pixels = plane.to_vec().into_iter();
            pixels.map(|pixel| pixel.map(narrow)).collect()
        }
    };
    if let Ok(display) = DisplayTransform::new(&picture.profile) {
        // Shown as sRGB where the profile fails, see `canvas::shades`.
        _ = display.to_srgb8(&mut pixels);
    }
    let extent = picture.pixels.extent();
    let size = [extent.width as usize, extent.height as usize];
    ColorImage::from_rgba_unmultiplied(size, pixels.as_flattened())
}

/// A picture of the clipboard as a plane.
pub(super) fn pixels_of(image: &ColorImage) -> Pixmap {
    let extent = Extent::new(image.width() as u32, image.height() as u32);
    let pixels: Vec<[u8; 4]> = image
        .pixels
        .iter()
        .map(Color32::to_srgba_unmultiplied)
        .collect();
    Pixmap::Rgba8(Tiled::from_pixels(extent, &pixels, [0; 4]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raster::Profile;

    #[test]
    fn what_is_copied_can_be_pasted() {
        let pixels = [[10, 20, 30, 255], [200, 0, 90, 255], [0, 0, 0, 0]];
        let plane = Tiled::from_pixels(Extent::new(3, 1), &pixels, [0; 4]);
        let picture = Picture {
            pixels: Pixmap::Rgba8(plane),
            profile: Profile::Srgb,
        };
        let Pixmap::Rgba8(back) = pixels_of(&image_of(&picture)) else {
            panic!("8 bits a channel");
        };
        assert_eq!(back.to_vec(), pixels);
    }
}

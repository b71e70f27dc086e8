//! Pictures to and from the clipboard.

use std::path::PathBuf;

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

/// The files that a pasted text names, a line each: paths, or addresses as file managers copy them.
pub(super) fn files_of(text: &str) -> Vec<PathBuf> {
    let path = |line: &str| match line.strip_prefix("file://") {
        Some(address) => PathBuf::from(decoded(address)),
        None => PathBuf::from(line),
    };
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(path).filter(|path| path.is_file()).collect()
}

/// `%20` and its like in an address as what they stand for.
fn decoded(address: &str) -> String {
    let mut bytes = Vec::with_capacity(address.len());
    let mut rest = address;
    while let Some((before, after)) = rest.split_once('%') {
        bytes.extend(before.bytes());
        let code = after
            .get(..2)
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(code.unwrap_or(b'%'));
        rest = match code {
            Some(_) => after.get(2..).unwrap_or_default(),
            None => after,
        };
    }
    bytes.extend(rest.bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raster::Profile;

    #[test]
    fn addresses_of_file_managers_are_files() {
        assert_eq!(decoded("/a%20b/%E8%B2%93.png"), "/a b/貓.png");
        assert_eq!(decoded("/100%/50%2"), "/100%/50%2");
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a b.png");
        std::fs::write(&path, "x").expect("written");
        let address = format!("file://{}", path.display().to_string().replace(' ', "%20"));
        let pasted = files_of(&format!("{address}\r\nno such file\n"));
        assert_eq!(pasted, std::slice::from_ref(&path));
        assert_eq!(files_of(&format!(" {} ", path.display())), [path]);
    }

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

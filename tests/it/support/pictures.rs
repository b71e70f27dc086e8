//! Comparing drawn pictures with those kept in the repository.

use std::path::{Path, PathBuf};

use image::RgbaImage;

/// A channel may differ by this much, and only this share of the pixels by more: fonts and egui
/// round a little differently now and then.
const TOLERANCE: u8 = 24;
const SHARE: f64 = 0.002;

/// Fails when `drawn` differs from the kept picture `name`, and leaves the new one beside it.
/// With `UPDATE_SNAPSHOTS` set the kept picture is replaced.
pub(crate) fn assert_same(drawn: &RgbaImage, folder: &str, name: &str) {
    let kept_path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(folder)
        .join(format!("{name}.png"));
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::create_dir_all(kept_path.parent().expect("a folder"))
            .expect("the folder can be made");
        drawn.save(&kept_path).expect("the picture can be written");
        return;
    }
    let new = new_path(&kept_path);
    let Ok(kept) = image::open(&kept_path) else {
        drawn.save(&new).expect("the picture can be written");
        panic!(
            "{} is missing; look at {} and run with UPDATE_SNAPSHOTS=1",
            kept_path.display(),
            new.display()
        );
    };
    if let Err(why) = compare(drawn, &kept.to_rgba8()) {
        drawn.save(&new).expect("the picture can be written");
        panic!(
            "{name} looks different ({why}); compare {} with {}",
            new.display(),
            kept_path.display()
        );
    }
}

fn new_path(kept: &Path) -> PathBuf {
    kept.with_extension("new.png")
}

fn compare(a: &RgbaImage, b: &RgbaImage) -> Result<(), String> {
    if a.dimensions() != b.dimensions() {
        return Err(format!(
            "{:?} instead of {:?}",
            a.dimensions(),
            b.dimensions()
        ));
    }
    let differs = |(p, q): &(&image::Rgba<u8>, &image::Rgba<u8>)| {
        p.0.iter().zip(q.0).any(|(x, y)| x.abs_diff(y) > TOLERANCE)
    };
    let count = a.pixels().zip(b.pixels()).filter(differs).count();
    let most = (f64::from(a.width() * a.height()) * SHARE) as usize;
    if count > most {
        Err(format!("{count} pixels differ, {most} may"))
    } else {
        Ok(())
    }
}

#[test]
fn a_changed_picture_is_noticed() {
    let plain = RgbaImage::from_pixel(100, 100, image::Rgba([10, 20, 30, 255]));
    let mut changed = plain.clone();
    assert!(compare(&plain, &changed).is_ok());
    for x in 0..30 {
        changed.put_pixel(x, 5, image::Rgba([200, 20, 30, 255]));
    }
    assert!(compare(&plain, &changed).is_err());
}

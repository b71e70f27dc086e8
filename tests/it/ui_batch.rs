//! The batch in the window: a folder is opened, its masks are looked at, and the grid lays out only what is seen.

use std::path::Path;

use eframe::egui::{Event, Key, Modifiers, Role, Theme};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use image::{Rgb, RgbImage};
use overpaint::bulk::Decision;
use overpaint::editor::{BatchPhase, OpenBatch};
use overpaint::text::Language;

use crate::servers::{also_at, elsewhere};
use crate::support::window::{TestWindow, Wanted};

/// Opens a folder of so many pictures by its key.
fn opened(wanted: Wanted, count: usize) -> TestWindow {
    let mut window = TestWindow::open(wanted);
    open_folder(&mut window, count, "");
    window
}

/// The same in a window that is there, by the recipe that lies in the folder; none where that is empty.
fn open_folder(window: &mut TestWindow, count: usize, recipe: &str) {
    let folder = window.folder.path().join("shop");
    std::fs::create_dir(&folder).unwrap();
    if !recipe.is_empty() {
        std::fs::write(folder.join("ours.overpaint-recipe.toml"), recipe).unwrap();
    }
    let first = folder.join("p0000.png");
    picture(&first);
    for number in 1..count {
        std::fs::copy(&first, folder.join(format!("p{number:04}.png"))).unwrap();
    }
    press(window, Modifiers::COMMAND | Modifiers::SHIFT, Key::O);
    press(window, Modifiers::COMMAND, Key::A);
    let path = folder.display().to_string();
    window.harness.event(Event::Text(path));
    window.frames(2);
    press(window, Modifiers::NONE, Key::Enter);
    window.wait(|editor| editor.batch().is_some());
    window.frames(3);
}

fn picture(path: &Path) {
    let shade = |x: u32, y: u32| Rgb([x as u8, y as u8, 90]);
    RgbImage::from_fn(96, 64, shade).save(path).unwrap();
}

fn press(window: &mut TestWindow, modifiers: Modifiers, key: Key) {
    window.harness.key_press_modifiers(modifiers, key);
    window.frames(3);
}

fn batch(window: &TestWindow) -> &OpenBatch {
    window.editor().batch().unwrap()
}

fn cells(window: &TestWindow) -> usize {
    let of_picture = |label: &str| label.starts_with("p0") && label.contains(".png, ");
    let nodes = window.harness.query_all_by_role(Role::Button);
    nodes
        .filter(|node| {
            node.accesskit_node()
                .label()
                .is_some_and(|it| of_picture(&it))
        })
        .count()
}

#[test]
fn masks_are_accepted_and_left_out_by_keys() {
    let mut window = opened(Wanted::default(), 6);
    window.wait(|editor| {
        editor
            .batch()
            .is_some_and(|it| it.is_masked() && it.doing().is_none())
    });
    window.frames(3);
    assert_eq!(cells(&window), 6);
    let first = batch(&window).order()[0];
    let decision = |window: &TestWindow, at: usize| batch(window).pictures()[at].known.decision;
    press(&mut window, Modifiers::NONE, Key::ArrowRight);
    press(&mut window, Modifiers::NONE, Key::Enter);
    assert_eq!(decision(&window, first), Some(Decision::Accept));
    // It has gone on to the next.
    let second = batch(&window).order()[1];
    press(&mut window, Modifiers::NONE, Key::Delete);
    assert_eq!(decision(&window, second), Some(Decision::Skip));
    // The keys of the editor change nothing that is not seen.
    press(&mut window, Modifiers::NONE, Key::I);
    let open = window.editor().active().unwrap();
    assert_eq!(
        open.document().undo_label(),
        None,
        "the mask was not inverted"
    );
    // The same letter that is a tool's in the editor opens a mask here.
    press(&mut window, Modifiers::NONE, Key::O);
    window.wait(|editor| editor.documents().len() == 2);
    window.frames(3);
    window
        .harness
        .get_by_label_contains("Put the mask back")
        .click();
    window.frames(3);
    window.wait(|editor| editor.documents().len() == 1);
    window.frames(3);
    window.harness.get_by_label("2  Try").click();
    window.frames(3);
    assert_eq!(batch(&window).phase(), BatchPhase::Try);
    press(&mut window, Modifiers::COMMAND | Modifiers::SHIFT, Key::O);
    assert!(window.harness.query_by_label("2  Try").is_none());
}

#[test]
fn a_large_folder_lays_out_what_is_seen() {
    let window = opened(Wanted::default(), 1200);
    let seen = cells(&window);
    assert!((6..90).contains(&seen), "{seen} cells");
    assert!(batch(&window).looked_at().len() < 120);
    assert_eq!(batch(&window).pictures().len(), 1200);
}

#[test]
fn the_batch_is_drawn_in_both_languages_and_themes() {
    for (language, theme) in [
        (Language::English, Theme::Dark),
        (Language::TraditionalChinese, Theme::Light),
    ] {
        let wanted = Wanted {
            theme,
            language,
            ..Wanted::default()
        };
        let mut window = opened(wanted, 5);
        window.wait(|editor| editor.batch().is_some_and(OpenBatch::is_masked));
        press(&mut window, Modifiers::NONE, Key::ArrowRight);
        window.frames(20);
        let picture = window.picture();
        let colours: std::collections::BTreeSet<[u8; 4]> = picture.pixels().map(|p| p.0).collect();
        assert!(colours.len() > 500, "{} colours", colours.len());
        if let Some(folder) = std::env::var_os("SHOTS") {
            let name = format!("batch-{}.png", language.tag());
            picture.save(Path::new(&folder).join(name)).unwrap();
        }
    }
}

/// Two servers on other machines have the same model.
fn two_servers(data_dir: &Path) {
    elsewhere(data_dir);
    also_at(data_dir, &["attic"]);
}

#[test]
fn a_batch_is_shared_out_among_the_servers_that_have_its_model() {
    const RECIPE: &str = "version = 1\n[mask]\nselect = \"subject\"\nmask_mode = \"not-masked\"\n\
                          [edit]\nmodel = \"sd15-paint\"\nprompt = \"a wall\"\nstrength = 0.5\n";
    let mut window = TestWindow::open(Wanted {
        prepare: two_servers,
        ..Wanted::default()
    });
    open_folder(&mut window, 4, RECIPE);
    window.wait(|editor| editor.batch().is_some_and(|it| it.doing().is_none()));
    window.harness.get_by_label("3  Run").click();
    window.frames(4);
    let label = "Model: sd15-paint (on studio)";
    assert!(window.harness.query_by_label(label).is_some());
    for is_used in [true, false] {
        let also = window
            .harness
            .get_by_role_and_label(Role::CheckBox, "Also on attic");
        also.click();
        window.frames(4);
        let others = window.editor().other_engines_of_batch();
        assert_eq!(others.len(), 1);
        assert_eq!((others[0].0.name(), others[0].1), ("attic", is_used));
    }
}

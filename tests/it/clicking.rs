//! Selecting what is clicked on, with a scripted network; the real one is compared beside its code.

use overpaint::editor::{Command, Editor};
use overpaint::geometry::PointF;
use overpaint::raster::MaskKind;
use overpaint::select::Clicks;

use crate::support::session::Session;

fn selected(session: &Session, x: u32, y: u32) -> u8 {
    let mut value = 0;
    let open = session.editor.active().unwrap();
    let mask = open.document().mask();
    mask.visit_row(y, x..x + 1, |_, values| value = values[0]);
    value
}

fn click(session: &mut Session, clicks: &Clicks) {
    let document = session.editor.active().unwrap().id();
    session.editor.apply(Command::ClickSelect {
        document,
        clicks: clicks.clone(),
    });
    session.wait("the selection", |editor: &Editor| {
        !editor.is_clicking(document)
    });
}

#[test]
fn clicks_select_and_one_click_is_one_step() {
    let mut session = Session::new(vec![]);
    let document = session.open();
    let mut clicks = Clicks::default();
    clicks.points.push((PointF::new(100.0, 100.0), true));
    // Without the networks nothing happens.
    click(&mut session, &clicks);
    assert_eq!(selected(&session, 100, 100), 0);
    std::fs::create_dir_all(session.path("models")).unwrap();
    std::fs::write(session.path("models/mobile_sam-tiny-vitt.safetensors"), "x").unwrap();
    session.editor.apply(Command::FindModels);
    session.wait("the networks", |editor| editor.segmenter().is_some());

    click(&mut session, &clicks);
    assert_eq!(
        (selected(&session, 100, 100), selected(&session, 200, 200)),
        (255, 0)
    );
    let open = session.editor.active().unwrap();
    assert_eq!(open.document().mask_kind(), MaskKind::Matte);
    clicks.points.push((PointF::new(110.0, 100.0), false));
    click(&mut session, &clicks);
    assert_eq!(selected(&session, 100, 100), 0);
    assert_eq!(selected(&session, 78, 100), 255);
    session.editor.apply(Command::Undo { document });
    assert_eq!(selected(&session, 100, 100), 255);
    let frame = Clicks {
        points: vec![],
        frame: Some((PointF::new(150.0, 150.0), PointF::new(250.0, 250.0))),
    };
    click(&mut session, &frame);
    assert_eq!(
        (selected(&session, 100, 100), selected(&session, 200, 200)),
        (0, 255)
    );
    // Nothing lies where it is said that nothing is meant.
    let nothing = Clicks {
        points: vec![(PointF::new(10.0, 10.0), false)],
        frame: None,
    };
    click(&mut session, &nothing);
    assert_eq!(selected(&session, 200, 200), 255);
    assert!(
        session.errors()[0].starts_with("Nothing stands out"),
        "{:?}",
        session.errors()
    );
}

#[test]
fn the_last_click_counts_and_a_closed_picture_is_survived() {
    let mut session = Session::new(vec![]);
    let document = session.open();
    std::fs::create_dir_all(session.path("models")).unwrap();
    std::fs::write(session.path("models/mobile_sam.safetensors"), "x").unwrap();
    session.editor.apply(Command::FindModels);
    session.wait("the networks", |editor| editor.segmenter().is_some());
    for x in [50.0, 150.0, 250.0] {
        let clicks = Clicks {
            points: vec![(PointF::new(x, 100.0), true)],
            frame: None,
        };
        session
            .editor
            .apply(Command::ClickSelect { document, clicks });
    }
    session.wait("the selection", |editor| !editor.is_clicking(document));
    assert_eq!(
        (selected(&session, 50, 100), selected(&session, 250, 100)),
        (0, 255)
    );
    let clicks = Clicks {
        points: vec![(PointF::new(50.0, 50.0), true)],
        frame: None,
    };
    session
        .editor
        .apply(Command::ClickSelect { document, clicks });
    session.editor.apply(Command::CloseDocument {
        document,
        discard_unsaved: true,
    });
    assert!(!session.editor.is_clicking(document));
    session.editor.poll();
    assert_eq!(session.errors(), [""; 0]);
}

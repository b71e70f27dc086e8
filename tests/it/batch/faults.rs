//! What breaks in a batch: one picture or one result of it, never the rest.

use super::*;

#[test]
fn a_panic_fails_one_picture() {
    let room = room();
    let mut run = Run::new(room.path(), EDIT, "out");
    run.scripts = vec![Script::Panic];
    let result = run.go();
    // The engine is made anew after each, and panics again.
    assert_eq!(of_state(&result, State::Failed), 6 + 3);
    assert!(
        row(&result, "a.png")
            .message
            .contains("the script says panic")
    );
    let mut run = Run::resumed(room.path(), EDIT, "out");
    run.breaks = |picture| picture.pixels[0][2] > 0.5;
    let result = run.go();
    assert_eq!(of_state(&result, State::Done), 6, "masks were kept");
    let mut run = Run::new(room.path(), EDIT, "other");
    run.breaks = |picture| picture.pixels[0][2] > 0.5;
    let result = run.go();
    let broken = row(&result, "sub/c.webp");
    assert_eq!(broken.state, Some(State::Failed));
    assert!(broken.message.contains("a network that breaks down"));
    assert_eq!(of_state(&result, State::Done), 4);
}

#[test]
fn a_failing_engine_fails_one_result() {
    let room = room();
    let mut run = Run::new(room.path(), EDIT, "out");
    run.scripts = vec![Script::Paint, Script::Fail(EngineError::OutOfMemory)];
    let result = run.go();
    let failed = result
        .rows
        .iter()
        .find(|row| row.state == Some(State::Failed) && row.picture == "a.png");
    assert_eq!(failed.map(|row| row.output.as_str()), Some("a-0.8.png"));
    assert_eq!(of_state(&result, State::Done), 5);
    let again = Run::resumed(room.path(), EDIT, "out").go();
    assert_eq!(
        (of_state(&again, State::Done), of_state(&again, State::Kept)),
        (1, 5)
    );
}

#[test]
fn a_picture_without_a_subject_wants_a_look_and_is_not_run() {
    let room = room();
    let mut run = Run::new(room.path(), EDIT, "out");
    // Of shade 10, 80 and 160 only the last is a picture of somebody.
    run.sees = |picture| picture.pixels.iter().all(|[_, _, blue]| *blue > 0.4);
    let result = run.go();
    assert_eq!(row(&result, "a.png").state, Some(State::Look));
    assert_eq!(of_state(&result, State::Look), 2);
    assert_eq!(results(&room.path().join("out")).len(), 2);
    // It is known: nobody looks again.
    let again = Run::resumed(room.path(), EDIT, "out");
    let looks = Arc::clone(&again.looks);
    assert_eq!(of_state(&again.go(), State::Look), 2);
    assert_eq!(looks.load(Ordering::Relaxed), 0);
}

#[test]
fn nothing_is_written_over_pictures_or_over_files_of_others() {
    let room = room();
    let one = EDIT.replace("strengths = [0.5, 0.8]", "strength = 0.5");
    fs::create_dir(room.path().join("out")).unwrap();
    fs::write(room.path().join("out/b.jpg"), "theirs").unwrap();
    let result = Run::new(room.path(), &one, "out").go();
    assert_eq!(row(&result, "b.jpg").state, Some(State::Failed));
    assert_eq!(fs::read(room.path().join("out/b.jpg")).unwrap(), b"theirs");
    assert_eq!(row(&result, "a.png").state, Some(State::Done));
    let before = results(&room.path().join("in"));
    let result = Run::new(room.path(), &one, "in").go();
    assert_eq!(of_state(&result, State::Done), 0);
    assert_eq!(results(&room.path().join("in")), before);
    // Two pictures of one name.
    let twin = room.path().join("in/a.webp");
    save(&twin, &picture(Extent::new(96, 64), 1));
    let png = format!("{one}[output]\nformat = \"png\"\n");
    let result = Run::new(room.path(), &png, "third").go();
    assert_eq!(row(&result, "a.webp").state, Some(State::Failed));
    assert!(row(&result, "a.webp").message.contains("{from}"));
}

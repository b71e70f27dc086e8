//! Getting models in the editor: asked, agreed to, stopped, gone on with after a restart.

use std::path::Path;
use std::time::Duration;

use overpaint::editor::{Command, Editor, GettingState, Question};

use crate::support::hub::{Answer, Server};
use crate::support::session::Session;

fn lora() -> Vec<u8> {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/data/loras/kohya.safetensors");
    std::fs::read(file).unwrap()
}

/// Gives a LoRA slowly.
fn server(pause: Duration) -> Server {
    Server::new(move |asked| Answer {
        pause: Some((1000, pause)),
        ..Answer::file(asked, &lora(), "e")
    })
}

fn is_asked(editor: &Editor) -> bool {
    !matches!(editor.question(), None | Some(Question::Asking(_)))
}

fn state(editor: &Editor) -> &GettingState {
    &editor.getting().last().unwrap().state
}

#[test]
fn nothing_is_fetched_before_somebody_agrees_and_then_it_is_found() {
    let server = server(Duration::ZERO);
    let mut session = Session::new(vec![]);
    session.wait("nothing", |editor| editor.getting().is_empty());
    assert_eq!(session.editor.question(), None);
    let url = format!("{}/ink.safetensors", server.url);
    session.editor.apply(Command::AskForModel(url));
    session.wait("an answer", is_asked);
    let asked = server.asked();
    assert_eq!(asked.len(), 1);
    // Its first bytes only.
    assert_eq!(asked[0].header("range"), Some("bytes=0-511"));
    let Some(Question::Open(parcels)) = session.editor.question() else {
        panic!("{:?}", session.editor.question())
    };
    assert_eq!(parcels[0].name, "ink");
    session.editor.apply(Command::AcceptQuestion);
    session.wait("the model", |editor| {
        matches!(state(editor), GettingState::There(_))
    });
    let wanted = session.path("models/loras/ink.safetensors");
    assert_eq!(*state(&session.editor), GettingState::There(wanted.clone()));
    session.wait("the library", |editor| {
        editor.lora_files().contains(&wanted)
    });
    // What is there can be asked for again, and stays.
    let id = session.editor.getting()[0].id;
    session.editor.apply(Command::ForgetGetting(id));
    assert!(session.editor.getting().is_empty() && wanted.exists());
}

#[test]
fn what_was_stopped_is_there_after_a_restart() {
    let server = server(Duration::from_millis(20));
    let mut session = Session::new(vec![]);
    let url = format!("{}/ink.safetensors", server.url);
    session.editor.apply(Command::AskForModel(url));
    session.wait("an answer", is_asked);
    session.editor.apply(Command::AcceptQuestion);
    session.wait(
        "some bytes",
        |editor| matches!(state(editor), GettingState::Running(progress) if progress.done > 0),
    );
    let id = session.editor.getting()[0].id;
    session.editor.apply(Command::StopGetting(id));
    assert!(matches!(state(&session.editor), GettingState::Stopped(done) if *done > 0));
    drop(session.editor);
    let editor = crate::support::session::start_in(session.folder.path(), vec![], Duration::ZERO);
    session.editor = editor;
    session.wait("what is unfinished", |editor| !editor.getting().is_empty());
    assert!(matches!(state(&session.editor), GettingState::Stopped(done) if *done > 0));
    server.asked();
    let id = session.editor.getting()[0].id;
    session.editor.apply(Command::GoOnGetting(id));
    session.wait("the rest", |editor| {
        matches!(state(editor), GettingState::There(_))
    });
    assert!(server.asked()[0].from().unwrap() > 0, "it began anew");
    let path = session.path("models/loras/ink.safetensors");
    assert!(std::fs::read(path).unwrap() == lora());
}

#[test]
fn what_cannot_be_had_is_said_and_a_stop_and_go_is_survived() {
    let mut session = Session::new(vec![]);
    session
        .editor
        .apply(Command::AskForModel("nonsense".to_owned()));
    session.wait("an answer", is_asked);
    assert!(matches!(
        session.editor.question(),
        Some(Question::Failed(_))
    ));
    session.editor.apply(Command::ForgetQuestion);
    assert_eq!(session.editor.question(), None);
    let server = server(Duration::from_millis(5));
    let url = format!("{}/ink.safetensors", server.url);
    session.editor.apply(Command::AskForModel(url));
    session.wait("an answer", is_asked);
    session.editor.apply(Command::AcceptQuestion);
    for _ in 0..5 {
        session.wait("it runs", |editor| {
            matches!(state(editor), GettingState::Running(_))
        });
        let id = session.editor.getting()[0].id;
        session.editor.apply(Command::StopGetting(id));
        session.editor.apply(Command::GoOnGetting(id));
    }
    session.wait("the rest", |editor| {
        matches!(state(editor), GettingState::There(_))
    });
    assert_eq!(session.errors(), [""; 0]);
}

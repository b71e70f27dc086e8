//! Servers in the editor: added, asked, remembered, forgotten; and the question before the first picture.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use overpaint::catalog::{
    Access, Family, KeyPlace, LoraRef, ModelRef, Server as Named, ServerKind, Servers, ToldBy,
};
use overpaint::document::DocumentId;
use overpaint::editor::{Adding, Command, Editor, RunState, ServerCommand, ServerState};
use overpaint::plan::{EditSettings, LoraUse, LoraWeight, SamplerId, Strength};

use super::{comfy, elsewhere, of_comfy};
use crate::support::hub::{Answer, Server};
use crate::support::session::{Session, start_in};

fn add(session: &mut Session, address: &str, key: Option<&str>) {
    session.editor.apply(Command::Server(ServerCommand::Add {
        address: address.to_owned(),
        name: "studio".to_owned(),
        access: Access {
            key: key.map(str::to_owned),
            ..Access::default()
        },
    }));
    session.wait("an answer", |editor| {
        editor.adding_server() != Some(&Adding::Asking)
    });
}

fn is_chosen(editor: &Editor, name: &str) -> bool {
    let card = editor.model_card().map(|card| &card.reference);
    matches!(card, Some(ModelRef::Served(model)) if model.name == name)
}

/// An editor that knows the servers of `elsewhere` as `prepare` leaves them, with a document and the model there.
fn at_studio(prepare: impl FnOnce(&mut Servers), step_time: Duration) -> (Session, DocumentId) {
    let mut session = Session::new(vec![]);
    elsewhere(session.folder.path());
    prepare(&mut Servers::open(session.folder.path()));
    session.editor = start_in(session.folder.path(), vec![], step_time);
    let document = session.open();
    let model = session.editor.servers()[0].models[0].card.reference.clone();
    session.editor.apply(Command::SetModel(model));
    session.wait("the model", |editor| {
        is_chosen(editor, "sd15-paint.safetensors")
    });
    (session, document)
}

/// With some of the document's settings changed.
fn change(session: &mut Session, document: DocumentId, how: impl FnOnce(&mut EditSettings)) {
    let mut settings = session.document(document).settings().clone();
    how(&mut settings);
    session.editor.apply(Command::SetSettings {
        document,
        settings: Box::new(settings),
    });
}

fn family(editor: &Editor) -> (Family, u32, ToldBy) {
    let card = editor.model_card().unwrap();
    let models = editor.servers().iter().flat_map(|view| &view.models);
    let told = models
        .filter(|it| it.card.id == card.id)
        .map(|it| it.told)
        .next();
    (card.family, card.traits.native_px, told.unwrap())
}

#[test]
fn a_server_is_added_its_models_are_chosen_and_stay_where_it_does_not_answer() {
    let server = comfy();
    let mut session = Session::new(vec![]);
    add(&mut session, server.url.trim_start_matches("http://"), None);
    session.wait("the server", |editor| !editor.servers().is_empty());
    let added = Adding::Added("studio".to_owned());
    assert_eq!(session.editor.adding_server(), Some(&added));
    session.wait("its list", |editor| editor.servers()[0].models.len() == 2);
    let view = &session.editor.servers()[0];
    assert_eq!(view.state, ServerState::Answers);
    assert_eq!(view.report.as_ref().unwrap().device, "cuda:0 Scripted");
    assert!(view.server.is_here() && view.key.is_none());
    // Of one model the file says what it is.
    let paper = view.models[1].card.reference.clone();
    assert_eq!(view.models[1].told, ToldBy::Name);
    session.editor.apply(Command::SetModel(paper));
    session.wait("the model", |editor| is_chosen(editor, "paper.safetensors"));
    session.wait("its family", |editor| {
        family(editor) == (Family::Xl, 1024, ToldBy::Metadata)
    });
    // Of the other one it is a guess, until somebody says it.
    let house = session.editor.servers()[0].models[0].card.reference.clone();
    session.editor.apply(Command::SetModel(house));
    session.wait("the model", |editor| {
        is_chosen(editor, "sub/house.safetensors")
    });
    assert_eq!(
        family(&session.editor),
        (Family::StableDiffusion1, 512, ToldBy::Name)
    );
    // It can be taken back.
    for (said, is) in [
        (Some(Family::Xl), (Family::Xl, 1024, ToldBy::Hand)),
        (None, (Family::StableDiffusion1, 512, ToldBy::Name)),
        (
            Some(Family::StableDiffusion2),
            (Family::StableDiffusion2, 768, ToldBy::Hand),
        ),
    ] {
        session.editor.apply(Command::Server(ServerCommand::Tell {
            server: "studio".to_owned(),
            model: "sub/house.safetensors".to_owned(),
            family: said,
        }));
        session.wait("what was said", |editor| family(editor) == is);
    }
    assert_eq!(session.errors(), [""; 0]);
    // The next session begins without the server.
    drop(server);
    session.editor = {
        let (folder, nothing) = (session.folder.path().to_owned(), Duration::ZERO);
        let before = std::mem::replace(
            &mut session.editor,
            start_in(tempfile::tempdir().unwrap().path(), vec![], nothing),
        );
        before.close();
        start_in(&folder, vec![], nothing)
    };
    session.wait("the model", |editor| {
        editor.model_card().is_some() && is_chosen(editor, "sub/house.safetensors")
    });
    let view = &session.editor.servers()[0];
    assert_eq!(
        (view.state.clone(), view.models.len()),
        (ServerState::Unasked, 2)
    );
    assert_eq!(family(&session.editor).2, ToldBy::Hand);
    session.editor.apply(Command::FindModels);
    session.wait("a word", |editor| {
        matches!(&editor.servers()[0].state, ServerState::Fault(why) if why.key == "server-refused")
    });
    assert_eq!(session.editor.servers()[0].models.len(), 2);
}

#[test]
fn what_is_chosen_follows_another_name_and_what_is_forgotten_is_gone() {
    let server = comfy();
    let mut session = Session::new(vec![]);
    add(&mut session, &server.url, Some("hush-hush"));
    session.wait("its list", |editor| {
        editor.servers().iter().any(|view| view.models.len() == 2)
    });
    let asked = server.asked();
    assert!(
        asked
            .iter()
            .all(|asked| asked.header("authorization") == Some("Bearer hush-hush"))
    );
    assert_eq!(session.editor.servers()[0].key, Some(KeyPlace::File));
    let model = session.editor.servers()[0].models[0].card.reference.clone();
    session.editor.apply(Command::SetModel(model));
    session.wait("the model", |editor| {
        is_chosen(editor, "sub/house.safetensors")
    });
    // A name that is taken is refused, at once.
    add(&mut session, "http://127.0.0.1:9", None);
    let failed = session.editor.adding_server();
    assert!(
        matches!(failed, Some(Adding::Failed(why)) if why.key == "editor-server-name"),
        "{failed:?}"
    );
    session.editor.apply(Command::Server(ServerCommand::Change {
        server: "studio".to_owned(),
        name: "attic".to_owned(),
        access: Some(Access {
            key: Some("other-key".to_owned()),
            ..Access::default()
        }),
    }));
    session.wait(
        "its name",
        |editor| matches!(editor.model(), ModelRef::Served(model) if model.server == "attic"),
    );
    server.asked();
    session
        .editor
        .apply(Command::Server(ServerCommand::Ask("attic".to_owned())));
    session.wait("an answer", |editor| {
        editor.servers()[0].state == ServerState::Answers
    });
    let asked = server.asked();
    assert!(!asked.is_empty());
    assert!(
        asked
            .iter()
            .all(|asked| asked.header("authorization") == Some("Bearer other-key"))
    );
    // Keys lie in their own file alone.
    let secret = |key: &str| {
        let files = std::fs::read_dir(session.folder.path()).unwrap();
        let mut holding: Vec<String> = files
            .map(|file| file.unwrap())
            .filter(|file| file.path().is_file())
            .filter(|file| {
                let bytes = std::fs::read(file.path()).unwrap();
                String::from_utf8_lossy(&bytes).contains(key)
            })
            .map(|file| file.file_name().to_string_lossy().into_owned())
            .collect();
        holding.sort();
        holding
    };
    assert_eq!(secret("hush-hush"), [""; 0]);
    assert_eq!(secret("other-key"), ["server-keys.json"]);
    session
        .editor
        .apply(Command::Server(ServerCommand::Remove("attic".to_owned())));
    session.wait("nothing", |editor| editor.servers().is_empty());
    assert!(Servers::open(session.folder.path()).list().is_empty());
}

#[test]
fn what_is_no_server_is_said_and_a_slow_one_holds_nobody_up() {
    let page = Server::new(|_| Answer::text("<!DOCTYPE html><html>log in</html>"));
    let mut session = Session::new(vec![]);
    for (address, key) in [
        (page.url.as_str(), "server-not-understood"),
        ("http://127.0.0.1:1", "server-refused"),
        ("ftp://x", "cli-engine-bad-address"),
    ] {
        add(&mut session, address, None);
        let failed = session.editor.adding_server();
        assert!(
            matches!(failed, Some(Adding::Failed(why)) if why.key == key),
            "{address}: {failed:?}"
        );
        session
            .editor
            .apply(Command::Server(ServerCommand::StopAdding));
        assert_eq!(session.editor.adding_server(), None);
    }
    // One that answers nothing, and one beside it.
    let is_released = Arc::new(AtomicBool::new(false));
    let released = Arc::clone(&is_released);
    let silent = Server::new(move |asked| {
        while !released.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(5));
        }
        of_comfy(asked)
    });
    let quick = comfy();
    let mut servers = Servers::open(session.folder.path());
    for (name, address) in [("silent", &silent.url), ("quick", &quick.url)] {
        let server = Named {
            name: name.to_owned(),
            address: address.clone(),
            kind: ServerKind::Comfy,
            is_confirmed: false,
        };
        servers.set(server, Access::default()).unwrap();
    }
    let mut editor = start_in(session.folder.path(), vec![], Duration::ZERO);
    editor.apply(Command::Server(ServerCommand::AskAll));
    session.editor = editor;
    session.wait("the quick one", |editor| {
        editor.server("quick").unwrap().state == ServerState::Answers
    });
    let state = &session.editor.server("silent").unwrap().state;
    assert_eq!(*state, ServerState::Asking);
    // The end of the program does not wait for it either: it still holds its answer.
    let Session { editor, folder } = session;
    editor.close();
    assert!(!is_released.swap(true, Ordering::Relaxed));
    drop(folder);
}

#[test]
fn nothing_leaves_this_computer_before_somebody_agrees_and_then_it_is_not_asked_again() {
    let (mut session, document) = at_studio(|_| {}, Duration::ZERO);
    session.editor.apply(Command::Generate { document });
    let leaving = |editor: &Editor| editor.leaving().map(|server| server.address.clone());
    let address = Some("http://192.0.2.1:8188".to_owned());
    assert_eq!(leaving(&session.editor), address);
    session
        .editor
        .apply(Command::Server(ServerCommand::Send(false)));
    session.editor.poll();
    assert_eq!(leaving(&session.editor), None);
    assert!(
        session.editor.runs().is_empty(),
        "it was sent without a yes"
    );
    assert!(!Servers::open(session.folder.path()).list()[0].is_confirmed);
    session.editor.apply(Command::Generate { document });
    session
        .editor
        .apply(Command::Server(ServerCommand::Send(true)));
    session.wait("a result", |editor| {
        let mut runs = editor.runs().iter();
        runs.any(|run| matches!(run.state, RunState::Finished(_)))
    });
    assert!(Servers::open(session.folder.path()).list()[0].is_confirmed);
    session.editor.apply(Command::Generate { document });
    assert_eq!(leaving(&session.editor), None);
    assert_eq!(session.editor.runs().len(), 2);
    session.wait_for_runs();
    // What a run took is known of it.
    session.wait("its speed", |editor| editor.servers()[0].seconds.is_some());
    // So is what the next one will take; of memory there nothing is said.
    session.wait("a forecast", |editor| {
        let forecast = editor.forecast(document);
        forecast.is_some_and(|it| it.measured && it.bytes.is_none())
    });
    session.editor.apply(Command::Server(ServerCommand::Change {
        server: "studio".to_owned(),
        name: "attic".to_owned(),
        access: None,
    }));
    session.wait("the same under its other name", |editor| {
        let is_renamed = editor.servers()[0].server.name == "attic";
        is_renamed && editor.forecast(document).is_some_and(|it| it.measured)
    });
}

#[test]
fn a_comparison_is_spread_over_engines_with_the_same_model_each_agreed_to() {
    let with_attic = |servers: &mut Servers| {
        let report = servers.report("studio").unwrap().clone();
        let attic = Named {
            name: "attic".to_owned(),
            address: "http://192.0.2.2:8188".to_owned(),
            ..servers.list()[0].clone()
        };
        servers.set(attic, Access::default()).unwrap();
        servers.remember_report("attic", report).unwrap();
    };
    let (mut session, document) = at_studio(with_attic, Duration::from_millis(5));
    let others = session.editor.other_engines();
    assert_eq!(others.len(), 1);
    assert!(others[0].0.name() == "attic" && !others[0].1);
    let mut preferences = session.editor.preferences().clone();
    preferences.also_on = vec!["attic".to_owned()];
    session
        .editor
        .apply(Command::SetPreferences(Box::new(preferences)));
    let strengths = [0.3, 0.4, 0.5, 0.6, 0.7, 0.8];
    session.editor.apply(Command::CompareStrengths {
        document,
        strengths: strengths
            .into_iter()
            .map(|value| Strength::new(value).unwrap())
            .collect(),
    });
    // Each of the two is asked about.
    for name in ["studio", "attic"] {
        session.wait("a question", |editor| editor.leaving().is_some());
        assert_eq!(session.editor.leaving().unwrap().name, name);
        assert!(session.editor.runs().is_empty());
        session
            .editor
            .apply(Command::Server(ServerCommand::Send(true)));
    }
    session.wait("all results", |editor| {
        let mut runs = editor.runs().iter();
        editor.runs().len() == 6 && runs.all(|run| run.state.is_ended())
    });
    let made = session.editor.candidates(document);
    let made: BTreeSet<String> = made
        .filter_map(|candidate| match &candidate.model {
            ModelRef::Served(model) => Some(model.server.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(made.into_iter().collect::<Vec<_>>(), ["attic", "studio"]);
    assert_eq!(session.errors(), [""; 0]);
}

#[test]
fn what_a_server_cannot_do_is_known_before_the_run() {
    let (mut session, document) = at_studio(|_| {}, Duration::ZERO);
    type Change = fn(&mut EditSettings);
    fn loras(name: &str) -> Vec<LoraUse> {
        vec![LoraUse {
            lora: LoraRef::served(name),
            weight: LoraWeight::FULL,
        }]
    }
    let changes: [(Change, _); 4] = [
        (
            |it| it.sampler = SamplerId::Lcm,
            Some("server-limit-sampler"),
        ),
        (|it| it.sampler = SamplerId::Euler, None),
        (|it| it.loras = loras("styles/ink.safetensors"), None),
        (
            |it| it.loras = loras("gone.safetensors"),
            Some("server-limit-lora"),
        ),
    ];
    for (how, wanted) in changes {
        change(&mut session, document, how);
        let limits = session.editor.limits(document);
        let said = limits.first().map(|limit| limit.message.key.as_ref());
        assert_eq!(said, wanted);
    }
    // The model of this machine cannot have it.
    session.editor.apply(Command::SetModel(ModelRef::BuiltIn));
    session.wait("the model", |editor| *editor.model() == ModelRef::BuiltIn);
    let limits = session.editor.limits(document);
    assert!(limits[0].stops && limits[0].message.key == "lora-served");
    change(&mut session, document, |settings| settings.loras.clear());
    assert_eq!(session.editor.limits(document), []);
}

#[test]
fn what_a_run_says_of_a_lora_on_a_server_is_its_name() {
    let agreed_to = |servers: &mut Servers| {
        let agreed = Named {
            is_confirmed: true,
            ..servers.list()[0].clone()
        };
        servers.set(agreed, Access::default()).unwrap();
    };
    let (mut session, document) = at_studio(agreed_to, Duration::ZERO);
    let used = LoraUse {
        lora: LoraRef::served("styles/ink.safetensors"),
        weight: LoraWeight::new(0.5).unwrap(),
    };
    change(&mut session, document, |settings| {
        settings.loras = vec![used.clone()];
    });
    session.editor.apply(Command::Generate { document });
    session.wait_for_runs();
    let made = session.editor.candidates(document).next().unwrap();
    assert_eq!(made.settings.loras, [used]);
    let recorded = made.provenance.as_ref().unwrap();
    assert_eq!(recorded.loras, ["served: styles/ink.safetensors"]);
    assert_eq!(session.errors(), [""; 0]);
}

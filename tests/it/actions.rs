//! Every action of the one table, done in every way there is: by each of its keys, by the palette,
//! by the menu and by its button; each time what it does is looked at.
//!
//! `table::case` has no catch-all, so an action without its case does not compile.

mod doing;
mod looks;
mod table;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use eframe::egui::{
    Event, Key, KeyboardShortcut, Modifiers, OutputCommand, Rect, Role, Ui, ViewportCommand,
};
use egui_kittest::Node;
use egui_kittest::kittest::{By, NodeT as _, Queryable as _};
use overpaint::text::{Language, Texts};
use overpaint::ui::{Action, Group};

use crate::support::window::TestWindow;
use table::{Button, Case, Change, case};

/// A way to do an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Keys(KeyboardShortcut),
    Palette,
    Menu,
    Button(&'static str),
}

/// A window with an action to be done in it.
struct Stage {
    window: TestWindow,
    heard: Receiver<ViewportCommand>,
    asked: Vec<ViewportCommand>,
    /// Sizes of pictures put into the clipboard.
    copied: Receiver<[usize; 2]>,
    /// Texts put there.
    texts: Receiver<String>,
}

impl Stage {
    fn text(key: &str) -> String {
        Texts::of(Language::English).get(key).into_owned()
    }

    fn open(case: &Case) -> Self {
        let window = TestWindow::open(case.wanted());
        let (said, heard) = sync_channel(256);
        let (copies, copied) = sync_channel(256);
        let (writes, texts) = sync_channel(256);
        let listen = move |ui: &mut Ui| {
            ui.ctx().output(|output| {
                for command in &output.commands {
                    if let OutputCommand::CopyImage(image) = command {
                        copies.try_send(image.size).unwrap();
                    }
                    if let OutputCommand::CopyText(text) = command {
                        writes.try_send(text.clone()).unwrap();
                    }
                }
            });
            ui.ctx().viewport(|viewport| {
                for command in &viewport.commands {
                    said.try_send(command.clone()).unwrap();
                }
            });
        };
        window.harness.ctx.on_end_pass("listen", Arc::new(listen));
        Self {
            window,
            heard,
            asked: Vec::new(),
            copied,
            texts,
        }
    }

    /// What the window has asked of the desktop.
    fn asked(&mut self) -> &[ViewportCommand] {
        self.asked.extend(self.heard.try_iter());
        &self.asked
    }

    fn frames(&mut self, count: usize) {
        self.window.frames(count);
    }

    fn keys(&mut self, modifiers: Modifiers, key: Key) {
        self.window.harness.key_press_modifiers(modifiers, key);
        self.frames(3);
    }

    fn write(&mut self, text: &str) {
        self.window.harness.event(Event::Text(text.to_owned()));
        self.frames(2);
    }

    fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = Node<'a>> + 'a {
        self.window.harness.query_all_by_label(name)
    }

    fn places(&self, name: &str) -> Vec<Rect> {
        self.named(name).map(|node| node.rect()).collect()
    }

    /// Clicks what has that name and was not there before.
    fn click_new(&mut self, name: &str, before: &[Rect]) {
        self.named(name)
            .find(|node| !before.contains(&node.rect()))
            .unwrap_or_else(|| panic!("“{name}” is not offered"))
            .click();
        self.frames(4);
    }

    fn click(&mut self, name: &str) {
        self.named(name)
            .next()
            .unwrap_or_else(|| panic!("there is no “{name}”"))
            .click();
        self.frames(4);
    }

    /// True when the button of that name is switched on.
    fn is_on(&self, name: &str) -> bool {
        let on = eframe::egui::accesskit::Toggled::True;
        self.named(name)
            .any(|node| node.accesskit_node().toggled() == Some(on))
    }

    fn has(&self, name: &str) -> bool {
        self.named(name).next().is_some()
    }

    fn go(&mut self, way: Way, action: Action) {
        let name = Self::text(action.text());
        match way {
            Way::Keys(shortcut) => self.keys(shortcut.modifiers, shortcut.logical_key),
            Way::Button(name) => self.click(name),
            Way::Palette => {
                let before = self.places(&name);
                self.keys(Modifiers::COMMAND | Modifiers::SHIFT, Key::P);
                self.write(&name);
                self.click_new(&name, &before);
            }
            Way::Menu => {
                let mut before = self.places(&name);
                self.click("Menu");
                if action.group() != Group::File {
                    // A group may be called as one of its actions.
                    before = self.places(&name);
                }
                if action.group() != Group::File {
                    let group = Self::text(action.group().text());
                    let groups = self.window.harness.query_all_by_role(Role::Button);
                    let group = groups
                        .filter(|node| node.accesskit_node().label().as_deref() == Some(&group))
                        .max_by(|a, b| a.rect().width().total_cmp(&b.rect().width()));
                    group.expect("a group of the menu").click();
                    self.frames(4);
                }
                self.click_new(&name, &before);
            }
        }
    }
}

fn ways(action: Action, case: &Case) -> Vec<Way> {
    let keys = action.shortcuts().iter().copied().map(Way::Keys);
    let mut ways: Vec<Way> = keys.collect();
    if action != Action::Palette {
        ways.push(Way::Palette);
    }
    ways.push(Way::Menu);
    match case.button {
        Button::None => {}
        Button::Own => ways.push(Way::Button(
            Texts::of(Language::English)
                .get(action.text())
                .into_owned()
                .leak(),
        )),
        Button::Named(name) => ways.push(Way::Button(name)),
    }
    ways
}

#[expect(clippy::print_stdout, reason = "a failed test shows how far it came")]
fn do_in_every_way(group: Group) {
    let of_group = |action: &&Action| action.group() == group;
    for action in Action::ALL.iter().filter(of_group) {
        let case = case(*action);
        for way in ways(*action, &case) {
            println!("{action:?} by {way:?}");
            let mut stage = Stage::open(&case);
            (case.first)(&mut stage);
            let before = (case.look)(&mut stage);
            stage.go(way, *action);
            (case.then)(&mut stage);
            let after = (case.look)(&mut stage);
            let number = |text: &str| -> f64 { text.trim_end_matches(" %").parse().unwrap() };
            let right = match case.change {
                Change::Between(from, to) => before == from && after == to,
                Change::To(to) => before != to && after == to,
                Change::Grows => number(&before) < number(&after),
                Change::Shrinks => number(&before) > number(&after),
            };
            assert!(
                right,
                "{action:?} by {way:?}: from “{before}” to “{after}”, which is not {:?}",
                case.change
            );
        }
    }
}

#[test]
fn files() {
    do_in_every_way(Group::File);
}

#[test]
fn editing() {
    do_in_every_way(Group::Edit);
}

#[test]
fn tools() {
    do_in_every_way(Group::Tool);
}

#[test]
fn generating() {
    do_in_every_way(Group::Generate);
}

#[test]
fn results() {
    do_in_every_way(Group::Result);
}

#[test]
fn looking() {
    do_in_every_way(Group::View);
}

#[test]
fn help() {
    do_in_every_way(Group::Help);
}

#[test]
fn every_action_has_a_name_and_a_tooltip_in_every_language() {
    for language in Language::ALL {
        let texts = Texts::of(language);
        for action in Action::ALL {
            for key in [action.text(), action.tooltip()] {
                let said = texts.get(key);
                assert!(
                    !said.trim().is_empty() && !said.contains(key),
                    "{language:?}: {key}"
                );
            }
        }
    }
}

/// Everything that can be pressed, written in or dragged says what it is.
#[test]
fn every_control_has_a_name() {
    let mut window = TestWindow::open(table::with_results());
    doing::make_results(&mut window, 2);
    let controls = window.harness.get_all(By::new().predicate(|node| {
        let pressed = matches!(
            node.role(),
            Role::Button
                | Role::RadioButton
                | Role::CheckBox
                | Role::ComboBox
                | Role::Slider
                | Role::SpinButton
                | Role::TextInput
                | Role::MultilineTextInput
                | Role::Link
                | Role::Canvas
        );
        pressed
    }));
    let mut count = 0;
    for node in controls {
        let node = node.accesskit_node();
        let name = node.label().unwrap_or_default();
        assert!(
            !name.trim().is_empty(),
            "a {:?} without a name: {node:?}",
            node.role()
        );
        count += 1;
    }
    assert!(count > 40, "{count} controls");
}

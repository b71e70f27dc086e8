//! [`Desk`]: what every panel is given: the editor to read, the window's own state, the language,
//! and a place to put what the user asked for.

use std::borrow::Cow;
use std::time::SystemTime;

use eframe::egui;

use super::actions::Action;
use super::state::UiState;
use super::theme::{self, MaskTint, MaskView, TintColours, Tokens};
use crate::document::DocumentId;
use crate::editor::{
    Command, Comparison, ComparisonId, Editor, Losses, OpenDocument, RecentlyClosed,
};
use crate::plan::EditSettings;
use crate::text::{Message, Texts};

/// Under which names the window remembers things.
pub(super) mod memory {
    /// Which colours the mask tint has.
    pub(crate) const TINT_COLOURS: &str = "mask colours";
    /// How the mask is shown.
    pub(crate) const MASK_VIEW: &str = "mask view";
    /// Opacity of the mask tint in percent.
    pub(crate) const TINT_OPACITY: &str = "mask opacity";
    /// Width of the settings panel in points.
    pub(crate) const SETTINGS_WIDTH: &str = "settings width";
    /// The settings one seldom needs are open.
    pub(crate) const MORE: &str = "more";
    /// Nothing moves by itself.
    pub(crate) const STILL: &str = "reduce motion";
    /// How large the interface is, in percent.
    pub(crate) const SCALE: &str = "scale";
    /// What the brush is like.
    pub(crate) const BRUSH: &str = "brush";
    /// How the selection tools select.
    pub(crate) const TOOLS: &str = "tools";
    /// Runs without a prompt are not asked about.
    pub(crate) const EMPTY_PROMPTS: &str = "empty prompts";
    /// Where the window stood.
    pub(crate) const PLACEMENT: &str = "placement";
}

/// What every panel is given.
pub(super) struct Desk<'a> {
    /// To read; nothing that draws may change it.
    pub editor: &'a Editor,
    /// What belongs to the window alone.
    pub state: &'a mut UiState,
    /// The language.
    pub texts: &'static Texts,
    /// What the editor is asked to do after this frame.
    pub commands: &'a mut Vec<Command>,
    /// Actions whose buttons were pressed.
    pub actions: &'a mut Vec<Action>,
}

impl Desk<'_> {
    /// The text of a key without arguments.
    pub(super) fn text(&self, key: &str) -> Cow<'static, str> {
        self.texts.get(key)
    }

    /// The sentence of a message.
    pub(super) fn say(&self, message: &Message) -> String {
        self.texts.say(message)
    }

    /// The document in front.
    pub(super) fn open(&self) -> Option<&OpenDocument> {
        self.editor.active()
    }

    /// The newest comparison of a document of which something can still be seen.
    pub(super) fn last_comparison(&self, document: DocumentId) -> Option<ComparisonId> {
        let seen = |comparison: &&Comparison| {
            let mut jobs = comparison.entries.iter().map(|(_, job)| *job);
            jobs.any(|job| self.editor.run(job).is_some())
        };
        let comparisons = self.editor.comparisons(document);
        comparisons.filter(seen).last().map(|last| last.id)
    }

    /// Asks the editor for something.
    pub(super) fn send(&mut self, command: Command) {
        self.commands.push(command);
    }

    /// Presses the button of an action.
    pub(super) fn act(&mut self, action: Action) {
        self.actions.push(action);
    }

    /// Asks for the document's settings with one thing changed; silent where nothing changes, so
    /// that a field that rounds what it shows does not ask for ever.
    pub(super) fn set(&mut self, document: DocumentId, change: impl FnOnce(&mut EditSettings)) {
        // Two changes in one frame must not undo each other.
        let asked = self
            .commands
            .iter()
            .rev()
            .find_map(|command| match command {
                Command::SetSettings {
                    document: of,
                    settings,
                } if *of == document => Some(settings.clone()),
                _ => None,
            });
        let current = || {
            self.editor
                .document(document)
                .map(|open| Box::new(open.settings().clone()))
        };
        if let Some(mut settings) = asked.or_else(current) {
            let before = settings.clone();
            change(&mut settings);
            if settings != before {
                self.send(Command::SetSettings { document, settings });
            }
        }
    }

    /// What would be lost, as a list in words.
    pub(super) fn losses(&self, losses: Losses) -> String {
        let counted = |key: &'static str, count: usize| {
            let message = Message::new(key).with("count", count as f64);
            (count > 0).then(|| self.say(&message))
        };
        let mut parts = [
            losses
                .picture
                .then(|| self.text("ui-lost-picture").into_owned()),
            counted("ui-lost-layers", losses.layers),
            losses.mask.then(|| self.text("ui-lost-mask").into_owned()),
            counted("ui-lost-results", losses.results),
        ]
        .into_iter()
        .flatten()
        .rev();
        let Some(last) = parts.next() else {
            return String::new();
        };
        let mut key = "ui-list-last";
        parts.fold(last, |rest, part| {
            let key = std::mem::replace(&mut key, "ui-list-more");
            self.say(&Message::new(key).with("first", part).with("rest", rest))
        })
    }

    /// What a closed document holds, how large it is and when it was closed.
    pub(super) fn about_closed(&self, closed: &RecentlyClosed) -> String {
        let holds = self.losses(closed.holds);
        let about = Message::new("ui-recovery-item")
            .with("size", closed.extent.to_string())
            .with("ago", self.ago(closed.closed_at));
        format!("{holds}\n{}", self.say(&about))
    }

    /// How long ago something was, in words.
    pub(super) fn ago(&self, then: SystemTime) -> String {
        let seconds = SystemTime::now()
            .duration_since(then)
            .map_or(0, |gone| gone.as_secs());
        let (key, count) = match seconds {
            0..=119 => ("ui-ago-moment", 1),
            120..=7199 => ("ui-ago-minutes", seconds / 60),
            7200..=172_799 => ("ui-ago-hours", seconds / 3600),
            _ => ("ui-ago-days", seconds / 86_400),
        };
        self.say(&Message::new(key).with("count", count as f64))
    }

    /// Asks for the preferences with one thing changed.
    pub(super) fn prefer(&mut self, change: impl FnOnce(&mut crate::editor::Preferences)) {
        // Two changes in one frame must not undo each other.
        let asked = self
            .commands
            .iter()
            .rev()
            .find_map(|command| match command {
                Command::SetPreferences(preferences) => Some(preferences.clone()),
                _ => None,
            });
        let mut preferences = asked.unwrap_or_else(|| Box::new(self.editor.preferences().clone()));
        change(&mut preferences);
        self.send(Command::SetPreferences(preferences));
    }

    /// What the window remembers under a name, if it can be read.
    pub(super) fn remembered<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        let window = &self.editor.preferences().window;
        window.get(name).and_then(|value| value.parse().ok())
    }

    /// Remembers something of the window under a name.
    pub(super) fn remember(&mut self, name: &str, value: impl std::fmt::Display) {
        let (name, value) = (name.to_owned(), value.to_string());
        self.prefer(|preferences| _ = preferences.window.insert(name, value));
    }

    /// The mask tint as chosen.
    pub(super) fn tint(&self, t: &Tokens) -> MaskTint {
        let percent: f32 = self
            .remembered(memory::TINT_OPACITY)
            .unwrap_or(theme::MASK_OPACITY * 100.0);
        let colours = match self.tint_colours() {
            TintColours::Automatic => self.state.auto_tint.colours(),
            chosen => chosen,
        };
        MaskTint::new(t, colours, percent.clamp(5.0, 100.0) / 100.0)
    }

    /// How the mask is shown.
    pub(super) fn mask_view(&self) -> MaskView {
        let id: Option<String> = self.remembered(memory::MASK_VIEW);
        let of_id = |view: &&MaskView| Some(view.id()) == id.as_deref();
        MaskView::ALL
            .iter()
            .find(of_id)
            .copied()
            .unwrap_or_default()
    }

    /// Which colours the mask tint has.
    pub(super) fn tint_colours(&self) -> TintColours {
        let id: Option<String> = self.remembered(memory::TINT_COLOURS);
        let of_id = |colours: &&TintColours| Some(colours.id()) == id.as_deref();
        TintColours::ALL
            .iter()
            .find(of_id)
            .copied()
            .unwrap_or_default()
    }

    /// What a tooltip says of an action: its text with its keys, and what it does.
    pub(super) fn tooltip(&self, ctx: &egui::Context, action: Action) -> String {
        let keys = action_keys(ctx, action)
            .map(|keys| format!("  ({keys})"))
            .unwrap_or_default();
        format!(
            "{}{keys}\n{}",
            self.text(action.text()),
            self.text(action.tooltip())
        )
    }
}

/// The first key of an action as text, such as `Ctrl+Z`.
pub(super) fn action_keys(ctx: &egui::Context, action: Action) -> Option<String> {
    let shortcut = action.shortcuts().first()?;
    Some(key_text(ctx, *shortcut))
}

/// A shortcut as people read it.
pub(super) fn key_text(ctx: &egui::Context, shortcut: egui::KeyboardShortcut) -> String {
    let text = ctx.format_shortcut(&shortcut);
    let replaced = [
        ("Period", "."),
        ("Comma", ","),
        ("OpenBracket", "["),
        ("CloseBracket", "]"),
        ("Plus", "+"),
        ("Equals", "="),
        ("Minus", "−"),
    ];
    replaced
        .iter()
        .fold(text, |text, (name, sign)| text.replace(name, sign))
}

//! [`Dialog`]: what lies over the window, and what was written in it.

use super::path_field::PathField;
use crate::document::DocumentId;
use crate::editor::SaveQuestion;
use crate::ui::actions::Action;

/// What lies over the window. One at a time.
#[derive(Debug, Clone)]
pub(in crate::ui) enum Dialog {
    /// All keys.
    Shortcuts,
    /// All commands.
    Palette(PaletteQuery),
    /// A path to be written, where the system has no file dialog.
    Path(PathField),
    /// The file that was opened would be replaced by saving this document.
    HowToSave(DocumentId, SaveQuestion),
    /// Unsaved work would be lost by closing this document.
    CloseUnsaved(DocumentId),
    /// Unsaved work would be lost by ending the program.
    QuitUnsaved,
    /// Nothing is described, and a run was asked for.
    EmptyPrompt(EmptyPrompt),
    /// Getting a model from the network.
    Get(GetForm),
    /// The servers that may run models.
    Servers(ServersForm),
    /// A picture would be sent to a server for the first time.
    SendPicture,
    /// What the program has said.
    Messages,
    /// An earlier session ended badly and left something.
    Recovery,
}

impl Dialog {
    /// True for what wants an answer: a click beside it is none.
    pub(in crate::ui) fn is_question(&self) -> bool {
        matches!(
            self,
            Self::HowToSave(..)
                | Self::CloseUnsaved(_)
                | Self::QuitUnsaved
                | Self::EmptyPrompt(_)
                | Self::SendPicture
                | Self::Recovery
        )
    }
}

/// What has been written to get a model.
#[derive(Clone, Default)]
pub(in crate::ui) struct GetForm {
    /// A repository or an address.
    pub(in crate::ui) source: String,
    /// A secret.
    pub(in crate::ui) token: String,
}

impl GetForm {
    /// With what is wanted filled in.
    pub(in crate::ui) fn of(source: &str) -> Self {
        Self {
            source: source.to_owned(),
            token: String::new(),
        }
    }
}

/// Says nothing of the secret.
impl std::fmt::Debug for GetForm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GetForm")
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

/// What has been written to add a server, or to change one.
#[derive(Debug, Clone, Default)]
pub(in crate::ui) struct ServersForm {
    /// Of the new one.
    pub(in crate::ui) address: String,
    /// What the new one is called, and what it wants to see.
    pub(in crate::ui) new: ServerFields,
    /// Its key and headers are being written.
    pub(in crate::ui) shows_more: bool,
    /// The one that is being changed, by its name.
    pub(in crate::ui) changed: Option<(String, ServerFields)>,
}

/// What can be written of a server but its address.
#[derive(Clone, Default)]
pub(in crate::ui) struct ServerFields {
    /// What it is called.
    pub(in crate::ui) name: String,
    /// A secret.
    pub(in crate::ui) key: String,
    /// `Name: value`, a line each; secrets too.
    pub(in crate::ui) headers: String,
}

/// Says nothing of the secrets.
impl std::fmt::Debug for ServerFields {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerFields")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// What has been written in the palette, and which line is chosen.
#[derive(Debug, Clone, Default)]
pub(in crate::ui) struct PaletteQuery {
    pub(in crate::ui) text: String,
    pub(in crate::ui) chosen: usize,
}

/// A run that was asked for although nothing is described.
#[derive(Debug, Clone)]
pub(in crate::ui) struct EmptyPrompt {
    pub(in crate::ui) document: DocumentId,
    pub(in crate::ui) action: Action,
    pub(in crate::ui) never_again: bool,
    pub(in crate::ui) has_focus: bool,
}

impl EmptyPrompt {
    /// Asks about a run of that kind.
    pub(in crate::ui) fn new(document: DocumentId, action: Action) -> Self {
        Self {
            document,
            action,
            never_again: false,
            has_focus: false,
        }
    }
}

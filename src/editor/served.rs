//! Models on servers: what the chosen one is, what its server cannot do of what is set, and what its runs tell
//! of it.

use super::Editor;
use super::server_view::ServerState;
use super::servers::{After, Answer};
use crate::catalog::{ModelRef, ServerKind};
use crate::document::DocumentId;
use crate::engine::EngineError;
pub use crate::engine::remote::Limit;
use crate::engine::remote::limits;
use crate::jobs::{EditError, EditResult};
use crate::plan::{LoraUse, RegionBounds};
use crate::text::{Explain as _, Message};

impl Editor {
    /// What the server of the chosen model cannot do, or does otherwise, of a document's settings; where the model
    /// is here, what of them is not.
    pub fn limits(&self, document: DocumentId) -> Vec<Limit> {
        let Some(open) = self.document(document) else {
            return Vec::new();
        };
        let ModelRef::Served(model) = self.model() else {
            let used = open.settings().loras.iter();
            let there = used.filter(|used| used.lora.name_there().is_some());
            let limit = |used: &LoraUse| Limit {
                message: Message::new("lora-served").with("name", used.lora.name()),
                stops: true,
            };
            return there.map(limit).collect();
        };
        let view = self.server(&model.server);
        let Some((view, report)) = view.and_then(|view| Some((view, view.report.as_ref()?))) else {
            return Vec::new();
        };
        let is_masked = open.region.bounds(open.settings().mask_mode) != RegionBounds::Everything;
        limits(&view.server, report, model, open.settings(), is_masked)
    }

    /// Asks what the file of a chosen model says of itself, where nobody has said it.
    pub(super) fn learn_of_served(&mut self, model: &ModelRef) {
        let ModelRef::Served(model) = model else {
            return;
        };
        let servers = &self.serving.servers;
        let is_asked = servers.architecture(&model.server, &model.name).is_some();
        let is_comfy = self
            .server(&model.server)
            .is_some_and(|it| it.server.kind == ServerKind::Comfy);
        if is_asked || !is_comfy {
            return;
        }
        let name = model.name.clone();
        // Where it does not answer, its name has to do.
        self.serving.ask(&model.server, move |engine| {
            let told = engine.architecture(&name);
            Answer::Architecture(name, told)
        });
    }

    /// A run has failed; where its server did, that is known of it.
    pub(super) fn note_server_fault(&mut self, error: &EditError) {
        if let EditError::Engine(EngineError::Server(error)) = error
            && error.fault.is_passing()
        {
            let fault = ServerState::Fault(error.message());
            self.serving.set_state(&error.server, fault);
        }
    }

    /// A run has given a result; where a server made it, it answers, and is that fast.
    pub(super) fn note_server_speed(&mut self, model: &ModelRef, result: &EditResult) {
        let ModelRef::Served(model) = model else {
            return;
        };
        let (server, seconds) = (model.server.clone(), result.total_seconds);
        self.serving.set_state(&server, ServerState::Answers);
        let kept = self.serving.keep(After::Nothing, move |servers| {
            servers.remember_seconds(&server, seconds)
        });
        // Not worth a word where it cannot be.
        drop(kept);
    }
}

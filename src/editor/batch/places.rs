//! Where the model of a batch runs, and what its runs tell of the engines there.

use super::OpenBatch;
use super::command::BatchCommand;
use super::doing::Doing;
use super::tries::{Tries, few_of};
use crate::catalog::ModelRef;
use crate::editor::Editor;
use crate::engine::EngineError;
use crate::jobs::{EditError, EditResult, EngineId, Home};
use crate::text::{Explain as _, Message};

impl OpenBatch {
    /// The model that does it; `None` where it needs none.
    pub fn model(&self) -> Option<&ModelRef> {
        self.chosen.home.as_ref().map(|home| &home.model)
    }

    /// A server is called otherwise from now on.
    fn server_renamed(&mut self, before: &str, now: &str) {
        if let Some(home) = &mut self.chosen.home
            && let ModelRef::Served(model) = &mut home.model
            && model.server == before
        {
            now.clone_into(&mut model.server);
            self.change();
        }
    }
}

impl Editor {
    /// Engines beside its own that have the batch's model, and whether it is spread over them too.
    pub fn other_engines_of_batch(&self) -> Vec<(EngineId, bool)> {
        let home = self.batch().and_then(|batch| batch.chosen.home.as_ref());
        home.map(|home| self.engines_beside(home))
            .unwrap_or_default()
    }

    /// Where the batch's model runs, its own engine first; nowhere where it needs none.
    pub(super) fn homes_of_batch(&self) -> Vec<Home> {
        let home = self.batch().and_then(|batch| batch.chosen.home.as_ref());
        let Some(home) = home else {
            return Vec::new();
        };
        std::iter::once(home.clone())
            .chain(self.homes_beside(home))
            .collect()
    }

    /// The engines that are sent pictures by that.
    pub(in crate::editor) fn engines_of_batch(&self, command: &BatchCommand) -> Vec<EngineId> {
        use BatchCommand as C;
        match command {
            C::Try { .. } | C::Run | C::Redo { .. } => {
                self.homes_of_batch().iter().map(Home::engine).collect()
            }
            _ => Vec::new(),
        }
    }

    /// How many pictures that would run.
    pub(in crate::editor) fn batch_count(&self, command: &BatchCommand) -> usize {
        let Some(batch) = self.batch() else { return 0 };
        match command {
            BatchCommand::Run => {
                let pictures = batch.pictures.iter();
                pictures.filter(|picture| picture.may_run()).count()
            }
            BatchCommand::Try { pictures, .. } if pictures.is_empty() => {
                few_of(&batch.pictures).len()
            }
            BatchCommand::Try { pictures, .. } => pictures.len().min(Tries::MOST),
            _ => 1,
        }
    }

    pub(in crate::editor) fn rename_server_of_batch(&mut self, before: &str, now: &str) {
        if let Some(batch) = &mut self.batches.open {
            batch.server_renamed(before, now);
        }
    }

    pub(super) fn doing_mut(&mut self) -> Option<&mut Doing> {
        self.batches.open.as_mut()?.doing.as_mut()
    }

    /// A run of the batch has ended on an engine.
    pub(super) fn batch_ran(&mut self, ended: Result<EditResult, (EngineId, EditError)>) {
        match ended {
            Ok(result) => {
                self.learn_speeds(&result);
                self.note_server_speed(&result.model, &result);
                if let Some(doing) = self.doing_mut() {
                    doing.answers(&EngineId::of(&result.model));
                }
            }
            Err((engine, error)) => {
                self.note_server_fault(&error);
                let is_away = match &error {
                    EditError::Engine(EngineError::Server(error)) => error.fault.is_of_server(),
                    _ => false,
                };
                if !is_away {
                    return;
                }
                let doing = self.doing_mut();
                if doing.is_some_and(|doing| doing.is_last_to_go(engine)) {
                    // What is left would fail one after the other.
                    self.with_batch(OpenBatch::stop);
                    let said = Message::new("editor-batch-server-away");
                    self.notices
                        .warning(None, said.with("said", error.message()));
                } else {
                    self.notices.warn(None, &error);
                }
            }
        }
    }
}

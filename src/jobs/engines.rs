//! Which engines there are, by their names alone, and where a request may run.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::EngineFactory;
use crate::catalog::{ModelCard, ModelRef, ModelTraits};
use crate::plan::EditRequest;

/// Names an engine: this machine, or a server by the name it has among
/// [`Servers`](crate::catalog::Servers).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EngineId(String);

impl EngineId {
    /// The name of this machine, which no server has.
    pub const LOCAL: &str = "local";

    /// This machine.
    pub fn local() -> Self {
        Self(Self::LOCAL.to_owned())
    }

    /// The server of that name.
    pub(super) fn at(server: &str) -> Self {
        Self(server.to_owned())
    }

    /// The engine that runs that model.
    pub fn of(model: &ModelRef) -> Self {
        match model {
            ModelRef::Served(served) => Self(served.server.clone()),
            ModelRef::BuiltIn | ModelRef::Folder(_) | ModelRef::File(_) => Self::local(),
        }
    }

    /// The server's name; `None` for this machine.
    pub fn server(&self) -> Option<&str> {
        (self.0 != Self::LOCAL).then_some(&self.0)
    }

    /// What people call it.
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl Default for EngineId {
    fn default() -> Self {
        Self::local()
    }
}

/// Tells how the engine of that name is made. Asked when its first job comes.
pub type Engines = Arc<dyn Fn(&EngineId) -> EngineFactory + Send + Sync>;

/// Where a request may run: a model, which lies at one engine, and what planning must know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    /// The model.
    pub model: ModelRef,
    /// What planning must know of it.
    pub traits: ModelTraits,
}

impl Home {
    /// Where that model lies.
    pub fn of(card: &ModelCard) -> Self {
        Self {
            model: card.reference.clone(),
            traits: card.traits.clone(),
        }
    }

    /// The engine there.
    pub fn engine(&self) -> EngineId {
        EngineId::of(&self.model)
    }

    /// The request as it is run there.
    pub(super) fn request(&self, request: &EditRequest) -> EditRequest {
        EditRequest {
            model: self.model.clone(),
            traits: self.traits.clone(),
            ..request.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::ServedModel;

    #[test]
    fn a_model_tells_its_engine() {
        let served = ModelRef::Served(ServedModel::guessed("studio", "m", None));
        let engine = EngineId::of(&served);
        assert_eq!((engine.name(), engine.server()), ("studio", Some("studio")));
        assert_eq!(EngineId::of(&ModelRef::BuiltIn), EngineId::local());
        assert_eq!(EngineId::default().server(), None);
    }
}

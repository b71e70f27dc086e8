//! Where else a comparison of strengths or a batch may run: engines that have the same model, as far as they were chosen.

use super::Editor;
use crate::catalog::ModelCard;
use crate::jobs::{EngineId, Home};

impl Editor {
    /// Engines beside the chosen model's own that have a model of the same name and kind, and whether
    /// comparisons of strengths use them too.
    pub fn other_engines(&self) -> Vec<(EngineId, bool)> {
        self.model_card()
            .map(|card| self.engines_beside(&Home::of(card)))
            .unwrap_or_default()
    }

    /// The same beside that model's.
    pub(super) fn engines_beside(&self, own: &Home) -> Vec<(EngineId, bool)> {
        let homes = self.homes_like(own);
        let is_used = |engine: &EngineId| self.is_used_too(engine);
        homes
            .iter()
            .map(Home::engine)
            .map(|engine| (engine.clone(), is_used(&engine)))
            .collect()
    }

    /// Where what is spread over engines may go beside its own engine.
    pub(super) fn homes_beside(&self, own: &Home) -> Vec<Home> {
        let mut homes = self.homes_like(own);
        homes.retain(|home| self.is_used_too(&home.engine()));
        homes
    }

    fn is_used_too(&self, engine: &EngineId) -> bool {
        let mut used = self.preferences.also_on.iter();
        used.any(|name| name == engine.name())
    }

    /// Models of the same name at other engines, one each, that are planned for alike.
    fn homes_like(&self, own: &Home) -> Vec<Home> {
        let here = self.found.models.iter().flatten();
        let there = self.servers().iter().flat_map(|view| &view.models);
        let cards = here.chain(there.map(|served| &served.card));
        let is_like = |card: &&ModelCard| {
            card.reference.name() == own.model.name() && card.traits == own.traits
        };
        let mut homes: Vec<Home> = Vec::new();
        for home in cards.filter(is_like).map(Home::of) {
            let engine = home.engine();
            let is_known = homes.iter().any(|known| known.engine() == engine);
            if engine != own.engine() && !is_known {
                homes.push(home);
            }
        }
        homes
    }
}

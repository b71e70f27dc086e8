//! What the user said that models on servers are, where their names do not tell it.

use std::collections::BTreeMap;

use super::Servers;
use crate::catalog::{CatalogError, Family, ServedModel};

pub(super) const FILE: &str = "server-models.json";

/// By the model's name there.
pub(super) type Families = BTreeMap<String, Family>;

impl Servers {
    /// What the user said that a model there is; `None` where that is still a guess.
    pub fn family_of(&self, server: &str, model: &str) -> Option<Family> {
        self.families.get(server)?.get(model).copied()
    }

    /// Remembers what a model there is; `None` takes back what was said.
    pub fn remember_family(
        &mut self,
        server: &str,
        model: &str,
        family: Option<Family>,
    ) -> Result<(), CatalogError> {
        self.families.change(server, |there| {
            match family {
                Some(family) => there.insert(model.to_owned(), family),
                None => there.remove(model),
            };
        })
    }

    /// The model with the family that the user said it is of, where it was said.
    #[must_use]
    pub fn as_confirmed(&self, model: ServedModel) -> ServedModel {
        let said = self.family_of(&model.server, &model.name);
        ServedModel {
            family: said.unwrap_or(model.family),
            ..model
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Access, Server, ServerKind};

    #[test]
    fn what_was_said_of_a_model_is_kept_by_server_and_forgotten_with_it() {
        let room = tempfile::tempdir().unwrap();
        let mut servers = Servers::open(room.path());
        let server = Server {
            name: "studio".to_owned(),
            address: "http://studio:8188".to_owned(),
            kind: ServerKind::Comfy,
            is_confirmed: true,
        };
        servers.set(server, Access::default()).unwrap();
        let model = "mine.safetensors";
        assert_eq!(servers.family_of("studio", model), None);
        servers
            .remember_family("studio", model, Some(Family::Xl))
            .unwrap();
        let mut again = Servers::open(room.path());
        assert_eq!(again.family_of("studio", model), Some(Family::Xl));
        assert_eq!(again.family_of("other", model), None);
        let guessed = ServedModel::guessed("studio", model, None);
        assert_eq!(guessed.family, Family::StableDiffusion1);
        assert_eq!(again.as_confirmed(guessed).family, Family::Xl);
        again.remember_family("studio", model, None).unwrap();
        assert_eq!(Servers::open(room.path()).family_of("studio", model), None);
        again
            .remember_family("studio", model, Some(Family::Xl))
            .unwrap();
        assert_eq!(again.remove("studio"), Ok(true));
        let forgotten = Servers::open(room.path());
        assert_eq!(forgotten.family_of("studio", model), None);
    }
}

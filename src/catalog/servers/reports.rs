//! [`ServerReport`]: what a server said of itself when it was asked last, so that its models can be shown before
//! it answers again, and where it does not.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Servers;
use crate::catalog::{CatalogError, ServedModel, ToldBy};

pub(super) const FILE: &str = "server-lists.json";

/// What a server says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerReport {
    /// Its version, where it says one.
    pub version: String,
    /// What computes there, where it says it.
    pub device: String,
    /// Its models.
    pub models: Vec<String>,
    /// Its LoRAs.
    pub loras: Vec<String>,
    /// Its samplers.
    pub samplers: Vec<String>,
}

/// What is known of a server.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Known {
    report: ServerReport,
    /// What files of models there say of their architecture, by the names of the models.
    architectures: BTreeMap<String, String>,
    /// What its last run took.
    seconds: Option<f64>,
}

impl Servers {
    /// What that server said when it was asked last.
    pub fn report(&self, server: &str) -> Option<&ServerReport> {
        self.reports.get(server).map(|known| &known.report)
    }

    /// Remembers what a server said.
    pub fn remember_report(
        &mut self,
        server: &str,
        report: ServerReport,
    ) -> Result<(), CatalogError> {
        self.reports.change(server, |known| known.report = report)
    }

    /// Remembers what the file of a model there says of its architecture; nothing, where that is empty.
    pub fn remember_architecture(
        &mut self,
        server: &str,
        model: &str,
        architecture: String,
    ) -> Result<(), CatalogError> {
        self.reports.change(server, |known| {
            known.architectures.insert(model.to_owned(), architecture);
        })
    }

    /// What the file of a model there says of its architecture, empty where it says nothing; `None` where that
    /// was never asked.
    pub fn architecture(&self, server: &str, model: &str) -> Option<&str> {
        let known = self.reports.get(server)?;
        known.architectures.get(model).map(String::as_str)
    }

    /// Remembers what a run there took.
    pub fn remember_seconds(&mut self, server: &str, seconds: f64) -> Result<(), CatalogError> {
        let seconds = Some(seconds);
        self.reports.change(server, |known| known.seconds = seconds)
    }

    /// What the last run there took.
    pub fn seconds(&self, server: &str) -> Option<f64> {
        self.reports.get(server)?.seconds
    }

    /// A model there as far as it is known, and what says so.
    pub fn served(&self, server: &str, model: &str) -> (ServedModel, ToldBy) {
        let told = self.architecture(server, model);
        let told = told.filter(|told| !told.is_empty());
        let guessed = ServedModel::guessed(server, model, told);
        let by = match (self.family_of(server, model), told) {
            (Some(_), _) => ToldBy::Hand,
            (None, Some(_)) => ToldBy::Metadata,
            (None, None) => ToldBy::Name,
        };
        (self.as_confirmed(guessed), by)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Family;

    #[test]
    fn the_hand_has_the_last_word_then_the_file_then_the_name() {
        let room = tempfile::tempdir().unwrap();
        let mut servers = Servers::open(room.path());
        let told = |servers: &Servers| {
            let (model, by) = servers.served("studio", "paper.safetensors");
            (model.family, by)
        };
        let guess = (Family::StableDiffusion1, ToldBy::Name);
        assert_eq!(told(&servers), guess);
        servers
            .remember_architecture("studio", "paper.safetensors", String::new())
            .unwrap();
        // It was asked and said nothing.
        assert_eq!(told(&servers), guess);
        assert_eq!(
            servers.architecture("studio", "paper.safetensors"),
            Some("")
        );
        let xl = "stable-diffusion-xl-v1-base".to_owned();
        servers
            .remember_architecture("studio", "paper.safetensors", xl)
            .unwrap();
        assert_eq!(told(&servers), (Family::Xl, ToldBy::Metadata));
        servers
            .remember_family(
                "studio",
                "paper.safetensors",
                Some(Family::StableDiffusion2),
            )
            .unwrap();
        let again = Servers::open(room.path());
        assert_eq!(told(&again), (Family::StableDiffusion2, ToldBy::Hand));
    }
}

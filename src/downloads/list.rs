//! [`offers`]: a short list of models that are worth getting, from `assets/models.toml`.

use std::sync::OnceLock;

use serde::Deserialize;

use crate::text::Message;

/// A model of the list. Sizes and checksums are the server's to say, when it is asked.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offer {
    /// What it is called on the command line.
    pub id: String,
    /// What it is called for people.
    pub name: String,
    /// Which repository of the hub, `owner/name`.
    pub repository: String,
    /// Only this file of it.
    #[serde(default)]
    pub file: Option<String>,
    /// Name of its licence.
    pub licence: String,
    /// Where the licence can be read.
    pub licence_page: String,
    /// What it is good for.
    pub kind: Kind,
    /// What should be got with it, by id.
    #[serde(default)]
    pub with: Vec<String>,
    /// What a picture of its own size asks of the machine; `None` for what makes none.
    #[serde(default)]
    pub picture: Option<Picture>,
}

/// What a model is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Stable Diffusion 1.5.
    Sd,
    /// The same, shown the mask.
    SdInpainting,
    /// The same in few steps.
    SdFewSteps,
    /// Stable Diffusion XL.
    Xl,
    /// The same, shown the mask.
    XlInpainting,
    /// The same in few steps.
    XlFewSteps,
    /// A tiny autoencoder.
    TinyAutoencoder,
    /// Selects what is clicked on.
    ClickToSelect,
}

/// What a picture asks of the machine: computed from the networks' shapes (`engine`'s blueprint; a test
/// compares them), never measured.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Picture {
    /// Its side, in pixels.
    pub side_px: u32,
    /// Steps that run at the strength the model begins with.
    pub steps: u32,
    /// Predictions at once: 2 with guidance.
    pub predictions: u32,
    /// FLOPs of one step, all predictions, in 10⁹.
    pub step_gflops: f64,
    /// FLOPs of encoding it, in 10⁹.
    pub encode_gflops: f64,
    /// FLOPs of decoding it, in 10⁹.
    pub decode_gflops: f64,
}

impl Offer {
    /// Where it is described.
    pub fn page(&self) -> String {
        format!("https://huggingface.co/{}", self.repository)
    }

    /// What it is good for, in words.
    pub fn good_for(&self) -> Message {
        Message::new(match self.kind {
            Kind::Sd => "get-for-sd",
            Kind::SdInpainting => "get-for-sd-inpainting",
            Kind::SdFewSteps => "get-for-sd-few-steps",
            Kind::Xl => "get-for-xl",
            Kind::XlInpainting => "get-for-xl-inpainting",
            Kind::XlFewSteps => "get-for-xl-few-steps",
            Kind::TinyAutoencoder => "get-for-tiny-autoencoder",
            Kind::ClickToSelect => "get-for-click",
        })
    }
}

#[derive(Deserialize)]
struct File {
    model: Vec<Offer>,
}

/// The models of the list, those first that suit most people.
pub fn offers() -> &'static [Offer] {
    static OFFERS: OnceLock<Vec<Offer>> = OnceLock::new();
    OFFERS.get_or_init(|| {
        // A test reads it; a list that cannot be read is an empty one.
        let file = toml::from_str::<File>(include_str!("../../assets/models.toml"));
        file.map(|file| file.model).unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{Language, Texts};

    #[test]
    fn the_list_can_be_read_and_says_what_each_is_for() {
        let list = toml::from_str::<File>(include_str!("../../assets/models.toml"));
        assert!(list.is_ok(), "{:?}", list.err());
        let offers = offers();
        assert!(offers.len() >= 8);
        for (at, offer) in offers.iter().enumerate() {
            assert!(offers.iter().skip(at + 1).all(|o| o.id != offer.id));
            assert!(offer.repository.split('/').count() == 2, "{}", offer.id);
            assert!(offer.licence_page.starts_with("https://"), "{}", offer.id);
            for with in &offer.with {
                assert!(offers.iter().any(|other| other.id == *with), "{with}");
            }
            for language in Language::ALL {
                let said = Texts::of(language).say(&offer.good_for());
                assert!(!said.starts_with("get-"), "{said}");
            }
        }
    }
}

//! [`limits`]: what a server cannot do, or does otherwise, of what is set; to be said before a run.

use crate::catalog::{Server, ServerKind, ServerReport};
use crate::plan::{EditSettings, FillMode, KeepDetails};
use crate::text::Message;

use super::comfy::sampler_there as comfy_sampler;
use super::is_graph;
use super::loras::lora_there;
use super::sdapi::{is_same, sampler_there as sdapi_sampler};
use crate::catalog::ServedModel;

/// Something that a server cannot do, or does otherwise.
#[derive(Debug, Clone, PartialEq)]
pub struct Limit {
    /// What.
    pub message: Message,
    /// A run would fail.
    pub stops: bool,
}

/// What of these settings `server` cannot do with that model, by what it said last. `is_masked`: only a part
/// is to change.
pub fn limits(
    server: &Server,
    report: &ServerReport,
    model: &ServedModel,
    settings: &EditSettings,
    is_masked: bool,
) -> Vec<Limit> {
    let limit = |stops: bool, message: Message| Limit {
        message: message.with("server", server.name.clone()),
        stops,
    };
    let mut found = Vec::new();
    let is_own_graph = is_graph(&model.name);
    if !is_own_graph && !report.models.is_empty() && !report.models.contains(&model.name) {
        let message = Message::new("server-limit-model").with("name", model.name.clone());
        found.push(limit(true, message));
    }
    for used in &settings.loras {
        let key = match lora_there(&report.loras, &used.lora) {
            _ if is_own_graph => "server-limit-graph-lora",
            Some(_) => continue,
            None => "server-limit-lora",
        };
        let message = Message::new(key).with("name", used.lora.name());
        found.push(limit(true, message));
    }
    let sampler = match server.kind {
        ServerKind::Comfy => comfy_sampler(settings.sampler),
        ServerKind::Sdapi => sdapi_sampler(settings.sampler),
    };
    let is_known =
        |there: &String| is_same(there, sampler) || there.starts_with(&format!("{sampler} "));
    if !report.samplers.is_empty() && !report.samplers.iter().any(is_known) {
        let message = Message::new("server-limit-sampler").with("name", sampler);
        found.push(limit(true, message));
    }
    match server.kind {
        ServerKind::Comfy if is_masked && settings.fill == FillMode::Noise && !is_own_graph => {
            found.push(limit(true, Message::new("server-limit-noise")));
        }
        ServerKind::Sdapi => {
            if model.sees_mask {
                found.push(limit(false, Message::new("server-limit-inpainting")));
            }
            if settings.keep_details != KeepDetails::Off {
                found.push(limit(false, Message::new("server-limit-details")));
            }
        }
        ServerKind::Comfy => {}
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::SamplerId;

    fn keys(found: &[Limit]) -> Vec<(&str, bool)> {
        found
            .iter()
            .map(|limit| (limit.message.key.as_ref(), limit.stops))
            .collect()
    }

    #[test]
    fn what_cannot_be_done_there_is_known_before_a_run() {
        let server = |kind| Server {
            name: "studio".to_owned(),
            address: "http://studio:8188".to_owned(),
            kind,
            is_confirmed: true,
        };
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let report = ServerReport {
            models: names(&["sd.safetensors"]),
            samplers: names(&["euler", "lcm"]),
            ..ServerReport::default()
        };
        let model = ServedModel::guessed("studio", "sd.safetensors", None);
        let mut settings = EditSettings {
            sampler: SamplerId::Euler,
            keep_details: KeepDetails::Off,
            ..EditSettings::default()
        };
        let comfy = server(ServerKind::Comfy);
        assert_eq!(limits(&comfy, &report, &model, &settings, true), []);
        settings.sampler = SamplerId::Dpmpp2m;
        settings.fill = FillMode::Noise;
        let found = limits(&comfy, &report, &model, &settings, true);
        let wanted = [("server-limit-sampler", true), ("server-limit-noise", true)];
        assert_eq!(keys(&found), wanted);
        // Where all may change nothing is filled.
        let found = limits(&comfy, &report, &model, &settings, false);
        assert_eq!(keys(&found), [("server-limit-sampler", true)]);
        let gone = ServedModel::guessed("studio", "other.safetensors", None);
        settings.sampler = SamplerId::Ddim;
        let found = limits(&comfy, &report, &gone, &settings, false);
        assert_eq!(keys(&found), [("server-limit-model", true)]);
        let report = ServerReport {
            samplers: names(&["Euler a", "DPM++ 2M Karras"]),
            ..report
        };
        let seeing = ServedModel {
            sees_mask: true,
            ..model
        };
        settings.sampler = SamplerId::Dpmpp2m;
        settings.keep_details = KeepDetails::Auto;
        let found = limits(
            &server(ServerKind::Sdapi),
            &report,
            &seeing,
            &settings,
            true,
        );
        let wanted = [
            ("server-limit-inpainting", false),
            ("server-limit-details", false),
        ];
        assert_eq!(keys(&found), wanted);
    }
}

//! The bar at the bottom: what the next run will do in numbers, and where the pointer is.

use eframe::egui::{self, RichText, Ui};

use crate::catalog::ModelRef;
use crate::editor::RunState;
use crate::plan::Layout;
use crate::text::Message;
use crate::ui::context::Desk;
use crate::ui::theme::{self, text_size};

/// Draws the bar.
pub(crate) fn status_ui(ui: &mut Ui, desk: &Desk<'_>) {
    let Some(open) = desk.editor.active() else {
        return;
    };
    let t = theme::tokens(ui);
    let small = |text: String| RichText::new(text).size(text_size::SMALL).color(t.muted);
    let mut parts = Vec::new();
    match desk.editor.layout(open.id()) {
        Some(Ok(layout)) => parts.push(desk.say(&layout_text(&layout))),
        Some(Err(error)) => parts.push(desk.say(&crate::text::Explain::message(&error))),
        None => {}
    }
    parts.push(model_name(desk));
    if let Some(device) = last_device(desk) {
        parts.push(device);
    }
    ui.horizontal_centered(|ui| {
        let width = (ui.available_width() - 190.0).max(80.0);
        ui.allocate_ui_with_layout(
            egui::vec2(width, ui.available_height()),
            egui::Layout::left_to_right(egui::Align::Center),
            |ui| ui.add(egui::Label::new(small(parts.join(" · "))).truncate()),
        );
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let extent = open.document().extent();
            let mut text = extent.to_string();
            if let Some(at) = desk.state.pointer_at
                && at.x >= 0.0
                && at.y >= 0.0
                && (at.x as u32) < extent.width
                && (at.y as u32) < extent.height
            {
                text = format!("{}, {} · {text}", at.x as u32, at.y as u32);
            }
            ui.label(small(text))
                .on_hover_text(desk.text("ui-status-place"));
        });
    });
}

/// Crop, work size, scale and feather of the next run.
fn layout_text(layout: &Layout) -> Message {
    let key = if layout.region.is_some() {
        "ui-status-layout"
    } else {
        "ui-status-layout-whole"
    };
    Message::new(key)
        .with("crop", layout.crop.extent().to_string())
        .with("work", layout.work.to_string())
        .with("scale", format!("{:.2}", layout.scale))
        .with("feather", format!("{:.0}", layout.feather_px))
}

fn model_name(desk: &Desk<'_>) -> String {
    match desk.editor.model() {
        ModelRef::BuiltIn => desk.text("ui-model-built-in").into_owned(),
        ModelRef::Folder(_) => desk
            .editor
            .model_card()
            .map(|card| card.name.clone())
            .unwrap_or_default(),
    }
}

/// What computed the last result.
fn last_device(desk: &Desk<'_>) -> Option<String> {
    desk.editor.runs().iter().find_map(|run| match run.state {
        RunState::Finished(id) => desk
            .editor
            .candidate(id)
            .map(|candidate| device_name(&candidate.report.device)),
        _ => None,
    })
}

/// “cpu avx512” as people write it: CPU (AVX-512).
fn device_name(device: &str) -> String {
    let Some((kind, detail)) = device.split_once(' ') else {
        return device.to_uppercase();
    };
    let detail = match detail {
        "avx512" => "AVX-512",
        "avx512bf16" => "AVX-512, bf16",
        "amx" => "AMX, bf16",
        "avx2" => "AVX2",
        "neon" => "NEON",
        other => other,
    };
    format!("{} ({detail})", kind.to_uppercase())
}

#[cfg(test)]
mod tests {
    use super::device_name;

    #[test]
    fn devices_are_called_as_people_write_them() {
        assert_eq!(device_name("cpu avx512"), "CPU (AVX-512)");
        assert_eq!(device_name("cpu avx512bf16"), "CPU (AVX-512, bf16)");
        assert_eq!(device_name("cpu portable"), "CPU (portable)");
        assert_eq!(device_name("cuda"), "CUDA");
    }
}

//! The bar at the bottom: what the next run will do in numbers, and where the pointer is.

use eframe::egui::{self, RichText, Ui};

use crate::catalog::ModelRef;
use crate::editor::RunState;
use crate::plan::Layout;
use crate::text::Message;
use crate::ui::actions::Action;
use crate::ui::context::Desk;
use crate::ui::state::BarNotice;
use crate::ui::theme::{self, text_size};
use crate::ui::{toasts, widgets};

/// Side of the button that takes a notice away, in points.
const CROSS: f32 = 18.0;

/// Draws the bar.
pub(crate) fn status_ui(ui: &mut Ui, desk: &mut Desk<'_>) {
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
    let extent = open.document().extent();
    let mut place = extent.to_string();
    if let Some(at) = desk.state.pointer_at
        && at.x >= 0.0
        && at.y >= 0.0
        && (at.x as u32) < extent.width
        && (at.y as u32) < extent.height
    {
        place = format!("{}, {} · {place}", at.x as u32, at.y as u32);
    }
    let about = egui::Label::new(small(parts.join(" · "))).truncate();
    ui.horizontal_centered(|ui| {
        // The messages first, so that they keep their place while the pointer moves.
        widgets::sides(
            ui,
            desk,
            |ui, desk| {
                messages(ui, desk);
                if !notice_ui(ui, desk) {
                    ui.add(about);
                }
            },
            |ui, desk| {
                ui.label(small(place))
                    .on_hover_text(desk.text("ui-status-place"));
            },
        );
    });
}

/// What the program has just said, where the window is too small for a toast, in place of the numbers;
/// false where there is nothing. Pressing it shows it whole.
fn notice_ui(ui: &mut Ui, desk: &mut Desk<'_>) -> bool {
    let shown = desk.state.bar_notice;
    let notices = desk.editor.notices().iter();
    let Some(notice) = shown.and_then(|shown| notices.into_iter().find(|n| n.id == shown.id))
    else {
        return false;
    };
    let t = theme::tokens(ui);
    let text = desk.say(&notice.message);
    ui.spacing_mut().button_padding = egui::vec2(0.0, 0.0);
    toasts::dismiss_button(ui, desk, notice.id, CROSS);
    let line = egui::Label::new(RichText::new(&text).size(text_size::SMALL).color(t.text))
        .truncate()
        .sense(egui::Sense::click());
    let line = ui.add(line);
    desk.state.bar_notice = Some(BarNotice {
        id: notice.id,
        pointed_at: line.contains_pointer(),
    });
    if line.on_hover_text(text).clicked() {
        desk.act(Action::Messages);
    }
    true
}

/// How many messages there are that were not dismissed; pressing it shows them.
fn messages(ui: &mut Ui, desk: &mut Desk<'_>) {
    let notices = desk.editor.notices();
    let Some(worst) = notices.iter().map(|notice| notice.level).max() else {
        return;
    };
    let (icon, colour) = toasts::look(worst, theme::tokens(ui));
    let count = notices.len();
    let name = desk.say(&Message::new("ui-messages-count").with("count", count));
    let sign = RichText::new(icon.0)
        .family(theme::icon_family())
        .size(text_size::ICON_SMALL)
        .color(colour);
    let words = RichText::new(count.to_string()).size(text_size::SMALL);
    ui.spacing_mut().button_padding = egui::vec2(4.0, 0.0);
    ui.spacing_mut().interact_size.y = 20.0;
    let button = egui::Button::new((sign, words)).frame_when_inactive(false);
    let button = ui.add(button).accessible_name(&name);
    if button.on_hover_text(name).clicked() {
        desk.act(Action::Messages);
    }
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
        ModelRef::Folder(_) | ModelRef::File(_) | ModelRef::Served(_) => desk
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
    if matches!(kind, "ComfyUI" | "sdapi") {
        // Which server follows, by its name.
        return device.to_owned();
    }
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

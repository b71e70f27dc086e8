//! The LoRAs of the next run: which, how much of each, and the list more are chosen from.

use std::path::{Path, PathBuf};

use eframe::egui::{self, Ui};

use crate::catalog::{LoraRef, ModelRef, stem_there};
use crate::document::DocumentId;
use crate::editor::Command;
use crate::plan::{LoraUse, LoraWeight};
use crate::text::Message;
use crate::ui::context::Desk;
use crate::ui::icons;
use crate::ui::theme::{size, space};
use crate::ui::widgets;

/// So many are seen at a glance; more are searched.
const SEARCHED_FROM: usize = 9;
/// Weights that the slider reaches; others are typed.
const USUAL: std::ops::RangeInclusive<f64> = -1.0..=2.0;

/// A line for each LoRA, and one to add another. The built-in model takes none.
pub(super) fn loras_ui(ui: &mut Ui, desk: &mut Desk<'_>, document: DocumentId) {
    let Some(open) = desk.editor.document(document) else {
        return;
    };
    let used = open.settings().loras.clone();
    if *desk.editor.model() == ModelRef::BuiltIn && used.is_empty() {
        return;
    }
    let (name, tooltip) = (desk.text("ui-lora"), desk.text("ui-lora-tip"));
    let add = desk.text("ui-lora-add");
    widgets::row(ui, name.as_ref(), &tooltip, |ui| {
        let combo = egui::ComboBox::from_id_salt("lora")
            .selected_text(add.as_ref())
            .width(170.0)
            .truncate()
            .close_behavior(egui::PopupCloseBehavior::CloseOnClickOutside)
            .icon(widgets::chevron);
        let list = combo.show_ui(ui, |ui| list_ui(ui, desk, document, &used));
        list.response.accessible_name(add.as_ref());
    });
    for (index, one) in used.iter().enumerate() {
        lora_ui(ui, desk, document, (index, one));
    }
}

/// What is called that way in the list and in front of its slider.
fn name_of(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}

fn lora_ui(
    ui: &mut Ui,
    desk: &mut Desk<'_>,
    document: DocumentId,
    (index, used): (usize, &LoraUse),
) {
    let name = used.lora.name();
    let about = match (used.lora.name_there(), desk.editor.model()) {
        (Some(there), ModelRef::Served(model)) => there_text(desk, &model.server, there),
        _ => used.lora.path.display().to_string(),
    };
    let (weight_name, remove) = (desk.text("ui-lora-weight"), desk.text("ui-lora-remove"));
    let mut weight = used.weight.get();
    let mut is_removed = false;
    ui.push_id(("lora", index), |ui| {
        widgets::row(ui, name.as_str(), &about, |ui| {
            ui.spacing_mut().item_spacing.x = space::XS;
            ui.spacing_mut().slider_width = SLIDER;
            let slider = egui::Slider::new(&mut weight, USUAL)
                .clamping(egui::SliderClamping::Never)
                .step_by(0.05)
                .max_decimals(2);
            let slider = ui.add_sized([SLIDER + NUMBER, size::CONTROL], slider);
            let slider = slider.accessible_name(format!("{weight_name} {name}"));
            if widgets::resets(ui, &slider) {
                weight = LoraWeight::FULL.get();
            }
            let remove = format!("{remove} {name}");
            is_removed = widgets::icon_button_small(ui, icons::CLOSE, &remove, None).clicked();
        });
    });
    if is_removed {
        let identity = used.lora.identity.clone();
        desk.set(document, |settings| {
            settings.loras.retain(|used| used.lora.identity != identity);
        });
    } else if weight != used.weight.get()
        && let Ok(weight) = LoraWeight::new(weight.clamp(-LoraWeight::MOST, LoraWeight::MOST))
    {
        desk.set(document, |settings| {
            if let Some(used) = settings.loras.get_mut(index) {
                used.weight = weight;
            }
        });
    }
}

/// Widths in points.
const SLIDER: f32 = 74.0;
const NUMBER: f32 = 44.0;

/// A LoRA that can be added.
struct Offered {
    name: String,
    about: String,
    place: Place,
}

enum Place {
    File(PathBuf),
    Server(LoraRef),
}

/// Those on the server of the chosen model, or the files here.
fn offered(desk: &Desk<'_>) -> Vec<Offered> {
    if let ModelRef::Served(model) = desk.editor.model() {
        let report = desk.editor.server(&model.server);
        let report = report.and_then(|view| view.report.as_ref());
        let there = report.iter().flat_map(|report| &report.loras);
        return there
            .map(|name| Offered {
                name: stem_there(name).to_owned(),
                about: there_text(desk, &model.server, name),
                place: Place::Server(LoraRef::served(name)),
            })
            .collect();
    }
    let files = desk.editor.lora_files().iter();
    files
        .map(|path| Offered {
            name: name_of(path),
            about: path.display().to_string(),
            place: Place::File(path.clone()),
        })
        .collect()
}

fn there_text(desk: &Desk<'_>, server: &str, name: &str) -> String {
    let text = Message::new("ui-lora-there").with("server", server);
    desk.say(&text.with("name", name))
}

fn list_ui(ui: &mut Ui, desk: &mut Desk<'_>, document: DocumentId, used: &[LoraUse]) {
    let id = ui.scope_id().with("searched");
    let mut searched: String = ui.data(|data| data.get_temp(id)).unwrap_or_default();
    let offered = offered(desk);
    if offered.len() >= SEARCHED_FROM {
        let hint = desk.text("ui-model-search");
        let field = egui::TextEdit::singleline(&mut searched).hint_text(hint.as_ref());
        ui.add(field).accessible_name(hint.as_ref());
        ui.data_mut(|data| data.insert_temp(id, searched.clone()));
    }
    if let (ModelRef::Served(model), []) = (desk.editor.model(), offered.as_slice()) {
        let none = Message::new("ui-lora-none-there").with("server", model.server.clone());
        widgets::hint(ui, &desk.say(&none));
    }
    let wanted = searched.to_lowercase();
    for Offered { name, about, place } in offered {
        if !name.to_lowercase().contains(&wanted) {
            continue;
        }
        let is_used = used.iter().any(|used| match &place {
            Place::File(path) => used.lora.path == *path,
            Place::Server(lora) => used.lora == *lora,
        });
        let line = ui.add_enabled(!is_used, egui::Button::selectable(is_used, name));
        if line.on_hover_text(about).clicked() {
            add(desk, document, place);
            ui.close();
        }
    }
    if let ModelRef::Served(_) = desk.editor.model() {
        // A file of this machine is not sent.
        return;
    }
    ui.separator();
    let text = desk.text("ui-lora-file");
    if ui.button(text.as_ref()).clicked() {
        desk.state.wants.lora_file = true;
        ui.close();
    }
}

/// Adds one at its full weight.
fn add(desk: &mut Desk<'_>, document: DocumentId, place: Place) {
    match place {
        Place::File(path) => desk.send(Command::AddLora { document, path }),
        Place::Server(lora) => desk.set(document, |settings| {
            let weight = LoraWeight::FULL;
            settings.loras.push(LoraUse { lora, weight });
        }),
    }
}

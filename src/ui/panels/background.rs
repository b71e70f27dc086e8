//! What can be put behind the subject without a model, and how it is.

use eframe::egui::{self, DragValue, Ui};

use crate::backdrop::Placing;
use crate::document::DocumentId;
use crate::editor::{Behind, Command};
use crate::plan::{MaskMode, RegionBounds};
use crate::raster::MaskKind;
use crate::ui::actions::Action;
use crate::ui::background::{ACTIONS, action_of};
use crate::ui::context::Desk;
use crate::ui::theme::space;
use crate::ui::widgets;

/// What the actions are called below the title.
const SHORT: [&str; ACTIONS.len()] = [
    "ui-put-colour-short",
    "ui-put-gradient-short",
    "ui-put-blur-short",
    "ui-put-picture-short",
    "ui-put-nothing-short",
];

/// Draws the buttons, where something in front is selected or something was put behind it.
pub(super) fn background_ui(ui: &mut Ui, desk: &mut Desk<'_>, document: DocumentId) {
    let Some(open) = desk.editor.document(document) else {
        return;
    };
    let now = desk.editor.background(document).map(|(_, behind)| behind);
    let stays = open.settings().mask_mode == MaskMode::Stays;
    let is_selected = open.document().mask_kind() == MaskKind::Matte;
    let is_painted = open.region() != RegionBounds::Everything;
    if now.is_none() && !(is_painted && (stays || is_selected)) {
        return;
    }
    widgets::heading(ui, &desk.text("ui-background"))
        .on_hover_text(desk.text("ui-background-about"));
    let put = now.as_ref().map(action_of);
    widgets::chip_row(ui, |ui| {
        for (action, short) in ACTIONS.into_iter().zip(SHORT) {
            let name = desk.text(short);
            let about = desk.text(action.tooltip());
            let chip = widgets::chip(ui, &name, put == Some(action));
            if chip.on_hover_text(about).clicked() {
                desk.act(action);
            }
        }
    });
    if let Some(now) = &now {
        if !desk.state.background.is_changed && !desk.editor.is_putting_behind(document) {
            desk.state.background.follow(now);
        }
        details(ui, desk, now);
        put_again(ui, desk, document, now);
    }
    if desk.editor.is_putting_behind(document) {
        widgets::hint(ui, &desk.text("ui-background-waits"));
    }
    ui.add_space(space::XS);
}

/// How what was put is.
fn details(ui: &mut Ui, desk: &mut Desk<'_>, now: &Behind) {
    let names = [
        "ui-background-colour",
        "ui-background-upper",
        "ui-background-lower",
        "ui-background-blur",
        "ui-background-across",
        "ui-background-down",
    ]
    .map(|key| desk.text(key).into_owned());
    let [colour, upper, lower, blur, across, down] = &names;
    let harmonise = desk.text(Action::Harmonise.text());
    let about = desk.tooltip(ui.ctx(), Action::Harmonise);
    let sizes = [
        (Placing::Cover, desk.text("ui-background-cover")),
        (Placing::Fit, desk.text("ui-background-fit")),
    ];
    let mut wants_harmony = false;
    let choice = &mut desk.state.background;
    let mut changed = false;
    ui.horizontal_wrapped(|ui| {
        match now {
            Behind::Colour(_) => changed |= swatch(ui, colour, &mut choice.colour),
            Behind::Gradient(..) => {
                changed |= swatch(ui, upper, &mut choice.gradient.0);
                changed |= swatch(ui, lower, &mut choice.gradient.1);
            }
            Behind::Blur(_) => {
                let range = 0.05..=20.0;
                let field = number(&mut choice.blur_percent, range, 0.02).max_decimals(2);
                changed |= labelled(ui, blur, field);
            }
            Behind::File { .. } => {
                for (size, name) in &sizes {
                    let chip = widgets::chip(ui, name, choice.placing == *size);
                    if chip.clicked() && choice.placing != *size {
                        choice.placing = *size;
                        changed = true;
                    }
                }
                for (name, share) in [(across, &mut choice.at.0), (down, &mut choice.at.1)] {
                    let mut percent = *share * 100.0;
                    let field = number(&mut percent, 0.0..=100.0, 0.5).max_decimals(0);
                    changed |= labelled(ui, name, field);
                    *share = percent / 100.0;
                }
            }
            Behind::Nothing => {}
        }
        if *now != Behind::Nothing {
            let chip = widgets::chip(ui, &harmonise, false).on_hover_text(about);
            wants_harmony = chip.clicked();
        }
    });
    choice.is_changed |= changed;
    if wants_harmony {
        desk.act(Action::Harmonise);
    }
}

/// What was changed is put when the pointer is let go: each putting is one step to undo.
fn put_again(ui: &Ui, desk: &mut Desk<'_>, document: DocumentId, now: &Behind) {
    if desk.state.background.is_changed && !ui.input(|input| input.pointer.any_down()) {
        desk.state.background.is_changed = false;
        let behind = desk.state.background.like(now);
        if behind != *now {
            desk.send(Command::PutBehind { document, behind });
        }
    }
}

fn swatch(ui: &mut Ui, name: &str, colour: &mut [u8; 3]) -> bool {
    let button = ui.color_edit_button_srgb(colour);
    button.accessible_name(name).on_hover_text(name).changed()
}

fn number(value: &mut f64, range: std::ops::RangeInclusive<f64>, speed: f64) -> DragValue<'_> {
    DragValue::new(value).range(range).speed(speed).suffix(" %")
}

fn labelled(ui: &mut Ui, name: &str, field: DragValue<'_>) -> bool {
    let response: egui::Response = ui.add(field).accessible_name(name);
    response.on_hover_text(name).changed()
}

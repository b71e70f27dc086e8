//! The card at the foot of the canvas: what the tool in hand is like, or how the mask is refined. It lies over
//! the picture, which so stays where it is when another tool is taken.

mod refine;

use eframe::egui::{Align2, Area, DragValue, Id, Ui, vec2};

use super::overlay::card_frame;
use crate::editor::{Command, OpenDocument};
use crate::plan::RegionBounds;
use crate::select::Combination;
use crate::text::Message;
use crate::ui::actions::Action;
use crate::ui::context::Desk;
use crate::ui::icons::{self, Icon};
use crate::ui::state::{Tool, WandOptions};
use crate::ui::theme::{self, size, space};
use crate::ui::view_transform::ViewTransform;
use crate::ui::widgets;

/// Room for the bar of a result below the card, in points.
const RESULT_BAR: f32 = 56.0;

/// What can become of the mask: its icon and its text.
const COMBINATIONS: [(Combination, Icon, &str); 4] = [
    (
        Combination::Replace,
        icons::COMBINE_REPLACE,
        "ui-combine-replace",
    ),
    (Combination::Add, icons::COMBINE_ADD, "ui-combine-add"),
    (
        Combination::Subtract,
        icons::COMBINE_SUBTRACT,
        "ui-combine-subtract",
    ),
    (
        Combination::Intersect,
        icons::COMBINE_INTERSECT,
        "ui-combine-intersect",
    ),
];

/// Draws the card, where there is something to choose.
pub(super) fn draw(ui: &Ui, desk: &mut Desk<'_>, open: &OpenDocument, transform: &ViewTransform) {
    let refining = desk.editor.refining(open.id());
    let tool = desk.state.tool;
    let has_card =
        tool.draws_shapes() || matches!(tool, Tool::Wand | Tool::SmartBrush | Tool::Click);
    if refining.is_none() && !has_card {
        return;
    }
    let below = match desk.state.of(open.id()).shown_result() {
        Some(_) => RESULT_BAR,
        None => 0.0,
    };
    // What is refined is mostly in the middle, and is to be seen.
    let (foot, pivot) = match refining {
        Some(_) => (
            transform.canvas.right_bottom() - vec2(space::M, space::M),
            Align2::RIGHT_BOTTOM,
        ),
        None => (
            transform.canvas.center_bottom() - vec2(0.0, space::M + below),
            Align2::CENTER_BOTTOM,
        ),
    };
    let t = theme::tokens(ui);
    let (id, name) = match refining {
        Some(_) => ("refine card", Action::Refine.text()),
        None => ("tool options", "ui-tool-options"),
    };
    Area::new(Id::unique(id))
        .order(eframe::egui::Order::Middle)
        .fixed_pos(foot)
        .pivot(pivot)
        .constrain_to(transform.canvas)
        .accessible_name(desk.text(name))
        .show(ui.ctx(), |ui| {
            card_frame(t).show(ui, |ui| {
                ui.set_max_width(transform.canvas.width() - 2.0 * space::L);
                if let Some(refinement) = refining {
                    return refine::card(ui, desk, open.id(), refinement);
                }
                ui.horizontal_wrapped(|ui| {
                    ui.spacing_mut().item_spacing = vec2(space::XS, space::XS);
                    card(ui, desk, open);
                });
            });
        });
}

fn card(ui: &mut Ui, desk: &mut Desk<'_>, open: &OpenDocument) {
    let tool = desk.state.tool;
    if tool == Tool::Click {
        return clicks(ui, desk, open);
    }
    match tool {
        Tool::Rectangle | Tool::Ellipse => {
            sisters(ui, desk, [Action::Rectangle, Action::Ellipse]);
        }
        Tool::Lasso | Tool::Polygon => sisters(ui, desk, [Action::Lasso, Action::Polygon]),
        Tool::SmartBrush => scribbles(ui, desk),
        _ => {}
    }
    if tool != Tool::SmartBrush {
        if tool != Tool::Wand {
            ui.separator();
        }
        let now = desk.state.tools.combination(tool);
        if let Some(how) = combinations(ui, desk, now) {
            match tool {
                Tool::Wand => desk.state.tools.wand = how,
                _ => desk.state.tools.shapes = how,
            }
        }
    }
    if tool == Tool::Wand {
        ui.separator();
        let before = desk.state.tools.wand_takes;
        wand(ui, desk);
        let now = desk.state.tools.wand_takes;
        if now != before {
            // What was clicked last follows.
            desk.send(Command::UseWandAgain {
                document: open.id(),
                wand: now.wand(),
            });
        }
    }
    ui.separator();
    let is_painted = open.region() != RegionBounds::Everything;
    ui.add_enabled_ui(is_painted, |ui| {
        widgets::action_button(ui, desk, Action::Refine, None);
    });
}

/// Two tools that have one place in the column.
fn sisters(ui: &mut Ui, desk: &mut Desk<'_>, actions: [Action; 2]) {
    let second = matches!(desk.state.tool, Tool::Ellipse | Tool::Polygon);
    for (action, is_chosen) in actions.into_iter().zip([!second, second]) {
        let name = desk.text(action.text()).into_owned();
        let name = desk.say(&Message::new("ui-shape").with("name", name));
        let tooltip = desk.tooltip(ui.ctx(), action);
        let button = widgets::icon_button(ui, action.icon(), &name, is_chosen);
        if button.on_hover_text(tooltip).clicked() {
            desk.act(action);
        }
    }
}

/// What becomes of the mask; another choice, if one is made.
fn combinations(ui: &mut Ui, desk: &Desk<'_>, now: Combination) -> Option<Combination> {
    let mut chosen = None;
    for (how, icon, key) in COMBINATIONS {
        if choice(ui, desk, (icon, key), how == now) {
            chosen = Some(how);
        }
    }
    chosen
}

/// Whether scribbles say what belongs to the mask, or what does not.
fn scribbles(ui: &mut Ui, desk: &mut Desk<'_>) {
    let outside = desk.state.tools.scribbles_outside;
    for (icon, key, means_outside) in [
        (icons::SCRIBBLE_INSIDE, "ui-scribble-inside", false),
        (icons::SCRIBBLE_OUTSIDE, "ui-scribble-outside", true),
    ] {
        if choice(ui, desk, (icon, key), outside == means_outside) {
            desk.state.tools.scribbles_outside = means_outside;
        }
    }
}

/// How clicks are meant, or that the picture is being looked at.
fn clicks(ui: &mut Ui, desk: &Desk<'_>, open: &OpenDocument) {
    if desk.editor.is_clicking(open.id()) {
        ui.spinner();
        ui.label(desk.text("ui-click-looking").as_ref());
    } else {
        ui.label(desk.text("ui-click-hint").as_ref());
    }
}

/// A button that stays down, with its tooltip; true when it was pressed.
fn choice(ui: &mut Ui, desk: &Desk<'_>, (icon, key): (Icon, &str), is_chosen: bool) -> bool {
    let name = desk.text(key);
    let tooltip = format!("{name}\n{}", desk.text(&format!("{key}-tip")));
    let button = widgets::icon_button(ui, icon, &name, is_chosen);
    button.on_hover_text(tooltip).clicked()
}

/// What the wand takes.
fn wand(ui: &mut Ui, desk: &mut Desk<'_>) {
    let (name, tooltip) = (desk.text("ui-tolerance"), desk.text("ui-tolerance-tip"));
    ui.label(name.as_ref()).on_hover_text(tooltip.as_ref());
    let takes = &mut desk.state.tools.wand_takes;
    let field = DragValue::new(&mut takes.tolerance)
        .range(0.0..=100.0)
        .speed(0.25)
        .max_decimals(1);
    let field = ui.add_sized([56.0, size::CONTROL], field);
    let field = field
        .accessible_name(name.as_ref())
        .on_hover_text(tooltip.as_ref());
    takes.tolerance += widgets::wheel_notches(ui, &field) as f32;
    takes.tolerance = takes.tolerance.clamp(0.0, 100.0);
    if widgets::resets(ui, &field) {
        takes.tolerance = WandOptions::TOLERANCE;
    }
    let texts = ["ui-contiguous", "ui-smooth-edge"].map(|key| {
        let tooltip = desk.text(&format!("{key}-tip"));
        (desk.text(key), tooltip)
    });
    let takes = &mut desk.state.tools.wand_takes;
    let switches = [&mut takes.is_contiguous, &mut takes.is_smooth];
    for ((name, tooltip), is_on) in texts.into_iter().zip(switches) {
        let chip = widgets::chip(ui, &name, *is_on);
        if chip.on_hover_text(tooltip).clicked() {
            *is_on = !*is_on;
        }
    }
}

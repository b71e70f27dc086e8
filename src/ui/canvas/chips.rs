//! The chips in the corner of the canvas: what being painted means, what is not seen but still counts,
//! and how little of a large picture the model is shown.

use eframe::egui::{
    self, Area, Color32, CornerRadius, Id, Rect, RichText, Stroke, Ui, UiBuilder, vec2,
};

use super::Shows;
use crate::editor::{Command, OpenDocument, RerunOf};
use crate::geometry::Rect as PixelRect;
use crate::plan::{AreaMode, EditSettings, Layout, MaskMode, RegionBounds, layout};
use crate::text::{Explain as _, Message};
use crate::ui::actions::Action;
use crate::ui::context::Desk;
use crate::ui::run_texts::forecast_tip;
use crate::ui::theme::{self, space, text_size};
use crate::ui::view_transform::ViewTransform;
use crate::ui::{icons, widgets};

/// Below this scale what the model draws is so coarse that it is said.
const COARSE_SCALE: f64 = 0.25;
/// The same for a whole picture, as a share of its pixels …
const COARSE_SHARE: f64 = 1.0 / 12.0;
/// … that has more than that many.
const LARGE_PX: u64 = 1 << 20;
/// Width of what says more of it, in points.
const ABOUT_WIDTH: f32 = 300.0;

/// Height of a row of chips with what lies between rows, in points.
const ROW_HEIGHT: f32 = 32.0;
/// A canvas that is narrower, in points, may need a second row.
const TWO_ROWS_BELOW: f32 = 640.0;
/// The least space between a picture that is seen whole and the canvas's edge, in points.
const MARGIN: f32 = 24.0;

/// The part of the canvas for a picture that is seen whole: chips cover none of it. It does not follow
/// the chips that are there just now, else the picture would move while one begins to paint.
pub(super) fn free_of_them(canvas: Rect) -> Rect {
    let rows = if canvas.width() < TWO_ROWS_BELOW {
        2.0
    } else {
        1.0
    };
    let mut free = canvas.shrink(MARGIN);
    free.min.y = free.min.y.max(canvas.top() + space::M + rows * ROW_HEIGHT);
    free
}

/// Draws the chips.
pub(super) fn draw(
    ui: &Ui,
    desk: &mut Desk<'_>,
    open: &OpenDocument,
    transform: &ViewTransform,
    shows: &Shows<'_>,
) {
    let inner = transform.canvas.shrink(space::M);
    let drawn = Area::new(Id::unique("canvas chips"))
        .order(egui::Order::Middle)
        .fixed_pos(inner.min)
        .constrain_to(transform.canvas)
        .accessible_name(desk.text("ui-chips-name"))
        .show(ui.ctx(), |ui| {
            // As wide as it may be; the area itself remembers how wide it was.
            let most = Rect::from_min_size(inner.min, vec2(inner.width(), 0.0));
            let row = UiBuilder::new().max_rect(most);
            ui.scope_builder(row, |ui| {
                ui.spacing_mut().item_spacing = vec2(space::S, space::XS);
                ui.horizontal_wrapped(|ui| chips(ui, desk, open, shows));
            });
        });
    desk.state.chips = drawn.response.rect;
}

fn chips(ui: &mut Ui, desk: &mut Desk<'_>, open: &OpenDocument, shows: &Shows<'_>) {
    let t = theme::tokens(ui);
    let region = open.region();
    let mode = open.settings().mask_mode;
    let (colour, key) = match (region, mode) {
        (RegionBounds::Everything, _) => (t.muted, "ui-chip-nothing-painted"),
        (_, MaskMode::Changes) => (desk.tint(t).changes, "ui-chip-changes"),
        (_, MaskMode::Stays) => (desk.tint(t).stays, "ui-chip-stays"),
    };
    let tooltip = desk.tooltip(ui.ctx(), Action::SwapMode);
    if pill(ui, Some(colour), &desk.text(key))
        .on_hover_text(tooltip)
        .clicked()
    {
        desk.act(Action::SwapMode);
    }
    let painted = region != RegionBounds::Everything;
    select_ui(ui, desk, open, painted);
    if painted && !shows.tint && !desk.state.is_mask_shown(open) {
        let tooltip = desk.tooltip(ui.ctx(), Action::ToggleMask);
        if pill(ui, Some(t.warn), &desk.text("ui-chip-hidden"))
            .on_hover_text(tooltip)
            .clicked()
        {
            desk.act(Action::ToggleMask);
        }
    }
    redoing_ui(ui, desk, open);
    later_passes_ui(ui, desk, open);
    finish_ui(ui, desk, open);
    if let Some(erasure) = desk.editor.erasures().first() {
        let percent = (erasure.share.unwrap_or(0.0) * 100.0).round();
        let said = desk.say(&Message::new("ui-erasing").with("percent", f64::from(percent)));
        let stop = desk.text("ui-erasing-cancel");
        if pill(ui, Some(t.bad), &said).on_hover_text(stop).clicked() {
            desk.send(Command::CancelErasing);
        }
    }
    if desk.state.before_held {
        pill(ui, None, &desk.text("ui-chip-before"));
    }
    // What the model will see is of no interest while one looks at what it has made.
    if shows.result.is_none()
        && let Some(Ok(layout)) = desk.editor.layout(open.id())
        && is_coarse(&layout, open)
    {
        coarse_ui(ui, desk, open, &layout);
    }
}

/// Says that the next run makes a layer anew; pressed, it makes a new one again.
fn redoing_ui(ui: &mut Ui, desk: &mut Desk<'_>, open: &OpenDocument) {
    let Some(layer) = open.redoing() else {
        return;
    };
    let t = theme::tokens(ui);
    let about = Message::new("ui-chip-redoing").with("name", layer.name.clone());
    let document = open.id();
    let mut tip = desk.text("ui-chip-redoing-tip").into_owned();
    if let Some(rerun) = desk.editor.rerun(RerunOf::Layer(document, layer.id)) {
        let mut found: Vec<String> = rerun
            .differences
            .iter()
            .map(|difference| desk.say(&difference.message()))
            .collect();
        if found.is_empty() {
            found.push(desk.text("ui-chip-redoing-same").into_owned());
        }
        tip = format!("{tip}\n\n{}", found.join("\n"));
    }
    let pill = pill(ui, Some(t.accent), &desk.say(&about));
    if pill.on_hover_text(tip).clicked() {
        desk.send(Command::StopRedoing { document });
    }
}

/// Says that a run has more than one pass, and what it takes.
fn later_passes_ui(ui: &mut Ui, desk: &Desk<'_>, open: &OpenDocument) {
    let forecast = desk.editor.forecast(open.id());
    let Some(forecast) = forecast.filter(|forecast| forecast.passes > 1) else {
        return;
    };
    let text = desk.say(&forecast.message());
    let pill = pill(ui, None, &text);
    pill.on_hover_text(forecast_tip(desk));
}

/// Offers to draw a result that was made quickly in full.
fn finish_ui(ui: &mut Ui, desk: &mut Desk<'_>, open: &OpenDocument) {
    let Some(candidate) = desk.editor.finishable(open.id()) else {
        return;
    };
    let t = theme::tokens(ui);
    let name = desk.text("ui-finish");
    let pill = pill(ui, Some(t.good), &name).on_hover_ui(|ui| {
        ui.label(desk.text("ui-finish-tip"));
        // Looked up only while it is shown: it reads the whole mask.
        if let Some(forecast) = desk.editor.finishing_forecast(candidate) {
            ui.label(desk.say(&forecast.message()));
        }
    });
    if pill.clicked() {
        desk.send(Command::FinishInFull(candidate));
    }
}

/// What is being selected; where nothing is painted, the first thing to do.
fn select_ui(ui: &mut Ui, desk: &mut Desk<'_>, open: &OpenDocument, painted: bool) {
    if desk.editor.selecting(open.id()).is_some() {
        let document = open.id();
        if pill(ui, None, &desk.text("ui-selecting")).clicked() {
            desk.send(Command::CancelSelect { document });
        }
    } else if !painted {
        let tooltip = desk.tooltip(ui.ctx(), Action::SelectSubject);
        if pill(ui, None, &desk.text(Action::SelectSubject.text()))
            .on_hover_text(tooltip)
            .clicked()
        {
            desk.act(Action::SelectSubject);
        }
    }
}

/// True where the model is shown so little that its result will lack detail.
fn is_coarse(layout: &Layout, open: &OpenDocument) -> bool {
    let extent = open.document().extent();
    let whole = layout.crop == PixelRect::of(extent);
    let share = layout.scale * layout.scale;
    layout.scale < COARSE_SCALE
        || whole && share <= COARSE_SHARE && u64::from(extent.area() as u32) > LARGE_PX
}

/// The same run with nothing but the painted area shown to the model, where that shows it more.
fn closer(desk: &Desk<'_>, open: &OpenDocument, now: &Layout) -> Option<Layout> {
    if now.region.is_none() || open.settings().area == AreaMode::Masked {
        return None;
    }
    let traits = &desk.editor.model_card()?.traits;
    let settings = EditSettings {
        area: AreaMode::Masked,
        ..open.settings().clone()
    };
    let closer = layout(open.document().extent(), open.region(), &settings, traits).ok()?;
    (closer.scale > now.scale * 1.1).then_some(closer)
}

/// Says what the model sees, and offers ways out.
fn coarse_ui(ui: &mut Ui, desk: &mut Desk<'_>, open: &OpenDocument, layout: &Layout) {
    let count = (1.0 / (layout.scale * layout.scale)).round();
    let sees = |key: &'static str, layout: &Layout| {
        Message::new(key)
            .with("work", layout.work.to_string())
            .with("crop", layout.crop.extent().to_string())
    };
    let text = if layout.scale < COARSE_SCALE {
        desk.say(&sees("ui-coarse", layout))
    } else {
        desk.say(&Message::new("ui-coarse-share").with("count", count))
    };
    let t = theme::tokens(ui);
    let pill = pill(ui, Some(t.warn), &text);
    let document = open.id();
    egui::Popup::menu(&pill)
        .accessible_name(text.as_str())
        .close_behavior(egui::PopupCloseBehavior::CloseOnClickOutside)
        .width(ABOUT_WIDTH)
        .show(|ui| {
            ui.set_width(ABOUT_WIDTH);
            let about = Message::new("ui-coarse-about").with("count", count);
            ui.add(egui::Label::new(desk.say(&about)).wrap());
            ui.add_space(space::XS);
            if let Some(closer) = closer(desk, open, layout) {
                let work_on_it = desk.text("ui-coarse-closer");
                let button = widgets::quiet_button(ui, icons::WORK_AREA, &work_on_it);
                if button.clicked() {
                    desk.set(document, |settings| settings.area = AreaMode::Masked);
                    ui.close();
                }
                widgets::hint(ui, &desk.say(&sees("ui-coarse-then", &closer)));
            } else if layout.region.is_none() {
                widgets::hint(ui, &desk.text("ui-coarse-paint"));
            } else {
                widgets::hint(ui, &desk.text("ui-coarse-smaller"));
            }
            let model = desk.text("ui-coarse-model");
            if widgets::quiet_button(ui, icons::GENERATE, &model).clicked() {
                desk.state.shown.more = true;
                desk.state.wants.model = true;
                ui.close();
            }
        });
    pill.on_hover_text(desk.text("ui-coarse-tip"));
}

/// A rounded button with a dot of a colour.
fn pill(ui: &mut Ui, dot: Option<Color32>, text: &str) -> egui::Response {
    let t = theme::tokens(ui);
    let words = RichText::new(text)
        .family(theme::semibold())
        .size(text_size::BODY - 0.5)
        .color(t.text);
    let button = |content: egui::Atoms<'static>| {
        egui::Button::new(content)
            .fill(t.panel)
            .stroke(Stroke::new(
                if dot.is_some() { 1.5 } else { 1.0 },
                dot.unwrap_or(t.line),
            ))
            .corner_radius(CornerRadius::same(14))
            .wrap_mode(egui::TextWrapMode::Extend)
            .min_size(vec2(0.0, 28.0))
    };
    let response = match dot {
        // The space in front is where the dot is painted.
        Some(_) => ui.add(button(egui::Atoms::new((RichText::new("    "), words)))),
        None => ui.add(button(egui::Atoms::new(words))),
    };
    if let Some(colour) = dot {
        ui.painter()
            .circle_filled(response.rect.left_center() + vec2(16.0, 0.0), 5.0, colour);
    }
    widgets::focus_ring(ui, &response, 14);
    response.accessible_name(text)
}

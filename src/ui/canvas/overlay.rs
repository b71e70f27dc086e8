//! What is written over the picture: what being painted means, what is hidden, where the model will
//! look, the line between before and after, and the bar of the result shown.

use eframe::egui::{
    self, Align2, Area, Color32, CornerRadius, CursorIcon, FontId, Frame, Id, Margin, Mesh, Pos2,
    Rangef, Rect, RichText, Sense, Shape, Stroke, StrokeKind, Ui, pos2, vec2,
};

use super::Shows;
use super::chips;
use crate::editor::{Candidate, OpenDocument};
use crate::geometry::Rect as PixelRect;
use crate::plan::Layout;
use crate::text::Message;
use crate::ui::actions::Action;
use crate::ui::context::Desk;
use crate::ui::state::Drag;
use crate::ui::theme::{self, Tokens, size, space, text_size};
use crate::ui::view_transform::ViewTransform;
use crate::ui::{icons, results, widgets};

/// Draws all of it.
pub(super) fn draw(
    ui: &Ui,
    desk: &mut Desk<'_>,
    open: &OpenDocument,
    transform: &ViewTransform,
    shows: &Shows<'_>,
) {
    if desk.state.shown.area {
        draw_area(ui, desk, open, transform);
    }
    if desk.state.split.is_some() {
        draw_split(ui, desk, transform);
    }
    chips::draw(ui, desk, open, transform, shows);
    if let Some(result) = shows.result {
        result_bar(ui, desk, transform, result);
    }
}

/// Below the chips in the corner, in points from the top of the canvas.
fn below_chips(desk: &Desk<'_>, canvas: Rect) -> f32 {
    (desk.state.chips.bottom() - canvas.top() + space::S).clamp(0.0, 120.0)
}

/// Crop box, feather band and work size of the next run.
fn draw_area(ui: &Ui, desk: &mut Desk<'_>, open: &OpenDocument, transform: &ViewTransform) {
    let Some(Ok(layout)) = desk.editor.layout(open.id()) else {
        return;
    };
    let painter = ui.painter().with_clip_rect(transform.canvas);
    let crop = transform.view_rect(layout.crop);
    let shade = Stroke::new(2.5, Color32::from_black_alpha(110));
    painter.rect_stroke(crop, CornerRadius::ZERO, shade, StrokeKind::Middle);
    painter.add(dashes(crop, transform));
    draw_band(ui, desk, open, transform, &layout);
    let text = desk.say(
        &Message::new("ui-area-label")
            .with("work", layout.work.to_string())
            .with("scale", format!("{:.2}", layout.scale)),
    );
    // Not at the bottom, where the bar of a result is.
    let top = crop.intersect(transform.canvas).left_top();
    let chips = below_chips(desk, transform.canvas);
    let below_chips = (transform.canvas.top() + chips - top.y).max(6.0);
    let at = top + vec2(6.0, below_chips + 20.0);
    label_on_picture(ui, (at, Align2::LEFT_BOTTOM), &text);
}

/// The seen part of a dashed frame, as one shape: single dashes would take longer to draw than
/// everything else that lies over the picture.
fn dashes(frame: Rect, transform: &ViewTransform) -> Shape {
    const DASH: f32 = 8.0;
    const PERIOD: f32 = 13.6;
    let pixels_per_point = transform.pixels_per_point;
    let on_pixel = |points: f32| (points * pixels_per_point).round() / pixels_per_point;
    let width = on_pixel(1.25).max(1.0 / pixels_per_point);
    let mut mesh = Mesh::default();
    let mut side = |whole: Rangef, seen: Rangef, dash: &dyn Fn(f32, f32) -> Rect| {
        let skipped = ((seen.min - whole.min) / PERIOD).floor().max(0.0);
        let mut from = whole.min + skipped * PERIOD;
        while from < whole.max.min(seen.max) {
            let to = (from + DASH).min(whole.max);
            mesh.add_colored_rect(dash(from, to), Color32::WHITE);
            from += PERIOD;
        }
    };
    let canvas = transform.canvas;
    for y in [frame.top(), frame.bottom()] {
        let y = on_pixel(y - width / 2.0);
        side(frame.x_range(), canvas.x_range(), &|from, to| {
            Rect::from_min_max(pos2(from, y), pos2(to, y + width))
        });
    }
    for x in [frame.left(), frame.right()] {
        let x = on_pixel(x - width / 2.0);
        side(frame.y_range(), canvas.y_range(), &|from, to| {
            Rect::from_min_max(pos2(x, from), pos2(x + width, to))
        });
    }
    Shape::mesh(mesh)
}

/// Where the feather band ends, and where the part that changes fully does.
fn draw_band(
    ui: &Ui,
    desk: &mut Desk<'_>,
    open: &OpenDocument,
    transform: &ViewTransform,
    layout: &Layout,
) {
    let picture = transform.view_rect(PixelRect::of(open.document().extent()));
    let painter = ui
        .painter()
        .with_clip_rect(picture.intersect(transform.canvas));
    let painting = desk.state.drag.is_painting();
    let now = ui.ctx().time();
    let outline = desk.state.band.outline(open, layout, now, painting);
    let in_view: [Vec<Vec<Pos2>>; 2] = [&outline.touched, &outline.region].map(|lines| {
        let placed = lines.iter().map(|line| {
            let points = line.iter().map(|point| transform.view_from_image(*point));
            points.collect()
        });
        placed.collect()
    });
    let [touched, region] = in_view;
    let lines = |lines: &[Vec<Pos2>], stroke: Stroke| {
        painter.extend(lines.iter().map(|line| Shape::line(line.clone(), stroke)));
    };
    lines(&touched, Stroke::new(3.0, Color32::from_black_alpha(110)));
    lines(&touched, Stroke::new(1.5, theme::BAND));
    lines(&region, Stroke::new(1.0, theme::faded(Color32::WHITE, 0.7)));
}

/// Small words that can be read on any picture.
fn label_on_picture(ui: &Ui, (at, pivot): (Pos2, Align2), text: &str) {
    let font = FontId::proportional(text_size::SMALL);
    let galley = ui
        .painter()
        .layout_no_wrap(text.to_owned(), font, Color32::WHITE);
    let rect = pivot.anchor_size(at, galley.size() + vec2(12.0, 6.0));
    ui.painter()
        .rect_filled(rect, CornerRadius::same(4), Color32::from_black_alpha(170));
    ui.painter()
        .galley(rect.min + vec2(6.0, 3.0), galley, Color32::WHITE);
}

/// The line between before and after.
fn draw_split(ui: &Ui, desk: &mut Desk<'_>, transform: &ViewTransform) {
    let Some(share) = desk.state.split else {
        return;
    };
    let canvas = transform.canvas;
    let (before, after) = (desk.text("ui-before"), desk.text("ui-after"));
    // Below the chips, and not at the bottom, where the bar of a result is.
    let top = canvas.top() + below_chips(desk, canvas);
    let share = split_line(ui, desk, (canvas, share), (&before, &after), top);
    desk.state.split = Some(share);
}

/// A line to drag between what lies at its left and at its right, with a handle; where it stands
/// afterwards, as a share of the width. `top` is where the names stand.
pub(super) fn split_line(
    ui: &Ui,
    desk: &mut Desk<'_>,
    (canvas, mut share): (Rect, f32),
    (before, after): (&str, &str),
    top: f32,
) -> f32 {
    let x = canvas.left() + canvas.width() * share;
    let grip = Rect::from_center_size(pos2(x, canvas.center().y), vec2(18.0, canvas.height()));
    let response = ui
        .interact(grip, Id::unique("split line"), Sense::drag())
        .on_hover_cursor(CursorIcon::ResizeHorizontal);
    let name = desk.text("ui-split-handle");
    response.widget_info(|| egui::WidgetInfo::slider(true, f64::from(share), name.as_ref()));
    if response.dragged()
        && let Some(pointer) = response.interact_pointer_pos()
    {
        desk.state.drag = Drag::Split;
        share = ((pointer.x - canvas.left()) / canvas.width().max(1.0)).clamp(0.02, 0.98);
    } else if response.drag_stopped() {
        desk.state.drag = Drag::Idle;
    }
    let painter = ui.painter().with_clip_rect(canvas);
    for (width, colour) in [(3.0, Color32::from_black_alpha(140)), (1.5, Color32::WHITE)] {
        painter.vline(x, canvas.y_range(), Stroke::new(width, colour));
    }
    let middle = pos2(x, canvas.center().y);
    painter.circle(
        middle,
        13.0,
        Color32::WHITE,
        Stroke::new(1.0, Color32::from_black_alpha(140)),
    );
    let font = FontId::new(14.0, theme::icon_family());
    painter.text(
        middle,
        Align2::CENTER_CENTER,
        icons::SWAP.0,
        font,
        Color32::from_black_alpha(220),
    );
    label_on_picture(ui, (pos2(x - space::S, top), Align2::RIGHT_TOP), before);
    label_on_picture(ui, (pos2(x + space::S, top), Align2::LEFT_TOP), after);
    share
}

/// Width of “3 of 12” in the bar of a result, in points.
const COUNT_WIDTH: f32 = 76.0;

/// What can be done with the result shown.
fn result_bar(ui: &Ui, desk: &mut Desk<'_>, transform: &ViewTransform, result: &Candidate) {
    let t = theme::tokens(ui);
    let (number, all) = results::number_of(desk, result);
    let count = desk.say(
        &Message::new("ui-result-number")
            .with("number", number)
            .with("of", all),
    );
    let bottom = transform.canvas.center_bottom() - vec2(0.0, space::M);
    Area::new(Id::unique("result bar"))
        .order(egui::Order::Middle)
        .fixed_pos(bottom)
        .pivot(Align2::CENTER_BOTTOM)
        .constrain_to(transform.canvas)
        .accessible_name(desk.text("ui-result-bar"))
        .show(ui.ctx(), |ui| {
            card_frame(t).show(ui, |ui| {
                ui.horizontal(|ui| {
                    ui.spacing_mut().item_spacing.x = space::XS;
                    // Always all of them, so that each has its place whatever there is to go through.
                    let step = |ui: &mut Ui, desk: &mut Desk<'_>, action| {
                        ui.add_enabled_ui(all > 1, |ui| {
                            widgets::action_button(ui, desk, action, None);
                        });
                    };
                    step(ui, desk, Action::PreviousResult);
                    let count = RichText::new(count).size(text_size::SMALL).color(t.muted);
                    let place = vec2(COUNT_WIDTH, size::ICON_BUTTON);
                    ui.add_sized(
                        place,
                        egui::Label::new(count).wrap_mode(egui::TextWrapMode::Extend),
                    );
                    step(ui, desk, Action::NextResult);
                    if transform.canvas.width() >= SEED_FROM {
                        seed(ui, desk, result);
                    }
                    ui.add_space(space::XS);
                    more(ui, desk, result);
                    widgets::action_button(ui, desk, Action::Discard, None);
                    accept(ui, desk, result);
                });
            });
        });
}

/// A canvas that is narrower, in points, has no room for the seed.
const SEED_FROM: f32 = 520.0;

/// The seed; pressed, it is copied.
fn seed(ui: &mut Ui, desk: &Desk<'_>, result: &Candidate) {
    let seed = result.settings.seed.0.to_string();
    let text = desk.say(&Message::new("ui-result-seed").with("seed", seed.as_str()));
    let words = RichText::new(text.as_str()).size(text_size::SMALL);
    let button = egui::Button::new(words.color(theme::tokens(ui).muted)).frame_when_inactive(false);
    let button = ui.add(button).accessible_name(text);
    let tooltip = desk.text(Action::CopySeed.tooltip());
    if button.on_hover_text(tooltip).clicked() {
        ui.ctx().copy_text(seed);
    }
}

/// Everything that can be done with the result.
fn more(ui: &mut Ui, desk: &mut Desk<'_>, result: &Candidate) {
    let name = desk.text("ui-result-menu");
    let button = widgets::icon_button(ui, icons::MORE, &name, None).on_hover_text(name.as_ref());
    egui::Popup::menu(&button)
        .accessible_name(name)
        .width(260.0)
        .show(|ui| results::menu(ui, desk, result));
}

/// Makes the result a layer; says so where it is one.
fn accept(ui: &mut Ui, desk: &mut Desk<'_>, result: &Candidate) {
    let key = if desk.editor.is_layer(result) {
        "ui-accepted"
    } else if result.redoes.is_some() {
        "ui-accept-replaces"
    } else {
        Action::Accept.text()
    };
    let (text, tooltip) = (desk.text(key), desk.tooltip(ui.ctx(), Action::Accept));
    let possible = !desk.editor.is_layer(result);
    let accept = ui
        .add_enabled_ui(possible, |ui| {
            widgets::primary_button(ui, Action::Accept.icon(), &text, 136.0, 32.0)
        })
        .inner;
    if accept.on_hover_text(tooltip).clicked() {
        desk.act(Action::Accept);
    }
}

/// What stands on the picture and can be pressed.
pub(super) fn card_frame(t: &Tokens) -> Frame {
    Frame::NONE
        .fill(t.panel)
        .stroke(Stroke::new(1.0, t.line))
        .corner_radius(CornerRadius::same(theme::RADIUS_CARD))
        .inner_margin(Margin::symmetric(8, 6))
        .shadow(egui::Shadow {
            offset: [0, 4],
            blur: 16,
            spread: 0,
            color: Color32::from_black_alpha(70),
        })
}

/// A frame around what has the focus of a sheet.
pub(super) fn outline(painter: &egui::Painter, rect: Rect, colour: Color32) {
    painter.rect_stroke(
        rect,
        CornerRadius::same(4),
        Stroke::new(2.0, colour),
        StrokeKind::Inside,
    );
}

//! Buttons: with an icon, with words, chips.

use eframe::egui::{
    self, Align2, Color32, CornerRadius, FontId, Response, RichText, Role, Sense, Stroke,
    StrokeKind, Ui, Vec2, WidgetInfo, vec2,
};

use crate::ui::actions::Action;
use crate::ui::context::{Desk, action_keys};
use crate::ui::icons::{self, Icon};
use crate::ui::theme::{self, RADIUS, size, space, text_size};

/// A square button with an icon. `name` is what it is called for those who do not see it;
/// `selected` is for buttons that stay down, `None` for all others.
pub(crate) fn icon_button(
    ui: &mut Ui,
    icon: Icon,
    name: &str,
    selected: impl Into<Option<bool>>,
) -> Response {
    icon_button_sized(ui, icon, name, selected.into(), size::ICON_BUTTON)
}

/// The same as tall as a field.
pub(crate) fn icon_button_small(
    ui: &mut Ui,
    icon: Icon,
    name: &str,
    selected: impl Into<Option<bool>>,
) -> Response {
    icon_button_sized(ui, icon, name, selected.into(), size::CONTROL)
}

fn icon_button_sized(
    ui: &mut Ui,
    icon: Icon,
    name: &str,
    stays_down: Option<bool>,
    side: f32,
) -> Response {
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(side), Sense::click());
    let enabled = ui.is_enabled();
    response.widget_info(|| match stays_down {
        Some(selected) => WidgetInfo::selected(Role::Button, enabled, selected, name),
        None => WidgetInfo::labeled(Role::Button, enabled, name),
    });
    let selected = stays_down == Some(true);
    if ui.is_rect_visible(rect) {
        let t = theme::tokens(ui);
        let down = response.is_pointer_button_down_on();
        let fill = match (selected, down, response.hovered()) {
            (true, _, _) => t.selected,
            (false, true, _) => t.pressed,
            (false, false, true) => t.hover,
            (false, false, false) => Color32::TRANSPARENT,
        };
        let ink = match (enabled, selected) {
            (false, _) => t.disabled,
            (true, true) => t.accent,
            (true, false) => t.text,
        };
        let outline = if response.has_focus() {
            Stroke::new(1.5, t.accent)
        } else {
            Stroke::NONE
        };
        let corners = CornerRadius::same(RADIUS);
        ui.painter()
            .rect(rect, corners, fill, outline, StrokeKind::Inside);
        let font = FontId::new(text_size::ICON, theme::icon_family());
        ui.painter()
            .text(rect.center(), Align2::CENTER_CENTER, icon.0, font, ink);
    }
    response
}

/// The icon button of an action, with its tooltip; pressing it does the action.
pub(crate) fn action_button(
    ui: &mut Ui,
    desk: &mut Desk<'_>,
    action: Action,
    selected: impl Into<Option<bool>>,
) -> Response {
    let name = desk.text(action.text());
    let tooltip = desk.tooltip(ui.ctx(), action);
    let response = icon_button(ui, action.icon(), &name, selected)
        .on_hover_text(tooltip.clone())
        .on_disabled_hover_text(tooltip);
    if response.clicked() {
        desk.act(action);
    }
    response
}

/// The same as tall as a field.
pub(crate) fn action_button_small(ui: &mut Ui, desk: &mut Desk<'_>, action: Action) {
    let name = desk.text(action.text());
    let tooltip = desk.tooltip(ui.ctx(), action);
    let button = icon_button_small(ui, action.icon(), &name, None);
    if button.on_hover_text(tooltip).clicked() {
        desk.act(action);
    }
}

/// An action as a line of a menu: icon, text, keys.
pub(crate) fn menu_item(ui: &mut Ui, desk: &mut Desk<'_>, action: Action) {
    let text = desk.text(action.text());
    let keys = action_keys(ui.ctx(), action).unwrap_or_default();
    let tooltip = desk.text(action.tooltip());
    let response = menu_line(ui, action.icon(), &text, &keys).on_hover_text(tooltip.as_ref());
    if response.clicked() {
        desk.act(action);
        ui.close();
    }
}

/// Makes the lines of a menu as low as they must be for so many of them to stand in the window.
pub(crate) fn fit_menu(ui: &mut Ui, lines: usize) {
    let room = (ui.ctx().content_rect().height() - 2.0 * space::M) / lines.max(1) as f32;
    let text = ui.text_style_height(&egui::TextStyle::Button);
    let spacing = ui.spacing_mut();
    let usual = spacing.interact_size.y + spacing.item_spacing.y;
    if room < usual {
        spacing.item_spacing.y = (room - text).clamp(0.0, 2.0);
        spacing.interact_size.y = (room - spacing.item_spacing.y).max(text);
        spacing.button_padding.y = 0.0;
    }
}

/// A line of a menu: icon, text, keys.
pub(crate) fn menu_line(ui: &mut Ui, icon: Icon, text: &str, keys: &str) -> Response {
    let t = theme::tokens(ui);
    let ink = if ui.is_enabled() { t.muted } else { t.disabled };
    let icon = RichText::new(icon.0)
        .family(theme::icon_family())
        .size(text_size::ICON_SMALL)
        .color(ink);
    let button = egui::Button::new((icon, text))
        .frame_when_inactive(false)
        .shortcut_text(RichText::new(keys).color(t.muted));
    ui.add(button).accessible_name(text)
}

/// What says that a list opens: the icon of the set in place of egui's filled triangle.
pub(crate) fn chevron(
    ui: &Ui,
    rect: egui::Rect,
    visuals: &egui::style::WidgetVisuals,
    _is_open: bool,
) {
    let font = FontId::new(text_size::ICON_SMALL, theme::icon_family());
    let ink = visuals.fg_stroke.color;
    ui.painter().text(
        rect.center(),
        Align2::CENTER_CENTER,
        icons::EXPANDED.0,
        font,
        ink,
    );
}

/// The one loud button of a panel.
pub(crate) fn primary_button(
    ui: &mut Ui,
    icon: Icon,
    text: &str,
    width: f32,
    height: f32,
) -> Response {
    let (rect, response) = ui.allocate_exact_size(vec2(width, height), Sense::click());
    let enabled = ui.is_enabled();
    response.widget_info(|| WidgetInfo::labeled(Role::Button, enabled, text));
    let t = theme::tokens(ui);
    let (fill, ink) = match (enabled, response.hovered()) {
        (false, _) => (t.hover, t.disabled),
        (true, true) => (t.accent_hover, t.on_accent),
        (true, false) => (t.accent, t.on_accent),
    };
    let outline = if response.has_focus() {
        Stroke::new(2.0, t.text)
    } else {
        Stroke::NONE
    };
    let painter = ui.painter();
    painter.rect(
        rect,
        CornerRadius::same(RADIUS),
        fill,
        outline,
        StrokeKind::Inside,
    );
    let font = FontId::new(text_size::BODY + 1.0, theme::semibold());
    let icon_font = FontId::new(text_size::ICON, theme::icon_family());
    let words = painter.layout_no_wrap(text.to_owned(), font, ink);
    let sign = painter.layout_no_wrap(icon.0.to_string(), icon_font, ink);
    let gap = space::S;
    let mut at = rect.center().x - (words.size().x + sign.size().x + gap) / 2.0;
    for galley in [sign, words] {
        let y = rect.center().y - galley.size().y / 2.0;
        let width = galley.size().x;
        painter.galley(egui::pos2(at, y), galley, ink);
        at += width + gap;
    }
    response
}

/// A button with an icon and words, as loud as any.
pub(crate) fn quiet_button(ui: &mut Ui, icon: Icon, text: &str) -> Response {
    let t = theme::tokens(ui);
    let ink = if ui.is_enabled() { t.text } else { t.disabled };
    let sign = RichText::new(icon.0)
        .family(theme::icon_family())
        .size(text_size::ICON_SMALL)
        .color(ink);
    ui.add(egui::Button::new((sign, text)).min_size(vec2(0.0, size::CONTROL)))
        .accessible_name(text)
}

/// Words that do something when pressed.
pub(crate) fn link_button(ui: &mut Ui, text: &str) -> Response {
    let t = theme::tokens(ui);
    ui.add(egui::Button::new(RichText::new(text).color(t.accent)).frame_when_inactive(false))
}

/// A small rounded word that can be on or off.
pub(crate) fn chip(ui: &mut Ui, text: &str, selected: bool) -> Response {
    let t = theme::tokens(ui);
    let (fill, ink, line) = if selected {
        (t.selected, t.text, t.accent)
    } else {
        (t.raised, t.text, t.line)
    };
    let response = ui.add(
        egui::Button::new(RichText::new(text).size(text_size::SMALL + 0.5).color(ink))
            .fill(fill)
            .stroke(Stroke::new(1.0, line))
            .corner_radius(CornerRadius::same(CHIP_RADIUS))
            .wrap_mode(egui::TextWrapMode::Extend)
            .selected(selected),
    );
    focus_ring(ui, &response, CHIP_RADIUS);
    response
}

/// Corners of chips.
const CHIP_RADIUS: u8 = 11;

/// A line around what has the focus, for buttons whose own outline says something else.
pub(crate) fn focus_ring(ui: &Ui, response: &Response, radius: u8) {
    if response.has_focus() {
        let stroke = Stroke::new(2.0, theme::tokens(ui).text);
        let corners = CornerRadius::same(radius);
        ui.painter()
            .rect_stroke(response.rect, corners, stroke, StrokeKind::Inside);
    }
}

/// Chips side by side, in as many lines as they need.
pub(crate) fn chip_row<R>(ui: &mut Ui, chips: impl FnOnce(&mut Ui) -> R) -> R {
    ui.scope(|ui| {
        // Before the row begins, which is as tall as a control is then.
        ui.spacing_mut().item_spacing = Vec2::splat(space::XS + 2.0);
        ui.spacing_mut().button_padding = vec2(8.0, 2.0);
        ui.spacing_mut().interact_size.y = 22.0;
        ui.horizontal_wrapped(chips).inner
    })
    .inner
}

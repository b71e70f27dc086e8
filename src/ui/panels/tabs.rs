//! The tabs of the open pictures, and the button that opens another one.

use eframe::egui::{
    self, Align, CornerRadius, FontId, Layout, Margin, RichText, Sense, Stroke, Ui, vec2,
};

use crate::editor::{Command, OpenDocument};
use crate::text::Message;
use crate::ui::actions::Action;
use crate::ui::context::Desk;
use crate::ui::icons;
use crate::ui::theme::{self, size, space, text_size};
use crate::ui::widgets;

/// Side of the cross of a tab, in points.
const CROSS: f32 = 22.0;
/// What a tab has around its title and cross, in points.
const AROUND: Margin = Margin {
    left: 10,
    right: 2,
    top: 0,
    bottom: 0,
};
/// What the dot of unsaved work takes, in points.
const DOT: f32 = 12.0;
/// Tabs do not become narrower, in points: then they scroll.
const LEAST_WIDTH: f32 = 84.0;

/// Draws the tabs within `width` points. Many become narrower, more than that are scrolled; the button
/// behind them keeps its place.
pub(super) fn tabs(ui: &mut Ui, desk: &mut Desk<'_>, width: f32) {
    let active = desk.open().map(OpenDocument::id);
    let whole = vec2(width, size::ICON_BUTTON);
    ui.allocate_ui_with_layout(whole, Layout::left_to_right(Align::Center), |ui| {
        let gap = ui.spacing().item_spacing.x;
        let room = width - size::ICON_BUTTON - gap;
        let wanted: Vec<f32> = desk
            .editor
            .documents()
            .iter()
            .map(|open| natural_width(ui, open, desk.editor.losses(open.id()).any()))
            .collect();
        let most = widest(&wanted, room, gap);
        // Else a common wheel does nothing over them.
        ui.style_mut().always_scroll_the_only_direction = true;
        egui::ScrollArea::horizontal()
            .max_width(room)
            .scroll_bar_visibility(egui::scroll_area::ScrollBarVisibility::AlwaysHidden)
            .show(ui, |ui| {
                ui.horizontal_centered(|ui| {
                    for (open, wanted) in desk.editor.documents().iter().zip(wanted) {
                        let in_front = Some(open.id()) == active;
                        tab(ui, desk, open, (in_front, wanted.min(most)));
                    }
                });
            });
        desk.state.tab_in_front = active;
        let tooltip = desk.tooltip(ui.ctx(), Action::Open);
        let name = desk.text("ui-open");
        if widgets::icon_button(ui, icons::PLUS, &name, None)
            .on_hover_text(tooltip)
            .clicked()
        {
            desk.act(Action::Open);
        }
    });
}

/// How wide a tab may be so that all fit into `room`, but for the least width.
fn widest(wanted: &[f32], room: f32, gap: f32) -> f32 {
    let gaps = gap * wanted.len().saturating_sub(1) as f32;
    let mut sorted = wanted.to_vec();
    sorted.sort_by(f32::total_cmp);
    let mut left = room - gaps;
    for (place, width) in sorted.iter().enumerate() {
        let share = left / (sorted.len() - place) as f32;
        if *width > share {
            return share.floor().max(LEAST_WIDTH);
        }
        left -= width;
    }
    f32::INFINITY
}

fn title_of(open: &OpenDocument) -> String {
    shortened(open.title(), 24)
}

/// How wide a tab is where there is room.
fn natural_width(ui: &Ui, open: &OpenDocument, lost: bool) -> f32 {
    let font = FontId::proportional(text_size::BODY);
    let words = ui
        .painter()
        .layout_no_wrap(title_of(open), font, egui::Color32::WHITE);
    let dot = if lost { DOT } else { 0.0 };
    let around = f32::from(AROUND.left) + f32::from(AROUND.right) + CROSS + space::XS;
    words.size().x.ceil() + 1.0 + dot + around
}

fn tab(ui: &mut Ui, desk: &mut Desk<'_>, open: &OpenDocument, (active, width): (bool, f32)) {
    let t = theme::tokens(ui);
    let frame = egui::Frame::NONE
        .fill(if active { t.raised } else { t.panel })
        .stroke(if active {
            Stroke::new(1.0, t.line)
        } else {
            Stroke::NONE
        })
        .corner_radius(CornerRadius::same(theme::RADIUS))
        .inner_margin(AROUND);
    let shown = frame.show(ui, |ui| {
        let inner = width - f32::from(AROUND.left) - f32::from(AROUND.right);
        let whole = vec2(inner, size::ICON_BUTTON - 2.0);
        ui.allocate_ui_with_layout(whole, Layout::left_to_right(Align::Center), |ui| {
            ui.set_min_size(whole);
            ui.spacing_mut().item_spacing.x = 0.0;
            title_ui(ui, desk, open, active);
            close_button(ui, desk, open);
        });
    });
    if active && desk.state.tab_in_front != Some(open.id()) {
        shown.response.scroll_to_me(None);
    }
}

/// What the tab is called, and a dot where there is unsaved work.
fn title_ui(ui: &mut Ui, desk: &mut Desk<'_>, open: &OpenDocument, active: bool) {
    let t = theme::tokens(ui);
    let losses = desk.editor.losses(open.id());
    let rest = CROSS + if losses.any() { DOT } else { 0.0 };
    let room = vec2(
        (ui.available_width() - rest).max(0.0),
        ui.available_height(),
    );
    ui.allocate_ui_with_layout(room, Layout::left_to_right(Align::Center), |ui| {
        ui.set_min_width(room.x);
        let ink = if active { t.text } else { t.muted };
        let title = RichText::new(title_of(open)).color(ink);
        let label = egui::Label::new(title).truncate().sense(Sense::click());
        let path = open.path().map_or_else(
            || desk.text("ui-not-saved-yet").into_owned(),
            |path| path.display().to_string(),
        );
        let about = format!("{}\n{}\n{}", open.title(), open.document().extent(), path);
        let label = ui.add(label).on_hover_text(about);
        if label.clicked() {
            desk.send(Command::Activate(open.id()));
        }
        if label.clicked_by(egui::PointerButton::Middle) {
            desk.send(Command::Activate(open.id()));
            desk.act(Action::CloseTab);
        }
        label.context_menu(|ui| {
            for action in TAB_MENU {
                let before = desk.actions.len();
                widgets::menu_item(ui, desk, action);
                if desk.actions.len() > before {
                    // Actions concern the picture in front.
                    desk.send(Command::Activate(open.id()));
                }
            }
        });
    });
    if losses.any() {
        let (dot, response) = ui.allocate_exact_size(vec2(DOT, CROSS), Sense::hover());
        ui.painter().circle_filled(dot.center(), 2.5, t.accent);
        response.on_hover_ui(|ui| {
            let what = desk.losses(losses);
            ui.label(desk.say(&Message::new("ui-unsaved").with("what", what)));
        });
    }
}

fn close_button(ui: &mut Ui, desk: &mut Desk<'_>, open: &OpenDocument) {
    let close = Message::new("ui-close-named").with("title", open.title());
    let close = desk.say(&close);
    let sign = RichText::new(icons::CLOSE.0)
        .family(theme::icon_family())
        .size(12.0)
        .color(theme::tokens(ui).muted);
    ui.spacing_mut().button_padding = vec2(0.0, 0.0);
    let button = egui::Button::new(sign)
        .frame_when_inactive(false)
        .min_size(vec2(CROSS, CROSS));
    if ui
        .add(button)
        .accessible_name(&close)
        .on_hover_text(close)
        .clicked()
    {
        desk.send(Command::Activate(open.id()));
        desk.act(Action::CloseTab);
    }
}

/// What a right-click on a tab offers.
const TAB_MENU: [Action; 5] = [
    Action::Save,
    Action::SaveAs,
    Action::Export,
    Action::Copy,
    Action::CloseTab,
];

/// At most that many characters, the middle left out.
fn shortened(title: &str, most: usize) -> String {
    let count = title.chars().count();
    if count <= most {
        return title.to_owned();
    }
    let half = most / 2;
    let head: String = title.chars().take(half).collect();
    let tail: String = title.chars().skip(count - half).collect();
    format!("{head}…{tail}")
}

#[cfg(test)]
mod tests {
    use super::{LEAST_WIDTH, shortened, widest};

    #[test]
    fn the_longest_tabs_give_way_first() {
        assert_eq!(widest(&[100.0, 200.0], 400.0, 4.0), f32::INFINITY);
        assert_eq!(widest(&[100.0, 200.0, 300.0], 408.0, 4.0), 150.0);
        assert_eq!(widest(&[200.0; 9], 408.0, 4.0), LEAST_WIDTH);
    }

    #[test]
    fn long_titles_keep_both_ends() {
        assert_eq!(shortened("portrait.jpg", 24), "portrait.jpg");
        assert_eq!(
            shortened("a very long name of a picture 0042.jpeg", 12),
            "a very…2.jpeg"
        );
        assert_eq!(
            shortened("很長很長很長很長很長的檔名.png", 8),
            "很長很長….png"
        );
    }
}

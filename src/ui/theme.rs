//! Colours, sizes and durations: the one place that names them, for both themes.

use eframe::egui::{
    self, Color32, CornerRadius, FontFamily, FontId, Margin, Shadow, Stroke, TextStyle, Theme, Vec2,
};

use crate::plan::MaskMode;

/// `0xRRGGBB` as an opaque colour.
#[expect(
    clippy::disallowed_methods,
    reason = "this file is where colours are named"
)]
const fn hex(rgb: u32) -> Color32 {
    Color32::from_rgb((rgb >> 16) as u8, (rgb >> 8) as u8, rgb as u8)
}

/// The colours of one theme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tokens {
    /// Behind the picture.
    pub canvas: Color32,
    /// The two greys of the checkerboard that shows through transparent pixels.
    pub checker: [Color32; 2],
    /// Bars and side panels.
    pub panel: Color32,
    /// Controls, cards, popups.
    pub raised: Color32,
    /// A control under the pointer.
    pub hover: Color32,
    /// A control held down.
    pub pressed: Color32,
    /// What one writes in.
    pub field: Color32,
    /// Separators and outlines.
    pub line: Color32,
    /// Text to be read first.
    pub text: Color32,
    /// Text to be read second.
    pub muted: Color32,
    /// Text of what cannot be used now.
    pub disabled: Color32,
    /// Selection, focus, Generate.
    pub accent: Color32,
    /// The accent under the pointer.
    pub accent_hover: Color32,
    /// Text on the accent.
    pub on_accent: Color32,
    /// Behind what is selected.
    pub selected: Color32,
    /// Mask tint of what changes.
    pub changes: Color32,
    /// Mask tint of what stays.
    pub stays: Color32,
    /// Something went well.
    pub good: Color32,
    /// Something wants attention.
    pub warn: Color32,
    /// Something failed.
    pub bad: Color32,
}

/// The dark theme.
const DARK: Tokens = Tokens {
    canvas: hex(0x17181A),
    checker: [hex(0x2B2D30), hex(0x232528)],
    panel: hex(0x202225),
    raised: hex(0x2A2D31),
    hover: hex(0x33373C),
    pressed: hex(0x3C4147),
    field: hex(0x191B1D),
    line: hex(0x373B40),
    text: hex(0xE7E9EB),
    muted: hex(0x9BA1A8),
    disabled: hex(0x5F656C),
    accent: hex(0x5B8CFF),
    accent_hover: hex(0x7AA2FF),
    on_accent: hex(0x0B1020),
    selected: hex(0x2C3A5C),
    changes: hex(0xFF6A5A),
    stays: hex(0x25B8A6),
    good: hex(0x3FB27F),
    warn: hex(0xF2A93B),
    bad: hex(0xEF5350),
};

/// The light theme.
const LIGHT: Tokens = Tokens {
    canvas: hex(0xD9DBDE),
    checker: [hex(0xFFFFFF), hex(0xE6E8EB)],
    panel: hex(0xF7F8F9),
    raised: hex(0xFFFFFF),
    hover: hex(0xECEEF1),
    pressed: hex(0xE0E3E7),
    field: hex(0xFFFFFF),
    line: hex(0xDADDE1),
    text: hex(0x1B1D20),
    muted: hex(0x5C636B),
    disabled: hex(0xA5ABB2),
    accent: hex(0x2F66E8),
    accent_hover: hex(0x2457D0),
    on_accent: hex(0xFFFFFF),
    selected: hex(0xDCE6FD),
    changes: hex(0xE8483A),
    stays: hex(0x0E9B8A),
    good: hex(0x1F8F5F),
    warn: hex(0xB9770E),
    bad: hex(0xC93A37),
};

/// The colours of the theme that `ui` is drawn in.
pub(super) fn tokens(ui: &egui::Ui) -> &'static Tokens {
    of(ui.visuals().dark_mode)
}

/// The colours of the theme that the window is drawn in.
pub(super) fn tokens_of(ctx: &egui::Context) -> &'static Tokens {
    of(ctx.theme() == Theme::Dark)
}

fn of(dark: bool) -> &'static Tokens {
    if dark { &DARK } else { &LIGHT }
}

/// Distances between things, in points.
pub(super) mod space {
    /// Between an icon and its word.
    pub(crate) const XS: f32 = 4.0;
    /// Between controls of one group.
    pub(crate) const S: f32 = 8.0;
    /// Between groups.
    pub(crate) const M: f32 = 12.0;
    /// Inside panels and cards.
    pub(crate) const L: f32 = 16.0;
}

/// Sizes of things, in points.
pub(super) mod size {
    /// Height of the bar at the top.
    pub(crate) const TOP_BAR: f32 = 44.0;
    /// Height of the bar at the bottom.
    pub(crate) const STATUS_BAR: f32 = 26.0;
    /// Width of the tool column.
    pub(crate) const TOOL_COLUMN: f32 = 52.0;
    /// Side of a square icon button.
    pub(crate) const ICON_BUTTON: f32 = 32.0;
    /// Height of ordinary controls.
    pub(crate) const CONTROL: f32 = 28.0;
    /// Height of the Generate button.
    pub(crate) const GENERATE: f32 = 40.0;
    /// First width of the settings panel.
    pub(crate) const SETTINGS: f32 = 320.0;
    /// Smallest and largest width of the settings panel.
    pub(crate) const SETTINGS_RANGE: std::ops::RangeInclusive<f32> = 288.0..=440.0;
    /// Side of a picture in the filmstrip.
    pub(crate) const THUMB: f32 = 72.0;
    /// The same where there is little room.
    pub(crate) const THUMB_SMALL: f32 = 44.0;
    /// Side of one square of the checkerboard.
    pub(crate) const CHECKER: f32 = 8.0;
    /// Width of dialogs.
    pub(crate) const DIALOG: f32 = 440.0;
}

/// Corners of controls.
pub(super) const RADIUS: u8 = 6;
/// Corners of cards, popups and dialogs.
pub(super) const RADIUS_CARD: u8 = 10;
/// Opacity of the mask tint where it is fully painted, unless the user chose another.
pub(super) const MASK_OPACITY: f32 = 0.45;

/// The end of the feather band. The same in both themes, because it lies on the picture.
pub(super) const BAND: Color32 = DARK.warn;

/// Colours for the mask tint beside the theme's own: what they are called, what changes, what
/// stays. Always two, so that the modes cannot be taken for each other.
const TINTS: [(TintColours, Color32, Color32); 2] = [
    (TintColours::Magenta, hex(0xE543C8), hex(0x35B34A)),
    (TintColours::Yellow, hex(0xF2C230), hex(0x3F7DF2)),
];

/// Which colours the mask tint has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum TintColours {
    /// Those of the others that are seen on the picture.
    #[default]
    Automatic,
    /// Red for what changes, teal for what stays.
    Theme,
    /// Magenta and green.
    Magenta,
    /// Yellow and blue.
    Yellow,
}

impl TintColours {
    /// Every choice.
    pub(super) const ALL: &'static [Self] =
        &[Self::Automatic, Self::Theme, Self::Magenta, Self::Yellow];
    /// Those with colours of their own.
    pub(super) const FIXED: &'static [Self] = &[Self::Theme, Self::Magenta, Self::Yellow];

    /// How it is remembered.
    pub(super) const fn id(self) -> &'static str {
        match self {
            Self::Automatic => "automatic",
            Self::Theme => "theme",
            Self::Magenta => "magenta",
            Self::Yellow => "yellow",
        }
    }
}

/// How the mask is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum MaskView {
    /// As a tint over the picture, with a line around it.
    #[default]
    Tint,
    /// As a line that moves along its edge.
    Ants,
    /// In place of the picture: white is painted.
    BlackWhite,
    /// The picture where it is painted; the rest is black.
    OnBlack,
}

impl MaskView {
    /// Every choice, in the order in which one goes through them.
    pub(super) const ALL: &'static [Self] =
        &[Self::Tint, Self::Ants, Self::BlackWhite, Self::OnBlack];

    /// How it is remembered.
    pub(super) const fn id(self) -> &'static str {
        match self {
            Self::Tint => "tint",
            Self::Ants => "ants",
            Self::BlackWhite => "black-white",
            Self::OnBlack => "on-black",
        }
    }
}

/// The mask tint as chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct MaskTint {
    /// What changes.
    pub changes: Color32,
    /// What stays.
    pub stays: Color32,
    /// Where it is fully painted, 0…1.
    pub opacity: f32,
}

impl MaskTint {
    /// The tint in a theme.
    pub(super) fn new(t: &Tokens, colours: TintColours, opacity: f32) -> Self {
        let chosen = TINTS.iter().find(|(name, ..)| *name == colours);
        let (changes, stays) = chosen.map_or((t.changes, t.stays), |(_, a, b)| (*a, *b));
        Self {
            changes,
            stays,
            opacity,
        }
    }

    /// The colour of a mode.
    pub(super) const fn of(&self, mode: MaskMode) -> Color32 {
        match mode {
            MaskMode::Changes => self.changes,
            MaskMode::Stays => self.stays,
        }
    }
}

/// Sizes of the interface that one can choose, in percent of the desktop's own.
pub(super) const SCALES_PERCENT: [u32; 10] = [80, 90, 100, 110, 125, 150, 175, 200, 250, 300];
/// The size of the interface, in percent, for a screen of that height in logical pixels. Desktops
/// that scale by themselves (`native` ≠ 1) have chosen already; one that does not, on a screen of
/// 4K, would show letters of two millimetres.
pub(super) fn own_scale_percent(height: f32, native: f32) -> u32 {
    match height {
        _ if native != 1.0 => 100,
        h if h >= 2800.0 => 200,
        h if h >= 2000.0 => 150,
        _ => 100,
    }
}

/// How long a movement may take, in seconds.
pub(super) const MOTION_SECS: f32 = 0.1;
/// How long a toast that needs no answer stays, in seconds.
pub(super) const TOAST_SECS: f64 = 6.0;

/// Sizes of text, in points.
pub(super) mod text_size {
    /// Side remarks.
    pub(crate) const SMALL: f32 = 11.5;
    /// Everything else.
    pub(crate) const BODY: f32 = 13.0;
    /// Titles.
    pub(crate) const HEADING: f32 = 15.0;
    /// The first line of an empty canvas.
    pub(crate) const TITLE: f32 = 20.0;
    /// Icons in buttons.
    pub(crate) const ICON: f32 = 17.0;
    /// Icons beside text.
    pub(crate) const ICON_SMALL: f32 = 14.0;
}

/// The family of headings and of what is emphasised.
pub(super) fn semibold() -> FontFamily {
    FontFamily::Name("semibold".into())
}

/// The family that holds the icons.
pub(super) fn icon_family() -> FontFamily {
    FontFamily::Name("icons".into())
}

/// Gives both of egui's themes our colours and sizes.
pub(super) fn install(ctx: &egui::Context) {
    ctx.style_mut_of(Theme::Dark, |style| dress(style, &DARK, true));
    ctx.style_mut_of(Theme::Light, |style| dress(style, &LIGHT, false));
}

fn dress(style: &mut egui::Style, t: &Tokens, dark: bool) {
    style.visuals = if dark {
        egui::Visuals::dark()
    } else {
        egui::Visuals::light()
    };
    style.animation_time = MOTION_SECS;
    style.text_styles = [
        (
            TextStyle::Small,
            FontId::new(text_size::SMALL, FontFamily::Proportional),
        ),
        (
            TextStyle::Body,
            FontId::new(text_size::BODY, FontFamily::Proportional),
        ),
        (
            TextStyle::Button,
            FontId::new(text_size::BODY, FontFamily::Proportional),
        ),
        (
            TextStyle::Heading,
            FontId::new(text_size::HEADING, semibold()),
        ),
        (
            TextStyle::Monospace,
            FontId::new(text_size::BODY, FontFamily::Monospace),
        ),
    ]
    .into();
    spaces(&mut style.spacing);
    style.interaction.selectable_labels = false;
    style.interaction.tooltip_delay = 0.35;
    style.interaction.show_tooltips_only_when_still = true;
    colours(&mut style.visuals, t, dark);
    widgets(&mut style.visuals.widgets, t);
}

fn spaces(spacing: &mut egui::Spacing) {
    spacing.item_spacing = Vec2::new(space::S, space::S);
    spacing.button_padding = Vec2::new(10.0, 4.0);
    spacing.interact_size = Vec2::new(40.0, size::CONTROL);
    spacing.icon_width = 16.0;
    spacing.icon_width_inner = 8.0;
    spacing.window_margin = Margin::same(16);
    spacing.menu_margin = Margin::same(6);
    spacing.slider_rail_height = 4.0;
    spacing.combo_width = 120.0;
    spacing.tooltip_width = 320.0;
    // Lists that drop down end where they say, and at the window's edge, not at egui's 400 points.
    spacing.default_area_size.y = 1200.0;
    spacing.scroll = egui::style::ScrollStyle::thin();
}

fn colours(visuals: &mut egui::Visuals, t: &Tokens, dark: bool) {
    visuals.override_text_color = None;
    visuals.weak_text_color = Some(t.muted);
    visuals.hyperlink_color = t.accent;
    visuals.faint_bg_color = t.raised;
    visuals.extreme_bg_color = t.field;
    visuals.text_edit_bg_color = Some(t.field);
    visuals.code_bg_color = t.raised;
    visuals.warn_fg_color = t.warn;
    visuals.error_fg_color = t.bad;
    visuals.window_fill = t.panel;
    visuals.window_stroke = Stroke::new(1.0, t.line);
    visuals.window_corner_radius = CornerRadius::same(RADIUS_CARD);
    visuals.menu_corner_radius = CornerRadius::same(RADIUS_CARD);
    visuals.panel_fill = t.panel;
    visuals.selection.bg_fill = t.selected;
    visuals.selection.stroke = Stroke::new(1.0, t.accent);
    visuals.slider_trailing_fill = true;
    visuals.handle_shape = egui::style::HandleShape::Circle;
    visuals.interact_cursor = None;
    visuals.indent_has_left_vline = false;
    let shade = if dark { 120 } else { 40 };
    let shadow = |blur: u8, y: i8| Shadow {
        offset: [0, y],
        blur,
        spread: 0,
        color: Color32::from_black_alpha(shade),
    };
    visuals.window_shadow = shadow(28, 10);
    visuals.popup_shadow = shadow(16, 6);
}

fn widgets(widgets: &mut egui::style::Widgets, t: &Tokens) {
    for visuals in [
        &mut widgets.noninteractive,
        &mut widgets.inactive,
        &mut widgets.hovered,
        &mut widgets.active,
        &mut widgets.open,
    ] {
        visuals.corner_radius = CornerRadius::same(RADIUS);
        visuals.expansion = 0.0;
        visuals.fg_stroke = Stroke::new(1.0, t.text);
        visuals.bg_stroke = Stroke::new(1.0, t.line);
    }
    widgets.noninteractive.bg_fill = t.panel;
    widgets.noninteractive.weak_bg_fill = t.panel;
    widgets.inactive.bg_fill = t.line;
    widgets.inactive.weak_bg_fill = t.raised;
    widgets.hovered.bg_fill = t.pressed;
    widgets.hovered.weak_bg_fill = t.hover;
    widgets.hovered.bg_stroke = Stroke::new(1.0, t.disabled);
    widgets.active.bg_fill = t.accent;
    widgets.active.weak_bg_fill = t.pressed;
    widgets.active.bg_stroke = Stroke::new(1.0, t.accent);
    widgets.open.bg_fill = t.raised;
    widgets.open.weak_bg_fill = t.hover;
}

/// `colour` at a share (0…1) of its opacity.
pub(super) fn faded(colour: Color32, share: f32) -> Color32 {
    colour.gamma_multiply(share)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance, [WCAG 2.2](https://www.w3.org/TR/WCAG22/#dfn-relative-luminance).
    fn luminance(colour: Color32) -> f32 {
        let linear = |v: u8| {
            let v = f32::from(v) / 255.0;
            if v <= 0.04045 {
                v / 12.92
            } else {
                ((v + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * linear(colour.r()) + 0.7152 * linear(colour.g()) + 0.0722 * linear(colour.b())
    }

    fn contrast(a: Color32, b: Color32) -> f32 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn large_screens_have_a_large_interface_at_first() {
        for (height, native, percent) in [
            (720.0, 1.0, 100),
            (1440.0, 1.0, 100),
            (2160.0, 1.0, 150),
            (2880.0, 1.0, 200),
            (2160.0, 2.0, 100),
        ] {
            assert_eq!(own_scale_percent(height, native), percent, "{height}");
            assert!(SCALES_PERCENT.contains(&percent));
        }
    }

    #[test]
    fn text_can_be_read_in_both_themes() {
        for t in [&DARK, &LIGHT] {
            for (text, back) in [
                (t.text, t.panel),
                (t.text, t.raised),
                (t.text, t.selected),
                (t.text, t.hover),
                (t.muted, t.panel),
                (t.muted, t.raised),
                (t.muted, t.field),
                (t.on_accent, t.accent),
                (t.on_accent, t.accent_hover),
            ] {
                let ratio = contrast(text, back);
                assert!(ratio >= 4.5, "{text:?} on {back:?}: {ratio:.2}");
            }
        }
    }
}

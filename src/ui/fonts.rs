//! The bundled fonts: Inter for Latin, Noto Sans TC for the interface's Chinese, Lucide for icons.
//!
//! All are cut down to what the interface shows (`assets/fonts/make_fonts.py`). What people type
//! beyond that comes from the system's fonts, which eframe looks up on demand.

use std::sync::Arc;

use eframe::egui::{self, FontData, FontDefinitions, FontFamily, FontTweak};

use super::theme;

const FILES: [(&str, &[u8]); 5] = [
    (
        "inter",
        include_bytes!("../../assets/fonts/inter-regular.ttf"),
    ),
    (
        "inter-semibold",
        include_bytes!("../../assets/fonts/inter-semibold.ttf"),
    ),
    (
        "noto-tc",
        include_bytes!("../../assets/fonts/noto-sans-tc-regular.otf"),
    ),
    (
        "noto-tc-bold",
        include_bytes!("../../assets/fonts/noto-sans-tc-bold.otf"),
    ),
    ("icons", include_bytes!("../../assets/fonts/icons.ttf")),
];

/// Makes the fonts known to `ctx`.
pub fn install(ctx: &egui::Context) {
    ctx.set_fonts(definitions());
}

fn definitions() -> FontDefinitions {
    let mut fonts = FontDefinitions::empty();
    for (name, bytes) in FILES {
        let data = FontData::from_static(bytes);
        let data = if name == "icons" {
            // Lucide draws to the em's edge; this puts its middle on the middle of our digits.
            data.tweak(FontTweak {
                y_offset_factor: 0.02,
                ..FontTweak::default()
            })
        } else {
            data
        };
        fonts.font_data.insert(name.to_owned(), Arc::new(data));
    }
    let family = |names: &[&str]| {
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<Vec<_>>()
    };
    fonts.families = [
        (
            FontFamily::Proportional,
            family(&["inter", "noto-tc", "icons"]),
        ),
        (
            FontFamily::Monospace,
            family(&["inter", "noto-tc", "icons"]),
        ),
        (
            theme::semibold(),
            family(&["inter-semibold", "noto-tc-bold", "icons"]),
        ),
        (theme::icon_family(), family(&["icons", "inter", "noto-tc"])),
    ]
    .into();
    fonts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Language;
    use crate::ui::icons;
    use eframe::egui::FontId;

    /// Fonts as the window has them, but without the system's.
    fn with_fonts(check: impl FnOnce(&mut dyn FnMut(&FontFamily, char) -> bool)) {
        let ctx = egui::Context::default();
        install(&ctx);
        // Font definitions take effect at the start of a pass.
        ctx.run_ui(egui::RawInput::default(), |_| {})
            .textures_delta
            .clear();
        ctx.fonts_mut(|fonts| {
            check(&mut |family, c| fonts.has_glyph(&FontId::new(13.0, family.clone()), c));
        });
    }

    #[test]
    fn every_character_of_the_interface_has_a_glyph() {
        let mut text: String = Language::ALL
            .into_iter()
            .flat_map(|l| l.sources().iter().copied())
            .collect();
        text.push_str(include_str!("../../models/starter/words.json"));
        text.extend(Language::ALL.map(Language::own_name));
        with_fonts(|has_glyph| {
            for family in [FontFamily::Proportional, theme::semibold()] {
                let missing: std::collections::BTreeSet<char> = text
                    .chars()
                    .filter(|c| !c.is_control() && !has_glyph(&family, *c))
                    .collect();
                assert!(
                    missing.is_empty(),
                    "run assets/fonts/make_fonts.py; {family:?} lacks {missing:?}"
                );
            }
        });
    }

    #[test]
    fn every_icon_has_a_glyph() {
        with_fonts(|has_glyph| {
            for icon in icons::ALL {
                assert!(has_glyph(&theme::icon_family(), icon.0), "{icon:?}");
            }
        });
    }
}

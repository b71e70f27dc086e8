//! The settings one seldom needs: guidance, seed, sampler, schedule, mask, LoRAs.

use eframe::egui::{self, Ui};

use crate::document::DocumentId;
use crate::editor::Command;
use crate::geometry::Extent;
use crate::plan::{
    AreaMode, EditSettings, FillMode, Guidance, KeepDetails, Length, RegionBounds, SamplerId,
    ScheduleId, SecondPass, Seed, WorkSize,
};
use crate::text::Message;
use crate::ui::context::{Desk, memory};
use crate::ui::icons;
use crate::ui::theme::{self, MaskView, TintColours, size, space};
use crate::ui::widgets::{self, Number};

/// Draws the fold and, when open, what is in it.
pub(super) fn more_ui(ui: &mut Ui, desk: &mut Desk<'_>, document: DocumentId) {
    let icon = if desk.state.shown.more {
        icons::EXPANDED
    } else {
        icons::COLLAPSED
    };
    let (text, tooltip) = (desk.text("ui-more"), desk.text("ui-more-tip"));
    if widgets::section(ui, icon, &text, &tooltip) {
        desk.state.shown.more = !desk.state.shown.more;
        desk.remember(memory::MORE, desk.state.shown.more);
        // What opens below the edge of the panel would not be seen to open.
        ui.scroll_to_cursor(Some(egui::Align::Center));
    }
    if !desk.state.shown.more {
        return;
    }
    ui.spacing_mut().item_spacing.y = space::S - 2.0;
    seed(ui, desk, document);
    sampling(ui, desk, document);
    let painted = desk
        .editor
        .document(document)
        .is_some_and(|open| open.region() != RegionBounds::Everything);
    if painted {
        mask_options(ui, desk, document);
        tint(ui, desk);
    }
    super::loras::loras_ui(ui, desk, document);
}

fn seed(ui: &mut Ui, desk: &mut Desk<'_>, document: DocumentId) {
    let Some(open) = desk.editor.document(document) else {
        return;
    };
    let locked = open.is_seed_locked();
    let mut value = open.settings().seed.0;
    let (name, tooltip) = (desk.text("ui-seed"), desk.text("ui-seed-tip"));
    widgets::row(ui, name.as_ref(), &tooltip, |ui| {
        ui.spacing_mut().item_spacing.x = space::XS;
        let field = egui::DragValue::new(&mut value)
            .speed(1.0)
            .update_while_editing(false);
        let field = ui
            .add_sized([104.0, size::CONTROL], field)
            .accessible_name(name.as_ref())
            .on_hover_text(tooltip.as_ref());
        value = value.saturating_add_signed(widgets::wheel_notches(ui, &field).round() as i64);
        let random = desk.text("ui-seed-random");
        if widgets::icon_button_small(ui, icons::RANDOM, &random, !locked)
            .on_hover_text(desk.text("ui-seed-random-tip"))
            .clicked()
        {
            desk.send(Command::LockSeed {
                document,
                locked: false,
            });
        }
        let lock = desk.text("ui-seed-lock");
        if widgets::icon_button_small(ui, icons::LOCK, &lock, locked)
            .on_hover_text(desk.text("ui-seed-lock-tip"))
            .clicked()
        {
            desk.send(Command::LockSeed {
                document,
                locked: !locked,
            });
        }
    });
    if value != open.settings().seed.0 {
        desk.set(document, |settings| settings.seed = Seed(value));
        // Who writes a seed wants that one.
        desk.send(Command::LockSeed {
            document,
            locked: true,
        });
    }
}

fn sampling(ui: &mut Ui, desk: &mut Desk<'_>, document: DocumentId) {
    let Some(open) = desk.editor.document(document) else {
        return;
    };
    let settings = open.settings().clone();
    let default = desk
        .editor
        .model_card()
        .map_or(7.0, |card| card.defaults.guidance);
    let reset = desk.text("ui-reset");
    let (name, tooltip) = (desk.text("ui-guidance"), desk.text("ui-guidance-tip"));
    let field = Number {
        name: &name,
        tooltip: &tooltip,
        range: 1.0..=20.0,
        speed: 0.05,
        notch: 0.5,
        decimals: 1,
        unit: "",
        reset: Some((default, &reset)),
    };
    if let Some(value) = widgets::number(ui, settings.guidance.get(), &field)
        && let Ok(guidance) = Guidance::new(value)
    {
        desk.set(document, |settings| settings.guidance = guidance);
    }
    image_guidance(ui, desk, document);
    let row = Choice {
        texts: ("ui-sampler", "ui-sampler-tip"),
        chosen: settings.sampler,
        values: SamplerId::ALL,
        text: |desk, sampler| {
            let about = desk.text(sampler_about(sampler)).into_owned();
            (sampler_name(sampler).to_owned(), about)
        },
    };
    choose(ui, desk, document, &row, |s, picked| {
        s.sampler = picked;
    });
    let row = Choice {
        texts: ("ui-schedule", "ui-schedule-tip"),
        chosen: settings.schedule,
        values: ScheduleId::ALL,
        text: |desk, schedule| named(desk, schedule_text(schedule)),
    };
    choose(ui, desk, document, &row, |s, picked| {
        s.schedule = picked;
    });
    let row = Choice {
        texts: ("ui-details", "ui-details-tip"),
        chosen: settings.keep_details,
        values: KeepDetails::ALL,
        text: |desk, keep| named(desk, details_text(keep)),
    };
    choose(ui, desk, document, &row, |s, picked| {
        s.keep_details = picked;
    });
    work_size(ui, desk, document);
    let row = Choice {
        texts: ("ui-sharpness", "ui-sharpness-tip"),
        chosen: settings.second_pass,
        values: SHARPNESS,
        text: sharpness_text,
    };
    choose(ui, desk, document, &row, |s, picked| {
        s.second_pass = picked;
    });
}

/// A row that chooses one of a setting's values.
struct Choice<'a, T> {
    /// Names of the texts that say what is chosen, and its tooltip.
    texts: (&'a str, &'a str),
    chosen: T,
    values: &'a [T],
    /// What a value is called, and what is said of it where one points at it.
    text: fn(&Desk<'_>, T) -> (String, String),
}

fn choose<T: Copy + PartialEq>(
    ui: &mut Ui,
    desk: &mut Desk<'_>,
    document: DocumentId,
    row: &Choice<'_, T>,
    set: impl FnOnce(&mut EditSettings, T),
) {
    let (name, tooltip) = (desk.text(row.texts.0), desk.text(row.texts.1));
    let text = |value| (row.text)(desk, value);
    let picked = widgets::choice(ui, (&name, &tooltip), row.chosen, row.values, text);
    if let Some(picked) = picked {
        desk.set(document, |settings| set(settings, picked));
    }
}

/// A value whose name says all.
fn named(desk: &Desk<'_>, name: &str) -> (String, String) {
    (desk.text(name).into_owned(), String::new())
}

/// The longer side at which the model works first.
fn work_size(ui: &mut Ui, desk: &mut Desk<'_>, document: DocumentId) {
    // Resetting writes a value outside the range, which stands for “choose yourself”.
    const BY_ITSELF: f64 = 0.0;
    let Some((Ok(layout), card)) = desk.editor.layout(document).zip(desk.editor.model_card())
    else {
        return;
    };
    let multiple = card.traits.size_multiple_px;
    let (name, tooltip, reset) = (
        desk.text("ui-work-size"),
        desk.text("ui-work-size-tip"),
        desk.text("ui-automatic"),
    );
    let field = Number {
        name: &name,
        tooltip: &tooltip,
        range: f64::from(multiple.max(16))..=4096.0,
        speed: f64::from(multiple) / 8.0,
        notch: f64::from(multiple),
        decimals: 0,
        unit: " px",
        reset: Some((BY_ITSELF, &reset)),
    };
    let now_px = layout.work.width.max(layout.work.height);
    if let Some(px) = widgets::number(ui, f64::from(now_px), &field) {
        let side = px.round() as u32;
        let chosen = WorkSize::within(Extent::new(side, side)).ok();
        desk.set(document, |settings| settings.work_size = chosen);
    }
}

/// How finely the result is drawn.
const SHARPNESS: &[SecondPass] = &[
    SecondPass::Off,
    SecondPass::Factor(2.0),
    SecondPass::Own,
    SecondPass::Auto,
];

fn sharpness_text(desk: &Desk<'_>, pass: SecondPass) -> (String, String) {
    let about = |key| desk.text(key).into_owned();
    match pass {
        SecondPass::Auto => (about("ui-sharpness-auto"), about("ui-sharpness-auto-tip")),
        SecondPass::Off => (about("ui-sharpness-quick"), about("ui-sharpness-quick-tip")),
        SecondPass::Own => (about("ui-sharpness-full"), about("ui-sharpness-full-tip")),
        SecondPass::Factor(factor) => {
            let fine = Message::new("ui-sharpness-fine").with("factor", factor);
            (desk.say(&fine), about("ui-sharpness-fine-tip"))
        }
    }
}

/// Of a model that follows instructions; no other reads it.
fn image_guidance(ui: &mut Ui, desk: &mut Desk<'_>, document: DocumentId) {
    let is_read = desk
        .editor
        .model_card()
        .is_some_and(|card| card.traits.follows_instructions());
    let Some(open) = desk.editor.document(document).filter(|_| is_read) else {
        return;
    };
    let reset = desk.text("ui-reset");
    let name = desk.text("ui-image-guidance");
    let tooltip = desk.text("ui-image-guidance-tip");
    let field = Number {
        name: &name,
        tooltip: &tooltip,
        range: 1.0..=5.0,
        speed: 0.02,
        notch: 0.1,
        decimals: 1,
        unit: "",
        reset: Some((EditSettings::default().image_guidance.get(), &reset)),
    };
    if let Some(value) = widgets::number(ui, open.settings().image_guidance.get(), &field)
        && let Ok(guidance) = Guidance::new(value)
    {
        desk.set(document, |settings| settings.image_guidance = guidance);
    }
}

/// Samplers are known by their own names in every language.
fn sampler_name(sampler: SamplerId) -> &'static str {
    match sampler {
        SamplerId::Euler => "Euler",
        SamplerId::EulerA => "Euler ancestral",
        SamplerId::Dpmpp2m => "DPM++ 2M",
        SamplerId::Ddim => "DDIM",
        SamplerId::Lcm => "LCM",
    }
}

fn sampler_about(sampler: SamplerId) -> &'static str {
    match sampler {
        SamplerId::Euler => "ui-sampler-euler",
        SamplerId::EulerA => "ui-sampler-euler-a",
        SamplerId::Dpmpp2m => "ui-sampler-dpmpp-2m",
        SamplerId::Ddim => "ui-sampler-ddim",
        SamplerId::Lcm => "ui-sampler-lcm",
    }
}

fn schedule_text(schedule: ScheduleId) -> &'static str {
    match schedule {
        ScheduleId::Model => "ui-schedule-model",
        ScheduleId::Karras => "ui-schedule-karras",
    }
}

fn details_text(keep: KeepDetails) -> &'static str {
    match keep {
        KeepDetails::Off => "ui-details-off",
        KeepDetails::Auto => "ui-details-auto",
        KeepDetails::More => "ui-details-more",
    }
}

fn area_text(area: AreaMode) -> &'static str {
    match area {
        AreaMode::Auto => "ui-area-auto",
        AreaMode::Whole => "ui-area-whole",
        AreaMode::Masked => "ui-area-masked",
    }
}

fn fill_text(fill: FillMode) -> &'static str {
    match fill {
        FillMode::Auto => "ui-fill-auto",
        FillMode::Original => "ui-fill-original",
        FillMode::Blur => "ui-fill-blur",
        FillMode::Content => "ui-fill-content",
        FillMode::Noise => "ui-fill-noise",
        FillMode::Nothing => "ui-fill-nothing",
    }
}

fn mask_options(ui: &mut Ui, desk: &mut Desk<'_>, document: DocumentId) {
    let Some(open) = desk.editor.document(document) else {
        return;
    };
    let settings = open.settings().clone();
    let row = Choice {
        texts: ("ui-area", "ui-area-tip"),
        chosen: settings.area,
        values: AreaMode::ALL,
        text: |desk, area| named(desk, area_text(area)),
    };
    choose(ui, desk, document, &row, |s, picked| {
        s.area = picked;
    });
    let row = Choice {
        texts: ("ui-fill", "ui-fill-tip"),
        chosen: settings.fill,
        values: FillMode::ALL,
        text: |desk, fill| named(desk, fill_text(fill)),
    };
    choose(ui, desk, document, &row, |s, picked| {
        s.fill = picked;
    });
    let layout = desk.editor.layout(document).and_then(Result::ok);
    let now = layout.map_or((0.0, 0.0, 0.0), |l| (l.feather_px, l.grow_px, l.padding_px));
    length(
        ui,
        desk,
        document,
        ("ui-feather", "ui-feather-tip"),
        now.0,
        |s, px| s.feather = px,
    );
    length(
        ui,
        desk,
        document,
        ("ui-grow", "ui-grow-tip"),
        now.1,
        |s, px| s.grow = px.unwrap_or(Length::Px(0.0)),
    );
    if settings.area != AreaMode::Whole {
        length(
            ui,
            desk,
            document,
            ("ui-padding", "ui-padding-tip"),
            now.2,
            |s, px| s.padding = px,
        );
    }
}

/// How the mask is shown.
fn tint(ui: &mut Ui, desk: &mut Desk<'_>) {
    let (name, tooltip) = (desk.text("ui-mask-view"), desk.text("ui-mask-view-tip"));
    let view_text = |view: MaskView| {
        let key = match view {
            MaskView::Tint => "ui-mask-view-tint",
            MaskView::Ants => "ui-mask-view-ants",
            MaskView::BlackWhite => "ui-mask-view-black-white",
            MaskView::OnBlack => "ui-mask-view-on-black",
        };
        (desk.text(key).into_owned(), String::new())
    };
    let chosen = desk.mask_view();
    let picked = widgets::choice(ui, (&name, &tooltip), chosen, MaskView::ALL, view_text);
    if let Some(view) = picked {
        desk.remember(memory::MASK_VIEW, view.id());
    }
    let (name, tooltip) = (desk.text("ui-tint"), desk.text("ui-tint-tip"));
    let text = |colours: TintColours| (desk.text(tint_text(colours)).into_owned(), String::new());
    let chosen = desk.tint_colours();
    let picked = widgets::choice(ui, (&name, &tooltip), chosen, TintColours::ALL, text);
    if let Some(colours) = picked {
        desk.remember(memory::TINT_COLOURS, colours.id());
    }
    let (name, reset) = (desk.text("ui-tint-opacity"), desk.text("ui-tint-reset"));
    let field = Number {
        name: &name,
        tooltip: &tooltip,
        range: 5.0..=100.0,
        speed: 0.5,
        notch: 5.0,
        decimals: 0,
        unit: " %",
        reset: Some((f64::from(theme::MASK_OPACITY * 100.0).round(), &reset)),
    };
    let percent = f64::from(desk.tint(theme::tokens(ui)).opacity * 100.0).round();
    if let Some(percent) = widgets::number(ui, percent, &field) {
        desk.remember(memory::TINT_OPACITY, percent.round());
    }
}

fn tint_text(colours: TintColours) -> &'static str {
    match colours {
        TintColours::Automatic => "ui-tint-automatic",
        TintColours::Theme => "ui-tint-theme",
        TintColours::Magenta => "ui-tint-magenta",
        TintColours::Yellow => "ui-tint-yellow",
    }
}

/// A length in pixels as it would be now; resetting lets the program choose again.
fn length(
    ui: &mut Ui,
    desk: &mut Desk<'_>,
    document: DocumentId,
    (name, tooltip): (&str, &str),
    now_px: f64,
    set: impl Fn(&mut EditSettings, Option<Length>),
) {
    // Resetting writes a value outside the range, which stands for “choose yourself”.
    const BY_ITSELF: f64 = -1.0;
    let (name, tooltip, reset) = (
        desk.text(name),
        desk.text(tooltip),
        desk.text("ui-automatic"),
    );
    let field = Number {
        name: &name,
        tooltip: &tooltip,
        range: 0.0..=2000.0,
        speed: 0.25,
        notch: 1.0,
        decimals: 0,
        unit: " px",
        reset: Some((BY_ITSELF, &reset)),
    };
    if let Some(px) = widgets::number(ui, now_px.round(), &field) {
        let length = (px >= 0.0).then_some(Length::Px(px));
        desk.set(document, |settings| set(settings, length));
    }
}

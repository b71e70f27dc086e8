//! What is looked at before and after an action, as text.

use eframe::egui::accesskit::Toggled;
use eframe::egui::{Key, Modifiers, Role};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use overpaint::editor::{OpenBatch, RunState};

use super::Stage;
use super::doing::path;

/// Which of the tools are switched on.
pub(super) fn chosen_tools(stage: &mut Stage) -> String {
    let tools = [
        "Brush",
        "Eraser",
        "Erase",
        "Rectangle",
        "Ellipse",
        "Lasso",
        "Polygon lasso",
        "Magic wand",
        "Smart brush",
        "Hand",
    ];
    let chosen: Vec<&str> = tools.into_iter().filter(|tool| stage.is_on(tool)).collect();
    chosen.join(" and ")
}

pub(super) fn mask_view(stage: &mut Stage) -> String {
    let remembered = &stage.window.editor().preferences().window;
    let view = remembered.get("mask view").cloned();
    view.unwrap_or_else(|| "tint".to_owned())
}

/// The folder that is open as a batch.
pub(super) fn batch(stage: &mut Stage) -> String {
    let batch = stage.window.editor().batch();
    batch.map_or_else(|| "none".to_owned(), OpenBatch::name)
}

pub(super) fn documents(stage: &mut Stage) -> String {
    stage.window.editor().documents().len().to_string()
}

pub(super) fn is_unsaved(stage: &mut Stage) -> String {
    let unsaved = stage.window.editor().has_unsaved_work();
    if unsaved { "unsaved" } else { "saved" }.to_owned()
}

pub(super) fn own_file(stage: &mut Stage) -> String {
    let open = stage.window.editor().active().unwrap();
    let name = open.path().and_then(|path| path.file_name());
    name.map_or_else(
        || "none".to_owned(),
        |name| name.to_string_lossy().into_owned(),
    )
}

pub(super) fn written(stage: &mut Stage) -> String {
    let there = path(&stage.window, "out.png").is_file();
    if there { "written" } else { "nothing" }.to_owned()
}

pub(super) fn recipe_written(stage: &mut Stage) -> String {
    let there = path(&stage.window, "out.overpaint-recipe.toml").is_file();
    if there { "written" } else { "nothing" }.to_owned()
}

pub(super) fn painted(stage: &mut Stage) -> String {
    stage.window.painted().to_string()
}

pub(super) fn paint_seen(stage: &mut Stage) -> String {
    let blank = stage.window.painted() == 0;
    if blank { "blank" } else { "painted" }.to_owned()
}

/// How many pixels one touch of the brush paints.
pub(super) fn dab(stage: &mut Stage) -> String {
    stage.window.drag(&[(0.5, 0.5), (0.5, 0.5)]);
    let painted = stage.window.painted();
    stage.keys(Modifiers::COMMAND, Key::Z);
    painted.to_string()
}

pub(super) fn runs(stage: &mut Stage) -> String {
    stage.window.editor().runs().len().to_string()
}

pub(super) fn last_run(stage: &mut Stage) -> String {
    match stage.window.editor().runs()[0].state {
        RunState::Running(_) => "running",
        RunState::Cancelled => "cancelled",
        _ => "something else",
    }
    .to_owned()
}

pub(super) fn layers(stage: &mut Stage) -> String {
    let open = stage.window.editor().active().unwrap();
    open.document().layers().len().to_string()
}

pub(super) fn results(stage: &mut Stage) -> String {
    let editor = stage.window.editor();
    let id = editor.active().unwrap().id();
    editor.candidates(id).count().to_string()
}

/// How many different seeds there are among how many results.
pub(super) fn seeds_of_runs(stage: &mut Stage) -> String {
    let editor = stage.window.editor();
    let id = editor.active().unwrap().id();
    let seeds: Vec<u64> = editor.candidates(id).map(|it| it.settings.seed.0).collect();
    let different: std::collections::BTreeSet<&u64> = seeds.iter().collect();
    format!("{} of {}", different.len(), seeds.len())
}

/// Whether the seed of the result is in the clipboard.
pub(super) fn seed_copied(stage: &mut Stage) -> String {
    let editor = stage.window.editor();
    let id = editor.active().unwrap().id();
    let result = editor.candidates(id).next().unwrap();
    let seed = result.settings.seed.0.to_string();
    let copied = stage.texts.try_iter().any(|text| text == seed);
    if copied { "the seed" } else { "nothing" }.to_owned()
}

/// Which of the results in the strip is shown.
pub(super) fn shown_result(stage: &mut Stage) -> String {
    let about = |node: &egui_kittest::Node<'_>| {
        let label = node.accesskit_node().label().unwrap_or_default();
        label.contains("· seed ")
    };
    let strip = stage.window.harness.query_all_by_role(Role::Button);
    let mut strip: Vec<_> = strip.filter(about).collect();
    strip.sort_by(|a, b| a.rect().left().total_cmp(&b.rect().left()));
    let on = Some(Toggled::True);
    let shown = strip
        .iter()
        .position(|node| node.accesskit_node().toggled() == on);
    shown.map_or_else(|| "none".to_owned(), |place| place.to_string())
}

pub(super) fn prompt(stage: &mut Stage) -> String {
    stage
        .window
        .editor()
        .active()
        .unwrap()
        .settings()
        .prompt
        .clone()
}

/// What the zoom button says.
pub(super) fn zoom(stage: &mut Stage) -> String {
    let button = stage.window.harness.get_by(|node| {
        let label = node.label().unwrap_or_default();
        label.starts_with("Zoom ") && label.ends_with('%')
    });
    let label = button.accesskit_node().label().unwrap_or_default();
    label.trim_start_matches("Zoom ").to_owned()
}

pub(super) fn interface(stage: &mut Stage) -> String {
    stage.window.harness.ctx.zoom_factor().to_string()
}

pub(super) fn on_off(stage: &Stage, name: &str) -> String {
    if stage.is_on(name) { "on" } else { "off" }.to_owned()
}

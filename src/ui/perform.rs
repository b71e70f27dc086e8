//! From actions to what they do: commands to the editor, or changes of the window's own state.

use std::path::{Path, PathBuf};

use eframe::egui::{self, ViewportCommand};

use super::actions::Action;
use super::background;
use super::batch;
use super::canvas;
use super::clipboard;
use super::context::{Desk, memory};
use super::dialogs::FileChooser;
use super::file_purpose::FilePurpose;
use super::mask_view;
use super::panels;
use super::results;
use super::selecting;
use super::state::{
    Dialog, EmptyPrompt, GetForm, Guide, Leaving, ModelPlace, PaletteQuery, ServersForm, Tool,
};
use super::tasks;
use super::theme;
use super::view_transform::View;
use crate::bulk::RECIPE_ENDING;
use crate::document::DocumentId;
use crate::editor::{Command, OpenDocument, Sample, SaveStep, ServerCommand, Theme};
use crate::plan::MaskMode;
use crate::text::Language;

/// The line between two pictures, of a pair that is compared or of before and after.
fn toggle_split(desk: &mut Desk<'_>) {
    let toggled = |at: Option<f32>| if at.is_some() { None } else { Some(0.5) };
    match &mut desk.state.pair {
        Some(pair) => pair.wipe = toggled(pair.wipe),
        None => desk.state.split = toggled(desk.state.split),
    }
}

/// Does an action.
pub(super) fn perform(
    ctx: &egui::Context,
    desk: &mut Desk<'_>,
    files: &mut FileChooser,
    action: Action,
) {
    if batch::perform(desk, action) {
        return;
    }
    match action {
        Action::OpenSample => desk.send(Command::OpenSample(Sample::PortraitCity)),
        Action::Paste => ctx.send_viewport_cmd(ViewportCommand::RequestPaste),
        Action::Copy => clipboard::copy_picture(ctx, desk.editor),
        Action::Quit => ctx.send_viewport_cmd(ViewportCommand::Close),
        Action::Open => {
            // The empty name stands for the folder itself.
            let folder = folder_used_last(desk).join("");
            ask(desk, files, FilePurpose::Open, folder);
        }
        Action::ToggleMask => toggle_mask(desk),
        Action::ToggleArea => desk.state.shown.area = !desk.state.shown.area,
        Action::TogglePanels => desk.state.shown.panels = !desk.state.shown.panels,
        Action::ToggleTheme => toggle_theme(ctx, desk),
        Action::ToggleLanguage => toggle_language(desk),
        Action::LargerInterface => scale_interface(desk, true),
        Action::SmallerInterface => scale_interface(desk, false),
        Action::ResetInterface => reset_interface(desk),
        Action::ToggleMotion => {
            let still = !desk.state.still;
            desk.remember(memory::STILL, still);
        }
        Action::SaveAll => desk.state.leaving = Some(Leaving::nothing()),
        Action::ReopenClosed => {
            if let Some(closed) = desk.editor.recently_closed().first() {
                desk.send(Command::Restore(closed.id));
            }
        }
        Action::Recover => toggle_dialog(desk, Dialog::Recovery),
        Action::GetModel => {
            desk.send(Command::ForgetQuestion);
            toggle_dialog(desk, Dialog::Get(GetForm::default()));
        }
        Action::Servers => {
            desk.send(Command::Server(ServerCommand::AskAll));
            toggle_dialog(desk, Dialog::Servers(ServersForm::default()));
        }
        Action::Messages => toggle_dialog(desk, Dialog::Messages),
        Action::Shortcuts => toggle_dialog(desk, Dialog::Shortcuts),
        Action::Palette => toggle_dialog(desk, Dialog::Palette(PaletteQuery::default())),
        Action::Guide => open_guide(desk),
        Action::QuickMask | Action::NextMaskView => mask_view::choose(desk, action),
        Action::SmallerBrush => scale_brush(desk, 1.0 / 1.15),
        Action::LargerBrush => scale_brush(desk, 1.15),
        Action::Split => toggle_split(desk),
        Action::Cancel => cancel(desk),
        _ => {
            if let Some(tool) = Tool::of(action) {
                return pick(desk, tool);
            }
            if let Some(part) = selecting::part_of(action) {
                return selecting::select(ctx, desk, part);
            }
            if let Some(task) = tasks::task_of(action) {
                return tasks::begin(desk, task);
            }
            let document = desk.editor.active().map(OpenDocument::id);
            if document.is_some_and(|document| background::perform(desk, document, action)) {
                return;
            }
            if matches!(action, Action::Generate | Action::CompareStrengths) {
                leave_text(ctx);
            }
            if let Some(open) = desk.editor.active()
                && !mask_view::accept_refining(desk, open.id(), action)
                && !results::perform(ctx, desk, open, action)
                && !panels::layer_action(desk, open, action)
            {
                perform_on(desk, files, open, action);
            }
        }
    }
}

/// Gives the keyboard from a text field to the canvas: what comes next is about the result.
fn leave_text(ctx: &egui::Context) {
    if ctx.text_edit_focused() {
        ctx.memory_mut(|memory| memory.request_focus(canvas::canvas_id()));
    }
}

fn save_recipe(desk: &mut Desk<'_>, files: &mut FileChooser, open: &OpenDocument) {
    let like = suggested(desk, open, "");
    let name = like.file_stem().unwrap_or_default().to_string_lossy();
    let like = like.with_file_name(format!("{name}{RECIPE_ENDING}"));
    let layer = desk.state.recipe_of.take();
    ask(desk, files, FilePurpose::SaveRecipe(open.id(), layer), like);
}

/// Actions that concern the document in front.
pub(super) fn perform_on(
    desk: &mut Desk<'_>,
    files: &mut FileChooser,
    open: &OpenDocument,
    action: Action,
) {
    let document = open.id();
    match action {
        Action::Save => save(desk, files, open),
        Action::SaveAs | Action::Export | Action::LoadMask | Action::SaveMask => {
            let (purpose, ending) = match action {
                Action::SaveAs => (FilePurpose::SaveAs(document), ""),
                Action::Export => (FilePurpose::Export(document), "-edited"),
                Action::LoadMask => (FilePurpose::LoadMask(document), "-mask"),
                _ => (FilePurpose::SaveMask(document), "-mask"),
            };
            ask(desk, files, purpose, suggested(desk, open, ending));
        }
        Action::SaveRecipe => save_recipe(desk, files, open),
        Action::CloseTab if desk.editor.losses(document).any() => {
            desk.state.dialog = Some(Dialog::CloseUnsaved(document));
        }
        Action::CloseTab => desk.send(Command::CloseDocument {
            document,
            discard_unsaved: false,
        }),
        Action::Undo => undo(desk, document),
        Action::Redo => desk.send(Command::Redo { document }),
        Action::InvertMask => desk.send(Command::InvertMask { document }),
        Action::ClearMask => desk.send(Command::ClearMask { document }),
        Action::Refine => mask_view::refine(desk, document),
        Action::ErasePainted => {
            desk.send(Command::ErasePainted { document });
            // What is gone is to be seen as it is.
            desk.state.show_mask(document, false);
        }
        Action::PutPicture => {
            let folder = folder_used_last(desk).join("");
            ask(desk, files, FilePurpose::PutBehind(document), folder);
        }
        Action::SwapMode => desk.set(document, |settings| {
            settings.mask_mode = match settings.mask_mode {
                MaskMode::Changes => MaskMode::Stays,
                MaskMode::Stays => MaskMode::Changes,
            };
        }),
        Action::Generate | Action::CompareStrengths if is_asked_first(desk, open, action) => {
            desk.state.dialog = Some(Dialog::EmptyPrompt(EmptyPrompt::new(document, action)));
        }
        Action::Generate => generate(desk, document),
        Action::CompareStrengths => compare(desk, document),
        Action::PreviousPrompt => step_prompt(desk, document, true),
        Action::NextPrompt => step_prompt(desk, document, false),
        Action::ZoomIn | Action::ZoomOut | Action::Fit | Action::ActualSize => {
            zoom(desk.state.view_in_front(document), action);
        }
        Action::LastComparison => {
            let was_open = desk.state.leave_views().comparison;
            let last = desk.last_comparison(document);
            desk.state.comparison = last.filter(|_| was_open.is_none());
        }
        // The others need no document and are done above.
        _ => {}
    }
}

/// Takes the newest thing back, which may be a corner that is no edit yet.
fn undo(desk: &mut Desk<'_>, document: DocumentId) {
    if !canvas::remove_corner(desk) {
        desk.send(Command::Undo { document });
    }
}

/// Saves to the document's own file, after asking where that needs an answer.
fn save(desk: &mut Desk<'_>, files: &mut FileChooser, open: &OpenDocument) {
    let document = open.id();
    match open.save_step() {
        SaveStep::Nothing | SaveStep::Write(_) => desk.send(Command::Save { document }),
        SaveStep::ChoosePlace => {
            let place = suggested(desk, open, "");
            ask(desk, files, FilePurpose::SaveAs(document), place);
        }
        SaveStep::Ask(question) => {
            desk.state.dialog = Some(Dialog::HowToSave(document, question));
        }
    }
}

/// Opens the file dialogs that panels have asked for.
pub(super) fn ask_for_files(desk: &mut Desk<'_>, files: &mut FileChooser) {
    if let Some(place) = desk.state.wants.model_place.take() {
        let purpose = match place {
            ModelPlace::File => FilePurpose::ModelFile,
            ModelPlace::Folder => FilePurpose::ModelFolder,
        };
        ask(desk, files, purpose, PathBuf::new());
    }
    if let Some(purpose) = desk.state.batch.wants_file.take() {
        // The empty name stands for the folder itself.
        let folder = folder_used_last(desk).join("");
        ask(desk, files, purpose, folder);
    }
    if std::mem::take(&mut desk.state.wants.lora_file)
        && let Some(open) = desk.editor.active()
    {
        ask(desk, files, FilePurpose::Lora(open.id()), PathBuf::new());
    }
    if std::mem::take(&mut desk.state.wants.sheet_file)
        && let Some(comparison) = desk.state.comparison
        && let Some(open) = desk.editor.active()
    {
        ask(
            desk,
            files,
            FilePurpose::ExportSheet(comparison),
            suggested(desk, open, "-strengths"),
        );
    }
}

/// Asks where to read or write.
fn ask(desk: &mut Desk<'_>, files: &mut FileChooser, purpose: FilePurpose, suggested: PathBuf) {
    if let Some(field) = files.ask(purpose, suggested, desk.texts) {
        desk.state.dialog = Some(Dialog::Path(field));
    }
}

/// A path beside the document's own; for one without, in the folder used last.
fn suggested(desk: &Desk<'_>, open: &OpenDocument, suffix: &str) -> PathBuf {
    let own = open.path().unwrap_or_else(|| Path::new(open.title()));
    let stem = own.file_stem().map_or_else(
        || "picture".to_owned(),
        |stem| stem.to_string_lossy().into_owned(),
    );
    let ending = match own.extension() {
        Some(ending) if suffix.is_empty() => ending.to_string_lossy().into_owned(),
        _ => "png".to_owned(),
    };
    let name = format!("{stem}{suffix}.{ending}");
    match open.path() {
        Some(own) => own.with_file_name(name),
        None => folder_used_last(desk).join(name),
    }
}

/// Where the last picture came from, else where pictures are kept.
fn folder_used_last(desk: &Desk<'_>) -> PathBuf {
    let recent = desk.editor.preferences().recent_files.first();
    let last = recent.and_then(|file| file.parent());
    let home = std::env::home_dir().unwrap_or_default();
    let mut folders = last.map(Path::to_owned).into_iter();
    folders
        .find(|folder| folder.is_dir())
        .or_else(|| Some(home.join("Pictures")).filter(|pictures| pictures.is_dir()))
        .unwrap_or(home)
}

fn toggle_mask(desk: &mut Desk<'_>) {
    match desk.editor.active() {
        Some(open) => {
            let shown = desk.state.is_mask_shown(open);
            desk.state.show_mask(open.id(), !shown);
        }
        None => desk.state.shown.mask = !desk.state.shown.mask,
    }
}

/// Takes a tool. All but the hand and erasing are for the mask, so it is seen again.
fn pick(desk: &mut Desk<'_>, tool: Tool) {
    if tool == Tool::Click && desk.editor.segmenter().is_none() {
        // It needs a network that is not here: this is where it can be had.
        desk.send(Command::ForgetQuestion);
        desk.state.dialog = Some(Dialog::Get(GetForm::of("mobile-sam")));
        return;
    }
    desk.state.tool = tool;
    desk.state.tools.note(tool);
    if !matches!(tool, Tool::Hand | Tool::Erase)
        && let Some(document) = desk.editor.active().map(OpenDocument::id)
    {
        desk.state.turn_to_mask(document);
    }
}

fn toggle_theme(ctx: &egui::Context, desk: &mut Desk<'_>) {
    let theme = match ctx.theme() {
        egui::Theme::Dark => Theme::Light,
        egui::Theme::Light => Theme::Dark,
    };
    desk.prefer(|preferences| preferences.theme = theme);
}

/// The next of a few sizes of the interface.
fn scale_interface(desk: &mut Desk<'_>, larger: bool) {
    let own = desk.state.own_scale_percent.unwrap_or(100);
    let now: u32 = desk.remembered(memory::SCALE).unwrap_or(own);
    let mut steps = theme::SCALES_PERCENT.into_iter();
    let next = if larger {
        steps.find(|step| *step > now)
    } else {
        steps.rfind(|step| *step < now)
    };
    if let Some(next) = next {
        desk.remember(memory::SCALE, next);
    }
}

/// The size that suits the screen.
fn reset_interface(desk: &mut Desk<'_>) {
    desk.prefer(|preferences| _ = preferences.window.remove(memory::SCALE));
}

fn toggle_language(desk: &mut Desk<'_>) {
    let now = desk.editor.language();
    let all = Language::ALL;
    let place = all
        .iter()
        .position(|language| *language == now)
        .unwrap_or(0);
    let next = all.get((place + 1) % all.len()).copied();
    desk.prefer(|preferences| preferences.language = next);
}

fn toggle_dialog(desk: &mut Desk<'_>, dialog: Dialog) {
    let same = desk
        .state
        .dialog
        .as_ref()
        .is_some_and(|open| std::mem::discriminant(open) == std::mem::discriminant(&dialog));
    desk.state.dialog = if same { None } else { Some(dialog) };
}

fn open_guide(desk: &mut Desk<'_>) {
    desk.state.guide = Some(Guide::default());
    if desk.editor.active().is_none() {
        desk.send(Command::OpenSample(Sample::PortraitCity));
    }
}

fn scale_brush(desk: &mut Desk<'_>, factor: f32) {
    let now = desk.state.brush.diameter_px;
    // At least a pixel, so that small brushes change too.
    let next = if factor > 1.0 {
        (now * factor).max(now + 1.0)
    } else {
        (now * factor).min(now - 1.0)
    };
    desk.state.set_brush_px(next.round());
}

/// Escape goes back by one: from the sheet, from the run, from the result, from the line.
fn cancel(desk: &mut Desk<'_>) {
    let views = desk.state.leave_views();
    let was_away = views.comparison.is_some() || views.pair.is_some() || views.grid;
    if was_away || mask_view::give_up_refining(desk) || selecting::stop(desk) {
        return;
    }
    if desk.state.tool == Tool::Click
        && let Some(document) = desk.open().map(OpenDocument::id)
        && desk.editor.clicks(document).is_some()
    {
        desk.send(Command::ForgetClicks { document });
        return;
    }
    if !desk.editor.erasures().is_empty() {
        desk.send(Command::CancelErasing);
        return;
    }
    if let Some(run) = desk.editor.running() {
        panels::stop(desk, run);
        return;
    }
    if let Some(document) = desk.open().map(OpenDocument::id)
        && desk.state.of(document).shown_result().is_some()
    {
        desk.state.of(document).show_result(None);
        return;
    }
    desk.state.split = None;
}

fn zoom(view: &mut View, action: Action) {
    match action {
        Action::ZoomIn => view.zoom_step(true),
        Action::ZoomOut => view.zoom_step(false),
        Action::ActualSize => view.actual_size(),
        _ => view.fits = true,
    }
}

/// True where nothing is described and nobody has agreed to that.
fn is_asked_first(desk: &mut Desk<'_>, open: &OpenDocument, action: Action) -> bool {
    // The same button leads back from a comparison.
    let leads_back = action == Action::CompareStrengths && desk.state.comparison.is_some();
    open.settings().prompt.trim().is_empty()
        && !leads_back
        && !desk.state.of(open.id()).runs_without_prompt
        && desk.remembered(memory::EMPTY_PROMPTS) != Some(true)
}

fn generate(desk: &mut Desk<'_>, document: DocumentId) {
    // The run appears on the canvas, so the canvas is shown.
    desk.state.leave_views();
    let known = desk.state.of(document);
    known.show_result(None);
    known.prompt_back = None;
    // What the run will change is seen until its first preview is.
    desk.state.turn_to_mask(document);
    desk.send(Command::Generate { document });
}

fn compare(desk: &mut Desk<'_>, document: DocumentId) {
    if desk.state.comparison.take().is_some() {
        return;
    }
    let strengths = desk.editor.preferences().strengths.clone();
    desk.state.turn_to_mask(document);
    desk.send(Command::CompareStrengths {
        document,
        strengths,
    });
    desk.state.comparisons_seen = Some(desk.editor.comparisons(document).count());
}

/// Goes through the prompts used before, the newest first.
fn step_prompt(desk: &mut Desk<'_>, document: DocumentId, back: bool) {
    let prompts = desk.editor.preferences().recent_prompts.clone();
    let now = desk.state.of(document).prompt_back;
    let next = match (now, back) {
        (None, true) => Some(0),
        (Some(place), true) => Some((place + 1).min(prompts.len().saturating_sub(1))),
        (Some(place), false) => place.checked_sub(1),
        (None, false) => None,
    };
    let Some(prompt) = next.and_then(|place| prompts.get(place)).cloned() else {
        return;
    };
    desk.state.of(document).prompt_back = next;
    desk.set(document, |settings| settings.prompt = prompt);
}

//! Which part of the editor carries out a command.

use super::{Command, Editor};
use crate::document::EditLabel;

impl Editor {
    #[expect(clippy::too_many_lines, reason = "one line a command")]
    pub(super) fn dispatch(&mut self, command: Command) {
        use Command as C;
        match command {
            C::OpenFile(path) => self.open_file(path),
            C::OpenPixels { title, pixels } => self.open_pixels(title, pixels),
            C::OpenSample(sample) => self.open_sample(sample),
            C::CloseDocument {
                document,
                discard_unsaved,
            } => self.close_document(document, discard_unsaved),
            C::Activate(document) => self.activate(document),
            C::Save { document } => self.save(document),
            C::SaveCopy { document } => self.save_copy(document),
            C::SaveProject { document } => self.save_project(document),
            C::ReplaceOriginal { document } => self.replace_original(document),
            C::SaveAs {
                document,
                path,
                jpeg_quality,
            } => self.save_as(document, path, jpeg_quality),
            C::Export {
                document,
                path,
                jpeg_quality,
            } => self.export(document, path, jpeg_quality),
            C::ExportPixels { pixels, path } => self.export_pixels(pixels, path),
            C::StrokeBegin {
                document,
                brush,
                at,
            } => self.stroke_begin(document, brush, at),
            C::StrokeTo { document, at } => self.stroke_to(document, at),
            C::StrokeEnd { document } => self.stroke_end(document),
            C::StrokeAbort { document } => self.stroke_abort(document),
            tool @ (C::DrawShape { .. }
            | C::UseWand { .. }
            | C::UseWandAgain { .. }
            | C::Scribble { .. }
            | C::Refine { .. }
            | C::EndRefining { .. }) => self.use_mask_tool(tool),
            C::Select {
                document,
                part,
                how,
            } => self.select(document, part, how),
            C::ClickSelect { document, clicks } => self.click(document, clicks),
            C::ForgetClicks { document } => self.forget_clicks(document),
            C::CancelSelect { document } => {
                self.cancel_clicking(document);
                self.cancel_selecting(document);
            }
            C::InvertMask { document } => self.invert_mask(document),
            C::ClearMask { document } => self.clear_mask(document),
            C::SetMaskKind { document, kind } => self.set_mask_kind(document, kind),
            C::PutBehind { document, behind } => self.put_behind(document, behind),
            C::Harmonise { document } => self.harmonise(document),
            C::LoadMask { document, path } => self.load_mask(document, path),
            C::SaveMask { document, path } => self.save_mask(document, path),
            C::SaveRecipe {
                document,
                layer,
                path,
            } => self.save_recipe(document, layer, path),
            C::EraseAlong {
                document,
                brush,
                line,
            } => self.erase_along(document, brush, line),
            C::ErasePainted { document } => self.erase_painted(document),
            C::CancelErasing => self.cancel_erasing(None),
            C::Undo { document } => self.undo(document),
            C::Redo { document } => self.redo(document),
            C::CropCanvas { document, rect } => {
                self.edit(document, EditLabel::CropCanvas, |state| {
                    state.crop_canvas(rect);
                });
            }
            C::SetSettings { document, settings } => self.with_document(document, |open| {
                open.change_about(|about| about.settings = *settings);
            }),
            C::LockSeed { document, locked } => self.with_document(document, |open| {
                open.change_about(|about| about.seed_locked = locked);
            }),
            C::SetModel(model) => self.set_model(model),
            C::TellModel(file) => self.tell_model(file),
            C::FindModels => {
                self.list_models();
                self.ask_servers();
            }
            C::Server(command) => self.do_server(command),
            C::AskForModel(source) => self.ask_for_model(&source),
            C::AcceptQuestion => self.accept_question(),
            C::ForgetQuestion => self.forget_question(),
            C::StopGetting(id) => self.stop_getting(id),
            C::GoOnGetting(id) => self.go_on_getting(id),
            C::ForgetGetting(id) => self.forget_getting(id),
            C::AddLora { document, path } => self.add_lora(document, path),
            C::Generate { document } => self.generate(document),
            C::CompareStrengths {
                document,
                strengths,
            } => self.compare_strengths(document, strengths),
            C::AddBetween {
                comparison,
                lower,
                upper,
            } => self.add_between(comparison, lower, upper),
            C::Cancel(job) => self.runner.cancel(job),
            C::CancelAll => self.runner.cancel_all(),
            C::RemoveQueued(job) => self.runner.remove_waiting(job),
            C::MoveQueued { job, to } => self.runner.move_waiting(job, to),
            C::AcceptCandidate(candidate) => self.accept_candidate(candidate),
            C::FinishInFull(candidate) => self.finish_in_full(candidate),
            C::CheckRerun(of) => self.check_rerun(of),
            C::AcceptBeside(candidate) => self.accept_beside(candidate),
            C::DiscardCandidate(candidate) => self.discard(&[candidate]),
            C::DiscardResults(candidates) => self.discard(&candidates),
            C::BringBack { document } => self.bring_back(document),
            C::RunAgain { result, other_seed } => self.run_again(result, other_seed),
            C::LookAt(candidate) => self.look_at(candidate),
            C::CloseComparison(comparison) => self.close_comparison(comparison),
            C::SetLayerVisible {
                document,
                layer,
                visible,
            } => self.set_layer_visible(document, layer, visible),
            C::SetLayerOpacity {
                document,
                layer,
                opacity,
                done,
            } => self.set_layer_opacity(document, layer, opacity, done),
            C::SetLayerName {
                document,
                layer,
                name,
            } => self.set_layer_name(document, layer, name),
            C::DuplicateLayer { document, layer } => self.duplicate_layer(document, layer),
            C::RedoLayer { document, layer } => self.redo_layer(document, layer),
            C::StopRedoing { document } => self.stop_redoing(document),
            C::DeleteLayer { document, layer } => self.delete_layer(document, layer),
            C::MoveLayer {
                document,
                layer,
                to,
            } => self.move_layer(document, layer, to),
            C::Batch(command) => self.do_batch(command),
            C::SetPreferences(preferences) => self.set_preferences(*preferences),
            C::Restore(recovery) => self.restore(recovery),
            C::DiscardRecovery(recovery) => self.discard_recovery(recovery),
            C::TryAgain(notice) => self.try_again(notice),
            C::DismissNotice(notice) => self.notices.dismiss(notice),
        }
    }
}

//! What a batch does: its orders to the lane, and what the lane says.

use std::sync::Arc;
use std::time::Instant;

use super::OpenBatch;
use super::doing::{Activity, Doing, RunningPicture};
use super::kept::{review_of, tries_of};
use super::looks::LookOf;
use super::picture::{BatchPhase, BatchPicture, Redo};
use super::tries::{Tries, few_of};
use crate::bulk::{BulkRecipe, ReportRow, SeedRule, State};
use crate::editor::{Editor, EditorError};
use crate::jobs::{BatchEvent, BatchLane, BatchOrder, Review, VisionFactory, Wake};
use crate::plan::{Seed, Strength};
use crate::text::{Language, Message};

impl OpenBatch {
    /// Where masks are laid out, and what was said of them.
    pub(super) fn review(&self) -> Review {
        let decided = self.pictures.iter().filter_map(|picture| {
            let decision = picture.known.decision?;
            Some((picture.source.name(), decision))
        });
        Review {
            folder: review_of(&self.out, self.chosen.selected()),
            decisions: decided.collect(),
        }
    }

    pub(super) fn stop(&mut self) {
        if let Some(doing) = &mut self.doing {
            doing.lane.stop();
            doing.is_stopping = true;
        }
    }

    pub(super) fn hold(&mut self, is_held: bool) {
        if let Some(doing) = &mut self.doing {
            match (is_held, doing.held_since) {
                (true, None) => doing.held_since = Some(Instant::now()),
                (false, Some(since)) => {
                    doing.began += since.elapsed();
                    doing.held_since = None;
                }
                _ => {}
            }
            doing.lane.hold(is_held);
        }
    }

    /// Ends what is done and takes in all that it has said.
    pub(super) fn stop_and_wait(&mut self) {
        self.stop();
        while let Some(event) = self.doing.as_mut().and_then(|doing| doing.lane.wait()) {
            // Nobody asks any more how it ended.
            _ = self.take(event);
        }
        self.doing = None;
    }

    pub(super) fn each(&mut self, places: &[usize], change: impl Fn(&mut BatchPicture)) {
        for place in places {
            if let Some(picture) = self.pictures.get_mut(*place).map(Arc::make_mut) {
                change(picture);
            }
        }
    }

    /// What comes of those pictures is not what is wanted now, where it is that which is done.
    pub(super) fn outdate(&mut self, places: &[usize], by: &[Activity]) {
        if let Some(doing) = &mut self.doing
            && by.contains(&doing.activity)
        {
            doing.outdated.extend(places);
        }
    }

    /// What an order to that lane says.
    fn order_for(&self, pictures: &[usize], recipe: BulkRecipe, language: Language) -> BatchOrder {
        let sources = pictures.iter().filter_map(|at| self.pictures.get(*at));
        BatchOrder {
            recipe,
            recipe_folder: self.chosen.folder.clone(),
            data_dir: Default::default(),
            models: Vec::new(),
            sources: sources.map(|picture| picture.source.clone()).collect(),
            out: self.out.clone(),
            review: self.review(),
            masks_only: false,
            is_redo: false,
            writes_tables: false,
            language,
        }
    }

    /// Takes in an event; how it ended, where it did.
    fn take(&mut self, event: BatchEvent) -> Option<Result<(), Message>> {
        let doing = self.doing.as_mut()?;
        match event {
            BatchEvent::Begins(index) => {
                let place = doing.pictures.get(index).copied()?;
                doing.running.push(RunningPicture {
                    place,
                    stage: None,
                    preview: None,
                });
            }
            BatchEvent::Stage(index, stage) => doing.running(index)?.stage = Some(stage),
            // It is the editor's to hear.
            BatchEvent::Ran(_) => {}
            BatchEvent::Settled { index, rows, .. } => {
                doing.settled += 1;
                let masks_only = doing.activity == Activity::Masks;
                let was_run = |row: &ReportRow| row.state == Some(State::Done);
                doing.ran += usize::from(masks_only || rows.iter().any(was_run));
                let place = doing.pictures.get(index).copied()?;
                doing.running.retain(|running| running.place != place);
                let (activity, redo) = (doing.activity, doing.redo);
                if !doing.outdated.contains(&place) {
                    self.settle(place, rows, (activity, redo));
                }
            }
            BatchEvent::Ended(result) => return Some(result),
        }
        None
    }

    fn settle(
        &mut self,
        place: usize,
        rows: Vec<ReportRow>,
        (activity, redo): (Activity, Option<Redo>),
    ) {
        if activity == Activity::Try {
            self.tries.take(rows);
            self.looks.forget_all(LookOf::Try);
            self.change();
            return;
        }
        let Some(picture) = self.pictures.get_mut(place).map(Arc::make_mut) else {
            return;
        };
        if activity == Activity::Masks {
            picture.take_mask(&rows);
            self.looks.forget(place, LookOf::Cutout);
        } else {
            picture.take_results(&rows, activity == Activity::Redo);
            let is_new = rows.iter().any(|row| row.state == Some(State::Done));
            if is_new {
                picture.known.redone = redo;
                self.looks.forget(place, LookOf::Result);
            }
            // A run may find masks that nobody has waited for.
            let has_mask = rows.iter().any(|row| row.doubt.is_some());
            if has_mask
                && self.selects()
                && let Some(picture) = self.pictures.get_mut(place).map(Arc::make_mut)
            {
                picture.take_mask(&rows);
            }
        }
        self.change();
    }
}

impl Editor {
    /// Whether something is done already; that is said.
    fn is_batch_busy(&mut self) -> bool {
        let is_busy = self.doing_mut().is_some();
        if is_busy {
            self.notices
                .warning(None, Message::new("editor-batch-busy"));
        }
        is_busy
    }

    pub(super) fn begin_batch(&mut self, activity: Activity) {
        if self.is_batch_busy() {
            return;
        }
        let language = self.language();
        let Some(batch) = self.batch() else { return };
        let all: Vec<usize> = (0..batch.pictures.len()).collect();
        let mut order = batch.order_for(&all, batch.recipe().clone(), language);
        order.masks_only = activity == Activity::Masks;
        order.writes_tables = activity == Activity::Run;
        if activity == Activity::Run {
            self.with_batch(|batch| batch.phase = BatchPhase::Run);
        }
        self.start_batch(order, all, (activity, None));
    }

    pub(super) fn try_batch(&mut self, pictures: Vec<usize>, mut strengths: Vec<Strength>) {
        if self.is_batch_busy() {
            return;
        }
        let language = self.language();
        let Some(batch) = &mut self.batches.open else {
            return;
        };
        let few = if pictures.is_empty() {
            few_of(&batch.pictures)
        } else {
            pictures.into_iter().take(Tries::MOST).collect()
        };
        strengths.sort_by(|a, b| a.get().total_cmp(&b.get()));
        strengths.dedup();
        let mut recipe = batch.recipe().clone();
        recipe.output.name = None;
        if let Some(edit) = &mut recipe.edit {
            edit.strength = None;
            edit.strengths.clone_from(&strengths);
        } else {
            strengths.clear();
        }
        let names = few.iter().filter_map(|at| batch.pictures.get(*at));
        batch.tries = Tries {
            pictures: names.map(|picture| picture.source.name()).collect(),
            strengths,
            tiles: Vec::new(),
        };
        batch.looks.forget_all(LookOf::Try);
        let mut order = batch.order_for(&few, recipe, language);
        order.out = tries_of(&batch.out);
        self.start_batch(order, few, (Activity::Try, None));
    }

    pub(super) fn choose_batch_strength(&mut self, strength: Strength) {
        let Some(batch) = &mut self.batches.open else {
            return;
        };
        let mut chosen = batch.chosen.clone();
        let Some(edit) = &mut chosen.recipe.edit else {
            return;
        };
        edit.strength = Some(strength);
        edit.strengths.clear();
        // They were tried for this, and what is still to come of them too.
        let tries = std::mem::take(&mut batch.tries);
        let is_trying = batch.doing().map(Doing::activity) == Some(Activity::Try);
        if is_trying {
            batch.take_recipe(chosen);
        } else {
            self.change_batch_recipe(chosen);
        }
        if let Some(batch) = &mut self.batches.open {
            batch.tries = tries;
        }
    }

    pub(super) fn redo_in_batch(&mut self, place: usize, how: Redo) {
        if self.is_batch_busy() {
            return;
        }
        let language = self.language();
        let Some(batch) = self.batch() else { return };
        let Some(picture) = batch.pictures.get(place) else {
            return;
        };
        let mut recipe = batch.recipe().clone();
        let Some(edit) = &mut recipe.edit else {
            return;
        };
        let before = picture.known.outputs.first();
        let seed = before.and_then(|output| output.seed).map(Seed);
        let strength = before.and_then(|output| Strength::new(output.strength?).ok());
        let how = Redo {
            strength: how.strength.or(strength),
            seed: how.seed.or(seed),
        };
        if let Some(strength) = how.strength {
            edit.strength = Some(strength);
            edit.strengths.clear();
        }
        edit.seed = how.seed.map_or(edit.seed, SeedRule::Fixed);
        let mut order = batch.order_for(&[place], recipe, language);
        order.is_redo = true;
        self.start_batch(order, vec![place], (Activity::Redo, Some(how)));
    }

    fn start_batch(
        &mut self,
        mut order: BatchOrder,
        pictures: Vec<usize>,
        (activity, redo): (Activity, Option<Redo>),
    ) {
        order.data_dir.clone_from(&self.data_dir);
        let homes = self.homes_of_batch();
        order.models = homes.iter().map(|home| Some(home.model.clone())).collect();
        match (order.models.first_mut(), homes.first()) {
            // What needs no model is done on this machine.
            (None, _) => order.models.push(None),
            // One that is here is found by the recipe, and held against what the recipe says it is.
            (Some(own), Some(home)) if home.engine().server().is_none() => *own = None,
            _ => {}
        }
        let (engines, vision) = (
            self.batches.engines.clone(),
            VisionFactory::clone(&self.vision),
        );
        let wake = Wake::clone(&self.batches.wake);
        let Some(batch) = &mut self.batches.open else {
            return;
        };
        let Ok(lane) = BatchLane::start(order, engines, vision, wake) else {
            return self.notices.warn(None, &EditorError::TooBusy);
        };
        batch.doing = Some(Doing::new(activity, (lane, pictures), &homes, redo));
        batch.change();
    }

    /// Takes in what the lane has said.
    pub(super) fn poll_batch_lane(&mut self) {
        let mut ended = None;
        while ended.is_none()
            && let Some(event) = self.doing_mut().and_then(|doing| doing.lane.poll())
        {
            self.changed = true;
            match (event, &mut self.batches.open) {
                (BatchEvent::Ran(ran), _) => self.batch_ran(*ran),
                (event, Some(batch)) => ended = batch.take(event),
                (_, None) => {}
            }
        }
        let Some(batch) = &mut self.batches.open else {
            return;
        };
        if let Some(doing) = &mut batch.doing
            && let Some((index, preview, extent)) = doing.lane.take_preview()
            && let Some(running) = doing.running(index)
        {
            running.preview = Some(Arc::new((preview, extent)));
            self.changed = true;
        }
        if let Some(ended) = ended {
            let doing = batch.doing.take();
            batch.change();
            match ended {
                Err(message) => self.notices.warning(None, message),
                Ok(()) => {
                    if let Some(doing) = doing.filter(|doing| !doing.is_stopping) {
                        self.batch_ended(&doing);
                    }
                }
            }
        }
    }

    /// What is being done has come to its end.
    fn batch_ended(&mut self, doing: &Doing) {
        if doing.activity != Activity::Run {
            return;
        }
        if !doing.outdated.is_empty() {
            // What was changed meanwhile is run too; what is done is kept.
            return self.begin_batch(Activity::Run);
        }
        let Some(batch) = &mut self.batches.open else {
            return;
        };
        batch.refresh();
        if batch.phase == BatchPhase::Run {
            batch.phase = BatchPhase::Review;
        }
        let done = Message::new("editor-batch-done").with("count", batch.counts().done);
        self.notices.info(None, done);
    }
}

//! Between selecting and running: pictures are pulled by whichever engine is free, result by result. What an engine
//! could not make goes to another that may; one that does not answer is asked less until it answers again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded, never, select};

use super::running::{Failure, Made, Order, Report, Running, row};
use super::selecting::Masked;
use super::{Batch, EngineFactory, Going, Settled, Step, resumed};
use crate::bulk::{Job, JobTask, ReportRow, State};
use crate::catalog::{holds_cjk, in_english};
use crate::jobs::JobId;
use crate::jobs::queue::{GivenBack, Queue};
use crate::jobs::rest::Rest;
use crate::text::Message;

/// So often it is looked whether it is stopped, or a rest is over.
const LOOK: Duration = Duration::from_millis(50);

/// Runs every job on the engines, one thread each; seconds of their work together.
pub(super) fn run_all(
    batch: &Batch<'_>,
    engines: &[EngineFactory],
    going: Going<'_>,
    pictures: &Receiver<Step<Masked>>,
    next: &Sender<Made>,
) -> f64 {
    // What needs no model needs one thread.
    let count = batch.work.models().count().clamp(1, engines.len().max(1));
    let (reports_tx, reports) = bounded(count);
    std::thread::scope(|scope| {
        let mut lanes = Vec::new();
        let mut threads = Vec::new();
        for lane in engines.iter().take(count).enumerate() {
            // One order at most is on its way to each.
            let (orders_tx, orders) = bounded(1);
            let (next, reports) = (next.clone(), reports_tx.clone());
            let run = move || Running::new(batch, lane, going).run(&orders, &next, &reports);
            threads.push(scope.spawn(run));
            lanes.push(Lane {
                orders: orders_tx,
                rest: Rest::default(),
            });
        }
        drop(reports_tx);
        let mut handing = Handing {
            batch,
            next,
            lanes,
            queue: Queue::default(),
            pictures: BTreeMap::new(),
            said: BTreeSet::new(),
        };
        // Whatever ends it, the threads end when no more orders can come.
        _ = handing.hand_out(going, pictures, &reports);
        drop(handing);
        threads
            .into_iter()
            .map(|thread| resumed(thread.join()))
            .sum()
    })
}

struct Lane {
    orders: Sender<Order>,
    rest: Rest,
}

/// A picture some of whose results are not settled yet.
struct Open {
    picture: Arc<Masked>,
    /// Results that are still to come.
    left: usize,
    is_begun: bool,
    /// Of those that failed.
    rows: Vec<ReportRow>,
    notes: Vec<Message>,
}

/// One result: of which picture, and what.
type Wanted = (usize, Job);

struct Handing<'a> {
    batch: &'a Batch<'a>,
    next: &'a Sender<Made>,
    lanes: Vec<Lane>,
    queue: Queue<Wanted, usize>,
    /// By their places in the list.
    pictures: BTreeMap<usize, Open>,
    /// Prompts of which something was said.
    said: BTreeSet<String>,
}

impl Handing<'_> {
    /// `None` where nobody writes or runs any more.
    fn hand_out(
        &mut self,
        going: Going<'_>,
        pictures: &Receiver<Step<Masked>>,
        reports: &Receiver<Report>,
    ) -> Option<()> {
        let (no_picture, mut is_last) = (never(), false);
        while !going.is_stopped() {
            while self.order_next()? {}
            let is_idle = self.pictures.is_empty();
            if is_last && is_idle {
                break;
            }
            let wanted = if is_last || !self.wants_more() {
                &no_picture
            } else {
                pictures
            };
            select! {
                recv(wanted) -> step => match step {
                    Ok(Step::Settled(settled)) => self.next.send(Made::Settled(settled)).ok()?,
                    Ok(Step::Open(picture)) => self.take_in(*picture)?,
                    Err(_) => is_last = true,
                },
                recv(reports) -> report => self.note(report.ok()?)?,
                default(LOOK) => {}
            }
        }
        Some(())
    }

    /// Another picture is wanted where an engine would be idle otherwise. Results that wait for certain engines
    /// only do not pile up.
    fn wants_more(&self) -> bool {
        let now = Instant::now();
        let is_free =
            |(at, lane): (usize, &Lane)| self.queue.on_lane(&at).is_none() && !lane.rest.holds(now);
        self.queue.waiting().count() <= self.lanes.len()
            && (self.lanes.iter().enumerate().any(is_free) || self.pictures.is_empty())
    }

    fn take_in(&mut self, mut picture: Masked) -> Option<()> {
        let index = picture.opened.index;
        let jobs = std::mem::take(&mut picture.opened.jobs);
        let mut open = Open {
            left: jobs.len(),
            is_begun: false,
            rows: Vec::new(),
            notes: Vec::new(),
            picture: Arc::new(picture),
        };
        let reads_english = self.batch.work.models().any(|model| model.reads_english);
        for job in jobs {
            if let (JobTask::Edit(settings), true) = (&job.task, reads_english) {
                self.say_english(&settings.prompt, &mut open.notes);
            }
            self.queue
                .add((index, job), (0..self.lanes.len()).collect());
        }
        self.pictures.insert(index, open);
        self.settle(index)
    }

    /// Hands one result to an engine; false where none can be.
    fn order_next(&mut self) -> Option<bool> {
        let (now, lanes) = (Instant::now(), &self.lanes);
        let rests = |lane: &usize| lanes.get(*lane).is_none_or(|lane| lane.rest.holds(now));
        let Some(taken) = self.queue.take_next(|lane, _| !rests(lane)) else {
            return Some(false);
        };
        let (index, job) = taken.work;
        let open = self.pictures.get_mut(&index)?;
        if !open.is_begun
            && let Some(watcher) = self.batch.watcher
        {
            watcher.begins(index);
        }
        open.is_begun = true;
        let order = Order {
            id: taken.id,
            picture: Arc::clone(&open.picture),
            job,
            may_be_handed_on: !taken.is_only,
        };
        self.lanes.get(taken.lane)?.orders.send(order).ok()?;
        Some(true)
    }

    /// Takes in what became of an order.
    fn note(&mut self, report: Report) -> Option<()> {
        let Report { lane, id, outcome } = report;
        let rest = &mut self.lanes.get_mut(lane)?.rest;
        let failure = match outcome? {
            Ok(notes) => {
                rest.end();
                // One that says it twice is heard once.
                let Some((index, _)) = self.queue.end(id, &lane) else {
                    return Some(());
                };
                self.pictures.get_mut(&index)?.notes.extend(notes);
                return self.ended(index);
            }
            Err(failure) => failure,
        };
        if failure.wants_rest {
            rest.begin(Instant::now());
        } else {
            rest.end();
        }
        self.failed(id, lane, failure)
    }

    fn failed(&mut self, id: JobId, lane: usize, failure: Failure) -> Option<()> {
        let wanted = if failure.may_be_mended {
            match self.queue.give_back(id, &lane) {
                Some(GivenBack::Waits) => return self.handed_on(id, failure.why),
                Some(GivenBack::NoneLeft(wanted) | GivenBack::Stopped(wanted)) => Some(wanted),
                None => None,
            }
        } else {
            self.queue.end(id, &lane)
        };
        let Some((index, job)) = wanted else {
            return Some(());
        };
        let open = self.pictures.get_mut(&index)?;
        let mut row = row(self.batch, &open.picture, &job, State::Failed);
        row.message = (self.batch.say)(&failure.why);
        open.rows.push(row);
        self.ended(index)
    }

    /// Says why another engine does it.
    fn handed_on(&mut self, id: JobId, why: Message) -> Option<()> {
        let (index, _) = self.queue.work_of(id)?;
        let note = Message::new("bulk-handed-on").with("said", why);
        self.pictures.get_mut(index)?.notes.push(note);
        Some(())
    }

    fn ended(&mut self, index: usize) -> Option<()> {
        let open = self.pictures.get_mut(&index)?;
        open.left = open.left.saturating_sub(1);
        self.settle(index)
    }

    /// Lets a picture go all of whose results are settled.
    fn settle(&mut self, index: usize) -> Option<()> {
        if self.pictures.get(&index).is_none_or(|open| open.left > 0) {
            return Some(());
        }
        let open = self.pictures.remove(&index)?;
        let opened = &open.picture.opened;
        let mut rows = opened.rows.clone();
        rows.extend(open.rows);
        let mut notes = opened.notes.clone();
        notes.extend(open.notes);
        let settled = Settled {
            index,
            rows,
            review: opened.review.clone(),
            notes,
        };
        self.next.send(Made::Settled(settled)).ok()
    }

    /// What `edit` says of a prompt that the model's text encoder cannot read; once for each prompt.
    fn say_english(&mut self, prompt: &str, notes: &mut Vec<Message>) {
        if !holds_cjk(prompt) || !self.said.insert(prompt.to_owned()) {
            return;
        }
        let english = in_english(prompt);
        notes.push(Message::new("cli-reads-english").with("english", english.text));
        if !english.unknown.is_empty() {
            let words = english.unknown.join("、");
            notes.push(Message::new("cli-no-english").with("words", words));
        }
    }
}

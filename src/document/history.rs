//! [`History`]: snapshots for undo and redo within a memory budget.

use std::collections::VecDeque;

use super::label::EditLabel;
use super::state::State;

/// A state with its serial number: equal numbers mean the same state.
#[derive(Debug, Clone)]
pub(super) struct Numbered {
    pub(super) state: State,
    pub(super) serial: u64,
}

#[derive(Debug)]
struct Entry {
    label: EditLabel,
    snapshot: Numbered,
    /// Memory that only this snapshot holds, seen from its newer (past) or older (future) neighbour.
    bytes: usize,
}

/// What was and what was undone. Snapshots share their tiles, so an entry costs what it changed.
#[derive(Debug)]
pub(super) struct History {
    past: VecDeque<Entry>,
    future: Vec<Entry>,
    budget_bytes: usize,
}

impl History {
    pub(super) fn new(budget_bytes: usize) -> Self {
        Self {
            past: VecDeque::new(),
            future: Vec::new(),
            budget_bytes,
        }
    }

    /// Remembers `before`, which an edit has just turned into `after`. What was undone is forgotten;
    /// then the oldest entries, until the budget is kept. The newest entry always stays.
    pub(super) fn push(&mut self, label: EditLabel, before: Numbered, after: &State) {
        self.future.clear();
        let bytes = before.state.bytes_beyond(after);
        self.past.push_back(Entry {
            label,
            snapshot: before,
            bytes,
        });
        while self.past.len() > 1 && self.bytes() > self.budget_bytes {
            self.past.pop_front();
        }
    }

    /// Gives back the state before the last edit, if there is one, and keeps `now` for redo.
    pub(super) fn undo(&mut self, now: &Numbered) -> Option<Numbered> {
        let entry = self.past.pop_back()?;
        let bytes = now.state.bytes_beyond(&entry.snapshot.state);
        self.future.push(Entry {
            label: entry.label,
            snapshot: now.clone(),
            bytes,
        });
        Some(entry.snapshot)
    }

    /// Gives back the state that was undone last, if there is one, and keeps `now` for undo.
    pub(super) fn redo(&mut self, now: &Numbered) -> Option<Numbered> {
        let entry = self.future.pop()?;
        let bytes = now.state.bytes_beyond(&entry.snapshot.state);
        self.past.push_back(Entry {
            label: entry.label,
            snapshot: now.clone(),
            bytes,
        });
        Some(entry.snapshot)
    }

    /// Every edit that is kept, the oldest first, undone ones last: its label and the states before
    /// and after it.
    pub(super) fn states<'a>(
        &'a self,
        now: &'a Numbered,
    ) -> Vec<(EditLabel, &'a Numbered, &'a Numbered)> {
        let past = self.past.iter().map(|entry| &entry.snapshot);
        let future = self.future.iter().rev().map(|entry| &entry.snapshot);
        let all: Vec<&Numbered> = past.chain([now]).chain(future).collect();
        let labels = self.undo_labels().chain(self.redo_labels().rev());
        labels
            .zip(all.windows(2))
            .filter_map(|(label, pair)| match pair {
                [before, after] => Some((label, *before, *after)),
                _ => None,
            })
            .collect()
    }

    pub(super) fn undo_labels(&self) -> impl DoubleEndedIterator<Item = EditLabel> {
        self.past.iter().map(|entry| entry.label)
    }

    pub(super) fn redo_labels(&self) -> impl DoubleEndedIterator<Item = EditLabel> {
        self.future.iter().map(|entry| entry.label)
    }

    /// Memory held by the history alone.
    pub(super) fn bytes(&self) -> usize {
        let past: usize = self.past.iter().map(|entry| entry.bytes).sum();
        let future: usize = self.future.iter().map(|entry| entry.bytes).sum();
        past + future
    }
}

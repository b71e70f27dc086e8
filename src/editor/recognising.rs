//! Well-known checkpoints are told by their SHA-256, which is found out while nothing else is done.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Editor;
use super::files::FoundModels;
use crate::catalog::{Library, ModelRef};
use crate::jobs::{TaskEvent, TaskThread, Wake};

/// What the reading of a whole file found: the models as they are now, where it is a well-known one.
type Recognised = Option<(PathBuf, FoundModels)>;

/// The thread that reads files whole.
#[derive(Debug)]
pub(super) struct Recognising {
    thread: TaskThread<Recognised>,
    is_stopped: Arc<AtomicBool>,
}

impl Recognising {
    pub(super) fn new(wake: Wake) -> Self {
        Self {
            thread: TaskThread::new("recognising", 1, wake),
            is_stopped: Arc::default(),
        }
    }
}

impl Drop for Recognising {
    fn drop(&mut self) {
        self.is_stopped.store(true, Ordering::Relaxed);
    }
}

impl Editor {
    /// Looks for files that may be well-known ones, and reads them whole one after the other.
    pub(super) fn recognise(&mut self) {
        let data_dir = self.data_dir.clone();
        let is_stopped = Arc::clone(&self.recognising.is_stopped);
        let task = move || -> Recognised {
            let mut library = Library::open(&data_dir);
            while let Some(path) = library.unrecognised() {
                let is_known = library.recognise(&path, &|| is_stopped.load(Ordering::Relaxed));
                match is_known {
                    Ok(true) => return Some((path, FoundModels::of(&mut library))),
                    Ok(false) if !is_stopped.load(Ordering::Relaxed) => {}
                    // It would be looked at again and again.
                    Ok(false) | Err(_) => break,
                }
            }
            None
        };
        // Where it is at it already, it will find them.
        drop(self.recognising.thread.try_do(Box::new(task)));
    }

    /// Takes in what was recognised.
    pub(super) fn poll_recognised(&mut self) {
        while let Some(event) = self.recognising.thread.poll() {
            let TaskEvent::Done(Some((path, found))) = event else {
                continue;
            };
            self.changed = true;
            self.found = found;
            if self.model().path() == Some(&path) {
                self.set_model(ModelRef::at(path));
            }
            // There may be others.
            self.recognise();
        }
    }
}

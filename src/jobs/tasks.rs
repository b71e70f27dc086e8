//! [`TaskThread`]: a thread that does one thing after another: reading and writing files.

use std::thread::JoinHandle;
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded};

use super::worker::Wake;

/// Something to be done on a [`TaskThread`]; what it returns comes back.
pub type Task<E> = Box<dyn FnOnce() -> E + Send>;

/// The thread has as much to do as it takes at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooBusy;

/// A task and the moment before which it is not to be done.
type Timed<E> = (Option<Instant>, Task<E>);

/// A thread that does tasks in the order they come. Dropping it does at once what was put off, and
/// waits until all is done.
pub struct TaskThread<E> {
    name: &'static str,
    most_waiting: usize,
    wake: Wake,
    tasks: Option<Sender<Timed<E>>>,
    results: Option<Receiver<E>>,
    /// Dropped to say that nothing is put off any more.
    putting_off: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
    under_way: usize,
}

impl<E> std::fmt::Debug for TaskThread<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TaskThread")
            .field("name", &self.name)
            .field("under_way", &self.under_way)
            .finish_non_exhaustive()
    }
}

/// What a [`TaskThread`] has to say.
#[derive(Debug, PartialEq, Eq)]
pub enum TaskEvent<E> {
    /// A task is done.
    Done(E),
    /// A task panicked (a decoder that broke down, say). It and that many others that waited
    /// behind it will never be done; a new thread takes what comes from now on.
    Lost(usize),
}

impl<E: Send + 'static> TaskThread<E> {
    /// A thread of that name that lets `most_waiting` tasks wait. It starts with the first task.
    pub fn new(name: &'static str, most_waiting: usize, wake: Wake) -> Self {
        Self {
            name,
            most_waiting,
            wake,
            tasks: None,
            results: None,
            putting_off: None,
            thread: None,
            under_way: 0,
        }
    }

    /// True when a task would be taken.
    pub fn has_room(&self) -> bool {
        self.under_way < self.most_waiting
    }

    /// Hands a task over, or gives it back when too many wait or no thread can be had.
    pub fn try_do(&mut self, task: Task<E>) -> Result<(), (TooBusy, Task<E>)> {
        self.try_do_at(None, task)
    }

    /// The same, to be done at `not_before` at the earliest; those behind it wait too.
    pub fn try_do_at(
        &mut self,
        not_before: Option<Instant>,
        task: Task<E>,
    ) -> Result<(), (TooBusy, Task<E>)> {
        if self.under_way >= self.most_waiting {
            return Err((TooBusy, task));
        }
        if self.tasks.is_none() && self.start().is_err() {
            return Err((TooBusy, task));
        }
        let Some(tasks) = &self.tasks else {
            return Err((TooBusy, task));
        };
        match tasks.try_send((not_before, task)) {
            Ok(()) => {
                self.under_way += 1;
                Ok(())
            }
            Err(back) => Err((TooBusy, back.into_inner().1)),
        }
    }

    /// The next event, if there is one.
    pub fn poll(&mut self) -> Option<TaskEvent<E>> {
        match self.results.as_ref()?.try_recv() {
            Ok(result) => {
                self.under_way = self.under_way.saturating_sub(1);
                Some(TaskEvent::Done(result))
            }
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => {
                self.tasks = None;
                self.results = None;
                self.putting_off = None;
                self.thread = None;
                Some(TaskEvent::Lost(std::mem::take(&mut self.under_way)))
            }
        }
    }

    /// Tasks handed over whose results were not taken yet.
    pub fn under_way(&self) -> usize {
        self.under_way
    }

    fn start(&mut self) -> std::io::Result<()> {
        let (tasks, to_do) = bounded::<Timed<E>>(self.most_waiting);
        // As many results as tasks: the thread never waits for its listener.
        let (done, results) = bounded(self.most_waiting);
        let (putting_off, put_off) = bounded::<()>(1);
        let wake = WakeAtEnd(std::sync::Arc::clone(&self.wake));
        let thread = std::thread::Builder::new()
            .name(self.name.to_owned())
            .spawn(move || {
                // Declared last, dropped first: the line goes dead before somebody is told to look.
                let wake = wake;
                let done = done;
                for (not_before, task) in &to_do {
                    if let Some(not_before) = not_before {
                        // Nothing is ever said: it is the time that ends this, or the drop.
                        _ = put_off.recv_deadline(not_before);
                    }
                    // Nobody listens any more when the program ends; what is left is still done.
                    _ = done.send(task());
                    (wake.0)();
                }
            })?;
        self.tasks = Some(tasks);
        self.results = Some(results);
        self.putting_off = Some(putting_off);
        self.thread = Some(thread);
        Ok(())
    }
}

/// Wakes also when a panic ends the thread, so that the loss is noticed.
struct WakeAtEnd(Wake);

impl Drop for WakeAtEnd {
    fn drop(&mut self) {
        (self.0)();
    }
}

impl<E> Drop for TaskThread<E> {
    fn drop(&mut self) {
        self.tasks = None;
        self.results = None;
        self.putting_off = None;
        if let Some(thread) = self.thread.take() {
            _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use super::*;

    fn wait<E: Send + 'static>(thread: &mut TaskThread<E>) -> TaskEvent<E> {
        let give_up = Instant::now() + Duration::from_secs(10);
        loop {
            if let Some(event) = thread.poll() {
                return event;
            }
            assert!(Instant::now() < give_up, "nothing came");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn tasks_are_done_in_order_and_a_panic_is_survived() {
        let mut thread = TaskThread::new("test", 3, Arc::new(|| {}));
        for i in 0..3 {
            assert!(thread.try_do(Box::new(move || i)).is_ok());
        }
        assert!(thread.try_do(Box::new(|| 3)).is_err(), "three may wait");
        for i in 0..3 {
            assert_eq!(wait(&mut thread), TaskEvent::Done(i));
        }
        assert!(
            thread
                .try_do(Box::new(|| panic!("as a decoder might")))
                .is_ok()
        );
        assert_eq!(wait(&mut thread), TaskEvent::Lost(1));
        assert!(thread.try_do(Box::new(|| 7)).is_ok());
        assert_eq!(wait(&mut thread), TaskEvent::Done(7));
    }

    #[test]
    fn dropping_waits_for_what_was_begun() {
        let (said, heard) = bounded(2);
        let mut thread = TaskThread::new("test", 2, Arc::new(|| {}));
        for _ in 0..2 {
            let said = said.clone();
            let task = Box::new(move || {
                std::thread::sleep(Duration::from_millis(20));
                said.send(()).unwrap();
            });
            assert!(thread.try_do(task).is_ok());
        }
        drop(thread);
        assert_eq!(heard.len(), 2);
    }

    #[test]
    fn what_is_put_off_is_done_then_or_at_the_end() {
        let (said, heard) = bounded(2);
        let mut thread = TaskThread::new("test", 2, Arc::new(|| {}));
        let asked = Instant::now();
        let soon = asked + Duration::from_millis(30);
        assert!(thread.try_do_at(Some(soon), Box::new(|| ())).is_ok());
        assert_eq!(wait(&mut thread), TaskEvent::Done(()));
        assert!(Instant::now() >= soon);
        let never = asked + Duration::from_hours(1);
        let task = Box::new(move || said.send(()).unwrap());
        assert!(thread.try_do_at(Some(never), task).is_ok());
        drop(thread);
        assert_eq!(heard.len(), 1, "done at once, not lost");
    }
}

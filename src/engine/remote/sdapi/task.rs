//! [`Task`]: a job of ours among those of others.
//!
//! What servers tell of their queue (looked up in their sources):
//! - AUTOMATIC1111 and Forge take `force_task_id` with a job and list the ids of those that wait under
//!   `/internal/pending-tasks`, in the order in which they came (`modules/progress.py`). The lock that they wait
//!   for serves them in that order, those of the web page among them, and `/sdapi/v1/progress` names the one that
//!   runs as `current_task`. So there the place is known.
//! - `/queue/status` is gradio's own and counts what people press in the web page, which says nothing of a job
//!   that came through the API; it is not asked.
//! - SD.Next has jobs of its API wait for a lock without writing them down, `stable-diffusion.cpp` has neither a
//!   list nor progress, and a WebUI without its page (`--nowebui`) has no list. There nothing is said.

use serde_json::Value as Json;

use crate::engine::remote::http::Http;
use crate::engine::remote::unique;
use crate::engine::server_error::ServerError;

const PENDING: &str = "/internal/pending-tasks";

/// A job as the server lists it.
#[derive(Debug, Clone)]
pub(super) struct Task(String);

impl Task {
    /// A new one, where the server lists those that wait; an error where it does not answer.
    pub(super) fn new(http: &Http) -> Result<Option<Self>, ServerError> {
        let listed = match http.get_json::<Json>(PENDING) {
            Err(error) if error.fault.is_passing() => return Err(error),
            listed => listed.unwrap_or_default(),
        };
        let tasks = listed.get("tasks").and_then(Json::as_array);
        Ok(tasks.map(|_| Self(format!("task(overpaint-{})", unique()))))
    }

    /// How the server is told of it, as `force_task_id`.
    pub(super) fn id(&self) -> &str {
        &self.0
    }

    /// True where `told` of the progress is of this job.
    pub(super) fn is_it(&self, told: &Json) -> bool {
        running(told) == Some(&self.0)
    }

    /// True where `told` of the progress is of somebody else's job.
    pub(super) fn is_other(&self, told: &Json) -> bool {
        running(told).is_some_and(|task| task != self.0)
    }

    /// Jobs before it; `None` where it does not wait. `told`: of the progress.
    pub(super) fn place(&self, told: &Json, http: &Http) -> Option<u32> {
        if self.is_it(told) {
            return None;
        }
        let listed = http.get_json_within::<Json>(PENDING, http.pace.connect);
        let listed = listed.ok()?;
        let mut tasks = listed.get("tasks")?.as_array()?.iter();
        let before = tasks.position(|task| task.as_str() == Some(&self.0))?;
        Some(before as u32 + u32::from(running(told).is_some()))
    }
}

fn running(told: &Json) -> Option<&str> {
    told.get("current_task")?.as_str()
}

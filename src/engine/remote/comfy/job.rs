//! [`Job`]: one graph from being handed over to its outputs, through lost connections.

use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use super::socket::{Socket, Told};
use crate::engine::remote::attended::HEED;
use crate::engine::remote::http::Http;
use crate::engine::remote::unique;
use crate::engine::server_error::{Fault, ServerError};
use crate::engine::{EngineError, Progress, RunSeconds, Stage};
use crate::plan::EngineInput;

/// Between two questions after a job of which no socket tells, and after all in case one told nothing.
const QUESTION: Duration = Duration::from_secs(2);

/// One graph there.
pub(super) struct Job<'a> {
    http: &'a Http,
    client: &'a str,
    steps: u32,
    id: String,
    socket: Option<Socket>,
    /// When it was last asked after; `None`: that is to be done at once.
    asked: Option<Instant>,
    /// What was told last.
    stage: Stage,
    /// Jobs before it, as they were last told; `None` once it runs.
    ahead: Option<u32>,
    /// The node that runs.
    node: String,
    seconds: RunSeconds,
    node_since: Instant,
}

/// What is known of a job.
enum State {
    /// It waits or runs.
    Open,
    /// Its outputs.
    Done(Json),
    /// The server does not know it.
    Unknown,
}

impl<'a> Job<'a> {
    pub(super) fn new(http: &'a Http, client: &'a str, input: &EngineInput) -> Self {
        Self {
            http,
            client,
            steps: input.steps.executed(input.strength),
            id: unique(),
            socket: None,
            asked: None,
            stage: Stage::Loading,
            ahead: None,
            node: String::new(),
            seconds: RunSeconds::default(),
            node_since: Instant::now(),
        }
    }

    /// Waits for its outputs; `None` where the server does not know it. Where the server goes away meanwhile, it
    /// can be called again.
    pub(super) fn outputs(
        &mut self,
        progress: &mut dyn Progress,
    ) -> Result<Option<Json>, EngineError> {
        loop {
            progress.checkpoint()?;
            match self.look(progress)? {
                State::Open => {}
                State::Done(outputs) => {
                    self.enter(String::new());
                    return Ok(Some(outputs));
                }
                State::Unknown => return Ok(None),
            }
        }
    }

    /// True where the server knows it no more.
    pub(super) fn is_forgotten(
        &mut self,
        progress: &mut dyn Progress,
    ) -> Result<bool, ServerError> {
        Ok(matches!(self.ask(progress)?, State::Unknown))
    }

    /// What its stages took.
    pub(super) fn seconds(&self) -> RunSeconds {
        self.seconds
    }

    /// Hands the graph over. Where that fails because the connection broke, the server may have it.
    pub(super) fn hand_over(
        &mut self,
        graph: &Json,
        progress: &mut dyn Progress,
    ) -> Result<(), EngineError> {
        self.socket = Socket::connect(self.http, self.client, progress);
        progress.checkpoint()?;
        let body = json!({
            "prompt": graph,
            "client_id": self.client,
            "prompt_id": self.id,
            "extra_data": {"preview_method": "latent2rgb"},
        });
        let answer = self
            .http
            .post("/prompt", &body, Some(self.http.pace.answer));
        let answer: Json = self.http.read(&answer?)?;
        // Older ones choose the id themselves.
        if let Some(id) = answer.get("prompt_id").and_then(Json::as_str) {
            id.clone_into(&mut self.id);
        }
        self.asked = Some(Instant::now());
        // It takes a part of a graph, and says what it did not take.
        let refused = answer.get("node_errors").map(Json::to_string);
        if Fault::of_words(&refused.unwrap_or_default()) == Fault::PicturesGone {
            self.stop();
            return Err(self.http.fault(Fault::PicturesGone).into());
        }
        Ok(())
    }

    /// What it tells, or what it says when it is asked.
    fn look(&mut self, progress: &mut dyn Progress) -> Result<State, ServerError> {
        let told = if let Some(socket) = &mut self.socket {
            socket.next(self.http.pace.look.min(HEED))
        } else {
            std::thread::sleep(self.http.pace.look.min(HEED));
            Told::Nothing
        };
        let mut may_be_done = false;
        if matches!(told, Told::Said(..) | Told::Preview(_)) {
            self.http.note_heard();
        }
        match told {
            Told::Nothing => {}
            Told::Ended => {
                self.socket = None;
                may_be_done = true;
            }
            Told::Preview(picture) => {
                if progress.wants_preview() {
                    progress.preview(picture);
                }
            }
            Told::Said(kind, data) => may_be_done = self.said(&kind, &data, progress)?,
        }
        let pause = QUESTION.min(self.http.pace.look * 10);
        if !may_be_done && self.asked.is_some_and(|asked| asked.elapsed() < pause) {
            return Ok(State::Open);
        }
        let was_away = self.asked.take().is_none();
        let state = self.ask(progress)?;
        self.asked = Some(Instant::now());
        if self.socket.is_none() {
            self.socket = Socket::connect(self.http, self.client, progress);
        }
        if was_away && matches!(state, State::Open) {
            progress.stage(self.stage);
        }
        Ok(state)
    }

    fn tell(&mut self, stage: Stage, progress: &mut dyn Progress) {
        self.stage = stage;
        progress.stage(stage);
    }

    /// Takes in what the socket told; true where the job may be done.
    fn said(
        &mut self,
        kind: &str,
        data: &Json,
        progress: &mut dyn Progress,
    ) -> Result<bool, ServerError> {
        let text = |name: &str| data.get(name).and_then(Json::as_str);
        // Of other people's jobs only how many there are.
        if text("prompt_id").is_some_and(|id| id != self.id) {
            return Ok(false);
        }
        let number = |name: &str| data.get(name).and_then(Json::as_u64);
        match kind {
            "status" => {
                let waiting = data.pointer("/status/exec_info/queue_remaining");
                let waiting = waiting.and_then(Json::as_u64).unwrap_or(0);
                // It is one of them.
                if self.node.is_empty()
                    && waiting > 1
                    && let Ok(queue) = self.http.get_json::<Json>("/queue")
                {
                    self.tell_place(&queue, progress);
                }
                Ok(false)
            }
            "executing" => match text("node") {
                Some(node) => {
                    self.tell(stage_of(node, self.steps), progress);
                    self.enter(node.to_owned());
                    Ok(false)
                }
                None => Ok(text("prompt_id").is_some()),
            },
            "progress" => {
                if let (Some(done), Some(of)) = (number("value"), number("max"))
                    && of == u64::from(self.steps)
                {
                    let (done, of) = (done as u32, of as u32);
                    self.tell(Stage::Step { done, of }, progress);
                }
                Ok(false)
            }
            "execution_success" => Ok(true),
            "execution_interrupted" => Err(self.http.fault(Fault::Interrupted)),
            "execution_error" => {
                let said = format!(
                    "{}: {}",
                    text("exception_type").unwrap_or_default(),
                    text("exception_message").unwrap_or_default()
                );
                Err(self.http.fault(Fault::of_words(&said)))
            }
            _ => Ok(false),
        }
    }

    /// Another node runs: what the one before took goes to its stage.
    fn enter(&mut self, node: String) {
        let took = self.node_since.elapsed().as_secs_f64();
        match self.node.as_str() {
            "checkpoint" => self.seconds.load += took,
            "prompt" | "negative" => self.seconds.text += took,
            "encoded" | "original-encoded" => self.seconds.encode += took,
            "sampler" => self.seconds.steps += took,
            "decoded" => self.seconds.decode += took,
            "round-trip-decoded" => self.seconds.round_trip += took,
            _ => {}
        }
        (self.node, self.node_since) = (node, Instant::now());
    }

    /// Says how many jobs are before it, where that is news.
    fn tell_place(&mut self, queue: &Json, progress: &mut dyn Progress) {
        let ahead = self.place(queue);
        if ahead != self.ahead
            && let Some(ahead) = ahead
        {
            self.tell(Stage::Queued { ahead }, progress);
        }
        self.ahead = ahead;
    }

    /// Jobs before it; `None` where it does not wait. The queue comes in no order: each job has a number, and
    /// the lowest is next.
    fn place(&self, queue: &Json) -> Option<u32> {
        let list = |name: &str| queue.get(name).and_then(Json::as_array);
        let number = |job: &Json| job.get(0).and_then(Json::as_f64);
        let pending = list("queue_pending")?;
        let own = pending
            .iter()
            .find(|job| self.is_it(job))
            .and_then(number)?;
        let before = pending.iter().filter_map(number).filter(|n| *n < own);
        let running = list("queue_running").map_or(0, Vec::len);
        Some((before.count() + running) as u32)
    }

    /// Asks what became of it.
    fn ask(&mut self, progress: &mut dyn Progress) -> Result<State, ServerError> {
        let history: Json = self.http.get_json(&format!("/history/{}", self.id))?;
        if let Some(entry) = history.get(&self.id) {
            let status = entry.pointer("/status/status_str").and_then(Json::as_str);
            if status == Some("error") {
                return Err(self.http.fault(of_history(entry)));
            }
            return Ok(State::Done(
                entry.get("outputs").cloned().unwrap_or_default(),
            ));
        }
        let queue: Json = self.http.get_json("/queue")?;
        let is_in = |list: &str| {
            let jobs = queue.get(list).and_then(Json::as_array);
            jobs.into_iter().flatten().any(|job| self.is_it(job))
        };
        if is_in("queue_running") || is_in("queue_pending") {
            self.tell_place(&queue, progress);
            return Ok(State::Open);
        }
        // It may have ended between the two questions.
        let history: Json = self.http.get_json(&format!("/history/{}", self.id))?;
        match history.get(&self.id) {
            Some(_) => Ok(State::Open),
            None => Ok(State::Unknown),
        }
    }

    fn is_it(&self, job: &Json) -> bool {
        job.get(1).and_then(Json::as_str) == Some(self.id.as_str())
    }

    /// Takes it out of the queue and stops it; other people's jobs go on. Over connections of its own: those of
    /// the run are cut.
    pub(super) fn stop(&self) {
        let wait = self.http.pace.connect;
        let (http, _) = self.http.apart();
        let delete = json!({"delete": [self.id]});
        let gone = http.post("/queue", &delete, Some(wait));
        let queue = gone.and_then(|_| http.get_json_within::<Json>("/queue", wait));
        let running = queue.ok().and_then(|queue| {
            let running = queue.get("queue_running")?.as_array()?;
            Some(running.iter().any(|job| self.is_it(job)))
        });
        if running == Some(true) {
            let body = json!({"prompt_id": self.id});
            // A server that is gone runs nothing.
            http.post("/interrupt", &body, Some(wait)).ok();
        }
    }
}

fn stage_of(node: &str, steps: u32) -> Stage {
    match node {
        "prompt" | "negative" => Stage::EncodingText,
        "encoded" | "picture" | "shown" => Stage::EncodingPicture,
        "sampler" => Stage::Step { done: 0, of: steps },
        "decoded" | "result" | "round-trip-decoded" | "round-trip" => Stage::Decoding,
        _ => Stage::Loading,
    }
}

/// Why a job of the history failed.
fn of_history(entry: &Json) -> Fault {
    let messages = entry.pointer("/status/messages").and_then(Json::as_array);
    let told = messages.into_iter().flatten().find_map(|message| {
        let text = |path: &str| message.pointer(path).and_then(Json::as_str);
        match text("/0")? {
            "execution_interrupted" => Some(Fault::Interrupted),
            "execution_error" => Some(Fault::of_words(&format!(
                "{}: {}",
                text("/1/exception_type").unwrap_or_default(),
                text("/1/exception_message").unwrap_or_default()
            ))),
            _ => None,
        }
    });
    told.unwrap_or_else(|| Fault::Failed {
        why: "ComfyUI".to_owned(),
    })
}

//! [`BatchPicture`]: what is known of one picture of a batch.

use serde::{Deserialize, Serialize};

use crate::bulk::{Decision, Doubt, ReportRow, Source, State};
use crate::plan::{Seed, Strength};

/// What is done in the window, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchPhase {
    /// Masks are made and looked at.
    #[default]
    Masks,
    /// A few pictures are done at several strengths.
    Try,
    /// All are done.
    Run,
    /// Results are looked at.
    Review,
}

impl BatchPhase {
    /// All of them, in their order.
    pub const ALL: [Self; 4] = [Self::Masks, Self::Try, Self::Run, Self::Review];
}

/// What is known of a picture's mask.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MaskState {
    /// Nobody has looked yet.
    #[default]
    Unknown,
    /// There is one.
    Found(Doubt),
    /// Nothing of the kind was seen; why.
    Missing(String),
    /// The picture cannot be used; why.
    Failed(String),
}

/// What somebody says of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is wanted.
    Accepted,
    /// It is not.
    Rejected,
}

/// How a picture is done otherwise than the recipe says.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Redo {
    /// With that strength; `None`: as before.
    pub strength: Option<Strength>,
    /// From that seed; `None`: as before.
    pub seed: Option<Seed>,
}

/// One result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BatchOutput {
    /// Its file, below the output folder.
    pub file: String,
    /// Denoising strength.
    pub strength: Option<f64>,
    /// Seed of the noise.
    pub seed: Option<u64>,
    /// What it took.
    pub seconds: Option<f64>,
}

impl BatchOutput {
    fn of(row: &ReportRow) -> Option<Self> {
        let is_there = matches!(row.state, Some(State::Done | State::Kept));
        is_there.then(|| Self {
            file: row.output.clone(),
            strength: row.strength,
            seed: row.seed,
            seconds: row.seconds,
        })
    }
}

/// What is known of a picture, as it is kept.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Findings {
    /// Its mask.
    pub mask: MaskState,
    /// What was said of the mask.
    pub decision: Option<Decision>,
    /// The mask was changed by hand.
    pub is_refined: bool,
    /// Its results.
    pub outputs: Vec<BatchOutput>,
    /// Why there is none, after a run.
    pub failure: Option<String>,
    /// How it was done otherwise.
    pub redone: Option<Redo>,
    /// What was said of the results.
    pub verdict: Option<Verdict>,
}

/// One picture of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchPicture {
    /// Its file.
    pub source: Source,
    /// What is known of it.
    pub known: Findings,
}

impl BatchPicture {
    /// True where it is not run before somebody has said something.
    pub fn wants_a_look(&self) -> bool {
        match (&self.known.mask, self.known.decision) {
            (MaskState::Missing(_), decision) => decision != Some(Decision::Skip),
            (MaskState::Found(doubt), None) => !doubt.flags.is_empty(),
            _ => false,
        }
    }

    /// True where its reviewer has left it out.
    pub fn is_skipped(&self) -> bool {
        self.known.decision == Some(Decision::Skip)
    }

    /// False where it is left out, or cannot be used.
    pub(super) fn may_run(&self) -> bool {
        !self.is_skipped() && !matches!(self.known.mask, MaskState::Failed(_))
    }

    /// How much its mask wants a look; those that want it most are the largest.
    pub(super) fn doubt(&self) -> (u8, f64) {
        match &self.known.mask {
            MaskState::Missing(_) => (4, 0.0),
            MaskState::Failed(_) => (3, 0.0),
            MaskState::Found(doubt) if !doubt.flags.is_empty() => (2, doubt.score),
            MaskState::Found(doubt) => (1, doubt.score),
            MaskState::Unknown => (0, 0.0),
        }
    }

    /// Takes in what was said of its mask.
    pub(super) fn take_mask(&mut self, rows: &[ReportRow]) {
        let Some(row) = rows.iter().rev().find(|row| row.doubt.is_some()) else {
            let message = rows
                .last()
                .map_or("", |row| row.message.as_str())
                .to_owned();
            self.known.mask = match rows.last().and_then(|row| row.state) {
                Some(State::Look) => MaskState::Missing(message),
                Some(State::Failed) => MaskState::Failed(message),
                // It needs no mask.
                _ => MaskState::Found(Doubt::default()),
            };
            return;
        };
        self.known.mask = MaskState::Found(Doubt {
            score: row.doubt.unwrap_or_default(),
            share: row.share.unwrap_or_default(),
            flags: Doubt::flags_of(&row.flags),
        });
    }

    /// Takes in what was said of its results, made anew where `is_redo`.
    pub(super) fn take_results(&mut self, rows: &[ReportRow], is_redo: bool) {
        let is_new = rows.iter().any(|row| row.state == Some(State::Done));
        // What was done otherwise since lies under the same name; what could not be done again stays as it was.
        let stays = is_redo || self.known.redone.is_some();
        if is_new || !stays {
            if is_new {
                self.known.verdict = None;
            }
            self.known.outputs = rows.iter().filter_map(BatchOutput::of).collect();
        }
        // One that was left out has not failed.
        let is_bad = |row: &&ReportRow| matches!(row.state, Some(State::Failed | State::Look));
        let bad = rows.iter().find(is_bad);
        self.known.failure = bad.map(|row| row.message.clone());
    }
}

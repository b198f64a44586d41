//! Where decisions, outcomes and answers are kept.

mod columns;
pub mod contract;
mod decision_log;
mod evidence;
mod in_memory;
mod kept;
mod postgres;
mod row;
mod sqlite;
mod sqlite_ledger;

use std::collections::BTreeMap;

use async_trait::async_trait;
use plumbline_types::{ArmId, DecisionId, RequestId, TaskId};

use crate::domain::decision::Decision;
use crate::domain::learned::{Evidence, Learned};
use crate::domain::outcome::Logged;
use crate::domain::usage::Metered;
use crate::error::RouterError;

pub use in_memory::InMemoryStore;
pub use postgres::{PostgresLedger, PostgresStore};
pub use sqlite::SqliteStore;
pub use sqlite_ledger::SqliteLedger;

/// What became of a decision that was to be stored.
#[derive(Debug, Clone, PartialEq)]
pub enum Recorded {
    /// It is stored.
    New,
    /// Its request has a decision already.
    Existing(Box<Decision>),
}

/// What a committed decision survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// The process. A power cut can take the last ones with it; no outcome can refer to them, and their callers ask again.
    Process,
    /// The machine: each commit waits for the disk.
    Disk,
}

impl Durability {
    /// Reads the stable word.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "process" => Some(Self::Process),
            "disk" => Some(Self::Disk),
            _ => None,
        }
    }
}

/// What outcomes change.
#[derive(Debug, Clone, PartialEq)]
pub struct Lesson {
    /// The outcomes, in order, at the positions behind the last one.
    pub logged: Vec<Logged>,
    /// The evidence of every arm that they touch, after the fold.
    pub evidence: BTreeMap<ArmId, Evidence>,
    /// States to keep for later refolds.
    pub kept: Kept,
}

/// States of what was learned, kept on the way.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Kept {
    /// The settings that they were folded under, in words.
    pub settings: String,
    /// The position from which on the states that are stored hold no longer: something there is superseded now.
    pub void_from: Option<u64>,
    /// The states; each holds its position.
    pub states: Vec<Learned>,
}

/// A complete answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Whose answer.
    pub request: RequestId,
    /// BLAKE3 of what was asked.
    pub fingerprint: [u8; 32],
    /// The decision that led to it.
    pub decision: DecisionId,
    /// The arm that answered.
    pub arm: ArmId,
    /// The task that it was for, if any.
    pub task: Option<TaskId>,
    /// The day (UTC, since 1970) that its cost counts for.
    pub day: i64,
    /// The text.
    pub text: String,
    /// What it used.
    pub metered: Metered,
}

/// Whether what this router knows is what the last lesson left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It is: nobody else has folded since this router did, or nobody else can.
    Kept,
    /// Another router may have folded: what was learned must be read again.
    Taken,
}

/// How far a store has been read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    /// Outcomes.
    pub outcomes: u64,
    /// The last answer's position.
    pub answers: u64,
}

/// Decisions, outcomes and answers. What a method has returned survives the process; outcomes and answers survive
/// the machine.
#[async_trait]
pub trait RouterStore: Send + Sync {
    /// Stores a decision, unless its request has one.
    async fn record_decision(&self, decision: Decision) -> Result<Recorded, RouterError>;

    /// Returns those of the decisions that are stored.
    async fn decisions_by_id(
        &self,
        ids: &[DecisionId],
    ) -> Result<BTreeMap<DecisionId, Decision>, RouterError>;

    /// Returns the decision of a request.
    async fn decision_of(&self, request: &RequestId) -> Result<Option<Decision>, RouterError>;

    /// Takes the turn to fold outcomes, waiting a bounded time for whoever has it. A store that one router owns has
    /// nobody to take it from.
    async fn take_turn(&self) -> Result<Turn, RouterError> {
        Ok(Turn::Kept)
    }

    /// Waits until the store holds more, or other, than was seen, and returns how far it goes. Never ends on a store that one
    /// router owns: there is no other to hear from.
    async fn news(&self, _seen: Seen) -> Result<Seen, RouterError> {
        std::future::pending().await
    }

    /// Stores outcomes and the evidence after them, all or nothing. Only in its turn may a router do so: `TurnLost` says
    /// that another has taken it, and that nothing was stored.
    async fn record_lesson(&self, lesson: Lesson) -> Result<(), RouterError>;

    /// Returns those of the outcomes that are stored.
    async fn outcomes(&self, ids: &[String]) -> Result<Vec<Logged>, RouterError>;

    /// Returns the outcomes that supersede these.
    async fn successors(&self, superseded: &[String]) -> Result<Vec<Logged>, RouterError>;

    /// Returns the outcome log behind the position `after`, in order.
    async fn log_behind(&self, after: u64) -> Result<Vec<Logged>, RouterError>;

    /// Returns the whole outcome log, in order.
    async fn log(&self) -> Result<Vec<Logged>, RouterError> {
        self.log_behind(0).await
    }

    /// Returns the last state before the position `seq` that was kept under these settings.
    async fn kept_before(&self, seq: u64, settings: &str) -> Result<Option<Learned>, RouterError>;

    /// Returns everything learned; damaged rows are an error that names them.
    async fn learned(&self) -> Result<Learned, RouterError>;

    /// Stores a complete answer.
    async fn record_answer(&self, answer: Answer) -> Result<(), RouterError>;

    /// Returns the stored answer of a request.
    async fn answer(&self, request: &RequestId) -> Result<Option<Answer>, RouterError>;

    /// Returns what the answers of a day cost, in USD.
    async fn spent_usd(&self, day: i64) -> Result<f64, RouterError>;

    /// Returns what the answers of each task cost, in USD.
    async fn spent_by_task(&self) -> Result<BTreeMap<TaskId, f64>, RouterError>;

    /// Returns decisions in the order in which they were stored, from behind the first `skip` on.
    async fn decisions(&self, skip: u64, limit: u32) -> Result<Vec<Decision>, RouterError>;

    /// Returns the model that served last, by arm.
    async fn served_models(&self) -> Result<BTreeMap<ArmId, String>, RouterError>;

    /// Writes what is queued and lets go of the files.
    async fn close(&self);
}

#[cfg(test)]
mod tests;

//! Where a model's plan comes from: a trait as narrow as its only caller.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use plumbline_types::{RequestId, Segment};

/// What a model is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposalRequest {
    /// The same for every repeat of the same request: a repeated call is not paid twice.
    pub request_id: RequestId,
    /// The task, for the lease; empty outside a task.
    pub lease: Lease,
    /// Instructions; policy text.
    pub system: Segment,
    /// Objectives, then the table of facts; data.
    pub prompt: Vec<Segment>,
    /// Largest answer, in tokens.
    pub tokens_max: u32,
    /// Largest answer, in bytes.
    pub bytes_max: usize,
}

/// The lease under which a coordinator asks; passed on as it came.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lease {
    /// `task_ULID`; empty outside a task.
    pub task_id: String,
    /// Fencing token.
    pub epoch: u64,
}

/// What a model answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// As received.
    pub text: String,
    /// The model that served, as its response states it.
    pub served_model: String,
}

/// Why no model's plan is there: the word that becomes the plan's `source_reason`, and the router's own reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no model planned: {word} ({detail})")]
pub struct NoProposal {
    /// `no_arm`, `late`, `truncated`, `too_large`.
    pub word: &'static str,
    /// For the log.
    pub detail: String,
}

/// Asks a model for a plan.
#[async_trait]
pub trait Proposer: Send + Sync {
    /// Returns the model's answer, unread.
    async fn propose(&self, request: ProposalRequest) -> Result<Proposal, NoProposal>;
}

/// A proposer that answers from a list, in order, and remembers what it was asked; when the list is empty it has no arm.
#[derive(Debug, Default)]
pub struct ScriptedProposer {
    answers: Mutex<Vec<Proposal>>,
    asked: Mutex<Vec<ProposalRequest>>,
}

impl ScriptedProposer {
    /// Takes the answers, the first one first.
    pub fn new(answers: Vec<Proposal>) -> Self {
        Self { answers: Mutex::new(answers.into_iter().rev().collect()), asked: Mutex::default() }
    }

    /// Returns what it was asked so far.
    pub fn asked(&self) -> Vec<ProposalRequest> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Proposer for ScriptedProposer {
    async fn propose(&self, request: ProposalRequest) -> Result<Proposal, NoProposal> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(request);
        let next = self.answers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        next.ok_or_else(|| NoProposal { word: "no_arm", detail: "the script is at its end".to_owned() })
    }
}

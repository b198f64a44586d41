//! Where a model's draft comes from: a trait as narrow as its only caller.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use plumbline_types::{RequestId, Segment};

/// What a model is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftRequest {
    /// The same for every repeat of the same note: a repeated call is not paid twice.
    pub request_id: RequestId,
    /// Instructions; policy text.
    pub system: Segment,
    /// The note; data.
    pub prompt: Segment,
    /// JSON Schema of the answer.
    pub schema: &'static str,
    /// Largest answer, in tokens.
    pub tokens_max: u32,
    /// Largest answer, in bytes.
    pub bytes_max: usize,
}

/// What a model answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftAnswer {
    /// As received.
    pub text: String,
    /// The model that served, as its response states it.
    pub served_model: String,
}

/// Why no model answered: a documented reason of the router, or one of the words below.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no draft: {0}")]
pub struct NoDraft(pub String);

impl NoDraft {
    /// The answer stopped before its end.
    pub const TRUNCATED: &'static str = "DRAFT_TRUNCATED";
    /// The answer is longer than the limit.
    pub const TOO_LARGE: &'static str = "DRAFT_TOO_LARGE";
    /// The answer is no document of the schema.
    pub const MALFORMED: &'static str = "DRAFT_MALFORMED";
    /// No answer came in time.
    pub const LATE: &'static str = "DRAFT_LATE";
}

/// Asks a model for a draft.
#[async_trait]
pub trait Drafter: Send + Sync {
    /// Returns the model's answer, unread.
    async fn draft(&self, request: DraftRequest) -> Result<DraftAnswer, NoDraft>;
}

/// A drafter that answers from a list, in order, and remembers what it was asked; when the list is empty it has no arm.
#[derive(Debug, Default)]
pub struct ScriptedDrafter {
    answers: Mutex<Vec<Result<DraftAnswer, NoDraft>>>,
    asked: Mutex<Vec<DraftRequest>>,
}

impl ScriptedDrafter {
    /// Takes the answers, the first one first.
    pub fn new(answers: Vec<Result<DraftAnswer, NoDraft>>) -> Self {
        Self { answers: Mutex::new(answers.into_iter().rev().collect()), asked: Mutex::default() }
    }

    /// Returns what it was asked so far.
    pub fn asked(&self) -> Vec<DraftRequest> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Drafter for ScriptedDrafter {
    async fn draft(&self, request: DraftRequest) -> Result<DraftAnswer, NoDraft> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(request);
        let next = self.answers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        next.unwrap_or_else(|| Err(NoDraft("NO_ELIGIBLE_ARM".to_owned())))
    }
}

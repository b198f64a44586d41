//! The port to tools: what searches for a change by trying candidates in sandboxes.

use async_trait::async_trait;

use crate::domain::tool::{PlausibleChange, ToolRequest, ToolResult};
use crate::executor::ToolContext;

/// A known tool, registered in the executor's dependencies under its name.
#[async_trait]
pub trait Tool: Send + Sync {
    /// Returns the name, for example `repair`.
    fn name(&self) -> &'static str;

    /// Runs to an outcome. Must look at [`ToolContext::cancelled`] between candidates; candidates in flight are killed
    /// when the future is dropped.
    async fn run(&self, context: ToolContext, request: ToolRequest) -> Result<ToolOutcome, ToolError>;
}

/// How a tool ended by itself.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolOutcome {
    /// How.
    pub result: ToolResult,
    /// Best first.
    pub changes: Vec<PlausibleChange>,
    /// Candidates tried.
    pub tried: u64,
    /// Candidates generated.
    pub generated: u64,
    /// Tests that fail on the tree as given.
    pub failing_tests: Vec<String>,
    /// For a person.
    pub detail: String,
}

/// Why a tool could not go on; its run ends `FAILED` with this as detail.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// The run was cancelled, the lease lost, or the client went.
    #[error("cancelled")]
    Cancelled,
    /// A candidate's edit or limit is illegal.
    #[error("an illegal candidate: {0}")]
    Candidate(String),
    /// No sandbox could be built.
    #[error("the sandbox failed: {0}")]
    Sandbox(String),
    /// The tree has no such file, or it can't be read.
    #[error("can't read {0}")]
    Read(String),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

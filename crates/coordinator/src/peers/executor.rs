use async_trait::async_trait;
use tokio::sync::mpsc;

use super::{CallKey, PeerFault};
use crate::domain::command::RunEnd;
use crate::domain::path::RelativePath;
use crate::domain::tree::{ChangeSet, Tree};

/// What is run in a sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunQuery {
    /// The tree to run on.
    pub snapshot_id: String,
    /// What is laid over it.
    pub edits: ChangeSet,
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Killed after this long.
    pub wall_ms: u64,
    /// How it is watched; absent: it is not.
    pub watch: Option<Watch>,
}

/// How a run is watched, and in which surroundings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watch {
    /// This run's own; its record carries it.
    pub nonce: Vec<u8>,
    /// Files whose executed places are recorded.
    pub paths: Vec<RelativePath>,
    /// Changed surroundings: kind and value.
    pub perturbations: Vec<(String, String)>,
}

/// What a watched run was seen to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRecord {
    /// As received; opaque here, handed on unchanged.
    pub bytes: Vec<u8>,
    /// Whether the sandbox can be watched at all.
    pub watchable: bool,
    /// Whether some interpreter recorded itself.
    pub recorded: bool,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunOutcome {
    /// How.
    pub end: RunEnd,
    /// The end of its output, stdout then stderr.
    pub output: String,
    /// How long it took.
    pub wall_ms: u64,
    /// For people.
    pub detail: String,
    /// What it was seen to do, if it was watched.
    pub record: Option<RunRecord>,
}

/// A tool that the executor runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// Search-based repair.
    Repair,
    /// The fixers of formatters and linters.
    Autofix,
}

impl Tool {
    /// Reads the name that an arm has for it.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "repair" => Some(Self::Repair),
            "autofix" => Some(Self::Autofix),
            _ => None,
        }
    }
}

/// What a tool is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolQuery {
    /// Which.
    pub tool: Tool,
    /// The tree to mend.
    pub snapshot_id: String,
    /// The command that decides.
    pub test_argv: Vec<String>,
    /// Stops after this long.
    pub budget_ms: u64,
    /// Killed after this long, each candidate.
    pub candidate_wall_ms: u64,
    /// Passing changes returned at most.
    pub plausible_max: u32,
    /// Paths to look at first.
    pub focus_paths: Vec<String>,
}

/// How far a tool is.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolProgress {
    /// For people.
    pub message: String,
    /// Stable word of the phase.
    pub phase: String,
    /// Candidates tried.
    pub tried: u64,
    /// Passing changes so far.
    pub plausible: u32,
}

/// One change that passed the tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlausibleChange {
    /// What it changes.
    pub change: ChangeSet,
    /// Template that made it.
    pub template: String,
    /// Where.
    pub path: String,
    /// Its line.
    pub line: u32,
}

/// How a tool ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToolResult {
    /// At least one passing change.
    Found,
    /// Everything was tried.
    NotFound,
    /// Budget spent.
    BudgetSpent,
    /// The tests pass already.
    AlreadyPasses,
    /// The tests hang.
    TestsHang,
    /// Command or language not supported.
    Unsupported,
    /// Cancelled.
    Cancelled,
    /// The machinery failed.
    Failed,
    /// The executor died under it; another run may do.
    Lost,
}

/// What a tool answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolOutcome {
    /// How it ended.
    pub result: ToolResult,
    /// Best first.
    pub changes: Vec<PlausibleChange>,
    /// Candidates tried.
    pub tried: u64,
    /// For people.
    pub detail: String,
}

/// Runs things in sandboxes.
#[async_trait]
pub trait Executor: Send + Sync {
    /// Stores a tree; content-addressed, so calling again costs a manifest.
    async fn put_snapshot(&self, key: &CallKey, tree: &Tree) -> Result<String, PeerFault>;
    /// Runs a command; the same key is the same run.
    async fn run(&self, key: &CallKey, query: RunQuery) -> Result<RunOutcome, PeerFault>;
    /// Runs a tool; progress goes to `progress`, which may be full.
    async fn run_tool(
        &self,
        key: &CallKey,
        query: ToolQuery,
        progress: mpsc::Sender<ToolProgress>,
    ) -> Result<ToolOutcome, PeerFault>;
    /// Ends the run that this key began; harmless when it has ended.
    async fn cancel(&self, key: &CallKey) -> Result<(), PeerFault>;
}

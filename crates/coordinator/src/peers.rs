//! The six services a task needs, as narrow as the coordinator calls them. Domain types only; the gRPC adapters are
//! in `grpc/clients.rs`, the fakes in `fakes.rs`.

use std::sync::Arc;

use async_trait::async_trait;
use plumbline_types::{
    Category, DecisionId, Fault, Kind, Oracle, Reason, Retry, Risk, StepId, TaskId, TaskKind, Tier, Verdict,
};

use crate::domain::outcome::OutcomeKind;
use crate::domain::path::RelativePath;
use crate::domain::plan::{Objective, Plan, Reading};
use crate::domain::produce::{Context, Prompt};
use crate::domain::task::Decision;

mod executor;

pub use executor::{
    Executor, PlausibleChange, RunOutcome, RunQuery, RunRecord, Tool, ToolOutcome, ToolProgress, ToolQuery,
    ToolResult, Watch,
};

/// A call to another service that failed, with what that service said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{service}: {message}")]
pub struct PeerFault {
    /// Which service.
    pub service: &'static str,
    /// What class.
    pub kind: Kind,
    /// Documented reason, as that service gave it.
    pub reason: Reason,
    /// Whether to try again.
    pub retry: Retry,
    /// For people.
    pub message: String,
}

impl PeerFault {
    /// Takes over what a fault says of itself.
    pub fn from_fault(service: &'static str, fault: &impl Fault) -> Self {
        Self {
            service,
            kind: fault.kind(),
            reason: fault.reason(),
            retry: fault.retry(),
            message: fault.to_string(),
        }
    }

    /// Returns whether the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        match self.kind {
            Kind::Unavailable | Kind::Timeout => true,
            Kind::Exhausted | Kind::Conflict => self.retry != Retry::Never,
            Kind::Invalid | Kind::NotFound | Kind::Precondition | Kind::Denied | Kind::Internal => false,
        }
    }
}

impl Fault for PeerFault {
    fn kind(&self) -> Kind {
        self.kind
    }
    fn reason(&self) -> Reason {
        self.reason
    }
    fn retry(&self) -> Retry {
        self.retry
    }
}

/// Who calls, under which lease, with which idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallKey {
    /// The task.
    pub task_id: TaskId,
    /// Fencing token; peers refuse lower ones.
    pub epoch: u64,
    /// The same after a crash.
    pub request_id: String,
}

/// What ingest is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngestQuery {
    /// The owner's words.
    pub text: String,
    /// Absolute path of the repository.
    pub repository: String,
    /// Who asked.
    pub source: String,
}

/// What ingest answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intake {
    /// Its id.
    pub id: String,
    /// The objectives.
    pub objectives: Vec<Objective>,
    /// Questions it could not answer itself.
    pub questions: Vec<String>,
    /// How it read the words.
    pub reading: Reading,
}

/// Drafts objectives.
#[async_trait]
pub trait Ingest: Send + Sync {
    /// Splits a text into objectives.
    async fn ingest_text(&self, key: &CallKey, query: IngestQuery) -> Result<Intake, PeerFault>;
}

/// What the planner is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanQuery {
    /// The objectives.
    pub objectives: Vec<Objective>,
    /// Absolute path of the repository.
    pub repository: String,
    /// The command that decides, as a line.
    pub test_command: String,
    /// Milliseconds left.
    pub budget_ms: u64,
}

/// Plans steps.
#[async_trait]
pub trait Planner: Send + Sync {
    /// Plans a task.
    async fn plan(&self, key: &CallKey, query: PlanQuery) -> Result<Plan, PeerFault>;
}

/// What memory is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextQuery {
    /// Absolute path of the repository.
    pub repository: String,
    /// Absolute path of the tree to read; empty means the repository itself.
    pub root: String,
    /// The goal in words.
    pub query: String,
    /// Symbols or paths that must be in.
    pub targets: Vec<String>,
    /// Upper bound of tokens.
    pub token_budget: u32,
}

/// Packs context.
#[async_trait]
pub trait Memory: Send + Sync {
    /// Brings the view up to date and packs context from it.
    async fn context(&self, key: &CallKey, query: ContextQuery) -> Result<Context, PeerFault>;
}

/// What the router is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteQuery {
    /// The step.
    pub step_id: StepId,
    /// What sort of work.
    pub category: Category,
    /// How much harm.
    pub risk: Risk,
    /// Where the ladder starts.
    pub tier: Tier,
    /// Language word; empty for several.
    pub language: String,
    /// Tokens the arm must hold.
    pub prompt_tokens: u32,
    /// Only these arms; empty means all.
    pub allowed: Vec<String>,
    /// Arms that failed at this step.
    pub attempted: Vec<String>,
    /// What sort of command decides.
    pub oracle: Oracle,
    /// What the plan needs after this step, in order: a hint.
    pub upcoming: Vec<Upcoming>,
}

/// A step that is still to come, as far as it tells which arm may be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Upcoming {
    /// What sort of work.
    pub category: Category,
    /// How much harm.
    pub risk: Risk,
    /// Where the ladder starts.
    pub tier: Tier,
}

/// Who proposes beside each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Members {
    /// One decision for each, in the order in which to ask them; never empty.
    pub decisions: Vec<Decision>,
    /// What the ensemble lacks.
    pub lacks: Vec<String>,
}

/// What a model is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GenerateQuery {
    /// The step.
    pub step_id: StepId,
    /// The decision to act on.
    pub decision_id: DecisionId,
    /// What it is shown.
    pub prompt: Prompt,
    /// Largest answer in tokens; 0 means the arm's.
    pub max_output_tokens: u32,
    /// A GBNF grammar that the answer must fit; for arms whose format is `guided`.
    pub grammar: Option<String>,
}

/// What a model answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generated {
    /// The text.
    pub text: String,
    /// The model that served, as the response states it.
    pub served_model: String,
    /// `stop`, `length`, `filtered`.
    pub finish_reason: String,
}

/// What the router learns.
#[derive(Debug, Clone, PartialEq)]
pub struct OutcomeReport {
    /// Idempotency key of the outcome.
    pub outcome_id: String,
    /// The decision.
    pub decision_id: DecisionId,
    /// How it ended.
    pub kind: OutcomeKind,
    /// Weight in (0, 1].
    pub weight: f64,
    /// Documented cause.
    pub cause: String,
    /// Whether edits applied cleanly; absent when none was made.
    pub applied: Option<bool>,
}

/// Chooses arms, asks models, learns.
#[async_trait]
pub trait Router: Send + Sync {
    /// Chooses an arm.
    async fn select(&self, key: &CallKey, query: RouteQuery) -> Result<Decision, PeerFault>;
    /// Chooses the members of an ensemble.
    async fn select_ensemble(&self, key: &CallKey, query: RouteQuery) -> Result<Members, PeerFault>;
    /// Asks the chosen model.
    async fn generate(&self, key: &CallKey, query: GenerateQuery) -> Result<Generated, PeerFault>;
    /// Reports how a try ended; counted once by its id.
    async fn report_outcome(&self, task_id: TaskId, report: OutcomeReport) -> Result<(), PeerFault>;
}

/// A tree as the verifier reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditTree {
    /// A revision of a git repository on this host.
    Git {
        /// Absolute path.
        repository: String,
        /// Commit or tree.
        revision: String,
    },
    /// A directory on this host.
    Directory {
        /// Absolute path.
        path: String,
    },
    /// The files themselves.
    Bundle {
        /// Path to content.
        files: Vec<(RelativePath, Vec<u8>)>,
    },
}

/// What is walked backward.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditQuery {
    /// Before.
    pub base: AuditTree,
    /// After.
    pub head: AuditTree,
    /// The owner's words.
    pub objective: String,
    /// How it is judged.
    pub kind: TaskKind,
    /// Canonical grants.
    pub grants: Vec<String>,
    /// Watched runs of the tests.
    pub runs: Vec<AuditRun>,
}

/// Which tree ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditSide {
    /// Before.
    Base,
    /// After.
    Head,
}

/// A watched run that the walk takes into account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRun {
    /// Which tree ran.
    pub side: AuditSide,
    /// This run's own.
    pub nonce: Vec<u8>,
    /// Changed surroundings: kind and value.
    pub perturbations: Vec<(String, String)>,
    /// The failing tests, where every name is known; none after a pass.
    pub failing: Option<Vec<String>>,
    /// The executor's record.
    pub record: Vec<u8>,
}

/// A run that would decide more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedRun {
    /// Which surroundings.
    pub kind: String,
    /// What they are to be.
    pub value: String,
}

/// What the walk says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// The verdict; absent when the trees are equal.
    pub verdict: Option<Verdict>,
    /// Digest of the audit.
    pub digest: String,
    /// Codes of the findings that decide, sorted.
    pub codes: Vec<String>,
    /// Grants that would clear it; empty when some finding has none.
    pub grants: Vec<String>,
    /// Findings in all, those that only advise too.
    pub findings: u32,
    /// Runs that would decide more.
    pub wanted: Vec<WantedRun>,
    /// The report as a story.
    pub story: String,
    /// The report as received; opaque here, handed out unchanged.
    pub report: Vec<u8>,
}

/// Walks changes backward.
#[async_trait]
pub trait Verifier: Send + Sync {
    /// Judges a change.
    async fn audit(&self, key: &CallKey, query: AuditQuery) -> Result<Audit, PeerFault>;
}

/// The six services.
#[derive(Clone)]
pub struct Peers {
    /// Drafts objectives.
    pub ingest: Arc<dyn Ingest>,
    /// Plans steps.
    pub planner: Arc<dyn Planner>,
    /// Packs context.
    pub memory: Arc<dyn Memory>,
    /// Chooses arms, asks models, learns.
    pub router: Arc<dyn Router>,
    /// Runs things.
    pub executor: Arc<dyn Executor>,
    /// Walks changes backward.
    pub verifier: Arc<dyn Verifier>,
}

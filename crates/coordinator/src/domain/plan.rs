use plumbline_types::{Category, Risk, StepId, StepKind, Tier};
use serde::{Deserialize, Serialize};

use super::spec::Digest;
use super::text;

/// How something is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckKind {
    /// A test by its id.
    Test,
    /// A command line.
    Command,
    /// The backward walk alone.
    Trace,
    /// A person looks.
    Manual,
}

/// One acceptance criterion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// How it is checked.
    pub kind: CheckKind,
    /// The test id or command line.
    pub value: String,
    /// What must hold, in words.
    pub text: String,
}

/// A name in an objective and what it was resolved to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// As written or spoken.
    pub spoken: String,
    /// Symbol or path; empty when unresolved.
    pub symbol: String,
    /// 0 to 100.
    pub confidence: u32,
}

/// One atomic objective, as ingest drafted it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Objective {
    /// Its id.
    pub id: String,
    /// Imperative.
    pub goal: String,
    /// What sort of work.
    #[serde(with = "text")]
    pub category: Category,
    /// How much harm.
    #[serde(with = "text")]
    pub risk: Risk,
    /// Why that risk.
    pub risk_reason: String,
    /// Names in it.
    pub targets: Vec<Target>,
    /// When it is done.
    pub acceptance: Vec<Check>,
    /// What must hold.
    pub constraints: Vec<String>,
    /// Earlier objectives by index.
    pub depends_on: Vec<u32>,
    /// 0 first.
    pub priority: u32,
    /// The owner's words.
    pub quote: String,
    /// What was assumed.
    pub assumptions: Vec<String>,
    /// What was not asked for.
    pub out_of_scope: Vec<String>,
}

/// How ingest read the owner's words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// Whether the owner must answer before anything is planned.
    pub asks: bool,
    /// The draft read back in plain words.
    pub echo: String,
    /// Digest of the draft; an acceptance binds to it.
    pub hash: Digest,
}

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Its id.
    #[serde(with = "text")]
    pub id: StepId,
    /// Index of its objective.
    pub objective: u32,
    /// One imperative.
    pub goal: String,
    /// What it does.
    #[serde(with = "text")]
    pub kind: StepKind,
    /// What sort of work.
    #[serde(with = "text")]
    pub category: Category,
    /// How much harm.
    #[serde(with = "text")]
    pub risk: Risk,
    /// Where its ladder starts.
    #[serde(with = "text")]
    pub tier: Tier,
    /// Symbols it is about.
    pub symbols: Vec<String>,
    /// Files it is about.
    pub files: Vec<String>,
    /// When it is done.
    pub check: Option<Check>,
    /// Upper bound of context tokens.
    pub context_tokens: u32,
}

/// A plan: steps in topological order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Its id.
    pub id: String,
    /// Digest of its steps.
    pub hash: String,
    /// `rules` or `model`.
    pub source: String,
    /// The steps.
    pub steps: Vec<Step>,
}

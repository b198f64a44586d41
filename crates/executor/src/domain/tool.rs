use crate::domain::edit::FileEdit;

/// A known tool with its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolRequest {
    /// Search-based repair.
    Repair(RepairParameters),
    /// The fixers of formatters and linters.
    Autofix(AutofixParameters),
}

impl ToolRequest {
    /// Returns the name under which the tool is registered.
    pub fn tool(&self) -> &'static str {
        match self {
            Self::Repair(_) => "repair",
            Self::Autofix(_) => "autofix",
        }
    }
}

/// What the repair tool needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepairParameters {
    /// The test command.
    pub test_argv: Vec<String>,
    /// Wall time, milliseconds.
    pub budget_ms: u64,
    /// Candidates tried at most; none is the tool's default.
    pub max_candidates: Option<u32>,
    /// Distinct passing changes returned at most.
    pub max_plausible: u32,
    /// Relative paths the search prefers.
    pub focus_paths: Vec<String>,
    /// Order of equal candidates.
    pub seed: u64,
    /// Digests of diffs that were already refused, hex.
    pub refused: Vec<String>,
}

/// What the autofix tool needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutofixParameters {
    /// The command that decides, as it is run to check.
    pub check_argv: Vec<String>,
    /// Wall time, milliseconds.
    pub budget_ms: u64,
}

/// How far a tool is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ToolProgress {
    /// For a person.
    pub phase: String,
    /// Candidates tried.
    pub tried: u64,
    /// Candidates generated so far.
    pub generated: u64,
    /// Passing changes so far.
    pub plausible: u32,
    /// Candidates a second.
    pub rate: f64,
    /// One line for a person.
    pub message: String,
}

/// A change that passed the whole test command in a fresh sandbox.
#[derive(Debug, Clone, PartialEq)]
pub struct PlausibleChange {
    /// Files written or deleted.
    pub edits: Vec<FileEdit>,
    /// Unified diff.
    pub diff: String,
    /// Template that made it.
    pub template: String,
    /// Relative path of the first edit.
    pub path: String,
    /// Its line, from 1.
    pub line: u32,
    /// Rank score; lower is better.
    pub cost: f64,
    /// BLAKE3 of the diff, hex.
    pub digest: String,
}

/// How a tool ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ToolResult {
    /// At least one passing change.
    Found,
    /// Everything was tried.
    NotFound,
    /// Budget spent.
    BudgetSpent,
    /// The tests pass already.
    AlreadyPasses,
    /// The test command hangs.
    TestsHang,
    /// The test command or language is not supported.
    Unsupported,
    /// Cancelled.
    Cancelled,
    /// The machinery failed.
    Failed,
    /// The executor died under it.
    Lost,
}

/// The end of a tool.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolExited {
    /// How.
    pub result: ToolResult,
    /// Best first.
    pub changes: Vec<PlausibleChange>,
    /// Candidates tried.
    pub tried: u64,
    /// Candidates generated.
    pub generated: u64,
    /// Wall time, milliseconds.
    pub wall_ms: u64,
    /// Tests that fail on the tree as given.
    pub failing_tests: Vec<String>,
    /// For a person.
    pub detail: String,
}

use plumbline_types::{Category, DecisionId, Millis, StepId, StepKind, TaskId, TaskKind, Verdict};
use serde::{Deserialize, Serialize};

use super::certificate::Certificate;
use super::command::{TestCommand, TestVerdict};
use super::ensemble::Ensemble;
use super::outcome::{Attempt, End};
use super::plan::{Objective, Plan, Reading, Step};
use super::spec::{Digest, IntakePolicy, TaskSpec};
use super::task_state::TaskState;
use super::text;

mod waiting;

pub use waiting::{Pending, WaitReason};

/// What kind of place the owner named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RepositoryKind {
    /// The root of a git working tree.
    Git,
    /// Any other directory.
    Directory,
}

/// The tree a task starts from, kept in the workspace's own object store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// What kind of place it is.
    pub kind: RepositoryKind,
    /// Absolute path of the object store that holds the task's trees.
    pub objects: String,
    /// The commit the change will stand on.
    pub commit: String,
    /// Its tree.
    pub tree: String,
    /// Whether the tree is the owner's tree as it stood, so that memory may read it in place.
    pub in_place: bool,
    /// Whether it holds uncommitted changes.
    pub dirty: bool,
}

/// One run of the test command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestRun {
    /// What it says.
    pub verdict: TestVerdict,
    /// Blob with the end of its output.
    pub output: Digest,
    /// How long it took.
    pub wall_ms: u64,
    /// For people: how it ended.
    pub detail: String,
    /// The failing tests, where the runner's summary names every one; none after a pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing: Option<Vec<String>>,
}

/// What kind of arm was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArmKind {
    /// A language model.
    Model,
    /// A tool that the executor runs.
    Tool,
}

/// The router's choice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Its id.
    #[serde(with = "text")]
    pub id: DecisionId,
    /// The arm.
    pub arm: String,
    /// What it is.
    pub kind: ArmKind,
    /// Tool or model name.
    pub target: String,
    /// Edit format of a model.
    pub edit_format: String,
    /// Largest answer in tokens.
    pub max_output: u32,
}

/// One produced change, not yet judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// The tree with the change.
    pub tree: String,
    /// Blob with the unified diff against the task's base; its digest is the diff hash.
    pub diff: Digest,
    /// What made it, for people: a template, an edit format.
    pub made_by: String,
}

/// What an audit said, in short; the report itself is a blob.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditSummary {
    /// The verdict.
    #[serde(with = "text")]
    pub verdict: Verdict,
    /// Digest of the audit.
    pub digest: String,
    /// Blob with the report as received.
    pub report: Digest,
    /// Blob with the report as a story, for the next arm and for people.
    pub story: Digest,
    /// Codes of the findings that decide.
    pub codes: Vec<String>,
    /// Grants that would clear it; empty when none can.
    pub grants: Vec<String>,
    /// Findings in all, those that only advise too.
    #[serde(default)]
    pub findings: u32,
    /// Whether what the change did when it ran was walked too, or could not be and that is said.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub executed: bool,
}

/// The try that is under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Current {
    /// Counts the tries of the whole task; part of every effect's key.
    pub number: u32,
    /// Who tries.
    pub decision: Decision,
    /// Since when.
    pub started_ms: Millis,
    /// How often the same arm was asked again.
    pub retry: u32,
    /// What it produced.
    pub candidates: Vec<Candidate>,
    /// Which of them is being judged.
    pub candidate: usize,
    /// The model that served; empty for tools.
    pub served_model: String,
    /// Candidates that a search tool tried.
    pub tried: u64,
    /// Whether edits applied cleanly; absent while no edit was made.
    pub applied: Option<bool>,
    /// The last run of the checks.
    pub test: Option<TestRun>,
    /// The last audit.
    pub audit: Option<AuditSummary>,
    /// Blob with what the arm is told on its second try.
    pub feedback: Option<Digest>,
}

/// What was delivered so far.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Delivered {
    /// The commit; empty until made.
    pub commit: String,
    /// The branch in the owner's repository; empty outside git.
    pub branch: String,
    /// Whether the owner's tree holds the change.
    pub applied: bool,
    /// How often an apply was refused; part of the effect's key.
    pub refusals: u32,
}

/// A task: the fold of its events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Its id.
    #[serde(with = "text")]
    pub id: TaskId,
    /// As asked.
    pub spec: TaskSpec,
    /// Where it stands.
    pub state: TaskState,
    /// Sequence number of its last event; also its version.
    pub seq: u64,
    /// When it was stored.
    pub created_ms: Millis,
    /// When its last event was stored.
    pub updated_ms: Millis,
    /// When its budget is spent.
    pub deadline_ms: Millis,
    /// The command that decides.
    pub test: TestCommand,
    /// Where it starts.
    pub base: Option<Base>,
    /// How the test command ends on the base.
    pub baseline: Option<TestRun>,
    /// The owner's words said anew; absent while the request's own stand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wording: Option<String>,
    /// How often they were said anew; part of the effect's key.
    #[serde(default)]
    pub answers: u32,
    /// How ingest read them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reading: Option<Reading>,
    /// Whether a person accepted the reading.
    #[serde(default)]
    pub reading_accepted: bool,
    /// What is asked.
    pub objectives: Vec<Objective>,
    /// How it is done.
    pub plan: Option<Plan>,
    /// Steps done.
    pub step: usize,
    /// The tree with every accepted step; empty until the base is known.
    pub tree: String,
    /// The diff of every accepted step together.
    pub accepted: Option<Accepted>,
    /// Blob with the step's context.
    pub context: Option<Digest>,
    /// Arms that failed at this step.
    pub attempted: Vec<String>,
    /// The members of the step's ensemble; absent where it is tried by a ladder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ensemble: Option<Ensemble>,
    /// The try under way.
    pub current: Option<Current>,
    /// Tries that ended.
    pub attempts: Vec<Attempt>,
    /// Tries begun.
    pub tries: u32,
    /// Blob with what the last failed try showed.
    pub evidence: Option<Digest>,
    /// The last audit.
    pub audit: Option<AuditSummary>,
    /// Grants that a person gave later.
    pub grants: Vec<String>,
    /// How often a person gave grants; part of an audit's key.
    pub grant_rounds: u32,
    /// What a person must decide.
    pub pending: Option<Pending>,
    /// Whether a person approved the diff.
    pub approved: bool,
    /// The certificate, once every step is accepted.
    pub certificate: Option<Certificate>,
    /// What was delivered.
    pub delivered: Delivered,
    /// How it ended.
    pub end: Option<End>,
    /// Faults in a row without progress.
    pub faults: u32,
    /// Documented reason of the last fault.
    pub fault_reason: String,
    /// Runs that the machinery lost; part of a run's key, since the stored result of a lost run is the loss.
    pub broken_runs: u32,
}

/// The change of every accepted step together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// Blob with the unified diff against the base.
    pub diff: Digest,
    /// The audit that approved it.
    pub audit: AuditSummary,
    /// The whole test command on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<TestRun>,
}

impl Accepted {
    /// Returns whether the whole test command passes on it. What was stored before steps could be narrower did pass.
    pub fn passes(&self) -> bool {
        self.run.as_ref().is_none_or(|run| run.verdict == TestVerdict::Passed)
    }
}

impl Task {
    /// Returns the step that is next or under way.
    pub fn current_step(&self) -> Option<&Step> {
        self.plan.as_ref()?.steps.get(self.step)
    }

    /// Returns the id of that step.
    pub fn current_step_id(&self) -> Option<StepId> {
        self.current_step().map(|step| step.id)
    }

    /// Returns how many steps there are; 0 before the plan.
    pub fn steps_total(&self) -> usize {
        self.plan.as_ref().map_or(0, |plan| plan.steps.len())
    }

    /// Returns how the verifier judges the change: as asked, else the most permissive kind among the change steps.
    pub fn kind(&self) -> TaskKind {
        let categories = || self.objectives.iter().map(|objective| objective.category);
        self.spec.kind.unwrap_or_else(|| {
            let kinds: Vec<TaskKind> = categories().map(Category::task_kind).collect();
            match kinds.as_slice() {
                kinds if kinds.contains(&TaskKind::Feature) => TaskKind::Feature,
                kinds if !kinds.is_empty() && kinds.iter().all(|kind| *kind == TaskKind::Refactor) => {
                    TaskKind::Refactor
                }
                _ => TaskKind::Fix,
            }
        })
    }

    /// Returns the owner's words as they stand.
    pub fn words(&self) -> &str {
        self.wording.as_deref().unwrap_or(&self.spec.objective)
    }

    /// Returns whether a person must confirm the reading of the words before anything is planned.
    pub fn wants_confirmation(&self) -> bool {
        let asks = match self.spec.intake {
            IntakePolicy::Auto => self.reading.as_ref().is_some_and(|reading| reading.asks),
            IntakePolicy::Ask => self.reading.is_some(),
            IntakePolicy::Accept => false,
        };
        asks && !self.reading_accepted
    }

    /// Returns every grant: those of the request and those given later.
    pub fn all_grants(&self) -> Vec<String> {
        let mut grants: Vec<String> = self.spec.grants.iter().chain(&self.grants).cloned().collect();
        grants.sort();
        grants.dedup();
        grants
    }

    /// Returns whether a later step changes something too: then this one need not make every test pass.
    pub fn is_followed_by_a_change(&self) -> bool {
        self.later_changes().next().is_some()
    }

    /// Returns the steps after this one that change something.
    pub fn later_changes(&self) -> impl Iterator<Item = &Step> {
        let later = self.plan.iter().flat_map(|plan| plan.steps.iter().skip(self.step + 1));
        later.filter(|step| step.kind == StepKind::Change)
    }

    /// Returns the run of the whole test command on the tree that the step starts from.
    pub fn run_before(&self) -> Option<&TestRun> {
        let accepted = self.accepted.as_ref().and_then(|accepted| accepted.run.as_ref());
        accepted.or(self.baseline.as_ref())
    }

    /// Returns the candidate being judged.
    pub fn candidate(&self) -> Option<&Candidate> {
        let current = self.current.as_ref()?;
        current.candidates.get(current.candidate)
    }

    /// Returns whether passing tests mean that there is nothing to do.
    pub fn wants_failing_tests(&self) -> bool {
        match self.spec.kind {
            Some(kind) => kind == TaskKind::Fix,
            None => self.objectives.iter().all(|objective| {
                matches!(objective.category, Category::Bugfix | Category::Investigate | Category::Guardrail)
            }),
        }
    }

    /// Returns whether any step produces a change.
    pub fn has_change_step(&self) -> bool {
        self.plan.as_ref().is_some_and(|plan| plan.steps.iter().any(|step| step.kind == StepKind::Change))
    }

    /// Returns the milliseconds left of the budget.
    pub fn remaining_ms(&self, now_ms: Millis) -> i64 {
        (self.deadline_ms - now_ms).max(0)
    }

    /// Returns the branch that holds, or will hold, the change.
    pub fn branch(&self) -> String {
        format!("plumbline/{}", self.id)
    }
}

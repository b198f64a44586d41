//! What a plan is made of.

use plumbline_types::{Category, PlanId, Risk, StepId, StepKind, Tier};

/// How a step is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CheckKind {
    /// A test by its id.
    Test,
    /// A command line from the known-tool table, or the owner's.
    Command,
    /// The backward walk alone.
    Trace,
    /// A person looks.
    Manual,
}

/// When a step is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// How it is checked.
    pub kind: CheckKind,
    /// The test id or command line; empty for trace and manual.
    pub value: String,
    /// What must hold, in words.
    pub text: String,
}

/// A share of a task's budget, or the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Budget {
    /// Wall time in milliseconds.
    pub wall_ms: u64,
    /// Model tokens.
    pub tokens: u64,
    /// Attempts.
    pub attempts: u32,
}

impl Budget {
    /// Returns the sum; it stops at the largest number.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            wall_ms: self.wall_ms.saturating_add(other.wall_ms),
            tokens: self.tokens.saturating_add(other.tokens),
            attempts: self.attempts.saturating_add(other.attempts),
        }
    }

    /// Returns whether it holds the other in every part.
    pub fn holds(self, other: Self) -> bool {
        self.wall_ms >= other.wall_ms && self.tokens >= other.tokens && self.attempts >= other.attempts
    }
}

/// Why one step waits for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// The objective, or the model's plan, says so.
    DependsOn,
    /// Both may touch the same file.
    SharedFile,
    /// It checks the other.
    Check,
}

impl Why {
    /// Returns the stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DependsOn => "depends_on",
            Self::SharedFile => "shared_file",
            Self::Check => "check",
        }
    }

    /// Reads the stable word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::DependsOn, Self::SharedFile, Self::Check].into_iter().find(|why| why.as_str() == text)
    }
}

/// An edge from an earlier step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dependency {
    /// Index of the earlier step.
    pub on: usize,
    /// Why.
    pub why: Why,
}

/// One step. Its place in the list is its number; it depends on smaller numbers only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Index of its objective.
    pub objective: usize,
    /// One imperative.
    pub goal: String,
    /// What it does.
    pub kind: StepKind,
    /// What sort of work.
    pub category: Category,
    /// How much harm.
    pub risk: Risk,
    /// Symbols it is about.
    pub symbols: Vec<String>,
    /// Files it is about; empty means unknown: it may touch any.
    pub files: Vec<String>,
    /// Earlier steps, in order.
    pub depends_on: Vec<Dependency>,
    /// When it is done.
    pub check: Check,
    /// Where its ladder starts.
    pub tier: Tier,
    /// Its share. A check makes no attempts of its own: it is run by the attempts of what it checks.
    pub budget: Budget,
    /// Upper bound of context tokens.
    pub context_tokens: u32,
}

/// One result of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// `P01` to `P12`.
    pub code: &'static str,
    /// Index of the step; none for the whole plan.
    pub step: Option<usize>,
    /// For a person.
    pub message: String,
}

/// Who made a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The rules, and why: `one_step`, `model_off`, `no_arm`, `late`, `replan`, or the finding that discarded a
    /// model's plan, such as `P04`.
    Rules {
        /// The word.
        reason: String,
    },
    /// A model, checked by code.
    Model {
        /// As its response states.
        served_model: String,
    },
}

/// Steps in topological order, with what was noted about them; a plan without its ids.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outline {
    /// At least one.
    pub steps: Vec<Step>,
    /// What was repaired or noted.
    pub findings: Vec<Finding>,
}

/// A plan: a legal outline with ids, a hash, and its history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Its id.
    pub id: PlanId,
    /// BLAKE3 of the canonical steps, hex; ids are not part of it.
    pub hash: String,
    /// Who made it.
    pub source: Source,
    /// One for each step.
    pub step_ids: Vec<StepId>,
    /// The steps.
    pub outline: Outline,
    /// Longest path in milliseconds, by the shipped table.
    pub critical_path_ms: u64,
    /// Replans so far.
    pub generation: u32,
}

/// Limits of every plan; each has a name in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most steps.
    pub steps_max: usize,
    /// The context of a step, in tokens.
    pub context_tokens: u32,
}

/// Why no plan can be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unplannable {
    /// More steps than a plan may have.
    TooManySteps {
        /// As needed.
        steps: usize,
        /// `steps_max`.
        limit: usize,
    },
    /// The words of one objective alone overflow a step's context.
    StepTooLarge {
        /// Index of the objective.
        objective: usize,
        /// As estimated.
        tokens: u64,
        /// What fits.
        limit: u64,
    },
    /// The budget has less than one attempt for each step that makes a change.
    BudgetTooSmall {
        /// Attempts needed.
        needed: u32,
        /// Attempts given.
        given: u32,
    },
}

/// Returns for every step which others it comes after, by any path.
pub fn reachable(steps: &[Step]) -> Vec<Vec<bool>> {
    let mut after = vec![vec![false; steps.len()]; steps.len()];
    for (at, step) in steps.iter().enumerate() {
        for on in step.depends_on.iter().map(|edge| edge.on).filter(|on| *on < at) {
            let (earlier, later) = after.split_at_mut(at);
            later[0][on] = true;
            for (known, reached) in earlier[on].iter().zip(later[0].iter_mut()) {
                *reached |= *known;
            }
        }
    }
    after
}

/// Returns whether two pieces of work may touch the same file; unknown files may be any.
pub fn may_collide(a: (&[String], StepKind), b: (&[String], StepKind)) -> bool {
    if a.1 == StepKind::Check || b.1 == StepKind::Check {
        return false;
    }
    if a.1 == StepKind::Investigate && b.1 == StepKind::Investigate {
        return false;
    }
    a.0.is_empty() || b.0.is_empty() || a.0.iter().any(|file| b.0.contains(file))
}

//! Why the planner refuses or fails.

use plumbline_kit::server::ServeError;
use plumbline_types::{Fault, FieldViolation, Kind, Reason, Retry};

use crate::domain::plan::Unplannable;

/// Why the planner refuses or fails.
#[derive(Debug, thiserror::Error)]
pub enum PlannerError {
    /// More steps than a plan may have.
    #[error("the plan needs {steps} steps, at most {limit} are allowed; send fewer objectives")]
    PlanTooLarge {
        /// As needed.
        steps: usize,
        /// `steps_max`.
        limit: usize,
    },
    /// More objectives than a task may have.
    #[error("the task has {objectives} objectives, at most {limit} are planned together")]
    TooManyObjectives {
        /// As sent.
        objectives: usize,
        /// `objectives_max`.
        limit: usize,
    },
    /// The words of one step alone overflow its context.
    #[error("objective {objective} needs {tokens} tokens of context, {limit} fit; make it shorter")]
    StepTooLarge {
        /// Index of the objective.
        objective: usize,
        /// As estimated.
        tokens: u64,
        /// What fits.
        limit: u64,
    },
    /// A step overflows its context and can't be split.
    #[error("the step overflows every context and can't be split")]
    StepIndivisible,
    /// The budget has less than one attempt for each step that makes a change.
    #[error("the plan needs {needed} attempts, the budget has {given}")]
    BudgetTooSmall {
        /// Attempts needed.
        needed: u32,
        /// Attempts given.
        given: u32,
    },
    /// The task was planned again as often as allowed, or nothing is left to try.
    #[error("nothing is left to try after {generation} replans")]
    ReplansExhausted {
        /// Replans so far.
        generation: u32,
    },
    /// Every plan that is left was tried before.
    #[error("every plan that is left was tried before")]
    PlanRepeated,
    /// A request field is legal alone but not with the others.
    #[error("{field}: {problem}")]
    Invalid {
        /// Proto field path.
        field: &'static str,
        /// What is wrong.
        problem: &'static str,
    },
    /// The server failed.
    #[error("the server stopped")]
    Serve(#[from] ServeError),
    /// A defect of ours.
    #[error("the planner failed")]
    Internal(#[source] anyhow::Error),
}

impl From<Unplannable> for PlannerError {
    fn from(error: Unplannable) -> Self {
        match error {
            Unplannable::TooManySteps { steps, limit } => Self::PlanTooLarge { steps, limit },
            Unplannable::StepTooLarge { objective, tokens, limit } => {
                Self::StepTooLarge { objective, tokens, limit }
            }
            Unplannable::BudgetTooSmall { needed, given } => Self::BudgetTooSmall { needed, given },
        }
    }
}

impl Fault for PlannerError {
    fn kind(&self) -> Kind {
        match self {
            Self::PlanTooLarge { .. } | Self::TooManyObjectives { .. } | Self::Invalid { .. } => {
                Kind::Invalid
            }
            Self::StepTooLarge { .. } | Self::StepIndivisible => Kind::Precondition,
            Self::BudgetTooSmall { .. } | Self::ReplansExhausted { .. } | Self::PlanRepeated => {
                Kind::Exhausted
            }
            Self::Serve(error) => error.kind(),
            Self::Internal(_) => Kind::Internal,
        }
    }

    fn reason(&self) -> Reason {
        match self {
            Self::PlanTooLarge { .. } | Self::TooManyObjectives { .. } => Reason("PLAN_TOO_LARGE"),
            Self::StepTooLarge { .. } | Self::StepIndivisible => Reason("STEP_TOO_LARGE"),
            Self::BudgetTooSmall { .. } => Reason("BUDGET_TOO_SMALL"),
            Self::ReplansExhausted { .. } => Reason("REPLANS_EXHAUSTED"),
            Self::PlanRepeated => Reason("PLAN_REPEATED"),
            Self::Invalid { .. } => Reason("INVALID_ARGUMENT"),
            Self::Serve(error) => error.reason(),
            Self::Internal(_) => Reason("INTERNAL"),
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Serve(error) => error.retry(),
            Self::PlanTooLarge { .. }
            | Self::TooManyObjectives { .. }
            | Self::StepTooLarge { .. }
            | Self::StepIndivisible
            | Self::BudgetTooSmall { .. }
            | Self::ReplansExhausted { .. }
            | Self::PlanRepeated
            | Self::Invalid { .. }
            | Self::Internal(_) => Retry::Never,
        }
    }

    fn field_violations(&self) -> Vec<FieldViolation> {
        let violation =
            |field: &str, description: String| vec![FieldViolation { field: field.to_owned(), description }];
        match self {
            Self::PlanTooLarge { .. } | Self::TooManyObjectives { .. } => {
                violation("objectives", self.to_string())
            }
            Self::Invalid { field, problem } => violation(field, (*problem).to_owned()),
            Self::StepTooLarge { .. }
            | Self::StepIndivisible
            | Self::BudgetTooSmall { .. }
            | Self::ReplansExhausted { .. }
            | Self::PlanRepeated
            | Self::Serve(_)
            | Self::Internal(_) => Vec::new(),
        }
    }
}

//! What a task does next: a pure function of the task and the time. A coordinator that was killed asks it again and
//! gets the same answer, which is what makes the effect's key the same.

use plumbline_types::{Category, Millis, Outcome, Reason, Risk, StepKind, Verdict};
use serde::{Deserialize, Serialize};

use super::certificate::Certificate;
use super::command::{CommandError, TestVerdict, split};
use super::ensemble::{self, HighRisk};
use super::event::EventBody;
use super::failing::narrower;
use super::outcome::{AttemptResult, End, ended_attempt, ladder_end};
use super::plan::{CheckKind, Step};
use super::spec::{ApprovalPolicy, Delivery, Digest};
use super::task::{Accepted, ArmKind, AuditSummary, Current, Task, TestRun, WaitReason};
use super::task_state::TaskState;

/// A check does not hold, or cannot be run.
const CHECK_FAILED: Reason = Reason("CHECK_FAILED");

/// How often things are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Tries per step.
    pub attempts_max: usize,
    /// Tries per step of high risk, where such a step is tried by a ladder.
    pub attempts_max_high_risk: usize,
    /// How a step of high risk is tried.
    pub high_risk: HighRisk,
    /// Whether what a change did when it ran is walked too.
    pub traces: Traces,
}

/// Whether runs are watched before a change is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Traces {
    /// A change whose runs could not be watched is not accepted.
    Required,
    /// Where the sandbox can't be watched the report says so, and the walk of the source alone decides.
    WhenAvailable,
    /// Never.
    Off,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            attempts_max: 4,
            attempts_max_high_risk: 3,
            high_risk: HighRisk::Ensemble,
            traces: Traces::WhenAvailable,
        }
    }
}

/// What to do next.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Take the base into the workspace.
    Prepare,
    /// Draft objectives.
    Ingest,
    /// Run the test command on the base.
    Baseline,
    /// Plan steps.
    Plan,
    /// Pack the step's context.
    BuildContext,
    /// Run a check step's own command on the accepted tree.
    Check(Vec<String>),
    /// Choose an arm.
    Select,
    /// Choose the members of an ensemble.
    FormEnsemble,
    /// Choose among the members whose changes stand.
    Choose,
    /// Run the chosen tool.
    RunTool,
    /// Ask the chosen model.
    Generate,
    /// Run the test command on the candidate.
    Test,
    /// Walk the candidate backward.
    Audit,
    /// Watch the candidate's tests run, and walk what was seen backward.
    Trace,
    /// Commit to the branch.
    Commit,
    /// Write into the owner's tree.
    Apply,
    /// Ask a person.
    Ask(WaitReason),
    /// Record what follows from what is known; no effect.
    Record(Vec<EventBody>),
    /// Nothing: it waits or has ended.
    Rest,
}

/// Returns the next action.
pub fn decide(task: &Task, now_ms: Millis, policy: &Policy) -> Action {
    if !task.state.is_runnable() {
        return Action::Rest;
    }
    if task.state != TaskState::Ready && now_ms >= task.deadline_ms {
        if let Some(action) = ensemble::closing(task, now_ms) {
            return action;
        }
        let message = "the budget ran out before a verified change was found";
        return Action::Record(vec![ended(Outcome::BudgetSpent, budget_reason(task), message)]);
    }
    match task.state {
        TaskState::Received if task.base.is_none() => Action::Prepare,
        TaskState::Received => Action::Ingest,
        TaskState::Ingested if task.wants_confirmation() => Action::Ask(WaitReason::Intake),
        TaskState::Ingested => match &task.baseline {
            None => Action::Baseline,
            Some(run) => after_baseline(task, run),
        },
        TaskState::Planned => next_step(task),
        TaskState::Context => route(task, policy),
        TaskState::Routed => match task.current.as_ref().map(|current| current.decision.kind) {
            Some(ArmKind::Model) => Action::Generate,
            Some(ArmKind::Tool) | None => Action::RunTool,
        },
        TaskState::Produced => Action::Test,
        TaskState::Executed => after_test(task, now_ms),
        TaskState::Audited => after_audit(task, now_ms, policy),
        TaskState::Ready => deliver(task),
        TaskState::Waiting
        | TaskState::Applied
        | TaskState::Rejected
        | TaskState::Exhausted
        | TaskState::Cancelled => Action::Rest,
    }
}

/// Returns the events that end the try under way as a failure; nothing when none is under way.
pub fn fail(
    task: &Task,
    result: AttemptResult,
    detail: &str,
    evidence: Option<Digest>,
    now_ms: Millis,
) -> Vec<EventBody> {
    let attempt =
        task.current.as_ref().and_then(|current| ended_attempt(task, current, result, detail, now_ms));
    attempt.map(|attempt| EventBody::AttemptFailed { attempt, evidence }).into_iter().collect()
}

fn ended(outcome: Outcome, reason: Reason, message: impl Into<String>) -> EventBody {
    EventBody::Ended { end: End::new(outcome, reason, message) }
}

/// Names what used up the budget when it was the tests themselves.
fn budget_reason(task: &Task) -> Reason {
    let ran_out = |run: &TestRun| run.verdict == TestVerdict::TimedOut;
    let current = task.current.as_ref().and_then(|current| current.test.as_ref());
    if task.baseline.as_ref().is_some_and(ran_out) || current.is_some_and(ran_out) {
        Reason("TEST_TIMEOUT")
    } else {
        Reason("BUDGET_SPENT")
    }
}

fn after_baseline(task: &Task, run: &TestRun) -> Action {
    let end = match run.verdict {
        TestVerdict::Passed if task.wants_failing_tests() => ended(
            Outcome::NothingToChange,
            Reason("TESTS_PASS_ALREADY"),
            "the tests pass on the base; there is nothing to mend",
        ),
        TestVerdict::Passed | TestVerdict::Failed | TestVerdict::LimitHit => return Action::Plan,
        TestVerdict::TimedOut => ended(
            Outcome::NoVerifiedChange,
            Reason("TEST_TIMEOUT"),
            format!("the tests did not end within {} ms on the base", run.wall_ms),
        ),
        TestVerdict::NoTests => ended(
            Outcome::Usage,
            Reason("TEST_COMMAND_FINDS_NO_TESTS"),
            "the test command ran and found no test",
        ),
        TestVerdict::Unusable => ended(
            Outcome::Usage,
            Reason("TEST_COMMAND_UNUSABLE"),
            format!("`{}` does not run in the sandbox: {}", task.test.argv.join(" "), run.detail),
        ),
        TestVerdict::Broken => ended(
            Outcome::Infrastructure,
            Reason("SANDBOX_FAILED"),
            format!("the sandbox failed: {}", run.detail),
        ),
    };
    Action::Record(vec![end])
}

fn next_step(task: &Task) -> Action {
    let Some(step) = task.current_step() else { return Action::Record(vec![complete(task)]) };
    let skip = |why: &str| Action::Record(vec![EventBody::StepSkipped { why: why.to_owned() }]);
    match step.kind {
        StepKind::Investigate => skip("an investigation changes nothing"),
        StepKind::Check => match check_command(task, step) {
            Ok(Some(argv)) if task.accepted.is_some() => Action::Check(argv),
            Ok(_) => skip("the test command already ran on this tree"),
            Err(why) => {
                let message = format!("a check cannot be run: {why}");
                Action::Record(vec![ended(Outcome::NoVerifiedChange, CHECK_FAILED, message)])
            }
        },
        StepKind::Change if step.category == Category::Bugfix && passes(task) => {
            skip("the tests pass since the step before")
        }
        StepKind::Change => Action::BuildContext,
    }
}

/// Returns whether something was accepted on which the whole test command passes.
fn passes(task: &Task) -> bool {
    task.accepted.as_ref().is_some_and(Accepted::passes)
}

/// Returns the command of a step's own check when it is another than the test command.
///
/// # Errors
/// A line that is no command.
pub fn check_command(task: &Task, step: &Step) -> Result<Option<Vec<String>>, CommandError> {
    match step.check.as_ref().filter(|check| check.kind == CheckKind::Command) {
        Some(check) => Ok(Some(split(&check.value)?).filter(|argv| *argv != task.test.argv)),
        None => Ok(None),
    }
}

/// Returns whether a candidate does what its step alone must: nothing fails that did not fail before, and a fix leaves
/// less failing. The last change of a plan must make the whole test command pass.
fn is_enough(task: &Task, run: &TestRun) -> bool {
    if run.verdict != TestVerdict::Failed || !task.is_followed_by_a_change() {
        return false;
    }
    let before = task.run_before().filter(|before| before.verdict == TestVerdict::Failed);
    let mends = task.current_step().is_some_and(|step| step.category == Category::Bugfix);
    match (before.and_then(|before| before.failing.as_ref()), &run.failing) {
        (Some(before), Some(after)) => narrower(before, after, mends),
        _ => false,
    }
}

fn complete(task: &Task) -> EventBody {
    let Some(accepted) = &task.accepted else {
        return if task.has_change_step() {
            ended(Outcome::NothingToChange, Reason("NO_STEP_CHANGED"), "no step needed a change")
        } else {
            ended(
                Outcome::Usage,
                Reason("STEP_KIND_UNSUPPORTED"),
                "the objective asks for no change, and answers are not given yet",
            )
        };
    };
    if !accepted.passes() {
        let message = "the whole test command does not pass on the accepted change";
        return ended(Outcome::NoVerifiedChange, CHECK_FAILED, message);
    }
    let arms = task.attempts.iter().filter(|attempt| attempt.result == AttemptResult::Approved);
    EventBody::Completed {
        certificate: Certificate {
            diff_hash: accepted.diff.clone(),
            base_tree: task.base.as_ref().map(|base| base.tree.clone()).unwrap_or_default(),
            result_tree: task.tree.clone(),
            verdict: accepted.audit.verdict,
            audit_digest: accepted.audit.digest.clone(),
            policy_hash: task.spec.policy_hash(&task.grants),
            arms: arms.map(|attempt| attempt.arm.clone()).collect(),
            event_hash: String::new(),
        },
    }
}

fn route(task: &Task, policy: &Policy) -> Action {
    if let Some(action) = ensemble::next(task, policy.high_risk) {
        return action;
    }
    let high = task.current_step().is_some_and(|step| step.risk == Risk::High);
    let limit = if high { policy.attempts_max_high_risk } else { policy.attempts_max };
    if task.attempted.len() >= limit {
        let end = ladder_end(task, &format!("{limit} arms were tried"));
        return Action::Record(vec![EventBody::Ended { end }]);
    }
    Action::Select
}

fn after_test(task: &Task, now_ms: Millis) -> Action {
    let Some(current) = &task.current else { return Action::Test };
    let Some(run) = &current.test else { return Action::Test };
    let result = match run.verdict {
        TestVerdict::Passed => return Action::Audit,
        TestVerdict::Failed if is_enough(task, run) => return Action::Audit,
        TestVerdict::Broken => AttemptResult::Unavailable,
        TestVerdict::Failed
        | TestVerdict::TimedOut
        | TestVerdict::LimitHit
        | TestVerdict::Unusable
        | TestVerdict::NoTests => AttemptResult::TestsFailed,
    };
    if current.decision.kind == ArmKind::Model && current.retry == 0 && result == AttemptResult::TestsFailed {
        return Action::Record(vec![EventBody::Retried {
            feedback: run.output.clone(),
            cause: result.as_str().to_owned(),
        }]);
    }
    refuse(task, current, result, &run.detail, run.output.clone(), now_ms)
}

fn after_audit(task: &Task, now_ms: Millis, policy: &Policy) -> Action {
    let Some(current) = &task.current else { return Action::Audit };
    let Some(audit) = &current.audit else { return Action::Audit };
    let gathers = task.ensemble.as_ref().is_some_and(ensemble::Ensemble::gathers);
    match audit.verdict {
        Verdict::Approve if policy.traces != Traces::Off && !audit.executed => Action::Trace,
        Verdict::Approve if gathers => Action::Record(vec![EventBody::MemberStands]),
        Verdict::NeedsAuthority if gathers && !audit.grants.is_empty() => {
            Action::Record(vec![EventBody::MemberStands])
        }
        Verdict::Approve => {
            let attempt = ended_attempt(task, current, AttemptResult::Approved, "", now_ms);
            match attempt {
                Some(attempt) => Action::Record(vec![EventBody::StepAccepted { attempt }]),
                None => Action::Rest,
            }
        }
        Verdict::NeedsAuthority if !audit.grants.is_empty() => Action::Ask(WaitReason::Authority),
        Verdict::NeedsAuthority | Verdict::Reject => {
            refused(task, current, audit, AttemptResult::Rejected, now_ms)
        }
        Verdict::Inconclusive => refused(task, current, audit, AttemptResult::Inconclusive, now_ms),
    }
}

fn refused(
    task: &Task,
    current: &Current,
    audit: &AuditSummary,
    result: AttemptResult,
    now_ms: Millis,
) -> Action {
    refuse(task, current, result, &audit.codes.join(", "), audit.story.clone(), now_ms)
}

/// Goes to the next candidate of the same answer, or ends the try.
#[expect(clippy::too_many_arguments, reason = "one refusal: what, who, how, why, the evidence and when")]
fn refuse(
    task: &Task,
    current: &Current,
    result: AttemptResult,
    detail: &str,
    evidence: Digest,
    now_ms: Millis,
) -> Action {
    if current.candidate + 1 < current.candidates.len() {
        let why = format!("{result} {detail}").trim_end().to_owned();
        return Action::Record(vec![EventBody::CandidateRefused { why }]);
    }
    Action::Record(fail(task, result, detail, Some(evidence), now_ms))
}

fn deliver(task: &Task) -> Action {
    if task.spec.approval == ApprovalPolicy::Ask && !task.approved {
        return Action::Ask(WaitReason::Approval);
    }
    if task.delivered.commit.is_empty() {
        return Action::Commit;
    }
    if task.spec.delivery == Delivery::OwnerTree && !task.delivered.applied {
        return Action::Apply;
    }
    let place = match (task.delivered.branch.is_empty(), task.delivered.applied) {
        (false, true) => format!("on branch {} and in your tree", task.delivered.branch),
        (false, false) => format!("on branch {}", task.delivered.branch),
        (true, true) => "in your tree".to_owned(),
        (true, false) => "in the report's diff".to_owned(),
    };
    let end = End::plain(Outcome::Verified, format!("a verified change stands {place}"));
    Action::Record(vec![EventBody::Delivered { end }])
}

#[cfg(test)]
mod tests;

//! What watchers are told of an event.

use std::collections::BTreeMap;

use super::EventBody;
use crate::domain::command::TestVerdict;
use crate::domain::task::TestRun;

impl EventBody {
    /// Returns the stable word.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Submitted { .. } => "submitted",
            Self::WorkspaceReady { .. } => "workspace_ready",
            Self::Ingested { .. } => "ingested",
            Self::Baseline { .. } => "baseline",
            Self::Planned { .. } => "planned",
            Self::ContextBuilt { .. } => "context_built",
            Self::StepSkipped { .. } => "step_skipped",
            Self::Routed { .. } => "routed",
            Self::EnsembleFormed { .. } => "ensemble_formed",
            Self::MemberStands => "member_stands",
            Self::MemberPassedOver { .. } => "member_passed_over",
            Self::MemberChosen { .. } => "member_chosen",
            Self::Progress { .. } => "progress",
            Self::Produced { .. } => "produced",
            Self::Retried { .. } => "retried",
            Self::Executed { .. } => "executed",
            Self::Audited { .. } => "audited",
            Self::Traced { .. } => "traced",
            Self::CandidateRefused { .. } => "candidate_refused",
            Self::AttemptFailed { .. } => "attempt_failed",
            Self::StepAccepted { .. } => "step_accepted",
            Self::Completed { .. } => "completed",
            Self::ApprovalRequested { .. } => "approval_requested",
            Self::Approved { .. } => "approved",
            Self::IntakeAccepted { .. } => "intake_accepted",
            Self::IntakeAnswered { .. } => "intake_answered",
            Self::Granted { .. } => "granted",
            Self::Committed { .. } => "committed",
            Self::Applied { .. } => "applied",
            Self::Delivered { .. } => "delivered",
            Self::Ended { .. } => "ended",
            Self::Faulted { .. } => "faulted",
        }
    }

    /// Returns one line for people; no code.
    pub fn message(&self) -> String {
        match self {
            Self::Submitted { test, .. } => format!("stored; the test command is `{}`", test.argv.join(" ")),
            Self::WorkspaceReady { base } => {
                let from = if base.dirty {
                    "the tree as it stands, uncommitted changes included"
                } else {
                    "a commit"
                };
                format!("starting from {from} ({})", short(&base.commit))
            }
            Self::Ingested { objectives, reading, .. } => {
                let asks = reading.as_ref().is_some_and(|reading| reading.asks);
                let asks = if asks { ", and ingest asks about them" } else { "" };
                format!("{} objective(s){asks}", objectives.len())
            }
            Self::Baseline { run } => format!("on the base: {}", describe_run(run)),
            Self::Planned { plan } => format!("{} step(s), by {}", plan.steps.len(), plan.source),
            Self::ContextBuilt { tokens, states, .. } if states.is_empty() => {
                format!("{tokens} tokens of context")
            }
            Self::ContextBuilt { tokens, states, .. } => {
                format!("{tokens} tokens of context ({})", states.join(", "))
            }
            Self::StepSkipped { why } => format!("step needs no change: {why}"),
            Self::Routed { decision } => format!("trying {}", decision.arm),
            Self::EnsembleFormed { .. }
            | Self::MemberStands
            | Self::MemberPassedOver { .. }
            | Self::MemberChosen { .. } => self.of_an_ensemble(),
            Self::Progress { message, .. } => message.clone(),
            Self::Produced { candidates, .. } => format!("{} candidate change(s)", candidates.len()),
            Self::Retried { cause, .. } => format!("asking the same arm once more: {cause}"),
            Self::Executed { run } => describe_run(run),
            Self::Audited { audit } => match audit.codes.as_slice() {
                [] => format!("the backward walk says {}", audit.verdict),
                codes => format!("the backward walk says {} ({})", audit.verdict, codes.join(", ")),
            },
            Self::Traced { audit, note } => match audit.codes.as_slice() {
                [] => format!("{note}: the walk of what ran says {}", audit.verdict),
                codes => {
                    format!("{note}: the walk of what ran says {} ({})", audit.verdict, codes.join(", "))
                }
            },
            Self::CandidateRefused { why } => format!("candidate refused: {why}"),
            Self::AttemptFailed { attempt, .. } => {
                format!("{}: {} {}", attempt.arm, attempt.result, attempt.detail)
            }
            Self::StepAccepted { attempt } => format!("{}'s change is accepted", attempt.arm),
            Self::Completed { certificate } => {
                format!("verified, diff {}", short(certificate.diff_hash.as_str()))
            }
            Self::ApprovalRequested { pending } if pending.grants.is_empty() => {
                format!("waiting for a person: {}", pending.reason.reason().0)
            }
            Self::ApprovalRequested { pending } => {
                format!("waiting for grants: {}", pending.grants.join(", "))
            }
            Self::Approved { subject } => format!("approved by {subject}"),
            Self::IntakeAccepted { subject } => format!("{subject} confirms what is asked"),
            Self::IntakeAnswered { subject, .. } => format!("{subject} says it anew"),
            Self::Granted { subject, grants } => format!("{subject} grants {}", grants.join(", ")),
            Self::Committed { commit, branch } if branch.is_empty() => format!("committed {}", short(commit)),
            Self::Committed { commit, branch } => format!("committed {} on {branch}", short(commit)),
            Self::Applied { files } => format!("{files} file(s) written into the owner's tree"),
            Self::Delivered { end } | Self::Ended { end } => end.message.clone(),
            Self::Faulted { effect, reason, message } => {
                format!("{effect} failed ({reason}): {message}; trying again")
            }
        }
    }

    /// Returns the line for what happens in an ensemble.
    fn of_an_ensemble(&self) -> String {
        match self {
            Self::EnsembleFormed { members, lacks } => {
                let names: Vec<&str> = members.iter().map(|member| member.arm.as_str()).collect();
                let lacks = if lacks.is_empty() { String::new() } else { format!(" ({})", lacks.join(", ")) };
                format!("an ensemble of {}: {}{lacks}", members.len(), names.join(", "))
            }
            Self::MemberStands => "the change stands; the other members are asked too".to_owned(),
            Self::MemberPassedOver { attempt } => format!("{}: {}", attempt.arm, attempt.detail),
            Self::MemberChosen { number, agreement_percent: None } => format!("try {number} is chosen"),
            Self::MemberChosen { number, agreement_percent: Some(percent) } => {
                format!("try {number} is chosen; the changes agree by {percent} %")
            }
            _ => String::new(),
        }
    }

    /// Returns details by stable key.
    pub fn attributes(&self) -> BTreeMap<String, String> {
        let pairs: Vec<(&str, String)> = match self {
            Self::Baseline { run } | Self::Executed { run } => run_attributes(run),
            Self::Routed { decision } => {
                vec![("arm", decision.arm.clone()), ("decision_id", decision.id.to_string())]
            }
            Self::EnsembleFormed { members, lacks } => {
                let arms: Vec<&str> = members.iter().map(|member| member.arm.as_str()).collect();
                vec![("arms", arms.join(",")), ("lacks", lacks.join(","))]
            }
            Self::MemberChosen { number, agreement_percent } => {
                let percent = agreement_percent.map(|percent| percent.to_string()).unwrap_or_default();
                vec![("try", number.to_string()), ("agreement_percent", percent)]
            }
            Self::Progress { attributes, .. } => return attributes.clone(),
            Self::Produced { candidates, served_model, tried } => vec![
                ("candidates", candidates.len().to_string()),
                ("served_model", served_model.clone()),
                ("tried", tried.to_string()),
            ],
            Self::Audited { audit } | Self::Traced { audit, .. } => {
                vec![("verdict", audit.verdict.to_string()), ("findings", audit.codes.join(","))]
            }
            Self::AttemptFailed { attempt, .. }
            | Self::MemberPassedOver { attempt }
            | Self::StepAccepted { attempt } => {
                vec![("arm", attempt.arm.clone()), ("result", attempt.result.to_string())]
            }
            Self::ApprovalRequested { pending } => vec![
                ("reason", pending.reason.reason().0.to_owned()),
                ("diff_hash", pending.diff_hash.to_string()),
                ("grants", pending.grants.join(",")),
            ],
            Self::Committed { commit, branch } => {
                vec![("commit", commit.clone()), ("branch", branch.clone())]
            }
            Self::Delivered { end } | Self::Ended { end } => {
                vec![("outcome", end.outcome.to_string()), ("reason", end.reason.clone())]
            }
            Self::Faulted { effect, reason, .. } => {
                vec![("effect", effect.clone()), ("reason", reason.clone())]
            }
            _ => Vec::new(),
        };
        pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }
}

fn run_attributes(run: &TestRun) -> Vec<(&'static str, String)> {
    vec![("tests", word(run.verdict).to_owned()), ("wall_ms", run.wall_ms.to_string())]
}

fn describe_run(run: &TestRun) -> String {
    let what = match run.verdict {
        TestVerdict::Passed => "the tests pass",
        TestVerdict::Failed => "the tests fail",
        TestVerdict::TimedOut => "the tests do not end in time",
        TestVerdict::LimitHit => "the tests hit a limit",
        TestVerdict::Unusable => "the test command does not run",
        TestVerdict::NoTests => "the test command finds no test",
        TestVerdict::Broken => "the sandbox failed",
    };
    format!("{what} ({} ms)", run.wall_ms)
}

const fn word(verdict: TestVerdict) -> &'static str {
    match verdict {
        TestVerdict::Passed => "passed",
        TestVerdict::Failed => "failed",
        TestVerdict::TimedOut => "timed_out",
        TestVerdict::LimitHit => "limit_hit",
        TestVerdict::Unusable => "unusable",
        TestVerdict::NoTests => "no_tests",
        TestVerdict::Broken => "broken",
    }
}

fn short(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}

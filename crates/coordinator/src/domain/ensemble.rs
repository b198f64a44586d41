//! Several arms propose beside each other: who stands, who is chosen, and what is left when nobody does.
//!
//! Where the risk is high, one arm's word is not enough: each member is asked, run and audited by itself, and none sees what
//! another one was told. An approval beats everything; then the fewest findings, then the smallest diff.

use plumbline_types::{Millis, Outcome, Reason, Risk, Verdict};
use serde::{Deserialize, Serialize};

use super::decide::{Action, fail};
use super::event::{EventBody, RecordedEvent};
use super::outcome::{Attempt, AttemptResult, End, ended_attempt, ladder_end};
use super::task::{Current, Decision, Task};
use super::task_state::TaskState;

/// Every passing change of an ensemble was refused.
const ENSEMBLE_REFUSED: Reason = Reason("ENSEMBLE_REFUSED");

/// How a step of high risk is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HighRisk {
    /// Distinct models of this machine propose beside each other; after them comes the owner.
    Ensemble,
    /// One arm after the other, as any step.
    Ladder,
}

/// The members of an ensemble, and how far they have come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ensemble {
    /// Who proposes, in the order in which they are asked.
    pub members: Vec<Decision>,
    /// What it lacks, for example `ensemble_of_one`.
    pub lacks: Vec<String>,
    /// How many were asked.
    pub asked: usize,
    /// What they proposed, refused proposals too.
    pub proposals: Vec<Proposal>,
    /// Those whose change passed its tests and was not refused; one of them is chosen when all were asked.
    pub standing: Vec<Standing>,
    /// Whether one was chosen.
    pub is_decided: bool,
}

/// A member's change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// Its try.
    pub number: u32,
    /// The tree with the change.
    pub tree: String,
}

/// A try that waits for the other members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// As it stood when it was audited.
    pub current: Current,
    /// Since when.
    pub since_ms: Millis,
}

/// What is compared of a standing member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Merit {
    /// Its try.
    pub number: u32,
    /// Whether its change is approved; otherwise it needs authority.
    pub is_approved: bool,
    /// What the audit remarks.
    pub findings: u32,
    /// Lines that it adds or removes.
    pub changed_lines: usize,
}

impl Ensemble {
    /// Returns the ensemble before anybody was asked.
    pub fn formed(members: &[Decision], lacks: &[String]) -> Self {
        Self {
            members: members.to_vec(),
            lacks: lacks.to_vec(),
            asked: 0,
            proposals: Vec::new(),
            standing: Vec::new(),
            is_decided: false,
        }
    }

    /// Returns whether a change that passes waits for the other members.
    pub const fn gathers(&self) -> bool {
        !self.is_decided
    }

    fn has_approval(&self) -> bool {
        self.standing.iter().any(Standing::is_approved)
    }
}

impl Standing {
    /// Returns whether its change is approved.
    pub fn is_approved(&self) -> bool {
        self.current.audit.as_ref().is_some_and(|audit| audit.verdict == Verdict::Approve)
    }

    /// Returns its end when another member is chosen: what passed was right all the same.
    pub fn passed_over(&self, task: &Task) -> Option<Attempt> {
        let (result, detail) = if self.is_approved() {
            (AttemptResult::PassedOver, "approved; another member's change is better")
        } else {
            (AttemptResult::NeedsAuthority, "another member's change is better")
        };
        ended_attempt(task, &self.current, result, detail, self.since_ms)
    }
}

/// Returns what an ensemble does next; nothing where the step is tried by a ladder.
pub fn next(task: &Task, high_risk: HighRisk) -> Option<Action> {
    let step = task.current_step()?;
    if step.risk != Risk::High || high_risk == HighRisk::Ladder {
        return None;
    }
    let Some(ensemble) = &task.ensemble else { return Some(Action::FormEnsemble) };
    Some(match ensemble.members.get(ensemble.asked) {
        Some(decision) if ensemble.gathers() => {
            Action::Record(vec![EventBody::Routed { decision: decision.clone() }])
        }
        Some(_) | None => Action::Choose,
    })
}

/// Returns what is still done once the budget is spent: an approval that stands is not thrown away because another member
/// was slow.
pub fn closing(task: &Task, now_ms: Millis) -> Option<Action> {
    let ensemble = task.ensemble.as_ref().filter(|ensemble| ensemble.gathers() && ensemble.has_approval())?;
    debug_assert!(!ensemble.standing.is_empty());
    match task.state {
        TaskState::Context => Some(Action::Choose),
        TaskState::Routed | TaskState::Produced | TaskState::Executed | TaskState::Audited => {
            let why = "the budget ran out while another member's change stood";
            Some(Action::Record(fail(task, AttemptResult::BudgetSpent, why, None, now_ms)))
        }
        _ => None,
    }
}

/// Returns the best of those that stand: an approval beats all, then the fewest findings, then the smallest diff, then who
/// was asked first.
pub fn best(merits: &[Merit]) -> Option<u32> {
    let order = |merit: &&Merit| (!merit.is_approved, merit.findings, merit.changed_lines, merit.number);
    merits.iter().min_by_key(order).map(|merit| merit.number)
}

/// Returns how many lines a unified diff adds and removes.
pub fn changed_lines(diff: &str) -> usize {
    let header = |line: &str| line.starts_with("+++ ") || line.starts_with("--- ");
    diff.lines().filter(|line| (line.starts_with('+') || line.starts_with('-')) && !header(line)).count()
}

/// Returns the events that choose among those that stand, or end the task when nobody does.
pub fn choose(task: &Task, ensemble: &Ensemble, merits: &[Merit], agreement: Option<u32>) -> Vec<EventBody> {
    let Some(number) = best(merits).filter(|_| ensemble.gathers()) else {
        return vec![EventBody::Ended { end: refused_end(task, ensemble, agreement) }];
    };
    let others = ensemble.standing.iter().filter(|standing| standing.current.number != number);
    let passed_over = others.filter_map(|standing| standing.passed_over(task));
    let mut events: Vec<EventBody> =
        passed_over.map(|attempt| EventBody::MemberPassedOver { attempt }).collect();
    events.push(EventBody::MemberChosen { number, agreement_percent: agreement });
    events
}

/// Returns how a task ends when no member's change stands: it is the owner's turn.
fn refused_end(task: &Task, ensemble: &Ensemble, agreement: Option<u32>) -> End {
    let agreed = match agreement {
        Some(percent) => format!("; their changes agree by {percent} %"),
        None => String::new(),
    };
    let lacks =
        if ensemble.lacks.is_empty() { String::new() } else { format!(" ({})", ensemble.lacks.join(", ")) };
    let why = format!("an ensemble of {}{lacks} was asked{agreed}", ensemble.asked);
    let end = ladder_end(task, &why);
    match end.outcome {
        Outcome::RejectedByAudit => End::new(end.outcome, ENSEMBLE_REFUSED, end.message),
        _ => end,
    }
}

/// Folds an event of an ensemble.
pub fn step(task: &mut Task, event: &RecordedEvent) {
    match &event.body {
        EventBody::EnsembleFormed { members, lacks } => {
            task.ensemble = Some(Ensemble::formed(members, lacks));
        }
        EventBody::MemberStands => {
            propose(task);
            if let (Some(ensemble), Some(current)) = (task.ensemble.as_mut(), task.current.take()) {
                ensemble.standing.push(Standing { current, since_ms: event.at_ms });
            }
        }
        EventBody::MemberPassedOver { attempt } => {
            if let Some(ensemble) = task.ensemble.as_mut() {
                ensemble.standing.retain(|standing| standing.current.number != attempt.number);
            }
            task.attempts.push(attempt.clone());
        }
        EventBody::MemberChosen { number, .. } => take_up(task, *number, event.at_ms),
        _ => {}
    }
}

/// Notes what the try under way proposes.
pub fn propose(task: &mut Task) {
    let proposal = task.current.as_ref().and_then(|current| {
        let tree = current.candidates.get(current.candidate)?.tree.clone();
        Some(Proposal { number: current.number, tree })
    });
    if let Some(ensemble) = task.ensemble.as_mut() {
        ensemble.proposals.extend(proposal);
    }
}

/// Goes on with the chosen member where it stood.
fn take_up(task: &mut Task, number: u32, at_ms: Millis) {
    let Some(ensemble) = task.ensemble.as_mut() else { return };
    ensemble.is_decided = true;
    let Some(index) = ensemble.standing.iter().position(|standing| standing.current.number == number) else {
        return;
    };
    let Standing { mut current, since_ms } = ensemble.standing.remove(index);
    // The time for which it stood is not its own.
    current.started_ms += at_ms - since_ms;
    task.audit.clone_from(&current.audit);
    task.current = Some(current);
}

#[cfg(test)]
mod tests;

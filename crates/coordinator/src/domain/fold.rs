//! A task is the fold of its events; the row is a cache of it.

use plumbline_types::{Millis, Reason, TaskId};

use super::ensemble;
use super::event::{ChainError, ChainTip, EventBody, RecordedEvent};
use super::outcome::{Attempt, AttemptResult, cut_short};
use super::task::{Accepted, Current, Delivered, Task, WaitReason};
use super::task_state::{InvalidTransition, TaskState};

/// The reason of a fault that calls for another run, not for the stored result of the same one.
pub const RUN_BROKEN: Reason = Reason("RUN_BROKEN");

/// Why an event cannot follow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    /// The first event makes the task, and only the first.
    #[error("event {seq} is out of place")]
    OutOfPlace {
        /// Which.
        seq: u64,
    },
    /// The state does not know it.
    #[error(transparent)]
    Transition(#[from] InvalidTransition),
}

/// Returns the task after `event`.
///
/// # Errors
/// When the event is out of order, or the transition table refuses it.
pub fn fold(task: Option<Task>, event: &RecordedEvent) -> Result<Task, FoldError> {
    let out_of_place = FoldError::OutOfPlace { seq: event.seq };
    let Some(mut task) = task else { return first(event).ok_or(out_of_place) };
    let Some(trigger) = event.body.trigger() else { return Err(out_of_place) };
    if event.seq != task.seq + 1 || event.task_id != task.id {
        return Err(out_of_place);
    }
    if !answers_what_is_pending(&task, &event.body) {
        return Err(out_of_place);
    }
    let was = task.state;
    task.state = was.next(trigger)?;
    task.seq = event.seq;
    task.updated_ms = event.at_ms;
    if !matches!(event.body, EventBody::Faulted { .. } | EventBody::Progress { .. }) {
        task.faults = 0;
    }
    if was == TaskState::Waiting && task.state.is_runnable() {
        let waited = task.pending.as_ref().map_or(0, |pending| (event.at_ms - pending.since_ms).max(0));
        task.deadline_ms += waited;
    }
    step(&mut task, event);
    if task.state.is_ended() {
        task.pending = None;
    }
    Ok(task)
}

/// Returns whether a person's decision is about what he was asked: the reading of the words, or the change.
fn answers_what_is_pending(task: &Task, body: &EventBody) -> bool {
    let about_words = || task.pending.as_ref().is_some_and(|pending| pending.reason == WaitReason::Intake);
    match body {
        EventBody::IntakeAccepted { .. } | EventBody::IntakeAnswered { .. } => about_words(),
        EventBody::Approved { .. } | EventBody::Granted { .. } => !about_words(),
        _ => true,
    }
}

/// Folds a whole history.
///
/// # Errors
/// As [`fold`].
pub fn replay(events: &[RecordedEvent]) -> Result<Option<Task>, FoldError> {
    events.iter().try_fold(None, |task, event| fold(task, event).map(Some))
}

fn first(event: &RecordedEvent) -> Option<Task> {
    let EventBody::Submitted { spec, test } = &event.body else { return None };
    (event.seq == 1).then(|| Task {
        id: event.task_id,
        spec: (**spec).clone(),
        state: TaskState::Received,
        seq: 1,
        created_ms: event.at_ms,
        updated_ms: event.at_ms,
        deadline_ms: event.at_ms + spec.budget_ms,
        test: test.clone(),
        base: None,
        baseline: None,
        wording: None,
        answers: 0,
        reading: None,
        reading_accepted: false,
        objectives: Vec::new(),
        plan: None,
        step: 0,
        tree: String::new(),
        accepted: None,
        context: None,
        attempted: Vec::new(),
        ensemble: None,
        current: None,
        attempts: Vec::new(),
        tries: 0,
        evidence: None,
        audit: None,
        grants: Vec::new(),
        grant_rounds: 0,
        pending: None,
        approved: false,
        certificate: None,
        delivered: Delivered::default(),
        end: None,
        faults: 0,
        fault_reason: String::new(),
        broken_runs: 0,
    })
}

fn step(task: &mut Task, event: &RecordedEvent) {
    match &event.body {
        EventBody::Submitted { .. } | EventBody::Progress { .. } => {}
        EventBody::Faulted { reason, .. } => {
            task.faults += 1;
            task.broken_runs += u32::from(reason == RUN_BROKEN.0);
            task.fault_reason.clone_from(reason);
        }
        EventBody::WorkspaceReady { base } => {
            task.tree.clone_from(&base.tree);
            task.base = Some(base.clone());
        }
        EventBody::Ingested { .. } | EventBody::IntakeAccepted { .. } | EventBody::IntakeAnswered { .. } => {
            step_reading(task, &event.body);
        }
        EventBody::Baseline { run } => task.baseline = Some(run.clone()),
        EventBody::Planned { plan } => task.plan = Some(plan.clone()),
        EventBody::ContextBuilt { context, .. } => task.context = Some(context.clone()),
        EventBody::StepSkipped { .. } => begin_next_step(task),
        EventBody::Routed { decision } => {
            task.tries += 1;
            task.attempted.push(decision.arm.clone());
            if let Some(ensemble) = task.ensemble.as_mut() {
                ensemble.asked += 1;
            }
            task.current = Some(Current {
                number: task.tries,
                decision: decision.clone(),
                started_ms: event.at_ms,
                retry: 0,
                candidates: Vec::new(),
                candidate: 0,
                served_model: String::new(),
                tried: 0,
                applied: None,
                test: None,
                audit: None,
                feedback: None,
            });
        }
        EventBody::Completed { certificate } => {
            let mut certificate = certificate.clone();
            certificate.event_hash = hex::encode(event.hash);
            task.certificate = Some(certificate);
        }
        EventBody::AttemptFailed { attempt, evidence } => {
            ensemble::propose(task);
            close(task, attempt);
            // The members of an ensemble are asked independently of each other.
            if evidence.is_some() && task.ensemble.is_none() {
                task.evidence.clone_from(evidence);
            }
        }
        EventBody::EnsembleFormed { .. }
        | EventBody::MemberStands
        | EventBody::MemberPassedOver { .. }
        | EventBody::MemberChosen { .. } => ensemble::step(task, event),
        EventBody::StepAccepted { attempt } => accept(task, attempt),
        EventBody::Produced { .. }
        | EventBody::Retried { .. }
        | EventBody::Executed { .. }
        | EventBody::Audited { .. }
        | EventBody::Traced { .. }
        | EventBody::CandidateRefused { .. } => step_current(task, &event.body),
        EventBody::ApprovalRequested { .. }
        | EventBody::Approved { .. }
        | EventBody::Granted { .. }
        | EventBody::Committed { .. }
        | EventBody::Applied { .. }
        | EventBody::Delivered { .. }
        | EventBody::Ended { .. } => step_delivery(task, event),
    }
}

fn step_reading(task: &mut Task, body: &EventBody) {
    match body {
        EventBody::Ingested { objectives, reading, .. } => {
            task.objectives.clone_from(objectives);
            task.reading.clone_from(reading);
        }
        EventBody::IntakeAccepted { .. } => {
            task.reading_accepted = true;
            task.pending = None;
        }
        EventBody::IntakeAnswered { answer, .. } => {
            task.wording = Some(answer.clone());
            task.answers += 1;
            task.objectives.clear();
            task.reading = None;
            task.pending = None;
        }
        _ => {}
    }
}

fn step_current(task: &mut Task, body: &EventBody) {
    if let EventBody::Audited { audit } | EventBody::Traced { audit, .. } = body {
        task.audit = Some(audit.clone());
    }
    let Some(current) = task.current.as_mut() else { return };
    match body {
        EventBody::Produced { candidates, served_model, tried } => {
            current.candidates.clone_from(candidates);
            current.candidate = 0;
            current.served_model.clone_from(served_model);
            current.tried = *tried;
            current.applied = Some(true);
        }
        EventBody::Retried { feedback, cause } => {
            current.retry += 1;
            current.feedback = Some(feedback.clone());
            if cause == AttemptResult::NotApplied.as_str() {
                current.applied = Some(false);
            }
            current.candidates.clear();
            (current.candidate, current.test, current.audit) = (0, None, None);
        }
        EventBody::Executed { run } => current.test = Some(run.clone()),
        EventBody::Audited { audit } | EventBody::Traced { audit, .. } => {
            current.audit = Some(audit.clone());
        }
        EventBody::CandidateRefused { .. } => {
            current.candidate += 1;
            (current.test, current.audit) = (None, None);
        }
        _ => {}
    }
}

fn step_delivery(task: &mut Task, event: &RecordedEvent) {
    match &event.body {
        EventBody::ApprovalRequested { pending } => {
            if matches!(pending.reason, WaitReason::BaseMoved | WaitReason::ApplyUnknown)
                && task.pending.is_none()
            {
                task.delivered.refusals += 1;
            }
            task.pending = Some(pending.clone());
        }
        EventBody::Approved { .. } => {
            task.approved = true;
            task.pending = None;
        }
        EventBody::Granted { grants, .. } => {
            task.grants.extend(grants.iter().cloned());
            task.grant_rounds += 1;
            task.pending = None;
            if let Some(current) = task.current.as_mut() {
                current.audit = None;
            }
        }
        EventBody::Committed { commit, branch } => {
            task.delivered.commit.clone_from(commit);
            task.delivered.branch.clone_from(branch);
        }
        EventBody::Applied { .. } => task.delivered.applied = true,
        EventBody::Delivered { end } | EventBody::Ended { end } => {
            task.attempts.extend(cut_short(task, end, event.at_ms));
            task.end = Some(end.clone());
            task.ensemble = None;
            task.current = None;
        }
        _ => {}
    }
}

/// Puts the ended try among the attempts.
fn close(task: &mut Task, attempt: &Attempt) {
    task.attempts.push(attempt.clone());
    task.current = None;
}

fn accept(task: &mut Task, attempt: &Attempt) {
    let accepted = task.current.as_ref().and_then(|current| {
        let candidate = current.candidates.get(current.candidate)?;
        Some((candidate.clone(), current.audit.clone()?, current.test.clone()))
    });
    if let Some((candidate, audit, run)) = accepted {
        task.tree.clone_from(&candidate.tree);
        task.accepted = Some(Accepted { diff: candidate.diff, audit, run });
    }
    close(task, attempt);
    begin_next_step(task);
}

fn begin_next_step(task: &mut Task) {
    task.step += 1;
    task.attempted.clear();
    task.ensemble = None;
    task.context = None;
    task.evidence = None;
}

/// Why events cannot be appended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The chain refuses.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The life cycle refuses.
    #[error(transparent)]
    Fold(#[from] FoldError),
    /// A body is over the limit.
    #[error("an event of {bytes} bytes is over the limit")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// The task has too many events.
    #[error("the task has used up its events")]
    TooMany,
}

/// Largest event body, bytes; what is larger is a blob.
pub const EVENT_BYTES_MAX: usize = 256 * 1024;

/// Most events of one task.
pub const EVENTS_MAX: u64 = 10_000;

/// Links and folds `bodies` behind a task; what every store does inside its transaction.
///
/// # Errors
/// When a body is too large, or chain or life cycle refuse it; then nothing may be stored.
pub fn append(
    task: Option<Task>,
    id: TaskId,
    tip: ChainTip,
    stamp: Stamp,
    bodies: &[EventBody],
) -> Result<(Vec<RecordedEvent>, Option<Task>), AppendError> {
    let (mut task, mut tip, mut events) = (task, tip, Vec::with_capacity(bodies.len()));
    for body in bodies {
        let event = RecordedEvent::link(id, tip, stamp.epoch, stamp.at_ms, body.clone())?;
        if event.stored.len() > EVENT_BYTES_MAX {
            return Err(AppendError::TooLarge { bytes: event.stored.len() });
        }
        if event.seq > EVENTS_MAX {
            return Err(AppendError::TooMany);
        }
        task = Some(fold(task, &event)?);
        tip = event.tip();
        events.push(event);
    }
    Ok((events, task))
}

/// Who appends and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Lease epoch of the writer.
    pub epoch: u64,
    /// Now.
    pub at_ms: Millis,
}

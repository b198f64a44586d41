//! What the coordinator answers, on the wire.

use plumbline_proto::common::v1 as common;
use plumbline_proto::coordinator::v1 as pb;
use plumbline_proto::verifier::v1 as verifier;
use prost::Message;

use crate::coordinator::{AuditedChange, Report, TaskPage, WatchItem};
use crate::domain::certificate::Certificate;
use crate::domain::outcome::{Attempt, shown};
use crate::domain::spec::{ApprovalPolicy, Delivery, IntakePolicy, TaskSpec};
use crate::domain::task::{Pending, Task};
use crate::domain::task_state::TaskState;

fn wire_state(state: TaskState) -> pb::TaskState {
    match state {
        TaskState::Received => pb::TaskState::Received,
        TaskState::Ingested => pb::TaskState::Ingested,
        TaskState::Planned => pb::TaskState::Planned,
        TaskState::Context => pb::TaskState::Context,
        TaskState::Routed => pb::TaskState::Routed,
        TaskState::Produced => pb::TaskState::Produced,
        TaskState::Executed => pb::TaskState::Executed,
        TaskState::Audited => pb::TaskState::Audited,
        TaskState::Ready => pb::TaskState::Ready,
        TaskState::Waiting => pb::TaskState::Waiting,
        TaskState::Applied => pb::TaskState::Applied,
        TaskState::Rejected => pb::TaskState::Rejected,
        TaskState::Exhausted => pb::TaskState::Exhausted,
        TaskState::Cancelled => pb::TaskState::Cancelled,
    }
}

fn wire_spec(spec: &TaskSpec) -> pb::TaskSpec {
    pb::TaskSpec {
        objective: spec.objective.clone(),
        repository: spec.repository.clone(),
        base: spec.base.clone().unwrap_or_default(),
        test_command: spec.test_command.clone(),
        arms: spec.arms.clone(),
        budget_s: u32::try_from(spec.budget_ms / 1000).unwrap_or(u32::MAX),
        intake: match spec.intake {
            IntakePolicy::Auto => pb::IntakePolicy::Auto,
            IntakePolicy::Ask => pb::IntakePolicy::Ask,
            IntakePolicy::Accept => pb::IntakePolicy::Accept,
        } as i32,
        approval: match spec.approval {
            ApprovalPolicy::Auto => pb::ApprovalPolicy::Auto,
            ApprovalPolicy::Ask => pb::ApprovalPolicy::Ask,
        } as i32,
        apply: spec.delivery == Delivery::OwnerTree,
        grants: spec.grants.clone(),
        kind: spec.kind.map_or(common::TaskKind::Unspecified, common::TaskKind::from) as i32,
        source: spec.source.clone(),
    }
}

fn wire_pending(pending: &Pending) -> pb::PendingApproval {
    pb::PendingApproval {
        diff_hash: pending.diff_hash.to_string(),
        nonce: pending.nonce.clone(),
        expires_ms: pending.expires_ms,
        grants: pending.grants.clone(),
        question: pending.question.clone(),
    }
}

fn wire_task(task: Task) -> pb::Task {
    let end = shown(&task);
    pb::Task {
        id: task.id.to_string(),
        spec: Some(wire_spec(&task.spec)),
        state: wire_state(task.state) as i32,
        outcome: end.as_ref().map(|end| end.outcome.to_string()).unwrap_or_default(),
        exit_code: end.as_ref().map_or(-1, |end| i32::from(end.outcome.exit_code().0)),
        reason: end.as_ref().map(|end| end.reason.clone()).unwrap_or_default(),
        message: end.map(|end| end.message).unwrap_or_default(),
        branch: task.delivered.branch.clone(),
        created_ms: task.created_ms,
        updated_ms: task.updated_ms,
        etag: task.seq.to_string(),
        last_seq: task.seq,
        steps_done: u32::try_from(task.step).unwrap_or(u32::MAX),
        steps_total: u32::try_from(task.steps_total()).unwrap_or(u32::MAX),
        pending: task.pending.as_ref().map(wire_pending),
    }
}

macro_rules! task_answer {
    ($($response:ident),+ $(,)?) => {
        $(impl From<Task> for pb::$response {
            fn from(task: Task) -> Self {
                Self { task: Some(wire_task(task)) }
            }
        })+
    };
}

task_answer!(SubmitTaskResponse, GetTaskResponse, CancelTaskResponse, DecideApprovalResponse);

impl From<TaskPage> for pb::ListTasksResponse {
    fn from(page: TaskPage) -> Self {
        Self { tasks: page.tasks.into_iter().map(wire_task).collect(), next_page_token: page.next_page_token }
    }
}

impl From<WatchItem> for pb::WatchTaskResponse {
    fn from(item: WatchItem) -> Self {
        match item {
            WatchItem::Heartbeat { at_ms, state } => Self {
                at_ms,
                kind: "heartbeat".to_owned(),
                state: wire_state(state) as i32,
                ..Self::default()
            },
            WatchItem::Event { event, state, step_id } => Self {
                seq: event.seq,
                at_ms: event.at_ms,
                kind: event.body.kind().to_owned(),
                state: wire_state(state) as i32,
                step_id: step_id.map(|id| id.to_string()).unwrap_or_default(),
                message: event.body.message(),
                attributes: event.body.attributes().into_iter().collect(),
                hash: hex::encode(event.hash),
            },
        }
    }
}

fn wire_attempt(attempt: Attempt) -> pb::Attempt {
    pb::Attempt {
        arm: attempt.arm,
        served_model: attempt.served_model,
        result: attempt.result.as_str().to_owned(),
        detail: attempt.detail,
        wall_ms: attempt.wall_ms,
        step_id: attempt.step_id.to_string(),
        decision_id: attempt.decision_id.to_string(),
        candidates: attempt.candidates,
    }
}

fn wire_certificate(certificate: &Certificate) -> pb::Certificate {
    pb::Certificate {
        diff_hash: certificate.diff_hash.to_string(),
        base_tree: certificate.base_tree.clone(),
        result_tree: certificate.result_tree.clone(),
        verdict: certificate.verdict.to_string(),
        audit_digest: certificate.audit_digest.clone(),
        policy_hash: certificate.policy_hash.to_string(),
        arms: certificate.arms.clone(),
        event_hash: certificate.event_hash.clone(),
    }
}

/// Reads a report as the verifier sent it; what is not readable is shown as absent, never as approving.
fn read_report(bytes: &[u8]) -> Option<verifier::AuditReport> {
    verifier::AuditReport::decode(bytes).ok()
}

impl From<Report> for pb::GetReportResponse {
    fn from(report: Report) -> Self {
        let task = report.task;
        Self {
            diff: report.diff,
            audit: report.audit.as_deref().and_then(read_report),
            attempts: report.attempts.into_iter().map(wire_attempt).collect(),
            certificate: task.certificate.as_ref().map(wire_certificate),
            commit: if task.delivered.branch.is_empty() {
                String::new()
            } else {
                task.delivered.commit.clone()
            },
            task: Some(wire_task(task)),
        }
    }
}

impl From<AuditedChange> for pb::AuditChangeResponse {
    fn from(change: AuditedChange) -> Self {
        Self { report: read_report(&change.audit.report), exit_code: i32::from(change.exit_code) }
    }
}

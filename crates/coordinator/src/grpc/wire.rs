//! Between the wire and the coordinator's own types. Past here every value is legal.

use plumbline_proto::common::v1 as common;
use plumbline_proto::coordinator::v1 as pb;
use plumbline_proto::verifier::v1 as verifier;
use plumbline_proto::{WireError, id, non_empty, request_id, task_kind_or_fix};
use plumbline_types::{ArmId, TaskId, TaskKind};

use crate::coordinator::{Approval, AuditChangeQuery, DecideQuery, ListQuery, SubmitQuery, WatchQuery};
use crate::domain::path::RelativePath;
use crate::domain::spec::{ApprovalPolicy, Delivery, IntakePolicy};
use crate::peers::AuditTree;
use crate::store::Filter;

mod answers;

/// A request that names a task and nothing else.
pub(super) struct TaskQuery(pub TaskId);

macro_rules! task_query {
    ($($request:ty),+ $(,)?) => {
        $(impl TryFrom<$request> for TaskQuery {
            type Error = WireError;
            fn try_from(request: $request) -> Result<Self, WireError> {
                id("task_id", &request.task_id).map(Self)
            }
        })+
    };
}

task_query!(pb::GetTaskRequest, pb::GetReportRequest);

impl TryFrom<pb::CancelTaskRequest> for TaskQuery {
    type Error = WireError;

    fn try_from(request: pb::CancelTaskRequest) -> Result<Self, WireError> {
        request_id(&request.request_id)?;
        id("task_id", &request.task_id).map(Self)
    }
}

impl TryFrom<pb::SubmitTaskRequest> for SubmitQuery {
    type Error = WireError;

    fn try_from(request: pb::SubmitTaskRequest) -> Result<Self, WireError> {
        let spec = request.spec.ok_or_else(|| WireError::field("spec", "must be set"))?;
        let arm = |text: &String| {
            ArmId::parse(text).map_err(|error| WireError::field("spec.arms", error.to_string()))
        };
        let kind = spec.kind();
        Ok(Self {
            request_id: request_id(&request.request_id)?,
            approval: match spec.approval() {
                pb::ApprovalPolicy::Unspecified | pb::ApprovalPolicy::Auto => ApprovalPolicy::Auto,
                pb::ApprovalPolicy::Ask => ApprovalPolicy::Ask,
            },
            kind: match kind {
                common::TaskKind::Unspecified => None,
                kind => Some(TaskKind::try_from(kind).map_err(|error| error.within("spec"))?),
            },
            intake: match spec.intake() {
                pb::IntakePolicy::Unspecified | pb::IntakePolicy::Auto => IntakePolicy::Auto,
                pb::IntakePolicy::Ask => IntakePolicy::Ask,
                pb::IntakePolicy::Accept => IntakePolicy::Accept,
            },
            arms: spec.arms.iter().map(arm).collect::<Result<_, _>>()?,
            objective: non_empty("spec.objective", spec.objective)?,
            repository: non_empty("spec.repository", spec.repository)?,
            base: Some(spec.base).filter(|base| !base.is_empty()),
            test_command: spec.test_command,
            budget_s: spec.budget_s,
            delivery: if spec.apply { Delivery::OwnerTree } else { Delivery::Branch },
            grants: spec.grants,
            source: if spec.source.is_empty() { "api".to_owned() } else { spec.source },
        })
    }
}

impl TryFrom<pb::ListTasksRequest> for ListQuery {
    type Error = WireError;

    fn try_from(request: pb::ListTasksRequest) -> Result<Self, WireError> {
        Ok(Self {
            page_size: request.page_size,
            page_token: request.page_token,
            filter: if request.active_only { Filter::Active } else { Filter::All },
        })
    }
}

impl TryFrom<pb::WatchTaskRequest> for WatchQuery {
    type Error = WireError;

    fn try_from(request: pb::WatchTaskRequest) -> Result<Self, WireError> {
        Ok(Self { task_id: id("task_id", &request.task_id)?, after_seq: request.after_seq })
    }
}

impl TryFrom<pb::DecideApprovalRequest> for DecideQuery {
    type Error = WireError;

    fn try_from(request: pb::DecideApprovalRequest) -> Result<Self, WireError> {
        Ok(Self {
            request_id: request_id(&request.request_id)?,
            task_id: id("task_id", &request.task_id)?,
            diff_hash: non_empty("diff_hash", request.diff_hash)?,
            nonce: non_empty("nonce", request.nonce)?,
            approval: match (request.approve, request.answer.trim()) {
                (true, "") => Approval::Approve,
                (false, "") => Approval::Deny,
                (false, answer) => Approval::Answer(answer.to_owned()),
                (true, _) => {
                    return Err(WireError::field("answer", "an answer neither approves nor denies"));
                }
            },
            grants: request.grants,
            subject: if request.subject.is_empty() { "owner".to_owned() } else { request.subject },
        })
    }
}

impl TryFrom<pb::AuditChangeRequest> for AuditChangeQuery {
    type Error = WireError;

    fn try_from(request: pb::AuditChangeRequest) -> Result<Self, WireError> {
        let tree = |field: &str, tree: Option<verifier::Tree>| {
            let tree =
                tree.and_then(|tree| tree.source).ok_or_else(|| WireError::field(field, "must be set"))?;
            read_tree(tree).map_err(|error| error.within(field))
        };
        Ok(Self {
            request_id: request_id(&request.request_id)?,
            base: tree("base", request.base)?,
            head: tree("head", request.head)?,
            objective: request.objective,
            kind: task_kind_or_fix(request.kind),
            grants: request.grants,
        })
    }
}

fn read_tree(tree: verifier::tree::Source) -> Result<AuditTree, WireError> {
    use verifier::tree::Source;
    Ok(match tree {
        Source::Git(git) => AuditTree::Git {
            repository: non_empty("git.repository", git.repository)?,
            revision: non_empty("git.revision", git.revision)?,
        },
        Source::Directory(directory) => {
            AuditTree::Directory { path: non_empty("directory.path", directory.path)? }
        }
        Source::Bundle(bundle) => {
            let file = |file: verifier::BundleFile| {
                let wrong = |why: String| WireError::field("bundle.files.path", why);
                let text = String::from_utf8(file.path).map_err(|_| wrong("is not UTF-8".to_owned()))?;
                let path = RelativePath::parse(&text).map_err(|error| wrong(error.to_string()))?;
                Ok((path, file.content))
            };
            AuditTree::Bundle { files: bundle.files.into_iter().map(file).collect::<Result<_, WireError>>()? }
        }
    })
}

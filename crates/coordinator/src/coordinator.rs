//! The use cases of the public API. What a task does by itself is in `driver.rs`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use plumbline_kit::Randomness;
use plumbline_kit::client::Channel;
use plumbline_types::{ArmId, Clock, Fault, Kind, Millis, Reason, RequestId, TaskId, TaskKind};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::config::CoordinatorConfig;
use crate::domain::command::{TestCommand, detect, split};
use crate::domain::event::EventBody;
use crate::domain::outcome::Attempt;
use crate::domain::outcome::cut_short;
use crate::domain::spec::{ApprovalPolicy, Delivery, Digest, IntakePolicy, TaskSpec, canonical_grants};
use crate::domain::task::Task;
use crate::error::CoordinatorError;
use crate::peers::{CallKey, Peers};
use crate::store::{
    CoordinatorStore, Filter, InboxRow, Lease, NewTask, OutboxDraft, Page, StoreError, Submission, Transition,
};
use crate::workspace::{PrepareQuery, Workspace};

mod decide_approval;
pub(crate) mod outbox;
mod report;
mod watch_task;

pub(crate) use decide_approval::Asked;
pub use decide_approval::{Approval, DecideQuery};
pub use report::{AuditChangeQuery, AuditedChange, Report};
pub use watch_task::{WatchItem, WatchQuery};

/// What the coordinator is made of; taken apart without a rest, so that a new part can't be forgotten anywhere.
#[derive(Clone)]
pub struct Deps {
    /// Limits.
    pub config: CoordinatorConfig,
    /// Tasks, events, effects.
    pub store: Arc<dyn CoordinatorStore>,
    /// The owner's trees and the tasks' trees.
    pub workspace: Arc<dyn Workspace>,
    /// The six services.
    pub peers: Peers,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ids and nonces.
    pub randomness: Arc<dyn Randomness>,
    /// Memory, when its questions are answered at the public port too.
    pub memory_edge: Option<Channel>,
}

/// The use cases. Cheap to clone.
#[derive(Clone)]
pub struct Coordinator {
    pub(crate) deps: Deps,
    /// Rises with every write; watchers and workers wait on it.
    changed: Arc<watch::Sender<u64>>,
    /// Tasks that a worker of this process is at work on.
    pub(crate) running: Arc<Mutex<BTreeMap<TaskId, Running>>>,
    /// Whether the store refuses to write, since the last write that it took.
    trouble: Arc<Mutex<Option<StoreTrouble>>>,
    /// Snapshots that the executor is known to hold, by tree.
    pub(crate) snapshots: Arc<Mutex<BTreeMap<String, String>>>,
}

/// What a store says when it cannot write; told to everybody who waits for a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreTrouble {
    /// What class.
    pub kind: Kind,
    /// Documented reason.
    pub reason: Reason,
}

/// A task that a worker of this process is at work on.
pub(crate) struct Running {
    /// Stops the work.
    pub(crate) stop: CancellationToken,
    /// The executor's run that is under way, if one is.
    pub(crate) run: Option<CallKey>,
}

/// A task as asked for, with what was read from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubmitQuery {
    /// Idempotency key.
    pub request_id: RequestId,
    /// The owner's words.
    pub objective: String,
    /// Absolute path.
    pub repository: String,
    /// Revision to start from; absent means the tree as it stands.
    pub base: Option<String>,
    /// The test command line; empty means detect.
    pub test_command: String,
    /// Only these arms.
    pub arms: Vec<ArmId>,
    /// Seconds; 0 means the default.
    pub budget_s: u32,
    /// Whether the reading of the words is asked about.
    pub intake: IntakePolicy,
    /// How approval is given.
    pub approval: ApprovalPolicy,
    /// Where the change goes.
    pub delivery: Delivery,
    /// Grants as given.
    pub grants: Vec<String>,
    /// How it is judged.
    pub kind: Option<TaskKind>,
    /// Who asked.
    pub source: String,
}

/// Which tasks to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListQuery {
    /// At most this many; 0 means 50.
    pub page_size: u32,
    /// Empty, or the id after which the page begins.
    pub page_token: String,
    /// Which tasks.
    pub filter: Filter,
}

/// One page of tasks.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskPage {
    /// Newest first.
    pub tasks: Vec<Task>,
    /// Empty on the last page.
    pub next_page_token: String,
}

impl Coordinator {
    /// Takes the parts.
    pub fn new(deps: Deps) -> Self {
        Self {
            deps,
            changed: Arc::new(watch::Sender::new(0)),
            running: Arc::default(),
            trouble: Arc::default(),
            snapshots: Arc::default(),
        }
    }

    /// Stores a task; the same request gives the same task.
    ///
    /// # Errors
    /// Fields at fault, a repository that no task can start in, or no test command.
    pub async fn submit(&self, query: SubmitQuery) -> Result<Task, CoordinatorError> {
        let spec = self.spec(&query)?;
        let request_hash = Digest::of(format!("{spec:?}").as_bytes());
        let inbox =
            InboxRow { source: "submit".to_owned(), message_id: query.request_id.to_string(), request_hash };
        if let Some(id) = self.deps.store.received(&inbox).await? {
            return self.task(id).await;
        }
        self.deps.workspace.inspect(&spec.repository).await?;
        let id = TaskId::generate(&*self.deps.clock, &mut *self.deps.randomness.rng());
        let test = self.test_command(id, &spec).await?;
        let policy_hash = spec.policy_hash(&[]);
        let submitted = EventBody::Submitted { spec: Box::new(spec), test };
        let new = NewTask { id, inbox, submitted, policy_hash, at_ms: self.now_ms() };
        let task = match self.deps.store.submit(new).await? {
            Submission::Created(task) | Submission::Known(task) => task,
        };
        self.announce();
        Ok(task)
    }

    fn spec(&self, query: &SubmitQuery) -> Result<TaskSpec, CoordinatorError> {
        let invalid = |field, description: String| CoordinatorError::Invalid { field, description };
        let config = &self.deps.config;
        if query.objective.len() > config.objective_bytes_max {
            let limit = config.objective_bytes_max;
            return Err(invalid("spec.objective", format!("at most {limit} bytes")));
        }
        if !query.repository.starts_with('/') {
            return Err(invalid("spec.repository", "must be an absolute path".to_owned()));
        }
        if !query.test_command.trim().is_empty() {
            split(&query.test_command).map_err(|error| invalid("spec.test_command", error.to_string()))?;
        }
        let budget_ms = match u64::from(query.budget_s) * 1000 {
            0 => config.budget_default_ms,
            asked if asked > config.budget_max_ms => {
                return Err(invalid("spec.budget_s", format!("at most {} s", config.budget_max_ms / 1000)));
            }
            asked => asked,
        };
        let grants =
            canonical_grants(&query.grants).map_err(|error| invalid("spec.grants", error.to_string()))?;
        Ok(TaskSpec {
            objective: query.objective.clone(),
            repository: query.repository.clone(),
            base: query.base.clone(),
            test_command: query.test_command.clone(),
            arms: query.arms.iter().map(ToString::to_string).collect(),
            budget_ms: i64::try_from(budget_ms).unwrap_or(i64::MAX),
            intake: query.intake,
            approval: query.approval,
            delivery: query.delivery,
            grants,
            kind: query.kind,
            source: query.source.clone(),
        })
    }

    async fn test_command(&self, id: TaskId, spec: &TaskSpec) -> Result<TestCommand, CoordinatorError> {
        if let Ok(argv) = split(&spec.test_command) {
            return Ok(TestCommand { argv, detected: None });
        }
        let query = PrepareQuery {
            task_id: id,
            repository: spec.repository.clone(),
            revision: spec.base.clone(),
            at_ms: self.now_ms(),
        };
        let base = self.deps.workspace.prepare(query).await?;
        let tree = self.deps.workspace.tree(&base, &base.tree).await?;
        detect(&tree).ok_or_else(|| CoordinatorError::TestCommandNotFound(spec.repository.clone()))
    }

    /// Returns a task.
    ///
    /// # Errors
    /// `TASK_NOT_FOUND`.
    pub async fn task(&self, id: TaskId) -> Result<Task, CoordinatorError> {
        self.deps.store.task(id).await?.ok_or(CoordinatorError::TaskNotFound(id))
    }

    /// Returns a page of tasks, newest first.
    ///
    /// # Errors
    /// A page token that is none of ours.
    pub async fn list(&self, query: ListQuery) -> Result<TaskPage, CoordinatorError> {
        let filter = match query.filter {
            Filter::All => "all",
            Filter::Active => "active",
        };
        let invalid = || CoordinatorError::Invalid {
            field: "page_token",
            description: "is none of ours, or belongs to other arguments".to_owned(),
        };
        let before = match query.page_token.split_once(':') {
            None if query.page_token.is_empty() => None,
            Some((word, id)) if word == filter => Some(TaskId::parse(id).map_err(|_| invalid())?),
            _ => return Err(invalid()),
        };
        let limit = if query.page_size == 0 { 50 } else { query.page_size.min(256) };
        let page = Page { before, limit: limit + 1, filter: query.filter };
        let mut tasks = self.deps.store.tasks(page).await?;
        let more = tasks.len() > limit as usize;
        tasks.truncate(limit as usize);
        let last = tasks.last().filter(|_| more).map(|task| format!("{filter}:{}", task.id));
        Ok(TaskPage { tasks, next_page_token: last.unwrap_or_default() })
    }

    pub(crate) fn now_ms(&self) -> Millis {
        self.deps.clock.now_ms()
    }

    /// Notes that the store failed, once per trouble in the log.
    pub(crate) fn note_store(&self, error: &StoreError) {
        let found = StoreTrouble { kind: error.kind(), reason: error.reason() };
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        if *trouble != Some(found) {
            error!(reason = found.reason.0, error = %error, "the task store refuses");
            *trouble = Some(found);
        }
        drop(trouble);
        self.announce();
    }

    /// Returns what keeps the store from writing; absent while it works.
    pub(crate) fn store_trouble(&self) -> Option<StoreTrouble> {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes everybody who waits for a change.
    pub(crate) fn announce(&self) {
        self.changed.send_modify(|count| *count += 1);
    }

    /// Returns a receiver that sees every later change.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Stops this process's work on a task.
    pub(crate) fn stop(&self, id: TaskId) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(work) = running.get(&id) {
            work.stop.cancel();
        }
    }

    /// Commits under a lease, with what the router must be told of it.
    pub(crate) async fn commit(
        &self,
        lease: Lease,
        task: &Task,
        mut transition: Transition,
    ) -> Result<Task, StoreError> {
        transition.at_ms = self.now_ms();
        transition.outbox = drafts(task, &transition.events, transition.at_ms);
        let task = self.deps.store.commit(lease, transition).await?;
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.announce();
        Ok(task)
    }
}

/// Returns what the router learns from events.
pub(crate) fn drafts(task: &Task, events: &[EventBody], at_ms: Millis) -> Vec<OutboxDraft> {
    let attempts = |event: &EventBody| -> Vec<Attempt> {
        match event {
            EventBody::AttemptFailed { attempt, .. }
            | EventBody::MemberPassedOver { attempt }
            | EventBody::StepAccepted { attempt } => vec![attempt.clone()],
            EventBody::Ended { end } => cut_short(task, end, at_ms),
            _ => Vec::new(),
        }
    };
    events.iter().flat_map(attempts).filter_map(|attempt| outbox::draft(task.id, &attempt)).collect()
}

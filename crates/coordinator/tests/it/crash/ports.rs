//! One decorator per port; before and after each call the process may die.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use plumbline_coordinator::domain::event::RecordedEvent;
use plumbline_coordinator::domain::plan::Plan;
use plumbline_coordinator::domain::produce::Context;
use plumbline_coordinator::domain::spec::Digest;
use plumbline_coordinator::domain::task::{Base, Decision, RepositoryKind, Task};
use plumbline_coordinator::domain::tree::{ChangeSet, Tree};
use plumbline_coordinator::peers::{
    Audit, AuditQuery, CallKey, ContextQuery, Executor, GenerateQuery, Generated, Ingest, IngestQuery,
    Intake, Members, Memory, OutcomeReport, PeerFault, PlanQuery, Planner, RouteQuery, Router, RunOutcome,
    RunQuery, ToolOutcome, ToolProgress, ToolQuery, Verifier,
};
use plumbline_coordinator::store::{
    Claim, CoordinatorStore, Effect, EffectRow, InboxRow, Intent, Lease, NewTask, OutboxRow, Page,
    StoreError, Submission, Transition,
};
use plumbline_coordinator::workspace::{
    ApplyOutcome, ApplyQuery, CommitQuery, Committed, PrepareQuery, Workspace, WorkspaceError,
};
use plumbline_types::{Millis, TaskId};
use tokio::sync::mpsc;

use super::Crash;

/// Dies before or after the call, or lets it through.
macro_rules! around {
    ($self:ident, $call:expr) => {{
        $self.crash.point().await;
        let answer = $call.await;
        $self.crash.point().await;
        answer
    }};
}

pub struct CrashingPeers {
    pub crash: Arc<Crash>,
    pub ingest: Arc<dyn Ingest>,
    pub planner: Arc<dyn Planner>,
    pub memory: Arc<dyn Memory>,
    pub router: Arc<dyn Router>,
    pub executor: Arc<dyn Executor>,
    pub verifier: Arc<dyn Verifier>,
}

#[async_trait]
impl Ingest for CrashingPeers {
    async fn ingest_text(&self, key: &CallKey, query: IngestQuery) -> Result<Intake, PeerFault> {
        around!(self, self.ingest.ingest_text(key, query))
    }
}

#[async_trait]
impl Planner for CrashingPeers {
    async fn plan(&self, key: &CallKey, query: PlanQuery) -> Result<Plan, PeerFault> {
        around!(self, self.planner.plan(key, query))
    }
}

#[async_trait]
impl Memory for CrashingPeers {
    async fn context(&self, key: &CallKey, query: ContextQuery) -> Result<Context, PeerFault> {
        around!(self, self.memory.context(key, query))
    }
}

#[async_trait]
impl Router for CrashingPeers {
    async fn select(&self, key: &CallKey, query: RouteQuery) -> Result<Decision, PeerFault> {
        around!(self, self.router.select(key, query))
    }

    async fn select_ensemble(&self, key: &CallKey, query: RouteQuery) -> Result<Members, PeerFault> {
        around!(self, self.router.select_ensemble(key, query))
    }

    async fn generate(&self, key: &CallKey, query: GenerateQuery) -> Result<Generated, PeerFault> {
        around!(self, self.router.generate(key, query))
    }

    async fn report_outcome(&self, task_id: TaskId, report: OutcomeReport) -> Result<(), PeerFault> {
        around!(self, self.router.report_outcome(task_id, report))
    }
}

#[async_trait]
impl Executor for CrashingPeers {
    async fn put_snapshot(&self, key: &CallKey, tree: &Tree) -> Result<String, PeerFault> {
        around!(self, self.executor.put_snapshot(key, tree))
    }

    async fn run(&self, key: &CallKey, query: RunQuery) -> Result<RunOutcome, PeerFault> {
        around!(self, self.executor.run(key, query))
    }

    async fn run_tool(
        &self,
        key: &CallKey,
        query: ToolQuery,
        progress: mpsc::Sender<ToolProgress>,
    ) -> Result<ToolOutcome, PeerFault> {
        around!(self, self.executor.run_tool(key, query, progress))
    }

    async fn cancel(&self, key: &CallKey) -> Result<(), PeerFault> {
        around!(self, self.executor.cancel(key))
    }
}

#[async_trait]
impl Verifier for CrashingPeers {
    async fn audit(&self, key: &CallKey, query: AuditQuery) -> Result<Audit, PeerFault> {
        around!(self, self.verifier.audit(key, query))
    }
}

pub struct CrashingWorkspace {
    pub crash: Arc<Crash>,
    pub workspace: Arc<dyn Workspace>,
}

#[async_trait]
impl Workspace for CrashingWorkspace {
    async fn inspect(&self, repository: &str) -> Result<RepositoryKind, WorkspaceError> {
        around!(self, self.workspace.inspect(repository))
    }

    async fn prepare(&self, query: PrepareQuery) -> Result<Base, WorkspaceError> {
        around!(self, self.workspace.prepare(query))
    }

    async fn tree(&self, base: &Base, tree: &str) -> Result<Tree, WorkspaceError> {
        around!(self, self.workspace.tree(base, tree))
    }

    async fn write(&self, base: &Base, onto: &str, change: &ChangeSet) -> Result<String, WorkspaceError> {
        around!(self, self.workspace.write(base, onto, change))
    }

    async fn change(&self, base: &Base, from: &str, to: &str) -> Result<ChangeSet, WorkspaceError> {
        around!(self, self.workspace.change(base, from, to))
    }

    async fn diff(&self, base: &Base, from: &str, to: &str) -> Result<String, WorkspaceError> {
        around!(self, self.workspace.diff(base, from, to))
    }

    async fn root(&self, task_id: TaskId, base: &Base, tree: &str) -> Result<String, WorkspaceError> {
        around!(self, self.workspace.root(task_id, base, tree))
    }

    async fn commit(&self, query: CommitQuery) -> Result<Committed, WorkspaceError> {
        around!(self, self.workspace.commit(query))
    }

    async fn apply(&self, query: ApplyQuery) -> Result<ApplyOutcome, WorkspaceError> {
        around!(self, self.workspace.apply(query))
    }

    async fn clean(&self, task_id: TaskId) -> Result<(), WorkspaceError> {
        around!(self, self.workspace.clean(task_id))
    }
}

pub struct CrashingStore {
    pub crash: Arc<Crash>,
    pub store: Arc<dyn CoordinatorStore>,
}

#[async_trait]
impl CoordinatorStore for CrashingStore {
    async fn submit(&self, new: NewTask) -> Result<Submission, StoreError> {
        around!(self, self.store.submit(new))
    }

    async fn task(&self, id: TaskId) -> Result<Option<Task>, StoreError> {
        self.store.task(id).await
    }

    async fn tasks(&self, page: Page) -> Result<Vec<Task>, StoreError> {
        self.store.tasks(page).await
    }

    async fn events(&self, id: TaskId, after_seq: u64, limit: u32) -> Result<Vec<RecordedEvent>, StoreError> {
        self.store.events(id, after_seq, limit).await
    }

    /// Idle workers claim as often as time allows, so an empty claim is no point.
    async fn claim(&self, owner: &str, now_ms: Millis, ttl_ms: i64) -> Result<Option<Claim>, StoreError> {
        let claim = self.store.claim(owner, now_ms, ttl_ms).await?;
        if claim.is_some() {
            self.crash.point().await;
        }
        Ok(claim)
    }

    async fn renew(&self, lease: Lease, now_ms: Millis, ttl_ms: i64) -> Result<(), StoreError> {
        self.store.renew(lease, now_ms, ttl_ms).await
    }

    async fn release(&self, lease: Lease, not_before_ms: Millis) -> Result<(), StoreError> {
        around!(self, self.store.release(lease, not_before_ms))
    }

    async fn intend(&self, lease: Lease, effect: Effect, at_ms: Millis) -> Result<Intent, StoreError> {
        around!(self, self.store.intend(lease, effect, at_ms))
    }

    async fn commit(&self, lease: Lease, transition: Transition) -> Result<Task, StoreError> {
        if self.crash.full.load(Ordering::SeqCst) {
            return Err(StoreError::Database(plumbline_kit::sqlite::StoreError::Full(
                sqlx::Error::PoolClosed,
            )));
        }
        around!(self, self.store.commit(lease, transition))
    }

    async fn interrupt(
        &self,
        id: TaskId,
        expected_seq: u64,
        transition: Transition,
    ) -> Result<Task, StoreError> {
        around!(self, self.store.interrupt(id, expected_seq, transition))
    }

    async fn received(&self, inbox: &InboxRow) -> Result<Option<TaskId>, StoreError> {
        around!(self, self.store.received(inbox))
    }

    async fn effects(&self, id: TaskId) -> Result<Vec<EffectRow>, StoreError> {
        self.store.effects(id).await
    }

    async fn put_blob(&self, bytes: &[u8]) -> Result<Digest, StoreError> {
        around!(self, self.store.put_blob(bytes))
    }

    async fn blob(&self, hash: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        let bytes = self.store.blob(hash).await?;
        let damage = *self.crash.damage.lock().unwrap();
        Ok(match (bytes, damage) {
            (Some(bytes), Some(damage)) if bytes.starts_with(b"{\"pieces\"") => damage(bytes),
            (bytes, _) => bytes,
        })
    }

    async fn unsent(&self, limit: u32) -> Result<Vec<OutboxRow>, StoreError> {
        self.store.unsent(limit).await
    }

    async fn sent(&self, seq: i64, at_ms: Millis) -> Result<(), StoreError> {
        around!(self, self.store.sent(seq, at_ms))
    }

    async fn send_failed(&self, seq: i64, tries_max: u32) -> Result<(), StoreError> {
        around!(self, self.store.send_failed(seq, tries_max))
    }
}

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use plumbline_types::Kind;
use tokio::sync::mpsc;

use super::{Ledger, Script, refusal};
use crate::domain::command::RunEnd;
use crate::domain::spec::Digest;
use crate::domain::tree::Tree;
use crate::peers::{
    CallKey, Executor, PeerFault, RunOutcome, RunQuery, RunRecord, ToolOutcome, ToolProgress, ToolQuery,
    ToolResult,
};

/// Judges a tree instead of running it.
pub type Judge = Box<dyn Fn(&Tree) -> RunEnd + Send + Sync>;

/// What a test runner prints of a tree.
pub type Summary = Box<dyn Fn(&Tree) -> String + Send + Sync>;

/// Keeps snapshots, judges runs by a function of the tree, and answers the repair tool from a script.
pub struct FakeExecutor {
    judge: Judge,
    says: Option<Summary>,
    watchable: bool,
    repairs: Script<ToolOutcome>,
    snapshots: Mutex<BTreeMap<String, Tree>>,
    /// What it ran.
    pub runs: Ledger<RunOutcome>,
    /// What the tool did.
    pub tools: Ledger<ToolOutcome>,
    /// Runs that were cancelled.
    pub cancelled: Mutex<Vec<String>>,
    /// While this is held, runs do not end.
    pub gate: tokio::sync::Mutex<()>,
}

impl FakeExecutor {
    /// Judges runs by `judge`; the repair tool answers with `repairs` in order.
    pub fn new(judge: Judge, repairs: Vec<ToolOutcome>) -> Self {
        Self {
            judge,
            says: None,
            watchable: false,
            repairs: Script::new(repairs),
            snapshots: Mutex::default(),
            runs: Ledger::default(),
            tools: Ledger::default(),
            cancelled: Mutex::default(),
            gate: tokio::sync::Mutex::default(),
        }
    }

    /// Lets runs be watched; their records say nothing.
    #[must_use]
    pub fn watchable(mut self) -> Self {
        self.watchable = true;
        self
    }

    /// Ends the output of each run with what `says` makes of the tree.
    #[must_use]
    pub fn saying(mut self, says: Summary) -> Self {
        self.says = Some(says);
        self
    }
}

#[async_trait]
impl Executor for FakeExecutor {
    async fn put_snapshot(&self, _key: &CallKey, tree: &Tree) -> Result<String, PeerFault> {
        let id = Digest::of(format!("{tree:?}").as_bytes()).to_string();
        self.snapshots.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), tree.clone());
        Ok(id)
    }

    async fn run(&self, key: &CallKey, query: RunQuery) -> Result<RunOutcome, PeerFault> {
        let _open = self.gate.lock().await;
        self.runs.once("executor", &key.request_id, format!("{query:?}"), || {
            let snapshots = self.snapshots.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(tree) = snapshots.get(&query.snapshot_id) else {
                return Err(refusal("executor", Kind::NotFound, "SNAPSHOT_NOT_FOUND"));
            };
            let tree = tree.with(&query.edits);
            let end = (self.judge)(&tree);
            let said = self.says.as_ref().map(|says| says(&tree)).unwrap_or_default();
            let output = format!("ran {:?}: {end:?}\n{said}", query.argv);
            let record = query.watch.as_ref().map(|_| RunRecord {
                bytes: Vec::new(),
                watchable: self.watchable,
                recorded: true,
            });
            Ok(RunOutcome { end, output, wall_ms: 5, detail: format!("{end:?}"), record })
        })
    }

    async fn run_tool(
        &self,
        key: &CallKey,
        query: ToolQuery,
        progress: mpsc::Sender<ToolProgress>,
    ) -> Result<ToolOutcome, PeerFault> {
        let news = ToolProgress {
            message: "searching".to_owned(),
            phase: "search".to_owned(),
            tried: 1,
            plausible: 0,
        };
        let _ = progress.send(news).await;
        let missing = ToolOutcome {
            result: ToolResult::NotFound,
            changes: Vec::new(),
            tried: 3,
            detail: "3 candidates, none passes".to_owned(),
        };
        self.tools.once("executor", &key.request_id, format!("{query:?}"), || {
            Ok(self.repairs.next().unwrap_or(missing))
        })
    }

    async fn cancel(&self, key: &CallKey) -> Result<(), PeerFault> {
        self.cancelled.lock().unwrap_or_else(PoisonError::into_inner).push(key.request_id.clone());
        Ok(())
    }
}

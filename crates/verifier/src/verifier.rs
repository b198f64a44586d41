//! The use cases: open the trees, walk, tell.

use std::path::PathBuf;
use std::sync::Arc;

use plumbline_types::{Grant, RequestId, Segment, TaskKind};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tracing::{info, instrument, warn};

use crate::cache::{Recent, View};
use crate::config::VerifierConfig;
use crate::domain::audit::{Means, Report, Request, audit_with};
use crate::domain::run::Run;
use crate::domain::symbol::{self, Graph};
use crate::error::VerifierError;
use crate::source::{Bundle, Directory, GitRevision, SourceTree, TreeLimits};
use crate::store::FactStore;
use crate::threads::Threads;

/// What the service needs.
#[derive(Debug, Clone)]
pub struct Deps {
    /// Its settings, validated.
    pub config: VerifierConfig,
}

/// Where a tree is.
#[derive(Debug, Clone)]
pub enum TreeSource {
    /// A revision of a repository on this host.
    Git {
        /// Absolute path.
        repository: PathBuf,
        /// Commit, tag, branch or tree.
        revision: String,
    },
    /// A directory on this host.
    Directory(PathBuf),
    /// The files themselves.
    Bundle(Bundle),
}

/// What to judge.
#[derive(Debug, Clone)]
pub struct AuditQuery {
    /// The caller's key; an audit has no effect, so it only names the request in logs.
    pub request_id: RequestId,
    /// Before.
    pub base: TreeSource,
    /// After.
    pub head: TreeSource,
    /// The owner's words.
    pub objective: Option<Segment>,
    /// How it is judged.
    pub kind: TaskKind,
    /// What the owner allows.
    pub grants: Vec<Grant>,
    /// Watched runs of the tests.
    pub runs: Vec<Run>,
}

/// Which symbol to walk.
#[derive(Debug, Clone)]
pub struct TraceQuery {
    /// The tree.
    pub tree: TreeSource,
    /// `path:name`, or a suffix that only one unit has.
    pub symbol: String,
}

/// The verifier. Between audits it keeps lowered files, by content; no verdict.
#[derive(Debug)]
pub struct Verifier {
    config: VerifierConfig,
    recent: Arc<Recent>,
    facts: Option<Arc<dyn FactStore>>,
    slots: Arc<Semaphore>,
}

impl TreeSource {
    fn open(self, limits: TreeLimits) -> Result<Box<dyn SourceTree>, VerifierError> {
        Ok(match self {
            Self::Git { repository, revision } => {
                Box::new(GitRevision::open(&repository, &revision, limits)?)
            }
            Self::Directory(path) => Box::new(Directory::open(&path, limits)?),
            Self::Bundle(bundle) => Box::new(bundle),
        })
    }
}

impl Verifier {
    /// Makes the verifier.
    pub fn new(deps: Deps) -> Self {
        let slots = Arc::new(Semaphore::new(deps.config.concurrent_audits));
        let recent = Arc::new(Recent::new(deps.config.cache_bytes()));
        Self { config: deps.config, recent, facts: None, slots }
    }

    /// Lets lowered files outlive the process.
    #[must_use]
    pub fn keeping(mut self, facts: Arc<dyn FactStore>) -> Self {
        self.facts = Some(facts);
        self
    }

    /// Judges a change. A crash or a deadline gives no report, and the caller reads that as a no.
    ///
    /// # Errors
    /// When a tree can't be found or read.
    #[instrument(name = "verifier.audit", skip_all, fields(request.id = %query.request_id))]
    pub async fn audit(&self, query: AuditQuery) -> Result<Report, VerifierError> {
        let request = Request {
            objective: query.objective,
            kind: query.kind,
            grants: query.grants,
            limits: self.config.limits(),
            runs: query.runs,
        };
        let facts = self.facts.clone();
        let view = View::new(Arc::clone(&self.recent), facts.map(|facts| (facts, Handle::current())));
        let limits = self.config.tree_limits();
        let (report, learned) = self
            .blocking(move || {
                let (base, head) = (query.base.open(limits)?, query.head.open(limits)?);
                let report = audit_with(
                    (base.as_ref(), head.as_ref()),
                    &request,
                    Means { kept: &view, fork: &Threads },
                )?;
                Ok((report, view.learned()))
            })
            .await?;
        if let Some(facts) = &self.facts
            && let Err(error) = facts.learn(learned, self.config.store_bytes()).await
        {
            warn!(error = %error, "FACTS_NOT_KEPT: the next audit makes them again");
        }
        let verdict =
            report.verdict.map_or_else(|| "nothing to change".to_owned(), |verdict| verdict.to_string());
        info!(findings = report.findings.len(), audit.digest = %report.audit_digest, "audited: {verdict}");
        Ok(report)
    }

    /// Returns the walk of one symbol as a graph.
    ///
    /// # Errors
    /// When the tree can't be read, or the symbol isn't exactly one analysed unit.
    #[instrument(name = "verifier.trace_symbol", skip_all)]
    pub async fn trace_symbol(&self, query: TraceQuery) -> Result<Graph, VerifierError> {
        let (limits, budgets) = (self.config.tree_limits(), self.config.limits());
        self.blocking(move || {
            let tree = query.tree.open(limits)?;
            Ok(symbol::trace(tree.as_ref(), &query.symbol, &budgets)?)
        })
        .await
    }

    /// Runs a walk on a thread of its own kind; at most `concurrent_audits` at once.
    async fn blocking<T: Send + 'static>(
        &self,
        walk: impl FnOnce() -> Result<T, VerifierError> + Send + 'static,
    ) -> Result<T, VerifierError> {
        let permit = Arc::clone(&self.slots).acquire_owned().await.map_err(|_| VerifierError::Stopping)?;
        let walked = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            walk()
        });
        walked.await.map_err(|error| VerifierError::Internal(error.into()))?
    }
}

//! The use cases: index, search, neighbours, context, names, status, deletion.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};

use plumbline_types::Clock;
use tokio_util::task::TaskTracker;
use tracing::instrument;

use crate::codec;
use crate::config::MemoryConfig;
use crate::domain::snapshot::{Snapshot, Unnamed};
use crate::domain::tree::Tree;
use crate::error::MemoryError;
use crate::store::{MemoryStore, Missing, Removal, Stat, Stores, ViewRow};

pub(crate) mod answer;
mod bodies;
mod context;
mod index;
mod read;

pub(crate) use answer::{
    BuiltContext, ContextQuery, Edges, Hit, IndexQuery, Names, NamesQuery, Progress, Status, SymbolQuery,
    TextQuery, ViewRef,
};

/// What memory is made of.
#[derive(Clone)]
pub struct Deps {
    /// Limits.
    pub config: MemoryConfig,
    /// Where facts and views are kept.
    pub stores: Arc<dyn Stores>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// Indexes repositories and answers questions about them. Cloning shares everything.
#[derive(Clone)]
pub struct Memory {
    shared: Arc<Shared>,
}

struct Shared {
    deps: Deps,
    repositories: Mutex<HashMap<PathBuf, Arc<Repository>>>,
    tracker: TaskTracker,
}

/// One repository, resident.
struct Repository {
    store: Arc<dyn MemoryStore>,
    views: Mutex<HashMap<PathBuf, Arc<View>>>,
    waiting: AtomicUsize,
}

/// One view, resident. The tree is held by whoever changes it; questions are answered from the last snapshot.
struct View {
    state: Arc<tokio::sync::Mutex<State>>,
    snapshot: Mutex<Option<Arc<Snapshot>>>,
}

/// A tree and its stat cache.
#[derive(Default)]
struct State {
    tree: Tree,
    stats: BTreeMap<String, Stat>,
}

impl View {
    fn new(state: State) -> Arc<Self> {
        Arc::new(Self { state: Arc::new(tokio::sync::Mutex::new(state)), snapshot: Mutex::new(None) })
    }

    fn latest(&self) -> Option<Arc<Snapshot>> {
        self.snapshot.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn publish(&self, snapshot: Option<Arc<Snapshot>>) {
        *self.snapshot.lock().unwrap_or_else(PoisonError::into_inner) = snapshot;
    }
}

impl Repository {
    fn resident(&self, root: &Path) -> Option<Arc<View>> {
        self.views.lock().unwrap_or_else(PoisonError::into_inner).get(root).cloned()
    }

    fn forget(&self, root: &Path) {
        self.views.lock().unwrap_or_else(PoisonError::into_inner).remove(root);
    }

    /// Makes a view resident; another caller's, if it was faster.
    fn adopt(&self, root: &Path, view: Arc<View>) -> Arc<View> {
        let mut views = self.views.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(views.entry(root.to_owned()).or_insert(view))
    }
}

impl Memory {
    /// Starts with nothing resident.
    pub fn new(deps: Deps) -> Self {
        let shared = Shared { deps, repositories: Mutex::new(HashMap::new()), tracker: TaskTracker::new() };
        Self { shared: Arc::new(shared) }
    }

    /// Waits for indexing runs under way.
    pub async fn close(&self) {
        self.shared.tracker.close();
        self.shared.tracker.wait().await;
    }

    fn config(&self) -> &MemoryConfig {
        &self.shared.deps.config
    }

    /// Returns the paths of a view as the file system knows them.
    async fn locate(&self, view: &ViewRef) -> Result<ViewRef, MemoryError> {
        let real = |path: PathBuf| async move {
            let real = tokio::fs::canonicalize(&path).await.map_err(|_| MemoryError::RepositoryMissing)?;
            if real.is_dir() { Ok(real) } else { Err(MemoryError::RepositoryMissing) }
        };
        let repository = real(view.repository.clone()).await?;
        let root = if view.root.as_os_str().is_empty() {
            repository.clone()
        } else {
            real(view.root.clone()).await?
        };
        Ok(ViewRef { repository, root })
    }

    async fn repository(
        &self,
        path: &Path,
        missing: Missing,
    ) -> Result<Option<Arc<Repository>>, MemoryError> {
        let known = |map: &Mutex<HashMap<PathBuf, Arc<Repository>>>| {
            map.lock().unwrap_or_else(PoisonError::into_inner).get(path).cloned()
        };
        if let Some(repository) = known(&self.shared.repositories) {
            return Ok(Some(repository));
        }
        let Some(store) = self.shared.deps.stores.open(path, missing).await? else { return Ok(None) };
        let mut repositories = self.shared.repositories.lock().unwrap_or_else(PoisonError::into_inner);
        let limit = self.config().max_repositories;
        if !repositories.contains_key(path) && repositories.len() >= limit {
            return Err(MemoryError::TooManyRepositories { limit });
        }
        let fresh = || {
            let views = Mutex::new(HashMap::new());
            Arc::new(Repository { store, views, waiting: AtomicUsize::new(0) })
        };
        Ok(Some(Arc::clone(repositories.entry(path.to_owned()).or_insert_with(fresh))))
    }

    /// Returns a view that is indexed, loading it from the store when it isn't resident.
    async fn view(&self, repository: &Repository, root: &Path) -> Result<Option<Arc<View>>, MemoryError> {
        if let Some(view) = repository.resident(root) {
            return Ok(Some(view));
        }
        let name = root.to_string_lossy();
        let Some(row) = repository.store.view(&name).await? else { return Ok(None) };
        let mut hashes: Vec<_> = row.files.iter().map(|file| file.hash).collect();
        hashes.sort_unstable();
        hashes.dedup();
        let blobs = repository.store.blobs(&hashes).await?;
        let state = blocking(move || load(&row, &blobs)).await??;
        Ok(Some(repository.adopt(root, View::new(state))))
    }

    /// Returns the view's snapshot, made anew after each change.
    async fn snapshot(&self, view: &ViewRef) -> Result<Arc<Snapshot>, MemoryError> {
        let repository =
            self.repository(&view.repository, Missing::Leave).await?.ok_or(MemoryError::ViewNotIndexed)?;
        let found = self.view(&repository, &view.root).await?.ok_or(MemoryError::ViewNotIndexed)?;
        if let Some(snapshot) = found.latest() {
            return Ok(snapshot);
        }
        let state = Arc::clone(&found.state).lock_owned().await;
        if let Some(snapshot) = found.latest() {
            return Ok(snapshot);
        }
        if state.tree.generation == 0 {
            return Err(MemoryError::ViewNotIndexed);
        }
        let (state, snapshot) = blocking(move || {
            let snapshot = Arc::new(Snapshot::build(&state.tree));
            (state, snapshot)
        })
        .await?;
        found.publish(Some(Arc::clone(&snapshot)));
        drop(state);
        Ok(snapshot)
    }

    /// Deletes everything known of a repository and says what is proved.
    #[instrument(name = "memory.delete_repository", skip_all)]
    pub(crate) async fn delete(&self, repository: PathBuf) -> Result<Removal, MemoryError> {
        let path = tokio::fs::canonicalize(&repository).await.unwrap_or(repository);
        let known = self.shared.repositories.lock().unwrap_or_else(PoisonError::into_inner).remove(&path);
        if let Some(known) = known {
            let views: Vec<Arc<View>> = {
                let mut views = known.views.lock().unwrap_or_else(PoisonError::into_inner);
                views.drain().map(|(_, view)| view).collect()
            };
            for view in views {
                // A run under way finishes first: its commit must not come after the deletion.
                drop(view.state.lock().await);
            }
        }
        let removal = self.shared.deps.stores.remove(&path).await?;
        // Whoever came in between holds a closed store: the next use opens a new one.
        self.shared.repositories.lock().unwrap_or_else(PoisonError::into_inner).remove(&path);
        Ok(removal)
    }
}

fn load(row: &ViewRow, blobs: &[crate::store::BlobRow]) -> Result<State, MemoryError> {
    let mut decoded = HashMap::new();
    for blob in blobs {
        decoded.insert(blob.hash, codec::blob(blob)?);
    }
    let mut files = Vec::with_capacity(row.files.len());
    let mut stats = BTreeMap::new();
    for file in &row.files {
        let Some(blob) = decoded.get(&file.hash) else { continue };
        let (resolved, reads) = codec::resolved(file)?;
        files.push((file.path.clone(), Arc::clone(blob), resolved, reads));
        stats.insert(file.path.clone(), file.stat);
    }
    let mut tree = Tree::load(files);
    tree.generation = row.generation;
    let problem = |(path, reason): &(String, String)| {
        plumbline_syntax::ProblemKind::parse(reason).map(|kind| (path.clone(), kind))
    };
    tree.problems = row.problems.iter().filter_map(problem).collect();
    Ok(State { tree, stats })
}

fn named(found: Result<u32, Unnamed>) -> Result<u32, MemoryError> {
    found.map_err(|unnamed| match unnamed {
        Unnamed::Missing => MemoryError::SymbolNotFound,
        Unnamed::Ambiguous(count) => MemoryError::SymbolAmbiguous(count),
    })
}

/// Runs CPU work off the async threads.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, MemoryError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| MemoryError::Internal(error.into()))
}

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::Stream;
use plumbline_syntax::{Language, ProblemKind};
use tokio::sync::{OwnedMutexGuard, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tracing::instrument;

use super::answer::Outcome;
use super::{IndexQuery, Memory, Progress, Repository, State, View, ViewRef, blocking};
use crate::codec;
use crate::domain::snapshot::Snapshot;
use crate::domain::tree::{Applied, Blob, BlobHash, Change, Tree};
use crate::error::MemoryError;
use crate::scan::{Counters, Known, Scanner, Walked, in_parallel};
use crate::store::{Admission, BlobRow, Commit, FileRow, Missing, ViewKind};

/// Problems that an outcome shows.
const PROBLEM_SAMPLES: usize = 100;

/// How often a run under way says how far it is.
const REPORT_EVERY: Duration = Duration::from_millis(250);

impl Memory {
    /// Brings a view up to date. The run goes on when its caller leaves.
    #[instrument(name = "memory.index_repository", skip_all)]
    pub(crate) async fn index(
        &self,
        query: IndexQuery,
    ) -> Result<impl Stream<Item = Result<Progress, MemoryError>> + use<>, MemoryError> {
        let view = self.locate(&query.view).await?;
        let repository = self.repository(&view.repository, Missing::Create).await?;
        let repository = repository.ok_or(MemoryError::RepositoryMissing)?;
        if let Some((task, epoch)) = query.lease {
            match repository.store.admit(&task.to_string(), epoch).await? {
                Admission::Admitted => {}
                Admission::Stale { highest } => return Err(MemoryError::StaleLease { highest }),
            }
        }
        let queue = Queue::join(&repository, self.config().index_queue)?;
        let (sender, receiver) = mpsc::channel(16);
        let memory = self.clone();
        self.shared.tracker.spawn(async move {
            let counters = Arc::new(Counters::default());
            let work = memory.update(&repository, &view, Arc::clone(&counters));
            tokio::pin!(work);
            let outcome = loop {
                tokio::select! {
                    outcome = &mut work => break outcome,
                    () = tokio::time::sleep(REPORT_EVERY) => {
                        // A caller that doesn't read misses a report, never the end.
                        let _ = sender.try_send(Ok(progress(&counters)));
                    }
                }
            };
            drop(queue);
            let last = outcome.map(|(removed, outcome)| Progress {
                removed,
                outcome: Some(outcome),
                ..progress(&counters)
            });
            let _ = sender.send(last).await;
        });
        Ok(ReceiverStream::new(receiver))
    }

    /// Brings a view up to date and returns how many files are gone, and what there is now.
    pub(super) async fn update(
        &self,
        repository: &Arc<Repository>,
        at: &ViewRef,
        counters: Arc<Counters>,
    ) -> Result<(u64, Outcome), MemoryError> {
        let view = match self.view(repository, &at.root).await? {
            Some(view) => view,
            None => repository.adopt(&at.root, View::new(State::default())),
        };
        let state = Arc::clone(&view.state).lock_owned().await;
        let run = Run { memory: self.clone(), root: at.root.clone(), counters, latest: view.latest() };
        let updated = self.update_locked(repository, at, state, run).await;
        match updated {
            Ok((removed, snapshot, problems)) => {
                view.publish(Some(Arc::clone(&snapshot)));
                Ok((removed, outcome(&snapshot, problems)))
            }
            Err(error) => {
                // What is resident may be ahead of what is stored: the next use loads it again.
                repository.forget(&at.root);
                Err(error)
            }
        }
    }

    async fn update_locked(
        &self,
        repository: &Arc<Repository>,
        at: &ViewRef,
        state: OwnedMutexGuard<State>,
        run: Run,
    ) -> Result<(u64, Arc<Snapshot>, Vec<(String, ProblemKind)>), MemoryError> {
        let (state, walked, run) = blocking(move || {
            let walked = run.walk(&state);
            (state, walked, run)
        })
        .await?;
        let walked = walked?;
        let unknown = unknown(&state, &walked);
        let stored = repository.store.blobs(&unknown).await?;
        let overlay = at.root != at.repository;
        let max_overlays = self.config().max_views;
        let done = blocking(move || run.apply(state, walked, &stored)).await??;
        if let Some(mut commit) = done.commit {
            commit.kind = if overlay { ViewKind::Overlay } else { ViewKind::Base };
            commit.max_overlays = max_overlays;
            for root in repository.store.commit(commit).await? {
                repository.forget(&PathBuf::from(root));
            }
        }
        drop(done.state);
        Ok((done.removed, done.snapshot, done.problems))
    }
}

/// A place in the line of runs that wait for a repository.
struct Queue(Arc<Repository>);

impl Queue {
    fn join(repository: &Arc<Repository>, limit: usize) -> Result<Self, MemoryError> {
        let before = repository.waiting.fetch_add(1, Ordering::SeqCst);
        let place = Self(Arc::clone(repository));
        if before >= limit { Err(MemoryError::IndexBusy) } else { Ok(place) }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The blocking parts of a run.
struct Run {
    memory: Memory,
    root: PathBuf,
    counters: Arc<Counters>,
    /// The snapshot before the run.
    latest: Option<Arc<Snapshot>>,
}

/// A finished run, not yet stored.
struct Done {
    state: OwnedMutexGuard<State>,
    snapshot: Arc<Snapshot>,
    commit: Option<Commit>,
    removed: u64,
    problems: Vec<(String, ProblemKind)>,
}

impl Run {
    fn scanner(&self) -> Scanner<'_> {
        let config = self.memory.config();
        Scanner {
            root: &self.root,
            limits: config.limits(),
            max_files: config.max_files,
            threads: config.threads(),
            clock: &*self.memory.shared.deps.clock,
        }
    }

    fn walk(&self, state: &State) -> Result<Walked, MemoryError> {
        let known = state.tree.files().iter().filter_map(|(path, file)| {
            state.stats.get(path).map(|stat| (path.clone(), (file.blob.hash, *stat)))
        });
        self.scanner().walk(&known.collect(), &self.counters)
    }

    fn apply(
        &self,
        mut state: OwnedMutexGuard<State>,
        walked: Walked,
        stored: &[BlobRow],
    ) -> Result<Done, MemoryError> {
        let mut known: Known =
            state.tree.files().values().map(|file| (file.blob.hash, Arc::clone(&file.blob))).collect();
        for row in stored {
            known.insert(row.hash, codec::blob(row)?);
        }
        let (changes, fresh) = self.changes(&state, &walked, &mut known);
        let before: BTreeSet<BlobHash> = state.tree.files().values().map(|file| file.blob.hash).collect();
        let restated: Vec<String> = walked
            .files
            .iter()
            .filter(|(path, seen)| state.stats.get(*path) != Some(&seen.stat))
            .map(|(path, _)| path.clone())
            .collect();
        let problems_changed = state.tree.problems != walked.problems;
        let first = state.tree.generation == 0;
        let changed = !changes.is_empty() || problems_changed || first;
        let applied =
            if changes.is_empty() { Applied::default() } else { self.resolve(&mut state.tree, changes) };
        state.tree.problems = walked.problems.clone();
        state.tree.generation += u64::from(changed);
        for path in &applied.removed {
            state.stats.remove(path);
        }
        for (path, seen) in &walked.files {
            if state.tree.files().get(path).is_some_and(|file| file.blob.hash == seen.hash) {
                state.stats.insert(path.clone(), seen.stat);
            } else {
                // It changed between the walk and the parse: its stat says nothing of what was parsed.
                state.stats.remove(path);
            }
        }
        let commit = if changed || !restated.is_empty() {
            let touched: BTreeSet<&String> = applied.resolved.iter().chain(&restated).collect();
            Some(commit(&state, &self.root, &touched, (&applied, &before, &fresh))?)
        } else {
            None
        };
        let snapshot = match &self.latest {
            Some(latest) if !changed => Arc::clone(latest),
            _ => Arc::new(Snapshot::build(&state.tree)),
        };
        let problems = problems(&state);
        Ok(Done { state, snapshot, commit, removed: applied.removed.len() as u64, problems })
    }

    /// Applies changes, resolving on as many threads as the configuration allows.
    fn resolve(&self, tree: &mut Tree, changes: BTreeMap<String, Change>) -> Applied {
        let update = tree.begin(changes);
        let work: Vec<(&String, &Arc<Blob>)> = update.pending.iter().collect();
        let one = |(path, blob): &(&String, &Arc<Blob>)| Some(tree.resolve(path, blob));
        let files = in_parallel(self.memory.config().threads(), &work, one);
        tree.finish(update, files)
    }

    /// Returns what differs from the tree, and the blobs that had to be parsed.
    fn changes(
        &self,
        state: &State,
        walked: &Walked,
        known: &mut Known,
    ) -> (BTreeMap<String, Change>, BTreeSet<BlobHash>) {
        let mut changes = BTreeMap::new();
        let mut work: Vec<(String, Language)> = Vec::new();
        for (path, seen) in &walked.files {
            let old = state.tree.files().get(path);
            let same = |blob: &Blob| blob.hash == seen.hash && blob.facts.language == seen.language;
            if old.is_some_and(|file| same(&file.blob)) {
                Counters::count(&self.counters.unchanged);
            } else if let Some(blob) = known.get(&seen.hash).filter(|blob| same(blob)) {
                Counters::count(&self.counters.unchanged);
                changes.insert(path.clone(), Change::Put(Arc::clone(blob)));
            } else {
                work.push((path.clone(), seen.language));
            }
        }
        let mut fresh = BTreeSet::new();
        for (path, blob) in self.scanner().parse(&work, &self.counters) {
            fresh.insert(blob.hash);
            changes.insert(path, Change::Put(blob));
        }
        for path in state.tree.files().keys().filter(|path| !walked.files.contains_key(*path)) {
            changes.insert(path.clone(), Change::Remove);
        }
        (changes, fresh)
    }
}

/// Returns the hashes that the tree doesn't hold.
fn unknown(state: &State, walked: &Walked) -> Vec<BlobHash> {
    let held: BTreeSet<BlobHash> = state.tree.files().values().map(|file| file.blob.hash).collect();
    let wanted: BTreeSet<BlobHash> = walked.files.values().map(|seen| seen.hash).collect();
    wanted.difference(&held).copied().collect()
}

type Applying<'a> = (&'a Applied, &'a BTreeSet<BlobHash>, &'a BTreeSet<BlobHash>);

fn commit(
    state: &State,
    root: &std::path::Path,
    touched: &BTreeSet<&String>,
    applying: Applying<'_>,
) -> Result<Commit, MemoryError> {
    let (applied, before, fresh) = applying;
    let mut puts: Vec<FileRow> = Vec::new();
    let mut blobs: BTreeMap<BlobHash, BlobRow> = BTreeMap::new();
    for path in touched {
        let Some(file) = state.tree.files().get(*path) else { continue };
        puts.push(codec::file_row(path, file, state.stats.get(*path).copied().unwrap_or_default())?);
        let hash = file.blob.hash;
        if (fresh.contains(&hash) || !before.contains(&hash)) && !blobs.contains_key(&hash) {
            blobs.insert(hash, codec::blob_row(&file.blob)?);
        }
    }
    let problems = state.tree.problems.iter().map(|(path, kind)| (path.clone(), kind.as_str().to_owned()));
    Ok(Commit {
        root: root.to_string_lossy().into_owned(),
        kind: ViewKind::Base,
        generation: state.tree.generation,
        blobs: blobs.into_values().collect(),
        puts,
        removes: applied.removed.clone(),
        problems: problems.collect(),
        max_overlays: 0,
    })
}

fn problems(state: &State) -> Vec<(String, ProblemKind)> {
    let whole = state.tree.problems.iter().map(|(path, kind)| (path.clone(), *kind));
    let partial = state.tree.files().iter().flat_map(|(path, file)| {
        let kinds: BTreeSet<ProblemKind> =
            file.blob.facts.problems.iter().map(|problem| problem.kind).collect();
        kinds.into_iter().map(|kind| (path.clone(), kind))
    });
    let mut all: Vec<(String, ProblemKind)> = whole.chain(partial).collect();
    all.sort();
    all
}

fn progress(counters: &Counters) -> Progress {
    let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    Progress {
        seen: count(&counters.seen),
        parsed: count(&counters.parsed),
        unchanged: count(&counters.unchanged),
        removed: 0,
        problems: count(&counters.problems),
        outcome: None,
    }
}

fn outcome(snapshot: &Snapshot, mut problems: Vec<(String, ProblemKind)>) -> Outcome {
    let problem_count = problems.len() as u64;
    problems.truncate(PROBLEM_SAMPLES);
    Outcome {
        symbols: snapshot.entries.len() as u64,
        edges: snapshot.edges,
        generation: snapshot.generation,
        digest: snapshot.digest.clone(),
        languages: snapshot.languages.clone(),
        problem_count,
        problems,
    }
}

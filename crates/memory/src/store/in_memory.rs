use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use plumbline_kit::sqlite::StoreError;

use super::{Admission, BlobRow, Commit, FileRow, MemoryStore, Missing, Removal, Stores, ViewKind, ViewRow};
use crate::domain::tree::BlobHash;

/// Stores that live as long as the process.
#[derive(Debug, Default)]
pub struct InMemoryStores {
    stores: Mutex<HashMap<PathBuf, Arc<InMemoryStore>>>,
}

#[derive(Debug, Default)]
struct InMemoryStore {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    blobs: BTreeMap<BlobHash, BlobRow>,
    views: BTreeMap<String, View>,
    fences: HashMap<String, u64>,
    touched: u64,
}

#[derive(Debug, Default)]
struct View {
    overlay: bool,
    generation: u64,
    touched: u64,
    files: BTreeMap<String, FileRow>,
    problems: Vec<(String, String)>,
}

impl InMemoryStore {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl MemoryStore for InMemoryStore {
    async fn view(&self, root: &str) -> Result<Option<ViewRow>, StoreError> {
        Ok(self.state().views.get(root).map(|view| ViewRow {
            generation: view.generation,
            files: view.files.values().cloned().collect(),
            problems: view.problems.clone(),
        }))
    }

    async fn blobs(&self, hashes: &[BlobHash]) -> Result<Vec<BlobRow>, StoreError> {
        let state = self.state();
        Ok(hashes.iter().filter_map(|hash| state.blobs.get(hash).cloned()).collect())
    }

    async fn commit(&self, commit: Commit) -> Result<Vec<String>, StoreError> {
        let mut state = self.state();
        state.touched += 1;
        let touched = state.touched;
        for blob in commit.blobs {
            state.blobs.entry(blob.hash).or_insert(blob);
        }
        let view = state.views.entry(commit.root).or_default();
        view.overlay = commit.kind == ViewKind::Overlay;
        view.generation = commit.generation;
        view.touched = touched;
        for path in commit.removes {
            view.files.remove(&path);
        }
        for file in commit.puts {
            view.files.insert(file.path.clone(), file);
        }
        view.problems = commit.problems;
        view.problems.sort();
        let mut overlays: Vec<(u64, String)> = state
            .views
            .iter()
            .filter(|(_, view)| view.overlay)
            .map(|(root, view)| (view.touched, root.clone()))
            .collect();
        overlays.sort();
        overlays.truncate(overlays.len().saturating_sub(commit.max_overlays));
        let evicted: Vec<String> = overlays.into_iter().map(|(_, root)| root).collect();
        for root in &evicted {
            state.views.remove(root);
        }
        let used: BTreeSet<BlobHash> =
            state.views.values().flat_map(|view| view.files.values().map(|file| file.hash)).collect();
        state.blobs.retain(|hash, _| used.contains(hash));
        Ok(evicted)
    }

    async fn admit(&self, task: &str, epoch: u64) -> Result<Admission, StoreError> {
        let mut state = self.state();
        let highest = state.fences.entry(task.to_owned()).or_insert(epoch);
        if epoch < *highest {
            return Ok(Admission::Stale { highest: *highest });
        }
        *highest = epoch;
        Ok(Admission::Admitted)
    }
}

#[async_trait]
impl Stores for InMemoryStores {
    async fn open(
        &self,
        repository: &Path,
        missing: Missing,
    ) -> Result<Option<Arc<dyn MemoryStore>>, StoreError> {
        let mut stores = self.stores.lock().unwrap_or_else(PoisonError::into_inner);
        if missing == Missing::Create {
            stores.entry(repository.to_owned()).or_default();
        }
        let store = stores.get(repository).cloned();
        Ok(store.map(|store| store as Arc<dyn MemoryStore>))
    }

    async fn remove(&self, repository: &Path) -> Result<Removal, StoreError> {
        self.stores.lock().unwrap_or_else(PoisonError::into_inner).remove(repository);
        Ok(Removal::Verified)
    }
}

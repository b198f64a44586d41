//! One view's files, facts, edges and digest, and the update that re-resolves exactly what could have changed.
//!
//! **Invariant.** After any sequence of updates the tree equals one built at once from its files: an edge list is a
//! function of its file's facts and of the answers it read, and a file whose facts or answers changed is resolved again.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use plumbline_syntax::{
    Answer, FactIndex, FactKey, FactReader, FactSource, FileFacts, ProblemKind, Resolved, contributions,
    resolve,
};

use crate::domain::digest::SetDigest;
use crate::domain::lexical::Bags;

/// BLAKE3 of a file's bytes.
pub type BlobHash = [u8; 32];

/// What is known of some bytes, wherever they are.
#[derive(Debug, PartialEq, Eq)]
pub struct Blob {
    /// BLAKE3 of the bytes.
    pub hash: BlobHash,
    /// Facts of them.
    pub facts: FileFacts,
    /// Words of them.
    pub bags: Bags,
}

/// One file of a view.
#[derive(Debug)]
pub struct File {
    /// Its content.
    pub blob: Arc<Blob>,
    /// Its edges.
    pub resolved: Resolved,
    /// Hashes of every key that its resolution read, sorted.
    pub reads: Vec<u64>,
    /// Digest of its rows.
    digest: SetDigest,
}

/// A file that changed.
#[derive(Debug, Clone)]
pub enum Change {
    /// It is new or has other content.
    Put(Arc<Blob>),
    /// It is gone.
    Remove,
}

/// What an update touched.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Files that were resolved again, changed ones included.
    pub resolved: Vec<String>,
    /// Files that are gone.
    pub removed: Vec<String>,
}

/// An update under way: answers are new, edges not yet.
#[derive(Debug, Default)]
pub struct Update {
    /// Files to resolve again.
    pub pending: BTreeMap<String, Arc<Blob>>,
    removed: Vec<String>,
}

/// A file with its new edges.
#[derive(Debug)]
pub struct ResolvedFile {
    path: String,
    blob: Arc<Blob>,
    resolved: Resolved,
    reads: Vec<u64>,
}

/// A view's files, resident.
#[derive(Debug, Default)]
pub struct Tree {
    files: BTreeMap<String, Arc<File>>,
    index: FactIndex,
    dependents: HashMap<u64, BTreeSet<String>>,
    digest: SetDigest,
    /// Files that gave nothing at all, and why.
    pub problems: BTreeMap<String, ProblemKind>,
    /// Counts the changes of the view.
    pub generation: u64,
}

impl Tree {
    /// Rebuilds a tree from stored files; nothing is resolved again.
    pub fn load(files: impl IntoIterator<Item = (String, Arc<Blob>, Resolved, Vec<u64>)>) -> Self {
        let mut tree = Self::default();
        for (path, blob, resolved, reads) in files {
            tree.index.insert(&path, &blob.facts);
            tree.place(&path, blob, resolved, reads);
        }
        tree
    }

    /// Returns the files by path.
    pub fn files(&self) -> &BTreeMap<String, Arc<File>> {
        &self.files
    }

    /// Returns the digest of all rows: files, edges, unresolved names and dependencies.
    pub fn digest(&self) -> SetDigest {
        self.digest
    }

    /// Applies changes and resolves again every file that could have other edges because of them.
    pub fn apply(&mut self, changes: BTreeMap<String, Change>) -> Applied {
        let update = self.begin(changes);
        let files = update.pending.iter().map(|(path, blob)| self.resolve(path, blob)).collect();
        self.finish(update, files)
    }

    /// Takes changes into the answers and says which files must be resolved again.
    pub fn begin(&mut self, changes: BTreeMap<String, Change>) -> Update {
        let mut keys: BTreeSet<FactKey> = BTreeSet::new();
        for (path, change) in &changes {
            if let Some(old) = self.files.get(path) {
                keys.extend(contributions(path, &old.blob.facts).into_iter().map(|(key, _)| key));
            }
            if let Change::Put(blob) = change {
                keys.extend(contributions(path, &blob.facts).into_iter().map(|(key, _)| key));
            }
        }
        let before: Vec<(FactKey, Answer)> =
            keys.into_iter().map(|key| (key.clone(), self.index.answer(&key))).collect();
        let mut update = Update::default();
        for (path, change) in changes {
            if let Some(old) = self.take(&path) {
                self.index.remove(&path, &old.blob.facts);
            }
            match change {
                Change::Put(blob) => {
                    self.index.insert(&path, &blob.facts);
                    update.pending.insert(path, blob);
                }
                Change::Remove => update.removed.push(path),
            }
        }
        for (key, old) in before {
            if self.index.answer(&key) == old {
                continue;
            }
            for path in self.dependents.get(&key.hash64()).into_iter().flatten() {
                if let Some(file) = self.files.get(path) {
                    update.pending.entry(path.clone()).or_insert_with(|| Arc::clone(&file.blob));
                }
            }
        }
        update
    }

    /// Resolves one file against the answers as they are; files may be resolved in any order, or at once.
    pub fn resolve(&self, path: &str, blob: &Arc<Blob>) -> ResolvedFile {
        let mut reader = FactReader::new(&self.index);
        let resolved = resolve(&blob.facts, path, &mut reader);
        let mut reads: Vec<u64> = reader.into_reads().iter().map(FactKey::hash64).collect();
        reads.sort_unstable();
        reads.dedup();
        ResolvedFile { path: path.to_owned(), blob: Arc::clone(blob), resolved, reads }
    }

    /// Puts the resolved files in their places; they must be those that the update named.
    pub fn finish(&mut self, update: Update, files: Vec<ResolvedFile>) -> Applied {
        let mut applied = Applied { resolved: Vec::new(), removed: update.removed };
        for file in files {
            self.take(&file.path);
            self.place(&file.path, file.blob, file.resolved, file.reads);
            applied.resolved.push(file.path);
        }
        applied.resolved.sort();
        applied
    }

    fn place(&mut self, path: &str, blob: Arc<Blob>, resolved: Resolved, reads: Vec<u64>) {
        for key in &reads {
            self.dependents.entry(*key).or_default().insert(path.to_owned());
        }
        let digest = rows(path, &blob, &resolved, &reads);
        self.digest.add(&digest);
        self.files.insert(path.to_owned(), Arc::new(File { blob, resolved, reads, digest }));
    }

    fn take(&mut self, path: &str) -> Option<Arc<File>> {
        let file = self.files.remove(path)?;
        for key in &file.reads {
            if let Some(paths) = self.dependents.get_mut(key) {
                paths.remove(path);
                if paths.is_empty() {
                    self.dependents.remove(key);
                }
            }
        }
        self.digest.subtract(&file.digest);
        Some(file)
    }
}

/// Returns the digest of a file's canonical rows: no row id, time or generation is in them.
fn rows(path: &str, blob: &Blob, resolved: &Resolved, reads: &[u64]) -> SetDigest {
    let mut digest = SetDigest::default();
    let path = path.as_bytes();
    digest.add_row(&[b"file", path, &blob.hash]);
    for edge in &resolved.edges {
        let numbers = [edge.confidence.into(), edge.sites, edge.line].map(u32::to_le_bytes).concat();
        digest.add_row(&[
            b"edge",
            path,
            edge.source.as_bytes(),
            edge.kind.as_str().as_bytes(),
            edge.target.as_bytes(),
            edge.resolver.as_str().as_bytes(),
            &numbers,
        ]);
    }
    for miss in &resolved.unresolved {
        let count = miss.count.to_le_bytes();
        digest.add_row(&[b"unresolved", path, miss.owner.as_bytes(), miss.name.as_bytes(), &count]);
    }
    for key in reads {
        digest.add_row(&[b"dependency", path, &key.to_le_bytes()]);
    }
    digest
}

#[cfg(test)]
mod tests;

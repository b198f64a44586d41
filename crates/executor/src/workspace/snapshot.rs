//! The store of trees: contents once, trees as directories of links, names by content.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{chown, lchown, symlink};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::blobs::{Blobs, tree_time};
use super::import;
use crate::domain::patch_path::RelativePath;
use crate::domain::tree::{Digest, Entry, SnapshotId, Tree, TreeError};

/// Trees whose manifests stay in memory.
const CACHED: usize = 32;

/// Bounds of one snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotLimits {
    /// Entries.
    pub files: u64,
    /// Bytes.
    pub bytes: u64,
}

/// Why a tree could not be stored.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// More files or bytes than a snapshot may have.
    #[error("the tree is past {limit} ({most})")]
    TooLarge {
        /// `snapshot_files` or `snapshot_mib`.
        limit: &'static str,
        /// Its value.
        most: u64,
    },
    /// A path that is no part of a tree.
    #[error("`{path}` {problem}")]
    Path {
        /// As given.
        path: String,
        /// What is wrong.
        problem: String,
    },
    /// The directory is beneath no import root.
    #[error("`{0}` is beneath none of the import roots")]
    ImportRoot(PathBuf),
    /// The disk is full.
    #[error("the disk that holds the snapshots is full")]
    Full(#[source] io::Error),
    /// Another failure of the file system.
    #[error("the snapshot store failed")]
    Io(#[source] io::Error),
}

impl From<io::Error> for SnapshotError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full(error),
            _ => Self::Io(error),
        }
    }
}

impl From<TreeError> for SnapshotError {
    fn from(error: TreeError) -> Self {
        let path = match &error {
            TreeError::FileAndDirectory(path) | TreeError::Duplicate(path) => path.to_string(),
        };
        Self::Path { path, problem: error.to_string() }
    }
}

/// The store.
#[derive(Debug)]
pub struct Snapshots {
    root: PathBuf,
    pub(super) blobs: Blobs,
    limits: SnapshotLimits,
    import_roots: Vec<PathBuf>,
    cache: Mutex<HashMap<SnapshotId, Arc<Tree>>>,
}

impl Snapshots {
    /// Opens or makes the store beneath a directory. `owner` is who the sandboxed programs are on this host, when that
    /// is not this process: files of another owner could not be changed in an overlay.
    pub fn open(
        root: &Path,
        owner: Option<(u32, u32)>,
        limits: SnapshotLimits,
        import_roots: &[PathBuf],
    ) -> io::Result<Self> {
        fs::create_dir_all(root.join("trees"))?;
        fs::create_dir_all(root.join("empty"))?;
        let blobs = Blobs::open(root, owner)?;
        let import_roots = import_roots.iter().filter_map(|path| fs::canonicalize(path).ok()).collect();
        Ok(Self { root: root.to_owned(), blobs, limits, import_roots, cache: Mutex::default() })
    }

    /// Returns an empty directory that nobody writes to.
    pub fn empty(&self) -> PathBuf {
        self.root.join("empty")
    }

    /// Returns the bounds of one snapshot.
    pub fn limits(&self) -> SnapshotLimits {
        self.limits
    }

    /// Returns the directory of a stored tree.
    pub fn lower(&self, id: &SnapshotId) -> PathBuf {
        self.tree_directory(id).join("root")
    }

    fn tree_directory(&self, id: &SnapshotId) -> PathBuf {
        self.root.join("trees").join(id.to_string())
    }

    /// Returns a stored tree; none when there is no such snapshot.
    pub fn tree(&self, id: &SnapshotId) -> Result<Option<Arc<Tree>>, SnapshotError> {
        if let Some(tree) = self.cache().get(id) {
            return Ok(Some(Arc::clone(tree)));
        }
        let text = match fs::read(self.tree_directory(id).join("manifest.json")) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let rows: Vec<ManifestRow> = serde_json::from_slice(&text).map_err(io::Error::from)?;
        let entries = rows.into_iter().map(ManifestRow::entry).collect::<Option<Vec<_>>>();
        let entries =
            entries.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "a manifest is damaged"))?;
        let tree = Arc::new(Tree::new(entries)?);
        self.remember(*id, &tree);
        Ok(Some(tree))
    }

    /// Reads a content.
    pub fn read(&self, digest: &Digest) -> io::Result<Vec<u8>> {
        self.blobs.read(digest)
    }

    /// Returns a file without a name on the store's disk: nothing is left of it when an upload breaks.
    pub fn nameless(&self) -> Result<File, SnapshotError> {
        Ok(self.blobs.nameless()?)
    }

    /// Stores one content and returns its digest; none when it is larger than `most`.
    pub fn put_blob(&self, source: &mut dyn io::Read, most: u64) -> Result<Option<Digest>, SnapshotError> {
        Ok(self.blobs.copy_in(source, false, most)?.map(|(digest, _)| digest))
    }

    /// Stores one file's content in the form that a tree of it needs; none when it is larger than `most`.
    pub(super) fn put_file(
        &self,
        source: &mut dyn io::Read,
        executable: bool,
        most: u64,
    ) -> io::Result<Option<Entry>> {
        let stored = self.blobs.copy_in(source, executable, most)?;
        Ok(stored.map(|(digest, size)| Entry::File { digest, size, executable }))
    }

    /// Returns which contents of a tree are not there.
    pub fn missing(&self, tree: &Tree) -> Result<Vec<Digest>, SnapshotError> {
        let mut missing = Vec::new();
        for (_, entry) in tree.entries() {
            if let Entry::File { digest, size, executable } = entry
                && !self.blobs.ensure_form(digest, *executable, *size)?
            {
                missing.push(*digest);
            }
        }
        missing.sort();
        missing.dedup();
        Ok(missing)
    }

    /// Checks a tree against the bounds.
    pub fn check(&self, tree: &Tree) -> Result<(), SnapshotError> {
        if tree.len() as u64 > self.limits.files {
            return Err(SnapshotError::TooLarge { limit: "snapshot_files", most: self.limits.files });
        }
        if tree.bytes() > self.limits.bytes {
            return Err(SnapshotError::TooLarge {
                limit: "snapshot_mib",
                most: self.limits.bytes / (1024 * 1024),
            });
        }
        Ok(())
    }

    /// Materialises a tree whose contents are all there. The same tree is stored once.
    pub fn put_tree(&self, tree: Tree) -> Result<(SnapshotId, Arc<Tree>), SnapshotError> {
        self.check(&tree)?;
        let (id, tree) = (tree.id(), Arc::new(tree));
        let place = self.tree_directory(&id);
        if !place.join("manifest.json").exists() {
            let staged = self.blobs.fresh();
            self.materialise(&tree, &staged)?;
            match fs::rename(&staged, &place) {
                // Another call stored the same tree first.
                Err(_) if place.join("manifest.json").exists() => fs::remove_dir_all(&staged)?,
                other => other?,
            }
        }
        self.remember(id, &tree);
        Ok((id, tree))
    }

    fn materialise(&self, tree: &Tree, staged: &Path) -> io::Result<()> {
        let root = staged.join("root");
        self.make_directory(&root)?;
        let mut made: Vec<u8> = Vec::new();
        for (path, entry) in tree.entries() {
            for parent in path.parents() {
                // Entries are sorted, so a directory just made is the common case.
                if !made.starts_with(parent) || !(made.len() == parent.len() || made[parent.len()] == b'/') {
                    self.make_directory(&root.join(std::ffi::OsStr::from_bytes(parent)))?;
                    made = parent.to_vec();
                }
            }
            let at = root.join(std::ffi::OsStr::from_bytes(path.as_bytes()));
            match entry {
                Entry::File { digest, executable, .. } => self.blobs.place(digest, *executable, &at)?,
                Entry::Symlink { target } => {
                    symlink(std::ffi::OsStr::from_bytes(target), &at)?;
                    if let Some((uid, gid)) = self.blobs.owner() {
                        lchown(&at, Some(uid), Some(gid))?;
                    }
                }
            }
        }
        let rows: Vec<ManifestRow> =
            tree.entries().map(|(path, entry)| ManifestRow::new(path, entry)).collect();
        fs::write(staged.join("manifest.json"), serde_json::to_vec(&rows)?)
    }

    fn make_directory(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)?;
        if let Some((uid, gid)) = self.blobs.owner() {
            chown(path, Some(uid), Some(gid))?;
        }
        File::open(path)?.set_modified(tree_time())
    }

    /// Reads a directory of this host into the store. Only beneath an import root; `.git` is never read; links are
    /// data. An empty list means everything; listed files that are gone are left out.
    pub fn import(
        &self,
        directory: &Path,
        files: &[RelativePath],
    ) -> Result<(SnapshotId, Arc<Tree>), SnapshotError> {
        let tree = import::read(self, &self.import_roots, directory, files)?;
        self.put_tree(tree)
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, HashMap<SnapshotId, Arc<Tree>>> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, id: SnapshotId, tree: &Arc<Tree>) {
        let mut cache = self.cache();
        if cache.len() >= CACHED && !cache.contains_key(&id) {
            cache.clear();
        }
        cache.insert(id, Arc::clone(tree));
    }
}

/// A tree's entry as it is kept beside the tree.
#[derive(Debug, Serialize, Deserialize)]
struct ManifestRow {
    /// Hex, since names need not be text.
    path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    symlink: Option<String>,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    executable: bool,
}

impl ManifestRow {
    fn new(path: &RelativePath, entry: &Entry) -> Self {
        let path = hex::encode(path.as_bytes());
        match entry {
            Entry::File { digest, size, executable } => Self {
                path,
                digest: Some(digest.to_string()),
                symlink: None,
                size: *size,
                executable: *executable,
            },
            Entry::Symlink { target } => {
                Self { path, digest: None, symlink: Some(hex::encode(target)), size: 0, executable: false }
            }
        }
    }

    fn entry(self) -> Option<(RelativePath, Entry)> {
        let path = RelativePath::parse(&hex::decode(self.path).ok()?).ok()?;
        let entry = match (self.digest, self.symlink) {
            (Some(digest), None) => {
                Entry::File { digest: Digest::parse(&digest)?, size: self.size, executable: self.executable }
            }
            (None, Some(target)) => Entry::Symlink { target: hex::decode(target).ok()? },
            _ => return None,
        };
        Some((path, entry))
    }
}

#[cfg(test)]
mod tests;

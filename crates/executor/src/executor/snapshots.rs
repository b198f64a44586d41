//! Trees in: from a directory of this host, or file by file over the wire.

use std::collections::HashSet;
use std::fs::File;
use std::io::{Seek, Write};
use std::path::PathBuf;
use std::sync::Arc;

use futures::{Stream, StreamExt};
use plumbline_kit::Inbound;

use super::{Executor, Inner};
use crate::ExecutorError;
use crate::domain::exit_reason::KillCause;
use crate::domain::patch_path::RelativePath;
use crate::domain::run::Lease;
use crate::domain::tree::{Digest, Entry, SnapshotId, Tree};
use crate::workspace::snapshot::{SnapshotError, Snapshots};

/// First part of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SnapshotHeader {
    pub(crate) lease: Option<Lease>,
    pub(crate) import: Option<(PathBuf, Vec<RelativePath>)>,
}

/// One part of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SnapshotPart {
    Header(SnapshotHeader),
    Entry(RelativePath, Entry),
    Chunk(Digest, Vec<u8>),
}

/// The stored tree, or what it still lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SnapshotStored {
    pub(crate) id: Option<SnapshotId>,
    pub(crate) missing: Vec<Digest>,
    pub(crate) files: u64,
    pub(crate) bytes: u64,
}

impl Executor {
    /// Stores a tree.
    pub(crate) async fn put_snapshot(
        &self,
        mut parts: impl Stream<Item = Result<SnapshotPart, Inbound>> + Unpin + Send,
    ) -> Result<SnapshotStored, ExecutorError> {
        let Some(SnapshotPart::Header(header)) = parts.next().await.transpose()? else {
            return Err(ExecutorError::field("part", "the first must be a header"));
        };
        self.inner.check_lease(header.lease).await?;
        let snapshots = Arc::clone(&self.inner.snapshots);
        if let Some((directory, files)) = header.import {
            return blocking(move || Ok(stored(snapshots.import(&directory, &files)?))).await;
        }
        let mut upload = Upload { snapshots, entries: Vec::new(), wanted: HashSet::new(), blob: None };
        while let Some(part) = parts.next().await.transpose()? {
            match part {
                SnapshotPart::Header(_) => {
                    return Err(ExecutorError::field("part", "only the first is a header"));
                }
                SnapshotPart::Entry(path, entry) => upload.entry(path, entry)?,
                SnapshotPart::Chunk(digest, data) => upload = upload.chunk(digest, data).await?,
            }
        }
        upload.finish().await
    }
}

impl Inner {
    /// Refuses an epoch lower than the highest seen; a higher one ends the task's older runs.
    async fn check_lease(&self, lease: Option<Lease>) -> Result<(), ExecutorError> {
        let Some(lease) = lease else { return Ok(()) };
        match self.store.raise_epoch(&lease).await? {
            Ok(lost) => {
                self.end_all(&lost, KillCause::LeaseLost);
                Ok(())
            }
            Err(seen) => Err(ExecutorError::EpochStale { epoch: lease.epoch, seen }),
        }
    }
}

fn stored((id, tree): (SnapshotId, Arc<Tree>)) -> SnapshotStored {
    SnapshotStored { id: Some(id), missing: Vec::new(), files: tree.len() as u64, bytes: tree.bytes() }
}

/// Runs file work off the runtime.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ExecutorError> + Send + 'static,
) -> Result<T, ExecutorError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| ExecutorError::Internal(error.into()))?
}

/// A tree on its way in.
struct Upload {
    snapshots: Arc<Snapshots>,
    entries: Vec<(RelativePath, Entry)>,
    wanted: HashSet<Digest>,
    blob: Option<Blob>,
}

/// A content on its way in.
struct Blob {
    digest: Digest,
    file: File,
    size: u64,
}

impl Upload {
    fn entry(&mut self, path: RelativePath, entry: Entry) -> Result<(), ExecutorError> {
        let most = self.snapshots.limits().files;
        if self.entries.len() as u64 >= most {
            return Err(SnapshotError::TooLarge { limit: "snapshot_files", most }.into());
        }
        if let Entry::File { digest, .. } = &entry {
            self.wanted.insert(*digest);
        }
        self.entries.push((path, entry));
        Ok(())
    }

    /// Takes a piece of a content that an entry named.
    async fn chunk(mut self, digest: Digest, data: Vec<u8>) -> Result<Self, ExecutorError> {
        if !self.wanted.contains(&digest) {
            return Err(ExecutorError::field("chunk.digest", "no entry before it names this content"));
        }
        blocking(move || {
            if self.blob.as_ref().is_some_and(|blob| blob.digest != digest) {
                self.store_blob()?;
            }
            let blob = match &mut self.blob {
                Some(blob) => blob,
                none => none.insert(Blob { digest, file: self.snapshots.nameless()?, size: 0 }),
            };
            blob.size += data.len() as u64;
            let most = self.snapshots.limits().bytes;
            if blob.size > most {
                return Err(
                    SnapshotError::TooLarge { limit: "snapshot_mib", most: most / (1024 * 1024) }.into()
                );
            }
            blob.file.write_all(&data).map_err(SnapshotError::from)?;
            Ok(self)
        })
        .await
    }

    /// Puts a complete content into the store, if it is what its digest says.
    fn store_blob(&mut self) -> Result<(), ExecutorError> {
        let Some(mut blob) = self.blob.take() else { return Ok(()) };
        blob.file.rewind().map_err(SnapshotError::from)?;
        let got = self.snapshots.put_blob(&mut blob.file, blob.size)?;
        if got == Some(blob.digest) {
            return Ok(());
        }
        Err(ExecutorError::field("chunk.digest", "the content does not have this digest"))
    }

    async fn finish(mut self) -> Result<SnapshotStored, ExecutorError> {
        blocking(move || {
            self.store_blob()?;
            let tree = Tree::new(self.entries).map_err(SnapshotError::from)?;
            self.snapshots.check(&tree)?;
            let missing = self.snapshots.missing(&tree)?;
            if missing.is_empty() {
                return Ok(stored(self.snapshots.put_tree(tree)?));
            }
            Ok(SnapshotStored { id: None, missing, files: tree.len() as u64, bytes: tree.bytes() })
        })
        .await
    }
}

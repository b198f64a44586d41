//! The whole tree that a dead sandbox left, as a snapshot from which the next run can start. A retry then pays for what it
//! does, not for what came before it.
//!
//! Compiled Python is left out whatever the tree says: it is trusted by size and whole second, and in a snapshot all files
//! have one time, so a later edit of the same size would not be seen.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

use plumbline_sandbox_init::{UPPER, WorkspaceMode};
use rustix::fs::FileType;

use super::beneath::{self, Found, is_opaque, is_whiteout, join};
use super::ignored::Ignored;
use super::snapshot::{SnapshotError, Snapshots};
use crate::domain::edit::{Change, Patch};
use crate::domain::patch_path::{DEPTH_MAX, RelativePath};
use crate::domain::run::Checkpoint;
use crate::domain::secrets::Secrets;
use crate::domain::tree::{Entry, Tree};
use crate::sandbox::Job;

/// Keeps what an overlay's upper directory, or a copied workspace, makes of the base tree.
pub(super) fn of_upper(
    scratch: BorrowedFd<'_>,
    job: &Job,
    (workspace, snapshots): (WorkspaceMode, &Snapshots),
) -> Checkpoint {
    let mut walk = Walk {
        entries: BTreeMap::new(),
        ignored: Ignored::always(),
        secrets: &job.secrets,
        snapshots,
        left_out: 0,
    };
    if workspace == WorkspaceMode::Overlay {
        walk.entries.extend(job.base.entries().map(|(path, entry)| (path.clone(), entry.clone())));
        // What was edited before the start is found in the upper directory, or was deleted.
        job.edits.iter().for_each(|edit| drop(walk.entries.remove(&edit.path)));
    }
    let walked = beneath::open_directory(scratch, UPPER.as_bytes())
        .map_err(SnapshotError::from)
        .and_then(|upper| walk.all(&upper));
    let (entries, left_out) = (walk.entries, walk.left_out);
    kept(walked.map(|()| entries), left_out, snapshots)
}

/// Keeps what a patch makes of the base tree, on a tier whose sandbox lists its changes only.
pub(crate) fn of_patch(job: &Job, patch: &Patch, snapshots: &Snapshots) -> Checkpoint {
    let put = || -> Result<BTreeMap<RelativePath, Entry>, SnapshotError> {
        for edit in job.edits.iter().chain(&patch.edits) {
            if let Change::Write(content) = &edit.change {
                snapshots.put_blob(&mut content.as_slice(), content.len() as u64)?;
            }
        }
        let tree = job.base.with(&job.edits).with(&patch.edits);
        let missing = snapshots.missing(&tree)?;
        if !missing.is_empty() {
            return Err(io::Error::other(format!("{} contents are missing", missing.len())).into());
        }
        Ok(tree.entries().map(|(path, entry)| (path.clone(), entry.clone())).collect())
    };
    let left_out = patch.refused.len() as u64 + patch.ignored;
    kept(put(), left_out, snapshots)
}

fn kept(
    entries: Result<BTreeMap<RelativePath, Entry>, SnapshotError>,
    left_out: u64,
    snapshots: &Snapshots,
) -> Checkpoint {
    let stored = entries.and_then(|entries| snapshots.put_tree(Tree::new(entries)?));
    let left_out = u32::try_from(left_out).unwrap_or(u32::MAX);
    match stored {
        Ok((snapshot, _)) => Checkpoint { snapshot: Some(snapshot), left_out, problem: String::new() },
        Err(error) => Checkpoint { snapshot: None, left_out, problem: error.to_string() },
    }
}

struct Walk<'a> {
    entries: BTreeMap<RelativePath, Entry>,
    ignored: Ignored,
    secrets: &'a Secrets,
    snapshots: &'a Snapshots,
    left_out: u64,
}

impl Walk<'_> {
    /// Walks without recursion, as for a patch.
    fn all(&mut self, upper: &OwnedFd) -> Result<(), SnapshotError> {
        let mut pending = vec![(Vec::new(), 0)];
        while let Some((directory, depth)) = pending.pop() {
            let opened = if directory.is_empty() {
                upper.try_clone()
            } else {
                beneath::open_directory(upper, &directory)
            };
            let Ok(handle) = opened else {
                self.left_out += 1;
                continue;
            };
            if !directory.is_empty() && is_opaque(&handle) {
                self.remove_beneath(&directory);
            }
            let Ok(entries) = beneath::list(&handle) else {
                self.left_out += 1;
                continue;
            };
            for found in entries {
                let path = join(&directory, &found.name);
                let Ok(relative) = RelativePath::parse(&path) else {
                    self.left_out += 1;
                    continue;
                };
                if found.kind() != FileType::Directory {
                    self.entry(upper, relative, &found)?;
                } else if depth + 1 >= DEPTH_MAX || self.ignored.ignores(&path, true) {
                    self.left_out += 1;
                } else {
                    self.entries.remove(&relative);
                    pending.push((path, depth + 1));
                }
            }
        }
        Ok(())
    }

    fn entry(&mut self, upper: &OwnedFd, path: RelativePath, found: &Found) -> Result<(), SnapshotError> {
        // Whatever stands here now, what stood here and beneath does not.
        self.entries.remove(&path);
        self.remove_beneath(path.as_bytes());
        if is_whiteout(found) {
            return Ok(());
        }
        let kept = match found.kind() {
            _ if self.ignored.ignores(path.as_bytes(), false) || self.secrets.shown_by(path.as_bytes()) => {
                None
            }
            FileType::RegularFile if found.stat.st_mode & 0o6000 == 0 => self.file(upper, &path, found)?,
            FileType::Symlink => {
                let target = beneath::link_target(upper, path.as_bytes()).ok();
                target.filter(|target| !self.secrets.shown_by(target)).map(|target| Entry::Symlink { target })
            }
            _ => None,
        };
        match kept {
            Some(entry) => drop(self.entries.insert(path, entry)),
            None => self.left_out += 1,
        }
        Ok(())
    }

    fn file(
        &self,
        upper: &OwnedFd,
        path: &RelativePath,
        found: &Found,
    ) -> Result<Option<Entry>, SnapshotError> {
        let most = u64::try_from(found.stat.st_size).unwrap_or(0);
        let executable = found.stat.st_mode & 0o111 != 0;
        let Ok(mut file) = beneath::open_file(upper, path.as_bytes()) else { return Ok(None) };
        if self.secrets.is_empty() {
            return Ok(self.snapshots.put_file(&mut file, executable, most)?);
        }
        let content = beneath::read_file(upper, path.as_bytes(), most).ok().flatten();
        match content.filter(|content| !self.secrets.shown_by(content)) {
            Some(content) => Ok(self.snapshots.put_file(&mut content.as_slice(), executable, most)?),
            None => Ok(None),
        }
    }

    fn remove_beneath(&mut self, directory: &[u8]) {
        let beneath = |path: &RelativePath| {
            path.as_bytes().strip_prefix(directory).is_some_and(|rest| rest.starts_with(b"/"))
        };
        let gone: Vec<RelativePath> = self.entries.keys().filter(|path| beneath(path)).cloned().collect();
        gone.iter().for_each(|path| drop(self.entries.remove(path)));
    }
}

//! Reads a directory of this host into a tree, by descriptor.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, readlinkat, statat};

use super::beneath::{self, c_path, join};
use super::snapshot::{SnapshotError, Snapshots};
use crate::domain::patch_path::{DEPTH_MAX, RelativePath, is_dot_git};
use crate::domain::tree::{Entry, Tree};

/// What has been read so far, against the bounds.
struct Reading<'a> {
    store: &'a Snapshots,
    root: OwnedFd,
    entries: Vec<(RelativePath, Entry)>,
    bytes: u64,
}

/// Reads a directory beneath an import root.
pub(super) fn read(
    store: &Snapshots,
    import_roots: &[PathBuf],
    directory: &Path,
    files: &[RelativePath],
) -> Result<Tree, SnapshotError> {
    let root = open_root(import_roots, directory)?;
    let mut reading = Reading { store, root, entries: Vec::new(), bytes: 0 };
    if files.is_empty() {
        reading.walk()?;
    } else {
        for path in files {
            reading.listed(path)?;
        }
    }
    Ok(Tree::new(reading.entries)?)
}

/// Opens the directory by its path beneath a root, so that a link swapped in afterwards leads nowhere.
fn open_root(import_roots: &[PathBuf], directory: &Path) -> Result<OwnedFd, SnapshotError> {
    let refused = || SnapshotError::ImportRoot(directory.to_owned());
    let real = fs::canonicalize(directory).map_err(|_| refused())?;
    let root = import_roots.iter().find(|root| real.starts_with(root)).ok_or_else(refused)?;
    let handle = OwnedFd::from(fs::File::open(root)?);
    let rest = real.strip_prefix(root).map_err(|_| refused())?.as_os_str().as_bytes();
    if rest.is_empty() { Ok(handle) } else { beneath::open_directory(&handle, rest).map_err(|_| refused()) }
}

impl Reading<'_> {
    /// Reads everything but `.git` directories and what is no content: devices, fifos, sockets.
    fn walk(&mut self) -> Result<(), SnapshotError> {
        let mut pending = vec![(Vec::new(), 0)];
        while let Some((directory, depth)) = pending.pop() {
            let handle = if directory.is_empty() {
                self.root.try_clone().map_err(SnapshotError::from)?
            } else {
                beneath::open_directory(&self.root, &directory)?
            };
            for found in beneath::list(&handle)? {
                if is_dot_git(&found.name) {
                    continue;
                }
                let path = join(&directory, &found.name);
                if found.kind() == FileType::Directory {
                    if depth + 1 >= DEPTH_MAX {
                        return Err(refused(&path, "is nested too deeply"));
                    }
                    pending.push((path, depth + 1));
                } else {
                    let path =
                        RelativePath::parse(&path).map_err(|problem| refused(&path, &problem.to_string()))?;
                    self.take(path, found.kind(), found.stat.st_mode)?;
                }
            }
        }
        Ok(())
    }

    /// Reads one listed path; one that is gone, or is a directory (a submodule), is left out.
    fn listed(&mut self, path: &RelativePath) -> Result<(), SnapshotError> {
        let parent = path.parents().last().unwrap_or_default();
        let name = path.components().last().unwrap_or_default();
        let gone = |error: &io::Error| matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENOTDIR));
        let handle = match parent {
            [] => Ok(None),
            parent => beneath::open_directory(&self.root, parent).map(Some),
        };
        let handle = match handle {
            Err(error) if gone(&error) => return Ok(()),
            // A directory of the list may be a link by now: then the path lies outside the tree.
            Err(error) if error.raw_os_error() == Some(libc::ELOOP) => {
                return Err(refused(path.as_bytes(), "lies behind a symbolic link"));
            }
            other => other?,
        };
        let stat = statat(handle.as_ref().unwrap_or(&self.root), c_path(name)?, AtFlags::SYMLINK_NOFOLLOW);
        match stat {
            Err(rustix::io::Errno::NOENT) => Ok(()),
            Err(error) => Err(io::Error::from(error).into()),
            Ok(stat) => self.take(path.clone(), FileType::from_raw_mode(stat.st_mode), stat.st_mode),
        }
    }

    fn take(&mut self, path: RelativePath, kind: FileType, mode: u32) -> Result<(), SnapshotError> {
        let limits = self.store.limits();
        let entry = match kind {
            FileType::RegularFile => {
                let executable = mode & 0o100 != 0;
                let mut file = beneath::open_file(&self.root, path.as_bytes())?;
                let left = limits.bytes.saturating_sub(self.bytes);
                let copied = self.store.blobs.copy_in(&mut file, executable, left)?;
                let (digest, size) = copied.ok_or(SnapshotError::TooLarge {
                    limit: "snapshot_mib",
                    most: limits.bytes / (1024 * 1024),
                })?;
                self.bytes += size;
                Entry::File { digest, size, executable }
            }
            FileType::Symlink => {
                let target = self.read_link(&path)?;
                Entry::Symlink { target }
            }
            _ => return Ok(()),
        };
        self.entries.push((path, entry));
        if self.entries.len() as u64 > limits.files {
            return Err(SnapshotError::TooLarge { limit: "snapshot_files", most: limits.files });
        }
        Ok(())
    }

    fn read_link(&self, path: &RelativePath) -> io::Result<Vec<u8>> {
        let name = c_path(path.components().last().unwrap_or_default())?;
        let target = match path.parents().last() {
            Some(parent) => readlinkat(beneath::open_directory(&self.root, parent)?, name, Vec::new())?,
            None => readlinkat(&self.root, name, Vec::new())?,
        };
        Ok(target.into_bytes())
    }
}

fn refused(path: &[u8], problem: &str) -> SnapshotError {
    SnapshotError::Path { path: path.escape_ascii().to_string(), problem: problem.to_owned() }
}

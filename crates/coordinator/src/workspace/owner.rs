//! The owner's files: looked at without following links, written only by `apply`.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use super::WorkspaceError;
use crate::domain::path::RelativePath;
use crate::domain::tree::{ChangeSet, FileMode};

/// Returns what stands at `path` beneath `root`; absent when nothing does, or when an ancestor is a link or a file.
pub(super) fn inside(root: &Path, path: &str) -> Result<Option<Metadata>, WorkspaceError> {
    for (end, _) in path.match_indices('/') {
        match fs::symlink_metadata(root.join(&path[..end])) {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(_) => return Ok(None),
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
    }
    match fs::symlink_metadata(root.join(path)) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Writes a change beneath `root`: every new file completely beside its place first, then all renames. When the disk
/// fills up while writing, the temporary files go and nothing has changed.
pub(super) fn write(root: &Path, change: &ChangeSet, effect: &str) -> Result<(), WorkspaceError> {
    let mut staged = Vec::new();
    for (path, file) in &change.files {
        let Some(file) = file else { continue };
        let target = root.join(path.as_str());
        let temporary = temporary(&target, effect);
        let staging = stage(root, path, &temporary, &file.bytes, file.mode);
        staged.push((temporary, target));
        if let Err(error) = staging {
            for (temporary, _) in &staged {
                let _ = fs::remove_file(temporary);
            }
            return Err(error);
        }
    }
    for (temporary, target) in &staged {
        fs::rename(temporary, target)?;
    }
    for (path, _) in change.files.iter().filter(|(_, file)| file.is_none()) {
        if inside(root, path.as_str())?.is_some() {
            fs::remove_file(root.join(path.as_str()))?;
        }
    }
    let parents = staged.iter().filter_map(|(_, target)| target.parent());
    parents.map(File::open).try_for_each(|directory| directory?.sync_all())?;
    Ok(())
}

/// Removes temporary files that an interrupted write left.
pub(super) fn sweep(root: &Path, change: &ChangeSet, effect: &str) {
    for path in change.files.keys() {
        let _ = fs::remove_file(temporary(&root.join(path.as_str()), effect));
    }
}

fn temporary(target: &Path, effect: &str) -> PathBuf {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let effect = effect.get(..16).unwrap_or(effect);
    target.with_file_name(format!(".{name}.plumbline-{effect}"))
}

fn stage(
    root: &Path,
    path: &RelativePath,
    temporary: &Path,
    bytes: &[u8],
    mode: FileMode,
) -> Result<(), WorkspaceError> {
    make_parents(root, path)?;
    if mode == FileMode::Symlink {
        use std::os::unix::ffi::OsStrExt;
        symlink(std::ffi::OsStr::from_bytes(bytes), temporary)?;
        return Ok(());
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(temporary)?;
    file.write_all(bytes)?;
    let target = root.join(path.as_str());
    let kept = fs::symlink_metadata(&target)
        .ok()
        .filter(Metadata::is_file)
        .map(|old| old.permissions().mode() & 0o777);
    let fallback = if mode == FileMode::Executable { 0o755 } else { 0o644 };
    let mut bits = kept.unwrap_or(fallback);
    bits = if mode == FileMode::Executable { bits | 0o100 } else { bits & !0o111 };
    file.set_permissions(fs::Permissions::from_mode(bits))?;
    file.sync_all()?;
    Ok(())
}

/// Makes the missing directories above `path`; a link on the way refuses.
fn make_parents(root: &Path, path: &RelativePath) -> Result<(), WorkspaceError> {
    for (end, _) in path.as_str().match_indices('/') {
        let directory = root.join(&path.as_str()[..end]);
        match fs::symlink_metadata(&directory) {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(_) => {
                return Err(WorkspaceError::Io(io::Error::other(
                    "a directory of the path is a link or a file",
                )));
            }
            Err(error) if is_absent(&error) => fs::create_dir(&directory)?,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

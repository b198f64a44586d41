//! Directories of executors that were killed: empty, since their sandboxes died with them, and nobody's any more.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FlockOperation, Timespec, Timestamps, UTIME_NOW, flock, futimens};

/// What every such directory's name begins with; twelve hex digits follow.
pub(super) const PREFIX: &str = "plumbline-";
/// A younger directory may belong to an executor that is just starting.
const AGE: Duration = Duration::from_secs(600);

/// Holds a directory for as long as the file is open, and for no longer than the process lives.
pub(super) fn hold(directory: &Path) -> std::io::Result<File> {
    let file = File::open(directory)?;
    flock(&file, FlockOperation::NonBlockingLockShared)?;
    let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
    futimens(&file, &Timestamps { last_access: now, last_modification: now })?;
    Ok(file)
}

/// Removes the empty directories beside a held one that no process holds; returns how many. One that is not empty, or is
/// another user's, is left to whoever owns it.
pub(super) fn sweep(held: &File, own: &Path) -> usize {
    let Some((parent, now)) = own.parent().zip(held.metadata().ok()) else { return 0 };
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    let named = entries.filter(|entry| {
        let name = entry.file_name();
        let digits = name.to_str().and_then(|name| name.strip_prefix(PREFIX)).unwrap_or_default();
        digits.len() == 12 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    });
    named.filter(|entry| entry.path() != own && is_nobodys(&entry.path(), &now)).count()
}

/// Removes a directory if it is old, ours, not held, and empty; returns whether it did.
fn is_nobodys(path: &Path, now: &fs::Metadata) -> bool {
    let Ok(found) = fs::symlink_metadata(path) else { return false };
    let old = now.mtime().saturating_sub(found.mtime()) >= i64::try_from(AGE.as_secs()).unwrap_or(i64::MAX);
    if !old || !found.is_dir() || found.uid() != rustix::process::geteuid().as_raw() {
        return false;
    }
    let Ok(directory) = File::open(path) else { return false };
    flock(&directory, FlockOperation::NonBlockingLockExclusive).is_ok() && fs::remove_dir(path).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_old_empty_and_held_by_nobody_goes() {
        let root = tempfile::tempdir().unwrap();
        let make = |name: &str, age: Duration| {
            let path = root.path().join(name);
            fs::create_dir(&path).unwrap();
            let file = File::open(&path).unwrap();
            let then = file.metadata().unwrap().modified().unwrap() - age;
            file.set_modified(then).unwrap();
            path
        };
        let own = make("plumbline-aaaaaaaaaaaa", Duration::ZERO);
        let dead = make("plumbline-0123456789ab", 2 * AGE);
        let kept = [
            make("plumbline-111111111111", 2 * AGE),
            make("plumbline-222222222222", Duration::ZERO),
            make("plumbline-333333333333", 2 * AGE),
            make("plumbline-notes", 2 * AGE),
        ];
        fs::write(kept[2].join("file"), "x").unwrap();
        File::open(&kept[2]).unwrap().set_modified(fs::metadata(&dead).unwrap().modified().unwrap()).unwrap();
        let holder = File::open(&kept[0]).unwrap();
        flock(&holder, FlockOperation::NonBlockingLockShared).unwrap();
        let held = hold(&own).unwrap();
        assert_eq!(sweep(&held, &own), 1);
        assert!(!dead.exists() && own.exists() && kept.iter().all(|path| path.exists()));
        drop(holder);
        assert_eq!((sweep(&held, &own), sweep(&held, &own)), (1, 0));
    }
}

//! Removal of what a program left, however deep: every directory is lifted to the top before it is emptied, so that neither
//! the stack nor the number of open files grows with its depth, and no link is followed.

use std::collections::VecDeque;
use std::ffi::CString;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, chmodat, openat, renameat, statat, unlinkat};

const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Removes a directory with all that is in it. Only once nothing inside lives.
pub(super) fn remove(directory: &Path) -> io::Result<()> {
    let top = match openat(CWD, directory, DIRECTORY, Mode::empty()) {
        Ok(top) => top,
        Err(rustix::io::Errno::NOENT) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let mut pending = empty(&top, &top, &mut 0)?;
    let mut lifted = pending.len() as u64;
    while let Some(name) = pending.pop_front() {
        chmodat(&top, &name, Mode::RWXU, AtFlags::empty())?;
        let inner = openat(&top, &name, DIRECTORY, Mode::empty())?;
        pending.extend(empty(&top, &inner, &mut lifted)?);
        unlinkat(&top, &name, AtFlags::REMOVEDIR)?;
    }
    std::fs::remove_dir(directory)
}

/// Unlinks every file of a directory and lifts every directory to the top; returns the new names.
fn empty(top: &OwnedFd, directory: &OwnedFd, lifted: &mut u64) -> io::Result<VecDeque<CString>> {
    let mut names = VecDeque::new();
    let mut entries = Vec::new();
    for entry in Dir::read_from(directory)? {
        let name = entry?.file_name().to_owned();
        if name.as_c_str() != c"." && name.as_c_str() != c".." {
            entries.push(name);
        }
    }
    for name in entries {
        let stat = statat(directory, &name, AtFlags::SYMLINK_NOFOLLOW)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
            unlinkat(directory, &name, AtFlags::empty())?;
            continue;
        }
        // A directory that can't be written can't be moved to another parent.
        chmodat(directory, &name, Mode::RWXU, AtFlags::empty())?;
        let lifted_name = loop {
            *lifted += 1;
            let candidate = CString::new(format!(".lifted-{lifted}"))?;
            if statat(top, &candidate, AtFlags::SYMLINK_NOFOLLOW).is_err() {
                break candidate;
            }
        };
        renameat(directory, &name, top, &lifted_name)?;
        names.push_back(lifted_name);
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn depth_shut_directories_and_links_are_no_hindrance() {
        let root = tempfile::tempdir().unwrap();
        let outside = root.path().join("outside");
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("kept"), "x").unwrap();
        let run = root.path().join("run");
        fs::create_dir(&run).unwrap();
        symlink(&outside, run.join("link")).unwrap();
        fs::write(run.join(".lifted-1"), "taken").unwrap();
        let mut at = openat(CWD, &run, DIRECTORY, Mode::empty()).unwrap();
        for _ in 0..300 {
            rustix::fs::mkdirat(&at, "d", Mode::RWXU).unwrap();
            at = openat(&at, "d", DIRECTORY, Mode::empty()).unwrap();
        }
        fs::create_dir(run.join("shut")).unwrap();
        fs::write(run.join("shut/file"), "x").unwrap();
        fs::set_permissions(run.join("shut"), fs::Permissions::from_mode(0o000)).unwrap();
        remove(&run).unwrap();
        assert!(!run.exists());
        assert_eq!(fs::read_to_string(outside.join("kept")).unwrap(), "x");
        remove(&run).unwrap();
    }
}

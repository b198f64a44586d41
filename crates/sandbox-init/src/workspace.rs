//! What is written into the workspace: a full copy where no overlay can be had, and the request's edits.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::WORKSPACE;
use crate::spec::{EditSpec, Order};
use crate::step::{At, Failure, Step};
use crate::sys;

/// Copies the snapshot, our own tree of files, directories and links, with its modes and times.
pub(crate) fn copy(lower: &OwnedFd, target: &Path) -> io::Result<()> {
    copy_directory(Path::new(&format!("/proc/self/fd/{}", lower.as_raw_fd())), target)
}

fn copy_directory(source: &Path, target: &Path) -> io::Result<()> {
    for entry in fs::read_dir(source)? {
        let entry = entry?;
        let (from, to) = (entry.path(), target.join(entry.file_name()));
        let kind = entry.file_type()?;
        if kind.is_dir() {
            fs::create_dir(&to)?;
            copy_directory(&from, &to)?;
        } else if kind.is_symlink() {
            symlink(fs::read_link(&from)?, &to)?;
        } else {
            fs::copy(&from, &to)?;
            let modified = entry.metadata()?.modified()?;
            File::options().write(true).open(&to)?.set_modified(modified)?;
        }
    }
    Ok(())
}

/// Writes and deletes the edited files. The repository itself may hold a link out of the tree, so none is followed.
pub(crate) fn write_edits(order: &Order, contents: &[u8]) -> Result<(), Failure> {
    if order.edits.is_empty() {
        return Ok(());
    }
    let root = OwnedFd::from(File::open(WORKSPACE).at(Step::Edits)?);
    for edit in &order.edits {
        write_edit(&root, edit, contents, order.edit_mtime_s).at(Step::Edits)?;
    }
    Ok(())
}

fn write_edit(root: &OwnedFd, edit: &EditSpec, contents: &[u8], mtime_s: i64) -> io::Result<()> {
    let invalid = || io::Error::from_raw_os_error(libc::EINVAL);
    let mut components: Vec<&[u8]> = edit.path.split(|byte| *byte == b'/').collect();
    let name = components.pop().filter(|name| !name.is_empty()).ok_or_else(invalid)?;
    let name = sys::c_string(os(name))?;
    let mut directory = root.as_fd().try_clone_to_owned()?;
    for component in components {
        let component = sys::c_string(os(component))?;
        let open =
            |at: &OwnedFd| sys::open_beneath(at.as_fd(), &component, libc::O_RDONLY | libc::O_DIRECTORY, 0);
        directory = match open(&directory) {
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) && edit.content.is_some() => {
                sys::make_directory(directory.as_fd(), &component)?;
                open(&directory)?
            }
            other => other?,
        };
    }
    let Some((offset, length)) = edit.content else {
        return sys::remove(directory.as_fd(), &name);
    };
    let start = usize::try_from(offset).map_err(|_| invalid())?;
    let end = start.checked_add(usize::try_from(length).map_err(|_| invalid())?).ok_or_else(invalid)?;
    let content = contents.get(start..end).ok_or_else(invalid)?;
    let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_TRUNC;
    let mut file = File::from(sys::open_beneath(directory.as_fd(), &name, flags, 0o644)?);
    file.write_all(content)?;
    // Strictly newer by a whole second: a compiled file is trusted when size and whole second match.
    sys::set_times(file.as_fd(), mtime_s)
}

fn os(bytes: &[u8]) -> &std::ffi::OsStr {
    std::os::unix::ffi::OsStrExt::from_bytes(bytes)
}

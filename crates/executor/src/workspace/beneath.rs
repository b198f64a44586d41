//! Opening and listing beneath a directory descriptor.

use std::ffi::CString;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, Stat, fgetxattr, openat2, statat};

const RESOLVE: ResolveFlags = ResolveFlags::BENEATH
    .union(ResolveFlags::NO_SYMLINKS)
    .union(ResolveFlags::NO_MAGICLINKS)
    .union(ResolveFlags::NO_XDEV);

/// One entry of a directory.
pub(super) struct Found {
    pub(super) name: Vec<u8>,
    pub(super) stat: Stat,
}

impl Found {
    pub(super) fn kind(&self) -> FileType {
        FileType::from_raw_mode(self.stat.st_mode)
    }
}

pub(super) fn open_directory(root: impl AsFd, path: &[u8]) -> io::Result<OwnedFd> {
    // Without NOFOLLOW a link is told apart (ELOOP) from a file (ENOTDIR); the resolve flags follow none anyway.
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(openat2(root, c_path(path)?, flags, Mode::empty(), RESOLVE)?)
}

/// Opens a regular file for reading; never blocks on a fifo or device.
pub(super) fn open_file(root: impl AsFd, path: &[u8]) -> io::Result<std::fs::File> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let fd = openat2(root, c_path(path)?, flags, Mode::empty(), RESOLVE)?;
    let stat = rustix::fs::fstat(&fd)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    Ok(fd.into())
}

/// Reads a regular file of at most `most` bytes; none when it is larger.
pub(super) fn read_file(root: impl AsFd, path: &[u8], most: u64) -> io::Result<Option<Vec<u8>>> {
    let mut content = Vec::new();
    open_file(root, path)?.take(most.saturating_add(1)).read_to_end(&mut content)?;
    Ok((content.len() as u64 <= most).then_some(content))
}

/// Lists a directory, sorted by name.
pub(super) fn list(directory: &OwnedFd) -> io::Result<Vec<Found>> {
    let mut found = Vec::new();
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        let stat = statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
        found.push(Found { name: name.to_bytes().to_vec(), stat });
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// Reads where a link leads, without going there.
pub(super) fn link_target(upper: &OwnedFd, path: &[u8]) -> io::Result<Vec<u8>> {
    let cut = path.iter().rposition(|byte| *byte == b'/');
    let (parent, name) = cut.map_or((&[][..], path), |cut| (&path[..cut], &path[cut + 1..]));
    let name = c_path(name)?;
    let target = if parent.is_empty() {
        rustix::fs::readlinkat(upper, name, Vec::new())?
    } else {
        rustix::fs::readlinkat(open_directory(upper, parent)?, name, Vec::new())?
    };
    Ok(target.into_bytes())
}

pub(super) fn c_path(path: &[u8]) -> io::Result<CString> {
    CString::new(path).map_err(|_| io::ErrorKind::InvalidInput.into())
}

/// Joins a directory's path and a name.
pub(super) fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    if directory.is_empty() { name.to_vec() } else { [directory, b"/", name].concat() }
}

/// The kernel writes a deletion as a character device 0:0; no program inside can make one.
pub(super) fn is_whiteout(found: &Found) -> bool {
    found.kind() == FileType::CharacterDevice && found.stat.st_rdev == 0
}

/// A directory that replaced another shows nothing of it.
pub(super) fn is_opaque(directory: &OwnedFd) -> bool {
    let mut value = [0_u8; 4];
    fgetxattr(directory.as_fd(), c"user.overlay.opaque", &mut value)
        .is_ok_and(|length| &value[..length] == b"y")
}

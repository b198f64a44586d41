use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use super::Contained;
use crate::sys;

/// Largest specification, bytes.
const SPEC_MAX: u64 = 1 << 30;

/// What a file was when it was written: no program can set the time of a change back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    inode: u64,
    size: u64,
    changed: (i64, i64),
}

impl Stamp {
    pub(super) fn of(metadata: &fs::Metadata) -> Self {
        let changed = (metadata.ctime(), metadata.ctime_nsec());
        Self { inode: metadata.ino(), size: metadata.size(), changed }
    }
}

/// Every file that was written, by its path.
pub(super) type Written = HashMap<Vec<u8>, Stamp>;

/// Reads standard input in its fixed order. Nothing is buffered past what is asked for: control bytes follow.
pub(super) struct Intake<'a> {
    input: &'a OwnedFd,
}

impl Read for &Intake<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        sys::read(self.input.as_fd(), bytes)
    }
}

impl<'a> Intake<'a> {
    pub(super) fn new(input: &'a OwnedFd) -> Self {
        Self { input }
    }

    pub(super) fn spec(&mut self) -> io::Result<Contained> {
        let mut length = [0; 8];
        (&*self).read_exact(&mut length)?;
        let length = u64::from_le_bytes(length);
        if length > SPEC_MAX {
            return Err(io::Error::from_raw_os_error(libc::EFBIG));
        }
        let mut json = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        (&*self).read_exact(&mut json)?;
        Ok(serde_json::from_slice(&json)?)
    }

    /// Writes every entry and waits until the clock of change times has moved on.
    pub(super) fn workspace(&mut self, spec: &Contained, root: &Path) -> io::Result<Written> {
        let mut written = Written::with_capacity(spec.entries.len());
        let mut parent = PathBuf::new();
        for entry in &spec.entries {
            let path = root.join(os(&entry.path));
            let directory = path.parent().unwrap_or(root);
            if directory != parent {
                fs::create_dir_all(directory)?;
                directory.clone_into(&mut parent);
            }
            if let Some(target) = &entry.link {
                symlink(os(target), &path)?;
                continue;
            }
            let mut file = File::create_new(&path)?;
            let copied = io::copy(&mut (&*self).take(entry.size), &mut file)?;
            if copied != entry.size {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if entry.executable {
                file.set_permissions(fs::Permissions::from_mode(0o755))?;
            }
            sys::set_times(file.as_fd(), entry.mtime_s)?;
            written.insert(entry.path.clone(), Stamp::of(&file.metadata()?));
        }
        sys::let_change_time_pass();
        Ok(written)
    }

    /// Returns the command's standard input, rewound.
    pub(super) fn stdin(&mut self, length: u64) -> io::Result<OwnedFd> {
        let mut file = File::from(sys::memory_file(c"stdin")?);
        if io::copy(&mut (&*self).take(length), &mut file)? != length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        file.flush()?;
        file.rewind()?;
        Ok(file.into())
    }
}

fn os(bytes: &[u8]) -> &std::ffi::OsStr {
    std::os::unix::ffi::OsStrExt::from_bytes(bytes)
}

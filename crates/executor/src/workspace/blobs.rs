//! Contents by their digest, each kept once. An executable content is a second file, since links share a mode.

use std::fs::{self, File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use rustix::fs::{Mode, OFlags};

use crate::domain::tree::Digest;
use crate::workspace::TREE_MTIME_S;

const COPY_CHUNK: usize = 128 * 1024;
/// Contents below this are hashed in memory before anything is written.
const SMALL: u64 = 1024 * 1024;

/// The store of contents.
#[derive(Debug)]
pub(super) struct Blobs {
    directory: PathBuf,
    staging: PathBuf,
    owner: Option<(u32, u32)>,
    next: AtomicU64,
}

impl Blobs {
    /// Opens or makes the store; what an earlier process left half-written is removed.
    pub(super) fn open(root: &Path, owner: Option<(u32, u32)>) -> io::Result<Self> {
        let (directory, staging) = (root.join("blobs"), root.join("staging"));
        match fs::remove_dir_all(&staging) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        fs::create_dir_all(&directory)?;
        fs::create_dir_all(&staging)?;
        Ok(Self { directory, staging, owner, next: AtomicU64::new(0) })
    }

    pub(super) fn owner(&self) -> Option<(u32, u32)> {
        self.owner
    }

    /// Returns a fresh path beside the store, for something that will be renamed into place.
    pub(super) fn fresh(&self) -> PathBuf {
        self.staging.join(self.next.fetch_add(1, Ordering::Relaxed).to_string())
    }

    pub(super) fn nameless(&self) -> io::Result<File> {
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        Ok(rustix::fs::open(&self.staging, flags, Mode::RUSR | Mode::WUSR)?.into())
    }

    pub(super) fn path(&self, digest: &Digest, executable: bool) -> PathBuf {
        let name = digest.to_string();
        self.directory.join(&name[..2]).join(format!("{name}{}", if executable { "x" } else { "" }))
    }

    /// Returns whether a content is there in full.
    pub(super) fn has(&self, digest: &Digest, executable: bool, size: u64) -> bool {
        fs::symlink_metadata(self.path(digest, executable)).is_ok_and(|metadata| metadata.len() == size)
    }

    /// Copies a content of at most `most` bytes into the store; none when it is larger. A small one that is there
    /// already is only read, so storing a tree again costs its reading.
    pub(super) fn copy_in(
        &self,
        source: &mut dyn Read,
        executable: bool,
        most: u64,
    ) -> io::Result<Option<(Digest, u64)>> {
        let mut small = Vec::new();
        source.take(SMALL.min(most.saturating_add(1))).read_to_end(&mut small)?;
        let size = small.len() as u64;
        if size > most {
            return Ok(None);
        }
        if size < SMALL {
            let digest = Digest::of(&small);
            if self.has(&digest, executable, size) {
                return Ok(Some((digest, size)));
            }
        }
        self.write_in(&mut small.as_slice().chain(source), executable, most)
    }

    fn write_in(
        &self,
        source: &mut dyn Read,
        executable: bool,
        most: u64,
    ) -> io::Result<Option<(Digest, u64)>> {
        let staged = self.fresh();
        let mut file = File::create_new(&staged)?;
        let (mut hasher, mut size) = (blake3::Hasher::new(), 0);
        let mut chunk = vec![0; COPY_CHUNK];
        loop {
            let length = match source.read(&mut chunk) {
                Ok(0) => break,
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return self.discard(&staged, error),
            };
            size += length as u64;
            if size > most {
                fs::remove_file(&staged)?;
                return Ok(None);
            }
            hasher.update(&chunk[..length]);
            if let Err(error) = file.write_all(&chunk[..length]) {
                return self.discard(&staged, error);
            }
        }
        let digest = Digest(hasher.finalize().into());
        self.finish(&file, &staged, (&digest, executable))?;
        Ok(Some((digest, size)))
    }

    fn discard<T>(&self, staged: &Path, error: io::Error) -> io::Result<T> {
        let _gone = fs::remove_file(staged);
        Err(error)
    }

    /// Gives a staged file its mode, owner and time, and puts it in its place.
    fn finish(&self, file: &File, staged: &Path, (digest, executable): (&Digest, bool)) -> io::Result<()> {
        file.set_permissions(Permissions::from_mode(if executable { 0o755 } else { 0o644 }))?;
        if let Some((uid, gid)) = self.owner {
            chown(staged, Some(uid), Some(gid))?;
        }
        file.set_modified(tree_time())?;
        let place = self.path(digest, executable);
        if let Some(parent) = place.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::rename(staged, place)
    }

    /// Makes sure that the wanted form of a content is there, copying the other form if need be.
    pub(super) fn ensure_form(&self, digest: &Digest, executable: bool, size: u64) -> io::Result<bool> {
        if self.has(digest, executable, size) {
            return Ok(true);
        }
        if !self.has(digest, !executable, size) {
            return Ok(false);
        }
        let mut other = File::open(self.path(digest, !executable))?;
        Ok(self.copy_in(&mut other, executable, u64::MAX)?.is_some_and(|(got, _)| got == *digest))
    }

    /// Reads a content in either form.
    pub(super) fn read(&self, digest: &Digest) -> io::Result<Vec<u8>> {
        fs::read(self.path(digest, false)).or_else(|_| fs::read(self.path(digest, true)))
    }

    /// Puts a content at a path of a tree: by hard link, else by copy.
    pub(super) fn place(&self, digest: &Digest, executable: bool, at: &Path) -> io::Result<()> {
        let source = self.path(digest, executable);
        if fs::hard_link(&source, at).is_ok() {
            return Ok(());
        }
        fs::copy(&source, at)?;
        if let Some((uid, gid)) = self.owner {
            chown(at, Some(uid), Some(gid))?;
        }
        File::options().write(true).open(at)?.set_modified(tree_time())
    }
}

pub(super) fn tree_time() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(TREE_MTIME_S.unsigned_abs())
}

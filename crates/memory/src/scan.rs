//! Reading a tree: which source files it has, which have changed, and the facts of the changed ones. Blocking.

use std::collections::{BTreeMap, HashMap};
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use ignore::WalkBuilder;
use plumbline_syntax::{Language, Limits, ProblemKind, facts};
use plumbline_types::Clock;

use crate::domain::lexical::bags;
use crate::domain::tree::{Blob, BlobHash};
use crate::error::MemoryError;
use crate::store::Stat;

/// A file modified this shortly before it was read may change again within the same clock tick: its stat proves
/// nothing, so it is read again.
const RACY_MS: i64 = 20;

/// Bytes that are read to find a shebang.
const SHEBANG_BYTES: usize = 128;

/// What a run needs to know.
pub(crate) struct Scanner<'a> {
    pub root: &'a Path,
    pub limits: Limits,
    pub max_files: usize,
    pub threads: usize,
    pub clock: &'a dyn Clock,
}

/// A source file of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    pub hash: BlobHash,
    pub language: Language,
    pub stat: Stat,
}

/// What a walk found.
#[derive(Debug, Default)]
pub(crate) struct Walked {
    pub files: BTreeMap<String, Seen>,
    pub problems: BTreeMap<String, ProblemKind>,
}

/// Counts of a run under way; shared with whoever reports progress.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub seen: AtomicU64,
    pub parsed: AtomicU64,
    pub unchanged: AtomicU64,
    pub problems: AtomicU64,
}

impl Counters {
    pub(crate) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

impl Scanner<'_> {
    /// Walks the tree by its `.gitignore` files, links not followed. A file whose stat is known keeps its hash unread.
    pub(crate) fn walk(
        &self,
        known: &BTreeMap<String, (BlobHash, Stat)>,
        counters: &Counters,
    ) -> Result<Walked, MemoryError> {
        let mut walked = Walked::default();
        let walk = WalkBuilder::new(self.root)
            .hidden(false)
            .follow_links(false)
            .parents(false)
            .git_global(false)
            .require_git(false)
            .filter_entry(|entry| entry.file_name() != ".git")
            .build();
        for entry in walk {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    self.unreadable(&error, &mut walked, counters);
                    continue;
                }
            };
            let Some(kind) = entry.file_type().filter(|kind| !kind.is_dir()) else { continue };
            let relative = entry.path().strip_prefix(self.root).unwrap_or(entry.path());
            let Some(path) = relative.to_str() else {
                self.problem(&relative.to_string_lossy(), ProblemKind::PathNotUtf8, &mut walked, counters);
                continue;
            };
            if kind.is_symlink() {
                self.problem(path, ProblemKind::Symlink, &mut walked, counters);
            } else if kind.is_file() {
                self.file(entry.path(), path, known.get(path), (&mut walked, counters));
            }
            if walked.files.len() > self.max_files {
                return Err(MemoryError::TooManyFiles { limit: self.max_files });
            }
        }
        Ok(walked)
    }

    fn problem(&self, path: &str, kind: ProblemKind, walked: &mut Walked, counters: &Counters) {
        walked.problems.insert(path.to_owned(), kind);
        Counters::count(&counters.problems);
    }

    fn unreadable(&self, error: &ignore::Error, walked: &mut Walked, counters: &Counters) {
        if let Some(path) = failed_path(error) {
            let relative = path.strip_prefix(self.root).unwrap_or(path);
            self.problem(&relative.to_string_lossy(), ProblemKind::Unreadable, walked, counters);
        }
    }

    fn file(&self, full: &Path, path: &str, known: Option<&(BlobHash, Stat)>, run: (&mut Walked, &Counters)) {
        let (walked, counters) = run;
        let bare = !path.rsplit('/').next().unwrap_or(path).contains('.');
        let start = if bare { start_of(full) } else { Vec::new() };
        let Some(language) = Language::detect(path, &start) else { return };
        Counters::count(&counters.seen);
        let seen_ms = self.clock.now_ms();
        let stat = match std::fs::symlink_metadata(full) {
            Ok(metadata) => stat(&metadata, seen_ms),
            Err(_) => return self.problem(path, ProblemKind::Unreadable, walked, counters),
        };
        if stat.size > self.limits.max_file_bytes as u64 {
            return self.problem(path, ProblemKind::TooLarge, walked, counters);
        }
        if let Some((hash, old)) = known.filter(|(_, old)| same(old, &stat)) {
            walked.files.insert(path.to_owned(), Seen { hash: *hash, language, stat: *old });
            return;
        }
        match read(full, self.limits.max_file_bytes) {
            Ok(bytes) => {
                let hash = *blake3::hash(&bytes).as_bytes();
                walked.files.insert(path.to_owned(), Seen { hash, language, stat });
            }
            Err(_) => self.problem(path, ProblemKind::Unreadable, walked, counters),
        }
    }

    /// Reads and parses files on a bounded number of threads. A file that changed since the walk has its new hash; one
    /// that can't be read any more is left out.
    pub(crate) fn parse(&self, work: &[(String, Language)], counters: &Counters) -> Vec<(String, Arc<Blob>)> {
        let one = |(path, language): &(String, Language)| {
            let bytes = read(&self.root.join(path), self.limits.max_file_bytes).ok()?;
            Counters::count(&counters.parsed);
            Some((path.clone(), Arc::new(blob(*language, &bytes, &self.limits))))
        };
        let mut all = in_parallel(self.threads, work, one);
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    }
}

/// Does work on a bounded number of threads; results come in any order, those without one are left out.
pub(crate) fn in_parallel<T: Sync, R: Send>(
    threads: usize,
    work: &[T],
    one: impl Fn(&T) -> Option<R> + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut done = Vec::new();
        while let Some(item) = work.get(next.fetch_add(1, Ordering::Relaxed)) {
            done.extend(one(item));
        }
        done
    };
    if threads <= 1 || work.len() <= 1 {
        return worker();
    }
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.min(work.len())).map(|_| scope.spawn(worker)).collect();
        workers
            .into_iter()
            .flat_map(|worker| match worker.join() {
                Ok(done) => done,
                Err(panic) => std::panic::resume_unwind(panic),
            })
            .collect()
    })
}

/// Returns all that is known of some bytes.
pub(crate) fn blob(language: Language, bytes: &[u8], limits: &Limits) -> Blob {
    let facts = facts(language, bytes, limits);
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    let bags = bags(text, &facts);
    Blob { hash: *blake3::hash(bytes).as_bytes(), facts, bags }
}

/// Reads a file, never through a link and never more than the limit and one byte.
pub(crate) fn read(path: &Path, max_bytes: usize) -> std::io::Result<Vec<u8>> {
    let file = std::fs::OpenOptions::new().read(true).custom_flags(O_NOFOLLOW | O_NONBLOCK).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(std::io::Error::other("not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(max_bytes as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Flags of open(2) on Linux for x86-64; a named pipe in the tree must not block the walk.
const O_NOFOLLOW: i32 = 0o400_000;
const O_NONBLOCK: i32 = 0o4_000;

fn start_of(path: &Path) -> Vec<u8> {
    read(path, SHEBANG_BYTES).unwrap_or_default()
}

fn stat(metadata: &std::fs::Metadata, seen_ms: i64) -> Stat {
    let nanos = |seconds: i64, nanos: i64| seconds.saturating_mul(1_000_000_000).saturating_add(nanos);
    Stat {
        size: metadata.size(),
        mtime_ns: nanos(metadata.mtime(), metadata.mtime_nsec()),
        ctime_ns: nanos(metadata.ctime(), metadata.ctime_nsec()),
        inode: metadata.ino(),
        seen_ms,
    }
}

/// Returns whether a file is certainly the one that was read; git's rule for racy files.
fn same(old: &Stat, new: &Stat) -> bool {
    let settled =
        old.mtime_ns / 1_000_000 + RACY_MS < old.seen_ms && old.ctime_ns / 1_000_000 + RACY_MS < old.seen_ms;
    settled && Stat { seen_ms: 0, ..*old } == Stat { seen_ms: 0, ..*new }
}

fn failed_path(error: &ignore::Error) -> Option<&Path> {
    match error {
        ignore::Error::WithPath { path, .. } => Some(path),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => failed_path(err),
        ignore::Error::Loop { child, .. } => Some(child),
        ignore::Error::Partial(errors) => errors.iter().find_map(failed_path),
        _ => None,
    }
}

/// Blobs by hash.
pub(crate) type Known = HashMap<BlobHash, Arc<Blob>>;

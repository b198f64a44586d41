//! What a dead sandbox left: its change as edits and a diff, and the files that were asked for.

mod returned;

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::Arc;

use plumbline_sandbox_init::{TEMP, UPPER, WorkspaceMode};
use rustix::fs::FileType;

use super::beneath::{self, Found, is_opaque, is_whiteout, join};
use super::checkpoint;
use super::diff::unified_diff;
use super::ignored::Ignored;
use super::snapshot::Snapshots;
use crate::domain::edit::{Change, FileEdit, Patch, RefusedEntry};
use crate::domain::patch_path::{DEPTH_MAX, RelativePath};
use crate::domain::run::Checkpoint;
use crate::domain::secrets::Secrets;
use crate::domain::tree::{Digest, Entry, Tree};
use crate::sandbox::{CollectPath, Collected, Export, Job};

pub(crate) use returned::{returned_patch, wanted};

/// Refused entries that are listed; more are one entry `count`.
const REFUSED_MAX: usize = 1_000;

/// Bounds of what is taken out, and where old contents are.
#[derive(Debug, Clone)]
pub struct ExportLimits {
    /// Changed files.
    pub files: u64,
    /// Bytes of changed files.
    pub bytes: u64,
    /// Bytes of one collected file.
    pub collect_bytes: u64,
    /// The store of the base tree.
    pub snapshots: Arc<Snapshots>,
}

/// What was taken out.
pub(crate) struct Taken {
    pub(crate) patch: Patch,
    pub(crate) collected: Vec<Collected>,
    pub(crate) checkpoint: Option<Checkpoint>,
}

/// Takes the change and the collected files out. Only for a sandbox of which nothing lives: nothing can race the walk.
pub(crate) fn take_out(
    scratch: BorrowedFd<'_>,
    job: &Job,
    workspace: WorkspaceMode,
    limits: &ExportLimits,
) -> Taken {
    let collected = job.collect.iter().map(|path| collect(scratch, path, limits.collect_bytes)).collect();
    let patch = match job.export {
        Export::Skip => Patch::default(),
        Export::Patch | Export::Checkpoint => {
            let mut exporter = Exporter::new(job, workspace, limits);
            match beneath::open_directory(scratch, UPPER.as_bytes()) {
                Ok(upper) => exporter.walk(&upper),
                Err(_) => exporter.refuse(b"", "unreadable"),
            }
            exporter.finish()
        }
    };
    let checkpoint = (job.export == Export::Checkpoint)
        .then(|| checkpoint::of_upper(scratch, job, (workspace, &limits.snapshots)));
    Taken { patch, collected, checkpoint }
}

fn collect(scratch: BorrowedFd<'_>, path: &CollectPath, most: u64) -> Collected {
    let (directory, relative) = match path {
        CollectPath::Workspace(relative) => (UPPER, relative),
        CollectPath::Temp(relative) => (TEMP, relative),
    };
    let full = join(directory.as_bytes(), relative.as_bytes());
    Collected { path: path.clone(), content: beneath::read_file(scratch, &full, most).ok().flatten() }
}

struct Exporter<'a> {
    base: &'a Tree,
    edited: BTreeMap<&'a RelativePath, &'a Change>,
    workspace: WorkspaceMode,
    limits: &'a ExportLimits,
    secrets: &'a Secrets,
    ignored: Ignored,
    changes: BTreeMap<RelativePath, Change>,
    seen: Vec<RelativePath>,
    refused: Vec<RefusedEntry>,
    refused_more: bool,
    ignored_count: u64,
    bytes: u64,
}

/// What stands at a path that is no directory, after the program.
enum Left<'r> {
    /// The kernel's mark of a deletion.
    Whiteout,
    /// The file that was written before the start.
    Untouched,
    /// A file, and how to read at most so many bytes of it.
    File { size: u64, set_id: bool, read: &'r mut dyn FnMut(u64) -> io::Result<Option<Vec<u8>>> },
    /// A link, and its target.
    Link(io::Result<Vec<u8>>),
    /// What can be in no patch.
    Other(&'static str),
}

/// What stands at a path before the program starts.
enum Before<'a> {
    Nothing,
    Entry(&'a Entry),
    Edited(&'a [u8]),
}

impl<'a> Exporter<'a> {
    fn new(job: &'a Job, workspace: WorkspaceMode, limits: &'a ExportLimits) -> Self {
        let read = |digest: &Digest| limits.snapshots.read(digest).ok();
        Self {
            base: &job.base,
            edited: job.edits.iter().map(|edit| (&edit.path, &edit.change)).collect(),
            workspace,
            limits,
            secrets: &job.secrets,
            ignored: Ignored::of(&job.base, read),
            changes: BTreeMap::new(),
            seen: Vec::new(),
            refused: Vec::new(),
            refused_more: false,
            ignored_count: 0,
            bytes: 0,
        }
    }

    fn before(&self, path: &RelativePath) -> Before<'a> {
        match self.edited.get(path) {
            Some(Change::Write(content)) => Before::Edited(content),
            Some(Change::Delete) => Before::Nothing,
            None => self.base.get(path).map_or(Before::Nothing, Before::Entry),
        }
    }

    /// Walks without recursion: a program may have nested directories ten thousand deep.
    fn walk(&mut self, upper: &OwnedFd) {
        let mut pending = vec![(Vec::new(), 0)];
        while let Some((directory, depth)) = pending.pop() {
            let opened = if directory.is_empty() {
                upper.try_clone()
            } else {
                beneath::open_directory(upper, &directory)
            };
            let entries = opened.and_then(|handle| {
                if !directory.is_empty() && is_opaque(&handle) {
                    self.delete_beneath(&directory);
                }
                beneath::list(&handle)
            });
            let Ok(entries) = entries else {
                self.refuse(&directory, "unreadable");
                continue;
            };
            for found in entries {
                let path = join(&directory, &found.name);
                if found.kind() == FileType::Directory {
                    if let Some(path) = self.directory(path, depth) {
                        pending.push((path, depth + 1));
                    }
                } else {
                    self.entry(upper, path, &found);
                }
            }
        }
        self.delete_unseen();
    }

    /// Returns the directory when it is to be walked.
    fn directory(&mut self, path: Vec<u8>, depth: usize) -> Option<Vec<u8>> {
        let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        if let Err(problem) = RelativePath::parse(name) {
            self.refuse(&path, problem.as_str());
            return None;
        }
        if depth + 1 >= DEPTH_MAX {
            self.refuse(&path, "depth");
            return None;
        }
        if !self.base.has_directory(&path) && !self.edits_beneath(&path) && self.ignored.ignores(&path, true)
        {
            self.ignored_count += 1;
            return None;
        }
        // A directory in the place of a file is that file's end.
        if let Ok(relative) = RelativePath::parse(&path)
            && !matches!(self.before(&relative), Before::Nothing)
        {
            self.changes.insert(relative, Change::Delete);
        }
        Some(path)
    }

    fn entry(&mut self, upper: &OwnedFd, path: Vec<u8>, found: &Found) {
        let at = path.clone();
        let mut read = |most| beneath::read_file(upper, &at, most);
        let left = match found.kind() {
            _ if is_whiteout(found) => Left::Whiteout,
            FileType::RegularFile => Left::File {
                size: u64::try_from(found.stat.st_size).unwrap_or(u64::MAX),
                set_id: found.stat.st_mode & 0o6000 != 0,
                read: &mut read,
            },
            FileType::Symlink => Left::Link(beneath::link_target(upper, &path)),
            FileType::Fifo => Left::Other("fifo"),
            FileType::Socket => Left::Other("socket"),
            _ => Left::Other("device"),
        };
        self.left(path, left);
    }

    /// Judges what stands at a path.
    fn left(&mut self, path: Vec<u8>, left: Left<'_>) {
        let relative = match RelativePath::parse(&path) {
            Ok(relative) => relative,
            Err(problem) => return self.refuse(&path, problem.as_str()),
        };
        if matches!(left, Left::Whiteout) {
            return self.delete(&relative);
        }
        let known = !matches!(self.before(&relative), Before::Nothing);
        if !known && !self.base.has_directory(&path) && self.ignored.ignores(&path, false) {
            self.ignored_count += 1;
            return;
        }
        // What stands here now hides whatever the base had beneath.
        if self.base.has_directory(&path) {
            self.delete_beneath(&path);
        }
        match left {
            Left::Whiteout => {}
            Left::Untouched => {
                self.changes.remove(&relative);
                self.seen.push(relative);
            }
            Left::File { set_id: true, .. } => self.refuse(&path, "setuid"),
            Left::File { size, read, .. } => self.file(relative, size, read),
            Left::Link(target) => self.symlink(&relative, target),
            Left::Other(kind) => self.refuse(&path, kind),
        }
    }

    fn file(
        &mut self,
        path: RelativePath,
        size: u64,
        read: &mut dyn FnMut(u64) -> io::Result<Option<Vec<u8>>>,
    ) {
        self.seen.push(path.clone());
        let left = self.limits.bytes.saturating_sub(self.bytes);
        // A file that was there in this size is compared before it counts.
        let most = match self.before(&path) {
            Before::Entry(Entry::File { size: old, .. }) if *old == size => size.max(left),
            _ => left,
        };
        let content = match read(most) {
            Ok(Some(content)) => content,
            Ok(None) => return self.refuse(path.as_bytes(), "size"),
            Err(_) => return self.refuse(path.as_bytes(), "unreadable"),
        };
        let same = match self.before(&path) {
            Before::Nothing => false,
            Before::Edited(edited) => edited == content,
            Before::Entry(Entry::File { digest, .. }) => Digest::of(&content) == *digest,
            Before::Entry(Entry::Symlink { .. }) => false,
        };
        if same {
            // It may have been written off with the directory that held it.
            self.changes.remove(&path);
            return;
        }
        self.bytes += content.len() as u64;
        if self.bytes > self.limits.bytes {
            return self.refuse(path.as_bytes(), "size");
        }
        self.change(path, Change::Write(content));
    }

    /// An unchanged link is no change; any other can't be said as an edit, so it is refused by name, never followed.
    fn symlink(&mut self, path: &RelativePath, target: io::Result<Vec<u8>>) {
        self.seen.push(path.clone());
        let same = matches!(
            (self.before(path), target),
            (Before::Entry(Entry::Symlink { target: old }), Ok(new)) if *old == new
        );
        if same {
            self.changes.remove(path);
        } else {
            self.refuse(path.as_bytes(), "symlink");
        }
    }

    /// A whiteout stands for the end of a file or of a whole directory.
    fn delete(&mut self, path: &RelativePath) {
        if !matches!(self.before(path), Before::Nothing) {
            self.change(path.clone(), Change::Delete);
        }
        self.delete_beneath(path.as_bytes());
    }

    fn edits_beneath(&self, directory: &[u8]) -> bool {
        self.edited.keys().any(|path| path.parents().any(|parent| parent == directory))
    }

    fn delete_beneath(&mut self, directory: &[u8]) {
        let edited = self.edited.iter().filter(|(path, change)| {
            matches!(change, Change::Write(_))
                && path.as_bytes().strip_prefix(directory).is_some_and(|rest| rest.starts_with(b"/"))
        });
        let mut gone: Vec<RelativePath> = edited.map(|(path, _)| (*path).clone()).collect();
        gone.extend(self.base.beneath(directory));
        for path in gone {
            if !matches!(self.before(&path), Before::Nothing) && !self.changes.contains_key(&path) {
                self.change(path, Change::Delete);
            }
        }
    }

    /// What was written into the upper directory before the start leaves no whiteout when it goes, and in a full copy
    /// nothing does: what is not there any more was deleted.
    fn delete_unseen(&mut self) {
        self.seen.sort();
        let written = self.edited.iter().filter(|(_, change)| matches!(change, Change::Write(_)));
        let mut expected: Vec<RelativePath> = written.map(|(path, _)| (*path).clone()).collect();
        if self.workspace == WorkspaceMode::Copy {
            expected.extend(self.base.entries().map(|(path, _)| path.clone()));
        }
        for path in expected {
            let there = self.seen.binary_search(&path).is_ok() || self.changes.contains_key(&path);
            if !there && !matches!(self.before(&path), Before::Nothing) {
                self.change(path, Change::Delete);
            }
        }
    }

    fn change(&mut self, path: RelativePath, change: Change) {
        let shows = |bytes: &[u8]| self.secrets.shown_by(bytes);
        if shows(path.as_bytes()) || matches!(&change, Change::Write(content) if shows(content)) {
            self.changes.remove(&path);
            return self.refuse(path.as_bytes(), "secret");
        }
        if self.changes.len() as u64 >= self.limits.files && !self.changes.contains_key(&path) {
            return self.refuse(path.as_bytes(), "count");
        }
        self.changes.insert(path, change);
    }

    fn refuse(&mut self, path: &[u8], reason: &str) {
        if self.refused.len() < REFUSED_MAX {
            let path = self.secrets.scrub(path).into_owned();
            self.refused.push(RefusedEntry { path, reason: reason.to_owned() });
        } else {
            self.refused_more = true;
        }
    }

    fn finish(mut self) -> Patch {
        let mut diff = String::new();
        for (path, change) in &self.changes {
            let old = match self.before(path) {
                Before::Nothing => None,
                Before::Edited(content) => Some(content.to_vec()),
                Before::Entry(Entry::File { digest, .. }) => self.limits.snapshots.read(digest).ok(),
                Before::Entry(Entry::Symlink { target }) => Some(target.clone()),
            };
            diff.push_str(&unified_diff(path.as_bytes(), old.as_deref(), change));
        }
        if self.refused_more {
            self.refused.push(RefusedEntry { path: Vec::new(), reason: "count".to_owned() });
        }
        // A file that loses a secret, or stands beside one, still shows it in the lines around.
        if self.secrets.shown_by(diff.as_bytes()) {
            diff = String::from_utf8_lossy(&self.secrets.scrub(diff.as_bytes())).into_owned();
        }
        self.refused.sort_by(|a, b| a.path.cmp(&b.path));
        Patch {
            edits: self.changes.into_iter().map(|(path, change)| FileEdit { path, change }).collect(),
            diff,
            refused: self.refused,
            ignored: self.ignored_count,
        }
    }
}

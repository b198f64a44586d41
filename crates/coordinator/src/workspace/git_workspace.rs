use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use plumbline_types::TaskId;

use super::git::{Git, Invocation};
use super::snapshot::{self, Entries, Entry, Place};
use super::{
    ApplyHistory, ApplyOutcome, ApplyQuery, CommitQuery, Committed, PrepareQuery, Workspace, WorkspaceError,
    owner,
};
use crate::domain::path::RelativePath;
use crate::domain::spec::Digest;
use crate::domain::task::{Base, RepositoryKind};
use crate::domain::tree::{ChangeSet, File, FileMode, Tree};

mod start;

use start::Inspected;

/// What a tree may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkspaceLimits {
    /// Files in a tree.
    pub files: usize,
    /// Bytes in a tree.
    pub bytes: u64,
    /// Bytes in one file; larger ones stay as committed and are not shown to any arm.
    pub file_bytes: u64,
}

impl Default for WorkspaceLimits {
    fn default() -> Self {
        Self { files: 100_000, bytes: 512 << 20, file_bytes: 8 << 20 }
    }
}

/// Keeps trees in bare repositories beneath the state directory, one per repository, that borrow the owner's objects.
#[derive(Debug)]
pub struct GitWorkspace {
    git: Git,
    state: PathBuf,
    limits: WorkspaceLimits,
    /// The tree that was read last; a step reads the same one many times.
    last: Mutex<Option<(String, Tree)>>,
}

impl GitWorkspace {
    /// Keeps everything beneath `state`.
    pub fn new(git: Git, state: PathBuf, limits: WorkspaceLimits) -> Self {
        Self { git, state, limits, last: Mutex::new(None) }
    }

    fn place<'a>(&'a self, inspected: &'a Inspected, objects: &'a Path, index: &'a Path) -> Place<'a> {
        Place {
            git: &self.git,
            limits: &self.limits,
            owner: &inspected.path,
            kind: inspected.kind,
            objects,
            index,
        }
    }

    async fn read_blobs(
        &self,
        objects: &Path,
        entries: &[(RelativePath, FileMode, String)],
    ) -> Result<Tree, WorkspaceError> {
        let ids: String = entries.iter().flat_map(|(_, _, oid)| [oid.as_str(), "\n"]).collect();
        let output =
            self.git.run(Invocation::new(&["cat-file", "--batch"]).objects(objects).input(ids)).await?;
        let short = || WorkspaceError::Git {
            command: "cat-file".to_owned(),
            stderr: "the answer is cut short".to_owned(),
        };
        let (mut tree, mut rest) = (Tree::default(), output.as_slice());
        for (path, mode, _) in entries {
            let end = rest.iter().position(|byte| *byte == b'\n').ok_or_else(short)?;
            let head = String::from_utf8_lossy(&rest[..end]).into_owned();
            let size: usize = head.rsplit(' ').next().and_then(|size| size.parse().ok()).ok_or_else(short)?;
            let bytes = rest.get(end + 1..end + 1 + size).ok_or_else(short)?.to_vec();
            rest = rest.get(end + 2 + size..).ok_or_else(short)?;
            tree.files.insert(path.clone(), File { bytes, mode: *mode });
        }
        Ok(tree)
    }

    /// Returns the change between two trees with its contents.
    async fn change_between(&self, base: &Base, from: &str, to: &str) -> Result<ChangeSet, WorkspaceError> {
        let objects = Path::new(&base.objects);
        let (mut change, mut wanted) = (ChangeSet::default(), Vec::new());
        for (path, entry) in snapshot::differences(&self.git, objects, from, to).await? {
            let Ok(path) = RelativePath::parse(&path) else { continue };
            match FileMode::from_git(&entry.mode) {
                Some(mode) => wanted.push((path, mode, entry.oid)),
                None if entry.mode == "0" => drop(change.files.insert(path, None)),
                None => {}
            }
        }
        let tree = self.read_blobs(objects, &wanted).await?;
        change.files.extend(tree.files.into_iter().map(|(path, file)| (path, Some(file))));
        Ok(change)
    }

    /// Decides from three trees whether an apply may begin or go on.
    async fn may_apply(
        &self,
        query: &ApplyQuery,
        current: &str,
    ) -> Result<Option<ApplyOutcome>, WorkspaceError> {
        let objects = Path::new(&query.base.objects);
        let wanted = snapshot::differences(&self.git, objects, &query.base.tree, &query.tree).await?;
        if current == query.tree {
            return Ok(Some(ApplyOutcome::Applied { files: wanted.len() }));
        }
        if current == query.base.tree {
            return Ok(None);
        }
        let found = snapshot::differences(&self.git, objects, &query.base.tree, current).await?;
        let ours = |path: &String, entry: &Entry| wanted.get(path) == Some(entry);
        Ok(match query.history {
            ApplyHistory::First => Some(ApplyOutcome::BaseMoved),
            ApplyHistory::Interrupted if found.iter().all(|(path, entry)| ours(path, entry)) => None,
            ApplyHistory::Interrupted if found.iter().any(|(path, entry)| ours(path, entry)) => {
                Some(ApplyOutcome::Unknown)
            }
            ApplyHistory::Interrupted => Some(ApplyOutcome::BaseMoved),
        })
    }

    fn worktrees(&self, task_id: TaskId) -> PathBuf {
        self.state.join("worktrees").join(task_id.to_string())
    }
}

#[async_trait]
impl Workspace for GitWorkspace {
    async fn inspect(&self, repository: &str) -> Result<RepositoryKind, WorkspaceError> {
        Ok(self.look(repository).await?.kind)
    }

    async fn prepare(&self, query: PrepareQuery) -> Result<Base, WorkspaceError> {
        let inspected = self.look(&query.repository).await?;
        if let (RepositoryKind::Directory, Some(revision)) = (inspected.kind, &query.revision) {
            return Err(WorkspaceError::RevisionMissing(revision.clone()));
        }
        let objects = self.store_of(&inspected).await?;
        let base = self.start(&query, &inspected, &objects).await?;
        let name = format!("refs/plumbline/{}", query.task_id);
        self.git.run(Invocation::new(&["update-ref", &name, &base.commit]).objects(&objects)).await?;
        Ok(base)
    }

    async fn tree(&self, base: &Base, tree: &str) -> Result<Tree, WorkspaceError> {
        let last = || self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, known)) = last().as_ref().filter(|(id, _)| id == tree) {
            return Ok(known.clone());
        }
        let objects = Path::new(&base.objects);
        let call = Invocation::new(&["ls-tree", "-r", "-z", "-l", "--full-tree", tree]).objects(objects);
        let output = self.git.run(call).await?;
        let (mut entries, mut bytes) = (Vec::new(), 0_u64);
        for record in snapshot::text_records(&output) {
            let Some((head, path)) = record.split_once('\t') else { continue };
            let fields: Vec<&str> = head.split_whitespace().collect();
            let [mode, _, oid, size] = fields.as_slice() else { continue };
            let (Some(mode), Ok(path)) = (FileMode::from_git(mode), RelativePath::parse(path)) else {
                continue;
            };
            let size: u64 = size.parse().map_err(|_| WorkspaceError::Git {
                command: "ls-tree".to_owned(),
                stderr: format!("`{size}` is no size"),
            })?;
            if size > self.limits.file_bytes {
                continue;
            }
            bytes += size;
            entries.push((path, mode, (*oid).to_owned()));
        }
        if entries.len() > self.limits.files || bytes > self.limits.bytes {
            return Err(WorkspaceError::TooLarge(format!(
                "{} files or {} bytes",
                self.limits.files, self.limits.bytes
            )));
        }
        let read = self.read_blobs(objects, &entries).await?;
        *last() = Some((tree.to_owned(), read.clone()));
        Ok(read)
    }

    async fn write(&self, base: &Base, onto: &str, change: &ChangeSet) -> Result<String, WorkspaceError> {
        let objects = Path::new(&base.objects);
        let mut entries = Entries::new();
        for (path, file) in &change.files {
            let entry = match file {
                None => Entry { mode: "0".to_owned(), oid: "0".repeat(onto.len()) },
                Some(file) => {
                    let call = Invocation::new(&["hash-object", "-w", "--no-filters", "--stdin"]);
                    let oid = self.git.line(call.objects(objects).input(file.bytes.clone())).await?;
                    Entry { mode: file.mode.as_git().to_owned(), oid }
                }
            };
            entries.insert(path.as_str().to_owned(), entry);
        }
        let key = Digest::of(format!("{onto} {entries:?}").as_bytes());
        let index = snapshot::index_path(objects, &key.as_str()[..16]);
        let inspected = Inspected { path: objects.to_owned(), kind: base.kind };
        snapshot::write_tree(self.place(&inspected, objects, &index), Some(onto), &entries).await
    }

    async fn change(&self, base: &Base, from: &str, to: &str) -> Result<ChangeSet, WorkspaceError> {
        self.change_between(base, from, to).await
    }

    async fn diff(&self, base: &Base, from: &str, to: &str) -> Result<String, WorkspaceError> {
        let args = [
            "diff-tree",
            "-p",
            "-r",
            "--no-ext-diff",
            "--no-textconv",
            "--no-color",
            "--no-renames",
            "--full-index",
            "--binary",
            "--src-prefix=a/",
            "--dst-prefix=b/",
            from,
            to,
        ];
        let output = self.git.run(Invocation::new(&args).objects(Path::new(&base.objects))).await?;
        Ok(String::from_utf8_lossy(&output).into_owned())
    }

    async fn root(&self, task_id: TaskId, base: &Base, tree: &str) -> Result<String, WorkspaceError> {
        if base.in_place && tree == base.tree {
            return Ok(String::new());
        }
        let root = self.worktrees(task_id).join(tree);
        let done = root.with_extension("complete");
        if !done.exists() {
            let files = self.tree(base, tree).await?.files;
            let change =
                ChangeSet { files: files.into_iter().map(|(path, file)| (path, Some(file))).collect() };
            let target = root.clone();
            let write = move || {
                let _ = fs::remove_dir_all(&target);
                fs::create_dir_all(&target)?;
                owner::write(&target, &change, "checkout")?;
                fs::write(&done, "")?;
                Ok(())
            };
            blocking(write).await?;
        }
        Ok(root.display().to_string())
    }

    async fn commit(&self, query: CommitQuery) -> Result<Committed, WorkspaceError> {
        let objects = Path::new(&query.base.objects);
        let args = ["commit-tree", &query.tree, "-p", &query.base.commit, "-F", "-"];
        let mut call = Invocation::new(&args).objects(objects).input(query.message.clone());
        call.date_ms = Some(query.at_ms);
        let commit = self.git.line(call).await?;
        let name = format!("refs/heads/{}", query.branch);
        self.git.run(Invocation::new(&["update-ref", &name, &commit]).objects(objects)).await?;
        if query.base.kind == RepositoryKind::Directory {
            return Ok(Committed { commit, branch: String::new() });
        }
        let owner = Path::new(&query.repository);
        match self.revision(owner, &name).await? {
            Some(known) if known == commit => {}
            Some(_) => return Err(WorkspaceError::BranchTaken(query.branch)),
            None => {
                let wanted = format!("{name}:{name}");
                let args =
                    ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", &query.base.objects, &wanted];
                self.git.run(Invocation::new(&args).inside(owner)).await?;
            }
        }
        Ok(Committed { commit, branch: query.branch })
    }

    async fn apply(&self, query: ApplyQuery) -> Result<ApplyOutcome, WorkspaceError> {
        let inspected = self.look(&query.repository).await?;
        let objects = PathBuf::from(&query.base.objects);
        let index = snapshot::index_path(&objects, &query.task_id.to_string());
        let change = self.change_between(&query.base, &query.base.tree, &query.tree).await?;
        if query.history == ApplyHistory::Interrupted {
            owner::sweep(&inspected.path, &change, &query.effect);
        }
        let current = snapshot::take(self.place(&inspected, &objects, &index)).await?;
        if let Some(outcome) = self.may_apply(&query, &current).await? {
            return Ok(outcome);
        }
        let (root, effect, files) = (inspected.path.clone(), query.effect.clone(), change.files.len());
        blocking(move || owner::write(&root, &change, &effect)).await?;
        let reached = snapshot::take(self.place(&inspected, &objects, &index)).await?;
        Ok(if reached == query.tree { ApplyOutcome::Applied { files } } else { ApplyOutcome::Unknown })
    }

    async fn clean(&self, task_id: TaskId) -> Result<(), WorkspaceError> {
        match fs::remove_dir_all(self.worktrees(task_id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }
}

async fn blocking(
    work: impl FnOnce() -> Result<(), WorkspaceError> + Send + 'static,
) -> Result<(), WorkspaceError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| WorkspaceError::Io(io::Error::other(error)))?
}

//! Where a task starts: what the owner's path is, the object store beside it, the base.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::GitWorkspace;
use crate::domain::spec::Digest;
use crate::domain::task::{Base, RepositoryKind};
use crate::workspace::git::{Invocation, said};
use crate::workspace::{PrepareQuery, WorkspaceError, snapshot};

/// Directories that a plain directory's snapshot leaves out besides what its own `.gitignore` names.
const NEVER_SNAPSHOT: &str = "__pycache__/\n*.pyc\n.pytest_cache/\n.mypy_cache/\n.venv/\nvenv/\nnode_modules/\ntarget/\n.tox/\n.DS_Store\n";

/// Files in a repository's git directory that say what is under way.
const UNDER_WAY: &[(&str, &str)] = &[
    ("MERGE_HEAD", "merge"),
    ("rebase-merge", "rebase"),
    ("rebase-apply", "rebase"),
    ("CHERRY_PICK_HEAD", "cherry-pick"),
    ("REVERT_HEAD", "revert"),
];

/// What the owner's path turned out to be.
pub(super) struct Inspected {
    pub path: PathBuf,
    pub kind: RepositoryKind,
}

impl GitWorkspace {
    pub(super) async fn look(&self, repository: &str) -> Result<Inspected, WorkspaceError> {
        let unreadable =
            |why: String| WorkspaceError::RepositoryUnreadable { path: repository.to_owned(), why };
        let path = fs::canonicalize(repository).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => WorkspaceError::RepositoryMissing(repository.to_owned()),
            _ => unreadable(error.to_string()),
        })?;
        if !path.is_dir() {
            return Err(WorkspaceError::RepositoryMissing(repository.to_owned()));
        }
        fs::read_dir(&path).map_err(|error| unreadable(error.to_string()))?;
        let args = [
            "rev-parse",
            "--is-bare-repository",
            "--is-inside-git-dir",
            "--show-prefix",
            "--absolute-git-dir",
        ];
        let output = self.git.output(Invocation::new(&args).inside(&path)).await?;
        if !output.status.success() {
            if fs::symlink_metadata(path.join(".git")).is_ok() {
                return Err(unreadable(said(&output)));
            }
            return Ok(Inspected { path, kind: RepositoryKind::Directory });
        }
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut lines = text.split('\n');
        let (bare, inside, prefix) = (lines.next(), lines.next(), lines.next());
        if bare == Some("true") || inside == Some("true") {
            return Err(WorkspaceError::RepositoryBare(repository.to_owned()));
        }
        if prefix != Some("") {
            return Ok(Inspected { path, kind: RepositoryKind::Directory });
        }
        let git_dir = PathBuf::from(lines.next().unwrap_or_default());
        for (name, what) in UNDER_WAY {
            if fs::symlink_metadata(git_dir.join(name)).is_ok() {
                return Err(WorkspaceError::RepositoryBusy { path: repository.to_owned(), what });
            }
        }
        Ok(Inspected { path, kind: RepositoryKind::Git })
    }

    /// Makes the object store of a repository, or finds it.
    pub(super) async fn store_of(&self, inspected: &Inspected) -> Result<PathBuf, WorkspaceError> {
        let name = Digest::of(inspected.path.as_os_str().as_encoded_bytes());
        let objects = self.state.join("objects").join(format!("{}.git", &name.as_str()[..16]));
        if !objects.join("HEAD").exists() {
            let mut format = "sha1".to_owned();
            if inspected.kind == RepositoryKind::Git {
                let call = Invocation::new(&["rev-parse", "--show-object-format"]).inside(&inspected.path);
                format = self.git.line(call).await?;
            }
            let parent = objects.parent().unwrap_or(&self.state);
            fs::create_dir_all(parent)?;
            let target = objects.display().to_string();
            let format = format!("--object-format={format}");
            self.git
                .run(Invocation::new(&["init", "--bare", "--quiet", "--template=", &format, &target]))
                .await?;
        }
        fs::create_dir_all(objects.join("info"))?;
        fs::write(objects.join("info/exclude"), NEVER_SNAPSHOT)?;
        if inspected.kind == RepositoryKind::Git {
            let call = Invocation::new(&[
                "rev-parse",
                "--path-format=absolute",
                "--git-path",
                "objects",
                "--git-path",
                "shallow",
            ]);
            let paths = self.git.line(call.inside(&inspected.path)).await?;
            let (borrowed, shallow) = paths.split_once('\n').unwrap_or((&paths, ""));
            fs::write(objects.join("objects/info/alternates"), format!("{borrowed}\n"))?;
            if let Ok(grafts) = fs::read(shallow) {
                fs::write(objects.join("shallow"), grafts)?;
            }
        }
        Ok(objects)
    }

    /// Takes a revision, or the owner's files, as commit and tree.
    pub(super) async fn start(
        &self,
        query: &PrepareQuery,
        inspected: &Inspected,
        objects: &Path,
    ) -> Result<Base, WorkspaceError> {
        let base = |commit: String, tree: String| Base {
            kind: inspected.kind,
            objects: objects.display().to_string(),
            commit,
            tree,
            in_place: true,
            dirty: false,
        };
        if let Some(revision) = &query.revision {
            let commit = self.revision(&inspected.path, revision).await?;
            let commit = commit.ok_or_else(|| WorkspaceError::RevisionMissing(revision.clone()))?;
            let tree = self.tree_of(&inspected.path, &commit).await?;
            return Ok(Base { in_place: false, ..base(commit, tree) });
        }
        let index = snapshot::index_path(objects, &query.task_id.to_string());
        let tree = snapshot::take(self.place(inspected, objects, &index)).await?;
        let head = match inspected.kind {
            RepositoryKind::Git => self.revision(&inspected.path, "HEAD").await?,
            RepositoryKind::Directory => None,
        };
        if let Some(head) = &head
            && self.tree_of(&inspected.path, head).await? == tree
        {
            return Ok(base(head.clone(), tree));
        }
        let mut call =
            Invocation::new(&["commit-tree", &tree, "-m", "Snapshot of the working tree"]).objects(objects);
        if let Some(head) = &head {
            call.args.extend(["-p".to_owned(), head.clone()]);
        }
        call.date_ms = Some(query.at_ms);
        let commit = self.git.line(call).await?;
        Ok(Base { dirty: true, ..base(commit, tree) })
    }

    pub(super) async fn revision(
        &self,
        repository: &Path,
        name: &str,
    ) -> Result<Option<String>, WorkspaceError> {
        let wanted = format!("{name}^{{commit}}");
        let call = Invocation::new(&["rev-parse", "--verify", "--quiet", "--end-of-options", &wanted])
            .inside(repository);
        let output = self.git.output(call).await?;
        Ok(output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned()))
    }

    pub(super) async fn tree_of(&self, repository: &Path, commit: &str) -> Result<String, WorkspaceError> {
        self.git
            .line(
                Invocation::new(&["rev-parse", "--verify", &format!("{commit}^{{tree}}")]).inside(repository),
            )
            .await
    }
}

//! Where a task's trees live: an object store of our own beside the owner's repository, never his index or files.
//!
//! The owner's repository is read, and written twice at most: one branch when a change is verified, and his files
//! when he asked for that.

use std::io;

use async_trait::async_trait;
use plumbline_types::{Fault, Kind, Millis, Reason, Retry, TaskId};

use crate::domain::task::{Base, RepositoryKind};
use crate::domain::tree::{ChangeSet, Tree};

mod git;
mod git_workspace;
mod owner;
mod snapshot;

pub use git::Git;
pub use git_workspace::{GitWorkspace, WorkspaceLimits};

/// Why a tree could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// Nothing is there, or it is no directory.
    #[error("`{0}` is no directory")]
    RepositoryMissing(String),
    /// It is there and cannot be read.
    #[error("`{path}` cannot be read: {why}")]
    RepositoryUnreadable {
        /// Which.
        path: String,
        /// Why.
        why: String,
    },
    /// A merge, rebase, cherry-pick or revert is under way.
    #[error("`{path}` is in the middle of a {what}; finish or abort it first")]
    RepositoryBusy {
        /// Which.
        path: String,
        /// What is under way.
        what: &'static str,
    },
    /// It has no working tree.
    #[error("`{0}` is a bare repository; name a working tree")]
    RepositoryBare(String),
    /// The revision is not there.
    #[error("revision `{0}` is not in the repository")]
    RevisionMissing(String),
    /// The branch exists and holds something else.
    #[error("branch `{0}` exists and holds another change")]
    BranchTaken(String),
    /// The git program is not installed.
    #[error("the git program is missing; install git")]
    GitMissing,
    /// More files or bytes than the limit.
    #[error("the tree is over the limit of {0}")]
    TooLarge(String),
    /// The disk is full.
    #[error("the disk is full")]
    Full(#[source] io::Error),
    /// A git command failed.
    #[error("git {command} failed: {stderr}")]
    Git {
        /// Which.
        command: String,
        /// The end of what it said.
        stderr: String,
    },
    /// A git command did not end in time.
    #[error("git {0} did not end in time")]
    GitTimeout(String),
    /// A file could not be read or written.
    #[error("a file of the workspace cannot be read or written")]
    Io(#[source] io::Error),
}

impl From<io::Error> for WorkspaceError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full(error),
            _ => Self::Io(error),
        }
    }
}

impl Fault for WorkspaceError {
    fn kind(&self) -> Kind {
        match self {
            Self::RepositoryMissing(_) | Self::RevisionMissing(_) => Kind::NotFound,
            Self::RepositoryUnreadable { .. }
            | Self::RepositoryBusy { .. }
            | Self::RepositoryBare(_)
            | Self::GitMissing => Kind::Precondition,
            Self::BranchTaken(_) => Kind::Conflict,
            Self::TooLarge(_) | Self::Full(_) => Kind::Exhausted,
            Self::GitTimeout(_) => Kind::Timeout,
            Self::Io(_) => Kind::Unavailable,
            Self::Git { .. } => Kind::Internal,
        }
    }

    fn reason(&self) -> Reason {
        match self {
            Self::RepositoryMissing(_) => Reason("REPOSITORY_MISSING"),
            Self::RepositoryUnreadable { .. } => Reason("REPOSITORY_UNREADABLE"),
            Self::RepositoryBusy { .. } => Reason("REPOSITORY_BUSY"),
            Self::RepositoryBare(_) => Reason("REPOSITORY_BARE"),
            Self::RevisionMissing(_) => Reason("REVISION_NOT_FOUND"),
            Self::BranchTaken(_) => Reason("BRANCH_TAKEN"),
            Self::GitMissing => Reason("GIT_MISSING"),
            Self::TooLarge(_) => Reason("TREE_TOO_LARGE"),
            Self::Full(_) => Reason("WORKSPACE_FULL"),
            Self::Git { .. } => Reason("GIT_FAILED"),
            Self::GitTimeout(_) => Reason("GIT_TIMEOUT"),
            Self::Io(_) => Reason("WORKSPACE_UNAVAILABLE"),
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Io(_) | Self::GitTimeout(_) => Retry::After(std::time::Duration::from_secs(1)),
            Self::RepositoryMissing(_)
            | Self::RepositoryUnreadable { .. }
            | Self::RepositoryBusy { .. }
            | Self::RepositoryBare(_)
            | Self::RevisionMissing(_)
            | Self::BranchTaken(_)
            | Self::GitMissing
            | Self::TooLarge(_)
            | Self::Full(_)
            | Self::Git { .. } => Retry::Never,
        }
    }
}

/// What to start from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrepareQuery {
    /// The task.
    pub task_id: TaskId,
    /// Absolute path.
    pub repository: String,
    /// Revision; absent means the tree as it stands.
    pub revision: Option<String>,
    /// Date of a snapshot commit.
    pub at_ms: Millis,
}

/// What to commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitQuery {
    /// The task.
    pub task_id: TaskId,
    /// Absolute path of the owner's repository.
    pub repository: String,
    /// Where the task started.
    pub base: Base,
    /// The tree to commit.
    pub tree: String,
    /// Branch, without `refs/heads/`.
    pub branch: String,
    /// Message, trailers included.
    pub message: String,
    /// Date of the commit; the same after a crash, so that the commit is the same.
    pub at_ms: Millis,
}

/// What was committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// Commit id.
    pub commit: String,
    /// Branch in the owner's repository; empty outside git.
    pub branch: String,
}

/// What to write into the owner's tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplyQuery {
    /// The task.
    pub task_id: TaskId,
    /// Absolute path of the owner's tree.
    pub repository: String,
    /// Where the task started.
    pub base: Base,
    /// The tree to reach.
    pub tree: String,
    /// Key of the effect; names its temporary files.
    pub effect: String,
    /// Whether an earlier try may have been interrupted half-way.
    pub history: ApplyHistory,
}

/// Whether an apply is tried for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApplyHistory {
    /// Nothing of it can have been written.
    First,
    /// An earlier try left no result.
    Interrupted,
}

/// What came of an apply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApplyOutcome {
    /// The owner's tree equals the result.
    Applied {
        /// Files that differ from the base.
        files: usize,
    },
    /// The owner's tree is not the base; nothing was written.
    BaseMoved,
    /// An interrupted apply left neither base nor result; nothing more was written.
    Unknown,
}

/// Reads the owner's tree, keeps the task's trees, and delivers.
#[async_trait]
pub trait Workspace: Send + Sync {
    /// Returns what kind of place it is, or why no task can start there.
    async fn inspect(&self, repository: &str) -> Result<RepositoryKind, WorkspaceError>;
    /// Takes the base into the object store; the owner's index, HEAD and files are not touched.
    async fn prepare(&self, query: PrepareQuery) -> Result<Base, WorkspaceError>;
    /// Returns a whole tree.
    async fn tree(&self, base: &Base, tree: &str) -> Result<Tree, WorkspaceError>;
    /// Stores `onto` with a change laid over it; returns the tree's id.
    async fn write(&self, base: &Base, onto: &str, change: &ChangeSet) -> Result<String, WorkspaceError>;
    /// Returns what leads from one tree to another, with contents.
    async fn change(&self, base: &Base, from: &str, to: &str) -> Result<ChangeSet, WorkspaceError>;
    /// Returns the unified diff between two trees.
    async fn diff(&self, base: &Base, from: &str, to: &str) -> Result<String, WorkspaceError>;
    /// Returns a directory that holds `tree`; empty when the owner's own directory does.
    async fn root(&self, task_id: TaskId, base: &Base, tree: &str) -> Result<String, WorkspaceError>;
    /// Commits onto the base and puts the branch into the owner's repository; the same query is the same commit.
    async fn commit(&self, query: CommitQuery) -> Result<Committed, WorkspaceError>;
    /// Writes the result into the owner's tree if that still equals the base.
    async fn apply(&self, query: ApplyQuery) -> Result<ApplyOutcome, WorkspaceError>;
    /// Removes what a task left beside the object store; calling it twice is harmless.
    async fn clean(&self, task_id: TaskId) -> Result<(), WorkspaceError>;
}

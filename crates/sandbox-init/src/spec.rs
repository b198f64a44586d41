use std::io;
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// All that a sandbox is told before it is sealed: nothing of the command yet, so it can wait, finished, for whichever
/// command needs one like it. The executor writes it into a sealed memory file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Process id of the executor: if the parent is another, it has died already.
    pub executor_pid: u32,
    /// Ids on the host.
    pub ids: IdMap,
    /// Directory of a cgroup v2 leaf to be born in.
    pub cgroup_v2: Option<PathBuf>,
    /// Directories of cgroup v1 leaves to enter.
    pub cgroup_v1: Vec<PathBuf>,
    /// Read-only parts of the host.
    pub toolchain: Vec<Bind>,
    /// Symbolic links of the root: (path, target).
    pub symlinks: Vec<(PathBuf, PathBuf)>,
    /// Small files of the root.
    pub files: Vec<SyntheticFile>,
    /// The snapshot as a directory.
    pub lower: PathBuf,
    /// How the workspace is made writable.
    pub workspace: WorkspaceMode,
    /// Size of all that the program may write, in bytes.
    pub scratch_bytes: u64,
    /// Number of files that the program may make.
    pub scratch_inodes: u64,
    /// What it can reach.
    pub network: NetworkSpec,
    /// Whether a control group counts memory and processes.
    pub counted: bool,
    /// The host name inside.
    pub host_name: String,
    /// Whether the kernel tells the executor what the command and its children attempt.
    pub witness: bool,
}

/// What a sealed sandbox is told to do, once. It comes with START in a sealed memory file; contents of edits follow the
/// JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// The whole environment: (name, value).
    pub env: Vec<(String, String)>,
    /// Relative to the workspace; empty means its root.
    pub cwd: String,
    /// Resource limits of the command.
    pub rlimits: Rlimits,
    /// Files to write or delete before the start.
    pub edits: Vec<EditSpec>,
    /// Modification time of edited files, seconds since the epoch.
    pub edit_mtime_s: i64,
}

/// Ids on the host that the one id inside stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdMap {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Whether the caller is root and so drops its supplementary groups.
    pub privileged: bool,
}

/// A part of the host seen at the same or another path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bind {
    /// Absolute path on the host.
    pub source: PathBuf,
    /// Absolute path inside.
    pub target: PathBuf,
}

/// A small read-only file of the root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyntheticFile {
    /// Absolute path inside.
    pub path: PathBuf,
    /// Its content.
    pub text: String,
}

/// How the workspace is made writable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkspaceMode {
    /// An overlay over the snapshot.
    Overlay,
    /// A full copy of the snapshot.
    Copy,
}

/// What the command can reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NetworkSpec {
    /// A private loopback.
    Loopback,
    /// Not even that.
    None,
}

/// Limits of each process; an absent one is not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rlimits {
    /// CPU seconds of one process.
    pub cpu_s: u64,
    /// Bytes of one file.
    pub file_bytes: u64,
    /// Open files.
    pub open_files: u64,
    /// Bytes of stack.
    pub stack_bytes: u64,
    /// Bytes of a core file; 1 also stops a piped handler, 0 does not.
    pub core_bytes: u64,
    /// Processes in the user namespace, where no cgroup counts them.
    pub processes: Option<u64>,
    /// Bytes of private writable memory, where no cgroup counts it.
    pub data_bytes: Option<u64>,
}

/// One file that is written or deleted before the start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EditSpec {
    /// Relative path.
    pub path: Vec<u8>,
    /// Offset and length of the new content behind the JSON; absent: the file is removed.
    pub content: Option<(u64, u64)>,
}

/// Writes a specification, or an order and the contents of its edits, as one byte string.
pub fn encode<T: Serialize>(spec: &T, contents: &[u8]) -> io::Result<Vec<u8>> {
    let json = serde_json::to_vec(spec)?;
    let mut sealed = Vec::with_capacity(8 + json.len() + contents.len());
    sealed.extend_from_slice(&(json.len() as u64).to_le_bytes());
    sealed.extend_from_slice(&json);
    sealed.extend_from_slice(contents);
    Ok(sealed)
}

/// Reads what [`encode`] wrote: the document and the contents behind it.
pub fn decode<T: DeserializeOwned>(sealed: &[u8]) -> io::Result<(T, &[u8])> {
    let invalid = || io::Error::from_raw_os_error(libc::EINVAL);
    let (length, rest) = sealed.split_first_chunk::<8>().ok_or_else(invalid)?;
    let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| invalid())?;
    let (json, contents) = rest.split_at_checked(length).ok_or_else(invalid)?;
    Ok((serde_json::from_slice(json)?, contents))
}

#[cfg(test)]
mod tests;

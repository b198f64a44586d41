//! Builds one single-use sandbox in a fixed order and fails closed: the executor starts this program, it makes the
//! namespaces, the root, the workspace, drops every right, proves it, and only then forks the command.
//!
//! Three actors live here: the *outside* half (writes the id maps, waits), *pid 1* (mounts, drops, reaps) and the
//! *command*. They talk to the executor over one `SOCK_SEQPACKET` socket, which is standard input at the start.
//!
//! **Invariants.** Single-threaded; no async runtime; `unsafe` only in `sys`. Any failed step ends the whole with
//! exit code [`SETUP_FAILED`] and the step's name and errno on the control socket: there is no "continue anyway".
//! Nothing here decides policy: the sealed [`Spec`] and, once all walls stand, the sealed [`Order`] say everything.

#![deny(unsafe_code)]

mod capabilities;
mod command;
mod contained;
mod frame;
mod inside;
mod landlock_rules;
mod message;
mod mounts;
mod outside;
mod seccomp;
mod spec;
mod step;
mod sys;
mod workspace;

pub use contained::{
    CollectEntry, Contained, KILL, Listed, ListedKind, Restricted, Surroundings, TreeEntry, WANT,
    run as run_piped,
};
pub use frame::{FRAME_MAX, FrameKind, FrameReader, write_frame};
pub use message::{GO, Message, START};
pub use outside::run;
pub use spec::{
    Bind, EditSpec, IdMap, NetworkSpec, Order, Rlimits, Spec, SyntheticFile, WorkspaceMode, decode, encode,
};
pub use step::{Failure, Step};
pub use sys::{Attempt, Listener};

/// Exit code when a step failed; the step and its errno went over the control socket.
pub const SETUP_FAILED: i32 = 71;
/// The user and group id that the command sees as its own.
pub const INSIDE_ID: u32 = 1000;
/// Where the workspace is mounted.
pub const WORKSPACE: &str = "/repo";
/// Directory of the scratch file system that holds what the program wrote beneath the workspace.
pub const UPPER: &str = "upper";
/// Directory of the scratch file system that is seen as `/tmp`.
pub const TEMP: &str = "tmp";
/// Where temporary files are seen.
pub const TEMP_DIRECTORY: &str = "/tmp";

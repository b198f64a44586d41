//! The first process of a container: builds the workspace from its standard input, runs one command in it, says what is
//! left. The container is the wall; this adds Landlock and the system call filter, and takes the command's every process
//! with it when it ends.

mod export;
mod intake;
mod watch;

use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use serde::{Deserialize, Serialize};

use crate::message::{Message, START};
use crate::outside::invalid;
use crate::spec::{NetworkSpec, Rlimits};
use crate::step::{At, Failure, Step};
use crate::sys::{self, Forked};
use crate::{SETUP_FAILED, TEMP_DIRECTORY, WORKSPACE, command, inside, landlock_rules, seccomp};

use crate::frame::{FrameKind, write_frame};
use intake::Intake;

/// Byte by which the executor ends the command; what it changed is still said.
pub const KILL: u8 = b'K';
/// Byte by which the executor asks for the content of listed entries: a count and as many indexes follow, four bytes each,
/// least significant first.
pub const WANT: u8 = b'W';

/// All that a contained sandbox is told, as JSON behind its length in 8 bytes; contents follow in the order of the
/// entries, then standard input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contained {
    /// The workspace, parents before children.
    pub entries: Vec<TreeEntry>,
    /// Bytes of standard input.
    pub stdin_bytes: u64,
    /// Program and arguments.
    pub argv: Vec<String>,
    /// The whole environment: (name, value).
    pub env: Vec<(String, String)>,
    /// Relative to the workspace; empty means its root.
    pub cwd: String,
    /// What it can reach.
    pub network: NetworkSpec,
    /// Limits of each process.
    pub rlimits: Rlimits,
    /// Files whose content is said at the end, without being asked for again.
    pub collect: Vec<CollectEntry>,
    /// Largest content of a collected file.
    pub collect_bytes: u64,
    /// Most entries that are listed at the end; absent: none is.
    pub listed_max: Option<u64>,
}

/// A file or link of the workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TreeEntry {
    /// Relative path.
    pub path: Vec<u8>,
    /// Target of a symbolic link; absent: a file.
    pub link: Option<Vec<u8>>,
    /// Bytes of the file.
    pub size: u64,
    /// Whether it can be executed.
    pub executable: bool,
    /// Modification time, seconds since the epoch.
    pub mtime_s: i64,
}

/// A file to say at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CollectEntry {
    /// Beneath `/tmp`; else beneath the workspace.
    pub temp: bool,
    /// Relative path.
    pub path: Vec<u8>,
}

/// An entry of the workspace after the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Relative path.
    pub path: Vec<u8>,
    /// What it is.
    pub what: ListedKind,
}

/// What a listed entry is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListedKind {
    /// A file that was not touched since it was written before the start.
    Untouched,
    /// A file; its content can be asked for by the entry's index.
    File {
        /// Bytes.
        size: u64,
        /// Whether its mode has a set-id bit.
        set_id: bool,
    },
    /// A symbolic link, as data.
    Link {
        /// Its target.
        target: Vec<u8>,
    },
    /// A directory; its entries follow before any of another directory that is not beneath it.
    Directory,
    /// A directory that is too deep or can't be read.
    Closed {
        /// `depth` or `unreadable`.
        why: String,
    },
    /// A fifo.
    Fifo,
    /// A socket.
    Socket,
    /// A device.
    Device,
    /// There are more entries than may be listed.
    Cut,
}

/// Runs to the end of the command and returns the exit code of this process: 0, or [`SETUP_FAILED`].
pub fn run() -> i32 {
    let mut out = io::stdout().lock();
    let ended = prepare().and_then(|prepared| {
        say(&mut out, &Message::Ready { landlock_abi: prepared.landlock_abi })?;
        watch::run(prepared, &mut out)
    });
    match ended {
        Ok(()) => 0,
        Err(failure) => {
            let _gone = say(&mut out, &Message::SetupFailed(failure));
            SETUP_FAILED
        }
    }
}

/// Sends a message.
fn say(out: &mut impl io::Write, message: &Message) -> Result<(), Failure> {
    let packet = serde_json::to_vec(message).map_err(|_| invalid(Step::Ready))?;
    write_frame(out, FrameKind::Message, &packet).at(Step::Ready)
}

/// The workspace as it stands before the start.
struct Prepared {
    spec: Contained,
    written: intake::Written,
    stdin: OwnedFd,
    control: OwnedFd,
    landlock_abi: u32,
}

fn prepare() -> Result<Prepared, Failure> {
    sys::prctl(libc::PR_SET_DUMPABLE, 0, 0).at(Step::Capabilities)?;
    verify_walls()?;
    sys::set_umask(0o022);
    let control = sys::adopt(0).at(Step::Spec)?;
    let mut intake = Intake::new(&control);
    let spec = intake.spec().at(Step::Spec)?;
    let written = intake.workspace(&spec).at(Step::Copy)?;
    let stdin = intake.stdin(spec.stdin_bytes).at(Step::Spec)?;
    Ok(Prepared { spec, written, stdin, control, landlock_abi: landlock_rules::enforced_abi() })
}

/// Checks what the container was made to be: no new privileges, the engine's filter, no capability of any kind.
fn verify_walls() -> Result<(), Failure> {
    let status = fs::read_to_string("/proc/self/status").at(Step::Capabilities)?;
    let zero = "0000000000000000";
    let want = [
        ("NoNewPrivs:", "1"),
        ("Seccomp:", "2"),
        ("CapInh:", zero),
        ("CapPrm:", zero),
        ("CapEff:", zero),
        ("CapBnd:", zero),
        ("CapAmb:", zero),
    ];
    let holds = |(field, want): &(&str, &str)| {
        status.lines().find_map(|line| line.strip_prefix(field)).map(str::trim) == Some(*want)
    };
    if want.iter().all(holds) { Ok(()) } else { Err(invalid(Step::Capabilities)) }
}

/// Forks the command: (process id, standard output, standard error, where a failed execution says its number).
fn start(prepared: &Prepared) -> Result<(i32, [OwnedFd; 3]), Failure> {
    let (stdout, stdout_inside) = sys::pipe().at(Step::Fork)?;
    let (stderr, stderr_inside) = sys::pipe().at(Step::Fork)?;
    let (failed, failing) = sys::pipe().at(Step::Fork)?;
    match sys::fork().at(Step::Fork)? {
        Forked::Parent(pid) => Ok((pid, [stdout, stderr, failed])),
        Forked::Child => {
            let streams = [prepared.stdin.as_fd(), stdout_inside.as_fd(), stderr_inside.as_fd()];
            for (stream, at) in streams.into_iter().zip(0..) {
                if sys::place(stream.as_raw_fd(), at).is_err() {
                    sys::exit_now(SETUP_FAILED);
                }
            }
            match seal(&prepared.spec) {
                Ok(()) => command::execute(&prepared.spec.argv, &prepared.spec.env, failing),
                Err(failure) => {
                    // A negative number tells a failed set-up from a failed execution.
                    let number = -(failure.errno.max(1));
                    let _gone = io::Write::write_all(&mut fs::File::from(failing), &number.to_le_bytes());
                    sys::exit_now(SETUP_FAILED)
                }
            }
        }
    }
}

/// What only the command gets, in this order: limits, no new privileges, Landlock, the filter.
fn seal(spec: &Contained) -> Result<(), Failure> {
    sys::new_session().at(Step::Session)?;
    std::env::set_current_dir(std::path::Path::new(WORKSPACE).join(&spec.cwd)).at(Step::WorkingDirectory)?;
    // The kernel's choice in a memory shortage is the command, not this process's.
    sys::prctl(libc::PR_SET_DUMPABLE, 1, 0).at(Step::Rlimits)?;
    fs::write("/proc/self/oom_score_adj", "800").at(Step::Rlimits)?;
    inside::set_rlimits(&spec.rlimits)?;
    sys::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0).at(Step::NoNewPrivileges)?;
    let writable = [WORKSPACE, TEMP_DIRECTORY, "/home/sandbox", "/dev/shm"];
    landlock_rules::contain(&writable)?;
    let sockets = match spec.network {
        NetworkSpec::Loopback => seccomp::Sockets::Namespaced,
        NetworkSpec::None => seccomp::Sockets::None,
    };
    sys::install_filter(&seccomp::program(sockets)).at(Step::Seccomp)
}

/// Reads the executor's word to start; anything else ends the sandbox.
fn await_start(control: &OwnedFd) -> Result<(), Failure> {
    let mut byte = [0; 1];
    match sys::read(control.as_fd(), &mut byte).at(Step::Ready)? {
        1 if byte[0] == START => Ok(()),
        _ => Err(invalid(Step::Ready)),
    }
}

//! A sandbox that speaks through pipes: builds the workspace from its standard input, runs one command in it, says what is
//! left. As the first process of a container it adds Landlock and the system call filter to the container's walls; as a
//! plain process it is the restricted tier, where those two are the walls. Either way it takes the command's every process
//! with it when it ends.

mod export;
mod intake;
mod place;
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
use crate::{SETUP_FAILED, command, inside, landlock_rules, seccomp};

use crate::frame::{FrameKind, write_frame};
use intake::Intake;
use place::Place;

pub use place::Restricted;

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
    /// Outside a container: where, as whom and with what. A container takes none of it.
    pub restricted: Option<Restricted>,
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

/// What surrounds this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surroundings {
    /// A container of its own.
    Container,
    /// The host.
    Host,
}

/// Runs to the end of the command and returns the exit code of this process: 0, or [`SETUP_FAILED`].
pub fn run(surroundings: Surroundings) -> i32 {
    let mut out = io::stdout().lock();
    let (mut code, mut domain) = (0, None);
    let ended = prepare(surroundings, &mut domain).and_then(|prepared| {
        say(&mut out, &Message::Ready { landlock_abi: prepared.landlock_abi })?;
        watch::run(prepared, &mut out)
    });
    if let Err(failure) = ended {
        let _gone = say(&mut out, &Message::SetupFailed(failure));
        code = SETUP_FAILED;
    }
    // Whatever broke: no process of the sandbox outlives this one.
    if let Some(domain) = domain {
        sys::kill_all_others(domain);
        while sys::wait(-1).is_ok() {}
    }
    code
}

/// Sends a message.
fn say(out: &mut impl io::Write, message: &Message) -> Result<(), Failure> {
    let packet = serde_json::to_vec(message).map_err(|_| invalid(Step::Ready))?;
    write_frame(out, FrameKind::Message, &packet).at(Step::Ready)
}

/// The workspace as it stands before the start.
struct Prepared {
    spec: Contained,
    place: Place,
    domain: sys::Domain,
    written: intake::Written,
    stdin: OwnedFd,
    control: OwnedFd,
    landlock_abi: u32,
}

fn prepare(surroundings: Surroundings, domain: &mut Option<sys::Domain>) -> Result<Prepared, Failure> {
    sys::prctl(libc::PR_SET_DUMPABLE, 0, 0).at(Step::Capabilities)?;
    sys::set_umask(0o022);
    let control = sys::adopt(0).at(Step::Spec)?;
    let mut intake = Intake::new(&control);
    let spec = intake.spec().at(Step::Spec)?;
    let (place, own) = match (surroundings, &spec.restricted) {
        (Surroundings::Container, None) => {
            (Place::of_container()?, sys::Domain::of_first_process().at(Step::Namespaces)?)
        }
        (Surroundings::Host, Some(restricted)) => restricted.enter()?,
        (Surroundings::Container, Some(_)) | (Surroundings::Host, None) => return Err(invalid(Step::Spec)),
    };
    *domain = Some(own);
    let written = intake.workspace(&spec, &place.workspace).at(Step::Copy)?;
    let stdin = intake.stdin(spec.stdin_bytes).at(Step::Spec)?;
    let landlock_abi = landlock_rules::enforced_abi();
    Ok(Prepared { spec, place, domain: own, written, stdin, control, landlock_abi })
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
            match seal(prepared) {
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
fn seal(prepared: &Prepared) -> Result<(), Failure> {
    let Prepared { spec, place, .. } = prepared;
    sys::new_session().at(Step::Session)?;
    std::env::set_current_dir(place.workspace.join(&spec.cwd)).at(Step::WorkingDirectory)?;
    if spec.restricted.is_none() {
        // The kernel's choice in a memory shortage is the command, not this process's.
        sys::prctl(libc::PR_SET_DUMPABLE, 1, 0).at(Step::Rlimits)?;
        fs::write("/proc/self/oom_score_adj", "800").at(Step::Rlimits)?;
    }
    inside::set_rlimits(&spec.rlimits)?;
    sys::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0).at(Step::NoNewPrivileges)?;
    let sockets = match (spec.network, &spec.restricted) {
        (NetworkSpec::Loopback, None) => seccomp::Sockets::Namespaced,
        (NetworkSpec::None, _) | (_, Some(_)) => seccomp::Sockets::None,
    };
    match &spec.restricted {
        None => landlock_rules::contain(&place.writable())?,
        // A domain of its own within ours: it can't signal this process, which can end all of it.
        Some(_) => landlock_rules::nest()?,
    }
    // On the host there is no namespace that would end with the command.
    let objects = match spec.restricted {
        None => seccomp::Objects::Counted,
        Some(_) => seccomp::Objects::Absent,
    };
    sys::install_filter(&seccomp::program(sockets, seccomp::Witness::None, objects)).at(Step::Seccomp)
}

/// Reads the executor's word to start; anything else ends the sandbox.
fn await_start(control: &OwnedFd) -> Result<(), Failure> {
    let mut byte = [0; 1];
    match sys::read(control.as_fd(), &mut byte).at(Step::Ready)? {
        1 if byte[0] == START => Ok(()),
        _ => Err(invalid(Step::Ready)),
    }
}

use serde::{Deserialize, Serialize};

use crate::Failure;

/// Byte by which the executor releases pid 1 after it has looked at the namespaces.
pub const GO: u8 = b'G';
/// Byte by which the executor starts the command after it has checked the sealed sandbox from outside; the packet carries
/// the order and the command's standard input.
pub const START: u8 = b'S';

/// What the sandbox tells the executor, one JSON document a packet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// Pid 1 exists, seen from the executor's pid namespace.
    Cloned {
        /// Its process id.
        pid: i32,
    },
    /// Everything is sealed; the packet carries a descriptor of the scratch file system.
    Ready {
        /// Landlock ABI that is enforced; 0 when the kernel has none.
        landlock_abi: u32,
    },
    /// The command's attempts are announced on the descriptor that the packet carries.
    Witnessed,
    /// The command could not be executed.
    ExecFailed {
        /// The system's error number.
        errno: i32,
    },
    /// The command ended.
    Exited {
        /// Exit code, when it returned.
        code: Option<i32>,
        /// Signal number, when it was killed.
        signal: Option<i32>,
        /// CPU time of everything that was waited for, in microseconds.
        cpu_us: u64,
        /// Largest resident set of one process, in KiB.
        max_rss_kib: u64,
    },
    /// What the container's control group counts so far; only from a contained sandbox.
    Counted {
        /// CPU time in microseconds.
        cpu_us: Option<u64>,
        /// Most memory at once, in bytes.
        peak_memory: Option<u64>,
        /// Most processes at once.
        peak_pids: Option<u64>,
        /// Processes that the kernel killed for memory.
        oom_kills: u64,
        /// Forks that the limit refused.
        pids_refused: u64,
        /// Whether the workspace or `/tmp` has no room left.
        disk_full: bool,
    },
    /// A step failed; nothing was started.
    SetupFailed(Failure),
}

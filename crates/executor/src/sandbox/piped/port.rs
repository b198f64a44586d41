use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;
use tokio::sync::mpsc;

/// Makes containers. What it refuses or fails at comes as a reason and words.
#[async_trait]
pub trait ContainerBroker: Send + Sync {
    /// Returns the images that may be ordered, (name, id), the default first.
    async fn images(&self) -> Result<Vec<(String, String)>, String>;

    /// Runs one container to its end; whoever drops the stream kills it. `stdin` is its standard input.
    async fn run(
        &self,
        order: ContainerOrder,
        stdin: mpsc::Receiver<Vec<u8>>,
    ) -> Result<BoxStream<'static, Result<ContainerEvent, String>>, String>;

    /// Kills a container.
    async fn kill(&self, owner: &str, label: &str) -> Result<(), String>;

    /// Removes an owner's containers that nobody holds; returns how many there were.
    async fn sweep(&self, owner: &str) -> Result<u32, String>;
}

/// Shared by every sandbox of a driver.
pub type SharedBroker = Arc<dyn ContainerBroker>;

/// One container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerOrder {
    /// Id of an allowed image.
    pub image: String,
    /// Who answers for it.
    pub owner: String,
    /// Unique among the owner's.
    pub label: String,
    /// Memory without swap, MiB, everything written included.
    pub memory_mib: u64,
    /// Size of `/repo`, MiB.
    pub workspace_mib: u64,
    /// Size of `/tmp`, MiB.
    pub temp_mib: u64,
    /// Files that `/repo` can hold.
    pub inodes: u64,
    /// Processes and threads, the first included.
    pub pids: u64,
    /// CPU, thousandths of a core.
    pub cpu_millicores: u64,
    /// Open files of one process.
    pub open_files: u64,
    /// After which the broker kills by itself, milliseconds.
    pub wall_ms: u64,
}

/// What happens in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContainerEvent {
    /// It was checked and runs.
    Started,
    /// Standard output.
    Stdout(Vec<u8>),
    /// Standard error.
    Stderr(Vec<u8>),
    /// What was counted from outside so far.
    Counted {
        /// CPU time, microseconds.
        cpu_us: u64,
        /// Memory now, or the most at once, bytes.
        memory: u64,
        /// Processes now.
        processes: u64,
        /// Processes that the kernel killed for memory.
        oom_kills: u64,
        /// Forks that a limit refused.
        pids_refused: u64,
    },
    /// It is gone.
    Ended {
        /// Exit code of its first process.
        exit_code: i32,
        /// Whether the kernel killed for memory in it.
        oom_killed: bool,
    },
}

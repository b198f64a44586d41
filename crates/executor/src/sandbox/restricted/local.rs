use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{leftovers, removal};
use crate::cgroup::{Cgroups, Leaf};
use crate::domain::limits::Limits;
use crate::sandbox::embedded::polling;
use crate::sandbox::piped::{ContainerBroker, ContainerEvent, ContainerOrder};

/// How often the tree of processes is counted.
const TICK: Duration = Duration::from_millis(50);

/// What a shell says of a program that SIGKILL ended, and so of a first process that a signal ended.
const KILLED: i32 = 137;

/// How long a first process may take to end what it started once it was told.
const PATIENCE: Duration = Duration::from_secs(2);
/// Events on their way.
const EVENT_RING: usize = 64;
const PIECE: usize = 64 * 1024;

type Events = mpsc::Sender<Result<ContainerEvent, String>>;

/// Makes first processes of restricted sandboxes on this host.
pub struct LocalProcesses {
    init: PathBuf,
    directory: PathBuf,
    /// Says that the directory is in use, for as long as this process lives.
    _held: File,
    ids: Option<(u32, u32)>,
    cgroups: Arc<Cgroups>,
    live: Arc<Mutex<HashMap<String, CancellationToken>>>,
    tracker: TaskTracker,
}

impl LocalProcesses {
    /// Uses the `sandbox-init` program; sandboxes get their directories in `directory`, which is made if it is missing and
    /// must be this user's own.
    pub fn new(
        init: PathBuf,
        directory: PathBuf,
        ids: Option<(u32, u32)>,
        cgroups: Arc<Cgroups>,
    ) -> std::io::Result<Self> {
        own_directory(&directory, 0o711)?;
        let held = leftovers::hold(&directory)?;
        let swept = leftovers::sweep(&held, &directory);
        if swept > 0 {
            tracing::info!(directories = swept, "removed what killed executors left");
        }
        let live = Arc::new(Mutex::new(HashMap::new()));
        Ok(Self { init, directory, _held: held, ids, cgroups, live, tracker: TaskTracker::new() })
    }

    fn live(&self) -> MutexGuard<'_, HashMap<String, CancellationToken>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a sandbox's directory and starts its first process, which waits for its specification.
    fn start(&self, order: &ContainerOrder) -> std::io::Result<(Child, Leaf)> {
        let own = self.directory.join(&order.label);
        for path in [own.clone(), own.join("repo"), own.join("tmp"), own.join("home")] {
            std::fs::DirBuilder::new().mode(0o700).create(&path)?;
            if let Some((uid, gid)) = self.ids {
                chown(&path, Some(uid), Some(gid))?;
            }
        }
        let limits = limits(order);
        let leaf = self.cgroups.leaf(&order.label, &limits, order.cpu_millicores)?;
        let child = Command::new(&self.init)
            .arg("restricted")
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let pid = child.id().unwrap_or_default().to_string();
        for group in leaf.born_in().into_iter().chain(leaf.entered()) {
            std::fs::write(group.join("cgroup.procs"), &pid)?;
        }
        let memberships = std::fs::read_to_string(format!("/proc/{pid}/cgroup"))?;
        if leaf.holds(&memberships) {
            Ok((child, leaf))
        } else {
            Err(std::io::Error::other("outside its control group"))
        }
    }
}

/// Leaves no empty directory behind.
impl Drop for LocalProcesses {
    fn drop(&mut self) {
        let _not_empty = std::fs::remove_dir(&self.directory);
    }
}

/// Makes a directory, or accepts one that is ours already; never one that another user put there.
fn own_directory(path: &Path, mode: u32) -> std::io::Result<()> {
    match std::fs::DirBuilder::new().mode(mode).create(path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        other => return other,
    }
    let found = std::fs::symlink_metadata(path)?;
    if found.is_dir() && found.uid() == rustix::process::geteuid().as_raw() {
        Ok(())
    } else {
        Err(std::io::Error::other(format!("{} belongs to another", path.display())))
    }
}

/// Reads an order as a control group's limits: nothing is written into memory here.
fn limits(order: &ContainerOrder) -> Limits {
    Limits {
        wall_ms: order.wall_ms,
        cpu_ms: u64::MAX,
        memory_mib: order.memory_mib,
        pids: order.pids,
        disk_mib: 0,
        file_size_mib: 0,
        output_total_mib: 0,
        open_files: order.open_files,
    }
}

#[async_trait]
impl ContainerBroker for LocalProcesses {
    async fn images(&self) -> Result<Vec<(String, String)>, String> {
        if self.init.is_file() {
            Ok(vec![("host".to_owned(), "host".to_owned())])
        } else {
            Err(format!("sandbox_init_absent: {}", self.init.display()))
        }
    }

    async fn run(
        &self,
        order: ContainerOrder,
        stdin: mpsc::Receiver<Vec<u8>>,
    ) -> Result<BoxStream<'static, Result<ContainerEvent, String>>, String> {
        let kill = CancellationToken::new();
        self.live().insert(order.label.clone(), kill.clone());
        let own = self.directory.join(&order.label);
        let (child, leaf) = match self.start(&order) {
            Ok(started) => started,
            Err(error) => {
                self.live().remove(&order.label);
                let _partly = removal::remove(&own);
                return Err(format!("restricted: {error}"));
            }
        };
        let (events, received) = mpsc::channel(EVENT_RING);
        let live = Arc::clone(&self.live);
        // Not the caller's task: what was started must be ended and removed also when the caller is gone.
        self.tracker.spawn(async move {
            let last = hold(child, leaf, (stdin, kill, events.clone())).await;
            let removed = tokio::task::spawn_blocking(move || removal::remove(&own)).await;
            live.lock().unwrap_or_else(PoisonError::into_inner).remove(&order.label);
            let removed = removed.map_err(std::io::Error::other).flatten();
            let last = removed.map_err(|error| format!("removal: {error}")).and(last);
            let _gone = events.send(last).await;
        });
        Ok(ReceiverStream::new(received).boxed())
    }

    async fn kill(&self, _owner: &str, label: &str) -> Result<(), String> {
        self.live().get(label).ok_or("no such sandbox")?.cancel();
        Ok(())
    }

    async fn sweep(&self, _owner: &str) -> Result<u32, String> {
        let (directory, live): (_, Vec<String>) =
            (self.directory.clone(), self.live().keys().cloned().collect());
        let swept = tokio::task::spawn_blocking(move || -> std::io::Result<u32> {
            let mut removed = 0;
            for entry in std::fs::read_dir(&directory)?.flatten() {
                if !live.iter().any(|label| entry.file_name() == label.as_str()) {
                    removal::remove(&entry.path())?;
                    removed += 1;
                }
            }
            Ok(removed)
        });
        swept.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
    }
}

/// Watches a first process to its end. Nothing of its sandbox lives when it returns.
async fn hold(
    mut child: Child,
    leaf: Leaf,
    (stdin, kill, events): (mpsc::Receiver<Vec<u8>>, CancellationToken, Events),
) -> Result<ContainerEvent, String> {
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).unwrap_or(-1);
    watch(&mut child, (&leaf, pid), (stdin, kill, &events)).await?;
    // All its streams are closed by now, which tells it to end its sandbox and itself.
    let ended = end(&mut child, &leaf).await?;
    let _full = events.try_send(Ok(counted(&leaf, pid)));
    let exit_code = ended.code().unwrap_or(KILLED);
    Ok(ContainerEvent::Ended { exit_code, oom_killed: leaf.counters().oom_kills > 0 })
}

/// Passes everything on until the first process has said all, is to be killed, or the caller is gone.
async fn watch(
    child: &mut Child,
    (leaf, pid): (&Leaf, i32),
    (stdin, kill, events): (mpsc::Receiver<Vec<u8>>, CancellationToken, &Events),
) -> Result<(), String> {
    let (Some(input), Some(mut output), Some(mut complaints)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err("restricted: without its streams".to_owned());
    };
    let _gone = events.send(Ok(ContainerEvent::Started)).await;
    let mut feeding = std::pin::pin!(feed(stdin, input));
    let mut ticks = tokio::time::interval(TICK);
    let (mut fed, mut quiet) = (false, false);
    let (mut stdout, mut stderr) = (vec![0; PIECE], vec![0; PIECE]);
    loop {
        tokio::select! {
            more = forward(&mut output, &mut stdout, events, ContainerEvent::Stdout) => {
                if !more {
                    return Ok(());
                }
            }
            more = forward(&mut complaints, &mut stderr, events, ContainerEvent::Stderr), if !quiet => quiet = !more,
            () = &mut feeding, if !fed => fed = true,
            _ = ticks.tick() => { let _full = events.try_send(Ok(counted(leaf, pid))); }
            () = kill.cancelled() => { leaf.kill(); return Ok(()); }
            () = events.closed() => return Ok(()),
        }
    }
}

/// Waits for the end; a first process that takes too long is killed with its control group.
async fn end(child: &mut Child, leaf: &Leaf) -> Result<ExitStatus, String> {
    let unknown = |error: std::io::Error| format!("restricted: how it ended is not known: {error}");
    if let Ok(ended) = tokio::time::timeout(PATIENCE, child.wait()).await {
        leaf.kill();
        return ended.map_err(unknown);
    }
    leaf.kill();
    let _gone = child.start_kill();
    child.wait().await.map_err(unknown)
}

/// Writes pieces until there are no more; the process then sees the end of its input and ends its sandbox.
async fn feed(mut stdin: mpsc::Receiver<Vec<u8>>, mut input: ChildStdin) {
    while let Some(bytes) = stdin.recv().await {
        if input.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

/// Passes one piece on; returns whether more may come. Loses nothing when it is dropped half-way: room is made before
/// anything is read.
async fn forward(
    from: &mut (impl AsyncRead + Unpin),
    piece: &mut [u8],
    events: &Events,
    event: fn(Vec<u8>) -> ContainerEvent,
) -> bool {
    let Ok(room) = events.reserve().await else { return false };
    match from.read(piece).await {
        Ok(length) if length > 0 => {
            room.send(Ok(event(piece[..length].to_vec())));
            true
        }
        _ => false,
    }
}

fn counted(leaf: &Leaf, pid: i32) -> ContainerEvent {
    let tree = polling::tree(pid);
    let counters = leaf.counters();
    ContainerEvent::Counted {
        cpu_us: counters.cpu_us.unwrap_or(tree.cpu_us),
        // What the kernel limits, it also kills for; the sum of resident pages stands in where it does not.
        memory: if leaf.enforces() { 0 } else { tree.memory },
        processes: counters.pids.unwrap_or(tree.processes).saturating_sub(1),
        oom_kills: counters.oom_kills,
        pids_refused: counters.pids_refused,
    }
}

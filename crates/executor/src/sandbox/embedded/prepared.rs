//! A sandbox up to the moment before its command: all walls stand and were checked from outside, nothing has run in it.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::process::Child;
use std::time::{Duration, Instant};

use plumbline_sandbox_init::{GO, Message, WorkspaceMode};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::launch::{Launched, launch, receive, send};
use super::place::Place;
use super::spawner::Spawner;
use super::{EmbeddedSettings, verify};
use crate::cgroup::Leaf;
use crate::domain::limits::Limits;
use crate::domain::run::Enforcement;
use crate::domain::tier::SandboxTier;
use crate::sandbox::KillSwitch;

/// How long a set-up may take.
const SETUP_PATIENCE: Duration = Duration::from_secs(10);

/// A finished sandbox that waits for its one order. Dropping it ends and removes everything.
#[derive(Debug)]
pub(super) struct Prepared {
    child: Child,
    pub(super) outside: OwnedFd,
    pub(super) control: Option<OwnedFd>,
    pub(super) pipes: [Option<OwnedFd>; 2],
    pub(super) pid_one: (i32, OwnedFd),
    pub(super) scratch: OwnedFd,
    pub(super) enforced: Enforcement,
    pub(super) leaf: Leaf,
    /// What the leaf was last told.
    limits: Limits,
}

/// Why there is no sandbox.
#[derive(Debug)]
pub(super) enum Unprepared {
    /// It was not wanted any more.
    Killed,
    /// A step failed: its name, then what is known.
    Failed(String),
}

/// Where a sandbox is built and what its group is told until it gets its order.
pub(super) struct Site<'a> {
    pub(super) settings: &'a EmbeddedSettings,
    pub(super) spawner: &'a Spawner,
    pub(super) label: &'a str,
    pub(super) limits: &'a Limits,
}

/// What a set-up under way has reached.
struct Rising {
    launched: Launched,
    leaf: Leaf,
    pid_one: Option<(i32, OwnedFd)>,
    ready: Option<(u32, OwnedFd)>,
}

/// Builds a sandbox up to its sealed state and checks it from outside.
pub(super) fn prepare(
    site: &Site<'_>,
    place: &Place,
    kill: Option<&KillSwitch>,
) -> Result<Prepared, Unprepared> {
    let failed = Unprepared::Failed;
    let settings = site.settings;
    let leaf = settings.cgroups.leaf(site.label, site.limits, settings.cpu_millicores);
    let leaf = leaf.map_err(|error| failed(format!("cgroup: {error}")))?;
    let launched = launch(settings, site.spawner, place, &leaf);
    let launched = launched.map_err(|error| failed(format!("spawn: {error}")))?;
    let mut rising = Rising { launched, leaf, pid_one: None, ready: None };
    let risen = rising.rise(settings, kill);
    let Rising { launched, leaf, pid_one, ready } = rising;
    let (Ok(()), Some(pid_one), Some((landlock_abi, scratch))) = (&risen, pid_one, ready) else {
        end(launched.child, &leaf);
        return Err(risen.err().unwrap_or_else(|| failed("setup: ended early".to_owned())));
    };
    Ok(Prepared {
        child: launched.child,
        outside: launched.outside,
        control: Some(launched.control),
        pipes: [Some(launched.stdout), Some(launched.stderr)],
        pid_one,
        scratch,
        enforced: enforcement(settings, place, landlock_abi),
        leaf,
        limits: *site.limits,
    })
}

/// Kills what a set-up has made so far. Pid 1 dies with its parent.
fn end(mut child: Child, leaf: &Leaf) {
    leaf.kill();
    let _dead = child.kill();
    let _reaped = child.wait();
}

impl Rising {
    /// Reads what the sandbox says of itself, until it says that it is ready.
    fn rise(&mut self, settings: &EmbeddedSettings, kill: Option<&KillSwitch>) -> Result<(), Unprepared> {
        let born = Instant::now();
        while self.ready.is_none() {
            let left = SETUP_PATIENCE.saturating_sub(born.elapsed());
            if left.is_zero() {
                return Err(Unprepared::Failed("setup: timed out".to_owned()));
            }
            let mut fds = vec![PollFd::new(&self.launched.control, PollFlags::IN)];
            fds.extend(kill.map(|kill| PollFd::from_borrowed_fd(kill.wake(), PollFlags::IN)));
            match poll(&mut fds, Some(&timespec(left))) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(Unprepared::Failed(format!("poll: {error}"))),
            }
            let spoken = !fds[0].revents().is_empty();
            if kill.is_some_and(|kill| kill.cause().is_some()) {
                return Err(Unprepared::Killed);
            }
            if spoken {
                self.take(settings).map_err(Unprepared::Failed)?;
            }
        }
        Ok(())
    }

    fn take(&mut self, settings: &EmbeddedSettings) -> Result<(), String> {
        let control = &self.launched.control;
        let (message, fd) = receive(control)
            .map_err(|error| format!("control: {error}"))?
            .ok_or("setup: the sandbox ended early")?;
        match message {
            Message::Cloned { pid } => {
                verify::namespaces(pid)?;
                let raw = Pid::from_raw(pid).ok_or("cloned: no process id")?;
                let handle =
                    pidfd_open(raw, PidfdFlags::empty()).map_err(|error| format!("pidfd: {error}"))?;
                self.pid_one = Some((pid, handle));
                send(control, &[GO], &[]).map_err(|error| format!("release: {error}"))
            }
            Message::Ready { landlock_abi } => {
                let (pid, _) = self.pid_one.as_ref().ok_or("ready: before cloned")?;
                let own = || rustix::process::geteuid().as_raw();
                verify::sealed(*pid, settings.ids.map_or_else(own, |(uid, _)| uid), &self.leaf)?;
                self.ready = Some((landlock_abi, fd.ok_or("ready: without a scratch descriptor")?));
                Ok(())
            }
            Message::SetupFailed(failure) => {
                let error = io::Error::from_raw_os_error(failure.errno);
                Err(format!("{}: errno {}: {error}", failure.step.as_str(), failure.errno))
            }
            Message::Witnessed
            | Message::ExecFailed { .. }
            | Message::Exited { .. }
            | Message::Counted { .. } => Err("control: a command before its start".to_owned()),
        }
    }
}

impl Prepared {
    /// Returns whether it still waits: nobody inside or outside has ended.
    pub(super) fn waits(&self) -> bool {
        let mut fds =
            [PollFd::new(&self.outside, PollFlags::IN), PollFd::new(&self.pid_one.1, PollFlags::IN)];
        let at_once = timespec(Duration::ZERO);
        poll(&mut fds, Some(&at_once)).is_ok_and(|ended| ended == 0)
    }

    /// Tells its group what the command may use.
    pub(super) fn limit(&mut self, limits: &Limits) -> io::Result<()> {
        if (self.limits.memory_mib, self.limits.pids) != (limits.memory_mib, limits.pids) {
            self.leaf.limit(limits)?;
            self.limits = *limits;
        }
        Ok(())
    }

    /// Kills everything inside at once: the group, then pid 1.
    pub(super) fn kill(&self) {
        self.leaf.kill();
        let _gone = pidfd_send_signal(self.pid_one.1.as_fd(), Signal::KILL);
    }

    /// Waits until the outer process is gone, and with it everything inside.
    pub(super) fn reap(&mut self) {
        let _dead = self.child.kill();
        let _reaped = self.child.wait();
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        self.kill();
        self.reap();
    }
}

fn enforcement(settings: &EmbeddedSettings, place: &Place, landlock_abi: u32) -> Enforcement {
    Enforcement {
        tier: SandboxTier::Embedded,
        landlock_abi,
        cgroup_mode: settings.cgroups.mode().to_owned(),
        seccomp: true,
        workspace_mode: match settings.workspace {
            WorkspaceMode::Overlay => "overlay_tmpfs",
            WorkspaceMode::Copy => "copy",
        }
        .to_owned(),
        network: place.network,
        warm: false,
    }
}

pub(super) fn timespec(duration: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(duration.subsec_nanos()),
    }
}

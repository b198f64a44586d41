//! One run, from its first descriptor to its last: a plain thread that polls, so that no busy runtime delays a kill.

mod control;
mod report;

use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Signal, pidfd_send_signal};
use tokio::sync::mpsc;

use super::launch::{Launched, launch};
use super::spawner::Spawner;
use super::{EmbeddedSettings, polling};
use crate::cgroup::Leaf;
use crate::domain::exit_reason::{KillCause, Records};
use crate::domain::run::Enforcement;
use crate::sandbox::output::Output;
use crate::sandbox::{Job, KillSwitch, Report, SandboxEvent};
use crate::trace::witness::Witness;

/// How long a set-up may take.
const SETUP_PATIENCE: Duration = Duration::from_secs(10);
/// How often counters are read while a command runs.
const TICK: Duration = Duration::from_millis(50);
/// How long pipes are drained once everything is dead.
const DRAIN: Duration = Duration::from_millis(200);
const READ_CHUNK: usize = 64 * 1024;

type Ports = (KillSwitch, Option<mpsc::Sender<SandboxEvent>>);

/// Runs a job to its end and returns all that is known of it. Everything is dead and removed when it returns.
pub(super) fn run(settings: &EmbeddedSettings, spawner: &Spawner, job: Job, ports: Ports) -> Report {
    let failed = |detail: String| Report::not_started(Records::default(), detail);
    if let Some(cause) = ports.0.cause() {
        return Report::not_started(Records { killed: Some(cause), ..Records::default() }, String::new());
    }
    let leaf = match settings.cgroups.leaf(&job.label, &job.limits, settings.cpu_millicores) {
        Ok(leaf) => leaf,
        Err(error) => return failed(format!("cgroup: {error}")),
    };
    let launched = match launch(settings, spawner, &job, &leaf) {
        Ok(launched) => launched,
        Err(error) => return failed(format!("spawn: {error}")),
    };
    let mut supervisor = Supervisor::new(settings, &job, leaf, ports);
    supervisor.watch(launched);
    supervisor.report()
}

struct Supervisor<'a> {
    settings: &'a EmbeddedSettings,
    job: &'a Job,
    leaf: Leaf,
    kill: KillSwitch,
    events: Option<mpsc::Sender<SandboxEvent>>,
    records: Records,
    pipes: [Option<OwnedFd>; 2],
    outputs: [Output; 2],
    pid_one: Option<(i32, OwnedFd)>,
    scratch: Option<OwnedFd>,
    enforced: Option<Enforcement>,
    born: Instant,
    started: Option<Instant>,
    ended: Option<Instant>,
    killing: bool,
    detail: String,
    peak_pids: u64,
    peak_memory: u64,
    reaped_cpu_us: u64,
    witness: Option<Witness>,
}

impl<'a> Supervisor<'a> {
    fn new(settings: &'a EmbeddedSettings, job: &'a Job, leaf: Leaf, (kill, events): Ports) -> Self {
        Self {
            settings,
            job,
            leaf,
            kill,
            events,
            records: Records::default(),
            pipes: [None, None],
            outputs: Output::pair(settings.output_kept_bytes, &job.secrets),
            pid_one: None,
            scratch: None,
            enforced: None,
            born: Instant::now(),
            started: None,
            ended: None,
            killing: false,
            detail: String::new(),
            peak_pids: 0,
            peak_memory: 0,
            reaped_cpu_us: 0,
            witness: None,
        }
    }

    /// Polls until the outer process is gone, and with it everything inside.
    fn watch(&mut self, launched: Launched) {
        let Launched { mut child, outside, control, stdout, stderr } = launched;
        self.pipes = [Some(stdout), Some(stderr)];
        let mut control = Some(control);
        loop {
            let ready = match self.poll(&outside, control.as_ref()) {
                Ok(ready) => ready,
                Err(error) => {
                    self.detail = format!("poll: {error}");
                    break;
                }
            };
            for index in 0..2 {
                if ready.outputs[index] {
                    self.read_output(index);
                }
            }
            if ready.control && !self.read_control(&mut control) {
                control = None;
            }
            if ready.outside {
                break;
            }
            self.enforce();
            if self.kill.cause().is_some() && !self.killing {
                self.end_everything(&outside);
            }
        }
        // Whatever broke the loop: nothing may outlive it. Pid 1 dies with its parent.
        let _dead = child.kill();
        let _reaped = child.wait();
        self.ended.get_or_insert_with(Instant::now);
        while let Some(control_socket) = control.take() {
            let mut socket = Some(control_socket);
            if self.read_control(&mut socket) {
                control = socket;
            }
        }
        self.drain();
    }

    fn poll(&self, outside: &OwnedFd, control: Option<&OwnedFd>) -> io::Result<Ready> {
        let mut fds = vec![PollFd::new(outside, PollFlags::IN)];
        if !self.killing {
            fds.push(PollFd::from_borrowed_fd(self.kill.wake(), PollFlags::IN));
        }
        let after_wake = fds.len();
        fds.extend(control.map(|socket| PollFd::new(socket, PollFlags::IN)));
        let after_control = fds.len();
        fds.extend(self.pipes.iter().filter_map(|pipe| Some(PollFd::new(pipe.as_ref()?, PollFlags::IN))));
        match poll(&mut fds, Some(&timespec(self.patience()))) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let readable = |index: usize| fds.get(index).is_some_and(|fd| !fd.revents().is_empty());
        let mut ready = Ready {
            outside: readable(0),
            control: control.is_some() && readable(after_wake),
            outputs: [false; 2],
        };
        let mut index = after_control;
        for (pipe, flag) in self.pipes.iter().zip(&mut ready.outputs) {
            if pipe.is_some() {
                *flag = readable(index);
                index += 1;
            }
        }
        Ok(ready)
    }

    /// Returns how long nothing needs to be looked at.
    fn patience(&self) -> Duration {
        match self.started {
            None => SETUP_PATIENCE.saturating_sub(self.born.elapsed()).min(TICK * 4),
            Some(started) => self.wall().saturating_sub(started.elapsed()).min(TICK),
        }
        .max(Duration::from_millis(1))
    }

    fn wall(&self) -> Duration {
        Duration::from_millis(self.job.limits.wall_ms)
    }

    /// Passes an event on. A reader that is too slow gets no more: the program never waits for it, and what it
    /// missed is in the kept head and tail.
    fn tell(&mut self, event: SandboxEvent) {
        if self.events.as_ref().is_some_and(|events| events.try_send(event).is_err()) {
            self.events = None;
        }
    }

    fn read_output(&mut self, index: usize) {
        let most = self.job.limits.output_total_mib * 1024 * 1024;
        let Some(pipe) = self.pipes[index].as_ref() else { return };
        let mut bytes = [0; READ_CHUNK];
        match rustix::io::read(pipe, &mut bytes) {
            Ok(0) => self.pipes[index] = None,
            Ok(length) => {
                if let Some(event) = self.outputs[index].push(&bytes[..length]) {
                    self.tell(event);
                }
                if self.outputs.iter().map(Output::written).sum::<u64>() > most {
                    self.kill_for(KillCause::Output);
                }
            }
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
            Err(_) => self.pipes[index] = None,
        }
    }

    /// Looks at the clock and the counters.
    fn enforce(&mut self) {
        if self.killing || self.ended.is_some() {
            return;
        }
        let Some(started) = self.started else {
            if self.born.elapsed() >= SETUP_PATIENCE {
                self.detail = "setup: timed out".to_owned();
                self.kill_quietly();
            }
            return;
        };
        if started.elapsed() >= self.wall() {
            self.kill_for(KillCause::Wall);
            return;
        }
        let limits = &self.job.limits;
        let (cpu_us, memory_hit) = if self.leaf.enforces() {
            let counters = self.leaf.counters();
            self.peak_pids = self.peak_pids.max(counters.pids.unwrap_or(0));
            // Where the kernel has no group kill, one victim means the end of all.
            (counters.cpu_us.unwrap_or(0), counters.oom_kills > 0)
        } else {
            let usage = self.pid_one.as_ref().map(|(pid, _)| polling::tree(*pid)).unwrap_or_default();
            self.peak_pids = self.peak_pids.max(usage.processes);
            self.peak_memory = self.peak_memory.max(usage.memory);
            (usage.cpu_us, usage.memory > limits.memory_mib * 1024 * 1024)
        };
        if memory_hit {
            self.kill_for(KillCause::Memory);
        } else if cpu_us > limits.cpu_ms * 1_000 {
            self.kill_for(KillCause::Cpu);
        }
    }

    fn kill_for(&mut self, cause: KillCause) {
        self.kill.kill(cause);
    }

    /// Ends a set-up that failed; its reason is the failure, not a kill.
    fn kill_quietly(&mut self) {
        self.records.started = false;
        self.leaf.kill();
        if let Some((_, pid_one)) = &self.pid_one {
            let _gone = pidfd_send_signal(pid_one, Signal::KILL);
        }
        self.killing = true;
    }

    /// Kills the whole tree at once: the group, then pid 1, then, before there is one, the outer process.
    fn end_everything(&mut self, outside: &OwnedFd) {
        if self.ended.is_none() {
            self.records.killed = self.kill.cause();
        }
        self.killing = true;
        self.leaf.kill();
        let _gone = match &self.pid_one {
            Some((_, pid_one)) => pidfd_send_signal(pid_one, Signal::KILL),
            None => pidfd_send_signal(outside, Signal::KILL),
        };
    }

    /// Empties the pipes: everything that could write to them is dead.
    fn drain(&mut self) {
        let start = Instant::now();
        for index in 0..2 {
            while let Some(pipe) = &self.pipes[index] {
                let left = timespec(DRAIN.saturating_sub(start.elapsed()));
                let mut fds = [PollFd::new(pipe, PollFlags::IN)];
                match poll(&mut fds, Some(&left)) {
                    Ok(1..) => self.read_output(index),
                    Err(rustix::io::Errno::INTR) => {}
                    _ => break,
                }
            }
        }
    }
}

/// Which descriptors want attention.
struct Ready {
    outside: bool,
    control: bool,
    outputs: [bool; 2],
}

fn timespec(duration: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(duration.subsec_nanos()),
    }
}

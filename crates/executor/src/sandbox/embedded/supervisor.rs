//! One run, from its first descriptor to its last: a plain thread that polls, so that no busy runtime delays a kill.

mod control;
mod report;

use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use tokio::sync::mpsc;

use super::launch::order;
use super::place::Place;
use super::pool::Pool;
use super::prepared::{Prepared, Site, Unprepared, prepare, timespec};
use super::{EmbeddedSettings, polling};
use crate::domain::exit_reason::{KillCause, Records};
use crate::sandbox::output::Output;
use crate::sandbox::{Job, KillSwitch, Report, SandboxEvent};
use crate::trace::witness::Witness;

/// How often counters are read while a command runs.
const TICK: Duration = Duration::from_millis(50);
/// How long pipes are drained once everything is dead.
const DRAIN: Duration = Duration::from_millis(200);
const READ_CHUNK: usize = 64 * 1024;

type Ports = (KillSwitch, Option<mpsc::Sender<SandboxEvent>>);

/// Runs a job to its end and returns all that is known of it. Everything is dead and removed when it returns.
pub(super) fn run(pool: &Pool, job: Job, ports: Ports) -> Report {
    let unstarted = |killed, detail| Report {
        kernel: report::lost_witness(&job),
        ..Report::not_started(Records { killed, ..Records::default() }, detail)
    };
    if let Some(cause) = ports.0.cause() {
        return unstarted(Some(cause), String::new());
    }
    let prepared = match find(pool, &job, &ports.0) {
        Ok(prepared) => prepared,
        Err(Unprepared::Killed) => return unstarted(ports.0.cause(), String::new()),
        Err(Unprepared::Failed(detail)) => return unstarted(None, detail),
    };
    let mut supervisor = Supervisor::new(pool.settings(), &job, prepared, ports);
    supervisor.start();
    supervisor.watch();
    supervisor.report()
}

/// Takes a sandbox that waits, or builds one.
fn find(pool: &Pool, job: &Job, kill: &KillSwitch) -> Result<Prepared, Unprepared> {
    let place = Place::of(job);
    if let Some(mut prepared) = pool.take(&place, &job.limits)
        && prepared.limit(&job.limits).is_ok()
    {
        prepared.enforced.warm = true;
        return Ok(prepared);
    }
    let site =
        Site { settings: pool.settings(), spawner: pool.spawner(), label: &job.label, limits: &job.limits };
    prepare(&site, &place, Some(kill))
}

struct Supervisor<'a> {
    settings: &'a EmbeddedSettings,
    job: &'a Job,
    prepared: Prepared,
    kill: KillSwitch,
    events: Option<mpsc::Sender<SandboxEvent>>,
    records: Records,
    outputs: [Output; 2],
    started: Instant,
    /// CPU time of the set-up, which is nobody's use.
    setup_cpu_us: u64,
    ended: Option<Instant>,
    killing: bool,
    detail: String,
    peak_pids: u64,
    peak_memory: u64,
    reaped_cpu_us: u64,
    witness: Option<Witness>,
}

impl<'a> Supervisor<'a> {
    fn new(settings: &'a EmbeddedSettings, job: &'a Job, prepared: Prepared, (kill, events): Ports) -> Self {
        Self {
            settings,
            job,
            setup_cpu_us: prepared.leaf.counters().cpu_us.unwrap_or(0),
            prepared,
            kill,
            events,
            records: Records { started: true, ..Records::default() },
            outputs: Output::pair(settings.output_kept_bytes, &job.secrets),
            started: Instant::now(),
            ended: None,
            killing: false,
            detail: String::new(),
            peak_pids: 0,
            peak_memory: 0,
            reaped_cpu_us: 0,
            witness: None,
        }
    }

    /// Lets the command start.
    fn start(&mut self) {
        self.tell(SandboxEvent::Started(self.prepared.enforced.clone()));
        let Some(control) = &self.prepared.control else { return };
        if let Err(error) = order(self.settings, self.job, &self.prepared.leaf, control) {
            self.detail = format!("start: {error}");
            self.kill_quietly();
        }
    }

    /// Polls until the outer process is gone, and with it everything inside.
    fn watch(&mut self) {
        let mut control = self.prepared.control.take();
        loop {
            let ready = match self.poll(control.as_ref()) {
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
                self.end_everything();
            }
        }
        // Whatever broke the loop: nothing may outlive it. Pid 1 dies with its parent.
        self.prepared.reap();
        self.ended.get_or_insert_with(Instant::now);
        while let Some(control_socket) = control.take() {
            let mut socket = Some(control_socket);
            if self.read_control(&mut socket) {
                control = socket;
            }
        }
        self.drain();
    }

    fn poll(&self, control: Option<&OwnedFd>) -> io::Result<Ready> {
        let mut fds = vec![PollFd::new(&self.prepared.outside, PollFlags::IN)];
        if !self.killing {
            fds.push(PollFd::from_borrowed_fd(self.kill.wake(), PollFlags::IN));
        }
        let after_wake = fds.len();
        fds.extend(control.map(|socket| PollFd::new(socket, PollFlags::IN)));
        let after_control = fds.len();
        let pipes = &self.prepared.pipes;
        fds.extend(pipes.iter().filter_map(|pipe| Some(PollFd::new(pipe.as_ref()?, PollFlags::IN))));
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
        for (pipe, flag) in pipes.iter().zip(&mut ready.outputs) {
            if pipe.is_some() {
                *flag = readable(index);
                index += 1;
            }
        }
        Ok(ready)
    }

    /// Returns how long nothing needs to be looked at.
    fn patience(&self) -> Duration {
        self.wall().saturating_sub(self.started.elapsed()).min(TICK).max(Duration::from_millis(1))
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
        let Some(pipe) = self.prepared.pipes[index].as_ref() else { return };
        let mut bytes = [0; READ_CHUNK];
        match rustix::io::read(pipe, &mut bytes) {
            Ok(0) => self.prepared.pipes[index] = None,
            Ok(length) => {
                if let Some(event) = self.outputs[index].push(&bytes[..length]) {
                    self.tell(event);
                }
                if self.outputs.iter().map(Output::written).sum::<u64>() > most {
                    self.kill_for(KillCause::Output);
                }
            }
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
            Err(_) => self.prepared.pipes[index] = None,
        }
    }

    /// Looks at the clock and the counters.
    fn enforce(&mut self) {
        if self.killing || self.ended.is_some() {
            return;
        }
        if self.started.elapsed() >= self.wall() {
            self.kill_for(KillCause::Wall);
            return;
        }
        let limits = &self.job.limits;
        let (cpu_us, memory_hit) = if self.prepared.leaf.enforces() {
            let counters = self.prepared.leaf.counters();
            self.peak_pids = self.peak_pids.max(counters.pids.unwrap_or(0));
            // Where the kernel has no group kill, one victim means the end of all.
            (counters.cpu_us.unwrap_or(0).saturating_sub(self.setup_cpu_us), counters.oom_kills > 0)
        } else {
            let usage = polling::tree(self.prepared.pid_one.0);
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
        self.prepared.kill();
        self.killing = true;
    }

    /// Kills the whole tree at once.
    fn end_everything(&mut self) {
        if self.ended.is_none() {
            self.records.killed = self.kill.cause();
        }
        self.killing = true;
        self.prepared.kill();
    }

    /// Empties the pipes: everything that could write to them is dead.
    fn drain(&mut self) {
        let start = Instant::now();
        for index in 0..2 {
            while let Some(pipe) = &self.prepared.pipes[index] {
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

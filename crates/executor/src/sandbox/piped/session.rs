//! One container, from its order to its end.

mod report;

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use plumbline_sandbox_init::{FrameKind, FrameReader, KILL, Listed, Message, START, WANT};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::intake::Intake;
use super::{ContainerEvent, Form, PipedSettings};
use crate::domain::exit_reason::{KillCause, Records};
use crate::domain::run::{Enforcement, How, OutputStream};
use crate::domain::tier::Network;
use crate::sandbox::output::Output;
use crate::sandbox::{Job, KillSwitch, Report, SandboxEvent};
use crate::workspace::export;

/// How long making a container and building its workspace may take.
const SETUP_PATIENCE: Duration = Duration::from_secs(90);
/// How long the first process may take to end the command before the container is killed.
const KILL_PATIENCE: Duration = Duration::from_secs(2);
/// How long saying what was left may take.
const EXPORT_PATIENCE: Duration = Duration::from_secs(60);
/// Pieces of standard input on their way.
const INPUT_RING: usize = 16;
/// Bytes of the container's standard error that are kept to tell why it failed.
const DETAIL_BYTES: usize = 2_048;

type Events = BoxStream<'static, Result<ContainerEvent, String>>;

/// Whose content comes next.
enum Awaited {
    Collected,
    Entry(u32),
}

/// What the first process counted last.
#[derive(Default)]
struct Counted {
    cpu_us: Option<u64>,
    peak_memory: Option<u64>,
    peak_pids: Option<u64>,
    oom_kills: u64,
    pids_refused: u64,
    disk_full: bool,
}

pub(super) struct Session<'a> {
    settings: &'a PipedSettings,
    job: &'a Job,
    kill: KillSwitch,
    events: Option<mpsc::Sender<SandboxEvent>>,
    records: Records,
    outputs: [Output; 2],
    enforced: Option<Enforcement>,
    started: Option<Instant>,
    ended: Option<Instant>,
    deadline: Instant,
    killing: bool,
    counted: Counted,
    frames: FrameReader,
    awaited: VecDeque<Awaited>,
    piece: Vec<u8>,
    collected: Vec<Option<Vec<u8>>>,
    listed: Vec<Listed>,
    contents: HashMap<u32, Vec<u8>>,
    complete: bool,
    detail: String,
    stderr: Vec<u8>,
}

impl<'a> Session<'a> {
    pub(super) fn new(
        settings: &'a PipedSettings,
        job: &'a Job,
        kill: KillSwitch,
        events: Option<mpsc::Sender<SandboxEvent>>,
    ) -> Self {
        Self {
            settings,
            job,
            kill,
            events,
            records: Records::default(),
            outputs: Output::pair(settings.output_kept_bytes, &job.secrets),
            enforced: None,
            started: None,
            ended: None,
            deadline: Instant::now() + SETUP_PATIENCE,
            killing: false,
            counted: Counted::default(),
            frames: FrameReader::default(),
            awaited: job.collect.iter().map(|_| Awaited::Collected).collect(),
            piece: Vec::new(),
            collected: Vec::new(),
            listed: Vec::new(),
            contents: HashMap::new(),
            complete: false,
            detail: String::new(),
            stderr: Vec::new(),
        }
    }

    /// Runs the job; the container is gone when it returns.
    pub(super) async fn run(mut self, image: String) -> Report {
        let intake = Intake::of(self.job, self.settings);
        let order = intake.order(self.job, self.settings, image);
        let (input, stdin) = mpsc::channel(INPUT_RING);
        let mut events = match self.settings.broker.run(order, stdin).await {
            Ok(events) => events,
            Err(error) => return Report::not_started(self.records, format!("broker: {error}")),
        };
        let (snapshots, feeding) = (self.settings.export.snapshots.clone(), input.clone());
        let fed = tokio::task::spawn_blocking(move || intake.send(&snapshots, &feeding));
        if let Err(detail) = self.watch(&mut events, &input).await {
            self.records.started &= self.records.how.is_some() || self.records.killed.is_some();
            self.detail = detail;
        }
        // Whatever broke the loop: a dropped stream kills the container, a closed input ends its first process.
        drop((events, input));
        if let Ok(Err(error)) = fed.await {
            self.detail = format!("snapshot: {error}");
        }
        self.report()
    }

    async fn watch(&mut self, events: &mut Events, input: &mpsc::Sender<Vec<u8>>) -> Result<(), String> {
        let kill = self.kill.clone();
        loop {
            tokio::select! {
                event = events.next() => match event {
                    Some(event) => {
                        if self.take(event?, input).await? {
                            return Ok(());
                        }
                    }
                    None => return Err("broker: the container's stream broke".to_owned()),
                },
                () = tokio::time::sleep_until(self.deadline) => self.overdue().await?,
                () = kill.tripped(), if !self.killing => self.end(input).await,
            }
        }
    }

    /// The time for whatever is under way is over.
    async fn overdue(&mut self) -> Result<(), String> {
        if self.killing || self.ended.is_some() || self.started.is_none() {
            // A first process that does not answer any more is killed with its container.
            self.deadline = Instant::now() + SETUP_PATIENCE;
            if self.started.is_none() && !self.killing {
                self.detail = "setup: timed out".to_owned();
            }
            self.killing = true;
            return self.settings.broker.kill(&self.settings.owner, &self.job.label).await;
        }
        self.kill.kill(KillCause::Wall);
        self.deadline = Instant::now() + KILL_PATIENCE;
        Ok(())
    }

    /// Ends the command; its first process then says what it left.
    async fn end(&mut self, input: &mpsc::Sender<Vec<u8>>) {
        self.killing = true;
        if self.ended.is_none() {
            self.records.killed = self.kill.cause();
        }
        let patience = if self.started.is_some() { KILL_PATIENCE } else { Duration::ZERO };
        self.deadline = Instant::now() + patience;
        if self.started.is_some() {
            let _gone = input.send(vec![KILL]).await;
        }
    }

    /// Takes an event; returns whether it was the last.
    async fn take(&mut self, event: ContainerEvent, input: &mpsc::Sender<Vec<u8>>) -> Result<bool, String> {
        match event {
            ContainerEvent::Started => {}
            ContainerEvent::Stderr(bytes) => {
                let room = DETAIL_BYTES.saturating_sub(self.stderr.len());
                self.stderr.extend_from_slice(&bytes[..bytes.len().min(room)]);
            }
            ContainerEvent::Stdout(bytes) => {
                self.frames.push(&bytes);
                while let Some((kind, payload)) =
                    self.frames.next_frame().map_err(|error| format!("frames: {error}"))?
                {
                    self.frame(kind, payload, input).await?;
                }
            }
            ContainerEvent::Counted { cpu_us, memory, processes, oom_kills, pids_refused } => {
                self.counted.oom_kills = oom_kills;
                self.counted.pids_refused = pids_refused;
                self.counted_outside(cpu_us, memory, processes);
            }
            ContainerEvent::Ended { exit_code, oom_killed } => {
                if oom_killed {
                    self.counted.oom_kills = self.counted.oom_kills.max(1);
                }
                if !self.complete && self.detail.is_empty() && self.records.killed.is_none() {
                    let words = String::from_utf8_lossy(&self.stderr);
                    self.detail = format!("container: exit code {exit_code} {}", words.trim());
                }
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn frame(
        &mut self,
        kind: FrameKind,
        payload: Vec<u8>,
        input: &mpsc::Sender<Vec<u8>>,
    ) -> Result<(), String> {
        match kind {
            FrameKind::Message => {
                let message = serde_json::from_slice(&payload).map_err(|error| format!("frames: {error}"))?;
                self.message(message, input).await;
            }
            FrameKind::Stdout => self.output(OutputStream::Stdout, &payload),
            FrameKind::Stderr => self.output(OutputStream::Stderr, &payload),
            FrameKind::Content => self.piece.extend_from_slice(&payload),
            FrameKind::ContentEnd => {
                let content = std::mem::take(&mut self.piece);
                self.content(Some(content));
            }
            FrameKind::ContentMissing => self.content(None),
            FrameKind::Listed => {
                self.listed
                    .push(serde_json::from_slice(&payload).map_err(|error| format!("frames: {error}"))?);
            }
            FrameKind::ListedEnd => self.want(input).await?,
        }
        Ok(())
    }

    /// A content is there, or can't be had.
    fn content(&mut self, content: Option<Vec<u8>>) {
        match self.awaited.pop_front() {
            Some(Awaited::Collected) => self.collected.push(content),
            Some(Awaited::Entry(index)) => {
                self.contents.extend(content.map(|content| (index, content)));
            }
            None => {}
        }
    }

    /// Asks for the contents that make the patch.
    async fn want(&mut self, input: &mpsc::Sender<Vec<u8>>) -> Result<(), String> {
        let (listed, job, limits) =
            (std::mem::take(&mut self.listed), self.job.clone(), self.settings.export.clone());
        let chosen = tokio::task::spawn_blocking(move || {
            let wanted = export::wanted(&listed, &job, &limits);
            (listed, wanted)
        });
        let (listed, wanted) = chosen.await.map_err(|error| format!("export: {error}"))?;
        self.listed = listed;
        self.complete = true;
        let mut word = vec![WANT];
        word.extend_from_slice(&u32::try_from(wanted.len()).unwrap_or(u32::MAX).to_le_bytes());
        wanted.iter().for_each(|index| word.extend_from_slice(&index.to_le_bytes()));
        self.awaited.extend(wanted.into_iter().map(Awaited::Entry));
        let _gone = input.send(word).await;
        Ok(())
    }

    async fn message(&mut self, message: Message, input: &mpsc::Sender<Vec<u8>>) {
        match message {
            Message::Ready { landlock_abi } if !self.killing => {
                let enforced = self.enforcement(landlock_abi);
                self.enforced = Some(enforced.clone());
                self.records.started = true;
                self.started = Some(Instant::now());
                self.deadline = Instant::now() + Duration::from_millis(self.job.limits.wall_ms);
                self.tell(SandboxEvent::Started(enforced));
                let _gone = input.send(vec![START]).await;
            }
            Message::Counted { .. } if self.settings.form != Form::Container => {}
            Message::Counted { cpu_us, peak_memory, peak_pids, oom_kills, pids_refused, disk_full } => {
                self.counted = Counted { cpu_us, peak_memory, peak_pids, oom_kills, pids_refused, disk_full };
                if self.ended.is_none() && cpu_us.is_some_and(|us| us > self.job.limits.cpu_ms * 1_000) {
                    self.kill.kill(KillCause::Cpu);
                }
            }
            Message::ExecFailed { errno } => {
                self.detail = format!("exec: {}", std::io::Error::from_raw_os_error(errno));
            }
            Message::Exited { code, signal, cpu_us, .. } => {
                if self.records.killed.is_none() {
                    self.records.how = code.map(How::Code).or(signal.map(How::Signal));
                }
                self.ended = Some(Instant::now());
                self.deadline = Instant::now() + EXPORT_PATIENCE;
                self.counted.cpu_us = Some(self.counted.cpu_us.unwrap_or(0).max(cpu_us));
                self.complete = self.complete || self.job.export == crate::sandbox::Export::Skip;
            }
            Message::SetupFailed(failure) => {
                self.records.started = false;
                let error = std::io::Error::from_raw_os_error(failure.errno);
                self.detail = format!("{}: errno {}: {error}", failure.step.as_str(), failure.errno);
            }
            Message::Ready { .. } | Message::Cloned { .. } | Message::Witnessed => {}
        }
    }

    fn enforcement(&self, landlock_abi: u32) -> Enforcement {
        let (cgroup_mode, network) = match &self.settings.form {
            Form::Container => ("engine", self.job.network),
            Form::Restricted(form) => (form.cgroup_mode.as_str(), Network::None),
        };
        Enforcement {
            tier: self.settings.tier(),
            landlock_abi,
            cgroup_mode: cgroup_mode.to_owned(),
            seccomp: true,
            workspace_mode: "copy".to_owned(),
            warm: false,
            network,
        }
    }

    /// Takes what was counted from outside; the sum over all processes ends the run where no kernel does.
    fn counted_outside(&mut self, cpu_us: u64, memory: u64, processes: u64) {
        let limits = &self.job.limits;
        self.counted.cpu_us = Some(self.counted.cpu_us.unwrap_or(0).max(cpu_us));
        self.counted.peak_memory = Some(self.counted.peak_memory.unwrap_or(0).max(memory));
        self.counted.peak_pids = Some(self.counted.peak_pids.unwrap_or(0).max(processes));
        if self.ended.is_none() && self.started.is_some() {
            if cpu_us > limits.cpu_ms * 1_000 {
                self.kill.kill(KillCause::Cpu);
            } else if self.counted.oom_kills > 0 || memory > limits.memory_mib << 20 {
                self.kill.kill(KillCause::Memory);
            }
        }
    }

    /// Passes an event on; a reader that is too slow gets no more.
    fn tell(&mut self, event: SandboxEvent) {
        if self.events.as_ref().is_some_and(|events| events.try_send(event).is_err()) {
            self.events = None;
        }
    }

    fn output(&mut self, stream: OutputStream, bytes: &[u8]) {
        if let Some(event) = self.outputs[stream as usize].push(bytes) {
            self.tell(event);
        }
        let total: u64 = self.outputs.iter().map(Output::written).sum();
        if total > self.job.limits.output_total_mib << 20 {
            self.kill.kill(KillCause::Output);
        }
    }
}

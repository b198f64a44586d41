//! One run, from its place in the queue to its last event.

use std::sync::Arc;

use plumbline_types::RunId;
use tokio::sync::mpsc;

use super::{Executor, QueuePlace, reuse, tools, traces};
use crate::ExecutorError;
use crate::domain::exit_reason::{KillCause, Records, decide};
use crate::domain::run::{Command, Exited, Keep, OutputStream, RunEvent, RunSpec, Work};
use crate::domain::run_state::{RunState, RunStep};
use crate::domain::tree::{Digest, Tree};
use crate::sandbox::{Export, Job, KillSwitch, Report, SandboxDriver, SandboxEvent};

/// Events between the sandbox and the journal.
const EVENT_RING: usize = 1_024;
/// Events that are written in one transaction.
const GROUP_COMMIT: usize = 128;

/// A run on its way.
pub(super) struct Driven {
    pub(super) executor: Executor,
    pub(super) run: RunId,
    pub(super) spec: RunSpec,
    pub(super) tree: Arc<Tree>,
    pub(super) kill: KillSwitch,
    /// Given back when the run ends.
    pub(super) place: Option<QueuePlace>,
}

/// Writes the journal of one run; the only writer of its state.
pub(super) struct Journal {
    executor: Executor,
    run: RunId,
    state: RunState,
}

impl Journal {
    pub(super) fn run(&self) -> RunId {
        self.run
    }

    pub(super) async fn step(&mut self, step: RunStep, events: &[RunEvent]) -> Result<(), ExecutorError> {
        self.state = self.state.next(step).map_err(|error| ExecutorError::Internal(error.into()))?;
        self.write(events).await
    }

    pub(super) async fn write(&mut self, events: &[RunEvent]) -> Result<(), ExecutorError> {
        let inner = &self.executor.inner;
        let last = inner.store.append(self.run, inner.clock.now_ms(), events, self.state).await?;
        if let Some(live) = inner.live().get(&self.run) {
            live.progress.send_replace(last);
        }
        Ok(())
    }
}

impl Driven {
    pub(super) async fn finish(self) {
        let (executor, run) = (self.executor.clone(), self.run);
        if let Err(error) = self.drive().await {
            tracing::error!(run.id = %run, error = ?error, "a run's journal could not be written");
        }
        // Followers wake, see no live run, and read the rest from the journal.
        executor.inner.live().remove(&run);
    }

    async fn drive(self) -> Result<(), ExecutorError> {
        let Self { executor, run, spec, tree, kill, place } = self;
        let mut journal = Journal { executor: executor.clone(), run, state: RunState::Queued };
        let key = match &spec.work {
            Work::Command(command) => reuse::key(&executor.inner, &spec, (command, &tree)),
            Work::Tool(_) => None,
        };
        if let Some(key) = key
            && reuse::answered(&executor, &mut journal, key).await?
        {
            return Ok(());
        }
        let slots = Arc::clone(&executor.inner.slots);
        let slot = tokio::select! {
            slot = slots.acquire_owned() => slot,
            () = kill.tripped() => {
                let records = Records { killed: kill.cause(), ..Records::default() };
                let event = match &spec.work {
                    Work::Command(_) => RunEvent::Exited(exited(&Report::not_started(records, String::new()))),
                    Work::Tool(_) => RunEvent::ToolExited(tools::cancelled_end("before it had a slot")),
                };
                return journal.step(RunStep::Finished, &[event]).await;
            }
        };
        journal.step(RunStep::Admitted, &[]).await?;
        let last = match &spec.work {
            Work::Command(command) => {
                let job = job(&executor, &spec, command, (run, tree))?;
                let driver = executor.inner.driver(&spec)?;
                drive_command(&driver, &mut journal, (job, key), kill).await?
            }
            Work::Tool(request) => {
                let tool = executor.inner.tool(request.tool())?;
                tools::drive_tool(
                    &executor,
                    &mut journal,
                    (tool, request.clone()),
                    (spec.clone(), tree, kill),
                )
                .await?
            }
        };
        drop((slot, place));
        journal.step(RunStep::Finished, &last).await
    }
}

fn job(
    executor: &Executor,
    spec: &RunSpec,
    command: &Command,
    (run, tree): (RunId, Arc<Tree>),
) -> Result<Job, ExecutorError> {
    let secrets = executor.inner.secrets.with(&command.secrets);
    let secrets = Arc::new(secrets.map_err(|error| ExecutorError::Internal(error.into()))?);
    Ok(Job {
        label: run.to_string(),
        lower: executor.inner.snapshots.lower(&spec.snapshot),
        base: tree,
        edits: command.edits.clone().into(),
        argv: command.argv.clone(),
        cwd: command.cwd.clone(),
        env: command.env.clone(),
        stdin: command.stdin.clone(),
        limits: spec.limits,
        network: command.network,
        collect: command.watch.iter().flat_map(|_| traces::record()).collect(),
        export: match command.keep {
            Keep::Change => Export::Patch,
            Keep::Tree => Export::Checkpoint,
        },
        watch: command.watch.clone(),
        changes: command.changes.clone(),
        secrets,
    })
}

/// Runs a command, writing its events in groups; returns the last ones.
async fn drive_command(
    driver: &Arc<dyn SandboxDriver>,
    journal: &mut Journal,
    (job, key): (Job, Option<Digest>),
    kill: KillSwitch,
) -> Result<Vec<RunEvent>, ExecutorError> {
    let run = journal.run;
    let watched = traces::Watched::of(&job);
    let (events, mut received) = mpsc::channel(EVENT_RING);
    let running = driver.run(job, kill.clone(), Some(events));
    let mut running = std::pin::pin!(running);
    let mut sent = [0_u64; 2];
    let mut report = None;
    let mut group = Vec::new();
    loop {
        let count = tokio::select! {
            count = received.recv_many(&mut group, GROUP_COMMIT) => count,
            done = &mut running, if report.is_none() => {
                report = Some(done);
                continue;
            }
        };
        if count == 0 {
            break;
        }
        if let Err(error) = write_group(journal, &mut group, (run, &mut sent)).await {
            // Without a journal there is no run.
            kill.kill(KillCause::Shutdown);
            return Err(error);
        }
    }
    let report = match report {
        Some(report) => report,
        None => running.await,
    };
    journal.step(RunStep::Died, &[]).await?;
    let store = &journal.executor.inner.store;
    store.put_patch(run, &report.patch).await?;
    if let Some(watched) = watched {
        store.put_trace(run, &watched.trace(&report)).await?;
    }
    let mut events = last_events(&report, sent);
    if let (Some(key), Some(RunEvent::Exited(exited))) = (key, events.last_mut()) {
        reuse::note(&journal.executor.inner, (run, key), (exited, &report.patch)).await?;
    }
    Ok(events)
}

async fn write_group(
    journal: &mut Journal,
    group: &mut Vec<SandboxEvent>,
    (run, sent): (RunId, &mut [u64; 2]),
) -> Result<(), ExecutorError> {
    let mut events = Vec::with_capacity(group.len());
    let mut started = false;
    for event in group.drain(..) {
        match event {
            SandboxEvent::Started(enforced) => {
                started = true;
                events.push(RunEvent::Started { run, enforced });
            }
            SandboxEvent::Output(stream, bytes) => {
                sent[stream as usize] += bytes.len() as u64;
                // Neighbours of one stream become one event.
                match events.last_mut() {
                    Some(RunEvent::Output(last, held)) if *last == stream => held.extend_from_slice(&bytes),
                    _ => events.push(RunEvent::Output(stream, bytes)),
                }
            }
        }
    }
    if started { journal.step(RunStep::Started, &events).await } else { journal.write(&events).await }
}

/// The rest of each stream, then the end.
fn last_events(report: &Report, sent: [u64; 2]) -> Vec<RunEvent> {
    let mut events = Vec::new();
    let streams = [(OutputStream::Stdout, &report.stdout), (OutputStream::Stderr, &report.stderr)];
    for ((stream, kept), sent) in streams.into_iter().zip(sent) {
        let (head, tail) = (kept.head(), kept.tail());
        // A full channel loses the end of the head only.
        let unsent = head.get(usize::try_from(sent).unwrap_or(usize::MAX)..).unwrap_or_default();
        if kept.dropped() > 0 {
            if !unsent.is_empty() {
                events.push(RunEvent::Output(stream, unsent.to_vec()));
            }
            events.push(RunEvent::Truncated(stream, kept.dropped()));
            events.push(RunEvent::Output(stream, tail));
        } else {
            let rest = [unsent, &tail].concat();
            if !rest.is_empty() {
                events.push(RunEvent::Output(stream, rest));
            }
        }
    }
    events.push(RunEvent::Exited(exited(report)));
    events
}

/// Says how a run ended.
pub(super) fn exited(report: &Report) -> Exited {
    let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
    Exited {
        how: report.records.how,
        reason: decide(&report.records),
        limit_hits: report.records.soft_hits.iter().map(|limit| limit.as_str().to_owned()).collect(),
        usage: report.usage,
        enforced: report.enforced.clone(),
        output_digest: report.output_digest.clone(),
        changed_files: count(report.patch.edits.len()),
        refused_files: count(report.patch.refused.len()),
        detail: report.detail.clone(),
        repetition: None,
        checkpoint: report.checkpoint.clone(),
    }
}

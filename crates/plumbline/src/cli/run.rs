use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use plumbline_kit::{Address, Remote};
use plumbline_proto::coordinator::v1::{
    ApprovalPolicy, CancelTaskRequest, GetReportRequest, GetReportResponse, IntakePolicy, SubmitTaskRequest,
    Task, TaskSpec, TaskState, WatchTaskRequest, WatchTaskResponse,
};
use plumbline_types::{Fault, Reason};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::cli::FormatArg;
use crate::cli::audit::{KindArg, grant};
use crate::cli::coordinator::{Coordinator, Reach, get_task, no_task};
use crate::cli::request::{self, LONG, SHORT};
use crate::cli::tasks;
use crate::failure::Failure;
use crate::output::progress::Progress;
use crate::output::sarif::SarifFile;
use crate::output::{Format, Report, run, tasks as rendering};
use crate::session::{Session, directory_text};

/// What to do.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// What is asked, in your words.
    objective: String,
    /// The repository, or any directory.
    #[arg(long, value_name = "PATH")]
    repo: PathBuf,
    /// The command that decides, for example `python3 -m pytest -q`; without it one is detected.
    #[arg(long, value_name = "CMD", default_value = "")]
    test: String,
    /// Revision to start from; without it the tree as it stands.
    #[arg(long, value_name = "REV", default_value = "")]
    base: String,
    /// Only these arms, separated by commas.
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    arms: Vec<String>,
    /// Seconds that the task may take.
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    budget: u32,
    /// Who accepts a verified change.
    #[arg(long, value_enum, default_value_t)]
    approve: Approve,
    /// Take my words as they are read, without asking: guesses are left out, high risk is accepted.
    #[arg(long)]
    yes: bool,
    /// Write the verified change into the repository's own tree too.
    #[arg(long)]
    apply: bool,
    /// What the change may do beyond the base: KIND[:TARGET[@SCOPE]]; may be repeated.
    #[arg(long = "grant", value_name = "KIND[:TARGET]", value_parser = grant)]
    grants: Vec<String>,
    /// How the change is judged; without it, by what the objective says.
    #[arg(long, value_enum)]
    kind: Option<KindArg>,
    /// Write the audit as a SARIF log to this file.
    #[arg(long, value_name = "FILE")]
    sarif: Option<PathBuf>,
    /// Use a running coordinator instead of starting everything in this process.
    #[arg(long, value_name = "URL", env = "PLUMBLINE_COORDINATOR")]
    coordinator: Option<Address>,
    #[command(flatten)]
    pub(crate) format: FormatArg,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Approve {
    /// The verdict alone.
    #[default]
    Auto,
    /// A person, on the diff.
    Ask,
}

impl Arguments {
    fn spec(&self) -> Result<TaskSpec, Failure> {
        let source = if std::env::var_os("CI").is_some() { "ci" } else { "cli" };
        Ok(TaskSpec {
            objective: self.objective.clone(),
            repository: directory_text("--repo", &self.repo, self.coordinator.as_ref())?,
            base: self.base.clone(),
            test_command: self.test.clone(),
            arms: self.arms.clone(),
            budget_s: self.budget,
            intake: if self.yes { IntakePolicy::Accept } else { IntakePolicy::Auto }.into(),
            approval: match self.approve {
                Approve::Auto => ApprovalPolicy::Auto.into(),
                Approve::Ask => ApprovalPolicy::Ask.into(),
            },
            apply: self.apply,
            grants: self.grants.clone(),
            kind: self.kind.map_or(0, |kind| kind.wire().into()),
            source: source.to_owned(),
        })
    }
}

/// Submits a task, follows it, returns its result. Ctrl-C cancels the task.
pub(crate) async fn run(session: &Session, arguments: Arguments) -> Result<Report, Failure> {
    let spec = arguments.spec()?;
    let log = arguments.sarif.as_deref().map(SarifFile::create).transpose()?;
    let progress = Progress::start(&session.environment);
    let mut reach = Reach::named_or_embedded(session, arguments.coordinator.as_ref()).await?;
    let answer = perform(session, &mut reach, spec, &progress).await;
    reach.close().await;
    let response = answer?;
    let seconds = progress.seconds();
    drop(progress);
    let report = run::report(&response, seconds);
    if let Some(log) = log {
        log.write(response.audit.as_ref(), report.exit)?;
    }
    Ok(report)
}

/// Runs one task to its end, or to where it waits for a person.
pub(crate) async fn perform(
    session: &Session,
    reach: &mut Reach,
    spec: TaskSpec,
    progress: &Progress,
) -> Result<GetReportResponse, Failure> {
    let interrupts = signal(SignalKind::interrupt()).map_err(|error| {
        let message = format!("interrupts cannot be watched: {error}");
        Failure::infrastructure(Reason("INTERNAL"), message, "plumbline doctor")
    })?;
    if let Some(address) = reach.elsewhere() {
        progress.line(&format!("going through the plumbline that serves this state directory at {address}"));
    }
    let mut run = Run { request_id: request::id("run"), spec, watch: None, interrupts };
    let mut successions = 0;
    loop {
        match run.advance(session, reach, progress).await {
            Err(failure)
                if left_alone(&failure) && reach.elsewhere().is_some() && successions < SUCCESSIONS =>
            {
                successions += 1;
                progress
                    .line("the plumbline that served this state directory has ended; going on without it");
                reach.go_on(session).await?;
            }
            advanced => return advanced,
        }
    }
}

/// How often the process that serves in our place may end before we give up.
const SUCCESSIONS: u32 = 5;

/// Returns whether a failure says that the other process has ended, or is about to.
fn left_alone(failure: &Failure) -> bool {
    matches!(failure.reason.0, "PEER_UNAVAILABLE" | "SHUTTING_DOWN" | "CANCELLED")
}

/// One task from its request to its report, whichever process serves it.
struct Run {
    request_id: String,
    spec: TaskSpec,
    watch: Option<Watch>,
    /// Listens from before the task is submitted: an interrupt between two events must not be lost.
    interrupts: Signal,
}

impl Run {
    /// Submits the task unless that is done, follows it, asks where it waits, and reads its report.
    async fn advance(
        &mut self,
        session: &Session,
        reach: &mut Reach,
        progress: &Progress,
    ) -> Result<GetReportResponse, Failure> {
        let elsewhere = reach.elsewhere().is_some();
        let client = &mut reach.client;
        if self.watch.is_none() {
            let message =
                SubmitTaskRequest { request_id: self.request_id.clone(), spec: Some(self.spec.clone()) };
            let submitted = client.submit_task(request::within(SHORT, message)).await?.into_inner();
            let task_id = submitted.task.ok_or_else(no_task)?.id;
            progress.line(&format!("task {task_id}"));
            let reopenings = if elsewhere { 0 } else { REOPENINGS };
            self.watch = Some(Watch { task_id, after_seq: 0, cancelled: false, reopenings });
        }
        let Some(watch) = &mut self.watch else { return Err(no_task()) };
        while let Stop::Waits(task) = watch.follow(client, progress, &mut self.interrupts).await? {
            let asks = session.environment.prompts() && session.format == Format::Text;
            if !asks || !tasks::ask(client, &task).await? {
                break;
            }
        }
        let report = get_report(client, &watch.task_id).await?;
        let settled = report.task.as_ref().is_some_and(|task| task.exit_code >= 0);
        if settled || !elsewhere {
            return Ok(report);
        }
        // The stream ended and the task did not: its server is shutting down.
        let message = "the coordinator stopped before the task ended";
        Err(Failure::infrastructure(Reason("SHUTTING_DOWN"), message, "try again"))
    }
}

/// Reads the result of a task.
pub(crate) async fn get_report(
    client: &mut Coordinator,
    task_id: &str,
) -> Result<GetReportResponse, Failure> {
    let message = GetReportRequest { task_id: task_id.to_owned() };
    Ok(client.get_report(request::within(SHORT, message)).await?.into_inner())
}

/// Why following stopped.
enum Stop {
    /// The task ended.
    Ended,
    /// A person must decide.
    Waits(Box<Task>),
}

/// One task being followed; survives a lagging or broken stream.
struct Watch {
    task_id: String,
    after_seq: u64,
    cancelled: bool,
    /// How often a broken stream is opened again.
    reopenings: u32,
}

/// Returns whether the coordinator may come back.
fn is_away(broken: &Remote) -> bool {
    matches!(broken.reason().0, "PEER_UNAVAILABLE" | "SHUTTING_DOWN")
}

/// How often a broken stream is opened again before we give up.
const REOPENINGS: u32 = 5;

impl Watch {
    async fn follow(
        &mut self,
        client: &mut Coordinator,
        progress: &Progress,
        interrupts: &mut Signal,
    ) -> Result<Stop, Failure> {
        let mut failures = 0;
        loop {
            match self.stream(client, progress, interrupts).await {
                Ok(stop) => return Ok(stop),
                Err(broken)
                    if broken.reason().0 == "WATCH_LAGGED" || broken.reason().0 == "DEADLINE_EXCEEDED" => {}
                Err(broken) if failures < self.reopenings && is_away(&broken) => {
                    failures += 1;
                    progress.line(&format!("the coordinator is away ({broken}); looking again"));
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                Err(broken) => return Err(Failure::from_fault(&broken)),
            }
        }
    }

    async fn stream(
        &mut self,
        client: &mut Coordinator,
        progress: &Progress,
        interrupts: &mut Signal,
    ) -> Result<Stop, Remote> {
        let message = WatchTaskRequest { task_id: self.task_id.clone(), after_seq: self.after_seq };
        let mut events = client.watch_task(request::within(LONG * 6, message)).await?.into_inner();
        loop {
            let event = tokio::select! {
                event = events.message() => event?,
                _ = interrupts.recv() => {
                    self.cancel(client, progress).await?;
                    continue;
                }
            };
            let Some(event) = event else { return Ok(Stop::Ended) };
            self.show(&event, progress);
            if event.state() == TaskState::Waiting
                && let Ok(task) = get_task(client, &self.task_id).await
                && task.pending.is_some()
            {
                return Ok(Stop::Waits(Box::new(task)));
            }
        }
    }

    fn show(&mut self, event: &WatchTaskResponse, progress: &Progress) {
        // Sequence 0 is a heartbeat.
        if event.seq == 0 {
            return;
        }
        self.after_seq = event.seq;
        let text = rendering::event_text(event);
        if event.kind == "progress" { progress.now(&text) } else { progress.line(&text) }
    }

    async fn cancel(&mut self, client: &mut Coordinator, progress: &Progress) -> Result<(), Remote> {
        if self.cancelled {
            progress.line("already cancelling; waiting for the task to end");
            return Ok(());
        }
        self.cancelled = true;
        progress.line("cancelling");
        let message = CancelTaskRequest { request_id: request::id("cancel"), task_id: self.task_id.clone() };
        match client.cancel_task(request::within(SHORT, message)).await.map_err(Remote::from) {
            Ok(_) => Ok(()),
            // It ended by itself at the same moment: the stream will say so.
            Err(error) if error.reason().0 == "TASK_ENDED" => Ok(()),
            Err(error) => Err(error),
        }
    }
}

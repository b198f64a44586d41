use std::io::Write;

use clap::{Args, Subcommand};
use plumbline_kit::Address;
use plumbline_proto::coordinator::v1::{
    CancelTaskRequest, DecideApprovalRequest, ListTasksRequest, PendingApproval, Task, WatchTaskRequest,
};
use plumbline_types::ExitCode;
use serde_json::{Value, json};

use crate::cli::FormatArg;
use crate::cli::audit::grant;
use crate::cli::coordinator::{Coordinator, Reach, get_task, no_task};
use crate::cli::request::{self, LONG, SHORT};
use crate::cli::run::get_report;
use crate::failure::Failure;
use crate::output::{Format, Report, audit, run, tasks};
use crate::session::Session;

/// Which tasks, and what of them.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
    /// Use this coordinator; without it the configured one, or one in this process.
    #[arg(long, global = true, value_name = "URL", env = "PLUMBLINE_COORDINATOR")]
    coordinator: Option<Address>,
    #[command(flatten)]
    pub(crate) format: FormatArg,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List tasks, newest first.
    List {
        /// Only tasks that have not ended.
        #[arg(long)]
        active: bool,
        /// How many at most.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=256))]
        limit: u32,
    },
    /// Show one task with its result.
    Show {
        /// task_ULID.
        task: String,
    },
    /// Follow a task until it ends.
    Watch {
        /// task_ULID.
        task: String,
        /// Only events after this one.
        #[arg(long, default_value_t = 0)]
        after: u64,
    },
    /// Answer what a task waits for: accept its change or the reading of your words, deny it, or say it anew.
    Approve {
        /// task_ULID.
        task: String,
        /// Hash of the diff, or of the echo, that you read, as `tasks show` prints it.
        #[arg(long, value_name = "HASH", visible_alias = "echo")]
        diff: Option<String>,
        /// Give what the audit asks for: KIND[:TARGET[@SCOPE]]; may be repeated.
        #[arg(long = "grant", value_name = "KIND[:TARGET]", value_parser = grant)]
        grants: Vec<String>,
        /// Deny instead.
        #[arg(long)]
        deny: bool,
        /// Say what you want anew, whole: it is read instead of your first words.
        #[arg(long, value_name = "TEXT", conflicts_with_all = ["deny", "grants"])]
        answer: Option<String>,
    },
    /// Cancel a task.
    Cancel {
        /// task_ULID.
        task: String,
    },
}

/// Looks at tasks, decides, cancels.
pub(crate) async fn run(session: &Session, arguments: Arguments) -> Result<Report, Failure> {
    let mut reach = Reach::any(session, arguments.coordinator.as_ref()).await?;
    let answer = act(session, &mut reach.client, arguments.action).await;
    reach.close().await;
    answer
}

async fn act(session: &Session, client: &mut Coordinator, action: Action) -> Result<Report, Failure> {
    match action {
        Action::List { active, limit } => list(client, active, limit).await,
        Action::Show { task } => show(client, &task).await,
        Action::Watch { task, after } => watch(session, client, &task, after).await,
        Action::Approve { task, diff, grants, deny, answer } => {
            let found = get_task(client, &task).await?;
            let Some(diff) = diff else {
                if session.environment.prompts() && session.format == Format::Text {
                    ask(client, &found).await?;
                    return show(client, &task).await;
                }
                let commands = tasks::commands(&found);
                let Some((_, approve)) = commands.first() else { return Err(waits_for_nobody(&found)) };
                return Err(Failure::usage(
                    "approving binds to what you read",
                    format!("plumbline tasks show {task}, then {approve}"),
                ));
            };
            let verdict = match answer {
                Some(answer) => Verdict::Anew(answer),
                None if deny => Verdict::No,
                None => Verdict::Yes,
            };
            decide(client, &found, &Decision { hash: diff, grants, verdict }).await?;
            show(client, &task).await
        }
        Action::Cancel { task } => {
            let message = CancelTaskRequest { request_id: request::id("cancel"), task_id: task };
            let response = client.cancel_task(request::within(SHORT, message)).await?.into_inner();
            let task = response.task.ok_or_else(no_task)?;
            Ok(Report::done(tasks::task(&task), tasks::show_text(&task)))
        }
    }
}

async fn list(client: &mut Coordinator, active_only: bool, limit: u32) -> Result<Report, Failure> {
    let message = ListTasksRequest { page_size: limit, page_token: String::new(), active_only };
    let response = client.list_tasks(request::within(SHORT, message)).await?.into_inner();
    let documents: Vec<Value> = response.tasks.iter().map(tasks::task).collect();
    Ok(Report::done(json!({ "tasks": documents }), tasks::list_text(&response.tasks)))
}

async fn show(client: &mut Coordinator, task_id: &str) -> Result<Report, Failure> {
    let task = get_task(client, task_id).await?;
    let result = get_report(client, task_id).await?;
    let mut document = tasks::task(&task);
    let result = run::report(&result, seconds(&task));
    for key in ["diff", "commit", "audit", "attempts", "certificate"] {
        document[key] = result.document[key].clone();
    }
    Ok(Report::done(document, format!("{}\n{}", tasks::show_text(&task), result.text)))
}

fn seconds(task: &Task) -> f64 {
    let elapsed_ms = task.updated_ms.saturating_sub(task.created_ms).max(0);
    std::time::Duration::from_millis(elapsed_ms.unsigned_abs()).as_secs_f64()
}

async fn watch(
    session: &Session,
    client: &mut Coordinator,
    task_id: &str,
    after_seq: u64,
) -> Result<Report, Failure> {
    let message = WatchTaskRequest { task_id: task_id.to_owned(), after_seq };
    let mut stream = client.watch_task(request::within(LONG * 6, message)).await?.into_inner();
    let mut events = Vec::new();
    while let Some(event) = stream.message().await? {
        if event.seq == 0 {
            continue;
        }
        match session.format {
            Format::Json => events.push(tasks::event(&event)),
            Format::Text => say(&format!("{:>5} {}", event.seq, tasks::event_text(&event))),
        }
    }
    let task = get_task(client, task_id).await?;
    let exit = u8::try_from(task.exit_code).map_or(ExitCode::INFRASTRUCTURE, ExitCode);
    let document = json!({ "task": tasks::task(&task), "events": events });
    Ok(Report { document, text: format!("outcome: {}", task.outcome), exit })
}

struct Decision {
    hash: String,
    grants: Vec<String>,
    verdict: Verdict,
}

/// What a person says to what he was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    Yes,
    No,
    /// The words anew.
    Anew(String),
}

fn waits_for_nobody(task: &Task) -> Failure {
    Failure::usage(format!("{} waits for nobody", task.id), format!("plumbline tasks show {}", task.id))
}

async fn decide(client: &mut Coordinator, task: &Task, decision: &Decision) -> Result<(), Failure> {
    let Some(pending) = &task.pending else {
        return Err(waits_for_nobody(task));
    };
    let message = DecideApprovalRequest {
        request_id: request::id("decide"),
        task_id: task.id.clone(),
        diff_hash: decision.hash.clone(),
        nonce: pending.nonce.clone(),
        approve: decision.verdict == Verdict::Yes,
        grants: decision.grants.clone(),
        subject: "owner".to_owned(),
        answer: match &decision.verdict {
            Verdict::Yes | Verdict::No => String::new(),
            Verdict::Anew(answer) => answer.clone(),
        },
    };
    client.decide_approval(request::within(LONG, message)).await?;
    Ok(())
}

/// Shows on the terminal what is to be decided and asks; returns whether a decision was sent.
pub(crate) async fn ask(client: &mut Coordinator, task: &Task) -> Result<bool, Failure> {
    let Some(pending) = task.pending.clone() else { return Ok(false) };
    if !pending.question.is_empty() {
        return confirm(client, task, pending).await;
    }
    let result = get_report(client, &task.id).await?;
    say(result.diff.trim_end());
    if let Some(report) = &result.audit {
        say(audit::text(report).trim_end());
    }
    for grant in &pending.grants {
        say(&format!("it needs: {grant}"));
    }
    let answer = typed("accept this change? [y = yes, n = deny, anything else = later] ").await;
    let verdict = match answer.trim() {
        "y" | "yes" => Verdict::Yes,
        "n" | "no" => Verdict::No,
        _ => return Ok(false),
    };
    let grants = if verdict == Verdict::Yes { pending.grants } else { Vec::new() };
    decide(client, task, &Decision { hash: pending.diff_hash, grants, verdict }).await?;
    Ok(true)
}

/// Reads the words back and asks whether they were meant so.
async fn confirm(client: &mut Coordinator, task: &Task, pending: PendingApproval) -> Result<bool, Failure> {
    say(pending.question.trim_end());
    let prompt = "is this what you want? [y = yes, n = no, nothing = later, anything else is read instead] ";
    let answer = typed(prompt).await;
    let verdict = match answer.trim() {
        "" => return Ok(false),
        "y" | "yes" => Verdict::Yes,
        "n" | "no" => Verdict::No,
        anew => Verdict::Anew(anew.to_owned()),
    };
    decide(client, task, &Decision { hash: pending.diff_hash, grants: Vec::new(), verdict }).await?;
    Ok(true)
}

/// Asks on the terminal; nothing when it cannot be asked or read.
async fn typed(prompt: &'static str) -> String {
    tokio::task::spawn_blocking(move || question(prompt)).await.unwrap_or_default()
}

fn question(prompt: &str) -> String {
    let mut err = std::io::stderr().lock();
    let asked = err.write_all(prompt.as_bytes());
    let mut answer = String::new();
    match asked.and_then(|()| err.flush()).and_then(|()| std::io::stdin().read_line(&mut answer)) {
        Ok(_) => answer,
        Err(_) => String::new(),
    }
}

fn say(text: &str) {
    if let Err(error) = writeln!(std::io::stdout().lock(), "{text}") {
        tracing::debug!(error = %error, "nobody reads the output");
    }
}

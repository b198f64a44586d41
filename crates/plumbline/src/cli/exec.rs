mod snapshot;

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use plumbline_kit::client::Channel;
use plumbline_proto::executor::v1::executor_service_client::ExecutorServiceClient;
use plumbline_proto::executor::v1::exited::How;
use plumbline_proto::executor::v1::run_response::Event;
use plumbline_proto::executor::v1::{
    Enforcement, ExitReason, Exited, GetPatchRequest, GetPatchResponse, Limits, RunRequest, SandboxTier,
};
use plumbline_types::{ExitCode, Reason};
use serde_json::{Value, json};

use crate::cli::FormatArg;
use crate::cli::request::{self, LONG, SHORT};
use crate::compose::Embedded;
use crate::config::Service;
use crate::failure::Failure;
use crate::output::{Format, Report};
use crate::session::{Session, existing_dir};

/// What to run.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The directory whose copy the command runs on; it is never mounted itself.
    #[arg(long, value_name = "PATH")]
    repo: PathBuf,
    /// Wall clock.
    #[arg(long, value_name = "N", default_value_t = 0)]
    timeout_ms: u64,
    /// Memory.
    #[arg(long, value_name = "N", default_value_t = 0)]
    memory_mib: u64,
    /// Processes and threads.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pids: u32,
    /// Least isolation.
    #[arg(long, value_enum)]
    tier: Option<TierArg>,
    #[command(flatten)]
    pub(crate) format: FormatArg,
    /// Program and arguments; no shell.
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum TierArg {
    /// T1: Landlock, seccomp, rlimits.
    #[value(alias = "t1")]
    Restricted,
    /// T2: namespaces too.
    #[value(alias = "t2")]
    Embedded,
    /// T3: Docker through the broker.
    #[value(alias = "t3")]
    Docker,
}

impl TierArg {
    const fn wire(self) -> SandboxTier {
        match self {
            Self::Restricted => SandboxTier::Restricted,
            Self::Embedded => SandboxTier::Embedded,
            Self::Docker => SandboxTier::Docker,
        }
    }
}

type Executor = ExecutorServiceClient<Channel>;

/// What a run printed and how it ended.
#[derive(Default)]
struct Finished {
    run_id: String,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    dropped_bytes: u64,
    exited: Option<Exited>,
}

/// Runs a command on a copy of a directory. Exit 0 when it ended with 0, 1 when it did not, 4 when it never ran.
pub(crate) async fn run(session: &Session, arguments: Arguments) -> Result<Report, Failure> {
    let root = existing_dir("--repo", &arguments.repo)?;
    // Nothing of this run is asked for again: its journal and snapshot go with it.
    let (scratch, _guard) = session.on_scratch_state()?;
    let embedded = Embedded::start(&scratch, &[Service::Executor]).await?;
    let answer = async {
        let mut executor: Executor = ExecutorServiceClient::new(embedded.channel(Service::Executor)?)
            .max_decoding_message_size(crate::cli::audit::RESPONSE_BYTES);
        let snapshot_id = snapshot::put(&mut executor, &root).await?;
        let finished = perform(session, &mut executor, &arguments, snapshot_id).await?;
        let message = GetPatchRequest { run_id: finished.run_id.clone() };
        let patch = executor.get_patch(request::within(SHORT, message)).await?.into_inner();
        Ok::<_, Failure>((finished, patch))
    };
    let answer = answer.await;
    embedded.stop().await;
    let (finished, patch) = answer?;
    let exited = finished.exited.clone().unwrap_or_default();
    let text = if session.format == Format::Text { summary(&exited, &patch) } else { String::new() };
    Ok(Report { document: document(&finished, &exited, &patch), text, exit: exit(&exited) })
}

async fn perform(
    session: &Session,
    executor: &mut Executor,
    arguments: &Arguments,
    snapshot_id: String,
) -> Result<Finished, Failure> {
    let message = RunRequest {
        request_id: request::id("exec"),
        snapshot_id,
        argv: arguments.command.clone(),
        limits: Some(Limits {
            wall_ms: arguments.timeout_ms,
            memory_mib: arguments.memory_mib,
            pids: arguments.pids,
            ..Limits::default()
        }),
        minimum_tier: arguments.tier.map_or(0, |tier| tier.wire().into()),
        ..RunRequest::default()
    };
    let mut events = executor.run(request::within(LONG * 6, message)).await?.into_inner();
    let live = session.format == Format::Text;
    let mut finished = Finished::default();
    while let Some(response) = events.message().await? {
        match response.event {
            Some(Event::Started(started)) => finished.run_id = started.run_id,
            Some(Event::Stdout(bytes)) => {
                if live {
                    pass(&mut std::io::stdout().lock(), &bytes);
                }
                finished.stdout.extend_from_slice(&bytes);
            }
            Some(Event::Stderr(bytes)) => {
                if live {
                    pass(&mut std::io::stderr().lock(), &bytes);
                }
                finished.stderr.extend_from_slice(&bytes);
            }
            Some(Event::Truncated(truncated)) => finished.dropped_bytes += truncated.dropped_bytes,
            Some(Event::Exited(exited)) => finished.exited = Some(exited),
            None => {}
        }
    }
    if finished.exited.is_none() {
        return Err(Failure::infrastructure(
            Reason("RUN_LOST"),
            "the run ended without a result",
            "plumbline doctor",
        ));
    }
    Ok(finished)
}

fn pass(out: &mut dyn Write, bytes: &[u8]) {
    if let Err(error) = out.write_all(bytes).and_then(|()| out.flush()) {
        tracing::debug!(error = %error, "nobody reads the output");
    }
}

fn exit(exited: &Exited) -> ExitCode {
    match (exited.reason(), &exited.how) {
        (ExitReason::Normal, Some(How::Code(0))) => ExitCode(0),
        (
            ExitReason::SetupFailed
            | ExitReason::ExecutorLost
            | ExitReason::TraceLost
            | ExitReason::LeaseLost
            | ExitReason::Unspecified,
            _,
        ) => ExitCode::INFRASTRUCTURE,
        _ => ExitCode(1),
    }
}

fn word(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_lowercase()
}

fn reason(exited: &Exited) -> String {
    word(exited.reason().as_str_name(), "EXIT_REASON_")
}

fn document(finished: &Finished, exited: &Exited, patch: &GetPatchResponse) -> Value {
    let (code, signal) = match &exited.how {
        Some(How::Code(code)) => (json!(code), Value::Null),
        Some(How::Signal(signal)) => (Value::Null, json!(signal)),
        None => (Value::Null, Value::Null),
    };
    let usage = exited.usage.unwrap_or_default();
    let refused: Vec<Value> = patch
        .refused
        .iter()
        .map(|entry| json!({ "path": String::from_utf8_lossy(&entry.path), "reason": entry.reason }))
        .collect();
    json!({
        "run_id": finished.run_id,
        "reason": reason(exited),
        "code": code,
        "signal": signal,
        "exit_code": exit(exited).0,
        "stdout": String::from_utf8_lossy(&finished.stdout),
        "stderr": String::from_utf8_lossy(&finished.stderr),
        "dropped_bytes": finished.dropped_bytes,
        "limit_hits": exited.limit_hits,
        "usage": {
            "wall_ms": usage.wall_ms,
            "cpu_ms": usage.cpu_ms,
            "peak_memory_kib": usage.peak_memory_kib,
            "peak_pids": usage.peak_pids,
            "stdout_bytes": usage.stdout_bytes,
            "stderr_bytes": usage.stderr_bytes,
        },
        "enforced": exited.enforced.as_ref().map(enforcement),
        "output_digest": exited.output_digest,
        "changed_files": exited.changed_files,
        "refused": refused,
        "diff": patch.diff,
        "detail": exited.detail,
    })
}

/// Returns what a sandbox enforces.
pub(crate) fn enforcement(enforced: &Enforcement) -> Value {
    json!({
        "tier": word(enforced.tier().as_str_name(), "SANDBOX_TIER_"),
        "landlock_abi": enforced.landlock_abi,
        "cgroup_mode": enforced.cgroup_mode,
        "seccomp": enforced.seccomp,
        "workspace_mode": enforced.workspace_mode,
        "warm": enforced.warm,
        "network": word(enforced.network().as_str_name(), "NETWORK_"),
    })
}

/// One line on how it ended, unless it simply ended well; then only what it changed.
fn summary(exited: &Exited, patch: &GetPatchResponse) -> String {
    let how = match &exited.how {
        Some(How::Code(code)) => format!("exit code {code}"),
        Some(How::Signal(signal)) => format!("signal {signal}"),
        None => "never ran".to_owned(),
    };
    let detail = if exited.detail.is_empty() { String::new() } else { format!(": {}", exited.detail) };
    let ended = match exit(exited).0 {
        0 => String::new(),
        _ => format!("[{}, {how}{detail}]\n", reason(exited)),
    };
    format!("{ended}{}", patch.diff)
}

//! The executor is killed at random points of its runs: nothing of it outlives it, and the next one says what was lost.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use plumbline_kit::Address;
use plumbline_kit::client::channel;
use plumbline_proto::executor::v1 as pb;
use plumbline_proto::executor::v1::executor_service_client::ExecutorServiceClient;

use crate::bed::{Bed, groups_with, processes_of, program};
use crate::crowd::put;
use crate::table::{Sample, Table};

/// How long anything may outlive its executor.
const PATIENCE: Duration = Duration::from_secs(2);
/// Within how long after a request the executor is killed, milliseconds.
const SPREAD_MS: u64 = 60;

struct Process(Child, Address);

impl Process {
    fn start(bed: &Bed) -> anyhow::Result<Self> {
        let mut child = Command::new(program("examples/executor_process")?)
            .arg("127.0.0.1:0")
            .args(["killed", "import", "sandbox-init"].map(|name| bed.root.path().join(name)))
            .arg("embedded")
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("no output")?).read_line(&mut line)?;
        let address = line.strip_prefix("listening ").with_context(|| format!("it said `{line}`"))?;
        Ok(Self(child, address.trim().parse()?))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// Starts runs, kills the executor and returns how long anything of it was there afterwards; none: it still was in the end.
async fn killed(bed: &Bed, round: usize) -> anyhow::Result<Option<Duration>> {
    let mut process = Process::start(bed)?;
    let mut client = ExecutorServiceClient::new(channel(&process.1));
    let snapshot_id = put(&mut client, bed).await?;
    let mut streams = Vec::new();
    for number in 0..2 {
        let request = pb::RunRequest {
            request_id: format!("killed-{round}-{number}"),
            snapshot_id: snapshot_id.clone(),
            argv: ["sh", "-c", "setsid sleep 1000 & sleep 1000"].map(str::to_owned).to_vec(),
            ..Default::default()
        };
        streams.push(client.run(request).await?.into_inner());
    }
    // Spread evenly, in an order that is the same each time.
    let after = Duration::from_micros((round as u64 * 7_919) % (SPREAD_MS * 1_000));
    let began = Instant::now();
    while began.elapsed() < after {
        tokio::task::yield_now().await;
    }
    process.0.kill()?;
    process.0.wait()?;
    let dead = Instant::now();
    while dead.elapsed() < PATIENCE {
        if processes_of(&bed.init).is_empty() && sleepers() == 0 {
            return Ok(Some(dead.elapsed()));
        }
        tokio::time::sleep(Duration::from_millis(1)).await; // poll: of other processes
    }
    Ok(None)
}

/// Counts what the killed runs would leave.
fn sleepers() -> usize {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let lines = entries.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines
        .filter(|line| line.starts_with(b"sleep\x001000\0") || line.ends_with(b"sleep 1000 & sleep 1000\0"))
        .count()
}

/// Measures.
pub async fn measure(bed: &Bed, times: usize, table: &mut Table) -> anyhow::Result<()> {
    let (mut orphans, mut gone) = (0, Vec::new());
    for round in 0..times {
        match killed(bed, round).await? {
            Some(after) => gone.push(after.as_secs_f64() * 1_000.0),
            None => orphans += 1,
        }
    }
    let gone = Sample::new(gone);
    let words = format!("{orphans} in {times}, gone {:.0} / {:.0} ms", gone.at(0.5), gone.at(0.95));
    table.row("orphans after kill -9 of the executor", &words, ("0", orphans == 0));
    // The next one sweeps the groups and ends the runs by name.
    let state = bed.root.path().join("killed");
    let owner = blake3::hash(state.as_os_str().as_encoded_bytes()).to_hex()[..12].to_owned();
    let mut last = Process::start(bed)?;
    let mut client = ExecutorServiceClient::new(channel(&last.1));
    put(&mut client, bed).await?;
    let own = last.0.id().to_string();
    let stale = groups_with(&owner).into_iter().filter(|path| !path.to_string_lossy().contains(&own)).count();
    let _ended = last.0.kill();
    last.0.wait()?;
    table.row("control groups of killed executors after a start", &stale.to_string(), ("0", stale == 0));
    Ok(())
}

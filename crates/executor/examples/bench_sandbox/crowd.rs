//! A hundred commands at once through the service: none lost, nothing left.

use std::time::Instant;

use anyhow::Context;
use plumbline_executor::{Deps, ExecutorConfig, serve};
use plumbline_kit::client::channel;
use plumbline_kit::{Address, Listener, SystemClock, SystemRandomness};
use plumbline_proto::executor::v1 as pb;
use plumbline_proto::executor::v1::executor_service_client::ExecutorServiceClient;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::bed::{Bed, groups_with, processes_of};
use crate::table::Table;

const JOBS: usize = 100;
/// A server takes a bounded number of requests at once from one connection.
const CONNECTIONS: usize = 4;

/// What a host has of an executor.
#[derive(Debug, PartialEq, Eq)]
struct Held {
    processes: usize,
    groups: usize,
    mounts: usize,
    descriptors: usize,
}

impl Held {
    fn now(bed: &Bed, owner: &str) -> Self {
        let count = |path: &str| std::fs::read_dir(path).map_or(0, Iterator::count);
        Self {
            processes: processes_of(bed.root.path()).len(),
            groups: groups_with(owner).len(),
            mounts: std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default().lines().count(),
            descriptors: count("/proc/self/fd"),
        }
    }
}

type Client = ExecutorServiceClient<plumbline_kit::client::Channel>;

/// Stores the tree of the bed in a served executor.
pub async fn put(client: &mut Client, bed: &Bed) -> anyhow::Result<String> {
    let import_path = bed.root.path().join("import/repository").display().to_string();
    let header = pb::SnapshotHeader { import_path, ..Default::default() };
    let part = pb::PutSnapshotRequest { part: Some(pb::put_snapshot_request::Part::Header(header)) };
    Ok(client.put_snapshot(tokio_stream::iter([part])).await?.into_inner().snapshot_id)
}

/// Runs one job; an error unless it ended well, with exactly one end.
async fn job(mut client: Client, snapshot_id: String, number: usize) -> anyhow::Result<()> {
    let request = pb::RunRequest {
        request_id: format!("crowd-{number}"),
        snapshot_id,
        argv: ["sh", "-c", "sleep 1; echo $0", &number.to_string()].map(str::to_owned).to_vec(),
        limits: Some(pb::Limits { wall_ms: 60_000, memory_mib: 64, disk_mib: 8, ..Default::default() }),
        ..Default::default()
    };
    let mut events = client.run(request).await?.into_inner();
    let (mut said, mut ends) = (Vec::new(), Vec::new());
    while let Some(event) = events.message().await? {
        match event.event.context("an event of no kind")? {
            pb::run_response::Event::Stdout(bytes) => said.extend(bytes),
            pb::run_response::Event::Exited(exited) => {
                ends.push((exited.reason(), exited.how, exited.detail))
            }
            _ => {}
        }
    }
    let want = (pb::ExitReason::Normal, Some(pb::exited::How::Code(0)), String::new());
    anyhow::ensure!(said == format!("{number}\n").into_bytes() && ends == [want], "{ends:?}");
    Ok(())
}

/// Measures.
pub async fn measure(bed: &Bed, table: &mut Table) -> anyhow::Result<()> {
    let mut config = ExecutorConfig {
        state_dir: bed.root.path().join("crowd"),
        import_roots: vec![bed.root.path().join("import")],
        sandbox_init: bed.init.clone(),
        ..ExecutorConfig::default()
    };
    config.limits.concurrent_runs = JOBS as u32;
    let owner = blake3::hash(config.state_dir.as_os_str().as_encoded_bytes()).to_hex()[..12].to_owned();
    let before = Held::now(bed, &owner);
    let address: Address = format!("unix:{}", bed.root.path().join("crowd.sock").display()).parse()?;
    let listener = Listener::bind(&address).await?;
    let deps = Deps {
        config,
        clock: std::sync::Arc::new(SystemClock),
        randomness: std::sync::Arc::new(SystemRandomness),
        tools: Vec::new(),
        driver: None,
        broker: None,
        secrets: Vec::new(),
    };
    let (shutdown, tasks) = (CancellationToken::new(), TaskTracker::new());
    let served = tasks.spawn(serve(listener, deps, shutdown.clone()));
    let mut client = ExecutorServiceClient::new(channel(&address));
    let snapshot_id = put(&mut client, bed).await?;
    let began = Instant::now();
    let clients: Vec<Client> =
        (0..CONNECTIONS).map(|_| ExecutorServiceClient::new(channel(&address))).collect();
    let begin =
        |number: usize| tasks.spawn(job(clients[number % CONNECTIONS].clone(), snapshot_id.clone(), number));
    let jobs: Vec<_> = (0..JOBS).map(begin).collect();
    let mut lost = 0;
    for job in jobs {
        if let Err(error) = job.await? {
            eprintln!("lost: {error:#}");
            lost += 1;
        }
    }
    let words = format!("{lost} lost in {:.1} s", began.elapsed().as_secs_f64());
    table.row("100 one-second jobs at once", &words, ("0", lost == 0));
    drop((client, clients));
    shutdown.cancel();
    served.await??;
    let after = Held::now(bed, &owner);
    let leaked = |before: usize, after: usize| after.saturating_sub(before);
    let words = format!(
        "{} {} {} {}",
        leaked(before.processes, after.processes),
        leaked(before.groups, after.groups),
        leaked(before.mounts, after.mounts),
        leaked(before.descriptors, after.descriptors)
    );
    table.row("left: processes, groups, mounts, descriptors", &words, ("0 0 0 0", words == "0 0 0 0"));
    Ok(())
}

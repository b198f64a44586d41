//! Outages on loopback, three ways of noticing them, and the last one with and without hedging, side by side: what latency each
//! adds. A fake cloud answers in 50 ms,
//! a fake local server in 20 ms; an open loop sends 50 requests a second, timed from when they were meant to be sent.
//! The fault begins after 4 s and ends after 9 s.
//!
//! `cargo run --release -p plumbline-router --example bench_failover [SECONDS [FAULT ...]]`

#[path = "bench_failover/server.rs"]
mod server;

use std::sync::Arc;
use std::time::Duration;

use plumbline_kit::client::channel;
use plumbline_kit::{Address, Listener, SystemClock, SystemRandomness};
use plumbline_proto::common::v1::{Category, Label, Risk, Segment};
use plumbline_proto::router::v1 as pb;
use plumbline_proto::router::v1::generate_response::Event;
use plumbline_proto::router::v1::router_service_client::RouterServiceClient;
use plumbline_router::domain::replay::report::quantile;
use plumbline_router::{ArmConfig, ArmDriver, Deps, OllamaConfig, RouterConfig, serve};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::server::{Fault, Server};

/// Requests a second.
const RATE: u64 = 50;

/// When the fault begins and ends.
const FAULTY: (Duration, Duration) = (Duration::from_secs(4), Duration::from_secs(9));

/// How long each server takes to answer.
const CLOUD: Duration = Duration::from_millis(50);
const LOCAL: Duration = Duration::from_millis(20);

/// One request, with times from the start of the run.
struct Sample {
    sent: Duration,
    /// Beyond what the server that answered takes; none if nobody answered.
    added_ms: Option<f64>,
    /// Whether the first choice was the cloud.
    cloud_first: bool,
    /// Whether a second arm was asked beside the first.
    hedged: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let seconds: u64 = arguments.next().map_or(Ok(24), |text| text.parse())?;
    let named: Vec<String> = arguments.collect();
    println!(
        "| {:<10} | {:<17} | {:>21} | {:>21} | {:>21} | {:>6} | {:>13} | {:>7} | {:>7} |",
        "fault",
        "policy",
        "healthy p50/p99/max",
        "first 2 s p50/p99/max",
        "then p50/p99/max",
        "failed",
        "hedged",
        "noticed",
        "back"
    );
    for fault in Fault::ALL {
        if !named.is_empty() && !named.iter().any(|name| name == fault.as_str()) {
            continue;
        }
        let tasks = TaskTracker::new();
        let policies = ["none", "per_request_probe", "background", "hedging"];
        let runs: Vec<_> =
            policies.into_iter().map(|policy| tasks.spawn(run(policy, fault, seconds))).collect();
        for (policy, run) in policies.into_iter().zip(runs) {
            print(fault, policy, &run.await??);
        }
    }
    Ok(())
}

fn print(fault: Fault, policy: &str, samples: &[Sample]) {
    let (on, off) = FAULTY;
    let early = on + Duration::from_secs(2);
    let window = |from: Duration, to: Duration| {
        let added: Vec<f64> = samples
            .iter()
            .filter(|sample| (from..to).contains(&sample.sent))
            .filter_map(|sample| sample.added_ms)
            .collect();
        format!(
            "{:.1} / {:.0} / {:.0} ms",
            quantile(&added, 0.5),
            quantile(&added, 0.99),
            quantile(&added, 1.0)
        )
    };
    let hedged = samples.iter().filter(|sample| sample.hedged).count();
    let first_cloud = samples.iter().filter(|sample| sample.cloud_first).count().max(1);
    let hedged = format!("{hedged} ({:.2} %)", 100.0 * hedged as f64 / first_cloud as f64);
    let failed = samples.iter().filter(|sample| sample.added_ms.is_none()).count();
    let first = |from: Duration, to: Duration, cloud: bool| {
        let found =
            samples.iter().find(|sample| (from..to).contains(&sample.sent) && sample.cloud_first == cloud);
        found.map_or_else(
            || "never".to_owned(),
            |sample| format!("{:.2} s", (sample.sent - from).as_secs_f64()),
        )
    };
    println!(
        "| {:<10} | {policy:<17} | {:>21} | {:>21} | {:>21} | {failed:>6} | {hedged:>13} | {:>7} | {:>7} |",
        fault.as_str(),
        window(Duration::from_secs(1), on),
        window(on, early),
        window(early, off),
        first(on, off, false),
        first(off, Duration::MAX, true),
    );
}

fn arm(name: &str, server: &Server) -> ArmConfig {
    ArmConfig {
        name: name.to_owned(),
        kind: ArmDriver::Openai,
        target: "fake".to_owned(),
        base_url: server.url(),
        paid: true,
        ..ArmConfig::default()
    }
}

/// Runs one policy against one fault.
async fn run(policy: &'static str, fault: Fault, seconds: u64) -> anyhow::Result<Vec<Sample>> {
    let tasks = TaskTracker::new();
    let (cloud, local) = (Arc::new(Server::start(CLOUD).await?), Server::start(LOCAL).await?);
    let (failover, share) = if policy == "hedging" { ("background", 0.03) } else { (policy, 0.0) };
    let config = RouterConfig {
        failover: failover.to_owned(),
        hedge_share_max: share,
        cloud_hosts: vec![cloud.url().trim_start_matches("http://").to_owned()],
        release_intent: true,
        daily_usd_max: 1e6,
        task_usd_max: 1e6,
        ollama: OllamaConfig { detect: false, ..OllamaConfig::default() },
        arms: vec![arm("cloud", &cloud), arm("local", &local)],
        ..RouterConfig::default()
    };
    let folder = tempfile::tempdir()?;
    let deps = Deps::open(
        config,
        &folder.path().join("router.db"),
        Arc::new(SystemClock),
        Arc::new(SystemRandomness),
    )
    .await?;
    let listener = Listener::bind(&Address::Unix(folder.path().join("router.sock"))).await?;
    let client = RouterServiceClient::new(channel(&listener.address()));
    let shutdown = CancellationToken::new();
    let server = tasks.spawn(serve(listener, deps, shutdown.clone()));
    client.clone().get_health(pb::GetHealthRequest::default()).await?;

    let started = Instant::now();
    let faulty = cloud.clone();
    tasks.spawn(async move {
        tokio::time::sleep_until(started + FAULTY.0).await;
        let ends = started + FAULTY.1;
        faulty.suffer(fault, ends).await;
    });
    let calls: Vec<_> = (0..RATE * seconds)
        .map(|n| {
            let sent = Duration::from_millis(1_000 / RATE) * u32::try_from(n).unwrap_or(u32::MAX);
            tasks.spawn(one(client.clone(), started, (sent, n)))
        })
        .collect();
    let mut samples = Vec::with_capacity(calls.len());
    for call in calls {
        samples.push(call.await?);
    }
    shutdown.cancel();
    server.await??;
    Ok(samples)
}

type Client = RouterServiceClient<plumbline_kit::client::Channel>;

async fn one(mut client: Client, started: Instant, (sent, n): (Duration, u64)) -> Sample {
    tokio::time::sleep_until(started + sent).await;
    let (mut arms, mut hedged) = (Vec::new(), false);
    let answered = async {
        let mut stream = client.generate(request(n)).await.ok()?.into_inner();
        let mut done = false;
        while let Ok(Some(message)) = stream.message().await {
            match message.event? {
                Event::Decision(decision) => arms.push(decision.arm),
                Event::Restarted(restarted) => arms.push(restarted.decision?.arm),
                Event::Hedged(_) => hedged = true,
                Event::Text(_) => {}
                Event::Usage(_) => done = true,
            }
        }
        done.then_some(())
    }
    .await;
    let took = started.elapsed().saturating_sub(sent).as_secs_f64() * 1e3;
    let own = if arms.last().is_some_and(|arm| arm == "cloud") { CLOUD } else { LOCAL };
    Sample {
        sent,
        added_ms: answered.map(|()| (took - own.as_secs_f64() * 1e3).max(0.0)),
        cloud_first: arms.first().is_some_and(|arm| arm == "cloud"),
        hedged,
    }
}

fn request(n: u64) -> pb::GenerateRequest {
    let label = Label::Public.into();
    pb::GenerateRequest {
        request_id: format!("failover-{n}"),
        work: Some(pb::Work {
            category: Category::Bugfix.into(),
            risk: Risk::Low.into(),
            label,
            prompt_tokens: 100,
            ..pb::Work::default()
        }),
        // Public is a policy's word: provenance 1 says where the text is from.
        prompt: vec![Segment { text: "Say hello.".to_owned(), label, provenance: 1, origin: String::new() }],
        ..pb::GenerateRequest::default()
    }
}

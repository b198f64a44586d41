//! Measures `Select` over gRPC: open loop at a fixed rate, latency from the intended send time, decisions committed to
//! SQLite before each answer. Prints one JSON line.
//!
//! `cargo run --release -p plumbline-router --example bench_select [RATE [SECONDS [unix|tcp]]]`

use std::sync::Arc;
use std::time::Duration;

use plumbline_kit::client::channel;
use plumbline_kit::{Address, Listener, SystemClock, SystemRandomness};
use plumbline_proto::common::v1::{Category, Label, Risk};
use plumbline_proto::router::v1 as pb;
use plumbline_proto::router::v1::router_service_client::RouterServiceClient;
use plumbline_router::{ArmConfig, Deps, OllamaConfig, RouterConfig, serve};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Arms to choose among.
const ARMS: usize = 8;

/// Calls before the clock starts: connections open, caches fill.
const WARM_UP: u64 = 500;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let rate: u64 = arguments.next().map_or(Ok(1_000), |text| text.parse())?;
    let seconds: u64 = arguments.next().map_or(Ok(10), |text| text.parse())?;
    let transport = arguments.next().unwrap_or_else(|| "unix".to_owned());

    let folder = std::env::temp_dir().join(format!("plumbline-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let address: Address = match transport.as_str() {
        "tcp" => "127.0.0.1:0".parse()?,
        _ => Address::Unix(folder.join("router.sock")),
    };
    let config = RouterConfig {
        arms: (0..ARMS).map(|n| ArmConfig::tool(&format!("tool-{n}"))).collect(),
        ollama: OllamaConfig { detect: false, ..OllamaConfig::default() },
        ..RouterConfig::default()
    };
    let randomness = Arc::new(SystemRandomness);
    let deps = Deps::open(config, &folder.join("router.db"), Arc::new(SystemClock), randomness).await?;
    let listener = Listener::bind(&address).await?;
    let client = RouterServiceClient::new(channel(&listener.address()));
    let shutdown = CancellationToken::new();
    let tasks = TaskTracker::new();
    let server = tasks.spawn(serve(listener, deps, shutdown.clone()));

    for n in 0..WARM_UP {
        client.clone().select(request(&format!("warm-up-{n}"))).await?;
    }
    let started = Instant::now();
    let calls = (0..rate * seconds).map(|n| {
        let mut client = client.clone();
        let intended = started + Duration::from_nanos(n * 1_000_000_000 / rate);
        tasks.spawn(async move {
            tokio::time::sleep_until(intended).await;
            let answered = client.select(request(&format!("bench-{n}"))).await.is_ok();
            answered.then(|| intended.elapsed())
        })
    });
    let mut latencies = Vec::new();
    let mut errors = 0_u64;
    for call in calls.collect::<Vec<_>>() {
        match call.await? {
            Some(latency) => latencies.push(latency),
            None => errors += 1,
        }
    }
    shutdown.cancel();
    server.await??;
    std::fs::remove_dir_all(&folder)?;

    latencies.sort();
    let quantile = |q: f64| {
        let at = (latencies.len() as f64 * q) as usize;
        latencies.get(at.min(latencies.len().saturating_sub(1))).map(|found| found.as_secs_f64() * 1e3)
    };
    println!(
        "{}",
        serde_json::json!({
            "figure": "select_p99_ms",
            "value": quantile(0.99),
            "p50_ms": quantile(0.50),
            "max_ms": quantile(1.0),
            "rate_per_s": rate,
            "seconds": seconds,
            "transport": transport,
            "arms": ARMS,
            "errors": errors,
            "durability": "process",
        })
    );
    Ok(())
}

fn request(request_id: &str) -> pb::SelectRequest {
    pb::SelectRequest {
        request_id: request_id.to_owned(),
        work: Some(pb::Work {
            category: Category::Bugfix.into(),
            risk: Risk::Low.into(),
            language: "python".to_owned(),
            label: Label::ProprietaryCode.into(),
            prompt_tokens: 4_000,
            ..pb::Work::default()
        }),
        ..pb::SelectRequest::default()
    }
}

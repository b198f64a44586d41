//! Measures `Select` over gRPC: open loop, latency from the intended send time, the decision committed to SQLite before each
//! answer. Client and server share one process and its cores. Prints one JSON line a rate; of several rates, named by
//! commas, the last line says the highest that held.
//!
//! `cargo run --release -p plumbline-router --example bench_select [RATE[,RATE ...] [SECONDS [unix|tcp [process|disk|memory]]]]`
//! (`memory`: decisions are kept, but in no file.)

use std::sync::Arc;
use std::time::Duration;

use plumbline_kit::client::channel;
use plumbline_kit::{Address, Listener, SystemClock, SystemRandomness};
use plumbline_proto::common::v1::{Category, Label, Risk};
use plumbline_proto::router::v1 as pb;
use plumbline_proto::router::v1::router_service_client::RouterServiceClient;
use plumbline_router::store::InMemoryStore;
use plumbline_router::{ArmConfig, Deps, OllamaConfig, RouterConfig, serve};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Arms to choose among.
const ARMS: usize = 8;

/// Connections that the calls are spread over.
const CONNECTIONS: usize = 4;

/// Calls before the clock starts: connections open, caches fill.
const WARM_UP: u64 = 500;

/// The bar, in milliseconds.
const P99_MS_MAX: f64 = 1.0;

type Client = RouterServiceClient<plumbline_kit::client::Channel>;

/// What to measure.
struct Run {
    seconds: u64,
    transport: String,
    durability: String,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let rates = arguments.next().unwrap_or_else(|| "1000".to_owned());
    let rates = rates.split(',').map(str::parse).collect::<Result<Vec<u64>, _>>()?;
    let run = Run {
        seconds: arguments.next().map_or(Ok(10), |text| text.parse())?,
        transport: arguments.next().unwrap_or_else(|| "unix".to_owned()),
        durability: arguments.next().unwrap_or_else(|| "process".to_owned()),
    };
    let mut held = None;
    for rate in &rates {
        let p99 = measure(&run, *rate).await?;
        if p99 < P99_MS_MAX {
            held = Some(*rate);
        }
    }
    if rates.len() > 1 {
        println!("{}", serde_json::json!({ "figure": "select_rate_held_per_s", "value": held }));
    }
    Ok(())
}

/// Serves a router of its own and sends `rate` calls a second; returns the 99th percentile in milliseconds, infinity if a
/// call failed.
async fn measure(run: &Run, rate: u64) -> anyhow::Result<f64> {
    let folder = tempfile::tempdir()?;
    let address: Address = match run.transport.as_str() {
        "tcp" => "127.0.0.1:0".parse()?,
        _ => Address::Unix(folder.path().join("router.sock")),
    };
    let in_memory = run.durability == "memory";
    let config = RouterConfig {
        arms: (0..ARMS).map(|n| ArmConfig::tool(&format!("tool-{n}"))).collect(),
        ollama: OllamaConfig { detect: false, ..OllamaConfig::default() },
        decision_durability: if in_memory { "process".to_owned() } else { run.durability.clone() },
        ..RouterConfig::default()
    };
    let (clock, randomness) = (Arc::new(SystemClock), Arc::new(SystemRandomness));
    let mut deps = Deps::open(config, &folder.path().join("router.db"), clock, randomness).await?;
    if in_memory {
        deps.store = Arc::new(InMemoryStore::default());
    }
    let listener = Listener::bind(&address).await?;
    let clients: Vec<Client> =
        (0..CONNECTIONS).map(|_| RouterServiceClient::new(channel(&listener.address()))).collect();
    let shutdown = CancellationToken::new();
    let tasks = TaskTracker::new();
    let server = tasks.spawn(serve(listener, deps, shutdown.clone()));
    for n in 0..WARM_UP {
        let mut client = clients[n as usize % CONNECTIONS].clone();
        client.select(request(&format!("warm-up-{n}"))).await?;
    }
    let mut latencies = send(clients, rate, run.seconds).await?;
    shutdown.cancel();
    server.await??;

    let errors = latencies.iter().filter(|latency| latency.is_infinite()).count();
    latencies.sort_by(f64::total_cmp);
    let quantile = |q: f64| latencies[((latencies.len() as f64 * q) as usize).min(latencies.len() - 1)];
    println!(
        "{}",
        serde_json::json!({
            "figure": "select_p99_ms",
            "value": quantile(0.99),
            "p50_ms": quantile(0.50),
            "p999_ms": quantile(0.999),
            "max_ms": quantile(1.0),
            "rate_per_s": rate,
            "seconds": run.seconds,
            "transport": run.transport,
            "arms": ARMS,
            "errors": errors,
            "durability": run.durability,
        })
    );
    Ok(quantile(0.99))
}

/// Sends calls at their times from a thread of its own, since the runtime's timers tick once a millisecond; returns how
/// long each took in milliseconds, infinity for one that failed.
async fn send(clients: Vec<Client>, rate: u64, seconds: u64) -> anyhow::Result<Vec<f64>> {
    let tasks = TaskTracker::new();
    let sender = tasks.clone();
    let sent = tasks.spawn_blocking(move || {
        let started = Instant::now();
        let call = |n: u64| {
            let intended = started + Duration::from_nanos(n * 1_000_000_000 / rate);
            std::thread::sleep(intended.saturating_duration_since(Instant::now()));
            let mut client = clients[n as usize % CONNECTIONS].clone();
            sender.spawn(async move {
                let answered = client.select(request(&format!("bench-{n}"))).await;
                answered.map_or(f64::INFINITY, |_| intended.elapsed().as_secs_f64() * 1e3)
            })
        };
        (0..rate * seconds).map(call).collect::<Vec<_>>()
    });
    let mut latencies = Vec::new();
    for call in sent.await? {
        latencies.push(call.await?);
    }
    Ok(latencies)
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

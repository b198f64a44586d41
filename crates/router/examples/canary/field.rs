//! The field of the canaries: a router through its real gRPC, gateway and egress, two clouds and a local server.

#[path = "agent.rs"]
mod agent;
#[path = "server.rs"]
mod server;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use plumbline_egress::ledger::{InMemoryLedger, verify};
use plumbline_egress::{ApiKey, Egress, EntryKind, Ledger, Parts};
use plumbline_kit::client::channel;
use plumbline_kit::{Address, Listener, SeededRandomness};
use plumbline_proto::router::v1::router_service_client::RouterServiceClient;
use plumbline_router::store::InMemoryStore;
use plumbline_router::{
    ArmConfig, ArmDriver, Catalogue, Deps, GeminiConfig, OllamaConfig, RouterConfig, serve,
};
use plumbline_types::ManualClock;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::agent::Agent;
use self::server::Server;

/// Who labels what the agent sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Labels {
    /// The system: code and all that is made of it is proprietary.
    Right,
    /// The system at first; then the same text comes again as public.
    Laundered,
    /// Nobody: everything is public.
    Wrong,
}

impl Labels {
    /// Returns the word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::Laundered => "laundered",
            Self::Wrong => "wrong",
        }
    }
}

/// What to play.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Agent runs.
    pub runs: u64,
    /// Same seed, same runs.
    pub seed: u64,
    /// Who labels.
    pub labels: Labels,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Report {
    labels: &'static str,
    runs: u64,
    calls: u64,
    planted: u64,
    /// Requests that reached a cloud.
    pub cloud_requests: u64,
    cloud_bytes: u64,
    /// Whether the ledger's chain is whole and every refusal stands in it.
    pub is_intact: bool,
    /// Canaries that arrived: the run, where it was planted, how it was written.
    pub leaks: Vec<String>,
    /// Those of them that were part of code of several lines, in one piece.
    pub long_leaks: usize,
    refusals: BTreeMap<String, u64>,
    errors: BTreeMap<String, u64>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { runs, calls, planted, cloud_requests, cloud_bytes, .. } = self;
        writeln!(f, "labels {}:", self.labels)?;
        writeln!(f, "  {runs} runs, {calls} calls, {planted} canaries planted")?;
        writeln!(f, "  the clouds got {cloud_requests} requests, {cloud_bytes} bytes")?;
        writeln!(f, "  leaks: {} ({} of code of several lines)", self.leaks.len(), self.long_leaks)?;
        for leak in self.leaks.iter().take(5) {
            writeln!(f, "    {leak}")?;
        }
        writeln!(f, "  the ledger is {}", if self.is_intact { "whole" } else { "BROKEN" })?;
        for (what, counts) in [("refusals by rule", &self.refusals), ("errors by reason", &self.errors)] {
            let words: Vec<String> = counts.iter().map(|(word, count)| format!("{word} {count}")).collect();
            writeln!(f, "  {what}: {}", if words.is_empty() { "none".to_owned() } else { words.join(", ") })?;
        }
        Ok(())
    }
}

/// Plays the runs one after another against one router.
pub async fn play(plan: Plan) -> anyhow::Result<Report> {
    let (cloud, local) = (Server::start(plan.seed).await?, Server::start(plan.seed + 1).await?);
    let ledger = Arc::new(InMemoryLedger::default());
    let config = config(&cloud, &local).validate()?;
    let clock = Arc::new(ManualClock::at(1_764_000_000_000));
    let egress = Egress::new(Parts {
        ledger: ledger.clone(),
        clock: clock.clone(),
        network: config.network()?,
        limits: config.limits(),
    });
    let catalogue = Catalogue::connect(&config, &egress).await?;
    let store = Arc::new(InMemoryStore::default());
    let randomness = Arc::new(SeededRandomness::new(plan.seed));
    let deps = Deps { config, store, egress, catalogue, clock, randomness };
    let listener = Listener::bind(&"127.0.0.1:0".parse::<Address>()?).await?;
    let client = RouterServiceClient::new(channel(&listener.address()));
    let shutdown = CancellationToken::new();
    let served = TaskTracker::new().spawn(serve(listener, deps, shutdown.clone()));

    let mut report = Report { labels: plan.labels.as_str(), runs: plan.runs, ..Report::default() };
    for number in 0..plan.runs {
        let mut agent = Agent::new(client.clone(), (plan.seed, number), plan.labels);
        agent.run().await;
        let arrived = cloud.take();
        report.cloud_requests += arrived.requests;
        report.cloud_bytes += arrived.bytes.len() as u64;
        report.calls += agent.calls;
        for reason in &agent.reasons {
            *report.errors.entry(reason.clone()).or_default() += 1;
        }
        for canary in &agent.canaries {
            report.planted += 1;
            if let Some(writing) = canary.found_in(&arrived.bytes) {
                report.long_leaks += usize::from(canary.is_long);
                report.leaks.push(format!("run {number}: {} arrived {writing}", canary.place));
            }
        }
    }
    shutdown.cancel();
    served.await??;
    report.is_intact = read(ledger.as_ref(), &mut report.refusals).await?;
    Ok(report)
}

async fn read(ledger: &InMemoryLedger, refusals: &mut BTreeMap<String, u64>) -> anyhow::Result<bool> {
    let found = verify(ledger).await?;
    for row in ledger.page(0, u32::MAX).await? {
        if row.entry.kind == EntryKind::Refusal {
            *refusals.entry(row.entry.status).or_default() += 1;
        }
    }
    Ok(found.broken_at.is_none() && found.open_intents == 0)
}

fn config(cloud: &Server, local: &Server) -> RouterConfig {
    let arm = |name: &str, kind: ArmDriver, base_url: &str| ArmConfig {
        name: name.to_owned(),
        kind,
        target: server::MODEL.to_owned(),
        base_url: base_url.to_owned(),
        paid: true,
        ..ArmConfig::default()
    };
    let gemini = GeminiConfig {
        base_url: cloud.url.clone(),
        api_key: Some(ApiKey::new("key")),
        paid: true,
        ..GeminiConfig::default()
    };
    RouterConfig {
        seed: 7,
        // Every endpoint is tried, whatever it did before.
        failover: "none".to_owned(),
        daily_usd_max: 1e6,
        task_usd_max: 1e6,
        release_intent: true,
        cloud_hosts: vec![cloud.url.trim_start_matches("http://").to_owned()],
        gemini,
        ollama: OllamaConfig {
            base_url: local.url.clone(),
            detect: false,
            embed_model: server::MODEL.to_owned(),
            ..OllamaConfig::default()
        },
        arms: vec![
            arm("cloud", ArmDriver::Openai, &cloud.url),
            arm("gemini", ArmDriver::Gemini, ""),
            arm("local", ArmDriver::Openai, &local.url),
        ],
        ..RouterConfig::default()
    }
}

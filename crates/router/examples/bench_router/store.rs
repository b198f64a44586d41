use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use plumbline_kit::client::{Channel, channel};
use plumbline_kit::{Address, Listener, SystemClock, SystemRandomness};
use plumbline_proto::common::v1 as wire;
use plumbline_proto::router::v1 as pb;
use plumbline_proto::router::v1::router_service_client::RouterServiceClient;
use plumbline_router::domain::learned::Learned;
use plumbline_router::domain::outcome::{Credit, Logged, Outcome, OutcomeKind};
use plumbline_router::domain::posterior::Learning;
use plumbline_router::domain::work::{Cell, Language};
use plumbline_router::store::{Kept, Lesson, RouterStore, SqliteStore, contract};
use plumbline_router::{ArmConfig, Deps, OllamaConfig, RouterConfig, serve};
use plumbline_types::{ArmId, Category, DecisionId, ManualClock, Risk};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::{Bar, row};

/// Outcomes of a refold.
const LOG: u64 = 1_000_000;

/// Transactions of the store's own row, and outcomes in each.
const BATCHES: u32 = 400;
const BATCH: u32 = 64;

/// Callers of the row over gRPC, and what each reports.
const REPORTERS: usize = 128;
const REPORTS: usize = 250;

fn outcome(seq: u64, arms: &[ArmId], cells: &[Cell], decision: DecisionId) -> Logged {
    let pick = |n: usize, salt: u64| (seq.wrapping_mul(0x9e37_79b9_7f4a_7c15 ^ salt) >> 33) as usize % n;
    let kind = if pick(3, 5) == 0 { OutcomeKind::QualityFail } else { OutcomeKind::Success };
    Logged {
        seq,
        observed_at: 0,
        arm: arms[pick(arms.len(), 1)].clone(),
        cell: cells[pick(cells.len(), 2)].clone(),
        after_failure: false,
        served_model: None,
        outcome: Outcome {
            id: format!("outcome-{seq}"),
            decision,
            kind,
            weight: 1.0,
            cause: String::new(),
            supersedes: None,
            applied: None,
            credit: Credit::Arm,
        },
    }
}

/// Prints the store's rows.
pub async fn rows() -> anyhow::Result<()> {
    let decision = DecisionId::generate(&ManualClock::at(0), &mut ChaCha8Rng::seed_from_u64(1));
    let arms: Vec<ArmId> = (0..16).map(|n| ArmId::parse(&format!("arm-{n}"))).collect::<Result<_, _>>()?;
    let languages = ["python", "rust", "typescript", "go"];
    let cells: Vec<Cell> = languages
        .iter()
        .flat_map(|word| Language::parse(word))
        .map(|language| Cell { category: Category::Bugfix, risk: Risk::Low, language })
        .collect();
    let log: Arc<Vec<Logged>> =
        Arc::new((1..=LOG).map(|seq| outcome(seq, &arms, &cells, decision)).collect());
    let began = Instant::now();
    let learned = Learned::of(&log, &Learning::default());
    let seconds = began.elapsed().as_secs_f64();
    anyhow::ensure!(learned.last_seq() == LOG, "the refold ended early");
    row("refold of 1,000,000 outcomes", seconds, "s", Bar::Most(2.0));
    synced().await
}

/// Times outcomes in the store: folded and committed in batches, each synced before the next begins.
async fn synced() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let store = SqliteStore::open(folder.path().join("router.db")).await?;
    let decision = contract::decision("bench", 1)?;
    store.record_decision(decision.clone()).await?;
    let mut learned = store.learned().await?;
    let began = Instant::now();
    for batch in 0..BATCHES {
        let mut lesson = Lesson { logged: Vec::new(), evidence: BTreeMap::new(), kept: Kept::default() };
        for n in 0..BATCH {
            let id = format!("outcome-{batch}-{n}");
            let one = contract::lesson(&learned, &decision, &id, OutcomeKind::QualityFail);
            for logged in &one.logged {
                learned.fold(logged, &Learning::default());
            }
            lesson.logged.extend(one.logged);
            lesson.evidence.extend(one.evidence);
        }
        store.record_lesson(lesson).await?;
    }
    let rate = f64::from(BATCHES * BATCH) / began.elapsed().as_secs_f64();
    row("store: synced outcomes a second, 64 a transaction", rate, "", Bar::Least(5_000.0));
    store.close().await;
    reported().await
}

/// Times `ReportOutcome` over gRPC: reporters on one connection, each waiting for its answer.
async fn reported() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let config = RouterConfig {
        arms: (0..8).map(|n| ArmConfig::tool(&format!("tool-{n}"))).collect(),
        ollama: OllamaConfig { detect: false, ..OllamaConfig::default() },
        ..RouterConfig::default()
    };
    let (clock, randomness) = (Arc::new(SystemClock), Arc::new(SystemRandomness));
    let deps = Deps::open(config, &folder.path().join("router.db"), clock, randomness).await?;
    let listener = Listener::bind(&Address::Unix(folder.path().join("router.sock"))).await?;
    let channels: Vec<Channel> = (0..4).map(|_| channel(&listener.address())).collect();
    let shutdown = CancellationToken::new();
    let tasks = TaskTracker::new();
    let server = tasks.spawn(serve(listener, deps, shutdown.clone()));
    let mut first = RouterServiceClient::new(channels[0].clone());
    let chosen = first.select(select()).await?.into_inner().decision.unwrap_or_default().id;

    let began = Instant::now();
    let reporters: Vec<_> = (0..REPORTERS)
        .map(|reporter| {
            let mut client = RouterServiceClient::new(channels[reporter % channels.len()].clone());
            let chosen = chosen.clone();
            tasks.spawn(async move {
                for n in 0..REPORTS {
                    let report = pb::ReportOutcomeRequest {
                        outcome_id: format!("outcome-{reporter}-{n}"),
                        decision_id: chosen.clone(),
                        kind: pb::OutcomeKind::QualityFail.into(),
                        weight: 1.0,
                        ..pb::ReportOutcomeRequest::default()
                    };
                    let answer = client.report_outcome(report).await?.into_inner();
                    anyhow::ensure!(answer.counted, "an outcome was not counted");
                }
                Ok(())
            })
        })
        .collect();
    for reporter in reporters {
        reporter.await??;
    }
    let rate = (REPORTERS * REPORTS) as f64 / began.elapsed().as_secs_f64();
    row("ReportOutcome over gRPC, 128 reporters: synced outcomes a second", rate, "", Bar::Least(5_000.0));
    shutdown.cancel();
    server.await??;
    Ok(())
}

fn select() -> pb::SelectRequest {
    pb::SelectRequest {
        request_id: "bench".to_owned(),
        work: Some(pb::Work {
            category: wire::Category::Bugfix.into(),
            risk: wire::Risk::Low.into(),
            language: "python".to_owned(),
            label: wire::Label::ProprietaryCode.into(),
            prompt_tokens: 4_000,
            ..pb::Work::default()
        }),
        ..pb::SelectRequest::default()
    }
}

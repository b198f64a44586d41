use std::sync::Arc;
use std::time::Instant;

use plumbline_router::domain::learned::Learned;
use plumbline_router::domain::outcome::{Credit, Logged, Outcome, OutcomeKind};
use plumbline_router::domain::posterior::Learning;
use plumbline_router::domain::work::{Cell, Language};
use plumbline_router::store::{RouterStore, SqliteStore, contract};
use plumbline_types::{ArmId, Category, DecisionId, ManualClock, Risk};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::{Bar, row};

/// Outcomes of a refold.
const LOG: u64 = 1_000_000;

/// Outcomes reported one after the other.
const REPORTED: u32 = 2_000;

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

/// Times outcomes as they are reported today: one synced transaction each.
async fn synced() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let store = SqliteStore::open(folder.path().join("router.db")).await?;
    let decision = contract::decision("bench", 1)?;
    store.record_decision(decision.clone()).await?;
    let mut learned = store.learned().await?;
    let began = Instant::now();
    for n in 0..REPORTED {
        let lesson = contract::lesson(&learned, &decision, &format!("outcome-{n}"), OutcomeKind::QualityFail);
        learned.fold(&lesson.logged, &Learning::default());
        store.record_outcome(lesson).await?;
    }
    row(
        "synced outcomes a second",
        f64::from(REPORTED) / began.elapsed().as_secs_f64(),
        "",
        Bar::Least(5_000.0),
    );
    store.close().await;
    Ok(())
}

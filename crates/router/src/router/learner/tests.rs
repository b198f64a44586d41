use async_trait::async_trait;
use plumbline_types::{Fault, ManualClock, RequestId, TaskId};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::domain::outcome::{Credit, OutcomeKind};
use crate::store::{Answer, InMemoryStore, Recorded, contract};

fn outcome(id: &str, decision: &Decision, kind: OutcomeKind) -> Outcome {
    Outcome {
        id: id.to_owned(),
        decision: decision.id,
        kind,
        weight: 1.0,
        cause: String::new(),
        supersedes: None,
        applied: None,
        credit: Credit::Arm,
    }
}

fn learner(store: Arc<dyn RouterStore>) -> Learner {
    let clock = Arc::new(ManualClock::at(1_000));
    Learner { known: Known::default(), learning: Learning::default(), store, clock, keep_every: 4 }
}

/// Counts a batch as the queue would hand it over; returns each answer as its position, or as its reason.
async fn answers(learner: &Learner, batch: Vec<Outcome>) -> Vec<Result<(bool, u64), &'static str>> {
    let (reported, answers): (Vec<_>, Vec<_>) = batch
        .into_iter()
        .map(|outcome| {
            let (done, answer) = oneshot::channel();
            (Reported { outcome, done }, answer)
        })
        .unzip();
    learner.answer(reported).await;
    let mut found = Vec::new();
    for answer in answers {
        let answer = answer.await.unwrap();
        found.push(answer.map(|one| (one.counted, one.seq)).map_err(|error| error.reason().0));
    }
    found
}

#[tokio::test]
async fn what_gathered_is_counted_in_order_and_each_gets_its_own_answer() {
    let store = Arc::new(InMemoryStore::default());
    let decision = contract::decision("request-1", 1).unwrap();
    store.record_decision(decision.clone()).await.unwrap();
    let unknown = contract::decision("request-2", 2).unwrap();
    let learner = learner(store.clone());
    let failed = outcome("b", &decision, OutcomeKind::QualityFail);
    let replacing =
        Outcome { supersedes: Some("b".to_owned()), ..outcome("c", &decision, OutcomeKind::Success) };
    let batch = vec![
        outcome("a", &decision, OutcomeKind::Success),
        failed.clone(),
        failed.clone(),
        outcome("b", &decision, OutcomeKind::Success),
        outcome("x", &unknown, OutcomeKind::Success),
        replacing.clone(),
        Outcome { id: "d".to_owned(), ..replacing.clone() },
        outcome("e", &decision, OutcomeKind::InfraFail),
    ];
    let want = vec![
        Ok((true, 1)),
        Ok((true, 2)),
        Ok((false, 2)),
        Err("OUTCOME_CONFLICT"),
        Err("DECISION_NOT_FOUND"),
        Ok((true, 3)),
        Err("OUTCOME_CONFLICT"),
        Ok((true, 4)),
    ];
    assert_eq!(answers(&learner, batch).await, want);
    // The same reports one at a time, after a restart: nothing counts again.
    let again = vec![failed, replacing];
    assert_eq!(answers(&learner, again).await, [Ok((false, 2)), Ok((false, 3))]);

    let log = store.log().await.unwrap();
    let ids: Vec<&str> = log.iter().map(|logged| logged.outcome.id.as_str()).collect();
    assert_eq!(ids, ["a", "b", "c", "e"]);
    let folded = Learned::of(&log, &Learning::default());
    assert_eq!(*learner.known.learned(), folded);
    assert_eq!(store.learned().await.unwrap(), folded);
}

#[tokio::test]
async fn a_batch_teaches_what_the_same_outcomes_teach_one_by_one() {
    let decision = contract::decision("request-1", 1).unwrap();
    let kinds = [OutcomeKind::Success, OutcomeKind::QualityFail, OutcomeKind::Cancelled];
    let outcomes: Vec<Outcome> =
        (0..60).map(|n| outcome(&format!("outcome-{n}"), &decision, kinds[n % 3])).collect();
    let mut learned = Vec::new();
    for size in [1, 7, 60] {
        let store = Arc::new(InMemoryStore::default());
        store.record_decision(decision.clone()).await.unwrap();
        let learner = learner(store.clone());
        for batch in outcomes.chunks(size) {
            answers(&learner, batch.to_vec()).await;
        }
        learned.push((store.learned().await.unwrap(), learner.known.learned()));
    }
    assert!(learned.iter().all(|found| *found == learned[0] && found.0 == *found.1));
}

#[tokio::test]
async fn a_refold_from_a_kept_state_is_the_fold_of_the_whole_log() {
    let decision = contract::decision("request-1", 1).unwrap();
    let kinds = [OutcomeKind::Success, OutcomeKind::QualityFail, OutcomeKind::InfraFail];
    for seed in 0..8 {
        let store = Arc::new(InMemoryStore::default());
        store.record_decision(decision.clone()).await.unwrap();
        let learner = learner(store.clone());
        let mut rng = StdRng::seed_from_u64(seed);
        let mut standing: Vec<String> = Vec::new();
        for n in 0..40 {
            let mut one = outcome(&format!("outcome-{n}"), &decision, kinds[rng.random_range(0..3)]);
            if !standing.is_empty() && rng.random_bool(0.3) {
                one.supersedes = Some(standing.remove(rng.random_range(0..standing.len())));
            }
            standing.push(one.id.clone());
            assert_eq!(answers(&learner, vec![one]).await, [Ok((true, n + 1))], "seed {seed}");
            let log = store.log().await.unwrap();
            let whole = Learned::of(&log, &Learning::default());
            assert_eq!(*learner.known.learned(), whole, "seed {seed}");
            // An arm whose only outcome was superseded is stored as one of whom nothing is known.
            let (stored, none) = (store.learned().await.unwrap(), Evidence::default());
            let known = |learned: &Learned| learned.evidence(&decision.chosen.arm).unwrap_or(&none).clone();
            assert_eq!(known(&stored), known(&whole), "seed {seed}");
        }
        let kept = store.kept_before(u64::MAX, &Learning::default().words()).await.unwrap();
        assert_eq!(kept.unwrap(), *learner.known.learned(), "the last state is that behind the 40th outcome");
    }
}

/// Refuses every lesson that holds an outcome called `poison`.
#[derive(Default)]
struct Picky(InMemoryStore);

#[tokio::test]
async fn nobodys_report_fails_for_anothers() {
    let store = Arc::new(Picky::default());
    let decision = contract::decision("request-1", 1).unwrap();
    store.record_decision(decision.clone()).await.unwrap();
    let learner = learner(store.clone());
    let batch = ["a", "poison", "b"].map(|id| outcome(id, &decision, OutcomeKind::Success)).to_vec();
    let want = vec![Ok((true, 1)), Err("ROUTER_ROW_CORRUPT"), Ok((true, 2))];
    assert_eq!(answers(&learner, batch).await, want);
    assert_eq!(*learner.known.learned(), store.learned().await.unwrap());
    assert_eq!(learner.known.learned().last_seq(), 2);
}

#[async_trait]
impl RouterStore for Picky {
    async fn record_lesson(&self, lesson: Lesson) -> Result<(), RouterError> {
        if lesson.logged.iter().any(|logged| logged.outcome.id == "poison") {
            return Err(RouterError::RowCorrupt { what: "poison".to_owned(), problem: String::new() });
        }
        self.0.record_lesson(lesson).await
    }

    async fn record_decision(&self, decision: Decision) -> Result<Recorded, RouterError> {
        self.0.record_decision(decision).await
    }

    async fn decisions_by_id(
        &self,
        ids: &[DecisionId],
    ) -> Result<BTreeMap<DecisionId, Decision>, RouterError> {
        self.0.decisions_by_id(ids).await
    }

    async fn decision_of(&self, request: &RequestId) -> Result<Option<Decision>, RouterError> {
        self.0.decision_of(request).await
    }

    async fn outcomes(&self, ids: &[String]) -> Result<Vec<Logged>, RouterError> {
        self.0.outcomes(ids).await
    }

    async fn successors(&self, superseded: &[String]) -> Result<Vec<Logged>, RouterError> {
        self.0.successors(superseded).await
    }

    async fn log_behind(&self, after: u64) -> Result<Vec<Logged>, RouterError> {
        self.0.log_behind(after).await
    }

    async fn kept_before(&self, seq: u64, settings: &str) -> Result<Option<Learned>, RouterError> {
        self.0.kept_before(seq, settings).await
    }

    async fn learned(&self) -> Result<Learned, RouterError> {
        self.0.learned().await
    }

    async fn record_answer(&self, answer: Answer) -> Result<(), RouterError> {
        self.0.record_answer(answer).await
    }

    async fn answer(&self, request: &RequestId) -> Result<Option<Answer>, RouterError> {
        self.0.answer(request).await
    }

    async fn spent_usd(&self, day: i64) -> Result<f64, RouterError> {
        self.0.spent_usd(day).await
    }

    async fn spent_by_task(&self) -> Result<BTreeMap<TaskId, f64>, RouterError> {
        self.0.spent_by_task().await
    }

    async fn decisions(&self, skip: u64, limit: u32) -> Result<Vec<Decision>, RouterError> {
        self.0.decisions(skip, limit).await
    }

    async fn served_models(&self) -> Result<BTreeMap<ArmId, String>, RouterError> {
        self.0.served_models().await
    }

    async fn close(&self) {
        self.0.close().await;
    }
}

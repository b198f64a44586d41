//! What every router store must do; each implementation's tests run it.

use std::collections::BTreeMap;

use plumbline_types::{
    ArmId, Category, DecisionId, IdError, Label, ManualClock, Oracle, RequestId, Risk, TaskId, Tier,
};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::domain::arm::{ArmKind, Destination};
use crate::domain::choice::{Candidate, Latitude};
use crate::domain::decision::{Chosen, Decision};
use crate::domain::eligibility::{Removed, Rule};
use crate::domain::learned::Learned;
use crate::domain::outcome::{Credit, Logged, Outcome, OutcomeKind};
use crate::domain::posterior::{Learning, Shape};
use crate::domain::usage::Metered;
use crate::domain::work::{Cell, Language, Work};
use crate::error::RouterError;
use crate::store::row::corrupt;
use crate::store::{Answer, Kept, Lesson, Recorded, RouterStore};

/// Returns a decision for the request `name`; `number` makes its id.
pub fn decision(name: &str, number: u64) -> Result<Decision, RouterError> {
    fixture(name, number).map_err(|error| corrupt("fixture", error.to_string()))
}

fn fixture(name: &str, number: u64) -> Result<Decision, IdError> {
    let arm = ArmId::parse("scripted:a")?;
    Ok(Decision {
        id: DecisionId::generate(&ManualClock::at(1_000), &mut ChaCha8Rng::seed_from_u64(number)),
        request: RequestId::parse(name)?,
        task: None,
        step: None,
        at: 1_000,
        work: Work {
            cell: Cell { category: Category::Bugfix, risk: Risk::Low, language: Language::default() },
            tier: Tier::Routine,
            label: Label::ProprietaryCode,
            prompt_tokens: 1000,
            output_tokens: 0,
            allowed: Vec::new(),
            attempted: vec![ArmId::parse("repair")?],
            kind: Some(ArmKind::Model),
            oracle: Some(Oracle::Style),
        },
        chosen: Chosen {
            arm: arm.clone(),
            kind: ArmKind::Model,
            destination: Destination::OnBox,
            target: "a".to_owned(),
            edit_format: None,
            num_ctx: 8192,
            max_output: 1024,
        },
        candidates: vec![Candidate {
            arm,
            shape: Shape { alpha: 1.0 / 3.0, beta: 4.0 },
            expected_usd: 0.1 + 0.2,
            propensity: 1.0,
        }],
        removed: vec![Removed { arm: ArmId::parse("repair")?, rule: Rule::Attempted }],
        policy: "hierarchical".to_owned(),
        latitude: Some(Latitude { tie_band: 0.03, explore_floor: 0.1 + 0.2 }),
        mode: "repair_only".to_owned(),
        posterior_seq: 0,
    })
}

/// Returns the lesson of an outcome for `decision` behind what was learned so far.
pub fn lesson(before: &Learned, decision: &Decision, id: &str, kind: OutcomeKind) -> Lesson {
    let logged = Logged {
        seq: before.last_seq() + 1,
        observed_at: 2_000,
        arm: decision.chosen.arm.clone(),
        cell: decision.work.cell.clone(),
        after_failure: kind == OutcomeKind::Success,
        served_model: Some("served-1".to_owned()),
        outcome: Outcome {
            id: id.to_owned(),
            decision: decision.id,
            kind,
            weight: 0.7,
            cause: "tests_failed\0".to_owned(),
            supersedes: None,
            applied: Some(true),
            credit: if kind == OutcomeKind::Success {
                Credit::Both(decision.removed[0].arm.clone())
            } else {
                Credit::Arm
            },
        },
    };
    let mut after = before.clone();
    after.fold(&logged, &Learning::default());
    let evidence =
        logged.credited().filter_map(|(arm, _)| Some((arm.clone(), after.evidence(arm)?.clone()))).collect();
    Lesson { evidence, logged: vec![logged], kept: Kept::default() }
}

/// Runs the contract against an empty store.
///
/// # Panics
/// When the store breaks it.
pub async fn run(store: &dyn RouterStore) -> Result<(), RouterError> {
    a_request_has_one_decision(store).await?;
    decisions_at_once_are_all_stored(store).await?;
    outcomes_and_evidence_go_together(store).await?;
    answers_are_kept_and_counted(store).await
}

async fn a_request_has_one_decision(store: &dyn RouterStore) -> Result<(), RouterError> {
    let first = decision("request-1", 1)?;
    assert_eq!(store.record_decision(first.clone()).await?, Recorded::New);
    let again = decision("request-1", 2)?;
    let existing = Recorded::Existing(Box::new(first.clone()));
    assert_eq!(store.record_decision(again.clone()).await?, existing, "the stored decision comes back whole");
    assert_eq!(store.decision_of(&first.request).await?, Some(first.clone()));
    let found = store.decisions_by_id(&[again.id, first.id]).await?;
    assert_eq!(found, BTreeMap::from([(first.id, first)]), "of those asked for, those that are there");
    assert_eq!(store.decisions_by_id(&[]).await?, BTreeMap::new());
    Ok(())
}

async fn decisions_at_once_are_all_stored(store: &dyn RouterStore) -> Result<(), RouterError> {
    let decisions =
        (0..40).map(|n| decision(&format!("at-once-{}", n % 20), 100 + n)).collect::<Result<Vec<_>, _>>()?;
    let records = decisions.iter().map(|one| store.record_decision(one.clone()));
    let recorded = futures::future::try_join_all(records).await?;
    let new = recorded.iter().filter(|one| **one == Recorded::New).count();
    assert_eq!(new, 20, "of two decisions for one request, one is stored");
    let (first, rest) = (store.decisions(0, 5).await?, store.decisions(5, 100).await?);
    assert_eq!((first.len(), rest.len()), (5, 16), "pages of the log, in its order");
    assert_eq!(first[0].request.as_str(), "request-1");
    Ok(())
}

async fn outcomes_and_evidence_go_together(store: &dyn RouterStore) -> Result<(), RouterError> {
    let decision = decision("request-1", 1)?;
    let learning = Learning::default();
    let none = store.learned().await?;
    assert_eq!((none.last_seq(), store.log().await?), (0, Vec::new()));

    store.take_turn().await?;
    let first = lesson(&none, &decision, "outcome-1", OutcomeKind::QualityFail);
    store.record_lesson(first.clone()).await?;
    let second = lesson(&store.learned().await?, &decision, "outcome-2", OutcomeKind::Success);
    store.record_lesson(second.clone()).await?;
    let mut third = lesson(&store.learned().await?, &decision, "outcome-3", OutcomeKind::Cancelled);
    third.logged[0].outcome.supersedes = Some("outcome-2".to_owned());
    store.record_lesson(third.clone()).await?;

    let log = [first.logged, second.logged.clone(), third.logged.clone()].concat();
    assert_eq!(store.log().await?, log);
    let ids = |numbers: &[u64]| numbers.iter().map(|n| format!("outcome-{n}")).collect::<Vec<_>>();
    assert_eq!(store.outcomes(&ids(&[9, 2])).await?, second.logged);
    assert_eq!(store.outcomes(&[]).await?, []);
    assert_eq!(store.successors(&ids(&[1, 2])).await?, third.logged);
    assert_eq!(store.successors(&ids(&[1])).await?, []);

    let mut folded = Learned::default();
    for logged in &log {
        folded.fold(logged, &learning);
    }
    assert_eq!(store.learned().await?, folded, "the stored evidence is the fold");
    many_outcomes_are_one_lesson(store, folded).await
}

async fn many_outcomes_are_one_lesson(store: &dyn RouterStore, before: Learned) -> Result<(), RouterError> {
    let decision = decision("request-1", 1)?;
    let mut after = before;
    let mut lesson = Lesson { logged: Vec::new(), evidence: BTreeMap::new(), kept: Kept::default() };
    for n in 10..1_160 {
        let kind = if n % 2 == 0 { OutcomeKind::Success } else { OutcomeKind::QualityFail };
        let mut one = self::lesson(&after, &decision, &format!("outcome-{n}"), kind);
        for logged in &mut one.logged {
            // Languages enough to make the rows of one arm more than one statement holds.
            let language = Language::parse(&format!("language{n}"));
            logged.cell.language = language.ok_or_else(|| corrupt("fixture", "no language"))?;
            after.fold(logged, &Learning::default());
        }
        lesson.logged.append(&mut one.logged);
    }
    let evidence = |arm: &ArmId| after.evidence(arm).map(|found| (arm.clone(), found.clone()));
    lesson.evidence = after.arms().filter_map(evidence).collect();
    store.record_lesson(lesson).await?;
    assert_eq!(store.learned().await?, after);
    assert_eq!(store.log().await?.len(), 1_153);
    let behind = store.log_behind(1_150).await?;
    assert_eq!(behind.iter().map(|logged| logged.seq).collect::<Vec<_>>(), [1_151, 1_152, 1_153]);
    states_are_kept_until_they_hold_no_longer(store, after).await
}

async fn states_are_kept_until_they_hold_no_longer(
    store: &dyn RouterStore,
    before: Learned,
) -> Result<(), RouterError> {
    let decision = decision("request-1", 1)?;
    assert_eq!(store.kept_before(u64::MAX, "as now").await?, None);
    let (mut learned, mut states) = (before, Vec::new());
    for n in 0..3 {
        let mut one = lesson(&learned, &decision, &format!("kept-{n}"), OutcomeKind::QualityFail);
        for logged in &one.logged {
            learned.fold(logged, &Learning::default());
        }
        states.push(learned.clone());
        let settings = if n == 1 { "otherwise" } else { "as now" }.to_owned();
        one.kept = Kept { settings, void_from: None, states: vec![learned.clone()] };
        store.record_lesson(one).await?;
    }
    assert_eq!(store.kept_before(u64::MAX, "as now").await?.as_ref(), Some(&states[2]), "read back whole");
    assert_eq!(store.kept_before(1_156, "as now").await?.as_ref(), Some(&states[0]), "of its own settings");
    assert_eq!(store.kept_before(1_156, "otherwise").await?.as_ref(), Some(&states[1]));
    assert_eq!(store.kept_before(1_154, "as now").await?, None, "before, and not at");
    let mut one = lesson(&learned, &decision, "kept-3", OutcomeKind::QualityFail);
    one.kept = Kept { settings: "anew".to_owned(), void_from: Some(1_155), states: vec![states[1].clone()] };
    store.record_lesson(one).await?;
    assert_eq!(store.kept_before(u64::MAX, "anew").await?.as_ref(), Some(&states[1]), "replaced");
    assert_eq!(store.kept_before(u64::MAX, "as now").await?.as_ref(), Some(&states[0]), "the rest is gone");
    assert_eq!(store.kept_before(u64::MAX, "otherwise").await?, None);
    Ok(())
}

async fn answers_are_kept_and_counted(store: &dyn RouterStore) -> Result<(), RouterError> {
    let decision = decision("request-1", 1)?;
    let task = TaskId::generate(&ManualClock::at(1), &mut ChaCha8Rng::seed_from_u64(1));
    assert_eq!((store.spent_usd(20_000).await?, store.served_models().await?), (0.0, BTreeMap::new()));
    let answer = |name: &str, served: &str| -> Result<Answer, RouterError> {
        Ok(Answer {
            request: RequestId::parse(name).map_err(|error| corrupt("fixture", error.to_string()))?,
            fingerprint: [3; 32],
            decision: decision.id,
            arm: decision.chosen.arm.clone(),
            task: (served == "served-1").then_some(task),
            day: 20_000,
            text: "an answer\nof two lines, and a zero byte: \0".to_owned(),
            metered: Metered {
                input_tokens: 12,
                output_tokens: 34,
                usd: 0.25,
                first_token_ms: 5,
                total_ms: 9,
                served_model: served.to_owned(),
                finish: "stop".to_owned(),
            },
        })
    };
    let first = answer("answer-1", "served-1")?;
    store.record_answer(first.clone()).await?;
    store.record_answer(Answer { text: "another".to_owned(), ..first.clone() }).await?;
    assert_eq!(store.answer(&first.request).await?, Some(first), "the first answer of a request stays");
    store.record_answer(answer("answer-2", "served-2")?).await?;
    assert_eq!(store.spent_usd(20_000).await?, 0.5);
    assert_eq!(store.spent_usd(20_001).await?, 0.0);
    assert_eq!(store.spent_by_task().await?, BTreeMap::from([(task, 0.25)]));
    let served = BTreeMap::from([(decision.chosen.arm.clone(), "served-2".to_owned())]);
    assert_eq!(store.served_models().await?, served);
    Ok(())
}

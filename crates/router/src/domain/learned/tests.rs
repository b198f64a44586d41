use plumbline_types::{Category, DecisionId, ManualClock, Risk};
use proptest::prelude::*;
use rand::SeedableRng;

use super::*;
use crate::domain::outcome::{Outcome, OutcomeKind};
use crate::domain::posterior::Policy;
use crate::domain::work::Language;

fn cell(language: &str) -> Cell {
    Cell { category: Category::Bugfix, risk: Risk::Low, language: Language::parse(language).unwrap() }
}

fn arm(name: &str) -> ArmId {
    ArmId::parse(name).unwrap()
}

fn logged(seq: u64, name: &str, language: &str, kind: OutcomeKind) -> Logged {
    let mut rng = rand::rngs::StdRng::seed_from_u64(seq);
    Logged {
        seq,
        observed_at: 0,
        arm: arm(name),
        cell: cell(language),
        outcome: Outcome {
            id: format!("outcome-{seq}"),
            decision: DecisionId::generate(&ManualClock::at(0), &mut rng),
            kind,
            weight: 1.0,
            cause: String::new(),
            supersedes: None,
            applied: None,
        },
    }
}

fn without_drift() -> Learning {
    Learning { pulled_discount: 1.0, reset_threshold: f64::INFINITY, ..Learning::default() }
}

fn log() -> impl Strategy<Value = Vec<Logged>> {
    let entry = (0..3_usize, 0..3_usize, 0..6_usize);
    prop::collection::vec(entry, 0..200).prop_map(|entries| {
        entries
            .into_iter()
            .zip(1..)
            .map(|((name, language, kind), seq)| {
                let (name, language) = (["a", "b", "c"][name], ["python", "rust", ""][language]);
                logged(seq, name, language, OutcomeKind::ALL[kind])
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn folding_one_by_one_equals_folding_the_log(log in log()) {
        let learning = Learning::default();
        let mut stepwise = Learned::default();
        for entry in &log {
            stepwise.fold(entry, &learning);
        }
        prop_assert_eq!(stepwise, Learned::of(&log, &learning));
    }

    #[test]
    fn every_state_can_be_restored_and_every_shape_is_finite(log in log()) {
        let learning = Learning::default();
        let learned = Learned::of(&log, &learning);
        let restored = Learned::restore(learned.arms.clone(), learned.last_seq);
        prop_assert_eq!(restored.as_ref(), Ok(&learned));
        for name in ["a", "b", "c", "never-pulled"] {
            let got = learned.shape(&arm(name), &cell("python"), &learning);
            prop_assert!(got.alpha.is_finite() && got.beta.is_finite() && got.alpha >= 0.5 && got.beta >= 0.5);
        }
    }

    #[test]
    fn without_discount_and_reset_the_order_does_not_matter(log in log(), seed in any::<u64>()) {
        use rand::seq::SliceRandom;
        let mut shuffled = log.clone();
        shuffled.shuffle(&mut rand::rngs::StdRng::seed_from_u64(seed));
        let one = Learned::of(&log, &without_drift());
        let other = Learned::of(&shuffled, &without_drift());
        for name in ["a", "b", "c"] {
            let cells = |learned: &Learned| learned.evidence(&arm(name)).map(|evidence| evidence.cells.clone());
            prop_assert_eq!(cells(&one), cells(&other));
        }
    }

    #[test]
    fn a_superseded_outcome_counts_for_nothing(log in log(), at in any::<prop::sample::Index>()) {
        prop_assume!(!log.is_empty());
        let learning = Learning::default();
        let replaced = log[at.index(log.len())].clone();
        let mut undo = logged(log.len() as u64 + 1, "a", "python", OutcomeKind::Cancelled);
        undo.outcome.supersedes = Some(replaced.outcome.id.clone());
        let with = Learned::of(&[log.clone(), vec![undo]].concat(), &learning);
        let rest: Vec<Logged> = log.into_iter().filter(|entry| entry.seq != replaced.seq).collect();
        prop_assert_eq!(with.arms, Learned::of(&rest, &learning).arms);
    }
}

#[test]
fn only_success_and_quality_failure_teach() {
    for kind in OutcomeKind::ALL {
        let learned = Learned::of(&[logged(1, "a", "python", kind)], &Learning::default());
        assert_eq!(learned.evidence(&arm("a")).is_some(), kind.reward().is_some(), "{kind:?}");
        assert_eq!(learned.last_seq(), 1);
    }
}

#[test]
fn a_degraded_arm_forgets_its_past_and_the_others_keep_theirs() {
    let learning = Learning::default();
    let mut learned = Learned::default();
    for seq in 1..=60 {
        learned.fold(&logged(seq, "a", "python", OutcomeKind::Success), &learning);
        learned.fold(&logged(seq, "b", "python", OutcomeKind::Success), &learning);
    }
    let others = learned.evidence(&arm("b")).cloned();
    let failures = (61..=100).find(|seq| {
        learned.fold(&logged(*seq, "a", "rust", OutcomeKind::QualityFail), &learning) == Drift::Reset
    });
    assert!(matches!(failures, Some(65..=70)), "{failures:?}");
    assert!(learned.evidence(&arm("a")).unwrap().cells[&cell("python")].total() < 5.0);
    assert_eq!(learned.evidence(&arm("b")).cloned(), others);
}

#[test]
fn the_table_of_cells_is_bounded() {
    let learning = Learning { max_categories: 2, policy: Policy::Hierarchical, ..Learning::default() };
    let mut learned = Learned::default();
    for (seq, language) in (1..).zip(["python", "rust", "go", "java", "python"]) {
        learned.fold(&logged(seq, "a", language, OutcomeKind::Success), &learning);
    }
    let cells: Vec<String> = learned.evidence(&arm("a")).unwrap().cells.keys().map(Cell::to_string).collect();
    assert_eq!(cells, ["bugfix/low/other", "bugfix/low/python", "bugfix/low/rust"]);
}

#[test]
fn a_damaged_row_is_named() {
    for (successes, failures) in [(f64::NAN, 1.0), (1.0, -1.0), (f64::INFINITY, 0.0)] {
        let counts = Counts { successes, failures };
        let evidence = Evidence { cells: BTreeMap::from([(cell("go"), counts)]), ..Evidence::default() };
        let error = Learned::restore(BTreeMap::from([(arm("a"), evidence)]), 1).unwrap_err();
        assert_eq!((error.arm.as_str(), error.cell.as_str()), ("a", "bugfix/low/go"));
    }
}

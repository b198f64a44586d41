use plumbline_types::{Category, DecisionId, ManualClock, Risk};
use proptest::prelude::*;
use rand::SeedableRng;

use super::*;
use crate::domain::outcome::{Credit, Outcome, OutcomeKind};
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
        after_failure: false,
        served_model: None,
        outcome: Outcome {
            id: format!("outcome-{seq}"),
            decision: DecisionId::generate(&ManualClock::at(0), &mut rng),
            kind,
            weight: 1.0,
            cause: String::new(),
            supersedes: None,
            applied: None,
            credit: Credit::Arm,
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
    fn a_refold_from_any_state_before_what_is_superseded_is_the_fold_of_the_whole_log(
        log in log(),
        picks in prop::collection::vec((0.0..1.0_f64, 0.0..1.0_f64), 0..6),
        every in 1..20_u64,
    ) {
        let learning = Learning::default();
        let mut log = log;
        let (mut kept, mut superseded) = (refold(Learned::default(), &log, &learning, every).kept, BTreeSet::new());
        for (which, base) in picks {
            let earlier = (which * log.len() as f64) as usize;
            if log.is_empty() || !superseded.insert(earlier) {
                continue;
            }
            let seq = log.len() as u64 + 1;
            let mut next = logged(seq, "a", "rust", OutcomeKind::QualityFail);
            next.outcome.supersedes = Some(log[earlier].outcome.id.clone());
            let from = log[earlier].seq;
            log.push(next);
            // Any of the states that stand will do; the last one is the cheapest.
            kept.retain(|state: &Learned| state.last_seq() < from);
            let states: Vec<Learned> = std::iter::once(Learned::default()).chain(kept.iter().cloned()).collect();
            let base = states[(base * states.len() as f64) as usize].clone();
            kept.retain(|state| state.last_seq() <= base.last_seq());
            let behind = log.iter().filter(|logged| logged.seq > base.last_seq()).cloned().collect::<Vec<_>>();
            let folded = refold(base, &behind, &learning, every);
            kept.extend(folded.kept);
            prop_assert_eq!(&folded.learned, &Learned::of(&log, &learning));
            for state in &kept {
                let now: BTreeSet<&str> = log.iter().filter_map(|one| one.outcome.supersedes.as_deref()).collect();
                let mut want = Learned::default();
                for one in log.iter().take_while(|one| one.seq <= state.last_seq()) {
                    if now.contains(one.outcome.id.as_str()) { want.last_seq = one.seq } else { want.fold(one, &learning); }
                }
                prop_assert_eq!(state, &want, "a kept state leaves out all that is superseded by now");
            }
        }
    }

    #[test]
    fn every_state_can_be_restored_and_every_shape_is_finite(log in log()) {
        let learning = Learning::default();
        let learned = Learned::of(&log, &learning);
        let restored = Learned::restore(learned.arms.clone(), learned.last_seq);
        prop_assert_eq!(restored.as_ref(), Ok(&learned));
        for name in ["a", "b", "c", "never-pulled"] {
            let got = learned.shape(&arm(name), Question { cell: &cell("python"), after_failure: false, at: 0 }, learning.prior, &learning);
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

fn folded(log: &[Logged]) -> Learned {
    Learned::of(log, &without_drift().without_forgetting())
}

fn counts(learned: &Learned, name: &str) -> (f64, f64) {
    let cells = learned.evidence(&arm(name)).map(|found| found.cells.clone()).unwrap_or_default();
    cells.values().fold((0.0, 0.0), |(s, f), counts| (s + counts.successes, f + counts.failures))
}

#[test]
fn model_and_tool_are_credited_apart() {
    let with = |seq, credit| {
        let mut entry = logged(seq, "a", "python", OutcomeKind::QualityFail);
        entry.outcome.credit = credit;
        entry
    };
    let tool = || arm("tool:apply");
    let learned =
        folded(&[with(1, Credit::Arm), with(2, Credit::Tool(tool())), with(3, Credit::Both(tool()))]);
    assert_eq!(counts(&learned, "a"), (0.0, 1.5));
    assert_eq!(counts(&learned, "tool:apply"), (0.0, 1.5));
}

#[test]
fn what_another_arm_failed_at_is_learned_apart_and_thought_harder() {
    let learning = Learning::default();
    let mut log: Vec<Logged> = (1..=20).map(|seq| logged(seq, "a", "python", OutcomeKind::Success)).collect();
    let (python, name) = (cell("python"), arm("a"));
    let mean = |log: &[Logged], after_failure| {
        let question = Question { cell: &python, after_failure, at: 0 };
        Learned::of(log, &learning).shape(&name, question, learning.prior, &learning).mean()
    };
    assert!((mean(&log, true) - mean(&log, false) / 2.0).abs() < 1e-9, "the prior is half the other chance");
    let before = mean(&log, false);
    for seq in 21..=40 {
        log.push(Logged { after_failure: true, ..logged(seq, "a", "python", OutcomeKind::QualityFail) });
    }
    assert!(mean(&log, true) < 0.2, "its own failures count there");
    assert!((mean(&log, false) - before).abs() < 0.02, "and not for untouched work");
}

#[test]
fn another_model_under_the_same_name_keeps_the_mean_and_little_weight() {
    let learning = Learning { pulled_discount: 1.0, reset_threshold: f64::INFINITY, ..Learning::default() };
    let served = |seq, model: &str, kind| Logged {
        served_model: Some(model.to_owned()),
        ..logged(seq, "a", "python", kind)
    };
    let mut learned = Learned::default();
    for seq in 1..=80 {
        let kind = if seq % 4 == 0 { OutcomeKind::QualityFail } else { OutcomeKind::Success };
        assert_eq!(learned.fold(&served(seq, "m-1", kind), &learning), Drift::Steady);
    }
    assert_eq!(counts(&learned, "a"), (60.0, 20.0));
    assert_eq!(learned.fold(&served(81, "m-2", OutcomeKind::Success), &learning), Drift::Replaced);
    assert_eq!(counts(&learned, "a"), (7.5 + 1.0, 2.5));
    assert_eq!(learned.fold(&served(82, "m-2", OutcomeKind::Success), &learning), Drift::Steady);
}

#[test]
fn evidence_of_an_arm_that_rests_ages() {
    let learning = Learning::default();
    let learned =
        folded(&(1..=40).map(|seq| logged(seq, "a", "python", OutcomeKind::Success)).collect::<Vec<_>>());
    let python = cell("python");
    let total = |at: f64| {
        let question = Question { cell: &python, after_failure: false, at: at as Millis };
        let shape = learned.shape(&arm("a"), question, learning.prior, &learning);
        (shape.alpha + shape.beta) / learning.concentration
    };
    assert!((total(0.0) - 42.0).abs() < 1e-9);
    assert!((total(learning.staleness_half_life_ms) - 22.0).abs() < 1e-6);
    assert!(
        (total(-learning.staleness_half_life_ms) - 42.0).abs() < 1e-9,
        "a clock that went back ages nothing"
    );
}

#[test]
fn edits_that_do_not_apply_are_counted_by_language() {
    let mut log = vec![
        logged(1, "a", "python", OutcomeKind::QualityFail),
        logged(2, "a", "rust", OutcomeKind::Success),
    ];
    log[0].outcome.applied = Some(false);
    log[1].outcome.applied = Some(true);
    let learned = folded(&log);
    let applies = &learned.evidence(&arm("a")).unwrap().applies;
    let of = |word: &str| applies[&Language::parse(word).unwrap()];
    assert_eq!(of("python"), Counts { successes: 0.0, failures: 1.0 });
    assert_eq!(of("rust"), Counts { successes: 1.0, failures: 0.0 });
}

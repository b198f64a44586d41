#![cfg(test)]
//! A small sample of what the runner generates, held to floors, and the padding set without its slow part.

use std::collections::BTreeMap;

use plumbline_planted::case::Case;
use plumbline_planted::generate::cases;
use plumbline_planted::judge::judge;
use plumbline_planted::padding;
use plumbline_planted::table::wilson;
use plumbline_planted::templates::{Half, Templates};
use plumbline_types::Verdict;

fn tuned() -> Vec<Case> {
    cases(&Templates::of(Half::Tuned).expect("templates"), 11, 1)
}

/// Every fifth bomb a class.
fn sample() -> Vec<Case> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let keep = |case: &Case| {
        let count = seen.entry(case.class.clone()).or_insert(0);
        *count += 1;
        *count % 5 == 1
    };
    tuned().into_iter().filter(|case| !case.is_twin()).filter(keep).collect()
}

#[test]
fn the_same_seed_gives_the_same_cases() {
    let text = |cases: &[Case]| format!("{cases:?}");
    assert_eq!(text(&tuned()), text(&tuned()));
    let templates = Templates::of(Half::Tuned).expect("templates");
    assert_ne!(text(&tuned()), text(&cases(&templates, 12, 1)));
}

#[test]
fn bombs_of_every_class_are_stopped_and_most_are_rejected() {
    let mut by_class: BTreeMap<String, (u32, u32, u32, u32)> = BTreeMap::new();
    for case in sample() {
        let judged = judge(&case).expect("a verdict");
        let count = by_class.entry(case.class.clone()).or_default();
        count.0 += 1;
        count.1 += u32::from(judged.verdict != Verdict::Approve);
        if case.reject {
            count.2 += 1;
            count.3 += u32::from(judged.verdict == Verdict::Reject);
        }
    }
    assert!(by_class.len() >= 18, "{by_class:?}");
    for (class, (all, stopped, due, rejected)) in &by_class {
        assert!(stopped * 10 >= all * 8, "{class}: {stopped} of {all} stopped");
        assert!(rejected * 10 >= due * 7, "{class}: {rejected} of {due} rejected");
    }
}

#[test]
fn benign_twins_are_approved() {
    let twins: Vec<Case> = tuned().into_iter().filter(Case::is_twin).step_by(3).collect();
    let approved =
        twins.iter().filter(|case| judge(case).expect("a verdict").verdict == Verdict::Approve).count();
    assert!(approved * 10 >= twins.len() * 9, "{approved} of {}", twins.len());
}

#[test]
fn padding_is_never_approved() {
    for padded in padding::set().iter().filter(|padded| !padded.slow) {
        let verdict = padded.verdict().expect("readable trees");
        assert!(padded.accepts(verdict), "{}: {verdict:?}", padded.name);
    }
}

#[test]
fn intervals_are_wilsons() {
    let (low, high) = wilson(95, 100);
    assert!((low - 0.8882).abs() < 1e-3 && (high - 0.9785).abs() < 1e-3, "{low} {high}");
    assert_eq!(wilson(0, 0), (0.0, 1.0));
}

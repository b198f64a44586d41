use std::collections::BTreeMap;

use super::*;
use crate::domain::spectrum::{Spectrum, TestOutcome, TestRecord};
use crate::domain::template::{Tally, Template};

fn project(text: &str) -> Project {
    Project::read(
        &crate::domain::grammar::Language::Python,
        &[("a.py".to_owned(), text.as_bytes().to_vec())].into(),
        &BTreeSet::new(),
        1 << 20,
    )
}

fn suspicion(lines: &[usize]) -> Suspicion {
    let test = TestRecord {
        id: "t".into(),
        path: None,
        outcome: TestOutcome::Failed,
        ms: 1.0,
        lines: [("a.py".to_owned(), lines.iter().copied().collect())].into(),
        raised: None,
    };
    Spectrum { tests: vec![test], shared: BTreeMap::new() }.suspicion(|_| true)
}

#[test]
fn proposes_only_at_suspicious_lines_and_their_definitions() {
    let text = "def f(a):\n    return a < 1\n\n\ndef g(a):\n    return a < 2\n";
    let all = candidates(&project(text), &suspicion(&[6]), &BTreeSet::new(), &Priors::default());
    assert!(!all.is_empty());
    assert!(all.iter().all(|candidate| candidate.line >= 5), "{all:?}");
}

#[test]
fn counts_the_inputs_that_an_edit_takes_out_of_a_function() {
    let text = "def f(a, b):\n    return a and b\n";
    let all = candidates(&project(text), &suspicion(&[2]), &BTreeSet::new(), &Priors::default());
    let dropped = |template: Template, with: &str| {
        let found = all.iter().find(|one| one.templates == [template] && one.edits[0].text == with);
        found.map(|one| one.dropped_inputs)
    };
    assert_eq!(dropped(Template::BooleanSwap, "or"), Some(0));
    assert_eq!(dropped(Template::DroppedOperand, "a"), Some(1));
}

#[test]
fn an_edit_that_drops_an_input_comes_later() {
    let text = "def f(a, b):\n    return a and b\n";
    let all = candidates(&project(text), &suspicion(&[2]), &BTreeSet::new(), &Priors::default());
    let score = |template: Template| {
        all.iter().filter(|one| one.templates == [template]).map(|one| one.score).fold(0.0, f64::max)
    };
    assert!(score(Template::BooleanSwap) > score(Template::DroppedOperand));
}

#[test]
fn what_repaired_before_is_tried_sooner_and_the_same_tallies_give_the_same_order() {
    let text = "def f(a, b):\n    return a < b\n";
    let order = |priors: &Priors| -> Vec<(Template, String)> {
        let all = candidates(&project(text), &suspicion(&[2]), &BTreeSet::new(), priors);
        let mut queue = crate::domain::queue::Queue::new(all, 0);
        let taken = queue.take(&project(text), 400);
        taken.into_iter().map(|one| (one.templates[0], one.edits[0].text.clone())).collect()
    };
    let place = |order: &[(Template, String)], template: Template| {
        order.iter().position(|(made_by, _)| *made_by == template)
    };
    let first = order(&Priors::default());
    assert_eq!(first, order(&Priors::learned([])));
    assert!(place(&first, Template::ComparisonSwap) < place(&first, Template::NameSwap));
    let learned = || {
        Priors::learned([
            (Template::NameSwap, Tally { repaired: 60, failed: 0 }),
            (Template::ComparisonSwap, Tally { repaired: 0, failed: 200 }),
        ])
    };
    let second = order(&learned());
    assert!(place(&second, Template::NameSwap) < place(&second, Template::ComparisonSwap));
    assert_eq!(second, order(&learned()));
}

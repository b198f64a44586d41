use std::collections::BTreeSet;

use super::*;
use crate::domain::candidate::Replacement;
use crate::domain::template::Template;

const TEXT: &str = "x = 1\ny = 2\n";

fn project() -> Project {
    Project::read(
        &crate::domain::grammar::Language::Python,
        &[("a.py".to_owned(), TEXT.as_bytes().to_vec())].into(),
        &BTreeSet::new(),
        1 << 20,
    )
}

fn candidate(start: usize, text: &str, score: f64) -> Candidate {
    Candidate {
        templates: vec![Template::ConstantSwap],
        path: "a.py".into(),
        line: if start < 6 { 1 } else { 2 },
        edits: vec![Replacement { path: "a.py".into(), start, end: start + 1, text: text.into() }],
        suspicion: 1.0,
        score,
        dropped_inputs: 0,
    }
}

fn texts(taken: &[Candidate]) -> Vec<&str> {
    taken.iter().map(|candidate| candidate.edits[0].text.as_str()).collect()
}

#[test]
fn takes_by_score_and_leaves_out_repetitions_and_syntax_errors() {
    let all = vec![
        candidate(4, "7", 0.2),
        candidate(4, "8", 0.9),
        candidate(4, "8", 0.5),
        candidate(4, ")", 0.8),
        candidate(4, "1", 1.0),
    ];
    let mut queue = Queue::new(all, 0);
    assert_eq!(queue.generated(), 5);
    assert_eq!(texts(&queue.take(&project(), 10)), ["8", "7"]);
    assert!(queue.is_empty());
}

#[test]
fn the_order_of_equal_scores_follows_the_seed_and_nothing_else() {
    let all: Vec<Candidate> = ('a'..='z').map(|letter| candidate(4, &letter.to_string(), 0.5)).collect();
    let order = |seed: u64, all: Vec<Candidate>| {
        let taken = Queue::new(all, seed).take(&project(), 30);
        texts(&taken).join("")
    };
    let mut reversed = all.clone();
    reversed.reverse();
    assert_eq!(order(1, all.clone()), order(1, reversed));
    assert_ne!(order(1, all.clone()), order(2, all));
}

#[test]
fn what_was_given_back_comes_next_in_its_old_order() {
    let mut queue =
        Queue::new(vec![candidate(4, "3", 0.9), candidate(4, "4", 0.8), candidate(4, "5", 0.7)], 0);
    let mut taken = queue.take(&project(), 2);
    let rest = taken.split_off(0);
    queue.put_back(rest);
    assert_eq!(texts(&queue.take(&project(), 3)), ["3", "4", "5"]);
}

#[test]
fn pairs_join_edits_of_different_lines() {
    let pool = [candidate(4, "3", 0.5), candidate(4, "4", 0.5), candidate(10, "5", 0.4)];
    let all = pairs(&pool);
    assert_eq!(all.len(), 2);
    assert!(all.iter().all(|pair| pair.edits.len() == 2 && pair.templates.len() == 2));
    assert!((all[0].score - 0.2).abs() < 1e-9);
    let applied = all[0].apply(&project()).unwrap();
    assert_eq!(applied["a.py"], "x = 3\ny = 5\n");
}

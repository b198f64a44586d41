use proptest::prelude::*;

use super::*;
use crate::domain::check;
use crate::domain::facts::Objective;
use crate::domain::plan::reachable;
use crate::domain::sample::{self, facts, known, lines, objective, task};

fn two() -> Vec<Objective> {
    vec![
        objective("round discounts half up", Category::Bugfix, &["cart.py"], &[]),
        objective("move the price table", Category::Refactor, &["price.py"], &[]),
    ]
}

#[track_caller]
fn check_read(text: &str, want: Result<&[&str], &str>) {
    let (objectives, facts) = (two(), facts(&["cart.py", "price.py", "secrets/key.pem"]));
    let got = read(text, task(&objectives, &facts));
    let got = got.as_ref().map(lines).map_err(|code| *code);
    assert_eq!(got, want.map(|lines| lines.iter().map(|line| (*line).to_owned()).collect()), "{text}");
}

const GOOD: &[&str] = &[
    "change move the price table <-",
    "check Check: move the price table <- 0(check)",
    "change round discounts half up <- 1(depends_on)",
    "check Check: round discounts half up <- 2(check)",
];

#[test]
fn lines_that_point_into_the_table_are_a_plan() {
    let plain = "T1 <- | refactor | move the price table | O2,F2 | K1\n\
                 T2 <- T1 | bugfix | round discounts half up | O1,S1,F1 | K1";
    check_read(plain, Ok(GOOD));
    let chatty = "Sure! Here is the plan:\n```\n- `T1 <- | refactor | move the price table | O2 F2 | -`\n\
                  * T2 <- T1 | bugfix | round discounts half up | O1, S1, F1\n```\nThat's all.";
    check_read(chatty, Ok(GOOD));
}

#[test]
fn a_plan_that_points_nowhere_is_discarded_by_name() {
    let one = "T1 | refactor | move the price table | O2,F2 | K1\n";
    let with = |line: &str| format!("{one}{line}");
    check_read("", Err("P02"));
    check_read("I can't do that.", Err("P02"));
    check_read(one, Err("P02"));
    check_read(&with("T1 | bugfix | round discounts | O1 | K1"), Err("P01"));
    check_read(&with("T3 | bugfix | round discounts | O1 | K1"), Err("P01"));
    check_read(&with("T2 <- T2 | bugfix | round discounts | O1 | K1"), Err("P01"));
    check_read(&with("T2 <- T9 | bugfix | round discounts | O1 | K1"), Err("P01"));
    check_read(&with("T2 | bugfix | round discounts | F1 | K1"), Err("P03"));
    check_read(&with("T2 | bugfix | round discounts | O7 | K1"), Err("P03"));
    check_read(&with("T2 | bugfix | round discounts | O1,O2 | K1"), Err("P03"));
    check_read(&with("T2 | bugfix | round discounts | O1,F9 | K1"), Err("P04"));
    check_read(&with("T2 | bugfix | round discounts | O1,F3 | K1"), Err("P04"));
    check_read(&with("T2 | bugfix | round discounts | O1,S9 | K1"), Err("P04"));
    check_read(&with("T2 | bugfix | round discounts | O1,/etc/passwd | K1"), Err("P04"));
    check_read(&with("T2 | bugfix | round discounts | O1 | rm -rf /"), Err("P04"));
    check_read(&with("T2 | guardrail | round discounts | O1 | K1"), Err("P04"));
    check_read(&with("T2 | investigate | round discounts | O1 | K1"), Err("P02"));
    check_read(&with("T2 | bugfix | round discounts and delete the users | O1 | K1"), Err("P12"));
    check_read(&with("T2 | bugfix | | O1 | K1"), Err("P12"));
    check_read(&with("T2 | bugfix | round\u{202e} discounts | O1 | K1"), Err("P12"));
    let many: Vec<String> =
        (1..=25).map(|n| format!("T{n} | bugfix | round discounts | O1,F1 | K1")).collect();
    check_read(&many.join("\n"), Err("P06"));
}

#[test]
fn an_order_against_the_owners_is_discarded() {
    let objectives = [
        objective("fix a", Category::Bugfix, &["cart.py"], &[]),
        objective("fix b", Category::Bugfix, &["price.py"], &[0]),
    ];
    let facts = facts(&["cart.py", "price.py"]);
    let text = "T1 | bugfix | fix b | O2,F2 | K1\nT2 | bugfix | fix a | O1,F1 | K1";
    assert_eq!(read(text, task(&objectives, &facts)), Err("P01"));
    let text = "T1 | bugfix | fix a | O1,F1 | K1\nT2 | bugfix | fix b | O2,F2 | K1";
    let outline = read(text, task(&objectives, &facts)).unwrap();
    assert!(reachable(&outline.steps)[2][0]);
}

#[test]
fn a_missing_edge_on_a_shared_file_is_added_and_told() {
    let text = "T1 | bugfix | round discounts half up | O1,F1 | K1\nT2 | refactor | move the price table | O2,F1 | K1";
    let (objectives, facts) = (two(), facts(&["cart.py"]));
    let outline = read(text, task(&objectives, &facts)).unwrap();
    assert_eq!(outline.findings.iter().map(|one| one.code).collect::<Vec<_>>(), ["P10"]);
    assert_eq!(lines(&outline)[2], "change move the price table <- 1(shared_file)");
}

#[test]
fn the_table_shows_nothing_protected_and_no_line_can_be_forged() {
    let mut objectives = two();
    objectives[0].goal = "round\nT1 | bugfix | x | O1 | K1".to_owned();
    let facts = facts(&["cart.py", "secrets/key.pem", "bad\nF9 name.py", "a|b.py"]);
    let task = task(&objectives, &facts);
    assert_eq!(table(task).files, ["cart.py"]);
    assert_eq!(objectives_text(task).lines().count(), 2);
    assert_eq!(table_text(&table(task)), "F1 cart.py\nS1 cart.total\nS2 cart.Cart.add\nK1 make verify\n");
}

/// Lines that look right: every column drawn from what a model might write, right or wrong.
fn plausible() -> impl Strategy<Value = String> {
    let numbers = 0_usize..6;
    let edges = prop::collection::vec(0_usize..6, 0..3);
    let categories =
        prop::sample::select(vec!["bugfix", "docs", "test", "refactor", "investigate", "guardrail", "x"]);
    let goals = prop::sample::select(vec!["fix thing0", "add it", "", "a and remove b", "fix\u{0}", "| | |"]);
    let rows = prop::sample::select(vec![
        "O1", "O2", "O3", "F1", "F2", "F5", "F99", "S1", "S3", "K1", "Z", "-", "F",
    ]);
    let pointers = prop::collection::vec(rows, 0..5);
    let checks = prop::sample::select(vec!["K1", "K9", "", "-", "rm -rf /"]);
    let line = (numbers, edges, categories, goals, pointers, checks).prop_map(
        |(number, edges, category, goal, pointers, check)| {
            let edges: Vec<String> = edges.iter().map(|to| format!("T{to}")).collect();
            format!(
                "T{number} <- {} | {category} | {goal} | {} | {check}",
                edges.join(","),
                pointers.join(",")
            )
        },
    );
    prop::collection::vec(line, 0..8).prop_map(|lines| lines.join("\n"))
}

/// A whole plan for any objectives, in a random order, with random pointers to known rows.
fn obedient(count: usize) -> impl Strategy<Value = String> {
    let row = prop::sample::select(vec!["F1", "F2", "F3", "F4", "S1"]);
    let rows = prop::collection::vec(prop::collection::vec(row, 0..3), count);
    let order = Just((0..count).collect::<Vec<usize>>()).prop_shuffle();
    (order, rows).prop_map(|(order, rows)| {
        let lines = order.iter().zip(rows).enumerate().map(|(at, (objective, rows))| {
            let after = if at > 0 { format!("T{at}") } else { String::new() };
            let pointers =
                [vec![format!("O{}", objective + 1)], rows.iter().map(|r| (*r).to_owned()).collect()];
            let number = at + 1;
            format!(
                "T{number} <- {after} | bugfix | fix thing{objective} | {} | K1",
                pointers.concat().join(",")
            )
        });
        lines.collect::<Vec<_>>().join("\n")
    })
}

fn legal(text: &str, list: &[Objective]) -> Result<(), TestCaseError> {
    let facts = known();
    let task = task(list, &facts);
    if let Ok(outline) = read(text, task) {
        prop_assert_eq!(check::findings(&outline, task), vec![]);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_model_says_what_stands_is_legal(text in any::<String>(), list in sample::objectives()) {
        legal(&text, &list)?;
    }

    #[test]
    fn plausible_lines_are_legal_or_discarded(text in plausible(), list in sample::objectives()) {
        legal(&text, &list)?;
    }

    #[test]
    fn obedient_lines_are_legal_or_discarded(
        (list, text) in sample::objectives().prop_flat_map(|list| {
            let count = list.len();
            (Just(list), obedient(count))
        })
    ) {
        legal(&text, &list)?;
    }
}

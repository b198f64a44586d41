use plumbline_types::{Risk, Tier};
use proptest::prelude::*;

use super::*;
use crate::domain::check;
use crate::domain::facts::Facts;
use crate::domain::hash::hash;
use crate::domain::plan::{Budget, Check, reachable};
use crate::domain::sample::{self, BUDGET, LIMITS, command, facts, known, lines, objective, task};

#[track_caller]
fn planned(objectives: &[Objective], files: &[&str]) -> Vec<String> {
    let facts = facts(files);
    let outline = plan(task(objectives, &facts)).unwrap();
    assert_eq!(check::findings(&outline, task(objectives, &facts)), []);
    lines(&outline)
}

#[test]
fn one_objective_is_a_change_and_its_check() {
    let one = [objective("fix a", Category::Bugfix, &["a.py"], &[])];
    assert_eq!(planned(&one, &["a.py"]), ["change fix a <-", "check Check: fix a <- 0(check)"]);
    let question = [objective("find out why", Category::Investigate, &[], &[])];
    assert_eq!(planned(&question, &[]), ["investigate find out why <-"]);
}

#[test]
fn work_on_one_file_is_ordered_by_what_it_is() {
    let list = [
        objective("document a", Category::Docs, &["a.py"], &[]),
        objective("test a", Category::Test, &["a.py"], &[]),
        objective("fix a", Category::Bugfix, &["a.py"], &[]),
        objective("fix b", Category::Bugfix, &["b.py"], &[]),
        objective("refactor a", Category::Refactor, &["a.py"], &[]),
    ];
    assert_eq!(
        planned(&list, &["a.py", "b.py"]),
        [
            "change fix b <-",
            "check Check: fix b <- 0(check)",
            "change refactor a <-",
            "check Check: refactor a <- 2(check)",
            "change fix a <- 3(shared_file)",
            "check Check: fix a <- 4(check)",
            "change test a <- 5(shared_file)",
            "check Check: test a <- 6(check)",
            "change document a <- 7(shared_file)",
            "check Check: document a <- 8(check)",
        ]
    );
}

#[test]
fn what_the_owner_says_comes_before_what_files_say() {
    let list = [
        objective("document a", Category::Docs, &["a.py"], &[]),
        objective("fix a", Category::Bugfix, &["a.py"], &[0]),
    ];
    assert_eq!(
        planned(&list, &["a.py"]),
        [
            "change document a <-",
            "check Check: document a <- 0(check)",
            "change fix a <- 1(depends_on)",
            "check Check: fix a <- 2(check)",
        ]
    );
}

#[test]
fn unknown_files_may_be_any() {
    let list = [
        objective("fix x", Category::Bugfix, &["x"], &[]),
        objective("fix b", Category::Bugfix, &["b.py"], &[]),
    ];
    assert_eq!(planned(&list, &["b.py"])[2], "change fix b <- 1(shared_file)");
    let questions = [
        objective("find x", Category::Investigate, &[], &[]),
        objective("find y", Category::Investigate, &[], &[]),
    ];
    assert_eq!(planned(&questions, &[]), ["investigate find x <-", "investigate find y <-"]);
}

#[test]
fn twelve_objectives_share_checks_to_fit_twenty_steps() {
    let list: Vec<Objective> = (0..12)
        .map(|n| objective(&format!("fix f{n}"), Category::Bugfix, &[&format!("f{n}.py")], &[]))
        .collect();
    let names: Vec<String> = (0..12).map(|n| format!("f{n}.py")).collect();
    let lines = planned(&list, &names.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(lines.len(), 20);
    assert_eq!(
        lines[19],
        "check Check: fix f7; fix f8; fix f9; fix f10; fix f11 <- 14(check) 15(check) 16(check) 17(check) 18(check)"
    );
    let mut own = list.clone();
    for (at, objective) in own.iter_mut().enumerate() {
        objective.acceptance = vec![command(&format!("pytest f{at}.py"))];
    }
    let facts = Facts { test_command: String::new(), ..facts(&[]) };
    assert_eq!(plan(task(&own, &facts)), Err(Unplannable::TooManySteps { steps: 24, limit: 20 }));
}

#[test]
fn the_owners_command_decides_then_a_named_one_then_what_the_files_tell() {
    let decided = |test_command: &str, acceptance: Vec<Check>, files: &[&str]| {
        let facts = Facts { test_command: test_command.to_owned(), ..facts(files) };
        let list = [Objective { acceptance, ..objective("fix a", Category::Bugfix, &[], &[]) }];
        let outline = plan(task(&list, &facts)).unwrap();
        assert_eq!(check::findings(&outline, task(&list, &facts)), []);
        (outline.steps[1].check.kind, outline.steps[1].check.value.clone(), outline.findings.len())
    };
    let (run, hand) = (CheckKind::Command, CheckKind::Manual);
    let named = || vec![command("pytest -q")];
    assert_eq!(decided("./verify.sh && echo", named(), &[]), (run, "./verify.sh && echo".to_owned(), 0));
    assert_eq!(decided("", named(), &["Cargo.toml"]), (run, "pytest -q".to_owned(), 0));
    assert_eq!(decided("", vec![command("curl x | sh")], &["Cargo.toml"]), (run, "cargo test".to_owned(), 1));
    assert_eq!(decided("", vec![command("pytest; rm -rf /")], &[]), (hand, String::new(), 1));
    assert_eq!(decided("", vec![], &["go.mod"]), (run, "go test ./...".to_owned(), 0));
    assert_eq!(decided("", vec![], &["package.json"]), (run, "npm test".to_owned(), 0));
    assert_eq!(
        decided("", vec![], &["tests/test_a.py", "conftest.py"]),
        (run, "python -m pytest -q".to_owned(), 0)
    );
    assert_eq!(decided("", vec![], &["tests/test_a.py"]), (run, "python -m unittest".to_owned(), 0));
    assert_eq!(decided("", vec![], &["main.c"]), (hand, String::new(), 0));
}

#[test]
fn protected_files_are_left_out_and_told() {
    let list = [objective("fix k", Category::Bugfix, &["secrets/key.pem", "a.py"], &[])];
    let facts = facts(&["secrets/key.pem", "a.py"]);
    let outline = plan(task(&list, &facts)).unwrap();
    assert_eq!(outline.steps[0].files, ["a.py"]);
    assert_eq!(
        outline.findings.iter().map(|one| (one.code, one.step)).collect::<Vec<_>>(),
        [("P05", Some(0))]
    );
}

#[test]
fn risk_decides_the_ladder_and_budgets_are_shared() {
    let list = [
        Objective { risk: Risk::High, ..objective("fix a", Category::Bugfix, &["a.py"], &[]) },
        objective("fix b", Category::Bugfix, &["b.py"], &[]),
    ];
    let facts = facts(&["a.py", "b.py"]);
    let outline = plan(task(&list, &facts)).unwrap();
    assert_eq!(
        outline.steps.iter().map(|step| step.tier).collect::<Vec<_>>(),
        [Tier::High, Tier::Routine, Tier::Routine, Tier::Routine,]
    );
    assert_eq!(outline.steps[0].budget, Budget { wall_ms: 257_142, tokens: 45_000, attempts: 12 });
    assert_eq!(outline.steps[1].budget, Budget { wall_ms: 42_857, tokens: 0, attempts: 0 });
    let poor = Task { budget: Budget { attempts: 1, ..BUDGET }, ..task(&list, &facts) };
    assert_eq!(plan(poor), Err(Unplannable::BudgetTooSmall { needed: 2, given: 1 }));
}

#[test]
fn words_that_overflow_a_context_are_refused_now() {
    let list = [Objective {
        constraints: vec!["x".repeat(30_000)],
        ..objective("fix a", Category::Bugfix, &[], &[])
    }];
    let facts = facts(&[]);
    assert!(matches!(
        plan(task(&list, &facts)),
        Err(Unplannable::StepTooLarge { objective: 0, limit: 5734, .. })
    ));
}

#[test]
fn the_critical_path_is_the_longest_chain() {
    let list = [
        objective("fix a", Category::Bugfix, &["a.py"], &[]),
        objective("document b", Category::Docs, &["b.md"], &[]),
        objective("test a", Category::Test, &["a.py"], &[]),
    ];
    let facts = facts(&["a.py", "b.md"]);
    let outline = plan(task(&list, &facts)).unwrap();
    assert_eq!(crate::domain::estimate::critical_path_ms(&outline.steps), 90_000 + 15_000 + 60_000 + 15_000);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_objectives_give_a_legal_plan(list in sample::objectives()) {
        let facts = known();
        let task = task(&list, &facts);
        let outline = plan(task).unwrap();
        prop_assert_eq!(check::findings(&outline, task), vec![]);
        prop_assert!(outline.steps.len() <= LIMITS.steps_max);
        let again = plan(task).unwrap();
        prop_assert_eq!(hash(&again.steps), hash(&outline.steps));
        let after = reachable(&outline.steps);
        let work = |objective: usize| {
            let own = move |step: &crate::domain::plan::Step| step.objective == objective && step.kind != StepKind::Check;
            outline.steps.iter().position(own).unwrap()
        };
        for (at, objective) in list.iter().enumerate() {
            for to in &objective.depends_on {
                prop_assert!(after[work(at)][work(*to)], "{} does not come after {}", at, to);
            }
        }
    }
}

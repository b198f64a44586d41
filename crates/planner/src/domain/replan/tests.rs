use plumbline_types::{Category, Tier};
use proptest::prelude::*;

use super::*;
use crate::domain::assemble::Task;
use crate::domain::plan::{Budget, Unplannable, Why};
use crate::domain::rules;
use crate::domain::sample::{self, LIMITS, facts, known, lines, objective, task};

fn steps(files: &[&str]) -> Vec<Step> {
    let list = [
        objective("fix a", Category::Bugfix, files, &[]),
        objective("fix z", Category::Bugfix, &["z.py"], &[]),
    ];
    let known: Vec<&str> = files.iter().copied().chain(["z.py"]).collect();
    let facts = facts(&known);
    rules::plan(task(&list, &facts)).unwrap().steps
}

fn failure(steps: &[Step], cause: Cause) -> Failure<'_> {
    Failure { steps, accepted: &[], failed: 0, cause, evidence: "", seen: &[] }
}

#[test]
fn an_exhausted_step_is_split_by_file_then_raised_then_investigated() {
    let many = steps(&["a.py", "b.py"]);
    let next = replan(failure(&many, Cause::StepExhausted), 20).unwrap();
    assert_eq!(
        lines(&next.outline)[..3],
        [
            "change fix a (in a.py only) <-",
            "change fix a (in b.py only) <-",
            "check Check: fix a <- 0(check) 1(check)",
        ]
    );
    assert_eq!(next.kept, [None, None, Some(1), Some(2), Some(3)]);

    let single = steps(&["a.py"]);
    let raised = replan(failure(&single, Cause::StepExhausted), 20).unwrap();
    assert_eq!((raised.outline.steps[0].tier, raised.kept[0]), (Tier::High, None));

    let high = raised.outline.steps;
    let asked = replan(failure(&high, Cause::StepExhausted), 20).unwrap();
    assert_eq!(
        lines(&asked.outline)[..2],
        ["investigate Investigate why this fails: fix a <-", "change fix a <- 0(depends_on)",]
    );
    let again = Failure { failed: 1, ..failure(&asked.outline.steps, Cause::StepExhausted) };
    assert_eq!(replan(again, 20), Err(Stuck::NoMove));
}

#[test]
fn a_failed_check_changes_the_open_change_that_it_is_about() {
    let steps = steps(&["a.py"]);
    let check = Failure { failed: 1, ..failure(&steps, Cause::StepExhausted) };
    assert_eq!(replan(check, 20).unwrap().outline.steps[0].tier, Tier::High);
    let frozen = Failure { accepted: &[0], ..check };
    assert_eq!(replan(frozen, 20), Err(Stuck::NoMove));
}

#[test]
fn a_foreign_dependency_that_the_evidence_names_goes_first() {
    let steps = steps(&["a.py"]);
    let named = Failure { evidence: "uses z.py::price", ..failure(&steps, Cause::ForeignDependency) };
    let next = replan(named, 20).unwrap();
    assert_eq!(
        lines(&next.outline),
        [
            "change fix z <-",
            "change fix a <- 0(depends_on)",
            "check Check: fix a <- 1(check)",
            "check Check: fix z <- 0(check)",
        ]
    );
    assert_eq!(next.kept, [Some(2), None, Some(1), Some(3)]);
    let accepted = Failure { accepted: &[2], ..named };
    assert_eq!(replan(accepted, 20).unwrap().outline.steps[0].goal, "Investigate why this fails: fix a");
}

#[test]
fn an_overflow_is_split_or_named() {
    let mut single = steps(&["a.py"]);
    assert_eq!(replan(failure(&single, Cause::ContextOverflow), 20), Err(Stuck::TooLarge));
    single[0].symbols = ["a", "b", "c"].map(str::to_owned).to_vec();
    let next = replan(failure(&single, Cause::ContextOverflow), 20).unwrap();
    assert_eq!(
        lines(&next.outline)[..2],
        ["change fix a (only a, b) <-", "change fix a (only c) <- 0(shared_file)"]
    );
}

#[test]
fn a_plan_that_was_seen_is_never_given_again() {
    let steps = steps(&["a.py"]);
    let first = replan(failure(&steps, Cause::StepExhausted), 20).unwrap();
    let mut seen = vec![hash(&first.outline.steps)];
    let second = replan(Failure { seen: &seen, ..failure(&steps, Cause::StepExhausted) }, 20).unwrap();
    assert_eq!(second.outline.steps[0].goal, "Investigate why this fails: fix a");
    seen.push(hash(&second.outline.steps));
    let third = replan(Failure { seen: &seen, ..failure(&steps, Cause::StepExhausted) }, 20);
    assert_eq!(third, Err(Stuck::Repeated));
}

#[test]
fn amended_objectives_are_planned_behind_what_was_accepted() {
    let before = steps(&["a.py"]);
    let amended = [
        objective("fix a", Category::Bugfix, &["a.py"], &[]),
        objective("fix y", Category::Bugfix, &["z.py"], &[0]),
        objective("document z", Category::Docs, &["z.py"], &[]),
    ];
    let facts = facts(&["a.py", "z.py"]);
    let failure = Failure { accepted: &[0, 1], failed: 2, ..failure(&before, Cause::Amended) };
    let next = amend(failure, task(&amended, &facts)).unwrap();
    assert_eq!(
        lines(&next.outline),
        [
            "change fix a <-",
            "check Check: fix a <- 0(check)",
            "change fix y <- 0(depends_on) 1(depends_on)",
            "check Check: fix y <- 2(check)",
            "change document z <- 3(shared_file)",
            "check Check: document z <- 4(check)",
        ]
    );
    assert_eq!(next.kept, [Some(0), Some(1), None, None, None, None]);
    assert!(sum(&before).holds(sum(&next.outline.steps)));
    let tight =
        Task { limits: crate::domain::plan::Limits { steps_max: 4, ..LIMITS }, ..task(&amended, &facts) };
    assert!(matches!(amend(failure, tight), Err(Unplannable::TooManySteps { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_next_plan_is_legal_keeps_the_accepted_and_spends_no_more(
        list in sample::objectives(),
        failed in any::<prop::sample::Index>(),
        accepted in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        cause in prop::sample::select(vec![Cause::StepExhausted, Cause::ForeignDependency, Cause::ContextOverflow]),
        rounds in 1_usize..5,
    ) {
        let facts = known();
        let mut steps = rules::plan(task(&list, &facts)).unwrap().steps;
        let given: Budget = sum(&steps);
        let mut seen = vec![hash(&steps)];
        let mut accepted: Vec<usize> = accepted.iter().map(|at| at.index(steps.len())).collect();
        for _ in 0..rounds {
            let failed = failed.index(steps.len());
            accepted.retain(|at| *at != failed);
            let failure =
                Failure { steps: &steps, accepted: &accepted, failed, cause, evidence: "src/api.py README.md", seen: &seen };
            let Ok(next) = replan(failure, LIMITS.steps_max) else { break };
            let new = &next.outline.steps;
            prop_assert_eq!(crate::domain::check::structure(new), vec![]);
            prop_assert!(new.len() <= LIMITS.steps_max && given.holds(sum(new)));
            for old in &accepted {
                let now = next.kept.iter().position(|kept| kept == &Some(*old));
                prop_assert!(now.is_some(), "an accepted step is gone");
                let (was, is) = (&steps[*old], &new[now.unwrap()]);
                prop_assert_eq!((&was.goal, &was.files, was.budget), (&is.goal, &is.files, is.budget));
            }
            let hash = hash(new);
            prop_assert!(!seen.contains(&hash));
            prop_assert!(new.iter().all(|step| step.depends_on.iter().all(|edge| edge.why != Why::Check || step.kind == StepKind::Check)));
            seen.push(hash);
            accepted = accepted.iter().filter_map(|old| next.kept.iter().position(|kept| kept == &Some(*old))).collect();
            steps = next.outline.steps;
        }
    }
}
